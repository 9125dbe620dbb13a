/**
 * An API's collection from the other side: lists page by page, single documents, and changes.
 *
 * @module
 */

import { exitCodeForStatus, Failure } from "../../lib/cli/errors.ts";
import { quote } from "../../lib/cli/values.ts";
import { type HttpRequest, parseReference } from "../../lib/http/request.ts";
import { send, type SendOptions } from "../../lib/http/send.ts";
import type { HttpResponse } from "../../lib/http/transport.ts";
import { type Document, isDocument } from "../api/store/document.ts";
import type { Ignored } from "../api/store/store.ts";
import { textOfHeader } from "../get/view/charset.ts";
import { detailOf, LONGEST_REASON, parseIgnored } from "../get/view/reason.ts";

/** So many fields are named of an object that is not what was asked for. */
const MOST_NAMES = 8;

function typeNameOf(value: unknown): string {
  if (value === null) return "null";
  if (Array.isArray(value)) return "a list";
  const names = isDocument(value) ? Object.keys(value) : [];
  if (names.length === 0) return typeof value;
  const more = names.length > MOST_NAMES ? ", ..." : "";
  return `an object with ${names.slice(0, MOST_NAMES).join(", ")}${more}`;
}

/** Why a response is not what was asked for: its status, and the reason where the API gives one. */
function refusalOf(
  what: string,
  { status, statusText, headers }: HttpResponse,
  text: string,
): Failure {
  const got = `${status} ${statusText}`.trimEnd();
  const reason = detailOf(text) ??
    textOfHeader(headers.get("x-reason") ?? "");
  const why = !reason || reason === statusText
    ? ""
    : `: ${reason.slice(0, LONGEST_REASON)}`;
  return new Failure(`Cannot ${what}: the API answered ${got}${why}`, {
    code: exitCodeForStatus(status),
  });
}

/** Makes what decodes a text that begins so: in UTF-8, without more being loaded, where no other charset is declared. */
async function decoderOf(
  start: Uint8Array,
  headers: Headers,
): Promise<TextDecoder> {
  const type = headers.get("content-type") ?? "";
  const isPlain = !/charset(?!="?utf-8"?$)/i.test(type) &&
    (start[0] ?? 0) < 128;
  if (isPlain) return new TextDecoder();
  const { charsetOf, encodingOf } = await import("../get/view/charset.ts");
  return new TextDecoder(encodingOf(start, charsetOf(headers)));
}

/** The longest byte order mark. */
const LONGEST_MARK = 3;

/** The text of a response as it comes, in its charset. */
async function* textsOf(
  { body, headers }: HttpResponse,
): AsyncGenerator<string> {
  let decoder: TextDecoder | undefined;
  let start = new Uint8Array();
  for await (const chunk of body) {
    const bytes = start.length > 0 && decoder === undefined
      ? Uint8Array.from([...start, ...chunk])
      : chunk;
    if (decoder === undefined && bytes.length < LONGEST_MARK) start = bytes;
    else {
      decoder ??= await decoderOf(bytes, headers);
      yield decoder.decode(bytes, { stream: true });
    }
  }
  yield decoder?.decode() ??
    (await decoderOf(start, headers)).decode(start);
}

async function textOf(response: HttpResponse): Promise<string> {
  return (await Array.fromAsync(textsOf(response))).join("");
}

/** A text that is no longer is parsed as a whole. */
const LONGEST_WHOLE = 1 << 20;

/** The text of a list, or of one list after the other where it is long. */
async function* partsOf(
  texts: AsyncGenerator<string>,
): AsyncGenerator<string> {
  let start = "";
  let next = await texts.next();
  for (
    ;
    !next.done && start.length < LONGEST_WHOLE;
    next = await texts.next()
  ) {
    start += next.value;
  }
  if (next.done) return yield start;
  start += next.value;
  const { splitList } = await import("./json_list.ts");
  yield* splitList(async function* () {
    yield start;
    yield* texts;
  }());
}

/** Sends a request and gives its response, whose status is 2xx. */
async function ask(
  request: HttpRequest,
  what: string,
  options: SendOptions,
): Promise<HttpResponse> {
  const response = await send(request, options);
  if (response.status < 300) return response;
  await using refused = response;
  throw refusalOf(what, refused, await textOf(refused));
}

/**
 * Sends a request and gives the text of its response, in its charset.
 *
 * @param what What is done, for errors: `list http://localhost:3000/posts`.
 * @throws {Failure} When there is no response or its status is not 2xx (codes 3, 4 and 5).
 */
export async function fetchText(
  request: HttpRequest,
  what: string,
  options: SendOptions,
): Promise<string> {
  await using response = await ask(request, what, options);
  return await textOf(response);
}

