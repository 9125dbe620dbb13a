/** The documents of one store over HTTP: the root's, or a sandbox's. */
import type { BodyLimits } from "./body.ts";
import { createFeed, type Feed } from "./events.ts";
import { createDice, type Dice } from "./fault.ts";
import { formatIgnored, formatLinks } from "./paging.ts";
import { type Call, locate, parseTarget, type Target } from "./request.ts";
import { type Answer, toProblem } from "./response.ts";
import { Problem } from "./store/problem.ts";
import { parseQuery } from "./store/query.ts";
import type { Ignored, Kind, Store } from "./store/store.ts";
import { createWrites } from "./writes.ts";

/** Options of {@linkcode createService}. */
export interface ServiceOptions {
  /** How much of a body is read. */
  readonly limits: BodyLimits;
  /**
   * Whether the store only pretends to write, and JSONPlaceholder's leniency is wanted with it.
   *
   * @default {false}
   */
  readonly fake?: boolean;
  /** Is called when it is closed. */
  readonly onClose?: () => void;
}

/** A store that answers. */
export interface Service {
  /** Its documents. */
  readonly store: Store;
  /** Its changes, by resource. */
  readonly changes: Feed;
  /** Its faults' dice. */
  readonly dice: Dice;
  /** Does what is asked. */
  answer(call: Call): Promise<Answer>;
  /** Whether it was not closed yet. */
  isOpen(): boolean;
  /** Ends it, and the streams of its changes. */
  close(): void;
}

/** Creates what answers requests for the documents of a store. */
export function createService(store: Store, options: ServiceOptions): Service {
  const changes = createFeed();
  const writes = createWrites(store, { ...options, changes });
  let open = true;

  async function read(call: Call, { kind, id, parent }: Target) {
    const params = new URLSearchParams(call.params);
    for (const [key, parentId] of parent) params.set(key, parentId);
    const query = parseQuery(params);
    if (id !== undefined) {
      const text = await store.get(kind, id, query);
      return text === undefined ? undefined : { status: 200, text };
    }
    const list = await store.list(kind, query);
    if (list === undefined) return;
    const { json: text, total, ignored } = list;
    const names = formatIgnored(ignored);
    if (call.strict && ignored.length > 0) throw refuseIgnored(ignored);
    const { page, slice } = query;
    const headers = {
      ...slice && { "X-Total-Count": `${total}` },
      ...page && { "Link": formatLinks(call.request.url, page, total) },
      ...names && { "X-Ignored-Query": names },
    };
    return { status: 200, text, headers };
  }

  async function route(call: Call): Promise<Answer | undefined> {
    const { method, path } = call;
    const reads = method === "GET" || method === "HEAD";
    if (path === "/db" && reads) {
      return { status: 200, text: await store.dump() };
    }
    if (path === "/db" && method === "PUT") return await writes.load(call);
    const target = parseTarget(path);
    if (target === undefined) return;
    const { id, parent } = target;
    if (reads) return await read(call, target) ?? showPhoto(path);
    if (method === "POST") {
      return id === undefined ? await writes.create(call, target) : undefined;
    }
    if (parent.length > 0) return;
    if (method === "PUT" || method === "PATCH") {
      return await writes.change(call, target);
    }
    if (method === "DELETE" && id !== undefined) {
      return await writes.remove(call, target);
    }
  }

  async function missing({ method, path }: Call): Promise<Problem> {
    const kinds = await store.kinds();
    const target = parseTarget(path);
    const kind = kinds.find(({ name }) => name === target?.kind);
    const why = target === undefined
      ? "a path has at most three parts"
      : kind === undefined
      ? await formatUnknown(target.kind, kinds)
      : refuseMethod(method, target, kind);
    return new Problem(404, `Cannot ${method} ${path}: ${why}`);
  }

  return {
    store,
    changes,
    dice: createDice(),
    async answer(call) {
      try {
        const answer = await route(call);
        if (answer !== undefined) return answer;
      } catch (error) {
        if (!open) {
          throw new Problem(409, "Cannot answer: the sandbox was reset");
        }
        const kind = parseTarget(call.path)?.kind ?? "";
        throw toProblem(error, (id) => locate(call.base, [kind, id]));
      }
      throw await missing(call);
    },
    isOpen: () => open,
    close() {
      open = false;
      changes.close();
      options.onClose?.();
    },
  };
}

async function formatUnknown(
  name: string,
  kinds: readonly Kind[],
): Promise<string> {
  const { nearest } = await import("../../lib/cli/help.ts");
  const meant = nearest(name, kinds.map((kind) => kind.name));
  const hint = meant === undefined ? "" : `; did you mean "${meant}"?`;
  return `there is no resource "${name}"${hint}`;
}

/** Why a resource that is there has no answer: the document is not, or the method is not for it. */
function refuseMethod(
  method: string,
  { id, parent }: Target,
  { name, single }: Kind,
): string {
  if (id !== undefined && single) return `"${name}" is one object, without ids`;
  const methods = id !== undefined
    ? ["GET", "PUT", "PATCH", "DELETE"]
    : single
    ? ["GET", "POST", "PUT", "PATCH"]
    : ["GET", "POST"];
  if (id !== undefined && ["HEAD", ...methods].includes(method)) {
    return `there is no document "${id}" in "${name}"`;
  }
  const other = id === undefined && !single && parent.length === 0 &&
      ["PUT", "PATCH", "DELETE"].includes(method)
    ? `; ${method} is for a document: /${name}/ID`
    : "";
  return `it takes ${methods.join(", ")}${other}`;
}

function refuseIgnored(ignored: readonly Ignored[]): Problem {
  const errors = ignored.map(({ key, meant }) =>
    `"${key}" means nothing here` +
    (meant === undefined ? "" : `; did you mean "${meant}"?`)
  );
  return new Problem(400, `Cannot use the query: ${errors[0]}`, { errors });
}

function showPhoto(path: string): Answer | undefined {
  const text = drawPhoto(path);
  if (text !== undefined) return { status: 200, text, type: "image/svg+xml" };
}

/**
 * Draws the photo of a path like `/600/92c952`, its side in pixels and its colour: it needs no network.
 *
 * @returns An SVG image, or nothing when the path is not that of a photo.
 */
export function drawPhoto(path: string): string | undefined {
  const [, side, color] = path.match(/^\/(\d{1,4})\/([\da-f]{6})$/i) ?? [];
  if (side === undefined || color === undefined) return;
  return `<svg xmlns="http://www.w3.org/2000/svg" width="${side}" height="${side}" viewBox="0 0 60 60">` +
    `<rect width="60" height="60" fill="#${color}"/>` +
    `<text x="30" y="33" font-family="sans-serif" font-size="9" text-anchor="middle" fill="#fff" ` +
    `stroke="#000" stroke-width=".1">${side} × ${side}</text></svg>\n`;
}
