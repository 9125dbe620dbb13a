/**
 * What must not be shown again: credentials in headers, queries, fields and URLs.
 *
 * @module
 */

import { formatItem, type Item, parseItem } from "./items.ts";

const SECRET = /auth|cookie|token|secret|passw|key|session|signature/i;

/**
 * Hides the password of a URL and the values of its query whose names sound secret; any other text stays.
 *
 * @example A token in a query
 * ```ts
 * import { assertEquals } from "@std/assert";
 *
 * assertEquals(redactUrl("http://me:pw@a.example/?page=1&api_token=x"), "http://***@a.example/?page=1&api_token=***");
 * ```
 */
export function redactUrl(text: string): string {
  return text
    .replace(/(\/\/)[^/?#]*@/, "$1***@")
    .replace(
      /([?&])([^=&#]*)=([^&#]+)/g,
      (pair, start: string, name: string) =>
        SECRET.test(name) ? `${start}${name}=***` : pair,
    );
}

/**
 * Hides what is secret in an operand of `get` or `post`: the value of an item, or parts of a URL.
 *
 * @example A header
 * ```ts
 * import { assertEquals } from "@std/assert";
 *
 * assertEquals(redactOperand("Authorization:Bearer x"), "Authorization:***");
 * assertEquals(redactOperand("page==2"), "page==2");
 * ```
 */
export function redactOperand(text: string): string {
  let item: Item;
  try {
    item = parseItem(text);
  } catch {
    return redactUrl(text);
  }
  const value = item.kind === "json" ? '"***"' : "***";
  return item.path.some((step) => SECRET.test(step))
    ? formatItem({ ...item, value })
    : redactUrl(text);
}
