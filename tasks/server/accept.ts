/**
 * The loop that accepts clients, whatever single clients and the system's limits do.
 *
 * @module
 */

import {
  LONGEST_WAIT_MS,
  pause,
  SHORTEST_WAIT_MS,
} from "../../lib/net/pause.ts";
import type { Acceptor, Incoming } from "../../lib/net/connection.ts";

/** The system's own limits: whoever meets them waits, and goes on. */
const EXHAUSTED = /EMFILE|ENFILE|ENOBUFS|ENOMEM/;

/**
 * Accepts clients until the listener is closed. A client that resets before it is accepted harms nobody; when file
 * descriptors run out it waits, longer and longer up to a second, and goes on.
 *
 * @param attend Takes a client; the next one is accepted when it resolves.
 * @param options `onExhausted` hears once that descriptors or memory have run out; `signal` ends the wait for them.
 */
export async function acceptAll(
  acceptor: Acceptor,
  attend: (incoming: Incoming) => Promise<void> | void,
  options: {
    readonly onExhausted?: () => void;
    readonly signal?: AbortSignal;
  } = {},
): Promise<void> {
  let warned = false;
  for (let wait = SHORTEST_WAIT_MS;;) {
    let incoming: Incoming;
    try {
      incoming = await acceptor.accept();
    } catch (error) {
      if (
        error instanceof Deno.errors.BadResource ||
        error instanceof Deno.errors.Interrupted
      ) return;
      // any other error is about a client that left before it was accepted
      if (!isExhausted(error)) continue;
      if (!warned) options.onExhausted?.();
      warned = true;
      await pause(wait, options.signal);
      wait = Math.min(wait * 2, LONGEST_WAIT_MS);
      continue;
    }
    wait = SHORTEST_WAIT_MS;
    await attend(incoming);
  }
}

function isExhausted(error: unknown): boolean {
  return error instanceof Error && "code" in error &&
    EXHAUSTED.test(String(error.code));
}
