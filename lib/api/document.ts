/** A JSON object, whatever its fields. */
export type Document = { readonly [field: string]: unknown };

/**
 * Tells whether a value parsed from JSON is an object: not an array, not null.
 *
 * @example
 * ```ts
 * import { assertEquals } from "@std/assert";
 *
 * assertEquals(["{}", "[]", "null", '"a"'].map((text) => isDocument(JSON.parse(text))), [
 *   true,
 *   false,
 *   false,
 *   false,
 * ]);
 * ```
 */
export function isDocument(value: unknown): value is Document {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
