/**
 * A request as it goes over a socket, head and body, by RFC 9112.
 *
 * @module
 */

import { type Socket, writeAll } from "../../net/connection.ts";
import { formatLogin, type Proxy } from "../../net/proxy.ts";
import {
  type Body,
  type Header,
  type HttpRequest,
  latin1,
} from "../request.ts";
import type { TransportOptions } from "../transport.ts";

/** The lines that are the transport's own: those of the user would contradict the body. */
const FRAMING = ["content-length", "transfer-encoding"];

/** A character beyond these would end a line, or be cut down to one byte that does. */
const LINE = /^[^\0\r\n\u0100-\uffff]*$/;

function framingOf({ method, body }: HttpRequest): Header[] {
  if (body?.length !== undefined) return [["content-length", `${body.length}`]];
  const isEmpty = body === undefined && /^(POST|PUT)$/.test(method);
  return isEmpty ? [["content-length", "0"]] : [];
}

/** The headers of a request on its way: its own, those that fetch would add, its body's; in fetch's case and order. */
export function sentHeaders(request: HttpRequest, proxy?: Proxy): Header[] {
  const own = Map.groupBy(request.headers, ([name]) => name.toLowerCase());
  const [host = ["host", request.url.host]] = own.get("host") ?? [];
  const login = proxy && formatLogin(proxy);
  const defaults: Header[] = [
    ["accept", "*/*"],
    ["accept-language", "*"],
    ["user-agent", navigator.userAgent],
    // a part of a compressed body is of no use
    ["accept-encoding", own.has("range") ? "identity" : "gzip,br"],
  ];
  return [
    ...framingOf(request),
    ...[...own].flatMap(([name, headers]) =>
      headers.map(([, value]): Header => [name, value])
    ).filter(([name]) => name !== "host" && !FRAMING.includes(name)),
    ...defaults.filter(([name]) => !own.has(name)),
    ["host", host[1]] as const,
    ...request.body !== undefined && request.body.length === undefined
      ? [["transfer-encoding", "chunked"] as const]
      : [],
    ...login === undefined ? [] : [["proxy-authorization", login] as const],
  ].filter(([name]) =>
    FRAMING.includes(name) || !request.unset?.includes(name)
  );
}

/** What a request asks its server for: as it was typed where it is to stay so. */
export function targetOf({ url, target }: HttpRequest): string {
  return target ?? url.pathname + url.search;
}

/** The proxy that passes a request on: it is sent the whole URL, and who asks. */
export function forwardingProxy(url: URL, proxy?: Proxy): Proxy | undefined {
  return url.protocol === "http:" && proxy?.protocol === "http"
    ? proxy
    : undefined;
}

/** Writes a head, each character for one byte; throws where a name, a value or the target would be more than it should. */
export function formatRequestHead(request: HttpRequest, proxy?: Proxy): string {
  const { method, url } = request;
  const path = targetOf(request);
  if (!/^\/[!-~]*$/.test(path)) {
    throw new TypeError("Cannot send a target that is not one word of ASCII");
  }
  const target = proxy === undefined ? path : url.origin + path;
  const lines = sentHeaders(request, proxy)
    .map(([name, value]) => `${name}: ${value}`);
  if (!lines.every((line) => LINE.test(line))) {
    throw new TypeError("Cannot send a header that is not one line of bytes");
  }
  return [`${method} ${target} HTTP/1.1`, ...lines, "\r\n"].join("\r\n");
}

type Bytes = Uint8Array<ArrayBuffer>;

const READ_BYTES = 1 << 20;

function toBytes(text: string, more: Bytes = new Uint8Array()): Bytes {
  const bytes = new Uint8Array(text.length + more.length);
  bytes.set(latin1(text));
  bytes.set(more, text.length);
  return bytes;
}

/** Sends a head, and a body, in chunks where it has no length. The signal stops between two pieces: no more is wanted. */
export async function upload(
  socket: Socket,
  { head, body, signal, onUpload, onFailure }: {
    readonly head: string;
    readonly body: Body | undefined;
    readonly signal: AbortSignal;
    readonly onUpload: TransportOptions["onUpload"];
    /** Hears at once what the source of the body has against it. */
    readonly onFailure: (error: unknown) => void;
  },
): Promise<void> {
  // says of every piece that the server took it: a slow upload is no silent server
  const before = () => onUpload?.("sending");
  // one write, one packet: a second one would wait for the first to be acknowledged
  await writeAll(socket, toBytes(head, body?.bytes), before);
  if (body === undefined || body.bytes !== undefined) return;
  const source = body.open().getReader({ mode: "byob" });
  let buffer = new Uint8Array(READ_BYTES);
  const isChunked = body.length === undefined;
  try {
    while (!signal.aborted) {
      onUpload?.("reading");
      const { done, value } = await source.read(buffer).catch((error) => {
        onFailure(error);
        throw error;
      });
      const bytes = value ?? new Uint8Array();
      // one buffer for all of it: it comes back with the bytes
      buffer = new Uint8Array(bytes.buffer);
      // RFC 9112, section 7.1: an empty chunk is the last one
      const size = toBytes(`${bytes.length.toString(16)}\r\n`);
      const pieces = isChunked && (done || bytes.length > 0)
        ? [size, bytes, toBytes("\r\n")]
        : [bytes];
      for (const piece of pieces) await writeAll(socket, piece, before);
      if (done) return;
    }
  } finally {
    await source.cancel().catch(() => {});
  }
}
