/**
 * A request before it is sent: what every part of the way from a command line to a socket agrees on.
 *
 * @module
 */

import type { TcpAddress } from "../net/address.ts";

/** A header as it goes out: its name, and its value as characters that each stand for one byte. */
export type Header = readonly [name: string, value: string];

export interface Body {
  /** How many bytes, exactly; undefined only where nobody can know, as of a pipe: it is then sent in chunks. */
  readonly length: number | undefined;
  readonly bytes?: Uint8Array<ArrayBuffer>;
  /** Opens a byte stream of exactly the bytes; it fails with a `Failure` when a file cannot be read or has shrunk. */
  readonly open: () => ReadableStream<Uint8Array<ArrayBuffer>>;
  /** The file that it is, where it is one from its first byte to its last; `-` of standard input. */
  readonly path?: string;
  /** Whether it can be opened again, for another attempt or a redirect. */
  readonly again: boolean;
}

/** The bytes of a body or of a part of it, read once. */
export interface ByteSource {
  /** Reads up to `buffer.length` bytes; resolves to their number, or to null at the end. */
  readonly read: (buffer: Uint8Array<ArrayBuffer>) => Promise<number | null>;
  /** Gives back what is held open, whether all was read or not. */
  readonly close?: () => void | Promise<void>;
}

export interface HttpRequest {
  readonly method: string;
  /** Where it goes; the user and password of a URL are a header by now. */
  readonly url: URL;
  /** The path and the query, where they are to be sent as they are, and not as `url` has them. */
  readonly target?: string | undefined;
  /** The headers, in the order in which they were given; Content-Length is the transport's, out of the body. */
  readonly headers: readonly Header[];
  readonly body?: Body | undefined;
  /** The names of the headers that the user gave, in lower case, credentials included. */
  readonly typed: readonly string[];
  /** The names of the headers that must not go out at all, in lower case: `User-Agent:`. */
  readonly unset?: readonly string[];
}

export type Follow = "same" | "safe" | "all" | "none";

