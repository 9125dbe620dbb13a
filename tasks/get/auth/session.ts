/**
 * A session: what is kept of cookies and logins from one call to the next, in a file that many calls may use at once.
 *
 * @module
 */

import { Cookie } from "tough-cookie";
import { Failure, unless, UsageError } from "../../../lib/cli/errors.ts";
import { absolutePath, hintForHome } from "../../../lib/cli/values.ts";
import {
  createCookies,
  idOf,
  MOST_COOKIES,
} from "../../../lib/http/cookies.ts";
import type { Cookies } from "../../../lib/http/send.ts";
import { followLinks } from "../download/destination.ts";
import { formatAuthorization, isProven, type Login } from "./login.ts";
import { replace, type SessionOptions, tryPlace } from "./session_file.ts";

/** The members of a JSON object. */
type Members = Readonly<Record<string, unknown>>;

/** So many cookies a file has: the oldest make room. */
const MOST_KEPT = 3000;

const isObject = (value: unknown): value is Members =>
  typeof value === "object" && value !== null && !Array.isArray(value);

/** A session as it is read: all its members, and its cookies. */
interface SessionFile {
  readonly data: Members;
  readonly list: readonly Members[];
}

/** Reads the text of a file, of which an empty one is new; undefined where it is no session. */
export function parseSession(text: string): SessionFile | undefined {
  let data: unknown = { cookies: [] };
  try {
    if (text.trim() !== "") data = JSON.parse(text);
    // what is too deep could not be written
    JSON.stringify(data, null, 2);
  } catch {
    return undefined;
  }
  if (!isObject(data)) return undefined;
  const { cookies } = data;
  // HTTPie before 3.1 has them by their names
  const list: unknown = isObject(cookies)
    ? Object.entries(cookies).map(([name, each]) =>
      isObject(each) ? { name, ...each } : each
    )
    : cookies;
  return Array.isArray(list) && list.every(isObject)
    ? { data, list }
    : undefined;
}

/** What can be sent as a name and as a value. */
const NAME = /^[\x20-\x3a\x3c\x3e-\x7e\x80-\xff]+$/;
const VALUE = /^[\t\x20-\x3a\x3c-\x7e\x80-\xff]*$/;

/**
 * A cookie of a file, and a URL that may set it; undefined where there is none. As Python has it, a dot before a domain
 * lets all below it have the cookie, and a host without a dot ends in `.local`.
 *
 * @param host Where one without a domain belongs to.
 */
export function parseEntry(
  { name, value, domain, path = "/", secure, expires, rest }: Members,
  host: string,
): [cookie: Cookie, url: string] | undefined {
  const whole = typeof domain === "string" && domain !== "" ? domain : host;
  const at = whole.replace(/^\./, "").toLowerCase()
    .replace(/^(localhost|\[.*\])\.local$/, "$1");
  const more = isObject(rest) ? rest : {};
  const cookie = Cookie.fromJSON({
    ...{ key: name, value, path, secure: secure === true },
    expires: typeof expires === "number" ? expires * 1000 : "Infinity",
    domain: whole.startsWith(".") ? at : null,
    httpOnly: "HttpOnly" in more,
    sameSite: typeof more.SameSite === "string"
      ? more.SameSite.toLowerCase()
      : undefined,
  });
  const url = URL.parse(`https://${at}/`);
  if (!cookie || typeof value !== "string" || url?.hostname !== at) {
    return undefined;
  }
  return NAME.test(cookie.key) && VALUE.test(cookie.value) &&
      VALUE.test(cookie.path ?? "")
    ? [cookie, url.href]
    : undefined;
}

/** The entry of a cookie. HTTPie takes no members but its own: what else there is stands in `rest`, as Python has it. */
export function formatEntry(cookie: Cookie): Members {
  const { key: name, value, path, secure, expires, httpOnly, sameSite } =
    cookie;
  const domain = cookie.domain ?? "";
  const host = domain.includes(":")
    ? `[${domain}].local`
    : domain.replace(/^localhost$/, "$&.local");
  return {
    domain: cookie.hostOnly ? host : `.${domain}`,
    expires: expires instanceof Date
      ? Math.ceil(expires.getTime() / 1000)
      : null,
    ...{ name, path, secure, value },
    ...(httpOnly || sameSite) && {
      rest: {
        ...httpOnly && { HttpOnly: null },
        ...sameSite &&
          { SameSite: sameSite.replace(/^./, (first) => first.toUpperCase()) },
      },
    },
  };
}

/** Whether an entry has not expired. */
const isAlive = ({ expires }: Members): boolean =>
  typeof expires !== "number" || expires * 1000 > Date.now();

/** Formats a session: what has expired, and of too many cookies of a domain, or of all, the oldest are left out. */
function formatSession(
  data: Members,
  entries: readonly Members[],
): string {
  const alive = entries.filter(isAlive);
  const domains = Map.groupBy(alive, ({ domain }) => domain);
  const fit = new Set(
    [...domains.values()].flatMap((list) => list.slice(-MOST_COOKIES)),
  );
  const cookies = alive.filter((entry) => fit.has(entry)).slice(-MOST_KEPT);
  return `${JSON.stringify({ ...data, cookies }, null, 2)}\n`;
}

