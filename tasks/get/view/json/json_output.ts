/**
 * An exchange as JSON: one object, or for a stream one object per line.
 *
 * @module
 */

import { encodeBase64 } from "@std/encoding/base64";
import { Failure } from "../../../../lib/cli/errors.ts";
import type { Output } from "../../../../lib/cli/io.ts";
import { redactUrl } from "../../../../lib/cli/redact.ts";
import type { Header } from "../../../../lib/http/request.ts";
import type {
  HttpResponse,
  ResponseHead,
  Timings,
} from "../../../../lib/http/transport.ts";
import type { Proxy } from "../../../../lib/net/proxy.ts";
import {
  charsetOf,
  createTranscoder,
  decodeText,
  encodingOf,
  fromByteString,
} from "../charset.ts";
import type { ExchangeOptions } from "../../options.ts";
import {
  redactHeader,
  redactRequest,
  redactResponseHeaders,
} from "../../redact.ts";
import { parseHead, type Tunnel } from "../head.ts";
import { createBuffer } from "./buffer.ts";
import { createJsonFormatter } from "./json_format.ts";
import { createSplitter } from "./lines.ts";
import { createView, isEvents, isLines, typeOf } from "../view.ts";

/** A body may be this long, in bytes: all of it must be there before it is known what it is. */
const MAX_BODY = 128 * 1024 * 1024;

/** A line of a stream may be this long, in characters. */
const MAX_LINE = 16 * 1024 * 1024;

const BLANKS = [0x09, 0x0b, 0x0c, 0x0d, 0x20];

const encoder = new TextEncoder();

/** Headers by their names in lower case; a name that comes twice has a list. */
function headersOf(headers: readonly Header[]): Record<string, unknown> {
  const named = Map.groupBy(headers, ([name]) => name.toLowerCase());
  return Object.fromEntries(
    [...named].map(([name, all]) => {
      const values = all.map(([, value]) => fromByteString(value));
      return [name, values.length > 1 ? values : values[0]];
    }),
  );
}

async function readAll(body: HttpResponse["body"]): Promise<Uint8Array> {
  const all = createBuffer();
  for await (const chunk of body) {
    all.add(chunk);
    if (all.size() > MAX_BODY) {
      throw new Failure(
        "Cannot show the body as JSON: it is larger than 128 MiB",
        { hint: "-o FILE saves it" },
      );
    }
  }
  return all.take();
}

/** What was exchanged. */
interface Exchanged {
  readonly response: HttpResponse;
  /** What a proxy was asked for tunnels with, and answered. */
  readonly tunnels?: readonly Tunnel[] | undefined;
  readonly proxy?: Proxy | undefined;
}

function formatTunnel({ sent, received }: Tunnel, showSecrets: boolean) {
  const [line, ...asked] = parseHead(sent);
  const [status, ...answered] = parseHead(received);
  const [method, target] = line.split(" ");
  const [, version, code, text = ""] =
    status.match(/^HTTP\/(\S+) (\d+) ?(.*)/) ?? [];
  const shown = (headers: readonly Header[]) =>
    headersOf(showSecrets ? headers : headers.map(redactHeader));
  const statusText = fromByteString(text);
  return {
    request: { method, target, headers: shown(asked) },
    response: {
      ...{ version, status: Number(code), statusText },
      headers: shown(answered),
    },
  };
}

/** The object but for the body and the timings; the response is its last member. */
function headsOf(
  { response, tunnels = [], proxy }: Exchanged,
  showSecrets: boolean,
) {
  const { hops = [] } = response;
  const [first = response.request] = hops.map((hop) => hop.request);
  const { target: _, bytes: __, ...request } = redactRequest(
    first,
    showSecrets,
    proxy,
  );
  const headOf = (head: ResponseHead): Record<string, unknown> => ({
    interim: head.interim?.length ? head.interim.map(headOf) : undefined,
    version: head.version,
    status: head.status,
    statusText: fromByteString(head.statusText),
    headers: headersOf(redactResponseHeaders(head, showSecrets)),
  });
  const redirects = hops.map((hop) => {
    const text = fromByteString(hop.location);
    const location = showSecrets ? text : redactUrl(text);
    return { ...headOf(hop), location };
  });
  return {
    tunnels: tunnels.length === 0
      ? undefined
      : tunnels.map((tunnel) => formatTunnel(tunnel, showSecrets)),
    request: { ...request, headers: headersOf(request.headers) },
    redirects: hops.length === 0 ? undefined : redirects,
    response: headOf(response),
  };
}

/** What the transport measured, else what can be told from here, in ms. */
function formatTimings(
  { timings }: HttpResponse,
  start: number,
  head: number,
): string {
  const now = performance.now();
  const own: Partial<Timings> = timings ??
    { firstByte: head - start, body: now - head, total: now - start };
  return JSON.stringify(
    own,
    (_, value) =>
      typeof value === "number" ? Math.round(1000 * value) / 1000 : value,
  );
}

/** So many characters, or bytes, are formatted at once: what is formatted grows. */
const SLICE = 64 * 1024;

/** One for all texts: a stream may have millions. */
const formatter = createJsonFormatter();

function isWholeJson(text: string): boolean {
  formatter.reset();
  for (let at = 0; at < text.length; at += SLICE) {
    formatter.format(encoder.encode(text.slice(at, at + SLICE)));
    if (formatter.state() === "broken") return false;
  }
  return formatter.state() === "whole";
}

