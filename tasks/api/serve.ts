/**
 * A handler on a port.
 *
 * @module
 */

import { Failure } from "../../lib/cli/errors.ts";
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
import { asksForEvents } from "./events.ts";
import type { Handler } from "./handler.ts";
import { formatProblem, PROBLEM_TYPE } from "./response.ts";
import { Problem } from "./store/problem.ts";

/** How long the clients of a lost listener may stay without a request. */
const HEAD_MS = 10_000;

/** Options of {@linkcode serveHttp}. */
interface ListenOptions {
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
   * Lets the requests under way come in and be answered, and refuses others, for at most this many ms: what
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
  const ending = new AbortController();
  let isLost = false;
  const init = {
    onListen() {},
    onError(error: unknown) {
      options.onError?.(error);
      const problem = new Problem(500, "Cannot answer: unexpected error");
      return new Response(formatProblem(problem), {
        status: problem.status,
        headers: { "content-type": PROBLEM_TYPE },
      });
    },
  };
  const admit: Handler = (request, sender) =>
    // whoever follows events comes back after their end, but not after a refusal
    ending.signal.aborted && !asksForEvents(request.headers)
      ? refuseAtEnd()
      : handler(request, sender);
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
        const server = openServer(bound, admit, onLost, ending.signal);
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
      for (const server of servers) server.cut();
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

function refuseAtEnd(): Response {
  const problem = new Problem(503, "Cannot answer: the api is ending");
  return new Response(formatProblem(problem), {
    status: problem.status,
    headers: {
      "content-type": PROBLEM_TYPE,
      "connection": "close",
      "retry-after": "1",
    },
  });
}

interface Server extends
  Pick<
    Deno.HttpServer<Deno.NetAddr>,
    "addr" | "finished" | "shutdown"
  > {
  /** Ends all connections at once. */
  readonly cut: () => void;
}

/**
 * Serves an address until it is shut down, which waits for the handlers at work: that of `Deno.serve` alone makes
 * the bodies that they read unreadable (denoland/deno#36809). It closes what is idle, and what has sent half a head.
 */
function serveOnce(init: Deno.ServeTcpOptions, handler: Handler): Server {
  const cut = new AbortController();
  const idle = Promise.withResolvers<void>();
  let [working, isEnding, isOver] = [0, false, false];
  const leave = () => {
    if (--working === 0 && isEnding) idle.resolve();
  };
  const server = Deno.serve(
    { ...init, signal: cut.signal },
    (request, info) => {
      const response = handler(request, info);
      if (response instanceof Response) return response;
      working++;
      response.then(leave, leave);
      return response;
    },
  );
  const note = () => isOver = true;
  server.finished.then(note, () => {});
  let ended: Promise<void> | undefined;

  async function end(): Promise<void> {
    isEnding = true;
    if (working > 0) await idle.promise;
    await server.shutdown();
  }

  return {
    addr: server.addr,
    finished: server.finished,
    shutdown: () => ended ??= end(),
    cut() {
      // Deno fails on an abort that follows a shutdown, or an end
      if (ended === undefined && !isOver) cut.abort();
    },
  };
}

/**
 * Serves an address, for good: `Deno.serve` closes its listener when a client cannot be accepted, as without a free
 * file descriptor, and goes on with the clients that it has. The address is then opened again, after longer and
 * longer pauses and until the signal; meanwhile others are refused. The clients that it had have a while for what
 * they ask: then those who do not ask, or only begin to, make room. `Deno.serve` has no other limit for a head.
 */
function openServer(
  init: Deno.ServeTcpOptions,
  handler: Handler,
  onLost: (error: unknown) => void,
  ending: AbortSignal,
): Server {
  let server = serveOnce(init, handler);
  const { addr } = server;
  const lost = new Set<Server>();
  let isClosed = false;

  function reopen(): boolean {
    try {
      server = serveOnce({ ...init, port: addr.port }, handler);
      return true;
    } catch {
      return false;
    }
  }

  /** Makes room, in a while. */
  async function leave(old: Server): Promise<void> {
    lost.add(old);
    await pause(HEAD_MS, ending);
    if (ending.aborted) return;
    await old.shutdown();
    lost.delete(old);
  }

  async function last(): Promise<void> {
    let wait = SHORTEST_WAIT_MS;
    for (;;) {
      const opened = performance.now();
      try {
        await server.finished;
        if (isClosed || ending.aborted) return;
        // as after an upgrade whose response the handler did not give
        throw new Failure("the listener ended by itself");
      } catch (error) {
        onLost(error);
        leave(server);
      }
      if (performance.now() - opened > LONGEST_WAIT_MS) wait = SHORTEST_WAIT_MS;
      do {
        await pause(wait, ending);
        if (ending.aborted) return;
        wait = Math.min(wait * 2, LONGEST_WAIT_MS);
      } while (!reopen());
    }
  }

  const all = () => [...lost, server];
  return {
    addr,
    finished: last(),
    async shutdown() {
      isClosed = true;
      await Promise.all(all().map((each) => each.shutdown()));
    },
    cut: () => all().forEach((each) => each.cut()),
  };
}
