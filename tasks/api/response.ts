/**
 * A response, and how HTTP carries it: entity tags, 304, compression, JSONP, problems, the form that is preferred, URLs.
 *
 * @module
 */

import { encodeBase64 } from "@std/encoding/base64";
import { STATUS_TEXT } from "@std/http/status";
import { Problem } from "./store/problem.ts";
import { findPage, nameOf, type Page } from "./store/query.ts";
import { type Id, type Ignored, StoreError } from "./store/store.ts";

/** A response as it is meant. */
export interface ApiResponse {
  readonly status: number;
  readonly text: string;
  /** Its media type, where it is not JSON. */
  readonly type?: string;
  /** Headers of this response, which scripts of other sites may read too. */
  readonly headers?: Readonly<Record<string, string>>;
  /** How many documents were deleted with the one that was meant, by resource: for the log. */
  readonly deleted?: Readonly<Record<string, number>>;
}

/** A response that is ready to be sent, more than once. */
export interface Prepared {
  readonly text: string;
  /** The entity tag of a 200. */
  readonly etag: string | undefined;
  /** All of it but what depends on who asks: a clone of it is sent, since headers are slow to make. */
  readonly response: Response;
  /** Whether it has a Link, which depends on who asks too. */
  readonly isLinked: boolean;
  /** The same compressed by gzip, once somebody wanted it. */
  zipped?: Promise<Response>;
}

const json = "application/json; charset=utf-8";
/** What a response may depend on: who asks, which form is wanted, and which fault. */
export const VARY = "Origin, Accept-Encoding, Accept, Prefer";
/** The media type of a problem. */
export const PROBLEM_TYPE = "application/problem+json; charset=utf-8";
// A shorter body gains nothing; express's threshold is the same.
const minZipped = 1024;
// A path may be 64 KB long; clients refuse heads of 16 KB.
const maxReason = 1000;
const readsGzip = /\bgzip\b(?!\s*;\s*q=0(\.0*)?\s*(,|$))/;

/**
 * Makes a response ready to be sent.
 *
 * @param callback The function that JSONP calls with it, checked by {@linkcode checkCallback}; null for plain JSON.
 */
export async function prepare(
  meant: ApiResponse,
  callback: string | null = null,
): Promise<Prepared> {
  const { status, headers = {} } = meant;
  const isScript = callback !== null && meant.type === undefined;
  const text = isScript ? formatCallback(callback, meant.text) : meant.text;
  const type = isScript ? "text/javascript; charset=utf-8" : meant.type ?? json;
  const etag = status === 200 ? await etagOf(text) : undefined;
  const exposed = Object.keys(headers).join(", ");
  const response = new Response(text, {
    status,
    headers: {
      "content-type": type,
      "x-content-type-options": "nosniff",
      "cache-control": "no-cache",
      "pragma": "no-cache",
      "expires": "-1",
      "vary": VARY,
      ...etag !== undefined && { etag },
      ...exposed && { "access-control-expose-headers": exposed },
      ...headers,
    },
  });
  return { text, etag, response, isLinked: "Link" in headers };
}

/**
 * Responds to a request: 304 to who has the body already, compressed for who can read that.
 *
 * @param asked The request's headers.
 * @param isKept Whether it is sent again: a copy of it goes then.
 * @param reads Whether it is a GET or HEAD: what a write asks of tags is judged before it is done.
 * @throws {Problem} 412 when it is not what If-Match names.
 */
export function respond(
  prepared: Prepared,
  asked: Headers,
  isKept: boolean,
  reads = true,
): Response | Promise<Response> {
  const { etag } = prepared;
  const match = reads ? asked.get("if-match") : null;
  if (etag !== undefined && match !== null && parseTags(match) !== undefined) {
    if (!matchesEtag(match, etag)) throw refuseMatch("answer");
  }
  return respondAgain(prepared, asked, isKept, reads);
}

/** As {@linkcode respond}, to a request without If-Match. */
export function respondAgain(
  prepared: Prepared,
  asked: Headers,
  isKept = true,
  reads = true,
): Response | Promise<Response> {
  const { text, etag, response } = prepared;
  const known = reads ? asked.get("if-none-match") : null;
  if (etag !== undefined && known !== null && matchesEtag(known, etag)) {
    const { headers } = response.clone();
    headers.delete("content-type");
    return new Response(null, { status: 304, headers });
  }
  const zips = text.length > minZipped &&
    readsGzip.test(asked.get("accept-encoding") ?? "");
  if (!zips) return isKept ? response.clone() : response;
  prepared.zipped ??= zip(prepared);
  return prepared.zipped.then((zipped) => zipped.clone());
}

