/**
 * The values of fields: as JSON, or as the text that a form has.
 *
 * @module
 */

import { Failure, UsageError } from "../cli/errors.ts";
import { formatItem, type Item } from "./items.ts";

async function readText(path: string): Promise<string> {
  return (await import("./file_body.ts")).readText(path);
}

/** The JSON text of a `:=` field, typed or from a file. */
async function readJson({ kind, value }: Item): Promise<string> {
  if (kind === "json") return value;
  const text = (await readText(value)).trim();
  try {
    JSON.parse(text);
  } catch {
    const { absolutePath } = await import("../cli/path.ts");
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
 *
 * @example A number keeps its digits
 * ```ts
 * import { assertEquals } from "@std/assert";
 *
 * assertEquals(await textOf({ kind: "json", path: ["a"], value: "1.10" }), "1.10");
 * ```
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
