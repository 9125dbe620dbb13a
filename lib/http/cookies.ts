/**
 * Cookies: what a response sets goes with the requests after it, where RFC 6265 sends it.
 *
 * @module
 */

import {
  type Callback,
  Cookie,
  CookieJar,
  domainMatch,
  MemoryCookieStore,
  pathMatch,
} from "tough-cookie";
import type { HttpRequest } from "./request.ts";

/** So many of a response count, as many as browsers keep of a site. */
export const MOST_COOKIES = 180;

/** So many bytes a name and its value may have, and so long a cookie is kept (RFC 6265bis, sections 5.6 and 5.5). */
const MOST_BYTES = 4096;
const LONGEST_MS = 400 * 86_400_000;

const isCookie = (name: string) => name.toLowerCase() === "cookie";

const nameOf = (pair: string) => pair.replace(/=.*/s, "").trim();

/** What tells a cookie from any other. */
export const idOf = ({ domain, path, key }: Cookie): string =>
  [domain, path, key].join("\n");

export function createCookies(): {
  /** What responses have set, or taken away: expired then. */
  readonly changes: ReadonlyMap<string, Cookie>;
  /** Takes a cookie of an earlier call, where a response of that URL may set it. */
  readonly keep: (cookie: Cookie, url: string) => Promise<Cookie | undefined>;
  /** Takes what a response sets, by its Set-Cookie lines; what it may not set is left out. */
  readonly take: (url: URL, lines: readonly string[]) => Promise<void>;
  /** A request with the cookies that go there, after those that it has: of one name, what a response has set counts, then what it has. */
  readonly add: (request: HttpRequest) => Promise<HttpRequest>;
} {
  const store = new MemoryCookieStore();
  // by itself it fails for a host that is called test
  const findCookies = (
    ...[, , , done]: [unknown, unknown, unknown, Callback<Cookie[]>]
  ) => store.getAllCookies(done);
  Object.assign(store, { findCookies });
  // with the public suffix list: nobody sets a cookie for all of co.uk
  const jar = new CookieJar(store, { allowSecureOnLocal: false });
  const changes = new Map<string, Cookie>();
  // whoever is between http and a server must not replace what is for https alone
  const isShadow = async ({ key, domain }: Cookie, href: string) => {
    const { protocol, hostname } = new URL(href);
    const at = domain ?? hostname;
    return protocol === "http:" && (await store.getAllCookies())
      .some((it) =>
        it.secure && it.key === key &&
        (domainMatch(at, it.domain) || domainMatch(it.domain, at))
      );
  };
  return {
    changes,
    keep: (cookie, url) =>
      jar.setCookie(cookie, url, { ignoreError: true, now: new Date(0) }),
    take: async ({ href, hostname: host }, lines) => {
      for (const line of lines.slice(0, MOST_COOKIES)) {
        const read = Cookie.parse(line);
        if (!read || read.key.length + read.value.length > MOST_BYTES) continue;
        // a site of one name has it for itself, and localhost is nobody's
        const isTop = !host.includes(".") && !/^__Host-/i.test(read.key);
        if (isTop && read.domain === host) read.domain = null;
        if (read.domain === "localhost" || await isShadow(read, href)) continue;
        const now = new Date();
        const end = read.expiryTime(now) ?? 0;
        if (read.isPersistent()) {
          const last = Math.min(end, now.getTime() + LONGEST_MS);
          // Max-Age would count from each use anew
          read.expires = new Date(Math.max(0, last));
          read.maxAge = null;
        }
        const cookie = await jar.setCookie(read, href, { ignoreError: true });
        if (cookie) changes.set(idOf(cookie), cookie);
      }
    },
    add: async (request) => {
      const cookies = await jar.getCookies(request.url.href);
      const set = new Set(
        [...changes.values()].filter(({ path }) =>
          pathMatch(request.url.pathname, path ?? "/")
        ).map(({ key }) => key),
      );
      const typed = request.headers.filter(([name]) => isCookie(name))
        .flatMap(([, value]) => value.split(/; */))
        .filter((pair) => pair !== "" && !set.has(nameOf(pair)));
      const names = new Set(typed.map(nameOf));
      const kept = cookies.filter(({ key }) => !names.has(key));
      const all = [...typed, ...kept.map((each) => each.cookieString())];
      const headers = request.headers.filter(([name]) => !isCookie(name));
      if (all.length > 0) headers.push(["cookie", all.join("; ")]);
      return { ...request, headers };
    },
  };
}
