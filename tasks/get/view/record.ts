/**
 * One exchange as a record: what was sent and what came, how long it took, without secrets unless they are asked for. All that shows an
 * exchange (`-v`, `--json`, `--offline`, `--curl`) shows this.
 *
 * @module
 */

import { sentHeaders } from "../../../lib/http/http1/request.ts";
import { redactUrl } from "../../../lib/http/redact.ts";
import type { Header, HttpRequest } from "../../../lib/http/request.ts";
import type { HttpResponse, Timings } from "../../../lib/http/transport.ts";
import { redactBody, redactHeader } from "../redact.ts";

/** How a record is made. */
export interface RecordOptions {
  /** Whether secrets are shown. @default {false} */
  readonly showSecrets?: boolean;
}

/** A request as it is shown. */
export interface RequestRecord {
  /** The method. */
  readonly method: string;
  /** The URL. */
  readonly url: URL;
  /** The headers as they are sent. */
  readonly headers: readonly Header[];
  /** The body, where it is text in memory. */
  readonly body?: string;
  /** How many bytes the body has, where that is known. */
  readonly size?: number;
}

/** A response as it is shown, without its body. */
export interface ResponseRecord {
  /** The version of HTTP, where it is known. */
  readonly version?: string;
  /** The status. */
  readonly status: number;
  /** What it is called. */
  readonly statusText: string;
  /** The headers, as they came where that is known. */
  readonly headers: readonly Header[];
}

function textOf(bytes: Uint8Array): string | undefined {
  try {
    return new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(
      bytes,
    );
  } catch {
    return undefined;
  }
}

/** Records a request. */
export function recordRequest(
  request: HttpRequest,
  { showSecrets = false }: RecordOptions = {},
): RequestRecord {
  const { method, body } = request;
  const text = body?.bytes && textOf(body.bytes);
  const headers = sentHeaders(request);
  return {
    method,
    url: showSecrets ? request.url : new URL(redactUrl(request.url.href)),
    headers: showSecrets ? headers : headers.map(redactHeader),
    ...text === undefined
      ? {}
      : { body: showSecrets ? text : redactBody(text) },
    ...body?.length === undefined ? {} : { size: body.length },
  };
}

/** Records a response: the headers line by line, those of one name that fetch has joined as one line. */
export function recordResponse(
  response: Pick<
    HttpResponse,
    "status" | "statusText" | "headers" | "rawHeaders" | "version"
  >,
  { showSecrets = false }: RecordOptions = {},
): ResponseRecord {
  const { version, status, statusText } = response;
  const headers = response.rawHeaders ?? [...response.headers];
  return {
    ...version === undefined ? {} : { version },
    status,
    statusText,
    headers: showSecrets ? headers : headers.map(redactHeader),
  };
}

/** Formats timings in one line. */
export function formatTimings(timings: Partial<Timings>): string {
  const { dns, connect, tls, firstByte, body, total } = timings;
  return Object.entries({
    dns,
    connect,
    tls,
    "first byte": firstByte,
    body,
    total,
  })
    .flatMap(([name, ms]) =>
      ms === undefined
        ? []
        : ms < 1000
        ? [`${name} ${ms.toFixed(1)} ms`]
        : [`${name} ${(ms / 1000).toFixed(2)} s`]
    ).join(", ");
}
