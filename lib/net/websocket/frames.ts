/**
 * The frames of WebSocket, and the messages that they are parts of (RFC 6455 sections 5 to 8).
 *
 * @module
 */

import { Failure } from "../../cli/errors.ts";

/** A message, or with `isPart` a part of one that goes on. The bytes of one that came may change when the next ones are read. */
export interface Message {
  readonly isText: boolean;
  readonly bytes: Uint8Array;
  readonly isPart?: boolean;
}

/** How the peer closed: a code of RFC 6455 section 7.4, or 1005 where it gave none. */
export interface Close {
  readonly code: number;
  readonly reason: string;
}

/** What bytes of a peer mean: a message, a control frame, or a fault after which nothing counts. */
export type Received =
  | { readonly kind: "message"; readonly message: Message }
  | { readonly kind: "ping" | "pong"; readonly bytes: Uint8Array }
  | { readonly kind: "close"; readonly close: Close }
  | { readonly kind: "fault"; readonly code: number; readonly error: Failure };

export const Opcode = {
  More: 0,
  Text: 1,
  Binary: 2,
  Close: 8,
  Ping: 9,
  Pong: 10,
} as const;

/** How long a message may be that comes, in bytes. */
export const LONGEST_MESSAGE = 1024 * 1024;

/** The most bytes in a control frame. */
const MOST_CONTROL = 125;

/** The codes that may go over a connection: those that are registered, and those that are anybody's. */
const isCode = (code: number) =>
  code >= 1000 && code <= 1014 && ![1004, 1005, 1006].includes(code) ||
  code >= 3000 && code < 5000;

/** Masks bytes where they are, or takes the mask off; `from` is the place of the first one in the frame. */
function applyMask(bytes: Uint8Array, mask: Uint8Array, from = 0): void {
  const { length, byteOffset } = bytes;
  const one = (at: number) =>
    bytes[at] = (bytes[at] ?? 0) ^ (mask[(from + at) & 3] ?? 0);
  // most of a long one goes by words, which stand at multiples of 4
  const start = Math.min(-byteOffset & 3, length);
  const count = length < 64 ? 0 : (length - start) >> 2;
  const end = count === 0 ? 0 : start + count * 4;
  if (count > 0) {
    for (let at = 0; at < start; at++) one(at);
    const turned = [0, 1, 2, 3].map((at) => mask[(from + start + at) & 3] ?? 0);
    const [word = 0] = new Uint32Array(Uint8Array.from(turned).buffer);
    const words = new Uint32Array(bytes.buffer, byteOffset + start, count);
    for (let at = 0; at < count; at++) words[at] = (words[at] ?? 0) ^ word;
  }
  for (let at = end; at < length; at++) one(at);
}

/** Random bytes for masks, many at a time: each call costs as much as a short frame. */
const masks = new Uint8Array(4096);
let masksLeft = 0;

function nextMask(): Uint8Array {
  if (masksLeft === 0) {
    crypto.getRandomValues(masks);
    masksLeft = masks.length;
  }
  masksLeft -= 4;
  return masks.slice(masksLeft, masksLeft + 4);
}

/** One frame that is to be sent. */
export interface Frame {
  readonly opcode: number;
  readonly bytes: Uint8Array;
  /** Whether it is the last one of its message. @default {true} */
  readonly isLast?: boolean;
}

/** Formats frames as the bytes that go over a connection; those of a client are masked. */
export function formatFrames(
  frames: readonly Frame[],
  isClient: boolean,
): Uint8Array {
  const headOf = ({ length }: Uint8Array) =>
    2 + (length < 126 ? 0 : length < 65536 ? 2 : 8) + (isClient ? 4 : 0);
  const size = frames.reduce(
    (sum, { bytes }) => sum + headOf(bytes) + bytes.length,
    0,
  );
  const all = new Uint8Array(size);
  const view = new DataView(all.buffer);
  let at = 0;
  for (const { opcode, bytes, isLast = true } of frames) {
    const { length } = bytes;
    const start = at + headOf(bytes);
    const short = length < 126 ? length : length < 65536 ? 126 : 127;
    all[at] = opcode | (isLast ? 0x80 : 0);
    all[at + 1] = short | (isClient ? 0x80 : 0);
    if (short === 126) view.setUint16(at + 2, length);
    if (short === 127) view.setBigUint64(at + 2, BigInt(length));
    all.set(bytes, start);
    at = start + length;
    if (!isClient) continue;
    const mask = nextMask();
    all.set(mask, start - 4);
    applyMask(all.subarray(start, at), mask);
  }
  return all;
}

