/**
 * The body of a response as it comes in: decoded, counted, and ended when it is late.
 *
 * @module
 */

import { Failure } from "../cli/errors.ts";
import type { Deadline } from "./deadline.ts";
import { codingsOf, type HttpRequest } from "./request.ts";
import type { Decodes, HttpResponse, TransportResponse } from "./transport.ts";

interface Reading {
  readonly request: HttpRequest;
  readonly deadline: Deadline;
  readonly idle?: number | undefined;
  readonly maxSize?: number | undefined;
  readonly decodes?: Decodes | undefined;
  /** Asks once more for the body, over a socket of our own, where that can be done. */
  readonly again: () => Promise<TransportResponse | void>;
}

interface OpenBody extends
  Pick<
    HttpResponse,
    "body" | "stream" | "source" | "unknownCoding" | "isKept"
  > {
  readonly drop: () => Promise<void>;
}

/** Reads a source to its end, and keeps the response: no abort reaches the body of one of fetch's that is garbage. */
async function* readSource(
  response: TransportResponse,
  { stream, isEncoded, check }: DecodedBody,
  { request, deadline, idle, maxSize = Infinity }: Reading,
): AsyncGenerator<Uint8Array<ArrayBuffer>> {
  const reader = stream.getReader();
  let received = 0;
  // small bodies pay nothing for a closer look at large ones
  let bound = check ? LARGE : Infinity;
  try {
    while (true) {
      const read = deadline.within(reader.read(), idle, "no more bytes");
      const { done, value: chunk } = await read;
      if (done) break;
      received += chunk.length;
      if (received > maxSize) {
        const hint = "to take more: --max-size BYTES";
        throw new Failure(`it is larger than ${maxSize} bytes`, { hint });
      }
      if (check && received > bound) bound = await check(received, chunk);
      yield chunk;
    }
  } catch (error) {
    const cause = deadline.signal.aborted ? deadline.signal.reason : error;
    const { cutShort } = await import("./failure.ts");
    const length = response.headers.get("content-length");
    const counts = isEncoded || length === null
      ? undefined
      : { at: received, total: parseInt(length) };
    throw cutShort(request.url, cause, counts);
  } finally {
    await reader.cancel().catch(() => {});
  }
}

async function* nothing(): AsyncGenerator<Uint8Array<ArrayBuffer>> {}

export function openBody(
  response: TransportResponse,
  reading: Reading,
): OpenBody {
  const { headers, body: stream, transferCoding } = response;
  if (stream === null) return { body: nothing(), stream, drop: async () => {} };
  const isPlain = !headers.has("content-encoding") && !transferCoding;
  let source: DecodedBody = { stream };
  try {
    if (!isPlain) source = decodeSource(response, stream, reading);
  } catch (error) {
    stream.cancel().catch(() => {});
    throw error;
  }
  const body = readSource(response, source, reading);
  const isFree = !source.isEncoded && reading.maxSize === undefined;
  return {
    body,
    stream: isFree && !response.source ? source.stream : null,
    source: isFree ? response.source : undefined,
    unknownCoding: source.unknownCoding,
    isKept: source.isKept,
    drop: async () => {
      await body.return(undefined);
      // a body that nobody began to read
      if (!source.stream.locked) await source.stream.cancel().catch(() => {});
    },
  };
}

/** From here on a decoded body may not have come out of less than a 200th of its bytes: nobody sends such a one in earnest. */
const LARGE = 64 * 1024 ** 2;
const LARGEST_RATIO = 200;

function refuseBomb(decoded: number, encoded: number): void {
  if (decoded <= LARGE || decoded <= LARGEST_RATIO * encoded) return;
  throw new Failure(
    `its compressed bytes become more than ${LARGEST_RATIO} times as many`,
    { hint: "to get them as they are: --raw -o FILE" },
  );
}

