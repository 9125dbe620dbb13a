/**
 * Request items: the small language in which headers, query and fields are typed, as HTTPie's users know it.
 *
 * @module
 */

import { UsageError } from "../../lib/cli/errors.ts";

/** The operators of items and what each makes: a header, a part of the query, or a field as text, as JSON, or from a file. */
const OPERATORS = {
  ":=@": "jsonFile",
  ":=": "json",
  ":@": "headerFile",
  "==@": "queryFile",
  "=@": "textFile",
  "==": "query",
  ":": "header",
  "=": "text",
  "@": "file",
} as const;

/** One item of a request. */
export interface Item {
  readonly kind: (typeof OPERATORS)[keyof typeof OPERATORS];
  /**
   * Its name; a nested field has more steps: `a[b]` is `["a", "b"]`, and an empty step, as in `a[]`, appends to a list.
   * An empty name with more steps, as of `[0][a]`, is the body itself. A number that is a name and no index, as in
   * `a[\1]`, keeps its backslash; {@linkcode keyOf} takes it off.
   */
  readonly path: readonly [name: string, ...steps: string[]];
  /** Its value: text, JSON text, or a file's path. A header's is empty when the header is to be left out. */
  readonly value: string;
}

/** Whether an item is a field: a part of a body. */
export function isField({ kind }: Pick<Item, "kind">): boolean {
  return !/^(header|query)/.test(kind);
}

/** Whether the value of an item is the name of a file. */
export function isFile({ kind }: Pick<Item, "kind">): boolean {
  return /file$/i.test(kind);
}

const isType = (value: string) => /^;type=/.test(value);

const ITEM =
  /^((?:\\[\\:=@;[\]]|\\(?![\\:=@;[\]])|[^\\:=@])*)(:=@|:=|:@|==@|=@|==|:|=|@)(.*)$/s;
const PATH = /^((?:\\[^]|[^\\[\]])*)((?:\[(?:\\[^]|[^\\[\]])*\])*)$/;

/** A header that is sent empty, as HTTPie and curl take it. */
const EMPTY_HEADER = /^((?:\\[^]|[^\\:=@;])+);$/;

function unescape(text: string): string {
  return text.replace(/\\([\\:=@;[\]])/g, "$1");
}

function escape(text: string): string {
  return text.replace(/[\\:=@[\]]/g, "\\$&");
}

/** A number behind a backslash, as it is typed: a name, where the number alone would be an index. */
const NUMBER_KEY = /^\\-?\d+$/;

/** One step of a path. What has a backslash of its own before a number gets one more, to be told from a name. */
function readStep(text: string): string {
  if (NUMBER_KEY.test(text)) return text;
  return unescape(text).replace(/^(?=\\+-?\d+$)/, "\\");
}

/** The name that a step of a field's path gives to a member of an object: `\1` is 1. */
export function keyOf(step: string): string {
  return step.replace(/^\\(?=\\*-?\d+$)/, "");
}

function formatStep(step: string): string {
  return NUMBER_KEY.test(step) ? step : escape(keyOf(step));
}

function isOperator(text: string): text is keyof typeof OPERATORS {
  return text in OPERATORS;
}

/** Fields may be nested; brackets in the name of a header or a query are just brackets. */
function parsePath(text: string, kind: Item["kind"]): Item["path"] | undefined {
  if (!isField({ kind })) return [unescape(text)];
  const [, name, steps = ""] = text.match(PATH) ?? [];
  if (name === undefined) return undefined;
  const inner = steps.matchAll(/\[((?:\\[^]|[^\\\]])*)\]/g);
  return [readStep(name), ...inner.map(([, step = ""]) => readStep(step))];
}

/** What JSON has for a word that other languages write otherwise. */
function wordFor(value: string): string | undefined {
  const [word] = value.toLowerCase().replace(/^(none|nil)$/, "null")
    .match(/^(true|false|null)$/) ?? [];
  return word;
}

/** The field that is meant where a value is no JSON. */
export function meantFor(name: string, value: string): string {
  const word = wordFor(value);
  return word ? `${name}:=${word}` : `${name}=${value}`;
}

/** What to say of a name that ends too early. */
export const ESCAPES = "in a name : = @ [ ] are typed \\: \\= \\@ \\[ \\]";

/**
 * Reads an item: `Header:value`, `Header:` (leave it out), `Header;` (send it empty), `name==value`, `key=text`,
 * `key:=json`, each of them from a file with `@file` for its value, and `key@file`. A `\` before `: = @ ; [ ] \` makes
 * it part of the name, before a number in brackets makes that a name; before a `=` or `@` that begins the value it
 * makes that part of the value.
 *
 * @param command Whose it is: `get` is told of no fields.
 * @throws {UsageError} When it has no operator, a header no name, brackets do not match, a file is missing, or a value
 * is not the JSON that it should be.
 *
 * @example A header and a nested field
 * ```ts
 * import { assertEquals } from "@std/assert";
 *
 * assertEquals(parseItem("Accept:text/plain"), { kind: "header", path: ["Accept"], value: "text/plain" });
 * assertEquals(parseItem("tags[]=a"), { kind: "text", path: ["tags", ""], value: "a" });
 * ```
 */
export function parseItem(text: string, command = "post"): Item {
  const [, header] = text.match(EMPTY_HEADER) ?? [];
  if (header !== undefined) {
    return { kind: "header", path: [unescape(header)], value: " " };
  }
  const [, name = "", operator = "", value = ""] = text.match(ITEM) ?? [];
  const refuse = (why: string, hint?: string) =>
    new UsageError(`Cannot parse item "${text}": ${why}`, { hint });
  if (!isOperator(operator)) {
    throw refuse(
      `expected ${
        command === "get" ? "" : "key=text, key:=json, "
      }Header:value or name==value`,
    );
  }
  const kind = OPERATORS[operator];
  const path = parsePath(name, kind);
  if (path === undefined) throw refuse("its brackets do not match", ESCAPES);
  const [start, step] = path;
  if (start === "" && step === undefined && /^(header|file)/.test(kind)) {
    throw refuse("its name is missing");
  }
  if (start === "" && step !== undefined && !/^\d*$/.test(step)) {
    throw refuse("expected an index or nothing between its first brackets");
  }
  if (kind === "json" && !isJson(value)) {
    throw refuse(
      "its value is not JSON",
      /^[[{"]/.test(value)
        ? "in single quotes a shell leaves JSON as it is"
        : wordFor(value)
        ? `JSON writes true, false and null: ${meantFor(name, value)}`
        : `text has = alone: ${name}=TEXT`,
    );
  }
  if (isFile({ kind }) && value === "" || kind === "file" && isType(value)) {
    throw refuse("its file is missing");
  }
  return { kind, path, value: value.replace(/^\\(?=\\*[=@])/, "") };
}

/** Whether a text has an operator, so that it can be an item. */
export function hasOperator(text: string): boolean {
  return ITEM.test(text) || EMPTY_HEADER.test(text);
}

/** Formats an item so that {@linkcode parseItem} reads it back. */
export function formatItem(
  { kind, path: [name, ...steps], value }: Item,
): string {
  const operator = Object.entries(OPERATORS).find(([, of]) => of === kind)
    ?.[0];
  return (isField({ kind }) ? formatStep(name) : escape(name)) +
    steps.map((step) => `[${formatStep(step)}]`).join("") + operator +
    value.replace(/^(?=\\*[=@])/, "\\");
}

/** Whether a text is a JSON document. */
export function isJson(text: string): boolean {
  try {
    JSON.parse(text);
    return true;
  } catch {
    return false;
  }
}
