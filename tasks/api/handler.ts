/**
 * The api over HTTP: JSONPlaceholder's resources, sandboxes, the log of requests.
 *
 * @module
 */

import {
  asksForEvents,
  createEvents,
  formatNow,
  type LogEntry,
  streamEvents,
} from "./events.ts";
import { applyFault, parseFault } from "./fault.ts";
import {
  allow,
  allowAny,
  type Asker,
  createAccess,
  isPreflight,
  preflight,
} from "./middleware/access.ts";
import type { Middleware } from "./middleware/middleware.ts";
import type { ApiRequest } from "./request.ts";
import { createResources, READS, type Resources } from "./resources.ts";
import {
  checkCallback,
  createCache,
  createCheck,
  isProxied,
  prepare,
  type Prepared,
  refuseMethod,
  relate,
  respond,
  respondAgain,
  respondOnce,
  toApiResponse,
  toChangeable,
  toProblem,
} from "./response.ts";
import { createSandboxes } from "./sandboxes.ts";
import { Problem } from "./store/problem.ts";
import type { Store } from "./store/store.ts";

/** Who sent a request, as `Deno.serve` gives it. */
export interface Sender {
  /** Its address. */
  readonly remoteAddr: Deno.Addr;
}

/** Responds to a request: no socket is needed. */
export type Handler = (
  request: Request,
  sender?: Sender,
) => Response | Promise<Response>;

/** Responds to a path that is none of a resource; nothing where it has no response to this request. */
export type Route = (
  request: Request,
  store: Store,
) => Response | undefined | Promise<Response | undefined>;

/** Where a request leads. */
interface Place {
  readonly url: URL;
  readonly method: string;
  /** The path within the root or the sandbox. */
  readonly path: string;
  /** The sandbox. */
  readonly name: string | undefined;
}

type Responder = (request: Request, sender?: Sender) => Promise<Response>;

/** Options of {@linkcode createHandler}. */
export interface HandlerOptions {
  /**
   * How long a request's body may be, in bytes; that of a `PUT /db` may be 64 times as long, and as long as what
   * `GET /db` gives.
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
  /** Other names by which it may be asked for; `.example` stands for all names below it. */
  readonly allowHost?: readonly string[];
  /** The sites beside this machine's own whose pages may ask, as `https://app.example`; `*` for all. */
  readonly origin?: readonly string[];
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
  /** What responds to the GET of a path in the root and in each sandbox: `/`, `/openapi.json`. */
  readonly routes?: Readonly<Record<string, Route>>;
  /** What a request goes through before it comes to the resources, the first one first. */
  readonly middleware?: readonly Middleware[];
  /** Is told of each request that was responded to. */
  readonly onResponse?: (entry: LogEntry) => void;
  /** Dispatches `load` when other data was put in the place of all, not by a request. */
  readonly loads?: EventTarget;
  /** Ends all streams of events, and what waits, when it is aborted: a server could not shut down before that. */
  readonly signal?: AbortSignal;
}

