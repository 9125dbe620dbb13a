/**
 * `--pick`: parts of a JSON body, a row on a line of its own, as they come.
 *
 * @module
 */

import { Failure, UsageError } from "../../../../lib/cli/errors.ts";
import {
  createSafeDecoder,
  escapeControls,
  type Output,
} from "../../../../lib/cli/io.ts";
import { redactUrl } from "../../../../lib/cli/redact.ts";
import { quote } from "../../../../lib/cli/values.ts";
import type { HttpResponse } from "../../../../lib/http/transport.ts";
import type { Operands } from "../../url.ts";
import { printBody, tellsWhy } from "../body.ts";
import { charsetOf, createTranscoder } from "../charset.ts";
import { isEvents, isLines, typeOf } from "../view.ts";
import { createBuffer } from "./buffer.ts";
import { createDocumentView } from "./json.ts";
import { createSplitter } from "./lines.ts";
import { parsePath, type Step } from "./path.ts";
import { createPicker, type Picker, rowLevelOf, type Rows } from "./picker.ts";

/** What prints a body, or parts of it in its place. */
export type PrintBody = typeof printBody;

/** The paths of a command line, as they were typed and read. */
interface Paths {
  readonly texts: readonly string[];
  readonly paths: readonly (readonly Step[])[];
}

/** A bit stands for each path. */
const MOST_PATHS = 30;

/**
 * Makes what prints parts of a body in its place, each row as soon as it is there; of a response with another status
 * than 2xx it prints nothing.
 *
 * @param operands What the call asks for, for a hint that asks for it in jq.
 * @throws {UsageError} When one is no path, or they have no rows in common.
 */
export function createPick(
  texts: readonly string[],
  { typed, items, method }: Operands & { readonly method: string },
): PrintBody {
  const isPlain = method === "GET" && items.length === 0 && typed !== undefined;
  const inJq = (filter: string) =>
    isPlain
      ? `hark get -q ${quote(redactUrl(typed))} | jq ${quote(filter)}`
      : `leave out --pick, and add | jq ${quote(filter)}`;
  const paths = texts.map((text) => parsePath(text, inJq));
  if (paths.length > MOST_PATHS) {
    throw new UsageError(`Cannot pick more than ${MOST_PATHS} paths`);
  }
  const rowsOf = (path: readonly Step[]) =>
    JSON.stringify(path.slice(0, rowLevelOf(path)));
  const [first = []] = paths;
  const other = paths.findIndex((path) => rowsOf(path) !== rowsOf(first));
  if (other !== -1) {
    throw new UsageError(
      `Cannot pick "${texts[0]}" and "${
        texts[other]
      }" together: they have no rows in common`,
      { hint: "up to the last [] the paths have to be the same" },
    );
  }
  return async (response, io, options, resume) => {
    const { status, headers } = response;
    if (status >= 200 && status <= 299) {
      return await printPicked(response, io, options, { texts, paths }, resume);
    }
    // its body says why
    if (!tellsWhy(headers, options)) return;
    const { stderr } = io;
    await printBody(response, { stdout: NOWHERE, stderr }, { raw: true });
  };
}

const QUOTE = 0x22;
const BACKSLASH = 0x5c;
const NEWLINE = new Uint8Array([0x0a]);
const TAB = new Uint8Array([0x09]);

const encoder = new TextEncoder();

/** What stands for a character after a backslash. */
const ESCAPED: Readonly<Record<string, string>> = {
  ...{ '"': '"', "\\": "\\", "/": "/", b: "\b", f: "\f" },
  ...{ n: "\n", r: "\r", t: "\t" },
};

/** What gets a value in parts. */
interface Sink {
  /** Takes bytes, or those between two places of them. */
  readonly add: (bytes: Uint8Array, from?: number, to?: number) => void;
  readonly end: () => void;
}

