/**
 * One connection to a database: its transactions, and when what was read is out of date.
 *
 * @module
 */

import type { DatabaseSync } from "node:sqlite";
import { Failure } from "../../../lib/cli/errors.ts";
import { pause } from "../../../lib/net/pause.ts";
import { type Place, type Refusal, StoreError } from "./store.ts";

/** How often the writes of other processes are looked for, in ms. */
const noticeAfter = 50;

/** How long a write that found another process's lock waits before it is tried again, in ms. */
const lockPause = 20;

// How often it is looked, in ms, for what the log alone holds; and how many writes between two looks are so many that
// to wait for the disk would slow them: what they leave is seen to by the next look, or where the log is long.
const lookAfter = 400;
const many = 20;

/** A connection. */
export interface Session {
  /** A number that is another one after each write, by other processes within 50 ms. */
  version(): number;
  /** Reads in one transaction: that of the write under way, where it is a part of it. */
  read<T>(work: () => T): T;
  /**
   * Writes at once, in one transaction; what `work` throws takes it back. A part of a write under way is one with it.
   *
   * @throws {StoreError} When SQLite refuses.
   */
  write<T>(work: () => T): T;
  /**
   * Writes soon, and resolves when it is kept: the writes of one turn of the event loop are done one
   * after the other in one transaction, since to commit costs more than to write. Where one throws,
   * all is taken back and each is done again in a transaction of its own. While another process holds the database
   * they wait, in their order, and others may read.
   *
   * @throws {StoreError} When SQLite refuses.
   */
  writeSoon<T>(work: () => T): Promise<T>;
  /** Writes soon and takes it back in any case. */
  pretend<T>(work: () => T): Promise<T>;
  /** Tells whether a write is under way. */
  isWriting(): boolean;
  /** Puts what the log holds into the database's file, unless another process reads what would go: then later. */
  checkpoint(): void;
  /** Gives the whole database's bytes, for a copy in memory. */
  image(): Uint8Array;
  /** Does now what was to be written soon, or refuses it; the database may be closed then. */
  end(): void;
}

type Timer = ReturnType<typeof setTimeout>;

interface Waiting {
  /** Writes, and gives what then resolves the caller's promise. */
  readonly write: () => () => void;
  readonly fail: (error: unknown) => void;
  /** When it is given up; nothing before another process was in its way. */
  until?: number;
}

/**
 * Starts to keep count of a database's writes.
 *
 * @param patience How long a write waits for another process's, in ms.
 * @param onTakenBack Hears that what was written, indexes too, may be there no more.
 * @param place Tells where the file is: the log of another one in its place is ours too, since it has the same name.
 */
