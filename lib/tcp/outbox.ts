import type { Sink } from "./pump.ts";

/** What waits to be sent to one reader, who may be slow. */
export interface Outbox {
  /** Adds a piece; false, and nothing added, when too much waits already. */
  readonly put: (bytes: Uint8Array) => boolean;
  /** How many bytes wait. */
  readonly size: () => number;
  /** Resolves when nothing waits; rejects when the reader is gone. */
  readonly flushed: () => Promise<void>;
}

/** Options for {@linkcode createOutbox}. */
export interface OutboxOptions {
  /** How many bytes may wait. @default {1048576} */
  readonly limit?: number;
  /** Hears of every piece that was sent. */
  readonly onSent?: () => void;
  /** Hears why nothing can be sent any more. */
  readonly onError?: (error: unknown) => void;
}

/** What a short piece costs in memory. */
const PIECE_BYTES = 256;

/**
 * Makes a queue in front of a reader: whoever writes to it never waits.
 *
 * @param sink Sends one piece.
 * @param options The limit, and who hears what.
 *
 * @example A reader that takes nothing
 * ```ts
 * import { assertEquals } from "@std/assert";
 *
 * const never = new Promise<void>(() => {});
 * const outbox = createOutbox(() => never, { limit: 500 });
 * const piece = new Uint8Array(400);
 * assertEquals([outbox.put(piece), outbox.put(piece)], [true, false]);
 * ```
 */
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

  return {
    put(bytes) {
      if (size + costOf(bytes) > limit) return false;
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
