/** Entity tags, as express makes them. */

/**
 * Makes the weak entity tag of a text: its length in bytes, in hex, and the first 27 characters of
 * its SHA-1 in base64.
 *
 * @example
 * ```ts
 * import { assertEquals } from "@std/assert";
 *
 * assertEquals(await etagOf("{}"), 'W/"2-vyGp6PvFo4RvsFtPoIWeCReyIC8"');
 * ```
 */
export async function etagOf(text: string): Promise<string> {
  const bytes = new TextEncoder().encode(text);
  const digest = await crypto.subtle.digest("SHA-1", bytes);
  const hash = new Uint8Array(digest).toBase64().slice(0, 27);
  return `W/"${bytes.length.toString(16)}-${hash}"`;
}

/**
 * Tells whether a list of entity tags, the value of If-None-Match or If-Match, names one. Both are
 * compared weakly (RFC 9110, 8.8.3.2): all tags here are weak, so that If-Match could match nothing else.
 *
 * @example
 * ```ts
 * import { assertEquals } from "@std/assert";
 *
 * assertEquals(matchesEtag('"a", W/"b"', 'W/"a"'), true);
 * assertEquals(matchesEtag("*", 'W/"a"'), true);
 * assertEquals(matchesEtag('"ab"', 'W/"a"'), false);
 * ```
 */
export function matchesEtag(list: string, etag: string): boolean {
  const opaque = etag.replace(/^W\//, "");
  return list.trim() === "*" ||
    (list.match(/"[^"]*"/g)?.includes(opaque) ?? false);
}
