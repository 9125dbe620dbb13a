/**
 * Bytes through one connection: written whole, read into one buffer, never through a stream.
 *
 * @module
 */

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
