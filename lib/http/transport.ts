/**
 * What carries a request to a server and a response back: fetch, or a socket of our own where fetch cannot.
 *
 * @module
 */

import type { Resolved } from "../net/connect.ts";
import type { Proxy } from "../net/proxy.ts";
import type { Header, HttpRequest } from "./request.ts";

/** How long each phase of an exchange took, in ms. What did not happen, or cannot be told apart, is undefined. */
export interface Timings {
  /** To find the addresses of the name; undefined where the sandbox lets only the name through: then `connect` has it. */
  readonly dns: number | undefined;
  /** To connect, through a proxy where there is one. */
  readonly connect: number;
  /** To shake hands. */
  readonly tls: number | undefined;
  /** From the connection to the head of the response, the upload included. */
  readonly firstByte: number;
  /** From the head to the end of the body, once it has ended. */
  readonly body: number | undefined;
  /** All of it, once the body has ended. */
  readonly total: number | undefined;
}

/** The way to a server. */
export interface Network {
  /** Goes through this proxy, which alone sees its credentials. */
  readonly proxy?: Proxy | undefined;
  /** Connects to this Unix socket. */
  readonly unix?: string | undefined;
  /** Authorities to trust beside those that Deno knows, in PEM. */
  readonly ca?: string | undefined;
  /** The client's own certificate, in PEM. */
  readonly cert?: string | undefined;
  /** The key of that certificate, in PEM. */
  readonly key?: string | undefined;
  /** Takes any certificate. */
  readonly insecure?: boolean | undefined;
  /** Addresses to use instead of those that the system finds. */
  readonly resolve?: readonly Resolved[] | undefined;
  /** The one version of IP to use. */
  readonly family?: 4 | 6 | undefined;
  /** The one version of HTTP to use. */
  readonly http?: "1.1" | "2" | undefined;
  /** Whether the phases are to be timed. */
  readonly timings?: boolean | undefined;
  /** Whether the header lines are wanted as they came. */
  readonly rawHeaders?: boolean | undefined;
}

/** What a transport takes besides the request. */
export interface TransportOptions extends Network {
  /** Ends the exchange, its body included. */
  readonly signal: AbortSignal;
  /** Hears how a body goes out: `sending` before the server must take some of it, `reading` before its source must give some. */
  readonly onUpload?: ((state: "sending" | "reading") => void) | undefined;
}

/** A response as it came: nothing is followed, and fetch alone has decoded anything. */
export interface TransportResponse {
  /** The status. */
  readonly status: number;
  /** What the status is called: by the server where `wire` is there, else by the standard. */
  readonly statusText: string;
  /** The headers; the characters of a value stand for its bytes. */
  readonly headers: Headers;
  /** The body, which throws when it is cut short. */
  readonly body: ReadableStream<Uint8Array<ArrayBuffer>> | null;
  /** Header lines as they came, in order and case, where the transport sees them. */
  readonly rawHeaders?: readonly Header[];
  /** The version of HTTP, where the transport sees it. */
  readonly version?: string;
  /** How long each phase took, where the transport sees it; complete when the body has ended. */
  readonly timings?: Timings;
  /** The address that answered. */
  readonly remote?: string;
}

/** Carries one request: resolves as soon as the head of its response is there. */
export type Transport = (
  request: HttpRequest,
  options: TransportOptions,
) => Promise<TransportResponse>;
