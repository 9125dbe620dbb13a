/**
 * What a store in SQLite reads.
 *
 * @module
 */

import { nearest } from "../../../lib/cli/nearest.ts";
import {
  createElementReader,
  createFieldReader,
  type Document,
  isDocument,
} from "./document.ts";
import {
  contains,
  type Filter,
  isNew,
  operators,
  toCondition,
} from "./filter.ts";
import { foreignKeyOf, type Naming, parentOf } from "./naming.ts";
import { Problem } from "./problem.ts";
import {
  everything,
  findSlice,
  type Query,
  type Relations,
  reservedNames,
  settlePlaces,
} from "./query.ts";
import type { Ignored, Store, StoredList } from "./store.ts";
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
    // what is read in the middle of a write may be taken back
    if (session.isWriting()) return documents.all(resource);
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
    const equal = filters.filter(({ operator, places }) =>
      operator === "eq" && places === undefined
    );
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

  /** Makes what finds the documents of a resource that refer to an id: of many ids, not by one look-up each. */
  function createChildFinder(
    child: string,
    key: string,
    count: number,
  ): (id: string) => Document[] {
    if (resources.use(child) === undefined) return () => [];
    if (count < minGrouped) return (id) => documents.byKey(child, key, [id]);
    const groups = Map.groupBy(
      readAll(child),
      (document) => JSON.stringify(document[key]),
    );
    return (id) => groups.get(id) ?? [];
  }

  /**
   * Makes what finds the document that an id in a field refers to.
   *
   * @param weigh Is told how long each is: one that many refer to is written as often.
   */
  function createParentFinder(
    parent: string,
    weigh: (length: number) => void,
  ): (id: string) => unknown {
    const texts = new Map<string, string | undefined>();
    const values = new Map<string, unknown>();
    if (resources.use(parent) === undefined) return () => undefined;
    return (id) => {
      const text = texts.get(id) ?? documents.find(parent, id)?.json;
      if (text === undefined) return;
      weigh(text.length);
      if (!texts.has(id)) values.set(id, JSON.parse(text));
      texts.set(id, text);
      return values.get(id);
    };
  }

  /** Adds to documents those that refer to them and those that they refer to, after their own fields. */
  function addRelations(
    resource: string,
    list: readonly Document[],
    relations: Relations,
  ): readonly Document[] {
    if (!hasRelations(relations)) return list;
    const names = resources.all().map(({ name }) => name);
    const most = maxLength * Math.max(list.length, 10_000);
    let length = 0;
    const weigh = (more: number) => {
      length += more;
      if (length > most) throw refuseLength(most);
    };
    const parents = new Map(
      [...relations.embed, ...relations.expand].flatMap((name) => {
        const field = `${name}${naming.suffix}`;
        const parent = parentOf(field, names, naming);
        // What is embedded is what refers to it; in version 1 also the parent, in the singular.
        const isChild = relations.embed.includes(name) && names.includes(name);
        return parent === undefined || isChild
          ? []
          : [[name, [field, createParentFinder(parent, weigh)]] as const];
      }),
    );
    const key = foreignKeyOf(resource, naming);
    const children = relations.embed.filter((name) => !parents.has(name))
      .map((name) =>
        [name, createChildFinder(name, key, list.length)] as const
      );
    const check = createTimer(list.length);
    return list.map((document) => {
      check();
      if (!isDocument(document)) return document; // a text in a list
      const id = JSON.stringify(document[naming.id]) ?? "";
      const embedded = children.map(([name, find]) =>
        [name, find(id)] as const
      );
      const expanded = Array.from(parents).flatMap(([name, [field, find]]) => {
        const reference = document[field];
        const found = reference === undefined
          ? undefined
          : find(String(reference));
        return found === undefined ? [] : [[name, found] as const];
      });
      return { ...document, ...Object.fromEntries([...embedded, ...expanded]) };
    });
  }

  /** Of the names in `_embed` and `_expand` those that lead to no resource; to embed one that is referred to takes a field. */
  function findLost(
    resource: string,
    some: readonly Document[],
    { embed, expand }: Query,
  ): Ignored[] {
    if (embed.length + expand.length === 0) return [];
    const names = resources.all().map(({ name }) => name);
    const all = () => readAll(resource);
    const isParent = (name: string) =>
      parentOf(`${name}${naming.suffix}`, names, naming) !== undefined;
    const isField = (name: string) => {
      const isIn = (document: Document) =>
        `${name}${naming.suffix}` in Object(document);
      // nothing is known where there are no documents
      return some.some(isIn) || all().length === 0 || all().some(isIn);
    };
    const parents = () =>
      Object.keys(Object(some[0]))
        .filter((field) => field.endsWith(naming.suffix))
        .map((field) => field.slice(0, -naming.suffix.length));
    return [
      ...embed.filter((name) =>
        !names.includes(name) && !(isParent(name) && isField(name))
      ).map((value) => ({
        key: "_embed",
        value,
        meant: nearest(value, [...names, ...parents()]),
      })),
      ...expand.filter((name) => !isParent(name)).map((value) => ({
        key: "_expand",
        value,
        meant: nearest(value, parents()),
      })),
    ];
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
      const total = documents.count(resource);
      const { start, end } = findSlice(query, total) ?? { start: 0, end: -1 };
      const json = start < end || end < 0
        ? documents.format(resource, end - start, start)
        : "[]";
      return { json, total, ignored };
    }
    const some = readSome(resource, query);
    const { documents: selected, total, ignored: unused } = select(
      some,
      query,
      some === parsed.lists.get(resource)
        ? undefined
        : () => readOneThenAll(resource),
    );
    const whole = addRelations(resource, selected, query);
    return {
      json: JSON.stringify(whole, null, 2),
      total,
      ignored: [...unused, ...findLost(resource, some, query)],
    };
  }

  return {
    list,
    get(resource, id, relations = everything) {
      const json = resources.use(resource) &&
        documents.find(resource, id)?.json;
      if (json === undefined || !hasRelations(relations)) return json;
      const [whole] = addRelations(resource, [JSON.parse(json)], relations);
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
  const { filters, where, search, sort, slice } = query;
  const isCountable = slice === undefined ||
    [slice.start, slice.end].every((place) => place >= 0 && place < 2 ** 53);
  return isCountable && search === "" && where === undefined &&
    filters.length + sort.length === 0 && !hasRelations(query);
}

function hasRelations({ embed, expand }: Relations): boolean {
  return embed.length + expand.length > 0;
}

// From here on it is faster to read all documents that may refer to some than to look for those of each.
const minGrouped = 100;

// How much of what it refers to a document may come with, on average, in characters.
const maxLength = 6_000;

function refuseLength(most: number): Problem {
  return new Problem(
    400,
    `Cannot answer the query: what it expands is longer than ${most} characters; ask for a page of the list`,
  );
}

const freeMs = 200;
const maxMs = 400;

/** Makes what gives up a query that takes longer than any that is meant: nobody else is answered meanwhile. */
function createTimer(count: number): () => void {
  const factor = Math.max(1, count / 10_000);
  const end = performance.now() + freeMs * factor;
  let begun: { user: number; system: number } | undefined;
  // To read the clock takes as long as to look at a short document: of few each may be long.
  const step = count < 1000 ? 1 : 16;
  let calls = 0;
  return () => {
    if (++calls % step !== 0 || performance.now() < end) return;
    // On a busy machine a clock runs on while nothing is done. What is fast need not wait for `process` to load.
    begun ??= globalThis.process.cpuUsage();
    const { user, system } = globalThis.process.cpuUsage(begun);
    if (user + system < maxMs * factor * 1000) return;
    throw new Problem(
      400,
      "Cannot answer the query: it takes too long; ask for less at once",
    );
  };
}

/** Finds those of some paths that a document has a field at; all where there are no documents to tell. */
function findKnown(
  paths: readonly string[],
  documents: Iterable<Document>,
  check: () => void,
): ReadonlySet<string> {
  const left = new Map(paths.map((path) => {
    const [read, elements] = [
      createFieldReader(path),
      createElementReader(path),
    ];
    const isNested = /[.[]/.test(path);
    const has = (document: Document) =>
      read(document) !== undefined || isNested && elements(document).length > 0;
    return [path, has];
  }));
  let isEmpty = true;
  for (const document of left.size > 0 ? documents : []) {
    isEmpty = false;
    check();
    for (const [path, has] of left) if (has(document)) left.delete(path);
    if (left.size === 0) break;
  }
  return new Set(paths.filter((path) => isEmpty || !left.has(path)));
}

/**
 * Filters, searches, sorts and slices documents; `embed` and `expand` are left to the store.
 *
 * @param all Gives all documents of the resource, where `documents` are only those that can meet
 * the filters: a field that none of all has is no filter.
 * @returns The documents of the part that was asked for, and how many there are in all.
 * @throws {Problem} 400 when it takes too long.
 */
export function select(
  documents: readonly Document[],
  query: Query,
  all?: () => Iterable<Document>,
): Omit<StoredList, "json"> & { readonly documents: readonly Document[] } {
  const { where, search } = query;
  const check = createTimer(documents.length);
  function* listAll(): Generator<Document> {
    yield* documents;
    if (all !== undefined) yield* all();
  }
  const filters = settlePlaces(query, listAll, check);
  const plain = query.sort.map(({ path }) => path.replace(/^-/, ""));
  const known = findKnown(
    [
      ...filters.flatMap((filter) =>
        filter.operator === "eq" || isNew(filter) ? [filter.key] : []
      ),
      ...query.sort.map(({ path }) => path),
      ...plain,
    ],
    listAll(),
    check,
  );
  const unknown = filters.filter(({ operator, key }) =>
    operator === "eq" && !known.has(key)
  );
  const conditions = filters.filter((filter) => !unknown.includes(filter))
    .map((filter) => toCondition(toOld(filter, known)));
  if (where !== undefined) conditions.push(where);
  const found = documents.filter((document) => {
    check();
    return (search === "" || contains(document, search)) &&
      conditions.every((meets) => meets(document));
  });
  const steps = query.sort.map(({ path, descending }, at) =>
    known.has(path) || !path.startsWith("-")
      ? { path, descending }
      : { path: plain[at] ?? path, descending: true }
  );
  const unsorted = steps.filter(({ path }) => !known.has(path));
  const slice = findSlice(query, found.length);
  return {
    documents: sortBy(steps, found, check).slice(slice?.start, slice?.end),
    total: found.length,
    ignored: [
      ...unknown.map(({ key }) => ({ key, meant: findMeant(key) })),
      ...unsorted.map(({ path }) => ({
        key: "_sort",
        value: path,
        meant: nearest(path, fields()),
      })),
      ...query.ignored.map((key) => ({ key, meant: undefined })),
    ],
  };

  function fields(): string[] {
    const [first = {}] = listAll();
    return pathsOf(first).slice(0, maxFields);
  }

  function findMeant(key: string): string | undefined {
    const [, path, word = ""] = key.match(/^(.*):(.*)$/s) ??
      key.match(/^(.*)_(eq|in|contains|startsWith|endsWith)$/is) ?? [];
    if (path === undefined) {
      return nearest(key, [...fields(), ...reservedNames]);
    }
    const field = fields().includes(path) ? path : nearest(path, fields());
    // version 1 has no patterns
    if (word === "like") return field && `${field}_like`;
    const operator = nearest(word, operators);
    return field && operator && `${field}:${operator}`;
  }
}

const maxFields = 200;

/** Takes the whole name for a field's where there is such a field. */
function toOld(filter: Filter, known: ReadonlySet<string>): Filter {
  return isNew(filter) && known.has(filter.key)
    ? { ...filter, path: filter.key, operator: "eq" }
    : filter;
}

function sortBy(
  steps: Query["sort"],
  documents: Document[],
  check: () => void,
): Document[] {
  if (steps.length === 0) return documents;
  const readers = steps.map(({ path }) => createFieldReader(path));
  // Each field is read once, not once for each comparison.
  return documents.map((document) => {
    check();
    const values = readers.map((read) => toSortable(read(document)));
    return { document, values };
  }).sort((a, b) => {
    for (const [at, { descending }] of steps.entries()) {
      const order = compare(a.values[at], b.values[at]);
      if (order !== 0) return descending ? -order : order;
    }
    return 0;
  }).map(({ document }) => document);
}

type Sortable = number | string | null | undefined;

function toSortable(value: unknown): Sortable {
  if (value === undefined || value === null) return value;
  return typeof value === "number" || typeof value === "boolean"
    ? Number(value)
    : String(value);
}

/** Numbers and texts as JavaScript compares them, then null, then what is missing. */
function compare(left: Sortable, right: Sortable): number {
  if (
    left === undefined || left === null || right === undefined || right === null
  ) {
    return rank(left) - rank(right);
  }
  return left > right ? 1 : left < right ? -1 : 0;
}

function rank(value: Sortable): number {
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
