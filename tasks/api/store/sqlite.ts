/** A {@linkcode Store} in SQLite: each document is a row that holds its JSON text. */
import { DatabaseSync } from "node:sqlite";
import { Failure } from "../../../lib/cli/errors.ts";
import { absolutePath } from "../../../lib/cli/values.ts";
import type { Seed, Store } from "./store.ts";
import { toOpenError } from "./transaction.ts";
import { createStore } from "./writes.ts";

/** Options of {@linkcode openStore}. */
export interface StoreOptions {
  /**
   * Whether writes are answered and then taken back, as JSONPlaceholder does.
   *
   * @default {false}
   */
  readonly fake?: boolean;
  /**
   * Whether the database must be a new one: then the seed is in it, or an error says why not.
   *
   * @default {false}
   */
  readonly fresh?: boolean;
  /**
   * How long a write waits for another process's, in ms. Nothing else is answered meanwhile.
   *
   * @default {5000}
   */
  readonly busyTimeout?: number;
}

/**
 * Opens a database of documents, or makes a new one.
 *
 * @param path A file's path, or `:memory:`.
 * @param seed What a new database holds. A list given as a function is made when its resource is
 * first used, so that a start does not wait for 5,000 photos.
 * @throws {Failure} When the file cannot be opened, is damaged or not ours; or is not new, though
 * it must be.
 * @throws {TypeError} When the seed is no world, as {@linkcode Store}'s `load` does.
 *
 * @example
 * ```ts
 * import { assertEquals } from "@std/assert";
 *
 * using store = openStore(":memory:", { notes: () => [{ id: 7, text: "a" }] });
 * await store.insert("notes", [{ text: "b" }]);
 * assertEquals(await store.get("notes", "8"), '{\n  "text": "b",\n  "id": 8\n}');
 * ```
 */
export function openStore(
  path: string,
  seed: Seed,
  options: StoreOptions = {},
): Store & Disposable {
  const { fake = false, fresh = false, busyTimeout = 5000 } = options;
  const db = openDatabase(path, busyTimeout);
  try {
    if (fresh) {
      if (db.prepare("select 1 from kinds").get() !== undefined) {
        throw new Failure(
          `Cannot import into "${absolutePath(path)}": it holds data already`,
          {
            hint:
              `to serve what it holds: api "${path}"; for a new import: the path of a new file, or --memory`,
          },
        );
      }
      db.exec("pragma user_version = 0"); // one that was emptied is as good as new
    }
    return createStore(db, seed, { fake });
  } catch (error) {
    db.close();
    throw error;
  }
}

// "hark" in ASCII, where SQLite keeps a number for each program's files.
const applicationId = 0x6861726b;

// `place` keeps the order of documents; `id` has no type, so that 1 and "1" stay what they are.
const schema = `
  pragma application_id = ${applicationId};
  create table if not exists kinds (kind text unique, single integer, filled integer);
  create table if not exists documents (
    place integer primary key, kind text, id, json text check (json_valid(json)),
    unique (kind, id)
  );
`;

// What is committed outlives this process; only a loss of power may take the last writes. Each
// checkpoint waits for the disk, so there is one per 16 MB of log: four times fewer than by default.
const settings = `
  pragma journal_mode = wal;
  pragma synchronous = normal;
  pragma wal_autocheckpoint = 4000;
`;

/**
 * Opens a database of documents in write-ahead mode, or makes a new one. Only a file that is whole
 * and that this function made is written to.
 *
 * @param path A file's path, or `:memory:`.
 * @param busyTimeout How long to wait for another process that writes, in ms.
 * @throws {Failure} `Cannot open "/path/to/file"`: it is no database, damaged, or another program's.
 */
export function openDatabase(path: string, busyTimeout: number): DatabaseSync {
  let db: DatabaseSync | undefined;
  try {
    db = new DatabaseSync(path, { timeout: busyTimeout });
    const damage = findDamage(db);
    if (damage !== undefined) throw new Error(damage);
    db.exec(settings);
    db.exec(`begin immediate; ${schema} commit`);
    return db;
  } catch (error) {
    db?.close();
    if (error instanceof Deno.errors.NotCapable) throw error;
    throw new Failure(`Cannot open "${absolutePath(path)}"`, {
      cause: toOpenError(error, path),
      hint: "give the path of another file, or --memory",
    });
  }
}

function findDamage(db: DatabaseSync): string | undefined {
  const count = db.prepare("select count(*) n from sqlite_schema").get()?.n;
  const id = db.prepare("pragma application_id").get()?.application_id;
  if (count === 0 && id === 0) return;
  if (id !== applicationId) return "it is another program's database";
  const check = db.prepare("pragma quick_check(1)").get()?.quick_check;
  return check === "ok" ? undefined : `it is damaged: ${check}`;
}
