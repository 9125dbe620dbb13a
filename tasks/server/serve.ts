/**
 * A server of TCP, TLS, Unix sockets or UDP: it accepts for ever, whatever single clients do, and ends in order.
 *
 * @module
 */

import { Failure } from "../../lib/cli/errors.ts";
import { describe } from "../../lib/cli/reasons.ts";
import {
  type Address,
  addressOf,
  formatAddress,
} from "../../lib/net/address.ts";
import { type Cidr, contains } from "../../lib/net/cidr.ts";
import {
  closeSocket,
  closeWrite,
  type Connection,
  isGone,
  type Listener,
  track,
} from "../../lib/net/connection.ts";
import { listen } from "../../lib/net/listen.ts";
import {
  LONGEST_WAIT_MS,
  pause,
  SHORTEST_WAIT_MS,
} from "../../lib/net/pause.ts";
import type { WebSocketLink } from "../client/websocket/socket.ts";
import {
  abortSocket,
  type Acceptor,
  type Handshake,
  type Incoming,
  type TlsServer,
} from "./acceptor.ts";
import type { ClientFacts, ServerEvent } from "./log/events.ts";

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

/** A client that is served. */
export interface Served extends Connection {
  /** What was accepted: both its ends are known. */
  readonly incoming: Pick<Incoming, "localAddr" | "remoteAddr">;
  /** Hears that it is ended, by whomever: what was opened for it ends too. */
  onEnd?: (() => void) | undefined;
  /** The code with which its WebSocket was closed. */
  code?: number | undefined;
}

/** Serves one client; its connection is closed when the promise settles, maybe with why that is before its end. */
export type Handler = (client: Served) => Promise<string | void>;

/** Opens a WebSocket at the target of a relay; the signal ends that. */
export type OpenTarget = (
  client: Served,
  signal: AbortSignal,
) => Promise<WebSocketLink>;

/** Options for `serve`. */
export interface ServeOptions {
  /** The host to listen on, on all its addresses; `localhost` is both loopbacks. @default {"127.0.0.1"} */
  readonly host?: string;
  /** The port to listen on; 0 takes a free one. @default {0} */
  readonly port?: number;
  /** The one version of IP to use. */
  readonly family?: 4 | 6 | undefined;
  /** A Unix socket to listen on instead. */
  readonly path?: string;
  /** Speaks TLS with this certificate. */
  readonly tls?: TlsServer | undefined;
  /** Takes datagrams: who sends one is a client. @default {false} */
  readonly udp?: boolean | undefined;
  /** Makes of what is accepted what speaks WebSocket. */
  readonly upgrade?: ((acceptor: Acceptor) => Acceptor) | undefined;
  /** What to do with a client. */
  readonly handler: Handler;
  /** How many clients are served at a time; others wait. @default {1000} */
  readonly maxClients?: number;
  /** Whether to end after one client. @default {false} */
  readonly once?: boolean;
  /** Closes a connection over which nothing went for so many ms; without it, none. */
  readonly idleTimeout?: number | undefined;
  /** Gives up a client that is not done with its handshakes after so many ms. @default {10000} */
  readonly handshakeTimeout?: number;
  /** Serves only clients from these ranges; all where there are none. */
  readonly allow?: readonly Cidr[];
  /** Does not serve clients from these ranges, whatever `allow` says. */
  readonly deny?: readonly Cidr[];
  /** Hears what happens. */
  readonly onEvent?: (event: ServerEvent) => void;
  /** Hears every chunk of bytes. */
  readonly onBytes?: Listener | undefined;
}

