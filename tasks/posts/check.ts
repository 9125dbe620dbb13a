import { Failure } from "../../lib/cli/errors.ts";
import type { Document } from "../api/store/document.ts";
import {
  type FieldType,
  findMismatch,
  type ResourceName,
  resources,
} from "../api/store/schema.ts";

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
  const { nearest } = await import("../../lib/cli/help.ts");
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
