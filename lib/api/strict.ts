/** What `?_strict` asks for: nothing is ignored, and nothing is stored that the table does not know. */
import { findMismatch } from "./check.ts";
import type { Document } from "./document.ts";
import { Problem } from "./problem.ts";
import { resources } from "./resources.ts";
import type { FieldType } from "./resources.ts";

/**
 * Checks a document that is to be stored against the table of resources; of others nothing is known.
 *
 * @param given Fields that may be missing: the id, what the URL says, for PATCH all.
 * @throws {Problem} 422 with the path of each field that is unknown, missing or of another type.
 *
 * @example
 * ```ts
 * import { assertThrows } from "@std/assert";
 *
 * assertThrows(
 *   () => checkDocument("albums", { userId: "1", titel: "a" }, (field) => field === "id"),
 *   Error,
 *   "body.userId: expected integer, got string",
 * );
 * ```
 */
export function checkDocument(
  kind: string,
  document: Document,
  given: (field: string) => boolean,
): void {
  const types = Object.entries(resources).find(([name]) => name === kind)?.[1]
    .fields;
  if (types === undefined) return;
  const known = Object.entries<FieldType>(types);
  const errors = [
    ...known
      .filter(([field]) => Object.hasOwn(document, field) || !given(field))
      .map(([field, type]) =>
        findMismatch(document[field], type, `body.${field}`)
      ),
    ...Object.keys(document)
      .filter((field) => !Object.hasOwn(types, field))
      .map((field) => `body.${field}: there is no such field`),
  ].filter((error) => error !== undefined);
  if (errors.length > 0) {
    throw new Problem(422, `Cannot store the body: ${errors[0]}`, { errors });
  }
}
