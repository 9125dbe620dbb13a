/**
 * Logins in a netrc file, as curl and ftp read it.
 *
 * @module
 */

import { Failure } from "../../../lib/cli/errors.ts";
import { absolutePath, quote, reading } from "../../../lib/cli/values.ts";
import { decodeText } from "../view/charset.ts";

/** What an entry has; the user or the password may be missing. */
interface Entry {
  login?: string;
  password?: string;
  account?: string;
}

/** A user with a password, and what is to be said of the file. */
interface Found {
  readonly user: string;
  readonly password: string;
  readonly warning?: string | undefined;
}

const ESCAPED = new Map([["n", "\n"], ["r", "\r"], ["t", "\t"]]);

/** The words of a line, up to a comment; a number sign within a word begins none. */
function* wordsOf(line: string, number: number): Generator<string> {
  const word = /\s*(?:(#)|"((?:[^"\\]|\\[^])*)("?)|(\S+))/y;
  for (let found = word.exec(line); found; found = word.exec(line)) {
    const [, comment, quoted, end, plain] = found;
    if (comment) return;
    if (end === "") throw new Failure(`line ${number}: a quote is not closed`);
    yield plain ?? (quoted ?? "").replace(
      /\\([^])/g,
      (_, char: string) => ESCAPED.get(char) ?? char,
    );
  }
}

/** A host's name as a URL has it. */
function hostOf(name: string): string {
  const isPlain = /^[!-~]*$/.test(name);
  return isPlain
    ? name.toLowerCase()
    : URL.parse(`http://${name}`)?.hostname ?? name;
}

const VALUED = ["machine", "login", "password", "account"] as const;

/**
 * Finds the login for a host in the text of a netrc file: that of the first entry with a user and a password, else of
 * the first one with either. What follows it is not looked at.
 *
 * @param user Who logs in, where that is known: then only this user's password will do.
 * @throws {Failure} Where a quote is not closed or a value is missing: with the line, without what it says.
 *
 * @example A login for one host, and one for all others
 * ```ts
 * import { assertEquals } from "@std/assert";
 *
 * const text = "machine a.example login ada password x\ndefault login anonymous password y";
 * assertEquals(findLogin(text, "a.example"), { user: "ada", password: "x" });
 * assertEquals(findLogin(text, "b.example"), { user: "anonymous", password: "y" });
 * assertEquals(findLogin(text, "a.example", "bob"), undefined);
 * ```
 */
export function findLogin(
  text: string,
  host: string,
  user?: string,
): Found | undefined {
  let entry: Entry | undefined;
  let partial: Entry | undefined;
  let awaiting: { keyword: typeof VALUED[number]; line: number } | undefined;
  let isMacro = false;
  const begin = (next: Entry | undefined) => {
    const isAny = (entry?.login ?? entry?.password) !== undefined;
    if (isAny && user === undefined) partial ??= entry;
    entry = next;
  };
  for (const [at, line] of text.split("\n").entries()) {
    if (isMacro) {
      isMacro = line !== "" && line !== "\r";
      continue;
    }
    for (const word of wordsOf(line, at + 1)) {
      if (awaiting !== undefined) {
        const { keyword } = awaiting;
        awaiting = undefined;
        if (keyword === "machine") {
          begin(hostOf(word) === host.toLowerCase() ? {} : undefined);
        } else if (entry !== undefined) entry[keyword] = word;
        const { login, password } = entry ?? {};
        if (login === undefined || password === undefined) continue;
        if (user === undefined || user === login) {
          return { user: login, password };
        }
        entry = undefined;
        continue;
      }
      const typed = word.toLowerCase();
      isMacro = typed === "macdef";
      if (isMacro) break;
      if (typed === "default") begin({});
      const keyword = VALUED.find((name) => name === typed);
      awaiting = keyword && { keyword, line: at + 1 };
    }
  }
  if (awaiting !== undefined) {
    const { keyword, line } = awaiting;
    throw new Failure(`line ${line}: ${keyword} has no value`);
  }
  begin(undefined);
  if (partial === undefined) return undefined;
  const { login = "", password = "" } = partial;
  return { user: login, password };
}

/** The variable with the home of who runs this. */
const HOME = Deno.build.os === "windows" ? "USERPROFILE" : "HOME";

/** Where a netrc file is; undefined where `~` stands for a home that this process may not know: it asks for no such permission. */
export function locateNetrc(path: string): string | undefined {
  if (!path.startsWith("~/")) return path;
  const { state } = Deno.permissions.querySync({ name: "env", variable: HOME });
  const home = state === "granted" ? Deno.env.get(HOME) : undefined;
  return home && home + path.slice(1);
}

/** What is to be said of a file that others can read. */
async function warningOf(path: string): Promise<string | undefined> {
  const { isFile, mode } = await Deno.stat(path);
  // what is no file, as a pipe out of a shell, is nobody else's; Windows has no modes
  if (!isFile || Deno.build.os === "windows" || !((mode ?? 0) & 0o077)) return;
  return `Warning: others may use "${absolutePath(path)}": chmod 600 ${
    quote(absolutePath(path))
  }`;
}

/**
 * Reads the login for a host out of a netrc file.
 *
 * @throws {Failure} When the file cannot be read, or its home is not known.
 */
export async function readNetrc(
  typed: string,
  { hostname }: URL,
  user?: string,
): Promise<Found | undefined> {
  const path = locateNetrc(typed);
  if (path === undefined) {
    throw new Failure(`Cannot read "${typed}": ${HOME} is not known here`, {
      hint: `the shell knows it: --netrc ${typed}`,
    });
  }
  const text = decodeText(await reading(path, Deno.readFile(path)));
  if (text === undefined) {
    throw new Failure(`Cannot read "${absolutePath(path)}": it is not UTF-8`);
  }
  const host = hostname.replace(/^\[|\]$/g, "");
  const find = async () => await findLogin(text, host, user);
  const found = await reading(path, find());
  return found && { ...found, warning: await warningOf(path) };
}
