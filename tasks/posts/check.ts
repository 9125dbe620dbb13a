/**
 * Whether an API's posts have the fields that posts have.
 *
 * @module
 */

import { Failure } from "../../lib/cli/errors.ts";
import type { Document } from "../api/store/document.ts";
import {
  type FieldType,
  findMismatch,
  resources,
} from "../api/store/schema.ts";

/**
 * Makes a check of documents that came from an API: the fields that are needed must be there, and each field that
 * the table of resources knows must be of its type.
 *
 * @param needed The fields to look at; all that the table knows unless given.
 * @returns The check: of a document and its place in the list.
 */
export function createShapeCheck(
  needed?: readonly string[],
): (document: Document, at: number) => void {
  const known: { readonly [field: string]: FieldType } = resources.posts.fields;
  const fields = needed ?? Object.keys(known);
  const types = Object.fromEntries(
    fields.flatMap((field) =>
      known[field] === undefined ? [] : [[field, known[field]]]
    ),
  );
  return (document, at) => {
    const place = `posts[${at}]`;
    const missing = fields.find((field) =>
      types[field] === undefined && !Object.hasOwn(document, field)
    );
    const mismatch = findMismatch(document, types, place) ??
      (missing === undefined
        ? undefined
        : `${place}.${missing}: expected a value, got nothing`);
    if (mismatch !== undefined) {
      throw new Failure(`Cannot list posts: ${mismatch}`, {
        hint: "--loose takes answers of any shape",
      });
    }
  };
}

/**
 * Checks that each field which was asked for is one of some document: one that none has is most likely mistyped.
 *
 * @param documents The first documents that came; where there are none, nothing is known.
 * @throws {Failure} `Cannot list posts: no post has a field "titel"`, with the fields that there are.
 */
export async function checkFields(
  fields: readonly string[],
  documents: readonly Document[],
): Promise<void> {
  const known = [...new Set(documents.flatMap(Object.keys))];
  const strange = fields.find((field) => !known.includes(field));
  if (documents.length === 0 || strange === undefined) return;
  const { nearest } = await import("../../lib/cli/help.ts");
  const near = nearest(strange, known);
  const all = `the fields are ${known.join(", ")}`;
  throw new Failure(`Cannot list posts: no post has a field "${strange}"`, {
    hint: near === undefined ? all : `did you mean ${near}? ${all}`,
  });
}