/** Responds to a request with what is sent this once. */
export async function respondOnce(
  meant: ApiResponse,
  asked: Headers,
  reads = true,
): Promise<Response> {
  return await respond(await prepare(meant), asked, false, reads);
}

async function zip({ text, response }: Prepared): Promise<Response> {
  const { status, headers } = response.clone();
  headers.set("content-encoding", "gzip");
  const stream = new Blob([text]).stream()
    .pipeThrough(new CompressionStream("gzip"));
  const bytes = await new Response(stream).bytes();
  return new Response(bytes, { status, headers });
}

const reserved = new RegExp(
  "^(await|break|case|catch|class|const|continue|debugger|default|delete|do|else|enum|export|extends|false|" +
    "finally|for|function|if|implements|import|in|instanceof|interface|let|new|null|package|private|protected|" +
    "public|return|static|super|switch|this|throw|true|try|typeof|var|void|while|with|yield)(\\.|$)",
);

/**
 * Checks the name of the function that JSONP calls: no other script may come of it.
 *
 * @throws {Problem} 400 when it is neither identifiers with dots between them nor a number, which is called by nobody.
 */
export function checkCallback(callback: string): void {
  if (
    !/^(\d+|[a-z_$][\w$]*(\.[a-z_$][\w$]*)*)$/i.test(callback) ||
    reserved.test(callback)
  ) {
    throw new Problem(
      400,
      `Cannot call back "${callback}": expected a name like f or a.b, of letters, digits, _ and $`,
    );
  }
}

function formatCallback(callback: string, text: string): string {
  // The two line separators of Unicode stand in JSON, but not in older JavaScript.
  const safe = text.replaceAll("\u2028", "\\u2028")
    .replaceAll("\u2029", "\\u2029");
  return `/**/ typeof ${callback} === 'function' && ${callback}(${safe});`;
}

const statuses = {
  "conflict": 409,
  "invalid": 400,
  "busy": 503,
  "full": 507,
  "gone": 507,
  "read-only": 403,
  "damaged": 500,
};

/**
 * Words why a store did not write; what is no refusal of a store is given back as it is.
 *
 * @param locate Gives the URL of the document that has the id already.
 */
export function toProblem(
  error: unknown,
  locate?: (id: Id) => string,
): unknown {
  if (!(error instanceof StoreError)) return error;
  const { reason, id, message } = error;
  return new Problem(statuses[reason], message, {
    headers: {
      ...reason === "busy" && { "Retry-After": "1" },
      ...id !== undefined && locate && { "Location": locate(id) },
    },
  });
}

/** Writes a problem as the JSON document of RFC 9457. */
export function formatProblem(problem: Problem): string {
  const { status, message: detail, errors } = problem;
  const title = new Map(Object.entries(STATUS_TEXT)).get(`${status}`);
  return JSON.stringify({ title, status, detail, errors }, null, 2);
}

/**
 * Tells whether an `Accept` names a media type, and prefers it to JSON (RFC 9110, 12.5.1): by its q; where both have
 * the same, JSON must not be named before it.
 *
 * @param winsTies Whether it is then preferred in any case.
 */
export function prefers(
  accept: string,
  type: string,
  winsTies = false,
): boolean {
  const ranges = accept.toLowerCase().split(",").map((range) => {
    const [name = "", ...parameters] = range.split(";")
      .map((part) => part.trim());
    const [, q = "1"] = parameters.join(";").match(/(?:^|;)q\s*=\s*([\d.]+)/) ??
      [];
    return { name, q: Number(q) };
  });
  const at = ranges.findIndex(({ name }) => name === type);
  const wanted = ranges[at]?.q ?? 0;
  if (!(wanted > 0)) return false;
  const found = ["application/json", "application/*", "*/*"]
    .map((each) => ranges.findIndex(({ name }) => name === each));
  const [named = -1] = found;
  const jsonAt = found.find((place) => place >= 0) ?? -1;
  const json = ranges[jsonAt]?.q ?? 0;
  return wanted > json ||
    wanted === json && (winsTies || named < 0 || at < named);
}