/** What a client has against the certificate; the words for other errors hold for both ends. */
function objectionOf(error: unknown): unknown {
  return error instanceof Error && /alert: UnknownCA/.test(error.message)
    ? new Failure("it does not know the issuer of the certificate")
    : error;
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
 * import { send } from "../../lib/net/connection.ts";
 *
 * await using server = await serve({
 *   port: 0,
 *   handler: (connection) => send(connection, new TextEncoder().encode("hi")),
 * });
 * using conn = await Deno.connect({ port: server.port });
 * const buffer = new Uint8Array(8);
 * assertEquals(await conn.read(buffer), 2);
 * ```
 */
export async function serve(options: ServeOptions): Promise<Server> {
  const {
    handler,
    maxClients = 1000,
    once = false,
    idleTimeout,
    handshakeTimeout = 10_000,
    allow = [],
    deny = [],
    onBytes,
  } = options;
  const onEvent = options.onEvent ?? (() => {});
  const opened = await openAcceptors(options);
  const { upgrade } = options;
  const acceptors = upgrade ? opened.map(upgrade) : opened;
  const isPermitted = createFilter(allow, deny);
  const clients = createClients(onEvent);
  const places = createPlaces(maxClients);
  const handshakes = createPlaces(Math.max(maxClients, MOST_HANDSHAKES));
  const closing = new AbortController();
  let unnamed = 0;

  function stop(): void {
    if (closing.signal.aborted) return;
    closing.abort();
    for (const acceptor of acceptors) acceptor.close();
    places.close();
    handshakes.close();
    clients.close();
  }

  async function shakeHands(
    client: Client,
    handshake: Promise<Handshake>,
  ): Promise<ClientFacts> {
    const timer = setTimeout(
      () =>
        clients.end(
          client,
          `no ${options.upgrade ? "" : "TLS "}handshake in ${
            handshakeTimeout / 1000
          } s`,
        ),
      handshakeTimeout,
    );
    try {
      const agreed = await handshake;
      const { isPlain, alpnProtocol, path, subprotocol } = agreed;
      const alpn = alpnProtocol && { alpn: alpnProtocol };
      return {
        ...!isPlain && (agreed.facts ?? { tls: "TLS", ...alpn }),
        ...path !== undefined && { path },
        ...subprotocol !== undefined && { subprotocol },
      };
    } catch (error) {
      throw objectionOf(error);
    } finally {
      clearTimeout(timer);
    }
  }

  /** Shakes hands with a client, and waits for a place for it; gives nothing when it is gone. */
  async function secure(
    client: Client,
    handshake: Promise<Handshake>,
  ): Promise<ClientFacts | undefined> {
    client.free = handshakes.free;
    const facts = await shakeHands(client, handshake);
    free(client);
    const isTaken = await places.take();
    if (isTaken) client.free = places.free;
    if (client.place === GONE) {
      free(client);
      return undefined;
    }
    if (isTaken) return facts;
    clients.end(client, SHUT_DOWN);
  }

  async function attend(incoming: Incoming, peer: string): Promise<void> {
    const client = clients.add(track(incoming, peer, onBytes), incoming);
    let facts: ClientFacts | undefined = PLAIN;
    try {
      if (incoming.handshake) {
        facts = await secure(client, incoming.handshake(client));
        if (facts === undefined) return;
        // thousands may be connected: what is told once is not kept
        const { cipher: _cipher, certificate: _certificate, ...kept } = facts;
        client.facts = kept;
        client.active = performance.now();
      } else {
        client.free = places.free;
        client.facts = PLAIN;
      }
      if (once) {
        stop();
        clients.endOthers(client, "one client is served, no other");
      }
      onEvent({ event: "open", peer, ...facts });
      const reason = await handler(client);
      // TLS's own end must be out before the process may be at its own
      if (client.facts.tls !== undefined) await closeWrite(client);
      clients.end(client, reason ?? DONE);
    } catch (error) {
      clients.end(client, describe(error, peer));
    }
  }

  function nameOf({ remoteAddr }: Incoming): string {
    return "hostname" in remoteAddr
      ? formatAddress(addressOf(remoteAddr))
      : `unix:${options.path}#${++unnamed}`;
  }

  async function admit(incoming: Incoming): Promise<void> {
    const peer = nameOf(incoming);
    if (!isPermitted(incoming.remoteAddr)) {
      closeSocket(incoming);
      return onEvent({ event: "refused", peer, reason: "not allowed" });
    }
    const isTaken = await (incoming.handshake ? handshakes : places).take();
    if (isTaken) void attend(incoming, peer);
    else closeSocket(incoming);
  }

  const addresses = acceptors.map(({ addr }) => addressOf(addr));
  onEvent({ event: "waiting" });
  for (const address of addresses) {
    onEvent({ event: "listening", address: formatAddress(address) });
  }
  const stopWatch = idleTimeout === undefined
    ? undefined
    : (await import("../../lib/net/pause.ts")).watchIdle(
      // those that shake hands have a limit of their own, and the server makes others wait
      () => clients.live.filter(({ facts }) => facts),
      idleTimeout,
      (client) => clients.end(client, `idle for ${idleTimeout / 1000} s`),
    );
  const onLost = () =>
    onEvent({
      event: "refused",
      peer: "unknown",
      reason: "it reset before it was accepted",
    });
  const onExhausted = () =>
    onEvent({
      event: "warning",
      message:
        `too many open files: ${clients.live.length} clients are served, others wait`,
    });
  const finished = Promise.all(
    acceptors.map((acceptor) =>
      acceptAll(acceptor, admit, {
        onLost,
        onExhausted,
        signal: closing.signal,
      })
    ),
  ).then(() => clients.drained).then(stopWatch);

  async function shutdown(grace = 0): Promise<void> {
    stop();
    const cut = () => clients.endOthers(undefined, SHUT_DOWN);
    if (grace === 0) cut();
    const timer = clients.live.length > 0 ? setTimeout(cut, grace) : undefined;
    await finished;
    clearTimeout(timer);
  }

  const [first] = addresses;
  return {
    addresses,
    port: first && "port" in first ? first.port : 0,
    finished,
    shutdown,
    [Symbol.asyncDispose]: () => shutdown(),
  };
}

