import { Failure } from "../cli/errors.ts";
import { findMismatch } from "./check.ts";
import type { Document } from "./document.ts";
import { type FieldType, type ResourceName, resources } from "./resources.ts";

/**
 * Makes a check of documents that an API answered: the fields that are needed must be there, and each field that
 * the table of resources knows must be of its type.
 *
 * @param name The resource.
 * @param needed The fields to look at; all that the table knows unless given.
 * @returns The check: of a document and its place in the list.
 *
 * @example A title that is no text
 * ```ts
 * import { assertThrows } from "@std/assert";
 *
 * const check = createShapeCheck("posts", ["title"]);
 * assertThrows(() => check({ title: null }, 3), Error, "posts[3].title: expected string, got null");
 * ```
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
