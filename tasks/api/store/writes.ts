/** A store on a database of documents. */
import { DatabaseSync } from "node:sqlite";
import { isId } from "./import.ts";
import { createKeys } from "./keys.ts";
import { createKinds } from "./kinds.ts";
import { createReader } from "./reads.ts";
import { parentOf } from "./relations.ts";
import { type Id, type Seed, type Store, StoreError } from "./store.ts";
import { createRows, type Row } from "./tables.ts";
import { createSession } from "./transaction.ts";

/** Options of {@linkcode createStore}. */
export interface SqliteStoreOptions {
  /** Whether writes are answered and then taken back. */
  readonly fake: boolean;
}

/**
 * Makes a store of a database that `openDatabase` opened. To dispose of it closes the database.
 *
 * @param seed What the database is to hold when it is new.
 */
export function createStore(
  db: DatabaseSync,
  seed: Seed,
  options: SqliteStoreOptions,
): Store & Disposable {
  const [rows, keys] = [createRows(db), createKeys(db)];
  const session = createSession(db, keys.forget);
  const parts = { session, rows, keys };
  const kinds = createKinds(db, seed, parts);
  const reader = createReader(kinds, parts);
  const [write, writeSoon] = options.fake
    ? [session.pretend, session.pretend]
    : [session.write, session.writeSoon];

  /** Gives the rows that have an id and refer to a document that is not there. */
  function orphans(): Row[] {
    const names = kinds.all().map(({ name }) => name);
    return keys.names().flatMap((key) => {
      const parent = parentOf(key, names);
      if (parent === undefined) return [];
      const isOrphaned = ({ text }: { text: string }) =>
        text !== "null" &&
        rows.find(parent, String(JSON.parse(text))) === undefined;
      return keys.references(key).filter(isOrphaned)
        .flatMap((reference) => keys.referring(key, reference))
        .filter(({ id }) => id !== null);
    });
  }

  function chooseId(kind: string, given: unknown): Id {
    if (!given) return nextId(rows.highest(kind));
    if (!isId(given)) {
      throw new StoreError(
        "invalid",
        "Cannot use the id: expected a number or a text",
      );
    }
    const taken = rows.find(kind, `${given}`)?.id;
    if (taken === undefined || taken === null) return given;
    throw new StoreError(
      "conflict",
      `Cannot create "${kind}/${given}": it is there already`,
      taken,
    );
  }

  if (kinds.areNew()) {
    // Once more inside: another process may be faster.
    session.write(() => kinds.areNew() && kinds.establish(seed));
  }
  return {
    version: session.version,
    kinds: kinds.all,
    ...reader,
    insert(kind, documents) {
      kinds.fill(kind);
      return writeSoon(() => {
        if (kinds.find(kind)?.single !== false) return;
        return documents.map((document) => {
          const id = chooseId(kind, document.id);
          const stored = {
            id,
            json: JSON.stringify({ ...document, id }, null, 2),
          };
          kinds.add(kind, [stored]);
          return stored;
        });
      });
    },
    put(kind, id, change) {
      kinds.fill(kind);
      return writeSoon(() => {
        if (kinds.find(kind)?.single !== (id === undefined)) return;
        const row = id === undefined ? rows.single(kind) : rows.find(kind, id);
        if (row === undefined) return;
        const json = change(row.id, row.json);
        rows.change(row.place, json);
        keys.index(json);
        return { id: row.id, json };
      });
    },
    delete(kind, id, check) {
      // Before the transaction: what refers to the document may still be to be made.
      for (const { name } of kinds.all()) kinds.fill(name);
      return writeSoon(() => {
        const row = rows.find(kind, id);
        if (row === undefined) return [];
        check?.(row.json);
        rows.remove(row.place);
        const others = new Map(
          orphans().map((orphan) => [orphan.place, orphan]),
        );
        for (const place of others.keys()) rows.remove(place);
        return [row, ...others.values()].map((each) => ({
          kind: each.kind,
          id: each.id,
        }));
      });
    },
    load(world) {
      write(() => {
        kinds.clear();
        kinds.establish(world);
      });
    },
    copy() {
      const copied = new DatabaseSync(":memory:");
      copied.deserialize(session.image());
      return createStore(copied, seed, { fake: false });
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
