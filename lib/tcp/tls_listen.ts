import { UsageError } from "../cli/errors.ts";
import type { Acceptor } from "./accept.ts";
import type { Address } from "./address.ts";
import type { TlsServer } from "./certificate.ts";
import { listenFailure, openAll } from "./listen.ts";

/**
 * Listens for TLS 1.2 and 1.3. A client is accepted before its handshake, so that one that never speaks keeps nobody
 * else waiting.
 *
 * @param address Where; with `localhost` on both loopbacks.
 * @param tls The certificate and its key, and which clients need one of their own.
 * @returns The listeners, all on one port.
 * @throws {Failure} `Cannot listen on host:port`, with the cause: in use, a key of another certificate.
 *
 * @example With a throw-away certificate
 * ```ts
 * import { assertEquals } from "@std/assert";
 * import { makeCertificate } from "./certificate.ts";
 *
 * const [listener] = await listenTls({ host: "127.0.0.1", port: 0 }, await makeCertificate());
 * assertEquals(listener?.addr.transport, "tcp");
 * listener?.close();
 * ```
 */
export async function listenTls(
  address: Address,
  tls: TlsServer,
): Promise<Acceptor[]> {
  if ("path" in address) {
    throw new UsageError("Cannot speak TLS on a Unix socket");
  }
  const { cert, key, clientCa } = tls;
  try {
    // Node says only to its first client that certificate and key do not belong together
    if (clientCa !== undefined) Deno.createHttpClient({ cert, key }).close();
    const listeners = openAll(
      address,
      // Deno's own TLS asks no client for a certificate
      (hostname, port): Acceptor & Pick<Deno.TcpListener, "addr"> =>
        clientCa === undefined
          ? Deno.listenTls({ hostname, port, cert, key })
          : Deno.listen({ hostname, port }),
      ({ addr }) => addr.port,
    );
    if (clientCa === undefined) return listeners;
    const { requireCertificate } = await import("./tls_node.ts");
    return listeners.map((listener) =>
      requireCertificate(listener, { cert, key, clientCa })
    );
  } catch (error) {
    throw await listenFailure(address, error);
  }
}
