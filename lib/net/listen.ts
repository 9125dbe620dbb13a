/**
 * Where a server listens: on every address that a host stands for, and what is said when it cannot.
 *
 * @module
 */

import { Failure } from "../cli/errors.ts";
import {
  type Address,
  findAddresses,
  formatAddress,
  isLoopback,
  isMissing,
  type TcpAddress,
} from "./address.ts";

/** Listens on all addresses of a host, both loopbacks for `localhost`, on one port; a Failure says why it cannot: in use, not permitted. */
export async function listen(
  address: TcpAddress,
  family?: 4 | 6,
): Promise<Deno.TcpListener[]> {
  try {
    return openAll(
      address,
      (hostname, port) => Deno.listen({ hostname, port }),
      await hostsOf(address, family),
    );
  } catch (error) {
    throw await listenFailure(address, error);
  }
}

/** The addresses that a host stands for. */
export async function hostsOf(
  address: TcpAddress,
  family?: 4 | 6,
): Promise<string[]> {
  const found = await findAddresses(address, undefined, family);
  if (found) return [...new Set(found)];
  throw new Deno.errors.NotCapable(`Requires net access to "${address.host}"`);
}

/** How often a port is asked for that is free on all addresses. */
const PORT_TRIES = 10;

/** Opens something on every host, at least one, all on one port: of several one may be missing. Closes what it opened when it throws. */
export function openAll<T extends Pick<Deno.TcpListener, "addr" | "close">>(
  address: TcpAddress,
  open: (hostname: string, port: number) => T,
  hosts: readonly string[],
  tries = PORT_TRIES,
): T[] {
  const listeners: T[] = [];
  let missing: unknown;
  let { port } = address;
  try {
    for (const host of hosts) {
      try {
        const listener = open(host, port);
        listeners.push(listener);
        ({ port } = listener.addr);
      } catch (error) {
        if (hosts.length === 1 || !isMissing(error)) throw error;
        missing = error;
      }
    }
    if (listeners.length === 0) throw missing;
    return listeners;
  } catch (error) {
    for (const listener of listeners) listener.close();
    const isTaken = error instanceof Deno.errors.AddrInUse;
    if (address.port > 0 || !isTaken || tries === 1) throw error;
    return openAll(address, open, hosts, tries - 1);
  }
}

/** Words why an address cannot be listened on; for a port in use, the hint names a free one. */
export async function listenFailure(
  address: Address,
  cause: unknown,
): Promise<Failure> {
  const hint = "path" in address
    ? cause instanceof Deno.errors.AddrInUse &&
      "a server listens there already: stop it, or take another path"
    : await hintForPort(address, cause);
  const message = `Cannot listen on ${formatAddress(address)}`;
  return new Failure(message, { cause, hint: hint || undefined });
}

async function hintForPort({ host, port }: TcpAddress, cause: unknown) {
  if (cause instanceof Deno.errors.PermissionDenied && port < 1024) {
    return `ports below 1024 need root; try --port ${port + 8000}`;
  }
  if (!(cause instanceof Deno.errors.AddrInUse)) return;
  let hint = "any free port: --port 0";
  if (isLoopback(host)) {
    const { getAvailablePort } = await import("@std/net/get-available-port");
    try {
      hint = `a free port: --port ${getAvailablePort()}`;
    } catch {
      // this port alone may be permitted
    }
  }
  return hint + (Deno.build.os === "linux" ? "; who has it: ss -ltnp" : "");
}
