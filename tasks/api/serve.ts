/** A handler on a port. */
import {
  addressOf,
  formatAddress,
  type TcpAddress,
} from "../../lib/net/address.ts";
import { listenFailure, openAll } from "../../lib/net/listen.ts";
import type { Handler } from "./handler.ts";
import { toResponse } from "./problem.ts";
import { openServer, type Server, type ServerOptions } from "./server.ts";
import { Problem } from "./store/problem.ts";

/** Options of {@linkcode listen}. */
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
   * Stops accepting and waits until the answers under way are sent, for at most this many ms: what
   * is left then ends with the process, since Deno has no way to cut it. 0 cuts all at once.
   */
  shutdown(graceMs: number): Promise<void>;
}

/**
 * Serves a handler over HTTP.
 *
 * @param address Where: `localhost` means 127.0.0.1 and ::1, port 0 takes a free one.
 * @throws {Failure} `Cannot listen on host:port`, with the cause: in use, not permitted.
 */
export async function listen(
  handler: Handler,
  address: TcpAddress,
  options: ListenOptions = {},
): Promise<Listening> {
  const [ending, cut] = [new AbortController(), new AbortController()];
  let told = false;
  const init = {
    signal: cut.signal,
    onListen() {},
    onError(error: unknown) {
      options.onError?.(error);
      return toResponse(new Problem(500, "Cannot answer: unexpected error"));
    },
    handler,
  };
  const servers = await serve(address, init, {
    signal: ending.signal,
    onLost(error) {
      if (!told) options.onLost?.(error);
      told = true;
    },
  });
  const addresses = servers.map(({ addr }) => addr);
  const finished = Promise.all(servers.map((server) => server.finished))
    .then(() => {});

  async function drain(graceMs: number): Promise<void> {
    const grace = Promise.withResolvers<void>();
    const timer = setTimeout(grace.resolve, graceMs);
    const drained = Promise.all(servers.map((server) => server.shutdown()));
    await Promise.race([drained, grace.promise]);
    clearTimeout(timer);
  }

  function cutOff(): Promise<void> {
    cut.abort();
    return finished;
  }

  let ended: Promise<void> | undefined;
  function shutdown(graceMs: number): Promise<void> {
    ending.abort();
    // Once is enough, and Deno fails on an abort that follows a shutdown.
    return ended ??= graceMs > 0 ? drain(graceMs) : cutOff();
  }

  return {
    port: addresses[0]?.port ?? address.port,
    addresses: addresses.map((addr) => formatAddress(addressOf(addr))),
    finished,
    shutdown,
    [Symbol.asyncDispose]: () => shutdown(0),
  };
}

/** Serves on every address that the host stands for, or on none. */
async function serve(
  address: TcpAddress,
  init: Deno.ServeTcpOptions & Deno.ServeInit<Deno.NetAddr>,
  options: ServerOptions,
): Promise<Server[]> {
  const closing: Promise<void>[] = [];
  try {
    const opened = openAll(
      address,
      (hostname, port) => {
        const server = openServer({ ...init, hostname, port }, options);
        return { server, close: () => void closing.push(server.shutdown()) };
      },
      ({ server }) => server.addr.port,
    );
    return opened.map(({ server }) => server);
  } catch (error) {
    await Promise.all(closing);
    throw await listenFailure(address, error);
  }
}