/**
 * Makes a problem a response. JSONPlaceholder's 404 is an empty object: why is in a header, X-Reason, and
 * in the body for who asks for `application/problem+json` or is strict.
 */
export function toApiResponse(
  problem: Problem,
  { headers, url }: Request,
): ApiResponse {
  const { status, message } = problem;
  const wantsProblem = /[?&]_strict\b/.test(url) ||
    prefers(headers.get("accept") ?? "", "application/problem+json", true);
  if (status === 404 && !wantsProblem) {
    const reason = message.slice(0, maxReason).replace(/[^ -~]/g, "?");
    return { status, text: "{}", headers: { "X-Reason": reason } };
  }
  const text = formatProblem(problem);
  return { status, text, type: PROBLEM_TYPE, headers: problem.headers };
}

/**
 * Creates a cache of responses by URL that forgets everything when it is full.
 *
 * @param maxLength How many characters it holds, over all URLs and texts.
 */
export function createCache<Entry extends { readonly text: string }>(
  maxLength: number,
): {
  get(url: string): Entry | undefined;
  set(url: string, entry: Entry, isGood: () => boolean): void;
} {
  const entries = new Map<string, { entry: Entry; isGood: () => boolean }>();
  let length = 0;
  return {
    get(url) {
      const kept = entries.get(url);
      return kept?.isGood() ? kept.entry : undefined;
    },
    set(url, entry, isGood) {
      const old = entries.get(url)?.entry.text.length ?? -url.length;
      length += entry.text.length - old;
      if (length > maxLength) {
        entries.clear();
        length = 0;
      } else {
        entries.set(url, { entry, isGood });
      }
    },
  };
}

/** Gives a response whose headers can be changed: those of what was fetched, and of a redirect, cannot. */
export function toChangeable(response: Response): Response {
  // an upgrade is no other response's
  if (response.status === 101) return response;
  try {
    response.headers.delete("x-none");
    return response;
  } catch {
    return new Response(response.body, response);
  }
}

/**
 * Makes the weak entity tag of a text as express does: its length in bytes, in hex, and the first 27 characters of
 * its SHA-1 in base64.
 */
async function etagOf(text: string): Promise<string> {
  const bytes = new TextEncoder().encode(text);
  return formatEtag(bytes, await crypto.subtle.digest("SHA-1", bytes));
}

function formatEtag(
  { length }: Uint8Array,
  digest: ArrayBuffer | Uint8Array,
): string {
  return `W/"${length.toString(16)}-${encodeBase64(digest).slice(0, 27)}"`;
}

/**
 * Tells whether the value of If-None-Match or If-Match, `*` or a list of entity tags, names a tag. Both are
 * compared weakly (RFC 9110, 8.8.3.2), although If-Match is to compare strongly: all tags here are weak, so that it
 * could match nothing, and two texts with the same tag are the same.
 */
