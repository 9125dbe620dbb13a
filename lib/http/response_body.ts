/**
 * The body of a response as it comes in: decoded, counted, and ended when it is late.
 *
 * @module
 */

import { ExitCode, Failure } from "../cli/errors.ts";
import type { Deadline } from "./deadline.ts";
import type { HttpRequest } from "./request.ts";
import type { HttpResponse, TransportResponse } from "./transport.ts";

/** From here on an encoded body is looked at more closely, in bytes. */
const LARGE = 64 * 1024 ** 2;

interface Reading {
  readonly request: HttpRequest;
  readonly deadline: Deadline;
  /** How long the next bytes may take, in ms. */
  readonly idle?: number | undefined;
  /** How many bytes it may have, decoded. */
  readonly maxSize?: number | undefined;
}

/** A body that can be read once, in chunks or as a stream. */
interface OpenBody
  extends Required<Pick<HttpResponse, "stream" | "unknownCoding">> {
  readonly body: AsyncGenerator<Uint8Array<ArrayBuffer>>;
  readonly drop: () => Promise<void>;
}

/**
 * Reads a source to its end. It keeps the response until then: an abort does not reach the body of one that fetch made
 * and that was collected as garbage.
 */
async function* readSource(
  response: TransportResponse,
  { stream, compressed, hasMore }: DecodedBody,
  { request, deadline, idle, maxSize = Infinity }: Reading,
): AsyncGenerator<Uint8Array<ArrayBuffer>> {
  const encoded = compressed !== undefined;
  const reader = stream.getReader();
  let received = 0;
  let check: SizeCheck | undefined;
  // small bodies pay nothing for a closer look at large ones
  let bound = Math.min(maxSize, encoded ? LARGE : Infinity);
  try {
    while (true) {
      const read = reader.read();
      const { done, value: chunk } = await deadline.within(
        read,
        idle,
        "no more bytes",
      );
      if (done) break;
      received += chunk.length;
      if (received > bound) {
        check ??= checkSize({ maxSize, compressed });
        bound = await check(received, chunk);
      }
      yield chunk;
    }
    if (hasMore?.(received)) {
      throw new Failure("cut short: it has more than one part of gzip", {
        code: ExitCode.CutShort,
        hint: "Accept-Encoding:identity asks for it without",
      });
    }
  } catch (error) {
    const cause = deadline.signal.aborted ? deadline.signal.reason : error;
    const { cutShort } = await import("./failure.ts");
    const length = response.headers.get("content-length");
    const counts = encoded || length === null
      ? undefined
      : { at: received, total: parseInt(length) };
    throw cutShort(request.url, cause, counts);
  } finally {
    await reader.cancel().catch(() => {});
  }
}

async function* nothing(): AsyncGenerator<Uint8Array<ArrayBuffer>> {}

/** Opens the body of a response. */
export function openBody(
  response: TransportResponse,
  reading: Reading,
): OpenBody {
  const { headers, body: stream } = response;
  const { request, maxSize } = reading;
  if (stream === null) {
    const drop = () => Promise.resolve();
    return { body: nothing(), stream, unknownCoding: undefined, drop };
  }
  const source: DecodedBody = headers.has("content-encoding")
    ? decodeSource(response, stream, request)
    : { stream };
  const body = readSource(response, source, reading);
  const isFree = source.compressed === undefined && maxSize === undefined &&
    response.rawHeaders === undefined;
  return {
    body,
    stream: isFree ? source.stream : null,
    unknownCoding: source.unknownCoding,
    drop: async () => {
      await body.return(undefined);
      // a body that nobody began to read
      if (!source.stream.locked) await source.stream.cancel().catch(() => {});
    },
  };
}

/** How often a large body is looked at, in bytes. */
const STEP = 16 * 1024 ** 2;

/** How many bytes one byte may become. */
const LARGEST_RATIO = 200;

/** How many bytes are compressed again to find out, at least. */
const SAMPLE = 64 * 1024;

/** Looks at a body that has become large: how many bytes have come, and the last of them. */
type SizeCheck = (
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
 * Makes a check of the size of a body that has become large. It throws when the body is larger than it may be, or comes
 * out of less than a 200th of its bytes; where nobody says how many those were, some of what came is compressed again to
 * find out. It resolves to the number of bytes from which on it is to be called again.
 */
function checkSize(
  { maxSize = Infinity, compressed }: {
    readonly maxSize?: number | undefined;
    readonly compressed?: (() => number | undefined) | undefined;
  },
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

interface DecodedBody {
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
function decodeSource(
  response: TransportResponse,
  body: ReadableStream<Bytes>,
  request: HttpRequest,
): DecodedBody {
  const { status, headers } = response;
  // a part of an encoded body cannot be decoded
  if (status === 206) return { stream: body };
  const coding = headers.get("content-encoding") ?? "";
  if (isDecoded(response, request)) {
    const length = headers.get("content-length");
    const size = length === null ? undefined : Number(length);
    // gzip's head may hold a name and a comment: 32 bytes are allowed for them
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

/** Decodes a body, the last encoding first (RFC 9110, section 8.4); undefined when one of them is not known. */
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
