/**
 * One connection to a database: its transactions, and when what was read is out of date.
 *
 * @module
 */

import type { DatabaseSync } from "node:sqlite";
import { Failure } from "../../../lib/cli/errors.ts";
import { type Refusal, StoreError } from "./store.ts";

/** How often the writes of other processes are looked for, in ms. */
const noticeAfter = 50;

/** A connection. */
export interface Session {
  /** A number that is another one after each write, by other processes within 50 ms. */
  version(): number;
  /** Reads in one transaction. */
  read<T>(work: () => T): T;
  /**
   * Writes at once, in one transaction; what `work` throws takes it back.
   *
   * @throws {StoreError} When SQLite refuses.
   */
  write<T>(work: () => T): T;
  /**
   * Writes soon, and resolves when it is kept: the writes of one turn of the event loop are done one
   * after the other in one transaction, since to commit costs more than to write. Where one throws,
   * all is taken back and each is done again in a transaction of its own.
   *
   * @throws {StoreError} When SQLite refuses.
   */
  writeSoon<T>(work: () => T): Promise<T>;
  /** Does now what was to be written soon. */
  flush(): void;
  /** Writes and takes it back in any case. */
  pretend<T>(work: () => T): T;
  /** Gives the whole database's bytes, for a copy in memory. */
  image(): Uint8Array;
}

interface Waiting {
  /** Writes, and gives what then resolves the caller's promise. */
  readonly write: () => () => void;
  readonly fail: (error: unknown) => void;
}

/**
 * Starts to keep count of a database's writes.
 *
 * @param onTakenBack Hears that what was written, indexes too, may be there no more.
 */
export function createSession(
  db: DatabaseSync,
  onTakenBack: () => void,
): Session {
  const begin = db.prepare("begin");
  const beginWrite = db.prepare("begin immediate");
  const commit = db.prepare("commit");
  const rollback = db.prepare("rollback");
  const dataVersion = db.prepare("pragma data_version");
  let waiting: Waiting[] = [];
  // A timer would take 1 ms. Loaded by the first write, since it takes a start 10 ms.
  let timers: Promise<typeof import("node:timers")> | undefined;
  const isShared = db.prepare("pragma database_list").get()?.file !== "";
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
      // Where the disk is full SQLite may have rolled back already. Deno 2.4 cannot tell.
      if (db.isTransaction !== false) rollback.run();
      onTakenBack();
      throw toStoreError(error, start === begin ? "read" : "write");
    }
  }

  function writeAll(parts: readonly Waiting[]): void {
    try {
      const writeEach = () => parts.map(({ write }) => write());
      const resolves = transact(beginWrite, writeEach, commit);
      writes++;
      for (const resolve of resolves) resolve();
    } catch (error) {
      const isBusy = error instanceof StoreError && error.reason === "busy";
      if (parts.length === 1 || isBusy) {
        for (const { fail } of parts) fail(error);
      } else {
        // One spoiled it for all: now each by itself.
        for (const part of parts) writeAll([part]);
      }
    }
  }

  function flush(): void {
    const parts = waiting;
    waiting = [];
    if (parts.length > 0) writeAll(parts);
  }

  return {
    version,
    read: (work) => transact(begin, work, commit),
    write(work) {
      flush();
      const result = transact(beginWrite, work, commit);
      writes++;
      return result;
    },
    writeSoon: (work) =>
      new Promise((resolve, fail) => {
        if (waiting.length === 0) {
          timers ??= import("node:timers");
          timers.then(({ setImmediate }) => setImmediate(flush));
        }
        const write = () => {
          const result = work();
          return () => resolve(result);
        };
        waiting.push({ write, fail });
      }),
    flush,
    pretend(work) {
      const result = transact(beginWrite, work, rollback);
      onTakenBack();
      return result;
    },
    image() {
      if (!("serialize" in db)) {
        throw new Failure("Cannot copy a database: that needs Deno 2.9");
      }
      if (image?.at !== version()) {
        const bytes = db.serialize();
        bytes.fill(1, 18, 20); // no write-ahead log: in memory there is none
        image = { at: writes, bytes };
      }
      return image.bytes;
    },
  };
}

// Result codes of https://www.sqlite.org/rescode.html: the low byte is the class of the error.
const refusals: { readonly [code: number]: readonly [Refusal, string] } = {
  5: ["busy", "another process holds the database"],
  6: ["busy", "another request holds the database"],
  8: ["read-only", "the database cannot be written to"],
  10: ["damaged", "the database's file cannot be read or written"],
  11: ["damaged", "the database is damaged"],
  13: ["full", "no space is left for the database"],
  275: ["invalid", "the document is nested deeper than 1000 levels"],
  26: ["damaged", "file is not a database"],
  // A write beyond a limit of the file's size, or of a quota.
  778: ["full", "no space is left for the database"],
};

// What `exec` throws has no code.
const codes: { readonly [message: string]: number } = {
  "database is locked": 5,
  "attempt to write a readonly database": 8,
  "disk I/O error": 10,
  "database disk image is malformed": 11,
  "database or disk is full": 13,
  "file is not a database": 26,
};

function refusalOf(error: unknown): readonly [Refusal, string] | undefined {
  if (!(error instanceof Error)) return;
  const code = "errcode" in error ? error.errcode : codes[error.message];
  if (typeof code !== "number") return;
  return refusals[code] ?? refusals[code & 0xff];
}

/**
 * Words why SQLite cannot open a file, without its code; another error stays what it is.
 *
 * @param path The file: SQLite does not say why it cannot have it, the system does.
 */
export function toOpenError(error: unknown, path: string): unknown {
  if (!(error instanceof Error) || !("code" in error)) return error;
  if (error.code !== "ERR_SQLITE_ERROR") return error;
  // a file that SQLite cannot have comes without a number
  if (/^unable to open database file/.test(error.message)) {
    try {
      Deno.openSync(path, { read: true, write: true, create: true }).close();
    } catch (why) {
      return why instanceof Deno.errors.NotFound
        ? new Error("there is no such directory")
        : why;
    }
  }
  return new Error(refusalOf(error)?.[1] ?? error.message);
}

/** Turns SQLite's refusal to read or write into a {@linkcode StoreError}; another error stays what it is. */
export function toStoreError(error: unknown, verb = "write"): unknown {
  const refusal = refusalOf(error);
  return refusal === undefined
    ? error
    : new StoreError(refusal[0], `Cannot ${verb}: ${refusal[1]}`);
}
