/**
 * `--pick`: parts of a JSON body, a row on a line of its own, as they come.
 *
 * @module
 */

import { Failure, UsageError } from "../../../../lib/cli/errors.ts";
import type { Output } from "../../../../lib/cli/io.ts";
import { redactUrl } from "../../../../lib/cli/redact.ts";
import { quote } from "../../../../lib/cli/values.ts";
import type { HttpResponse } from "../../../../lib/http/transport.ts";
import type { Operands } from "../../url.ts";
import { printBody, tellsWhy } from "../body.ts";
import { charsetOf, createTranscoder } from "../charset.ts";
import { isEvents, isLines, typeOf } from "../view.ts";
import { createSplitter } from "./lines.ts";
import { parsePath, type Step } from "./path.ts";
import {
  createPicker,
  type Picker,
  type PrintedRows,
  rowLevelOf,
} from "./picker.ts";
import { isJson } from "./scanner.ts";

/** What prints a body, or parts of it in its place. */
type PrintBody = typeof printBody;

/** The paths of a command line, as they were typed and read, and what makes rows of what they lead to. */
interface Picked {
  readonly texts: readonly string[];
  readonly paths: readonly (readonly Step[])[];
  readonly createRows: (
    count: number,
    output: Output,
    isPretty: boolean,
  ) => PrintedRows;
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
export async function createPick(
  texts: readonly string[],
  { typed, items, method }: Operands & { readonly method: string },
): Promise<PrintBody> {
  const isPlain = method === "GET" && items.length === 0 && typed !== undefined;
  const inJq = (filter: string) =>
    isPlain
      ? `hark get -q ${quote(redactUrl(typed))} | jq ${quote(filter)}`
      : `without --pick, add | jq ${quote(filter)}`;
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
  // a path that is refused loads no more
  const { createRows } = await import("./rows.ts");
  const picked = { texts, paths, createRows };
  return async (response, io, options, resume) => {
    const { status, headers } = response;
    if (status >= 200 && status <= 299) {
      return await printPicked(response, io, options, picked, resume);
    }
    // its body says why
    if (!tellsWhy(headers, options)) return;
    const { stderr } = io;
    await printBody(response, { stdout: NOWHERE, stderr }, { raw: true });
  };
}

const NEWLINE = new Uint8Array([0x0a]);

const encoder = new TextEncoder();

/** So much is looked at at once: what is formatted for a person may grow a thousandfold. */
const SLICE_BYTES = 64 * 1024;
const PRETTY_SLICE_BYTES = 4096;

/** Feeds a picker with the documents of a body, whose chunks are cut small. */
type Feed = (chunk?: Uint8Array) => Iterable<Uint8Array>;

/** The data of events, each a document; what is not JSON, as an end that is marked, is passed over. */
async function feedEvents(picker: Picker): Promise<Feed> {
  const { createEventReader } = await import("../events.ts");
  const read = createEventReader();
  let [isOther, hasJson] = [false, false];
  return function* (chunk) {
    if (chunk === undefined && isOther && !hasJson) {
      throw new Failure("Cannot pick from the events: none of them is JSON");
    }
    for (const { data } of chunk === undefined ? [] : read(chunk)) {
      const bytes = encoder.encode(data);
      const isPassed = !isJson(bytes);
      [isOther, hasJson] = [isOther || isPassed, hasJson || !isPassed];
      if (isPassed) continue;
      yield bytes;
      picker.end();
    }
  };
}

/** One document; or lines, or the documents of a sequence, of which those that are blank are passed over. */
function feedText(picker: Picker, headers: Headers): Feed {
  const { decode } = createTranscoder(charsetOf(headers));
  const split = isLines(headers) ? createSplitter(typeOf(headers)) : () => -1;
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
  { headers, body, stream, source }: HttpResponse,
  { stdout }: Parameters<PrintBody>[1],
  { pretty = false }: Parameters<PrintBody>[2],
  { texts, paths, createRows }: Picked,
  resume: Parameters<PrintBody>[3],
): Promise<void> {
  const isMany = isEvents(headers) || isLines(headers);
  const isPretty = stdout.isTerminal || pretty;
  const rows = createRows(paths.length, stdout, isPretty);
  const picker = createPicker(paths, rows, isMany);
  const feed = isEvents(headers)
    ? await feedEvents(picker)
    : feedText(picker, headers);
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
  // each chunk of a body that is not decoded has a buffer that nobody else reads
  const isOwn = !isMany && Boolean(stream ?? source);
  let received = 0;
  const pickAll = async (body: HttpResponse["body"]) => {
    for await (const chunk of body) {
      received += chunk.length;
      await pick(chunk);
      if (picker.isDone()) return;
      // the collector comes late to what JavaScript itself does not hold
      if (isOwn) chunk.buffer.transfer(0);
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
    hint: missing.hint,
  });
}
