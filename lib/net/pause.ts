/**
 * Waits: before a listener that failed is tried again, for work that may take too long, for a connection to go quiet.
 *
 * @module
 */

import type { Connection } from "./connection.ts";

/** Between these are the pauses before a listener is tried again, each twice as long as the one before. */
export const SHORTEST_WAIT_MS = 5;
export const LONGEST_WAIT_MS = 1000;

/** Waits, in ms; the signal ends the wait at once. */
export function pause(ms: number, signal?: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const end = () => {
      clearTimeout(timer);
      signal?.removeEventListener("abort", end);
      resolve();
    };
    const timer = setTimeout(end, ms);
    if (signal?.aborted) end();
    signal?.addEventListener("abort", end);
  });
}

/** Waits for work until the signal is aborted, whose reason is thrown then: the work may go on. */
export async function orAborted<T>(
  signal: AbortSignal,
  work: Promise<T>,
): Promise<T> {
  const { promise, reject } = Promise.withResolvers<never>();
  const stop = () => reject(signal.reason);
  if (signal.aborted) stop();
  signal.addEventListener("abort", stop);
  return await Promise.race([work, promise])
    .finally(() => signal.removeEventListener("abort", stop));
}

/** Waits for work, but for at most so many ms: gives nothing where it takes longer. */
export async function atMost<T>(
  ms: number,
  work: Promise<T> | undefined,
): Promise<T | void> {
  const done = new AbortController();
  return await Promise.race([work, pause(ms, done.signal)])
    .finally(() => done.abort());
}

/** Has `onIdle` close each connection over which nothing went for `limit` ms, with one timer for all. Gives what ends the watch. */
export function watchIdle<C extends Connection>(
  connections: () => Iterable<C>,
  limit: number,
  onIdle: (connection: C) => void,
): () => void {
  let timer = setTimeout(sweep, limit);
  let stopped = false;

  function sweep(): void {
    const now = performance.now();
    let next = limit;
    for (const connection of connections()) {
      const left = connection.active + limit - now;
      if (left <= 0) onIdle(connection);
      else next = Math.min(next, left);
    }
    if (!stopped) timer = setTimeout(sweep, Math.max(next, limit / 20));
  }

  return () => {
    stopped = true;
    clearTimeout(timer);
  };
}
