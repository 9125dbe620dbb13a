/**
 * Where a redirect may lead: by the safe policy, which gives no secret away and sends no body to a stranger.
 *
 * @module
 */

import { contains, parseCidr } from "../net/cidr.ts";
import type { HttpRequest } from "./request.ts";

/** Which redirects are followed: those to the same origin, those that are safe, all, or none. */
export type Follow = "same" | "safe" | "all" | "none";

/** What of a request's headers another origin may see. */
const HARMLESS = /^(accept|accept-.*|user-agent|content-.*)$/i;

/** What comes after a response that points elsewhere: the next request, or why there is none. */
export type Hop = { readonly next: HttpRequest } | { readonly refused: string };

const isWeb = ({ protocol }: URL) => /^https?:$/.test(protocol);

/** Why the safe policy would not go there. */
function danger(from: URL, to: URL): string | undefined {
  if (from.protocol === "https:" && to.protocol === "http:") {
    return "it leaves https";
  }
  return isPrivate(to.hostname) && !isPrivate(from.hostname)
    ? `${to.hostname} is a private address`
    : undefined;
}

/** Turned into a GET, as browsers do, or the same again; the fragment stays unless there is a new one. */
function turn(from: HttpRequest, status: number, url: URL): HttpRequest {
  const request = { ...from, target: undefined };
  const asGet = status === 303
    ? request.method !== "HEAD"
    : status < 303 && request.method === "POST";
  if (!asGet) return { ...request, url };
  const headers = request.headers.filter(([name]) => !/^content-/i.test(name));
  return { ...request, method: "GET", url, body: undefined, headers };
}

/**
 * Decides where a redirect leads, by RFC 9110, section 15.4, and as browsers do: 303 turns into a GET, and so do 301
 * and 302 of a POST. To another origin goes no header but those that say what is wanted, whatever the policy; by the
 * safe one also no body, https is not left, and no public host leads to a private address.
 *
 * @returns The next request or why it is refused; undefined when the response is no redirect.
 */
export function followRedirect(
  request: HttpRequest,
  { status, location }: { status: number; location: string | null },
  follow: Follow = "safe",
): Hop | undefined {
  if (location === null || ![301, 302, 303, 307, 308].includes(status)) {
    return undefined;
  }
  const url = URL.parse(location, request.url);
  if (url === null) return { refused: "its Location is not a URL" };
  url.username = url.password = "";
  if (url.hash === "") url.hash = request.url.hash;
  if (!isWeb(url)) {
    return {
      refused: `${url.protocol.slice(0, -1)} is neither http nor https`,
    };
  }
  if (follow === "none") return { refused: "no redirect is, by --follow=none" };
  const next = turn(request, status, url);
  if (next.body?.again === false) {
    return { refused: "its body can be sent only once" };
  }
  if (url.origin === request.url.origin) return { next };
  if (follow === "same") {
    return { refused: "it leads to another origin" };
  }
  if (follow === "safe") {
    const why = danger(request.url, url) ??
      (next.body && "it would send the body to another origin");
    if (why !== undefined) return { refused: why };
  }
  const headers = next.headers.filter(([name]) => HARMLESS.test(name));
  return { next: { ...next, headers } };
}

/** Loopback, private, shared, link-local and unspecified addresses: RFC 6890. */
const PRIVATE = [
  "0.0.0.0/8",
  "10.0.0.0/8",
  "100.64.0.0/10",
  "127.0.0.0/8",
  "169.254.0.0/16",
  "172.16.0.0/12",
  "192.168.0.0/16",
  "::/127",
  "fc00::/7",
  "fe80::/10",
].map(parseCidr);

/** Whether a host is an address that only this machine or its network can reach, or localhost; no name is looked up. */
function isPrivate(hostname: string): boolean {
  const host = hostname.replace(/^\[|\]$/g, "");
  return /^(.*\.)?localhost\.?$/i.test(host) ||
    PRIVATE.some((range) => contains(range, host));
}
