/**
 * A request as the resources of one store see it: what its path means, and what is in its body.
 *
 * @module
 */

import { percentDecode } from "../../lib/cli/values.ts";
import { type Document, isDocument, parseJson } from "./store/document.ts";
import { Problem } from "./store/problem.ts";
import {
  foreignKeyOf,
  type Naming,
  rename,
  usualNaming,
} from "./store/naming.ts";
import { fieldsOf, findMismatch } from "./store/schema.ts";

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
const maxDepth = 100;
const decoder = new TextDecoder("utf-8", { fatal: true });

/**
 * Reads a request's body as JSON, whatever its Content-Type says. Only a body that is declared a
 * form and does not look like JSON is read as one, each field a string. No body is `{}`.
 *
 * @throws {Problem} 413 when the body is longer, 408 when it takes longer; 400 when it is not JSON
 * in UTF-8, or nested deeper than 100 levels.
 */
export async function readBody(
  request: Request,
  limits: BodyLimits,
): Promise<unknown> {
  const text = decode(await readBytes(request, limits)).trim();
  if (text === "") return {};
  const type = request.headers.get("content-type") ?? "";
  const isForm = /^application\/x-www-form-urlencoded/i.test(type);
  if (isForm && !/^[[{]/.test(text)) {
    return Object.fromEntries(new URLSearchParams(text));
  }
  let value: unknown;
  try {
    value = parseJson(text);
  } catch (error) {
    throw unreadable(error instanceof Error ? error.message : "it is not JSON");
  }
  if (!isDeeper(value, maxDepth)) return value;
  throw unreadable(`it is nested deeper than ${maxDepth} levels`);
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
): Promise<Uint8Array<ArrayBuffer>> {
  const chunks: Uint8Array<ArrayBuffer>[] = [];
  let size = 0;
  for (;;) {
    const { value } = await reader.read().catch(refuseCut);
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

function decode(bytes: Uint8Array): string {
  try {
    return decoder.decode(bytes);
  } catch {
    throw unreadable("it is not UTF-8");
  }
}

/** Whether a value parsed from JSON has more levels than so many. */
export function isDeeper(value: unknown, levels: number): boolean {
  return typeof value === "object" && value !== null &&
    (levels === 0 ||
      Object.values(value).some((child) => isDeeper(child, levels - 1)));
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

/**
 * Checks a document that is to be stored against the table of resources; of others nothing is known.
 *
 * @param given Fields that may be missing: the id, what the URL says, for PATCH all.
 * @throws {Problem} 422 with the path of each field that is unknown, missing or of another type.
 */
export function checkDocument(
  resource: string,
  document: Document,
  given: (field: string) => boolean,
  naming = usualNaming,
): void {
  const fields = fieldsOf(resource);
  if (fields === undefined) return;
  const types = rename(fields, naming);
  const errors = [
    ...Object.entries(types)
      .filter(([field]) => Object.hasOwn(document, field) || !given(field))
      .map(([field, type]) =>
        findMismatch(document[field], type, `body.${field}`)
      ),
    ...Object.keys(document)
      .filter((field) => !Object.hasOwn(types, field))
      .map((field) => `body.${field}: there is no such field`),
  ].filter((error) => error !== undefined);
  if (errors.length > 0) {
    throw new Problem(422, `Cannot store the body: ${errors[0]}`, { errors });
  }
}
