/**
 * Which encodings of a body are taken off before it is saved: not those that the file itself has, as an archive does.
 *
 * @module
 */

import { codingsOf, type HttpRequest } from "../../../lib/http/request.ts";
import type { Decodes } from "../../../lib/http/transport.ts";

/** The ends of the names of files that are encoded, and their media types, by the encoding. */
const FILES: Readonly<
  Record<string, readonly [name: RegExp, type: RegExp]>
> = {
  gzip: [
    /\.(b?gz|gzip|t[ag]z|svgz|emz|wmz|vgz|adz|cpgz|crate)$/i,
    /^application\/(x-)?(gzip|gunzip|gzipped|gzip-compressed|tgz|compressed-tar)$/i,
  ],
  br: [/\.(br|brotli|tbr)$/i, /^application\/(x-)?(br|brotli)$/i],
  zstd: [/\.(zstd?|tzst)$/i, /^application\/(x-)?(zstd|zstandard)$/i],
  bzip2: [/\.(bz2?|bzip2|tbz2?|tb2)$/i, /^application\/(x-)?bzip2?$/i],
  xz: [/\.(xz|txz)$/i, /^application\/(x-)?xz$/i],
  lzma: [/\.(lzma|tlz)$/i, /^application\/(x-)?lzma$/i],
  compress: [/\.(z|taz)$/i, /^application\/(x-)?compress$/i],
};

/** What else an encoding is called. */
const ALIASES: Readonly<Record<string, string>> = {
  brotli: "br",
  bz2: "bzip2",
  bzip: "bzip2",
  zst: "zstd",
};

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
    const [name, type] =
      FILES[Object.hasOwn(ALIASES, plain) ? ALIASES[plain] ?? "" : plain] ?? [];
    const [media = ""] = headers.get("content-type")?.split(";") ?? [];
    const ends = [...names, url.pathname, request.url.pathname];
    const isFile = type?.test(media.trim()) ||
      ends.some((end) => name?.test(end));
    return isRaw ? "" : (isFile ? codings.slice(1) : codings).join();
  };
}
