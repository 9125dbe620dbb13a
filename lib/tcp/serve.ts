/**
 * A TCP server: accepts for ever, whatever single clients do, and ends in order.
 *
 * @module
 */

import { describe } from "../cli/reasons.ts";
import { type Address, addressOf, formatAddress } from "./address.ts";
import { listen } from "./listen.ts";

/** One client's connection. */
export interface Connection {
  /** The socket. */
  readonly conn: Deno.Conn;
  /** The other end, as `host:port`. */
  readonly peer: string;
}

/** What happens to a server, in the order in which it happens; the names are those of the JSON events. */
export type ServerEvent =
  | { readonly event: "waiting" }
  | { readonly event: "listening"; readonly address: string }
  | { readonly event: "open"; readonly peer: string }
  | {
    readonly event: "close";
    readonly peer: string;
    readonly ms: number;
    readonly reason: string;
  }
  | { readonly event: "warning"; readonly message: string };

/** Options for {@linkcode serve}. */
export interface ServeOptions {
  /** Where to listen; a free port on 127.0.0.1 where it is not given. */
  readonly address?: Address;
  /** What to do with a client; its connection is closed when the promise settles. */
  readonly handler: (connection: Connection) => Promise<void>;
  /** How many clients are served at a time; others wait in the system's queue. @default {1000} */
  readonly maxClients?: number;
  /** Whether to end after one client. @default {false} */
  readonly once?: boolean;
  /** Hears what happens. */
  readonly onEvent?: (event: ServerEvent) => void;
}

/** A server that listens. */
export interface Server extends AsyncDisposable {
  /** The addresses it listens on, with the real port. */
  readonly addresses: readonly Address[];
  /** The real port, 0 for a Unix socket. */
  readonly port: number;
  /** Resolves when it listens no more and its last client is gone. */
  readonly finished: Promise<void>;
  /** Stops to accept at once and closes what is left of its clients after `grace` ms. */
  readonly shutdown: (grace?: number) => Promise<void>;
}

/** The system's own limits: a server that meets them waits, and goes on. */
const EXHAUSTED = /EMFILE|ENFILE|ENOBUFS|ENOMEM/;
const SHORTEST_WAIT_MS = 5;
const LONGEST_WAIT_MS = 1000;

function isExhausted(error: unknown): boolean {
  return error instanceof Error && "code" in error &&
    EXHAUSTED.test(String(error.code));
}

/**
 * Serves TCP clients until it is shut down. A client that resets before it is accepted, floods, or vanishes harms
 * nobody else; when file descriptors run out it waits and goes on.
 *
 * @param options What to do with a client, and the limits.
 * @returns The server, which `await using` shuts down.
 * @throws {Failure} When it cannot listen there.
 *
 * @example A server for a test
 * ```ts
 * import { assertEquals } from "@std/assert";
 *
 * await using server = await serve({
 *   handler: async ({ conn }) => void await conn.write(new TextEncoder().encode("hi")),
 * });
 * using conn = await Deno.connect({ port: server.port });
 * const buffer = new Uint8Array(8);
 * assertEquals(await conn.read(buffer), 2);
 * ```
 */
export async function serve(options: ServeOptions): Promise<Server> {
  const {
    address = { host: "127.0.0.1", port: 0 },
    handler,
    maxClients = 1000,
    once = false,
  } = options;
  const onEvent = options.onEvent ?? (() => {});
  const listeners = await listen(address);
  const live = new Map<Deno.Conn, Promise<void>>();
  let slotFree = Promise.withResolvers<void>();
  let closing = false;
  let warned = false;

  function stop(): void {
    if (closing) return;
    closing = true;
    slotFree.resolve();
    for (const listener of listeners) listener.close();
  }

  async function attend(conn: Deno.Conn): Promise<void> {
    const peer = formatAddress(addressOf(conn.remoteAddr));
    const opened = performance.now();
    let reason = "done";
    onEvent({ event: "open", peer });
    try {
      await handler({ conn, peer });
    } catch (error) {
      reason = describe(error);
    }
    try {
      conn.close();
    } catch (error) {
      // the handler may have closed it, or shutdown has
      if (!(error instanceof Deno.errors.BadResource)) throw error;
    }
    onEvent({
      event: "close",
      peer,
      ms: Math.round(performance.now() - opened),
      reason,
    });
    live.delete(conn);
    slotFree.resolve();
    slotFree = Promise.withResolvers();
  }

  async function acceptFrom(
    listener: Deno.Listener<Deno.Conn, Deno.Addr>,
  ): Promise<void> {
    for (let wait = SHORTEST_WAIT_MS; !closing;) {
      if (live.size >= maxClients) {
        await slotFree.promise;
        continue;
      }
      try {
        const conn = await listener.accept();
        if (closing) return conn.close();
        wait = SHORTEST_WAIT_MS;
        live.set(conn, attend(conn));
        if (once) stop();
      } catch (error) {
        if (closing || error instanceof Deno.errors.BadResource) return;
        // any other error is about a client that left before it was accepted
        if (!isExhausted(error)) continue;
        if (!warned) {
          onEvent({
            event: "warning",
            message:
              `too many open files: ${live.size} clients are served, others wait`,
          });
        }
        warned = true;
        const resume = wait;
        await new Promise((resolve) => setTimeout(resolve, resume));
        wait = Math.min(wait * 2, LONGEST_WAIT_MS);
      }
    }
  }

  onEvent({ event: "waiting" });
  for (const listener of listeners) {
    onEvent({
      event: "listening",
      address: formatAddress(addressOf(listener.addr)),
    });
  }
  const finished = Promise.all(listeners.map(acceptFrom)).then(async () => {
    await Promise.all(live.values());
  });
  const shutdown = async (grace = 0) => {
    stop();
    const timer = setTimeout(() => {
      for (const conn of live.keys()) conn.close();
    }, grace);
    await finished;
    clearTimeout(timer);
  };
  const addresses = listeners.map((listener) => addressOf(listener.addr));
  const [first] = addresses;
  const port = first && "port" in first ? first.port : 0;
  return {
    addresses,
    port,
    finished,
    shutdown,
    [Symbol.asyncDispose]: () => shutdown(),
  };
}
