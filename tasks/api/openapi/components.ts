/**
 * The parts of an OpenAPI document to which its paths refer: schemas, parameters, headers, and responses that all have.
 *
 * @module
 */

import type { Document } from "../store/document.ts";
import { foreignKeyOf, type Naming } from "../store/naming.ts";
import { reservedNames } from "../store/query.ts";
import { createNamer, toIdentifier } from "./names.ts";
import {
  type Described,
  readable,
  scalarsOf,
  type Schema,
  sendable,
  writable,
} from "./schema.ts";

/** A resource under a name of letters, digits and `_`, and what can be asked of its lists. */
export interface Named extends Described {
  /** Its name as a component, and in the names of operations. */
  readonly key: string;
  /** What its fields can be equal to, by name. */
  readonly filters: ReadonlyMap<string, Document>;
  /** Its own parameters, by the names of their components. */
  readonly parameters: ReadonlyMap<string, Document>;
}

const [INPUT, STRICT, PAGE] = ["_input", "_strict", "page"];

export const text = { type: "string" };
export const object = { type: "object" };
const integer = { type: "integer" };
/** What is no number is read as 0, and named in X-Ignored-Query: it is no error. */
const count = { type: ["integer", "string"] };

/** Its name, its type, what it does, and an example: all of them together change nothing. */
type Parameter = readonly [string, Document, string, string | number];

/** What every list understands. */
const listParameters: readonly Parameter[] = [
  ["q", text, "A text that some value must contain", "a"],
  ["_sort", text, "Fields to sort by: a,b; -a begins with the last", "id"],
  ["_order", text, "asc or desc for each of them", "asc"],
  ["_page", count, "The page, from 1; the answer then has a Link", 1],
  ["_limit", count, "How many documents a page has (10)", 10],
  ["_per_page", count, "As _limit; the page then comes in an object", 10],
  ["_start", count, "The first document, from 0; goes with _end or _limit", 0],
  ["_end", count, "Where to stop: the first document that is left out", 10],
  ["_where", text, "Conditions as JSON", "{}"],
];

/** What a document can come with, in a list or alone. */
const relations: readonly Parameter[] = [
  [
    "_embed",
    text,
    "A resource whose documents refer to these: comments",
    "comments",
  ],
  ["_expand", text, "What these documents refer to: post", "post"],
  ["callback", text, "The function that a script (JSONP) calls", "show"],
];

const strict: readonly Parameter[] = [
  [
    "_strict",
    text,
    "With any value nothing may be unknown: a body must be what the schema NAME_strict says",
    "1",
  ],
];

/** Faults that any request may ask for. */
const faults: readonly Parameter[] = [
  ["_status", count, "Answer with this status, from 400 to 599, instead", 503],
  ["_delay", count, "Answer so many ms later; 200-800 is any time between", 0],
  ["_rate", count, "How often, from 0 to 1", 0],
  ["_seed", count, "Begins the random numbers anew: 7", 7],
  ["_retry-after", count, "Seconds that Retry-After says", 1],
];

const requestHeaders: readonly Parameter[] = [
  [
    "Prefer",
    text,
    "The same faults as a header: status=503, delay=200-800",
    "delay=0",
  ],
  ["If-Match", text, "ETags: of none of them nothing is done (412)", "*"],
  [
    "If-None-Match",
    text,
    "ETags, or * for any: of one of them nothing is sent (304) or done (412)",
    '"none"',
  ],
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
  "ETag": {
    description: "Names the text, for If-Match and If-None-Match",
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
    data: {},
  },
  required: ["data"],
};

const operators: readonly (readonly [
  suffix: string,
  meaning: string,
])[] = [
  ["_ne", "is none of"],
  ["_gte", "is at least"],
  ["_lte", "is at most"],
  ["_gt", "is more than"],
  ["_lt", "is less than"],
  ["_like", "has this pattern"],
];
/** So many fields, of all resources, are described with each operator: each takes some hundred bytes. */
const MOST_COMPARED = 500;

/** Names resources so that code can be generated, and lists what can be asked of each. */
export function nameAll(
  resources: readonly Described[],
  naming: Naming,
): readonly Named[] {
  const toKey = createNamer(["", INPUT, STRICT]);
  let left = MOST_COMPARED;
  return resources.map((resource) => {
    const key = toKey(toIdentifier(resource.name));
    const fields = resource.single
      ? []
      : scalarsOf(writable(resource.schema, naming)).filter(([name]) =>
        !reservedNames.includes(name) && !queryNames.has(name)
      );
    const compared = fields.slice(0, left);
    left -= compared.length;
    const names = new Set(fields.map(([name]) => name));
    const toParameterKey = createNamer();
    const keyOf = (name: string) =>
      `${key}.${toParameterKey(toIdentifier(name))}`;
    const parameters = compared.flatMap(([name, own, isListed]) => [
      ...isListed ? [[keyOf(name), equalTo(name, own)] as const] : [],
      ...operators.filter(([suffix]) => !names.has(name + suffix))
        .map((operator) =>
          [keyOf(name + operator[0]), compareBy(operator, name, own)] as const
        ),
    ]);
    const filters = fields.filter(([, , isListed]) => !isListed)
      .map(([name, own]) => [name, equalTo(name, own)] as const);
    return {
      ...resource,
      key,
      filters: new Map(filters),
      parameters: new Map(parameters),
    };
  });
}

