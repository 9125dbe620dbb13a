/**
 * A session: what is kept of cookies and logins from one call to the next, in a file that many calls may use at once.
 *
 * @module
 */

import { Failure, UsageError } from "../../../lib/cli/errors.ts";
import { absolutePath, hintForHome } from "../../../lib/cli/values.ts";
import { createCookies, idOf } from "../../../lib/http/cookies.ts";
import type { Cookies } from "../../../lib/http/send.ts";
import { writeAll } from "../../../lib/net/connection.ts";
import { followLinks } from "../download/destination.ts";
import type { Login } from "./login.ts";
import {
  formatEntry,
  formatSession,
  isAlive,
  isObject,
  type Members,
  parseEntry,
  parseSession,
  type SessionFile,
} from "./session_file.ts";

/** The options of a session. */
export interface SessionOptions {
  readonly session?: string | undefined;
  readonly sessionReadOnly?: string | undefined;
  readonly sessionAuth?: boolean;
}

/** A session that is open. */
export interface Session {
  readonly cookies: Cookies;
  /** Who logs in to the origin of the call: whom the call names, else who was kept. */
  readonly choose: (login?: Login) => Login | undefined;
  /** Begins to keep what has come until now; `status` is that of a response. What fails is thrown by {@linkcode Session.finish}. */
  readonly save: (status?: number) => void;
  /** Waits for a step, then until all is kept; where the step fails, that alone is thrown. */
  readonly finish: <T>(step: Promise<T>) => Promise<T>;
}

const UNAUTHORIZED = 401;

/** So many bytes a file may have. */
const MOST_BYTES = 16 << 20;

const { AlreadyExists, NotCapable, NotFound } = Deno.errors;

/** Undefined where a step fails in one way. */
function unless<T>(
  kind: typeof NotFound,
  step: Promise<T>,
): Promise<T | undefined> {
  return step.catch((error) => {
    if (error instanceof kind) return undefined;
    throw error;
  });
}

/** The file that is written beside another to take its place. */
const besideOf = (path: string) => `${path}.hark`;

/** The files that a session reads, and those that it writes, with what a link leads to. */
export async function sessionFiles(
  { session, sessionReadOnly }: SessionOptions,
): Promise<{ readonly read: readonly string[]; write: readonly string[] }> {
  const path = session ?? sessionReadOnly;
  if (path === undefined) return { read: [], write: [] };
  const whole = await followLinks(path);
  const named = path === whole ? [path] : [path, whole];
  const all = [...named, besideOf(whole)];
  return session === undefined
    ? { read: named, write: [] }
    : { read: all, write: all };
}

/** Reads a session; undefined where there is none. Nothing that is in it is shown. */
async function readSession(path: string): Promise<SessionFile | undefined> {
  const info = await unless(NotFound, Deno.stat(path));
  if (info === undefined) return undefined;
  if (!info.isFile) throw new Failure("it is not a regular file");
  const text = info.size > MOST_BYTES ? "-" : await Deno.readTextFile(path);
  const file = parseSession(text);
  if (file === undefined) throw new Failure("it is no session");
  return file;
}

/** Puts the cookies of a file where they are sent from. Gives the entries by what tells their cookies apart. */
async function load(
  list: readonly Members[],
  cookies: Cookies,
  host: string,
): Promise<Map<string, Members>> {
  const entries = new Map<string, Members>();
  for (const [at, entry] of list.entries()) {
    const [cookie, url] = parseEntry(entry, host) ?? [];
    const kept = cookie && url && await cookies.keep(cookie, url);
    if (kept) entries.set(idOf(kept), { ...entry, ...formatEntry(kept) });
    // what is not understood stays as it is
    else entries.set(`${at}`, entry);
  }
  return entries;
}

/**
 * Makes the file that is to take the place of another, and holds it: who comes second waits until the first has given
 * it its name, and makes one of his own. A process that is killed leaves one that nobody holds.
 */
async function hold(path: string): Promise<Deno.FsFile> {
  for (;;) {
    const there = await unless(NotFound, Deno.lstat(path));
    if (there && !there.isFile) {
      throw new Failure(`"${absolutePath(path)}" is in the way`);
    }
    const how = { write: true, createNew: true, mode: 0o600 };
    const own = await unless(AlreadyExists, Deno.open(path, how));
    const file = own ??
      await unless(NotFound, Deno.open(path, { read: true, write: true }));
    if (file === undefined) continue;
    try {
      // not every file system knows locks
      await file.lock(true).catch(() => {});
      const [named, held] = [
        await unless(NotFound, Deno.lstat(path)),
        await file.stat(),
      ];
      const isSame = named?.ino === held.ino && named?.dev === held.dev;
      if (isSame && own) return own;
      if (isSame) await unless(NotFound, Deno.remove(path));
    } catch (error) {
      file.close();
      throw error;
    }
    file.close();
  }
}

