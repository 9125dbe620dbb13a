import { Failure } from "../cli/errors.ts";
import { formatAddress, type TcpAddress } from "../tcp/address.ts";
import { type Socket, within } from "../tcp/connection.ts";
import { formatProxy, parseProxy } from "../tcp/proxy.ts";
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
 *
 * @example A proxy that is not there
 * ```ts
 * import { assertRejects } from "@std/assert";
 *
 * const goal = { target: { host: "a.example", port: 80 }, isSecure: false };
 * const { signal } = new AbortController();
 * await assertRejects(
 *   () => openThrough(parseHttpProxy("http://127.0.0.1:9"), goal, { signal }),
 *   Error,
 *   "Cannot connect to the proxy http://127.0.0.1:9",
 * );
 * ```
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
    const { askProxy } = await import("../tcp/tunnel.ts");
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
 *
 * @example One that is spoken to over TLS
 * ```ts
 * import { assertEquals } from "@std/assert";
 *
 * const { secure, address } = parseHttpProxy("https://ada:pw@proxy.example");
 * assertEquals([secure, address], [true, { host: "proxy.example", port: 443 }]);
 * ```
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
 *
 * @example A certificate that is trusted by itself
 * ```ts
 * import { assertEquals } from "@std/assert";
 * import { makeCertificate } from "../tcp/certificate.ts";
 *
 * const pair = await makeCertificate();
 * using listener = Deno.listenTls({ hostname: "127.0.0.1", port: 0, ...pair });
 * const served = listener.accept().then((other) => other.close());
 * const { signal } = new AbortController();
 * const conn = await Deno.connect({ port: listener.addr.port });
 * const secure = await secureSocket(conn, "localhost", { ca: pair.cert, signal });
 * assertEquals(await secure.read(new Uint8Array(1)), null);
 * secure.close();
 * await served;
 * ```
 */
export async function secureSocket(
  socket: Socket,
  name: string,
  { ca, cert, key, insecure = false, signal }: TransportOptions,
): Promise<Socket> {
  return await within(signal, socket, async () => {
    if (insecure || cert !== undefined || !isTcp(socket)) {
      const { startNodeTls } = await import("../tcp/tls_node.ts");
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
