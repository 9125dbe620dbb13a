/**
 * The strings, numbers and words of JSON (RFC 8259) as one table: the state after each byte of a token.
 *
 * @module
 */

/** The state before a token. */
export const TOKEN_START = 1;

/** The state after a byte that cannot stand there. */
export const NO_TOKEN = 0;

/** The tokens of JSON. */
export interface JsonTokens {
  /** The state after a byte, at `state << 8 | byte`. */
  readonly next: Uint8Array;
  /** 1 at each state in which a token may end. */
  readonly whole: Uint8Array;
}

/** A stream of small documents must not make a table for each of them. */
const MADE = new Map<boolean, JsonTokens>();

const DIGITS = "0123456789";
const HEX = DIGITS + "abcdefABCDEF";

/**
 * Makes the table, once: nobody may write to it.
 *
 * @param escaped Whether the text went through `escapeControls`, so that `\x1b` is an escape as well.
 */
export function createJsonTokens(escaped = false): JsonTokens {
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
