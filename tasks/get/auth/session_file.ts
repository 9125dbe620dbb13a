/**
 * The file of a session: cookies as HTTPie reads and writes them, and beside them the logins that are ours.
 *
 * @module
 */

import { Cookie } from "tough-cookie";
import { MOST_COOKIES } from "../../../lib/http/cookies.ts";

/** The members of a JSON object. */
export type Members = Readonly<Record<string, unknown>>;

/** So many cookies a file has: the oldest make room. */
const MOST_KEPT = 3000;

export const isObject = (value: unknown): value is Members =>
  typeof value === "object" && value !== null && !Array.isArray(value);

/** A session as it is read: all its members, and its cookies. */
export interface SessionFile {
  readonly data: Members;
  readonly list: readonly Members[];
}

/** Reads the text of a file, of which an empty one is new; undefined where it is no session. */
export function parseSession(text: string): SessionFile | undefined {
  let data: unknown = { cookies: [] };
  try {
    if (text.trim() !== "") data = JSON.parse(text);
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
    sameSite: `${more.SameSite ?? ""}`.toLowerCase() || undefined,
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
export const isAlive = ({ expires }: Members): boolean =>
  typeof expires !== "number" || expires * 1000 > Date.now();

/** Formats a session: what has expired, and of too many cookies of a domain, or of all, the oldest are left out. */
export function formatSession(
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
