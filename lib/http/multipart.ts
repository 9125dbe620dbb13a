/**
 * Forms with files, as browsers send them: multipart/form-data by RFC 7578 and the HTML Standard.
 *
 * @module
 */

import { bodyOf, joinBodies, type PartBody } from "./body.ts";

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

const encoder = new TextEncoder();

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
 *
 * @example A form that is parsed back
 * ```ts
 * import { assertEquals } from "@std/assert";
 * import { bodyOf } from "./body.ts";
 *
 * const body = bodyOf(new TextEncoder().encode("Ada"));
 * const form = formatMultipart([{ name: "by", body }], "x");
 * const headers = { "content-type": "multipart/form-data; boundary=x" };
 * assertEquals((await new Response(form.open(), { headers }).formData()).get("by"), "Ada");
 * ```
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
