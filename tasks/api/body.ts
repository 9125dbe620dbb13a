/** What is in a request's body. */
import { within } from "./deadline.ts";
import { type Document, isDocument, parseJson } from "./store/document.ts";
import { Problem } from "./store/problem.ts";
import { fieldsOf } from "./store/schema.ts";
import { findMismatch } from "./store/shape.ts";

/** How much of a body is read. */
export interface BodyLimits {
  /** How many bytes it may be long. */
  readonly maxBytes: number;
  /** How long it may take to arrive, in ms. */
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
  if (
    /^application\/x-www-form-urlencoded/i.test(type) && !/^[[{]/.test(text)
  ) {
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

async function readBytes(
  request: Request,
  { maxBytes, timeoutMs }: BodyLimits,
): Promise<Uint8Array<ArrayBuffer>> {
  const onLate = () =>
    new Problem(
      408,
      `Cannot read the body: it took longer than ${timeoutMs / 1000} s`,
      { headers: { connection: "close" } },
    );
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

function refuseCut(): never {
  throw unreadable("it was cut short");
}

function decode(bytes: Uint8Array): string {
  try {
    return decoder.decode(bytes);
  } catch {
    throw unreadable("it is not UTF-8");
  }
}

function isDeeper(value: unknown, levels: number): boolean {
  return typeof value === "object" && value !== null &&
    (levels === 0 ||
      Object.values(value).some((child) => isDeeper(child, levels - 1)));
}

function unreadable(why: string): Problem {
  return new Problem(400, `Cannot read the body: ${why}`);
}

function tooLong(maxBytes: number): Problem {
  return new Problem(
    413,
    `Cannot read the body: it is longer than ${maxBytes} bytes`,
  );
}

/**
 * Checks a document that is to be stored against the table of resources; of others nothing is known.
 *
 * @param given Fields that may be missing: the id, what the URL says, for PATCH all.
 * @throws {Problem} 422 with the path of each field that is unknown, missing or of another type.
 */
export function checkDocument(
  kind: string,
  document: Document,
  given: (field: string) => boolean,
): void {
  const types = fieldsOf(kind);
  if (types === undefined) return;
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
