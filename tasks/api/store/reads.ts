/**
 * What a store in SQLite reads.
 *
 * @module
 */

import { nearest } from "../../../lib/cli/nearest.ts";
import { type Document, isDocument, readField } from "./document.ts";
import {
  everything,
  type Filter,
  parsePattern,
  type Query,
  type Relations,
  reservedNames,
} from "./query.ts";
import { foreignKeyOf, type Naming, parentOf } from "./naming.ts";
import type { Store, StoredList } from "./store.ts";
import type { DocumentTable, ResourceTable } from "./tables.ts";
import type { Session } from "./transaction.ts";

/**
 * Makes the reading half of a store. Where a query asks for documents as they are, SQLite writes
 * the response; where it asks for more, they are parsed, and kept so until the next write.
 */
export function createReader(
  session: Session,
  documents: DocumentTable,
  resources: ResourceTable,
  naming: Naming,
): Pick<Store, "list" | "get" | "dump"> {
  let parsed = { at: session.version(), lists: new Map<string, Document[]>() };

  function readAll(resource: string): Document[] {
    if (parsed.at !== session.version()) {
      parsed = { at: session.version(), lists: new Map() };
    }
    const list = parsed.lists.get(resource) ?? documents.all(resource);
    parsed.lists.set(resource, list);
    return list;
  }

  function* readOneThenAll(resource: string): Generator<Document> {
    const one = documents.single(resource);
    if (one === undefined) return;
    yield JSON.parse(one.json);
    yield* readAll(resource);
  }

  /** Reads the documents that can meet the filters: all, where no index helps. */
  function readSome(resource: string, { filters }: Query): Document[] {
    const equal = filters.filter(({ operator }) => operator === "eq");
    const byId = equal.find(({ path }) => path === naming.id);
    if (byId !== undefined) return documents.byIds(resource, byId.values);
    const keys = equal.length > 0 ? documents.keys() : [];
    const byKey = equal.find(({ path }) =>
      keys.includes(path) && documents.hasKey(resource, path)
    );
    if (byKey === undefined) return readAll(resource);
    const texts = byKey.values.flatMap((text) => [text, JSON.stringify(text)]);
    return documents.byKey(resource, byKey.path, texts);
  }

  /** Makes what adds to a document those that refer to it and those that it refers to, after its own fields. */
  function addRelations(
    resource: string,
    relations: Relations,
  ): (document: Document) => Document {
    if (!hasRelations(relations)) return (document) => document;
    for (const child of relations.embed) resources.fill(child);
    const names = resources.all().map(({ name }) => name);
    const key = foreignKeyOf(resource, naming);
    return (document) => {
      if (!isDocument(document)) return document; // a text in a list
      const id = JSON.stringify(document[naming.id]) ?? "";
      const embedded = relations.embed.map((child) =>
        [child, documents.byKey(child, key, [id])] as const
      );
      const expanded = relations.expand.flatMap((name) => {
        const field = `${name}${naming.suffix}`;
        const parent = parentOf(field, names, naming);
        const reference = document[field];
        if (parent === undefined || reference === undefined) return [];
        const row = resources.use(parent) &&
          documents.find(parent, String(reference));
        return row === undefined ? [] : [[name, JSON.parse(row.json)] as const];
      });
      return { ...document, ...Object.fromEntries([...embedded, ...expanded]) };
    };
  }

  function list(
    resource: string,
    query: Query = everything,
  ): StoredList | undefined {
    const found = resources.use(resource);
    if (found === undefined) return;
    const ignored = query.ignored.map((key) => ({ key, meant: undefined }));
    if (found.single) {
      const json = documents.single(resource)?.json ?? "{}";
      return { json, total: 1, ignored };
    }
    if (isPlain(query)) {
      const { start, end } = query.slice ?? { start: 0, end: -1 };
      const json = start < end || end < 0
        ? documents.format(resource, end - start, start)
        : "[]";
      return { json, total: documents.count(resource), ignored };
    }
    const { documents: selected, ...rest } = select(
      readSome(resource, query),
      query,
      () => readOneThenAll(resource),
    );
    const whole = selected.map(addRelations(resource, query));
    return { json: JSON.stringify(whole, null, 2), ...rest };
  }

  return {
    list,
    get(resource, id, relations = everything) {
      const json = resources.use(resource) &&
        documents.find(resource, id)?.json;
      if (json === undefined || !hasRelations(relations)) return json;
      const whole = addRelations(resource, relations)(JSON.parse(json));
      return JSON.stringify(whole, null, 2);
    },
    dump() {
      for (const { name } of resources.all()) resources.fill(name);
      return session.read(() => {
        const fields = resources.all()
          .map(({ name }) => `\n${JSON.stringify(name)}: ${list(name)?.json}`);
        // JSON text holds no bare newline inside a string: each one starts a line.
        return fields.length === 0
          ? "{}"
          : `{${fields.join(",").replaceAll("\n", "\n  ")}\n}`;
      });
    },
  };
}

/** Tells whether a query asks for documents as they are, and for a part that SQLite can count to. */
function isPlain(query: Query): boolean {
  const { filters, search, sort, slice } = query;
  const isCountable = slice === undefined ||
    [slice.start, slice.end].every((place) => place >= 0 && place < 2 ** 53);
  return isCountable && search === "" && filters.length + sort.length === 0 &&
    !hasRelations(query);
}

function hasRelations({ embed, expand }: Relations): boolean {
  return embed.length + expand.length > 0;
}

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
    documents: sorted.slice(slice?.start, slice?.end),
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
  if (value === undefined || value === null) return;
  return isNumeric(value) ? Number(value) : String(value);
}

function rank(value: unknown): number {
  return value === undefined ? 2 : value === null ? 1 : 0;
}

function pathsOf(document: Document): string[] {
  if (!isDocument(document)) return [];
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
