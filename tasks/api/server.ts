/** A server of Deno that is opened anew where Deno gives it up. */
import { pause } from "../../lib/net/accept.ts";

/** An address that is being served. */
export interface Server {
  /** The address; the port is the real one. */
  readonly addr: Deno.NetAddr;
  /** Settles when it is served no more. */
  readonly finished: Promise<void>;
  /** Stops accepting, and waits until the answers under way are sent. */
  shutdown(): Promise<void>;
}

/** Options of {@linkcode openServer}. */
export interface ServerOptions {
  /** Hears, each time, why no more clients could be accepted. */
  readonly onLost: (error: unknown) => void;
  /** From here on it is not opened anew. */
  readonly signal: AbortSignal;
}

const SHORTEST_WAIT_MS = 5;
const LONGEST_WAIT_MS = 1000;

/**
 * Serves an address, for good: `Deno.serve` closes its listener when a client cannot be accepted, as without a free
 * file descriptor, and goes on with the clients that it has. The address is then opened again, after longer and
 * longer pauses; meanwhile others are refused.
 *
 * @param init What `Deno.serve` takes.
 * @throws What `Deno.serve` throws where the address cannot be had in the first place.
 */
export function openServer(
  init: Deno.ServeTcpOptions & Deno.ServeInit<Deno.NetAddr>,
  { onLost, signal }: ServerOptions,
): Server {
  let server = Deno.serve(init);
  const { addr } = server;

  function reopen(): boolean {
    try {
      server = Deno.serve({ ...init, port: addr.port });
      return true;
    } catch {
      return false;
    }
  }

  async function last(): Promise<void> {
    let wait = SHORTEST_WAIT_MS;
    for (;;) {
      const opened = performance.now();
      try {
        return await server.finished;
      } catch (error) {
        onLost(error);
      }
      if (performance.now() - opened > LONGEST_WAIT_MS) wait = SHORTEST_WAIT_MS;
      do {
        await pause(wait, signal);
        if (signal.aborted) return;
        wait = Math.min(wait * 2, LONGEST_WAIT_MS);
      } while (!reopen());
    }
  }

  return { addr, finished: last(), shutdown: () => server.shutdown() };
}
