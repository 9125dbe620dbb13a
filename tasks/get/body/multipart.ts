/**
 * Fields as a form: URL-encoded, or with files multipart.
 *
 * @module
 */

import {
  bodyOf,
  joinBodies,
  type PartBody,
} from "../../../lib/http/request_body.ts";
import type { Item } from "../items.ts";
import { textOf } from "./json.ts";

const encoder = new TextEncoder();

/** The name of a field as a form has it: `a[b][]`, as it was typed. */
function nameOf({ path: [name, ...steps] }: Item): string {
  return name + steps.map((step) => `[${step}]`).join("");
}

/** A file as a part of a form: `FILE` or, as for HTTPie and curl, `FILE;type=TYPE`. */
async function partOf({ value }: Item): Promise<Omit<Part, "name">> {
  const { bodyOfFile, splitType } = await import("./file.ts");
  const { path, type } = splitType(value);
  return {
    body: await bodyOfFile(path),
    filename: path.replace(/^.*[\\/]/s, ""),
    type,
  };
}

/**
 * Makes the body of a form.
 *
 * @param fields Items that are fields.
 * @returns The body, and its media type.
 * @throws {UsageError} When a field has no place in a form.
 * @throws {Failure} When a file cannot be read.
 */
export async function formatForm(
  fields: readonly Item[],
): Promise<{ readonly body: PartBody; readonly type: string }> {
  if (!fields.some(({ kind }) => kind === "file")) {
    const pairs = await Promise.all(
      fields.map(async (field) => [nameOf(field), await textOf(field)]),
    );
    return {
      body: bodyOf(encoder.encode(`${new URLSearchParams(pairs)}`)),
      type: "application/x-www-form-urlencoded",
    };
  }
  const parts: Part[] = [];
  for (const field of fields) {
    const part = field.kind === "file"
      ? await partOf(field)
      : { body: bodyOf(encoder.encode(await textOf(field))) };
    parts.push({ name: nameOf(field), ...part });
  }
  const boundary = `hark-${crypto.randomUUID()}`;
  return {
    body: formatMultipart(parts, boundary),
    type: `multipart/form-data; boundary=${boundary}`,
  };
}

/** One field of a form. */
export interface Part {
  /** Its name. */
  readonly name: string;
  /** Its value. */
  readonly body: PartBody;
  /** What the file is called, where it is one. */
  readonly filename?: string;
  /** The media type of a file. */
  readonly type?: string;
}

/** A name between quotes: what would end it, or the line, is percent-encoded, as the HTML Standard says. */
function quote(name: string): string {
  return `"${name.replace(/["\r\n]/g, encodeURIComponent)}"`;
}

function formatHead({ name, filename, type }: Part): string {
  return [
    `Content-Disposition: form-data; name=${quote(name)}` +
    (filename === undefined ? "" : `; filename=${quote(filename)}`),
    ...type === undefined ? [] : [`Content-Type: ${type}`],
    "\r\n",
  ].join("\r\n");
}

/**
 * Makes the body of a form: as long as its fields, and streamed when they are.
 *
 * @param parts The fields.
 * @param boundary A line that is in none of them.
 */
export function formatMultipart(
  parts: readonly Part[],
  boundary: string,
): PartBody {
  const bytes = (text: string) => bodyOf(encoder.encode(text));
  return joinBodies([
    ...parts.flatMap((part) => [
      bytes(`--${boundary}\r\n${formatHead(part)}`),
      part.body,
      bytes("\r\n"),
    ]),
    bytes(`--${boundary}--\r\n`),
  ]);
}