/**
 * Opens what a server accepts its clients with, and loads nothing for what it does not.
 *
 * @returns What accepts; for `localhost` one on each loopback.
 * @throws {Failure} When it cannot listen there.
 */
async function openAcceptors(
  options: Pick<
    ServeOptions,
    "host" | "port" | "family" | "path" | "tls" | "udp"
  >,
): Promise<Acceptor[]> {
  const { host = "127.0.0.1", port = 0, family, path, tls } = options;
  if (options.udp) {
    const { listenUdp } = await import("./peers.ts");
    return await listenUdp({ host, port }, family);
  }
  if (path === undefined && !tls) return await listen({ host, port }, family);
  const { listenTls, listenUnix } = await import("./listeners.ts");
  const address = path === undefined ? { host, port } : { path };
  if (tls) return await listenTls(address, tls, family);
  return path === undefined ? [] : [await listenUnix(path)];
}

/** A client of a server. */
interface Client extends Served {
  /** When it was accepted, in ms of `performance.now()`. */
  readonly opened: number;
  /** Its place among those that are live, or less than 0. */
  place: number;
  /** Set when it is served: its TLS is up, if it has any. */
  facts: ClientFacts | undefined;
  /** Gives back what it holds: a place among those that are served, or that shake hands. */
  free: (() => void) | undefined;
}

function free(client: Client): void {
  client.free?.();
  client.free = undefined;
}

const GONE = -1;

const PLAIN: ClientFacts = {};

/** How a client ended that was served to its end. */
const DONE = "done";

/** How one ends that is not served any more. */
const SHUT_DOWN = "the server shut down";

/** How many may shake hands at a time, however few are served: who is silent holds up nobody. */
const MOST_HANDSHAKES = 1000;

