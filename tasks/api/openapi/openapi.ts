/**
 * What the api responds to, as an OpenAPI 3.1 document.
 *
 * @module
 */

import config from "../../../deno.json" with { type: "json" };
import { isProxied, respondOnce } from "../response.ts";
import type { Document } from "../store/document.ts";
import { type Naming, usualNaming } from "../store/naming.ts";
import type { Store } from "../store/store.ts";
import {
  arrayOf,
  componentsOf,
  contentOf,
  headers,
  inputOf,
  object,
  ok,
  readContent,
  text,
} from "./components.ts";
import { childrenOf, pathsOf } from "./paths.ts";
import { describe, type Described } from "./schema.ts";

/** So many documents are read to say what all are like; of many resources some of each. */
const MOST_READ = 20_000;
const MOST_OF_ONE = 1000;
/** So many resources are described: nobody reads of more, and all would wait while it is written. */
const MOST_SHOWN = 1000;

/** Responds with the OpenAPI document of a store. */
export async function serveOpenApi(
  request: Request,
  store: Store,
): Promise<Response> {
  const { origin, pathname } = new URL(request.url);
  const base = origin + pathname.replace(/\/openapi\.json$/, "");
  const all = store.resources();
  const shown = all.slice(0, MOST_SHOWN);
  const most = Math.ceil(MOST_READ / Math.max(1, shown.length));
  const resources = describe(store, shown, Math.min(most, MOST_OF_ONE));
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
  const children = childrenOf(resources);
  return {
    openapi: "3.1.0",
    info: {
      title: "hark api",
      version: config.version,
      description:
        "Resources that keep what is written, with the query language of json-server 0.17. What is described is what " +
        "the documents have now: others may be written, with any fields, and text where a number is. A filter may be " +
        "given more than once: one of its values must match. With _ne, _gt, _gte, _lt, _lte or _like at the end of its " +
        "name it compares otherwise, also as field:gte=. One that no document has is named in X-Ignored-Query. HEAD " +
        "takes what GET takes. Any query may ask for a fault: _status=503, _delay=200-800, _rate=0.3." +
        (total > resources.length
          ? ` Of ${total} resources the first ${resources.length} are described.`
          : ""),
    },
    servers: serversOf(base),
    tags: resources.map(({ name }) => ({ name })),
    paths: {
      "/": rootPath,
      "/openapi.json": openApiPath,
      "/events": eventsPath,
      "/_echo": echoPath,
      "/db": dbPath(resources),
      ...!isSandbox(base) && { "/@{sandbox}": sandboxPath },
      ...Object.fromEntries(
        resources.flatMap((resource) => pathsOf(resource, children, naming)),
      ),
    },
    components: componentsOf(resources, naming),
  };
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

const eventsPath = reads(
  "events",
  "The log of requests, as they are answered",
  contentOf(text, "text/event-stream"),
);

const sandboxPath = {
  parameters: [{ name: "sandbox", in: "path", required: true, schema: text }],
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

function dbPath(resources: readonly Described[]): Document {
  const properties = Object.fromEntries(resources.map((resource) => [
    resource.name,
    resource.single ? inputOf(resource) : arrayOf(inputOf(resource)),
  ]));
  const content = readContent({ type: "object", properties });
  return {
    ...reads("dump", "All documents", content),
    put: {
      operationId: "load",
      summary: "Put other documents in the place of all, or of none",
      requestBody: {
        content: { ...contentOf(object), ...contentOf({}, "text/plain") },
      },
      ...ok("All documents", contentOf(object)),
    },
  };
}
