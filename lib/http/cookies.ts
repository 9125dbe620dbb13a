/**
 * Cookies of one chain of redirects: what a response sets goes with the requests after it, where RFC 6265 sends it.
 *
 * @module
 */

import { CookieJar } from "tough-cookie";
import type { HttpRequest } from "./request.ts";

/** So many of a response count, as many as browsers keep of a site. */
const MOST_COOKIES = 180;

const isCookie = (name: string) => name.toLowerCase() === "cookie";

export function createCookies(): {
  /** Takes what a response sets, by its Set-Cookie lines; what it may not set is left out. */
  readonly take: (url: URL, lines: readonly string[]) => Promise<void>;
  /** A request with the cookies that go there: in place of those of the same names, after the others. */
  readonly add: (request: HttpRequest) => Promise<HttpRequest>;
} {
  // with the public suffix list: nobody sets a cookie for all of co.uk
  const jar = new CookieJar(undefined, { allowSecureOnLocal: false });
  const set = new Set<string>();
  return {
    take: async ({ href }, lines) => {
      for (const line of lines.slice(0, MOST_COOKIES)) {
        const cookie = await jar.setCookie(line, href, { ignoreError: true });
        if (cookie) set.add(cookie.key);
      }
    },
    add: async (request) => {
      const cookies = await jar.getCookies(request.url.href);
      // what was typed goes on, but for what the server has set, or taken away
      const typed = request.headers.filter(([name]) => isCookie(name))
        .flatMap(([, value]) => value.split(/; */))
        .filter((pair) => pair !== "" && !set.has(pair.replace(/=.*/s, "")));
      const all = [...typed, ...cookies.map((each) => each.cookieString())];
      const headers = request.headers.filter(([name]) => !isCookie(name));
      return {
        ...request,
        headers: all.length === 0
          ? headers
          : [...headers, ["cookie", all.join("; ")]],
      };
    },
  };
}
