/**
 * What is picked of JSON as it is printed: a value a line, or several with tabs between them.
 *
 * @module
 */

import { Failure } from "../../../../lib/cli/errors.ts";
import {
  createSafeDecoder,
  escapeControls,
  type Output,
} from "../../../../lib/cli/io.ts";
import { createBuffer } from "./buffer.ts";
import { createDocumentView } from "./json.ts";
import { BACKSLASH, QUOTE, RETURN } from "./json_format.ts";
import type { PrintedRows } from "./picker.ts";

const NEWLINE = new Uint8Array([0x0a]);
const TAB = new Uint8Array([0x09]);

const encoder = new TextEncoder();
const decoder = new TextDecoder();

/** What a letter after a backslash stands for, by its byte. */
const ESCAPED = new Map(
  ['""', "\\\\", "//", "b\b", "f\f", "n\n", "r\r", "t\t"].map((
    [letter = "", char],
  ) => [letter.charCodeAt(0), encoder.encode(char)]),
);
const UNICODE = 0x75;

/** What gets a value in parts. */
interface Sink {
  /** Takes bytes, or those between two places of them. */
  readonly add: (bytes: Uint8Array, from?: number, to?: number) => void;
  readonly end: () => void;
}

/** Makes what takes the parts of a string, its first quote left out, and gives its text; half a surrogate pair is U+FFFD. */
function createUnescaper(write: Sink["add"]): Sink {
  /** Whether a backslash came, how many digits are missing after \u, and what came of them. */
  let [isEscape, digits, code] = [false, 0, 0];
  let high = 0;
  const char = new Uint8Array(4);
  const put = (code: number) => {
    const { written } = encoder.encodeInto(String.fromCodePoint(code), char);
    write(char, 0, written);
  };
  const putHigh = () => {
    // half a pair is encoded as U+FFFD
    if (high !== 0) put(high);
    high = 0;
  };
  const putUnit = (unit: number) => {
    const isLow = unit >= 0xdc00 && unit <= 0xdfff;
    if (high !== 0 && isLow) {
      put(0x10000 + ((high - 0xd800) << 10 | unit - 0xdc00));
      high = 0;
      return;
    }
    putHigh();
    if (unit >= 0xd800 && unit <= 0xdbff) high = unit;
    else put(unit);
  };
  /** Takes a byte after a backslash. */
  const addEscaped = (byte: number) => {
    if (digits > 0) {
      // a letter has its bit of 0x40, and 1 for a in those below
      code = code << 4 | (byte & 0xf) + (byte & 0x40 ? 9 : 0);
      if (--digits > 0) return;
      isEscape = false;
      return putUnit(code);
    }
    if (byte === UNICODE) {
      [digits, code] = [4, 0];
      return;
    }
    isEscape = false;
    putHigh();
    write(ESCAPED.get(byte) ?? char.subarray(0, 0));
  };
  return {
    add: (bytes, from = 0, to = bytes.length) => {
      for (let at = from; at < to;) {
        if (isEscape) {
          addEscaped(bytes[at++] ?? 0);
          continue;
        }
        let stop = at;
        while (stop < to && bytes[stop] !== BACKSLASH) stop++;
        // a quote that is not escaped is the last one
        const isLast = stop === to && bytes[stop - 1] === QUOTE;
        const end = isLast ? stop - 1 : stop;
        if (end > at) {
          putHigh();
          write(bytes, at, end);
        }
        if (stop < to) isEscape = true;
        at = stop + 1;
      }
    },
    end: putHigh,
  };
}

/** Makes what takes the parts of a value: a string goes to one, anything else to the other. */
function createValue(string: Sink, other: Sink): Sink {
  let kind: Sink | undefined;
  return {
    add: (bytes, from = 0, to = bytes.length) => {
      const isFirst = kind === undefined;
      kind ??= bytes[from] === QUOTE ? string : other;
      kind.add(bytes, isFirst && kind === string ? from + 1 : from, to);
    },
    end: () => {
      kind?.end();
      kind = undefined;
    },
  };
}