/** How often a large body that fetch has decoded is looked at, and how much of it is compressed again to find out, in bytes. */
const STEP = 16 * 1024 ** 2;
const SAMPLE = 64 * 1024;

/** Looks at a body that has become large; gives the number of bytes from which on it is to look again. */
type SizeCheck = (received: number, chunk: Bytes) => Promise<number>;

/** Checks a body that fetch has decoded by its length, where that is known, else by some of it, compressed again. */
function checkSize(encoded: number | undefined): SizeCheck {
  const sample: Uint8Array<ArrayBuffer>[] = [];
  let size = 0;
  return async (received, chunk) => {
    if (encoded !== undefined) refuseBomb(received, encoded);
    else {
      sample.push(chunk);
      size += chunk.length;
      if (size < SAMPLE) return received;
      const { deflateRawSync } = await import("node:zlib");
      const joined = await new Blob(sample.splice(0)).bytes();
      const { length } = deflateRawSync(joined);
      refuseBomb(received, length / size * received);
      size = 0;
    }
    return received + STEP;
  };
}

interface DecodedBody {
  readonly stream: ReadableStream<Uint8Array<ArrayBuffer>>;
  readonly isEncoded?: boolean;
  readonly check?: SizeCheck;
  readonly unknownCoding?: string;
  readonly isKept?: boolean;
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

function decodeSource(
  response: TransportResponse,
  body: ReadableStream<Bytes>,
  { request, decodes, again }: Reading,
): DecodedBody {
  const { status, headers, rawHeaders, transferCoding = "" } = response;
  const chunks = decode(body, transferCoding);
  if (chunks === undefined) {
    throw new Failure(
      `cannot decode its transfer-encoding "${transferCoding}"`,
    );
  }
  const coding = decodes?.(response, request) ??
    headers.get("content-encoding") ?? "";
  if (isDecoded(response, request)) {
    const text = headers.get("content-length");
    const length = text === null ? undefined : Number(text);
    const whole = orAgain(body, async () => {
      const { status: now, headers: own, body } = await again() ?? {};
      return now === status && own && body
        ? decode(body, own.get("content-encoding") ?? "")
        : undefined;
    });
    const stream = length === undefined ? ReadableStream.from(whole) : body;
    return { stream, isEncoded: true, check: checkSize(length) };
  }
  // a part of an encoded body cannot be decoded
  const decoded = status === 206
    ? chunks
    : decode(chunks, coding, rawHeaders === undefined);
  const given = decoded ?? chunks;
  return {
    stream: given === body ? body : ReadableStream.from(given),
    isEncoded: given !== body,
    isKept: decodes !== undefined && coding === "",
    ...decoded === undefined && { unknownCoding: coding },
  };
}

/** Of a body without bytes and length, decoded, fetch says that it is cut short: asks again if it can; else it is empty. */
async function* orAgain(
  body: Chunks,
  again: () => Promise<Chunks | undefined>,
): Chunks {
  let isEmpty = true;
  try {
    for await (const chunk of body) {
      isEmpty = false;
      yield chunk;
    }
  } catch (error) {
    const { describe } = await import("../cli/reasons.ts");
    if (!isEmpty || describe(error) !== "cut short") throw error;
    yield* await again() ?? [];
  }
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
    start = start.length === 0 ? value : new Uint8Array([...start, ...value]);
  }
  const whole = async function* () {
    try {
      if (start.length > 0) yield start;
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

type Decoder =
  | "createGunzip"
  | "createInflate"
  | "createInflateRaw"
  | "createBrotliDecompress"
  | "createZstdDecompress";

/** Decodes with Node's zlib, loaded only now (30 ms), as much at a time as is wanted: little of what a few bytes become is held. */
async function* through(chunks: Chunks, name: Decoder): Chunks {
  const { start, whole } = await peek(chunks, 1);
  if (start.length === 0) return;
  const decoder = (await import("node:zlib"))[name]();
  let [received, given] = [0, 0];
  let failure: unknown;
  let wake = () => {};
  decoder.on("error", (error) => failure = error);
  for (const event of ["readable", "error"]) decoder.on(event, () => wake());
  const put = async function* (chunk?: Bytes): Chunks {
    let isTaken = false;
    const taken = () => {
      isTaken = true;
      wake();
    };
    if (chunk) decoder.write(chunk, taken);
    else if (decoder.readableEnded) taken();
    else decoder.on("end", taken).end();
    while (true) {
      for (let part = decoder.read(); part !== null; part = decoder.read()) {
        given += part.length;
        refuseBomb(given, received);
        yield part.buffer instanceof ArrayBuffer
          ? new Uint8Array(part.buffer, part.byteOffset, part.length)
          : new Uint8Array(part);
      }
      if (failure !== undefined) throw failure;
      if (isTaken) return;
      await new Promise<void>((resolve) => wake = resolve);
    }
  };
  let hasAll = false;
  try {
    for await (const chunk of whole) {
      received += chunk.length;
      yield* put(chunk);
    }
    hasAll = true;
    // Brotli's says nothing of a missing end: it then takes one byte more, and what it makes of it is nothing
    if (name === "createBrotliDecompress") {
      for await (const _ of put(new Uint8Array(1)));
    }
    yield* put();
    // zstd's gives nothing then
    const isCut = name === "createBrotliDecompress"
      ? decoder.bytesWritten > received
      : name === "createZstdDecompress" && given === 0 &&
        received > EMPTY_FRAME;
    if (isCut) throw unexpectedEnd();
  } catch (error) {
    throw hasAll && failure !== undefined ? unexpectedEnd() : error;
  } finally {
    decoder.destroy();
  }
}

const unexpectedEnd = () =>
  new Deno.errors.UnexpectedEof("unexpected end of file");

/** deflate is zlib's format (RFC 1950) by the book, and bare (RFC 1951) from some servers: the first two bytes tell. */
async function* inflate(chunks: Chunks): Chunks {
  const { start: [first = 0, second = 0], whole } = await peek(chunks, 2);
  const isZlib = (first & 0xf) === 8 && (first << 8 | second) % 31 === 0;
  yield* through(whole, isZlib ? "createInflate" : "createInflateRaw");
}

/** gzip, unless it is none any more. */
async function* ifGzip(chunks: Chunks): Chunks {
  const { start: [first, second], whole } = await peek(chunks, 2);
  const isGzip = first === 0x1f && second === 0x8b;
  yield* isGzip ? through(whole, "createGunzip") : whole;
}

// a map, not an object: a server may say __proto__
const DECODERS = new Map<string, (chunks: Chunks) => Chunks>([
  ["gzip", (chunks) => through(chunks, "createGunzip")],
  ["x-gzip", (chunks) => through(chunks, "createGunzip")],
  ["deflate", inflate],
  ["br", (chunks) => through(chunks, "createBrotliDecompress")],
  ["zstd", (chunks) => through(chunks, "createZstdDecompress")],
]);

/** More of them than this are no way to send anything. */
const MOST_CODINGS = 5;

/** Decodes a body, the last encoding first (RFC 9110, section 8.4); undefined when one of them is not known. */
function decode(
  chunks: Chunks,
  coding: string,
  isOfFetch = false,
): Chunks | undefined {
  const names = codingsOf(coding);
  if (names.length > MOST_CODINGS) {
    throw new Failure(`it is encoded more than ${MOST_CODINGS} times`);
  }
  let decoded: Chunks | undefined = chunks;
  for (const name of names.reverse()) {
    // of two lines, fetch has decoded the first
    const decoder = isOfFetch && names.length > 1 && /gzip$/.test(name)
      ? ifGzip
      : DECODERS.get(name);
    decoded = decoded && decoder?.(decoded);
  }
  return decoded;
}
