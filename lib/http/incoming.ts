/**
 * The body of an answer as it comes in: decoded, counted, and ended when it is late.
 *
 * @module
 */

import { Failure } from "../cli/errors.ts";
import { ExitCode } from "../cli/exit_code.ts";
import type { Deadline } from "./deadline.ts";
import type { Source } from "./encoded.ts";
import type { SizeCheck } from "./limits.ts";
import type { RequestPlan } from "./request.ts";
import type { TransportAnswer } from "./transport.ts";

/** From here on an encoded body is looked at more closely, in bytes. */
const LARGE = 64 * 1024 ** 2;

/** How a body is read. */
export interface Reading {
  /** The request that was answered. */
  readonly plan: RequestPlan;
  /** Ends it. */
  readonly deadline: Deadline;
  /** How long the next bytes may take, in ms. */
  readonly idle?: number | undefined;
  /** How many bytes it may have, decoded. */
  readonly maxSize?: number | undefined;
}

/** A body that can be read once, in one of two ways. */
export interface Incoming {
  /** In chunks; throws a `Failure` when it is cut short, late or too large. */
  readonly body: AsyncGenerator<Uint8Array<ArrayBuffer>>;
  /** As a stream, for `pipeTo`: fetch's own where nothing needs to be looked at, and none elsewhere. */
  readonly stream: ReadableStream<Uint8Array<ArrayBuffer>> | null;
  /** The encoding that was not decoded, as nobody here knows it. */
  readonly unknownCoding: string | undefined;
  /** Lets go of it, read or not. */
  readonly drop: () => Promise<void>;
}

async function* readSource(
  { stream, compressed, hasMore }: Source,
  length: string | null,
  { plan, deadline, idle, maxSize = Infinity }: Reading,
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
        check ??= (await import("./limits.ts"))
          .checkSize({ maxSize, compressed });
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
    const { cutOf } = await import("./failure.ts");
    throw cutOf(plan.url, cause, { received, length: encoded ? null : length });
  } finally {
    await reader.cancel().catch(() => {});
  }
}

async function* nothing(): AsyncGenerator<Uint8Array<ArrayBuffer>> {}

/**
 * Opens the body of an answer.
 *
 * @param answer The answer.
 * @param reading How it is read.
 *
 * @example Two bytes
 * ```ts
 * import { assertEquals } from "@std/assert";
 * import { startDeadline } from "./deadline.ts";
 *
 * const plan = { method: "GET", url: new URL("http://a.example/"), headers: [], typed: [] };
 * const reading = { plan, deadline: startDeadline() };
 * const { body } = await openBody(new Response("hi"), reading);
 * assertEquals(await Array.fromAsync(body), [new Uint8Array([104, 105])]);
 * ```
 */
export async function openBody(
  answer: TransportAnswer,
  reading: Reading,
): Promise<Incoming> {
  const { headers, body: stream } = answer;
  const { plan, maxSize } = reading;
  const source: Source | undefined = stream === null
    ? undefined
    : headers.has("content-encoding")
    ? await (await import("./encoded.ts"))
      .decodeSource(answer, plan)
    : { stream };
  if (source === undefined) {
    const drop = () => Promise.resolve();
    return { body: nothing(), stream: null, unknownCoding: undefined, drop };
  }
  const body = readSource(source, headers.get("content-length"), reading);
  const isFree = source.compressed === undefined && maxSize === undefined &&
    answer.wire === undefined;
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
