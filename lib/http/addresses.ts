/**
 * Which addresses a name stands for: those of `--resolve`, or those of the system, all or of one version of IP.
 *
 * @module
 */

import { lookup } from "node:dns/promises";
import type { Network } from "./transport.ts";

/**
 * Finds the addresses of a name, as the system finds them, or as they are told.
 *
 * @param host A name or an IP address, without brackets.
 * @param port The port, for `--resolve`.
 * @param network What is told, and the version of IP.
 * @returns The addresses in the order in which they are to be tried; undefined when the sandbox denies to look.
 * @throws When there is none.
 *
 * @example As told
 * ```ts
 * import { assertEquals } from "@std/assert";
 *
 * const resolve = [{ host: "a.example", port: 80, addresses: ["127.0.0.1"] }];
 * assertEquals(await findAddresses("a.example", 80, { resolve }), ["127.0.0.1"]);
 * assertEquals(await findAddresses("127.0.0.2", 80), ["127.0.0.2"]);
 * ```
 */
export async function findAddresses(
  host: string,
  port: number,
  { resolve, family }: Pick<Network, "resolve" | "family"> = {},
): Promise<readonly string[] | undefined> {
  const told = resolve?.find((entry) =>
    entry.host === host.toLowerCase() && entry.port === port
  );
  const is = (address: string) =>
    family === undefined || address.includes(":") === (family === 6);
  if (told !== undefined) return told.addresses.filter(is);
  const isIp = host.includes(":") || /^\d+(\.\d+){3}$/.test(host);
  if (isIp) return [host].filter(is);
  try {
    const found = await lookup(host, { all: true, family: family ?? 0 });
    return found.map(({ address }) => address);
  } catch (error) {
    const isDenied = error instanceof Error && "code" in error &&
      error.code === "EPERM";
    if (isDenied) return undefined;
    throw error;
  }
}
