import { Failure } from "../cli/errors.ts";
import { type Document, isDocument } from "./document.ts";
import { type FieldType, type ResourceName, resources } from "./resources.ts";

/**
 * Finds the first place where a value is not what a type says. Fields that the type does not name
 * may hold anything.
 *
 * @param path What the value is called in the answer: `posts[3]`.
 * @returns The place and the reason, or nothing when all is as it should be.
 */
export function findMismatch(
  value: unknown,
  type: FieldType,
  path: string,
): string | undefined {
  const found = typeOf(value);
  if (typeof type === "string") {
    return found === type
      ? undefined
      : `${path}: expected ${type}, got ${found}`;
  }
  if (!isDocument(value)) return `${path}: expected object, got ${found}`;
  for (const [field, fieldType] of Object.entries(type)) {
    const own = Object.hasOwn(value, field) ? value[field] : undefined;
    const mismatch = findMismatch(own, fieldType, `${path}.${field}`);
    if (mismatch !== undefined) return mismatch;
  }
}

/** Names the JSON type of a value as JSON Schema does; `nothing` where there is none. */
export function typeOf(value: unknown): string {
  if (value === undefined) return "nothing";
  if (value === null) return "null";
  if (Array.isArray(value)) return "array";
  return Number.isSafeInteger(value) ? "integer" : typeof value;
}

/**
 * Makes a check of documents that an API answered: the fields that are needed must be there, and each field that
 * the table of resources knows must be of its type.
 *
 * @param name The resource.
 * @param needed The fields to look at; all that the table knows unless given.
 * @returns The check: of a document and its place in the list.
 */
export function createShapeCheck(
  name: ResourceName,
  needed?: readonly string[],
): (document: Document, at: number) => void {
  const known: { readonly [field: string]: FieldType } = resources[name].fields;
  const fields = needed ?? Object.keys(known);
  const types = Object.fromEntries(
    fields.flatMap((field) =>
      known[field] === undefined ? [] : [[field, known[field]]]
    ),
  );
  return (document, at) => {
    const place = `${name}[${at}]`;
    const missing = fields.find((field) =>
      types[field] === undefined && !Object.hasOwn(document, field)
    );
    const mismatch = findMismatch(document, types, place) ??
      (missing === undefined
        ? undefined
        : `${place}.${missing}: expected a value, got nothing`);
    if (mismatch !== undefined) {
      throw new Failure(`Cannot list ${name}: ${mismatch}`, {
        hint: "--loose takes answers of any shape",
      });
    }
  };
}

/**
 * Checks that each field which was asked for is one of some document: one that none has is most likely mistyped.
 *
 * @param name The resource.
 * @param fields The fields.
 * @param documents The first documents that came; where there are none, nothing is known.
 * @throws {Failure} `Cannot list posts: no post has a field "titel"`, with the fields that there are.
 */
export async function checkFields(
  name: ResourceName,
  fields: readonly string[],
  documents: readonly Document[],
): Promise<void> {
  const known = [...new Set(documents.flatMap(Object.keys))];
  const strange = fields.find((field) => !known.includes(field));
  if (documents.length === 0 || strange === undefined) return;
  const { nearest } = await import("../cli/help.ts");
  const near = nearest(strange, known);
  throw new Failure(
    `Cannot list ${name}: no ${name.slice(0, -1)} has a field "${strange}"`,
    {
      hint: near === undefined
        ? `the fields are ${known.join(", ")}`
        : `did you mean ${near}? the fields are ${known.join(", ")}`,
    },
  );
}
