/** The paths of one resource, as OpenAPI describes them. */
import type { Document } from "../store/document.ts";
import { reservedNames } from "../store/query.ts";
import { foreignKeyOf } from "../store/schema.ts";
import { answerOf, contentOf, failed, keyOf, refTo } from "./parts.ts";
import type { Described, Schema } from "./schema.ts";

/** The names of json-server that every list understands: their JSON type, and what they do. */
export const listParameters: readonly (readonly [string, string, string])[] = [
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

const id = {
  name: "id",
  in: "path",
  required: true,
  schema: { type: "string" },
};
const missing = { description: "There is no such document" };

/**
 * Describes the paths of a resource.
 *
 * @param kinds All resources: those whose documents refer to this one's have a path below it.
 */
export function pathsOf(
  kind: Described,
  kinds: readonly Described[],
): [path: string, item: Document][] {
  return kind.single ? pathsOfSingle(kind) : pathsOfList(kind, kinds);
}

function pathsOfList(
  kind: Described,
  kinds: readonly Described[],
): [path: string, item: Document][] {
  const { name, schema } = kind;
  const path = `/${encodeURIComponent(name)}`;
  const operation = operationsOf(kind);
  const one = answerOf("The document", refTo(kind));
  const input = inputOf(schema);
  const change = {
    requestBody: { required: true, ...contentOf(input) },
    responses: { "200": one, "404": missing, default: failed },
  };
  const children = kinds.filter((child) =>
    !child.single && child.schema.properties?.[foreignKeyOf(name)]
  );
  return [
    [path, {
      get: operation("list", "Find documents", listOf(kind)),
      post: operation("create", "Add a document, or all of an array", {
        requestBody: contentOf({
          oneOf: [input, { type: "array", items: input }],
        }),
        responses: {
          "201": answerOf("What was added", {
            oneOf: [refTo(kind), { type: "array", items: refTo(kind) }],
          }),
          "409": { description: "The id is taken" },
          default: failed,
        },
      }),
    }],
    [`${path}/{id}`, {
      parameters: [id],
      get: operation("get", "Get a document", {
        responses: { "200": one, "404": missing, default: failed },
      }),
      put: operation("replace", "Replace a document", change),
      patch: operation("change", "Change fields of a document", change),
      delete: operation(
        "delete",
        "Delete a document, and those that refer to it",
        {
          responses: {
            "200": answerOf("Nothing is left", { type: "object" }),
            "404": missing,
            default: failed,
          },
        },
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

function pathsOfSingle(kind: Described): [path: string, item: Document][] {
  const operation = operationsOf(kind);
  const one = answerOf("The object", refTo(kind));
  const change = {
    requestBody: { required: true, ...contentOf(inputOf(kind.schema)) },
    responses: { "200": one, default: failed },
  };
  return [[`/${encodeURIComponent(kind.name)}`, {
    get: operation("get", "Get the object", {
      responses: { "200": one, default: failed },
    }),
    put: operation("replace", "Replace the object", change),
    patch: operation("change", "Change fields of the object", change),
  }]];
}

function operationsOf({ name }: Described) {
  return (verb: string, summary: string, rest: Document): Document => ({
    operationId: `${verb}_${keyOf(name)}`,
    tags: [name],
    summary,
    ...rest,
  });
}

function listOf(kind: Described): Document {
  const filters = scalarsOf(kind.schema)
    .filter(([name]) => !reservedNames.includes(name));
  return {
    description:
      "A filter may be given more than once: one of its values must match. With _ne, _gte, _lte or _like at the " +
      "end of its name it compares otherwise. One that no document has is named in X-Ignored-Query.",
    parameters: [
      ...filters.map(([name, items]) => ({
        name,
        in: "query",
        schema: { type: "array", items },
      })),
      ...listParameters.map(([name]) => ({
        $ref: `#/components/parameters/${name}`,
      })),
    ],
    responses: {
      "200": {
        ...answerOf("The documents", { type: "array", items: refTo(kind) }),
        headers: {
          "X-Total-Count": {
            description: "How many were found, where only a part was asked for",
            schema: { type: "integer" },
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
