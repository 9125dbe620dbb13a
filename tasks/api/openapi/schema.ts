/**
 * What a store holds, as JSON Schema (2020-12): for people on the page, for programs in OpenAPI.
 *
 * @module
 */

import { type Document, isDocument } from "../store/document.ts";
import { type Naming, rename } from "../store/naming.ts";
import { Problem } from "../store/problem.ts";
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
  /** Stands where there are no other fields. */
  readonly additionalProperties?: false;
  /** The elements of a list. */
  readonly items?: Schema;
  /** What a value is one of, where no list of types says it. */
  readonly anyOf?: readonly Schema[];
};

/** A resource of a store, and what it holds. */
export interface Described extends Resource {
  /** How many documents it holds. */
  readonly total: number;
  /** What its documents look like. */
  readonly schema: Schema;
  /** What `_strict` lets in. */
  readonly strict: Schema;
  /** One of its documents; nothing where it has none, or long ones only. */
  readonly example?: Document;
  /** The id of its first document. */
  readonly firstId: unknown;
  /** The number that its next document gets as an id; nothing where that will be a text. */
  readonly nextId: number | undefined;
}

/** Enough to see what a resource looks like, few enough to read on each request. */
const SAMPLE = 20;
const LONGEST_EXAMPLE = 2000;

/** So many documents are read to say what all are like; of many resources some of each. */
const MOST_READ = 20_000;
const MOST_OF_ONE = 1000;
/** So many resources are described: nobody reads of more, and all would wait while it is written. */
export const MOST_SHOWN = 1000;

/** How many documents of each resource are looked at to describe all that they may hold. */
export function sampleSize({ length }: readonly Resource[]): number {
  const shown = Math.max(1, Math.min(length, MOST_SHOWN));
  return Math.min(Math.ceil(MOST_READ / shown), MOST_OF_ONE);
}

/**
 * Describes what a store holds: each resource as its first documents are.
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
    const example = documents.slice(0, SAMPLE).find((each) =>
      isDocument(each) && JSON.stringify(each).length <= LONGEST_EXAMPLE
    );
    const schema = { type: "object", ...schemaOf(documents) };
    const total = single ? 1 : list?.total ?? 0;
    const [firstId] = documents.flatMap((each) =>
      isDocument(each) ? each[store.naming.id] ?? [] : []
    );
    const nextId = single ? undefined : store.nextId(name);
    return {
      name,
      single,
      total,
      schema,
      strict: strictOf(name, documents, schema, store.naming),
      ...example && { example },
      firstId,
      nextId: typeof nextId === "number" ? nextId : undefined,
    };
  });
}

/**
 * Says what `_strict` lets in: what documents have now. Those that are JSONPlaceholder's stay so whatever else was
 * written beside them.
 */
function strictOf(
  resource: string,
  documents: readonly unknown[],
  schema: Schema,
  naming: Naming,
): Schema {
  const fields = fieldsOf(resource);
  if (fields !== undefined) {
    const usual = rename(fields, naming);
    const table = close(schemaOfType(usual), naming);
    const like = documents.filter((each) =>
      findMismatch(each, usual, "") === undefined
    );
    const isTheirs = like.length > 0 && like.length * 2 >= documents.length &&
      like.every((each) => findError(each, table, "") === undefined);
    if (isTheirs) return table;
  }
  return close(schema, naming);
}

/** Leaves out of a schema what values have by chance: that one was always null, that all numbers were whole. */
function close(schema: Schema, naming: Naming, isInner = false): Schema {
  const { type, properties, required = [], items, anyOf } = schema;
  const own = type === undefined ? {} : { type };
  if (anyOf) return { anyOf: anyOf.map((each) => close(each, naming, true)) };
  if (type === "null") return {};
  const fields = Object.entries(properties ?? {});
  if (items !== undefined) {
    return { ...own, items: close(withFractions(items), naming, true) };
  }
  if (fields.length === 0) return own;
  const closed = fields.map(([field, own]) => {
    const isKey = field === naming.id || field.endsWith(naming.suffix);
    return [field, close(isKey ? own : withFractions(own), naming, true)];
  });
  // an object whose fields differ from document to document may have others too
  const isOpen = isInner && required.length < fields.length;
  return {
    ...own,
    properties: Object.fromEntries(closed),
    required: isInner
      ? required
      : required.filter((field) => field !== naming.id),
    ...!isOpen && { additionalProperties: false },
  };
}

