/**
 * Parts of a body: what tells one version of it from another, how the rest is asked for, and what came (RFC 9110,
 * section 14).
 *
 * @module
 */

import type { Header, HttpRequest } from "../../../lib/http/request.ts";
import type { HttpResponse } from "../../../lib/http/transport.ts";

/** What is known of a body of which a part is there. */
export interface Known {
  /** What tells it from any other version: a strong ETag, or when it was last modified; both as `If-Range` takes them. */
  readonly validator?: string | undefined;
  /** Its length in bytes. */
  readonly total?: number | undefined;
}

function validatorOf(headers: Headers): string | undefined {
  const etag = headers.get("etag");
  if (etag !== null) return /^"[^"]*"$/.test(etag) ? etag : undefined;
  const modified = headers.get("last-modified");
  const date = headers.get("date");
  // a second's worth of changes could share one Last-Modified: RFC 9110, section 8.8.2.2
  const age = Date.parse(date ?? new Date().toUTCString()) -
    Date.parse(modified ?? "");
  return modified !== null && age >= 1000 ? modified : undefined;
}

function numberOf(text: string | null | undefined): number | undefined {
  return typeof text === "string" ? Number(text) : undefined;
}

/** Content-Range: the first byte that comes, and how many there are in all. */
function rangeOf(headers: Headers) {
  const [, start, total] = headers.get("content-range")?.match(
    /^bytes (?:(\d+)-\d+|\*)\/(\d+)$/i,
  ) ?? [];
  return { start: numberOf(start), total: numberOf(total) };
}

/**
 * What a response's head tells about its body; nothing when the body is encoded, since no byte of it can be asked for.
 */
export function knownOf({ status, headers }: HttpResponse): Known {
  if (!/^(identity)?$/i.test(headers.get("content-encoding") ?? "")) return {};
  return {
    validator: validatorOf(headers),
    total: status === 206
      ? rangeOf(headers).total
      : numberOf(headers.get("content-length")),
  };
}

/**
 * The request for the rest of a body.
 *
 * @param at How many bytes are there.
 * @param known What they are of; without a validator the response must be judged with care.
 */
export function requestRest(
  request: HttpRequest,
  at: number,
  { validator }: Known,
): HttpRequest {
  const added: Header[] = [["range", `bytes=${at}-`]];
  if (validator !== undefined) added.push(["if-range", validator]);
  const { headers } = requestPlain(request);
  return { ...request, headers: [...headers, ...added] };
}

/** The request for a body whose bytes can be counted: not compressed. */
export function requestPlain(request: HttpRequest): HttpRequest {
  if (request.headers.some(([name]) => /^accept-encoding$/i.test(name))) {
    return request;
  }
  const plain: Header = ["accept-encoding", "identity"];
  return { ...request, headers: [...request.headers, plain] };
}

/**
 * What a response to {@linkcode requestRest} means: `append` its body, `start` again with its body, all is there already
 * (`whole`), ask again for all of it (`again`), or something else came (`other`).
 *
 * @param at How many bytes are there.
 * @param known What they are of.
 */
export function judge(
  { status, headers }: HttpResponse,
  at: number,
  known: Known,
): "append" | "start" | "whole" | "again" | "other" {
  if (at === 0 || status !== 206 && status !== 416) {
    return status >= 200 && status < 300 ? "start" : "other";
  }
  const { start, total } = rangeOf(headers);
  const etag = headers.get("etag");
  const isSame = total !== undefined && total === (known.total ?? total) &&
    (etag ?? known.validator) === known.validator;
  if (status === 416) return isSame && total === at ? "whole" : "again";
  return isSame && start === at ? "append" : "again";
}