/** A token of RFC 9110, section 5.6.2: a method's or a header's name. */
export const TOKEN = /^[\w!#$%&'*+.^`|~-]+$/;

/** What the value of a header, or a reason, may not have in it: any control character but a tab (RFC 9110, section 5.5). */
// deno-lint-ignore no-control-regex
export const CONTROL = /[\x00-\x08\x0a-\x1f\x7f]/;

/** Whether a request is beyond fetch, which sets headers itself, knows neither TRACE nor CONNECT, and asks a name server for what is below localhost. */
export function isBeyondFetch(
  { method, url, target, headers, body, unset = [] }: HttpRequest,
  http?: string,
): boolean {
  return /\.localhost\.?$|^localhost\.$/.test(url.hostname) ||
    target !== undefined || ["TRACE", "CONNECT"].includes(method) ||
    body !== undefined && ["GET", "HEAD"].includes(method) ||
    body !== undefined && body.bytes === undefined && http !== "2" ||
    headers.some(([name]) => /^host$/i.test(name)) ||
    unset.some((name) =>
      /^(host|user-agent|accept|accept-(encoding|language))$/
        .test(name)
    );
}

/** Whether an HTTP proxy is asked for a connection, and does not see what goes over it. */
export function isTunneled(
  { protocol }: URL,
  proxy?: { readonly protocol: string },
): boolean {
  return proxy?.protocol === "http" && protocol === "https:";
}

/** Bytes as characters that each stand for one. */
export function fromLatin1(bytes: Uint8Array): string {
  let text = "";
  for (const byte of bytes) text += String.fromCharCode(byte);
  return text;
}

/** A text's UTF-8 as characters that each stand for one byte, as fetch takes a header: curl's and HTTPie's bytes. */
export function toByteString(text: string): string {
  return fromLatin1(new TextEncoder().encode(text));
}

/** The value of a header that comes once: twice the same, as some servers send it, is once. */
export function onceOf(headers: Headers, name: string): string | null {
  const value = headers.get(name);
  const half = value?.slice(0, Math.max(0, (value.length - 2) / 2));
  return half !== undefined && value === `${half}, ${half}` ? half : value;
}

/** A text without the blanks around it, in one pass: a pattern for its end would look at a run of them again and again. */
export function trimBlanks(text: string): string {
  const isBlank = (at: number) => text[at] === " " || text[at] === "\t";
  let [start, end] = [0, text.length];
  while (start < end && isBlank(start)) start++;
  while (end > start && isBlank(end - 1)) end--;
  return text.slice(start, end);
}

/** The bytes of a text whose characters each stand for one, as in a header. */
export function latin1(text: string): Uint8Array<ArrayBuffer> {
  return Uint8Array.from(text, (char) => char.charCodeAt(0));
}

/** Reads a URL of a header, from the root or from a base: bytes beyond ASCII go on as they are, percent-encoded. */
export function parseReference(text: string, base: URL): URL | null {
  const encode = (char: string) =>
    `%${char.charCodeAt(0).toString(16).toUpperCase()}`;
  return URL.parse(text.replace(/[\x80-\xff]/g, encode), base);
}

/** The address that a URL names, with the port of its scheme where it names none. */
export function addressOfUrl({ hostname, port, protocol }: URL): TcpAddress {
  return {
    host: hostname.replace(/^\[|\]$/g, ""),
    port: Number(port) || (protocol === "https:" ? 443 : 80),
  };
}

const TIME = "(?<time>\\d\\d:\\d\\d:\\d\\d)";

/** The form that is written today, and the two old ones that are still to be read; all of them are GMT. */
const FORMS = [
  `\\w{3}, (?<day>\\d\\d) (?<month>\\w{3}) (?<year>\\d{4}) ${TIME} GMT`,
  `\\w{6,9}, (?<day>\\d\\d)-(?<month>\\w{3})-(?<year>\\d\\d) ${TIME} GMT`,
  `\\w{3} (?<month>\\w{3}) (?<day>[ \\d]\\d) ${TIME} (?<year>\\d{4})`,
].map((form) => new RegExp(`^${form}$`));

/** A year of two digits is at most 50 years ahead. */
function fullYear(year: string): number {
  if (year.length === 4) return Number(year);
  const now = new Date().getUTCFullYear();
  const full = now - now % 100 + Number(year);
  return full > now + 50 ? full - 100 : full;
}

/** Reads a date of HTTP (RFC 9110, section 5.6.7): its time in ms since 1970, undefined for what is in none of the three forms. */
export function parseDate(text: string): number | undefined {
  for (const form of FORMS) {
    const { day = "", month, year, time } = text.match(form)?.groups ?? {};
    if (year === undefined) continue;
    const at = `${month} ${fullYear(year)} ${time} GMT`;
    const date = `${day.trim().padStart(2, "0")} ${at}`;
    // 31 February is no day, and 25:61 no time
    const ms = Date.parse(date);
    return new Date(ms).toUTCString().endsWith(date) ? ms : undefined;
  }
}

/** The elements of a list of encodings but for those that change nothing, in lower case (RFC 9110, section 5.6.1). */
export function codingsOf(list: string): string[] {
  return list.toLowerCase().split(",").map((name) => name.trim())
    .filter((name) => name !== "" && name !== "identity");
}

/** How many bytes a reader without a buffer of its own gets at once. */
const CHUNK = 1 << 17;

/** A stream of a source, or of one opened at the first read. A reader with a buffer of its own gets the bytes right there: no file costs memory. */
export function streamOf(
  from: ByteSource | (() => Promise<ByteSource>),
): ReadableStream<Uint8Array<ArrayBuffer>> {
  let source = typeof from === "function" ? undefined : from;
  return new ReadableStream({
    type: "bytes",
    autoAllocateChunkSize: CHUNK,
    async pull(controller) {
      const request = controller.byobRequest;
      const view = request?.view;
      if (!request || !view) return;
      try {
        source ??= typeof from === "function" ? await from() : from;
        let count: number | null = 0;
        // no bytes are no chunk: one without bytes would end a body that is sent in chunks
        while (count === 0) {
          count = await source.read(
            new Uint8Array(view.buffer, view.byteOffset, view.byteLength),
          );
        }
        if (count === null) controller.close();
        request.respond(count ?? 0);
        if (count === null) source.close?.();
      } catch (error) {
        source?.close?.();
        throw error;
      }
    },
    cancel: () => source?.close?.(),
  });
}
