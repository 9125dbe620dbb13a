/** The resources of a database of documents, some of which are still to be filled. */
import type { DatabaseSync, SQLOutputValue } from "node:sqlite";
import { isDocument } from "./document.ts";
import { readList, unloadable } from "./import.ts";
import type { Keys } from "./keys.ts";
import type { Kind, Seed, Stored } from "./store.ts";
import type { Rows } from "./tables.ts";
import type { Session } from "./transaction.ts";

// Where SQLite keeps a number for each program's own use: what emptied a database is not to be undone.
const established = 1;

/** What a store in SQLite is made of. */
export interface Parts {
  /** The connection. */
  readonly session: Session;
  /** The documents. */
  readonly rows: Rows;
  /** The keys by which they refer to each other. */
  readonly keys: Keys;
}

/** The resources. */
export interface Kinds {
  /** Lists them, in their order. */
  all(): Kind[];
  /** Finds one. */
  find(name: string): Kind | undefined;
  /** Fills one when this is its first use: not inside a transaction. */
  fill(name: string): void;
  /** Fills one and finds it. */
  use(name: string): Kind | undefined;
  /** Adds documents to one. */
  add(name: string, documents: readonly Stored[]): void;
  /** Whether there are none, and never were. */
  areNew(): boolean;
  /** Adds those of a world. */
  establish(world: Seed): void;
  /** Deletes all. */
  clear(): void;
}

/**
 * Prepares what is asked of a database about resources.
 *
 * @param seed What fills a resource on its first use.
 */
export function createKinds(db: DatabaseSync, seed: Seed, parts: Parts): Kinds {
  const { session, rows, keys } = parts;
  const all = db.prepare("select * from kinds order by rowid");
  const state = db.prepare("pragma user_version");
  const find = db.prepare("select * from kinds where kind = ?");
  const insert = db.prepare("insert into kinds values (?, ?, ?)");
  const setFilled = db.prepare("update kinds set filled = 1 where kind = ?");
  // What was filled once is never to be filled again: each write need not ask.
  const filled = new Set<string>();

  function add(name: string, documents: readonly Stored[]): void {
    for (const { id, json } of documents) rows.add({ kind: name, id, json });
    // After all are in: an index that is there from the start makes each dearer.
    for (const { json } of documents) keys.index(json);
  }

  function seedOne(name: string): void {
    if (find.get(name)?.filled !== 0) return; // another process was faster
    const make = seed[name];
    add(name, readList(name, typeof make === "function" ? make() : []));
    setFilled.run(name);
  }

  function fill(name: string): void {
    if (filled.has(name)) return;
    const row = find.get(name);
    if (row === undefined) return;
    if (row.filled === 0) session.write(() => seedOne(name));
    filled.add(name);
  }

  return {
    add,
    all: () => all.all().flatMap((row) => toKind(row) ?? []),
    find: (name) => toKind(find.get(name)),
    fill,
    use(name) {
      fill(name);
      return toKind(find.get(name));
    },
    areNew: () =>
      all.get() === undefined && state.get()?.user_version !== established,
    establish(world) {
      db.exec(`pragma user_version = ${established}`);
      for (const [name, value] of Object.entries(world)) {
        if (name === "$schema") continue; // json-server's, for editors
        const isLater = typeof value === "function";
        insert.run(name, isDocument(value) ? 1 : 0, isLater ? 0 : 1);
        if (isDocument(value)) {
          add(name, [{ id: null, json: JSON.stringify(value, null, 2) }]);
        } else if (Array.isArray(value)) add(name, readList(name, value));
        else if (!isLater) {
          throw unloadable(name, "expected a list or an object");
        }
      }
    },
    clear() {
      db.exec("delete from documents; delete from kinds");
      filled.clear();
    },
  };
}

function toKind(
  row: Record<string, SQLOutputValue> | undefined,
): Kind | undefined {
  return row && { name: String(row.kind), single: row.single === 1 };
}
