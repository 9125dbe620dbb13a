/**
 * JSON byte by byte, checked as fast as it goes: it stops only where somebody watches.
 *
 * @module
 */

import {
  BACKSLASH,
  COLON,
  COMMA,
  createTokens,
  END_LIST,
  END_OBJECT,
  isSpace,
  LIST,
  NEWLINE,
  NO_TOKEN,
  OBJECT,
  QUOTE,
  RETURN,
  SPACE,
  TOKEN_START,
} from "./json_format.ts";

// what advance stops at; members of an object would take longer to read
/** The end of the chunk. */
export const CHUNK_END = 0;
/** A byte that cannot be there. */
export const BROKEN = 1;
/** A key has ended, of a watched object. */
export const NEW_KEY = 2;
/** The first byte of a value, in what is watched. */
export const NEW_VALUE = 3;
/** A value has ended whose end matters. */
export const ENDED = 4;
/** A watched list or object has ended. */
export const CLOSED = 5;
/** A newline between tokens. */
export const NEW_LINE = 6;

/** Where a scanner is; between two calls of {@linkcode advance} its user may write what is asked of it. */
interface Scanner {
  /** The next byte of the chunk, and where a key began that may be a name. */
  at: number;
  keyFrom: number;
  /** How many lists and objects are open, and which of them are objects. */
  depth: number;
  kinds: Uint8Array;
  /** What the grammar wants next, and the state within a token. */
  want: number;
  token: number;
  /** Whether the last key, or string, has an escape in it. */
  isEscaped: boolean;
  /** So many of the open lists and objects are watched. */
  watched: number;
  /** The end of a value this deep, or less deep, matters. */
  limit: number;
  /** Whether newlines matter. */
  folds: boolean;
}

// what the grammar wants next
const VALUE = 0;
const FIRST_VALUE = 1;
const FIRST_KEY = 2;
const KEY = 3;
const TO_COLON = 4;
const AFTER = 5;

/** Deeper documents are refused: a byte is kept for each level. */
export const MAX_DEPTH = 1 << 20;

const { next, whole } = createTokens(false);
const IN_TEXT = next[TOKEN_START << 8 | QUOTE] ?? NO_TOKEN;
const ESCAPE = next[IN_TEXT << 8 | BACKSLASH] ?? NO_TOKEN;

/** Makes one at the start of a document. */
export function createScanner(): Scanner {
  return {
    ...{ at: 0, keyFrom: 0, depth: 0, kinds: new Uint8Array(256) },
    ...{ want: VALUE, token: NO_TOKEN, isEscaped: false },
    ...{ watched: 0, limit: -1, folds: false },
  };
}

/** Makes it ready for another document. */
export function reset(scanner: Scanner): void {
  [scanner.depth, scanner.want, scanner.token] = [0, VALUE, NO_TOKEN];
}

/** Whether it is within a key. */
export function isInKey({ want, token }: Scanner): boolean {
  return want === TO_COLON && token !== NO_TOKEN;
}

/** What a document is that ends here: nothing, whole, whole with the end of a last token, or not whole. */
export function stateOf(
  { depth, want, token }: Scanner,
): "empty" | "whole" | "token" | "open" {
  if (depth === 0 && want === VALUE) return "empty";
  if (depth > 0 || want !== AFTER) return "open";
  if (token === NO_TOKEN) return "whole";
  return whole[token] === 1 ? "token" : "open";
}

/** Goes to the next byte that is no space; says whether the chunk ended before it. */
export function skipSpace(chunk: Uint8Array, scanner: Scanner): boolean {
  let { at } = scanner;
  while (at < chunk.length && isSpace(chunk[at] ?? 0)) at++;
  scanner.at = at;
  return at === chunk.length;
}

/**
 * Goes on through a chunk, up to the next thing that matters. At a byte that is wrong or a newline it stands on that,
 * else behind what it found.
 */
