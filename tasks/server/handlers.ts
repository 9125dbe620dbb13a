/**
 * What a server does with a client: it greets, sends a file, echoes, discards, joins it to stdin and stdout, or relays.
 *
 * @module
 */

import { ExitCode, Failure } from "../../lib/cli/errors.ts";
import { createSafeDecoder, type Io, type Output } from "../../lib/cli/io.ts";
import { absolutePath, reading } from "../../lib/cli/values.ts";
import { type Address, formatAddress } from "../../lib/net/address.ts";
import { connect, type ConnectOptions } from "../../lib/net/connect.ts";
import {
  closeSocket,
  closeWrite,
  type Connection,
  copy,
  isCut,
  send,
  type Sink,
  type Socket,
  track,
  tune,
  within,
  writeAll,
} from "../../lib/net/connection.ts";
import { atMost, pause } from "../../lib/net/pause.ts";
import { abortSocket } from "./acceptor.ts";
import type { Handler, Served } from "./serve.ts";

/** What a copy waits with for a quiet source that is one of thousands of connections, in bytes. */
const SMALL_BYTES = 512;

/** Makes a connection send at once what is passed on to it, and gives the small buffer's size for that. */
export function smallFor({ socket }: Connection): number | undefined {
  tune(socket);
  return socket.message ?? (socket.setNoDelay && SMALL_BYTES);
}

/** How long a client may go on after all was sent to it. */
const LINGER_MS = 1000;

/**
 * Sends a message.
 *
 * @param isTls Whether the clients speak TLS: what they say is then dropped until they end, not left unread, as a reset
 * would keep them from TLS's own end. TCP's own end comes before a reset.
 */
export function greet(message: string, isTls = false): Handler {
  const bytes = new TextEncoder().encode(message);
  if (!isTls) return (connection) => send(connection, bytes);
  return async (connection) => {
    const dropped = discard(connection).catch(() => {});
    await send(connection, bytes);
    await closeWrite(connection);
    await atMost(LINGER_MS, dropped);
  };
}

/**
 * Sends back whatever comes.
 *
 * @example One word
 * ```ts
 * import { assertEquals } from "@std/assert";
 * import { serve } from "./serve.ts";
 *
 * await using server = await serve({ handler: echo });
 * using conn = await Deno.connect({ port: server.port });
 * await conn.write(new TextEncoder().encode("hello"));
 * assertEquals(await conn.read(new Uint8Array(9)), 5);
 * ```
 */
export function echo(connection: Connection): Promise<void> {
  return forward(connection, connection);
}

/** Receives until the client closes, and keeps nothing but the count. */
export function discard(connection: Connection): Promise<void> {
  return copy(
    connection,
    () => {},
    smallFor(connection),
  );
}

/**
 * Sends a file, as long as it is when the client comes. What the client says meanwhile is dropped, not left unread:
 * that would reset the connection and lose the end of the file.
 *
 * @throws {Failure} `Cannot read "PATH"`, with the cause, here and for a client; for a client, that the file was cut.
 */
export async function sendFile(path: string): Promise<Handler> {
  (await openFile(path)).file.close();
  return async (connection) => {
    const { file: opened, size } = await openFile(path);
    using file = opened;
    const dropped = discard(connection).catch(() => {});
    // files of /proc say that they are empty
    let left = size || Infinity;
    // what is in the page cache is read faster than a promise is settled
    const read = (buffer: Uint8Array) => {
      const count = left === 0 ? null : file.readSync(buffer.subarray(0, left));
      left -= count ?? 0;
      return Promise.resolve(count);
    };
    await copy(read, (bytes) => send(connection, bytes));
    // those of /sys hold less than they say, before and after
    if (left > 0 && (await file.stat()).size < size) {
      throw new Failure(`the file was cut: ${size - left} of ${size} bytes`);
    }
    await connection.socket.closeWrite();
    await atMost(LINGER_MS, dropped);
  };
}

/** Opens a file and gives its size. It is looked at before, as opening a pipe waits for who writes into it. */
async function openFile(
  path: string,
): Promise<{ readonly file: Deno.FsFile; readonly size: number }> {
  if (!(await reading(path, Deno.stat(path))).isFile) {
    throw new Failure(`Cannot read "${absolutePath(path)}": it is not a file`);
  }
  const file = await reading(path, Deno.open(path));
  return { file, size: (await reading(path, file.stat())).size };
}

/** How long stdin may give nothing after the client has ended before nothing more is expected of it, in ms. */
const QUIET_MS = 1000;

/**
 * Joins a client to stdin and stdout. Stdin's end is passed on as a half-close. It ends when both have ended, on a
 * terminal as soon as the client has; elsewhere too when stdin is silent after that, as nobody may ever end it: Deno
 * cannot give the reader of stdout its end before the process is at its own.
 */
