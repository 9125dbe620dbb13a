/** A request as the resources of one store see it. */

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

/**
 * Writes a text in a URL or a header: half of a character, which UTF-8 cannot hold, as SQLite stores it.
 *
 * @example
 * ```ts
 * import { assertEquals } from "@std/assert";
 *
 * assertEquals(["a/b", "\ud800"].map(encodePart), ["a%2Fb", "%EF%BF%BD"]);
 * ```
 */
export function encodePart(text: string | number): string {
  return encodeURIComponent(`${text}`.toWellFormed());
}

/**
 * Gives the URL of a document.
 *
 * @param base Where the root or the sandbox is.
 * @param path The resource and the id.
 *
 * @example
 * ```ts
 * import { assertEquals } from "@std/assert";
 *
 * assertEquals(locate("http://localhost:3000", ["posts", 101]), "http://localhost:3000/posts/101");
 * ```
 */
export function locate(
  base: string,
  path: readonly (string | number)[],
): string {
  return [base, ...path.map(encodePart)].join("/");
}
