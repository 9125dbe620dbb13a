import type { Connection } from "./connection.ts";

/** A sweep is never nearer to the next than this part of the limit. */
const SHARE = 20;

/**
 * Watches for connections over which nothing went in either direction for too long: one timer for all of them.
 *
 * @param connections Gives the connections that are open at the time.
 * @param limit How long nothing may happen, in ms.
 * @param onIdle Hears of each one that is over the limit, and closes it.
 * @returns What ends the watch.
 *
 * @example A connection that never spoke
 * ```ts
 * import { assertEquals } from "@std/assert";
 * import { track } from "./connection.ts";
 *
 * using listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
 * using conn = await Deno.connect({ port: listener.addr.port });
 * const connection = track(conn, "a peer");
 * const idle = await new Promise((resolve) => {
 *   const stop = watchIdle(() => [connection], 10, (found) => {
 *     stop();
 *     resolve(found);
 *   });
 * });
 * assertEquals(idle, connection);
 * ```
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
