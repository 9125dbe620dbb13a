/**
 * A request as the resources of one store see it: what its path means, and what is in its body.
 *
 * @module
 */

import { percentDecode } from "../../lib/cli/values.ts";
import { type Document, isDocument, parseJson } from "./store/document.ts";
import { Problem } from "./store/problem.ts";
import { foreignKeyOf, type Naming } from "./store/naming.ts";

/** A request to the root or to a sandbox. */
export interface ApiRequest {
  /** The request as it came. */
  readonly original: Request;
  /** What is to be done: X-HTTP-Method-Override may have named another method. */
  readonly method: string;
  /** The path within the root or the sandbox: `/posts/1`, also for `/@name/posts/1`. */
  readonly path: string;
  /** The query, without what is not for the store: `callback`, `_strict`. */
  readonly params: URLSearchParams;
  /** Where the root or the sandbox is: `http://localhost:3000/@name`. */
  readonly base: string;
  /** Whether nothing may be ignored. */
  readonly strict: boolean;
}

/** A resource, or one of its documents. */
export interface Target {
  /** The resource's name: `comments` in `/comments`, in `/comments/1` and in `/posts/1/comments`. */
  readonly resource: string;
  /** The document's id in `/comments/1`; nothing where the resource is meant. */
  readonly id?: string;
  /** The field and value by which the documents in `/posts/1/comments` refer to the post. */
  readonly parent: readonly (readonly [field: string, id: string])[];
}

/**
 * Reads the path of a URL; nothing when it has another form.
 *
 * @throws {Problem} 400 when the path is not percent-encoded UTF-8.
 */
export function parsePath(
  pathname: string,
  naming?: Naming,
): Target | undefined {
  const [resource = "", id, child, ...rest] = pathname.replace(/\/$/, "")
    .slice(1).split("/").map(decodeSegment);
  if (rest.length > 0) return;
  if (id === undefined) return { resource, parent: [] };
  if (child === undefined) return { resource, id, parent: [] };
  return { resource: child, parent: [[foreignKeyOf(resource, naming), id]] };
}

function decodeSegment(segment: string): string {
  const text = percentDecode(segment);
  if (text !== undefined) return text;
  throw new Problem(
    400,
    `Cannot read the path segment "${segment}": it is not percent-encoded UTF-8`,
  );
}

/** How much of a body is read, and how long it may take to arrive. */
export interface BodyLimits {
  readonly maxBytes: number;
  readonly timeoutMs: number;
}

// Indentation makes a text longer by its depth: this bounds what a short body can grow to, and it
// stays below the 1,000 levels of SQLite's JSON functions.
/** So many levels may what is in a body have. */
export const maxDepth = 100;
const utf8 = new TextDecoder("utf-8", { fatal: true });
const formType = "application/x-www-form-urlencoded";
const multipartType = "multipart/form-data";
const taken = `application/json, ${formType}, ${multipartType}`;

/**
 * Reads a request's body: JSON, whatever its Content-Type says, unless that is a form and the body does not look like
 * JSON. A field of a form is a text, or a list of them where it comes more than once. No body is `{}`.
 *
 * @throws {Problem} 413 when the body is longer, also once it is decompressed, 408 when it takes longer; 415 when
 * its type, charset or coding is none that is read, or a form has a file; 400 when it is not JSON, or nested deeper
 * than 100 levels.
 */
