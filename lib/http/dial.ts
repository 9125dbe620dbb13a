/**
 * The connection that a request goes over: direct, to a Unix socket or through a proxy, and then TLS where the URL
 * says https, always.
 *
 * @module
 */

import { Failure } from "../cli/errors.ts";
import { ExitCode } from "../cli/exit_code.ts";
import { addressOf, formatAddress, type TcpAddress } from "../tcp/address.ts";
import type { Socket } from "../tcp/connection.ts";
import { within } from "../tcp/within.ts";
import type { HttpProxy, TransportOptions } from "./transport.ts";

/** A connection that a request can go over. */
export interface Line {
  /** The socket. */
  readonly socket: Socket;
  /** Its other end. */
  readonly remote: string;
  /** The proxy that wants to see the whole URL and its credentials with the request itself; no tunnel leads through it. */
  readonly forward?: HttpProxy | undefined;
  /** How long it took to find the addresses, in ms, where that can be told. */
  readonly dns: number | undefined;
  /** How long it took to connect, in ms. */
  readonly connect: number;
  /** How long the handshake took, in ms. */
  readonly tls: number | undefined;
}

type Conn = Deno.TcpConn | Deno.UnixConn;

/** The way to a server, before TLS. */
interface Reached extends Pick<Line, "remote" | "forward"> {
  readonly conn: Conn | Socket;
  readonly dns?: number;
  /** When it was begun to connect. */
  readonly since?: number;
}

/** Tries one address after the other; the last error counts. */
async function openFirst(
  addresses: readonly string[],
  port: number,
  signal: AbortSignal,
): Promise<Conn> {
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

/** To time a name must not need more rights than to connect to it: each address must be permitted by itself. */
function isPermitted(host: string, port: number): boolean {
  const descriptor = { name: "net", host: formatAddress({ host, port }) };
  return Deno.permissions.querySync({ ...descriptor, name: "net" }).state ===
    "granted";
}

/** Where to, and whether TLS is spoken there. */
interface Goal {
  readonly target: TcpAddress;
  readonly isSecure: boolean;
}

/** Connects to a host, by its addresses where they are chosen or timed. */
async function open(
  { host, port }: TcpAddress,
  { resolve, family, timings, signal }: TransportOptions,
): Promise<Reached> {
  const isChosen = family !== undefined ||
    resolve?.some((told) => told.host === host && told.port === port);
  if (isChosen || timings) {
    const { findAddresses } = await import("./addresses.ts");
    const start = performance.now();
    const found = await findAddresses(host, port, { resolve, family });
    const dns = performance.now() - start;
    if (found && (isChosen || found.every((ip) => isPermitted(ip, port)))) {
      const since = performance.now();
      const conn = await openFirst(found, port, signal);
      const remote = formatAddress(addressOf(conn.remoteAddr));
      return { conn, dns, since, remote };
    }
  }
  const since = performance.now();
  const conn = await Deno.connect({ hostname: host, port, signal });
  return { conn, since, remote: formatAddress(addressOf(conn.remoteAddr)) };
}

async function openUnix(path: string): Promise<Reached> {
  try {
    const conn = await Deno.connect({ transport: "unix", path });
    return { conn, remote: `unix:${path}` };
  } catch (cause) {
    const isDenied = cause instanceof Deno.errors.NotCapable;
    const code = isDenied ? undefined : ExitCode.Unreachable;
    throw new Failure(`Cannot connect to unix:${path}`, { cause, code });
  }
}

function isTcp(socket: Conn | Socket): socket is Deno.TcpConn {
  return "setNoDelay" in socket;
}

/** Starts TLS on a socket: verified, unless the user wants none of that from the server. */
async function secure(
  socket: Conn | Socket,
  name: string,
  { ca, cert, key, insecure = false, signal }: TransportOptions,
): Promise<Socket> {
  return await within(signal, socket, async () => {
    if (insecure || cert !== undefined || !isTcp(socket)) {
      const { startNodeTls } = await import("../tcp/tls_client_node.ts");
      return await startNodeTls(socket, { name, ca, cert, key, insecure });
    }
    const conn = await Deno.startTls(socket, {
      hostname: name,
      caCerts: ca === undefined ? [] : [ca],
      alpnProtocols: ["http/1.1"],
    });
    await within(signal, conn, () => conn.handshake());
    return conn;
  });
}

/** Connects to a proxy and, unless it passes plain requests on by itself, through it. */
async function openThrough(
  proxy: HttpProxy,
  { target, isSecure }: Goal,
  options: TransportOptions,
): Promise<Reached> {
  const { formatProxy } = await import("../tcp/proxy.ts");
  const { signal, ca } = options;
  let step = `Cannot connect to the proxy ${formatProxy(proxy)}`;
  try {
    const { host, port } = proxy.address;
    const conn = await Deno.connect({ hostname: host, port, signal });
    const socket = proxy.secure
      ? await secure(conn, host, { signal, ca })
      : conn;
    const reached = { conn: socket, remote: formatAddress(proxy.address) };
    if (proxy.protocol === "http" && !isSecure) {
      return { ...reached, forward: proxy };
    }
    step = `Cannot connect to ${formatAddress(target)} through ${
      formatProxy(proxy)
    }`;
    const ask = proxy.protocol === "socks5"
      ? (await import("../tcp/socks5.ts")).askSocks
      : (await import("../tcp/http_connect.ts")).askHttp;
    await within(signal, socket, () => ask(socket, proxy, target));
    return reached;
  } catch (cause) {
    const hint = cause instanceof Failure ? cause.hint : undefined;
    throw new Failure(step, { cause, hint });
  }
}

/**
 * Connects to where a URL leads.
 *
 * @param url The URL.
 * @param options The way there.
 * @throws What the system or the peer has against it; a {@linkcode Failure} that names the proxy or the socket where
 * one is in the way.
 *
 * @example A connection without TLS
 * ```ts
 * import { assertEquals } from "@std/assert";
 *
 * using listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
 * const url = new URL(`http://127.0.0.1:${listener.addr.port}/`);
 * const { socket, tls } = await dial(url, { signal: new AbortController().signal });
 * (await listener.accept()).close();
 * assertEquals([tls, await socket.read(new Uint8Array(1))], [undefined, null]);
 * socket.close();
 * ```
 */
export async function dial(url: URL, options: TransportOptions): Promise<Line> {
  const isSecure = url.protocol === "https:";
  const host = url.hostname.replace(/^\[|\]$/g, "");
  const target = { host, port: Number(url.port) || (isSecure ? 443 : 80) };
  const { unix, proxy } = options;
  const start = performance.now();
  const { conn, dns, since = start, forward, remote } = unix !== undefined
    ? await openUnix(unix)
    : proxy !== undefined
    ? await openThrough(proxy, { target, isSecure }, options)
    : await open(target, options);
  const connected = performance.now();
  const socket = isSecure ? await secure(conn, host, options) : conn;
  return {
    socket,
    forward,
    remote,
    dns,
    connect: connected - since,
    tls: isSecure ? performance.now() - connected : undefined,
  };
}
