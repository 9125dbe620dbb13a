/**
 * The note beside a part: what it is a part of, so that a later run can tell whether it may go on.
 *
 * @module
 */

import type { Known } from "./range.ts";

/** What a part is a part of. */
export interface Note {
  /** The URL, without its secrets. */
  readonly url: string;
  /** What is known of the body. */
  readonly known: Known;
}

/** A validator that nothing has: what the part is of is not known, or it is of something else. */
const OTHER = '""';

/** Writes a note. */
export function writeNote(path: string, { url, known }: Note): Promise<void> {
  const { validator, total } = known;
  const text = JSON.stringify({ url, validator, total });
  return Deno.writeTextFile(path, `${text}\n`);
}

/**
 * Reads what was noted about a part.
 *
 * @param path The note.
 * @param url The URL that is downloaded, without its secrets: what was noted about another one is of no use.
 * @returns What is known; undefined where there is no note.
 */
export async function readNote(
  path: string,
  url: string,
): Promise<Known | undefined> {
  let note: unknown;
  try {
    note = JSON.parse(await Deno.readTextFile(path));
  } catch {
    return undefined;
  }
  if (typeof note !== "object" || note === null || !("url" in note)) {
    return undefined;
  }
  if (note.url !== url) return { validator: OTHER };
  return {
    validator: "validator" in note && typeof note.validator === "string"
      ? note.validator
      : OTHER,
    total: "total" in note && typeof note.total === "number"
      ? note.total
      : undefined,
  };
}
