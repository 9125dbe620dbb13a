/**
 * `-o`, `-O` and `-J`: the file that a response's body is saved to, its name, and what that says of what is in it.
 *
 * @module
 */

import { percentDecode } from "../../../lib/cli/values.ts";
import { codingsOf, type HttpRequest } from "../../../lib/http/request.ts";
import type { Decodes } from "../../../lib/http/transport.ts";
import { textOfHeader } from "../view/charset.ts";
import type { ExchangeOptions } from "../options.ts";

/** Where a body is saved. */
export interface Destination {
  readonly path: string;
  /** Whether a file that is there must stay as it is. */
  readonly isNew: boolean;
  /** Whether to go on with the partial file of an earlier run. */
  readonly resume: boolean;
}

/** Names of standard output: Deno would want all permissions to open one of them. */
const STDOUT = /^(-|\/dev\/(stdout|fd\/1)|\/proc\/self\/fd\/1)$/;

/** Where the options save the body of a URL to; undefined where that is nowhere, or there is no body. */
export function destinationOf(
  url: URL,
  options: Partial<ExchangeOptions>,
): Destination | undefined {
  const { output, remoteName = false, continue: resume = false } = options;
  const path = remoteName ? fileNameOf(url) : output;
  return path === undefined || STDOUT.test(path) || options.method === "HEAD"
    ? undefined
    : { path, isNew: remoteName, resume };
}

/** The file, the partial file before it, and the note beside that. */
export function filesOf(
  path: string,
): [path: string, partial: string, note: string] {
  return [path, `${path}.part`, `${path}.part.json`];
}

/** As many links as this lead nowhere. */
const MAX_LINKS = 40;

/** Where a link leads, over further links, whether something is there or not; any other path as it is. */
export async function followLinks(path: string): Promise<string> {
  for (let count = 0; count < MAX_LINKS; count++) {
    // what cannot be looked at is for whoever opens it to say
    const target = await Deno.readLink(path).catch(() => undefined);
    if (target === undefined) break;
    const real = await Deno.realPath(path).catch(() => undefined);
    if (real !== undefined) return real;
    const { dirname, resolve } = await import("node:path");
    const folder = dirname(path);
    path = resolve(await Deno.realPath(folder).catch(() => folder), target);
  }
  return path;
}

/** The files that saving a body reads and writes, with what a link leads to as far as that may be looked at. */
export async function savedFiles(
  url: URL,
  options: Partial<ExchangeOptions>,
): Promise<readonly string[]> {
  const { path, isNew = false } = destinationOf(url, options) ?? {};
  if (path === undefined) return [];
  // the name comes with the answer
  if (options.remoteHeaderName) return ["."];
  const whole = isNew ? path : await followLinks(path);
  return [...new Set([path, ...filesOf(whole)])];
}

/** A name may be this long in bytes: with `.part` it then fits every common file system. */
const MAX_BYTES = 200;

