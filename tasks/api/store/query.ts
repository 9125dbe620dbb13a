/**
 * What a list is asked for: the query language of json-server 0.17, and of its version 1 what means nothing there.
 *
 * @module
 */

import { namesOf } from "./document.ts";
import {
  type Condition,
  type Filter,
  parseFilter,
  parseWhere,
  toCondition,
} from "./filter.ts";
import { Problem } from "./problem.ts";

/** Which documents of a resource are asked for. */
export interface Query {
  /** Conditions that must all hold. One for equality on a field that no document has is left out. */
  readonly filters: readonly AskedFilter[];
  /** What `_where` asks for. */
  readonly where?: Condition;
  /** A text that some value of a document must contain, in upper or lower case; empty for any. */
  readonly search: string;
  /**
   * The order, the first step before all others; empty for the order of the resource. Paths as in a filter; a `-`
   * before one that no document has means that it is descending.
   */
  readonly sort: readonly {
    readonly path: string;
    readonly descending: boolean;
  }[];
  /** The part of the list, as Array's slice takes it: then the response has an X-Total-Count. */
  readonly slice?: { readonly start: number; readonly end: number };
  /** The page that `slice` is, from 1, where a page was asked for: then the response has a Link. */
  readonly page?: Page;
  /** Resources whose documents refer to it: `comments` puts them in the field `comments`. */
  readonly embed: readonly string[];
  /** What it refers to, in the singular: `post` puts it in the field `post`. */
  readonly expand: readonly string[];
  /** Names in the URL whose values mean nothing: `_page` for `_page=x`. */
  readonly ignored: readonly string[];
}

/** A filter as a URL has it. */
interface AskedFilter extends Filter {
  /** What it is instead where documents have all these paths: `tags[0]` and `tags[1]`, for the values of `tags`. */
  readonly places?: readonly Filter[];
}

/** A page of a list. */
export interface Page {
  readonly number: number;
  readonly size: number;
  /** Whether it comes as version 1 has it: in an envelope, and the last page where there are fewer. */
  readonly enveloped?: boolean;
}

/** Documents that come with a document. */
export type Relations = Pick<Query, "embed" | "expand">;

const ownNames = [
  "q",
  "_start",
  "_end",
  "_page",
  "_limit",
  "_per_page",
  "_where",
  "_sort",
  "_order",
  "_embed",
  "_expand",
];

/** The names in a URL that are no field's. */
export const reservedNames: readonly string[] = [
  ...ownNames,
  "_delay",
  "_strict",
  "callback",
  "_",
];

// A list of 10,000 documents is looked through within a second even where all of these are used up.
const maxKeys = 100;
const maxNames = 20;
const maxCompared = 200;
const maxSearched = 50;
const maxLetters = 2000;
const maxWritten = 1000;

function limit(found: number, most: number, what: string): void {
  if (found <= most) return;
  throw new Problem(
    400,
    `Cannot read the query: expected at most ${most} ${what}, got ${found}`,
  );
}

/**
 * Reads a URL's query.
 *
 * @param parent What the path says: fields, and what they equal. Nothing in the query changes that.
 * @throws {Problem} 400 when a `_like` or a `_where` cannot be read, or when it asks for too much at once.
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
export function parseQuery(
  asked: URLSearchParams,
  parent: readonly (readonly [field: string, value: string])[] = [],
): Query {
  const groups = Map.groupBy(asked, ([key]) => nameOf(key));
  limit(groups.size, maxKeys, "different names");
  const isListed = asked.keys().some((key) => key.includes("["));
  const params = isListed ? new URLSearchParams(withOwnNames(asked)) : asked;
  const given = parent.map(([field, value]) => parseGiven(field, value));
  const filters = Array.from(groups).filter(([name]) =>
    !reservedNames.includes(name) && !given.some(({ path }) => path === name)
  ).map(([name, pairs]) => parsePairs(name, pairs));
  limitWork(filters);
  const text = params.get("_where");
  const where = text ? parseWhere(text) : undefined;
  return {
    filters: where === undefined ? [...filters, ...given] : given,
    ...where && { where },
    search: (params.get("q") ?? "").toLowerCase(),
    sort: parseSort(params),
    embed: readNames(params, "_embed"),
    expand: readNames(params, "_expand"),
    ...parseSlice(params),
    ignored: [
      ...groups.keys().filter((name) => isMeaningless(name, params)),
      ...where === undefined ? [] : filters.map(({ key }) => key),
    ],
  };
}

/** A query for all documents as they are. */
export const everything: Query = parseQuery(new URLSearchParams());

/**
 * Gives a name without what says that it is one of several: `id` for the `id[]` and `id[0]` of clients that write lists
 * so, as axios, jQuery, qs and PHP do.
 */
export function nameOf(key: string): string {
  if (!key.includes("[") || key.length > maxWritten) return key;
  const name = key.replaceAll("[]", "").replace(/(?:\[\d+\])+$/, "");
  return name === "" || reservedNames.includes(name) && !ownNames.includes(name)
    ? key
    : name;
}

/** Writes the names that are no field's as one that may have several values is written here. */
function withOwnNames(params: URLSearchParams): [string, string][] {
  return Array.from(params, ([key, value]) => {
    const name = nameOf(key);
    return [ownNames.includes(name) ? name : key, value];
  });
}

function parsePairs(
  name: string,
  pairs: readonly (readonly [key: string, value: string])[],
): AskedFilter {
  const filter = parseFilter(name, pairs.map(([, value]) => value));
  if (pairs.every(([key]) => key === name)) return filter;
  const keys = Map.groupBy(pairs, ([key]) => key);
  if (keys.size > maxKeys) return filter;
  const places = Array.from(
    keys,
    ([key, own]) => parseFilter(key, own.map(([, value]) => value)),
  );
  return { ...filter, places };
}

