/**
 * A WebSocket over a connection: messages both ways, pings answered, and how it ends (RFC 6455).
 *
 * @module
 */

import { concat } from "@std/bytes/concat";
import { ExitCode, Failure } from "../../../lib/cli/errors.ts";
import { type Connection, receive, send } from "../../../lib/net/connection.ts";
import { atMost } from "../../../lib/net/pause.ts";
import {
  type Close,
  createDecoder,
  formatClose,
  formatFrames,
  type Frame,
  type Message,
  Op,
  type Received,
} from "./frames.ts";

/** Messages both ways. */
export interface WebSocketLink {
  readonly connection: Connection;
  /** How the peer closed, once it has. */
  readonly closed: () => Close | undefined;
  /** The next messages, at least one; undefined when the peer has closed. Throws where it breaks the protocol, or ends without a close. */
  readonly next: () => Promise<readonly Message[] | undefined>;
  /** Sends messages in one piece. */
  readonly send: (messages: readonly Message[]) => Promise<void>;
  /** Closes, once: with the code of the peer where it has closed, else with 1000. Messages of the peer may come until it has closed too. */
  readonly close: (code?: number, reason?: string) => Promise<void>;
}

type Fault = Received & { readonly kind: "fault" };

/** How long a peer may be silent that was told to close, in ms. */
const CLOSE_MS = 5000;

/** How much is read at once, first and where there is much. */
const SMALL_BYTES = 4096;
const BUFFER_BYTES = 256 * 1024;
/** After so many small pieces in a row there is not much any more. */
const MOST_SMALL = 32;

/**
 * Speaks WebSocket over a connection whose handshake is done.
 *
 * @param rest What came with the handshake.
 */
export function createWebSocket(
  connection: Connection,
  isClient: boolean,
  rest: Uint8Array = new Uint8Array(),
): WebSocketLink {
  const decoder = createDecoder(!isClient);
  let buffer = new Uint8Array(SMALL_BYTES);
  let small = 0;
  let unread = rest;
  let closed: Close | undefined;
  let isClosing = false;
  let isWithin = false;
  let pong: Uint8Array | undefined;
  let sent = Promise.resolve();
  let fault: Fault | undefined;
  let onClosing = () => {};

  /** Frames go one after the other, each whole. */
  function write(frames: () => readonly Frame[]): Promise<void> {
    sent = sent.then(() => send(connection, formatFrames(frames(), isClient)));
    return sent;
  }

  /** Answers the latest ping, without waiting for a peer that does not read. */
  function answer(bytes: Uint8Array): void {
    const isQueued = pong !== undefined;
    pong = bytes;
    if (isQueued) return;
    write(() => {
      const frames = pong ? [{ opcode: Op.Pong, bytes: pong }] : [];
      pong = undefined;
      return frames;
    }).catch(() => {});
  }

  async function close(
    code: number = closed?.code ?? 1000,
    reason: string = "",
  ): Promise<void> {
    if (isClosing) return;
    isClosing = true;
    onClosing();
    const bytes = formatClose({ code, reason });
    await write(() => [{ opcode: Op.Close, bytes }]);
  }

  function read(): Promise<Uint8Array | null> {
    if (unread.length === 0) return receive(connection, buffer).then(take);
    const bytes = unread;
    unread = new Uint8Array();
    return Promise.resolve(bytes);
  }

  /** What was read; the next buffer is as large as that says. */
  function take(count: number | null): Uint8Array | null {
    if (count === null) return null;
    const bytes = buffer.subarray(0, count);
    if (count === buffer.length && count < BUFFER_BYTES) {
      buffer = new Uint8Array(Math.min(count * 8, BUFFER_BYTES));
      small = 0;
    } else if (count > buffer.length / 16 || buffer.length === SMALL_BYTES) {
      small = 0;
    } else if (++small === MOST_SMALL) {
      buffer = new Uint8Array(SMALL_BYTES);
    }
    return bytes;
  }

  /** Waits for what comes: from when it closes, no longer than a silent peer may take. */
  function whileOpen(
    reading: Promise<Uint8Array | null>,
  ): Promise<Uint8Array | null | void> {
    if (isClosing) return atMost(CLOSE_MS, reading);
    // thousands of messages a second come this way: no more promises than it takes
    return new Promise((resolve, reject) => {
      onClosing = () => {
        // it may have come, or failed, already
        atMost(CLOSE_MS, reading).then(resolve, reject);
      };
      reading.then(resolve, reject);
    });
  }

  /** Tells a peer what it broke. */
  async function failOn({ code, error: cause }: Fault): Promise<never> {
    // one that does not read is not waited for
    await atMost(CLOSE_MS, close(code, cause.message)).catch(() => {});
    throw new Failure(`Cannot receive from ${connection.peer}`, { cause });
  }

  async function next(): Promise<readonly Message[] | undefined> {
    while (closed === undefined) {
      if (fault) await failOn(fault);
      const reading = read();
      const chunk = await whileOpen(reading);
      if (!chunk) {
        // whoever closes the socket ends it
        reading.catch(() => {});
        const code = ExitCode.CutShort;
        throw new Failure(`Cannot receive from ${connection.peer}`, {
          cause: new Failure("it ended without a close", { code }),
        });
      }
      const messages: Message[] = [];
      for (const found of decoder.push(chunk)) {
        if (found.kind === "message") messages.push(found.message);
        else if (found.kind === "ping") answer(found.bytes);
        else if (found.kind === "close") closed = found.close;
        else if (found.kind === "fault") fault = found;
      }
      if (messages.length > 0) return messages;
    }
    return undefined;
  }

  return {
    connection,
    closed: () => closed,
    close,
    next,
    send: (messages) => {
      if (isClosing) {
        const cause = new Failure("it is closed");
        const message = `Cannot send to ${connection.peer}`;
        return Promise.reject(new Failure(message, { cause }));
      }
      const frames = messages.map(({ isText, bytes, isPart = false }) => {
        const opcode = isWithin ? Op.More : isText ? Op.Text : Op.Binary;
        isWithin = isPart;
        return { opcode, bytes, isLast: !isPart };
      });
      return write(() => frames);
    },
  };
}

