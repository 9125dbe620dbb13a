/**
 * Values of a command line: seconds, counts, sizes, paths, percent-encoding. What a parser cannot read is a UsageError.
 *
 * @module
 */

import { Failure, UsageError } from "./errors.ts";

/** The longest name of a host without a dot at its end (RFC 1035 section 2.3.4), in bytes. */
const LONGEST_NAME = 253;
/** The longest path of a Unix socket: what sockaddr_un holds before its NUL (unix(7)), in bytes. */
const LONGEST_PATH = Deno.build.os === "darwin" ? 103 : 107;

/** How many bytes a text is in UTF-8. */
export function lengthOf(text: string): number {
  return new TextEncoder().encode(text).length;
}

/** Refuses a text that is longer than it may be, in bytes. */
export function refuseLong(goal: string, text: string, most: number): void {
  const length = lengthOf(text);
  if (length <= most) return;
  throw new UsageError(
    `Cannot ${goal} of ${length} bytes: expected at most ${most}`,
  );
}

/** Refuses the name of a host that is longer than any can be. */
export function refuseLongName(host: string): void {
  refuseLong("use a host's name", host.replace(/\.$/, ""), LONGEST_NAME);
}

/** Reads the path of a Unix socket: one that is not empty, and fits. */
export function parseSocketPath(text: string): string {
  if (text.startsWith("@")) {
    throw new UsageError(
      `Cannot use "unix:${text}": abstract sockets are not supported`,
      { hint: `a file of that name: ${quote(`./${text}`)}` },
    );
  }
  if (text === "") {
    throw new UsageError('Cannot parse address "unix:": expected unix:PATH');
  }
  refuseLong("use a Unix socket's path", text, LONGEST_PATH);
  return text;
}

/** Reads one of the words that a value may be. */
export function oneOf<const Word extends string>(
  goal: string,
  ...words: Word[]
): (text: string) => Word {
  return (text) => {
    const word = words.find((word) => word === text);
    if (word !== undefined) return word;
    const others = words.slice(0, -1).join(", ");
    throw new UsageError(
      `Cannot ${goal} "${text}": expected ${others} or ${words.at(-1)}`,
    );
  };
}

/** Reads a number of seconds, whole or with decimals; not negative. */
export function parseSeconds(text: string, of = ""): number {
  // setTimeout counts in 31 bits of ms
  if (!/^(\d+(\.\d*)?|\.\d+)$/.test(text) || Number(text) > 2_147_483) {
    throw new UsageError(
      `Cannot parse seconds "${text}"${of}: expected a number like 10 or 0.5`,
    );
  }
  return Number(text);
}

/** Reads a limit of time in seconds, as {@linkcode parseSeconds}; 0 is none. */
export function parseLimit(text: string, of = ""): number | undefined {
  return parseSeconds(text, of) || undefined;
}

/** Reads a whole number that is at least 1. */
export function parseCount(text: string, of = ""): number {
  const count = /^\d+$/.test(text) ? Number(text) : 0;
  if (count > 0 && Number.isSafeInteger(count)) return count;
  throw new UsageError(
    `Cannot parse number "${text}"${of}: expected 1 or more`,
  );
}

/** Reads a size in bytes, or with K, M or G in units of 1024, 1024² or 1024³ bytes. */
export function parseSize(text: string, of = ""): number {
  const [, digits, unit = ""] = text.match(/^(\d{1,12})([kmg]?)$/i) ?? [];
  if (digits === undefined) {
    throw new UsageError(
      `Cannot parse size "${text}"${of}: expected bytes, or a number with K, M or G`,
    );
  }
  const power = ["", "k", "m", "g"].indexOf(unit.toLowerCase());
  return Number(digits) * 1024 ** power;
}

/** A file's path from the root, for errors: under `deno task` relative names do not start where a person is. */
export function absolutePath(path: string): string {
  const isAbsolute = /^([a-z]:)?[\\/]/i.test(path);
  return isAbsolute ? path : `${Deno.cwd()}/${path.replace(/^(\.\/+)+/, "")}`;
}

/** Waits for a step of reading a file; what it throws becomes the cause of `Cannot read "PATH"`. */
export async function reading<T>(path: string, step: Promise<T>): Promise<T> {
  try {
    return await step;
  } catch (cause) {
    throw new Failure(`Cannot read "${absolutePath(path)}"`, {
      cause,
      hint: hintForHome(path),
    });
  }
}

/** What to say where a file is not there, whose name begins with a `~` that no shell expands inside a word. */
export function hintForHome(path: string): string | undefined {
  if (!path.startsWith("~/")) return undefined;
  const rest = path.slice(1).replace(/["$`\\]/g, "\\$&");
  return `~ is not expanded here: write "$HOME${rest}"`;
}

/** Decodes percent-encoding (RFC 3986 section 2.1); undefined where a text has none that is UTF-8. */
export function percentDecode(text: string): string | undefined {
  try {
    return decodeURIComponent(text);
  } catch {
    return undefined;
  }
}

/** Quotes a word for a POSIX shell, where it needs quotes. */
export function quote(word: string): string {
  return /^[\w@%+=:,./-]+$/.test(word)
    ? word
    : `'${word.replaceAll("'", `'\\''`)}'`;
}

/** Names in one line, of many the first ten. */
export function formatList(names: readonly string[]): string {
  const more = names.length - 10;
  const shown = names.slice(0, 10).join(", ");
  return more > 0 ? `${shown} and ${more} more` : shown;
}

/** Hides what may be a secret in a URL or an address that is malformed: anything up to the last `@`. */
export function hideMalformed(text: string): string {
  return text.replace(/^(\w+:\/\/)?.*@/s, "$1***@");
}

const ORIGIN = /^[a-z][\w+.-]*:\/\/[^\s/?#@*\\]+(?=\/?$)/i;

/** Reads the site of a page as browsers name it: `https://app.example`, `null`, or `*` for all. What would never match is refused. */
export function parseOrigin(text: string): string {
  if (text === "*" || text === "null") return text;
  const [site = ""] = text.match(ORIGIN) ?? [];
  const origin = URL.parse(site)?.origin;
  // of a scheme that is not the web's, as capacitor:, URL says "null"
  if (origin) return origin === "null" ? site.toLowerCase() : origin;
  const shown = hideMalformed(text);
  throw new UsageError(
    `Cannot parse origin "${shown}": expected https://HOST[:PORT], null, or * for all`,
    { hint: "pages that are files have the origin null" },
  );
}
