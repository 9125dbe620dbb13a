import { contains, parseCidr } from "../tcp/cidr.ts";

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

/**
 * Whether a URL's host is an address that only this machine or its network can reach, or localhost. Other names are
 * not looked up.
 *
 * @param hostname As a URL has it.
 *
 * @example The address of a cloud's secrets
 * ```ts
 * import { assertEquals } from "@std/assert";
 *
 * assertEquals(isPrivate("169.254.169.254"), true);
 * assertEquals(isPrivate("[::1]"), true);
 * assertEquals(isPrivate("a.example"), false);
 * ```
 */
export function isPrivate(hostname: string): boolean {
  const host = hostname.replace(/^\[|\]$/g, "");
  return /^(.*\.)?localhost\.?$/i.test(host) ||
    PRIVATE.some((range) => contains(range, host));
}
