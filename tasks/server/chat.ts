/**
 * A chat: what one says, all others hear.
 *
 * @module
 */

import { concat } from "@std/bytes/concat";
import { Failure } from "../../lib/cli/errors.ts";
import {
  closeSocket,
  type Connection,
  copy,
  send,
  type Sink,
  type Source,
} from "../../lib/net/connection.ts";
import { smallFor } from "./handlers.ts";

/** A chat that is going on. */
interface Chat {
  /** Lets a client take part until it leaves. */
  readonly join: (connection: Connection) => Promise<void>;
  /** Lets the host take part until its input ends; it goes on hearing the others. */
  readonly host: (source: Source, sink: Sink) => Promise<void>;
}

/** Whoever speaks waits while this much waits for every client: the fastest sets the pace. */
const PACE_BYTES = 256 * 1024;
/** Who is this much behind the fastest has a moment to catch up: a scheduler's pause is no reason to be cut off. */
const LIMIT_BYTES = 4 * 1024 * 1024;
const GRACE_MS = 250;
/** All are too slow when none of them takes anything for so long. */
const PATIENCE_MS = 1000;
/** So long others wait for the rest of a line that goes in pieces. */
const FLOOR_MS = 1000;

/**
 * Starts a chat. Each client's lines go to all others, whole and as they are: while one of more than 64 KiB is out in
 * part, all others wait to be heard, but no longer than a second, after which a newline ends it and its rest is a line
 * of its own. Every client has a queue of its own; one that reads much slower than the fastest is cut off, so that it
 * hurts only itself.
 */
export function createChat(): Chat {
  const clients = new Map<Outbox, (error: Failure) => void>();
  let listening: Outbox | undefined;
  let waiting: (() => void)[] = [];
  /** Who has the floor: nobody else is heard until its line has ended. Speakers are known by what they hear with. */
  let floor: Outbox | undefined;
  let isOverdue = false;
  let floorTimer: ReturnType<typeof setTimeout> | undefined;
  const queue: { readonly speaker: Outbox; readonly begin: () => void }[] = [];

  /** Resolves when the speaker has the floor: first come, first served. */
  function takeFloor(speaker: Outbox): Promise<void> | void {
    floor ??= speaker;
    if (floor === speaker) return;
    const { promise, resolve } = Promise.withResolvers<void>();
    queue.push({ speaker, begin: resolve });
    breakLine();
    return promise;
  }

  function passFloor(): void {
    clearTimeout(floorTimer);
    floorTimer = undefined;
    isOverdue = false;
    const next = queue.shift();
    floor = next?.speaker;
    next?.begin();
  }

  /** Takes the floor from who has had it for too long, where somebody waits for it. */
  function breakLine(): void {
    if (!isOverdue || floor === undefined || queue.length === 0) return;
    tell(Uint8Array.of(NEWLINE), floor);
    passFloor();
  }

  /** From its first piece on, a line has so much time. */
  function startTimer(): void {
    floorTimer ??= setTimeout(() => {
      isOverdue = true;
      breakLine();
    }, FLOOR_MS);
  }

  /** Says that there may be room again. */
  function wake(): void {
    const woken = waiting;
    waiting = [];
    for (const resolve of woken) resolve();
  }

  function cut(client: Outbox): void {
    clients.get(client)?.(new Failure("too slow: it does not read"));
    clients.delete(client);
  }

  /** Waits until somebody took something, for at most `ms`; tells whether somebody did. */
  async function progress(ms: number): Promise<boolean> {
    const { promise, resolve } = Promise.withResolvers<boolean>();
    waiting.push(() => resolve(true));
    const timer = setTimeout(() => resolve(false), ms);
    const progressed = await promise;
    clearTimeout(timer);
    return progressed;
  }

  /** Gives those that are full a moment to take half of what waits; who does not is too slow. */
  async function makeRoom(bytes: Uint8Array, speaker: Outbox): Promise<void> {
    const due = performance.now() + GRACE_MS;
    const full = othersOf(speaker).filter((client) => !client.fits(bytes));
    for (const client of full) {
      while (clients.has(client) && client.size() > LIMIT_BYTES / 2) {
        const left = due - performance.now();
        if (left > 0) await progress(left);
        else cut(client);
      }
    }
  }

  function othersOf(speaker: Outbox): Outbox[] {
    return [...clients.keys()].filter((client) => client !== speaker);
  }

  /** Puts bytes into all queues at once, so that all hear the same. */
  function tell(bytes: Uint8Array, speaker: Outbox): void {
    for (const client of othersOf(speaker)) {
      if (!client.put(bytes)) cut(client);
    }
    // the host's own view may miss lines: it must not slow the others
    if (speaker !== listening) listening?.put(bytes);
  }

  async function say(bytes: Uint8Array, speaker: Outbox): Promise<void> {
    do {
      await takeFloor(speaker);
      await makeRoom(bytes, speaker);
      // meanwhile its line may have been broken
    } while (floor !== speaker);
    tell(bytes, speaker);
    if (bytes.at(-1) === NEWLINE) passFloor();
    else startTimer();
    for (;;) {
      const others = othersOf(speaker);
      if (others.length === 0) return;
      if (others.some((client) => client.size() <= PACE_BYTES)) return;
      if (!await progress(PATIENCE_MS)) others.forEach(cut);
    }
  }

  async function listenTo(
    source: Source | Connection,
    speaker: Outbox,
    small?: number,
  ): Promise<void> {
    const lines = createLineSplitter();
    const hear = async (chunk: Uint8Array) => {
      const piece = lines.push(chunk);
      if (piece === undefined) return;
      // between two lines it is the others' turn
      const end = piece.lastIndexOf(NEWLINE) + 1;
      if (end > 0) await say(piece.subarray(0, end), speaker);
      if (end < piece.length) await say(piece.subarray(end), speaker);
    };
    try {
      await copy(source, hear, small);
      const last = lines.flush();
      if (last !== undefined) await say(last, speaker);
    } finally {
      // it left within a line
      if (floor === speaker) await say(Uint8Array.of(NEWLINE), speaker);
    }
  }

  async function join(connection: Connection): Promise<void> {
    let fault: unknown;
    const leave = (error: unknown) => {
      fault ??= error;
      closeSocket(connection.socket);
    };
    const outbox = createOutbox((bytes) => send(connection, bytes), {
      limit: LIMIT_BYTES,
      onSent: wake,
      onError: leave,
    });
    clients.set(outbox, leave);
    try {
      await listenTo(connection, outbox, smallFor(connection));
    } catch (error) {
      throw fault ?? error;
    } finally {
      clients.delete(outbox);
      wake();
    }
    await outbox.flushed();
  }

  async function host(source: Source, sink: Sink): Promise<void> {
    const failed = Promise.withResolvers<never>();
    listening = createOutbox(sink, { onError: failed.reject });
    await Promise.race([listenTo(source, listening), failed.promise]);
    // nothing more to say, but to hear
    await failed.promise;
  }

  return { join, host };
}

