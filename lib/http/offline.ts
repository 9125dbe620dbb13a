/**
 * A request that is shown, not sent.
 *
 * @module
 */

import type { Output } from "../cli/io.ts";
import { createSafeDecoder } from "../cli/terminal.ts";
import { latin1 } from "./head.ts";
import { type RecordOptions, recordRequest } from "./record.ts";
import type { RequestPlan } from "./request.ts";

const encoder = new TextEncoder();

/** The bytes of a request: its head, and its body as it is sent. */
async function* bytesOf(
  { body }: RequestPlan,
  record: ReturnType<typeof recordRequest>,
): AsyncGenerator<Uint8Array<ArrayBuffer>> {
  const { method, url, headers, body: text } = record;
  const lines = headers.map(([name, value]) => `${name}: ${value}\r\n`);
  yield latin1(
    `${method} ${url.pathname}${url.search} HTTP/1.1\r\n${lines.join("")}\r\n`,
  );
  if (body === undefined) return;
  if (text !== undefined) return yield encoder.encode(text);
  const isChunked = body.length === undefined;
  for await (const chunk of body.open()) {
    if (isChunked) yield encoder.encode(`${chunk.length.toString(16)}\r\n`);
    yield chunk;
    if (isChunked) yield encoder.encode("\r\n");
  }
  if (isChunked) yield encoder.encode("0\r\n\r\n");
}

/**
 * Shows the bytes of a request; on a terminal none of them is obeyed.
 *
 * @param plan The request.
 * @param output Where it is shown.
 * @param options Whether secrets are shown.
 * @throws {Failure} When a file of its body cannot be read.
 *
 * @example A body
 * ```ts
 * import { assertStringIncludes } from "@std/assert";
 * import { createMemoryIo } from "../cli/memory.ts";
 * import { bodyOf } from "./body.ts";
 *
 * const { io, stdout } = createMemoryIo();
 * const body = bodyOf(new TextEncoder().encode("hi"));
 * await showOffline({ method: "PUT", url: new URL("http://a.example/"), headers: [], typed: [], body }, io.stdout);
 * assertStringIncludes(stdout.text, "content-length: 2\r\n");
 * assertStringIncludes(stdout.text, "\r\n\r\nhi");
 * ```
 */
export async function showOffline(
  plan: RequestPlan,
  output: Output,
  options: RecordOptions = {},
): Promise<void> {
  const { decode, flush } = createSafeDecoder();
  for await (const chunk of bytesOf(plan, recordRequest(plan, options))) {
    await output.write(
      output.isTerminal ? encoder.encode(decode(chunk)) : chunk,
    );
  }
  if (output.isTerminal) await output.write(encoder.encode(`${flush()}\n`));
}
