/**
 * The documents of one store over HTTP: the root's, or a sandbox's.
 *
 * @module
 */

import { nearest } from "../../lib/cli/nearest.ts";
import {
  createEvents,
  type Events,
  streamEvents,
  type Wanted,
} from "./events.ts";
import { createRandom, type Random } from "./fault.ts";
import {
  type ApiRequest,
  type BodyLimits,
  checkId,
  parsePath,
  readBody,
  type Target,
  toDocument,
} from "./request.ts";
import {
  type ApiResponse,
  createCheck,
  createsOnly,
  formatCounts,
  formatEnvelope,
  formatIgnored,
  formatLinks,
  locate,
  refuseMethod,
  toProblem,
} from "./response.ts";
import { type Document, isDocument } from "./store/document.ts";
import { contains, type Filter, isNew, toCondition } from "./store/filter.ts";
import { Problem } from "./store/problem.ts";
import {
  everything,
  nameOf,
  parseQuery,
  type Query,
  settlePlaces,
} from "./store/query.ts";
import { toData } from "./store/schema.ts";
import { photoOrigin } from "./store/seed.ts";
import type { Id, Ignored, Store } from "./store/store.ts";

/** The resources of a store, which respond to requests. */
export interface Resources {
  readonly store: Store;
  /** Their changes; the topic is the resource. */
  readonly changes: Events;
  /** The random numbers of their faults. */
  readonly random: Random;
  respond(request: ApiRequest): Promise<ApiResponse>;
  /** Streams the changes of what is read at a path and with a query; nothing where there is nothing. */
  follow(request: ApiRequest): Response | undefined;
  /** The methods that a path takes; nothing where it is no path of a resource. */
  methodsOf(path: string): readonly string[] | undefined;
  isOpen(): boolean;
  /** Tells who listens to changes, ends their streams, and closes the store where that can be done. */
  close(): void;
}

/** What a write calls inside its transaction, where it depends on what is there. */
type Check = (() => void) | undefined;

// Most writes ask nothing: they need not wait for a check.
function isConditional({ original: { headers } }: ApiRequest): boolean {
  return headers.has("if-match") || headers.has("if-none-match");
}

const noParams = new URLSearchParams();

// A dump is many documents: what is enough for one is not enough for it.
const dumpFactor = 64;
// A dump's indentation and commas make it longer than what the database takes for it, at most by so much.
const sizeFactor = 4;
/** The methods of what can only be read. */
export const READS = ["GET", "HEAD"];
// What arranges a list means nothing for changes as they come.
const arranging = [
  "_sort",
  "_order",
  "_start",
  "_end",
  "_page",
  "_limit",
  "_per_page",
  "_embed",
  "_expand",
];
// 200 events are kept: one load must not push out all that happened before it.
const maxAnnounced = 100;

/**
 * Creates what responds to requests for the documents of a store.
 *
 * @param limits How much of a body is read; a `PUT /db` may be 64 times as long, and as long as what `GET /db` gives.
 * @param fake Whether to be as lenient as JSONPlaceholder, whose writes are not done: a new document's own id
 * is not used, and what is not there can be patched and deleted.
 */
