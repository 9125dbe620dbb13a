/** Resources over HTTP, as JSONPlaceholder serves them, except that writes stay. */
import { parseDocument, readDocument } from "./body.ts";
import { createCache } from "./cache.ts";
import { Problem, toResponse } from "./problem.ts";
import { parseQuery } from "./query.ts";
import type { Document } from "./document.ts";
import type { Store } from "./store.ts";
import { parseTarget, type Target } from "./target.ts";

/** Answers a request: no socket is needed. */
export type Handler = (request: Request) => Response | Promise<Response>;

/** Options of {@linkcode createHandler}. */
export interface HandlerOptions {
  /**
   * How long a request's body may be, in bytes.
   *
   * @default {1_048_576}
   */
  readonly maxBody?: number;
}

const headers = { "content-type": "application/json; charset=utf-8" };
const maxCached = 2 ** 25;

/**
 * Creates what answers requests for the resources of a store:
 * `/posts`, `/posts/1`, `/posts?userId=1`, `/posts/1/comments`.
 *
 * @example
 * ```ts
 * import { assertEquals } from "@std/assert";
 * import { seed } from "./seed.ts";
 * import { openStore } from "./sqlite.ts";
 *
 * using store = openStore(":memory:", seed);
 * const handler = createHandler(store);
 * const url = "http://localhost:3000/posts";
 * const response = await handler(new Request(url, { method: "POST", body: '{"title":"foo"}' }));
 * assertEquals(response.status, 201);
 * assertEquals(response.headers.get("location"), "http://localhost:3000/posts/101");
 * assertEquals(await response.json(), { title: "foo", id: 101 });
 * ```
 */
export function createHandler(
  store: Store,
  options: HandlerOptions = {},
): Handler {
  const { maxBody = 2 ** 20 } = options;
  const cache = createCache(maxCached);

  async function read(request: Request, { kind, id, parent }: Target) {
    const keep = cache.read(request.url);
    const params = new URL(request.url).searchParams;
    for (const [key, parentId] of parent) params.set(key, parentId);
    const json = id === undefined
      ? (await store.list(kind, parseQuery(params)))?.json
      : await store.get(kind, id);
    if (json === undefined) return notFound();
    keep(json);
    return new Response(json, { headers });
  }

  async function create(request: Request, { kind, parent }: Target) {
    const body = await readDocument(request, maxBody);
    const document = { ...body, ...Object.fromEntries(parent) };
    const stored = await store.put(kind, undefined, (id) => {
      return formatDocument({ ...document, id });
    });
    cache.clear();
    if (stored === undefined) return notFound();
    const path = [kind, stored.id].map(encodeURIComponent).join("/");
    return new Response(stored.json, {
      status: 201,
      headers: {
        ...headers,
        "location": new URL(`/${path}`, request.url).href,
        "access-control-expose-headers": "Location",
      },
    });
  }

  async function change(request: Request, kind: string, id: string) {
    const body = await readDocument(request, maxBody);
    const stored = await store.put(kind, id, (ownId, before) => {
      if (before === undefined) return;
      const kept = request.method === "PATCH" ? parseDocument(before) : {};
      return formatDocument({ ...kept, ...body, id: ownId });
    });
    cache.clear();
    return stored ? new Response(stored.json, { headers }) : notFound();
  }

  async function remove(kind: string, id: string) {
    const wasThere = await store.delete(kind, id);
    cache.clear();
    return wasThere ? new Response("{}", { headers }) : notFound();
  }

  async function route(request: Request): Promise<Response> {
    const target = parseTarget(new URL(request.url).pathname);
    if (target === undefined) return notFound();
    const { kind, id } = target;
    const { method } = request;
    if (method === "GET" || method === "HEAD") {
      return await read(request, target);
    }
    if (id === undefined) {
      return method === "POST" ? await create(request, target) : notFound();
    }
    if (method === "PUT" || method === "PATCH") {
      return await change(request, kind, id);
    }
    return method === "DELETE" ? await remove(kind, id) : notFound();
  }

  async function answer(request: Request): Promise<Response> {
    try {
      return await route(request);
    } catch (error) {
      if (error instanceof Problem) return toResponse(error);
      throw error;
    }
  }

  return (request) => {
    const json = request.method === "GET" ? cache.get(request.url) : undefined;
    return json === undefined
      ? answer(request)
      : new Response(json, { headers });
  };
}

function formatDocument(document: Document): string {
  return JSON.stringify(document, null, 2);
}

function notFound(): Response {
  return new Response("{}", { status: 404, headers });
}
