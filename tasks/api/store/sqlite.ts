/**
 * A {@linkcode Store} in SQLite: each document is a row that holds its JSON text.
 *
 * @module
 */

import { DatabaseSync } from "node:sqlite";
import { Failure } from "../../../lib/cli/errors.ts";
import { absolutePath } from "../../../lib/cli/values.ts";
import { createReader } from "./reads.ts";
import { type Naming, parentOf, usualNaming } from "./naming.ts";
import { isId } from "./schema.ts";
import { type Id, type Seed, type Store, StoreError } from "./store.ts";
import {
  createDocumentTable,
  createResourceTable,
  type Row,
} from "./tables.ts";
import { createSession, toOpenError } from "./transaction.ts";

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
  /** How documents name themselves and each other; by default as in `{ "id": 1, "postId": 1 }`. */
  readonly naming?: Naming;
}

/**
 * Opens a database of documents, or makes a new one. To dispose of the store closes it.
 *
 * @param path A file's path, or `:memory:`.
 * @param seed What a new database holds. A list given as a function is made when its resource is
 * first used, so that a start does not wait for 5,000 photos.
 * @throws {Failure} When the file cannot be opened, is damaged or not ours; or is not new, though
 * it must be.
 * @throws {TypeError} When the seed cannot be loaded, as {@linkcode Store}'s `load` does.
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
  const { naming = usualNaming } = options;
  const db = openDatabase(path, busyTimeout);
  try {
    if (fresh) {
      if (db.prepare("select 1 from kinds").get() !== undefined) {
        const why = `"${absolutePath(path)}": it holds data already`;
        const hint =
          `to serve what it holds: api "${path}"; for a new import: the path of a new file, or --memory`;
        throw new Failure(`Cannot import into ${why}`, { hint });
      }
      db.exec("pragma user_version = 0"); // one that was emptied is as good as new
    }
    return createStore(db, seed, fake, naming);
  } catch (error) {
    db.close();
    throw error;
  }
}

// "hark" in ASCII, where SQLite keeps a number for each program's files.
const applicationId = 0x6861726b;

// `kind` is a resource's name; `place` keeps the order of documents; `id` has no type, so that 1 and "1" stay what they are.
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

/** Opens a database in write-ahead mode, or makes a new one. Only a file that is whole and ours is written to. */
function openDatabase(path: string, busyTimeout: number): DatabaseSync {
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

/** Makes a store of a database that is open; when it is new, the seed is what it holds then. */
function createStore(
  db: DatabaseSync,
  seed: Seed,
  fake: boolean,
  naming: Naming,
): Store & Disposable {
  const documents = createDocumentTable(db);
  const session = createSession(db, documents.forgetKeys);
  const resources = createResourceTable(db, session, documents, seed);
  const [write, writeSoon] = fake
    ? [
      session.pretend,
      <T>(work: () => T) => Promise.resolve().then(() => session.pretend(work)),
    ]
    : [session.write, session.writeSoon];

  function chooseId(resource: string, given: unknown): Id {
    if (!given) return nextId(documents.highest(resource));
    if (!isId(given)) {
      throw new StoreError(
        "invalid",
        "Cannot use the id: expected a number or a text",
      );
    }
    const taken = documents.find(resource, `${given}`)?.id;
    if (taken === undefined || taken === null) return given;
    throw new StoreError(
      "conflict",
      `Cannot create "${resource}/${given}": it is there already`,
      taken,
    );
  }

  const pageSize = Number(db.prepare("pragma page_size").get()?.page_size);
  const size = () =>
    pageSize * Number(db.prepare("pragma page_count").get()?.page_count);

  /** Gives the rows that have an id and refer to a document that is not there. */
  function orphans(): Row[] {
    const names = resources.all().map(({ name }) => name);
    return documents.keys().flatMap((key) => {
      const parent = parentOf(key, names, naming);
      return parent === undefined ? [] : documents.orphans(key, parent);
    });
  }

  resources.seed();
  return {
    naming,
    version: session.version,
    resources: resources.all,
    ...createReader(session, documents, resources, naming),
    insert(resource, added) {
      resources.fill(resource);
      return writeSoon(() => {
        if (resources.find(resource)?.single !== false) return;
        return added.map((document) => {
          const id = chooseId(resource, document.id);
          const json = JSON.stringify({ ...document, id }, null, 2);
          documents.add(resource, [{ id, json }]);
          return { id, json };
        });
      });
    },
    put(resource, id, change) {
      resources.fill(resource);
      return writeSoon(() => {
        const isOne = id === undefined;
        if (resources.find(resource)?.single !== isOne) return;
        const row = isOne
          ? documents.single(resource)
          : documents.find(resource, id);
        if (row === undefined) return;
        const json = change(row.id, row.json);
        documents.change(row.place, json);
        return { id: row.id, json };
      });
    },
    delete(resource, id, check) {
      // Before the transaction: what refers to the document may still be to be made.
      for (const { name } of resources.all()) resources.fill(name);
      return writeSoon(() => {
        const row = documents.find(resource, id);
        if (row === undefined) return [];
        check?.(row.json);
        documents.remove(row.place);
        const others = new Map(orphans().map((each) => [each.place, each]));
        for (const place of others.keys()) documents.remove(place);
        return [row, ...others.values()]
          .map(({ resource, id }) => ({ resource, id }));
      });
    },
    load: (data) => write(() => resources.replace(data)),
    size,
    copy(maxBytes) {
      const copied = new DatabaseSync(":memory:");
      copied.deserialize(session.image());
      if (maxBytes !== undefined) {
        const pages = Math.ceil(Math.max(maxBytes, 2 * size()) / pageSize);
        copied.exec(`pragma max_page_count = ${pages}`);
      }
      return createStore(copied, seed, false, naming);
    },
    [Symbol.dispose]() {
      session.flush();
      db.close();
    },
  };
}

function nextId(highest: Id | null): Id {
  if (highest === null) return 1;
  const isCounted = typeof highest === "number" &&
    highest < Number.MAX_SAFE_INTEGER;
  return isCounted ? highest + 1 : crypto.randomUUID();
}
