/**
 * What is typed: URLs, whole or as the shorthands that HTTPie made common, and the operands after one.
 *
 * @module
 */

import { UsageError } from "../../lib/cli/errors.ts";
import { hideMalformed, isJson } from "../../lib/cli/values.ts";
import type { Item } from "./items.ts";

// without the flag i, whose first use costs 0.3 ms
const SCHEME = /^[a-zA-Z][a-zA-Z\d+.-]*:\/\//;
const METHOD = /^(GET|HEAD|POST|PUT|PATCH|DELETE|OPTIONS)$/;
const PORT_ONLY = /^:\d+(?=[/?#]|$)/;
const BARE_HOST = /^(?:[^\s/?#:@=[\]\\]+|\[[\da-f:.]+\])(?::\d+)?(?=[/?#]|$)/i;
const LOOPBACK =
  /^(?:(?:[^/?#:]+\.)?localhost\.?|127(?:\.\d+){1,3}|\[::1\])(?=[:/?#]|$)/i;

function complete(text: string): string | undefined {
  if (SCHEME.test(text)) return text;
  if (PORT_ONLY.test(text)) return `http://localhost${text}`;
  if (!BARE_HOST.test(text)) return undefined;
  return `${LOOPBACK.test(text) ? "http" : "https"}://${text}`;
}

/**
 * Reads a URL as it is typed: `:3000/x` is on this machine, a loopback host is spoken to in http, any other bare
 * host in https. Follows the WHATWG URL Standard for everything else, but refuses the control characters that it drops.
 *
 * @throws {UsageError} When it is not a URL, or not one of http or https.
 *
 * @example The shorthands
 * ```ts
 * import { assertEquals } from "@std/assert";
 *
 * assertEquals(parseUrl(":3000/posts").href, "http://localhost:3000/posts");
 * assertEquals(parseUrl("127.0.0.1:80").href, "http://127.0.0.1/");
 * assertEquals(parseUrl("example.com/a?b").href, "https://example.com/a?b");
 * ```
 */
export function parseUrl(text: string): URL {
  const full = complete(text);
  // deno-lint-ignore no-control-regex
  const isClean = /^[^\x00-\x1f\x7f-\x9f]*$/.test(text);
  const parsed = isClean && full !== undefined ? URL.parse(full) : null;
  // a path, not a host
  const url = parsed?.hostname.startsWith(".") ? null : parsed;
  if (url?.protocol === "http:" || url?.protocol === "https:") return url;
  const shown = text.includes("//") ? hideMalformed(text) : text;
  if (url !== null) {
    throw new UsageError(`Cannot use URL "${shown}": expected http or https`);
  }
  const hint = "headers and fields come after a URL";
  throw new UsageError(
    `Cannot parse URL "${shown}": expected http://HOST:PORT/PATH, HOST/PATH or :PORT/PATH`,
    /[:=@]/.test(text) && !SCHEME.test(text) ? { hint } : {},
  );
}

/** A JSON document, which is no URL and no item. */
function isDocument(text: string): boolean {
  return /^[[{]/.test(text) && isJson(text);
}

/** Refuses what other tools take here: a method, a second URL, a body as it is. */
function refuseOthers(texts: readonly string[]): void {
  const [first = "", ...others] = texts;
  if (texts.some(isDocument)) {
    throw new UsageError("Cannot use JSON as an operand", {
      hint: "from a file or a pipe: post URL @FILE, or echo '...' | post URL -",
    });
  }
  if (others.length > 0 && METHOD.test(first)) {
    throw new UsageError(`Cannot use "${first}" as a URL`, {
      hint: `the method is an option: -X ${first}`,
    });
  }
  if (
    others.some((text) => /^https?:\/\//.test(text) || PORT_ONLY.test(text))
  ) {
    throw new UsageError("Cannot use two URLs in one call", {
      hint: "one URL per call; items come after it: Header:value, name==query",
    });
  }
}

/** Where the public JSONPlaceholder is. */
export const PUBLIC_API = "https://jsonplaceholder.typicode.com";

/** Where `get` and `post` go when they are told nothing. */
export const DEFAULT_URL = `${PUBLIC_API}/posts`;

/**
 * Reads the operands of `get` and `post`: a URL, then items; among them `-` or `@FILE`, instead of fields.
 *
 * @throws {UsageError} When one of them is malformed, or there is more than one body.
 *
 * @example A header, and a body from a file
 * ```ts
 * import { assertEquals } from "@std/assert";
 *
 * const { url, items, raw } = await parseOperands([":3000/posts", "Accept:text/plain", "@a.json"]);
 * assertEquals([url.port, items.length, raw], ["3000", 1, "@a.json"]);
 * ```
 */
export async function parseOperands(
  [text = DEFAULT_URL, ...texts]: readonly string[],
): Promise<Operands> {
  refuseOthers([text, ...texts]);
  const url = parseUrl(text);
  if (texts.length === 0) return { url, items: [], fields: [] };
  const { formatItem, isField, parseItem } = await import("./items.ts");
  const isRaw = (text: string) => text === "-" || text.startsWith("@");
  const items = texts.filter((text) => !isRaw(text)).map(parseItem);
  const fields = items.filter(isField);
  const [raw, ...others] = texts.filter(isRaw);
  if (raw === "@") {
    throw new UsageError('Cannot send body "@": its file is missing');
  }
  const [other] = [...others, ...fields.map(formatItem)];
  if (raw !== undefined && other !== undefined) {
    throw new UsageError(
      `Cannot send both "${raw}" and "${other}": a request has one body`,
    );
  }
  return {
    url,
    items: items.filter((item) => !isField(item)),
    fields,
    raw: raw === "@-" ? "-" : raw,
  };
}

/** What the operands ask for. */
export interface Operands {
  readonly url: URL;
  /** Headers and parts of the query. */
  readonly items: readonly Item[];
  /** Parts of the body. */
  readonly fields: readonly Item[];
  /** The body as it is, instead of fields: `-` for standard input, or `@FILE`. */
  readonly raw?: string | undefined;
}
