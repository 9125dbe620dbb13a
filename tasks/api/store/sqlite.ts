/**
 * A {@linkcode Store} in SQLite: each document is a row that holds its JSON text.
 *
 * @module
 */

import { DatabaseSync } from "node:sqlite";
import { Failure } from "../../../lib/cli/errors.ts";
import { absolutePath } from "../../../lib/cli/values.ts";
import { createReader } from "./reads.ts";
import { foreignKeyOf, type Naming, usualNaming } from "./naming.ts";
import { isId } from "./schema.ts";
import {
  type Id,
  type OpenedStore,
  type Place,
  type Removed,
  type Seed,
  type Source,
  type Store,
  StoreError,
} from "./store.ts";
import {
  adoptIds,
  createDocumentTable,
  createResourceTable,
} from "./tables.ts";
import {
  createSession,
  gone,
  isBusy,
  toOpenError,
  toStoreError,
} from "./transaction.ts";

/** Options of {@linkcode openStore}. */
export interface StoreOptions {
  /**
   * Whether writes are answered and then taken back, as JSONPlaceholder does.
   *
   * @default {false}
   */
  readonly fake?: boolean;
  /**
   * How long a write waits for another process's, in ms. Reads are answered meanwhile.
   *
   * @default {5000}
   */
  readonly busyTimeout?: number;
  /**
   * How documents name themselves and each other; by default as in `{ "id": 1, "postId": 1 }`. A file does not keep
   * it: its documents keep the ids that they have, and those in lists that have none get the one that is named now.
   */
  readonly naming?: Naming;
  /**
   * Whether a new one stays new until it is imported into: the seed then fills what another start left to be made.
   *
   * @default {false}
   */
  readonly staysNew?: boolean;
  /**
   * Is told within a second that the file was moved, removed or replaced, or is back. Meanwhile writes are refused,
   * and reads get what it held, unless that is lost. Without it nobody looks.
   */
  readonly onPlace?: (place: Place, isLost: boolean) => void;
}

/**
 * Opens a database of documents, or makes a new one. To dispose of the store closes it.
 *
 * @param path A file's path, or `:memory:`.
 * @param seed What a new database holds. A list given as a function is made when its resource is
 * first used, so that a start does not wait for 5,000 photos. Without it, a new one stays new until it is imported into.
 * @throws {Failure} When the file cannot be opened, is damaged or not ours.
 * @throws {TypeError} When the seed cannot be loaded, as {@linkcode Store}'s `load` does.
 *
 * @example
 * ```ts
 * import { assertEquals } from "@std/assert";
 *
 * using store = openStore(":memory:", { notes: () => [{ id: 7, text: "a" }] });
 * await store.insert("notes", [{ text: "b" }]);
 * assertEquals(store.get("notes", "8"), '{\n  "text": "b",\n  "id": 8\n}');
 * ```
 */
export function openStore(
  path: string,
  seed: Seed | undefined,
  options: StoreOptions = {},
): OpenedStore {
  const { onPlace } = options;
  return onPlace === undefined || path === ":memory:"
    ? openFile(path, seed, options)
    : keepPlace(path, (place) => openFile(path, seed, options, place), onPlace);
}

function openFile(
  path: string,
  seed: Seed | undefined,
  { fake = false, busyTimeout = 5000, naming = usualNaming, staysNew = false }:
    StoreOptions,
  place?: () => Place,
): OpenedStore {
  const { db, isNew } = openDatabase(path, busyTimeout, naming.id);
  try {
    const store = createStore(db, seed, {
      ...{ fake, naming, busyTimeout, isNew, staysNew },
      ...place && { place },
    });
    db.exec(`pragma busy_timeout = ${lockWait}`);
    return store;
  } catch (error) {
    db.close();
    throw error;
  }
}

/** How often it is looked where the file is, in ms: each transaction that writes looks too. */
const placeAfter = 900;

/** What tells a file from another one in its place; empty where there is none, nothing where that cannot be told. */
function identify(path: string): string | undefined {
  try {
    const { dev, ino, size, birthtime } = Deno.statSync(path);
    // Windows has no number for a file, and moves none that is open
    if (ino === null || ino === 0) return;
    if (size === 0) return "emptied";
    // the number of a file that is gone may be given to the next one
    return `${dev} ${ino} ${birthtime?.getTime()}`;
  } catch (error) {
    const isGone = error instanceof Deno.errors.NotFound ||
      error instanceof Deno.errors.NotADirectory;
    return isGone ? "" : undefined;
  }
}

