/**
 * A request before it is sent: method, URL, headers and body, out of a URL and items.
 *
 * @module
 */

import { Failure, UsageError } from "../cli/errors.ts";
import type { Item } from "./items.ts";

/** A header as it goes out: its name, and its value in bytes that each stand for one character. */
export type Header = readonly [name: string, value: string];

/** A request that can be sent, and sent again. */
export interface RequestPlan {
  /** The method, in the case in which it is sent. */
  readonly method: string;
  /** Where it goes; the user and password of a URL are a header by now. */
  readonly url: URL;
  /** The headers, in the order in which they were given. */
  readonly headers: readonly Header[];
  /** The body, if there is one. */
  readonly body?: Uint8Array<ArrayBuffer> | undefined;
}

const encoder = new TextEncoder();

/** The text's UTF-8 as the string of bytes that fetch takes for a header: curl's and HTTPie's bytes, not an error. */
function toByteString(text: string): string {
  return Array.from(encoder.encode(text), (byte) => String.fromCharCode(byte))
    .join("");
}

/**
 * Reads a method's name, or a header's: a token of RFC 9110, section 5.6.2.
 *
 * @throws {UsageError} When it has a character that no token has.
 *
 * @example A method
 * ```ts
 * import { assertEquals } from "@std/assert";
 *
 * assertEquals(parseMethod("put"), "PUT");
 * ```
 */
export function parseMethod(text: string): string {
  return parseToken("method", text).toUpperCase();
}

function parseToken(what: string, text: string): string {
  if (!/^[\w!#$%&'*+.^`|~-]+$/.test(text)) {
    throw new UsageError(
      `Cannot use ${what} "${text}": expected letters, digits and - _ . ! # $ % & ' * + ^ \` | ~`,
    );
  }
  return text;
}

function headersOf(
  items: readonly Item[],
  defaults: readonly Header[],
): Header[] {
  const typed = items.filter(({ kind }) => kind === "header").map(
    ({ path: [name], value }): Header => {
      if (/[\r\n\0]/.test(value)) {
        throw new UsageError(
          `Cannot send header "${name}": its value has a line break or NUL`,
        );
      }
      return [parseToken("header name", name), toByteString(value)];
    },
  );
  const names = new Set(typed.map(([name]) => name.toLowerCase()));
  return [
    ...defaults.filter(([name]) => !names.has(name.toLowerCase())),
    ...typed.filter(([, value]) => value !== ""),
  ];
}

async function jsonOf({ kind, path, value }: Item): Promise<string> {
  if (kind === "json") return value;
  if (kind === "text") return JSON.stringify(value);
  if (kind === "file") {
    const { formatItem } = await import("./items.ts");
    throw new UsageError(
      `Cannot send "${
        formatItem({ kind, path, value })
      }" as JSON: a file needs a form`,
    );
  }
  const file = await Deno.readTextFile(value).catch((cause) => {
    throw new Failure(`Cannot read "${value}"`, { cause });
  });
  if (kind === "textFile") return JSON.stringify(file);
  try {
    JSON.parse(file);
  } catch {
    throw new Failure(
      `Cannot send "${value}" as JSON: its content is not JSON`,
    );
  }
  return file.trim();
}

function decode(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}

/** The header that a URL's user and password stand for. */
function credentialsOf({ username, password }: URL): Header[] {
  if (username === "" && password === "") return [];
  const pair = toByteString(`${decode(username)}:${decode(password)}`);
  return [["authorization", `Basic ${btoa(pair)}`]];
}

/**
 * Plans a request: query items join the URL, header items replace the defaults, the other items become a JSON body.
 *
 * @param target The method and the URL.
 * @param items The items.
 * @throws {UsageError} When a header or a field cannot be sent.
 * @throws {Failure} When a file cannot be read.
 *
 * @example A JSON body
 * ```ts
 * import { assertEquals } from "@std/assert";
 * import { parseItem } from "./items.ts";
 *
 * const target = { method: "POST", url: new URL("http://localhost:3000/posts") };
 * const plan = await planRequest(target, ["title=foo", "draft==yes"].map(parseItem));
 * assertEquals(plan.url.href, "http://localhost:3000/posts?draft=yes");
 * assertEquals(plan.headers, [["content-type", "application/json"]]);
 * assertEquals(new TextDecoder().decode(plan.body), '{"title":"foo"}');
 * ```
 */
export async function planRequest(
  target: Pick<RequestPlan, "method" | "url">,
  items: readonly Item[] = [],
): Promise<RequestPlan> {
  const query = items.filter(({ kind }) => kind === "query");
  const defaults = credentialsOf(target.url);
  const isWhole = query.length === 0 && defaults.length === 0;
  const url = isWhole ? target.url : new URL(target.url);
  if (!isWhole) {
    url.username = url.password = "";
    // joined as text: searchParams would rewrite the query that is there
    url.search += (url.search === "" ? "" : "&") +
      new URLSearchParams(
        query.map(({ path: [name], value }) => [name, value]),
      );
  }
  const fields = items.filter(({ kind }) =>
    kind !== "query" && kind !== "header"
  );
  if (fields.length === 0) {
    return { method: target.method, url, headers: headersOf(items, defaults) };
  }
  const { formatJsonBody } = await import("./json_body.ts");
  const json = formatJsonBody(
    await Promise.all(
      fields.map(async (item) => ({
        path: item.path,
        json: await jsonOf(item),
      })),
    ),
  );
  const type: Header = ["content-type", "application/json"];
  return {
    method: target.method,
    url,
    headers: headersOf(items, [...defaults, type]),
    body: encoder.encode(json),
  };
}
