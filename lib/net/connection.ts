/**
 * One connection with its counters, how it is read and written, and what TLS over it is asked for and is known to be.
 *
 * @module
 */

import { Failure } from "../cli/errors.ts";

/** What a connection is made of: a TCP, TLS or Unix socket of Deno, or anything that reads and writes as they do. */
export type Socket =
  & Pick<Deno.Conn, "read" | "write" | "closeWrite" | "close">
  & Partial<Pick<Deno.TcpConn, "setNoDelay" | "setKeepAlive">>
  & {
    /** Closes without TLS's own end, which would say that all was sent. */
    readonly abort?: () => void;
    /** How much a read must have room for where each is a message: what does not fit is lost. */
    readonly message?: number;
  };

export type Direction = "received" | "sent";

export type Listener = (
  direction: Direction,
  bytes: Uint8Array,
  connection: Connection,
) => void;

export interface Connection {
  readonly socket: Socket;
  /** The other end: `host:port` or `unix:PATH`. */
  readonly peer: string;
  received: number;
  sent: number;
  /** When bytes last went either way, or the connection was opened, in ms of `performance.now()`. */
  active: number;
  readonly onBytes?: Listener | undefined;
}

/** Counts what goes over a socket from now on. */
export function track(
  socket: Socket,
  peer: string,
  onBytes?: Listener,
): Connection {
  const active = performance.now();
  return { socket, peer, received: 0, sent: 0, active, onBytes };
}

/** Counts what came. */
function count(connection: Connection, bytes: Uint8Array): void {
  connection.received += bytes.length;
  connection.active = performance.now();
  connection.onBytes?.("received", bytes, connection);
}

function notReceived({ peer }: Connection, cause: unknown): Failure {
  const { hint } = cause instanceof Failure ? cause : {};
  return new Failure(`Cannot receive from ${peer}`, { cause, hint });
}

/** Reads what is there; gives how many bytes came, or null at the end. Throws `Cannot receive from host:port`, with the cause. */
export async function receive(
  connection: Connection,
  buffer: Uint8Array<ArrayBuffer>,
): Promise<number | null> {
  try {
    const size = await connection.socket.read(buffer);
    if (size !== null) count(connection, buffer.subarray(0, size));
    return size;
  } catch (cause) {
    throw notReceived(connection, cause);
  }
}

/** Writes all bytes, of which a single `write` may take only some. Throws `Cannot send to host:port`, with the cause. */
export async function send(
  connection: Connection,
  bytes: Uint8Array,
): Promise<void> {
  connection.onBytes?.("sent", bytes, connection);
  const { socket } = connection;
  try {
    // an empty datagram is one, too
    if (socket.message && bytes.length === 0) await socket.write(bytes);
    for (let done = 0; done < bytes.length;) {
      const rest = done === 0 ? bytes : bytes.subarray(done);
      const count = await socket.write(rest);
      done += count;
      connection.sent += count;
      connection.active = performance.now();
    }
  } catch (cause) {
    throw new Failure(`Cannot send to ${connection.peer}`, { cause });
  }
}

/** Makes TCP send small pieces at once (RFC 1122 section 4.2.3.4) and ask after silent peers: before Deno's TLS starts. */
export function tune(socket: Socket): void {
  try {
    socket.setNoDelay?.();
    socket.setKeepAlive?.();
  } catch {
    // it was closed or reset meanwhile: whoever reads or writes next hears of it
  }
}

/** Writes all bytes to a socket that nobody counts for, or to a file; `before` hears of each piece before it is taken. */
export async function writeAll(
  socket: Pick<Socket, "write">,
  bytes: Uint8Array,
  before?: () => void,
): Promise<void> {
  for (let done = 0; done < bytes.length;) {
    before?.();
    done += await socket.write(bytes.subarray(done));
  }
}

/** Tells the peer that nothing more will be sent, and goes on receiving: which says so where the peer is gone already. */
export async function closeWrite(connection: Connection): Promise<void> {
  try {
    await connection.socket.closeWrite();
  } catch (cause) {
    if (isGone(cause)) return;
    throw new Failure(`Cannot send to ${connection.peer}`, { cause });
  }
}

/** Whether an error says that the peer has left. */
export function isGone(error: unknown): boolean {
  return error instanceof Deno.errors.NotConnected ||
    error instanceof Deno.errors.BrokenPipe ||
    error instanceof Deno.errors.ConnectionReset;
}

/** Whether receiving failed as TCP has ended before TLS has: the peer may receive on all the same, as ncat --ssl does. */
export function isCut(error: unknown): boolean {
  return error instanceof Failure &&
    error.cause instanceof Deno.errors.UnexpectedEof;
}

/** Does something with a socket that is closed when it fails or the signal is aborted, whose reason is then thrown: that ends whatever waits. */
export async function within<T>(
  limit: AbortSignal | undefined,
  socket: Pick<Socket, "close">,
  work: () => Promise<T>,
): Promise<T> {
  const stop = () => closeSocket(socket);
  limit?.addEventListener("abort", stop);
  try {
    limit?.throwIfAborted();
    return await work();
  } catch (error) {
    closeSocket(socket);
    throw limit?.aborted ? limit.reason : error;
  } finally {
    limit?.removeEventListener("abort", stop);
  }
}

