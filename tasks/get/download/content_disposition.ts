/**
 * The name that a server gives a file: Content-Disposition (RFC 6266).
 *
 * @module
 */

import { fromByteString } from "../../../lib/http/request.ts";

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

/** Bytes that are UTF-8, as most servers send them, or else Latin-1. */
function decodePlain(text: string): string {
  const decoded = fromByteString(text);
  return decoded.includes("\ufffd") ? text : decoded;
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
    (plain === undefined ? undefined : decodePlain(unquote(plain)));
  return name?.split(/[/\\]/).findLast((part) => part.trim() !== "");
}
