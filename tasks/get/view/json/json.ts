/**
 * A JSON body as a person reads it, and any other body as it came.
 *
 * @module
 */

import { createJsonFormatter, type JsonFormatOptions } from "./json_format.ts";

/** Turns the chunks of a body into what is printed; what it gives is valid until it goes on. */
export interface BodyView {
  /** What is complete after this chunk. */
  readonly format: (chunk: Uint8Array) => Iterable<Uint8Array>;
  /** The rest; what comes after it begins anew. */
  readonly end: () => Iterable<Uint8Array>;
}

/** A body is held back up to this size, in bytes, to see whether it is JSON: a small one that is not stays as it came. */
const HELD_BYTES = 64 * 1024;

const NEWLINE = new Uint8Array([0x0a]);

/** So much is formatted at once: deep lists may grow a thousandfold. */
const SLICE_BYTES = 4096;

/**
 * Makes a view of a JSON body. A body that is not JSON is shown as it came: all of it up to 64 KiB, a larger one from
 * the first byte on that is wrong.
 */
export function createJsonView(options: JsonFormatOptions = {}): BodyView {
  const formatter = createJsonFormatter(options);
  let held: Uint8Array[] | undefined = [];
  let size = 0;
  let isJson = true;

  function* formatSlices(chunk: Uint8Array): Generator<Uint8Array> {
    if (!isJson) return yield chunk;
    for (let at = 0; at < chunk.length; at += SLICE_BYTES) {
      yield formatter.format(chunk.subarray(at, at + SLICE_BYTES));
    }
  }
  function* release(
    chunks: readonly Uint8Array[],
    atEnd: boolean,
  ): Generator<Uint8Array> {
    for (const chunk of chunks) for (const _ of formatSlices(chunk));
    const state = formatter.state();
    isJson = state === "whole" || state === "open" && !atEnd;
    formatter.reset();
    for (const chunk of chunks) yield* formatSlices(chunk);
    held = undefined;
  }
  return {
    format: function* (chunk) {
      if (held === undefined) return yield* formatSlices(chunk);
      // a copy: a small chunk may hold a large buffer
      held.push(chunk.slice());
      size += chunk.length;
      if (size > HELD_BYTES) yield* release(held, false);
    },
    end: function* () {
      if (held !== undefined) yield* release(held, true);
      yield formatter.end();
      if (formatter.state() === "whole") yield NEWLINE;
      formatter.reset();
      [held, size, isJson] = [[], 0, true];
    },
  };
}

/** Makes a view of one document among others, such as the data of an event: whatever it is, it ends its line. */
export function createDocumentView(options: JsonFormatOptions = {}): BodyView {
  const { format, end } = createJsonView(options);
  let last: number | undefined;
  function* pass(parts: Iterable<Uint8Array>): Generator<Uint8Array> {
    for (const part of parts) {
      last = part.at(-1) ?? last;
      yield part;
    }
  }
  return {
    format: (chunk) => pass(format(chunk)),
    end: function* () {
      yield* pass(end());
      if (last !== NEWLINE[0]) yield NEWLINE;
      last = undefined;
    },
  };
}
