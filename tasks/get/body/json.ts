/**
 * The values of fields: as JSON, or as the text that a form has.
 *
 * @module
 */

import { Failure, UsageError } from "../../../lib/cli/errors.ts";
import { absolutePath, isJson } from "../../../lib/cli/values.ts";
import { bodyOf, type PartBody } from "../../../lib/http/request_body.ts";
import { formatItem, type Item } from "../items.ts";

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
  if (kind !== "file") return readJson(field);
  throw new UsageError(
    `Cannot send "${formatItem(field)}" as JSON: a file needs a form`,
    { hint: `--form sends one; for the text of a file: key=@FILE` },
  );
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

/** Sets a field that is below a node, from a step of its path on; gives the node, which may be new. */
function set(node: Node | undefined, { path, json }: Field, depth = 0): Node {
  const refuse = (why: string) => {
    const shown = nameOf(path.slice(0, depth + 1));
    return new UsageError(`Cannot set field "${shown}": ${why}`);
  };
  const step = path[depth];
  if (step === undefined) return json;
  const isIndex = /^\d*$/.test(step);
  node ??= isIndex ? [] : new Map();
  if (Array.isArray(node)) {
    const at = step === "" ? node.length : Number(step);
    if (!isIndex) throw refuse("it is inside a list");
    if (at > node.length) {
      throw refuse(`the list has ${node.length} items so far`);
    }
    node[at] = set(node[at], { path, json }, depth + 1);
  } else if (node instanceof Map) {
    node.set(step, set(node.get(step), { path, json }, depth + 1));
  } else {
    throw refuse("what it is inside of has a value already");
  }
  return node;
}

function format(node: Node): string {
  if (typeof node === "string") return node;
  if (Array.isArray(node)) return `[${node.map(format).join(",")}]`;
  const members = Array.from(
    node,
    ([key, child]) => `${JSON.stringify(key)}:${format(child)}`,
  );
  return `{${members.join(",")}}`;
}

/**
 * Builds a JSON document from fields, in their order; the same field given twice keeps its place and takes the last value.
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
  const root: Node = new Map();
  for (const field of fields) set(root, field);
  return format(root);
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
