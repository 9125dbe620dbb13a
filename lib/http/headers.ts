/**
 * The headers of a request, as they were typed.
 *
 * @module
 */

import { UsageError } from "../cli/errors.ts";
import type { Item } from "./items.ts";
import { type Header, parseToken, type RequestPlan } from "./request.ts";

/**
 * The text's UTF-8 as characters that each stand for one byte, as fetch takes a header: curl's and HTTPie's bytes.
 *
 * @example Two bytes
 * ```ts
 * import { assertEquals } from "@std/assert";
 *
 * assertEquals(toByteString("é"), "\u00c3\u00a9");
 * ```
 */
export function toByteString(text: string): string {
  return Array.from(
    new TextEncoder().encode(text),
    (byte) => String.fromCharCode(byte),
  ).join("");
}

/** Reads a header item; RFC 9110, section 5.5, allows no control character in a value, and no blanks around it. */
function parseHeader({ path: [name], value }: Item): Header {
  parseToken("header name", name);
  if (/^(content-length|transfer-encoding)$/i.test(name)) {
    throw new UsageError(
      `Cannot send header "${name}": the body says how long it is`,
    );
  }
  // deno-lint-ignore no-control-regex
  if (/[\x00-\x08\x0a-\x1f\x7f]/.test(value)) {
    throw new UsageError(
      `Cannot send header "${name}": its value has a control character`,
    );
  }
  return [name, toByteString(value)];
}

/**
 * Reads header items: one without a value leaves its name out, one whose value is blank is sent empty.
 *
 * @param items Items; those that are no headers are skipped.
 * @returns What is sent, which names were given, and which of them are not to be sent at all.
 * @throws {UsageError} When a header cannot be sent.
 *
 * @example A header, and one that is left out
 * ```ts
 * import { assertEquals } from "@std/assert";
 * import { parseItem } from "./items.ts";
 *
 * assertEquals(readHeaders(["Accept:a/b", "User-Agent:"].map(parseItem)), {
 *   headers: [["Accept", "a/b"]],
 *   typed: ["accept", "user-agent"],
 *   unset: ["user-agent"],
 * });
 * ```
 */
export function readHeaders(
  items: readonly Item[],
): Required<Pick<RequestPlan, "headers" | "typed" | "unset">> {
  const given = items.filter(({ kind }) => kind === "header").map(parseHeader);
  const sent = given.filter(([, value]) => value !== "");
  const namesOf = (headers: readonly Header[]) =>
    new Set(headers.map(([name]) => name.toLowerCase()));
  return {
    headers: sent.map(([name, value]): Header => [
      name,
      value.replace(/^[ \t]+|[ \t]+$/g, ""),
    ]),
    typed: [...namesOf(given)],
    unset: [...namesOf(given).difference(namesOf(sent))],
  };
}
