/** What a URL of the api means. */
import { Problem } from "./problem.ts";
import { foreignKeyOf } from "./resources.ts";

/** A resource, or one of its documents. */
export interface Target {
  /** The resource's name: `comments` in `/comments`, in `/comments/1` and in `/posts/1/comments`. */
  readonly kind: string;
  /** The document's id in `/comments/1`; nothing where the resource is meant. */
  readonly id?: string;
  /** The field and value by which the documents in `/posts/1/comments` refer to the post. */
  readonly parent: readonly (readonly [field: string, id: string])[];
}

/**
 * Reads the path of a URL.
 *
 * @returns What is meant, or nothing when the path has another form.
 * @throws {Problem} 400 when the path is not percent-encoded UTF-8.
 *
 * @example
 * ```ts
 * import { assertEquals } from "@std/assert";
 *
 * assertEquals(parseTarget("/posts/1"), { kind: "posts", id: "1", parent: [] });
 * assertEquals(parseTarget("/posts/1/comments"), { kind: "comments", parent: [["postId", "1"]] });
 * assertEquals(parseTarget("/a/b/c/d"), undefined);
 * ```
 */
export function parseTarget(pathname: string): Target | undefined {
  const [kind = "", id, child, ...rest] = pathname.replace(/\/$/, "").slice(1)
    .split("/").map(decode);
  if (rest.length > 0) return;
  if (id === undefined) return { kind, parent: [] };
  if (child === undefined) return { kind, id, parent: [] };
  return { kind: child, parent: [[foreignKeyOf(kind), id]] };
}

function decode(segment: string): string {
  try {
    return decodeURIComponent(segment);
  } catch {
    throw new Problem(
      400,
      `Cannot read the path segment "${segment}": it is not percent-encoded UTF-8`,
    );
  }
}
