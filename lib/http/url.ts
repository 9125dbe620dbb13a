/**
 * URLs as they are typed: whole, or as the shorthands that HTTPie made common.
 *
 * @module
 */

import { UsageError } from "../cli/errors.ts";

const SCHEME = /^[a-z][a-z\d+.-]*:\/\//i;
const PORT_ONLY = /^:\d+(?=[/?#]|$)/;
const BARE_HOST = /^(?:[^\s/?#:@=[\]\\]+|\[[\da-f:.]+\])(?::\d+)?(?=[/?#]|$)/i;
const LOOPBACK =
  /^(?:(?:[^/?#:]+\.)?localhost\.?|127(?:\.\d+){1,3}|\[::1\])(?=[:/?#]|$)/i;

function complete(text: string): string | undefined {
  if (SCHEME.test(text)) return text;
  if (PORT_ONLY.test(text)) return `http://localhost${text}`;
  if (!BARE_HOST.test(text)) return undefined;
  return `${LOOPBACK.test(text) ? "http" : "https"}://${text}`;
}

/**
 * Reads a URL as it is typed: `:3000/x` is on this machine, a loopback host is spoken to in http, any other bare
 * host in https. Follows the WHATWG URL Standard for everything else, but refuses the control characters that it drops.
 *
 * @param text What was typed.
 * @throws {UsageError} When it is not a URL, or not one of http or https.
 *
 * @example The shorthands
 * ```ts
 * import { assertEquals } from "@std/assert";
 *
 * assertEquals(parseUrl(":3000/posts").href, "http://localhost:3000/posts");
 * assertEquals(parseUrl("127.0.0.1:80").href, "http://127.0.0.1/");
 * assertEquals(parseUrl("example.com/a?b").href, "https://example.com/a?b");
 * ```
 */
export function parseUrl(text: string): URL {
  const full = complete(text);
  // deno-lint-ignore no-control-regex
  const isClean = /^[^\x00-\x1f\x7f-\x9f]*$/.test(text);
  const url = isClean && full !== undefined ? URL.parse(full) : null;
  if (url?.protocol === "http:" || url?.protocol === "https:") return url;
  const shown = text.replace(/\/\/[^/]*@/, "//***@");
  if (url !== null) {
    throw new UsageError(`Cannot use URL "${shown}": expected http or https`);
  }
  const hint = "headers and fields come after a URL";
  throw new UsageError(
    `Cannot parse URL "${shown}": expected http://HOST:PORT/PATH, HOST/PATH or :PORT/PATH`,
    /[:=@]/.test(text) && !SCHEME.test(text) ? { hint } : {},
  );
}
