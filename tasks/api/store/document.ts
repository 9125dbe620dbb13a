/**
 * JSON objects: what they are, how they are parsed, what is in their fields.
 *
 * @module
 */

/** A JSON object, whatever its fields. */
export type Document = { readonly [field: string]: unknown };

/** Tells whether a value parsed from JSON is an object: not an array, not null. */
export function isDocument(value: unknown): value is Document {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/**
 * Parses JSON that a person may have written.
 *
 * @throws {SyntaxError} When it is not JSON; the message ends with the place: `(line 1 column 8)`.
 */
export function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch (error) {
    const message = messageOf(error);
    const [why = ""] = message.split(/, "|, \.\.\.| (?:in|of|after) JSON/);
    const [place = placeOf(text)] = message.match(/\(line .*\)$/) ?? [];
    throw new SyntaxError(`${why} ${place}`);
  }
}

function placeOf(text: string): string {
  const before = text.slice(0, longestStart(text)).split("\n");
  const column = (before.at(-1)?.length ?? 0) + 1;
  return `(line ${before.length} column ${column})`;
}

/** How long the longest start of a text is that could still become JSON. */
function longestStart(text: string): number {
  let [good, bad] = [0, text.length + 1];
  while (bad - good > 1) {
    const length = (good + bad) >> 1;
    if (isStart(text.slice(0, length))) good = length;
    else bad = length;
  }
  return good;
}

/** V8 tells most places itself, but not that of an unexpected token. */
function isStart(text: string): boolean {
  try {
    JSON.parse(text);
    return true;
  } catch (error) {
    const message = messageOf(error);
    return message.includes("end of JSON") ||
      message.includes(`at position ${text.length} `);
  }
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : "";
}

/**
 * Reads a field of a document.
 *
 * @param path Its name; dots and brackets lead into objects and lists: `geo.lat`, `tags[0]`. A name
 * that holds a dot itself is found too.
 * @returns Its value; undefined when it is missing. What objects inherit is not a field.
 */
export function readField(value: unknown, path: string): unknown {
  return readOwn(value, path) ??
    path.replace(/\[(\w+)\]/g, ".$1").split(".").reduce(readOwn, value);
}

function readOwn(value: unknown, name: string): unknown {
  const object: object = Object(value); // undefined and null make an empty one
  if (Object.hasOwn(object, name)) return Reflect.get(object, name);
}
