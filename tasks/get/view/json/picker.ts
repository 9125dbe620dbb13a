/**
 * Parts of JSON as it streams by: nothing is kept but where it is, and what a part of it has to wait for.
 *
 * @module
 */

import { Failure } from "../../../../lib/cli/errors.ts";
import { quote } from "../../../../lib/cli/values.ts";
import { createBuffer } from "./buffer.ts";
import { COLON, LIST, NO_TOKEN, OBJECT, QUOTE, SPACE } from "./json_format.ts";
import type { Step } from "./path.ts";
import {
  advance,
  BROKEN,
  CHUNK_END,
  CLOSED,
  createScanner,
  isInKey,
  MAX_DEPTH,
  NEW_KEY,
  NEW_LINE,
  NEW_VALUE,
  reset,
  skipSpace,
  stateOf,
} from "./scanner.ts";

/** Gets the rows of what is picked, a value for each path. */
interface Rows {
  /** A value of this path begins, the parts of its text come, each between two places of a chunk, and it ends: JSON as it came, without newlines between tokens. */
  readonly begin: (path: number) => void;
  readonly add: (
    path: number,
    chunk: Uint8Array,
    from: number,
    to: number,
  ) => void;
  readonly end: (path: number) => void;
  /** A row is whole: with these of the paths, as bits. */
  readonly endRow: (found: number) => void;
}

/** The same as they are printed. */
export interface PrintedRows extends Rows {
  /** What is to be printed by now, until more is picked. */
  readonly take: () => Uint8Array;
  /** Ends it, with the rows at the end that have nothing. */
  readonly finish: () => void;
  /** Whether a value has begun that has not ended. */
  readonly isOpen: () => boolean;
}

/** Picks from JSON that comes in chunks. */
export interface Picker {
  /** Takes the next chunk. */
  readonly add: (chunk: Uint8Array) => void;
  /** Ends a document; the next one may begin. */
  readonly end: () => void;
  /** Whether all is found that there can be, before the document ends. */
  readonly isDone: () => boolean;
  /** Why something was not there that was found nowhere. */
  readonly missing: () => Missing | undefined;
}

/** What was found nowhere: which path, and where its way ended. */
interface Missing {
  readonly path: number;
  readonly why: string;
  /** What to do about it. */
  readonly hint?: string | undefined;
}

const encoder = new TextEncoder();
const decoder = new TextDecoder();

/** Bytes of JSON as it may be shown in an error. */
function formatByte(byte: number): string {
  return byte > SPACE && byte < 0x7f
    ? `"${String.fromCharCode(byte)}"`
    : `0x${byte.toString(16).padStart(2, "0")}`;
}

/** What a value is, by its first byte. */
function kindOf(byte: number): string {
  if (byte === OBJECT) return "an object";
  if (byte === LIST) return "a list";
  if (byte === QUOTE) return "a string";
  if (byte === 0x6e) return "null";
  return byte < COLON ? "a number" : byte === 0x74 ? "true" : "false";
}

/** A step as it is shown. */
function formatStep({ name, index, isEach }: Step, at?: number): string {
  if (isEach) return at === undefined ? "[]" : `[${at}]`;
  if (name === undefined) return `[${index}]`;
  return /^[\p{L}_][\p{L}\p{N}_]*$/u.test(name)
    ? `.${name}`
    : `.${JSON.stringify(name)}`;
}

/** What is wanted of a level, each as bits for the paths. */
interface Level {
  readonly ends: number;
  readonly each: number;
  /** Those that go on into a list, into an object. */
  readonly list: number;
  readonly object: number;
  readonly names: readonly {
    readonly bit: number;
    readonly name: string;
    readonly bytes: Uint8Array;
  }[];
  readonly indices: readonly { readonly bit: number; readonly index: number }[];
}

