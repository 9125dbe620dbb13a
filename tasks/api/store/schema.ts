/**
 * JSONPlaceholder's six resources in one table: it drives the types, the checks and the seed.
 * Names, order of fields and counts are those of https://jsonplaceholder.typicode.com.
 */

/** What a field holds: a JSON Schema type name, or the fields of a nested object. */
export type FieldType =
  | "integer"
  | "string"
  | "boolean"
  | { readonly [field: string]: FieldType };

/** One resource: how many items the seed makes, and each item's fields in their order. */
export interface Resource {
  /** How many items the seed makes. */
  readonly count: number;
  /** The fields of an item, in the order in which they are written. */
  readonly fields: { readonly [field: string]: FieldType };
}

/** The six resources by name. A field `userId` refers to the `id` of a user. */
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
} as const satisfies { readonly [name: string]: Resource };

/** The name of one of the six resources, as in `/posts`. */
export type ResourceName = keyof typeof resources;

/** Gives the fields of a resource; nothing where its name is not one of the six. */
export function fieldsOf(kind: string): Resource["fields"] | undefined {
  return Object.entries(resources).find(([name]) => name === kind)?.[1].fields;
}

/** The TypeScript type of what a {@linkcode FieldType} describes. */
export type Value<Type extends FieldType> = Type extends "integer" ? number
  : Type extends "string" ? string
  : Type extends "boolean" ? boolean
  : Type extends { readonly [field: string]: FieldType }
    ? { readonly [Field in keyof Type]: Value<Type[Field]> }
  : never;

/** An item of a resource: `Item<"posts">` is `{ userId, id, title, body }`. */
export type Item<Name extends ResourceName> = Value<
  (typeof resources)[Name]["fields"]
>;

/**
 * Names the field by which children refer to an item of a resource, as json-server does: the
 * English singular and `Id`.
 */
export function foreignKeyOf(kind: string): string {
  const singular = kind.replace(/ies$/, "y").replace(/(x|ch|sh|ss)es$/, "$1")
    .replace(/(?<!s|new)s$/, "");
  return singular + "Id";
}
