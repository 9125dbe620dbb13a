/**
 * Where a socket is: as text and as value.
 *
 * @module
 */

import { UsageError } from "../cli/errors.ts";
import type { Permissions } from "../cli/io.ts";
import {
  absolutePath,
  parseSocketPath,
  quote,
  refuseLongName,
} from "../cli/values.ts";

export type Address = TcpAddress | { readonly path: string };

export interface TcpAddress {
  /** A name, an IPv4 or an IPv6 address, without brackets. */
  readonly host: string;
  /** From 0 to 65535; 0 asks the system for a free one. */
  readonly port: number;
}

/** The tutorial's address, and the default of both `server` and `client`. */
export const DEFAULT_ADDRESS: TcpAddress = { host: "localhost", port: 12345 };

/** What `localhost` stands for, whatever the hosts file says (RFC 6761 section 6.3). */
export const LOOPBACKS: readonly string[] = ["127.0.0.1", "::1"];

/**
 * Reads an address: `HOST:PORT`, `[::1]:PORT`, `:PORT` or `PORT` (on localhost), `HOST` (with the default port), or
 * `unix:PATH`; anything else is a UsageError.
 *
 * @example The forms
 * ```ts
 * import { assertEquals } from "@std/assert";
 *
 * assertEquals(parseAddress("[::1]:80"), { host: "::1", port: 80 });
 * assertEquals(parseAddress("7000"), { host: "localhost", port: 7000 });
 * assertEquals(parseAddress("example.com"), { host: "example.com", port: 12345 });
 * assertEquals(parseAddress("unix:/run/a.sock"), { path: "/run/a.sock" });
 * ```
 */
export function parseAddress(
  text: string,
  defaults: TcpAddress = DEFAULT_ADDRESS,
  leastPort = 0,
): Address {
  if (text.startsWith("unix:")) {
    return { path: parseSocketPath(text.slice("unix:".length)) };
  }
  if (/^-?\d+$/.test(text) || text === "") {
    return { host: defaults.host, port: parsePort(text, leastPort) };
  }
  const colon = text.lastIndexOf(":");
  const isHost = colon === -1 || /^\[[^\]]*\]$/.test(text) ||
    text.split(":").length > 2 && !text.startsWith("[");
  if (isHost) return { host: parseHost(text), port: defaults.port };
  const host = text.slice(0, colon);
  return {
    host: host === "" ? defaults.host : parseHost(host),
    port: parsePort(text.slice(colon + 1), leastPort),
  };
}

/** Reads a host: a name, an IPv4 address, or IPv6 with or without brackets; anything else is a UsageError. */
export function parseHost(text: string): string {
  const host = text.replace(/^\[(.*)\]$/, "$1");
  // URL knows what a host may be; the common case need not wait for it
  const valid = /^[\w-]+(\.[\w-]+)*\.?$/.test(host) ||
    (host.includes(":")
      ? /^[\da-f:.]+(%[\w.-]+)?$/i.test(host) &&
        URL.canParse(`http://[${host.replace(/%.*/, "")}]/`)
      : /^[\w.\u0080-\uffff-]+$/.test(host) && URL.canParse(`http://${host}/`));
  if (!valid) {
    throw new UsageError(
      `Cannot parse host "${text}": expected a name or an IP address`,
    );
  }
  refuseLongName(host);
  // Deno connects to no name in another script
  return /[^\0-\x7f]/.test(host) ? new URL(`http://${host}/`).hostname : host;
}

/** Reads a port: decimal digits alone, up to 65535; anything else is a UsageError. Who connects needs at least 1. */
export function parsePort(text: string, min = 0): number {
  const port = /^\d{1,5}$/.test(text) ? Number(text) : -1;
  if (port >= min && port <= 65535) return port;
  throw new UsageError(`Cannot parse port "${text}": expected ${min} to 65535`);
}

/** Formats an address so that {@linkcode parseAddress} reads it back; IPv4 mapped into IPv6 is shown as IPv4. */
export function formatAddress(address: Address): string {
  if ("path" in address) return `unix:${address.path}`;
  const host = address.host.replace(/^::ffff:(?=\d+\.)/i, "");
  return `${host.includes(":") ? `[${host}]` : host}:${address.port}`;
}

/** The address at one end of a connection or of a listener, as Deno gives it. */
export function addressOf(addr: Deno.Addr): Address {
  return "hostname" in addr
    ? { host: addr.hostname, port: addr.port }
    : { path: "path" in addr ? addr.path : "" };
}

/** Whether an address is on this machine's own loopback: `localhost`, 127.0.0.0/8 or ::1. */
export function isLoopback(host: string): boolean {
  return /^(localhost\.?|127(\.\d+){3}|::1|::ffff:127(\.\d+){3})$/i.test(host);
}

/** Whether a name is localhost, or below it: both are always this machine's loopback (RFC 6761 section 6.3). */
export function isLocalhost(host: string): boolean {
  return /^(.*\.)?localhost\.?$/i.test(host);
}

/** Whether this machine lacks an address, or a way to one, as where it has one kind of IP alone. */
export function isMissing(error: unknown): boolean {
  return /^(AddrNotAvailable|NetworkUnreachable)|EAFNOSUPPORT|Address family not/
    .test(Deno.inspect(error));
}

