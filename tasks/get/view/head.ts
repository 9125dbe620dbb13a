/**
 * The heads of requests and answers as they are shown.
 *
 * @module
 */

import { type Output, print } from "../../../lib/cli/io.ts";
import {
  createSafeDecoder,
  escapeControls,
  paint,
} from "../../../lib/cli/terminal.ts";
import { redactUrl } from "../../../lib/http/redact.ts";
import {
  fromByteString,
  type HttpRequest,
  latin1,
} from "../../../lib/http/request.ts";
import type { HttpResponse } from "../../../lib/http/transport.ts";
import {
  type RecordOptions,
  recordRequest,
  recordResponse,
  type RequestRecord,
  type ResponseRecord,
} from "./record.ts";

const encoder = new TextEncoder();

/** What bytes a text in header characters is for an output: on a terminal safe, elsewhere the very bytes. */
function bytesFor({ isTerminal }: Output, text: string): Uint8Array {
  return isTerminal
    ? encoder.encode(escapeControls(fromByteString(text)))
    : latin1(text);
}

function answerLines(
  { version, status, statusText, headers }: ResponseRecord,
): string[] {
  const start = version === undefined ? "" : `HTTP/${version} `;
  return [
    `${start}${status} ${statusText}`.trimEnd(),
    ...headers.map(([name, value]) => `${name}: ${value}`),
    "",
  ];
}

/**
 * Shows the status line and the headers of a response: as they came where the transport saw that, else as Deno tells
 * them, in lower case and sorted.
 */
export async function printResponseHead(
  response: Pick<
    HttpResponse,
    "status" | "statusText" | "headers" | "rawHeaders" | "version"
  >,
  output: Output,
): Promise<void> {
  const lines = answerLines(recordResponse(response, { showSecrets: true }));
  await output.write(bytesFor(output, lines.join("\n") + "\n"));
}

/** Writes lines behind a mark. */
async function say(output: Output, mark: ">" | "<", lines: readonly string[]) {
  const shown = paint(mark, mark === ">" ? "cyan" : "green", output);
  for (const line of lines) {
    await print(output, shown);
    await output.write(bytesFor(output, line === "" ? "\n" : ` ${line}\n`));
  }
}

/** A longer text is not said. */
const MAX_TEXT = 64 * 1024;

/** The body's text, or how many bytes it has. */
function formatBody({ body, size }: RequestRecord): string {
  if (body !== undefined && body.length <= MAX_TEXT) {
    return body === "" ? "" : `${body}\n`;
  }
  return size === undefined ? "(a body)\n" : `(${size} bytes)\n`;
}

/** Says what is sent: the request line, the headers, and a body that is text. */
export async function printRequest(
  request: HttpRequest,
  output: Output,
  options: RecordOptions = {},
): Promise<void> {
  const record = recordRequest(request, options);
  const { method, url, headers } = record;
  await say(output, ">", [
    `${method} ${url.pathname}${url.search} HTTP/1.1`,
    ...headers.map(([name, value]) => `${name}: ${value}`),
    "",
  ]);
  if (request.body === undefined) return;
  const text = formatBody(record);
  await print(output, output.isTerminal ? escapeControls(text) : text);
}

/** Says what came: the redirects that were followed, each with the request after it, and the head of the response. */
export async function printResponse(
  response: Omit<HttpResponse, "body" | typeof Symbol.asyncDispose>,
  output: Output,
  options: RecordOptions = {},
): Promise<void> {
  const { request, hops = [] } = response;
  for (const [at, { status, location }] of hops.entries()) {
    const to = options.showSecrets ? location : redactUrl(location);
    await say(output, "<", [`${status}`, `location: ${to}`, ""]);
    await printRequest(hops[at + 1]?.request ?? request, output, options);
  }
  await say(output, "<", answerLines(recordResponse(response, options)));
}

/** The bytes of a request: its head, and its body as it is sent. */
async function* bytesOf(
  { body }: HttpRequest,
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
 * @param request The request.
 * @param output Where it is shown.
 * @param options Whether secrets are shown.
 * @throws {Failure} When a file of its body cannot be read.
 */
export async function printOffline(
  request: HttpRequest,
  output: Output,
  options: RecordOptions = {},
): Promise<void> {
  const { decode, flush } = createSafeDecoder();
  for await (const chunk of bytesOf(request, recordRequest(request, options))) {
    await output.write(
      output.isTerminal ? encoder.encode(decode(chunk)) : chunk,
    );
  }
  if (output.isTerminal) await output.write(encoder.encode(`${flush()}\n`));
}
