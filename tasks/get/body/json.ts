/**
 * The values of fields: as JSON, or as the text that a form has.
 *
 * @module
 */

import { Failure, UsageError } from "../../../lib/cli/errors.ts";
import { absolutePath } from "../../../lib/cli/values.ts";
import { formatItem, isJson, type Item, keyOf } from "../items.ts";
import { bodyOf, type PartBody } from "./request_body.ts";

/** A body and its media type. */
export interface TypedBody {
  readonly body: PartBody;
  readonly type: string;
}

async function readText(path: string): Promise<string> {
  return (await import("./file.ts")).readText(path);
}

/** The JSON text of a `:=` field, typed or from a file. */
async function readJson({ kind, value }: Item): Promise<string> {
  if (kind === "json") return value;
  const text = (await readText(value)).trim();
  if (!isJson(text)) {
    throw new Failure(
      `Cannot send "${absolutePath(value)}" as JSON: its content is not JSON`,
    );
  }
  return text;
}

/** The value of a field as JSON text; that of JSON is as it was given, with every digit. */
async function jsonOf(field: Item): Promise<string> {
  const { kind, value } = field;
  if (kind === "text") return JSON.stringify(value);
  if (kind === "textFile") return JSON.stringify(await readText(value));
  if (kind === "json" || kind === "jsonFile") return readJson(field);
  const [why, hint] = kind === "file"
    ? [
      "a file needs a form",
      "--form sends one; for the text of a file: key=@FILE",
    ]
    : ["it is no field", "fields are key=text and key:=json"];
  throw new UsageError(`Cannot send "${formatItem(field)}" as JSON: ${why}`, {
    hint,
  });
}

/**
 * The value of a field as the text that a form has: of JSON a string's text, or a number, true or false as it is.
 *
 * @param field An item that is a field, but not a file.
 * @throws {UsageError} When it is JSON of another type.
 * @throws {Failure} When a file cannot be read, or has not what it should.
 */
export async function textOf(field: Item): Promise<string> {
  if (field.kind === "text") return field.value;
  if (field.kind === "textFile") return readText(field.value);
  const json = await readJson(field);
  const value: unknown = JSON.parse(json);
  if (typeof value === "string") return value;
  if (typeof value === "number" || typeof value === "boolean") {
    return json.trim();
  }
  throw new UsageError(
    `Cannot send "${
      formatItem(field)
    }" in a form: expected text, a number, true or false`,
  );
}

/** The name of a field as it was typed: `a[b][]`. */
export function nameOf([name = "", ...steps]: readonly string[]): string {
  return name + steps.map((step) => `[${step}]`).join("");
}

/** A field of a document; its value is JSON text, which is kept as it is: no digit of a number is lost. */
type Field = Pick<Item, "path"> & { readonly json: string };

// maps and arrays, not objects: they keep the order of keys like "2" and know no __proto__
type Node = string | Map<string, Node> | Node[];

const KEY = "a key that is a number has a backslash: key[\\1]=text";

/** A list may be so long; what is not set in it is null. */
const MAX_INDEX = 99_999;

/** A value that is an object or a list as a node of its members, which stay as they are; any other as it is. */
function open(json: string): Node {
  const token = /"(?:[^"\\]|\\.)*"|[[\]{},:]|[^\s"[\]{},:]+/g;
  const list: string[] = [];
  const map = new Map<string, Node>();
  let depth = 0;
  let key: string | undefined;
  let start = 0;
  const isList = /^\s*\[/.test(json);
  if (!isList && !/^\s*\{/.test(json)) return json;
  for (const { 0: part, index } of json.matchAll(token)) {
    const isEnd = /^[\]}]$/.test(part) && --depth === 0;
    if (depth === 1 && part === "," || isEnd) {
      const value = json.slice(start, index).trim();
      if (key !== undefined) map.set(key, value);
      else if (value !== "") list.push(value);
      key = undefined;
      start = index + 1;
    } else if (depth === 1 && key === undefined && part === ":") {
      key = String(JSON.parse(json.slice(start, index)));
      start = index + 1;
    }
    if (/^[[{]$/.test(part) && ++depth === 1) start = index + 1;
  }
  return isList ? list : map;
}

/** Sets a field that is below a node, from a step of its path on; gives the node, which may be new. */
function set(
  node: Node | undefined,
  { path, json }: Field,
  depth: number,
): Node {
  const refuse = (why: string, hint?: string) => {
    const shown = nameOf(path.slice(0, depth + 1));
    return new UsageError(`Cannot set field "${shown}": ${why}`, { hint });
  };
  const step = path[depth];
  if (step === undefined) return json;
  // what comes first is a name, whatever it is
  const isIndex = depth > 0 && /^(-?\d+)?$/.test(step);
  const root = depth === (path[0] === "" && path.length > 1 ? 1 : 0);
  const inside = root ? "the body is" : "it is inside";
  node ??= isIndex ? [] : new Map();
  if (typeof node === "string") node = open(node);
  if (typeof node === "string") {
    throw refuse("what it is inside of has a value already");
  }
  if (Array.isArray(node)) {
    if (!isIndex) throw refuse(`${inside} a list`);
    const at = step === "" ? node.length : Number(step);
    if (!(at >= 0 && at <= MAX_INDEX)) {
      throw refuse(`expected an index from 0 to ${MAX_INDEX}`, KEY);
    }
    node[at] = set(node[at], { path, json }, depth + 1);
  } else {
    if (isIndex) {
      throw refuse(`${inside} an object`, step === "" ? undefined : KEY);
    }
    const key = keyOf(step);
    node.set(key, set(node.get(key), { path, json }, depth + 1));
  }
  return node;
}

function format(node: Node | undefined): string {
  if (node === undefined) return "null";
  if (typeof node === "string") return node;
  // unlike map, from sees what is not set
  if (Array.isArray(node)) return `[${Array.from(node, format).join(",")}]`;
  const members = Array.from(
    node,
    ([key, child]) => `${JSON.stringify(key)}:${format(child)}`,
  );
  return `{${members.join(",")}}`;
}

/**
 * Builds a JSON document from fields, in their order; the same field given twice keeps its place and takes the last value.
 * A list has null where nothing is set.
 *
 * @throws {UsageError} When a field cannot be where its path says.
 *
 * @example A nested field
 * ```ts
 * import { assertEquals } from "@std/assert";
 *
 * assertEquals(formatDocument([{ path: ["a", "b", ""], json: "1.10" }]), '{"a":{"b":[1.10]}}');
 * ```
 */
export function formatDocument(fields: readonly Field[]): string {
  let root: Node | undefined;
  for (const field of fields) {
    const [name, step] = field.path;
    // a list as the whole body
    const depth = name === "" && step !== undefined ? 1 : 0;
    root = set(root, field, depth);
  }
  return format(root ?? new Map());
}

/**
 * Makes a JSON body of items that are fields.
 *
 * @throws {UsageError} When one is a file, which JSON has no place for, or cannot be where its path says.
 * @throws {Failure} When a file cannot be read, or has not what it should.
 */
export async function formatJson(fields: readonly Item[]): Promise<TypedBody> {
  const values = await Promise.all(
    fields.map(async (field) => ({
      path: field.path,
      json: await jsonOf(field),
    })),
  );
  const bytes = new TextEncoder().encode(formatDocument(values));
  return { body: bodyOf(bytes), type: "application/json" };
}