/** A socket that is read in another way. */
export function withRead(socket: Socket, read: Socket["read"]): Socket {
  return {
    read,
    write: (bytes) => socket.write(bytes),
    closeWrite: () => socket.closeWrite(),
    close: () => socket.close(),
    setNoDelay: () => socket.setNoDelay?.(),
  };
}

/** Closes a socket, also one that was closed already. */
export function closeSocket(socket: Pick<Socket, "close">): void {
  try {
    socket.close();
  } catch (error) {
    if (!(error instanceof Deno.errors.BadResource)) throw error;
  }
}

export interface KeyPair {
  /** As PEM: the certificate, or the chain with the server's own first. */
  readonly cert: string;
  readonly key: string;
}

/** What is known of a TLS connection; some ways know less. Names in it are the peer's own words. */
export interface TlsFacts {
  /** The version of TLS, or `TLS` where it is not known. */
  readonly tls?: string;
  readonly cipher?: string;
  /** The protocol above it that was agreed on (RFC 7301). */
  readonly alpn?: string;
  readonly certificate?: CertificateFacts | undefined;
}

type Texts<Name extends string> = Readonly<Record<Name, string>>;

/** The times of a certificate are in ISO 8601. */
export type Issued = Texts<"subject" | "notAfter" | "sha256">;

export interface CertificateFacts
  extends Issued, Texts<"issuer" | "notBefore" | "key" | "serial"> {
  readonly names: readonly string[];
  /** How many whole days are left; negative when it has expired. */
  readonly days: number;
  /** Those behind it: what came with it, in that order, and an issuer of it that is in the `ca`. */
  readonly chain: readonly Issued[];
}

/** Whom a client trusts, and who it is itself. Certificates and keys are PEM. */
export interface TlsClient {
  /** Authorities to trust beside those that Deno knows. */
  readonly ca?: string | undefined;
  /** The SHA-256 of the one certificate to trust, whoever made it, for whatever name and time; 64 hex digits. */
  readonly pin?: string | undefined;
  /** The name to ask for (SNI) and to find in the certificate, where it is not the host's. */
  readonly name?: string | undefined;
  readonly cert?: string | undefined;
  readonly key?: string | undefined;
  readonly insecure?: boolean | undefined;
  /** Whether the process goes on: a peer that does not shake hands must not keep a descriptor of it, as with Deno's TLS. */
  readonly isOneOfMany?: boolean | undefined;
  /** Whether an authority of `ca` may be what the peer shows, which Deno's own TLS never takes. */
  readonly isOwn?: boolean | undefined;
  /** The protocols to offer (RFC 7301). */
  readonly alpn?: readonly string[] | undefined;
  /** Whether one of them must be agreed on. */
  readonly mustAgree?: boolean | undefined;
  /** Hears what the connection is, before it is refused too; it is Node's then, but with a `ca`, which there would be the only one. */
  readonly onFacts?: ((facts: TlsFacts) => void) | undefined;
}

/** Gives up to `buffer.length` bytes; resolves to their number, or to null at the end. */
export type Source = (
  buffer: Uint8Array<ArrayBuffer>,
) => Promise<number | null>;

/** Takes all bytes before it resolves; they may change after that. */
export type Sink = (bytes: Uint8Array) => Promise<void> | void;

const BUFFER_BYTES = 256 * 1024;

/** What a copy waits with for a quiet source: a record of TLS. */
const RECORD_BYTES = 16 * 1024;

/** Big buffers that are not in use: the next copy that has much to do takes one. */
const spares: Uint8Array<ArrayBuffer>[] = [];
const MOST_SPARES = 8;

/**
 * Passes on bytes until the source ends, as fast as the sink takes them: memory stays flat. A quiet source has the small
 * buffer. Thousands of connections wait in here: what is read of one is not a call of its own, whose frame would be most
 * of what each of them costs.
 */
export async function copy(
  source: Source | Connection,
  sink: Sink,
  small = RECORD_BYTES,
): Promise<void> {
  const waiting = new Uint8Array(small);
  let buffer = waiting;
  try {
    for (;;) {
      let size: number | null;
      if (typeof source === "function") size = await source(buffer);
      else {
        try {
          size = await source.socket.read(buffer);
        } catch (cause) {
          throw notReceived(source, cause);
        }
      }
      if (size === null) break;
      const bytes = buffer.subarray(0, size);
      if (typeof source !== "function") count(source, bytes);
      await sink(bytes);
      const isFull = size === buffer.length;
      if (isFull && buffer === waiting) {
        buffer = spares.pop() ?? new Uint8Array(BUFFER_BYTES);
      } else if (!isFull && buffer !== waiting) {
        putBack(buffer);
        buffer = waiting;
      }
    }
  } finally {
    if (buffer !== waiting) putBack(buffer);
  }
}

function putBack(buffer: Uint8Array<ArrayBuffer>): void {
  if (spares.length < MOST_SPARES) spares.push(buffer);
}
