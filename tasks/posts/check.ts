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

/** Reads a document again, whose numbers may keep their digits: whether one is an integer counts here, not which. */
function withNumbers(document: Document): unknown {
  return JSON.parse(
    JSON.stringify(document),
    (_, value: unknown, { source = "" }: { source?: string } = {}) =>
      typeof value !== "number" ? value : /^-?\d+$/.test(source) ? 0 : 0.5,
  );
}

/**
 * Checks documents that came from an API: the fields that are needed must be there, and each field that the table of
 * resources knows must be of its type.
 *
 * @param first The place of the first of them in the list.
 * @param needed The fields to look at; all that the table knows unless given.
 * @throws {Failure} `Cannot list posts: posts[0].id: expected integer, got string`.
 */
export function checkShapes(
  documents: readonly Document[],
  first: number,
  needed?: readonly string[],
): void {
  const known: { readonly [field: string]: FieldType } = resources.posts.fields;
  const fields = needed ?? Object.keys(known);
  const types = Object.fromEntries(
    fields.flatMap((field) =>
      known[field] === undefined ? [] : [[field, known[field]]]
    ),
  );
  for (const [at, document] of documents.entries()) {
    const place = `posts[${first + at}]`;
    const missing = fields.find((field) =>
      types[field] === undefined && !Object.hasOwn(document, field)
    );
    const wrong = findMismatch(document, types, place) &&
      findMismatch(withNumbers(document), types, place);
    const mismatch = wrong ??
      (missing && `${place}.${missing}: expected a value, got nothing`);
    if (mismatch === undefined) continue;
    throw new Failure(`Cannot list posts: ${mismatch}`, {
      hint: "--loose takes answers of any shape",
    });
  }
}

/** So many fields are named. */
const MOST_NAMES = 30;

/**
 * Checks that each field which was asked for is one of some document: one that none has is most likely mistyped.
 *
 * @param documents The first documents that came; where there are none, nothing is known.
 * @throws {Failure} `Cannot list posts: no post has a field "titel"`, with the fields that there are.
 */
export async function checkFields(
  resource: string,
  fields: readonly string[],
  documents: readonly Document[],
): Promise<void> {
  const known = [...new Set(documents.flatMap(Object.keys))];
  const strange = fields.find((field) => !known.includes(field));
  if (documents.length === 0 || strange === undefined) return;
  const { nearest } = await import("../../lib/cli/nearest.ts");
  const near = nearest(strange, known);
  const more = known.length > MOST_NAMES ? ", and others" : "";
  const all = `the fields are ${known.slice(0, MOST_NAMES).join(", ")}${more}`;
  const what = resource === "posts" ? "post" : "document";
  throw new Failure(
    `Cannot list ${resource}: no ${what} has a field "${strange}"`,
    { hint: near === undefined ? all : `did you mean ${near}? ${all}` },
  );
}
