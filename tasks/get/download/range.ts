/**
 * Parts of a body: what tells one version of it from another, how the rest is asked for, and what came (RFC 9110,
 * section 14).
 *
 * @module
 */

import { ExitCode, Failure } from "../../../lib/cli/errors.ts";
import { redactUrl } from "../../../lib/cli/redact.ts";
import {
  codingsOf,
  type Header,
  type HttpRequest,
  onceOf,
  parseDate,
} from "../../../lib/http/request.ts";
import type { HttpResponse } from "../../../lib/http/transport.ts";

/** What is known of a body of which a part is there. */
export interface Known {
  /** What tells it from any other version: a strong ETag, or when it was last modified; both as `If-Range` takes them. */
  readonly validator?: string | undefined;
  /** The same beside a weak ETag, as `If-Unmodified-Since` takes it: when it was last modified. */
  readonly since?: string | undefined;
  /** Its ETag, a weak one too. */
  readonly etag?: string | undefined;
  /** Its Last-Modified. */
  readonly modified?: string | undefined;
  /** Its length in bytes. */
  readonly total?: number | undefined;
  /** How its bytes are encoded, where they stay so. */
  readonly coding?: string | undefined;
}

/** Whether a text is an ETag that `If-Range` takes: a strong one (RFC 9110, section 8.8.3). */
export function isStrongEtag(text: string): boolean {
  return /^"[\x20\x21\x23-\x7e\x80-\xff]*"$/.test(text);
}

export function isWeakEtag(text: string): boolean {
  return text.startsWith("W/") && isStrongEtag(text.slice(2));
}

/** The Last-Modified, where no other version can have the same. */
function strongDateOf(headers: Headers): string | undefined {
  const modified = onceOf(headers, "last-modified");
  const date = headers.get("date");
  const now = date === null ? Date.now() : parseDate(date);
  const changed = parseDate(modified ?? "");
  if (modified === null || now === undefined || changed === undefined) {
    return undefined;
  }
  // a second's worth of changes could share one Last-Modified: RFC 9110, section 8.8.2.2
  return now - changed >= 1000 ? modified : undefined;
}

/** What tells a body from others; an ETag that is none by the grammar counts as none. */
function validatorsOf(headers: Headers): Pick<Known, "validator" | "since"> {
  const etag = onceOf(headers, "etag") ?? "";
  if (isStrongEtag(etag)) return { validator: etag };
  const date = strongDateOf(headers);
  // RFC 9110, section 13.1.5: no date in If-Range where there is an ETag
  return isWeakEtag(etag) ? { since: date } : { validator: date };
}

/** A length in bytes, where it is one that can be counted. */
function lengthOf(text: string | null | undefined): number | undefined {
  const length = Number(text ?? NaN);
  return Number.isSafeInteger(length) && length >= 0 ? length : undefined;
}

/** What Content-Range says; nothing where it is malformed, invalid, or there are two. */
interface ContentRange {
  /** The first byte that comes, and the last; undefined where the range could not be given. */
  readonly start?: number | undefined;
  readonly end?: number | undefined;
  /** How many there are in all. */
  readonly total?: number | undefined;
}

/** Reads Content-Range (RFC 9110, section 14.4). */
export function rangeOf(headers: Headers): ContentRange {
  const [range, ...parts] = onceOf(headers, "content-range")?.match(
    /^bytes (?:(\d+)-(\d+)|\*)\/(\d+)$/i,
  ) ?? [];
  const [start, end, total] = parts.map(lengthOf);
  if (range === undefined || total === undefined) return {};
  if (parts[0] === undefined) return { total };
  return start !== undefined && end !== undefined && start <= end && end < total
    ? { start, end, total }
    : {};
}

function codingOf(headers: Headers): string | undefined {
  return codingsOf(headers.get("content-encoding") ?? "").join() || undefined;
}

/**
 * What a response's head tells about its body; nothing when the body was decoded, since no byte of it can be asked for.
 */
export function knownOf({ status, headers, isKept }: HttpResponse): Known {
  const coding = codingOf(headers);
  if (coding !== undefined && !isKept) return {};
  return {
    ...validatorsOf(headers),
    etag: onceOf(headers, "etag") ?? undefined,
    modified: onceOf(headers, "last-modified") ?? undefined,
    total: status === 206
      ? rangeOf(headers).total
      : lengthOf(headers.get("content-length")),
    coding,
  };
}

