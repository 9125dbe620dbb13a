/**
 * The frames of WebSocket, and the messages that they are parts of (RFC 6455 sections 5 to 8).
 *
 * @module
 */

import { Failure } from "../../../lib/cli/errors.ts";

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

export const Op = { More: 0, Text: 1, Binary: 2, Close: 8, Ping: 9, Pong: 10 };

/** How long a message may be that comes, in bytes. */
const LONGEST_MESSAGE = 1024 * 1024;

/** The most bytes in a control frame. */
const MOST_CONTROL = 125;

/** The codes that may go over a connection: those that are registered, and those that are anybody's. */
const isCode = (code: number) =>
  code >= 1000 && code <= 1014 && ![1004, 1005, 1006].includes(code) ||
  code >= 3000 && code < 5000;

/** Whether a peer that closed with a code was done, or said nothing of why. */
export const isNormal = (code: number): boolean =>
  code === 1000 || code === 1001 || code === 1005;

/** Masks bytes where they are, or takes the mask off; `from` is the place of the first one in the frame. */
function applyMask(bytes: Uint8Array, mask: Uint8Array, from = 0): void {
  const { buffer, length, byteOffset } = bytes;
  // most of a long one goes by words, which stand at multiples of 4
  const start = length < 64 ? length : -byteOffset & 3;
  const count = (length - start) >> 2;
  for (let at = 0; at < length; at++) {
    if (at === start) at += count * 4;
    bytes[at] = (bytes[at] ?? 0) ^ (mask[(from + at) & 3] ?? 0);
  }
  if (count === 0) return;
  const turned = [0, 1, 2, 3].map((at) => mask[(from + start + at) & 3] ?? 0);
  const [word = 0] = new Uint32Array(Uint8Array.from(turned).buffer);
  const words = new Uint32Array(buffer, byteOffset + start, count);
  for (let at = 0; at < count; at++) words[at] = (words[at] ?? 0) ^ word;
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
  return masks.subarray(masksLeft, masksLeft + 4);
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

/** Reads the frames of a peer. */
interface Decoder {
  /** What is whole after these bytes, which are unmasked where they are: nothing after a close frame or a fault. It never throws. */
  readonly push: (chunk: Uint8Array) => Received[];
}

/** What is wrong with a frame that begins with these two bytes. */
function faultOf(
  first: number,
  second: number,
  isFromClient: boolean,
  isWithin: boolean,
): string | undefined {
  const opcode = first & 0x0f;
  const isControl = opcode >= Op.Close;
  if ((first & 0x70) !== 0) return "a frame has bits that nobody agreed on";
  if (opcode > Op.Pong || opcode > Op.Binary && !isControl) {
    return `a frame is of the unknown kind ${opcode}`;
  }
  if (second >= 0x80 !== isFromClient) {
    return `a frame is ${isFromClient ? "not " : ""}masked`;
  }
  if (isControl) {
    const isOne = first >= 0x80 && (second & 0x7f) <= MOST_CONTROL;
    return isOne ? undefined : "a control frame is in parts, or too long";
  }
  if (isWithin === (opcode === Op.More)) return undefined;
  return `a message ${isWithin ? "begins within another" : "did not begin"}`;
}

/** Reads the length of a frame, which its head gives in so many bytes behind the first two. */
function lengthOf(head: Uint8Array, bytes: number): number {
  if (bytes === 0) return (head[1] ?? 0) & 0x7f;
  const view = new DataView(head.buffer);
  const isShort = bytes === 2;
  const length = isShort ? view.getUint16(2) : Number(view.getBigUint64(2));
  const isNegative = !isShort && view.getInt8(2) < 0;
  if (!isNegative && length >= (isShort ? 126 : 65536)) return length;
  throw new Fault(1002, "a frame's length is not written as it must be");
}

const createUtf8 = () =>
  new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

function decodeText(
  bytes: Uint8Array,
  utf8 = createUtf8(),
  stream = false,
): string {
  try {
    return utf8.decode(bytes, { stream });
  } catch {
    throw new Fault(1007, "a text is not UTF-8");
  }
}

function closeOf(bytes: Uint8Array): Close {
  if (bytes.length === 0) return { code: 1005, reason: "" };
  const code = ((bytes[0] ?? 0) << 8) + (bytes[1] ?? 0);
  if (bytes.length > 1 && isCode(code)) {
    return { code, reason: decodeText(bytes.subarray(2)) };
  }
  throw new Fault(1002, "a close frame has a code that is none");
}

/** Makes a decoder of what a client or a server sends, whose messages are at most so long. */
export function createDecoder(
  isFromClient: boolean,
  longest: number = LONGEST_MESSAGE,
): Decoder {
  const head = new Uint8Array(14);
  const utf8 = createUtf8();
  let headLength = 0;
  let headSize = head.length;
  let lengthBytes = 0;
  /** How long the frame is that is read, where one is, and how much of it came. */
  let length: number | undefined;
  let done = 0;
  let mask = new Uint8Array();
  /** The message or control frame so far: memory grows with what came, whatever a head announces. */
  let held = new Uint8Array();
  let size = 0;
  const control = new Uint8Array(MOST_CONTROL);
  let isWithin = false;
  let isText = false;
  let isEnded = false;

  /** Takes a byte of a head; with its last one the frame begins. */
  function takeHead(byte: number): void {
    head[headLength++] = byte;
    const first = head[0] ?? 0;
    if (headLength === 2) {
      const fault = faultOf(first, byte, isFromClient, isWithin);
      if (fault) throw new Fault(1002, fault);
      const short = byte & 0x7f;
      lengthBytes = short < 126 ? 0 : short === 126 ? 2 : 8;
      headSize = 2 + lengthBytes + (isFromClient ? 4 : 0);
    }
    if (headLength < headSize) return;
    length = lengthOf(head, lengthBytes);
    const opcode = first & 0x0f;
    if (opcode < Op.Close && size + length > longest) {
      throw new Fault(1009, `a message is longer than ${longest} bytes`);
    }
    if (opcode === Op.Text || opcode === Op.Binary) isText = opcode === Op.Text;
    mask = head.slice(headSize - 4, headSize);
    headLength = done = 0;
    headSize = head.length;
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

  /** Takes a part of the frame that is read; gives what is whole with it. */
  function takePart(part: Uint8Array, ofAll: number): Received | undefined {
    if (isFromClient) applyMask(part, mask, done);
    const opcode = (head[0] ?? 0) & 0x0f;
    const isControl = opcode >= Op.Close;
    if (isControl) control.set(part, done);
    done += part.length;
    const isEnd = done === ofAll;
    if (isEnd) length = undefined;
    if (isControl) {
      if (!isEnd) return undefined;
      const bytes = control.slice(0, ofAll);
      if (opcode === Op.Close) return { kind: "close", close: closeOf(bytes) };
      return { kind: opcode === Op.Ping ? "ping" : "pong", bytes };
    }
    const isLast = isEnd && (head[0] ?? 0) >= 0x80;
    const isAlone = isLast && !isWithin;
    if (isText) decodeText(part, utf8, !isLast);
    if (!isAlone) hold(part);
    isWithin = !isLast;
    if (!isLast) return undefined;
    const bytes = isAlone ? part : held.subarray(0, size);
    if (!isAlone) held = new Uint8Array();
    size = 0;
    return { kind: "message", message: { isText, bytes } };
  }

  function read(chunk: Uint8Array, found: Received[]): void {
    for (let at = 0; at < chunk.length && !isEnded;) {
      if (length === undefined) takeHead(chunk[at++] ?? 0);
      if (length === undefined || at === chunk.length && length > 0) continue;
      const end = Math.min(at + length - done, chunk.length);
      const whole = takePart(chunk.subarray(at, end), length);
      at = end;
      isEnded = whole?.kind === "close";
      if (whole) found.push(whole);
    }
  }

  return {
    push(chunk) {
      const found: Received[] = [];
      try {
        read(chunk, found);
      } catch (error) {
        if (!(error instanceof Fault)) throw error;
        isEnded = true;
        found.push({ kind: "fault", code: error.status, error });
      }
      return found;
    },
  };
}