export function createResources(
  store: Store & Partial<Disposable>,
  limits: BodyLimits,
  fake = false,
): Resources {
  const { naming } = store;
  const changes = createEvents();
  let open = true;

  function announce(
    change: string,
    resource: string,
    json: string,
    before?: string,
  ): void {
    const data = {
      change,
      kind: resource,
      // Read where somebody listens.
      get document(): unknown {
        return JSON.parse(json);
      },
    };
    const states = before === undefined ? [json] : [before, json];
    const length = json.length + (before?.length ?? 0);
    changes.publish(resource, data, length, () => states.map(parse));
  }

  function announceLoad(): void {
    changes.publish(undefined, { change: "loaded" });
  }

  function read(request: ApiRequest, target: Target) {
    const { resource, id, parent } = target;
    const query = parseQuery(toStored(request), parent);
    if (id !== undefined) {
      const text = store.get(resource, id, query);
      if (text === undefined) return;
      const headers = headersOf(request, ignoredAt(request, target, query));
      return { status: 200, text, headers };
    }
    const list = store.list(resource, query);
    if (list === undefined) return;
    const { json, total, ignored } = list;
    const isOne = !json.startsWith("[");
    const { page, slice } = query;
    const headers = {
      ...slice && { "X-Total-Count": `${total}` },
      ...page && { "Link": formatLinks(request.original.url, page, total) },
      ...headersOf(request, isOne ? keysOf(request.params) : ignored),
    };
    const text = page?.enveloped && !isOne
      ? formatEnvelope(json, page, total)
      : json;
    return { status: 200, text, headers };
  }

  /** What of a query means nothing at the path of a document: all but what comes along with it. */
  function ignoredAt(
    { params }: ApiRequest,
    { resource, id = "" }: Target,
    { embed, expand }: Query,
  ): readonly Ignored[] {
    if (params.size === 0) return [];
    const filters = parseQuery(noParams, [[naming.id, id]]).filters;
    const query = { ...everything, embed, expand, filters };
    const along = embed.length + expand.length === 0
      ? undefined
      : store.list(resource, query);
    return [
      ...keysOf(params)
        .filter(({ key }) => !/^_(embed|expand)$/.test(nameOf(key))),
      ...along?.ignored ?? [],
    ];
  }

  /** Makes what checks a document where nothing may be unknown. */
  async function createStrictCheck(resource: string) {
    const { createCheck } = await import("./openapi/schema.ts");
    return createCheck(store, resource);
  }

  /** POST: adds a document, or all of an array. */
  async function create(request: ApiRequest, target: Target) {
    const { resource, parent } = target;
    const check = isConditional(request)
      ? await checkFor(request, target)
      : undefined;
    const body = await readBody(request.original, limits);
    const strict = request.strict
      ? await createStrictCheck(resource)
      : undefined;
    const given = [naming.id, ...parent.map(([field]) => field)];
    const isGiven = (field: string) => given.includes(field);
    const toNew = (value: unknown, place?: string): Document => {
      const document = toDocument(value, place);
      checkId(document[naming.id]);
      strict?.(document, isGiven);
      return { ...document, ...Object.fromEntries(parent) };
    };
    if (Array.isArray(body) && !fake) {
      const added = body.map((each, index) => toNew(each, `[${index}]: `));
      const stored = await store.insert(resource, added, check);
      if (stored === undefined) return;
      if (stored.length > maxAnnounced) announceLoad();
      else stored.forEach(({ json }) => announce("created", resource, json));
      const documents = stored.map(({ json }) => JSON.parse(json));
      return { status: 201, text: JSON.stringify(documents, null, 2) };
    }
    const whole = toNew(Array.isArray(body) ? { ...body } : body);
    const { [naming.id]: _id, ...rest } = whole;
    const document = fake ? rest : whole;
    const stored = await store.insert(resource, [document], check);
    if (stored === undefined) {
      return await write(request, target, document, check);
    }
    const [{ id, json: text } = { id: null, json: "{}" }] = stored;
    announce("created", resource, text);
    const location = locate(request.base, resource, id ?? "");
    return { status: 201, text, headers: { "Location": location } };
  }

  /** PUT and PATCH: replaces a document, or some of its fields. */
  async function change(request: ApiRequest, target: Target) {
    const check = isConditional(request)
      ? await checkFor(request, target)
      : undefined;
    const body = toDocument(await readBody(request.original, limits));
    const partial = request.method === "PATCH";
    const isGiven = (field: string) => partial || field === naming.id;
    const strict = request.strict
      ? await createStrictCheck(target.resource)
      : undefined;
    strict?.(body, isGiven);
    const response =
      await (!partial && createsOnly(request.original.headers)
        ? createAt(request, target, body, check)
        : write(request, target, body, check));
    if (response !== undefined || !fake || !partial) return response;
    check?.();
    return { status: 200, text: JSON.stringify(body, null, 2) };
  }

  /** PUT with `If-None-Match: *`: adds a document with the id of the path, where there is none. */
  async function createAt(
    request: ApiRequest,
    target: Target,
    body: Document,
    check: Check,
  ) {
    const { resource, id } = target;
    if (id === undefined) return await write(request, target, body, check);
    checkId(id);
    const document = { ...body, [naming.id]: toNewId(resource, id) };
    const [stored] = await store.insert(resource, [document], check) ?? [];
    if (stored === undefined) return;
    announce("created", resource, stored.json);
    return { status: 201, text: stored.json };
  }

  /** Takes a number in a path for one, unless the ids of the list are texts. */
  function toNewId(resource: string, id: string): Id {
    const one = parseQuery(new URLSearchParams("_limit=1"));
    const list: unknown = JSON.parse(store.list(resource, one)?.json ?? "[]");
    const [first]: unknown[] = Array.isArray(list) ? list : [];
    const areTexts = isDocument(first) && typeof first[naming.id] === "string";
    const isNumber = `${Number(id)}` === id && Number.isSafeInteger(Number(id));
    return isNumber && !areTexts ? Number(id) : id;
  }

  async function write(
    request: ApiRequest,
    target: Target,
    body: Document,
    check: Check,
  ) {
    const { resource, id } = target;
    let was = "{}";
    const stored = await store.put(resource, id, (ownId, before) => {
      check?.();
      was = before;
      const old: unknown = request.method === "PATCH" ? JSON.parse(before) : {};
      const document = {
        ...isDocument(old) && old,
        ...body,
        ...ownId !== null && { [naming.id]: ownId },
      };
      return JSON.stringify(document, null, 2);
    });
    if (stored === undefined) return;
    announce("changed", resource, locatePhotos(stored.json, request), was);
    const status = request.method === "POST" ? 201 : 200;
    return { status, text: stored.json };
  }

  /** DELETE: removes a document, and those that refer to it. */
  async function remove(request: ApiRequest, target: Target, id: string) {
    const { resource } = target;
    const check = isConditional(request)
      ? await checkFor(request, target)
      : undefined;
    const all = await store.delete(resource, id, check);
    if (all.length > maxAnnounced) announceLoad();
    else {
      for (const { resource: kind, id, json } of all) {
        const document = { [naming.id]: id };
        const data = { change: "deleted", kind, document };
        changes.publish(kind, data, json.length, () => [parse(json)]);
      }
    }
    const wasThere = all.length > 0 ||
      fake && store.resources().some(({ name }) => name === resource);
    if (!wasThere) return;
    if (all.length === 0) check?.();
    const ok = { status: 200, text: "{}" };
    if (all.length < 2) return ok;
    const deleted = countByResource(all.slice(1));
    return { ...ok, deleted, headers: { "X-Deleted": formatCounts(deleted) } };
  }

  /**
   * Makes the check of what If-Match and If-None-Match ask of the text at a path without a query, to be called inside
   * the transaction.
   */
  async function checkFor(
    request: ApiRequest,
    target?: Target,
  ): Promise<Check> {
    const { method, path, original } = request;
    const check = await createCheck(`${method} ${path}`, original.headers);
    return check && (() => {
      const text = target === undefined
        ? store.dump()
        : target.id === undefined
        ? store.list(target.resource, parseQuery(noParams, target.parent))?.json
        : store.get(target.resource, target.id);
      check(text === undefined ? undefined : locatePhotos(text, request));
    });
  }

  /** PUT /db: puts other documents in the place of all. */
  async function load(request: ApiRequest) {
    const check = isConditional(request) ? await checkFor(request) : undefined;
    const maxBytes = Math.max(
      limits.maxBytes * dumpFactor,
      store.size() * sizeFactor,
    );
    const body = await readBody(request.original, { ...limits, maxBytes });
    try {
      await store.load(toData(body), check);
    } catch (error) {
      if (!(error instanceof TypeError)) throw error;
      throw new Problem(400, error.message);
    }
    announceLoad();
    return { status: 200, text: store.dump() };
  }

  /** Makes what tells which documents a query finds; nothing where it is all. */
  function conditionOf(resource: string, query: Query) {
    const { where, search } = query;
    const filters = settlePlaces(query, () => {
      const all = parse(store.list(resource, everything)?.json ?? "[]");
      return Array.isArray(all) ? all : [];
    });
    const known = ({ key }: Filter) =>
      !store.list(resource, {
        ...everything,
        filters: [{ key, path: key, operator: "eq", values: [] }],
        slice: { start: 0, end: 0 },
      })?.ignored.length;
    const conditions = filters.flatMap((filter) => {
      const { key, operator, values } = filter;
      // as a list has it: no field of that name, no filter
      if (operator === "eq") return known(filter) ? toCondition(filter) : [];
      return isNew(filter) && known(filter)
        ? toCondition({ key, path: key, operator: "eq", values })
        : toCondition(filter);
    });
    if (where !== undefined) conditions.push(where);
    if (search !== "") conditions.push((each) => contains(each, search));
    if (conditions.length === 0) return;
    return (document: unknown) => conditions.every((meets) => meets(document));
  }

  function follow(request: ApiRequest): Response | undefined {
    const { original, path } = request;
    const params = new URLSearchParams(request.params);
    params.delete("after");
    params.delete("lastEventId");
    const stream = (wanted: Wanted, ignored: readonly Ignored[]) =>
      streamEvents(changes, original, wanted, headersOf(request, ignored));
    if (path === "/db") {
      const isKinds = (key: string) => /^kinds(\[\d*\])?$/.test(key);
      const topics = [...params].filter(([key]) => isKinds(key))
        .flatMap(([, value]) => value.split(/\s*,\s*/)).filter(Boolean);
      const ignored = [...new Set(params.keys())]
        .filter((key) => !isKinds(key))
        .map((key) => ({ key, meant: nearest(key, ["kinds"]) }));
      return stream(topics.length > 0 ? { topics } : {}, ignored);
    }
    const target = parsePath(path, naming);
    const single = store.resources()
      .find(({ name }) => name === target?.resource)?.single;
    if (target === undefined || single === undefined) return;
    const { resource, id, parent } = target;
    const isOne = single || id !== undefined;
    if (id !== undefined && store.get(resource, id) === undefined) return;
    const useless = keysOf(params)
      .filter(({ key }) => isOne || arranging.includes(key));
    for (const { key } of useless) params.delete(key);
    const query = parseQuery(params, isOne ? [] : parent);
    const found = query.filters.length + query.ignored.length === 0
      ? undefined
      : store.list(resource, { ...query, slice: { start: 0, end: 0 } });
    const ignored = [...useless, ...found?.ignored ?? []];
    const meets = id === undefined
      ? conditionOf(resource, query)
      : (each: unknown) => isDocument(each) && `${each[naming.id]}` === id;
    return stream({ topics: [resource], ...meets && { meets } }, ignored);
  }

  /** Nothing where there is nothing to read or to write to. */
  async function route(request: ApiRequest): Promise<ApiResponse | undefined> {
    const { method, path } = request;
    const reads = READS.includes(method);
    if (path === "/db" && reads) {
      const headers = headersOf(request, keysOf(request.params));
      return { status: 200, text: store.dump(), headers };
    }
    if (path === "/db" && method === "PUT") return await load(request);
    const target = parsePath(path, naming);
    if (target === undefined) return;
    const { id, parent } = target;
    if (reads) return read(request, target) ?? drawPhoto(path);
    if (method === "POST") {
      return id === undefined ? await create(request, target) : undefined;
    }
    if (parent.length > 0) return;
    if (method === "PUT" || method === "PATCH") {
      // Before the body is judged: no other one would do.
      if (id === undefined && !methodsOf(path)?.includes(method)) return;
      return await change(request, target);
    }
    if (method === "DELETE" && id !== undefined) {
      return await remove(request, target, id);
    }
  }

  function methodsOf(path: string): readonly string[] | undefined {
    if (path === "/db") return [...READS, "PUT"];
    const target = parsePath(path, naming);
    const found = store.resources()
      .find(({ name }) => name === target?.resource);
    if (target === undefined) return;
    if (found === undefined) return drawPhoto(path) && READS;
    if (target.id !== undefined) {
      return found.single ? undefined : [...READS, "PUT", "PATCH", "DELETE"];
    }
    const changes = found.single && target.parent.length === 0;
    return [...READS, "POST", ...changes ? ["PUT", "PATCH"] : []];
  }

  /** Why there is nothing: the resource or the document is not there, or the method is not for it. */
  function explainMissing({ method, path, base }: ApiRequest): Problem {
    // in a sandbox: /@name
    const place = base.slice(URL.parse(base)?.origin.length);
    const refuse = (why: string) =>
      new Problem(404, `Cannot ${method} ${place + path}: ${why}`);
    const target = parsePath(path, naming);
    if (target === undefined) return refuse("a path has at most three parts");
    const { resource, id, parent } = target;
    if (resource === "") return refuse("the path names no resource");
    const methods = methodsOf(path);
    if (methods === undefined) {
      const names = store.resources().map(({ name }) => name);
      const isNear = (name: string) =>
        name.toLowerCase() === resource.toLowerCase();
      return refuse(
        names.includes(resource)
          ? `"${resource}" is one object, without ids`
          : `there is no resource "${resource}"` +
            formatMeant(names.find(isNear) ?? nearest(resource, names)),
      );
    }
    const isThere = id === undefined || drawPhoto(path) !== undefined ||
      store.get(resource, id) !== undefined;
    if (!isThere || methods.includes(method)) {
      return refuse(`there is no document "${id}" in "${resource}"`);
    }
    const isList = id === undefined && parent.length === 0 && path !== "/db";
    const more = isList && ["PUT", "PATCH", "DELETE"].includes(method) &&
        !methods.includes("PUT")
      ? `; ${method} is for a document: /${resource}/ID`
      : "";
    const refusal = refuseMethod(method, path, methods, more);
    return fake ? new Problem(404, refusal.message) : refusal;
  }

  return {
    store,
    changes,
    random: createRandom(),
    follow,
    methodsOf,
    async respond(request) {
      try {
        const response = await route(request);
        if (response !== undefined) {
          return { ...response, text: locatePhotos(response.text, request) };
        }
        throw explainMissing(request);
      } catch (error) {
        const resource = parsePath(request.path, naming)?.resource ?? "";
        throw toProblem(error, (id) => locate(request.base, resource, id));
      }
    },
    isOpen: () => open,
    close() {
      open = false;
      changes.publish(undefined, { change: "reset" });
      changes.close();
      store[Symbol.dispose]?.();
    },
  };
}

