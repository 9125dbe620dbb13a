/**
 * A response as it comes over a socket, head and body, by RFC 9112: as strict as fetch, so that both say the same of it.
 *
 * @module
 */

import { ExitCode, Failure } from "../../cli/errors.ts";
import {
  type ByteSource,
  codingsOf,
  CONTROL,
  fromLatin1,
  type Header,
  streamOf,
  TOKEN,
  trimBlanks,
} from "../request.ts";
import type { ResponseHead, TransportResponse } from "../transport.ts";

type Bytes = Uint8Array<ArrayBuffer>;

/** How long a head may be, in bytes, as for fetch, and in lines. */
const LONGEST = 512 * 1024;
const MOST_HEADERS = 5000;

const notHttp = (what: string) =>
  new Failure(`the answer is not HTTP (invalid ${what})`);
const tooLarge = () => new Failure("the head of the answer is too large");
/** A body that ends, or breaks its framing, before its end: fetch says no more of it. */
export function cutShort(): Failure {
  return new Failure("cut short", { code: ExitCode.CutShort });
}

const withoutEnd = (line: string) => line.replace(/\r?\n$/, "");

async function readLines(reader: Reader): Promise<string[]> {
  const lines: string[] = [];
  for (let left = LONGEST; lines.length <= MOST_HEADERS;) {
    const line = withoutEnd(await reader.line(left, tooLarge));
    if (line === "") return lines;
    left -= line.length;
    lines.push(line);
  }
  throw tooLarge();
}

function parseHeaders(lines: readonly string[]): Header[] {
  const folded: string[][] = [];
  for (const line of lines) {
    const last = folded.at(-1);
    // RFC 9112, section 5.2: a folded line goes on after a space
    if (/^[ \t]/.test(line) && last) last.push(trimBlanks(line));
    else folded.push([line]);
  }
  return folded.map(([start = "", ...rest]) => {
    const colon = start.indexOf(":");
    const name = start.slice(0, Math.max(0, colon));
    const first = trimBlanks(start.slice(colon + 1));
    const value = [first, ...rest].filter((part) => part !== "").join(" ");
    if (!TOKEN.test(name) || CONTROL.test(value)) throw notHttp("HTTP header");
    return [name, value];
  });
}

/** So many of those before the head that counts are kept; they need not end. */
const MOST_INTERIM = 10;

export async function readResponseHead(reader: Reader): Promise<ResponseHead> {
  const interim: ResponseHead[] = [];
  while (true) {
    const whole = await reader.line(LONGEST, tooLarge, "HTTP/1.");
    const line = withoutEnd(whole);
    // RFC 9112, section 2.2: such a line may be left over from before
    if (line === "") continue;
    const [, version] = line.match(/^HTTP\/(1\.[01])(?: |$)/) ?? [];
    if (version === undefined) throw notHttp("HTTP version");
    const [, digits, statusText = ""] =
      line.match(/^\S+ ([1-9]\d\d)(?: (.*))?$/) ?? [];
    if (digits === undefined || CONTROL.test(statusText)) {
      throw notHttp("HTTP status-code");
    }
    const lines = await readLines(reader);
    const rawHeaders = parseHeaders(lines);
    const status = Number(digits);
    const headers = new Headers(rawHeaders.map((pair) => [...pair]));
    const head = { version, status, statusText, rawHeaders, headers };
    const all = { ...head, lines: [line, ...lines] };
    if (status >= 200 || status === 101) return { ...all, interim };
    if (interim.length < MOST_INTERIM) interim.push(all);
  }
}

/** How many bytes are read at once where nobody has a buffer for them. */
const READ_BYTES = 64 * 1024;

interface Reader extends ByteSource {
  /** A line with its end; throws what `long` makes past `limit`, and at once where it does not begin as it must. */
  readonly line: (
    limit: number,
    long: () => Failure,
    start?: string,
  ) => Promise<string>;
}

export function createReader(read: ByteSource["read"]): Reader {
  let rest: Bytes = new Uint8Array();
  const fill = async () => {
    const buffer = new Uint8Array(READ_BYTES);
    const count = await read(buffer);
    rest = buffer.subarray(0, count ?? 0);
    return count !== null;
  };
  const take = (length: number) => {
    const part = rest.subarray(0, length);
    rest = rest.subarray(part.length);
    return part;
  };
  return {
    line: async (limit, long, start = "") => {
      const parts: string[] = [];
      let [length, first] = [0, ""];
      while (rest.length > 0 || await fill()) {
        const end = rest.indexOf(0x0a) + 1;
        const part = fromLatin1(take(end || rest.length));
        length += part.length;
        parts.push(part);
        if (first.length < start.length) first += part;
        // a banner may have no end, and its server wait for a word from here
        const isStart = first.startsWith(start.slice(0, first.length));
        if (!isStart && !EMPTY.test(first)) throw notHttp("HTTP version");
        if (length > limit) throw long();
        if (end > 0) return parts.join("");
      }
      throw cutShort();
    },
    read: async (buffer) => {
      if (rest.length === 0) return await read(buffer);
      const part = take(buffer.length);
      buffer.set(part);
      return part.length;
    },
  };
}

