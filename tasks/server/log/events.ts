/**
 * What happens to a server, as a line for a person or as JSON.
 *
 * @module
 */

import type { Direction, TlsFacts } from "../../../lib/net/connection.ts";
import type { ServerOptions } from "../options.ts";

/** What is known of a client's TLS and WebSocket. */
export interface ClientFacts extends TlsFacts {
  /** What its WebSocket was opened at. */
  readonly path?: string;
  readonly subprotocol?: string;
}

/** A client was accepted, and TLS is spoken where it should be. */
interface OpenEvent extends ClientFacts {
  readonly event: "open";
  readonly peer: string;
}

/** A client's connection ended. */
export interface CloseEvent
  extends Omit<ClientFacts, "cipher" | "certificate"> {
  readonly event: "close";
  readonly peer: string;
  /** How many bytes it sent. */
  readonly bytesIn: number;
  /** How many bytes it was sent. */
  readonly bytesOut: number;
  /** How long it was connected, in ms. */
  readonly ms: number;
  /** The code with which its WebSocket was closed. */
  readonly code?: number;
  /** `done`, or why it ended before that. */
  readonly reason: string;
}

/** What happens to a server, in the order in which it happens; the names are those of the JSON events. */
export type ServerEvent =
  | { readonly event: "waiting" }
  | { readonly event: "listening"; readonly address: string }
  | {
    readonly event: "certificate";
    readonly sha256: string;
    readonly client?: string;
  }
  | OpenEvent
  | {
    readonly event: "datagram";
    readonly peer: string;
    readonly direction: Direction;
    readonly bytes: number;
  }
  | CloseEvent
  | {
    readonly event: "refused";
    readonly peer: string;
    readonly reason: string;
  }
  | { readonly event: "warning"; readonly message: string };

/** Says how a connection ended, where there is more to say than that the server had said its message. */
function formatClose({ peer, bytesIn, bytesOut, reason }: CloseEvent): string {
  if (reason === "done" && bytesIn === 0) return "";
  const why = reason === "done" ? "" : `: ${reason}`;
  return `Connection from ${peer} ended after ${bytesIn} ${
    bytesIn === 1 ? "byte" : "bytes"
  } in, ${bytesOut} out${why}\n`;
}

/**
 * Formats what happened to a server as a line for a person, the tutorial's own where it has one, or as JSON.
 *
 * @returns The line with its newline; for a person, nothing where there is nothing to say.
 */
export function formatEvent(
  event: ServerEvent,
  { json }: Pick<ServerOptions, "json">,
): string {
  if (json) return JSON.stringify(event) + "\n";
  switch (event.event) {
    case "waiting":
      return "Server is waiting for a connection...\n";
    case "listening":
      return `Listening on ${event.address}\n`;
    case "certificate":
      return `Certificate SHA-256: ${event.sha256}\n` +
        (event.client === undefined ? "" : `Connect with: ${event.client}\n`);
    case "open":
      return `Connection from ${event.peer}${
        event.path === undefined ? "" : ` to ${event.path}`
      } has been established!\n`;
    case "datagram":
      return "";
    case "close":
      return formatClose(event);
    case "refused":
      return `Connection from ${event.peer} was refused: ${event.reason}\n`;
    case "warning":
      return `Warning: ${event.message}\n`;
  }
}
