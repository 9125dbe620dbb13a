/** What a store in SQLite reads. */
import type { Document } from "./document.ts";
import { select } from "./filter.ts";
import type { Kinds, Parts } from "./kinds.ts";
import { everything, type Query, type Relations } from "./query.ts";
import { relate } from "./relations.ts";
import type { StoredList } from "./store.ts";

/** The reading half of a store. */
export interface Reader {
  /** As the store's. */
  list(kind: string, query?: Query): StoredList | undefined;
  /** As the store's. */
  get(kind: string, id: string, relations?: Relations): string | undefined;
  /** As the store's. */
  dump(): string;
}

/**
 * Makes the reading half of a store. Where a query asks for documents as they are, SQLite writes
 * the answer; where it asks for more, they are parsed, and kept so until the next write.
 */
export function createReader(kinds: Kinds, parts: Parts): Reader {
  const { session, rows, keys } = parts;
  let parsed = { at: session.version(), lists: new Map<string, Document[]>() };

  function readAll(kind: string): Document[] {
    if (parsed.at !== session.version()) {
      parsed = { at: session.version(), lists: new Map() };
    }
    const list = parsed.lists.get(kind) ?? rows.all(kind);
    parsed.lists.set(kind, list);
    return list;
  }

  function* readOneThenAll(kind: string): Generator<Document> {
    const one = rows.single(kind);
    if (one === undefined) return;
    yield JSON.parse(one.json);
    yield* readAll(kind);
  }

  /** Reads the documents that can meet the filters: all, where no index helps. */
  function readSome(kind: string, { filters }: Query): Document[] {
    const equal = filters.filter(({ operator }) => operator === "eq");
    const byId = equal.find(({ path }) => path === "id");
    if (byId !== undefined) return rows.byIds(kind, byId.values);
    const names = equal.length > 0 ? keys.names() : [];
    const byKey = equal.find(({ path }) =>
      names.includes(path) && keys.has(kind, path)
    );
    if (byKey === undefined) return readAll(kind);
    const texts = byKey.values.flatMap((
      value,
    ) => [value, JSON.stringify(value)]);
    return keys.find(kind, byKey.path, texts);
  }

  function addRelations(
    kind: string,
    relations: Relations,
  ): (document: Document) => Document {
    if (!hasRelations(relations)) return (document) => document;
    for (const child of relations.embed) kinds.use(child);
    const relatives = {
      kinds: kinds.all().map(({ name }) => name),
      children: (child: string, field: string, value: unknown) =>
        keys.find(child, field, [JSON.stringify(value) ?? ""]),
      parent(name: string, id: string) {
        const row = kinds.use(name) && rows.find(name, id);
        return row && JSON.parse(row.json);
      },
    };
    return (document) => relate(kind, document, relations, relatives);
  }

  function list(
    kind: string,
    query: Query = everything,
  ): StoredList | undefined {
    const found = kinds.use(kind);
    if (found === undefined) return;
    const ignored = query.ignored.map((key) => ({ key, meant: undefined }));
    if (found.single) {
      return { json: rows.single(kind)?.json ?? "{}", total: 1, ignored };
    }
    if (isPlain(query)) {
      const { start, end } = query.slice ?? { start: 0, end: -1 };
      const json = start < end || end < 0
        ? rows.format(kind, end - start, start)
        : "[]";
      return { json, total: rows.count(kind), ignored };
    }
    const selection = select(
      readSome(kind, query),
      query,
      () => readOneThenAll(kind),
    );
    const documents = selection.documents.map(addRelations(kind, query));
    return {
      json: JSON.stringify(documents, null, 2),
      total: selection.total,
      ignored: selection.ignored,
    };
  }

  return {
    list,
    get(kind, id, relations = everything) {
      const json = kinds.use(kind) && rows.find(kind, id)?.json;
      return json === undefined || !hasRelations(relations)
        ? json
        : JSON.stringify(
          addRelations(kind, relations)(JSON.parse(json)),
          null,
          2,
        );
    },
    dump() {
      for (const { name } of kinds.all()) kinds.use(name);
      return session.read(() => {
        const fields = kinds.all()
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
