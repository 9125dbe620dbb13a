/**
 * A client's side of TLS: always verified, by the authorities, by one's own, or by one certificate's hash.
 *
 * @module
 */

import { Failure } from "../cli/errors.ts";
import type { Socket } from "./connection.ts";
import { hintForTls } from "./tls_hint.ts";
import type { TlsClient } from "./trust.ts";
import { within } from "./within.ts";

/** What {@linkcode startTls} takes besides the socket. */
export interface StartOptions extends TlsClient {
  /** The host that was connected to. */
  readonly host: string;
  /** Its whole address, for people. */
  readonly peer: string;
  /** The deadline of the handshake. */
  readonly limit?: AbortSignal | undefined;
}

/**
 * Starts TLS 1.2 or 1.3 on a socket and verifies the peer. A certificate that is pinned, a certificate of one's own
 * and a Unix socket are beyond Deno's own TLS: Node's is loaded for them.
 *
 * @param conn The socket; it is closed when this fails.
 * @param options Whom to trust, and the deadline.
 * @returns The socket to go on with.
 * @throws {Failure} `Cannot start TLS with host:port`, with the cause: refused (60), not TLS, timed out (28).
 *
 * @example Nobody has certified a server of our own
 * ```ts
 * import { assertRejects } from "@std/assert";
 * import { makeCertificate } from "./certificate.ts";
 *
 * using listener = Deno.listenTls({ hostname: "127.0.0.1", port: 0, ...await makeCertificate() });
 * const conn = await Deno.connect({ port: listener.addr.port });
 * using other = await listener.accept();
 * other.handshake().catch(() => {});
 * await assertRejects(
 *   () => startTls(conn, { host: "127.0.0.1", peer: "127.0.0.1:443" }),
 *   Error,
 *   "Cannot start TLS with 127.0.0.1:443",
 * );
 * ```
 */
export async function startTls(
  conn: Deno.TcpConn | Deno.UnixConn,
  options: StartOptions,
): Promise<Socket & Disposable> {
  const { host, peer, ca, name = host, pin, cert, limit } = options;
  try {
    if (pin !== undefined || cert !== undefined || !("setNoDelay" in conn)) {
      const { startNodeTls } = await import("./tls_client_node.ts");
      return await within(
        limit,
        conn,
        () => startNodeTls(conn, { ...options, name }),
      );
    }
    const secure = await Deno.startTls(conn, {
      hostname: name,
      caCerts: ca === undefined ? [] : [ca],
    });
    await within(limit, secure, () => secure.handshake());
    return secure;
  } catch (cause) {
    throw new Failure(`Cannot start TLS with ${peer}`, {
      cause,
      hint: hintForTls(cause),
    });
  }
}
