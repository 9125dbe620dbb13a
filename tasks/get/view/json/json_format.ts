/**
 * JSON made readable as it streams by: only the space between tokens changes, so no digit, key or escape is lost.
 *
 * @module
 */

/** How {@linkcode createJsonFormatter} works. */
export interface JsonFormatOptions {
  /** Whether tokens are coloured. @default {false} */
  readonly color?: boolean;
  /** Whether the text went through `escapeControls`: `\x1b` is then an escape like any other. @default {false} */
  readonly escaped?: boolean;
}

/** Formats one JSON document in chunks. */
interface JsonFormatter {
  /** Formats the next chunk; what it gives is valid until the next call. From the first byte that cannot be JSON on, all stays as it is. */
  readonly format: (chunk: Uint8Array) => Uint8Array;
  /** Ends the colour of a last token. */
  readonly end: () => Uint8Array;
  /** What came so far: a whole document, the beginning of one, or something else. */
  readonly state: () => "whole" | "open" | "broken";
  /** Makes it ready for another document. */
  readonly reset: () => void;
}

/** The state before a token. */
export const TOKEN_START = 1;

/** The state after a byte that cannot stand there. */
export const NO_TOKEN = 0;

/**
 * The tokens of JSON: `next`, the state after a byte, at `state << 8 | byte`; `whole`, 1 at each state in which a token
 * may end.
 */
type Tokens = Readonly<Record<"next" | "whole", Uint8Array>>;

/** A stream of small documents must not make a table for each of them. */
const MADE = new Map<boolean, Tokens>();

const DIGITS = "0123456789";
const HEX = DIGITS + "abcdefABCDEF";

/**
 * Makes the table, once: nobody may write to it.
 *
 * @param escaped Whether the text went through `escapeControls`, so that `\x1b` is an escape as well.
 */
export function createTokens(escaped: boolean): Tokens {
  const made = MADE.get(escaped);
  if (made !== undefined) return made;
  const next = new Uint8Array(64 << 8);
  const whole = new Uint8Array(64);
  let states = TOKEN_START;
  const state = (isWhole = false) => {
    whole[++states] = Number(isWhole);
    return states;
  };
  const edge = (from: readonly number[], chars: string, to: number) => {
    for (const state of from) {
      for (const char of chars) next[state << 8 | char.charCodeAt(0)] = to;
    }
  };
  const chain = (from: number, steps: readonly string[], end: number) => {
    for (const [at, chars] of steps.entries()) {
      const to = at === steps.length - 1 ? end : state();
      edge([from], chars, to);
      from = to;
    }
  };

  const [text, escape, closed] = [state(), state(), state(true)];
  next.fill(text, text << 8 | 0x20, (text + 1) << 8);
  edge([TOKEN_START], '"', text);
  edge([text], '"', closed);
  edge([text], "\\", escape);
  edge([escape], '"\\/bfnrt', text);
  chain(escape, ["u", HEX, HEX, HEX, HEX], text);
  if (escaped) chain(escape, ["x", HEX, HEX], text);

  const [minus, zero, whole10] = [state(), state(true), state(true)];
  const [point, fraction] = [state(), state(true)];
  const [power, sign, exponent] = [state(), state(), state(true)];
  edge([TOKEN_START], "-", minus);
  edge([TOKEN_START, minus], "0", zero);
  edge([TOKEN_START, minus], "123456789", whole10);
  edge([whole10], DIGITS, whole10);
  edge([zero, whole10], ".", point);
  edge([point, fraction], DIGITS, fraction);
  edge([zero, whole10, fraction], "eE", power);
  edge([power], "+-", sign);
  edge([power, sign, exponent], DIGITS, exponent);

  for (const word of ["true", "false", "null"]) {
    chain(TOKEN_START, [...word], state(true));
  }
  const tokens = { next, whole };
  MADE.set(escaped, tokens);
  return tokens;
}

/** Deeper documents count as broken: their indentation would outgrow them. */
const MAX_DEPTH = 1000;

/** What the grammar wants next: something first in a list or object, or after a comma, or a value, and so on. */
type Want = "first" | "next" | "value" | "colon" | "after";

/** What the grammar is made of, but for words and numbers. */
export const NEWLINE = 0x0a;
export const RETURN = 0x0d;
export const SPACE = 0x20;
export const QUOTE = 0x22;
export const COMMA = 0x2c;
export const COLON = 0x3a;
export const LIST = 0x5b;
export const BACKSLASH = 0x5c;
export const END_LIST = 0x5d;
export const OBJECT = 0x7b;
export const END_OBJECT = 0x7d;

/** The escape sequence of a terminal that sets a colour. */
function sequence(code: number): Uint8Array {
  return new TextEncoder().encode(`\x1b[${code}m`);
}

