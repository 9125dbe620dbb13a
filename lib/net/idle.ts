/**
 * Connections over which nothing goes any more.
 *
 * @module
 */

import type { Connection } from "./connection.ts";

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
