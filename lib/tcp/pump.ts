/**
 * Bytes through one connection: written whole, read into one buffer, never through a stream.
 *
 * @module
 */

import { Failure } from "../cli/errors.ts";

/** One read takes at most this many bytes. */
const BUFFER_BYTES = 256 * 1024;

/**
 * Writes all bytes; a single `write` may take only some of them.
 *
 * @throws {Deno.errors.BrokenPipe} Or `ConnectionReset`, when the peer is gone.
 *
 * @example A writer that takes one byte at a time
 * ```ts
 * import { assertEquals } from "@std/assert";
 *
 * const taken: number[] = [];
 * await sendAll({ write: (bytes) => Promise.resolve(taken.push(bytes[0] ?? 0) && 1) }, new Uint8Array([1, 2]));
 * assertEquals(taken, [1, 2]);
 * ```
 */
export async function sendAll(
  writer: Pick<Deno.Conn, "write">,
  bytes: Uint8Array,
): Promise<void> {
  for (let done = 0; done < bytes.length;) {
    done += await writer.write(done === 0 ? bytes : bytes.subarray(done));
  }
}

/**
 * Gives every chunk of bytes until the peer closes, in one buffer that is used again for the next.
 *
 * @param conn The connection.
 * @param peer Its other end, for the error.
 * @throws {Failure} `Cannot receive from host:port`, with the cause: reset, cut short.
 *
 * @example What a peer sends
 * ```ts
 * import { assertEquals } from "@std/assert";
 *
 * const parts = [2, null];
 * const sizes: number[] = [];
 * const conn = { read: () => Promise.resolve(parts.shift() ?? null) };
 * for await (const bytes of receive(conn, "localhost:7000")) sizes.push(bytes.length);
 * assertEquals(sizes, [2]);
 * ```
 */
export async function* receive(
  conn: Pick<Deno.Conn, "read">,
  peer: string,
): AsyncGenerator<Uint8Array> {
  const buffer = new Uint8Array(BUFFER_BYTES);
  for (;;) {
    const count = await conn.read(buffer).catch((cause) => {
      throw new Failure(`Cannot receive from ${peer}`, { cause });
    });
    if (count === null) return;
    yield buffer.subarray(0, count);
  }
}