/** Makes what takes the parts of a string, its first quote left out, and gives its text; half a surrogate pair is U+FFFD. */
function createUnescaper(write: Sink["add"]): Sink {
  let escape = "";
  let high = "";
  const put = (unit: string) => {
    const text = high + unit;
    high = text.match(/[\ud800-\udbff]$/)?.[0] ?? "";
    // what is no pair is encoded as U+FFFD
    write(encoder.encode(text.slice(0, text.length - high.length)));
  };
  const putHigh = () => {
    if (high !== "") write(encoder.encode(high));
    high = "";
  };
  /** Takes a byte after a backslash. */
  const addEscaped = (byte: number) => {
    escape += String.fromCharCode(byte);
    const [, letter = "", ...hex] = escape;
    if (letter === "u" && hex.length < 4) return;
    escape = "";
    put(
      letter === "u"
        ? String.fromCharCode(parseInt(hex.join(""), 16))
        : ESCAPED[letter] ?? "",
    );
  };
  return {
    add: (bytes, from = 0, to = bytes.length) => {
      for (let at = from; at < to;) {
        if (escape !== "") {
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
        if (stop < to) escape = "\\";
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

/** What is picked as it is printed. */
interface PrintedRows extends Rows {
  /** What is to be printed by now, until more is picked. */
  readonly take: () => Uint8Array;
  /** Ends it, with the rows at the end that have nothing. */
  readonly finish: () => void;
  /** Whether a value has begun that has not ended. */
  readonly isOpen: () => boolean;
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

/** Rows of several values, with tabs between them. */
function createTable(count: number, { isTerminal }: Output): PrintedRows {
  const out = createBuffer();
  const cells = Array.from({ length: count }, () => {
    const buffer = createBuffer();
    const string = createUnescaper(buffer.add);
    const plain = { add: buffer.add, end: () => {} };
    return { buffer, value: createValue(string, plain) };
  });
  let [empty, hasAny] = [0, false];
  const addCell = (bytes: Uint8Array) => {
    const safe = isTerminal
      ? encoder.encode(escapeControls(new TextDecoder().decode(bytes)))
      : bytes;
    let from = 0;
    for (let at = 0; at < safe.length; at++) {
      const escape = CELL_ESCAPES.get(safe[at] ?? 0);
      if (escape === undefined) continue;
      out.add(safe.subarray(from, at));
      out.add(escape);
      from = at + 1;
    }
    out.add(safe.subarray(from));
  };
  const addRow = () => {
    for (const [at, { buffer }] of cells.entries()) {
      if (at > 0) out.add(TAB);
      addCell(buffer.take());
    }
    out.add(NEWLINE);
  };
  const release = () => {
    for (; empty > 0; empty--) addRow();
  };
  return {
    begin: () => {},
    add: (path, chunk, from, to) => {
      cells[path]?.value.add(chunk, from, to);
      const size = cells.reduce((sum, { buffer }) => sum + buffer.size(), 0);
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
      // the values that were found wait in their cells
      const held = cells.map(({ buffer }) => buffer.take().slice());
      release();
      for (const [at, bytes] of held.entries()) cells[at]?.buffer.add(bytes);
      addRow();
    },
    take: out.take,
    finish: () => {
      if (hasAny) release();
    },
    isOpen: () => false,
  };
}

/** So much is looked at at once: what is formatted for a person may grow a thousandfold. */
const SLICE_BYTES = 64 * 1024;
const PRETTY_SLICE_BYTES = 4096;

/** Feeds a picker with the documents of a body, whose chunks are cut small. */
type Feed = (chunk?: Uint8Array) => Iterable<Uint8Array>;

const isJson = (text: string) => {
  try {
    JSON.parse(text);
    return true;
  } catch {
    return false;
  }
};

/** The data of events, each a document; what is not JSON, as an end that is marked, is passed over. */
async function feedEvents(picker: Picker): Promise<Feed> {
  const { createEventReader } = await import("../events.ts");
  const read = createEventReader();
  return function* (chunk) {
    if (chunk === undefined) return;
    for (const { data } of read(chunk)) {
      if (!isJson(data)) continue;
      yield encoder.encode(data);
      picker.end();
    }
  };
}

/** Lines, or the documents of a sequence; those that are blank are passed over. */
function feedLines(picker: Picker, headers: Headers): Feed {
  const { decode } = createTranscoder(charsetOf(headers));
  const split = createSplitter(typeOf(headers));
  return function* (chunk) {
    const bytes = decode(chunk);
    for (let at = 0; at < bytes.length;) {
      const found = split(bytes, at);
      const stop = found === -1 ? bytes.length : found;
      yield bytes.subarray(at, stop);
      if (found !== -1) picker.end();
      at = stop + 1;
    }
    if (chunk === undefined) picker.end();
  };
}

/** One document. */
function feedAll(picker: Picker, headers: Headers): Feed {
  const { decode } = createTranscoder(charsetOf(headers));
  return function* (chunk) {
    yield decode(chunk);
    if (chunk === undefined) picker.end();
  };
}

const NOWHERE: Output = {
  isTerminal: false,
  color: false,
  columns: 80,
  write: () => {},
  writeLater: () => Promise.resolve(),
};

/**
 * Prints what is picked of a body.
 *
 * @throws {Failure} When something is not there, or the body is not JSON or cut short.
 */
async function printPicked(
  { headers, body }: HttpResponse,
  { stdout }: Parameters<PrintBody>[1],
  { pretty = false }: Parameters<PrintBody>[2],
  { texts, paths }: Paths,
  resume: Parameters<PrintBody>[3],
): Promise<void> {
  const isMany = isEvents(headers) || isLines(headers);
  const isPretty = stdout.isTerminal || pretty;
  const rows = paths.length === 1
    ? createLines(stdout, isPretty)
    : createTable(paths.length, stdout);
  const picker = createPicker(paths, rows, isMany);
  const feed = isEvents(headers)
    ? await feedEvents(picker)
    : isMany
    ? feedLines(picker, headers)
    : feedAll(picker, headers);
  const size = isPretty ? PRETTY_SLICE_BYTES : SLICE_BYTES;
  const print = async () => {
    const bytes = rows.take();
    if (bytes.length > 0) await stdout.write(bytes);
  };
  const pick = async (chunk?: Uint8Array) => {
    for (const part of feed(chunk)) {
      for (let at = 0; at < part.length && !picker.isDone(); at += size) {
        picker.add(part.subarray(at, at + size));
        if (isPretty) await print();
      }
    }
    await print();
  };
  let received = 0;
  const pickAll = async (body: HttpResponse["body"]) => {
    for await (const chunk of body) {
      received += chunk.length;
      await pick(chunk);
      if (picker.isDone()) return;
    }
  };
  try {
    await pickAll(body).catch(async (error) => {
      if (resume === undefined) throw error;
      await pickAll(await resume(error, received));
    });
    if (!picker.isDone()) await pick();
    rows.finish();
  } finally {
    await print();
    if (stdout.isTerminal && rows.isOpen()) await stdout.write(NEWLINE);
  }
  const missing = picker.missing();
  if (missing === undefined) return;
  throw new Failure(`Cannot pick "${texts[missing.path]}"`, {
    cause: new Failure(missing.why),
  });
}
