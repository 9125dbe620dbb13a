/**
 * Connections over which nothing goes any more.
 *
 * @module
 */

import { ExitCode, Failure } from "../cli/errors.ts";
import type { Connection } from "./connection.ts";

/** A sweep is never nearer to the next than this part of the limit. */
const SHARE = 20;

/**
 * Watches those connections that are open at the time: `onIdle` hears of, and closes, each one over which nothing went
 * in either direction for `limit` ms. One timer serves all of them. Gives what ends the watch.
 */
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
    if (!stopped) timer = setTimeout(sweep, Math.max(next, limit / SHARE));
  }

  return () => {
    stopped = true;
    clearTimeout(timer);
  };
}

/**
 * Waits for work on a connection, but no longer than something goes over it, either way, every `limit` ms.
 *
 * @throws {Failure} `Cannot go on with host:port: idle for 5 s`, with exit code 28; or what the work throws.
 */
export async function whileActive(
  connection: Connection,
  limit: number,
  work: Promise<void>,
): Promise<void> {
  const { promise, reject } = Promise.withResolvers<never>();
  const failure = new Failure(
    `Cannot go on with ${connection.peer}: idle for ${limit / 1000} s`,
    { code: ExitCode.TimedOut },
  );
  // what fails after that, as its socket is closed, is nobody's concern any more
  work.catch(() => {});
  const stop = watchIdle(() => [connection], limit, () => reject(failure));
  await Promise.race([work, promise]).finally(stop);
}
