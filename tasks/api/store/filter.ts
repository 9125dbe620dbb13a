/**
 * A query carried out on documents.
 *
 * @module
 */

import { nearest } from "../../../lib/cli/help.ts";
import { type Document, isDocument, readField } from "./document.ts";
import {
  type Filter,
  parsePattern,
  type Query,
  reservedNames,
} from "./query.ts";
import type { StoredList } from "./store.ts";

/**
 * Filters, searches, sorts and slices documents; `embed` and `expand` are left to the store.
 *
 * @param all Gives all documents of the resource, where `documents` are only those that can meet
 * the filters: a field that none of all has is no filter.
 * @returns The documents of the part that was asked for, and how many there are in all.
 */
export function select(
  documents: readonly Document[],
  query: Query,
  all: () => Iterable<Document> = () => documents,
): Omit<StoredList, "json"> & { readonly documents: readonly Document[] } {
  const isKnown = (path: string) => {
    const has = (document: Document) => readField(document, path) !== undefined;
    // An empty resource tells nothing about its fields.
    return documents.some(has) || Iterator.from(all()).some(has) ||
      Iterator.from(all()).next().done === true;
  };
  const { filters, search, sort, slice } = query;
  const unknown = filters.filter(({ operator, path }) =>
    operator === "eq" && !isKnown(path)
  );
  const conditions = filters.filter((filter) => !unknown.includes(filter)).map(
    toCondition,
  );
  const found = documents.filter((document) =>
    (search === "" || contains(document, search)) &&
    conditions.every((meets) => meets(document))
  );
  const unsorted = sort.filter(({ path }) => !isKnown(path));
  const sorted = sort.length === 0 ? found : found.sort(comparator(sort));
  return {
    documents: slice === undefined
      ? sorted
      : sorted.slice(slice.start, slice.end),
    total: found.length,
    ignored: [
      ...unknown.map(({ key }) => ({
        key,
        meant: nearest(key, [...fields(), ...reservedNames]),
      })),
      ...unsorted.map(({ path }) => ({
        key: "_sort",
        meant: nearest(path, fields()),
      })),
      ...query.ignored.map((key) => ({ key, meant: undefined })),
    ],
  };

  function fields(): string[] {
    const [first = {}] = all();
    return pathsOf(first);
  }
}

function comparator(sort: Query["sort"]) {
  return (a: unknown, b: unknown): number => {
    for (const { path, descending } of sort) {
      const order = compare(readField(a, path), readField(b, path));
      if (order !== 0) return descending ? -order : order;
    }
    return 0;
  };
}

/** Numbers and texts as JavaScript compares them, then null, then what is missing. */
function compare(a: unknown, b: unknown): number {
  const [left, right] = [toComparable(a), toComparable(b)];
  if (left === undefined || right === undefined) return rank(a) - rank(b);
  return left > right ? 1 : left < right ? -1 : 0;
}

function toComparable(value: unknown): number | string | undefined {
  if (value === undefined || value === null) return undefined;
  if (typeof value === "boolean") return Number(value);
  return typeof value === "number" ? value : String(value);
}

function rank(value: unknown): number {
  return value === undefined ? 2 : value === null ? 1 : 0;
}

function pathsOf(document: Document): string[] {
  return Object.entries(document).flatMap(([name, value]) =>
    isDocument(value)
      ? [name, ...pathsOf(value).map((path) => `${name}.${path}`)]
      : [name]
  );
}

const comparisons = {
  eq: (value: string) => (found: unknown) => value === String(found),
  ne: (value: string) => (found: unknown) => value !== String(found),
  gte: (value: string) => (found: unknown) =>
    isNumeric(found) ? Number(value) <= Number(found) : value <= String(found),
  lte: (value: string) => (found: unknown) =>
    isNumeric(found) ? Number(value) >= Number(found) : value >= String(found),
  like(value: string, key: string) {
    const matches = parsePattern(value, key);
    return (found: unknown) => matches(String(found));
  },
};

/**
 * Turns a filter into what tells whether a document meets it. Values are compared as json-server
 * compares them: as texts, and in `gte` and `lte` as numbers where the document has a number.
 *
 * @throws {Problem} 400 when a `like` is not a pattern.
 */
export function toCondition(
  { key, path, operator, values }: Filter,
): (document: unknown) => boolean {
  const tests = values.map((value) => comparisons[operator](value, key));
  return (document) => {
    const found = readField(document, path);
    if (found === undefined || found === null) return false;
    return operator === "ne"
      ? tests.every((test) => test(found))
      : tests.some((test) => test(found));
  };
}

/**
 * Tells whether some value of a document, however deep, contains a text in upper or lower case. As
 * in json-server, `false`, `0` and names of fields are not searched.
 *
 * @param text What to look for, in lower case.
 */
export function contains(value: unknown, text: string): boolean {
  if (!value) return false;
  return typeof value === "object"
    ? Object.values(value).some((child) => contains(child, text))
    : String(value).toLowerCase().includes(text);
}

function isNumeric(value: unknown): boolean {
  return typeof value === "number" || typeof value === "boolean";
}
