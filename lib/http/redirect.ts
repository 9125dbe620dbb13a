/**
 * Where a redirect may lead: by the safe policy, which gives no secret away and sends no body to a stranger.
 *
 * @module
 */

import { findAddresses, groupsOf, isLocalhost } from "../net/address.ts";
import { contains, parseCidr } from "../net/cidr.ts";
import {
  addressOfUrl,
  type Follow,
  type HttpRequest,
  parseReference,
} from "./request.ts";
import type { Network, TransportResponse } from "./transport.ts";

const HARMLESS =
  /^(accept(-(charset|encoding|language|ranges))?|user-agent|content-(disposition|encoding|language|type)|(if-)?range)$/i;

type Hop =
  | { readonly next: HttpRequest; readonly location: string }
  | { readonly refused: string };

function turn(from: HttpRequest, status: number, url: URL): HttpRequest {
  const request = { ...from, target: undefined };
  const asGet = status === 303
    ? request.method !== "HEAD"
    : status < 303 && request.method === "POST";
  if (!asGet) return { ...request, url };
  const headers = request.headers.filter(([name]) => !/^content-/i.test(name));
  return { ...request, method: "GET", url, body: undefined, headers };
}

/** Where a response points, each place once: some servers send two lines, of which equal ones are one. */
export function locationsOf(
  { headers, rawHeaders }: Pick<TransportResponse, "headers" | "rawHeaders">,
): string[] {
  const lines = rawHeaders?.filter(([name]) => /^location$/i.test(name))
    .map(([, value]) => value);
  const joined = headers.get("location");
  const each = lines ?? (joined === null ? [] : [joined]);
  // a blank before the start of a URL stands between two that were joined
  return [
    ...new Set(each.flatMap((text) => text.split(/, (?=\/|https?:|$)/i))),
  ];
}

/**
 * Decides where a redirect leads, by RFC 9110, section 15.4, and as browsers do; what is no redirect gives undefined. To
 * another origin go only headers that say what is wanted, and by the safe policy no body.
 */
export async function followRedirect(
  request: HttpRequest,
  { status, locations }: { status: number; locations: readonly string[] },
  follow: Follow = "safe",
  network: Pick<Network, "proxy" | "resolve" | "family"> = {},
): Promise<Hop | undefined> {
  const [location, ...others] = locations;
  if (!location || ![301, 302, 303, 307, 308].includes(status)) {
    return undefined;
  }
  if (others.length > 0) return { refused: "it has more than one Location" };
  const url = parseReference(location, request.url);
  if (url === null) return { refused: "its Location is not a URL" };
  url.username = url.password = "";
  if (url.hash === "") url.hash = request.url.hash;
  const scheme = url.protocol.slice(0, -1);
  if (!/^https?$/.test(scheme)) {
    return { refused: `${scheme} is neither http nor https` };
  }
  if (follow === "none") return { refused: "no redirect is, by --follow=none" };
  const next = turn(request, status, url);
  if (next.body?.again === false) {
    return { refused: "its body can be sent only once" };
  }
  if (url.origin === request.url.origin) return { next, location };
  if (follow === "same") return { refused: "it leads to another origin" };
  if (follow === "safe") {
    if (request.url.protocol === "https:" && url.protocol === "http:") {
      return { refused: "it leaves https" };
    }
    if (next.body) {
      return { refused: "it would send the body to another origin" };
    }
    if (
      url.hostname !== request.url.hostname &&
      await leadsInside(url, network) &&
      !await leadsInside(request.url, network)
    ) return { refused: `${url.hostname} is a private address` };
  }
  const headers = next.headers.filter(([name]) => HARMLESS.test(name));
  return { next: { ...next, headers }, location };
}

/** Addresses that only this machine or its network can reach, or that are nobody's (RFC 6890). */
const PRIVATE = [
  "0.0.0.0/8 10.0.0.0/8 100.64.0.0/10 127.0.0.0/8 169.254.0.0/16 172.16.0.0/12",
  "192.0.0.0/24 192.168.0.0/16 198.18.0.0/15 224.0.0.0/3 ::/127 64:ff9b:1::/48",
  "100::/64 2001::/32 fc00::/7 fe80::/9 ff00::/8",
].flatMap((line) => line.split(" ")).map(parseCidr);

/** Ranges of IPv6 that have an IPv4 address in them, at a group: as it is, SIIT (RFC 7915), NAT64 (RFC 6052), 6to4 (RFC 3056). */
const EMBEDDED = [
  ...[["::/96", 6], ["::ffff:0:0:0/96", 6]] as const,
  ...[["64:ff9b::/96", 6], ["2002::/16", 1]] as const,
];

function isPrivate(ip: string): boolean {
  const [, at] = EMBEDDED.find(([range]) => contains(parseCidr(range), ip)) ??
    [];
  if (at === undefined) return PRIVATE.some((range) => contains(range, ip));
  const ipv4 = groupsOf(ip).slice(at, at + 2)
    .flatMap((group) => [group >> 8, group & 0xff]).join(".");
  return PRIVATE.some((range) => contains(range, ip) || contains(range, ipv4));
}

async function leadsInside(
  url: URL,
  { proxy, resolve, family }: Pick<Network, "proxy" | "resolve" | "family">,
): Promise<boolean> {
  const { host, port } = addressOfUrl(url);
  if (isLocalhost(host) || isPrivate(host)) return true;
  if (proxy !== undefined) return false;
  const found = await findAddresses({ host, port }, resolve, family)
    // a name that cannot be found leads nowhere
    .catch(() => []);
  return found?.some(isPrivate) ?? false;
}