/** Lets a step fill a file, and gives it the place of another; where it fails, that stays as it is. */
async function replace(
  path: string,
  format: () => Promise<string>,
): Promise<void> {
  const beside = besideOf(path);
  using file = await hold(beside);
  try {
    await writeAll(file, new TextEncoder().encode(await format()));
    await file.sync();
    await Deno.rename(beside, path);
  } catch (error) {
    await Deno.remove(beside).catch(() => {});
    throw error;
  }
}

/** Makes sure, before anything is sent, that what comes can be kept, as far as that can be known. */
async function tryPlace(path: string, isThere: boolean): Promise<void> {
  const beside = besideOf(path);
  for (const name of [path, beside]) {
    const { state } = Deno.permissions.querySync({ name: "write", path: name });
    if (state === "granted") continue;
    throw new NotCapable(`Requires write access to "${name}"`);
  }
  if (isThere) return;
  try {
    using _ = await hold(beside);
    await Deno.remove(beside);
  } catch (error) {
    if (error instanceof NotFound) throw new Failure("its folder is missing");
  }
}

/** A login as a file may have it. */
function isLogin(value: unknown): value is Login {
  if (!isObject(value)) return false;
  const { user, password, token } = value;
  return typeof token === "string" && /^[\x21-\x7e]+$/.test(token) ||
    typeof user === "string" && typeof password === "string";
}

/** The logins of a session, by their origins. */
const loginsOf = ({ logins }: Members): Members =>
  isObject(logins) ? logins : {};

/**
 * Opens the session that the options name; undefined where they name none.
 *
 * @param url What is asked first: a cookie that HTTPie has bound to no host is for its host alone.
 * @throws {Failure} When the file is no session, or cannot be read, or not be written.
 */
export async function openSession(
  url: URL,
  { session, sessionReadOnly, sessionAuth = false }: SessionOptions,
): Promise<Session | undefined> {
  const named = session ?? sessionReadOnly;
  if (named === undefined) return undefined;
  const { origin } = url;
  // what cannot be bound for good is not sent
  const hostname = session === undefined ? "" : url.hostname;
  const doing = async <T>(what: string, step: Promise<T>): Promise<T> => {
    try {
      return await step;
    } catch (cause) {
      const hint = hintForHome(named);
      const text = `Cannot ${what} session "${absolutePath(named)}"`;
      throw new Failure(text, { cause, hint });
    }
  };
  const path = await followLinks(named);
  const cookies = createCookies();
  const open = async () => {
    const file = await readSession(path);
    if (session !== undefined) await tryPlace(path, file !== undefined);
    else if (file === undefined) throw new NotFound();
    const { data = {}, list = [] } = file ?? {};
    const entries = await load(list, cookies, hostname);
    const isLoose = !list.every(({ domain }) => domain);
    return { entries, isLoose, logins: loginsOf(data) };
  };
  const { entries: before, isLoose, logins } = await doing("use", open());
  const kept = Object.hasOwn(logins, origin) ? logins[origin] : undefined;
  const textOf = (value: unknown) => JSON.stringify(value);
  const findChanges = () =>
    [...cookies.changes].map(([id, cookie]) =>
      [id, formatEntry(cookie)] as const
    ).filter(([id, entry]) => {
      const old = before.get(id);
      return old ? textOf(old) !== textOf(entry) : isAlive(entry);
    });
  let given: Login | undefined;
  let written = textOf([[], undefined, false]);
  const write = async (login: Login | undefined) => {
    const changes = findChanges();
    const text = textOf([changes, login, isLoose]);
    if (text === written) return;
    // what other calls have written meanwhile stays
    await replace(path, async () => {
      const { data, list } = await readSession(path) ?? { data: {}, list: [] };
      const entries = await load(list, createCookies(), hostname);
      for (const [id, entry] of changes) entries.set(id, entry);
      const all = login === undefined ? data : {
        ...data,
        logins: { ...loginsOf(data), [origin]: login },
      };
      return formatSession(all, [...entries.values()]);
    });
    written = text;
  };
  let writing = Promise.resolve();
  let isAccepted = false;
  const save = (status?: number) => {
    if (session === undefined) return;
    // one that was refused is not kept
    isAccepted ||= status !== undefined && status !== UNAUTHORIZED;
    const isNew = sessionAuth && isAccepted &&
      textOf(given) !== textOf(kept);
    writing = writing.then(() => write(isNew ? given : undefined));
    // it is said at the end
    writing.catch(() => {});
  };
  return {
    cookies,
    choose: (login) => {
      if (sessionAuth && login === undefined && kept === undefined) {
        throw new UsageError("Cannot keep a login: there is none", {
          hint: "--auth USER, --auth @FILE or --bearer @FILE logs in",
        });
      }
      given = login;
      return login ?? (isLogin(kept) ? kept : undefined);
    },
    save,
    finish: async (step) => {
      const result = await step.finally(save).catch(async (error) => {
        await writing.catch(() => {});
        throw error;
      });
      await doing("keep", writing);
      return result;
    },
  };
}
