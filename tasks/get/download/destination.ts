/**
 * `-o` and `-O`: the file that a response's body is saved to.
 *
 * @module
 */

import { percentDecode } from "../../../lib/cli/values.ts";
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

/** Makes a name safe that somebody else chose; undefined where nothing of it is left. */
export function safeName(text: string): string | undefined {
  const name = text.replace(UNSAFE, "_").replace(/^[.\s]+/, "")
    .replace(/[.\s]+$/, "").replace(/^-/, "_").replace(RESERVED, "_$1");
  return shorten(name).replace(/[.\s]+$/, "") || undefined;
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