function levelOf(paths: readonly (readonly Step[])[], at: number): Level {
  let [ends, each, list, object] = [0, 0, 0, 0];
  const names: Level["names"][number][] = [];
  const indices: Level["indices"][number][] = [];
  for (const [path, steps] of paths.entries()) {
    const bit = 1 << path;
    const { name, index, isEach } = steps[at] ?? {};
    if (steps.length === at) ends |= bit;
    if (isEach) each |= bit;
    if (isEach || index !== undefined) list |= bit;
    if (isEach || name !== undefined) object |= bit;
    if (index !== undefined) indices.push({ bit, index });
    if (name !== undefined) {
      names.push({ bit, name, bytes: encoder.encode(name) });
    }
  }
  return { ends, each, list, object, names, indices };
}

/** Whether what is between two places of a text are these bytes. */
function isSame(
  text: Uint8Array,
  from: number,
  to: number,
  bytes: Uint8Array,
): boolean {
  if (to - from !== bytes.length) return false;
  for (let at = from; at < to; at++) {
    if (text[at] !== bytes[at - from]) return false;
  }
  return true;
}

/** After the last step to each, a path has a row for each; without one, a row for all. */
export function rowLevelOf(path: readonly Step[]): number {
  return path.findLastIndex(({ isEach }) => isEach) + 1;
}

/**
 * Makes what picks the values at some paths, at most 30, that have the same rows. Of keys that come twice the first
 * counts.
 *
 * @param isMany Whether one document comes after another, each a row, or rows, of its own.
 */
