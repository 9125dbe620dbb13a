/**
 * What may be connected to: asked without a prompt, or demanded at the start, where a missing permission would else be
 * noticed only when somebody comes.
 *
 * @module
 */

import { Failure } from "../cli/errors.ts";
import {
  type Address,
  formatAddress,
  permissionsFor,
  type TcpAddress,
} from "./address.ts";

/** Tells whether an address may be connected to, and asks nobody. */
export function isPermitted(address: TcpAddress): boolean {
  const permission = { name: "net", host: formatAddress(address) } as const;
  return Deno.permissions.querySync(permission).state === "granted";
}

type Need =
  | { readonly name: "net"; readonly host: string }
  | { readonly name: "read" | "write"; readonly path: string };

/** What connecting to an address takes, as Deno's permissions and its errors name it. */
function needsOf(address: Address): Need[] {
  const { net, read, write } = permissionsFor([address], []);
  const hosts = "path" in address ? net : [formatAddress(address)];
  return [
    ...read.map((path): Need => ({ name: "read", path })),
    ...write.map((path): Need => ({ name: "write", path })),
    ...hosts.map((host): Need => ({ name: "net", host })),
  ];
}

/**
 * Makes sure that an address may be connected to: on a terminal Deno asks.
 *
 * @param address The address.
 * @param message What cannot be done without.
 * @throws {Failure} The message, with what is not permitted as its cause.
 */
export async function requirePermission(
  address: Address,
  message: string,
): Promise<void> {
  for (const need of needsOf(address)) {
    const { state } = await Deno.permissions.request(need);
    if (state === "granted") continue;
    const what = need.name === "net" ? need.host : need.path;
    throw new Failure(message, {
      cause: new Deno.errors.NotCapable(
        `Requires ${need.name} access to "${what}"`,
      ),
    });
  }
}
