/**
 * What comes in over a socket, by lines and by pieces.
 *
 * @module
 */

import { Failure } from "../cli/errors.ts";

/** How many bytes are read at once. */
const CHUNK = 64 * 1024;

/** Reads what comes in. */
export interface Reader {
  /** A line without its end, each character for one byte; throws when it is longer than `limit`, or cut short. */
  readonly line: (limit: number) => Promise<string>;
  /** What is there, up to `limit` bytes; null at the end. */
  readonly some: (limit: number) => Promise<Uint8Array<ArrayBuffer> | null>;
}

/**
 * Makes a reader of a socket.
 *
 * @param read Reads from the socket, as `Deno.Conn` does.
 *
 * @example Two lines and the rest
 * ```ts
 * import { assertEquals } from "@std/assert";
 *
 * const bytes = new TextEncoder().encode("a\r\nb\nc");
 * const reader = createReader((buffer) => {
 *   buffer.set(bytes);
 *   return Promise.resolve(bytes.length);
 * });
 * assertEquals([await reader.line(9), await reader.line(9)], ["a", "b"]);
 * assertEquals(await reader.some(9), new Uint8Array([99]));
 * ```
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
  const line = async (limit: number) => {
    let text = "";
    while (await fill()) {
      const end = rest.indexOf(0x0a) + 1;
      for (const byte of take(end || rest.length)) {
        text += String.fromCharCode(byte);
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