/** What waits to be sent to one reader, who may be slow. */
interface Outbox {
  /** Adds a piece; false, and nothing added, when too much waits already. */
  readonly put: (bytes: Uint8Array) => boolean;
  /** Whether a piece could be added. */
  readonly fits: (bytes: Uint8Array) => boolean;
  readonly size: () => number;
  /** Resolves when nothing waits; rejects when the reader is gone. */
  readonly flushed: () => Promise<void>;
}

/** Options for {@linkcode createOutbox}. */
interface OutboxOptions {
  /** How many bytes may wait. @default {1048576} */
  readonly limit?: number;
  /** Hears of every piece that was sent. */
  readonly onSent?: () => void;
  /** Hears why nothing can be sent any more. */
  readonly onError?: (error: unknown) => void;
}

/** What a short piece costs in memory. */
const PIECE_BYTES = 256;

/** Makes a queue in front of a reader: whoever writes to it never waits. */
export function createOutbox(sink: Sink, options: OutboxOptions = {}): Outbox {
  const { limit = 1024 * 1024, onSent, onError } = options;
  const costOf = ({ length }: Uint8Array) => Math.max(length, PIECE_BYTES);
  let queue: Uint8Array[] = [];
  let size = 0;
  let sending: Promise<void> | undefined;

  async function sendAll(): Promise<void> {
    while (queue.length > 0) {
      const batch = queue;
      queue = [];
      for (const piece of batch) {
        await sink(piece);
        size -= costOf(piece);
        onSent?.();
      }
    }
    sending = undefined;
  }

  const fits = (bytes: Uint8Array) => size + costOf(bytes) <= limit;

  return {
    fits,
    put(bytes) {
      if (!fits(bytes)) return false;
      size += costOf(bytes);
      queue.push(bytes);
      if (sending === undefined) {
        sending = sendAll();
        sending.catch((error) => onError?.(error));
      }
      return true;
    },
    size: () => size,
    flushed: () => sending ?? Promise.resolve(),
  };
}

/** Passes on whole lines of bytes, however the chunks are cut. */
interface LineSplitter {
  /** All lines that are whole after this chunk, in one piece that is the caller's; nothing where none is. */
  readonly push: (chunk: Uint8Array) => Uint8Array | undefined;
  /** What is left of a last line without its newline. */
  readonly flush: () => Uint8Array | undefined;
}

/** A line longer than this goes in pieces. */
const LONGEST_BYTES = 64 * 1024;
const NEWLINE = 10;

/**
 * Makes a splitter that holds back an unfinished line until its newline comes. The pieces together are the chunks
 * together, byte for byte.
 *
 * @param longest How many bytes may be held back; a longer line goes in pieces.
 */
export function createLineSplitter(longest = LONGEST_BYTES): LineSplitter {
  let held = new Uint8Array();
  const take = (bytes: Uint8Array, rest: Uint8Array) => {
    const piece = concat([held, bytes]);
    held = rest.slice();
    return piece.length === 0 ? undefined : piece;
  };
  return {
    push(chunk) {
      const end = chunk.lastIndexOf(NEWLINE) + 1;
      const rest = chunk.subarray(end);
      const unfinished = end === 0 ? held.length + rest.length : rest.length;
      if (unfinished > longest) return take(chunk, new Uint8Array());
      if (end > 0) return take(chunk.subarray(0, end), rest);
      held = concat([held, chunk]);
    },
    flush: () => take(new Uint8Array(), new Uint8Array()),
  };
}
