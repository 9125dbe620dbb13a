/**
 * Cookies of one chain of redirects: those that a response sets go with the requests after it, where RFC 6265 sends
 * them, and end with the chain.
 *
 * @module
 */

import { CookieJar } from "tough-cookie";
import type { HttpRequest } from "./request.ts";

/** The cookies that were set so far. */
export interface Cookies {
  /** Takes what a response sets, by its Set-Cookie lines; what it may not set is left out. */
  readonly take: (url: URL, lines: readonly string[]) => Promise<void>;
  /** A request with the cookies that go there: in place of those of the same names, after the others. */
  readonly add: (request: HttpRequest) => Promise<HttpRequest>;
}

const isCookie = (name: string) => name.toLowerCase() === "cookie";

/** Starts without a cookie. */
export function createCookies(): Cookies {
  // with the public suffix list: nobody sets a cookie for all of co.uk
  const jar = new CookieJar(undefined, { allowSecureOnLocal: false });
  return {
    take: async ({ href }, lines) => {
      for (const line of lines) {
        await jar.setCookie(line, href, { ignoreError: true });
      }
    },
    add: async (request) => {
      const cookies = await jar.getCookies(request.url.href);
      if (cookies.length === 0) return request;
      const names = cookies.map(({ key }) => key);
      const [, typed = ""] = request.headers.find(([name]) => isCookie(name)) ??
        [];
      const kept = typed.split(/; */).filter((pair) =>
        pair !== "" && !names.includes(pair.replace(/=.*/s, ""))
      );
      const value = [...kept, ...cookies.map((each) => each.cookieString())];
      return {
        ...request,
        headers: [
          ...request.headers.filter(([name]) => !isCookie(name)),
          ["cookie", value.join("; ")],
        ],
      };
    },
  };
}
