/**
 * Bodies as a person reads them, by what they are.
 *
 * @module
 */

import type { Output } from "../../../lib/cli/io.ts";
import { createSafeDecoder } from "../../../lib/cli/terminal.ts";
import { isEvents, isJson, isLines } from "../../../lib/http/media_type.ts";
import { type BodyView, createDocumentView, createJsonView } from "./json.ts";
import type { JsonFormatOptions } from "./json_format.ts";

const encoder = new TextEncoder();

/** So many bytes are written at once: a view gives many small parts. */
const BATCH_BYTES = 64 * 1024;

/** Joins small parts to large ones; what it gives is valid until it goes on. */
function* join(
  parts: Iterable<Uint8Array>,
  buffer: Uint8Array,
): Generator<Uint8Array> {
  let at = 0;
  for (const part of parts) {
    if (at + part.length > buffer.length && at > 0) {
      yield buffer.subarray(0, at);
      at = 0;
    }
    if (part.length > buffer.length) yield part;
    else {
      buffer.set(part, at);
      at += part.length;
    }
  }
  if (at > 0) yield buffer.subarray(0, at);
}

/** A view whose parts are large. */
function createBatchView({ show, end }: BodyView): BodyView {
  const buffer = new Uint8Array(BATCH_BYTES);
  return {
    show: (chunk) => join(show(chunk), buffer),
    end: () => join(end(), buffer),
  };
}

/** A view that lets through only what no terminal obeys; the view behind it makes that readable. */
function createSafeView(behind?: BodyView): BodyView {
  const { decode, flush } = createSafeDecoder();
  const pass = (text: string) => {
    const bytes = encoder.encode(text);
    return behind?.show(bytes) ?? [bytes];
  };
  return {
    show: (chunk) => pass(decode(chunk)),
    end: function* () {
      yield* pass(flush());
      yield* behind?.end() ?? [];
    },
  };
}

/**
 * Makes the view of a body: JSON in lines and colours, events and lines of JSON one by one, anything else as text; on a
 * terminal none of it is obeyed.
 *
 * @param headers The headers of the response.
 * @param output Where the body is shown.
 * @param options With `pretty`, a body of any type is taken for JSON where it is JSON.
 * @returns The view; undefined where the bytes themselves are shown.
 */
export async function createView(
  headers: Headers,
  { color, isTerminal }: Output,
  { pretty = false }: { readonly pretty?: boolean } = {},
): Promise<BodyView | undefined> {
  const options = { color, escaped: isTerminal };
  if (isEvents(headers)) {
    const { createEventView } = await import("./events.ts");
    return createBatchView(createEventView(options));
  }
  const view = isLines(headers)
    ? createLinesView(options)
    : pretty || isJson(headers)
    ? createJsonView(options)
    : undefined;
  const shown = isTerminal ? createSafeView(view) : view;
  return shown && createBatchView(shown);
}

const NEWLINE = 0x0a;

/** Makes a view of newline-delimited JSON. A line that is not JSON is shown as it came; empty lines are left out. */
export function createLinesView(options: JsonFormatOptions = {}): BodyView {
  const line = createDocumentView(options);
  let isEmpty = true;
  const end = function* () {
    if (!isEmpty) yield* line.end();
    isEmpty = true;
  };
  return {
    show: function* (chunk) {
      for (let at = 0; at < chunk.length;) {
        const stop = chunk.indexOf(NEWLINE, at);
        const part = chunk.subarray(at, stop === -1 ? chunk.length : stop);
        if (part.length > 0) {
          isEmpty = false;
          yield* line.show(part);
        }
        if (stop === -1) return;
        yield* end();
        at = stop + 1;
      }
    },
    end,
  };
}
