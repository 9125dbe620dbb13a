/** A {@linkcode Store} in SQLite: each document is a row that holds its JSON text. */
import { DatabaseSync, type SQLOutputValue } from "node:sqlite";
import { isDocument } from "./document.ts";
import { conditionSql, toConditions } from "./condition.ts";
import type { Query } from "./query.ts";

import type { Id, Seed, Store, StoredList, World } from "./store.ts";

// `place` keeps the order of documents; `id` has no type, so that 1 and "1" stay what they are.
const schema = `
  pragma journal_mode = wal;
  pragma synchronous = normal;
  create table if not exists kinds (kind text unique, filled integer);
  create table if not exists documents (
    place integer primary key, kind text, id, json text check (json_valid(json)),
    unique (kind, id)
  );
`;

// Written whole in SQL: a text put together in JavaScript is a rope, which is slower to send.
const newline = "char(10)";
const listSql = `'[' || replace(
  ${newline} || group_concat(json, ',' || ${newline}), ${newline}, ${newline} || '  '
) || ${newline} || ']'`;

/**
 * Opens a database of documents, in write-ahead mode.
 *
 * @param path A file's path, or `:memory:`.
 * @param seed What a new database holds. A resource is filled when it is first used, so that a
 * start does not wait for 5,000 photos.
 * @throws {Error} When the file cannot be opened or is not a database.
 *
 * @example
 * ```ts
 * import { assertEquals } from "@std/assert";
 *
 * using store = openStore(":memory:", { notes: () => [{ id: 7, text: "a" }] });
 * await store.put("notes", undefined, (id) => JSON.stringify({ text: "b", id }, null, 2));
 * assertEquals(await store.get("notes", "8"), '{\n  "text": "b",\n  "id": 8\n}');
 * ```
 */
export function openStore(path: string, seed: Seed): Store & Disposable {
  const db = new DatabaseSync(path, { timeout: 5000 });
  try {
    db.exec(schema);
    return createStore(db, seed);
  } catch (error) {
    db.close();
    throw error;
  }
}

function createStore(db: DatabaseSync, seed: Seed): Store & Disposable {
  const allKinds = db.prepare("select kind from kinds order by rowid");
  const kindRow = db.prepare("select filled from kinds where kind = ?");
  const addKind = db.prepare("insert into kinds values (?, ?)");
  const setFilled = db.prepare("update kinds set filled = 1 where kind = ?");
  const hasField = db.prepare(
    "select 1 from documents where kind = ? and json_type(json, ?) is not null limit 1",
  );
  const find = db.prepare(
    "select place, id, json from documents where kind = ? and id in (?, ?) order by place",
  );
  const highest = db.prepare("select max(id) id from documents where kind = ?");
  const insert = db.prepare(
    "insert into documents (kind, id, json) values (?, ?, ?)",
  );
  const update = db.prepare("update documents set json = ? where place = ?");
  const remove = db.prepare("delete from documents where place = ?");
  const begin = db.prepare("begin immediate");
  const commit = db.prepare("commit");

  function transact<T>(work: () => T): T {
    begin.run();
    try {
      const result = work();
      commit.run();
      return result;
    } catch (error) {
      db.exec("rollback");
      throw error;
    }
  }

  function fill(kind: string, documents: readonly unknown[]) {
    for (const [index, document] of documents.entries()) {
      const id = readId(document, `${kind}[${index}]`);
      insert.run(kind, id, JSON.stringify(document, null, 2));
    }
  }

  /** Tells whether there is such a resource, and fills it when this is its first use. */
  function use(kind: string): boolean {
    const row = kindRow.get(kind);
    if (row?.filled === 0) {
      transact(() => {
        if (kindRow.get(kind)?.filled !== 0) return; // another process was faster
        fill(kind, seed[kind]?.() ?? []);
        setFilled.run(kind);
      });
    }
    return row !== undefined;
  }

  function kinds(): string[] {
    return allKinds.all().map(({ kind }) => String(kind));
  }

  function list(kind: string, query: Query): StoredList | undefined {
    if (!use(kind)) return;
    const conditions = toConditions(query.filters)
      .filter(({ path }) => hasField.get(kind, path) !== undefined);
    const row = db.prepare(
      `select count(*) total, ${listSql} json from (
        select json from documents where kind = ?
        ${conditionSql.repeat(conditions.length)} order by place
      )`,
    ).get(kind, ...conditions.flatMap(({ path, texts }) => [path, texts]));
    return { json: String(row?.json ?? "[]"), total: Number(row?.total) };
  }

  function findRow(kind: string, id: Id) {
    const number = Number(id);
    const row = find.get(kind, `${id}`, `${number}` === `${id}` ? number : id);
    return row &&
      { place: Number(row.place), id: toId(row.id), json: String(row.json) };
  }

  function load(world: World): void {
    transact(() => {
      db.exec("delete from documents; delete from kinds");
      for (const [kind, documents] of Object.entries(world)) {
        addKind.run(kind, 1);
        fill(kind, documents);
      }
    });
  }

  transact(() => {
    if (kinds().length > 0) return;
    for (const kind of Object.keys(seed)) addKind.run(kind, 0);
  });
  return {
    kinds,
    list,
    load,
    get: (kind, id) => use(kind) ? findRow(kind, id)?.json : undefined,
    put(kind, id, write) {
      if (!use(kind)) return;
      return transact(() => {
        const row = id === undefined ? undefined : findRow(kind, id);
        const ownId = row?.id ?? id ?? nextId(highest.get(kind)?.id);
        const json = write(ownId, row?.json);
        if (json === undefined) return;
        if (row === undefined) insert.run(kind, ownId, json);
        else update.run(json, row.place);
        return { id: ownId, json };
      });
    },
    delete(kind, id) {
      const row = use(kind) ? findRow(kind, id) : undefined;
      return row !== undefined && Number(remove.run(row.place).changes) > 0;
    },
    dump() {
      kinds().forEach(use);
      return transact(() => {
        const lists = kinds().map((kind) =>
          `\n${JSON.stringify(kind)}: ${list(kind, { filters: [] })?.json}`
        );
        return `{${indent(lists.join(","))}\n}`;
      });
    },
    [Symbol.dispose]: () => db.close(),
  };
}

/** JSON text holds no bare newline inside a string: each one starts a line. */
function indent(json: string): string {
  return json.replaceAll("\n", "\n  ");
}

function nextId(highest: SQLOutputValue | undefined): Id {
  if (highest === null || highest === undefined) return 1;
  return typeof highest === "number" ? highest + 1 : crypto.randomUUID();
}

function toId(id: SQLOutputValue | undefined): Id {
  return typeof id === "number" ? id : String(id);
}

function readId(document: unknown, name: string): Id {
  const id = isDocument(document) ? document.id : undefined;
  if (typeof id === "number" || typeof id === "string") return id;
  throw new TypeError(
    `Cannot load "${name}": expected an object whose id is a number or a text`,
  );
}
