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
import type { PrintedRows } from "./picker.ts";

const QUOTE = 0x22;
const BACKSLASH = 0x5c;
const RETURN = 0x0d;
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

/** Rows of one value each: a string is its text; JSON for a person is formatted. */
function createLines(
  { isTerminal, color }: Output,
  isPretty: boolean,
): PrintedRows {
  const out = createBuffer();
  let [empty, isOpen, hasAny] = [0, false, false];
  const release = () => {
    for (; empty > 0; empty--) out.add(NEWLINE);
  };
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
  const line: Sink = { add: out.add, end: () => out.add(NEWLINE) };
  const text = safely(line);
  const string = createUnescaper(text.add);
  const view = createDocumentView({ color, escaped: isTerminal });
  const addAll = (parts: Iterable<Uint8Array>) => {
    for (const part of parts) out.add(part);
  };
  const json = safely({
    add: (bytes, from, to) => addAll(view.format(bytes.subarray(from, to))),
    end: () => addAll(view.end()),
  });
  const value = createValue({
    add: string.add,
    end: () => {
      string.end();
      text.end();
    },
  }, isPretty ? json : line);
  return {
    begin: () => {
      release();
      [isOpen, hasAny] = [true, true];
    },
    add: (_, chunk, from, to) => value.add(chunk, from, to),
    end: () => {
      value.end();
      isOpen = false;
    },
    endRow: (found) => void (found === 0 && empty++),
    take: out.take,
    finish: () => {
      if (hasAny) release();
    },
    isOpen: () => isOpen,
  };
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

/** Rows of several values, with tabs between them. */
function createTable(count: number, { isTerminal }: Output): PrintedRows {
  const out = createBuffer();
  let size = 0;
  const cells = Array.from({ length: count }, () => {
    const buffer = createBuffer();
    const add = createEscaper(buffer.add);
    const string = createUnescaper(add);
    return { buffer, value: createValue(string, { add, end: () => {} }) };
  });
  let [empty, hasAny] = [0, false];
  const addRow = () => {
    for (let at = 0; at < count; at++) {
      if (at > 0) out.add(TAB);
      const bytes = cells[at]?.buffer.take() ?? TAB;
      out.add(
        isTerminal
          ? encoder.encode(escapeControls(decoder.decode(bytes)))
          : bytes,
      );
    }
    out.add(NEWLINE);
    size = 0;
  };
  const blank = encoder.encode("\t".repeat(count - 1) + "\n");
  const release = () => {
    for (; empty > 0; empty--) out.add(blank);
  };
  return {
    begin: () => {},
    add: (path, chunk, from, to) => {
      cells[path]?.value.add(chunk, from, to);
      size += to - from;
      if (size <= MAX_ROW) return;
      throw new Failure("Cannot pick a row that is larger than 16 MiB", {
        hint: "one --pick alone prints what it finds as it comes",
      });
    },
    end: (path) => cells[path]?.value.end(),
    endRow: (found) => {
      if (found === 0) {
        empty++;
        return;
      }
      hasAny = true;
      if (empty > 0) release();
      addRow();
    },
    take: out.take,
    finish: () => {
      if (hasAny) release();
    },
    isOpen: () => false,
  };
}

/** Makes the rows of so many paths; for a person a single value is formatted. */
export function createRows(
  count: number,
  output: Output,
  isPretty: boolean,
): PrintedRows {
  return count === 1
    ? createLines(output, isPretty)
    : createTable(count, output);
}
