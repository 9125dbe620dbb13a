/**
 * A handler on a port.
 *
 * @module
 */

import {
  LONGEST_WAIT_MS,
  pause,
  SHORTEST_WAIT_MS,
} from "../../lib/net/pause.ts";
import {
  addressOf,
  formatAddress,
  type TcpAddress,
} from "../../lib/net/address.ts";
import { hostsOf, listenFailure, openAll } from "../../lib/net/listen.ts";
import type { Handler } from "./handler.ts";
import { formatProblem, PROBLEM_TYPE } from "./response.ts";
import { Problem } from "./store/problem.ts";

/** Options of {@linkcode serveHttp}. */
export interface ListenOptions {
  /** Is told of an error that the handler threw; the client got a plain 500. */
  readonly onError?: (error: unknown) => void;
  /** Is told, once, why clients cannot be accepted for now; those that are there are served on. */
  readonly onLost?: (error: unknown) => void;
}

/** A handler that is being served; `await using` cuts it off. */
export interface Listening extends AsyncDisposable {
  /** The port, the same on each address. */
  readonly port: number;
  /** The addresses as `host:port`: `127.0.0.1:3000`, `[::1]:3000`. */
  readonly addresses: readonly string[];
  /** Settles when all has ended. */
  readonly finished: Promise<void>;
  /**
   * Stops accepting and waits until the responses under way are sent, for at most this many ms: what
   * is left then ends with the process, since Deno has no way to cut it. 0 cuts all at once.
   */
  shutdown(graceMs: number): Promise<void>;
}

/**
 * Serves a handler over HTTP, on every address that the host stands for or on none.
 *
 * @param address Where: `localhost` means 127.0.0.1 and ::1, port 0 takes a free one.
 * @throws {Failure} `Cannot listen on host:port`, with the cause: in use, not permitted.
 */
export async function serveHttp(
  handler: Handler,
  address: TcpAddress,
  options: ListenOptions = {},
): Promise<Listening> {
  const [ending, cut] = [new AbortController(), new AbortController()];
  let isLost = false;
  const init = {
    signal: cut.signal,
    onListen() {},
    onError(error: unknown) {
      options.onError?.(error);
      const problem = new Problem(500, "Cannot answer: unexpected error");
      return new Response(formatProblem(problem), {
        status: problem.status,
        headers: { "content-type": PROBLEM_TYPE },
      });
    },
    handler,
  };
  const onLost = (error: unknown) => {
    if (!isLost) options.onLost?.(error);
    isLost = true;
  };
  const closing: Promise<void>[] = [];
  let servers: Server[];
  try {
    servers = openAll(
      address,
      (hostname, port) => {
        const bound = { ...init, hostname, port };
        const server = openServer(bound, onLost, ending.signal);
        return { ...server, close: () => void closing.push(server.shutdown()) };
      },
      await hostsOf(address),
    );
  } catch (error) {
    await Promise.all(closing);
    throw await listenFailure(address, error);
  }
  const finished = Promise.all(servers.map((server) => server.finished))
    .then(() => {});

  async function end(graceMs: number): Promise<void> {
    if (graceMs <= 0) {
      cut.abort();
      return await finished;
    }
    const grace = Promise.withResolvers<void>();
    const timer = setTimeout(grace.resolve, graceMs);
    const drained = Promise.all(servers.map((server) => server.shutdown()));
    await Promise.race([drained, grace.promise]);
    clearTimeout(timer);
  }

  let ended: Promise<void> | undefined;
  function shutdown(graceMs: number): Promise<void> {
    ending.abort();
    // Once is enough, and Deno fails on an abort that follows a shutdown.
    return ended ??= end(graceMs);
  }

  return {
    port: servers[0]?.addr.port ?? address.port,
    addresses: servers.map(({ addr }) => formatAddress(addressOf(addr))),
    finished,
    shutdown,
    [Symbol.asyncDispose]: () => shutdown(0),
  };
}

type Server = Pick<
  Deno.HttpServer<Deno.NetAddr>,
  "addr" | "finished" | "shutdown"
>;

/**
 * Serves an address, for good: `Deno.serve` closes its listener when a client cannot be accepted, as without a free
 * file descriptor, and goes on with the clients that it has. The address is then opened again, after longer and
 * longer pauses and until the signal; meanwhile others are refused.
 */
function openServer(
  init: Deno.ServeTcpOptions & Deno.ServeInit<Deno.NetAddr>,
  onLost: (error: unknown) => void,
  ending: AbortSignal,
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
        await pause(wait, ending);
        if (ending.aborted) return;
        wait = Math.min(wait * 2, LONGEST_WAIT_MS);
      } while (!reopen());
    }
  }

  return { addr, finished: last(), shutdown: () => server.shutdown() };
}
