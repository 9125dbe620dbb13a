/**
 * What a client sends and what it receives, at the same time.
 *
 * @module
 */

import { Failure } from "../../lib/cli/errors.ts";
import type { Input } from "../../lib/cli/io.ts";
import {
  closeWrite,
  type Connection,
  copy,
  isCut,
  send,
} from "../../lib/net/connection.ts";

/** How long a peer that has ended may take to say that it is gone: a round trip, in ms. */
const REFUSAL_MS = 100;

/** Takes a chunk of what was received; `later` asks it not to block the process while its reader is slow. */
export type Print = (
  bytes: Uint8Array,
  later: boolean,
) => Promise<void> | void;

/** Where what is received goes. */
export interface Printer {
  readonly print: Print;
  /** Hears that the peer has ended. */
  readonly end: () => Promise<void> | void;
  /** Hears that something went wrong. */
  readonly fail?: (error: unknown) => Promise<void> | void;
}

/** What is sent: a text, then all of an input, with the ends of lines as they are or as CRLF. */
interface Sending {
  readonly text?: string | undefined;
  readonly input?: Input | undefined;
  /** Whether lines end with CRLF; the text then ends with one too. @default {false} */
  readonly crlf?: boolean;
  /** Whether the peer is not told of the end of all that. @default {false} */
  readonly keepOpen?: boolean;
}

/**
 * Half-closes after a peer that had ended was sent more. Of one that is gone the system hears by then, but receiving says
 * nothing any more. Node's TLS tells by its own end; TCP only to who writes nothing before that, Deno's TLS after it.
 *
 * @throws {Failure} `Cannot send to host:port`, when it is gone.
 */
async function closeEnded(connection: Connection): Promise<void> {
  const { socket, active, peer } = connection;
  const left = active + REFUSAL_MS - performance.now();
  if (left > 0) await new Promise((resolve) => setTimeout(resolve, left));
  const isDenoTls = "handshake" in socket;
  const isTcp = !isDenoTls && !socket.abort;
  try {
    if (isTcp) await socket.write(new Uint8Array());
    await socket.closeWrite();
    if (isDenoTls) await socket.write(new Uint8Array());
  } catch {
    const cause = new Deno.errors.BrokenPipe();
    throw new Failure(`Cannot send to ${peer}`, { cause });
  }
}

/**
 * Sends, half-closes unless the connection is to be kept open, and receives until the peer ends. A terminal is read no
 * longer than that; of any other input all is sent, whatever the peer has ended.
 *
 * @param print Takes what is received; `later` asks it not to block, as there may be more to send.
 * @returns Whether all was sent before the peer ended.
 * @throws {Failure} When receiving fails, or something could not be sent; at once what the input throws.
 */
export async function transfer(
  connection: Connection,
  print: Print,
  sending: Sending,
): Promise<boolean> {
  const { text, input, crlf = false, keepOpen = false } = sending;
  const { message } = connection.socket;
  const convert = crlf ? createCrlf() : (bytes: Uint8Array) => bytes;
  let uploading = true;
  let waiting = false;
  let isAllSent = false;
  /** How much was sent when the peer ended. */
  let ended: number | undefined;

  async function read(buffer: Uint8Array<ArrayBuffer>): Promise<number | null> {
    waiting = true;
    const count = await input?.read(buffer) ?? null;
    waiting = false;
    return count;
  }

  async function upload(): Promise<void> {
    if (text !== undefined) {
      const whole = crlf && !text.endsWith("\n") ? text + "\n" : text;
      await send(connection, convert(new TextEncoder().encode(whole)));
    }
    if (input) {
      await copy(read, (bytes) => send(connection, convert(bytes)), message);
    }
    isAllSent = ended === undefined;
    if (ended !== undefined && ended < connection.sent) {
      await closeEnded(connection);
    } else if (!keepOpen) await closeWrite(connection);
  }

  const sent = upload().finally(() => uploading = false);
  const broken = Promise.withResolvers<never>();
  sent.catch((error) => {
    // a peer that takes no more may still say why: that is awaited when it has ended
    const isPeers = error instanceof Failure &&
      error.message === `Cannot send to ${connection.peer}`;
    if (!isPeers) broken.reject(error);
  });
  const received = copy(
    connection,
    (bytes) => print(bytes, uploading),
    message,
  ).finally(() => ended = connection.sent);
  // what fails after that, as its socket is closed, is nobody's concern any more
  received.catch(() => {});
  try {
    await Promise.race([received, broken.promise]);
  } catch (error) {
    if (isCut(error) && !input?.isTerminal) await sent;
    throw error;
  }
  if (waiting && input?.isTerminal) return false;
  await sent;
  return isAllSent;
}

const [LF, CR] = [10, 13];

/**
 * Makes a function that ends lines with CRLF: a CR is put before each LF that has none, also where a chunk ends between
 * the two.
 */
export function createCrlf(): (bytes: Uint8Array) => Uint8Array {
  let last = 0;
  return (bytes) => {
    const out = new Uint8Array(bytes.length * 2);
    let at = 0;
    for (const byte of bytes) {
      if (byte === LF && last !== CR) out[at++] = CR;
      out[at++] = byte;
      last = byte;
    }
    return out.subarray(0, at);
  };
}
