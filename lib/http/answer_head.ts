/**
 * The head of an answer, by RFC 9112: strict where two readers could see two answers.
 *
 * @module
 */

import { Failure } from "../cli/errors.ts";
import type { Reader } from "./reader.ts";
import type { Header } from "./request.ts";

/** The head of an answer. */
export interface AnswerHead {
  /** The version of HTTP: `1.0` or `1.1`. */
  readonly version: string;
  /** The status. */
  readonly status: number;
  /** What the server calls the status. */
  readonly statusText: string;
  /** The header lines as they came. */
  readonly wire: readonly Header[];
  /** The headers by their names. */
  readonly headers: Headers;
}

/** How long a head may be, in bytes: about what fetch takes. */
const LONGEST = 400_000;

const NAME = /^[\w!#$%&'*+.^`|~-]+$/;

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
    if (!NAME.test(name) || /[\0\r]/.test(value)) {
      throw notHttp("HTTP header");
    }
    headers.push([name, value]);
  }
}

/**
 * Reads the head of an answer; those before it (RFC 9110, section 15.2: 100, 103) are passed over.
 *
 * @param reader Where it comes from.
 * @throws {Failure} When it is no head, or too long.
 * @throws {Deno.errors.UnexpectedEof} When it ends before its empty line.
 *
 * @example A head after another
 * ```ts
 * import { assertEquals } from "@std/assert";
 * import { createReader } from "./reader.ts";
 *
 * const bytes = new TextEncoder().encode("HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 Totally Fine\r\nX-A: b\r\n\r\n");
 * const reader = createReader((buffer) => {
 *   buffer.set(bytes);
 *   return Promise.resolve(bytes.length);
 * });
 * const { status, statusText, wire } = await readAnswerHead(reader);
 * assertEquals([status, statusText, wire], [200, "Totally Fine", [["X-A", "b"]]]);
 * ```
 */
export async function readAnswerHead(reader: Reader): Promise<AnswerHead> {
  while (true) {
    const [line, version, digits, statusText = ""] =
      (await reader.line(LONGEST))
        .match(/^HTTP\/(1\.[01]) ([1-9]\d\d)(?: (.*))?$/) ?? [];
    if (line === undefined || version === undefined) {
      throw notHttp("HTTP version");
    }
    const wire = await readHeaders(reader);
    const status = Number(digits);
    if (status < 200 && status !== 101) continue;
    const headers = new Headers(wire.map(([name, value]) => [name, value]));
    return { version, status, statusText, wire, headers };
  }
}
