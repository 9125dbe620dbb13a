/**
 * An exchange as JSON: one object, or for a stream one object per line.
 *
 * @module
 */

import { Failure } from "../../../lib/cli/errors.ts";
import type { Io } from "../../../lib/cli/io.ts";
import { isEvents, isLines } from "../../../lib/http/media_type.ts";
import { redactUrl } from "../../../lib/http/redact.ts";
import { fromByteString, type Header } from "../../../lib/http/request.ts";
import type { HttpResponse, Timings } from "../../../lib/http/transport.ts";
import { printHead, type RenderOptions } from "./body.ts";
import { formatJsonValue, formatMessages } from "./json_value.ts";
import { type RecordOptions, recordRequest, recordResponse } from "./record.ts";
import { createView } from "./view.ts";

/** What is known of an exchange beside its response. */
export interface JsonRecordOptions extends RecordOptions {
  /** When it began, as `performance.now()` tells it. */
  readonly start: number;
}

/** A body may be this long, in bytes: all of it must be there before it is known what it is. */
const MAX_BODY = 128 * 1024 * 1024;

const encoder = new TextEncoder();

/** Headers by their names in lower case; a name that comes twice has a list. */
function headersOf(
  headers: readonly Header[],
): Record<string, string | string[]> {
  const named = Map.groupBy(headers, ([name]) => name.toLowerCase());
  return Object.fromEntries(
    [...named].map(([name, all]) => {
      const texts = all.map(([, value]) => fromByteString(value));
      return [
        name,
        texts.length === 1 && texts[0] !== undefined ? texts[0] : texts,
      ];
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
        {
          hint: "-o FILE saves it",
        },
      );
    }
  }
  return await new Blob(chunks).bytes();
}

/** The members of the object but for the body and the timings. */
function formatHeads(response: HttpResponse, options: RecordOptions): string[] {
  const { hops = [] } = response;
  const [first = response.request] = hops.map((hop) => hop.request);
  const { method, url, headers, body, size } = recordRequest(first, options);
  const { headers: lines, ...head } = recordResponse(response, options);
  const request = { method, url, headers: headersOf(headers), body, size };
  return [
    `"request":${JSON.stringify(request)}`,
    ...hops.length === 0 ? [] : [
      `"redirects":${
        JSON.stringify(hops.map(({ status, location }) => ({
          status,
          location: options.showSecrets ? location : redactUrl(location),
        })))
      }`,
    ],
    `"response":${JSON.stringify({ ...head, headers: headersOf(lines) })}`,
  ];
}

/** What the transport measured, else what can be told from here, in ms. */
function formatTimings(
  { timings }: HttpResponse,
  start: number,
  head: number,
): string {
  const round = (ms: number) => Math.round(1000 * ms) / 1000;
  const now = performance.now();
  const own: Partial<Timings> = timings ??
    { firstByte: head - start, body: now - head, total: now - start };
  const rounded = Object.entries(own).flatMap(([name, ms]) =>
    ms === undefined ? [] : [[name, round(ms)]]
  );
  return `"timings":${JSON.stringify(Object.fromEntries(rounded))}`;
}

/**
 * Formats an exchange as JSON texts, each to be shown on a line of its own. Numbers and the order of keys in a JSON body stay as they came.
 *
 * @param response The response; its body is read.
 * @param options When the exchange began, and whether secrets are shown.
 * @throws {Failure} When the body is cut short, late, or larger than 128 MiB.
 */
export async function* formatRecord(
  response: HttpResponse,
  options: JsonRecordOptions,
): AsyncGenerator<string> {
  const heads = formatHeads(response, options);
  const head = performance.now();
  if (isEvents(response.headers) || isLines(response.headers)) {
    yield `{${heads.join(",")}}`;
    yield* formatMessages(response);
    return;
  }
  const bytes = await readAll(response.body);
  const whole = heads.pop()?.replace(
    /\}$/,
    () => `,"size":${bytes.length},"body":${formatJsonValue(bytes)}}`,
  );
  yield `{${
    [...heads, whole, formatTimings(response, options.start, head)].join(",")
  }}`;
}

/**
 * Shows an exchange as JSON: a status line on stderr, objects on stdout, pretty on a terminal.
 *
 * @param response The response; its body is read.
 * @param io Where it is shown.
 * @param options When the exchange began, and how it is shown.
 * @throws {Failure} When the body is cut short, late, or larger than 128 MiB.
 */
export async function printJson(
  response: HttpResponse,
  io: Pick<Io, "stdout" | "stderr">,
  options: JsonRecordOptions & RenderOptions,
): Promise<void> {
  await printHead(response, io, options);
  const headers = new Headers({ "content-type": "application/x-ndjson" });
  const { stdout } = io;
  const view = stdout.isTerminal || options.pretty
    ? await createView(headers, stdout)
    : undefined;
  for await (const line of formatRecord(response, options)) {
    const bytes = encoder.encode(`${line}\n`);
    for (const part of view?.show(bytes) ?? [bytes]) await stdout.write(part);
  }
}