function parse(json: string): unknown {
  return JSON.parse(json);
}

function countByResource(
  documents: readonly { readonly resource: string }[],
): Readonly<Record<string, number>> {
  const counts = new Map<string, number>();
  for (const { resource } of documents) {
    counts.set(resource, (counts.get(resource) ?? 0) + 1);
  }
  return Object.fromEntries(counts);
}

function formatMeant(meant: string | undefined): string {
  return meant === undefined ? "" : `; did you mean "${meant}"?`;
}

function keysOf(params: URLSearchParams): Ignored[] {
  return [...new Set(params.keys())].map((key) => ({ key, meant: undefined }));
}

/** Tells in a header what of the query was ignored, or refuses it. */
function headersOf(
  { params, strict }: ApiRequest,
  ignored: readonly Ignored[],
): Readonly<Record<string, string>> {
  if (ignored.length === 0) return {};
  if (!strict) return { "X-Ignored-Query": formatIgnored(ignored) };
  const errors = ignored.map(({ key, value = params.get(key), meant }) => {
    const typed = key.startsWith("_") ? `${key}=${value}` : key;
    return `"${typed}" means nothing here${formatMeant(meant)}`;
  });
  throw new Problem(400, `Cannot use the query: ${errors[0]}`, { errors });
}

const photo =
  /("(?:url|thumbnailUrl)": ?")http:\/\/(?:localhost|127\.0\.0\.1|\[::1\])(?::\d+)?(?=\/(?:150|600)\/[\da-f]{6}")/g;

