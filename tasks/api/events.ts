/**
 * Events that are sent as they happen, over HTTP as server-sent events (HTML, section 9.2); and those of the log, what
 * the api was asked, as lines for a person or as JSON.
 *
 * @module
 */

import { escapeControls } from "../../lib/cli/io.ts";
import { prefers, VARY } from "./response.ts";
import { foreignKeyOf } from "./store/naming.ts";

/** Events, the last ones kept. */
export interface Events {
  /**
   * Sends an event, as JSON on one line, to all who want its topic; without one, to all.
   *
   * @param length About how many characters it has, where that may be many.
   * @param states What the document was and is, for who wants some documents only; nothing where all want it.
   */
  publish(
    topic: string | undefined,
    data: unknown,
    length?: number,
    states?: () => readonly unknown[],
  ): void;
  /**
   * Gives the events as the body of a `text/event-stream`.
   *
   * @param seen The id of the last event that the reader has seen, as Last-Event-ID gives it: those after it are sent
   * again. Where some of them are not kept, or nothing is known of the id, one event that tells to load all anew comes
   * first. 0 begins with what is kept; nothing begins with the next one.
   */
  subscribe(seen?: string | 0, wanted?: Wanted): ReadableStream<Uint8Array>;
  /** Ends all streams, and what is subscribed from now on at once. */
  close(): void;
}

/** Which events a reader wants. */
export interface Wanted {
  /** Nothing means all. */
  readonly topics?: readonly string[];
  /** Tells which documents it wants to hear of, by what they were or are. */
  readonly meets?: (document: unknown) => boolean;
}

interface Event {
  readonly id: number;
  readonly topic: string | undefined;
  readonly data: unknown;
  readonly length: number;
  readonly states: (() => readonly unknown[]) | undefined;
}

type Reader = ReadableStreamDefaultController<Uint8Array>;

const maxKept = 200;
// Each sandbox keeps its own; one reader is sent a small part of it.
const maxKeptLength = 2 ** 20;
const maxQueued = 2 ** 16;
const encoder = new TextEncoder();
const silence = encoder.encode(":\n\n");

/**
 * Creates a stream of events for any number of readers, of which the last 200 are kept, up to 1 Mi characters.
 * A reader that is 64 KB behind is dropped; it may come back with the id of the last event it has seen.
 *
 * @param heartbeatMs How long the silence may be until a comment is sent: it keeps proxies from hanging up.
 */
export function createEvents(heartbeatMs = 15_000): Events {
  const kept: Event[] = [];
  const readers = new Map<Reader, Wanted>();
  // An id of before a restart must not be taken for one of now.
  const run = crypto.randomUUID().slice(0, 8);
  let [last, keptLength] = [0, 0];
  let closed = false;
  let heartbeat: ReturnType<typeof setInterval> | undefined;

  function leave(reader: Reader): void {
    readers.delete(reader);
    if (readers.size === 0) clearInterval(heartbeat);
  }

  function send(reader: Reader, bytes: Uint8Array): void {
    if ((reader.desiredSize ?? 0) > 0) return reader.enqueue(bytes);
    reader.error(new Error("the reader is too slow"));
    leave(reader);
  }

  function join(reader: Reader, wanted: Wanted): void {
    if (readers.size === 0) {
      heartbeat = setInterval(() => {
        for (const each of readers.keys()) send(each, silence);
      }, heartbeatMs);
    }
    readers.set(reader, wanted);
  }

  function format({ id, data }: Pick<Event, "id" | "data">): string {
    return `id: ${run}-${id}\ndata: ${JSON.stringify(data)}\n\n`;
  }

  /** The number in an id; nothing where it is none of this run. */
  function numberOf(id: string): number | undefined {
    const [, name, number] = id.match(/^(\w+)-(\d+)$/) ?? [];
    return name === run && Number(number) <= last ? Number(number) : undefined;
  }

  /** What a reader gets first. */
  function begin(seen: string | 0 | undefined, wanted: Wanted): string {
    const before = last - kept.length;
    const known = seen === undefined ? last : seen === 0 ? 0 : numberOf(seen);
    const missed = kept.filter((event) =>
      event.id > (known ?? before) && concerns(event, wanted)
    );
    const texts = newest(missed.map(format));
    const isLost = seen !== 0 &&
      (known === undefined || known < before || texts.length < missed.length);
    const first = missed.at(missed.length - texts.length)?.id ?? last + 1;
    const id = first - 1;
    if (isLost) texts.unshift(format({ id, data: { change: "loaded" } }));
    // Who has no id yet would lose what comes until it is back.
    const start = texts.length > 0 ? "" : `id: ${run}-${id}\n`;
    return `retry: 1000\n${start}\n${texts.join("")}`;
  }

  return {
    publish(topic, data, length, states) {
      const event = { id: ++last, topic, data, length: length ?? 0, states };
      kept.push(event);
      keptLength += event.length;
      while (kept.length > maxKept || keptLength > maxKeptLength) {
        keptLength -= kept.shift()?.length ?? 0;
      }
      // All readers share the bytes: a slow one holds no copy.
      let bytes: Uint8Array | undefined;
      let read: readonly unknown[] | undefined;
      const shared = states && { ...event, states: () => read ??= states() };
      for (const [reader, wanted] of readers) {
        if (!concerns(shared ?? event, wanted)) continue;
        send(reader, bytes ??= encoder.encode(format(event)));
      }
    },
    subscribe(seen, wanted = {}) {
      let reader: Reader | undefined;
      return new ReadableStream<Uint8Array>({
        start(controller) {
          reader = controller;
          controller.enqueue(encoder.encode(begin(seen, wanted)));
          if (closed) controller.close();
          else join(controller, wanted);
        },
        cancel: () => reader && leave(reader),
      }, { highWaterMark: maxQueued, size: (bytes) => bytes?.length ?? 0 });
    },
    close() {
      closed = true;
      for (const reader of readers.keys()) {
        reader.close();
        leave(reader);
      }
    },
  };
}