function equalTo(name: string, own: Schema): Document {
  return { name, in: "query", schema: arrayOf(own) };
}

function compareBy(
  [suffix, meaning]: typeof operators[number],
  field: string,
  own: Schema,
): Document {
  const name = field + suffix;
  const schema = { _ne: arrayOf(own), _like: text }[suffix] ?? own;
  return { name, in: "query", description: `${field} ${meaning}`, schema };
}

/**
 * The parameter that leads to a document of a list, with one that is there as its example.
 *
 * @param isNew Whether the example is to be the next document: what deletes takes nothing that is there.
 */
export function idOf(
  { schema, firstId = 1, nextId }: Named,
  naming: Naming,
  isNew = false,
): Document {
  const types = [schema.properties?.[naming.id]?.type ?? "integer"].flat();
  const type = types.every((each) => each === "string")
    ? "string"
    // a path is text: so are the fields that refer to a number
    : [...new Set([...types, "string"])];
  const example = isNew ? nextId ?? "none" : firstId;
  return { name: "id", in: "path", required: true, schema: { type }, example };
}

/** Writes what paths refer to. */
export function componentsOf(
  resources: readonly Named[],
  naming: Naming,
): Document {
  const queries = [...listParameters, ...relations, ...strict, ...faults];
  const { name: list = "comments" } = resources.find(({ single }) => !single) ??
    {};
  const key = foreignKeyOf(list, naming).slice(0, -naming.suffix.length);
  const own = new Map([["_embed", list], ["_expand", key]]);
  const write = (place: string) => (parameter: Parameter) => {
    const [name, schema, description, usual] = parameter;
    const example = own.get(name) ?? usual;
    return [name, { name, in: place, description, schema, example }];
  };
  return {
    schemas: {
      [PAGE]: page,
      ...Object.fromEntries(
        resources.flatMap((resource) => [
          [resource.key, withExample(resource, naming)],
          [resource.key + INPUT, sendable(resource, naming)],
          [resource.key + STRICT, resource.strict],
        ]),
      ),
    },
    parameters: {
      ...Object.fromEntries(queries.map(write("query"))),
      ...Object.fromEntries(requestHeaders.map(write("header"))),
      ...Object.fromEntries(
        resources.flatMap(({ parameters }) => [...parameters]),
      ),
    },
    headers: ownHeaders,
    responses,
  };
}

function withExample(
  { schema, example }: Named,
  naming: Naming,
): Schema & { readonly examples?: readonly Document[] } {
  const whole = readable(schema, naming);
  return { ...whole, ...example && { examples: [example] } };
}

const refer = (part: string) => (key: string): Document => ({
  $ref: `#/components/${part}/${key}`,
});
const toSchema = refer("schemas");
const toParameter = refer("parameters");
const toHeader = refer("headers");
const toResponse = refer("responses");

const refsTo = (parameters: readonly Parameter[]) =>
  parameters.map(([name]) => toParameter(name));

/** The query of one document, of what is written, and of a list, but for what its fields are called. */
export const oneQuery: readonly Document[] = [
  ...refsTo(relations),
  toParameter("If-None-Match"),
];
export const writeQuery: readonly Document[] = [
  ...refsTo(strict),
  ...refsTo(requestHeaders.slice(1)),
];
const listQuery: readonly Document[] = [
  ...refsTo([...listParameters, ...relations, ...strict]),
  toParameter("If-None-Match"),
];
export const deleteQuery: readonly Document[] = refsTo(requestHeaders.slice(1));
/** What any request may have. */
export const anyQuery: readonly Document[] = [
  ...refsTo(faults),
  toParameter("Prefer"),
];

/**
 * The query of a list of a resource.
 *
 * @param given What the path says already.
 */
export function queryOf(
  { filters, parameters }: Named,
  given: readonly string[],
): Document[] {
  return [
    ...Array.from(filters).filter(([name]) => !given.includes(name))
      .map(([, filter]) => filter),
    ...Array.from(parameters.keys(), toParameter),
    ...listQuery,
  ];
}

/** What a list's query calls so is no field. */
const queryNames: ReadonlySet<string> = new Set(
  [...listParameters, ...relations, ...strict, ...faults]
    .map(([name]) => name),
);

/** A list, or with _per_page a page of it. */
export function listSchema(resource: Named): Document {
  const documents = arrayOf(refTo(resource));
  const data = { properties: { data: documents } };
  return { oneOf: [documents, { allOf: [toSchema(PAGE), data] }] };
}

/** What a document of a resource is. */
export function refTo({ key }: Named): Document {
  return toSchema(key);
}

/** What may be sent for a document of a resource. */
export function inputOf({ key }: Named): Document {
  return toSchema(key + INPUT);
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

/**
 * A body of JSON, whatever its type says, or of a form; none is an empty object.
 *
 * @param examples By name: a tool takes the first.
 */
export function bodyOf(schema: Document, examples: Document): Document {
  const content = {
    "application/json": {
      schema,
      ...Object.keys(examples).length > 0 && { examples },
    },
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
