import { Failure } from "../cli/errors.ts";
import { formatAddress, type TcpAddress } from "../tcp/address.ts";
import type { Socket } from "../tcp/connection.ts";
import { within } from "../tcp/within.ts";
import { secureSocket } from "./secure_socket.ts";
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
 * import { parseHttpProxy } from "./http_proxy.ts";
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
  const { formatProxy } = await import("../tcp/proxy.ts");
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
