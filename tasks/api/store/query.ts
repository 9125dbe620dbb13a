/**
 * What a list is asked for: the query language of json-server 0.17.
 *
 * @module
 */

import { Problem } from "./problem.ts";

/** One condition on a field. A field that is missing or null meets none. */
export interface Filter {
  /** The name in the URL: `title_like`. */
  readonly key: string;
  /** The field's name; dots lead into nested objects: `address.city`. */
  readonly path: string;
  /** How the field is compared: equal, not equal, at least, at most, like a pattern. */
  readonly operator: "eq" | "ne" | "gte" | "lte" | "like";
  /**
   * The values as a URL writes them; `1` matches both the number 1 and the string "1". One of them
   * must match, or, for `ne`, all.
   */
  readonly values: readonly string[];
}

/** Which documents of a resource are asked for. */
export interface Query {
  /** Conditions that must all hold. One for equality on a field that no document has is left out. */
  readonly filters: readonly Filter[];
  /** A text that some value of a document must contain, in upper or lower case; empty for any. */
  readonly search: string;
  /** The order, the first step before all others; empty for the order of the resource. Paths as in a filter. */
  readonly sort: readonly {
    readonly path: string;
    readonly descending: boolean;
  }[];
  /** The part of the list, as Array's slice takes it: then the response has an X-Total-Count. */
  readonly slice?: { readonly start: number; readonly end: number };
  /** The page that `slice` is, from 1, where a page was asked for: then the response has a Link. */
  readonly page?: { readonly number: number; readonly size: number };
  /** Resources whose documents refer to it: `comments` puts them in the field `comments`. */
  readonly embed: readonly string[];
  /** What it refers to, in the singular: `post` puts it in the field `post`. */
  readonly expand: readonly string[];
  /** Names in the URL whose values mean nothing: `_page` for `_page=x`. */
  readonly ignored: readonly string[];
}

/** Documents that come with a document. */
export type Relations = Pick<Query, "embed" | "expand">;

/** The names in a URL that are no field's. */
export const reservedNames: readonly string[] = [
  "q",
  "_start",
  "_end",
  "_page",
  "_limit",
  "_sort",
  "_order",
  "_embed",
  "_expand",
  "_delay",
  "_strict",
  "callback",
  "_",
];

/**
 * Reads a URL's query.
 *
 * @throws {Problem} 400 when a `_like` is more than a text with `^`, `$`, `.` and `.*`.
 *
 * @example
 * ```ts
 * import { assertEquals } from "@std/assert";
 *
 * assertEquals(parseQuery(new URLSearchParams("userId=1&userId=2&_sort=id&_order=up")), {
 *   filters: [{ key: "userId", path: "userId", operator: "eq", values: ["1", "2"] }],
 *   search: "",
 *   sort: [{ path: "id", descending: false }],
 *   embed: [],
 *   expand: [],
 *   ignored: ["_order"],
 * });
 * ```
 */
export function parseQuery(params: URLSearchParams): Query {
  const orders = (params.get("_order") ?? "").toLowerCase().split(",");
  const sort = (params.get("_sort") || undefined)?.split(",") ?? [];
  return {
    filters: Array.from(new Set(params.keys()))
      .filter((key) => !reservedNames.includes(key))
      .map((key) => parseFilter(key, params.getAll(key))),
    search: (params.get("q") ?? "").toLowerCase(),
    sort: sort.map((path, at) => ({ path, descending: orders[at] === "desc" })),
    embed: params.getAll("_embed").filter((name) => name !== ""),
    expand: params.getAll("_expand").filter((name) => name !== ""),
    ...parseSlice(params),
    ignored: [...params.keys()].filter((key) => isMeaningless(key, params)),
  };
}

/** A query for all documents as they are. */
export const everything: Query = parseQuery(new URLSearchParams());

const operators = ["gte", "lte", "ne", "like"] as const;

function parseFilter(key: string, values: readonly string[]): Filter {
  const operator = operators.find((name) => key.endsWith(`_${name}`));
  if (operator === undefined) return { key, path: key, operator: "eq", values };
  if (operator === "like") {
    for (const value of values) parsePattern(value, key);
  }
  return { key, path: key.slice(0, -operator.length - 1), operator, values };
}

/** Of page, end and limit the first wins, and a number that is none is 0, as in json-server. */
function parseSlice(params: URLSearchParams): Pick<Query, "slice" | "page"> {
  const read = (name: string) => parseInt(params.get(name) ?? "", 10) || 0;
  if (params.get("_page")) {
    const number = Math.max(read("_page"), 1);
    const size = read("_limit") || 10;
    const slice = { start: (number - 1) * size, end: number * size };
    return { slice, page: { number, size } };
  }
  const start = read("_start");
  if (params.get("_end")) return { slice: { start, end: read("_end") } };
  if (!params.get("_limit")) return {};
  return { slice: { start, end: start + read("_limit") } };
}

function isMeaningless(key: string, params: URLSearchParams): boolean {
  const value = params.get(key) ?? "";
  if (key === "_page") return !/^0*[1-9]\d*$/.test(value);
  if (key === "_order") {
    return !params.get("_sort") || !/^((asc|desc)(,|$))+$/i.test(value);
  }
  if (key === "_start" && !params.get("_end") && !params.get("_limit")) {
    return true;
  }
  return ["_start", "_end", "_limit"].includes(key) && !/^\d+$/.test(value);
}

const maxLength = 200;
// Characters that stand for themselves, escaped ones, `.` and `.*`, between `^` and `$`.
const grammar = /^\^?(?:[^\\^$.*+?()[\]{}|]|\\[^\w\s]|\.\*?)*\$?$/;

/**
 * Reads a pattern: a text, found anywhere and in either case, where `^` is the start of the value,
 * `$` its end, `.` any character, `.*` any row of them on one line, and `\` takes the meaning of
 * what follows. It means what it means to json-server's `RegExp`; the rest of that language is
 * refused, since `^(a+)+$` on 28 letters takes seconds there.
 *
 * @param key The name in the URL, for the error.
 * @returns Tells whether a value matches, in a time that grows with the lengths of both only.
 * @throws {Problem} 400 when it holds more than that, or more than 200 characters.
 */
export function parsePattern(
  text: string,
  key: string,
): (value: string) => boolean {
  if (text.length > maxLength || !grammar.test(text)) {
    const start = text.slice(0, 40);
    throw new Problem(
      400,
      `Cannot read ${key} "${start}": expected at most ${maxLength} characters and no operators but ^ $ . and .*, ` +
        "escaped by \\ where they are meant",
    );
  }
  // Between two `.*` nothing repeats, so the first place that fits is as good as any later one.
  const parts = text.split(".*").map((part) => new RegExp(part, "gi"));
  if (parts.length === 1) return (value) => findAll(parts, value);
  return (value) => {
    const lines = value.split(/[\n\r\u2028\u2029]/);
    return lines.some((line, at) =>
      !(text.startsWith("^") && at > 0) &&
      !(text.endsWith("$") && at < lines.length - 1) &&
      findAll(parts, line)
    );
  };
}

function findAll(parts: readonly RegExp[], text: string): boolean {
  let place = 0;
  return parts.every((part) => {
    part.lastIndex = place;
    const isFound = part.test(text);
    place = part.lastIndex;
    return isFound;
  });
}
