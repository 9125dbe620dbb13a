/**
 * Ranges of IP addresses in CIDR notation (RFC 4632, RFC 4291 section 2.3).
 *
 * @module
 */

import { UsageError } from "../cli/errors.ts";
import { groupsOf } from "./address.ts";

/** A range of IP addresses. IPv4 addresses mapped into IPv6 (RFC 4291 section 2.5.5.2) are IPv4. */
export interface Cidr {
  readonly version: 4 | 6;
  readonly first: bigint;
  readonly bits: number;
}

/**
 * Reads a range: `10.0.0.0/8`, `fe80::/10`, or one address; anything else is a UsageError.
 *
 * @example A range, an address, a mapped range
 * ```ts
 * import { assertEquals } from "@std/assert";
 *
 * assertEquals(parseCidr("10.1.2.3/8"), { version: 4, first: 0x0a000000n, bits: 8 });
 * assertEquals(parseCidr("::1"), { version: 6, first: 1n, bits: 128 });
 * assertEquals(parseCidr("::ffff:10.0.0.0/104"), parseCidr("10.0.0.0/8"));
 * ```
 */
export function parseCidr(text: string): Cidr {
  const [, host = "", digits] = text.match(/^([^/%]+)(?:\/(\d{1,3}))?$/) ?? [];
  const ip = parseIp(host);
  const bits = digits === undefined ? ip?.bits : Number(digits);
  if (ip === undefined || bits === undefined || bits > ip.bits) {
    throw new UsageError(
      `Cannot parse range "${text}": expected an IP address or a range like 10.0.0.0/8`,
    );
  }
  return normalize({ ...ip, bits });
}

/** Whether a range holds an IP address, as a socket gives it. What is no IP address is in no range. */
export function contains(cidr: Cidr, ip: string): boolean {
  const parsed = parseIp(ip);
  if (parsed === undefined) return false;
  const { version, first, bits } = normalize(parsed);
  return version === cidr.version &&
    (first ^ cidr.first) >> BigInt(bits - cidr.bits) === 0n;
}

const BYTE = "(25[0-5]|2[0-4]\\d|1\\d\\d|[1-9]?\\d)";
const IPV4 = new RegExp(`^${[BYTE, BYTE, BYTE, BYTE].join("\\.")}$`);

const join = (parts: readonly (string | number)[], bits: bigint) =>
  parts.reduce((sum, part) => sum << bits | BigInt(part), 0n);

function parseIp(text: string): Cidr | undefined {
  const ipv4 = text.match(IPV4)?.slice(1);
  if (ipv4) return { version: 4, first: join(ipv4, 8n), bits: 32 };
  // a zone says which interface, not which address
  const ipv6 = text.replace(/%.*$/, "");
  return /^[\da-f:.]+$/i.test(ipv6) && URL.canParse(`http://[${ipv6}]/`)
    ? { version: 6, first: join(groupsOf(ipv6), 16n), bits: 128 }
    : undefined;
}

/** The range of these leading bits, as IPv4 where it is IPv4 mapped into IPv6. */
function normalize({ version, first, bits }: Cidr): Cidr {
  if (version === 6 && bits >= 96 && first >> 32n === 0xffffn) {
    const ipv4 = first & 0xffff_ffffn;
    return normalize({ version: 4, first: ipv4, bits: bits - 96 });
  }
  const rest = BigInt((version === 4 ? 32 : 128) - bits);
  return { version, first: first >> rest << rest, bits };
}
