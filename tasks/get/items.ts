/**
 * Request items: the small language in which headers, query and fields are typed, as HTTPie's users know it.
 *
 * @module
 */

import { UsageError } from "../../lib/cli/errors.ts";
import { isJson } from "../../lib/cli/values.ts";

/** The operators of items and what each makes: a header, a part of the query, or a field as text, as JSON, or from a file. */
const OPERATORS = {
  ":=@": "jsonFile",
  ":=": "json",
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
   */
  readonly path: readonly [name: string, ...steps: string[]];
  /** Its value: text, JSON text, or a file's path. A header's is empty when the header is to be left out. */
  readonly value: string;
}

/** Whether an item is a field: a part of a body. */
export function isField({ kind }: Item): boolean {
  return kind !== "header" && kind !== "query";
}

const ITEM =
  /^((?:\\[\\:=@[\]]|\\(?![\\:=@[\]])|[^\\:=@])*)(:=@|:=|=@|==|:|=|@)(.*)$/s;
const PATH = /^((?:\\[^]|[^\\[\]])*)((?:\[(?:\\[^]|[^\\[\]])*\])*)$/;

function unescape(text: string): string {
  return text.replace(/\\([\\:=@[\]])/g, "$1");
}

function escape(text: string): string {
  return text.replace(/[\\:=@[\]]/g, "\\$&");
}

function isOperator(text: string): text is keyof typeof OPERATORS {
  return text in OPERATORS;
}

/** Fields may be nested; brackets in the name of a header or a query are just brackets. */
function parsePath(text: string, kind: Item["kind"]): Item["path"] | undefined {
  if (kind === "header" || kind === "query") return [unescape(text)];
  const [, name, steps = ""] = text.match(PATH) ?? [];
  if (name === undefined) return undefined;
  const inner = steps.matchAll(/\[((?:\\[^]|[^\\\]])*)\]/g);
  return [unescape(name), ...inner.map(([, step = ""]) => unescape(step))];
}

/**
 * Reads an item: `Header:value`, `Header:` (leave it out), `name==query`, `key=text`, `key:=json`, `key=@file`,
 * `key:=@file`, `key@file`. A `\` before `: = @ [ ] \` makes it part of the name; before a `=` or `@` that begins
 * the value it makes that part of the value.
 *
 * @throws {UsageError} When it has no operator, no name, unmatched brackets, or a value that is not the JSON it should be.
 *
 * @example A header and a nested field
 * ```ts
 * import { assertEquals } from "@std/assert";
 *
 * assertEquals(parseItem("Accept:text/plain"), { kind: "header", path: ["Accept"], value: "text/plain" });
 * assertEquals(parseItem("tags[]=a"), { kind: "text", path: ["tags", ""], value: "a" });
 * ```
 */
export function parseItem(text: string): Item {
  const [, name = "", operator = "", value = ""] = text.match(ITEM) ?? [];
  const refuse = (why: string) =>
    new UsageError(`Cannot parse item "${text}": ${why}`);
  if (!isOperator(operator)) {
    throw refuse("expected Header:value, name==query, key=text or key:=json");
  }
  const kind = OPERATORS[operator];
  const path = parsePath(name, kind);
  if (path === undefined) throw refuse("its brackets do not match");
  if (path[0] === "") throw refuse("its name is missing");
  if (kind === "json" && !isJson(value)) {
    throw refuse("its value is not JSON");
  }
  return { kind, path, value: value.replace(/^\\(?=\\*[=@])/, "") };
}

/** Formats an item so that {@linkcode parseItem} reads it back. */
export function formatItem(
  { kind, path: [name, ...steps], value }: Item,
): string {
  const operator = Object.entries(OPERATORS).find(([, of]) => of === kind)
    ?.[0];
  return escape(name) + steps.map((step) => `[${escape(step)}]`).join("") +
    operator + value.replace(/^(?=\\*[=@])/, "\\");
}