/** The content of a close frame: nothing for 1005, which says that there is no code. */
export function formatClose({ code, reason }: Close): Uint8Array {
  if (!isCode(code)) return new Uint8Array();
  const bytes = new Uint8Array(MOST_CONTROL);
  new DataView(bytes.buffer).setUint16(0, code);
  const { written } = new TextEncoder().encodeInto(reason, bytes.subarray(2));
  return bytes.subarray(0, 2 + written);
}

/** What is wrong with the bytes of a peer, and the code that it is told. */
class Fault extends Failure {
  override name = "Fault";
  readonly status: number;

  constructor(status: number, message: string) {
    super(message);
    this.status = status;
  }
}

const broken = (what: string) => new Fault(1002, what);

/** Reads the frames of a peer. */
export interface Decoder {
  /** What is whole after these bytes, which are unmasked where they are: nothing after a close frame or a fault. It never throws. */
  readonly push: (chunk: Uint8Array) => Received[];
}

/** Reads the first two bytes of a frame, and refuses it as soon as they say that it must be. */
function parseStart(
  first: number,
  second: number,
  isFromClient: boolean,
  isWithin: boolean,
) {
  const opcode = first & 0x0f;
  const isLast = first >= 0x80;
  const short = second & 0x7f;
  if ((first & 0x70) !== 0) {
    throw broken("a frame has bits that nobody agreed on");
  }
  if (opcode > Opcode.Pong || opcode > 2 && opcode < Opcode.Close) {
    throw broken(`a frame is of the unknown kind ${opcode}`);
  }
  if (second >= 0x80 !== isFromClient) {
    throw broken(isFromClient ? "a frame is not masked" : "a frame is masked");
  }
  const isControl = opcode >= Opcode.Close;
  if (isControl && (!isLast || short > MOST_CONTROL)) {
    throw broken("a control frame is in parts, or too long");
  }
  if (!isControl && isWithin !== (opcode === Opcode.More)) {
    throw broken(
      isWithin
        ? "a message begins within another one"
        : "a message goes on that did not begin",
    );
  }
  return { opcode, isLast, isControl, short };
}

/** How long a frame is, whose head gives that in so many bytes behind the first two. */
function parseLength(head: Uint8Array, short: number): number {
  if (short < 126) return short;
  const view = new DataView(head.buffer);
  const length = short === 126
    ? view.getUint16(2)
    : Number(view.getBigUint64(2));
  const isNegative = short === 127 && view.getInt8(2) < 0;
  if (isNegative || length < (short === 126 ? 126 : 65536)) {
    throw broken("a frame's length is not written as it must be");
  }
  return length;
}

