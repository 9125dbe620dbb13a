/** SQLite's errors in a store's words. */
import { type Refusal, StoreError } from "./store.ts";

// Result codes of https://www.sqlite.org/rescode.html: the low byte is the class of the error.
const refusals: { readonly [code: number]: readonly [Refusal, string] } = {
  5: ["busy", "another process holds the database"],
  6: ["busy", "another request holds the database"],
  8: ["read-only", "the database cannot be written to"],
  13: ["full", "no space is left for the database"],
  275: ["invalid", "the document is nested deeper than 1000 levels"],
  // A write beyond a limit of the file's size, or of a quota.
  778: ["full", "no space is left for the database"],
};

/** The code of a document whose id is taken. */
export const UNIQUE = 2067;

/**
 * Reads the result code of an error that SQLite gave.
 *
 * @returns The extended result code; undefined where the error is another one.
 *
 * @example
 * ```ts
 * import { assertEquals } from "@std/assert";
 *
 * assertEquals(codeOf(Object.assign(new Error("database or disk is full"), { errcode: 13 })), 13);
 * assertEquals(codeOf(new Error("no")), undefined);
 * ```
 */
export function codeOf(error: unknown): number | undefined {
  if (!(error instanceof Error) || !("errcode" in error)) return;
  return typeof error.errcode === "number" ? error.errcode : undefined;
}

/**
 * Turns SQLite's refusal of a write into a {@linkcode StoreError}; another error stays what it is.
 *
 * @example
 * ```ts
 * import { assertEquals } from "@std/assert";
 * import { StoreError } from "./store.ts";
 *
 * const full = toStoreError(Object.assign(new Error("database or disk is full"), { errcode: 13 }));
 * assertEquals(full instanceof StoreError && full.reason, "full");
 * ```
 */
export function toStoreError(error: unknown): unknown {
  const code = codeOf(error);
  if (code === undefined) return error;
  const refusal = refusals[code] ?? refusals[code & 0xff];
  return refusal === undefined
    ? error
    : new StoreError(refusal[0], `Cannot write: ${refusal[1]}`);
}
