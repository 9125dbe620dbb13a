/**
 * The tables of a database: documents as rows, with an index on each field that refers to others; and the
 * resources, some of which are still to be filled.
 *
 * @module
 */

import type { DatabaseSync, SQLOutputValue, StatementSync } from "node:sqlite";
import { type Document, isDocument } from "./document.ts";
import type { Naming } from "./naming.ts";
import { readList, unloadable } from "./schema.ts";
import type { Id, Resource, Seed, Stored } from "./store.ts";
import type { Session } from "./transaction.ts";

/** A document's row. */
interface Row extends Stored {
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
  /** Gives the highest number among a resource's ids, and the highest id: any text is higher than any number. */
  highest(
    resource: string,
  ): { readonly number: number | null; readonly id: Id | null };
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
  /** Names the lists in which some document has a key. */
  referring(key: string): string[];
  /** Deletes the documents of a list whose key names one of these ids, and gives them. */
  removeReferring(
    resource: string,
    key: string,
    ids: readonly Id[],
  ): Stored[];
  /** Drops the indexes that a deletion alone needed. */
  dropSpareKeys(): void;
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

// The index is asked for the next resource each time, since to read it whole takes a while.
const referringSql = `with recursive referring (kind) as (
    select min(kind) from documents where FIELD is not null
    union all
    select (
      select min(kind) from documents where FIELD is not null and kind > referring.kind
    ) from referring where kind is not null
  )
  select json_quote(kind) name from referring join kinds using (kind) where single = 0`;
// SQLite's texts end at NUL when they are read, those that JSON quotes do not.
const byReferenceSql = `select place, json,
    case typeof(id) when 'text' then json_quote(id) else id end id
  from documents
  where kind = ? and FIELD in (select value from json_each(?)) order by place`;

/** Prepares what is asked of a database of documents. */
export function createDocumentTable(
  db: DatabaseSync,
  naming: Naming,
): DocumentTable {
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
  const highestNumber = db.prepare(
    "select max(id) id from documents where kind = ? and id < ''",
  );
  const format = db.prepare(formatSql);
  const all = db.prepare(`${parseSql} where kind = ? order by place)`);
  const byIds = db.prepare(
    `${parseSql} where kind = ? and id in (select value from json_each(?)) order by place)`,
  );
  const keys = db.prepare(
    "select substr(name, 5) key from sqlite_schema where name glob 'key *'",
  );
  const hasIndex = db.prepare(
    "select 1 from sqlite_schema where name = ? collate nocase",
  );
  let indexed: Set<string> | undefined;
  // Keys that no document had when one was deleted: who adds one makes an index, unless there are too many.
  const absent = new Set<string>();
  const spare = new Set<string>();
  const suffix = naming.suffix.replace(/[^\w]/g, "\\$&");
  const keyPattern = new RegExp(`^ {2}"([^"\\\\]{1,60}${suffix})":`, "gm");
  const statements = new Map<string, StatementSync>();

  /**
   * Prepares a statement on a key, where its text says FIELD: a path in the text, not a parameter, since only so
   * does SQLite use the index.
   */
  function prepare(key: string, template: string): StatementSync {
    const field = `json -> ${pathOf(key)}`;
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
    for (const [, key = ""] of json.matchAll(keyPattern)) {
      if (indexed.has(key) || indexed.size >= maxKeys) continue;
      makeIndex(key);
      indexed.add(key);
    }
  }

  function makeIndex(key: string): void {
    prepare(
      key,
      `create index if not exists ${
        indexOf(key)
      } on documents (kind, FIELD) where FIELD is not null`,
    ).run();
  }

  /** Sees to it that a key has an index, if only until spare ones are dropped; not where no document has the key. */
  function ensureIndex(key: string): boolean {
    if (hasIndex.get(indexOf(key).slice(1, -1)) !== undefined) return true;
    const isFull = readKeys().length >= maxKeys;
    if (absent.has(key) && !isFull) return false;
    const anywhere = "select 1 from documents where FIELD is not null limit 1";
    if (prepare(key, anywhere).get() === undefined) {
      const isIndexed = `  ${JSON.stringify(key)}:`.match(keyPattern) !== null;
      if (isIndexed) absent.add(key);
      return false;
    }
    makeIndex(key);
    if (isFull) spare.add(key);
    return true;
  }

  function find(resource: string, id: string): Row | undefined {
    const row = toRow(byId.get(resource, id, toNumber(id) ?? id));
    // what is read of a text ends at NUL
    return row && typeof row.id === "string"
      ? { ...row, id: id.toWellFormed() }
      : row;
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
    highest(resource) {
      const id = toId(highest.get(resource)?.id);
      if (typeof id !== "string") return { number: id, id };
      const number = highestNumber.get(resource)?.id;
      return { number: typeof number === "number" ? number : null, id };
    },
    format: (resource, limit, offset) =>
      String(format.get(resource, limit, offset)?.json ?? "[]"),
    all: (resource) => parseRow(all.get(resource)),
    byIds(resource, ids) {
      const values = ids.flatMap((id) => [id, toNumber(id) ?? id]);
      return parseRow(byIds.get(resource, JSON.stringify(values)));
    },
    keys: readKeys,
    forgetKeys() {
      indexed = undefined;
      spare.clear();
    },
    hasKey(resource, key) {
      const highest = prepare(
        key,
        "select FIELD text from documents where kind = ? and FIELD is not null order by FIELD desc limit 1",
      ).get(resource)?.text ?? null;
      return highest !== null && `${highest}` < "[";
    },
    byKey(resource, key, texts) {
      const statement = prepare(
        key,
        `${parseSql} where kind = ? and FIELD in (select value from json_each(?)) order by place)`,
      );
      return parseRow(statement.get(resource, JSON.stringify(texts)));
    },
    referring(key) {
      if (!ensureIndex(key)) return [];
      return prepare(key, referringSql).all()
        .map(({ name }) => JSON.parse(String(name)));
    },
    removeReferring(resource, key, ids) {
      const texts = ids.flatMap((id) => {
        const text = String(id);
        const quoted = JSON.stringify(text);
        return toNumber(text) === undefined ? [quoted] : [quoted, text];
      });
      const rows = prepare(key, byReferenceSql)
        .all(resource, JSON.stringify(texts));
      for (const { place = null } of rows) remove.run(place);
      return rows.map(({ id, json }) => ({
        id: typeof id === "string" ? JSON.parse(id) : toId(id),
        json: String(json),
      }));
    },
    dropSpareKeys() {
      for (const key of spare) db.exec(`drop index if exists ${indexOf(key)}`);
      spare.clear();
    },
  };
}

/** Writes the name of a key's index as SQL, whatever characters the key has. */
function indexOf(key: string): string {
  const name = JSON.stringify(key).slice(1, -1).replaceAll('"', "'");
  return `"key ${name}"`;
}

/** Writes the path to a field as a text of SQL. */
function pathOf(field: string): string {
  return `'$.${JSON.stringify(field).replaceAll("'", "''")}'`;
}

// SQLite's integers are larger than those that JavaScript reads.
const adoptIdsSql = `update or ignore documents
  set id = iif(json_type(json, PATH) = 'integer' and
    json ->> PATH not between -${Number.MAX_SAFE_INTEGER} and ${Number.MAX_SAFE_INTEGER},
    cast(json ->> PATH as real), json ->> PATH)
  where kind in (select kind from kinds where single = 0) and id is null
    and json_type(json, PATH) in ('integer', 'real', 'text')`;

/** Gives the documents of lists that have no id the one in a field of their text, where it is not taken. */
export function adoptIds(db: DatabaseSync, field: string): void {
  db.exec(adoptIdsSql.replaceAll("PATH", () => pathOf(field)));
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
  /** Fills one when this is its first use. */
  fill(name: string): void;
  /** Looks anew which are filled: what filled one was taken back. */
  forget(): void;
  /** Fills one and finds it. */
  use(name: string): Resource | undefined;
  /** Adds those of the seed, where there are none and never were. */
  seed(): void;
  /** Puts others in the place of all. */
  replace(data: Seed): void;
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
  naming: Naming,
): ResourceTable {
  // Quoted, since what is read of a text ends at NUL.
  const all = db.prepare(
    "select json_quote(kind) name, single from kinds where typeof(kind) = 'text' order by rowid",
  );
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
    documents.add(name, readList(name, list, naming.id));
    setFilled.run(name);
  }

  function fill(name: string): void {
    if (filled.has(name)) return;
    const row = find.get(name);
    if (row === undefined) return;
    if (row.filled === 0) session.write(() => seedOne(name));
    filled.add(name);
  }

  function findOne(name: string): Resource | undefined {
    const row = find.get(name);
    return row && { name, single: row.single === 1 };
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
        documents.add(name, readList(name, value, naming.id));
      } else if (!isLater) {
        throw unloadable(name, "expected a list or an object");
      }
    }
  }

  return {
    all: () =>
      all.all().map(({ name, single }) => ({
        name: JSON.parse(String(name)),
        single: single === 1,
      })),
    find: findOne,
    fill,
    forget: () => filled.clear(),
    use(name) {
      fill(name);
      return findOne(name);
    },
    seed() {
      // Once more inside: another process may be faster.
      if (areNew()) session.write(() => areNew() && establish(seed));
    },
    replace(data) {
      db.exec("delete from documents; delete from kinds");
      filled.clear();
      // Made now: another process that serves the file takes what it has filled once for filled.
      const made = Object.entries(data).map(([name, value]) =>
        [name, typeof value === "function" ? value() : value] as const
      );
      establish(Object.fromEntries(made));
    },
  };
}
