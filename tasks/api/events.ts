/**
 * Events that are sent as they happen, over HTTP as server-sent events (HTML, section 9.2); and those of the log, what
 * the api was asked, as lines for a person or as JSON.
 *
 * @module
 */

import { escapeControls } from "../../lib/cli/terminal.ts";
import { foreignKeyOf } from "./store/naming.ts";

/** Events, the last ones kept. */
export interface Events {
  /**
   * Sends an event, as JSON on one line, to all who want its topic; without one, to all.
   *
   * @param length About how many characters it has, where that may be many.
   */
  publish(topic: string | undefined, data: unknown, length?: number): void;
  /**
   * Gives the events as the body of a `text/event-stream`.
   *
   * @param topic Nothing means all.
   * @param after The number of the last event that the reader has seen, as Last-Event-ID gives it: those after it
   * are sent again, as far as they are kept. Nothing begins with the next one.
   */
  subscribe(topic?: string, after?: number): ReadableStream<Uint8Array>;
  /** Ends all streams, and what is subscribed from now on at once. */
  close(): void;
}

interface Event {
  readonly id: number;
  readonly topic: string | undefined;
  readonly data: unknown;
  readonly length: number;
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
 * A reader that is 64 KB behind is dropped; it may come back with the number of the last event it has seen.
 *
 * @param heartbeatMs How long the silence may be until a comment is sent: it keeps proxies from hanging up.
 */
export function createEvents(heartbeatMs = 15_000): Events {
  const kept: Event[] = [];
  const readers = new Map<Reader, string | undefined>();
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

  function join(reader: Reader, topic: string | undefined): void {
    if (readers.size === 0) {
      heartbeat = setInterval(() => {
        for (const each of readers.keys()) send(each, silence);
      }, heartbeatMs);
    }
    readers.set(reader, topic);
  }

  return {
    publish(topic, data, length = 0) {
      const event = { id: ++last, topic, data, length };
      kept.push(event);
      keptLength += length;
      while (kept.length > maxKept || keptLength > maxKeptLength) {
        keptLength -= kept.shift()?.length ?? 0;
      }
      // All readers share the bytes: a slow one holds no copy.
      let bytes: Uint8Array | undefined;
      for (const [reader, wanted] of readers) {
        if (!concerns(event, wanted)) continue;
        send(reader, bytes ??= encoder.encode(format(event)));
      }
    },
    subscribe(topic, after = last) {
      let reader: Reader | undefined;
      return new ReadableStream<Uint8Array>({
        start(controller) {
          reader = controller;
          // A number above the last one is from before a restart: all is new then.
          const since = after > last ? 0 : after;
          const missed = kept
            .filter((event) => event.id > since && concerns(event, topic))
            .map(format);
          controller.enqueue(
            encoder.encode("retry: 1000\n\n" + newest(missed)),
          );
          if (closed) controller.close();
          else join(controller, topic);
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

function concerns(event: Event, topic: string | undefined): boolean {
  return topic === undefined || (event.topic ?? topic) === topic;
}

function format({ id, data }: Event): string {
  return `id: ${id}\ndata: ${JSON.stringify(data)}\n\n`;
}

/** The last texts that leave half of the queue free: the first event after them must not drop the reader. */
function newest(texts: readonly string[]): string {
  let length = 0;
  const first = texts.findLastIndex((text) =>
    (length += text.length) > maxQueued / 2
  );
  return texts.slice(first + 1).join("");
}

/** Tells whether a request asks for events as they happen. */
export function asksForEvents(headers: Headers): boolean {
  return headers.get("accept")?.includes("text/event-stream") ?? false;
}

/**
 * Responds with events; those after Last-Event-ID come first, or those after `?after=` where a browser, which has
 * no such header yet, wants what was before it came.
 */
export function streamEvents(
  events: Events,
  { method, url, headers }: Request,
  topic?: string,
): Response {
  const seen = headers.get("last-event-id") ??
    new URL(url).searchParams.get("after");
  const after = seen === null ? undefined : Number(seen) || 0;
  const body = method === "HEAD" ? null : events.subscribe(topic, after);
  return new Response(body, {
    headers: {
      "content-type": "text/event-stream; charset=utf-8",
      "cache-control": "no-cache",
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