/** What would listen where a Unix socket, or a port of this machine's own loopback, refuses: the tutorial's server, the api, or either. */
export function hintToListen(address: Address): string | undefined {
  const free = "nothing listens there; ";
  const start = `${free}start it with: `;
  if ("path" in address) {
    return `${start}hark server --unix ${quote(address.path)}`;
  }
  const { host, port } = address;
  if (!isLoopback(host) && !isLocalhost(host)) return undefined;
  if (port < 1024) return `${free}a server below port 1024 needs root`;
  const isMain = isLocalhost(host) || LOOPBACKS.includes(host);
  const at = `${isMain ? "" : ` --host ${host}`} --port ${port}`;
  const starts = [
    ...port === 3000 ? [] : [`hark server${at}`],
    ...port === DEFAULT_ADDRESS.port ? [] : [`hark api${at}`],
  ];
  return start + starts.join(", or for HTTP: ");
}

/** The one version of IP that options ask for; a UsageError where a host, or a Unix socket, has none of it. */
export function familyOf(
  host: string,
  { ipv4, ipv6 }: { readonly ipv4?: boolean; readonly ipv6?: boolean },
): 4 | 6 | undefined {
  const family = ipv4 ? 4 : ipv6 ? 6 : undefined;
  const other = ipv4 ? /:/ : /^([\d.]+|unix:.*)$/;
  if (family === undefined || !other.test(host)) return family;
  throw new UsageError(
    `Cannot use --ipv${family}: ${host} is not an IPv${family} address`,
  );
}

/** A host as permissions name it, with any port where that is 0; `localhost` also as both loopbacks, of which the hosts file may know but one. */
function grantsFor({ host, port }: TcpAddress): string[] {
  const name = host.toLowerCase().replace(/\.$/, "").replace(/%.*/, "");
  const names = isLocalhost(name) ? ["localhost", ...LOOPBACKS] : [name];
  return names.map((each) =>
    (each.includes(":") ? `[${each}]` : each) + (port === 0 ? "" : `:${port}`)
  );
}

/** What it takes to reach a host on all its addresses: those, and its name with all ports, which Deno wants before it looks it up. */
export async function endsOf(
  address: TcpAddress,
  family?: 4 | 6,
): Promise<TcpAddress[]> {
  const found = await findAddresses(address, undefined, family)
    .catch(() => []) ?? [];
  const isName = !isLocalhost(address.host) && !found.includes(address.host);
  const ends = found.map((host) => ({ ...address, host }));
  return isName ? [{ ...address, port: 0 }, ...ends] : ends;
}

/** What it takes to connect to or listen on addresses and to read files, as permissions name it. */
export function permissionsFor(
  ends: readonly Address[],
  files: readonly (string | undefined)[],
): Required<Permissions> {
  const net = ends.flatMap((end) =>
    // Deno takes no other than an absolute path
    "path" in end ? [`unix:${absolutePath(end.path)}`] : grantsFor(end)
  );
  const sockets = net.flatMap((each) => each.match(/(?<=^unix:).*/s) ?? []);
  return {
    net,
    read: [...sockets, ...files.filter((path) => path !== undefined)],
    write: sockets,
  };
}

/** Asks for an address, or looks only whether it is granted; throws Deno's own error where it is not. */
export async function requireNet(
  address: TcpAddress,
  by: "request" | "query" = "request",
): Promise<void> {
  const host = formatAddress(address);
  const { state } = await Deno.permissions[by]({ name: "net", host });
  if (state === "granted") return;
  const what = host.replace(/:0$/, "");
  throw new Deno.errors.NotCapable(`Requires net access to "${what}"`);
}

/** The eight groups of an IPv6 address; a zone is none of them. */
export function groupsOf(ipv6: string): number[] {
  // URL leaves groups in hex alone; the one :: left stands for all that is missing
  const whole = new URL(`http://[${ipv6.replace(/%.*$/, "")}]/`).hostname
    .slice(1, -1);
  const [head = [], tail = []] = whole.split("::").map((side) =>
    side === "" ? [] : side.split(":")
  );
  const zeros = Array(8 - head.length - tail.length).fill("0");
  return [...head, ...zeros, ...tail].map((group) => parseInt(group, 16));
}

/** Addresses to use instead of those that the system finds for a name. */
export interface Resolved {
  readonly host: string;
  readonly port: number;
  readonly addresses: readonly string[];
}

export const toldOf = (
  { host, port }: TcpAddress,
  resolve: readonly Resolved[] = [],
): readonly string[] | undefined =>
  resolve.find((entry) => entry.host === host && entry.port === port)
    ?.addresses;

/** The addresses of a name, in the order to try them: as told, or as the system finds them; undefined when the sandbox denies to look. */
export async function findAddresses(
  address: TcpAddress,
  resolve: readonly Resolved[] | undefined,
  family: 4 | 6 | undefined,
): Promise<readonly string[] | undefined> {
  const is = (ip: string) =>
    family === undefined || ip.includes(":") === (family === 6);
  const { host } = address;
  const told = toldOf(address, resolve);
  if (told !== undefined) return told.filter(is);
  if (isLocalhost(host)) return LOOPBACKS.filter(is);
  const isIp = host.includes(":") || /^\d+(\.\d+){3}$/.test(host);
  if (isIp) return [host].filter(is);
  try {
    // costs about 30 ms to load
    const { lookup } = await import("node:dns/promises");
    const found = await lookup(host, { all: true, family: family ?? 0 });
    return found.map(({ address }) => address);
  } catch (error) {
    const code = error instanceof Error && "code" in error && error.code;
    if (code !== "EPERM") throw error;
  }
}
