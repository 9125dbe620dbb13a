/** The api over HTTP: JSONPlaceholder's resources, sandboxes, the log of requests. */

import { createCache } from "./cache.ts";
import { asksForEvents, createFeed, streamEvents } from "./events.ts";
import { parseFault, suffer } from "./fault.ts";
import { type LogEntry, tellTime } from "./log.ts";
import { isOwnHost, preflight } from "./origin.ts";
import type { Call } from "./request.ts";
import { createService, type Service } from "./resources.ts";
import { prepare, type Ready, reply, respond, toAnswer } from "./response.ts";
import { createSandboxes } from "./sandbox.ts";
import { Problem } from "./store/problem.ts";
import type { Awaitable, Store } from "./store/store.ts";

/** Answers a request: no socket is needed. */
export type Handler = (request: Request) => Response | Promise<Response>;

/** Answers a path that is none of a resource; nothing where it has no answer to this request. */
export type Route = (
  request: Request,
  store: Store,
) => Awaitable<Response | undefined>;

/** Options of {@linkcode createHandler}. */
export interface HandlerOptions {
  /**
   * How long a request's body may be, in bytes; that of a `PUT /db` may be 64 times as long.
   *
   * @default {1_048_576}
   */
  readonly maxBody?: number;
  /**
   * How long a request's body may take to arrive, in ms.
   *
   * @default {10_000}
   */
  readonly bodyTimeoutMs?: number;
  /**
   * The host that is listened on: requests for another one are refused.
   *
   * @default {"localhost"}
   */
  readonly host?: string;
  /**
   * Whether the store only pretends to write, and JSONPlaceholder's leniency is wanted with it.
   *
   * @default {false}
   */
  readonly fake?: boolean;
  /**
   * Whether to refuse all writes.
   *
   * @default {false}
   */
  readonly readOnly?: boolean;
  /** What answers the GET of a path in the root and in each sandbox: `/`, `/openapi.json`. */
  readonly routes?: Readonly<Record<string, Route>>;
  /** Is told of each answer. */
  readonly onAnswer?: (entry: LogEntry) => void;
  /** Ends all streams of events when it is aborted: a server could not shut down before that. */
  readonly signal?: AbortSignal;
}

interface Outcome {
  readonly response: Response;
  readonly reason?: string;
}

const maxCached = 2 ** 25;
const ownParams = [
  "callback",
  "_",
  "_delay",
  "_status",
  "_rate",
  "_seed",
  "_retry-after",
  "_strict",
];

