/**
 * What the api responds to, as an OpenAPI 3.1 document.
 *
 * @module
 */

import config from "../../../deno.json" with { type: "json" };
import { respondOnce } from "../response.ts";
import type { Document } from "../store/document.ts";
import { reservedNames } from "../store/query.ts";
import { foreignKeyOf, type Naming, usualNaming } from "../store/naming.ts";
import type { Store } from "../store/store.ts";
import { describe, type Described, type Schema } from "./schema.ts";

/** The names of json-server that every list understands: their JSON type, and what they do. */
const listParameters: readonly (readonly [string, string, string])[] = [
  ["q", "string", "A text that some value must contain"],
  ["_sort", "string", "Fields to sort by: a,b"],
  ["_order", "string", "asc or desc for each of them"],
  ["_page", "integer", "The page, from 1; the answer then has a Link"],
  ["_limit", "integer", "How many documents a page has (10)"],
  ["_start", "integer", "The first document, from 0; goes with _end or _limit"],
  ["_end", "integer", "Where to stop: the first document that is left out"],
  ["_embed", "string", "A resource whose documents refer to these: comments"],
  ["_expand", "string", "What these documents refer to: post"],
];

const text = { type: "string" };
const integer = { type: "integer" };
const id = { name: "id", in: "path", required: true, schema: text };
const eventsPath = {
  get: {
    operationId: "events",
    summary: "The log of requests, as they are answered",
    responses: {
      "200": {
        description: "Server-sent events",
        ...contentOf(text, "text/event-stream"),
      },
    },
  },
};

const missing = { "404": { description: "There is no such document" } };
const failed = { $ref: "#/components/responses/Problem" };
const problem = {
  description: "What is wrong (RFC 9457)",
  ...contentOf({
    type: "object",
    properties: {
      title: text,
      status: integer,
      detail: text,
      errors: arrayOf(text),
    },
    required: ["title", "status", "detail"],
  }, "application/problem+json"),
};

/** Responds with the OpenAPI document of a store. */
export async function serveOpenApi(
  request: Request,
  store: Store,
): Promise<Response> {
  const { origin, pathname } = new URL(request.url);
  const base = origin + pathname.replace(/\/openapi\.json$/, "");
  const document = describeApi(await describe(store), base, store.naming);
  const text = JSON.stringify(document, null, 2);
  return await respondOnce({ status: 200, text }, request.headers);
}

/**
 * Writes the OpenAPI 3.1 document of some resources.
 *
 * @param base The URL of the root, or of a sandbox, without a slash at its end.
 */
export function describeApi(
  resources: readonly Described[],
  base: string,
  naming = usualNaming,
): Document {
  return {
    openapi: "3.1.0",
    info: {
      title: "hark api",
      version: config.version,
      description:
        "Resources that keep what is written, with the query language of json-server 0.17. Each path is " +
        "also there in private copies of all documents: /@name/posts is made on first use, DELETE /@name resets it.",
    },
    servers: [{ url: base }],
    tags: resources.map(({ name }) => ({ name })),
    paths: {
      "/events": eventsPath,
      ...Object.fromEntries(
        resources.flatMap((resource) => pathsOf(resource, resources, naming)),
      ),
      "/db": dbPath(resources),
    },
    components: {
      schemas: Object.fromEntries(
        resources.map(({ name, schema }) => [keyOf(name), schema]),
      ),
      parameters: Object.fromEntries(
        listParameters.map(([name, type, description]) => [
          name,
          { name, in: "query", description, schema: { type } },
        ]),
      ),
      responses: { Problem: problem },
    },
  };
}

function dbPath(resources: readonly Described[]): Document {
  const properties = Object.fromEntries(resources.map((resource) => [
    resource.name,
    resource.single ? refTo(resource) : arrayOf(refTo(resource)),
  ]));
  const all = ok("All documents", { type: "object", properties });
  return {
    get: { operationId: "dump", summary: "All documents", ...all },
    put: {
      operationId: "load",
      summary: "Put other documents in the place of all, or of none",
      ...bodyOf({ type: "object" }),
      ...all,
    },
  };
}

