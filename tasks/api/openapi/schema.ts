/**
 * What a store holds, as JSON Schema (2020-12): for people on the page, for programs in OpenAPI.
 *
 * @module
 */

import { isDocument } from "../store/document.ts";
import { type Naming, rename } from "../store/naming.ts";
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
const SAMPLE = 20;

/**
 * Describes what a store holds: each resource as the table of resources has it, where its first documents agree; else
 * as those documents are.
 *
 * @param resources Those to describe.
 * @param most How many documents of each are looked at.
 */
export function describe(
  store: Store,
  resources: readonly Resource[] = store.resources(),
  most = SAMPLE,
): readonly Described[] {
  const params = new URLSearchParams({ _start: "0", _end: `${most}` });
  const sample = parseQuery(params);
  return resources.map(({ name, single }) => {
    const list = store.list(name, sample);
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
  });
}

/**
 * What may be written, and be there then: any of the fields, and text in the place of a number, as a form has it and
 * a path like `/posts/1/comments`. Of what was always null nothing is known.
 */
export function writable(schema: Schema, naming: Naming): Schema {
  const { type, properties } = schema;
  if (properties !== undefined) {
    const fields = Object.entries(properties).map(([field, own]) => {
      const isKey = field === naming.id || field.endsWith(naming.suffix);
      return [field, writable(isKey ? own : withFractions(own), naming)];
    });
    return { ...type && { type }, properties: Object.fromEntries(fields) };
  }
  const types = [type ?? []].flat();
  const isScalar = types.some((each) => SCALARS.includes(each));
  if (types.every((each) => each === "null")) return {};
  return !isScalar || types.includes("string")
    ? schema
    : { type: [...types, "string"] };
}

const SCALARS = ["integer", "number", "boolean"];

/** A price of 10 may become one of 9.5. */
function withFractions(schema: Schema): Schema {
  const types = [schema.type ?? []].flat();
  if (!types.includes("integer")) return schema;
  const numbers = types.map((type) => type === "integer" ? "number" : type);
  return { ...schema, type: [...new Set(numbers)] };
}

/** What can be read: as it may be written, with its id where all have one. */
export function readable(schema: Schema, naming: Naming): Schema {
  const required = schema.required?.filter((field) => field === naming.id);
  return { ...writable(schema, naming), ...required?.length && { required } };
}

/** The fields that a query can name, those of nested objects with dots. */
export function scalarsOf(schema: Schema, prefix = ""): [string, Schema][] {
  return Object.entries(schema.properties ?? {}).flatMap(([field, own]) =>
    own.properties
      ? scalarsOf(own, `${prefix}${field}.`)
      : own.type === "array"
      ? []
      : [[prefix + field, own]]
  );
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
