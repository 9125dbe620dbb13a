/**
 * What a server accepts its clients with, and what they bring.
 *
 * @module
 */

import {
  closeSocket,
  type Connection,
  type KeyPair,
  type Socket,
  type TlsFacts,
} from "../../lib/net/connection.ts";

/** Something that accepts clients: a listener of Deno, or one whose clients speak TLS. */
export interface Acceptor {
  readonly addr: Deno.Addr;
  readonly accept: () => Promise<Incoming>;
  readonly close: () => void;
}

/** A client that was accepted. */
export interface Incoming extends Socket {
  readonly remoteAddr: Deno.Addr;
  /** Where it was accepted. */
  readonly localAddr: Deno.Addr;
  /** Shakes hands for TLS and WebSocket, where they are spoken. */
  readonly handshake?: (client: Connection) => Promise<Handshake>;
}

/** What a handshake agreed on. */
export interface Handshake {
  /** Whether it was none of TLS. */
  readonly isPlain?: boolean;
  /** What a WebSocket was opened at. */
  readonly path?: string;
  readonly subprotocol?: string | undefined;
  /** The protocol above TLS, null where none was asked for. */
  readonly alpnProtocol: string | null;
  /** What else is known of it: its version, its cipher, the client's certificate. */
  readonly facts?: TlsFacts;
}

/** How a server speaks TLS. */
export interface TlsServer extends KeyPair {
  /** As PEM, the certificates whose clients are served, and no others. */
  readonly clientCa?: string | undefined;
}

/** Closes a socket on which not all was sent. */
export function abortSocket(socket: Socket): void {
  if (socket.abort) socket.abort();
  else closeSocket(socket);
}