/** The paths of a resource; among all resources, those whose documents refer to a list's have a path below it. */
function pathsOf(
  resource: Described,
  resources: readonly Described[],
  naming: Naming,
): [path: string, item: Document][] {
  const { name, single, schema } = resource;
  const path = `/${encodeURIComponent(name)}`;
  const operation = (verb: string, summary: string, rest: Document) => ({
    operationId: `${verb}_${keyOf(name)}`,
    tags: [name],
    summary,
    ...rest,
  });
  const [document, input] = [refTo(resource), inputOf(schema)];
  const what = single ? "the object" : "a document";
  const one = single
    ? ok("The object", document)
    : ok("The document", document, missing);
  const change = { ...bodyOf(input), ...one };
  const methods = {
    get: operation("get", `Get ${what}`, one),
    put: operation("replace", `Replace ${what}`, change),
    patch: operation("change", `Change fields of ${what}`, change),
  };
  if (single) return [[path, methods]];
  const children = resources.filter((child) =>
    !child.single && child.schema.properties?.[foreignKeyOf(name, naming)]
  );
  return [
    [path, {
      get: operation("list", "Find documents", listOf(resource)),
      post: operation("create", "Add a document, or all of an array", {
        requestBody: contentOf({ oneOf: [input, arrayOf(input)] }),
        responses: {
          "201": {
            description: "What was added",
            ...contentOf({ oneOf: [document, arrayOf(document)] }),
          },
          "409": { description: "The id is taken" },
          default: failed,
        },
      }),
    }],
    [`${path}/{id}`, {
      parameters: [id],
      ...methods,
      delete: operation(
        "delete",
        "Delete a document, and those that refer to it",
        ok("Nothing is left", { type: "object" }, missing),
      ),
    }],
    ...children.map((child): [string, Document] => [
      `${path}/{id}/${encodeURIComponent(child.name)}`,
      {
        parameters: [id],
        get: operation(
          `list_${keyOf(child.name)}_of`,
          `Find ${child.name} that refer to it`,
          listOf(child),
        ),
      },
    ]),
  ];
}

function listOf(resource: Described): Document {
  const filters = scalarsOf(resource.schema)
    .filter(([name]) => !reservedNames.includes(name));
  return {
    description:
      "A filter may be given more than once: one of its values must match. With _ne, _gte, _lte or _like at the " +
      "end of its name it compares otherwise. One that no document has is named in X-Ignored-Query.",
    parameters: [
      ...filters.map(([name, items]) => ({
        name,
        in: "query",
        schema: arrayOf(items),
      })),
      ...listParameters.map(([name]) => ({
        $ref: `#/components/parameters/${name}`,
      })),
    ],
    responses: {
      "200": {
        description: "The documents",
        ...contentOf(arrayOf(refTo(resource))),
        headers: {
          "X-Total-Count": {
            description: "How many were found, where only a part was asked for",
            schema: integer,
          },
        },
      },
      default: failed,
    },
  };
}

/** The fields that a query can name, those of nested objects with dots. */
function scalarsOf(schema: Schema, prefix = ""): [string, Schema][] {
  return Object.entries(schema.properties ?? {}).flatMap(([field, own]) =>
    own.properties
      ? scalarsOf(own, `${prefix}${field}.`)
      : own.type === "array"
      ? []
      : [[prefix + field, own]]
  );
}

/** What may be sent: any of the fields, none of them must be. */
function inputOf({ properties = {} }: Schema): Schema {
  return { type: "object", properties };
}

/** A 200 of JSON, or a refusal. */
function ok(
  description: string,
  schema: Document,
  others: Document = {},
): Document {
  const response = { description, ...contentOf(schema) };
  return { responses: { "200": response, ...others, default: failed } };
}

function bodyOf(schema: Document): Document {
  return { requestBody: { required: true, ...contentOf(schema) } };
}

function contentOf(schema: Document, type = "application/json"): Document {
  return { content: { [type]: { schema } } };
}

function arrayOf(items: Document): Document {
  return { type: "array", items };
}

function refTo({ name }: Described): Document {
  return { $ref: `#/components/schemas/${keyOf(name)}` };
}

/** Writes a resource's name as that of a component, which is letters, digits, `.`, `_` and `-`. */
function keyOf(name: string): string {
  return name.replace(
    /[^a-zA-Z0-9.-]/g,
    (letter) => `_${letter.charCodeAt(0).toString(16)}`,
  );
}
