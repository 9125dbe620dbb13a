/**
 * The note beside a partial file: what it is a part of. Anybody may have written it, so what it says is looked at.
 *
 * @module
 */

import { parseDate } from "../../../lib/http/request.ts";
import { isStrongEtag, isWeakEtag, type Known } from "./range.ts";

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
  /** Which file another download has saved meanwhile under the same name. */
  readonly saved: string | undefined;
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
  const { url, total, validator, since, etag, modified, coding } = note;
  if (typeof url !== "string") return undefined;
  const adopted = note.adopted === true;
  const saved = typeof note.saved === "string" ? note.saved : undefined;
  const none = { url, known: undefined, adopted, saved };
  if (
    !isText(validator) || !isText(since) || !isText(etag) ||
    !isText(modified) || !isText(coding) ||
    total !== undefined && !(typeof total === "number" && total >= 0)
  ) return { ...none, isDamaged: true };
  const date = validator ?? since;
  if (date === undefined) return { ...none, isDamaged: false };
  const known = validator !== undefined && isStrongEtag(validator)
    ? { validator, etag: validator, modified, total, coding }
    : { validator, since, etag, modified: date, total, coding };
  const isDamaged = known.modified === date && (parseDate(date) === undefined ||
    validator === undefined && !isWeakEtag(etag ?? ""));
  return isDamaged ? { ...none, isDamaged } : { ...none, isDamaged, known };
}

/** What is noted; what the validator says already is not said again. */
export function formatNote(
  url: string,
  { validator, since, etag, modified, total, coding }: Known,
  { adopted, saved }: Pick<Note, "adopted" | "saved">,
): string {
  const other = (text: string | undefined) =>
    text === (validator ?? since) ? undefined : text;
  return JSON.stringify({
    url,
    validator,
    since,
    total,
    etag: other(etag),
    modified: other(modified),
    coding,
    adopted: adopted || undefined,
    saved,
  }) + "\n";
}