/**
 * Writes the URLs of photos with the host that was asked. The seed has that of an `api` without options, a dump that of
 * the api where it was taken: a photo looks the same on each, and is there only where one listens now.
 */
function locatePhotos(text: string, { original }: ApiRequest): string {
  if (!text.includes("/600/") && !text.includes("/150/")) return text;
  const origin = new URL(original.url).origin.replaceAll("$", "$$$$");
  return text.replace(photo, `$1${origin}`);
}

/** Lets filters that name a photo by the URL that it is shown with find it by that of the seed, too. */
function toStored({ params, original }: ApiRequest): URLSearchParams {
  const shown = new URL(original.url).origin;
  const own = [...params].filter(([, value]) => value.startsWith(shown));
  if (own.length === 0 || shown === photoOrigin) return params;
  const stored = own.map((
    [key, value],
  ) => [key, photoOrigin + value.slice(shown.length)]);
  return new URLSearchParams([...params, ...stored]);
}

/** Draws the photo of a path like `/600/92c952`, its side in pixels and its colour: it needs no network. */
function drawPhoto(path: string): ApiResponse | undefined {
  const [, side, color] = path.match(/^\/(\d{1,4})\/([\da-f]{6})$/i) ?? [];
  if (side === undefined || color === undefined) return;
  const text =
    `<svg xmlns="http://www.w3.org/2000/svg" width="${side}" height="${side}" viewBox="0 0 60 60">` +
    `<rect width="60" height="60" fill="#${color}"/>` +
    `<text x="30" y="33" font-family="sans-serif" font-size="9" text-anchor="middle" fill="#fff" ` +
    `stroke="#000" stroke-width=".1">${side} × ${side}</text></svg>\n`;
  return { status: 200, text, type: "image/svg+xml" };
}
