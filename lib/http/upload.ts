/**
 * A request's way out over a socket.
 *
 * @module
 */

import type { Socket } from "../tcp/connection.ts";
import type { Body } from "./request.ts";
import type { TransportOptions } from "./transport.ts";

/** What {@linkcode upload} sends, and when it stops. */
export interface UploadOptions extends Pick<TransportOptions, "onUpload"> {
  /** The head of the request, each character for one byte. */
  readonly head: string;
  /** The body. */
  readonly body?: Body | undefined;
  /** Stops between two pieces: the server has answered, and wants no more. */
  readonly signal?: AbortSignal | undefined;
}

type Bytes = Uint8Array<ArrayBuffer>;

/** How many bytes are read at once. */
const BUFFER = 1 << 20;

function toBytes(text: string, more: Bytes = new Uint8Array()): Bytes {
  const bytes = new Uint8Array(text.length + more.length);
  for (let at = 0; at < text.length; at++) bytes[at] = text.charCodeAt(at);
  bytes.set(more, text.length);
  return bytes;
}

/** Writes all bytes, and says of every piece that the server took it: a slow upload is no silent server. */
async function send(
  socket: Socket,
  bytes: Bytes,
  onUpload: UploadOptions["onUpload"],
): Promise<void> {
  for (let sent = 0; sent < bytes.length;) {
    onUpload?.("sending");
    sent += await socket.write(bytes.subarray(sent));
  }
}

/**
 * Sends a request: its head, and its body with its length, or in chunks where nobody knows that.
 *
 * @param socket The socket.
 * @param options What to send.
 * @throws What the socket or the source has against it.
 *
 * @example In chunks
 * ```ts
 * import { assertEquals } from "@std/assert";
 *
 * let sent = "";
 * const write = (bytes: Uint8Array) => {
 *   sent += new TextDecoder().decode(bytes);
 *   return Promise.resolve(bytes.length);
 * };
 * const socket = { write, read: () => Promise.resolve(null), closeWrite: () => Promise.resolve(), close() {} };
 * const open = () => new Blob(["ab"]).stream();
 * await upload(socket, { head: "", body: { length: undefined, open, again: false } });
 * assertEquals(sent, "2\r\nab\r\n0\r\n\r\n");
 * ```
 */
export async function upload(
  socket: Socket,
  { head, body, signal, onUpload }: UploadOptions,
): Promise<void> {
  // one write, one packet: a second one would wait for the first to be acknowledged
  await send(socket, toBytes(head, body?.bytes), onUpload);
  if (body === undefined || body.bytes !== undefined) return;
  const source = body.open().getReader({ mode: "byob" });
  let buffer = new Uint8Array(BUFFER);
  const isChunked = body.length === undefined;
  try {
    while (!signal?.aborted) {
      onUpload?.("reading");
      const { done, value } = await source.read(buffer);
      const bytes = value ?? new Uint8Array();
      // one buffer for all of it: it comes back with the bytes
      buffer = new Uint8Array(bytes.buffer);
      // RFC 9112, section 7.1: an empty chunk is the last one
      if (isChunked && (done || bytes.length > 0)) {
        const size = bytes.length.toString(16);
        await send(socket, toBytes(`${size}\r\n`), onUpload);
        await send(socket, bytes, onUpload);
        await send(socket, toBytes("\r\n"), onUpload);
      } else {
        await send(socket, bytes, onUpload);
      }
      if (done) return;
    }
  } finally {
    await source.cancel().catch(() => {});
  }
}
