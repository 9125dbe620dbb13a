/**
 * Encodings of a body that fetch hands over as they are: deflate, zstd, x-gzip, one over the other; and all of them
 * where fetch has no part in the exchange.
 *
 * @module
 */

import { type Duplex, pipeline } from "node:stream";
import {
  createBrotliDecompress,
  createGunzip,
  createInflate,
  createInflateRaw,
  createZstdDecompress,
} from "node:zlib";

type Bytes = Uint8Array<ArrayBuffer>;
type Chunks = AsyncIterable<Bytes>;

/** Lets chunks through a stream of Node. */
async function* through(chunks: Chunks, stream: Duplex): Chunks {
  // the end of the pipeline is told by the stream itself: it ends, or throws
  pipeline(chunks, stream, () => {});
  for await (const chunk of stream) yield new Uint8Array(chunk);
}

/** deflate is zlib's format (RFC 1950) by the book, and bare (RFC 1951) from some servers: the first two bytes tell. */
async function* inflate(chunks: Chunks): Chunks {
  const source = chunks[Symbol.asyncIterator]();
  let start: Bytes = new Uint8Array();
  while (start.length < 2) {
    const { done, value } = await source.next();
    if (done) break;
    start = new Uint8Array([...start, ...value]);
  }
  const [first = 0, second = 0] = start;
  const isZlib = (first & 0xf) === 8 && (first << 8 | second) % 31 === 0;
  const whole = async function* () {
    yield start;
    yield* { [Symbol.asyncIterator]: () => source };
  };
  yield* through(whole(), isZlib ? createInflate() : createInflateRaw());
}

const DECODERS: Readonly<Record<string, (chunks: Chunks) => Chunks>> = {
  identity: (chunks) => chunks,
  gzip: (chunks) => through(chunks, createGunzip()),
  "x-gzip": (chunks) => through(chunks, createGunzip()),
  deflate: inflate,
  br: (chunks) => through(chunks, createBrotliDecompress()),
  zstd: (chunks) => through(chunks, createZstdDecompress()),
};

/**
 * Decodes a body, the last encoding first (RFC 9110, section 8.4).
 *
 * @param chunks The body as it came.
 * @param coding The Content-Encoding.
 * @returns The decoded body, or undefined when one of the encodings is not known.
 *
 * @example Two parts of gzip are one body
 * ```ts
 * import { assertEquals } from "@std/assert";
 *
 * const zip = (text: string) => new Response(text).body?.pipeThrough(new CompressionStream("gzip"));
 * const parts = await Promise.all(["a", "b"].map((text) => new Response(zip(text)).bytes()));
 * const body = decode(ReadableStream.from(parts), "gzip") ?? [];
 * assertEquals(await new Response(ReadableStream.from(body)).text(), "ab");
 * assertEquals(decode(ReadableStream.from(parts), "aes128gcm"), undefined);
 * ```
 */
export function decode(
  chunks: AsyncIterable<Uint8Array<ArrayBuffer>>,
  coding: string,
): AsyncIterable<Uint8Array<ArrayBuffer>> | undefined {
  let decoded: Chunks | undefined = chunks;
  for (const name of coding.toLowerCase().split(",").reverse()) {
    const decoder = DECODERS[name.trim()];
    decoded = decoded && decoder?.(decoded);
  }
  return decoded;
}
