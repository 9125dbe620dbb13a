/**
 * Bodies with a Content-Encoding: what fetch leaves undecoded, and what it drops.
 *
 * @module
 */

import type { RequestPlan } from "./request.ts";
import type { TransportAnswer } from "./transport.ts";

/** Where the bytes of a body come from. */
export interface Source {
  /** The bytes, decoded. */
  readonly stream: ReadableStream<Uint8Array<ArrayBuffer>>;
  /** How many they were while they were encoded, if they were, as far as that is known. */
  readonly compressed?: () => number | undefined;
  /** Whether more must have come than so many bytes, decoded. */
  readonly hasMore?: (received: number) => boolean;
  /** The encoding that was not decoded, as nobody here knows it. */
  readonly unknownCoding?: string;
}

/** Whether fetch has decoded a body: it does so with one gzip or br, unless the request wants no encoding, or a part. */
function isDecoded({ headers, wire }: TransportAnswer, plan: RequestPlan) {
  return wire === undefined &&
    /^(gzip|br)$/i.test(headers.get("content-encoding") ?? "") &&
    !plan.headers.some(([name, value]) =>
      /^range$/i.test(name) ||
      /^accept-encoding$/i.test(name) && /^identity$/i.test(value)
    );
}

/**
 * Gives the bytes of an encoded body decoded. fetch ends after the first part of a gzip body (RFC 1952, section 2.2):
 * one that had more bytes than one part can need says so.
 *
 * @param answer The answer, with its body.
 * @param plan The request.
 *
 * @example An encoding that nobody knows
 * ```ts
 * import { assertEquals } from "@std/assert";
 *
 * const body = ReadableStream.from([new Uint8Array([1])]);
 * const headers = new Headers({ "content-encoding": "aes128gcm" });
 * const plan = { method: "GET", url: new URL("http://a.example/"), headers: [], typed: [] };
 * const source = await decodeSource({ status: 200, statusText: "", headers, body }, plan);
 * assertEquals(source?.unknownCoding, "aes128gcm");
 * ```
 */
export async function decodeSource(
  answer: TransportAnswer,
  plan: RequestPlan,
): Promise<Source | undefined> {
  const { status, headers, body } = answer;
  if (body === null) return undefined;
  // a part of an encoded body cannot be decoded
  if (status === 206) return { stream: body };
  const coding = headers.get("content-encoding") ?? "";
  if (isDecoded(answer, plan)) {
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
  const { decode } = await import("./decode.ts");
  const decoded = decode(counted(), coding);
  return decoded === undefined
    ? { stream: body, unknownCoding: coding }
    : { stream: ReadableStream.from(decoded), compressed: () => count };
}
