/**
 * What a store in SQLite reads.
 *
 * @module
 */

import type { Document } from "./document.ts";
import { select } from "./filter.ts";
import { everything, type Query, type Relations } from "./query.ts";
import { foreignKeyOf, parentOf } from "./schema.ts";
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
    const byId = equal.find(({ path }) => path === "id");
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
    const key = foreignKeyOf(resource);
    return (document) => {
      const id = JSON.stringify(document.id) ?? "";
      const embedded = relations.embed.map((child) =>
        [child, documents.byKey(child, key, [id])] as const
      );
      const expanded = relations.expand.flatMap((name) => {
        const parent = parentOf(`${name}Id`, names);
        const reference = document[`${name}Id`];
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
      for (const { name } of resources.all()) resources.use(name);
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
