/**
 * The body of an answer, from its first byte to its last, by RFC 9112, section 6.3.
 *
 * @module
 */

import { Failure } from "../cli/errors.ts";
import { ExitCode } from "../cli/exit_code.ts";
import type { AnswerHead } from "./answer_head.ts";
import type { Reader } from "./reader.ts";

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
    new Failure("a chunk has no length", { code: ExitCode.CutShort });
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
 * @param reader Where it comes from.
 * @param method The method of the request: HEAD has no body in its answer.
 * @param head The head.
 * @returns The body, or undefined where there is none.
 * @throws {Failure} When nobody could say where the body ends: lengths that differ, an encoding that is not chunked.
 *
 * @example Four of the five bytes that came
 * ```ts
 * import { assertEquals } from "@std/assert";
 * import { createReader } from "./reader.ts";
 *
 * const reader = createReader((buffer) => Promise.resolve(buffer.fill(97, 0, 5) && 5));
 * const head = { version: "1.1", status: 200, statusText: "OK", wire: [], headers: new Headers({ "content-length": "4" }) };
 * const body = await Array.fromAsync(readAnswerBody(reader, "GET", head) ?? []);
 * assertEquals(body, [new Uint8Array([97, 97, 97, 97])]);
 * ```
 */
export function readAnswerBody(
  reader: Reader,
  method: string,
  { status, headers }: AnswerHead,
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
    throw new Failure("the answer is not HTTP (invalid content-length)");
  }
  return readLength(reader, Number(length));
}