/** Finds the first place where a value is not what a schema says. */
function findError(
  value: unknown,
  schema: Schema,
  path: string,
): string | undefined {
  const { type, properties = {}, required = [], items, anyOf } = schema;
  const found = typeOf(value);
  const types = [type ?? []].flat();
  const fits = (types: readonly string[]) =>
    types.length === 0 || types.includes(found) ||
    found === "integer" && types.includes("number");
  if (anyOf !== undefined) {
    const own = anyOf.filter((each) => fits([each.type ?? []].flat()));
    const errors = own.map((each) => findError(value, each, path));
    if (own.length > 0) {
      return errors.includes(undefined) ? undefined : errors[0];
    }
  }
  if (anyOf !== undefined || value === undefined || !fits(types)) {
    return `${path}: expected ${nameType(schema)}, got ${found}`;
  }
  if (Array.isArray(value)) {
    return items && Iterator.from(value)
      .map((each, at) => findError(each, items, `${path}[${at}]`))
      .find((error) => error !== undefined);
  }
  if (!isDocument(value)) return;
  for (const [field, own] of Object.entries(properties)) {
    if (!Object.hasOwn(value, field) && !required.includes(field)) continue;
    const inner = Object.hasOwn(value, field) ? value[field] : undefined;
    const error = findError(inner, own, `${path}.${field}`);
    if (error !== undefined) return error;
  }
  const unknown = schema.additionalProperties === false &&
    Object.keys(value).find((field) => !Object.hasOwn(properties, field));
  if (typeof unknown === "string") {
    return `${path}.${unknown}: there is no such field`;
  }
}

function nameType({ type, anyOf }: Schema): string {
  const types = anyOf?.flatMap(({ type }) => type ?? []) ?? [type ?? []].flat();
  return types.length === 0 ? "any value" : [...new Set(types)].join(" or ");
}

/**
 * What may be written, and be there then: any of the fields, and text in the place of a number, as a form has it and
 * a path like `/posts/1/comments`. Of what was always null nothing is known.
 */