/** Makes what writes a value on a line of its own: a string is its text; JSON for a person is formatted. */
function createLine(
  { add }: Pick<Sink, "add">,
  { isTerminal, color }: Output,
  isPretty: boolean,
): Sink {
  const safely = (sink: Sink): Sink => {
    if (!isTerminal) return sink;
    const decode = createSafeDecoder();
    return {
      add: (bytes, from, to) =>
        sink.add(encoder.encode(decode(bytes.subarray(from, to)))),
      end: () => {
        sink.add(encoder.encode(decode()));
        sink.end();
      },
    };
  };
  const line: Sink = { add, end: () => add(NEWLINE) };
  const text = safely(line);
  const string = createUnescaper(text.add);
  const view = createDocumentView({ color, escaped: isTerminal });
  const addAll = (parts: Iterable<Uint8Array>) => {
    for (const part of parts) add(part);
  };
  const json = safely({
    add: (bytes, from, to) => addAll(view.format(bytes.subarray(from, to))),
    end: () => addAll(view.end()),
  });
  return createValue({
    add: string.add,
    end: () => {
      string.end();
      text.end();
    },
  }, isPretty ? json : line);
}

/** All values of a row have to be there before it is printed. */
const MAX_ROW = 16 * 1024 * 1024;

/** What jq's @tsv writes in a cell, by the byte that it stands for. */
const CELL_ESCAPES = new Map(
  ["\\\\", "\tt", "\nn", "\rr"].map(([byte = "", letter]) => [
    byte.charCodeAt(0),
    encoder.encode(`\\${letter}`),
  ]),
);

/** Makes what escapes a cell on its way. */
function createEscaper(write: Sink["add"]): Sink["add"] {
  return (bytes, from = 0, to = bytes.length) => {
    let start = from;
    for (let at = from; at < to; at++) {
      const byte = bytes[at] ?? 0;
      // a tab is the lowest of them
      if (byte > RETURN && byte !== BACKSLASH || byte < 0x09) continue;
      const escape = CELL_ESCAPES.get(byte);
      if (escape === undefined) continue;
      write(bytes, start, at);
      write(escape);
      start = at + 1;
    }
    write(bytes, start, to);
  };
}

/** Makes what holds the values of a row, and writes them with tabs between them. */
function createCells(
  count: number,
  { add }: Pick<Sink, "add">,
  { isTerminal }: Output,
): { readonly values: readonly Sink[]; readonly addRow: () => void } {
  let size = 0;
  const buffers = Array.from({ length: count }, createBuffer);
  const values = buffers.map((buffer): Sink => {
    const escape = createEscaper(buffer.add);
    const string = createUnescaper(escape);
    const value = createValue(string, { add: escape, end: () => {} });
    return {
      add: (chunk, from = 0, to = chunk.length) => {
        value.add(chunk, from, to);
        size += to - from;
        if (size <= MAX_ROW) return;
        throw new Failure("Cannot pick a row that is larger than 16 MiB", {
          hint: "one --pick alone prints what it finds as it comes",
        });
      },
      end: value.end,
    };
  });
  const addRow = () => {
    for (const [at, buffer] of buffers.entries()) {
      if (at > 0) add(TAB);
      const bytes = buffer.take();
      const safe = () => encoder.encode(escapeControls(decoder.decode(bytes)));
      add(isTerminal ? safe() : bytes);
    }
    add(NEWLINE);
    size = 0;
  };
  return { values, addRow };
}

/** Makes the rows of so many paths; for a person a single value is formatted. Empty ones wait for one that is not. */
export function createRows(
  count: number,
  output: Output,
  isPretty: boolean,
): PrintedRows {
  const out = createBuffer();
  const { values, addRow } = count === 1
    ? { values: [createLine(out, output, isPretty)], addRow: () => {} }
    : createCells(count, out, output);
  const blank = encoder.encode("\t".repeat(count - 1) + "\n");
  let [empty, isOpen, hasAny] = [0, false, false];
  const release = () => {
    for (; empty > 0; empty--) out.add(blank);
  };
  return {
    begin: () => {
      if (empty > 0) release();
      isOpen = count === 1;
      hasAny = true;
    },
    add: (path, chunk, from, to) => values[path]?.add(chunk, from, to),
    end: (path) => {
      values[path]?.end();
      isOpen = false;
    },
    endRow: (found) => {
      if (found === 0) empty++;
      else addRow();
    },
    take: out.take,
    finish: () => {
      if (hasAny) release();
    },
    isOpen: () => isOpen,
  };
}
