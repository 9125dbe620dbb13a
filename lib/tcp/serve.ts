/**
 * A TCP server: accepts for ever, whatever single clients do, and ends in order.
 *
 * @module
 */

import { Failure } from "../cli/errors.ts";
import { describe } from "../cli/reasons.ts";
import { acceptAll, type Handshake, type Incoming } from "./accept.ts";
import { openAcceptors } from "./acceptors.ts";
import { type Address, addressOf, formatAddress } from "./address.ts";
import { type Client, createClients } from "./clients.ts";
import { closeSocket, track } from "./connection.ts";
import type { TlsFacts } from "./event.ts";
import type { ServeOptions } from "./serve_options.ts";

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

/** Why a connection ended; the peer is named elsewhere. */
function reasonFor(error: unknown, peer: string): string {
  return describe(
    error instanceof Failure && error.message.endsWith(` ${peer}`)
      ? error.cause
      : error,
  );
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
 * import { send } from "./connection.ts";
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
  const acceptors = await openAcceptors(options);
  const isPermitted = allow.length + deny.length === 0
    ? () => true
    : (await import("./permitted.ts")).createFilter(allow, deny);
  const clients = createClients(onEvent);
  const closing = new AbortController();
  let unnamed = 0;

  function stop(): void {
    if (closing.signal.aborted) return;
    closing.abort();
    for (const acceptor of acceptors) acceptor.close();
    clients.close();
  }

  async function shakeHands(
    client: Client,
    handshake: Promise<Handshake>,
  ): Promise<TlsFacts> {
    const timer = setTimeout(
      () =>
        clients.end(client, `no TLS handshake in ${handshakeTimeout / 1000} s`),
      handshakeTimeout,
    );
    try {
      const { version = "TLS", alpnProtocol } = await handshake;
      return { tls: version, ...alpnProtocol && { alpn: alpnProtocol } };
    } finally {
      clearTimeout(timer);
    }
  }

  async function attend(incoming: Incoming, peer: string): Promise<void> {
    const client = clients.add(track(incoming, peer, onBytes));
    try {
      const handshake = incoming.handshake?.();
      const facts = handshake ? await shakeHands(client, handshake) : {};
      if (client.place < 0) return;
      client.facts = facts;
      if (once) {
        stop();
        clients.endOthers(client, "one client is served, no other");
      }
      onEvent({ event: "open", peer, ...facts });
      await handler(client);
      clients.end(client, "done");
    } catch (error) {
      clients.end(client, reasonFor(error, peer));
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
    await clients.room(maxClients);
    if (closing.signal.aborted) closeSocket(incoming);
    else void attend(incoming, peer);
  }

  const addresses = acceptors.map(({ addr }) => addressOf(addr));
  onEvent({ event: "waiting" });
  for (const address of addresses) {
    onEvent({ event: "listening", address: formatAddress(address) });
  }
  const stopWatch = idleTimeout === undefined
    ? undefined
    : (await import("./idle.ts")).watchIdle(
      () => [...clients.live],
      idleTimeout,
      (client) => clients.end(client, `idle for ${idleTimeout / 1000} s`),
    );
  const onExhausted = () =>
    onEvent({
      event: "warning",
      message:
        `too many open files: ${clients.live.length} clients are served, others wait`,
    });
  const finished = Promise.all(
    acceptors.map((acceptor) =>
      acceptAll(acceptor, admit, { onExhausted, signal: closing.signal })
    ),
  ).then(() => clients.drained).then(stopWatch);

  async function shutdown(grace = 0): Promise<void> {
    stop();
    const cut = () => clients.endOthers(undefined, "the server shut down");
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