/** Makes a decoder of what a client or a server sends, whose messages are at most so long. */
export function createDecoder(
  isFromClient: boolean,
  longest: number = LONGEST_MESSAGE,
): Decoder {
  const head = new Uint8Array(14);
  let headLength = 0;
  let frame: ReturnType<typeof parseStart> | undefined;
  let length = 0;
  let done = 0;
  let mask = head.subarray(0, 0);
  /** The message so far, whose memory grows with what came, whatever its frames announce. */
  let held = new Uint8Array();
  let size = 0;
  let isWithin = false;
  let isText = false;
  const control = new Uint8Array(MOST_CONTROL);
  let utf8 = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });
  let isEnded = false;

  function checkText(bytes: Uint8Array, stream = false): void {
    try {
      utf8.decode(bytes, { stream });
    } catch {
      throw new Fault(1007, "a text is not UTF-8");
    }
  }

  /** Takes bytes of a head; gives how many, and whether it is whole. */
  function takeHead(chunk: Uint8Array, from: number): number {
    let at = from;
    const take = (needed: number) => {
      while (headLength < needed && at < chunk.length) {
        head[headLength++] = chunk[at++] ?? 0;
      }
      return headLength === needed;
    };
    if (!take(Math.max(2, headLength)) || headLength < 2) return at - from;
    const [first = 0, second = 0] = head;
    const start = parseStart(first, second, isFromClient, isWithin);
    const { short } = start;
    const lengthBytes = short < 126 ? 0 : short === 126 ? 2 : 8;
    const end = 2 + lengthBytes + (isFromClient ? 4 : 0);
    if (!take(end)) return at - from;
    length = parseLength(head, short);
    if (!start.isControl && size + length > longest) {
      throw new Fault(1009, `a message is longer than ${longest} bytes`);
    }
    mask = head.slice(2 + lengthBytes, end);
    if (start.opcode === Opcode.Text || start.opcode === Opcode.Binary) {
      isText = start.opcode === Opcode.Text;
    }
    frame = start;
    done = 0;
    headLength = 0;
    return at - from;
  }

  function hold(part: Uint8Array): void {
    if (size + part.length > held.length) {
      const grown = Math.max(size + part.length, held.length * 2, 512);
      const bigger = new Uint8Array(Math.min(grown, longest));
      bigger.set(held.subarray(0, size));
      held = bigger;
    }
    held.set(part, size);
    size += part.length;
  }

  function closeOf(bytes: Uint8Array): Received {
    if (bytes.length === 0) {
      return { kind: "close", close: { code: 1005, reason: "" } };
    }
    const code = ((bytes[0] ?? 0) << 8) + (bytes[1] ?? 0);
    if (bytes.length === 1 || !isCode(code)) {
      throw broken("a close frame has a code that is none");
    }
    // one of its own: a text may be going on
    utf8 = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });
    checkText(bytes.subarray(2));
    const reason = new TextDecoder().decode(bytes.subarray(2));
    return { kind: "close", close: { code, reason } };
  }

  function messageOf(bytes: Uint8Array): Received {
    return { kind: "message", message: { isText, bytes } };
  }

  /** Takes a part of the frame that is read; gives what is whole with it. */
  function takePart(part: Uint8Array): Received | undefined {
    if (frame === undefined) return;
    const { opcode, isLast, isControl } = frame;
    if (isFromClient) applyMask(part, mask, done);
    const isWhole = part.length === length;
    if (isControl) control.set(part, done);
    done += part.length;
    const isEnd = done === length;
    if (isEnd) frame = undefined;
    if (isControl) {
      if (!isEnd) return;
      const bytes = control.slice(0, length);
      if (opcode === Opcode.Close) return closeOf(bytes);
      return { kind: opcode === Opcode.Ping ? "ping" : "pong", bytes };
    }
    if (isWhole && isLast && !isWithin) {
      if (isText) checkText(part);
      return messageOf(part);
    }
    if (isText) checkText(part, !(isEnd && isLast));
    hold(part);
    isWithin = true;
    if (!isEnd || !isLast) return;
    const bytes = held.subarray(0, size);
    held = new Uint8Array();
    size = 0;
    isWithin = false;
    return messageOf(bytes);
  }

  return {
    push(chunk) {
      const found: Received[] = [];
      let at = 0;
      try {
        while (!isEnded && at < chunk.length) {
          if (frame === undefined) at += takeHead(chunk, at);
          if (frame === undefined) continue;
          const end = Math.min(at + length - done, chunk.length);
          // where a head ends a chunk, the rest of its frame comes with the next one
          if (end === at && length > 0) break;
          const whole = takePart(chunk.subarray(at, end));
          at = end;
          if (whole) found.push(whole);
          isEnded = whole?.kind === "close";
        }
      } catch (error) {
        if (!(error instanceof Fault)) throw error;
        isEnded = true;
        found.push({ kind: "fault", code: error.status, error });
      }
      return found;
    },
  };
}
