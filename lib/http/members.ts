/**
 * The rest of a gzip body of more than one part (RFC 1952, section 2.2): fetch ends after the first.
 *
 * @module
 */

import { Failure } from "../cli/errors.ts";
import { ExitCode } from "../cli/exit_code.ts";
import { decode } from "./decode.ts";
import type { RequestPlan } from "./request.ts";
import type { TransportOptions } from "./transport.ts";
import { sendOverSocket } from "./wire.ts";

/**
 * Gets a body once more, over a socket of our own, and gives what comes after the bytes that were received.
 *
 * @param plan The request.
 * @param received How many bytes were received, decoded.
 * @param options The way.
 * @throws {Failure} When it is another body now: the first one has to count as cut short.
 *
 * @example A server that is gone
 * ```ts
 * import { assertRejects } from "@std/assert";
 *
 * const plan = { method: "GET", url: new URL("http://127.0.0.1:9/"), headers: [], typed: [] };
 * const { signal } = new AbortController();
 * await assertRejects(() => readFurther(plan, 5, { signal }).next(), Error);
 * ```
 */
export async function* readFurther(
  plan: RequestPlan,
  received: number,
  options: TransportOptions,
): AsyncGenerator<Uint8Array<ArrayBuffer>> {
  const { status, headers, body } = await sendOverSocket(plan, options);
  const coding = headers.get("content-encoding") ?? "";
  let skip = received;
  for await (const chunk of body && decode(body, coding) || []) {
    if (status !== 200) break;
    const part = chunk.subarray(skip);
    skip -= chunk.length - part.length;
    if (part.length > 0) yield part;
  }
  if (skip > 0) {
    throw new Failure("cut short: it has more than one part of gzip", {
      code: ExitCode.CutShort,
    });
  }
}
