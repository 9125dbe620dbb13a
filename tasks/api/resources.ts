/**
 * The documents of one store over HTTP: the root's, or a sandbox's.
 *
 * @module
 */

import { nearest } from "../../lib/cli/nearest.ts";
import { createEvents, type Events } from "./events.ts";
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
  etagOf,
  formatCounts,
  formatEnvelope,
  formatIgnored,
  formatLinks,
  locate,
  matchesEtag,
  refuseMethod,
  toProblem,
} from "./response.ts";
import { type Document, isDocument } from "./store/document.ts";
import { Problem } from "./store/problem.ts";
import { everything, parseQuery } from "./store/query.ts";
import { toData } from "./store/schema.ts";
import type { Ignored, Store } from "./store/store.ts";

/** The resources of a store, which respond to requests. */
export interface Resources {
  readonly store: Store;
  /** Their changes; the topic is the resource. */
  readonly changes: Events;
  /** The random numbers of their faults. */
  readonly random: Random;
  respond(request: ApiRequest): Promise<ApiResponse>;
  /** The methods that a path takes; nothing where it is no path of a resource. */
  methodsOf(path: string): readonly string[] | undefined;
  isOpen(): boolean;
  /** Tells who listens to changes, ends their streams, and closes the store where that can be done. */
  close(): void;
}

