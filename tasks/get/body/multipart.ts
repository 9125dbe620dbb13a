/**
 * Fields as a form: URL-encoded, or with files multipart.
 *
 * @module
 */

import type { Item } from "../items.ts";
import type { ExchangeOptions } from "../options.ts";
import { nameOf, textOf, type TypedBody } from "./json.ts";
import {
  bodyOf,
  createBody,
  joinSources,
  MAX_HELD,
  type PartBody,
} from "./request_body.ts";

function encode(text: string): PartBody {
  return bodyOf(new TextEncoder().encode(text));
}

/** One field of a multipart form; a file has a name and a media type. */
export interface Part {
  readonly name: string;
  readonly body: PartBody;
  readonly filename?: string;
  readonly type?: string;
}

/** A field as a part; of a file, `FILE` or, as for HTTPie and curl, `FILE;type=TYPE`. */
async function partOf(field: Item): Promise<Part> {
  const name = nameOf(field.path);
  if (field.kind !== "file") return { name, body: encode(await textOf(field)) };
  const { bodyOfFile, splitType } = await import("./file.ts");
  const { path, type } = splitType(field.value);
  // elsewhere a backslash is a letter like any other
  const folders = Deno.build.os === "windows" ? /^.*[\\/]/s : /^.*\//s;
  const filename = path.replace(folders, "");
  return { name, body: await bodyOfFile(path), filename, type };
}

/** Whether fields are sent as a multipart form: where that is asked for, or one is a file. */
export function isMultipart(
  fields: readonly Item[],
  { form = false, multipart = false }: Partial<
    Pick<ExchangeOptions, "form" | "multipart">
  >,
): boolean {
  return multipart || form && fields.some(({ kind }) => kind === "file");
}

/**
 * Makes the body of a form.
 *
 * @param fields Items that are fields.
 * @throws {UsageError} When a field has no place in a form.
 * @throws {Failure} When a file cannot be read.
 */
export async function formatForm(
  fields: readonly Item[],
  multipart = false,
): Promise<TypedBody> {
  if (!isMultipart(fields, { form: true, multipart })) {
    const pairs = await Promise.all(
      fields.map(async (field) => [nameOf(field.path), await textOf(field)]),
    );
    return {
      body: encode(`${new URLSearchParams(pairs)}`),
      type: "application/x-www-form-urlencoded",
    };
  }
  const parts = await Array.fromAsync(fields, partOf);
  const boundary = `hark-${crypto.randomUUID()}`;
  return {
    body: formatMultipart(parts, boundary),
    type: `multipart/form-data; boundary=${boundary}`,
  };
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

/** Makes the body of a multipart form: as long as its parts, and streamed when they are. No part may have the boundary in it. */
export function formatMultipart(
  parts: readonly Part[],
  boundary: string,
): PartBody {
  return joinBodies([
    ...parts.flatMap((part) => [
      encode(`--${boundary}\r\n${formatHead(part)}`),
      part.body,
      encode("\r\n"),
    ]),
    encode(`--${boundary}--\r\n`),
  ]);
}

/** Joins bodies to one; few bytes are joined in memory. */
export function joinBodies(bodies: readonly PartBody[]): PartBody {
  // NaN, the sum with a length that is not known, is not up to anything
  const sum = bodies.reduce((sum, { length = NaN }) => sum + length, 0);
  if (sum <= MAX_HELD && bodies.every(({ bytes }) => bytes !== undefined)) {
    const joined = new Uint8Array(sum);
    let at = 0;
    for (const { bytes = [] } of bodies) {
      joined.set(bytes, at);
      at += bytes.length;
    }
    return bodyOf(joined);
  }
  const sources = bodies.map(({ source }) => source);
  return createBody(() => Promise.resolve(joinSources(sources)), {
    length: Number.isNaN(sum) ? undefined : sum,
    again: bodies.every(({ again }) => again),
  });
}
