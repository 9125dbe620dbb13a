/**
 * Bodies of requests: bytes in memory while they are few, else a stream of them.
 *
 * @module
 */

import {
  type Body,
  type ByteSource,
  streamOf,
} from "../../../lib/http/request.ts";

/** How many bytes are held in memory, 1 MiB: up to that a body has a length wherever it comes from, and fetch can send it. */
export const MAX_HELD = 1 << 20;

/** How many bytes are made room for at first: to make room for all that may come takes ms. */
const FIRST_BYTES = 1 << 16;

/** A body that can be a part of another one. */
export interface PartBody extends Body {
  readonly source: () => Promise<ByteSource>;
}

/** Makes a body of a source, which is opened once or `again` and again. */
export function createBody(
  source: () => Promise<ByteSource>,
  about: Omit<Body, "open">,
): PartBody {
  return { ...about, source, open: () => streamOf(source) };
}

/** Makes a body of bytes in memory. */
export function bodyOf(bytes: Uint8Array<ArrayBuffer>): PartBody {
  const source = () => {
    let at = 0;
    const read = (buffer: Uint8Array<ArrayBuffer>) => {
      const part = bytes.subarray(at, at + buffer.length);
      buffer.set(part);
      at += part.length;
      return Promise.resolve(part.length === 0 ? null : part.length);
    };
    return Promise.resolve({ read });
  };
  return createBody(source, { length: bytes.length, bytes, again: true });
}

/**
 * Makes a body of what can be read once: of its bytes when they are few, else a stream of unknown length.
 *
 * @param most How many bytes are waited for and held; with 0 they are sent as they come.
 */
export async function bodyOfSource(
  source: ByteSource,
  most: number = MAX_HELD,
): Promise<PartBody> {
  let held = new Uint8Array(most === 0 ? 0 : Math.min(most + 1, FIRST_BYTES));
  let length = 0;
  try {
    while (length < held.length) {
      const count = await source.read(held.subarray(length));
      if (count === null) {
        source.close?.();
        return bodyOf(held.slice(0, length));
      }
      length += count;
      if (length === held.length && length <= most) {
        const larger = new Uint8Array(Math.min(most + 1, 4 * length));
        larger.set(held);
        held = larger;
      }
    }
  } catch (error) {
    source.close?.();
    throw error;
  }
  const all = [bodyOf(held).source, () => Promise.resolve(source)];
  return createBody(() => Promise.resolve(joinSources(all)), {
    length: undefined,
    again: false,
  });
}

/** Joins sources: each is opened when the one before it has ended. */
export function joinSources(
  sources: readonly (() => Promise<ByteSource>)[],
): ByteSource {
  const rest = [...sources];
  let now: ByteSource | undefined;
  return {
    read: async (buffer) => {
      while (true) {
        now ??= await rest.shift()?.();
        if (now === undefined) return null;
        const count = await now.read(buffer);
        if (count !== null) return count;
        now.close?.();
        now = undefined;
      }
    },
    close: () => now?.close?.(),
  };
}
