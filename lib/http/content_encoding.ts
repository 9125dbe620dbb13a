/**
 * Bodies with a Content-Encoding: what fetch leaves undecoded, and what it drops.
 *
 * @module
 */

import type { HttpRequest } from "./request.ts";
import type { TransportResponse } from "./transport.ts";

/** Where the bytes of a body come from, decoded. */
export interface Source {
  readonly stream: ReadableStream<Uint8Array<ArrayBuffer>>;
  /** How many they were while they were encoded, if they were, as far as that is known. */
  readonly compressed?: () => number | undefined;
  /** Whether more must have come than so many bytes, decoded. */
  readonly hasMore?: (received: number) => boolean;
  /** The encoding that was not decoded, as nobody here knows it. */
  readonly unknownCoding?: string;
}

/** Whether fetch has decoded a body: it does so with one gzip or br, unless the request wants no encoding, or a part. */
function isDecoded(
  { headers, rawHeaders }: TransportResponse,
  request: HttpRequest,
) {
  return rawHeaders === undefined &&
    /^(gzip|br)$/i.test(headers.get("content-encoding") ?? "") &&
    !request.headers.some(([name, value]) =>
      /^range$/i.test(name) ||
      /^accept-encoding$/i.test(name) && /^identity$/i.test(value)
    );
}

/**
 * Gives the bytes of an encoded body decoded. fetch ends after the first part of a gzip body (RFC 1952, section 2.2):
 * one that had more bytes than one part can need says so.
 */
export function decodeSource(
  response: TransportResponse,
  request: HttpRequest,
): Source | undefined {
  const { status, headers, body } = response;
  if (body === null) return undefined;
  // a part of an encoded body cannot be decoded
  if (status === 206) return { stream: body };
  const coding = headers.get("content-encoding") ?? "";
  if (isDecoded(response, request)) {
    const length = headers.get("content-length");
    const size = length === null ? undefined : Number(length);
    // with the names in its head
    const hasMore = (received: number) =>
      size !== undefined && coding !== "br" && size > received * 1.05 + 32;
    return { stream: body, compressed: () => size, hasMore };
  }
  let count = 0;
  const counted = async function* () {
    for await (const chunk of body) {
      count += chunk.length;
      yield chunk;
    }
  };
  const decoded = decode(counted(), coding);
  return decoded === undefined
    ? { stream: body, unknownCoding: coding }
    : { stream: ReadableStream.from(decoded), compressed: () => count };
}

type Bytes = Uint8Array<ArrayBuffer>;
type Chunks = AsyncIterable<Bytes>;

/** The first bytes, as many as `least` where there are so many, and all of them. */
async function peek(
  chunks: Chunks,
  least: number,
): Promise<{ readonly start: Bytes; readonly whole: Chunks }> {
  const source = chunks[Symbol.asyncIterator]();
  let start: Bytes = new Uint8Array();
  while (start.length < least) {
    const { done, value } = await source.next();
    if (done) break;
    start = new Uint8Array([...start, ...value]);
  }
  const whole = async function* () {
    try {
      yield start;
      yield* { [Symbol.asyncIterator]: () => source };
    } finally {
      // whoever has enough of the first bytes has never asked the source
      await source.return?.();
    }
  };
  return { start, whole: whole() };
}

/** How many bytes zstd may need to say nothing (RFC 8878, section 3.1.1). */
const EMPTY_FRAME = 4 + 14 + 3 + 4;

const unexpectedEnd = () =>
  new Deno.errors.UnexpectedEof("unexpected end of file");

/** Lets chunks through a decoder of Node, which is loaded only now: it takes some 30 ms. A body without bytes stays so. */
async function* through(
  chunks: Chunks,
  decoder:
    | "createGunzip"
    | "createInflate"
    | "createInflateRaw"
    | "createZstdDecompress",
): Chunks {
  const { start, whole } = await peek(chunks, 1);
  if (start.length === 0) return;
  const { pipeline } = await import("node:stream");
  const stream = (await import("node:zlib"))[decoder]();
  // the end of the pipeline is told by the stream itself: it ends, or throws
  pipeline(whole, stream, () => {});
  let isEmpty = true;
  for await (const chunk of stream) {
    isEmpty = false;
    yield new Uint8Array(chunk);
  }
  // Deno's decoder of zstd gives nothing when the end is missing, and no error
  if (isEmpty && stream.bytesWritten > EMPTY_FRAME) throw unexpectedEnd();
}

/** Node's decoder of Brotli would take a body without its end for a whole one. */
async function* unbrotli(chunks: Chunks): Chunks {
  const { start, whole } = await peek(chunks, 1);
  if (start.length === 0) return;
  let isOver = false;
  const source = async function* () {
    yield* whole;
    isOver = true;
  };
  try {
    yield* ReadableStream.from(source())
      .pipeThrough(new DecompressionStream("brotli"));
  } catch (error) {
    // it says the same of bytes that are wrong and of bytes that are missing
    throw isOver ? unexpectedEnd() : error;
  }
}

/** deflate is zlib's format (RFC 1950) by the book, and bare (RFC 1951) from some servers: the first two bytes tell. */
async function* inflate(chunks: Chunks): Chunks {
  const { start: [first = 0, second = 0], whole } = await peek(chunks, 2);
  const isZlib = (first & 0xf) === 8 && (first << 8 | second) % 31 === 0;
  yield* through(whole, isZlib ? "createInflate" : "createInflateRaw");
}

// a map, not an object: a server may say __proto__
const DECODERS = new Map<string, (chunks: Chunks) => Chunks>([
  ["identity", (chunks) => chunks],
  ["gzip", (chunks) => through(chunks, "createGunzip")],
  ["x-gzip", (chunks) => through(chunks, "createGunzip")],
  ["deflate", inflate],
  ["br", unbrotli],
  ["zstd", (chunks) => through(chunks, "createZstdDecompress")],
]);

/**
 * Decodes a body, the last encoding first (RFC 9110, section 8.4).
 *
 * @returns Undefined when one of the encodings is not known.
 */
export function decode(chunks: Chunks, coding: string): Chunks | undefined {
  let decoded: Chunks | undefined = chunks;
  const names = coding.toLowerCase().split(",").map((name) => name.trim());
  // an element of a list may be empty (RFC 9110, section 5.6.1)
  for (const name of names.filter((name) => name !== "").reverse()) {
    const decoder = DECODERS.get(name);
    decoded = decoded && decoder?.(decoded);
  }
  return decoded;
}
