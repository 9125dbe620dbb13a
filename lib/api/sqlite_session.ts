/** One connection to a database: its transactions, and when what was read is out of date. */
import type { DatabaseSync } from "node:sqlite";
import { toStoreError } from "./sqlite_error.ts";

/** How often the writes of other processes are looked for, in ms. */
const noticeAfter = 50;

/** A connection. */
export interface Session {
  /** A number that is another one after each write, by other processes within 50 ms. */
  version(): number;
  /** Reads in one transaction. */
  read<T>(work: () => T): T;
  /**
   * Writes in one transaction; what `work` throws takes it back.
   *
   * @throws {StoreError} When SQLite refuses.
   */
  write<T>(work: () => T): T;
  /** Writes and takes it back in any case. */
  pretend<T>(work: () => T): T;
  /** Gives the whole database's bytes, for a copy in memory. */
  image(): Uint8Array;
}

/**
 * Starts to keep count of a database's writes.
 *
 * @example
 * ```ts
 * import { assertEquals } from "@std/assert";
 * import { openDatabase } from "./sqlite_file.ts";
 *
 * using db = openDatabase(":memory:", 0);
 * const session = createSession(db);
 * const before = session.version();
 * session.write(() => db.exec("delete from documents"));
 * assertEquals(session.version() === before, false);
 * ```
 */
export function createSession(db: DatabaseSync): Session {
  const [begin, beginWrite, commit, rollback, dataVersion] = [
    db.prepare("begin"),
    db.prepare("begin immediate"),
    db.prepare("commit"),
    db.prepare("rollback"),
    db.prepare("pragma data_version"),
  ];
  const isShared = db.location() !== null;
  let writes = 0;
  let foreign = dataVersion.get()?.data_version;
  let noticed = performance.now();
  let image: { readonly at: number; readonly bytes: Uint8Array } | undefined;

  function version(): number {
    if (isShared && performance.now() - noticed >= noticeAfter) {
      noticed = performance.now();
      const now = dataVersion.get()?.data_version;
      if (now !== foreign) writes++;
      foreign = now;
    }
    return writes;
  }

  function transact<T>(
    start: typeof begin,
    work: () => T,
    end: typeof begin,
  ): T {
    try {
      start.run();
      const result = work();
      end.run();
      return result;
    } catch (error) {
      // Where the disk is full SQLite may have rolled back already.
      if (db.isTransaction) rollback.run();
      throw toStoreError(error);
    }
  }

  return {
    version,
    read: (work) => transact(begin, work, commit),
    write(work) {
      const result = transact(beginWrite, work, commit);
      writes++;
      return result;
    },
    pretend: (work) => transact(beginWrite, work, rollback),
    image() {
      if (image?.at !== version()) {
        const bytes = db.serialize();
        bytes.fill(1, 18, 20); // no write-ahead log: in memory there is none
        image = { at: writes, bytes };
      }
      return image.bytes;
    },
  };
}
