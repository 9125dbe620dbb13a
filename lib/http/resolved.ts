import { UsageError } from "../cli/errors.ts";
import { parseHost, parsePort } from "../tcp/address.ts";
import { parseCidr } from "../tcp/cidr.ts";
import type { Resolved } from "./transport.ts";

/**
 * Reads the addresses of a name: `HOST:PORT:ADDRESS`, with commas between more than one; IPv6 in brackets or not.
 *
 * @throws {UsageError} On anything else.
 *
 * @example One address
 * ```ts
 * import { assertEquals } from "@std/assert";
 *
 * const resolved = { host: "a.example", port: 443, addresses: ["127.0.0.1", "::1"] };
 * assertEquals(parseResolve("A.example:443:127.0.0.1,[::1]"), resolved);
 * ```
 */
export function parseResolve(text: string): Resolved {
  const [, host, port, rest] = text.match(/^([^:]+):(\d+):(.+)$/) ?? [];
  try {
    if (host === undefined || port === undefined || rest === undefined) {
      throw new UsageError("its form");
    }
    const addresses = rest.split(",").map((ip) => ip.replace(/^\[|\]$/g, ""));
    for (const ip of addresses) {
      if (ip.includes("/")) throw new UsageError("a range");
      parseCidr(ip);
    }
    return {
      host: parseHost(host).toLowerCase(),
      port: parsePort(port),
      addresses,
    };
  } catch {
    throw new UsageError(
      `Cannot parse "${text}" of --resolve: expected HOST:PORT:ADDRESS`,
    );
  }
}
