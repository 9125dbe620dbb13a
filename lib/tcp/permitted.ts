import { type Cidr, contains } from "./cidr.ts";

/**
 * Makes a test of who may connect, by IP address. What has none, as a Unix socket's client, always may.
 *
 * @param allow Only these ranges; where there are none, everybody.
 * @param deny Not these ranges, whatever `allow` says.
 * @returns Whether an address may connect.
 *
 * @example All of 10.0.0.0/8 but one
 * ```ts
 * import { assertEquals } from "@std/assert";
 * import { parseCidr } from "./cidr.ts";
 *
 * const isPermitted = createFilter([parseCidr("10.0.0.0/8")], [parseCidr("10.0.0.9")]);
 * const may = (hostname: string) => isPermitted({ transport: "tcp", hostname, port: 1 });
 * assertEquals(["10.0.0.8", "10.0.0.9", "11.0.0.8"].map(may), [true, false, false]);
 * ```
 */
export function createFilter(
  allow: readonly Cidr[],
  deny: readonly Cidr[],
): (addr: Deno.Addr) => boolean {
  return (addr) => {
    if (!("hostname" in addr)) return true;
    const holds = (cidr: Cidr) => contains(cidr, addr.hostname);
    return (allow.length === 0 || allow.some(holds)) && !deny.some(holds);
  };
}