export function writable(schema: Schema, naming: Naming): Schema {
  const { type, properties, items, anyOf } = schema;
  if (anyOf) return { anyOf: anyOf.map((each) => writable(each, naming)) };
  if (properties !== undefined) {
    const fields = Object.entries(properties).map(([field, own]) => {
      const isKey = field === naming.id || field.endsWith(naming.suffix);
      return [field, writable(isKey ? own : withFractions(own), naming)];
    });
    return { ...type && { type }, properties: Object.fromEntries(fields) };
  }
  if (items) {
    return { ...schema, items: writable(withFractions(items), naming) };
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
  return { ...schema, type: typesOf([...new Set(numbers)]) };
}

/** Writes one type as itself: not all that read schemas know lists of them. */
function typesOf(types: readonly string[]): string | readonly string[] {
  const [first, ...others] = types;
  return first === undefined || others.length > 0 ? types : first;
}

/** What can be read: as it may be written, with its id where all have one, which is of the type that is there. */
export function readable(schema: Schema, naming: Naming): Schema {
  const { properties, ...rest } = writable(schema, naming);
  const required = schema.required?.filter((field) => field === naming.id);
  const id = schema.properties?.[naming.id];
  return {
    ...rest,
    ...properties && {
      properties: { ...properties, ...id && { [naming.id]: id } },
    },
    ...required?.length && { required },
  };
}

/** What may be sent for a document: the api gives it its id. */
export function sendable(
  { schema, single }: Described,
  naming: Naming,
): Schema {
  const whole = writable(schema, naming);
  return single || whole.properties === undefined
    ? whole
    : { ...whole, properties: withoutId(whole.properties, naming) };
}

/** Leaves out of a document's fields that of its id. */
export function withoutId<Value>(
  fields: { readonly [field: string]: Value },
  naming: Naming,
): { readonly [field: string]: Value } {
  const { [naming.id]: _id, ...others } = fields;
  return others;
}

/** A field that a query can name, and whether it is in a list. */
type Scalar = readonly [
  path: string,
  schema: Schema,
  isListed: boolean,
];

/** The fields that a query can name, those of nested objects with dots; a list stands for its elements. */
export function scalarsOf(
  schema: Schema,
  prefix = "",
  isListed = false,
): Scalar[] {
  return Object.entries(schema.properties ?? {}).flatMap(
    ([field, own]): Scalar[] => {
      const one = own.items ?? own;
      const isInList = isListed || one !== own;
      if (one.properties) return scalarsOf(one, `${prefix}${field}.`, isInList);
      return one.anyOf || one.items ? [] : [[prefix + field, one, isInList]];
    },
  );
}

/** Finds the schema that all of some values meet. */
export function schemaOf(values: readonly unknown[]): Schema {
  const groups = Map.groupBy(values, typeOf);
  const types = [...groups.keys()];
  if (types.length === 0) return {};
  const lists = groups.get("array")?.filter(Array.isArray) ?? [];
  const documents = groups.get("object")?.filter(isDocument) ?? [];
  const inner = {
    ...lists.length > 0 && { items: schemaOf(lists.flat()) },
    ...documents.length > 0 && fieldsOfAll(documents),
  };
  const known = types.filter((type) => type !== "null");
  if (known.length < 2 || lists.length + documents.length === 0) {
    return { type: typesOf(types), ...inner };
  }
  const scalars = types.filter((type) => !/^(array|object)$/.test(type));
  return {
    anyOf: [
      ...scalars.length > 0 ? [schemaOf(scalars.map(firstOf))] : [],
      ...lists.length > 0 ? [schemaOf(lists)] : [],
      ...documents.length > 0 ? [schemaOf(documents)] : [],
    ],
  };

  function firstOf(type: string): unknown {
    return groups.get(type)?.[0];
  }
}

function fieldsOfAll(documents: readonly Document[]): Schema {
  const found = new Map<string, unknown[]>();
  for (const document of documents) {
    for (const [field, value] of Object.entries(document)) {
      const values = found.get(field);
      if (values === undefined) found.set(field, [value]);
      else values.push(value);
    }
  }
  return {
    properties: Object.fromEntries(
      found.entries().map(([field, values]) => [field, schemaOf(values)]),
    ),
    required: [...found.keys()].filter((field) =>
      found.get(field)?.length === documents.length
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

/**
 * Checks a document.
 *
 * @param isGiven Tells which fields may be missing: the id, what the URL says, for PATCH all.
 * @throws {Problem} 422 with the path of each field that is unknown, missing or of another type.
 */
type Check = (document: Document, isGiven: (field: string) => boolean) => void;

interface Known {
  readonly version: number;
  readonly schemas: Map<string, Schema>;
}

const known = new WeakMap<Store, Known>();

/** Makes the check of a resource as it is now. Where it has no documents nothing is known of them. */
export function createCheck(store: Store, resource: string): Check {
  const { properties = {}, required = [] } = strictSchema(store, resource);
  const fields = Object.entries(properties);
  if (fields.length === 0) return () => {};
  return (document, isGiven) => {
    const errors = [
      ...fields.filter(([field]) =>
        Object.hasOwn(document, field) ||
        required.includes(field) && !isGiven(field)
      ).map(([field, own]) => findError(document[field], own, `body.${field}`)),
      ...Object.keys(document)
        .filter((field) => !Object.hasOwn(properties, field))
        .map((field) => `body.${field}: there is no such field`),
    ].filter((error) => error !== undefined);
    if (errors.length === 0) return;
    throw new Problem(422, `Cannot store the body: ${errors[0]}`, { errors });
  };
}

/** Describes a resource once until the next write. */
function strictSchema(store: Store, resource: string): Schema {
  const version = store.version();
  const kept = known.get(store);
  const { schemas } = kept?.version === version
    ? kept
    : { schemas: new Map<string, Schema>() };
  known.set(store, { version, schemas });
  const found = schemas.get(resource);
  if (found !== undefined) return found;
  const all = store.resources();
  const own = all.filter(({ name }) => name === resource);
  const [described] = describe(store, own, sampleSize(all));
  const schema = described?.strict ?? {};
  schemas.set(resource, schema);
  return schema;
}