export function advance(chunk: Uint8Array, scanner: Scanner): number {
  const { length } = chunk;
  const { watched, limit, folds } = scanner;
  // what each byte needs stands in variables of this function: as fields it would take much longer
  let { at, depth, want, token, kinds } = scanner;
  // what leaves the loop before the end has found this, or what it says
  let event: number = BROKEN;
  while (at < length) {
    let byte = chunk[at] ?? 0;
    if (token === IN_TEXT) {
      while (byte !== QUOTE && byte !== BACKSLASH && byte >= SPACE) {
        if (++at === length) break;
        byte = chunk[at] ?? 0;
      }
      if (at === length) break;
      if (byte < SPACE) break;
      at++;
      if (byte === BACKSLASH) {
        token = ESCAPE;
        scanner.isEscaped = true;
        continue;
      }
      token = NO_TOKEN;
      if (want === TO_COLON) {
        if (depth !== watched) continue;
        event = NEW_KEY;
        break;
      }
      if (depth > limit) continue;
      event = ENDED;
      break;
    }
    if (token !== NO_TOKEN) {
      let after = next[token << 8 | byte] ?? NO_TOKEN;
      while (after !== NO_TOKEN && after !== IN_TEXT) {
        token = after;
        if (++at === length) break;
        byte = chunk[at] ?? 0;
        after = next[token << 8 | byte] ?? NO_TOKEN;
      }
      if (at === length) break;
      if (after === IN_TEXT) {
        token = after;
        at++;
        continue;
      }
      if (whole[token] === 0) break;
      token = NO_TOKEN;
      if (depth > limit) continue;
      event = ENDED;
      break;
    }
    if (byte === QUOTE) {
      if (want === FIRST_KEY || want === KEY) {
        want = TO_COLON;
        token = IN_TEXT;
        at++;
        if (depth !== watched) continue;
        scanner.keyFrom = at;
        scanner.isEscaped = false;
        continue;
      }
      if (want > FIRST_VALUE) break;
      want = AFTER;
      token = IN_TEXT;
      at++;
      if (depth !== watched) continue;
      event = NEW_VALUE;
      break;
    }
    if (byte === COMMA) {
      if (want !== AFTER || depth === 0) break;
      want = kinds[depth] === 1 ? KEY : VALUE;
      at++;
      continue;
    }
    if (byte === COLON) {
      if (want !== TO_COLON) break;
      want = VALUE;
      at++;
      continue;
    }
    if (isSpace(byte)) {
      if (folds && (byte === NEWLINE || byte === RETURN)) {
        event = NEW_LINE;
        break;
      }
      at++;
      continue;
    }
    if (byte === END_LIST || byte === END_OBJECT) {
      const isObject = byte === END_OBJECT;
      const first = isObject ? FIRST_KEY : FIRST_VALUE;
      if (
        depth === 0 || (kinds[depth] === 1) !== isObject ||
        want !== first && want !== AFTER
      ) break;
      want = AFTER;
      at++;
      const isWatched = depth-- === watched;
      if (!isWatched && depth > limit) continue;
      event = isWatched ? CLOSED : ENDED;
      break;
    }
    const opens = byte === LIST || byte === OBJECT;
    const first = next[TOKEN_START << 8 | byte] ?? NO_TOKEN;
    const isTooDeep = opens && depth + 1 === MAX_DEPTH;
    if (want > FIRST_VALUE || !opens && first === NO_TOKEN || isTooDeep) break;
    at++;
    const isWatched = depth === watched;
    if (opens) {
      if (++depth === kinds.length) {
        kinds = new Uint8Array(2 * depth);
        kinds.set(scanner.kinds);
        scanner.kinds = kinds;
      }
      kinds[depth] = byte === OBJECT ? 1 : 0;
      want = byte === OBJECT ? FIRST_KEY : FIRST_VALUE;
    } else {
      token = first;
      want = AFTER;
    }
    if (!isWatched) continue;
    event = NEW_VALUE;
    break;
  }
  if (event === BROKEN && at === length) event = CHUNK_END;
  scanner.at = at;
  scanner.depth = depth;
  scanner.want = want;
  scanner.token = token;
  return event;
}

/** Whether bytes are one JSON document. */
export function isJson(bytes: Uint8Array): boolean {
  const scanner = createScanner();
  scanner.watched = -1;
  return advance(bytes, scanner) === CHUNK_END &&
    /^(whole|token)$/.test(stateOf(scanner));
}
