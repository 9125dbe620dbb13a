import type { Socket } from "../tcp/connection.ts";
import { within } from "../tcp/within.ts";
import type { TransportOptions } from "./transport.ts";

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
