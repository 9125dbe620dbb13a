import { Failure } from "../cli/errors.ts";
import { formatAddress, type TcpAddress } from "../net/address.ts";
import { type Socket, within } from "../net/connection.ts";
import { formatProxy, parseProxy } from "../net/proxy.ts";
import type { HttpProxy, TransportOptions } from "./transport.ts";

/** Where a request goes, and whether TLS is spoken there. */
export interface Goal {
  /** The address. */
  readonly target: TcpAddress;
  /** Whether the URL says https. */
  readonly isSecure: boolean;
}

/** A connection that leads to a server, or to a proxy that passes requests on to it. */
export interface Passage {
  /** The socket. */
  readonly conn: Socket;
  /** Its other end. */
  readonly remote: string;
  /** The proxy that wants to see the whole URL and its credentials with the request itself. */
  readonly forward?: HttpProxy;
}

/**
 * Connects to a proxy and, unless it passes plain requests on by itself, through it.
 *
 * @param proxy The proxy.
 * @param goal Where to.
 * @param options The deadline, and whom to trust.
 * @throws {Failure} Which of the two connections could not be made, and why.
 */
export async function openThrough(
  proxy: HttpProxy,
  { target, isSecure }: Goal,
  options: TransportOptions,
): Promise<Passage> {
  const { signal, ca } = options;
  let step = `Cannot connect to the proxy ${formatProxy(proxy)}`;
  try {
    const { host, port } = proxy.address;
    const conn = await Deno.connect({ hostname: host, port, signal });
    const socket = proxy.secure
      ? await secureSocket(conn, host, { signal, ca })
      : conn;
    const reached = { conn: socket, remote: formatAddress(proxy.address) };
    if (proxy.protocol === "http" && !isSecure) {
      return { ...reached, forward: proxy };
    }
    step = `Cannot connect to ${formatAddress(target)} through ${
      formatProxy(proxy)
    }`;
    const { askProxy } = await import("../net/tunnel.ts");
    await within(signal, socket, () => askProxy(socket, proxy, target));
    return reached;
  } catch (cause) {
    const hint = cause instanceof Failure ? cause.hint : undefined;
    throw new Failure(step, { cause, hint });
  }
}

/**
 * Reads a proxy: `http://`, `https://` or `socks5://`, with `USER:PASSWORD@` where it wants one.
 *
 * @throws {UsageError} On anything else.
 */
export function parseHttpProxy(text: string): HttpProxy {
  const secure = /^https:/i.test(text);
  const proxy = parseProxy(secure ? text.replace(/^https/i, "http") : text);
  const hasPort = /:\d+\/?$/.test(text);
  return {
    ...proxy,
    address: secure && !hasPort
      ? { ...proxy.address, port: 443 }
      : proxy.address,
    secure,
  };
}

function isTcp(socket: Socket): socket is Deno.TcpConn {
  return "setNoDelay" in socket;
}

/**
 * Starts TLS on a socket: verified, unless `insecure` says otherwise.
 *
 * @param socket The socket; it is closed when this fails, or when the signal is aborted.
 * @param name The name that the certificate has to be for.
 * @param options Whom to trust, and who the client is.
 * @throws What Deno or Node has against the peer; the signal's reason when it was aborted.
 */
export async function secureSocket(
  socket: Socket,
  name: string,
  { ca, cert, key, insecure = false, signal }: TransportOptions,
): Promise<Socket> {
  return await within(signal, socket, async () => {
    if (insecure || cert !== undefined || !isTcp(socket)) {
      const { startNodeTls } = await import("../net/tls/node.ts");
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
