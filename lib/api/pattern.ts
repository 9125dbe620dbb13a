/** What `_like` looks for: a regular expression without the parts that can take for ever. */
import { Problem } from "./problem.ts";

const maxLength = 200;
// Characters that stand for themselves, escaped ones, `.` and `.*`, between `^` and `$`.
const grammar = /^\^?(?:[^\\^$.*+?()[\]{}|]|\\[^\w\s]|\.\*?)*\$?$/;

/**
 * Reads a pattern: a text, found anywhere and in either case, where `^` is the start of the value,
 * `$` its end, `.` any character, `.*` any row of them on one line, and `\` takes the meaning of
 * what follows. It means what it means to json-server's `RegExp`; the rest of that language is
 * refused, since `^(a+)+$` on 28 letters takes seconds there.
 *
 * @param key The name in the URL, for the error.
 * @returns Tells whether a value matches, in a time that grows with the lengths of both only.
 * @throws {Problem} 400 when it holds more than that, or more than 200 characters.
 *
 * @example
 * ```ts
 * import { assertEquals, assertThrows } from "@std/assert";
 * import { Problem } from "./problem.ts";
 *
 * const matches = parsePattern("^how.*lamp", "title_like");
 * assertEquals(["How a lamp", "a lamp", "how\nlamp"].map(matches), [true, false, false]);
 * assertThrows(() => parsePattern("(a+)+", "title_like"), Problem);
 * ```
 */
export function parsePattern(
  text: string,
  key: string,
): (value: string) => boolean {
  if (text.length > maxLength || !grammar.test(text)) {
    throw new Problem(
      400,
      `Cannot read ${key} "${
        text.slice(0, 40)
      }": expected at most ${maxLength} ` +
        "characters and no operators but ^ $ . and .*, escaped by \\ where they are meant",
    );
  }
  // Between two `.*` nothing repeats, so the first place that fits is as good as any later one.
  const parts = text.split(".*").map((part) => new RegExp(part, "gi"));
  if (parts.length === 1) return (value) => findAll(parts, value);
  return (value) => {
    const lines = value.split(/[\n\r\u2028\u2029]/);
    return lines.some((line, at) =>
      !(text.startsWith("^") && at > 0) &&
      !(text.endsWith("$") && at < lines.length - 1) &&
      findAll(parts, line)
    );
  };
}

function findAll(parts: readonly RegExp[], text: string): boolean {
  let place = 0;
  return parts.every((part) => {
    part.lastIndex = place;
    const isFound = part.test(text);
    place = part.lastIndex;
    return isFound;
  });
}