export function createSession(
  db: DatabaseSync,
  patience: number,
  onTakenBack: () => void,
  place: () => Place,
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
  let [isWriting, isHeld] = [false, false];
  const ended = new AbortController();
  let writes = 0;
  let looked: { readonly timer: Timer; readonly writes: number } | undefined;
  let foreign = dataVersion.get()?.data_version;
  let noticed = performance.now();
  let image: { readonly at: number; readonly bytes: Uint8Array } | undefined;

  function version(): number {
    if (isShared && performance.now() - noticed >= noticeAfter) {
      noticed = performance.now();
      const now = dataVersion.get()?.data_version;
      if (now !== foreign) count();
      foreign = now;
    }
    return writes;
  }

  function count(): void {
    writes++;
    if (isShared && looked === undefined) lookLater();
  }

  function lookLater(): void {
    const timer = setTimeout(look, lookAfter);
    Deno.unrefTimer(timer);
    looked = { timer, writes };
  }

  function look(): void {
    const before = looked?.writes ?? writes;
    looked = undefined;
    if (writes - before < many) checkpoint();
    else lookLater();
  }

  function checkpoint(): void {
    if (!isShared) return;
    clearTimeout(looked?.timer);
    looked = undefined;
    if (place() === "other") return;
    if (!tryCheckpoint() && !ended.signal.aborted) lookLater();
  }

  function tryCheckpoint(): boolean {
    try {
      // To truncate a log that is empty would look like a write to other processes, which would then do it in turn.
      if (db.prepare("pragma wal_checkpoint(passive)").get()?.log === 0) {
        return true;
      }
      return db.prepare("pragma wal_checkpoint(truncate)").get()?.busy === 0;
    } catch {
      return false; // as where the disk is full
    }
  }

  function transact<T>(
    start: typeof begin,
    work: () => T,
    end: typeof begin,
  ): T {
    try {
      start.run();
      isWriting = start === beginWrite;
      const result = work();
      end.run();
      return result;
    } catch (error) {
      // Where the disk is full SQLite may have rolled back already. Deno 2.4 cannot tell.
      if (db.isTransaction !== false) rollback.run();
      onTakenBack();
      throw toStoreError(error, start === begin ? "read" : "write");
    } finally {
      isWriting = false;
    }
  }

  /** Gives those that are still to be done, since another process holds the database. */
  function writeAll(parts: readonly Waiting[]): readonly Waiting[] {
    try {
      const writeEach = () => parts.map(({ write }) => write());
      const resolves = transact(beginWrite, writeEach, commit);
      count();
      for (const resolve of resolves) resolve();
    } catch (error) {
      if (isBusy(error)) return parts;
      if (parts.length === 1) {
        for (const { fail } of parts) fail(error);
        return [];
      }
      // One spoiled it for all: now each by itself.
      for (const [at, part] of parts.entries()) {
        if (writeAll([part]).length > 0) return parts.slice(at);
      }
    }
    return [];
  }

  function flush(): void {
    if (waiting.length > 0 && place() !== "here") {
      for (const { fail } of waiting) fail(gone());
      waiting = [];
    }
    const left = waiting.length > 0 ? writeAll(waiting) : [];
    const now = performance.now();
    waiting = left.filter((part) => {
      part.until ??= now + patience;
      const isGivenUp = part.until <= now || ended.signal.aborted;
      if (isGivenUp) part.fail(held());
      return !isGivenUp;
    });
    isHeld = waiting.length > 0;
    if (isHeld) pause(lockPause, ended.signal).then(flush);
  }

  function flushUnlessHeld(): void {
    if (!isHeld) flush();
  }

  async function pretend<T>(work: () => T): Promise<T> {
    const until = performance.now() + patience;
    await undefined;
    while (!ended.signal.aborted) {
      try {
        const result = transact(beginWrite, work, rollback);
        onTakenBack();
        return result;
      } catch (error) {
        if (!isBusy(error) || performance.now() >= until) throw error;
      }
      await pause(lockPause, ended.signal);
    }
    throw held();
  }

  // a process that was killed may have left its log
  if (isShared) lookLater();
  return {
    version,
    read: (work) => isWriting ? work() : transact(begin, work, commit),
    write(work) {
      if (isWriting) return work();
      flushUnlessHeld();
      if (isHeld) throw held();
      const result = transact(beginWrite, work, commit);
      count();
      return result;
    },
    writeSoon: (work) =>
      new Promise((resolve, fail) => {
        if (waiting.length === 0) {
          timers ??= import("node:timers");
          timers.then(({ setImmediate }) => setImmediate(flushUnlessHeld));
        }
        const write = () => {
          const result = work();
          return () => resolve(result);
        };
        waiting.push({ write, fail });
      }),
    pretend,
    isWriting: () => isWriting,
    checkpoint,
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
    end() {
      ended.abort();
      flush();
      checkpoint();
    },
  };
}

/** Tells whether another process holds the database. */
export function isBusy(error: unknown): boolean {
  return error instanceof StoreError && error.reason === "busy";
}

/** The refusal of a write into a file that is not in its place. */
export function gone(): StoreError {
  return new StoreError(
    "gone",
    `Cannot write: the database's file was moved, removed or replaced: put it back, or start the api anew`,
  );
}

function held(): StoreError {
  return new StoreError("busy", `Cannot write: ${refusals[5]?.[1]}`);
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