/**
 * Opens a store that looks after its file. When that leaves its place the store goes on with a copy in memory: another
 * file that takes the place has its log where ours is. When it is back it is opened again.
 */
function keepPlace(
  path: string,
  open: (place: () => Place) => OpenedStore,
  onPlace: (place: Place, isLost: boolean) => void,
): OpenedStore {
  let own: string | undefined = undefined;
  function find(): Place {
    if (own === undefined) return "here";
    const now = identify(path) ?? own;
    return now === own ? "here" : now === "" ? "gone" : "other";
  }

  let current = open(find);
  let [place, epoch]: [Place, number] = ["here", 0];
  const first = identify(path);
  own = first === "emptied" ? undefined : first || undefined;

  function look(): Place {
    const now = find();
    if (now === place) return place;
    let isLost = false;
    try {
      if (now === "here") change(open(find));
      else if (place === "here") change(current.copy());
    } catch {
      // it is looked again; of a file that was emptied there is no copy
      if (now === "here") return place;
      isLost = true;
    }
    place = now;
    onPlace(place, isLost);
    return place;
  }

  function change(next: OpenedStore): void {
    const old = current;
    current = next;
    epoch += 2 ** 32; // no version of one is one of the other
    old[Symbol.dispose]();
  }

  function write<T>(work: () => Promise<T>): Promise<T> {
    return place === "here" || look() === "here"
      ? work()
      : Promise.reject(gone());
  }

  const timer = own === undefined ? undefined : setInterval(look, placeAfter);
  if (timer !== undefined) Deno.unrefTimer(timer);
  const { naming, isNew } = current;
  return {
    naming,
    isNew,
    place: look,
    version: () => epoch + current.version(),
    resources: () => current.resources(),
    list: (resource, query) => current.list(resource, query),
    get: (resource, id, relations) => current.get(resource, id, relations),
    nextId: (resource) => current.nextId(resource),
    dump: () => current.dump(),
    size: () => current.size(),
    count: () => current.count(),
    source: () => current.source(),
    copy: (maxBytes) => current.copy(maxBytes),
    insert: (...args) => write(() => current.insert(...args)),
    put: (...args) => write(() => current.put(...args)),
    delete: (...args) => write(() => current.delete(...args)),
    load: (...args) => write(() => current.load(...args)),
    import: (...args) => write(() => current.import(...args)),
    [Symbol.dispose]() {
      clearInterval(timer);
      current[Symbol.dispose]();
    },
  };
}

// Nothing else is done while SQLite itself waits for another process's lock.
const lockWait = 5;

// "hark" in ASCII, where SQLite keeps a number for each program's files.
const applicationId = 0x6861726b;

// `kind` is a resource's name; `place` keeps the order of documents; `id` has no type, so that 1 and "1" stay what they are.
const tables = [
  "table kinds (kind text unique, single integer, filled integer)",
  `table documents (
    place integer primary key, kind text, id, json text check (json_valid(json)),
    unique (kind, id)
  )`,
  "table sources (name text, hash text, time text)",
];
const ourTables = ["kinds", "documents", "sources"];
const schema = `
  pragma application_id = ${applicationId};
  ${
  tables.map((table) =>
    `create ${table.replace("table", "table if not exists")};`
  ).join("\n")
}
`;

// What is committed outlives this process; only a loss of power may take the last writes. Each
// checkpoint waits for the disk, so there is one per 16 MB of log: four times fewer than by default.
const settings = `
  pragma journal_mode = wal;
  pragma synchronous = normal;
  pragma wal_autocheckpoint = 4000;
`;

/** Connects to a database that may come from anybody: nothing that it says runs, and its other tables do not bind ours. */
function connect(path: string, timeout?: number): DatabaseSync {
  const db = new DatabaseSync(path, {
    ...timeout !== undefined && { timeout },
    enableForeignKeyConstraints: false,
  });
  db.exec("pragma trusted_schema = off");
  return db;
}