export function pipe(io: Pick<Io, "stdin" | "stdout">): Handler {
  return async (connection) => {
    let waiting = false;
    let uploading = true;
    tune(connection.socket);
    async function read(buffer: Uint8Array<ArrayBuffer>) {
      waiting = true;
      const count = await io.stdin.read(buffer);
      waiting = false;
      return count;
    }
    const sent = copy(read, (bytes) => send(connection, bytes))
      .then(() => closeWrite(connection))
      .finally(() => uploading = false);
    // it is awaited below, when the client has ended
    sent.catch(() => {});
    const screen = createScreen(io.stdout);
    /** Waits for what is still to be sent; gives why that is no longer waited for. */
    async function finish(): Promise<string | void> {
      if (io.stdin.isTerminal) return;
      for (let before = connection.sent; uploading; before = connection.sent) {
        await atMost(QUIET_MS, sent);
        if (uploading && waiting && connection.sent === before) {
          const seconds = QUIET_MS / 1000;
          return `stdin gave nothing for ${seconds} s after the client's end`;
        }
      }
      await sent;
    }
    try {
      await copy(
        connection,
        // faster, but a slow reader of stdout would hold up what comes from stdin
        (bytes) =>
          uploading || io.stdout.isTerminal
            ? screen(bytes)
            : io.stdout.write(bytes),
        connection.socket.message,
      );
    } catch (error) {
      if (isCut(error)) await finish();
      throw error;
    }
    return await finish();
  };
}

const PAUSE_MS = 100;

/** What may be otherwise when the target is up: a listener, and its name. */
const PASSING: readonly ExitCode[] = [
  ExitCode.Unreachable,
  ExitCode.Unresolved,
];

/** Connects to a target that may come up within so many ms. */
async function connectWithin(
  wait: number,
  target: Address,
  options: ConnectOptions,
): Promise<Socket & Disposable> {
  const end = performance.now() + wait;
  for (;;) {
    try {
      return await connect(target, options);
    } catch (error) {
      if (performance.now() + PAUSE_MS > end) throw error;
      const { exitCodeOf } = await import("../../lib/cli/reasons.ts");
      if (!PASSING.includes(exitCodeOf(error))) throw error;
    }
    await pause(PAUSE_MS);
  }
}

/** Who a client is, as the first line of version 1 of the PROXY protocol tells a target; a Unix socket's is nobody. */
function formatProxyLine({ localAddr, remoteAddr }: Served["incoming"]) {
  if (!("hostname" in localAddr && "hostname" in remoteAddr)) {
    return "PROXY UNKNOWN\r\n";
  }
  // an IPv4 client of a listener on :: has it in both, and a zone means nothing elsewhere
  const [from, to] = [remoteAddr, localAddr].map(({ hostname }) =>
    hostname.replace(/^::ffff:(?=\d+\.)/i, "").replace(/%.*/, "")
  );
  const family = from?.includes(":") ? "TCP6" : "TCP4";
  return `PROXY ${family} ${from} ${to} ${remoteAddr.port} ${localAddr.port}\r\n`;
}

/** What is done on the way to the target of a relay. */
interface Approach {
  /** How long the target may be away until it is up, in ms. @default {0} */
  readonly wait?: number | undefined;
  /** Whether the target hears first who its client is: before TLS. @default {false} */
  readonly tellsClient?: boolean | undefined;
  /** Makes of a connection to the target what speaks another protocol over it. */
  readonly upgrade?: ((socket: Socket) => Promise<Socket>) | undefined;
}

/** Connects to the target of a relay for a client. */
export async function connectFor(
  { incoming }: Pick<Served, "incoming">,
  target: Address,
  options: ConnectOptions,
  { wait = 0, tellsClient }: Approach,
): Promise<Socket & Disposable> {
  if (!tellsClient) return await connectWithin(wait, target, options);
  const line = new TextEncoder().encode(formatProxyLine(incoming));
  const prepare = (socket: Socket) => writeAll(socket, line);
  const socket = await connectWithin(wait, target, { ...options, prepare });
  if (!options.tls) {
    await within(options.signal, socket, () => prepare(socket));
  }
  return socket;
}

/**
 * Connects every client to a target, both ways and with half-closes, until both have ended.
 *
 * @param options How long the target may take, and whether it speaks TLS.
 * @param approach What else is done on the way.
 */
export function relay(
  target: Address,
  options: ConnectOptions = {},
  approach: Approach = {},
): Handler {
  const peer = formatAddress(target);
  return async (connection) => {
    const ended = new AbortController();
    connection.onEnd = () => ended.abort();
    const { signal } = ended;
    const way = { ...options, signal };
    const socket = await connectFor(connection, target, way, approach);
    connection.onEnd = () => abortSocket(socket);
    try {
      const other = track(await approach.upgrade?.(socket) ?? socket, peer);
      await Promise.all([
        forward(connection, other),
        forward(other, connection),
      ]);
      closeSocket(socket);
    } catch (error) {
      abortSocket(socket);
      throw error;
    }
  };
}

/**
 * Makes a sink of an output for what peers sent: a pipe gets the very bytes, a terminal safe text. It does not block,
 * so that a slow reader holds up nothing else.
 */
export function createScreen(
  output: Pick<Output, "isTerminal" | "writeLater">,
): Sink {
  if (!output.isTerminal) return output.writeLater;
  const decode = createSafeDecoder();
  const encoder = new TextEncoder();
  return (bytes) => output.writeLater(encoder.encode(decode(bytes)));
}

/** Passes on the bytes of one connection to another until it ends, then half-closes the other. No async function: its frame would wait for each of thousands. */
export function forward(from: Connection, to: Connection): Promise<void> {
  return copy(from, (bytes) => send(to, bytes), smallFor(to))
    .then(() => closeWrite(to));
}
