/** What a list is asked for: the query language of json-server 0.17, as far as it is spoken here. */

/** One condition on a field: it holds where the field equals any of the values. */
export interface Filter {
  /** The field's name; dots lead into nested objects: `address.city`. */
  readonly path: string;
  /** The values as a URL writes them; `1` matches both the number 1 and the string "1". */
  readonly values: readonly string[];
}

/** Which documents of a resource are asked for. */
export interface Query {
  /** Conditions that must all hold. One on a field that no document has is left out. */
  readonly filters: readonly Filter[];
}

/**
 * Reads a URL's query: a repeated key means either value.
 *
 * @example
 * ```ts
 * import { assertEquals } from "@std/assert";
 *
 * assertEquals(parseQuery(new URLSearchParams("userId=1&userId=2&id=3")), {
 *   filters: [{ path: "userId", values: ["1", "2"] }, { path: "id", values: ["3"] }],
 * });
 * ```
 */
export function parseQuery(params: URLSearchParams): Query {
  const paths = new Set(params.keys());
  const filters = Array.from(
    paths,
    (path) => ({ path, values: params.getAll(path) }),
  );
  return { filters };
}
