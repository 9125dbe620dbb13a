/**
 * JSONPlaceholder's six resources in one table: it drives the types, the checks and the seed.
 * Names, order of fields and counts are those of https://jsonplaceholder.typicode.com.
 *
 * @module
 */

import { isDocument } from "./document.ts";
import type { Data, Id, Stored } from "./store.ts";

/** What a field holds: a JSON Schema type name, or the fields of a nested object. */
export type FieldType = "integer" | "string" | "boolean" | Fields;

/** The fields of an item, in the order in which they are written. */
export type Fields = { readonly [field: string]: FieldType };

/** The six resources: how many items the seed makes, and their fields. `userId` refers to the `id` of a user. */
export const resources = {
  posts: {
    count: 100,
    fields: {
      userId: "integer",
      id: "integer",
      title: "string",
      body: "string",
    },
  },
  comments: {
    count: 500,
    fields: {
      postId: "integer",
      id: "integer",
      name: "string",
      email: "string",
      body: "string",
    },
  },
  albums: {
    count: 100,
    fields: { userId: "integer", id: "integer", title: "string" },
  },
  photos: {
    count: 5000,
    fields: {
      albumId: "integer",
      id: "integer",
      title: "string",
      url: "string",
      thumbnailUrl: "string",
    },
  },
  users: {
    count: 10,
    fields: {
      id: "integer",
      name: "string",
      username: "string",
      email: "string",
      address: {
        street: "string",
        suite: "string",
        city: "string",
        zipcode: "string",
        geo: { lat: "string", lng: "string" },
      },
      phone: "string",
      website: "string",
      company: { name: "string", catchPhrase: "string", bs: "string" },
    },
  },
  todos: {
    count: 200,
    fields: {
      userId: "integer",
      id: "integer",
      title: "string",
      completed: "boolean",
    },
  },
} as const satisfies {
  readonly [name: string]: { readonly count: number; readonly fields: Fields };
};

/** The name of one of the six resources, as in `/posts`. */
export type ResourceName = keyof typeof resources;

/** Gives the fields of a resource; nothing where its name is not one of the six. */
export function fieldsOf(resource: string): Fields | undefined {
  return new Map(Object.entries(resources)).get(resource)?.fields;
}

/** The TypeScript type of what a {@linkcode FieldType} describes. */
type Value<Type extends FieldType> = Type extends "integer" ? number
  : Type extends "string" ? string
  : Type extends "boolean" ? boolean
  : Type extends Fields ? { readonly [Field in keyof Type]: Value<Type[Field]> }
  : never;

/** An item of a resource: `Item<"posts">` is `{ userId, id, title, body }`. */
export type Item<Name extends ResourceName> = Value<
  (typeof resources)[Name]["fields"]
>;

/**
 * Finds the first place where a value is not what a type says. Fields that the type does not name
 * may hold anything.
 *
 * @param path What the value is called in the reason: `posts[3]`.
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
  return Iterator.from(Object.entries(type)).map(([field, fieldType]) => {
    const own = Object.hasOwn(value, field) ? value[field] : undefined;
    return findMismatch(own, fieldType, `${path}.${field}`);
  }).find((mismatch) => mismatch !== undefined);
}

/** Names the JSON type of a value as JSON Schema does; `nothing` where there is none. */
export function typeOf(value: unknown): string {
  if (value === undefined) return "nothing";
  if (value === null) return "null";
  if (Array.isArray(value)) return "array";
  return Number.isSafeInteger(value) ? "integer" : typeof value;
}

// What names or describes all of them would take seconds.
const maxResources = 1000;

/**
 * Narrows what was parsed from JSON to what a store can load. `$schema` is for editors: it is no resource.
 *
 * @throws {TypeError} When it is not an object of lists and objects, or one has a name that no URL reaches.
 */
export function toData(value: unknown): Data {
  if (!isDocument(value)) {
    throw unloadable("db", 'expected an object of resources, as {"posts": []}');
  }
  const count = Object.keys(value).length;
  if (count > maxResources) {
    throw unloadable("db", `expected at most 1000 resources, got ${count}`);
  }
  const entries = Object.entries(value).flatMap(([resource, documents]) => {
    if (resource === "$schema") return []; // json-server's, for editors
    const why = whyUnreachable(resource);
    if (why !== undefined) throw unloadable(resource, why);
    if (Array.isArray(documents) || isDocument(documents)) {
      return [[resource, documents] as const];
    }
    throw unloadable(resource, "expected a list or an object");
  });
  return Object.fromEntries(entries);
}

// Where the api responds itself.
const ownPaths = ["db", "openapi.json"];

function whyUnreachable(resource: string): string | undefined {
  if (resource === "") return "a name cannot be empty";
  if (!resource.isWellFormed()) return "a name cannot hold half a character";
  const [found] = resource.match(/[/\0]/) ?? [];
  if (found !== undefined) {
    return `a name cannot hold ${found === "/" ? "/" : "NUL"}`;
  }
  if (resource.startsWith("@")) return "/@NAME is a sandbox";
  if (resource === "." || resource === "..") return "no URL leads there";
  if (ownPaths.includes(resource)) return `/${resource} is the api's own path`;
}

/**
 * Reads a list of documents. A document may lack an id, and what is no object has none: then it is in the list, but
 * has no URL.
 *
 * @param resource Its name, for the error.
 * @param idField The field that holds a document's id.
 * @throws {TypeError} When an id is neither a number nor a text, or is taken.
 */
export function readList(
  resource: string,
  documents: readonly unknown[],
  idField = "id",
): Stored[] {
  const ids = new Set<Id>();
  return documents.map((document, index) => {
    const json = JSON.stringify(document, null, 2) ?? "null";
    const id = isDocument(document) && Object.hasOwn(document, idField)
      ? document[idField]
      : undefined;
    if (id === undefined) return { id: null, json };
    const path = `${resource}[${index}].${idField}`;
    if (!isId(id)) throw unloadable(path, "expected a number or a text");
    // SQLite's texts are UTF-8, which knows one half of a character only.
    const stored = typeof id === "string" ? id.toWellFormed() : id;
    if (ids.has(stored)) {
      throw unloadable(path, `${JSON.stringify(id)} is taken`);
    }
    ids.add(stored);
    return { id, json };
  });
}

/** Tells whether a value can be a document's id: a text, or a number that JSON can write. */
export function isId(value: unknown): value is Id {
  return typeof value === "string" || Number.isFinite(value);
}

/** Makes the error of what cannot be loaded, and where it is: `posts[3].id`. */
export function unloadable(path: string, why: string): TypeError {
  return new TypeError(`Cannot load ${JSON.stringify(path)}: ${why}`);
}
