import { UsageError } from "./errors.ts";

/**
 * Reads a number of seconds, whole or with decimals; not negative.
 *
 * @throws {UsageError} On anything else.
 *
 * @example Half a second
 * ```ts
 * import { assertEquals, assertThrows } from "@std/assert";
 *
 * assertEquals(parseSeconds("0.5"), 0.5);
 * assertThrows(() => parseSeconds("soon"), Error, 'Cannot parse seconds "soon"');
 * ```
 */
export function parseSeconds(text: string): number {
  // setTimeout counts in 31 bits of ms
  if (!/^(\d+(\.\d*)?|\.\d+)$/.test(text) || Number(text) > 2_147_483) {
    throw new UsageError(
      `Cannot parse seconds "${text}": expected a number like 10 or 0.5`,
    );
  }
  return Number(text);
}

/**
 * Reads a whole number that is at least 1.
 *
 * @throws {UsageError} On anything else.
 *
 * @example A count
 * ```ts
 * import { assertEquals, assertThrows } from "@std/assert";
 *
 * assertEquals(parseCount("1000"), 1000);
 * assertThrows(() => parseCount("0"), Error, 'Cannot parse number "0": expected 1 or more');
 * ```
 */
export function parseCount(text: string): number {
  if (
    !/^\d+$/.test(text) || Number(text) < 1 ||
    !Number.isSafeInteger(Number(text))
  ) {
    throw new UsageError(`Cannot parse number "${text}": expected 1 or more`);
  }
  return Number(text);
}
