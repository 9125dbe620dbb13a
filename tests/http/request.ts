// deno-coverage-ignore-file
/**
 * Requests for tests, sent by the library.
 *
 * @module
 */

import type { HttpRequest } from "../../lib/http/request.ts";
import { send, type SendOptions } from "../../lib/http/send.ts";

/** A GET, unless more is said. */
export function request(
  url: string,
  more: Partial<HttpRequest> = {},
): HttpRequest {
  return { method: "GET", headers: [], typed: [], ...more, url: new URL(url) };
}

/** The whole body of a response, as text. */
export async function read(
  request: HttpRequest,
  options?: SendOptions,
): Promise<string> {
  await using response = await send(request, options);
  return await new Response(ReadableStream.from(response.body)).text();
}
