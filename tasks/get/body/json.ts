/**
 * The values of fields: as JSON, or as the text that a form has.
 *
 * @module
 */

import { Failure, UsageError } from "../../../lib/cli/errors.ts";
import { formatItem, type Item } from "../items.ts";

async function readText(path: string): Promise<string> {
  return (await import("./file.ts")).readText(path);
}

/** The JSON text of a `:=` field, typed or from a file. */
async function readJson({ kind, value }: Item): Promise<string> {
  if (kind === "json") return value;
  const text = (await readText(value)).trim();
  try {
    JSON.parse(text);
  } catch {
    const { absolutePath } = await import("../../../lib/cli/values.ts");
    throw new Failure(
      `Cannot send "${absolutePath(value)}" as JSON: its content is not JSON`,
    );
  }
  return text;
}

/**
 * The value of a field as JSON text; that of JSON is as it was given, with every digit.
 *
 * @param field An item that is a field.
 * @throws {UsageError} When it is a file, which JSON has no place for.
 * @throws {Failure} When a file cannot be read, or has not what it should.
 *
 * @example A text
 * ```ts
 * import { assertEquals } from "@std/assert";
 *
 * assertEquals(await jsonOf({ kind: "text", path: ["a"], value: '"' }), '"\\""');
 * ```
 */
export async function jsonOf(field: Item): Promise<string> {
  if (field.kind === "text") return JSON.stringify(field.value);
  if (field.kind === "textFile") {
    return JSON.stringify(await readText(field.value));
  }
  if (field.kind === "file") {
    throw new UsageError(
      `Cannot send "${formatItem(field)}" as JSON: a file needs a form`,
      { hint: `--form sends one; for the text of a file: key=@FILE` },
    );
  }
  return readJson(field);
}

/**
 * The value of a field as the text that a form has: of JSON a string's text, or a number, true or false as it is.
 *
 * @param field An item that is a field, but not a file.
 * @throws {UsageError} When it is JSON of another kind.
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

/** One field of a document. */
export interface Field {
  /** Where it goes: a name, then steps; a step that is empty or a number is in a list. */
  readonly path: readonly string[];
  /** Its value as JSON text, which is kept as it is: no digit of a number is lost. */
  readonly json: string;
}

// maps and arrays, not objects: they keep the order of keys like "2" and know no __proto__
type Node = string | Map<string, Node> | Node[];

function isIndex(step: string | undefined): boolean {
  return step !== undefined && /^\d*$/.test(step);
}

function place(root: Node, { path, json }: Field): void {
  const refuse = (depth: number, why: string) => {
    const [name, ...steps] = path.slice(0, depth + 1);
    const shown = name + steps.map((step) => `[${step}]`).join("");
    return new UsageError(`Cannot set field "${shown}": ${why}`);
  };
  let node = root;
  for (const [depth, step] of path.entries()) {
    const next = path[depth + 1];
    const fresh: Node = next === undefined
      ? json
      : isIndex(next)
      ? []
      : new Map();
    if (Array.isArray(node)) {
      const at = step === "" ? node.length : Number(step);
      if (!isIndex(step)) throw refuse(depth, "it is inside a list");
      if (at > node.length) {
        throw refuse(depth, `the list has ${node.length} items so far`);
      }
      node = node[at] = next === undefined ? fresh : node[at] ?? fresh;
    } else if (node instanceof Map) {
      const child: Node = next === undefined ? fresh : node.get(step) ?? fresh;
      node.set(step, child);
      node = child;
    } else {
      throw refuse(depth, "what it is inside of has a value already");
    }
  }
}

function format(node: Node): string {
  if (typeof node === "string") return node;
  if (Array.isArray(node)) return `[${node.map(format).join(",")}]`;
  return `{${
    [...node].map(([key, child]) => `${JSON.stringify(key)}:${format(child)}`)
      .join(",")
  }}`;
}

/**
 * Builds a JSON document from fields, in their order; the same field given twice keeps its place and takes the last value.
 *
 * @param fields The fields.
 * @throws {UsageError} When a field cannot be where its path says.
 */
export function formatJsonBody(fields: readonly Field[]): string {
  const root: Node = new Map();
  for (const field of fields) place(root, field);
  return format(root);
}
