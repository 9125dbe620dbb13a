/**
 * Puts bytes one after the other, into a buffer of their own.
 *
 * @example Two and one
 * ```ts
 * import { assertEquals } from "@std/assert";
 *
 * assertEquals(concat(Uint8Array.of(1, 2), Uint8Array.of(3)), Uint8Array.of(1, 2, 3));
 * ```
 */
export function concat(...parts: Uint8Array[]): Uint8Array<ArrayBuffer> {
  const all = new Uint8Array(
    parts.reduce((sum, { length }) => sum + length, 0),
  );
  let at = 0;
  for (const part of parts) {
    all.set(part, at);
    at += part.length;
  }
  return all;
}