/** A line that has nothing but its end, or a part of that. */
const EMPTY = /^\r?\n?$/;

/** How long the extensions of all chunks may be together, and what follows the last chunk, also in lines: as for fetch. */
const LONGEST_MORE = 16 * 1024;
const MOST_TRAILERS = 100;

const CHUNK = /^0*([\da-f]{1,16})[ \t]*(?:;([^\n]*))?\r\n$/i;
// deno-lint-ignore no-control-regex
const TRAILER = /^([\w!#$%&'*+.^`|~-]+):([^\x00-\x08\x0a-\x1f\x7f]*)\r\n$/;

function ofLength(reader: Reader, length: number): ByteSource {
  let left = length;
  return {
    read: async (buffer) => {
      if (left === 0) return null;
      const count = await reader.read(buffer.subarray(0, left));
      if (count === null) throw cutShort();
      left -= count;
      return count;
    },
  };
}

function inChunks(reader: Reader, trailers: Header[] = []): ByteSource {
  let extensions = LONGEST_MORE;
  let chunk: ByteSource | undefined;
  const readLine = async (limit: number, pattern: RegExp) => {
    const match = (await reader.line(limit, cutShort)).match(pattern);
    if (match === null) throw cutShort();
    return match;
  };
  return {
    read: async (buffer) => {
      const count = await chunk?.read(buffer) ?? null;
      if (count !== null) return count;
      if (chunk !== undefined) await readLine(2, /^\r\n$/);
      const line = await readLine(extensions + 40, CHUNK);
      const [, digits = "", extension = ""] = line;
      extensions -= extension.length;
      if (extensions < 0) throw cutShort();
      const length = parseInt(digits, 16);
      chunk = ofLength(reader, length);
      if (length > 0) return await chunk.read(buffer);
      for (let [left, count] = [LONGEST_MORE, 0];; count++) {
        const line = await reader.line(left, cutShort);
        if (line === "\r\n") return null;
        const [, name, value = ""] = line.match(TRAILER) ?? [];
        if (count === MOST_TRAILERS || !name) throw cutShort();
        left -= line.length;
        trailers.push([name, trimBlanks(value)]);
      }
    },
  };
}

/** How a body is encoded beside being in chunks, which must be the last step: undefined where it is not in chunks. */
function transferCodingOf(framing: string): string | undefined {
  const codings = codingsOf(framing);
  const last = codings.pop();
  if (last === undefined) return undefined;
  if (last === "chunked" && !codings.includes(last)) return codings.join();
  throw new Failure(`cannot decode its transfer-encoding "${framing}"`);
}

/** The same for a response of fetch, which takes off the chunks where they are the very last word, and no more. */
export async function unframe(
  head: TransportResponse,
  framing: string,
): Promise<TransportResponse> {
  const { body } = head;
  if (body === null) return head;
  try {
    const transferCoding = transferCodingOf(framing);
    if (transferCoding === undefined || /chunked$/i.test(framing)) {
      return { ...head, body, transferCoding };
    }
    const reader = body.getReader({ mode: "byob" });
    const { read } = inChunks(createReader(async (buffer) => {
      const { value } = await reader.read(new Uint8Array(buffer.length));
      buffer.set(value ?? []);
      return value?.length || null;
    }));
    const source = { read, close: () => reader.cancel() };
    return { ...head, body: streamOf(source), transferCoding };
  } catch (error) {
    await body.cancel();
    throw error;
  }
}

/** The body that belongs to a head, where there is one; refused when lengths, or encodings, do not say where it ends. */
export function readResponseBody(
  reader: Reader,
  method: string,
  { status, headers }: Pick<ResponseHead, "status" | "headers">,
): { source: ByteSource; coding: string; trailers?: Header[] } | undefined {
  const isEmpty = status < 200 || [204, 205, 304].includes(status);
  if (method === "HEAD" || isEmpty) return undefined;
  const coding = transferCodingOf(headers.get("transfer-encoding") ?? "");
  if (coding !== undefined) {
    const trailers: Header[] = [];
    return { source: inChunks(reader, trailers), coding, trailers };
  }
  const length = headers.get("content-length");
  if (length === null) return { source: { read: reader.read }, coding: "" };
  // the same length twice is one length (RFC 9112, section 6.3)
  const lengths = new Set(
    length.split(",").map((text) => text.trim().replace(/^0+(?=\d)/, "")),
  );
  const [text = ""] = lengths;
  if (lengths.size > 1 || !/^\d{1,19}$/.test(text)) {
    throw notHttp("content-length");
  }
  return { source: ofLength(reader, Number(text)), coding: "" };
}
