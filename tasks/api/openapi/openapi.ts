/** What the api answers, as an OpenAPI 3.1 document. */
import config from "../../../deno.json" with { type: "json" };
import { reply } from "../response.ts";
import type { Document } from "../store/document.ts";
import type { Store } from "../store/store.ts";
import { answerOf, contentOf, failed, keyOf, problem, refTo } from "./parts.ts";
import { listParameters, pathsOf } from "./paths.ts";
import { describe, type Described } from "./schema.ts";

/**
 * Writes the OpenAPI 3.1 document of some resources.
 *
 * @param base The URL of the root, or of a sandbox, without a slash at its end.
 */
export function describeApi(
  kinds: readonly Described[],
  base: string,
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
    tags: kinds.map(({ name }) => ({ name })),
    paths: {
      "/events": eventsPath,
      ...Object.fromEntries(
        kinds.flatMap((kind) => pathsOf(kind, kinds)),
      ),
      "/db": dbPath(kinds),
    },
    components: {
      schemas: Object.fromEntries(
        kinds.map(({ name, schema }) => [keyOf(name), schema]),
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

/** Answers with the OpenAPI document of a store. */
export async function answerOpenApi(
  request: Request,
  store: Store,
): Promise<Response> {
  const { origin, pathname } = new URL(request.url);
  const base = origin + pathname.replace(/\/openapi\.json$/, "");
  const text = JSON.stringify(
    describeApi(await describe(store), base),
    null,
    2,
  );
  return await reply({ status: 200, text }, request.headers);
}

const eventsPath = {
  get: {
    operationId: "events",
    summary: "The log of requests, as they are answered",
    responses: {
      "200": {
        description: "Server-sent events",
        content: { "text/event-stream": { schema: { type: "string" } } },
      },
    },
  },
};

function dbPath(kinds: readonly Described[]): Document {
  const schema = {
    type: "object",
    properties: Object.fromEntries(
      kinds.map((kind) => [
        kind.name,
        kind.single ? refTo(kind) : { type: "array", items: refTo(kind) },
      ]),
    ),
  };
  const answer = answerOf("All documents", schema);
  return {
    get: {
      operationId: "dump",
      summary: "All documents",
      responses: { "200": answer, default: failed },
    },
    put: {
      operationId: "load",
      summary: "Put other documents in the place of all, or of none",
      requestBody: { required: true, ...contentOf({ type: "object" }) },
      responses: { "200": answer, default: failed },
    },
  };
}