/** A session that is open. */
export interface Session {
  readonly cookies: Cookies;
  /** Who logs in to the origin of the call: whom the call names, else who was kept; one has to be to be kept, unless it may lack. */
  readonly choose: (login?: Login, mayLack?: boolean) => Login | undefined;
  /** Begins to keep what has come until now; `status` is that of a response. What fails is thrown by {@linkcode Session.finish}. */
  readonly save: (status?: number) => void;
  /** Waits for a step, then until all is kept; where the step fails, that alone is thrown. */
  readonly finish: <T>(step: Promise<T>) => Promise<T>;
}

const UNAUTHORIZED = 401;

/** A name of what this process prints or reads. */
const STREAM = /^\/(dev\/(std|fd\/)|proc\/)/;

/** The cookies of curl and wget, one a line. */
const JAR = /^(# (Netscape )?HTTP Cookie File|\S+\t(TRUE|FALSE)\t\/.*\t)/im;

/** So many bytes a file may have. */
const MOST_BYTES = 16 << 20;

/** Reads a session; undefined where there is none. Nothing that is in it is shown. */
async function readSession(path: string): Promise<SessionFile | undefined> {
  const info = await unless(Deno.errors.NotFound, Deno.stat(path));
  if (info === undefined) return undefined;
  if (!info.isFile) throw new Failure("it is not a regular file");
  const text = info.size > MOST_BYTES ? "-" : await Deno.readTextFile(path);
  const file = parseSession(text);
  if (file !== undefined) return file;
  throw new Failure("it is no session of hark or HTTPie", {
    hint: JAR.test(text)
      ? "it is a cookie jar as curl has it, which is not read: name another file, and log in again"
      : undefined,
  });
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

/** A login as a file may have it. */
function isLogin(value: unknown): value is Login {
  if (!isObject(value)) return false;
  const { user, password, token } = value;
  return typeof token === "string" && /^[\x21-\x7e]+$/.test(token) ||
    typeof user === "string" && typeof password === "string";
}

/** What a file has of a login. */
function loginToKeep(login: Login, digest: boolean): Members {
  if ("token" in login) return { token: login.token };
  const { user, password } = login;
  return { user, password, ...digest && { digest } };
}

/** The logins of a session, by their origins. */
const loginsOf = ({ logins }: Members): Members =>
  isObject(logins) ? logins : {};

/** The cookies of a session; with them, to its origin alone, goes who was kept, where nobody else logs in. */
export function withLogin(
  { cookies, choose }: Session,
  { origin, username }: URL,
): Cookies {
  const login = username === "" ? choose() : undefined;
  // what was only proven is not sent
  if (login === undefined || isProven(login)) return cookies;
  const value = formatAuthorization(login);
  return {
    ...cookies,
    add: async (request) => {
      const whole = await cookies.add(request);
      return request.url.origin !== origin ? whole : {
        ...whole,
        headers: [["authorization", value], ...whole.headers],
      };
    },
  };
}

/**
 * Opens the session that the options name.
 *
 * @param url What is asked first: a cookie that HTTPie has bound to no host is for its host alone.
 * @throws {Failure} When the file is no session, or cannot be read, or not be written.
 */
export async function openSession(
  url: URL,
  options: SessionOptions,
): Promise<Session> {
  const { session, sessionReadOnly = "", sessionAuth, digest = false } =
    options;
  const named = session ?? sessionReadOnly;
  const { origin } = url;
  // what cannot be bound for good is not sent
  const hostname = session === undefined ? "" : url.hostname;
  const doing = async <T>(what: string, step: Promise<T>): Promise<T> => {
    try {
      return await step;
    } catch (cause) {
      const own = cause instanceof Failure ? cause.hint : undefined;
      const hint = own ?? hintForHome(named);
      const text = `Cannot ${what} session "${absolutePath(named)}"`;
      throw new Failure(text, { cause, hint });
    }
  };
  const path = await followLinks(named);
  const cookies = createCookies();
  const open = async () => {
    // a shell writes there what is printed
    if (STREAM.test(named)) throw new Failure("it is not a regular file");
    const file = await readSession(path);
    if (session !== undefined) await tryPlace(path, file !== undefined);
    else if (file === undefined) throw new Deno.errors.NotFound();
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
  let given: Members | undefined;
  let written = textOf([[], undefined, false]);
  const write = async (login: Members | undefined) => {
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
    choose: (login, mayLack = false) => {
      const isNone = login === undefined && kept === undefined;
      if (sessionAuth && isNone && !mayLack) {
        throw new UsageError("Cannot keep a login: there is none", {
          hint: "--auth USER, --auth @FILE or --bearer @FILE logs in",
        });
      }
      given = login && loginToKeep(login, digest);
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
