// deno-coverage-ignore-file
/**
 * Requests for tests, sent by the library.
 *
 * @module
 */

import type { RequestPlan } from "../../lib/http/request.ts";
import { send, type SendOptions } from "../../lib/http/send.ts";

/** A GET, unless more is said. */
export function plan(
  url: string,
  more: Partial<RequestPlan> = {},
): RequestPlan {
  return { method: "GET", headers: [], typed: [], ...more, url: new URL(url) };
}

/** The whole body of an answer, as text. */
export async function read(
  plan: RequestPlan,
  options?: SendOptions,
): Promise<string> {
  await using answer = await send(plan, options);
  return await new Response(ReadableStream.from(answer.body)).text();
}
