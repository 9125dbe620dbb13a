/**
 * Bytes cut at the ends of lines.
 *
 * @module
 */

import { concat } from "@std/bytes/concat";

/** Passes on whole lines of bytes, however the chunks are cut. */
export interface LineSplitter {
  /** All lines that are whole after this chunk, in one piece that is the caller's; nothing where none is. */
  readonly push: (chunk: Uint8Array) => Uint8Array | undefined;
  /** What is left of a last line without its newline. */
  readonly flush: () => Uint8Array | undefined;
}

/** A line longer than this goes in pieces. */
const LONGEST_BYTES = 64 * 1024;
const NEWLINE = 10;

/**
 * Makes a splitter that holds back an unfinished line until its newline comes. The pieces together are the chunks
 * together, byte for byte.
 *
 * @param longest How many bytes may be held back; a longer line goes in pieces.
 */
export function createLineSplitter(longest = LONGEST_BYTES): LineSplitter {
  let held = new Uint8Array();
  const take = (bytes: Uint8Array, rest: Uint8Array) => {
    const piece = concat([held, bytes]);
    held = rest.slice();
    return piece.length === 0 ? undefined : piece;
  };
  return {
    push(chunk) {
      const end = chunk.lastIndexOf(NEWLINE) + 1;
      const rest = chunk.subarray(end);
      const unfinished = end === 0 ? held.length + rest.length : rest.length;
      if (unfinished > longest) return take(chunk, new Uint8Array());
      if (end > 0) return take(chunk.subarray(0, end), rest);
      held = concat([held, chunk]);
    },
    flush: () => take(new Uint8Array(), new Uint8Array()),
  };
}
