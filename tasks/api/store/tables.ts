/**
 * The tables of a database: documents as rows, with an index on each field that refers to others; and the
 * resources, some of which are still to be filled.
 *
 * @module
 */

import type { DatabaseSync, SQLOutputValue, StatementSync } from "node:sqlite";
import { type Document, isDocument } from "./document.ts";
import { readList, unloadable } from "./schema.ts";
import type { Data, Id, Resource, Seed, Stored } from "./store.ts";
import type { Session } from "./transaction.ts";

/** A document's row. */
export interface Row extends Stored {
  /** Where it is among all. */
  readonly place: number;
  readonly resource: string;
}

/** The rows of a database. A key is a field that refers to documents, such as `postId`. */
export interface DocumentTable {
  /** Adds rows after all others. */
  add(resource: string, documents: readonly Stored[]): void;
  /** Puts another text in a row. */
  change(place: number, json: string): void;
  /** Deletes a row. */
  remove(place: number): void;
  /** Finds a document by its id as a URL writes it. */
  find(resource: string, id: string): Row | undefined;
  /** Gives the one document of a resource that is an object. */
  single(resource: string): Row | undefined;
  /** Counts a resource's documents. */
  count(resource: string): number;
  /** Gives the highest id of a resource: any text is higher than any number. */
  highest(resource: string): Id | null;
  /** Writes a part of a resource's documents as `JSON.stringify(documents, null, 2)` would. */
  format(resource: string, limit: number, offset: number): string;
  /** Reads a resource's documents. */
  all(resource: string): Document[];
  /** Reads the documents whose ids are, in a URL, one of these. */
  byIds(resource: string, ids: readonly string[]): Document[];
  /** Names the keys that have an index: those that some document has, but for the 65th and on. */
  keys(): string[];
  /** Looks anew which have one: what made some was taken back. */
  forgetKeys(): void;
  /** Tells whether a resource has documents with a key, and none in which it is a list. */
  hasKey(resource: string, key: string): boolean;
  /** Reads a resource's documents in which a key has one of these JSON texts. */
  byKey(resource: string, key: string, texts: readonly string[]): Document[];
  /** Gives the rows that have an id, and whose key refers to something that is not there. */
  orphans(key: string, parent: string): Row[];
}

// Each makes every later write dearer, and a client could name new ones without end.
const maxKeys = 64;

// Written whole in SQL: a text put together in JavaScript is a rope, which is slower to send.
const formatSql = `select '[' || replace(
    char(10) || group_concat(json, ',' || char(10)), char(10), char(10) || '  '
  ) || char(10) || ']' json
  from (select json from documents where kind = ? order by place limit ? offset ?)`;
// For parseRow: what follows is which documents, in which order, and a bracket.
const parseSql =
  "select group_concat(json, ',') json from (select json from documents";