export async function readBody(
  request: Request,
  limits: BodyLimits,
): Promise<unknown> {
  const { headers } = request;
  const declared = headers.get("content-type") ?? "";
  const [type = ""] = declared.toLowerCase().split(/[;\s]/, 1);
  if (type === "application/json-patch+json") throw unsupportedType(type);
  const coding = codingOf(headers.get("content-encoding"));
  const sent = await readBytes(request, limits);
  const bytes = coding === undefined
    ? sent
    : await decompress(sent, coding, limits.maxBytes);
  if (bytes.length === 0) return {};
  const [first] = bytes;
  const isJson = first === 0x5b || first === 0x7b; // [ or {
  if (type === multipartType && !isJson) {
    return await readMultipart(bytes, declared);
  }
  const isTaken = /^$|^text\/plain$|json$/.test(type) || type === formType;
  const [, charset = "utf-8"] =
    declared.match(/;\s*charset\s*=\s*"?([^\s;"]+)/i) ?? [];
  const text = decode(bytes, charset, isTaken ? undefined : type).trim();
  if (text === "") return {};
  if (type === formType && !/^[[{]/.test(text)) {
    if (/^utf-?8$/i.test(charset)) {
      return toFields(new URLSearchParams(text));
    }
    throw unsupported(`a form in the charset "${charset}" is not taken`);
  }
  const value = parse(text, isTaken ? undefined : type);
  if (!isDeeper(value, maxDepth)) return value;
  throw tooDeep();
}

/** Parses JSON; what is none of it is, where the type says so, of another type. */
function parse(text: string, otherType: string | undefined): unknown {
  try {
    return JSON.parse(text);
  } catch {
    if (otherType !== undefined) throw unsupportedType(otherType);
  }
  // What is too deep is said to be so, whatever else is wrong with it.
  if (isTextDeeper(text, maxDepth)) throw tooDeep();
  try {
    return parseJson(text);
  } catch (error) {
    throw unreadable(error instanceof Error ? error.message : "it is not JSON");
  }
}

/** Gives the fields of a form; one that comes more than once is a list, as body-parser has it. */
export function toFields(
  pairs: Iterable<readonly [string, unknown]>,
): Document {
  const fields = Map.groupBy(pairs, ([name]) => name).entries()
    .map(([name, all]) => {
      const [first, ...rest] = all.map(([, value]) => value);
      return [name, rest.length === 0 ? first : [first, ...rest]] as const;
    });
  return Object.fromEntries(fields);
}

async function readMultipart(
  bytes: Uint8Array<ArrayBuffer>,
  type: string,
): Promise<Document> {
  if (!/;\s*boundary\s*=/i.test(type)) {
    throw unreadable(
      `${multipartType} names no boundary; a client sets one itself where it is left to set the type`,
    );
  }
  const headers = { "content-type": type };
  const form = await new Response(bytes, { headers }).formData()
    .catch(() => {
      throw unreadable(`it is not ${multipartType}`);
    });
  const fields: [string, string][] = [];
  for (const [name, value] of form) {
    if (typeof value === "string") fields.push([name, value]);
    // A browser sends an empty one where no file was chosen.
    else if (value.name !== "" || value.size > 0) {
      throw unsupported(
        `the field "${name}" is a file, and files are not kept`,
      );
    }
  }
  decode(bytes, "utf-8"); // or a form's bytes that are no text would become U+FFFD
  return toFields(fields);
}

/** Which decoder a Content-Encoding needs; none where the body is as it is. */
function codingOf(encoding: string | null): "gzip" | "deflate" | undefined {
  const coding = encoding?.trim().toLowerCase() ?? "";
  if (coding === "" || coding === "identity") return;
  if (coding === "gzip" || coding === "x-gzip") return "gzip";
  if (coding === "deflate") return coding;
  throw unsupported(
    `the Content-Encoding "${coding}" is not taken; gzip and deflate are`,
    { "Accept-Encoding": "gzip, deflate" },
  );
}

// A piece grows to a thousand times as much at most, before the length is looked at again.
const pieceSize = 4096;

async function decompress(
  bytes: Uint8Array<ArrayBuffer>,
  coding: "gzip" | "deflate",
  maxBytes: number,
): Promise<Uint8Array<ArrayBuffer>> {
  if (bytes.length === 0) return bytes;
  const pieces = Array.from(
    { length: Math.ceil(bytes.length / pieceSize) },
    (_, at) => bytes.subarray(at * pieceSize, (at + 1) * pieceSize),
  );
  const reader = ReadableStream.from(pieces)
    .pipeThrough(new DecompressionStream(coding)).getReader();
  try {
    return await readStream(reader, maxBytes, () => {
      throw unreadable(`it is not ${coding}, or not all of it`);
    });
  } finally {
    await reader.cancel().catch(() => {});
  }
}

/**
 * Narrows what was read to a JSON object.
 *
 * @param place Where it was found, unless it is the whole body: `[3]: `.
 * @throws {Problem} 400 when it is not an object.
 */
export function toDocument(value: unknown, place = ""): Document {
  if (isDocument(value)) return value;
  const found = Array.isArray(value)
    ? "an array"
    : JSON.stringify(value).slice(0, 20);
  throw unreadable(`${place}expected an object, got ${found}`);
}

/**
 * Checks the id of a document that is to be added.
 *
 * @throws {Problem} 400 when no URL can lead to it: a URL takes it for a step in its path.
 */
export function checkId(id: unknown): void {
  if (id !== "." && id !== "..") return;
  throw new Problem(400, `Cannot use the id "${id}": no URL can lead to it`);
}

/** Reads a request's body, within limits. */
export async function readBytes(
  request: Request,
  { maxBytes, timeoutMs }: BodyLimits,
): Promise<Uint8Array<ArrayBuffer>> {
  const onLate = () =>
    unreadable(`it took longer than ${timeoutMs / 1000} s`, 408, {
      connection: "close",
    });
  const declared = request.headers.get("content-length");
  if (declared !== null) {
    if (Number(declared) > maxBytes) throw tooLong(maxBytes);
    // HTTP holds a body to its declared length, and to make a stream costs more than to read it.
    return await within(timeoutMs, request.bytes().catch(refuseCut), onLate);
  }
  if (request.body === null) return new Uint8Array();
  const reader = request.body.getReader();
  try {
    return await within(timeoutMs, readStream(reader, maxBytes), onLate);
  } finally {
    // What is left unread is not to be waited for.
    await reader.cancel().catch(() => {});
  }
}

async function readStream(
  reader: ReadableStreamDefaultReader<Uint8Array<ArrayBuffer>>,
  maxBytes: number,
  refuse: () => never = refuseCut,
): Promise<Uint8Array<ArrayBuffer>> {
  const chunks: Uint8Array<ArrayBuffer>[] = [];
  let size = 0;
  for (;;) {
    const { value } = await reader.read().catch(refuse);
    if (value === undefined) return await new Blob(chunks).bytes();
    size += value.length;
    if (size > maxBytes) throw tooLong(maxBytes);
    chunks.push(value);
  }
}

// Waits that end in time, all on one timer: one for each costs a tenth of what a short POST does.
const deadlines = new Map<() => void, number>();
let timer: ReturnType<typeof setTimeout> | undefined;
let next = Infinity;

function arm(due: number): void {
  clearTimeout(timer);
  next = due;
  if (due < Infinity) timer = setTimeout(expire, due - performance.now());
}

function expire(): void {
  const now = performance.now();
  let earliest = Infinity;
  for (const [end, due] of deadlines) {
    if (due <= now) end();
    else earliest = Math.min(earliest, due);
  }
  arm(earliest);
}

/** Waits for a promise, but not for longer than a time: what was waited for goes on then. */
function within<T>(
  ms: number,
  work: Promise<T>,
  onLate: () => Error,
): Promise<T> {
  return new Promise((resolve, reject) => {
    const end = () => {
      deadlines.delete(end);
      reject(onLate());
    };
    const leave = () => {
      if (deadlines.delete(end) && deadlines.size === 0) arm(Infinity);
    };
    const due = performance.now() + ms;
    deadlines.set(end, due);
    if (due < next) arm(due);
    work.then(resolve, reject).finally(leave);
  });
}

/**
 * Decodes a text. A byte order mark says more than a charset.
 *
 * @param otherType The declared type, where it is none whose bytes must be text.
 */
function decode(
  bytes: Uint8Array,
  charset: string,
  otherType?: string,
): string {
  const named = decoderOf(charset);
  const [first, second] = bytes;
  const label = first === 0xfe && second === 0xff
    ? "utf-16be"
    : first === 0xff && second === 0xfe
    ? "utf-16le"
    : charset;
  try {
    return (label === charset ? named : decoderOf(label)).decode(bytes);
  } catch {
    if (otherType !== undefined) throw unsupportedType(otherType);
    throw unreadable(`it is not ${label.toUpperCase()}`);
  }
}

function decoderOf(charset: string): TextDecoder {
  if (/^utf-?8$/i.test(charset)) return utf8;
  try {
    return new TextDecoder(charset, { fatal: true });
  } catch {
    throw unsupported(`the charset "${charset}" is not taken`);
  }
}

/** Whether a value parsed from JSON has more levels than so many. */
export function isDeeper(value: unknown, levels: number): boolean {
  return typeof value === "object" && value !== null &&
    (levels === 0 ||
      Object.values(value).some((child) => isDeeper(child, levels - 1)));
}

/** Tells whether a text that may not be JSON opens more levels than so many. */
function isTextDeeper(text: string, levels: number): boolean {
  let [depth, quoted] = [0, false];
  for (let at = 0; at < text.length && depth <= levels; at++) {
    const letter = text[at];
    if (letter === '"') quoted = !quoted;
    else if (quoted) at += letter === "\\" ? 1 : 0;
    else if (letter === "[" || letter === "{") depth++;
    else if (letter === "]" || letter === "}") depth--;
  }
  return depth > levels;
}

function tooDeep(): Problem {
  return unreadable(`it is nested deeper than ${maxDepth} levels`);
}

function unsupported(why: string, headers = {}): Problem {
  return unreadable(why, 415, headers);
}

function unsupportedType(type: string): Problem {
  return unsupported(
    `its type is "${type.slice(0, 100)}"; taken are ${taken}`,
    { "Accept": taken },
  );
}

function unreadable(why: string, status = 400, headers = {}): Problem {
  return new Problem(status, `Cannot read the body: ${why}`, { headers });
}

function refuseCut(): never {
  throw unreadable("it was cut short");
}

function tooLong(maxBytes: number): Problem {
  return unreadable(`it is longer than ${maxBytes} bytes`, 413);
}
