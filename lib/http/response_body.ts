/**
 * The body of a response as it comes in: decoded, counted, and ended when it is late.
 *
 * @module
 */

import { ExitCode, Failure } from "../cli/errors.ts";
import type { Source } from "./content_encoding.ts";
import type { Deadline } from "./deadline.ts";
import type { HttpRequest } from "./request.ts";
import type { HttpResponse, TransportResponse } from "./transport.ts";

/** From here on an encoded body is looked at more closely, in bytes. */
const LARGE = 64 * 1024 ** 2;

/** How a body is read. */
interface Reading {
  readonly request: HttpRequest;
  readonly deadline: Deadline;
  /** How long the next bytes may take, in ms. */
  readonly idle?: number | undefined;
  /** How many bytes it may have, decoded. */
  readonly maxSize?: number | undefined;
}

/** A body that can be read once, in chunks or as a stream. */
interface Incoming
  extends Required<Pick<HttpResponse, "stream" | "unknownCoding">> {
  readonly body: AsyncGenerator<Uint8Array<ArrayBuffer>>;
  /** Lets go of it, read or not. */
  readonly drop: () => Promise<void>;
}

/**
 * Reads a source to its end. It keeps the response until then: an abort does not reach the body of one that fetch made
 * and that was collected as garbage.
 */
async function* readSource(
  response: TransportResponse,
  { stream, compressed, hasMore }: Source,
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
export async function openBody(
  response: TransportResponse,
  reading: Reading,
): Promise<Incoming> {
  const { headers, body: stream } = response;
  const { request, maxSize } = reading;
  const source: Source | undefined = stream === null
    ? undefined
    : headers.has("content-encoding")
    ? (await import("./content_encoding.ts")).decodeSource(response, request)
    : { stream };
  if (source === undefined) {
    const drop = () => Promise.resolve();
    return { body: nothing(), stream: null, unknownCoding: undefined, drop };
  }
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
 * Makes a check of the size of a body that has become large. It throws a {@linkcode Failure} when the body is larger
 * than it may be, or comes out of less than a 200th of its bytes; where nobody says how many those were, some of what
 * came is compressed again to find out. It resolves to the number of bytes from which on it is to be called again.
 *
 * @param options How many bytes it may have; and how many it was, or will have been, while it was compressed, as far as
 * that is known; left out where it was not.
 */
export function checkSize(
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
