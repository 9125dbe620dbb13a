/**
 * Server-sent events (WHATWG HTML, section 9.2), one by one as they arrive.
 *
 * @module
 */

import { createSafeDecoder, escapeControls } from "../../../lib/cli/io.ts";
import {
  createParser,
  type EventSourceMessage,
  type ParserCallbacks,
} from "eventsource-parser";
import { Failure } from "../../../lib/cli/errors.ts";
import { type BodyView, createDocumentView } from "./json/json.ts";
import type { JsonFormatOptions } from "./json/json_format.ts";
import { paint } from "./paint.ts";

/** An event may be this long, in characters, all of its lines with their names counted. */
const MAX_EVENT = 8 * 1024 * 1024;

/** So much is held back, in bytes, to be shown as it came when it has no event in it. */
const HELD_BYTES = 64 * 1024;

const encoder = new TextEncoder();

/** Where the last blank line of a text ends; 0 where it has none. */
export function endOfBlank(text: string): number {
  const [start = ""] = text.match(/^[^]*(?:\n\n|[\r\n]\r\n?)/) ?? [];
  return start.length;
}

/**
 * Makes a reader of a stream of events: it gives those that a chunk completes.
 *
 * @param hear Called with what is said about the stream.
 * @throws {Failure} When an event is longer than 8 Mi characters.
 */
export function createEventReader(
  hear: Pick<ParserCallbacks, "onId" | "onRetry"> = {},
): (chunk: Uint8Array) => EventSourceMessage[] {
  const decoder = new TextDecoder();
  const events: EventSourceMessage[] = [];
  const tooLong = () =>
    new Failure("Cannot read the events: one is longer than 8 Mi", {
      hint: "--raw shows the bytes as they come",
    });
  const parser = createParser({
    ...hear,
    onEvent: ({ event, id, data }) => void events.push({ event, id, data }),
    onError: (error) => {
      if (error.type === "max-buffer-size-exceeded") throw tooLong();
    },
    maxBufferSize: MAX_EVENT,
  });
  let last = "";
  let size = 0;
  return (chunk) => {
    const text = decoder.decode(chunk, { stream: true });
    const end = endOfBlank(last + text);
    // the parser counts what it keeps of the lines, which may be a sixth of what they take
    size = end === 0 ? size + text.length : last.length + text.length - end;
    last = text.at(-1) ?? last;
    if (size > MAX_EVENT) throw tooLong();
    // the parser makes an error of each line that it does not know: without a stack it costs a tenth
    const { stackTraceLimit } = Error;
    Error.stackTraceLimit = 0;
    try {
      parser.feed(text);
    } finally {
      Error.stackTraceLimit = stackTraceLimit;
    }
    return events.splice(0);
  };
}

/**
 * Makes a view of a stream of events: type and id on lines of their own, data as JSON where it is JSON. What has no
 * event in it is shown as it came.
 *
 * @param options With `escaped`, for a terminal: controls are shown, not obeyed.
 */
export function createEventView(options: JsonFormatOptions = {}): BodyView {
  const { color = false, escaped = false } = options;
  const safe = (text: string) => escaped ? escapeControls(text) : text;
  const view = createDocumentView(options);
  const read = createEventReader();
  const decode = createSafeDecoder();
  let held: Uint8Array[] | undefined = [];
  let size = 0;
  let isPlain = false;

  function* formatPlain(chunks: readonly Uint8Array[]): Generator<Uint8Array> {
    for (const chunk of chunks) {
      yield escaped ? encoder.encode(decode(chunk)) : chunk;
    }
  }
  function* formatEvent(event: EventSourceMessage): Generator<Uint8Array> {
    for (const name of ["event", "id"] as const) {
      const value = event[name];
      if (value === undefined) continue;
      const line = paint(`${name}: ${safe(value)}`, "cyan", { color });
      yield encoder.encode(`${line}\n`);
    }
    yield* view.format(encoder.encode(safe(event.data)));
    yield* view.end();
  }
  return {
    format: function* (chunk) {
      if (isPlain) return yield* formatPlain([chunk]);
      for (const event of read(chunk)) {
        held = undefined;
        yield* formatEvent(event);
      }
      // a copy: a small chunk may hold a large buffer
      held?.push(chunk.slice());
      size += chunk.length;
      if (held === undefined || size <= HELD_BYTES) return;
      isPlain = true;
      yield* formatPlain(held.splice(0));
    },
    end: function* () {
      yield* formatPlain(held ?? []);
      if (escaped) yield encoder.encode(decode());
    },
  };
}
