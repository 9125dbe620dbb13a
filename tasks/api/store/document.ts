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
    const [place = placeOf(text, message)] = message.match(/\(line .*\)$/) ??
      [];
    throw new SyntaxError(`${why} ${place}`);
  }
}

/** Finds the place of an unexpected token, or the end: V8 tells all other places itself. */
function placeOf(text: string, message: string): string {
  const end = message.includes("end of JSON")
    ? text.length
    : unexpectedAt(text);
  const before = text.slice(0, end).split("\n");
  const column = (before.at(-1)?.length ?? 0) + 1;
  return `(line ${before.length} column ${column})`;
}

const words = ["true", "false", "null"];

/** Where a value should begin and none does, or a letter of a word or an escape is wrong: before it all is JSON. */
function unexpectedAt(text: string): number {
  const inside = /["\\]/g;
  const outside =
    /"|(?:^|\[(?![ \t\r\n]*\])|[,:])[ \t\r\n]*(?![ \t\r\n"[{\d-]|true|false|null)/g;
  let marks = outside;
  for (let place = 0;;) {
    marks.lastIndex = place;
    const found = marks.exec(text);
    if (found === null) return text.length;
    place = found.index + found[0].length;
    if (found[0] === '"') marks = marks === inside ? outside : inside;
    else if (marks === outside) return place + sameLetters(text, place);
    else if (text.charCodeAt(place) > 0xff) return place;
    else place++;
  }
}

function sameLetters(text: string, start: number): number {
  const word = words.find((each) => each[0] === text[start]) ?? "";
  let count = 0;
  while (count < word.length && word[count] === text[start + count]) count++;
  return count;
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : "";
}

/**
 * Makes what reads a field of a document, or undefined where it is missing. What objects inherit is not a field.
 *
 * @param path Its name; dots and brackets lead into objects and lists: `geo.lat`, `tags[0]`. A name
 * that holds a dot itself is found too.
 */
export function createFieldReader(path: string): (value: unknown) => unknown {
  const names = namesOf(path);
  if (names.length === 1 && names[0] === path) {
    return (value) => readOwn(value, path);
  }
  return (value) => {
    const own = readOwn(value, path);
    if (own !== undefined && own !== null) return own;
    let inner = value;
    for (const name of names) {
      if (inner === undefined) return;
      inner = readOwn(inner, name);
    }
    return inner;
  };
}

/**
 * Makes what reads all that a path leads to where each list on its way, and at its end, stands for its elements:
 * the ids of all items for `items.id`.
 */
export function createElementReader(
  path: string,
): (value: unknown) => unknown[] {
  const names = namesOf(path);
  function collect(value: unknown, at: number, found: unknown[]): unknown[] {
    const name = names[at];
    const inner = name === undefined ? undefined : readOwn(value, name);
    if (inner !== undefined) return collect(inner, at + 1, found);
    if (Array.isArray(value)) {
      for (const each of value) collect(each, at, found);
    } else if (name === undefined) found.push(value);
    return found;
  }
  return (value) => collect(value, 0, []);
}

/** Splits a path: `a`, `0` and `b` for `a[0].b`. */
export function namesOf(path: string): string[] {
  return path.replace(/\[(\w+)\]/g, ".$1").split(".");
}

function readOwn(value: unknown, name: string): unknown {
  if (typeof value !== "object" || value === null) {
    return typeof value === "string" && Object.hasOwn(Object(value), name)
      ? Reflect.get(Object(value), name)
      : undefined;
  }
  if (Object.hasOwn(value, name)) return Reflect.get(value, name);
}