/** Opens a database in write-ahead mode, or makes a new one. Only a file that is whole and ours is written to. */
function openDatabase(
  path: string,
  busyTimeout: number,
  idField: string,
): { readonly db: DatabaseSync; readonly isNew: boolean } {
  let db: DatabaseSync | undefined;
  let hint = "give the path of another file, or --memory";
  try {
    db = connect(path, busyTimeout);
    const names = tableNamesOf(db);
    const damage = findDamage(db, names);
    if (damage !== undefined) {
      if (names.length === 0) hint = hintAtLog(path);
      throw new Error(damage);
    }
    // Before there is a log: the file without it is then one of ours, not one that looks new.
    if (ourTables.some((name) => !names.includes(name))) {
      db.exec(`begin immediate; ${schema} commit`);
    }
    db.exec(settings);
    // Those of a file that was made under another name for ids stay, where there are some.
    if (idField !== usualNaming.id) adoptIds(db, idField);
    return { db, isNew: names.length === 0 };
  } catch (error) {
    db?.close();
    throw new Failure(`Cannot open "${absolutePath(path)}"`, {
      cause: error instanceof Deno.errors.NotCapable
        ? error
        : toOpenError(error, path),
      hint,
    });
  }
}

/** What leaves a file of ours without its tables: a copy that was made while its api ran, by versions that kept all in the log. */
function hintAtLog(path: string): string {
  const name = path.replace(/^.*[\\/]/, "");
  return `what it held may be in the -wal file of what it was copied from: put that beside it as "${name}-wal"; ` +
    "to begin anew, delete it";
}

function tableNamesOf(db: DatabaseSync): string[] {
  return db.prepare("select lower(name) name from sqlite_schema").all()
    .map(({ name }) => String(name));
}

function findDamage(
  db: DatabaseSync,
  names: readonly string[],
): string | undefined {
  const id = db.prepare("pragma application_id").get()?.application_id;
  const { journal_mode } = db.prepare("pragma journal_mode").get() ?? {};
  if (names.length === 0 && (id === applicationId || journal_mode === "wal")) {
    return "it has no tables";
  }
  if (names.length === 0 && id === 0) return;
  if (id !== applicationId) return "it is another program's database";
  const foreign = findForeign(db);
  if (foreign !== undefined) return foreign;
  const missing = ["kinds", "documents"].find((name) => !names.includes(name));
  if (missing !== undefined) return `its table "${missing}" is missing`;
  const check = db.prepare("pragma quick_check(1)").get()?.quick_check;
  if (check !== "ok") return `it is damaged: ${check}`;
  if (holdsStrange(db)) return "it holds what hark did not write";
}

// What could not be read or found: JavaScript has no larger integers, and a document without its resource is in the way.
// The index of ids is asked for one resource after the other, which is faster than to read it whole.
const most = Number.MAX_SAFE_INTEGER;
const isText = "typeof(kind) = 'text'";
const ofKind = "select 1 from documents where kind = names.kind and";
const strangeSql = `
  with recursive names (kind) as (
    select min(kind) from documents
    union all
    select (select min(kind) from documents where kind > names.kind)
    from names where kind is not null
  )
  select 1 from names where ${isText} and (
    kind not in (select kind from kinds where ${isText} and filled) or
    exists (${ofKind} id < -${most} and typeof(id) = 'integer') or
    exists (${ofKind} id > ${most} and id < '' and typeof(id) = 'integer') or
    exists (${ofKind} id >= x'')
  )
  union all
  select 1 from kinds where ${isText} and (single not in (0, 1) or filled not in (0, 1))
  union all
  select 1 from documents where place < -${most} or place > ${most}
  union all
  select 1 from documents where typeof(json) <> 'text' limit 1`;

function holdsStrange(db: DatabaseSync): boolean {
  if (db.prepare(strangeSql).get() !== undefined) return true;
  const names = db.prepare(
    `select cast(kind as blob) name from kinds where ${isText}`,
  );
  const decoder = new TextDecoder("utf-8", { fatal: true });
  try {
    for (const { name } of names.iterate()) {
      if (name instanceof Uint8Array) decoder.decode(name);
    }
    return false;
  } catch (error) {
    if (error instanceof TypeError) return true;
    throw error;
  }
}