const NEWLINE = 10;

/** A line longer than this goes in parts. */
const LONGEST_LINE = 64 * 1024;

/** Sends lines, each as a text: what is no UTF-8 is refused. */
interface LineSender {
  readonly write: (bytes: Uint8Array) => Promise<void>;
  /** Sends a last line that has no newline. */
  readonly end: () => Promise<void>;
}

/** Makes one; the hint says what to do where a line is refused. */
export function createLineSender(
  { connection, send }: Pick<WebSocketLink, "connection" | "send">,
  hint?: string,
): LineSender {
  const utf8 = new TextDecoder("utf-8", { fatal: true });
  let held = new Uint8Array();
  let isWithin = false;

  function check(bytes: Uint8Array, stream: boolean): void {
    try {
      utf8.decode(bytes, { stream });
    } catch {
      throw new Failure(`Cannot send a line to ${connection.peer}`, {
        cause: new Failure("it is not UTF-8"),
        hint,
      });
    }
  }

  return {
    async write(bytes) {
      check(bytes, true);
      const texts: Message[] = [];
      let at = 0;
      for (let end; (end = bytes.indexOf(NEWLINE, at)) !== -1; at = end + 1) {
        const line = bytes.subarray(at, end);
        const whole = held.length === 0 ? line : concat([held, line]);
        held = new Uint8Array();
        texts.push({ isText: true, bytes: whole });
        isWithin = false;
      }
      held = at === bytes.length && held.length === 0
        ? held
        : concat([held, bytes.subarray(at)]);
      if (held.length > LONGEST_LINE) {
        texts.push({ isText: true, bytes: held, isPart: true });
        held = new Uint8Array();
        isWithin = true;
      }
      if (texts.length > 0) await send(texts);
    },
    async end() {
      check(new Uint8Array(), false);
      const bytes = held;
      held = new Uint8Array();
      if (bytes.length > 0 || isWithin) {
        await send([{ isText: true, bytes }]);
        isWithin = false;
      }
    },
  };
}
