/**
 * Imports: a json-server's db.json, a module that gives such data, or what an api answers to `GET /db`, into a database.
 *
 * @module
 */

import { concat } from "@std/bytes/concat";
import { encodeHex } from "@std/encoding/hex";
import {
  ExitCode,
  exitCodeForStatus,
  Failure,
} from "../../../lib/cli/errors.ts";
import { absolutePath, quote } from "../../../lib/cli/values.ts";
import { orAborted, pause } from "../../../lib/net/pause.ts";
import { isDocument, parseJson } from "./document.ts";
import { toData } from "./schema.ts";
import { openStore, type StoreOptions } from "./sqlite.ts";
import {
  type Data,
  type OpenedStore,
  type Seed,
  type Source,
  StoreError,
} from "./store.ts";
import { isBusy } from "./transaction.ts";

/** What is served, and what fills it. */
export interface Imported {
  /** The path of the database, or `:memory:`. */
  readonly file: string;
  /** A path, or a URL: that of an api without a path means its `/db`. */
  readonly from: string;
  readonly isUrl: boolean;
  /** Whether what was imported before is served, as of a db.json; else a database that holds data is an error. */
  readonly isKept: boolean;
}

/** Tells whether the data are what a module gives, which may be CommonJS. */
function isModule({ from, isUrl }: Pick<Imported, "from" | "isUrl">): boolean {
  return !isUrl && /\.[cm]?[jt]s$/i.test(from);
}

/** What to tell about an import, for programs and for a person. */
export interface Notice {
  readonly event: Readonly<Record<string, string | number>>;
  readonly text: string;
}

/** More bytes take more memory than most have: about seven times as much. */
const MAX_BYTES = 2 ** 28;

/**
 * Opens the database of a dump, which is imported where the database is new; else it keeps what was written to it.
 *
 * @param seed What fills the lists that a start without an import left to be made.
 * @param replaces Whether the dump takes the place of what the database holds.
 * @param signal Ends the wait for a response.
 * @throws {Failure} When the dump cannot be read or is not JSON, or the database holds data of its own.
 * @throws {TypeError} When the dump is not an object of lists and objects.
 */
export async function openImported(
  imported: Imported,
  { seed, replaces, signal, ...options }: StoreOptions & {
    readonly seed: Seed;
    readonly replaces: boolean;
    readonly signal: AbortSignal;
  },
): Promise<{
  readonly store: OpenedStore;
  readonly notice: Notice;
  readonly hash: string | undefined;
}> {
  const { file, from, isKept } = imported;
  if (isModule(imported)) {
    const { refuseInBinary } = await import("../middleware/with.ts");
    refuseInBinary(from, quote(from));
  }
  const isThere = !replaces && file !== ":memory:" && await exists(file);
  // before a file is made that would stay
  const isWanted = !isThere || isKept && await exists(from);
  let dump = isWanted ? await read(imported, signal) : undefined;
  let content = isThere ? undefined : parse(imported, await dump?.text());
  const store = openStore(file, seed, { ...options, staysNew: true });
  try {
    const isFilled = store.resources().length > 0 ||
      isKept && store.source() !== undefined;
    let notice: Notice | undefined;
    if (replaces || !isFilled) {
      dump ??= await read(imported, signal);
      content ??= parse(imported, await dump.text());
      notice = await load(store, imported, content, dump.hash, replaces);
    }
    const hash = dump?.hash;
    if (!notice && !isKept) throw holdsData(imported);
    const source = store.source();
    notice ??= describeKept(imported, source, hash);
    return { store, notice, hash: hash ?? source?.hash };
  } catch (error) {
    store[Symbol.dispose]();
    throw error;
  }
}

function holdsData({ file, from, isUrl }: Imported): Failure {
  const isKept = !isUrl && /\.(json|[cm]?[jt]s)$/i.test(from);
  return new Failure(
    `Cannot import into "${absolutePath(file)}": it holds data already`,
    {
      hint:
        `to serve what it holds: hark api ${operand(file)}; to replace that: ` +
        "--reset" +
        (isKept
          ? `; to import once, then serve: hark api ${operand(from)}`
          : ""),
    },
  );
}

/** A path as an operand of a command that is pasted. */
function operand(path: string): string {
  return (path.startsWith("-") ? "-- " : "") + quote(path);
}

