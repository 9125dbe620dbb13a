/**
 * What goes between a request and the socket: the way there, and the response that comes back.
 *
 * @module
 */

import type { TlsClient } from "../net/connection.ts";
import type { Way } from "../net/proxy.ts";
import type { ByteSource, Header, HttpRequest } from "./request.ts";

/** How long each phase of an exchange took, in ms. What did not happen, or cannot be told apart, is undefined. */
export interface Timings {
  /** To find the addresses of the name; undefined where the sandbox lets only the name through: then `connect` has it. */
  readonly dns: number | undefined;
  readonly connect: number;
  readonly tls: number | undefined;
  /** From the connection to the head of the response, the upload included. */
  readonly firstByte: number;
  /** Known when the body has ended. */
  body?: number;
  total?: number;
}

/** The way to a server. Certificates and keys are PEM. */
export interface Network extends
  Way,
  Pick<
    TlsClient,
    "ca" | "pin" | "cert" | "key" | "insecure" | "isOwn" | "onFacts"
  > {
  readonly unix?: string | undefined;
  readonly http?: "1.1" | "2" | undefined;
  readonly rawHeaders?: boolean | undefined;
  /** Hears each head that goes out or has come, and its version of HTTP where that is told; those of a proxy's tunnel hears `watch`. */
  readonly trace?:
    | ((head: HttpRequest | ResponseHead, version?: string) => Promise<void>)
    | undefined;
}

export interface TransportOptions extends Network {
  readonly signal: AbortSignal;
  /** Hears how a body goes out: `sending` before the server must take some of it, `reading` before its source must give some. */
  readonly onUpload?: ((state: "sending" | "reading") => void) | undefined;
}

export interface ResponseHead {
  readonly status: number;
  /** What the status is called: by the server, in characters that stand for bytes, where there are `rawHeaders`, else by the standard; it may be empty. */
  readonly statusText: string;
  readonly headers: Headers;
  /** The header lines as they came, in order and case, where the transport sees them. */
  readonly rawHeaders?: readonly Header[] | undefined;
  readonly lines?: readonly string[] | undefined;
  /** The version of HTTP, as `1.1`, where the transport sees it. */
  readonly version?: string | undefined;
  /** Those that came before it (RFC 9110, section 15.2: 102, 103), where the transport sees them; the first ten. */
  readonly interim?: readonly ResponseHead[] | undefined;
}

/** Says which encodings of a body are taken off, as in Content-Encoding. */
export type Decodes = (head: ResponseHead, request: HttpRequest) => string;

export interface FollowedRedirect extends ResponseHead {
  readonly request: HttpRequest;
  readonly location: string;
}

/** A response: its head, and its body as it comes. Disposing of it ends the exchange. */
export interface HttpResponse extends ResponseHead, AsyncDisposable {
  readonly request: HttpRequest;
  /** Complete when the body has ended; where the transport measures it. */
  readonly timings?: Timings | undefined;
  /** What came after the body (RFC 9110, section 6.5), once it has ended; no header whatever its name. */
  readonly trailers?: readonly Header[] | undefined;
  readonly remote?: string | undefined;
  readonly refused?: string | undefined;
  readonly hops?: readonly FollowedRedirect[];
  /** The encoding that was not decoded, as nobody here knows it. */
  readonly unknownCoding?: string | undefined;
  /** Whether the body is as it came, of purpose, however it is encoded. */
  readonly isKept?: boolean | undefined;
  /** Aborted when a limit passes or the caller wants an end, with why as its reason: a `pipeTo` then fails with less. */
  readonly signal?: AbortSignal;
  /** The body as fetch's own stream, for `pipeTo`, where it needs no limit but time; to be read instead of {@linkcode HttpResponse.body}. */
  readonly stream?: ReadableStream<Uint8Array<ArrayBuffer>> | null;
  /** The same of our own socket, for a reader with one buffer. */
  readonly source?: ByteSource | undefined;
  /** The body in chunks, decoded; throws a `Failure` when it is cut short or late. To be read once. */
  readonly body: AsyncIterable<Uint8Array<ArrayBuffer>>;
}

/** A response as a transport gives it, as soon as its head is there: nothing is followed, and fetch alone has decoded anything. */
export interface TransportResponse
  extends
    ResponseHead,
    Pick<HttpResponse, "timings" | "trailers" | "remote" | "source"> {
  /** How it is encoded for the transfer alone (RFC 9112, section 7), where the transport sees it. */
  readonly transferCoding?: string | undefined;
  readonly body: ReadableStream<Uint8Array<ArrayBuffer>> | null;
}
