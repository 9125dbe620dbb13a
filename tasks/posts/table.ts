/**
 * Rows as a table, in the columns of a terminal, where a letter may have two or none.
 *
 * @module
 */

import { escapeControls } from "../../lib/cli/io.ts";

const PLAIN = /^[\x20-\x7e]*$/;
/** What stands on the letter before it: marks, joiners, the vowels and ends of Hangul syllables. */
const ATTACHED =
  /(?![\xad\u0600-\u0605\u06dd\u070f\u0890\u0891\u08e2])[\p{M}\p{Cf}\u1160-\u11ff\ud7b0-\ud7fb]/u;
/** East Asian Width W and F (Unicode 16); among the emoji are those of planes 0 and 1. */
const WIDE =
  /[\p{Emoji_Presentation}\u1100-\u115f\u2329\u232a\u2630-\u2637\u268a-\u268f\u2e80-\u303e\u3041-\u3247\u3250-\ua4c6\ua960-\ua97c\uac00-\ud7a3\uf900-\ufaff\ufe10-\ufe19\ufe30-\ufe6b\uff01-\uff60\uffe0-\uffe6\u{16fe0}-\u{18dff}\u{1aff0}-\u{1b2fb}\u{1d300}-\u{1d376}\u{1f200}-\u{1f265}\u{20000}-\u{3fffd}]/u;
/** What is one letter though each half of it is one, too: a flag, and a hand with its tone of skin. */
const PAIR = /^(\p{RI}{2}|\p{Emoji_Modifier_Base}\p{Emoji_Modifier})$/u;
const JOINER = "\u200d";
const AS_EMOJI = "\ufe0f";

const kinds = new Map<string, number>();

/** The columns of one character: 0 where it stands on the one before. */
function columnsOfOne(char: string): number {
  const known = kinds.get(char);
  if (known !== undefined) return known;
  const columns = ATTACHED.test(char) ? 0 : WIDE.test(char) ? 2 : 1;
  kinds.set(char, columns);
  return columns;
}

/** Measures a text up to so many columns: what a person sees as one letter is in or out as a whole. */
function measure(text: string, most: number): { end: number; columns: number } {
  let [columns, end, at] = [0, 0, 0];
  let [own, before, isPaired] = [0, "", false];
  for (const char of text) {
    const isSecond = !isPaired && PAIR.test(before + char);
    const width = columnsOfOne(char);
    if (at > 0 && (width === 0 || before === JOINER || isSecond)) {
      if (char === AS_EMOJI && /\p{Emoji}/u.test(before)) own = 2;
    } else {
      if (columns + own > most) return { end, columns };
      columns += own;
      end = at;
      own = width;
    }
    isPaired = isSecond;
    before = char;
    at += char.length;
  }
  return columns + own > most
    ? { end, columns }
    : { end: at, columns: columns + own };
}

/** Counts the columns that a text takes on a terminal: `日本` has 4. */
export function columnsOf(text: string): number {
  return PLAIN.test(text) ? text.length : measure(text, Infinity).columns;
}

/** Cuts a text that is wider than so many columns: its last one then says so. */
function cutTo(text: string, most: number): string {
  return most === Infinity || columnsOf(text) <= most
    ? text
    : `${text.slice(0, measure(text, most - 1).end)}…`;
}

/** So many rows say how wide the columns are: no more are kept. */
const SAMPLE = 1000;
/** What comes after them may be longer: an id of the millionth row has three digits more. */
const GROWTH = 3;
const NUMBER = /^-?[\d.]+$/;

/**
 * Starts a table; its first row has the names. Once it is longer than 1,000 rows each row is printed as it comes:
 * a text that is wider than the column is cut, and a number makes the column wider from there on.
 *
 * @param most The columns of the terminal; Infinity where there is none.
 */
export function createTable(most: number): {
  readonly add: (cells: readonly string[]) => string;
  readonly end: () => string;
} {
  let rows: string[][] | undefined = [];
  let widths: number[] = [];

  function pad(cell: string, at: number): string {
    const width = widths[at] ?? 0;
    const columns = columnsOf(cell);
    if (columns <= width) return cell + " ".repeat(width - columns);
    if (!NUMBER.test(cell)) return pad(cutTo(cell, width), at);
    widths[at] = columns;
    return cell;
  }

  function format(cells: readonly string[]): string {
    const last = cells.at(-1) ?? "";
    const line = [...cells.slice(0, -1).map(pad), last].join("  ").trimEnd();
    return `${cutTo(line, most)}\n`;
  }

  function flush(isAll: boolean): string {
    const known = rows ?? [];
    rows = undefined;
    widths = (known[0] ?? []).map((_, at) => {
      const cells = known.map((row) => columnsOf(row[at] ?? ""));
      return Math.max(...cells) + (isAll ? 0 : GROWTH);
    });
    return known.map(format).join("");
  }

  return {
    add(cells) {
      const row = cells.map((cell) => {
        const line = cell.replaceAll(/\s+/g, " ");
        return most === Infinity ? line : escapeControls(line);
      });
      if (rows === undefined) return format(row);
      rows.push(row);
      return rows.length > SAMPLE ? flush(false) : "";
    },
    end: () => rows === undefined ? "" : flush(true),
  };
}