function describeKept(
  { file, from }: Imported,
  source: Source | undefined,
  hash: string | undefined,
): Notice {
  const name = nameOf(from, file);
  const { name: last = "", time = "" } = source ?? {};
  const isSame = last === name;
  const [state, more] = isSame && hash === source?.hash
    ? ["same", ""]
    : hash === undefined
    ? ["gone", `; ${from} is not there any more`]
    : isSame
    ? ["changed", `; ${from} has changed since`]
    : ["other", source && `, not ${from}`];
  const when = new Date(time).toLocaleString("sv");
  const stem = source === undefined
    ? `which ${from} was never imported into`
    : `which ${isSame ? from : last} was imported into on ${when}`;
  const how = state === "same" || state === "gone"
    ? ""
    : `: --reset puts it in place of all that ${file} holds`;
  return {
    event: { event: "serving", file, from: last, imported: time, state },
    text: `Serving ${file}, ${stem}${more ?? ""}${how}`,
  };
}

/** Imports, and tells so; nothing where another process was faster. */
async function load(
  store: OpenedStore,
  { file, from, isUrl }: Imported,
  { data, twice }: Content,
  hash: string,
  replaces: boolean,
): Promise<Notice | undefined> {
  const { redactUrl } = await import("../../../lib/cli/redact.ts");
  const shown = isUrl ? redactUrl(from) : from;
  const name = isUrl ? shown : nameOf(from, file);
  const time = new Date().toISOString();
  try {
    if (!await store.import(data, { name, hash, time }, replaces)) return;
  } catch (error) {
    throw refusalOf(from, error);
  }
  return {
    event: {
      event: "imported",
      from: shown,
      into: file,
      ...twice && { twice },
    },
    text: `Imported ${shown} into ${file}` +
      (twice === undefined
        ? ""
        : `; "${twice}" is there twice in one object: the last one counts`),
  };
}

/** Names the file too: `Cannot load "db.json": "posts[3].id": 1 is taken`. */
function refusalOf(from: string, error: unknown): unknown {
  const why = tooMuch(error) ??
    (error instanceof TypeError
      ? /^Cannot load (?:"db": )?(.*)$/.exec(error.message)?.[1]
      : undefined);
  return why === undefined
    ? error
    : new Failure(`Cannot load "${from}": ${why}`);
}

/** Why a dump that is JSON cannot be kept. */
function tooMuch(error: unknown): string | undefined {
  if (error instanceof StoreError && error.reason === "invalid") {
    return "it is nested deeper than 1000 levels";
  }
  if (!(error instanceof RangeError)) return;
  return isDeep(error)
    ? "it is nested deeper than 1000 levels"
    : "a document is too large";
}

function isDeep(error: RangeError): boolean {
  return /call stack/.test(error.message);
}

/** The name of a dump for its database, so that both can be moved together. */
function nameOf(path: string, file: string): string {
  const whole = absolutePath(path);
  const name = whole.replace(/^.*[\\/]/, "");
  const beside = absolutePath(file).replace(/[^\\/]*$/, () => name);
  return whole === beside ? name : whole;
}

interface Dump {
  readonly text: () => string | Promise<string>;
  readonly hash: string;
}

async function read(imported: Imported, signal: AbortSignal): Promise<Dump> {
  const { from, isUrl } = imported;
  const bytes = isUrl ? await fetchBytes(from, signal) : await readBytes(from);
  const hash = encodeHex(await crypto.subtle.digest("SHA-256", bytes));
  const text = isModule(imported)
    ? () => evaluate(from, signal)
    : () => decode(from, bytes);
  return { text, hash };
}

// a module is loaded once for each URL
let evaluations = 0;

/** Writes as JSON what a module gives: its default export, or what that gives where it is a function. */
async function evaluate(from: string, signal: AbortSignal): Promise<string> {
  const { loadDefault, toReason } = await import("../middleware/with.ts");
  const refuse = (cause: unknown) =>
    new Failure(`Cannot load "${absolutePath(from)}"`, { cause });
  const version = evaluations++ > 0 ? `${evaluations}` : "";
  const give = async () => {
    try {
      const own = await loadDefault(from, { version });
      return typeof own === "function" ? await own() : own;
    } catch (error) {
      throw error instanceof Failure ? error : refuse(toReason(error));
    }
  };
  // where a promise is all that is waited for Deno ends, and shows where
  const timer = setTimeout(() => {}, 2 ** 31 - 1);
  const value: unknown = await orAborted(signal, give())
    .finally(() => clearTimeout(timer));
  if (!isDocument(value)) {
    throw refuse(
      new Failure(
        "its default export is neither an object nor a function that gives one",
      ),
    );
  }
  let text: string;
  try {
    text = JSON.stringify(toData(value));
  } catch (error) {
    if (
      error instanceof TypeError && error.message.startsWith("Cannot load ")
    ) {
      throw refusalOf(from, error);
    }
    if (error instanceof RangeError && !isDeep(error)) throw tooLarge(from);
    // JSON has no word for it; where things refer to each other V8 draws how
    const [why] = `${error}`.replace(/^\w+: /, "").split("\n");
    throw refuse(new Failure(tooMuch(error) ?? why ?? ""));
  }
  if (text.length > MAX_BYTES) throw tooLarge(from);
  return text;
}