export function matchesEtag(list: string, etag: string): boolean {
  if (list === etag) return true;
  const tags = parseTags(list);
  return tags === "*" || (tags?.includes(etag.replace(/^W\//, "")) ?? false);
}

/** Reads the value of If-None-Match or If-Match: tags without their W/; nothing where it is malformed. */
function parseTags(list: string): "*" | readonly string[] | undefined {
  // the header may come more than once
  if (/^\s*\*\s*(,\s*\*\s*)*$/.test(list)) return "*";
  const rest = list.replace(/(?:W\/)?"[!#-~\x80-\uffff]*"\s*(?=,|$)/g, "");
  return /^[\s,]*$/.test(rest) ? list.match(/"[^"]*"/g) ?? [] : undefined;
}

/**
 * Makes the check of what a write asks of the text that is there until now; nothing where it asks nothing. It is
 * to be called where nobody else can write before it is done.
 *
 * @param what What is asked for: `PUT /posts/1`.
 * @throws {Problem} 400 when If-Match or If-None-Match is malformed; the check throws 412 where one of them forbids it.
 */
export async function createCheck(
  what: string,
  asked: Headers,
): Promise<((text: string | undefined) => void) | undefined> {
  const match = asked.get("if-match");
  const noneMatch = asked.get("if-none-match");
  if (match === null && noneMatch === null) return;
  refuseMalformed(what, "If-Match", match);
  refuseMalformed(what, "If-None-Match", noneMatch);
  // What is in a transaction cannot wait. Loaded where it is needed, since that takes 30 ms.
  const { createHash } = await import("node:crypto");
  const tagOf = (text: string) => {
    const bytes = new TextEncoder().encode(text);
    return formatEtag(bytes, createHash("sha1").update(bytes).digest());
  };
  // In the order of RFC 9110, 13.2.2.
  return (text) => {
    const tag = text === undefined ? undefined : tagOf(text);
    const names = (list: string | null) =>
      list !== null && tag !== undefined && matchesEtag(list, tag);
    if (match !== null && !names(match)) throw refuseMatch(what);
    if (names(noneMatch)) {
      throw new Problem(
        412,
        `Cannot ${what}: it is there, and If-None-Match is ${noneMatch}`,
      );
    }
  };
}

function refuseMatch(what: string): Problem {
  return new Problem(
    412,
    `Cannot ${what}: what is there is not what If-Match names`,
  );
}

function refuseMalformed(
  what: string,
  header: string,
  value: string | null,
): void {
  if (value === null || parseTags(value) !== undefined) return;
  throw new Problem(
    400,
    `Cannot ${what}: ${header} is malformed: expected * or tags with quotes, as ETag gives them`,
  );
}

/** Tells whether a write is to be done only where nothing is: the way to create a document of a chosen id. */
export function createsOnly(asked: Headers): boolean {
  return parseTags(asked.get("if-none-match") ?? "") === "*";
}

/** Writes the `Allow` header. */
export function formatAllow(methods: readonly string[]): string {
  return [...methods, "OPTIONS"].join(", ");
}

/** Makes the 405 of a method that is none of a path's, of which more may be said. */
export function refuseMethod(
  method: string,
  path: string,
  methods: readonly string[],
  more = "",
): Problem {
  const named = methods.filter((each) => each !== "HEAD").join(", ");
  const why = `it takes ${named}${more}`;
  const headers = { "Allow": formatAllow(methods) };
  return new Problem(405, `Cannot ${method} ${path}: ${why}`, { headers });
}

/** Encodes a text for a URL or a header; half of a surrogate pair becomes U+FFFD, as SQLite stores it. */
function encodePart(text: string | number): string {
  return encodeURIComponent(`${text}`.toWellFormed());
}

/** Gives the URL of a document, from where the root or the sandbox is. */
export function locate(base: string, resource: string, id: Id): string {
  return [base, encodePart(resource), encodePart(id)].join("/");
}

const proxyNames = [
  "x-forwarded-for",
  "x-forwarded-proto",
  "x-forwarded-host",
  "x-forwarded-prefix",
  "x-real-ip",
  "forwarded",
  "via",
];

// These keep their connections. A proxy that says nothing of itself passes on their name, and closes its own, as nginx
// and those of node do: that of other clients cannot be told from one that closes itself.
const keepers =
  /^(curl|deno|httpie|mozilla|python-(httpx|requests)|wget|xh)\/|^node$/i;

/** Tells whether a request came through a proxy: by what that adds, or since a browser means another URL. */
export function isProxied({ headers, url }: Request): boolean {
  if (proxyNames.some((name) => headers.has(name))) return true;
  const closes = /\bclose\b/i.test(headers.get("connection") ?? "");
  if (closes && keepers.test(headers.get("user-agent") ?? "")) return true;
  if (headers.get("sec-fetch-site") !== "same-origin") return false;
  const page = headers.get("origin") ?? headers.get("referer") ?? "";
  const meant = URL.parse(page)?.origin;
  return meant !== undefined && meant !== new URL(url).origin;
}

/**
 * Writes the URLs in `Location` and `Link` relative to that of the request where it came through a proxy, whose scheme,
 * host and path are not known here: no header about them need be trusted. Else they stay as json-server has them.
 */
export function relate(response: Response, request: Request): Response {
  // first, since a response whose headers are looked at is slower to send; an upgraded request has none any more
  if (response.status === 101 || !isProxied(request)) return response;
  const { headers } = response;
  const [location, link] = [headers.get("location"), headers.get("link")];
  const base = `${new URL(request.url).origin}/`;
  const shorten = (url: string) =>
    url.startsWith(base) ? toRelative(request.url, url) : url;
  try {
    if (location) headers.set("location", shorten(location));
    const short = link?.replace(/<([^>]*)>/g, (_, url) => `<${shorten(url)}>`);
    if (short) headers.set("link", short);
    return response;
  } catch {
    // the headers of what was fetched, and of a redirect, are read-only
    return relate(new Response(response.body, response), request);
  }
}

/** Writes a URL as a reference that is relative to another one of the same origin (RFC 3986, 4.2). */
function toRelative(from: string, to: string): string {
  const split = (url: string) => url.split(/[?#]/, 1)[0]?.split("/") ?? [];
  const [folders, parts] = [split(from).slice(0, -1), split(to)];
  const last = parts.length - 1;
  let common = 0;
  while (common < last && parts[common] === folders[common]) common++;
  const up = "../".repeat(folders.length - common);
  const down = parts.slice(common).join("/");
  // an empty part, or what looks like a scheme, would mean another thing
  const here = up === "" && !/^[^/:]+(\/|$)/.test(down) ? "./" : "";
  return up + here + down + to.slice(parts.join("/").length);
}

/**
 * Writes the `Link` header of a page: first, prev, next and last, as json-server 0.17 does; empty beyond the last.
 *
 * @param url The URL that was asked for; the value of its first `_page` is what changes.
 * @param total How many documents the query found on all pages.
 */
export function formatLinks(url: string, asked: Page, total: number): string {
  const { number, last } = findPage(asked, total);
  if (last < 2 || number > last) return "";
  const start = url.indexOf("?") + 1;
  const pairs = url.slice(start).split("&");
  const pageOf = (pair: string) =>
    Array.from(new URLSearchParams(`&${pair}`))
      .find(([key]) => nameOf(key) === "_page")?.[1];
  const at = pairs.findIndex((pair) => pageOf(pair) !== undefined);
  const isPage = asked.enveloped || parseInt(pageOf(pairs[at] ?? "") ?? "") > 0;
  const linkTo = (page: number) => {
    // As in 0.17 all lead to the same where no number of a page was given.
    const pair = isPage ? pairs[at]?.replace(/=.*|$/, `=${page}`) : undefined;
    if (pair === undefined) return url;
    return url.slice(0, start) + pairs.with(at, pair).join("&");
  };
  return Object.entries({ first: 1, prev: number - 1, next: number + 1, last })
    .filter(([rel, to]) => rel === "last" || (to >= 1 && to <= last))
    .map(([rel, to]) => `<${linkTo(to)}>; rel="${rel}"`)
    .join(", ");
}

/** Writes a page as version 1 of json-server does. */
export function formatEnvelope(
  json: string,
  asked: Page,
  total: number,
): string {
  const { number, last } = findPage(asked, total);
  const page = {
    first: 1,
    prev: number > 1 ? number - 1 : null,
    next: number < last ? number + 1 : null,
    last,
    pages: last,
    items: total,
  };
  const head = JSON.stringify(page, null, 2).slice(0, -2);
  // JSON text holds no bare newline inside a string: each one starts a line.
  return `${head},\n  "data": ${json.replaceAll("\n", "\n  ")}\n}`;
}

const maxIgnored = 20;

/** Writes the `X-Ignored-Query` header: some names, where they are many or long; empty when nothing was ignored. */
export function formatIgnored(ignored: readonly Ignored[]): string {
  const short = (text: string) => encodePart(text.slice(0, 100));
  return ignored.slice(0, maxIgnored)
    .map(({ key, value, meant }) =>
      short(key) + (value === undefined ? "" : `=${short(value)}`) +
      (meant === undefined ? "" : `; did-you-mean=${short(meant)}`)
    )
    .join(", ");
}

// No header may be as long as a name for each of all resources is.
const maxCounts = 100;

/** Writes the `X-Deleted` header: `comments=5, photos=2`. */
export function formatCounts(counts: Readonly<Record<string, number>>): string {
  return Object.entries(counts).slice(0, maxCounts)
    .map(([resource, count]) => `${encodePart(resource)}=${count}`)
    .join(", ");
}
