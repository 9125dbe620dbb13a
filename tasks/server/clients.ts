/**
 * The clients that a server has, from the first to the last.
 *
 * @module
 */

import { closeSocket, type Connection } from "../../lib/net/connection.ts";
import type { ServerEvent, TlsFacts } from "./events.ts";

/** A client of a server. */
export interface Client extends Connection {
  /** When it was accepted, in ms of `performance.now()`. */
  readonly opened: number;
  /** Its place among those that are live, or less than 0. */
  place: number;
  /** Set when it is served: its TLS is up, if it has any. */
  facts?: TlsFacts;
}

/** The clients that a server has. */
export interface Clients {
  /** Those that are connected, in no order. */
  readonly live: readonly Client[];
  readonly add: (connection: Connection) => Client;
  /** Ends one and tells of it, once: whoever is first gives the reason. */
  readonly end: (client: Client, reason: string) => void;
  readonly endOthers: (client: Client | undefined, reason: string) => void;
  /** Resolves when there are fewer than so many, or when no more are taken. */
  readonly room: (limit: number) => Promise<void>;
  readonly close: () => void;
  /** Resolves when no more are taken and the last one has ended. */
  readonly drained: Promise<void>;
}

const GONE = -1;

/**
 * Keeps the clients of a server, from the time they are accepted until each is ended.
 *
 * @param onEvent Hears how each one ended: `close` where it was served, else `refused`.
 */
export function createClients(onEvent: (event: ServerEvent) => void): Clients {
  // no Map or Set: where thousands come and go, theirs is the garbage that lasts
  const live: Client[] = [];
  const waiting: (() => void)[] = [];
  const drained = Promise.withResolvers<void>();
  let closed = false;

  function add(connection: Connection): Client {
    const client = {
      ...connection,
      opened: performance.now(),
      place: live.length,
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

  function end(client: Client, reason: string): void {
    if (client.place === GONE) return;
    remove(client);
    closeSocket(client.socket);
    const { facts, opened, peer, received: bytesIn, sent: bytesOut } = client;
    const ms = Math.round(performance.now() - opened);
    onEvent(
      facts
        ? { event: "close", peer, bytesIn, bytesOut, ms, ...facts, reason }
        : { event: "refused", peer, reason },
    );
    waiting.shift()?.();
    if (live.length === 0 && closed) drained.resolve();
  }

  return {
    live,
    add,
    end,
    endOthers(client, reason) {
      for (const other of [...live]) if (other !== client) end(other, reason);
    },
    async room(limit) {
      while (live.length >= limit && !closed) {
        await new Promise<void>((resolve) => waiting.push(resolve));
      }
    },
    close() {
      closed = true;
      for (const wake of waiting.splice(0)) wake();
      if (live.length === 0) drained.resolve();
    },
    drained: drained.promise,
  };
}
