/** Filters and searches as functions on documents. */

import { readField } from "./document.ts";
import { type Filter, parsePattern } from "./query.ts";

/**
 * Turns a filter into what tells whether a document meets it. Values are compared as json-server
 * compares them: as texts, and in `gte` and `lte` as numbers where the document has a number.
 *
 * @throws {Problem} 400 when a `like` is not a pattern.
 *
 * @example
 * ```ts
 * import { assertEquals } from "@std/assert";
 *
 * const meets = toCondition({ key: "n_gte", path: "n", operator: "gte", values: ["9"] });
 * assertEquals([{ n: 10 }, { n: "10" }, { n: null }, {}].map(meets), [true, false, false, false]);
 * ```
 */
export function toCondition(filter: Filter): (document: unknown) => boolean {
  const { key, path, operator, values } = filter;
  const tests = values.map(toTest);

  function toTest(value: string): (found: unknown) => boolean {
    switch (operator) {
      case "eq":
        return (found) => value === String(found);
      case "ne":
        return (found) => value !== String(found);
      case "gte":
        return (found) =>
          isNumeric(found)
            ? Number(value) <= Number(found)
            : value <= String(found);
      case "lte":
        return (found) =>
          isNumeric(found)
            ? Number(value) >= Number(found)
            : value >= String(found);
      case "like": {
        const matches = parsePattern(value, key);
        return (found) => matches(String(found));
      }
    }
  }

  return (document) => {
    const found = readField(document, path);
    if (found === undefined || found === null) return false;
    return operator === "ne"
      ? tests.every((test) => test(found))
      : tests.some((test) => test(found));
  };
}

/**
 * Tells whether some value of a document, however deep, contains a text in upper or lower case. As
 * in json-server, `false`, `0` and names of fields are not searched.
 *
 * @param text What to look for, in lower case.
 *
 * @example
 * ```ts
 * import { assertEquals } from "@std/assert";
 *
 * assertEquals([{ a: [{ b: "A LAMP" }] }, { lamp: false }].map((each) => contains(each, "lamp")), [
 *   true,
 *   false,
 * ]);
 * ```
 */
export function contains(value: unknown, text: string): boolean {
  if (!value) return false;
  return typeof value === "object"
    ? Object.values(value).some((child) => contains(child, text))
    : String(value).toLowerCase().includes(text);
}

function isNumeric(value: unknown): boolean {
  return typeof value === "number" || typeof value === "boolean";
}