const BLUE = sequence(34);
const GREEN = sequence(32);
const CYAN = sequence(36);
const MAGENTA = sequence(35);
const NO_COLOR = sequence(39);

/** Whether a byte is one between tokens. */
export function isSpace(byte: number): boolean {
  return byte === SPACE || byte === NEWLINE || byte === RETURN || byte === 0x09;
}

/** The colour of a token, by its first byte. */
function colorOf(byte: number, isKey: boolean): Uint8Array {
  if (isKey) return BLUE;
  if (byte === QUOTE) return GREEN;
  return byte < COLON ? CYAN : MAGENTA;
}

/**
 * Makes a formatter of one JSON document: two spaces per level, one value per line. It keeps one bit per level, at
 * most 1000, and the output of one chunk.
 */
export function createJsonFormatter(
  { color = false, escaped = false }: JsonFormatOptions = {},
): JsonFormatter {
  const { next, whole } = createTokens(escaped);
  const inObject: boolean[] = [];
  let out = new Uint8Array(4096);
  let at = 0;
  let token = NO_TOKEN;
  let want: Want = "value";
  let broken = false;

  /** Makes room for what is put here and the bytes that are left: each of them gives at most itself elsewhere. */
  const reserve = (left: number) => {
    const size = at + left + 2 * inObject.length + 32;
    if (size <= out.length) return;
    const larger = new Uint8Array(2 * size);
    larger.set(out.subarray(0, at));
    out = larger;
  };
  const breakLine = () => {
    out[at++] = NEWLINE;
    for (let left = 2 * inObject.length; left > 0; left--) out[at++] = SPACE;
  };
  const paint = (sequence: Uint8Array) => {
    if (!color) return;
    out.set(sequence, at);
    at += sequence.length;
  };
  /** Takes a byte that is in no token yet; says whether it may stand there. */
  const take = (byte: number): boolean => {
    if (byte === COLON) {
      if (want !== "colon") return false;
      out[at++] = byte;
      out[at++] = SPACE;
      want = "value";
      return true;
    }
    if (byte === COMMA) {
      if (want !== "after" || inObject.length === 0) return false;
      out[at++] = byte;
      breakLine();
      want = "next";
      return true;
    }
    if (byte === END_LIST || byte === END_OBJECT) {
      if (
        (want !== "after" && want !== "first") ||
        inObject.at(-1) !== (byte === END_OBJECT)
      ) return false;
      inObject.pop();
      if (want === "after") breakLine();
      out[at++] = byte;
      want = "after";
      return true;
    }
    if (want === "after" || want === "colon") return false;
    const isKey = inObject.at(-1) === true && want !== "value";
    const first = next[TOKEN_START << 8 | byte] ?? NO_TOKEN;
    const opens = byte === LIST || byte === OBJECT;
    const fits = isKey
      ? byte === QUOTE
      : opens
      ? inObject.length < MAX_DEPTH
      : first !== NO_TOKEN;
    if (!fits) return false;
    if (want === "first") breakLine();
    if (!opens) paint(colorOf(byte, isKey));
    out[at++] = byte;
    if (opens) inObject.push(byte === OBJECT);
    token = first;
    want = opens ? "first" : isKey ? "colon" : "after";
    return true;
  };

  /** Copies what belongs to the token, from a place in the chunk on; returns the place after it. */
  const copyToken = (chunk: Uint8Array, from: number): number => {
    let [state, to, done] = [token, at, from];
    const target = out;
    for (; done < chunk.length; done++) {
      const byte = chunk[done] ?? 0;
      const after = next[state << 8 | byte] ?? NO_TOKEN;
      if (after === NO_TOKEN) break;
      target[to++] = byte;
      state = after;
    }
    [token, at] = [state, to];
    if (done === chunk.length) return done;
    broken = whole[token] === 0;
    token = NO_TOKEN;
    paint(NO_COLOR);
    return done;
  };

  const format = (chunk: Uint8Array) => {
    at = 0;
    let done = 0;
    reserve(chunk.length);
    while (done < chunk.length && !broken) {
      reserve(chunk.length - done);
      const byte = chunk[done] ?? 0;
      if (token !== NO_TOKEN) done = copyToken(chunk, done);
      else if (isSpace(byte) || take(byte)) done++;
      else broken = true;
    }
    out.set(chunk.subarray(done), at);
    return out.subarray(0, at + chunk.length - done);
  };
  return {
    format,
    end: () => {
      at = 0;
      if (token !== NO_TOKEN) paint(NO_COLOR);
      return out.subarray(0, at);
    },
    state: () => {
      if (broken) return "broken";
      const ended = token === NO_TOKEN || whole[token] === 1;
      return ended && want === "after" && inObject.length === 0
        ? "whole"
        : "open";
    },
    reset: () => {
      inObject.length = 0;
      token = NO_TOKEN;
      want = "value";
      broken = false;
    },
  };
}
