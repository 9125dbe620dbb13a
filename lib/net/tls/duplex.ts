/**
 * Sockets of Deno as streams for Node's TLS to run over, and Node's TLS as a socket again.
 *
 * @module
 */

import { Duplex } from "node:stream";
import { closeSocket, type Socket, writeAll } from "../connection.ts";

const CHUNK_BYTES = 64 * 1024;

/** How long Node may take to decrypt what has come, in ms, before the end of the socket below counts as the end. */
const SETTLE_MS = 20;

/** A socket as a stream of Node. */
export interface SocketDuplex {
  /** The stream; destroying it closes the socket. */
  readonly stream: Duplex;
  /**
   * Resolves at the end of the socket, to what reading failed with, if it did. The stream shows neither: Node would take
   * an end for TLS's own, and throw away with an error what came before it.
   */
  readonly ended: Promise<unknown>;
  /** What writing failed with, if it did; the stream does not show that either. */
  readonly writeFailure: () => unknown;
}

/**
 * Makes a stream of a socket.
 *
 * @param socket The socket; nothing else reads it.
 */
export function toDuplex(socket: Socket): SocketDuplex {
  const { promise, resolve } = Promise.withResolvers<unknown>();
  let failure: unknown;
  const stream = new Duplex({
    allowHalfOpen: true,
    read() {
      const buffer = new Uint8Array(CHUNK_BYTES);
      socket.read(buffer).then(
        (count) =>
          count === null
            ? resolve(undefined)
            : this.push(buffer.subarray(0, count)),
        resolve,
      );
    },
    write(chunk: Uint8Array, _encoding, done) {
      writeAll(socket, chunk).catch((error) => failure ??= error)
        .then(() => done());
    },
    destroy(error, done) {
      closeSocket(socket);
      done(error);
    },
  });
  return { stream, ended: promise, writeFailure: () => failure };
}

/**
 * Reads and writes a stream as a socket. A socket below that ends before TLS does is an error, as with Deno's own TLS;
 * what came before that is given first.
 *
 * @param stream The stream; nothing else reads it.
 * @param duplex What the socket below says of itself.
 */
export function fromStream(
  stream: Duplex,
  { ended, writeFailure }: Pick<SocketDuplex, "ended" | "writeFailure">,
): Socket {
  let failure: unknown;
  let cutOff: unknown;
  let wake = () => {};
  let timer: ReturnType<typeof setTimeout> | undefined;
  stream.on("error", (error) => failure ??= error);
  for (const event of ["readable", "end", "error", "close"]) {
    stream.on(event, () => wake());
  }
  stream.on("close", () => clearTimeout(timer));
  ended.then((why) => {
    if (stream.destroyed) return;
    timer = setTimeout(() => {
      cutOff = why ?? new Deno.errors.UnexpectedEof(
        "closed without sending TLS close_notify",
      );
      wake();
    }, SETTLE_MS);
  });
  let rest: Uint8Array = new Uint8Array();

  async function next(): Promise<Uint8Array | null> {
    for (;;) {
      const chunk: Uint8Array | null = stream.read();
      if (chunk !== null) return chunk;
      if (failure !== undefined) throw failure;
      if (stream.readableEnded) return null;
      if (stream.destroyed) throw new Deno.errors.Interrupted();
      if (cutOff !== undefined) throw cutOff;
      await new Promise<void>((resolve) => wake = resolve);
    }
  }

  const settle = (start: (done: (error?: Error | null) => void) => void) =>
    new Promise<void>((resolve, reject) =>
      start((error) => {
        const why = error ?? writeFailure();
        if (why === undefined) resolve();
        else reject(why);
      })
    );
  return {
    async read(buffer) {
      if (rest.length === 0) {
        const chunk = await next();
        if (chunk === null) return null;
        rest = chunk;
      }
      const part = rest.subarray(0, buffer.length);
      buffer.set(part);
      rest = rest.subarray(part.length);
      return part.length;
    },
    async write(bytes) {
      await settle((done) => stream.write(bytes, done));
      return bytes.length;
    },
    closeWrite: () => settle((done) => stream.end(done)),
    close() {
      // what waits for a peer that does not read would wait for ever
      if (stream.writableFinished || stream.writableLength > 0) {
        stream.destroy();
      } else stream.end(() => stream.destroy());
    },
  };
}
