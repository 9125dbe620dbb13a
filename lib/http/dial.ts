/**
 * The connection that a request goes over: direct, to a Unix socket or through a proxy, and then TLS where the URL
 * says https, always.
 *
 * @module
 */

import { ExitCode, Failure } from "../cli/errors.ts";
import { absolutePath } from "../cli/values.ts";
import {
  addressOf,
  formatAddress,
  LOOPBACKS,
  type TcpAddress,
} from "../net/address.ts";
import { isPermitted } from "../net/permission.ts";
import {
  type Goal,
  openThrough,
  type Passage,
  secureSocket,
} from "./passage.ts";
import type { Network, TransportOptions } from "./transport.ts";

/** A connection that a request can go over. */
export interface Line extends Passage {
  /** How long it took to find the addresses, in ms, where that can be told. */
  readonly dns: number | undefined;
  /** How long it took to connect, in ms. */
  readonly connect: number;
  /** How long the handshake took, in ms. */
  readonly tls: number | undefined;
}

/** The way to a server, before TLS. */
interface Reached extends Passage {
  readonly dns?: number;
  /** When it was begun to connect. */
  readonly since?: number;
}

/** Tries one address after the other; the last error counts. */
async function openFirst(
  addresses: readonly string[],
  port: number,
  signal: AbortSignal,
): Promise<Deno.TcpConn> {
  let last: unknown = new Error("No address associated with the name");
  for (const hostname of addresses) {
    try {
      return await Deno.connect({ hostname, port, signal });
    } catch (error) {
      last = error;
    }
  }
  throw last;
}

/** Connects to a name; to `localhost` by both loopbacks, as the hosts file may know one of them alone. */
async function openName(
  host: string,
  port: number,
  signal: AbortSignal,
): Promise<Deno.TcpConn> {
  try {
    return await Deno.connect({ hostname: host, port, signal });
  } catch (error) {
    if (host !== "localhost" || signal.aborted) throw error;
    const permitted = LOOPBACKS.filter((ip) => isPermitted({ host: ip, port }));
    return await openFirst(permitted, port, signal).catch(() => {
      throw error;
    });
  }
}

/** Connects to a host, by its addresses where they are chosen or timed. */
async function open(
  { host, port }: TcpAddress,
  { resolve, family, timings, signal }: TransportOptions,
): Promise<Reached> {
  const isChosen = family !== undefined ||
    resolve?.some((told) => told.host === host && told.port === port);
  if (isChosen || timings) {
    const start = performance.now();
    const found = await findAddresses(host, port, { resolve, family });
    const dns = performance.now() - start;
    // to time a name must not need more rights than to connect to it
    const mayEach = found?.every((ip) => isPermitted({ host: ip, port }));
    if (found && (isChosen || mayEach)) {
      const since = performance.now();
      const conn = await openFirst(found, port, signal);
      const remote = formatAddress(addressOf(conn.remoteAddr));
      return { conn, dns, since, remote };
    }
  }
  const since = performance.now();
  const conn = await openName(host, port, signal);
  return { conn, since, remote: formatAddress(addressOf(conn.remoteAddr)) };
}

async function openUnix(path: string): Promise<Reached> {
  try {
    const conn = await Deno.connect({ transport: "unix", path });
    return { conn, remote: `unix:${path}` };
  } catch (cause) {
    const isDenied = cause instanceof Deno.errors.NotCapable;
    const there = isDenied ? undefined : await Deno.stat(path).catch(() => {});
    throw new Failure(`Cannot connect to unix:${absolutePath(path)}`, {
      cause: there?.isSocket === false
        ? new Failure("it is not a socket")
        : cause,
      code: isDenied ? undefined : ExitCode.Unreachable,
    });
  }
}

async function permissions(
  goal: Goal,
  options: TransportOptions,
): Promise<Reached> {
  const { unix, proxy } = options;
  if (unix !== undefined) return await openUnix(unix);
  if (proxy === undefined) return await open(goal.target, options);
  return await openThrough(proxy, goal, options);
}

/**
 * Connects to where a URL leads.
 *
 * @param url The URL.
 * @param options The way there.
 * @throws What the system or the peer has against it; a {@linkcode Failure} that names the proxy or the socket where
 * one is in the way.
 */
export async function dial(url: URL, options: TransportOptions): Promise<Line> {
  const isSecure = url.protocol === "https:";
  const host = url.hostname.replace(/^\[|\]$/g, "");
  const target = { host, port: Number(url.port) || (isSecure ? 443 : 80) };
  const start = performance.now();
  const { dns, since = start, ...passage } = await permissions(
    { target, isSecure },
    options,
  );
  const connected = performance.now();
  const { conn } = passage;
  return {
    ...passage,
    conn: isSecure ? await secureSocket(conn, host, options) : conn,
    dns,
    connect: connected - since,
    tls: isSecure ? performance.now() - connected : undefined,
  };
}

/**
 * Finds the addresses of a name, as the system finds them, or as they are told.
 *
 * @param host A name or an IP address, without brackets.
 * @param port The port, for `--resolve`.
 * @param network What is told, and the version of IP.
 * @returns The addresses in the order in which they are to be tried; undefined when the sandbox denies to look.
 * @throws When there is none.
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
  if (host === "localhost") return LOOPBACKS.filter(is);
  const isIp = host.includes(":") || /^\d+(\.\d+){3}$/.test(host);
  if (isIp) return [host].filter(is);
  try {
    // costs about 30 ms to load
    const { lookup } = await import("node:dns/promises");
    const found = await lookup(host, { all: true, family: family ?? 0 });
    return found.map(({ address }) => address);
  } catch (error) {
    const isDenied = error instanceof Error && "code" in error &&
      error.code === "EPERM";
    if (isDenied) return undefined;
    throw error;
  }
}
