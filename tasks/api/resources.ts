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
  checkDocument,
  parsePath,
  readBody,
  type Target,
  toDocument,
} from "./request.ts";
import {
  type ApiResponse,
  etagOf,
  formatEnvelope,
  formatIgnored,
  formatLinks,
  locate,
  matchesEtag,
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
  isOpen(): boolean;
  /** Ends the streams of changes, and closes the store where that can be done. */
  close(): void;
}

// A dump is many documents: what is enough for one is not enough for it.
const dumpFactor = 64;
// 200 events are kept: one load must not push out all that happened before it.
const maxAnnounced = 100;

/**
 * Creates what responds to requests for the documents of a store.
 *
 * @param limits How much of a body is read; a `PUT /db` may be 64 times as long.
 * @param fake Whether to be as lenient as JSONPlaceholder, whose writes are not done: a new document's own id
 * is not used, and what is not there can be patched and deleted.
 */
export function createResources(
  store: Store & Partial<Disposable>,
  limits: BodyLimits,
  fake = false,
): Resources {
  const changes = createEvents();
  let open = true;

  function announce(change: string, resource: string, json: string): void {
    changes.publish(resource, {
      change,
      kind: resource,
      // Read where somebody listens.
      get document(): unknown {
        return JSON.parse(json);
      },
    });
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

  /** POST: adds a document, or all of an array. */
  async function create(request: ApiRequest, { resource, parent }: Target) {
    const body = await readBody(request.original, limits);
    const given = ["id", ...parent.map(([field]) => field)];
    const isGiven = (field: string) => given.includes(field);
    const toNew = (value: unknown, place?: string): Document => {
      const document = toDocument(value, place);
      if (request.strict) checkDocument(resource, document, isGiven);
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
    const { id: _id, ...rest } = whole;
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
    const isGiven = (field: string) => partial || field === "id";
    if (request.strict) checkDocument(target.resource, body, isGiven);
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
        ...ownId !== null && { id: ownId },
      };
      return JSON.stringify(document, null, 2);
    });
    if (stored === undefined) return;
    announce("changed", resource, stored.json);
    const status = request.method === "POST" ? 201 : 200;
    return { status, text: stored.json };
  }

  /** DELETE: removes a document, and those that refer to it. */
  async function remove(request: ApiRequest, resource: string, id: string) {
    const check = await checkMatch(request, resource, id);
    const deleted = await store.delete(resource, id, check);
    for (const { resource: kind, id } of deleted) {
      changes.publish(kind, { change: "deleted", kind, document: { id } });
    }
    const wasThere = deleted.length > 0 ||
      fake && (await store.resources()).some(({ name }) => name === resource);
    return wasThere ? { status: 200, text: "{}" } : undefined;
  }

  /** Makes the check that If-Match asks for: the text that has the tag must still be there. */
  async function checkMatch(
    { original: { headers } }: ApiRequest,
    resource: string,
    id: string | undefined,
  ) {
    const wanted = headers.get("if-match");
    if (wanted === null) return () => {};
    const text = id === undefined
      ? (await store.list(resource, everything))?.json
      : await store.get(resource, id);
    const isMeant = text !== undefined &&
      matchesEtag(wanted, await etagOf(text));
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
    const maxBytes = limits.maxBytes * dumpFactor;
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
    const target = parsePath(path, store.naming);
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

  /** Why there is nothing: the resource or the document is not there, or the method is not for it. */
  async function explainMissing({ method, path }: ApiRequest) {
    const target = parsePath(path, store.naming);
    if (target === undefined) return "a path has at most three parts";
    const { resource, id, parent } = target;
    const all = await store.resources();
    const found = all.find(({ name }) => name === resource);
    if (found === undefined) {
      const meant = nearest(resource, all.map(({ name }) => name));
      return `there is no resource "${resource}"${formatMeant(meant)}`;
    }
    if (id !== undefined) {
      if (found.single) return `"${resource}" is one object, without ids`;
      return ["GET", "HEAD", "PUT", "PATCH", "DELETE"].includes(method)
        ? `there is no document "${id}" in "${resource}"`
        : "it takes GET, PUT, PATCH, DELETE";
    }
    if (found.single) return "it takes GET, POST, PUT, PATCH";
    return parent.length === 0 && ["PUT", "PATCH", "DELETE"].includes(method)
      ? `it takes GET, POST; ${method} is for a document: /${resource}/ID`
      : "it takes GET, POST";
  }

  return {
    store,
    changes,
    random: createRandom(),
    async respond(request) {
      try {
        const response = await route(request);
        if (response !== undefined) return response;
      } catch (error) {
        if (!open) {
          throw new Problem(409, "Cannot answer: the sandbox was reset");
        }
        const resource = parsePath(request.path, store.naming)?.resource ?? "";
        throw toProblem(error, (id) => locate(request.base, resource, id));
      }
      const why = await explainMissing(request);
      throw new Problem(
        404,
        `Cannot ${request.method} ${request.path}: ${why}`,
      );
    },
    isOpen: () => open,
    close() {
      open = false;
      changes.close();
      store[Symbol.dispose]?.();
    },
  };
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
