/**
 * The paths of a resource in an OpenAPI document, and what can be done at each.
 *
 * @module
 */

import type { Document } from "../store/document.ts";
import { foreignKeyOf, type Naming } from "../store/naming.ts";
import { reservedNames } from "../store/query.ts";
import {
  arrayOf,
  bodyOf,
  contentOf,
  headers,
  inputOf,
  keyOf,
  listQuery,
  listSchema,
  object,
  ok,
  oneQuery,
  queryNames,
  readContent,
  refTo,
  text,
  writeQuery,
} from "./components.ts";
import { type Described, scalarsOf, writable } from "./schema.ts";

const id = { name: "id", in: "path", required: true, schema: text };

/** The resources whose documents may refer to another, by the field that does: `postId`. */
export type Children = ReadonlyMap<string, readonly Described[]>;

/** Finds the resources whose documents may refer to another. */
export function childrenOf(resources: readonly Described[]): Children {
  const pairs = resources.filter(({ single }) => !single).flatMap((child) =>
    Object.keys(child.schema.properties ?? {})
      .map((field) => ({ field, child }))
  );
  const groups = Map.groupBy(pairs, ({ field }) => field);
  return new Map(
    groups.entries().map(([field, found]) => [
      field,
      found.map(({ child }) => child),
    ]),
  );
}

/** The paths of a resource; those whose documents refer to a list's have a path below it. */
export function pathsOf(
  resource: Described,
  children: Children,
  naming: Naming,
): [path: string, item: Document][] {
  const { name, single } = resource;
  const path = `/${encodeURIComponent(name)}`;
  const operation = (verb: string, summary: string, rest: Document) => ({
    operationId: `${verb}_${keyOf(name)}`,
    tags: [name],
    summary,
    ...rest,
  });
  const what = single ? "the object" : "a document";
  const found = single ? "The object" : "The document";
  const content = contentOf(refTo(resource));
  const parameters = single ? [] : oneQuery;
  const change = {
    parameters: writeQuery,
    ...bodyOf(inputOf(resource)),
    ...ok(found, content),
  };
  const methods = {
    get: operation("get", `Get ${what}`, {
      parameters,
      ...ok(found, readContent(refTo(resource))),
    }),
    head: operation("head", `Get the headers of ${what}`, headers),
    put: operation("replace", `Replace ${what}`, change),
    patch: operation("change", `Change fields of ${what}`, change),
  };
  if (single) {
    const post = { ...change, ...ok(found, content, [], "201") };
    return [[path, {
      ...methods,
      post: operation("create", "Replace the object", post),
    }]];
  }
  /** What can be done with a list, this one or one below a document. */
  const list = (child: Described, which: string, that: string) => ({
    get: operation(
      `list${which}`,
      `Find documents${that}`,
      listOf(child, naming),
    ),
    head: operation(
      `head${which || "_list"}`,
      `Count documents${that}`,
      headers,
    ),
    post: operation(
      `create${which}`,
      `Add a document${that}, or all of an array`,
      createIn(child),
    ),
  });
  return [
    [path, list(resource, "", "")],
    [`${path}/{id}`, {
      parameters: [id],
      ...methods,
      delete: operation(
        "delete",
        "Delete a document, and those that refer to it",
        ok("Nothing is left", contentOf(object), ["X-Deleted"]),
      ),
    }],
    ...(children.get(foreignKeyOf(name, naming)) ?? [])
      .map((child): [string, Document] => [
        `${path}/{id}/${encodeURIComponent(child.name)}`,
        {
          parameters: [id],
          ...list(
            child,
            `_${keyOf(child.name)}_of`,
            ` of ${child.name} that refer to it`,
          ),
        },
      ]),
  ];
}

const LIST_HEADERS = ["X-Total-Count", "Link", "X-Ignored-Query"];

/** The query of a list: its fields, and what all lists understand. */
function queryOf({ schema }: Described, naming: Naming): Document[] {
  const filters = scalarsOf(writable(schema, naming)).filter(([name]) =>
    !reservedNames.includes(name) && !queryNames.has(name)
  );
  return [
    ...filters.map(([name, items]) => ({
      name,
      in: "query",
      schema: arrayOf(items),
    })),
    ...listQuery,
  ];
}

function listOf(resource: Described, naming: Naming): Document {
  const content = {
    ...readContent(listSchema(resource)),
    ...contentOf(text, "text/event-stream"),
  };
  return {
    parameters: queryOf(resource, naming),
    ...ok("The documents", content, LIST_HEADERS),
  };
}

function createIn(resource: Described): Document {
  const oneOrAll = (schema: Document) => ({
    oneOf: [schema, arrayOf(schema)],
  });
  return {
    parameters: writeQuery,
    ...bodyOf(oneOrAll(inputOf(resource))),
    ...ok(
      "What was added",
      contentOf(oneOrAll(refTo(resource))),
      ["Location"],
      "201",
    ),
  };
}
