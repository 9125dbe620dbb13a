/**
 * The parts of an OpenAPI document to which its paths refer: schemas, parameters, headers, and responses that all have.
 *
 * @module
 */

import type { Document } from "../store/document.ts";
import type { Naming } from "../store/naming.ts";
import { type Described, readable, writable } from "./schema.ts";

export const text = { type: "string" };
export const object = { type: "object" };
const integer = { type: "integer" };
/** What is no number is read as 0, and named in X-Ignored-Query: it is no error. */
const count = { type: ["integer", "string"] };

/** What every list understands: the name, its type, and what it does. */
const listParameters: readonly (readonly [string, Document, string])[] = [
  ["q", text, "A text that some value must contain"],
  ["_sort", text, "Fields to sort by: a,b; -a begins with the last"],
  ["_order", text, "asc or desc for each of them"],
  ["_page", count, "The page, from 1; the answer then has a Link"],
  ["_limit", count, "How many documents a page has (10)"],
  ["_per_page", count, "As _limit; the page then comes in an object"],
  ["_start", count, "The first document, from 0; goes with _end or _limit"],
  ["_end", count, "Where to stop: the first document that is left out"],
  ["_where", text, "Conditions as JSON"],
];

/** What a document can come with, in a list or alone. */
const relations: typeof listParameters = [
  ["_embed", text, "A resource whose documents refer to these: comments"],
  ["_expand", text, "What these documents refer to: post"],
  ["callback", text, "The function that a script (JSONP) calls"],
];

const strict: typeof listParameters = [
  ["_strict", text, "With any value nothing may be unknown"],
];

/** What headers say that are not HTTP's own, by name. */
const ownHeaders: Readonly<Record<string, Document>> = {
  "X-Total-Count": {
    description: "How many were found, where only a part was asked for",
    schema: integer,
  },
  "Link": {
    description: "The first, previous, next and last page (RFC 8288)",
    schema: text,
  },
  "X-Ignored-Query": {
    description: "What of the query changed nothing",
    schema: text,
  },
  "Location": { description: "The new document", schema: text },
  "X-Deleted": {
    description: "How many were deleted, with those that referred to it",
    schema: text,
  },
};

const problem = {
  type: "object",
  properties: {
    title: text,
    status: integer,
    detail: text,
    errors: arrayOf(text),
  },
  required: ["status", "detail"],
};

const problemContent = contentOf(problem, "application/problem+json");

const responses = {
  Problem: {
    description:
      "What is wrong (RFC 9457): 400 the query or the body cannot be read, 403 who asks may not, 405 the method is not " +
      "for it, 409 the id is taken, 412 the document is another one, 413 the body is too long, 415 it is of another " +
      "type, 422 it is not what _strict wants, and any fault that was asked for",
    content: problemContent,
  },
  NotFound: {
    description:
      "There is no such resource or document: X-Reason says why, and the content for who asks for a problem",
    headers: { "X-Reason": { schema: text } },
    content: { ...contentOf(object), ...problemContent },
  },
  NotModified: { description: "It is the one of If-None-Match" },
};

const place = { type: ["integer", "null"] };
/** The page of `_per_page`, but for its documents. */
const page = {
  type: "object",
  properties: {
    first: integer,
    prev: place,
    next: place,
    last: integer,
    pages: integer,
    items: integer,
  },
  required: ["data"],
};

/** Writes what paths refer to. */
export function componentsOf(
  resources: readonly Described[],
  naming: Naming,
): Document {
  const parameters = [...listParameters, ...relations, ...strict];
  return {
    schemas: {
      [PAGE]: page,
      ...Object.fromEntries(
        resources.flatMap(({ name, schema }) => [
          [keyOf(name), readable(schema, naming)],
          [keyOf(name) + INPUT, writable(schema, naming)],
        ]),
      ),
    },
    parameters: Object.fromEntries(
      parameters.map(([name, schema, description]) => [
        name,
        { name, in: "query", description, schema },
      ]),
    ),
    headers: ownHeaders,
    responses,
  };
}

const refer = (part: string) => (key: string): Document => ({
  $ref: `#/components/${part}/${key}`,
});
const toSchema = refer("schemas");
const toParameter = refer("parameters");
const toHeader = refer("headers");
const toResponse = refer("responses");

const refsTo = (parameters: typeof listParameters) =>
  parameters.map(([name]) => toParameter(name));

/** The query of one document, of what is written, and of a list, but for what its fields are called. */
export const oneQuery: readonly Document[] = refsTo(relations);
export const writeQuery: readonly Document[] = refsTo(strict);
export const listQuery: readonly Document[] = refsTo([
  ...listParameters,
  ...relations,
  ...strict,
]);
/** What a list's query calls so is no field. */
export const queryNames: ReadonlySet<string> = new Set(
  [...listParameters, ...relations, ...strict].map(([name]) => name),
);

/** No resource is called so here: a name's `_` is followed by a number. */
const [INPUT, PAGE] = ["_input", "_page"];

/** A list, or with _per_page a page of it. */
export function listSchema(resource: Described): Document {
  const documents = arrayOf(refTo(resource));
  const data = { properties: { data: documents } };
  return { oneOf: [documents, { allOf: [toSchema(PAGE), data] }] };
}

/** What a document of a resource is. */
export function refTo({ name }: Described): Document {
  return toSchema(keyOf(name));
}

/** What may be sent for a document of a resource. */
export function inputOf({ name }: Described): Document {
  return toSchema(keyOf(name) + INPUT);
}

/** What is there, or why it is not. */
export function ok(
  description: string,
  content?: Document,
  names: readonly string[] = [],
  status = "200",
): { readonly responses: Document } {
  const found = {
    description,
    ...names.length > 0 && {
      headers: Object.fromEntries(names.map((name) => [name, toHeader(name)])),
    },
    ...content && { content },
  };
  const kept = status === "200" ? same : {};
  return { responses: { [status]: found, ...kept, ...others } };
}

const same = { "304": toResponse("NotModified") };
const others = {
  "404": toResponse("NotFound"),
  default: toResponse("Problem"),
};

/** The headers of what is there. */
export const headers: Document = {
  responses: { "200": { description: "The headers" }, ...same, ...others },
};

/** A body of JSON, whatever its type says, or of a form; none is an empty object. */
export function bodyOf(schema: Document): Document {
  const content = {
    ...contentOf(schema),
    ...contentOf(object, "application/x-www-form-urlencoded"),
    ...contentOf({}, "text/plain"),
  };
  return { requestBody: { content } };
}

/** JSON that is read, or a script that calls with it. */
export function readContent(schema: Document): Document {
  return { ...contentOf(schema), ...contentOf(text, "text/javascript") };
}

export function contentOf(
  schema: Document,
  type = "application/json",
): Document {
  return { [type]: { schema } };
}

export function arrayOf(items: Document): Document {
  return { type: "array", items };
}

/** Writes a resource's name as that of a component, which is letters, digits, `.`, `_` and `-`. */
export function keyOf(name: string): string {
  return name.replace(
    /[^a-zA-Z0-9.-]/g,
    (letter) => `_${letter.charCodeAt(0).toString(16)}`,
  );
}
