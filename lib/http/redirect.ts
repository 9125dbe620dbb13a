/**
 * Where a redirect may lead: by the safe policy, which gives no secret away and sends no body to a stranger.
 *
 * @module
 */

import type { RequestPlan } from "./request.ts";

/** Which redirects are followed: those to the same origin, those that are safe, all, or none. */
export type Follow = "same" | "safe" | "all" | "none";

/** What of a request's headers another origin may see. */
const HARMLESS = /^(accept|accept-.*|user-agent|content-.*)$/i;

/** What comes after an answer that points elsewhere: the next request, or why there is none. */
export type Hop = { readonly next: RequestPlan } | { readonly refused: string };

/** An answer that points elsewhere. */
export interface Pointer {
  /** Its status. */
  readonly status: number;
  /** Its Location header. */
  readonly location: string | null;
}

const isWeb = ({ protocol }: URL) => /^https?:$/.test(protocol);

/** Why the safe policy would not go there. */
async function danger(from: URL, to: URL): Promise<string | undefined> {
  if (from.protocol === "https:" && to.protocol === "http:") {
    return "it leaves https";
  }
  const { isPrivate } = await import("./private_host.ts");
  return isPrivate(to.hostname) && !isPrivate(from.hostname)
    ? `${to.hostname} is a private address`
    : undefined;
}

/** Turned into a GET, as browsers do, or the same again; the fragment stays unless there is a new one. */
function turn(plan: RequestPlan, status: number, url: URL): RequestPlan {
  const asGet = status === 303
    ? plan.method !== "HEAD"
    : status < 303 && plan.method === "POST";
  if (!asGet) return { ...plan, url };
  const headers = plan.headers.filter(([name]) => !/^content-/i.test(name));
  return { ...plan, method: "GET", url, body: undefined, headers };
}

/**
 * Decides where a redirect leads, by RFC 9110, section 15.4, and as browsers do: 303 turns into a GET, and so do 301
 * and 302 of a POST. To another origin goes no header but those that say what is wanted, whatever the policy; by the
 * safe one also no body, https is not left, and no public host leads to a private address.
 *
 * @param plan The request that was redirected.
 * @param pointer Where the answer points.
 * @param follow The policy.
 * @returns The next request or why it is refused; undefined when the answer is no redirect.
 *
 * @example To another origin without its secrets
 * ```ts
 * import { assertEquals } from "@std/assert";
 *
 * const url = new URL("http://a.example/");
 * const plan = { method: "GET", url, headers: [["x-api-key", "1"]] as const, typed: ["x-api-key"] };
 * const hop = await followRedirect(plan, { status: 301, location: "https://a.example/" });
 * assertEquals(hop, { next: { ...plan, url: new URL("https://a.example/"), headers: [] } });
 * ```
 */
export async function followRedirect(
  plan: RequestPlan,
  { status, location }: Pointer,
  follow: Follow = "safe",
): Promise<Hop | undefined> {
  if (location === null || ![301, 302, 303, 307, 308].includes(status)) {
    return undefined;
  }
  const url = URL.parse(location, plan.url);
  if (url === null) return { refused: "its Location is not a URL" };
  url.username = url.password = "";
  if (url.hash === "") url.hash = plan.url.hash;
  if (!isWeb(url)) {
    return {
      refused: `${url.protocol.slice(0, -1)} is neither http nor https`,
    };
  }
  if (follow === "none") return { refused: "no redirect is, by --follow=none" };
  const next = turn(plan, status, url);
  if (next.body?.again === false) {
    return { refused: "its body can be sent only once" };
  }
  if (url.origin === plan.url.origin) return { next };
  if (follow === "same") {
    return { refused: "it leads to another origin" };
  }
  if (follow === "safe") {
    const why = await danger(plan.url, url) ??
      (next.body && "it would send the body to another origin");
    if (why !== undefined) return { refused: why };
  }
  const headers = next.headers.filter(([name]) => HARMLESS.test(name));
  return { next: { ...next, headers } };
}