/** Whether nothing in a head says that its body is another one: where nobody was asked to see to that, something must say so. */
export function isSameBody(headers: Headers, known: Known): boolean {
  const etag = onceOf(headers, "etag");
  const modified = onceOf(headers, "last-modified");
  const isTold = (etag ?? modified) !== null || known.validator !== undefined;
  return isTold && (etag === null || etag === known.etag) &&
    (modified === null || modified === known.modified);
}

/**
 * The request for the rest of a body.
 *
 * @param at How many bytes are there.
 * @param known What they are of; without a validator the response must be judged with care.
 * @param end The last byte that is wanted, where that is not the last of all.
 */
export function requestRest(
  request: HttpRequest,
  at: number,
  { validator, since }: Known,
  end?: number,
): HttpRequest {
  const added: Header[] = [["range", `bytes=${at}-${end ?? ""}`]];
  if (validator !== undefined) added.push(["if-range", validator]);
  else if (since !== undefined) added.push(["if-unmodified-since", since]);
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

/** Whether a response is a part that nobody asked for: a redirect may have taken the range away. */
export function isUnasked({ request, status }: HttpResponse): boolean {
  return status === 206 && request.method !== "HEAD" &&
    !request.headers.some(([name]) => /^range$/i.test(name));
}

/** What is said of a part that nobody asked for. */
export function partAlone({ request }: HttpResponse): Failure {
  return new Failure(
    `Cannot read ${redactUrl(request.url.href)}: only a part of it came`,
    { code: ExitCode.CutShort },
  );
}

/** How many bytes the part has that a response carries, by its range. */
function partLength({ headers }: HttpResponse): number {
  const { start = NaN, end = NaN } = rangeOf(headers);
  return end - start + 1;
}

/**
 * What a response to {@linkcode requestRest} means: `append` its body, `start` again with its body, all is there already
 * (`whole`), ask again for all of it (`again`), or something else came (`other`). The response to a request for all of
 * the body may be a `part` of it.
 *
 * @param at How many bytes are there.
 * @param known What they are of.
 */
export function judge(
  response: HttpResponse,
  at: number,
  known: Known,
): "append" | "start" | "whole" | "again" | "other" | "part" {
  const { status, headers } = response;
  if (isUnasked(response)) return at === 0 ? "part" : "again";
  if (at === 0) return status >= 200 && status < 300 ? "start" : "other";
  // it has been modified, or what the user asked for is not so: then it is no more so when all is asked for
  if (status === 412) return "again";
  if (status !== 206 && status !== 416) {
    // a whole body has no range, and one that is empty is no answer to who asks for more
    const isWhole = status === 200 && !headers.has("content-range");
    return isWhole ? "start" : "other";
  }
  const { start, total } = rangeOf(headers);
  const isSame = total !== undefined && total === (known.total ?? total) &&
    isSameBody(headers, known);
  if (status === 416) {
    return isSame && start === undefined && total === at ? "whole" : "again";
  }
  const length = headers.get("content-length");
  const coding = codingOf(headers);
  // what If-Range has told need not be told again: RFC 9110, section 15.3.7
  const isCodedSo = coding === known.coding ||
    coding === undefined && known.validator !== undefined;
  const fits = start === at && isCodedSo &&
    !/^multipart\/byteranges/i.test(headers.get("content-type") ?? "") &&
    (length === null || lengthOf(length) === partLength(response));
  return isSame && fits ? "append" : "again";
}

/**
 * Holds a part to its range: no more bytes come through than that says.
 *
 * @returns The response to read instead, and whether just as many bytes came as there should be, once it has ended.
 */
export function holdToRange(
  response: HttpResponse,
): { readonly part: HttpResponse; readonly isExact: () => boolean } {
  const { headers } = response;
  // a length that is told is the transport's to hold
  if (headers.has("content-length") && !headers.has("transfer-encoding")) {
    return { part: response, isExact: () => true };
  }
  const length = partLength(response);
  let count = 0;
  const body = async function* () {
    for await (const chunk of response.body) {
      count += chunk.length;
      if (count > length) return;
      yield chunk;
    }
  };
  return {
    part: { ...response, stream: null, source: undefined, body: body() },
    isExact: () => count === length,
  };
}
