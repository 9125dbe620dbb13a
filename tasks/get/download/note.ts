/**
 * The note beside a partial file: what it is a part of. Anybody may have written it, so what it says is looked at.
 *
 * @module
 */

import { parseDate } from "../../../lib/http/date.ts";
import { isStrongEtag, type Known } from "./range.ts";

/** A note is at most so long, in bytes. */
const MAX_NOTE = 256 * 1024;

/** What is in a note. */
interface Note {
  readonly url: string;
  /** Whether what it tells of the body cannot be. */
  readonly isDamaged: boolean;
  /** What the part is of, where it can be gone on with by that. */
  readonly known: Known | undefined;
  /** Whether the file itself became the part, so that the whole may replace it. */
  readonly adopted: boolean;
}

/** The fields of a note that are texts of a response's head. */
function isText(value: unknown): value is string | undefined {
  return value === undefined ||
    typeof value === "string" && /^[\t\x20-\x7e\x80-\xff]*$/.test(value);
}

/** Reads a note; undefined where it is none of ours. */
export async function readNote(
  path: string,
  { size }: Deno.FileInfo,
): Promise<Note | undefined> {
  let note: Readonly<Record<string, unknown>>;
  try {
    note = Object(size > MAX_NOTE || JSON.parse(await Deno.readTextFile(path)));
  } catch {
    return undefined;
  }
  const { url, total, validator, etag, modified } = note;
  if (typeof url !== "string") return undefined;
  const adopted = note.adopted === true;
  const none = { url, known: undefined, adopted };
  if (
    !isText(validator) || !isText(etag) || !isText(modified) ||
    total !== undefined && !(typeof total === "number" && total >= 0)
  ) return { ...none, isDamaged: true };
  if (validator === undefined) return { ...none, isDamaged: false };
  const known = isStrongEtag(validator)
    ? { validator, etag: validator, modified, total }
    : { validator, etag, modified: validator, total };
  const isDamaged = known.etag !== validator &&
    parseDate(validator) === undefined;
  return isDamaged ? { ...none, isDamaged } : { ...none, isDamaged, known };
}

/** What is noted; what the validator says already is not said again. */
export function formatNote(
  url: string,
  { validator, etag, modified, total }: Known,
  adopted: boolean,
): string {
  const other = (text: string | undefined) =>
    text === validator ? undefined : text;
  return JSON.stringify({
    url,
    validator,
    total,
    etag: other(etag),
    modified: other(modified),
    adopted: adopted || undefined,
  }) + "\n";
}
