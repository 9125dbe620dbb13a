/**
 * Where a redirect may lead: the safe policy, which gives no secret away and sends no body to a stranger.
 *
 * @module
 */

import type { RequestPlan } from "./request.ts";

/** What of a request's headers another origin may see. */
const HARMLESS = /^(accept|accept-.*|user-agent|content-.*)$/i;

/** What comes after an answer that points elsewhere: the next request, or why there is none. */
export type Hop = { readonly next: RequestPlan } | { readonly refused: string };

/**
 * Decides where a redirect leads, by RFC 9110, section 15.4, and as browsers do: 303 turns into a GET, and so do 301
 * and 302 of a POST; to another origin go neither the typed headers nor a body, and https is not left.
 *
 * @param plan The request that was redirected.
 * @param status The status of the answer.
 * @param location The answer's Location header.
 * @returns The next request or why it is refused; undefined when the answer is no redirect.
 *
 * @example To another origin without its secrets
 * ```ts
 * import { assertEquals } from "@std/assert";
 *
 * const plan = { method: "GET", url: new URL("http://a.example/"), headers: [["x-api-key", "1"]] as const };
 * const next = { ...plan, url: new URL("https://a.example/"), headers: [] };
 * assertEquals(followRedirect(plan, 301, "https://a.example/"), { next });
 * ```
 */
export function followRedirect(
  plan: RequestPlan,
  status: number,
  location: string | null,
): Hop | undefined {
  if (location === null || ![301, 302, 303, 307, 308].includes(status)) {
    return undefined;
  }
  const url = URL.parse(location, plan.url);
  if (url === null) return { refused: "its Location is not a URL" };
  url.username = url.password = "";
  if (url.hash === "") url.hash = plan.url.hash;
  if (url.protocol !== "http:" && url.protocol !== "https:") {
    return {
      refused: `${url.protocol.slice(0, -1)} is neither http nor https`,
    };
  }
  if (plan.url.protocol === "https:" && url.protocol === "http:") {
    return { refused: "it leaves https" };
  }
  const asGet = status === 303
    ? plan.method !== "HEAD"
    : status < 303 && plan.method === "POST";
  const next: RequestPlan = asGet
    ? {
      method: "GET",
      url,
      headers: plan.headers.filter(([name]) => !/^content-/i.test(name)),
    }
    : { ...plan, url };
  if (url.origin === plan.url.origin) return { next };
  if (next.body !== undefined) {
    return { refused: "it would send the body to another origin" };
  }
  return {
    next: {
      ...next,
      headers: next.headers.filter(([name]) => HARMLESS.test(name)),
    },
  };
}
