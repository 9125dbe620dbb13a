/**
 * What the api responds to, as an OpenAPI 3.1 document.
 *
 * @module
 */

import config from "../../../deno.json" with { type: "json" };
import { isProxied, respondOnce } from "../response.ts";
import { type Document, isDocument } from "../store/document.ts";
import { type Naming, usualNaming } from "../store/naming.ts";
import type { Store } from "../store/store.ts";
import {
  anyQuery,
  arrayOf,
  componentsOf,
  contentOf,
  headers,
  nameAll,
  type Named,
  object,
  ok,
  readContent,
  refTo,
  text,
} from "./components.ts";
import { createNamer } from "./names.ts";
import { childrenOf, pathsOf } from "./paths.ts";
import { describe, type Described, MOST_SHOWN, sampleSize } from "./schema.ts";

/** Responds with the OpenAPI document of a store. */
export async function serveOpenApi(
  request: Request,
  store: Store,
): Promise<Response> {
  const { origin, pathname } = new URL(request.url);
  const base = origin + pathname.replace(/\/openapi\.json$/, "");
  const all = store.resources();
  const shown = all.slice(0, MOST_SHOWN);
  const resources = describe(store, shown, sampleSize(all));
  const document = describeApi(resources, base, store.naming, all.length);
  // What a proxy is asked for is not known; a document that is kept in a file, for a program, needs more than ".".
  const servers = isProxied(request) && { servers: serversOf(base, ".") };
  const json = JSON.stringify({ ...document, ...servers }, null, 2);
  return await respondOnce({ status: 200, text: json }, request.headers);
}

/**
 * Writes the OpenAPI 3.1 document of some resources.
 *
 * @param base The URL of the root, or of a sandbox, without a slash at its end.
 * @param total How many resources there are.
 */
export function describeApi(
  resources: readonly Described[],
  base: string,
  naming: Naming = usualNaming,
  total = resources.length,
): Document {
  const named = nameAll(resources, naming);
  const children = childrenOf(named);
  return {
    openapi: "3.1.0",
    info: {
      title: "hark api",
      version: config.version,
      license: { name: "MIT", identifier: "MIT" },
      description:
        "Resources that keep what is written, with the query language of json-server 0.17. What is described is what " +
        "the documents have now: others may be written, with any fields, and text where a number is. A filter may be " +
        "given more than once: one of its values must match. With _ne, _gt, _gte, _lt, _lte or _like at the end of its " +
        "name it compares otherwise, also as field:gte=. One that no document has is named in X-Ignored-Query. HEAD " +
        "takes what GET takes. Not described are PUT /db, which puts other documents in the place of all, and /events, the " +
        "log of requests, which has no end: who tries all that is described changes nothing for good." +
        (total > resources.length
          ? ` Of ${total} resources the first ${resources.length} are described.`
          : ""),
    },
    servers: serversOf(base),
    security: [],
    tags: resources.map(({ name, single }) => ({
      name,
      description: single ? "One object" : "A list of documents",
    })),
    paths: withUniqueIds({
      "/": rootPath,
      "/openapi.json": openApiPath,
      "/_echo": echoPath,
      "/db": dbPath(named),
      ...!isSandbox(base) && { "/@{sandbox}": sandboxPath },
      ...Object.fromEntries(
        named.flatMap((resource) => pathsOf(resource, children, naming)),
      ),
    }),
    components: componentsOf(named, naming),
  };
}

/** Gives each operation an id of its own, also where code is made of it. */
function withUniqueIds(
  paths: { readonly [path: string]: Document },
): Document {
  const toId = createNamer();
  const withId = (part: unknown) =>
    isDocument(part)
      ? { ...part, operationId: toId(`${part.operationId}`) }
      : part;
  return Object.fromEntries(
    Object.entries(paths).map(([path, item]) => [
      path,
      Object.fromEntries(
        Object.entries(item).map(([name, part]) => [name, withId(part)]),
      ),
    ]),
  );
}

const isSandbox = (base: string) => /\/@[^/]+$/.test(base);

/** The api, and its private copies. */
function serversOf(base: string, url = base): Document[] {
  const own = { url };
  if (isSandbox(base)) return [own];
  return [own, {
    url: `${url}/@{sandbox}`,
    description: "A private copy of all documents, made on first use",
    variables: { sandbox: { default: "mine" } },
  }];
}

/** What can be read, by HEAD without its content. */
function reads(id: string, summary: string, content: Document): Document {
  return {
    get: { operationId: id, summary, ...ok(summary, content) },
    head: { operationId: `head_${id}`, summary, ...headers },
  };
}

const rootPath = reads("root", "The page, for browsers", {
  ...contentOf(text, "text/html"),
  ...contentOf(object),
});

const openApiPath = reads("openapi", "This document", contentOf(object));

const sandboxPath = {
  parameters: [{
    name: "sandbox",
    in: "path",
    required: true,
    schema: text,
    example: "mine",
  }],
  delete: {
    operationId: "reset",
    summary: "Reset a private copy to the documents of the api",
    ...ok("It is as new", contentOf(object)),
  },
};

const BODILESS = ["get", "head", "options"];

const echoPath = Object.fromEntries(
  [...BODILESS, "put", "post", "patch", "delete"].map((method) => [method, {
    operationId: `echo_${method}`,
    summary: "What came: method, url, headers, body, address",
    ...!BODILESS.includes(method) &&
      { requestBody: { content: contentOf({}, "*/*") } },
    ...ok("What came", contentOf(object)),
  }]),
);

function dbPath(resources: readonly Named[]): Document {
  const properties = Object.fromEntries(resources.map((resource) => [
    resource.name,
    resource.single ? refTo(resource) : arrayOf(refTo(resource)),
  ]));
  const content = readContent({ type: "object", properties });
  return { parameters: anyQuery, ...reads("dump", "All documents", content) };
}
