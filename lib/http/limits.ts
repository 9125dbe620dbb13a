/**
 * How large a body may become: as the user says, and not out of next to nothing.
 *
 * @module
 */

import { Failure } from "../cli/errors.ts";

/** How often a large body is looked at, in bytes. */
const STEP = 16 * 1024 ** 2;

/** How many bytes one byte may become. */
const LARGEST_RATIO = 200;

/** How many bytes are compressed again to find out, at least. */
const SAMPLE = 64 * 1024;

/** What is known about the size of a body. */
export interface SizeOptions {
  /** How many bytes it may have. */
  readonly maxSize?: number | undefined;
  /** How many bytes it was, or will have been, while it was compressed, as far as that is known; left out where it was not. */
  readonly compressed?: (() => number | undefined) | undefined;
}

/** Looks at a body that has become large: how many bytes have come, and the last of them. */
export type SizeCheck = (
  received: number,
  chunk: Uint8Array<ArrayBuffer>,
) => Promise<number>;

/** How many bytes these are when they are compressed, without any head. */
async function compress(
  chunks: readonly Uint8Array<ArrayBuffer>[],
): Promise<number> {
  // as one: each chunk would be compressed by itself
  const joined = await new Blob([...chunks]).bytes();
  const stream = new Blob([joined]).stream()
    .pipeThrough(new CompressionStream("deflate-raw"));
  return (await new Response(stream).bytes()).length;
}

/**
 * Makes a check of the size of a body that has become large. It throws a {@linkcode Failure} when the body is larger
 * than it may be, or comes out of less than a 200th of its bytes; where nobody says how many those were, some of what
 * came is compressed again to find out. It resolves to the number of bytes from which on it is to be called again.
 *
 * @param options What is known about the size.
 *
 * @example Larger than allowed
 * ```ts
 * import { assertEquals, assertRejects } from "@std/assert";
 *
 * const check = checkSize({ maxSize: 10 });
 * assertEquals(await check(10, new Uint8Array()), 10);
 * await assertRejects(() => check(11, new Uint8Array()), Error, "it is larger than 10 bytes");
 * ```
 */
export function checkSize(
  { maxSize = Infinity, compressed }: SizeOptions,
): SizeCheck {
  const sample: Uint8Array<ArrayBuffer>[] = [];
  let size = 0;
  return async (received, chunk) => {
    if (received > maxSize) {
      throw new Failure(`it is larger than ${maxSize} bytes`, {
        hint: "to take more: --max-size BYTES",
      });
    }
    if (compressed === undefined) return maxSize;
    const known = compressed();
    if (known === undefined) {
      sample.push(chunk);
      size += chunk.length;
      if (size < SAMPLE) return received;
    }
    const ratio = known === undefined
      ? size / await compress(sample.splice(0))
      : received / known;
    size = 0;
    if (ratio > LARGEST_RATIO) {
      throw new Failure(
        `its compressed bytes become more than ${LARGEST_RATIO} times as many`,
        { hint: "to get them as they are: Accept-Encoding:identity --raw" },
      );
    }
    return Math.min(maxSize, received + STEP);
  };
}
