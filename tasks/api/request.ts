/** A request as the resources of one store see it, and what its path means. */
import { percentDecode } from "../../lib/cli/values.ts";
import { Problem } from "./store/problem.ts";
import { foreignKeyOf } from "./store/schema.ts";

/** A request to the root or to a sandbox. */
export interface Call {
  /** The request as it came. */
  readonly request: Request;
  /** What is to be done: X-HTTP-Method-Override may have named another method. */
  readonly method: string;
  /** The path within the root or the sandbox: `/posts/1`, also for `/@name/posts/1`. */
  readonly path: string;
  /** The query, without what is not for the store: `callback`, `_strict`. */
  readonly params: URLSearchParams;
  /** Where the root or the sandbox is: `http://localhost:3000/@name`. */
  readonly base: string;
  /** Whether nothing may be ignored. */
  readonly strict: boolean;
}

/** Writes a text in a URL or a header: half of a character, which UTF-8 cannot hold, as SQLite stores it. */
export function encodePart(text: string | number): string {
  return encodeURIComponent(`${text}`.toWellFormed());
}

/**
 * Gives the URL of a document.
 *
 * @param base Where the root or the sandbox is.
 * @param path The resource and the id.
 */
export function locate(
  base: string,
  path: readonly (string | number)[],
): string {
  return [base, ...path.map(encodePart)].join("/");
}

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
  const text = percentDecode(segment);
  if (text !== undefined) return text;
  throw new Problem(
    400,
    `Cannot read the path segment "${segment}": it is not percent-encoded UTF-8`,
  );
}
