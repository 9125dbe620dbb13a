/**
 * Where the bytes of a body come from: memory, a file, standard input, or one after the other.
 *
 * @module
 */

/** The bytes of a body or of a part of it, read once. */
export interface Source {
  /** Reads up to `buffer.length` bytes; resolves to their number, or to null at the end. */
  readonly read: (buffer: Uint8Array<ArrayBuffer>) => Promise<number | null>;
  /** Gives back what is held open, whether all was read or not. */
  readonly close?: () => void;
}

/** How many bytes a reader without a buffer of its own gets at once. */
const CHUNK = 1 << 17;

/**
 * Joins sources: each is opened when the one before it has ended.
 *
 * @example Two of one byte
 * ```ts
 * import { assertEquals } from "@std/assert";
 *
 * const one = () => {
 *   let left = 1;
 *   return Promise.resolve({ read: () => Promise.resolve(left-- > 0 ? 1 : null) });
 * };
 * const { read } = joinSources([one, one]);
 * const buffer = new Uint8Array(9);
 * assertEquals([await read(buffer), await read(buffer), await read(buffer)], [1, 1, null]);
 * ```
 */
export function joinSources(
  sources: readonly (() => Promise<Source>)[],
): Source {
  const rest = [...sources];
  let now: Source | undefined;
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

/**
 * Makes a stream of a source, which is opened at the first read. Whoever reads with a buffer of their own
 * (`getReader({ mode: "byob" })`) gets the bytes right there: a file of any size then costs no memory.
 *
 * @example A source that fails
 * ```ts
 * import { assertRejects } from "@std/assert";
 *
 * const stream = streamOf(() => Promise.reject(new Error("gone")));
 * await assertRejects(() => new Response(stream).text(), Error, "gone");
 * ```
 */
export function streamOf(
  open: () => Promise<Source>,
): ReadableStream<Uint8Array<ArrayBuffer>> {
  let source: Source | undefined;
  return new ReadableStream({
    type: "bytes",
    autoAllocateChunkSize: CHUNK,
    async pull(controller) {
      const request = controller.byobRequest;
      const view = request?.view;
      if (!request || !view) return;
      try {
        source ??= await open();
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