export function createPicker(
  paths: readonly (readonly Step[])[],
  rows: Rows,
  isMany = false,
): Picker {
  const longest = Math.max(...paths.map(({ length }) => length));
  const levels = Array.from(
    { length: longest + 1 },
    (_, level) => levelOf(paths, level),
  );
  const all = levels[0] === undefined ? 0 : (1 << paths.length) - 1;
  const rowLevel = Math.max(0, ...paths.map(rowLevelOf));
  const isEach = rowLevel > 0;
  const failures = new Map<number, Missing>();
  /** The paths found in this row, and anywhere. */
  let found = 0;
  let foundEver = 0;

  // of the open levels that are watched: what is still wanted in them, and how many values they had
  const wanted = new Int32Array(longest + 1);
  const counts = new Float64Array(longest + 1);
  let watched = 0;
  /** What the last key of the innermost of them fits. */
  let fits = 0;
  /** A key that a chunk ends in; no longer one can be a name. */
  const longestKey = 6 * Math.max(
    0,
    ...paths.flat().map(({ name = "" }) => name.length),
  );
  const split = createBuffer();

  /** The paths whose values come now, as bits, and from where on their bytes were not given yet. */
  let picking = 0;
  let from = 0;
  let isFolding = false;
  let isRow = false;

  const scanner = createScanner();
  let before = 0;
  let documents = 0;
  let isDone = false;

  const each = (bits: number, act: (path: number) => void) => {
    for (let path = 0; bits !== 0; path++, bits >>>= 1) if (bits & 1) act(path);
  };

  /** Where a path has come to, after some steps; of none it is empty. */
  const placeOf = (path: number, level: number) => {
    const steps = (paths[path] ?? []).slice(0, level);
    return steps.map((step, at) => {
      const isIndexed = scanner.kinds[at + 1] === 0;
      return formatStep(step, isIndexed ? (counts[at] ?? 1) - 1 : undefined);
    }).join("");
  };
  const nameOf = (place: string) => place || "the answer";
  /** The first failure of each path is told. */
  const fail = (
    bits: number,
    level: number,
    why: (place: string, step: Step) => string,
    isList: boolean,
  ) =>
    each(bits & ~foundEver, (path) => {
      if (failures.has(path)) return;
      const steps = paths[path] ?? [];
      const { name, index } = steps[level] ?? {};
      const place = placeOf(path, level);
      const inEach = [
        ...steps.slice(0, level),
        { isEach: true } as const,
        // what the name in a JSON Pointer has meant
        ...steps.slice(name === "[]" ? level + 1 : level),
      ];
      const all = inEach.map((step) => formatStep(step)).join("");
      failures.set(path, {
        path,
        why: why(place, steps[level] ?? {}),
        hint: isList && index !== undefined
          ? undefined
          : isList && name !== undefined
          ? `to pick it of each: --pick ${quote(all)}`
          : `to see what is there: ${
            place === "" ? "leave out --pick" : `--pick ${quote(place)}`
          }`,
      });
    });
  /** Leaves the levels in which nothing is wanted any more: what is in them is skipped. */
  const leave = () => {
    while (watched > 0 && wanted[watched - 1] === 0) watched--;
  };
  const flush = (chunk: Uint8Array, to: number) => {
    if (to > from) {
      for (let path = 0, bits = picking; bits !== 0; path++, bits >>>= 1) {
        if (bits & 1) rows.add(path, chunk, from, to);
      }
    }
    from = to;
  };
  const endRow = () => {
    isRow = false;
    if (isEach || isMany || found === all) rows.endRow(found);
    found = 0;
  };

  /** A value begins whose steps up to here are those of some paths, or may be. */
  const begin = (chunk: Uint8Array, at: number) => {
    const level = watched;
    const byte = chunk[at] ?? 0;
    let bits = all;
    if (level > 0) {
      const { each = 0, indices = [] } = levels[level - 1] ?? {};
      const open = wanted[level - 1] ?? 0;
      bits = open & each;
      const count = counts[level - 1] ?? 0;
      counts[level - 1] = count + 1;
      if (scanner.kinds[level]) bits |= fits;
      else {
        for (const step of indices) if (step.index === count) bits |= step.bit;
        bits &= open;
      }
      if (bits === 0) return;
      wanted[level - 1] = open & ~(bits & ~each);
    }
    if (level === rowLevel) isRow = true;
    const { ends = 0, list = 0, object = 0 } = levels[level] ?? {};
    const picked = bits & ends;
    if (picked !== 0) {
      flush(chunk, at);
      from = at;
      picking |= picked;
      for (let path = 0, bits = picked; bits !== 0; path++, bits >>>= 1) {
        if (bits & 1) rows.begin(path);
      }
    }
    const rest = bits & ~ends;
    const goOn = byte === LIST
      ? rest & list
      : byte === OBJECT
      ? rest & object
      : 0;
    if (rest !== goOn) {
      const why = (place: string) => `${nameOf(place)} is ${kindOf(byte)}`;
      fail(rest & ~goOn, level, why, byte === LIST);
    }
    if (goOn !== 0) {
      wanted[level] = goOn;
      counts[level] = 0;
      watched++;
    } else leave();
  };

  /** A value has ended that is picked, or a row. */
  const endValue = (chunk: Uint8Array, at: number, depth: number) => {
    const ended = picking & (levels[depth]?.ends ?? 0);
    if (ended !== 0) {
      flush(chunk, at);
      picking &= ~ended;
      found |= ended;
      foundEver |= ended;
      for (let path = 0, bits = ended; bits !== 0; path++, bits >>>= 1) {
        if (bits & 1) rows.end(path);
      }
    }
    if (isRow && depth === rowLevel) endRow();
  };

  /** A watched list or object has ended: what was wanted in it is not there. */
  const close = () => {
    const level = watched - 1;
    const { each = 0 } = levels[level] ?? {};
    const missing = (wanted[level] ?? 0) & ~each;
    if (missing !== 0) {
      const count = counts[level] ?? 0;
      const isList = scanner.kinds[level + 1] === 0;
      fail(missing, level, (place, { name, index }) => {
        if (!isList) return `${nameOf(place)} has no ${JSON.stringify(name)}`;
        const there = count === 1 ? "there is 1" : `there are ${count}`;
        return `${place}[${index}] is past the end, ${there}`;
      }, isList);
    }
    watched = level;
    leave();
  };

  /** Finds what a key fits, which lies between two places of a chunk, or began in one before. */
  const matchKey = (chunk: Uint8Array, start: number, end: number) => {
    let [key, from, to] = [chunk, start, end];
    if (split.size() > 0) {
      split.add(chunk, start, end);
      [key, from] = [split.take(), 0];
      to = key.length;
    }
    fits = 0;
    if (to - from > longestKey) return;
    const { names = [] } = levels[watched - 1] ?? {};
    const open = wanted[watched - 1] ?? 0;
    for (const { bit, name, bytes } of names) {
      if ((open & bit) === 0) continue;
      const fitting = scanner.isEscaped
        ? JSON.parse(`"${decoder.decode(key.subarray(from, to))}"`) === name
        : isSame(key, from, to, bytes);
      if (fitting) fits |= bit;
    }
  };

  const refuse = (why: string, hint?: string) => {
    const of = isMany ? `document ${documents + 1}` : "the body";
    const cause = new Failure(why);
    return new Failure(`Cannot pick from ${of}`, { cause, hint });
  };
  const broken = (at: number, byte: number) =>
    refuse(
      scanner.depth + 1 === MAX_DEPTH
        ? `it is ${MAX_DEPTH} levels deep at byte ${before + at}`
        : `it is not JSON at byte ${before + at}, where ${formatByte(byte)} is`,
      "to see all of it: leave out --pick",
    );

  /** Whether nothing more can be found, so that the rest does not matter. */
  const isEnough = () => {
    if (isMany || isEach || watched > 0 || picking !== 0) return false;
    if (isRow) endRow();
    return isDone = true;
  };

  /** Goes through a chunk; stops where nothing more is needed. */
  const scan = (chunk: Uint8Array) => {
    const { length } = chunk;
    scanner.at = 0;
    scanner.keyFrom = 0;
    if (isFolding) isFolding = skipSpace(chunk, scanner);
    from = scanner.at;
    while (scanner.at < length) {
      scanner.watched = watched;
      scanner.limit = picking !== 0 ? longest : isRow ? rowLevel : -1;
      scanner.folds = picking !== 0;
      const event = advance(chunk, scanner);
      const { at, depth } = scanner;
      if (event === BROKEN) throw broken(at, chunk[at] ?? 0);
      if (event === CHUNK_END) break;
      if (event === NEW_KEY) matchKey(chunk, scanner.keyFrom, at - 1);
      else if (event === NEW_LINE) {
        flush(chunk, at);
        isFolding = skipSpace(chunk, scanner);
        from = scanner.at;
      } else {
        if (event === NEW_VALUE) begin(chunk, at - 1);
        else {
          if (event === CLOSED) close();
          if (depth <= scanner.limit) endValue(chunk, at, depth);
        }
        if (isEnough()) return;
      }
    }
    if (isInKey(scanner) && scanner.depth === watched) {
      // all of it is not needed to see that it is too long
      const to = Math.min(length, scanner.keyFrom + longestKey + 1);
      if (split.size() <= longestKey) split.add(chunk, scanner.keyFrom, to);
    }
    if (picking !== 0) flush(chunk, length);
    before += length;
  };
  return {
    add: (chunk) => {
      if (!isDone) scan(chunk);
    },
    end: () => {
      const state = stateOf(scanner);
      if (isDone) return;
      if (state === "open") {
        throw refuse(`it is no whole JSON, it ends at byte ${before}`);
      }
      // between documents there may be lines with nothing but space
      if (state === "empty" && !isMany) throw refuse("it is empty");
      // a number ends with what comes after it
      [from, scanner.token] = [0, NO_TOKEN];
      if (state === "token") endValue(new Uint8Array(), 0, 0);
      reset(scanner);
      [before, watched] = [0, 0];
      if (state !== "empty") documents++;
    },
    isDone: () => isDone,
    missing: () =>
      failures.values().find(({ path }) => !(foundEver & 1 << path)),
  };
}
