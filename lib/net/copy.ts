/**
 * Bytes from one place to another: never through a stream, never more than one buffer of them.
 *
 * @module
 */

/** Gives up to `buffer.length` bytes; resolves to their number, or to null at the end. */
export type Source = (
  buffer: Uint8Array<ArrayBuffer>,
) => Promise<number | null>;

/** Takes all bytes before it resolves; they may change after that. */
export type Sink = (bytes: Uint8Array) => Promise<void> | void;

const BUFFER_BYTES = 256 * 1024;

/** What a copy waits with for a quiet source: a record of TLS. */
const RECORD_BYTES = 16 * 1024;

/** Big buffers that are not in use: the next copy that has much to do takes one. */
const spares: Uint8Array<ArrayBuffer>[] = [];
const MOST_SPARES = 8;

/**
 * Passes on bytes until the source ends. A slow sink slows its source, so that memory stays flat; a quiet source has a
 * small buffer, of `small` bytes, and gets a big one while there is much to do.
 */
export async function copy(
  source: Source,
  sink: Sink,
  small = RECORD_BYTES,
): Promise<void> {
  const waiting = new Uint8Array(small);
  let buffer = waiting;
  try {
    for (let count; (count = await source(buffer)) !== null;) {
      await sink(buffer.subarray(0, count));
      const isFull = count === buffer.length;
      if (isFull && buffer === waiting) {
        buffer = spares.pop() ?? new Uint8Array(BUFFER_BYTES);
      } else if (!isFull && buffer !== waiting) {
        putBack(buffer);
        buffer = waiting;
      }
    }
  } finally {
    if (buffer !== waiting) putBack(buffer);
  }
}

function putBack(buffer: Uint8Array<ArrayBuffer>): void {
  if (spares.length < MOST_SPARES) spares.push(buffer);
}