async function readBytes(path: string): Promise<Uint8Array<ArrayBuffer>> {
  try {
    using file = await Deno.open(path);
    const { isFile, size } = await file.stat();
    return await collect(path, file.readable, isFile ? size : 0);
  } catch (cause) {
    if (cause instanceof Failure) throw cause;
    const isMissing = cause instanceof Deno.errors.NotFound;
    const isScript = isModule({ from: path, isUrl: false });
    const begin = isScript ? "export default {}" : "{}";
    const hint = isMissing
      ? `look at its name; to begin with nothing, write ${begin} into it`
      : undefined;
    throw new Failure(`Cannot load "${absolutePath(path)}"`, { cause, hint });
  }
}

async function fetchBytes(
  source: string,
  signal: AbortSignal,
): Promise<Uint8Array<ArrayBuffer>> {
  const { send } = await import("../../../lib/http/send.ts");
  const { parseUrl } = await import("../../get/url.ts");
  const url = parseUrl(source);
  if (url.pathname === "/") url.pathname = "/db";
  await using response = await send(
    { method: "GET", url, headers: [], typed: [] },
    { signal },
  );
  const { status, headers, body } = response;
  if (status !== 200) {
    const hint = status === 404 && url.pathname === "/db"
      ? "json-server 1 has no /db: give its file, as --from db.json"
      : undefined;
    throw new Failure(`Cannot load "${url}": the answer was ${status}`, {
      hint,
      code: exitCodeForStatus(status) || ExitCode.Failed,
    });
  }
  const size = Number(headers.get("content-length"));
  return await collect(`${url}`, body, size);
}

function tooLarge(source: string): Failure {
  const most = MAX_BYTES / 2 ** 20;
  return new Failure(`Cannot load "${source}": it is larger than ${most} MiB`);
}

async function collect(
  source: string,
  chunks: AsyncIterable<Uint8Array<ArrayBuffer>>,
  size: number,
): Promise<Uint8Array<ArrayBuffer>> {
  const parts: Uint8Array<ArrayBuffer>[] = [];
  let count = 0;
  const check = (bytes: number) => {
    if (bytes > MAX_BYTES) throw tooLarge(source);
  };
  check(size);
  for await (const part of chunks) {
    check(count += part.length);
    parts.push(part);
  }
  return concat(parts);
}

/** Decodes UTF-8, or the UTF-16 that older PowerShells write: both may begin with a byte order mark. */
function decode(source: string, bytes: Uint8Array<ArrayBuffer>): string {
  const [first = 1, second = 1] = bytes;
  // where there is no mark, JSON begins with ASCII
  const encoding = first === 0xff || second === 0 && first !== 0
    ? "utf-16le"
    : first === 0xfe || first === 0 && second !== 0
    ? "utf-16be"
    : "utf-8";
  try {
    return new TextDecoder(encoding, { fatal: true }).decode(bytes);
  } catch {
    const why = encoding === "utf-8"
      ? `it is not UTF-8 (line ${badLine(bytes)})`
      : "it is not UTF-16";
    throw new Failure(`Cannot load "${source}": ${why}`);
  }
}

/** The first line that is not UTF-8: of many, since to decode each takes long. */
function badLine(bytes: Uint8Array<ArrayBuffer>): number {
  const decoder = new TextDecoder("utf-8", { fatal: true });
  let [line, start, step] = [1, 0, 2 ** 16];
  for (;;) {
    const last = bytes.indexOf(10, start + step);
    const end = last < 0 ? bytes.length : last + 1;
    const part = bytes.subarray(start, end);
    try {
      decoder.decode(part);
      line += part.reduce((sum, byte) => sum + Number(byte === 10), 0);
      start = end;
    } catch {
      if (step === 0) return line;
      step = 0;
    }
  }
}

interface Content {
  readonly data: Data;
  /** A name that an object has twice. */
  readonly twice?: string | undefined;
}

function parse({ from }: Imported, text = ""): Content {
  // as json-server takes it
  if (/^\s*$/.test(text)) return { data: {} };
  try {
    return { data: toData(parseJson(text)), twice: twiceIn(text) };
  } catch (error) {
    if (!(error instanceof SyntaxError)) throw refusalOf(from, error);
    const { message } = error;
    throw new Failure(
      `Cannot load "${from}": ${message}${habitOf(text, message)}`,
    );
  }
}

/** What is longer no person wrote. */
const LONGEST_WRITTEN = 2 ** 20;