/** Prepares what is asked of a database of documents. */
export function createDocumentTable(db: DatabaseSync): DocumentTable {
  const insert = db.prepare(
    "insert into documents (kind, id, json) values (?, ?, ?)",
  );
  const update = db.prepare("update documents set json = ? where place = ?");
  const remove = db.prepare("delete from documents where place = ?");
  const byId = db.prepare(
    "select * from documents where kind = ? and id in (?, ?) order by place",
  );
  const single = db.prepare("select * from documents where kind = ?");
  const count = db.prepare("select count(*) n from documents where kind = ?");
  const highest = db.prepare("select max(id) id from documents where kind = ?");
  const format = db.prepare(formatSql);
  const all = db.prepare(`${parseSql} where kind = ? order by place)`);
  const byIds = db.prepare(
    `${parseSql} where kind = ? and id in (select value from json_each(?)) order by place)`,
  );
  const keys = db.prepare(
    "select substr(name, 5) key from sqlite_schema where name glob 'key *'",
  );
  let indexed: Set<string> | undefined;
  const statements = new Map<string, StatementSync>();

  /**
   * Prepares a statement on a key, where its text says FIELD: a path in the text, not a parameter, since only so
   * does SQLite use the index.
   */
  function prepare(key: string, template: string): StatementSync {
    const field = `json -> '$."${key.replaceAll("'", "''")}"'`;
    const sql = template.replaceAll("FIELD", () => field);
    const statement = statements.get(sql) ?? db.prepare(sql);
    statements.set(sql, statement);
    return statement;
  }

  function readKeys(): string[] {
    return keys.all().map(({ key }) => String(key));
  }

  /** Makes an index for each key of a document's text that has none yet. */
  function index(json: string): void {
    indexed ??= new Set(readKeys());
    for (const [, key = ""] of json.matchAll(/^ {2}"(\w{1,60}Id)":/gm)) {
      if (indexed.has(key) || indexed.size >= maxKeys) continue;
      prepare(
        key,
        `create index if not exists "key ${key}" on documents (kind, FIELD) where FIELD is not null`,
      ).run();
      indexed.add(key);
    }
  }

  function find(resource: string, id: string): Row | undefined {
    return toRow(byId.get(resource, id, toNumber(id) ?? id));
  }

  return {
    add(resource, documents) {
      for (const { id, json } of documents) insert.run(resource, id, json);
      // After all are in: an index that is there from the start makes each dearer.
      for (const { json } of documents) index(json);
    },
    change(place, json) {
      update.run(json, place);
      index(json);
    },
    remove: (place) => void remove.run(place),
    find,
    single: (resource) => toRow(single.get(resource)),
    count: (resource) => Number(count.get(resource)?.n),
    highest: (resource) => toId(highest.get(resource)?.id),
    format: (resource, limit, offset) =>
      String(format.get(resource, limit, offset)?.json ?? "[]"),
    all: (resource) => parseRow(all.get(resource)),
    byIds(resource, ids) {
      const values = ids.flatMap((id) => [id, toNumber(id) ?? id]);
      return parseRow(byIds.get(resource, JSON.stringify(values)));
    },
    keys: readKeys,
    forgetKeys: () => indexed = undefined,
    hasKey(resource, key) {
      const highest = prepare(
        key,
        "select FIELD text from documents where kind = ? and FIELD is not null order by FIELD desc limit 1",
      ).get(resource)?.text ?? null;
      return highest !== null && `${highest}` < "[";
    },
    byKey(resource, key, texts) {
      // SQLite has no path to such a field.
      if (/["\0]/.test(key)) return [];
      const statement = prepare(
        key,
        `${parseSql} where kind = ? and FIELD in (select value from json_each(?)) order by place)`,
      );
      return parseRow(statement.get(resource, JSON.stringify(texts)));
    },
    orphans(key, parent) {
      const references = prepare(
        key,
        "select distinct kind, FIELD text from documents where FIELD is not null",
      ).all();
      const referring = prepare(
        key,
        "select * from documents where kind = ? and FIELD = ? order by place",
      );
      return references.flatMap(({ kind = null, text = null }) => {
        const id = JSON.parse(String(text));
        return id === null || find(parent, String(id)) !== undefined
          ? []
          : referring.all(kind, text).flatMap((row) => toRow(row) ?? []);
      }).filter(({ id }) => id !== null);
    },
  };
}

type Found = Record<string, SQLOutputValue> | undefined;

/** Reads documents that were put in one text, since to parse one is faster than many. */
function parseRow(row: Found): Document[] {
  return JSON.parse(`[${row?.json ?? ""}]`);
}

function toRow(row: Found): Row | undefined {
  return row && {
    place: Number(row.place),
    resource: String(row.kind),
    id: toId(row.id),
    json: String(row.json),
  };
}

function toId(id: SQLOutputValue | undefined): Id | null {
  return typeof id === "number" || typeof id === "string" ? id : null;
}

/** The number whose text this is, as JavaScript and JSON write numbers. */
function toNumber(text: string): number | undefined {
  if (`${Number(text)}` === text && text !== "NaN") return Number(text);
}

// Where SQLite keeps a number for each program's own use: what emptied a database is not to be undone.
const established = 1;

/** The resources of a database. */
export interface ResourceTable {
  /** Lists them, in their order. */
  all(): Resource[];
  /** Finds one. */
  find(name: string): Resource | undefined;
  /** Fills one when this is its first use: not inside a transaction. */
  fill(name: string): void;
  /** Fills one and finds it. */
  use(name: string): Resource | undefined;
  /** Adds those of the seed, where there are none and never were. */
  seed(): void;
  /** Puts others in the place of all. */
  replace(data: Data): void;
}

/**
 * Prepares what is asked of a database about resources.
 *
 * @param seed What fills a resource on its first use.
 */
export function createResourceTable(
  db: DatabaseSync,
  session: Session,
  documents: DocumentTable,
  seed: Seed,
): ResourceTable {
  const all = db.prepare("select * from kinds order by rowid");
  const state = db.prepare("pragma user_version");
  const find = db.prepare("select * from kinds where kind = ?");
  const insert = db.prepare("insert into kinds values (?, ?, ?)");
  const setFilled = db.prepare("update kinds set filled = 1 where kind = ?");
  // What was filled once is never to be filled again: each write need not ask.
  const filled = new Set<string>();

  function seedOne(name: string): void {
    if (find.get(name)?.filled !== 0) return; // another process was faster
    const make = seed[name];
    const list = typeof make === "function" ? make() : [];
    documents.add(name, readList(name, list));
    setFilled.run(name);
  }

  function fill(name: string): void {
    if (filled.has(name)) return;
    const row = find.get(name);
    if (row === undefined) return;
    if (row.filled === 0) session.write(() => seedOne(name));
    filled.add(name);
  }

  function areNew(): boolean {
    return all.get() === undefined && state.get()?.user_version !== established;
  }

  function establish(data: Seed): void {
    db.exec(`pragma user_version = ${established}`);
    for (const [name, value] of Object.entries(data)) {
      if (name === "$schema") continue; // json-server's, for editors
      const isLater = typeof value === "function";
      insert.run(name, isDocument(value) ? 1 : 0, isLater ? 0 : 1);
      if (isDocument(value)) {
        const json = JSON.stringify(value, null, 2);
        documents.add(name, [{ id: null, json }]);
      } else if (Array.isArray(value)) {
        documents.add(name, readList(name, value));
      } else if (!isLater) {
        throw unloadable(name, "expected a list or an object");
      }
    }
  }

  return {
    all: () => all.all().flatMap((row) => toResource(row) ?? []),
    find: (name) => toResource(find.get(name)),
    fill,
    use(name) {
      fill(name);
      return toResource(find.get(name));
    },
    seed() {
      // Once more inside: another process may be faster.
      if (areNew()) session.write(() => areNew() && establish(seed));
    },
    replace(data) {
      db.exec("delete from documents; delete from kinds");
      filled.clear();
      establish(data);
    },
  };
}

function toResource(row: Found): Resource | undefined {
  return row && { name: String(row.kind), single: row.single === 1 };
}