/** Gives so many places, in the order in which they are asked for. */
function createPlaces(most: number) {
  const waiting: ((isTaken: boolean) => void)[] = [];
  let taken = 0;
  let closed = false;
  return {
    /** Resolves to whether a place is taken, as soon as there is one; to false when no more are given. */
    take(): Promise<boolean> {
      if (closed || taken < most) {
        if (!closed) taken++;
        return Promise.resolve(!closed);
      }
      return new Promise((resolve) => waiting.push(resolve));
    },
    free() {
      const next = waiting.shift();
      if (next) next(true);
      else taken--;
    },
    close() {
      closed = true;
      for (const resolve of waiting.splice(0)) resolve(false);
    },
  };
}

/**
 * Keeps the clients of a server, from the time they are accepted until each is ended.
 *
 * @param onEvent Hears how each one ended: `close` where it was served, else `refused`.
 */
function createClients(onEvent: (event: ServerEvent) => void) {
  // no Map or Set: where thousands come and go, theirs is the garbage that lasts
  const live: Client[] = [];
  const drained = Promise.withResolvers<void>();
  let closed = false;

  function add(connection: Connection, incoming: Incoming): Client {
    // all that it will have, at once: what is added later costs more
    const client: Client = {
      ...connection,
      incoming,
      opened: performance.now(),
      place: live.length,
      facts: undefined,
      free: undefined,
      onEnd: undefined,
      code: undefined,
    };
    live.push(client);
    return client;
  }

  function remove(client: Client): void {
    const last = live.pop();
    if (last && last !== client) {
      live[client.place] = last;
      last.place = client.place;
    }
    client.place = GONE;
  }

  /** Ends one and tells of it, once: whoever is first gives the reason. */
  function end(client: Client, reason: string): void {
    if (client.place === GONE) return;
    remove(client);
    if (reason === DONE) closeSocket(client.socket);
    else abortSocket(client.socket);
    client.onEnd?.();
    const { facts, opened, peer, received: bytesIn, sent: bytesOut } = client;
    const ms = Math.round(performance.now() - opened);
    const coded = client.code === undefined ? {} : { code: client.code };
    const counted = { peer, bytesIn, bytesOut, ms };
    onEvent(
      facts
        ? { event: "close", ...counted, ...facts, ...coded, reason }
        : { event: "refused", peer, reason },
    );
    free(client);
    if (live.length === 0 && closed) drained.resolve();
  }

  return {
    /** Those that are connected, in no order. */
    live,
    add,
    end,
    endOthers(client: Client | undefined, reason: string) {
      for (const other of [...live]) if (other !== client) end(other, reason);
    },
    close() {
      closed = true;
      if (live.length === 0) drained.resolve();
    },
    /** Resolves when no more are taken and the last one has ended. */
    drained: drained.promise,
  };
}

/**
 * Makes a test of who may connect, by IP address: where `allow` has ranges only they, and never those of `deny`. What
 * has no IP address, as a Unix socket's client, always may.
 */
export function createFilter(
  allow: readonly Cidr[],
  deny: readonly Cidr[],
): (addr: Deno.Addr) => boolean {
  return (addr) => {
    if (!("hostname" in addr)) return true;
    const holds = (cidr: Cidr) => contains(cidr, addr.hostname);
    return (allow.length === 0 || allow.some(holds)) && !deny.some(holds);
  };
}

/** The system's own limits: whoever meets them waits, and goes on. */
const EXHAUSTED = /EMFILE|ENFILE|ENOBUFS|ENOMEM/;

/**
 * Accepts clients until the listener is closed. A client that resets before it is accepted harms nobody; when file
 * descriptors run out it waits, longer and longer up to a second, and goes on.
 *
 * @param attend Takes a client; the next one is accepted when it resolves.
 * @param options `onLost` hears of each client that reset, `onExhausted` once that descriptors or memory have run out; `signal` ends the wait for them.
 */
export async function acceptAll(
  acceptor: Acceptor,
  attend: (incoming: Incoming) => Promise<void> | void,
  options: {
    readonly onLost?: () => void;
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
      if (!isExhausted(error)) {
        // any other error is about a client that left before it was accepted
        if (isGone(error) || error instanceof Deno.errors.ConnectionAborted) {
          options.onLost?.();
        }
        continue;
      }
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