/** Finds a name that an object has twice, of which JSON.parse tells nothing. */
function twiceIn(text: string): string | undefined {
  const open: Set<string>[] = [];
  const tokens = text.length > LONGEST_WRITTEN
    ? []
    : text.matchAll(/[{}]|"([^"\\]*(?:\\.[^"\\]*)*)"(\s*:)?/g);
  for (const [token, name = "", colon] of tokens) {
    if (token === "{") open.push(new Set());
    else if (token === "}") open.pop();
    else if (colon !== undefined) {
      if (open.at(-1)?.has(name)) return name;
      open.at(-1)?.add(name);
    }
  }
}

/** What JSON5 and JavaScript have, and JSON has not, at the place of an error. */
function habitOf(text: string, message: string): string {
  const [, line, column] = message.match(/\(line (\d+) column (\d+)\)$/) ?? [];
  const lines = text.split(/\r\n?|\n/, Number(line));
  const rest = lines.at(-1)?.slice(Number(column) - 1) ?? "";
  const before = lines.slice(-9).join("\n").slice(0, -rest.length || undefined);
  if (/^(#|\/[/*])/.test(rest)) return ": JSON has no comments";
  if (/^[}\]]/.test(rest) && /,\s*$/.test(before)) {
    return ": JSON has no comma after the last one";
  }
  if (/^('|[\w$]+\s*:)/.test(rest)) {
    return ': JSON has double quotes alone: "a"';
  }
  return "";
}

async function exists(path: string): Promise<boolean> {
  try {
    await Deno.stat(path);
    return true;
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return false;
    throw new Failure(`Cannot look at "${absolutePath(path)}"`, {
      cause: error,
    });
  }
}

/** How often a file is looked at, in ms: not every file system and container tells of its changes. */
const LOOK_MS = 250;

/**
 * Follows a file until it is disposed of: what it holds is imported in the place of all, once nobody has written to it
 * between two looks. What is empty or no JSON is not, since an editor may be about to write the rest.
 *
 * @param seen The hash of what was there at first.
 */
export function follow(
  store: OpenedStore,
  imported: Imported,
  seen: string | undefined,
  { onLoad, onError }: {
    readonly onLoad: (notice: Notice) => void;
    readonly onError: (error: unknown) => void;
  },
): AsyncDisposable {
  const { from } = imported;
  const ended = new AbortController();

  async function take(signal: AbortSignal): Promise<void> {
    const { hash, text } = await read(imported, signal);
    if (hash === seen || signal.aborted) return;
    const content = await text();
    if (content.trim() === "") {
      throw new Failure(
        `Cannot load "${from}": it is empty: all stays as it was`,
      );
    }
    const parsed = parse(imported, content);
    const notice = await load(store, imported, parsed, hash, true);
    seen = hash;
    if (notice) onLoad(notice);
  }

  /** Takes it, unless it becomes another file meanwhile: a module that never gives its data must not be the last. */
  async function takeUnlessChanged(state: string): Promise<void> {
    const changed = new AbortController();
    const done = new AbortController();
    const signal = AbortSignal.any([ended.signal, changed.signal]);
    const taken = take(signal).finally(() => done.abort());
    const watch = async () => {
      while (!done.signal.aborted) {
        await pause(LOOK_MS, done.signal);
        if (await stateOf(from) !== state) changed.abort();
      }
    };
    await Promise.all([taken, watch()]);
  }

  async function look(): Promise<void> {
    let [last, done, told] = ["", "", ""];
    for (;;) {
      await pause(LOOK_MS, ended.signal);
      if (ended.signal.aborted) return;
      const now = await stateOf(from);
      const isSettled = now !== "" && now === last;
      last = now;
      // while the database's file is away nothing can be loaded
      if (!isSettled || now === done || store.place() !== "here") continue;
      done = now;
      try {
        await takeUnlessChanged(now);
      } catch (error) {
        // until the other process lets go of the database, or that is back
        if (isBusy(error) || isGone(error)) done = "";
        // what is written meanwhile is looked at again
        if (now !== told && await stateOf(from) === now) {
          told = now;
          onError(error);
        }
      }
    }
  }

  const looking = look();
  return {
    async [Symbol.asyncDispose]() {
      ended.abort();
      await looking;
    },
  };
}

function isGone(error: unknown): boolean {
  return error instanceof StoreError && error.reason === "gone";
}

async function stateOf(path: string): Promise<string> {
  try {
    const { isFile, mtime, size, ino } = await Deno.stat(path);
    // to open a pipe would wait for who writes to it
    return isFile ? `${mtime?.getTime()} ${size} ${ino}` : "";
  } catch {
    return ""; // gone for now, as while it is renamed over
  }
}