// C0, DEL, C1, bidi controls and other invisible ones, lone surrogates, separators, and what Windows reserves
const UNSAFE =
  // deno-lint-ignore no-control-regex
  /[\x00-\x1f\x7f-\x9f\u00ad\u061c\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff\ufff9-\ufffb\ud800-\udfff/\\<>:"|?*]/gu;

const RESERVED =
  /^(con|prn|aux|nul|conin\$|conout\$|com[\d¹²³]|lpt[\d¹²³])(?=\.|$)/i;

/** Cuts a name to {@linkcode MAX_BYTES} bytes of UTF-8, between characters, and keeps its extension. */
function shorten(name: string): string {
  const [extension = ""] = name.match(/\.[\w-]{1,16}$/) ?? [];
  const bytes = new TextEncoder().encode(name);
  if (bytes.length <= MAX_BYTES) return name;
  const room = bytes.subarray(0, MAX_BYTES - extension.length);
  return new TextDecoder().decode(room).replace(/\ufffd+$/, "") + extension;
}

/** Takes dots and blanks off the end, in one pass: a pattern would look at a run of them again and again. */
function trimEnd(name: string): string {
  let end = name.length;
  while (end > 0 && /[.\s]/.test(name.charAt(end - 1))) end--;
  return name.slice(0, end);
}

/** Makes a name safe that somebody else chose; undefined where nothing of it is left. */
export function safeName(text: string): string | undefined {
  const name = trimEnd(text.replace(UNSAFE, "_").replace(/^[.\s]+/, ""))
    .replace(/^-/, "_").replace(RESERVED, "_$1");
  return trimEnd(shorten(name)) || undefined;
}

/**
 * Names the file that a URL is saved to: the last part of its path that is not empty, else its host. What is unsafe in
 * it becomes `_`; it never begins with a dot or a dash, is no device of Windows, and has at most 200 bytes.
 *
 * @param url The URL that was asked for, before any redirect: a server must not choose the name.
 */
export function fileNameOf({ pathname, hostname }: URL): string {
  const last = pathname.split("/").findLast((part) => part !== "") ?? hostname;
  return safeName(percentDecode(last) ?? last) ?? "download";
}

/** A parameter: a name, and a value in quotes or without them, where a blank does not end it. */
const PARAMETER =
  /(?:^|;)\s*([\w!#$%&+^`|~.-]+\*?)\s*=\s*("(?:[^"\\]|\\.)*"?|[^;]*)/gs;

/** The text of a value in quotes; a `\` before anything else is one of Windows. */
function unquote(text: string): string {
  return text.startsWith('"')
    ? text.replace(/^"|"$/g, "").replace(/\\(["\\])/g, "$1")
    : text.trim();
}

/** Reads `UTF-8'en'na%C3%AFve` (RFC 8187, section 3.2); undefined where it is malformed. */
function decodeExtended(text: string): string | undefined {
  const [, charset = "", value = ""] =
    unquote(text).match(/^([\w:.()-]+)'[^']*'([^']*)$/s) ?? [];
  if (charset === "" || /%(?![\da-f]{2})/i.test(value)) return undefined;
  const bytes = Uint8Array.from(
    value.match(/%..|[^%]/gs) ?? [],
    (part) =>
      part.length > 1 ? parseInt(part.slice(1), 16) : part.charCodeAt(0),
  );
  try {
    return new TextDecoder(charset, { fatal: true }).decode(bytes);
  } catch {
    return undefined;
  }
}

/**
 * Finds the name of a file in a Content-Disposition, without the folders before it; it is not safe yet.
 *
 * @param text The value, each character for one byte.
 *
 * @example `filename*` counts more than `filename`
 * ```ts
 * import { assertEquals } from "@std/assert";
 *
 * const value = `attachment; filename="EURO.txt"; filename*=UTF-8''%e2%82%ac.txt`;
 * assertEquals(dispositionName(value), "\u20ac.txt");
 * ```
 */
export function dispositionName(text: string): string | undefined {
  const values = new Map<string, string>();
  for (const [, name = "", value = ""] of text.matchAll(PARAMETER)) {
    const key = name.toLowerCase();
    if (!values.has(key)) values.set(key, value);
  }
  const plain = values.get("filename");
  const name = decodeExtended(values.get("filename*") ?? "") ??
    (plain === undefined ? undefined : textOfHeader(unquote(plain)));
  return name?.split(/[/\\]/).findLast((part) => part.trim() !== "");
}

/** The ends of the names of files that are encoded, and their media types, by the encoding. */
const FILES = new Map<string, readonly [name: RegExp, type: RegExp]>([
  ["gzip", [
    /\.(b?gz|gzip|t[ag]z|svgz|emz|wmz|vgz|adz|cpgz|crate)$/i,
    /^application\/(x-)?(gzip|gunzip|gzipped|gzip-compressed|tgz|compressed-tar)$/i,
  ]],
  ["br", [/\.(br|brotli|tbr)$/i, /^application\/(x-)?(br|brotli)$/i]],
  ["zstd", [/\.(zstd?|tzst)$/i, /^application\/(x-)?(zstd|zstandard)$/i]],
  ["bzip2", [/\.(bz2?|bzip2|tbz2?|tb2)$/i, /^application\/(x-)?bzip2?$/i]],
  ["xz", [/\.(xz|txz)$/i, /^application\/(x-)?xz$/i]],
  ["lzma", [/\.(lzma|tlz)$/i, /^application\/(x-)?lzma$/i]],
  ["compress", [/\.(z|taz)$/i, /^application\/(x-)?compress$/i]],
]);

/** What else an encoding is called; a map, not an object: a server may say constructor. */
const ALIASES = new Map([
  ["brotli", "br"],
  ["bz2", "bzip2"],
  ["bzip", "bzip2"],
  ["zst", "zstd"],
]);

/**
 * Makes what says which encodings are taken off a body, the last one first: a file is saved as it was published.
 *
 * @param names The names that it has here.
 * @param isRaw Whether it stays as it comes, whatever it is.
 */
export function decodesFor(
  { url }: HttpRequest,
  names: readonly string[],
  isRaw = false,
): Decodes {
  return ({ headers }, request) => {
    const codings = codingsOf(headers.get("content-encoding") ?? "");
    const [first = ""] = codings;
    const plain = first.replace(/^x-/, "");
    const [name, type] = FILES.get(ALIASES.get(plain) ?? plain) ?? [];
    const [media = ""] = headers.get("content-type")?.split(";") ?? [];
    const given = dispositionName(headers.get("content-disposition") ?? "");
    const ends = [...names, url.pathname, request.url.pathname, given ?? ""];
    const isFile = type?.test(media.trim()) ||
      ends.some((end) => name?.test(end));
    return isRaw ? "" : (isFile ? codings.slice(1) : codings).join();
  };
}
