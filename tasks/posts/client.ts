/**
 * An API's collection from the other side: lists page by page, single documents, and changes.
 *
 * @module
 */

import { exitCodeForStatus, Failure } from "../../lib/cli/errors.ts";
import { percentDecode } from "../../lib/cli/values.ts";
import type { HttpRequest } from "../../lib/http/request.ts";
import { send, type SendOptions } from "../../lib/http/send.ts";
import type { HttpResponse } from "../../lib/http/transport.ts";
import { type Document, isDocument } from "../api/store/document.ts";
import type { Ignored } from "../api/store/store.ts";

function typeNameOf(value: unknown): string {
  if (value === null) return "null";
  return Array.isArray(value) ? "a list" : typeof value;
}

/** What a problem (RFC 9457) says; nothing where a text is none. */
function detailOf(text: string): string | undefined {
  try {
    const problem: unknown = JSON.parse(text);
    if (!isDocument(problem)) return undefined;
    const { detail, title } = problem;
    return [detail, title].find((each) => typeof each === "string");
  } catch {
    // a response that is no JSON says no more than its status
    return undefined;
  }
}

/** Why a response is not what was asked for: its status, and the reason where the API gives one. */
function refusalOf(
  what: string,
  { status, statusText, headers }: HttpResponse,
  text: string,
): Failure {
  const got = `${status} ${statusText}`.trimEnd();
  const reason = detailOf(text) ?? headers.get("x-reason");
  const why = !reason || reason === statusText ? "" : `: ${reason}`;
  return new Failure(`Cannot ${what}: the API answered ${got}${why}`, {
    code: exitCodeForStatus(status),
  });
}

/**
 * Sends a request and gives the text and the headers of its response.
 *
 * @param what What is done, for errors: `list http://localhost:3000/posts`.
 * @throws {Failure} When there is no response or its status is not 2xx (codes 3, 4 and 5).
 */
export async function fetchText(
  request: HttpRequest,
  what: string,
  options: SendOptions,
): Promise<{ text: string; headers: Headers }> {
  await using response = await send(request, options);
  const stream = ReadableStream.from(response.body);
  const text = await new Response(stream).text();
  if (response.status >= 300) throw refusalOf(what, response, text);
  return { text, headers: response.headers };
}

function parse(text: string, what: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    throw new Failure(`Cannot ${what}: the answer is not JSON`);
  }
}

function getText(url: URL, what: string, options: SendOptions) {
  const request = { method: "GET", url, headers: [], typed: [] };
  return fetchText(request, what, { retry: 2, ...options });
}

function documentOf(value: unknown, what: string): Document {
  if (isDocument(value)) return value;
  throw new Failure(
    `Cannot ${what}: expected an object, got ${typeNameOf(value)}`,
  );
}

/**
 * Lists the documents of a collection, page by page where the API links to a next one (RFC 8288).
 *
 * @param url The collection: `http://localhost:3000/posts`.
 * @param onIgnored Called with what of the query the API ignores, for each page that says so.
 * @returns The documents of one page after the other, in the API's order; whoever stops early asks for no further page.
 * @throws {Failure} When there is no response, its status is not 2xx (codes 3, 4 and 5), or it is not a list of documents.
 */
export async function* listDocuments(
  url: URL,
  options: SendOptions,
  onIgnored: (ignored: readonly Ignored[]) => Promise<void>,
): AsyncGenerator<Document[]> {
  const seen = new Set<string>();
  for (
    let page: URL | undefined = url;
    page !== undefined && !seen.has(page.href);
  ) {
    seen.add(page.href);
    const what = `list ${page}`;
    const { text, headers } = await getText(page, what, options);
    const ignored = headers.get("x-ignored-query");
    if (ignored !== null) await onIgnored(parseIgnored(ignored));
    const value = parse(text, what);
    if (!Array.isArray(value)) {
      throw new Failure(
        `Cannot ${what}: expected a list, got ${typeNameOf(value)}`,
      );
    }
    yield value.map((item: unknown, at) =>
      documentOf(item, `${what}: [${at}]`)
    );
    page = nextOf(page, headers);
  }
}

/** The next page, on the same origin: a link does not send anybody elsewhere. */
function nextOf(page: URL, headers: Headers): URL | undefined {
  const link = headers.get("link")
    ?.match(/<([^>]*)>\s*;[^,]*\brel="?next"?/)?.[1];
  if (link === undefined) return undefined;
  const next = URL.parse(link, page);
  if (next === null || next.origin !== page.origin) {
    throw new Failure(
      `Cannot list ${page}: its next page is elsewhere: ${link}`,
    );
  }
  return next;
}

/**
 * Gets documents one by one.
 *
 * @param urls The documents: `http://localhost:3000/posts/1`.
 * @returns Pages of one document each.
 * @throws {Failure} As {@linkcode listDocuments} does.
 */
export async function* getDocuments(
  urls: readonly URL[],
  options: SendOptions,
): AsyncGenerator<Document[]> {
  for (const url of urls) {
    const what = `get ${url}`;
    const { text } = await getText(url, what, options);
    yield [documentOf(parse(text, what), what)];
  }
}

/** Reads the `X-Ignored-Query` header, as another api wrote it. */
function parseIgnored(header: string): Ignored[] {
  const parts = header.split(",").map((part) => part.trim());
  return parts.filter((part) => part !== "").map((part) => {
    const [key = "", meant] = part.split(/\s*;\s*did-you-mean=/).map(
      // whoever else writes the header may not encode it
      (text) => percentDecode(text) ?? text,
    );
    return { key, meant };
  });
}
