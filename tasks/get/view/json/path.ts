/**
 * Paths into JSON as they are typed: `.items[0].name` as jq has it, or a JSON Pointer (RFC 6901).
 *
 * @module
 */

import { UsageError } from "../../../../lib/cli/errors.ts";
import { quote } from "../../../../lib/cli/values.ts";

/** One step down: to what has this name in an object, to what has this index in a list, or to each of either. */
export interface Step {
  readonly name?: string;
  readonly index?: number;
  readonly isEach?: true;
}

/** What a path says from a place on: what is between steps, and the step. */
const STEP =
  /\s*\.?\[(?:\s*(\d+)\s*|\s*("(?:[^"\\]|\\.)*")\s*)?\]|\s*\.?("(?:[^"\\]|\\.)*"|[\p{L}\p{M}\p{N}_]+)/uy;

/** An index as it is written, no longer than a number holds; in a JSON Pointer, any other number is a name alone. */
const INDEX = /^(0|[1-9]\d{0,14})$/;

const LATER = "the end of a stream is not known before it comes";
const QUOTED = "a name with other than letters and digits is quoted";
const MORE = "for one more, --pick is given once more";

/** What is wrong at a place where no step is; what jq, or a path, has in its place; null where nothing can be meant. */
const MISTAKES: readonly (readonly [
  found: RegExp,
  why: string,
  meant?: string | null,
])[] = [
  [/^\.?\[\s*-\d*\s*\]/, LATER],
  [/^\.?(-\d+)/, LATER, ".[$1]"],
  [/^\.?\[\s*-?\d*\s*:/, "it is a slice"],
  [/^\.?(\[\s*\*\s*\]|\*)/, "each of them is []", "[]"],
  [/^\$(?=[.["]|$)/, "a path begins with a dot, not with $", ""],
  [/^\.\./, "nothing is looked for in all of it"],
  [/^\.?\[\s*'([^'"\\]*)'\s*\]/, 'a name is quoted with "', '["$1"]'],
  [/^\.?'([^'"\\]*)'/, 'a name is quoted with "', '."$1"'],
  [/^\s*,|^\.?\[\s*(\d+|"([^"\\]|\\.)*")\s*,/, MORE],
  [/^\.?(\["|")/, "a name in quotes does not end, or is not JSON", null],
  [/^\.?\[\s*\d{16}/, "no list has so many", null],
  [
    /^\.?\[/,
    'expected an index, a name in " or nothing between [ and ]',
    null,
  ],
  [/^\.?$/, "a name is missing", null],
  [/^\.?[-@$#:~]|^(?!\s(?:and|or|as)\s)(\s[\p{L}\p{N}_]+)+$/u, QUOTED],
  [/^[\p{L}\p{N}_]/u, "a dot is missing", ".$&"],
];

/** A JSON Pointer in a URL, or without its first slash. */
const POINTER = /^(?:#?\/|[\p{L}\p{M}\p{N}_]+\/(?!\/))[^.[|()"\s]*$/u;

function parseName(quoted: string): string | undefined {
  try {
    const name: unknown = JSON.parse(quoted);
    return typeof name === "string" ? name : undefined;
  } catch {
    // a bad escape
    return undefined;
  }
}

function stepOf(name: string): Step {
  return INDEX.test(name) ? { name, index: Number(name) } : { name };
}

/** Whether a path is one that can be read. */
function isPath(text: string): boolean {
  try {
    parsePath(text);
    return true;
  } catch {
    return false;
  }
}

/** The same path with quotes around the name at a place, which has other than letters in it. */
function withQuotes(text: string, at: number): string {
  const isStart = text[at] === ".";
  const start = isStart ? at : text.slice(0, at).search(/\.?[\p{L}\p{N}_]*$/u);
  const length = text.slice(at).search(/(?!^)[^-@$#:~\s\p{L}\p{N}_]|$/u);
  const name = text.slice(start, at + length).replace(/^\./, "");
  return `${text.slice(0, start)}."${name}"${text.slice(at + length)}`;
}

/** What jq would have where a path may do without a dot. */
function filterOf(text: string): string {
  if (/\.\.[\p{L}_]/u.test(text)) {
    return text.replace(/\.\.(?=[\p{L}_])/gu, "|..|.").replace(/^\|/, "");
  }
  const isName = /^[\p{L}_][\p{L}\p{N}_]*(?![\p{L}\p{N}_(])/u.test(text);
  return isName || text.startsWith("[") ? `.${text}` : text;
}

/** Says what is wrong with a path, where, and what to type instead. */
function refuse(
  text: string,
  at: number,
  inJq: (filter: string) => string,
): UsageError {
  const refused = (why: string, hint?: string) =>
    new UsageError(
      `Cannot read path "${text}" at character ${at + 1}: ${why}`,
      { hint },
    );
  const ownOf = (...paths: readonly string[]) =>
    `here it is: ${paths.map((path) => `--pick ${quote(path)}`).join(" ")}`;
  if (POINTER.test(text)) {
    const pointer = text.replace(/^#?\/?/, "/");
    return refused("a JSON Pointer begins with /", ownOf(pointer));
  }
  const rest = text.slice(at);
  const isMore = /[|,+*/%?(){}:=<>]|\s-|\s(and|or|as)\s/.test(rest);
  const [found, why, meant = "$&"] =
    MISTAKES.find(([found]) => found.test(rest)) ??
      [/^/, "it is no step of a path", isMore ? "$&" : null];
  if (meant === null) return refused(why);
  // the same mistake further on is mended too
  const mended = why === QUOTED ? withQuotes(text, at) : (text.slice(0, at) +
    rest.replace(found, meant).replace(/\.?\[\s*\*\s*\]|\.\*/g, "[]"));
  const parts = why === MORE ? text.split(",") : [mended || "."];
  const isMended = (mended !== text || why === MORE) &&
    parts.every((part) => part.trim() !== "" && isPath(part));
  // what is quoted may have been meant to be computed
  const filter = filterOf(why === QUOTED ? text : mended || ".");
  const jq = `jq does ${isMended ? "more" : "that"}: ${inJq(filter)}`;
  if (!isMended) {
    return refused(why, why === QUOTED && !rest.includes("-") ? undefined : jq);
  }
  const own = ownOf(...parts.map((part) => part.trim()));
  const isOwnAlone = why === QUOTED && !text.includes("-");
  return refused(why, isOwnAlone ? own : `${own}; ${jq}`);
}

function parsePointer(text: string): Step[] {
  const bad = text.search(/~(?![01])/);
  if (bad !== -1) {
    throw new UsageError(
      `Cannot read JSON Pointer "${text}" at character ${
        bad + 1
      }: ~ is written ~0, and / in a name ~1`,
    );
  }
  return text.split("/").slice(1).map((token) =>
    stepOf(token.replaceAll("~1", "/").replaceAll("~0", "~"))
  );
}

/**
 * Reads a path. `.` and an empty JSON Pointer are all of it.
 *
 * @param inJq The command that does what jq does with a filter.
 * @throws {UsageError} When it is none; it says at which character.
 *
 * @example A name, an index, each of a list; and the same kind of thing as a JSON Pointer
 * ```ts
 * import { assertEquals } from "@std/assert";
 *
 * assertEquals(parsePath('.a["b c"][0][]'), [
 *   { name: "a" }, { name: "b c" }, { index: 0 }, { isEach: true },
 * ]);
 * assertEquals(parsePath("/a/b~1c/0"), [
 *   { name: "a" }, { name: "b/c" }, { name: "0", index: 0 },
 * ]);
 * ```
 */
export function parsePath(
  text: string,
  inJq: (filter: string) => string = (filter) => `add | jq ${quote(filter)}`,
): readonly Step[] {
  if (text === "" || text.startsWith("/")) return parsePointer(text);
  const end = text.trimEnd().length;
  const start = text.search(/\S|$/);
  if (text.slice(start, end) === ".") return [];
  const steps: Step[] = [];
  for (let at = start; at === start || at < end;) {
    STEP.lastIndex = at;
    const match = STEP.exec(text.slice(0, end));
    // a dot parts names: the first alone may do without
    const isApart = at === start || /^\s*[.[]/.test(text.slice(at));
    if (match === null || !isApart) throw refuse(text, at, inJq);
    const [all, index, bracketed, bare] = match;
    const typed = bracketed ?? bare;
    const name = typed?.startsWith('"') ? parseName(typed) : typed;
    if (typed !== undefined && name === undefined) {
      throw refuse(text, at, inJq);
    }
    if (index !== undefined) {
      if (!INDEX.test(index)) throw refuse(text, at, inJq);
      steps.push({ index: Number(index) });
    } else if (name === undefined) steps.push({ isEach: true });
    else steps.push(typed?.startsWith('"') ? { name } : stepOf(name));
    at += all.length;
  }
  return steps;
}