/**
 * Creates what answers requests for the resources of a store and of its sandboxes:
 * `/posts`, `/posts/1`, `/posts?userId=1`, `/posts/1/comments`, `/@name/posts`.
 *
 * @example
 * ```ts
 * import { assertEquals } from "@std/assert";
 * import { seed } from "./store/seed.ts";
 * import { openStore } from "./store/sqlite.ts";
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
  const { maxBody = 2 ** 20, bodyTimeoutMs = 10_000, host = "localhost" } =
    options;
  const limits = { maxBytes: maxBody, timeoutMs: bodyTimeoutMs };
  const cache = createCache<Ready>(maxCached);
  const log = createFeed();
  const { fake = false } = options;
  const root = createService(store, { limits, fake });
  const sandboxes = createSandboxes(() => {
    const copy = store.copy();
    return createService(copy, {
      limits,
      onClose: () => copy[Symbol.dispose](),
    });
  });
  options.signal?.addEventListener("abort", () => {
    for (const { changes } of [root, ...sandboxes.all()]) changes.close();
    log.close();
  });

  async function serve(request: Request): Promise<Outcome> {
    try {
      return { response: await work(request) };
    } catch (error) {
      if (!(error instanceof Problem)) throw error;
      const response = await reply(toAnswer(error, request), request.headers);
      return { response, reason: error.message };
    }
  }

  async function work(request: Request): Promise<Response> {
    const { headers } = request;
    const url = parse(request.url);
    if (!isOwnHost(url.hostname, host)) {
      throw new Problem(
        421,
        `Cannot answer for "${url.hostname}": this is ${host}`,
      );
    }
    const method = methodOf(request);
    if (method === "OPTIONS") return preflight(headers);
    const reads = method === "GET" || method === "HEAD";
    if (options.readOnly && !reads) {
      throw new Problem(
        403,
        `Cannot ${method} ${url.pathname}: the api is read-only`,
      );
    }
    const [, name, rest] = url.pathname.match(/^\/@([^/]+)(.*)$/) ?? [];
    if (name !== undefined && method === "DELETE" && /^\/?$/.test(rest ?? "")) {
      sandboxes.reset(name);
      return await reply({ status: 200, text: "{}" }, headers);
    }
    const service = name === undefined ? root : sandboxes.open(name);
    const params = new URLSearchParams(url.search);
    const fault = parseFault(headers.get("prefer") ?? "", params);
    if (fault !== undefined) await suffer(fault, service.dice);
    const [strict, callback] = [params.has("_strict"), params.get("callback")];
    for (const key of params.size > 0 ? ownParams : []) params.delete(key);
    const call: Call = {
      request,
      method,
      path: (rest ?? url.pathname) || "/",
      params,
      base: url.origin + (name === undefined ? "" : `/@${name}`),
      strict,
    };
    const special = reads ? await answerRoute(call, service, name) : undefined;
    if (special !== undefined) return special;
    const version = service.store.version();
    const ready = await prepare(await service.answer(call), callback);
    const isGood = () =>
      service.isOpen() && service.store.version() === version;
    const isKept = method === "GET" && request.method === "GET" &&
      fault === undefined && isGood();
    if (isKept) cache.set(request.url, ready, isGood);
    return await respond(ready, headers, { isKept });
  }

  async function answerRoute(call: Call, service: Service, name?: string) {
    const { request, path } = call;
    const response = await options.routes?.[path]?.(request, service.store);
    if (response !== undefined) return response;
    const asks = asksForEvents(request.headers);
    if (!asks && path !== "/events") return;
    const kind = path.slice(1);
    const isKind = (await service.store.kinds()).some((each) =>
      each.name === kind
    );
    if (asks && isKind) {
      return streamEvents(service.changes, request, kind);
    }
    if (!isKind && path === "/events") {
      return streamEvents(log, request, name);
    }
  }

  function record(request: Request, outcome: Outcome, started: number) {
    const { url, method } = request;
    const { response, reason } = outcome;
    const path = url.slice(url.indexOf("/", 8));
    const entry: LogEntry = {
      time: tellTime(),
      method,
      path,
      status: response.status,
      // a clock is no finer than 1 µs
      ms: Math.round((performance.now() - started) * 1000) / 1000,
      ...reason !== undefined && { reason },
    };
    log.publish(path.match(/^\/@([^/?]+)/)?.[1] ?? "", entry);
    options.onAnswer?.(entry);
    return response;
  }

  return (request) => {
    const started = performance.now();
    const ready = request.method === "GET" ? cache.get(request.url) : undefined;
    const { headers } = request;
    if (
      ready === undefined || headers.has("prefer") || asksForEvents(headers)
    ) {
      return serve(request).then((outcome) =>
        record(request, outcome, started)
      );
    }
    const response = respond(ready, headers);
    return response instanceof Response
      ? record(request, { response }, started)
      : response.then((response) => record(request, { response }, started));
  };
}

function parse(url: string): URL {
  const parsed = URL.parse(url);
  if (parsed !== null) return parsed;
  throw new Problem(400, `Cannot read the URL "${url}"`);
}

/** A form can only GET and POST: it names what it means in a header, as express's method-override has it. */
function methodOf({ method, headers }: Request): string {
  const meant = method === "POST" && headers.get("x-http-method-override");
  return meant ? meant.toUpperCase() : method;
}