function concerns(
  { topic, states }: Event,
  { topics, meets }: Wanted,
): boolean {
  const isNamed = topics === undefined || topic === undefined ||
    topics.includes(topic);
  return isNamed &&
    (meets === undefined || states === undefined || states().some(meets));
}

/** The last texts that leave half of the queue free: the first event after them must not drop the reader. */
function newest(texts: readonly string[]): string[] {
  let length = 0;
  const first = texts.findLastIndex((text) =>
    (length += encoder.encode(text).length) > maxQueued / 2
  );
  return texts.slice(first + 1);
}

/** Tells whether a request asks for events as they happen. */
export function asksForEvents(headers: Headers): boolean {
  const accept = headers.get("accept") ?? "";
  return /event-stream/i.test(accept) && prefers(accept, "text/event-stream");
}

/**
 * Responds with events; those after Last-Event-ID come first, or those after `?after=` where a browser, which has
 * no such header yet, wants what was before it came; a polyfill of EventSource says `?lastEventId=` for the header.
 */
export function streamEvents(
  events: Events,
  { method, url, headers }: Request,
  wanted: Wanted = {},
  more: Readonly<Record<string, string>> = {},
): Response {
  const params = new URL(url).searchParams;
  const after = params.get("after") ?? params.get("lastEventId") ?? undefined;
  const seen = headers.get("last-event-id") || (after === "0" ? 0 : after);
  const body = method === "HEAD" ? null : events.subscribe(seen, wanted);
  const names = Object.keys(more).join(", ");
  return new Response(body, {
    headers: {
      "content-type": "text/event-stream; charset=utf-8",
      // what compresses on the way, and nginx, would wait until there is much of it
      "cache-control": "no-cache, no-transform",
      "x-accel-buffering": "no",
      "vary": VARY,
      ...names && { "access-control-expose-headers": names },
      ...more,
    },
  });
}

/** A request that was responded to. */
export interface LogEntry {
  /** When, as `Date.toISOString` writes it. */
  readonly time: string;
  readonly method: string;
  /** The path and the query. */
  readonly path: string;
  readonly status: number;
  /** How long it took until the response began. */
  readonly ms: number;
  /** Why it was refused, or failed. */
  readonly reason?: string;
  /** How many documents were deleted with the one that was meant, by resource. */
  readonly deleted?: Readonly<Record<string, number>>;
}

let lastMs = 0;
let lastTime = "";

/** Gives the time as `Date.toISOString` writes it; many requests of one ms share the text. */
export function formatNow(): string {
  const now = Date.now();
  if (now !== lastMs) {
    lastMs = now;
    lastTime = new Date(now).toISOString();
  }
  return lastTime;
}

/** Formats a request as a line without control characters: of text, or of JSON. */
export function formatEntry(entry: LogEntry, json = false): string {
  if (json) {
    const line = JSON.stringify({ event: "request", ...entry });
    return `${line.replace(/[\p{Cc}\p{Cf}]/gu, escapeInJson)}\n`;
  }
  const { method, path, status, ms, reason, deleted } = entry;
  const note = reason ?? (deleted && formatDeleted(deleted));
  const why = note === undefined ? "" : `: ${note.replace(/\s+/g, " ")}`;
  const line = `${method} ${path} ${status} ${ms.toFixed(1)} ms${why}`;
  return `${escapeControls(line)}\n`;
}

// The key that refers to a document, without its end, is what one is called.
const singular = { id: "", suffix: "" };

function formatDeleted(deleted: Readonly<Record<string, number>>): string {
  const counts = Object.entries(deleted)
    .map(([resource, count]) =>
      `${count} ${count === 1 ? foreignKeyOf(resource, singular) : resource}`
    );
  return `and ${counts.join(", ")}`;
}

function escapeInJson(control: string): string {
  return control.split("")
    .map((unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, "0")}`)
    .join("");
}