// A dump is many documents: what is enough for one is not enough for it.
const dumpFactor = 64;
// A dump's indentation and commas make it longer than what the database takes for it, at most by so much.
const sizeFactor = 4;
/** The methods of what can only be read. */
export const READS = ["GET", "HEAD"];
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

  function announce(change: string, resource: string, json: string): void {
    const data = {
      change,
      kind: resource,
      // Read where somebody listens.
      get document(): unknown {
        return JSON.parse(json);
      },
    };
    changes.publish(resource, data, json.length);
  }

  function announceLoad(): void {
    changes.publish(undefined, { change: "loaded" });
  }

  async function read(request: ApiRequest, target: Target) {
    const { resource, id, parent } = target;
    const query = parseQuery(request.params, parent);
    if (id !== undefined) {
      const text = await store.get(resource, id, query);
      return text === undefined ? undefined : { status: 200, text };
    }
    const list = await store.list(resource, query);
    if (list === undefined) return;
    const { json, total, ignored } = list;
    if (request.strict && ignored.length > 0) throw refuseIgnored(ignored);
    const names = formatIgnored(ignored);
    const { page, slice } = query;
    const headers = {
      ...slice && { "X-Total-Count": `${total}` },
      ...page && { "Link": formatLinks(request.original.url, page, total) },
      ...names && { "X-Ignored-Query": names },
    };
    const text = page?.enveloped && json.startsWith("[")
      ? formatEnvelope(json, page, total)
      : json;
    return { status: 200, text, headers };
  }

  /** Makes what checks a document where nothing may be unknown. */
  async function createStrictCheck({ strict }: ApiRequest, resource: string) {
    if (!strict) return;
    const { createCheck } = await import("./openapi/schema.ts");
    return createCheck(store, resource);
  }

  /** POST: adds a document, or all of an array. */
  async function create(request: ApiRequest, { resource, parent }: Target) {
    const body = await readBody(request.original, limits);
    const check = await createStrictCheck(request, resource);
    const given = [naming.id, ...parent.map(([field]) => field)];
    const isGiven = (field: string) => given.includes(field);
    const toNew = (value: unknown, place?: string): Document => {
      const document = toDocument(value, place);
      checkId(document[naming.id]);
      check?.(document, isGiven);
      return { ...document, ...Object.fromEntries(parent) };
    };
    if (Array.isArray(body) && !fake) {
      const added = body.map((each, index) => toNew(each, `[${index}]: `));
      const stored = await store.insert(resource, added);
      if (stored === undefined) return;
      if (stored.length > maxAnnounced) announceLoad();
      else stored.forEach(({ json }) => announce("created", resource, json));
      const documents = stored.map(({ json }) => JSON.parse(json));
      return { status: 201, text: JSON.stringify(documents, null, 2) };
    }
    const whole = toNew(Array.isArray(body) ? { ...body } : body);
    const { [naming.id]: _id, ...rest } = whole;
    const document = fake ? rest : whole;
    const stored = await store.insert(resource, [document]);
    if (stored === undefined) {
      return await write(request, { resource, parent }, document);
    }
    const [{ id, json: text } = { id: null, json: "{}" }] = stored;
    announce("created", resource, text);
    const location = locate(request.base, resource, id ?? "");
    return { status: 201, text, headers: { "Location": location } };
  }

  /** PUT and PATCH: replaces a document, or some of its fields. */
  async function change(request: ApiRequest, target: Target) {
    const body = toDocument(await readBody(request.original, limits));
    const partial = request.method === "PATCH";
    const isGiven = (field: string) => partial || field === naming.id;
    const check = await createStrictCheck(request, target.resource);
    check?.(body, isGiven);
    const response = await write(request, target, body);
    if (response !== undefined || !fake || !partial) return response;
    return { status: 200, text: JSON.stringify(body, null, 2) };
  }

  async function write(request: ApiRequest, target: Target, body: Document) {
    const { resource, id } = target;
    const check = await checkMatch(request, resource, id);
    const stored = await store.put(resource, id, (ownId, before) => {
      check(before);
      const old: unknown = request.method === "PATCH" ? JSON.parse(before) : {};
      const document = {
        ...isDocument(old) && old,
        ...body,
        ...ownId !== null && { [naming.id]: ownId },
      };
      return JSON.stringify(document, null, 2);
    });
    if (stored === undefined) return;
    announce("changed", resource, locatePhotos(stored.json, request));
    const status = request.method === "POST" ? 201 : 200;
    return { status, text: stored.json };
  }

  /** DELETE: removes a document, and those that refer to it. */
  async function remove(request: ApiRequest, resource: string, id: string) {
    const check = await checkMatch(request, resource, id);
    const all = await store.delete(resource, id, check);
    if (all.length > maxAnnounced) announceLoad();
    else {
      for (const { resource: kind, id } of all) {
        const document = { [naming.id]: id };
        changes.publish(kind, { change: "deleted", kind, document });
      }
    }
    const wasThere = all.length > 0 ||
      fake && store.resources().some(({ name }) => name === resource);
    if (!wasThere) return;
    const ok = { status: 200, text: "{}" };
    if (all.length < 2) return ok;
    const deleted = countByResource(all.slice(1));
    return { ...ok, deleted, headers: { "X-Deleted": formatCounts(deleted) } };
  }

  /** Makes the check that If-Match asks for: the text that has the tag must still be there. */
  async function checkMatch(
    request: ApiRequest,
    resource: string,
    id: string | undefined,
  ) {
    const wanted = request.original.headers.get("if-match");
    if (wanted === null) return () => {};
    const text = id === undefined
      ? (await store.list(resource, everything))?.json
      : await store.get(resource, id);
    const isMeant = text !== undefined &&
      matchesEtag(wanted, await etagOf(locatePhotos(text, request)));
    return (before: string) => {
      if (isMeant && before === text) return;
      throw new Problem(
        412,
        "Cannot write: the document is not the one that If-Match names",
      );
    };
  }

  /** PUT /db: puts other documents in the place of all. */
  async function load({ original }: ApiRequest) {
    const maxBytes = Math.max(
      limits.maxBytes * dumpFactor,
      store.size() * sizeFactor,
    );
    const body = await readBody(original, { ...limits, maxBytes });
    try {
      await store.load(toData(body));
    } catch (error) {
      if (!(error instanceof TypeError)) throw error;
      throw new Problem(400, error.message);
    }
    announceLoad();
    return { status: 200, text: await store.dump() };
  }

  /** Nothing where there is nothing to read or to write to. */
  async function route(request: ApiRequest): Promise<ApiResponse | undefined> {
    const { method, path } = request;
    const reads = method === "GET" || method === "HEAD";
    if (path === "/db" && reads) {
      return { status: 200, text: await store.dump() };
    }
    if (path === "/db" && method === "PUT") return await load(request);
    const target = parsePath(path, naming);
    if (target === undefined) return;
    const { resource, id, parent } = target;
    if (reads) return await read(request, target) ?? drawPhoto(path);
    if (method === "POST") {
      return id === undefined ? await create(request, target) : undefined;
    }
    if (parent.length > 0) return;
    if (method === "PUT" || method === "PATCH") {
      return await change(request, target);
    }
    if (method === "DELETE" && id !== undefined) {
      return await remove(request, resource, id);
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
  function explainMissing({ method, path }: ApiRequest): Problem {
    const refuse = (why: string) =>
      new Problem(404, `Cannot ${method} ${path}: ${why}`);
    const target = parsePath(path, naming);
    if (target === undefined) return refuse("a path has at most three parts");
    const { resource, id, parent } = target;
    const methods = methodsOf(path);
    if (methods === undefined) {
      const names = store.resources().map(({ name }) => name);
      return refuse(
        names.includes(resource)
          ? `"${resource}" is one object, without ids`
          : `there is no resource "${resource}"` +
            formatMeant(nearest(resource, names)),
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

function refuseIgnored(ignored: readonly Ignored[]): Problem {
  const errors = ignored.map(({ key, meant }) =>
    `"${key}" means nothing here${formatMeant(meant)}`
  );
  return new Problem(400, `Cannot use the query: ${errors[0]}`, { errors });
}

const photo =
  /"http:\/\/(?:localhost|127\.0\.0\.1|\[::1\])(?::\d+)?(\/(?:150|600)\/[\da-f]{6}")/g;

/**
 * Writes the URLs of photos with the host that was asked. The seed has that of an `api` without options, a dump that of
 * the api where it was taken: a photo looks the same on each, and is there only where one listens now.
 */
function locatePhotos(text: string, { original }: ApiRequest): string {
  if (!text.includes("/600/") && !text.includes("/150/")) return text;
  const origin = new URL(original.url).origin.replaceAll("$", "$$$$");
  return text.replace(photo, `"${origin}$1`);
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
