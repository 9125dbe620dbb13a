/** A {@linkcode Store} in SQLite: each document is a row that holds its JSON text. */
import { Failure } from "../cli/errors.ts";
import { absolutePath } from "../cli/path.ts";
import { openDatabase } from "./sqlite_file.ts";
import { createStore } from "./sqlite_store.ts";
import type { Seed, Store } from "./store.ts";

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
    if (fresh && db.prepare("select 1 from kinds").get() !== undefined) {
      throw new Failure(
        `Cannot import into "${absolutePath(path)}": it holds data already`,
        { hint: "give the path of a new file, or --memory" },
      );
    }
    return createStore(db, seed, { fake });
  } catch (error) {
    db.close();
    throw error;
  }
}