/** Bytes as JSON text: JSON as it is, other text as a string, anything else in base64. */
export function formatJsonValue(bytes: Uint8Array, encoding?: string): string {
  const text = decodeText(bytes, encoding);
  if (text === undefined) {
    return JSON.stringify({ base64: encodeBase64(bytes) });
  }
  return isWholeJson(text) ? text.trim() : JSON.stringify(text);
}

const badLines = (why: string) =>
  new Failure(`Cannot show the lines as JSON: ${why}`, {
    hint: "--raw shows the bytes as they come",
  });

/** Makes what joins the parts of a line, and refuses one that is too long. */
function createLine(encoding: () => string | undefined) {
  const line = createBuffer();
  let decoder: TextDecoder | undefined;
  let length = 0;
  return {
    add: (bytes: Uint8Array) => {
      line.add(bytes);
      if (line.size() <= MAX_LINE) return;
      // there are fewer characters than bytes, how many is counted from here on
      const rest = decoder === undefined ? line.bytes() : bytes;
      decoder ??= new TextDecoder(encoding());
      length += decoder.decode(rest, { stream: true }).length;
      if (length > MAX_LINE) throw badLines("one is longer than 16 Mi");
    },
    take: () => {
      [decoder, length] = [undefined, 0];
      return { bytes: line.take(), encoding: encoding() };
    },
  };
}

/** The lines of a stream, and the encoding of each. */
async function* linesOf(
  { headers, body }: Pick<HttpResponse, "headers" | "body">,
): AsyncGenerator<{ bytes: Uint8Array; encoding: string | undefined }> {
  // but for UTF-16, which becomes UTF-8, a newline is the one byte in all of them
  const isWide = (encoding = "") => encoding.startsWith("utf-16");
  const { decode, encoding } = createTranscoder(
    charsetOf(headers),
    (encoding) => !isWide(encoding),
    true,
  );
  const line = createLine(() => isWide(encoding()) ? "utf-8" : encoding());
  const find = createSplitter(typeOf(headers));
  const split = function* (chunk?: Uint8Array) {
    let rest: Uint8Array;
    try {
      rest = decode(chunk);
    } catch {
      throw badLines(`they are not ${encoding()}`);
    }
    for (let end = 0; (end = find(rest)) !== -1;) {
      line.add(rest.subarray(0, end));
      yield line.take();
      rest = rest.subarray(end + 1);
    }
    line.add(rest);
  };
  for await (const chunk of body) yield* split(chunk);
  yield* split();
  yield line.take();
}

/** Formats the messages of a stream, each as soon as it is there: an event as it is, a line as `{"data":...}`. */
export async function* formatMessages(
  response: Pick<HttpResponse, "headers" | "body">,
): AsyncGenerator<string> {
  if (isEvents(response.headers)) {
    const { createEventReader } = await import("../events.ts");
    const read = createEventReader();
    for await (const chunk of response.body) {
      for (const event of read(chunk)) yield JSON.stringify(event);
    }
    return;
  }
  for await (const { bytes, encoding } of linesOf(response)) {
    if (bytes.every((byte) => BLANKS.includes(byte))) continue;
    // one line each: JSON has a newline between its tokens alone
    const value = formatJsonValue(bytes, encoding).replaceAll("\n", " ");
    yield `{"data":${value}}`;
  }
}

/** Formats an exchange as JSON texts, one per line. Numbers and the order of keys in a JSON body stay as they came. */
async function* formatExchange(
  exchanged: Exchanged,
  showSecrets: boolean,
  start: number,
): AsyncGenerator<string> {
  const { response } = exchanged;
  const { trailers = [] } = response;
  const formatTrailers = () =>
    JSON.stringify({
      trailers: headersOf(showSecrets ? trailers : trailers.map(redactHeader)),
    });
  const heads = JSON.stringify(headsOf(exchanged, showSecrets));
  const head = performance.now();
  if (isEvents(response.headers) || isLines(response.headers)) {
    yield heads;
    yield* formatMessages(response);
    if (trailers.length > 0) yield formatTrailers();
    return;
  }
  const bytes = await readAll(response.body);
  const encoding = encodingOf(bytes, charsetOf(response.headers));
  const value = formatJsonValue(bytes, encoding);
  const body = `"size":${bytes.length},"body":${value}` +
    (trailers.length > 0 ? `,${formatTrailers().slice(1, -1)}` : "");
  const timings = formatTimings(response, start, head);
  // the response, the last member, takes the body as the text that it is
  yield `${heads.slice(0, -"}}".length)},${body}},"timings":${timings}}`;
}

/**
 * Prints an exchange as JSON, pretty on a terminal.
 *
 * @param start When it began, as `performance.now()` tells it.
 * @throws {Failure} When the body is cut short, late, or larger than 128 MiB.
 */
export async function printJson(
  exchanged: Exchanged,
  output: Output,
  { pretty, showSecrets }: ExchangeOptions,
  start: number,
): Promise<void> {
  const headers = new Headers({ "content-type": "application/x-ndjson" });
  const view = output.isTerminal || pretty
    ? await createView(headers, output)
    : undefined;
  for await (const line of formatExchange(exchanged, showSecrets, start)) {
    const bytes = encoder.encode(`${line}\n`);
    if (view === undefined) await output.write(bytes);
    else {
      for (let at = 0; at < bytes.length; at += SLICE) {
        const slice = bytes.subarray(at, at + SLICE);
        for (const part of view.format(slice)) await output.write(part);
      }
    }
  }
}
