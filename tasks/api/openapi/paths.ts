/**
 * The paths of a resource in an OpenAPI document, and what can be done at each.
 *
 * @module
 */

import type { Document } from "../store/document.ts";
import { foreignKeyOf, type Naming } from "../store/naming.ts";
import {
  anyQuery,
  arrayOf,
  bodyOf,
  contentOf,
  deleteQuery,
  headers,
  idOf,
  inputOf,
  listSchema,
  type Named,
  object,
  ok,
  oneQuery,
  queryOf,
  readContent,
  refTo,
  text,
  writeQuery,
} from "./components.ts";
import { withoutId } from "./schema.ts";

/** The resources whose documents may refer to another, by the field that does: `postId`. */
type Children = ReadonlyMap<string, readonly Named[]>;

/** Finds the resources whose documents may refer to another. */
export function childrenOf(resources: readonly Named[]): Children {
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
  resource: Named,
  children: Children,
  naming: Naming,
): [path: string, item: Document][] {
  const { name, single, key } = resource;
  const path = `/${encodeURIComponent(name)}`;
  const operation = (verb: string, summary: string, rest: Document) => ({
    operationId: `${verb}_${key}`,
    tags: [name],
    summary,
    ...rest,
  });
  const what = single ? "the object" : "a document";
  const found = single ? "The object" : "The document";
  const content = contentOf(refTo(resource));
  const id = single ? [] : [idOf(resource, naming)];
  const change = {
    parameters: [...id, ...writeQuery],
    ...bodyOf(inputOf(resource), exampleOf(resource, naming)),
    ...ok(found, content),
  };
  const parameters = [...id, ...oneQuery];
  const methods = {
    get: operation("get", `Get ${what}`, {
      parameters,
      ...ok(found, { ...readContent(refTo(resource)), ...events }, ["ETag"]),
    }),
    head: operation("head", `Get the headers of ${what}`, {
      parameters,
      ...headers,
    }),
    put: operation("replace", `Replace ${what}`, change),
    patch: operation("change", `Change fields of ${what}`, change),
  };
  if (single) {
    const post = { ...change, ...ok(found, content, [], "201") };
    return [[path, {
      parameters: anyQuery,
      ...methods,
      post: operation("create", "Replace the object", post),
    }]];
  }
  /** What can be done with a list, this one or one below a document. */
  const list = (
    child: Named,
    which: string,
    that: string,
    given: readonly string[],
  ) => {
    const below = given.length > 0 ? id : [];
    const parameters = [...below, ...queryOf(child, given)];
    return {
      parameters: anyQuery,
      get: operation(`list${which}`, `Find documents${that}`, {
        parameters,
        ...ok("The documents", listContent(child), LIST_HEADERS),
      }),
      head: operation(
        `head${which || "_list"}`,
        `Count documents${that}`,
        { parameters: below, ...headers },
      ),
      post: operation(
        `create${which}`,
        `Add a document${that}, or all of an array`,
        {
          parameters: [...below, ...writeQuery],
          ...createIn(child, naming, below.length > 0),
        },
      ),
    };
  };
  const foreignKey = foreignKeyOf(name, naming);
  return [
    [path, list(resource, "", "", [])],
    [`${path}/{id}`, {
      parameters: anyQuery,
      ...methods,
      delete: operation(
        "delete",
        "Delete a document, and those that refer to it",
        {
          parameters: [idOf(resource, naming, true), ...deleteQuery],
          ...ok("Nothing is left", contentOf(object), ["X-Deleted"]),
        },
      ),
    }],
    ...(children.get(foreignKey) ?? [])
      .map((child): [string, Document] => [
        `${path}/{id}/${encodeURIComponent(child.name)}`,
        list(
          child,
          `_${child.key}_of`,
          ` of ${child.name} that refer to it`,
          ["id", foreignKey],
        ),
      ]),
  ];
}

const LIST_HEADERS = ["X-Total-Count", "Link", "X-Ignored-Query", "ETag"];

/** The changes, for who accepts them. */
const events = contentOf(text, "text/event-stream");

function listContent(resource: Named): Document {
  return { ...readContent(listSchema(resource)), ...events };
}

/** A document to write: to put it in its own place changes nothing. */
function exampleOf(
  { example, single }: Named,
  naming: Naming,
): { readonly document?: Document } {
  if (example === undefined) return {};
  const value = single ? example : withoutId(example, naming);
  return { document: { value } };
}

/** An array without documents adds none: it comes first where no other example would delete what was added. */
function createIn(
  resource: Named,
  naming: Naming,
  isBelow: boolean,
): Document {
  const oneOrAll = (schema: Document) => ({
    oneOf: [schema, arrayOf(schema)],
  });
  const none = { none: { value: [] } };
  const isKept = isBelow || resource.nextId === undefined;
  const examples = {
    ...isKept && none,
    ...exampleOf(resource, naming),
  };
  return {
    ...bodyOf(oneOrAll(inputOf(resource)), examples),
    ...ok(
      "What was added",
      contentOf(oneOrAll(refTo(resource))),
      ["Location"],
      "201",
    ),
  };
}