const maxCached = 2 ** 25;
// Middleware cannot make a request of these of another (Fetch, section 2.2.1).
const unmade = new Set(["CONNECT", "TRACE", "TRACK"]);
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
 * Creates what responds to requests for the resources of a store and of its sandboxes:
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
  const { fake = false, host = "localhost" } = options;
  const { allowHost = [], origin = [] } = options;
  const access = createAccess({ host, allowHost, origin });
  const { middleware = [] } = options;
  // what the api makes itself says that it differs by the origin
  const finishAny = middleware.length > 0 ? allowAny : allow;
  const { maxBody = 2 ** 20, bodyTimeoutMs = 10_000 } = options;
  const limits = { maxBytes: maxBody, timeoutMs: bodyTimeoutMs };
  const cache = createCache<Prepared>(maxCached);
  const log = createEvents();
  const root = createResources(store, limits, fake);
  const sandboxes = createSandboxes(store, limits);
  options.loads?.addEventListener("load", () => {
    root.changes.publish(undefined, { change: "loaded" });
  });
  options.signal?.addEventListener("abort", () => {
    for (const { changes } of [root, ...sandboxes.all()]) changes.close();
    log.close();
  });

  async function handle(
    request: Request,
    sender?: Sender,
  ): Promise<Response> {
    const { headers } = request;
    const url = new URL(request.url);
    const method = methodOf(request);
    const [, name, rest] = url.pathname.match(/^\/@([^/]+)(.*)$/) ?? [];
    const path = (rest ?? url.pathname) || "/";
    if (isEcho(path, name)) {
      const { describeRequest } = await import("./middleware/echo.ts");
      const text = await describeRequest(request, limits, sender?.remoteAddr);
      const reads = READS.includes(method);
      return await respondOnce({ status: 200, text }, headers, reads);
    }
    if (method === "OPTIONS") {
      return preflight(headers, allowedFor(path, name));
    }
    const reads = READS.includes(method);
    if (options.readOnly && !reads) {
      throw new Problem(
        403,
        `Cannot ${method} ${url.pathname}: the api is read-only`,
      );
    }
    if (name !== undefined && method === "DELETE" && path === "/") {
      const check = await createCheck(`${method} /@${name}`, headers);
      check?.("");
      sandboxes.reset(name);
      return await respondOnce({ status: 200, text: "{}" }, headers, false);
    }
    const resources = name === undefined ? root : sandboxes.open(name);
    try {
      return await respondFrom(resources, request, { url, method, path, name });
    } catch (error) {
      if (resources.isOpen()) throw error;
      throw new Problem(
        409,
        "Cannot answer: the sandbox was reset, or made room for others",
      );
    }
  }

  async function respondFrom(
    resources: Resources,
    request: Request,
    { url, method, path, name }: Place,
  ): Promise<Response> {
    const { headers } = request;
    const params = new URLSearchParams(url.search);
    const fault = parseFault(headers.get("prefer") ?? "", params);
    if (fault !== undefined) {
      await applyFault(fault, resources.random, options.signal);
    }
    const [strict, callback] = [params.has("_strict"), params.get("callback")];
    if (callback !== null) checkCallback(callback);
    for (const key of params.size > 0 ? ownParams : []) params.delete(key);
    const base = url.origin + (name === undefined ? "" : `/@${name}`);
    const asked = { original: request, method, path, params, base, strict };
    if (READS.includes(method)) {
      const special = await handleSpecial(asked, resources, name);
      if (special) return special;
    } else {
      const methods = methodsOfRoute(path, resources, name);
      if (methods && !methods.includes(method)) {
        throw refuseMethod(method, path, methods);
      }
    }
    const version = resources.store.version();
    const response = await resources.respond(asked);
    const prepared = await prepare(response, callback);
    const isGood = name === undefined
      ? () => store.version() === version
      : isSame(name, new WeakRef(resources), version);
    // middleware is asked each time
    const isKept = middleware.length === 0 && method === "GET" &&
      request.method === "GET" && fault === undefined && isGood();
    if (isKept) cache.set(request.url, prepared, isGood);
    const reads = READS.includes(method);
    const sent = await respond(prepared, headers, isKept, reads);
    if (response.deleted) notes.set(sent, { deleted: response.deleted });
    return sent;
  }

  /** Tells whether a sandbox still has a version. What is kept must not keep one that was dropped. */
  function isSame(name: string, kept: WeakRef<Resources>, version: number) {
    return () => {
      const now = sandboxes.find(name);
      return now?.store.version() === version && now === kept.deref();
    };
  }

  /** Tells whether a request is told what it is: where no resource has the path. */
  function isEcho(path: string, sandbox: string | undefined): boolean {
    return /^\/_echo(\/|$)/.test(path) &&
      !isResource(used(sandbox).store, "_echo");
  }

  /** The root, or a sandbox where it is used already. */
  function used(sandbox: string | undefined): Resources {
    const made = sandbox === undefined ? undefined : sandboxes.find(sandbox);
    return made ?? root;
  }

  /** The methods of a route, of the log, of a sandbox itself; nothing where the path is another one. */
  function methodsOfRoute(
    path: string,
    resources: Resources,
    sandbox: string | undefined,
  ): readonly string[] | undefined {
    const isLog = path === "/events" && resources.methodsOf(path) === undefined;
    const isRoute = isLog || Object.hasOwn(options.routes ?? {}, path);
    const reset = sandbox !== undefined && path === "/" ? ["DELETE"] : [];
    if (isRoute || reset.length > 0) return [...isRoute ? READS : [], ...reset];
  }

  function allowedFor(path: string, sandbox: string | undefined) {
    const resources = used(sandbox);
    const methods = methodsOfRoute(path, resources, sandbox) ??
      resources.methodsOf(path);
    return options.readOnly
      ? methods?.filter((each) => READS.includes(each)) ?? READS
      : methods;
  }

  /** Routes, and streams of events; nothing where the path is one of a resource. */
  async function handleSpecial(
    asked: ApiRequest,
    resources: Resources,
    sandbox: string | undefined,
  ) {
    const { original, path } = asked;
    const { store } = resources;
    const response = await options.routes?.[path]?.(original, store);
    if (response !== undefined) return response;
    if (asksForEvents(original.headers)) {
      const stream = resources.follow(asked);
      if (stream !== undefined) return stream;
    }
    if (path !== "/events" || isResource(store, "events")) return;
    const topics = sandbox === undefined ? {} : { topics: [sandbox] };
    return streamEvents(log, original, topics);
  }

  // What the log says of a response, why it is a refusal: what middleware passes on keeps it.
  const notes = new WeakMap<Response, Pick<LogEntry, "reason" | "deleted">>();

  async function refuse(request: Request, thrown: unknown): Promise<Response> {
    const error = toProblem(thrown);
    if (!(error instanceof Problem)) throw error;
    const refusal = toApiResponse(error, request);
    const response = await respondOnce(refusal, request.headers);
    notes.set(response, { reason: error.message });
    return response;
  }

  function refusing(respond: Handler): Responder {
    return async (request, sender) => {
      try {
        return await respond(request, sender);
      } catch (thrown) {
        return await refuse(request, thrown);
      }
    };
  }

  const answer = refusing(handle);
  const pass = middleware.reduceRight<Responder>(
    (next, each) =>
      refusing(async (request, sender) =>
        toChangeable(await each(request, (request) => next(request, sender)))
      ),
    answer,
  );

  // Each promise costs a short request some of its time: there is none more than is needed.
  function handleOrRefuse(
    request: Request,
    asker: Asker | undefined,
    sender?: Sender,
  ): Promise<Response> {
    try {
      access.admit(request, asker);
    } catch (thrown) {
      return refuse(request, thrown);
    }
    if (isPreflight(request)) {
      return Promise.resolve(preflight(request.headers));
    }
    return unmade.has(request.method)
      ? answer(request, sender)
      : pass(request, sender);
  }

  function record(
    { url, method }: Request,
    started: number,
    response: Response,
  ): Response {
    const path = url.slice(url.indexOf("/", 8));
    const entry: LogEntry = {
      time: formatNow(),
      method,
      path,
      status: response.status,
      // a clock is no finer than 1 µs
      ms: Math.round((performance.now() - started) * 1000) / 1000,
      ...notes.get(response),
    };
    const topic = path.match(/^\/@([^/?]+)/)?.[1] ?? "";
    log.publish(topic, entry, path.length + (entry.reason?.length ?? 0));
    options.onResponse?.(entry);
    return response;
  }

  return (request, sender) => {
    const started = performance.now();
    const asker = access.judge(request);
    const { headers, method, url } = request;
    const isPlain = method === "GET" && middleware.length === 0;
    const cached = isPlain ? cache.get(url) : undefined;
    if (
      cached === undefined || asker === undefined || headers.has("prefer") ||
      headers.has("if-match") || asksForEvents(headers)
    ) {
      return handleOrRefuse(request, asker, sender)
        .then((response) =>
          finishAny(relate(record(request, started, response), request), asker)
        );
    }
    const isRelative = cached.isLinked && isProxied(request);
    const finish = (response: Response) => {
      record(request, started, response);
      return allow(isRelative ? relate(response, request) : response, asker);
    };
    const response = respondAgain(cached, headers);
    return response instanceof Response
      ? finish(response)
      : response.then(finish);
  };
}

function isResource(store: Store, resource: string): boolean {
  return store.resources().some(({ name }) => name === resource);
}

/** A form can only GET and POST: it names what it means in a header, as express's method-override has it. */
function methodOf({ method, headers }: Request): string {
  const meant = method === "POST" && headers.get("x-http-method-override");
  return meant ? meant.toUpperCase() : method;
}
