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
  const text = next[TOKEN_START << 8 | QUOTE] ?? NO_TOKEN;
  const kinds = new Uint8Array(MAX_DEPTH + 1);
  let depth = 0;
  let out = new Uint8Array(4096);
  let token = NO_TOKEN;
  let want: Want = "value";
  let broken = false;

  /** Makes room for a line break and what is put here, and for the bytes that are left: each of them gives at most itself elsewhere. */
  const reserve = (at: number, left: number) => {
    const size = at + left + 2 * depth + 32;
    if (size <= out.length) return;
    const larger = new Uint8Array(2 * size);
    larger.set(out.subarray(0, at));
    out = larger;
  };
  const breakLine = (at: number) => {
    out[at++] = NEWLINE;
    const end = at + 2 * depth;
    while (at < end) out[at++] = SPACE;
    return at;
  };
  const paint = (sequence: Uint8Array, at: number) => {
    if (!color) return at;
    // few bytes: to set them at once takes longer
    for (let of = 0; of < sequence.length; of++) out[at++] = sequence[of] ?? 0;
    return at;
  };
  /** Puts a byte that is in no token yet; returns the place after it, or -1 where it may not stand. */
  const put = (byte: number, at: number): number => {
    if (byte === COLON) {
      if (want !== "colon") return -1;
      out[at++] = byte;
      out[at++] = SPACE;
      want = "value";
      return at;
    }
    if (byte === COMMA) {
      if (want !== "after" || depth === 0) return -1;
      out[at++] = byte;
      want = "next";
      return breakLine(at);
    }
    const kind = kinds[depth] ?? 0;
    if (byte === END_LIST || byte === END_OBJECT) {
      if (want !== "after" && want !== "first" || kind !== byte) return -1;
      depth--;
      if (want === "after") at = breakLine(at);
      out[at++] = byte;
      want = "after";
      return at;
    }
    if (want === "after" || want === "colon") return -1;
    const isKey = kind === END_OBJECT && want !== "value";
    const first = next[TOKEN_START << 8 | byte] ?? NO_TOKEN;
    const opens = byte === LIST || byte === OBJECT;
    const fits = isKey
      ? byte === QUOTE
      : opens
      ? depth < MAX_DEPTH
      : first !== NO_TOKEN;
    if (!fits) return -1;
    if (want === "first") at = breakLine(at);
    if (!opens) at = paint(colorOf(byte, isKey), at);
    out[at++] = byte;
    if (opens) kinds[++depth] = byte === OBJECT ? END_OBJECT : END_LIST;
    token = first;
    want = opens ? "first" : isKey ? "colon" : "after";
    return at;
  };

  const format = (chunk: Uint8Array) => {
    const { length } = chunk;
    let [at, done] = [0, 0];
    while (done < length && !broken) {
      reserve(at, length - done);
      let byte = chunk[done] ?? 0;
      if (token === NO_TOKEN) {
        if (!isSpace(byte)) {
          const after = put(byte, at);
          broken = after === -1;
          if (broken) break;
          at = after;
        }
        done++;
        continue;
      }
      // what each byte needs stands in variables of this block
      const target = out;
      let state = token;
      for (;;) {
        if (state === text) {
          while (byte !== QUOTE && byte !== BACKSLASH && byte >= SPACE) {
            target[at++] = byte;
            if (++done === length) break;
            byte = chunk[done] ?? 0;
          }
          if (done === length) break;
        }
        const after = next[state << 8 | byte] ?? NO_TOKEN;
        if (after === NO_TOKEN) break;
        target[at++] = byte;
        state = after;
        if (++done === length) break;
        byte = chunk[done] ?? 0;
      }
      token = state;
      if (done === length) break;
      broken = whole[state] === 0;
      token = NO_TOKEN;
      at = paint(NO_COLOR, at);
    }
    out.set(chunk.subarray(done), at);
    return out.subarray(0, at + length - done);
  };
  return {
    format,
    end: () => {
      return out.subarray(0, token === NO_TOKEN ? 0 : paint(NO_COLOR, 0));
    },
    state: () => {
      if (broken) return "broken";
      const ended = token === NO_TOKEN || whole[token] === 1;
      return ended && want === "after" && depth === 0 ? "whole" : "open";
    },
    reset: () => {
      depth = 0;
      token = NO_TOKEN;
      want = "value";
      broken = false;
    },
  };
}
