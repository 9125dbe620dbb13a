/**
 * What Deno's own TLS cannot do and Node's can: a client with a certificate of its own, or with one pinned certificate to trust.
 *
 * @module
 */

import { isIP } from "node:net";
import { Duplex } from "node:stream";
import { connect, type TLSSocket } from "node:tls";
import { ExitCode, Failure } from "../../cli/errors.ts";
import {
  closeSocket,
  type Socket,
  type TlsClient,
  writeAll,
} from "../connection.ts";

/** Where no issuer is verified, Node complains of one only when the handshake is not signed with the key. */
function forgeryOf(error: Error & { readonly code?: string }): Error {
  if (!/SELF_SIGNED|UNABLE_TO_VERIFY/.test(error.code ?? "")) return error;
  return new Failure("the peer shows a certificate whose key it has not", {
    code: ExitCode.Certificate,
  });
}

/** Whether the certificate is the pinned one. That the peer has its key was proven by the handshake. */
function checkPin(stream: TLSSocket, pin: string): void {
  const { fingerprint256 = "" } = stream.getPeerCertificate();
  const found = fingerprint256.replaceAll(":", "").toLowerCase();
  if (found === pin) return;
  const why = `certificate is not the pinned one, its SHA-256 is ${found}`;
  throw new Failure(why, { code: ExitCode.Certificate });
}

/**
 * Starts TLS with Node's implementation. With a pin and no `ca` the pin alone decides; `insecure` takes any certificate.
 * An end without TLS's own is an error, as with Deno's TLS.
 */
export async function startNodeTls(
  socket: Socket,
  tls: TlsClient & { readonly name: string },
): Promise<Socket & Disposable> {
  const { name, ca, pin, cert, key, insecure = false } = tls;
  const trusted = !insecure && (pin === undefined || ca !== undefined);
  const duplex = toDuplex(socket);
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  duplex.ended.then((why) =>
    reject(why ?? new Deno.errors.UnexpectedEof("tls handshake eof"))
  );
  const stream = connect({
    socket: duplex.stream,
    host: name,
    // an address is verified, but not asked for (RFC 6066 section 3)
    ...!isIP(name) && { servername: name },
    // the pin is checked below: nothing is sent or taken before that
    rejectUnauthorized: trusted,
    // alone: to read the authorities that everybody trusts takes a permission (sys) that no command has
    ...ca !== undefined && { ca },
    ...cert !== undefined && { cert },
    ...key !== undefined && { key },
  });
  stream.on("error", (error) => reject(trusted ? error : forgeryOf(error)));
  stream.on("close", () => reject(new Deno.errors.Interrupted()));
  stream.on("secureConnect", resolve);
  try {
    await promise;
    if (pin !== undefined) checkPin(stream, pin);
  } catch (error) {
    stream.destroy();
    throw error;
  }
  const secure = fromStream(stream, duplex);
  return { ...secure, [Symbol.dispose]: secure.close };
}

const CHUNK_BYTES = 64 * 1024;

/** How long Node may take to decrypt what has come, in ms, before the end of the socket below counts as the end. */
const SETTLE_MS = 20;

interface SocketDuplex {
  /** Destroying it closes the socket. */
  readonly stream: Duplex;
  /**
   * Resolves at the end of the socket, to what reading failed with, if it did. The stream shows neither: Node would take
   * an end for TLS's own, and throw away with an error what came before it.
   */
  readonly ended: Promise<unknown>;
  /** What writing failed with, if it did; the stream does not show that either. */
  readonly writeFailure: () => unknown;
}

/** Makes a stream of a socket that nothing else reads. */
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