/** Reads `tags[0]` as a path where some document has it, and as any value of `tags` where none has. */
export function settlePlaces(
  { filters }: Query,
  list: () => Iterable<unknown>,
  check = () => {},
): readonly Filter[] {
  const keys = filters.flatMap(({ places = [] }) =>
    places.map(({ key }) => key)
  );
  if (keys.length === 0) return filters;
  const left = new Map(keys.map((key) => [key, namesOf(key)]));
  for (const document of list()) {
    check();
    for (const [key, names] of left) {
      const isThere = hasPlace(document, [key]) || hasPlace(document, names);
      if (isThere) left.delete(key);
    }
    if (left.size === 0) break;
  }
  return filters.flatMap((filter) =>
    filter.places?.every(({ key }) => !left.has(key)) ? filter.places : [filter]
  );
}

/** Tells whether a path leads somewhere, also through lists; the letters of a text are no places. */
function hasPlace(value: unknown, names: readonly string[]): boolean {
  const [name, ...rest] = names;
  if (name === undefined) return true;
  if (typeof value !== "object" || value === null) return false;
  return Object.hasOwn(value, name)
    ? hasPlace(Reflect.get(value, name), rest)
    : Array.isArray(value) && value.some((each) => hasPlace(each, names));
}

function parseGiven(path: string, value: string): Filter {
  return { key: path, path, operator: "eq", values: [value] };
}

/** Refuses filters whose values cannot all be looked up at once, where there are many; and patterns that are none. */
function limitWork(filters: readonly Filter[]): void {
  const count = (pattern: RegExp) =>
    filters.filter(({ operator }) => pattern.test(operator))
      .reduce((sum, { values }) => sum + values.join("|").split("|").length, 0);
  limit(count(/like|contains|With/), maxSearched, "texts to look for");
  limit(count(/^:?[gl]te?$/), maxCompared, "values to compare with");
  const patterns = filters.filter(({ operator }) => operator === "like");
  const letters = patterns.flatMap(({ values }) => values).join("").length;
  patterns.forEach(toCondition);
  limit(letters, maxLetters, "characters of patterns");
}

function readNames(params: URLSearchParams, key: string): string[] {
  const names = new Set(params.getAll(key));
  names.delete("");
  limit(names.size, maxNames, `names in ${key}`);
  return [...names];
}

function joined(params: URLSearchParams, name: string): string {
  return params.getAll(name).filter((value) => value !== "").join(",");
}

function parseSort(params: URLSearchParams): Query["sort"] {
  const orders = joined(params, "_order").toLowerCase().split(",");
  const steps = new Map<string, boolean>();
  const paths = joined(params, "_sort").split(",");
  if (paths.length === 1 && paths[0] === "") return [];
  for (const [at, path] of paths.entries()) {
    if (!steps.has(path)) steps.set(path, orders[at] === "desc");
  }
  limit(steps.size, maxNames, "names in _sort");
  return Array.from(steps, ([path, descending]) => ({ path, descending }));
}

/** Of page, end and limit the first wins, and a number that is none is 0, as in json-server. */
function parseSlice(params: URLSearchParams): Pick<Query, "slice" | "page"> {
  const read = (name: string) => parseInt(params.get(name) ?? "", 10);
  if (params.get("_page")) {
    const number = Math.max(read("_page") || 0, 1);
    const enveloped = params.has("_per_page");
    const perPage = Math.min(read("_per_page"), Number.MAX_SAFE_INTEGER);
    const size = !enveloped
      ? read("_limit") || 10
      : Number.isNaN(perPage)
      ? 10
      : Math.max(perPage, 1);
    const slice = { start: (number - 1) * size, end: number * size };
    return { slice, page: { number, size, ...enveloped && { enveloped } } };
  }
  const start = read("_start") || 0;
  if (params.get("_end")) return { slice: { start, end: read("_end") || 0 } };
  if (!params.get("_limit")) return {};
  return { slice: { start, end: start + (read("_limit") || 0) } };
}

/** Gives a page that there is: the last one where one beyond it was asked for in an envelope. */
export function findPage(page: Page, total: number): Page & { last: number } {
  const last = Math.ceil(total / page.size);
  if (!page.enveloped) return { ...page, last };
  const most = Math.max(last, 1);
  return { ...page, number: Math.min(page.number, most), last: most };
}

/** Gives the part of a list that was asked for. */
export function findSlice(
  { page, slice }: Query,
  total: number,
): Query["slice"] {
  if (!page?.enveloped || slice === undefined) return slice;
  const start = (findPage(page, total).number - 1) * page.size;
  const end = slice.end === Infinity ? Infinity : start + page.size;
  return { start, end };
}

function isMeaningless(key: string, params: URLSearchParams): boolean {
  const value = params.get(key) ?? "";
  const isPlace = /^0*[1-9]\d*$/.test(value);
  if (key === "_page") return !isPlace;
  if (key === "_per_page") return !isPlace || !params.get("_page");
  if (key === "_where") return value === "";
  if (key === "_order") {
    return joined(params, "_sort") === "" ||
      !/^((asc|desc)(,|$))+$/i.test(joined(params, key));
  }
  if (key === "_start" && !params.get("_end") && !params.get("_limit")) {
    return true;
  }
  if (key === "_limit" && params.get("_page") && params.has("_per_page")) {
    return value !== params.get("_per_page");
  }
  return ["_start", "_end", "_limit"].includes(key) && !/^\d+$/.test(value);
}
