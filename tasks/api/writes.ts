/** What POST, PUT, PATCH and DELETE do to the documents of one store. */
import {
  type BodyLimits,
  checkDocument,
  readBody,
  toDocument,
} from "./body.ts";
import { etagOf, matchesEtag } from "./cache.ts";
import type { Feed } from "./events.ts";
import { type Call, locate, type Target } from "./request.ts";
import type { Answer } from "./response.ts";
import { type Document, isDocument } from "./store/document.ts";
import { toWorld } from "./store/import.ts";
import { Problem } from "./store/problem.ts";
import { everything } from "./store/query.ts";
import type { Store } from "./store/store.ts";

/** Options of {@linkcode createWrites}. */
export interface WriteOptions {
  /** How much of a body is read; a `PUT /db` may be 64 times as long. */
  readonly limits: BodyLimits;
  /** Is told of each change. */
  readonly changes: Feed;
  /**
   * Whether to be as lenient as JSONPlaceholder, whose writes are not done: a new document's own id
   * is not used, and what is not there can be patched and deleted.
   *
   * @default {false}
   */
  readonly fake?: boolean | undefined;
}

/** Writes to one store; each gives nothing where there is nothing that could be written to. */
export interface Writes {
  /** POST: adds a document, or all of an array. */
  create(call: Call, target: Target): Promise<Answer | undefined>;
  /** PUT and PATCH: replaces a document, or some of its fields. */
  change(call: Call, target: Target): Promise<Answer | undefined>;
  /** DELETE: removes a document, and those that refer to it. */
  remove(call: Call, target: Target): Promise<Answer | undefined>;
  /** PUT /db: puts other documents in the place of all. */
  load(call: Call): Promise<Answer>;
}

// A dump is many documents: what is enough for one is not enough for it.
const dumpFactor = 64;
// The feed keeps 200 events: one load must not push out all that happened before it.
const maxAnnounced = 100;

/** Creates the writes to a store. */
export function createWrites(store: Store, options: WriteOptions): Writes {
  const { limits, changes, fake = false } = options;

  function announce(change: string, kind: string, json: string): void {
    changes.publish(kind, {
      change,
      kind,
      // Read where somebody listens.
      get document(): unknown {
        return JSON.parse(json);
      },
    });
  }

  function announceLoad(): void {
    changes.publish(undefined, { change: "loaded" });
  }

  async function create(call: Call, { kind, parent }: Target) {
    const body = await readBody(call.request, limits);
    const given = ["id", ...parent.map(([field]) => field)];
    const toNew = (value: unknown, place?: string): Document => {
      const document = toDocument(value, place);
      if (call.strict) {
        checkDocument(kind, document, (field) => given.includes(field));
      }
      return { ...document, ...Object.fromEntries(parent) };
    };
    if (Array.isArray(body) && !fake) {
      const stored = await store.insert(
        kind,
        body.map((each, index) => toNew(each, `[${index}]: `)),
      );
      if (stored === undefined) return;
      if (stored.length > maxAnnounced) announceLoad();
      else stored.forEach(({ json }) => announce("created", kind, json));
      const documents = stored.map(({ json }) => JSON.parse(json));
      return { status: 201, text: JSON.stringify(documents, null, 2) };
    }
    const whole = toNew(Array.isArray(body) ? { ...body } : body);
    const { id: _id, ...rest } = whole;
    const document = fake ? rest : whole;
    const stored = await store.insert(kind, [document]);
    if (stored === undefined) {
      return await write(call, { kind, parent }, document);
    }
    const [{ id, json: text } = { id: null, json: "{}" }] = stored;
    announce("created", kind, text);
    const location = locate(call.base, [kind, id ?? ""]);
    return { status: 201, text, headers: { "Location": location } };
  }

  async function change(call: Call, target: Target) {
    const body = toDocument(await readBody(call.request, limits));
    const partial = call.method === "PATCH";
    if (call.strict) {
      checkDocument(target.kind, body, (field) => partial || field === "id");
    }
    const answer = await write(call, target, body);
    if (answer !== undefined || !fake || !partial) return answer;
    return { status: 200, text: JSON.stringify(body, null, 2) };
  }

  async function write(call: Call, { kind, id }: Target, body: Document) {
    const check = await expect(call, kind, id);
    const stored = await store.put(kind, id, (ownId, before) => {
      check(before);
      const old: unknown = call.method === "PATCH" ? JSON.parse(before) : {};
      const document = { ...isDocument(old) && old, ...body };
      return JSON.stringify(
        ownId === null ? document : { ...document, id: ownId },
        null,
        2,
      );
    });
    if (stored === undefined) return;
    announce("changed", kind, stored.json);
    return { status: call.method === "POST" ? 201 : 200, text: stored.json };
  }

  async function remove(call: Call, { kind, id = "" }: Target) {
    const check = await expect(call, kind, id);
    const deleted = await store.delete(kind, id, check);
    for (const { kind, id } of deleted) {
      changes.publish(kind, { change: "deleted", kind, document: { id } });
    }
    const wasThere = deleted.length > 0 ||
      fake && (await store.kinds()).some(({ name }) => name === kind);
    return wasThere ? { status: 200, text: "{}" } : undefined;
  }

  /** Makes the check that If-Match asks for: the text that has the tag must still be there. */
  async function expect(call: Call, kind: string, id: string | undefined) {
    const wanted = call.request.headers.get("if-match");
    if (wanted === null) return () => {};
    const text = id === undefined
      ? (await store.list(kind, everything))?.json
      : await store.get(kind, id);
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

  async function load({ request }: Call) {
    const maxBytes = limits.maxBytes * dumpFactor;
    const body = await readBody(request, { ...limits, maxBytes });
    try {
      await store.load(toWorld(body));
    } catch (error) {
      if (!(error instanceof TypeError)) throw error;
      throw new Problem(400, error.message);
    }
    announceLoad();
    return { status: 200, text: await store.dump() };
  }

  return { create, change, remove, load };
}
