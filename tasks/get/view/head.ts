/**
 * The heads of requests and responses, and how long they took, as they are printed.
 *
 * @module
 */

import { type Output, print, printSafe } from "../../../lib/cli/io.ts";
import {
  createSafeDecoder,
  escapeControls,
} from "../../../lib/cli/terminal.ts";
import {
  fromByteString,
  type Header,
  type HttpRequest,
  latin1,
} from "../../../lib/http/request.ts";
import type {
  HttpResponse,
  ResponseHead,
  Timings,
} from "../../../lib/http/transport.ts";
import {
  createPartRedactor,
  type PrintedRequest,
  redactRequest,
  redactResponseHeaders,
} from "../redact.ts";
import { paint } from "./paint.ts";

function formatHeaders(headers: readonly Header[]): string[] {
  return headers.map(([name, value]) => `${name}: ${value}`);
}

function requestLines({ method, target, headers }: PrintedRequest): string[] {
  return [`${method} ${target} HTTP/1.1`, ...formatHeaders(headers), ""];
}

function responseLines(response: ResponseHead, showSecrets = false): string[] {
  const { version, status, statusText } = response;
  const start = version === undefined ? "" : `HTTP/${version} `;
  return [
    `${start}${status} ${statusText}`.trimEnd(),
    ...formatHeaders(redactResponseHeaders(response, showSecrets)),
    "",
  ];
}

/** Writes a text whose characters stand for bytes: safe on a terminal, elsewhere the very bytes. */
async function writeBytes(output: Output, text: string): Promise<void> {
  if (!output.isTerminal) return await output.write(latin1(text));
  await print(output, escapeControls(fromByteString(text)));
}

/**
 * Prints the status line and the headers of a response, secrets too: as they came where the transport saw that, else as
 * Deno has them, in lower case and sorted.
 */
export async function printResponseHead(
  response: HttpResponse,
  output: Output,
): Promise<void> {
  const { lines } = response;
  const shown = lines ? [...lines, ""] : responseLines(response, true);
  await writeBytes(output, shown.join("\r\n") + "\r\n");
}

/** Prints lines behind a mark. */
async function printLines(
  output: Output,
  mark: ">" | "<",
  lines: readonly string[],
): Promise<void> {
  const painted = paint(mark, mark === ">" ? "cyan" : "green", output);
  for (const line of lines) {
    await print(output, painted);
    await writeBytes(output, line === "" ? "\n" : ` ${line}\n`);
  }
}

/** A longer text is not printed. */
const MAX_TEXT = 64 * 1024;

/** The body's text, or how many bytes it has. */
function formatBody({ body, size }: PrintedRequest): string {
  if (body !== undefined && body.length <= MAX_TEXT) {
    return body === "" ? "" : `${body}\n`;
  }
  return size === undefined ? "(a body)\n" : `(${size} bytes)\n`;
}

/** Prints what is sent: the request line, the headers, and a body that is text. */
export async function printRequest(
  request: HttpRequest,
  output: Output,
  showSecrets?: boolean,
): Promise<void> {
  const printed = redactRequest(request, showSecrets);
  await printLines(output, ">", requestLines(printed));
  if (request.body === undefined) return;
  await printSafe(output, formatBody(printed));
}

/** Prints what came: the heads of the redirects that were followed, each with the request after it, and of the response. */
export async function printResponse(
  response: HttpResponse,
  output: Output,
  showSecrets?: boolean,
): Promise<void> {
  const { request, hops = [] } = response;
  for (const [at, hop] of hops.entries()) {
    await printLines(output, "<", responseLines(hop, showSecrets));
    await printRequest(hops[at + 1]?.request ?? request, output, showSecrets);
  }
  await printLines(output, "<", responseLines(response, showSecrets));
}

/**
 * Prints the bytes of a request: its head, and its body as it is sent. A terminal obeys none of them.
 *
 * @throws {Failure} When a file of its body cannot be read.
 */
export async function printOffline(
  request: HttpRequest,
  output: Output,
  showSecrets?: boolean,
): Promise<void> {
  const { decode, flush } = createSafeDecoder();
  const write = (bytes: Uint8Array) =>
    output.isTerminal ? print(output, decode(bytes)) : output.write(bytes);
  const writeText = (text: string) => write(new TextEncoder().encode(text));
  const printed = redactRequest(request, showSecrets);
  const { body } = request;
  await write(latin1(`${requestLines(printed).join("\r\n")}\r\n`));
  if (printed.body !== undefined) await writeText(printed.body);
  else if (printed.bytes !== undefined) await write(printed.bytes);
  else if (body !== undefined) {
    const isChunked = body.length === undefined;
    const redact = showSecrets || body.path !== undefined || !body.again
      ? (piece: Uint8Array) => piece
      : createPartRedactor();
    for await (const chunk of body.open()) {
      if (isChunked) await writeText(`${chunk.length.toString(16)}\r\n`);
      await write(redact(chunk));
      if (isChunked) await writeText("\r\n");
    }
    if (isChunked) await writeText("0\r\n\r\n");
  }
  if (output.isTerminal) await print(output, `${flush()}\n`);
}

/** The schemes of the challenges in a WWW-Authenticate (RFC 9110, section 11.6.1), each once. */
function schemesOf(challenges: string): string[] {
  const parts = challenges.replace(/"(?:[^"\\]|\\.)*"?/g, '""').split(",");
  const names = parts.flatMap((part) =>
    part.trim().match(/^[\w-]+(?=$|[ \t]+[^= \t])/) ?? []
  );
  return [...new Set(names)];
}

/** What to say where a user and a password were refused in the one way in which they can be sent, as the server wants another. */
export function loginHint(
  { request, headers }: HttpResponse,
): string | undefined {
  const isBasic = request.headers.some(([name, value]) =>
    /^authorization$/i.test(name) && /^basic /i.test(value)
  );
  const schemes = schemesOf(headers.get("www-authenticate") ?? "");
  const isMet = schemes.some((scheme) => /^basic$/i.test(scheme));
  if (!isBasic || isMet || schemes.length === 0) return undefined;
  return `the server wants ${schemes.join(" or ")}; only Basic was tried`;
}

/** Formats timings in one line. */
export function formatTimings(timings: Partial<Timings>): string {
  const { dns, connect, tls, firstByte, body, total } = timings;
  const named = { dns, connect, tls, "first byte": firstByte, body, total };
  return Object.entries(named).flatMap(([name, ms]) =>
    ms === undefined
      ? []
      : ms < 1000
      ? [`${name} ${ms.toFixed(1)} ms`]
      : [`${name} ${(ms / 1000).toFixed(2)} s`]
  ).join(", ");
}
