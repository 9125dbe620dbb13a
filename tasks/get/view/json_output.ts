/**
 * An exchange as JSON: one object, or for a stream one object per line.
 *
 * @module
 */

import { encodeBase64 } from "@std/encoding/base64";
import { Failure } from "../../../lib/cli/errors.ts";
import type { Output } from "../../../lib/cli/io.ts";
import { redactUrl } from "../../../lib/cli/redact.ts";
import { fromByteString, type Header } from "../../../lib/http/request.ts";
import type { HttpResponse, Timings } from "../../../lib/http/transport.ts";
import type { ExchangeOptions } from "../options.ts";
import { redactRequest, redactResponseHeaders } from "../redact.ts";
import { createJsonFormatter } from "./json_format.ts";
import { createView, isEvents, isLines } from "./view.ts";

/** A body may be this long, in bytes: all of it must be there before it is known what it is. */
const MAX_BODY = 128 * 1024 * 1024;

const encoder = new TextEncoder();

/** Headers by their names in lower case; a name that comes twice has a list. */
function headersOf(headers: readonly Header[]): Record<string, unknown> {
  const named = Map.groupBy(headers, ([name]) => name.toLowerCase());
  return Object.fromEntries(
    [...named].map(([name, all]) => {
      const values = all.map(([, value]) => fromByteString(value));
      return [name, values.length > 1 ? values : values[0]];
    }),
  );
}

async function readAll(
  body: HttpResponse["body"],
): Promise<Uint8Array<ArrayBuffer>> {
  const chunks: Uint8Array<ArrayBuffer>[] = [];
  let size = 0;
  for await (const chunk of body) {
    chunks.push(chunk);
    size += chunk.length;
    if (size > MAX_BODY) {
      throw new Failure(
        "Cannot show the body as JSON: it is larger than 128 MiB",
        { hint: "-o FILE saves it" },
      );
    }
  }
  return await new Blob(chunks).bytes();
}

/** The object but for the body and the timings; the response is its last member. */
function headsOf(response: HttpResponse, showSecrets: boolean) {
  const { version, status, statusText, hops = [] } = response;
  const [first = response.request] = hops.map((hop) => hop.request);
  const { bytes: _, ...request } = redactRequest(first, showSecrets);
  const redirects = hops.map(({ status, location }) => ({
    status,
    location: showSecrets ? location : redactUrl(location),
  }));
  const headers = headersOf(redactResponseHeaders(response, showSecrets));
  return {
    request: { ...request, headers: headersOf(request.headers) },
    redirects: hops.length === 0 ? undefined : redirects,
    response: { version, status, statusText, headers },
  };
}

/** What the transport measured, else what can be told from here, in ms. */
function formatTimings(
  { timings }: HttpResponse,
  start: number,
  head: number,
): string {
  const now = performance.now();
  const own: Partial<Timings> = timings ??
    { firstByte: head - start, body: now - head, total: now - start };
  return JSON.stringify(
    own,
    (_, value) =>
      typeof value === "number" ? Math.round(1000 * value) / 1000 : value,
  );
}

/** Bytes as JSON text: JSON as it is, other text as a string, anything else in base64. */
export function formatJsonValue(bytes: Uint8Array<ArrayBuffer>): string {
  if (bytes.length === 0) return '""';
  const formatter = createJsonFormatter();
  formatter.format(bytes);
  try {
    const text = new TextDecoder("utf-8", { fatal: true }).decode(bytes);
    return formatter.state() === "whole" ? text.trim() : JSON.stringify(text);
  } catch {
    return JSON.stringify({ base64: encodeBase64(bytes) });
  }
}

async function* linesOf(body: HttpResponse["body"]): AsyncGenerator<string> {
  const decoder = new TextDecoder();
  let line = "";
  for await (const chunk of body) {
    const text = decoder.decode(chunk, { stream: true });
    const [end = "", ...starts] = text.split("\n");
    line += end;
    for (const start of starts) {
      yield line;
      line = start;
    }
  }
  yield line + decoder.decode();
}

/** Formats the messages of a stream, each as soon as it is there: an event as it is, a line as `{"data":...}`. */
export async function* formatMessages(
  { headers, body }: Pick<HttpResponse, "headers" | "body">,
): AsyncGenerator<string> {
  if (isEvents(headers)) {
    const { createEventReader } = await import("./events.ts");
    const read = createEventReader();
    for await (const chunk of body) {
      for (const event of read(chunk)) yield JSON.stringify(event);
    }
    return;
  }
  for await (const line of linesOf(body)) {
    if (line.trim() !== "") {
      yield `{"data":${formatJsonValue(encoder.encode(line))}}`;
    }
  }
}

/** Formats an exchange as JSON texts, one per line. Numbers and the order of keys in a JSON body stay as they came. */
async function* formatExchange(
  response: HttpResponse,
  showSecrets: boolean,
  start: number,
): AsyncGenerator<string> {
  const heads = JSON.stringify(headsOf(response, showSecrets));
  const head = performance.now();
  if (isEvents(response.headers) || isLines(response.headers)) {
    yield heads;
    yield* formatMessages(response);
    return;
  }
  const bytes = await readAll(response.body);
  const body = `"size":${bytes.length},"body":${formatJsonValue(bytes)}`;
  const timings = formatTimings(response, start, head);
  // the response, the last member, takes the body as the text that it is
  yield `${heads.slice(0, -"}}".length)},${body}},"timings":${timings}}`;
}

/**
 * Prints an exchange as JSON, pretty on a terminal.
 *
 * @param start When it began, as `performance.now()` tells it.
 * @throws {Failure} When the body is cut short, late, or larger than 128 MiB.
 */
export async function printJson(
  response: HttpResponse,
  output: Output,
  { pretty, showSecrets }: ExchangeOptions,
  start: number,
): Promise<void> {
  const headers = new Headers({ "content-type": "application/x-ndjson" });
  const view = output.isTerminal || pretty
    ? await createView(headers, output)
    : undefined;
  for await (const line of formatExchange(response, showSecrets, start)) {
    const bytes = encoder.encode(`${line}\n`);
    for (const part of view?.format(bytes) ?? [bytes]) await output.write(part);
  }
}
