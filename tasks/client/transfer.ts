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
  receive,
  send,
} from "../../lib/net/connection.ts";
import { copy } from "../../lib/net/copy.ts";
import { atMost } from "../../lib/net/pause.ts";

/** How long stdin may be silent after the peer has ended before nothing more is expected of it, in ms. */
const QUIET_MS = 100;

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
}

/** Resolves when the upload ends, or when it has waited for its input for a while: the peer wants no more. */
async function untilQuiet(
  upload: Promise<void>,
  sent: () => number | undefined,
): Promise<void> {
  let uploading = true;
  let before = sent();
  const ended = upload.finally(() => uploading = false);
  ended.catch(() => {});
  while (uploading) {
    await atMost(QUIET_MS, ended);
    const now = sent();
    if (now !== undefined && now === before) return;
    before = now;
  }
}

/**
 * Sends, half-closes, and receives until the peer ends. The end of the peer is the end, even while the input is open;
 * but bytes that were read from the input are sent before that, or it fails.
 *
 * @param print Takes what is received; `later` asks it not to block, as there may be more to send.
 * @throws {Failure} When receiving fails, or something could not be sent; at once what the input throws.
 */
export async function transfer(
  connection: Connection,
  print: Print,
  sending: Sending,
): Promise<void> {
  const { text, input, crlf = false } = sending;
  const convert = crlf ? createCrlf() : (bytes: Uint8Array) => bytes;
  let uploading = true;
  let waiting = false;

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
    if (input) await copy(read, (bytes) => send(connection, convert(bytes)));
    await closeWrite(connection);
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
    (buffer) => receive(connection, buffer),
    (bytes) => print(bytes, uploading),
  );
  // what fails after that, as its socket is closed, is nobody's concern any more
  received.catch(() => {});
  await Promise.race([received, broken.promise]);
  if (waiting && input?.isTerminal) return;
  // the first timer of a process costs 7 ms: most often none is needed
  if (!uploading) return await sent;
  await untilQuiet(sent, () => waiting ? connection.sent : undefined);
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
