// deno-coverage-ignore-file
/**
 * Any character at all, for texts that nobody expects.
 *
 * @module
 */

import fc from "fast-check";

/** The surrogates, which are no characters: from U+D800, so many. */
const [SURROGATES, COUNT] = [0xd800, 0x800];

/**
 * The same characters as those of `fc.string({ unit: "binary" })`, which builds a table of all 1,112,064 of them first:
 * more than a second for each test module.
 */
export const codePoint: fc.Arbitrary<string> = fc.nat(0x10ffff - COUNT).map(
  (at) => String.fromCodePoint(at < SURROGATES ? at : at + COUNT),
  (text) => {
    const [character, ...others] = typeof text === "string" ? text : "";
    const point = character?.codePointAt(0);
    if (point === undefined || others.length > 0) {
      throw new Error("not one character");
    }
    return point < SURROGATES ? point : point - COUNT;
  },
);
