/**
 * Bodies as a person reads them, by what they are.
 *
 * @module
 */

import { createSafeDecoder, type Output } from "../../../lib/cli/io.ts";
import { charsetOf, createTranscoder } from "./charset.ts";
import type { ExchangeOptions } from "../options.ts";
import {
  type BodyView,
  createDocumentView,
  createJsonView,
} from "./json/json.ts";
import type { JsonFormatOptions } from "./json/json_format.ts";

/** The media type of a body, without its parameters. */
export function typeOf(headers: Headers): string {
  return headers.get("content-type")?.split(/[;,]/)[0]?.trim().toLowerCase() ??
    "";
}

/** Whether it is a stream of server-sent events. */
export function isEvents(headers: Headers): boolean {
  return typeOf(headers) === "text/event-stream";
}

/** Whether it is a stream of JSON documents: one a line, or a sequence. */
export function isLines(headers: Headers): boolean {
  return /[/+.-](ndjson|jsonl|jsonlines|json-lines|stream\+json|json-seq)$/
    .test(
      typeOf(headers),
    );
}

/** Whether the start of a body is that of no text, as its type lets tell: who does not know says text/plain. */
function testOf(headers: Headers): (start: Uint8Array) => boolean {
  const type = typeOf(headers);
  const isText = isLines(headers) ||
    /[/+](json|xml|javascript|ecmascript|x-www-form-urlencoded)$/.test(type);
  if (isText) return () => false;
  return type.startsWith("text/") ? (start) => start.includes(0) : isBinary;
}

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
function createBatchView({ format, end }: BodyView): BodyView {
  const buffer = new Uint8Array(BATCH_BYTES);
  return {
    format: (chunk) => join(format(chunk), buffer),
    end: () => join(end(), buffer),
  };
}

/** So much of a body is looked at, in bytes, to find out whether it is text. */
const LOOKED_AT = 2048;

/** What no text has: less than a third of it, and of a short one no more than a few, may be a slip or another charset. */
// deno-lint-ignore no-control-regex
const ODD = /[\x01-\x08\x0e-\x1a\x1c-\x1f\ufffd]/g;
const FEW_ODD = 8;

/** Whether the start of a body is not text. */
function isBinary(start: Uint8Array): boolean {
  if (start.includes(0)) return true;
  // a character may be cut off at the end
  const text = new TextDecoder().decode(start, { stream: true });
  const odd = text.match(ODD)?.length ?? 0;
  return odd > FEW_ODD && odd > text.length / 3;
}

/** A view of a body. */
interface View extends BodyView {
  /** Whether the body turned out to be no text: nothing more of it is shown. */
  readonly isBinary: () => boolean;
}

/** A view of text as UTF-8, for the view behind it; what the test takes for no text is not shown at all. */
function createTextView(
  label: string | undefined,
  test: (start: Uint8Array) => boolean,
  behind: BodyView,
): View {
  const { decode } = createTranscoder(label);
  let left = LOOKED_AT;
  let binary = false;
  const pass = (bytes: Uint8Array) => {
    // as it comes: text that is slow is not held back to be looked at
    if (left > 0) binary ||= test(bytes.subarray(0, left));
    left -= bytes.length;
    return binary ? [] : behind.format(bytes);
  };
  return {
    format: (chunk) => pass(decode(chunk)),
    end: function* () {
      yield* pass(decode());
      if (!binary) yield* behind.end();
    },
    isBinary: () => binary,
  };
}

/** A view that lets through only what no terminal obeys; the view behind it makes that readable. */
function createSafeView(behind?: BodyView): BodyView {
  const decode = createSafeDecoder();
  const pass = (text: string) => {
    const bytes = encoder.encode(text);
    return behind?.format(bytes) ?? [bytes];
  };
  return {
    format: (chunk) => pass(decode(chunk)),
    end: function* () {
      yield* pass(decode());
      yield* behind?.end() ?? [];
    },
  };
}

/** A view of JSON for an output, which may be a terminal. */
function safely(view: BodyView, { escaped }: JsonFormatOptions): BodyView {
  return escaped ? createSafeView(view) : view;
}

/** A view of a stream of JSON documents, of this type. */
async function createStreamView(
  type: string,
  options: JsonFormatOptions,
): Promise<BodyView> {
  const { createLinesView, createSplitter, isSequence } = await import(
    "./json/lines.ts"
  );
  const split = createSplitter(type);
  const document = createDocumentView(options);
  return isSequence(type)
    // the marks between documents are nothing to be shown
    ? createLinesView(split, safely(document, options))
    : safely(createLinesView(split, document), options);
}

/**
 * Makes the view of a body: JSON in lines and colours, events and lines of JSON one by one, anything else as text, in
 * the charset that it has; on a terminal none of it is obeyed.
 *
 * @param options With `pretty`, a body of any type is taken for JSON where it is JSON.
 * @param isCoded Whether the bytes are not decoded, so that their type says nothing of them.
 */
export async function createView(
  headers: Headers,
  { color, isTerminal }: Output,
  { pretty = false }: Pick<Partial<ExchangeOptions>, "pretty"> = {},
  isCoded = false,
): Promise<View> {
  const options = { color, escaped: isTerminal };
  if (isEvents(headers)) {
    const { createEventView } = await import("./events.ts");
    const view = createBatchView(createEventView(options));
    return { ...view, isBinary: () => false };
  }
  const view = isLines(headers)
    ? await createStreamView(typeOf(headers), options)
    : pretty || /[/+]json$/.test(typeOf(headers))
    ? safely(createJsonView(options), options)
    : createSafeView();
  return createTextView(
    isCoded ? undefined : charsetOf(headers),
    isCoded ? isBinary : testOf(headers),
    createBatchView(view),
  );
}