/** Tells what is in a database of ours that we did not make, and that could change what we write; other tables cannot. */
function findForeign(db: DatabaseSync): string | undefined {
  const rows = db.prepare(
    "select type, name, tbl_name, sql from sqlite_schema",
  );
  for (const row of rows.iterate()) {
    const { type, name } = row;
    if (type === "trigger" || type === "view") {
      return `it has a ${type}, which hark did not make`;
    }
    const isOurs = ourTables.includes(String(row.tbl_name).toLowerCase());
    const made = plainOf(String(row.sql ?? ""));
    if (
      type === "table" && isOurs &&
      !tables.some((it) => made === plainOf(`create ${it}`))
    ) {
      return `its table "${name}" is not as hark makes it`;
    }
    if (type === "index" && isOurs && made.startsWith("create unique")) {
      return "it has a unique index, which hark did not make";
    }
  }
}

function plainOf(sql: string): string {
  return sql.toLowerCase().replace(/"(\w+)"/g, "$1").replace(/\s+/g, " ");
}

/** Makes a store of a database that is open; when it is new, the seed is what it holds then. */
function createStore(
  db: DatabaseSync,
  seed: Seed | undefined,
  { fake = false, naming, busyTimeout = 0, staysNew = false, ...more }:
    & Omit<StoreOptions, "onPlace">
    & {
      readonly naming: Naming;
      readonly isNew?: boolean;
      readonly place?: () => Place;
    },
): OpenedStore {
  const { isNew = true, place = () => "here" } = more;
  const documents = createDocumentTable(db, naming);
  const session = createSession(db, busyTimeout, () => {
    documents.forgetKeys();
    resources.forget();
  }, place);
  const from = seed ?? {};
  const resources = createResourceTable(db, session, documents, from, naming);
  const fill = reading(resources.fill);
  const reader = {
    ...createReader(session, documents, resources, naming),
    nextId(resource: string) {
      resources.use(resource);
      return nextId(resource);
    },
  };
  const writeSoon = fake ? session.pretend : session.writeSoon;
  let filledCopy:
    | { readonly version: number; readonly store: Store & Disposable }
    | undefined;

  /**
   * Fills resources ahead of a write, so that they stay filled when it is taken back. While another process holds the
   * database, the write fills them itself.
   */
  function fillAhead(names: readonly string[]): void {
    try {
      for (const name of names) fill(name);
    } catch (error) {
      if (!isBusy(error)) throw error;
    }
  }

  /** Reads, from a copy where what is read is still to be filled and another process holds the database. */
  function readEvenIfHeld<T>(
    read: (from: Pick<Store, "list" | "get" | "dump" | "nextId">) => T,
  ): T {
    try {
      return read(reader);
    } catch (error) {
      if (!isBusy(error)) throw toStoreError(error, "read");
    }
    const version = session.version();
    if (filledCopy?.version !== version) {
      filledCopy?.store[Symbol.dispose]();
      filledCopy = { version, store: copy() };
    }
    return read(filledCopy.store);
  }

  function chooseId(resource: string, given: unknown): Id {
    if (!given && given !== 0) return nextId(resource);
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
  const size = reading(() =>
    pageSize * Number(db.prepare("pragma page_count").get()?.page_count)
  );

  /** Gives the highest number plus 1, or a random text where all ids are texts. */
  function nextId(resource: string): Id {
    const { number, id } = documents.highest(resource);
    if (id === null) return 1;
    if (number === null || number >= Number.MAX_SAFE_INTEGER) {
      return crypto.randomUUID();
    }
    let next = number + 1;
    if (id === number) return next;
    // in a URL it may be the same as one of the texts
    while (documents.find(resource, `${next}`) !== undefined) next++;
    return next;
  }

  /**
   * Deletes what refers to a document that was deleted, and what refers to that: one step of all chains after the
   * other, so that they may be long, and circles end. A reference that still leads to another document is kept: to one
   * of a resource whose name gives the same key, or to "1" where 1 was deleted.
   */
  function removeDependents(deleted: Removed): readonly Removed[] {
    const lists = resources.all().filter(({ single }) => !single);
    const parents = Map.groupBy(
      lists,
      ({ name }) => foreignKeyOf(name, naming),
    );
    const referring = new Map<string, string[]>();
    const gone: Removed[] = [];
    let level = Map.groupBy([deleted], ({ resource }) => resource);
    while (level.size > 0) {
      const first = gone.length;
      for (const [parent, documentsGone] of level) {
        const key = foreignKeyOf(parent, naming);
        const all = documentsGone.flatMap(({ id }) => id ?? []);
        const texts = all.map(String);
        // asked for all at once, since hardly ever one is there
        const rivals = parents.get(key)?.filter(({ name }) =>
          documents.byIds(name, texts).length > 0
        ) ?? [];
        const ids = all.filter((id) =>
          !rivals.some(({ name }) =>
            documents.find(name, `${id}`)
          )
        );
        const names = referring.get(key) ?? documents.referring(key);
        referring.set(key, names);
        for (const resource of ids.length > 0 ? names : []) {
          for (const each of documents.removeReferring(resource, key, ids)) {
            gone.push({ resource, ...each });
          }
        }
      }
      level = Map.groupBy(gone.slice(first), ({ resource }) => resource);
    }
    documents.dropSpareKeys();
    return gone;
  }

  function setSource(source: Source | undefined): void {
    db.exec("delete from sources");
    if (source === undefined) return;
    const { name, hash, time } = source;
    db.prepare("insert into sources values (?, ?, ?)").run(name, hash, time);
  }

  function copy(maxBytes?: number): OpenedStore {
    const copied = connect(":memory:");
    copied.deserialize(session.image());
    if (maxBytes !== undefined) {
      const pages = Math.ceil(Math.max(maxBytes, 2 * size()) / pageSize);
      copied.exec(`pragma max_page_count = ${pages}`);
    }
    return createStore(copied, seed, { naming, staysNew });
  }

  const lists = db.prepare("select kind from kinds where not filled");

  function count(): number {
    const { n } = db.prepare("select count(*) n from documents").get() ?? {};
    return lists.all().reduce((sum, { kind }) => {
      const make = from[String(kind)];
      return typeof make === "function"
        ? sum + (make.count ?? make().length)
        : sum;
    }, Number(n));
  }

  if (seed !== undefined && !staysNew) resources.seed();
  return {
    naming,
    isNew,
    place,
    count: reading(count),
    version: reading(session.version),
    resources: reading(resources.all),
    list: (resource, query) =>
      readEvenIfHeld((from) => from.list(resource, query)),
    get: (resource, id, relations) =>
      readEvenIfHeld((from) => from.get(resource, id, relations)),
    dump: () => readEvenIfHeld((from) => from.dump()),
    nextId: (resource) => readEvenIfHeld((from) => from.nextId(resource)),
    insert(resource, added, check) {
      fillAhead([resource]);
      return writeSoon(() => {
        if (resources.use(resource)?.single !== false) return;
        check?.();
        return added.map((document) => {
          const id = chooseId(resource, document[naming.id]);
          const whole = { ...document, [naming.id]: id };
          const json = JSON.stringify(whole, null, 2);
          documents.add(resource, [{ id, json }]);
          return { id, json };
        });
      });
    },
    put(resource, id, change) {
      fillAhead([resource]);
      return writeSoon(() => {
        const isOne = id === undefined;
        if (resources.use(resource)?.single !== isOne) return;
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
      // what refers to the document may still be to be made
      const names = reading(resources.all)().map(({ name }) => name);
      fillAhead(names);
      return writeSoon(() => {
        for (const name of names) resources.fill(name);
        const row = documents.find(resource, id);
        if (row === undefined) return [];
        check?.(row.json);
        documents.remove(row.place);
        const { id: ownId, json } = row;
        return [{ resource, id: ownId, json }, ...removeDependents(row)];
      });
    },
    load: (data, check) =>
      writeSoon(() => {
        check?.();
        resources.replace(data);
      }),
    size,
    source() {
      const row = db.prepare("select * from sources").get();
      return row && {
        name: String(row.name),
        hash: String(row.hash),
        time: String(row.time),
      };
    },
    async import(data, source, replaces = false) {
      const isDone = await session.writeSoon(() => {
        if (!replaces && resources.all().length > 0) return false;
        resources.replace(data);
        setSource(source);
        return true;
      });
      session.checkpoint();
      return isDone;
    },
    copy: reading(copy),
    [Symbol.dispose]() {
      filledCopy?.store[Symbol.dispose]();
      session.end();
      db.close();
    },
  };
}

/** Reads, and words what SQLite says where it cannot. */
function reading<Args extends readonly unknown[], Result>(
  read: (...args: Args) => Result,
): (...args: Args) => Result {
  return (...args) => {
    try {
      return read(...args);
    } catch (error) {
      throw toStoreError(error, "read");
    }
  };
}
