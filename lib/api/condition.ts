/** Filters in SQLite's words. */
import type { Filter } from "./query.ts";

/** The SQL for one {@linkcode Condition}: its path and its texts are the two parameters. */
export const conditionSql =
  " and json -> ? in (select value from json_each(?))";

/** A filter as SQLite's JSON functions take it. */
export interface Condition {
  /** Where the field is: `$."address"."city"`. */
  readonly path: string;
  /** A JSON array of the JSON texts that the field may have. */
  readonly texts: string;
}

/**
 * Translates filters for SQLite. A value `1` in a URL stands for the number 1 and the text "1". A
 * field name with a quotation mark or NUL is left out: SQLite has no path to it.
 *
 * @example
 * ```ts
 * import { assertEquals } from "@std/assert";
 *
 * assertEquals(toConditions([{ path: "geo.lat", values: ["1", "a"] }, { path: '"', values: [] }]), [
 *   { path: '$."geo"."lat"', texts: JSON.stringify(["1", '"1"', '"a"']) },
 * ]);
 * ```
 */
export function toConditions(filters: readonly Filter[]): Condition[] {
  return filters
    .filter(({ path }) => !/["\0]/.test(path))
    .map(({ path, values }) => ({
      path: `$${path.split(".").map((name) => `."${name}"`).join("")}`,
      texts: JSON.stringify(values.flatMap(toTexts)),
    }));
}

function toTexts(value: string): string[] {
  const isLiteral = /^(true|false|-?\d[\d.e+-]*)$/.test(value);
  return isLiteral ? [value, JSON.stringify(value)] : [JSON.stringify(value)];
}
