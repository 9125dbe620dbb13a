/** The document in a request's body. */
import { type Document, isDocument } from "./document.ts";
import { Problem } from "./problem.ts";

// Indentation makes a text longer by its depth: this bounds what a short body can grow to, and it
// stays below the 1,000 levels of SQLite's JSON functions.
const maxDepth = 100;

/**
 * Reads a request's body as a JSON object, whatever its Content-Type says. Only a body that is
 * declared a form and does not look like JSON is read as one, each field a string. No body is `{}`.
 *
 * @param maxBytes How long a body may be.
 * @throws {Problem} 413 when the body is longer; 400 when it is not a JSON object in UTF-8.
 *
 * @example
 * ```ts
 * import { assertEquals } from "@std/assert";
 *
 * const request = new Request("http://localhost/posts", { method: "POST", body: '{"a": 1}' });
 * assertEquals(await readDocument(request, 1000), { a: 1 });
 * ```
 */
export async function readDocument(
  request: Request,
  maxBytes: number,
): Promise<Document> {
  const text = decode(await readBytes(request, maxBytes)).trim();
  if (text === "") return {};
  const type = request.headers.get("content-type") ?? "";
  if (
    /^application\/x-www-form-urlencoded/i.test(type) && !/^[[{]/.test(text)
  ) {
    return Object.fromEntries(new URLSearchParams(text));
  }
  return parseDocument(text);
}

/**
 * Parses the text of a JSON object.
 *
 * @throws {Problem} 400 when it is not JSON, not an object, or nested deeper than 100 levels.
 *
 * @example
 * ```ts
 * import { assertThrows } from "@std/assert";
 * import { Problem } from "./problem.ts";
 *
 * assertThrows(() => parseDocument("[1]"), Problem, "expected an object, got an array");
 * ```
 */
export function parseDocument(text: string): Document {
  const value = parseJson(text);
  if (!isDocument(value)) {
    const found = Array.isArray(value) ? "an array" : `${value}`.slice(0, 20);
    throw unreadable(`expected an object, got ${found}`);
  }
  if (isDeeper(value, maxDepth)) {
    throw unreadable(`it is nested deeper than ${maxDepth} levels`);
  }
  return value;
}

async function readBytes(
  request: Request,
  maxBytes: number,
): Promise<Uint8Array<ArrayBuffer>> {
  const length = request.headers.get("content-length");
  // HTTP holds the sender to the length it declared, so there is nothing to count.
  if (length !== null && Number(length) <= maxBytes) return request.bytes();
  if (length !== null) throw tooLong(maxBytes);
  const chunks: Uint8Array<ArrayBuffer>[] = [];
  let size = 0;
  for await (const chunk of request.body ?? []) {
    size += chunk.length;
    if (size > maxBytes) throw tooLong(maxBytes);
    chunks.push(chunk);
  }
  return new Blob(chunks).bytes();
}

function decode(bytes: Uint8Array): string {
  try {
    return new TextDecoder("utf-8", { fatal: true }).decode(bytes);
  } catch {
    throw unreadable("it is not UTF-8");
  }
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch (error) {
    throw unreadable(error instanceof Error ? error.message : "it is not JSON");
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
