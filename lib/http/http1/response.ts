/**
 * A response as it comes over a socket, head and body, by RFC 9112: strict where two readers could see two answers.
 *
 * @module
 */

import { ExitCode, Failure } from "../../cli/errors.ts";
import { type Header, TOKEN } from "../request.ts";

/** The head of a response. */
export interface ResponseHead {
  readonly version: string;
  readonly status: number;
  readonly statusText: string;
  readonly rawHeaders: readonly Header[];
  readonly headers: Headers;
}

/** How long a head may be, in bytes: about what fetch takes. */
const LONGEST = 400_000;

const notHttp = (what: string) =>
  new Failure(`the answer is not HTTP (invalid ${what})`);

async function readHeaders(reader: Reader): Promise<Header[]> {
  const headers: Header[] = [];
  for (let left = LONGEST;;) {
    const line = await reader.line(left);
    if (line === "") return headers;
    left -= line.length;
    const colon = line.indexOf(":");
    const name = line.slice(0, Math.max(0, colon));
    const value = line.slice(colon + 1).replace(/^[ \t]+|[ \t]+$/g, "");
    // a folded line begins with a space: it has no name
    if (!TOKEN.test(name) || /[\0\r]/.test(value)) {
      throw notHttp("HTTP header");
    }
    headers.push([name, value]);
  }
}

/**
 * Reads the head of a response; those before it (RFC 9110, section 15.2: 100, 103) are passed over.
 *
 * @throws {Failure} When it is no head, or too long.
 * @throws {Deno.errors.UnexpectedEof} When it ends before its empty line.
 */
export async function readResponseHead(reader: Reader): Promise<ResponseHead> {
  while (true) {
    const line = await reader.line(LONGEST, "HTTP/1.");
    const [, version] = line.match(/^HTTP\/(1\.[01])(?: |$)/) ?? [];
    if (version === undefined) throw notHttp("HTTP version");
    const [, digits, statusText = ""] =
      line.match(/^\S+ ([1-9]\d\d)(?: (.*))?$/) ?? [];
    if (digits === undefined) throw notHttp("HTTP status-code");
    const rawHeaders = await readHeaders(reader);
    const status = Number(digits);
    if (status < 200 && status !== 101) continue;
    const headers = new Headers(
      rawHeaders.map(([name, value]) => [name, value]),
    );
    return { version, status, statusText, rawHeaders, headers };
  }
}

/** How many bytes are read at once. */
const CHUNK = 64 * 1024;

/** Reads what comes in. */
export interface Reader {
  /** A line without its end, each character for one byte; throws when it is longer than `limit`, or cut short; and at once when it does not begin as it must. */
  readonly line: (limit: number, start?: string) => Promise<string>;
  /** What is there, up to `limit` bytes; null at the end. */
  readonly some: (limit: number) => Promise<Uint8Array<ArrayBuffer> | null>;
}

/**
 * Makes a reader of a socket.
 *
 * @param read Reads from the socket, as `Deno.Conn` does.
 */
export function createReader(
  read: (buffer: Uint8Array<ArrayBuffer>) => Promise<number | null>,
): Reader {
  let rest: Uint8Array<ArrayBuffer> = new Uint8Array();
  const fill = async () => {
    while (rest.length === 0) {
      const buffer = new Uint8Array(CHUNK);
      const count = await read(buffer);
      if (count === null) return false;
      rest = buffer.subarray(0, count);
    }
    return true;
  };
  const take = (length: number) => {
    const part = rest.subarray(0, length);
    rest = rest.subarray(part.length);
    return part;
  };
  const line = async (limit: number, start = "") => {
    let text = "";
    while (await fill()) {
      const end = rest.indexOf(0x0a) + 1;
      for (const byte of take(end || rest.length)) {
        text += String.fromCharCode(byte);
      }
      // a banner may have no end, and its server wait for a word from here
      if (!text.startsWith(start.slice(0, text.length))) {
        throw notHttp("HTTP version");
      }
      if (text.length > limit) {
        throw new Failure("the head of the answer is too large");
      }
      if (end > 0) return text.replace(/\r?\n$/, "");
    }
    throw new Deno.errors.UnexpectedEof("unexpected end of file");
  };
  return {
    line,
    some: async (limit) => await fill() ? take(limit) : null,
  };
}

/** How long the line before a chunk may be, its extensions included. */
const LONGEST_LINE = 4096;

/** How long what follows the last chunk may be. */
const LONGEST_TRAILER = 100_000;

async function* readLength(
  reader: Reader,
  length: number,
): AsyncGenerator<Uint8Array<ArrayBuffer>> {
  for (let left = length; left > 0;) {
    const part = await reader.some(left);
    if (part === null) {
      throw new Deno.errors.UnexpectedEof("unexpected end of file");
    }
    left -= part.length;
    yield part;
  }
}

async function* readChunks(
  reader: Reader,
): AsyncGenerator<Uint8Array<ArrayBuffer>> {
  const broken = () =>
    new Failure("cut short: a chunk has no length", {
      code: ExitCode.CutShort,
    });
  while (true) {
    const line = await reader.line(LONGEST_LINE);
    const [, digits] = line.match(/^([\da-f]{1,12})[ \t]*(?:;.*)?$/i) ?? [];
    if (digits === undefined) throw broken();
    const length = parseInt(digits, 16);
    if (length === 0) break;
    yield* readLength(reader, length);
    if (await reader.line(LONGEST_LINE) !== "") throw broken();
  }
  let line = await reader.line(LONGEST_TRAILER);
  for (let left = LONGEST_TRAILER; line !== ""; left -= line.length) {
    line = await reader.line(left);
  }
}

async function* readToEnd(
  reader: Reader,
): AsyncGenerator<Uint8Array<ArrayBuffer>> {
  let part = await reader.some(Infinity);
  for (; part !== null; part = await reader.some(Infinity)) yield part;
}

/**
 * Reads the body that belongs to a head.
 *
 * @param method The method of the request: HEAD has no body in its response.
 * @returns The body, or undefined where there is none.
 * @throws {Failure} When nobody could say where the body ends: lengths that differ, an encoding that is not chunked.
 */
export function readResponseBody(
  reader: Reader,
  method: string,
  { status, headers }: ResponseHead,
): AsyncGenerator<Uint8Array<ArrayBuffer>> | undefined {
  if (method === "HEAD" || status < 200 || status === 204 || status === 304) {
    return undefined;
  }
  const coding = headers.get("transfer-encoding");
  if (coding !== null) {
    if (coding.toLowerCase() === "chunked") return readChunks(reader);
    throw new Failure(`cannot decode its transfer-encoding "${coding}"`);
  }
  // the same length twice is one length (RFC 9112, section 6.3)
  const lengths = new Set(
    headers.get("content-length")?.split(",").map((text) => text.trim()),
  );
  const [length] = lengths;
  if (length === undefined) return readToEnd(reader);
  if (lengths.size > 1 || !/^\d{1,15}$/.test(length)) {
    throw notHttp("content-length");
  }
  return readLength(reader, Number(length));
}