/** Numbers that JavaScript may not have: too many digits, too large or too small, or the zero below zero. */
const ODD = /[\d.]{17}|\d[eE][+-]?\d{3}|[:[,]\s*-0[^\d]/;

function isRounded(value: number, source: string): boolean {
  const digits = source.replace(/e.*/i, "").replace(/\D/g, "")
    .replace(/^0+/, "");
  return !Number.isFinite(value) || Object.is(value, -0) ||
    value === 0 && digits !== "" ||
    digits.length > 15 && String(value) !== source;
}

/** Keeps the digits of a number that JavaScript would round, for whoever prints it as JSON again. */
function keepDigits(
  _: string,
  value: unknown,
  { source = "" }: { readonly source?: string } = {},
): unknown {
  // TypeScript does not know it yet
  const rawJson: unknown = Reflect.get(JSON, "rawJSON");
  return typeof value === "number" && isRounded(value, source) &&
      typeof rawJson === "function"
    ? rawJson(source)
    : value;
}

/** Whether a text is JSON lines: its first two are JSON, each for itself. */
function isJsonLines(text: string): boolean {
  const [first = "", second = ""] = text.slice(0, LONGEST_LINES).split("\n")
    .filter((line) => line.trim() !== "");
  try {
    return [first, second].every((line) => isDocument(JSON.parse(line)));
  } catch {
    return false;
  }
}

/** Of a text so much is looked at for lines. */
const LONGEST_LINES = 1 << 20;

function parse(text: string, what: string): unknown {
  try {
    return ODD.test(text) ? JSON.parse(text, keepDigits) : JSON.parse(text);
  } catch {
    const why = isJsonLines(text)
      ? "expected one JSON list, got JSON lines"
      : "the answer is not JSON";
    throw new Failure(`Cannot ${what}: ${why}`);
  }
}

function get(url: URL, what: string, options: SendOptions) {
  const headers = [["accept", "application/json, */*;q=0.5"]] as const;
  const request = { method: "GET", url, headers, typed: [] };
  return ask(request, what, { retry: 2, ...options });
}

const expectedObject = (value: unknown) =>
  `expected an object, got ${typeNameOf(value)}`;

function documentOf(value: unknown, what: string): Document {
  if (isDocument(value)) return value;
  throw new Failure(`Cannot ${what}: ${expectedObject(value)}`);
}

/** The number of a page, as APIs name it. */
const PAGE_NUMBER = /^_?page(\[number\]|_?number|_?no)?(\[\d*\])?$/i;

/** The page of json-server 1, and of hark where `_per_page` is asked for. */
function isEnvelope(
  value: unknown,
): value is Document & { readonly data: unknown[] } {
  return isDocument(value) && Array.isArray(value.data) && "pages" in value &&
    "items" in value;
}

/**
 * The page that an envelope names as the next one.
 *
 * @throws {Failure} Where it is none after this one: a file answers so, whatever page is asked for.
 */
function nextInEnvelope(
  page: URL,
  { next, pages }: Document,
  what: string,
): URL | undefined {
  if (typeof next !== "number" || !Number.isInteger(next)) return undefined;
  const number = Number(page.searchParams.get("_page") ?? 1);
  if (next <= number) {
    throw new Failure(
      `Cannot ${what}: expected a page after ${number} as the next one, got ${next}`,
    );
  }
  if (typeof pages === "number" && next > pages) return undefined;
  const url = new URL(page);
  url.searchParams.set("_page", `${next}`);
  return url;
}

/**
 * Lists the documents of a collection, page by page where the API links to a next one (RFC 8288) or names it as
 * json-server 1 does; where the number of a page is asked for, that one alone.
 *
 * @param url The collection: `http://localhost:3000/posts`.
 * @param onIgnored Called with what of the query the API ignores, for each page that says so.
 * @param onOdd Called with the place of what is no document, and why, for each such place.
 * @returns The documents of one page after the other, of a long one in parts, in the API's order; whoever stops early
 * asks for no further page.
 * @throws {Failure} When there is no response, its status is not 2xx (codes 3, 4 and 5), or it is not a list of documents.
 */
export async function* listDocuments(
  url: URL,
  options: SendOptions,
  onIgnored: (ignored: readonly Ignored[]) => Promise<void>,
  onOdd: (at: number, why: string) => void,
): AsyncGenerator<Document[]> {
  const isOne = Iterator.from(url.searchParams.keys())
    .some((key) => PAGE_NUMBER.test(key));
  const seen = new Set<string>();
  let count = 0;
  for (
    let page: URL | undefined = url;
    page !== undefined && !seen.has(page.href);
  ) {
    seen.add(page.href);
    const what = `list ${page}`;
    await using response = await get(page, what, options);
    const { headers, request } = response;
    const ignored = headers.get("x-ignored-query");
    if (ignored !== null) await onIgnored(parseIgnored(ignored));
    let next: URL | undefined;
    for await (const text of partsOf(textsOf(response))) {
      const value = parse(text, what);
      const list = isEnvelope(value) ? value.data : value;
      if (!Array.isArray(list)) {
        throw new Failure(
          `Cannot ${what}: expected a list, got ${typeNameOf(value)}`,
        );
      }
      if (isEnvelope(value) && !isOne) {
        next = nextInEnvelope(request.url, value, what);
      }
      const items: readonly unknown[] = list;
      yield items.filter((item, at) => {
        if (isDocument(item)) return true;
        onOdd(count + at, expectedObject(item));
        return false;
      }).filter(isDocument);
      count += list.length;
    }
    if (isOne) return;
    // it may have been redirected
    page = nextOf(request.url, headers) ?? next;
  }
}

/** A link of a Link header: where it leads, and its parameters, their names in lower case. */
export interface Link {
  readonly target: string;
  readonly params: ReadonlyMap<string, string>;
}

const TARGET = /[\s,]*<([^>]*)>/y;
const PARAMETER =
  /\s*;\s*([^\s=;,"]*)\s*(?:=\s*(?:"((?:\\.|[^"\\])*)(?:"|$)|([^\s;,"]*)))?/sy;
const REST = /(?:"(?:\\.|[^"\\])*"|[^,"])*(?:,|$)/sy;

/** Reads a Link header (RFC 8288, section 3), as far as it is one: of a parameter that comes twice the first counts. */
export function parseLinks(header: string): Link[] {
  const links: Link[] = [];
  let at = 0;
  const read = (pattern: RegExp) => {
    pattern.lastIndex = at;
    const found = pattern.exec(header);
    if (found !== null) at = pattern.lastIndex;
    return found;
  };
  for (let link = read(TARGET); link; link = read(REST) && read(TARGET)) {
    const params = new Map<string, string>();
    for (let found = read(PARAMETER); found; found = read(PARAMETER)) {
      const [, name = "", quoted, token = ""] = found;
      const key = name.toLowerCase();
      const value = quoted?.replace(/\\(.)/gs, "$1") ?? token;
      if (!params.has(key)) params.set(key, value);
    }
    links.push({ target: link[1] ?? "", params });
  }
  return links;
}

/** Why a link leads elsewhere, as far as it can be told, or how to follow it. */
function hintOnLink(page: URL, next: URL | null): string {
  if (next === null || !/^https?:$/.test(next.protocol)) {
    return "a link to the next page is a URL of the API";
  }
  const isLower = page.protocol === "https:" && next.protocol === "http:";
  if (isLower && next.hostname === page.hostname) {
    return "the API does not know that it is asked over https: what stands before it has to say so, with X-Forwarded-Proto or Forwarded";
  }
  const last = page.pathname.replace(/^.*\//, "");
  const path = next.pathname.replace(
    /\/?([^/]*)$/,
    (whole, name) => name === last ? "" : whole,
  );
  return `posts stays where it was sent; if the API is there: --url ${
    quote(next.origin + path)
  }`;
}

/** The next page, on the same origin: a link does not send anybody elsewhere. */
export function nextOf(page: URL, headers: Headers): URL | undefined {
  const { username, password } = page;
  const parseLink = (text: string) => {
    const url = parseReference(text, page);
    // who asks is the same on each page
    if (url?.origin === page.origin) Object.assign(url, { username, password });
    return url;
  };
  const link = parseLinks(headers.get("link") ?? "").find(({ params }) => {
    const anchor = params.get("anchor");
    // it may be a link of another page
    return (anchor === undefined || parseLink(anchor)?.href === page.href) &&
      params.get("rel")?.toLowerCase().split(/\s+/).includes("next");
  });
  if (link === undefined) return undefined;
  const next = parseLink(link.target);
  if (next?.origin === page.origin) {
    // a place in a page is no other page
    next.hash = "";
    return next;
  }
  throw new Failure(
    `Cannot list ${page}: its next page is elsewhere: ${
      textOfHeader(link.target)
    }`,
    { hint: hintOnLink(page, next) },
  );
}

/**
 * Gets one document: `http://localhost:3000/posts/1`.
 *
 * @throws {Failure} As {@linkcode listDocuments} does.
 */
export async function getDocument(
  url: URL,
  options: SendOptions,
): Promise<Document> {
  const what = `get ${url}`;
  await using response = await get(url, what, options);
  return documentOf(parse(await textOf(response), what), what);
}
