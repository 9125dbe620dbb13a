/**
 * What a store holds, as JSON Schema (2020-12): for people on the page, for programs in OpenAPI.
 *
 * @module
 */

import { isDocument } from "../store/document.ts";
import { rename } from "../store/naming.ts";
import { parseQuery } from "../store/query.ts";
import {
  fieldsOf,
  type FieldType,
  findMismatch,
  typeOf,
} from "../store/schema.ts";
import type { Resource, Store } from "../store/store.ts";

/** The part of JSON Schema that describes documents. */
export type Schema = {
  /** The JSON types that a value may have; nothing where it may have any. */
  readonly type?: string | readonly string[];
  /** The fields of an object. */
  readonly properties?: { readonly [field: string]: Schema };
  /** The fields that are never missing. */
  readonly required?: readonly string[];
};

/** A resource of a store, and what it holds. */
export interface Described extends Resource {
  /** How many documents it holds. */
  readonly total: number;
  /** What its documents look like. */
  readonly schema: Schema;
}

/** Enough to see what a resource looks like, few enough to read on each request. */
const sample = parseQuery(new URLSearchParams("_start=0&_end=20"));

/**
 * Describes what a store holds: each resource as the table of resources has it, where its first 20
 * documents agree; else as those documents are.
 */
export async function describe(store: Store): Promise<readonly Described[]> {
  const resources = await store.resources();
  return await Promise.all(resources.map(async ({ name, single }) => {
    const list = await store.list(name, sample);
    const found: unknown = JSON.parse(list?.json ?? "[]");
    const documents = Array.isArray(found) ? found : [found];
    const usual = fieldsOf(name);
    const fields = usual && rename(usual, store.naming);
    const isTable = fields !== undefined && !single &&
      documents.every((each) => findMismatch(each, fields, name) === undefined);
    const schema = isTable
      ? schemaOfType(fields)
      : { type: "object", ...schemaOf(documents) };
    return { name, single, total: single ? 1 : list?.total ?? 0, schema };
  }));
}

/** Finds the schema that all of some values meet. */
export function schemaOf(values: readonly unknown[]): Schema {
  const [first, ...others] = new Set(values.map(typeOf));
  if (first === undefined) return {};
  const type = others.length === 0 ? first : [first, ...others];
  const documents = values.filter(isDocument);
  if (documents.length === 0) return { type };
  const fields = [...new Set(documents.flatMap(Object.keys))];
  const found = (field: string) =>
    documents.filter((each) => Object.hasOwn(each, field))
      .map((each) => each[field]);
  return {
    type,
    properties: Object.fromEntries(
      fields.map((field) => [field, schemaOf(found(field))]),
    ),
    required: fields.filter((field) =>
      found(field).length === documents.length
    ),
  };
}

function schemaOfType(type: FieldType): Schema {
  if (typeof type === "string") return { type };
  const entries = Object.entries(type);
  return {
    type: "object",
    properties: Object.fromEntries(
      entries.map(([field, own]) => [field, schemaOfType(own)]),
    ),
    required: entries.map(([field]) => field),
  };
}
