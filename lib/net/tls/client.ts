/**
 * A client's side of TLS: always verified, by the authorities, by one's own, or by one certificate's hash.
 *
 * @module
 */

import { Failure } from "../../cli/errors.ts";
import { reasonOf } from "../../cli/reasons.ts";
import { type Socket, within } from "../connection.ts";
import type { TlsClient } from "./trust.ts";

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
 */
export async function startTls(
  conn: Deno.TcpConn | Deno.UnixConn,
  options: StartOptions,
): Promise<Socket & Disposable> {
  const { host, peer, ca, name = host, pin, cert, limit } = options;
  try {
    if (pin !== undefined || cert !== undefined || !("setNoDelay" in conn)) {
      const { startNodeTls } = await import("./node.ts");
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

/** What makes a certificate that can be trusted by itself: one that is no authority and has its names as names. */
const OPENSSL =
  "openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 365 -keyout key.pem -out cert.pem " +
  "-subj /CN=localhost -addext basicConstraints=critical,CA:FALSE " +
  "-addext subjectAltName=DNS:localhost,IP:127.0.0.1,IP:::1";

/**
 * Says what to do about a TLS connection that was refused.
 *
 * @param error Why it was.
 * @returns One line, where there is something to do.
 */
export function hintForTls(error: unknown): string | undefined {
  const { message } = reasonOf(error);
  const [, name] =
    message.match(/^certificate is not for .*, only for ([^,]+)/) ??
      [];
  if (name !== undefined) {
    return `if it is the right server, ask for the name it has: --sni ${name}`;
  }
  switch (message) {
    case "the peer does not speak TLS":
      return "leave out --tls";
    case "certificate of an unknown issuer":
      return "trust its issuer with --ca FILE, or this one certificate with --pin SHA256";
    case "it is a CA certificate, not a server's":
      return `trust it with --pin SHA256, or make one that --ca can trust: ${OPENSSL}`;
    case "the server wants a client certificate":
    case "the server does not know the issuer of the client certificate":
      return "give it one with --cert FILE --key FILE";
  }
}

/**
 * Adds what to do to a failure of a TLS connection: some refusals of the handshake come with the first bytes.
 *
 * @param error What was thrown.
 */
export function withTlsHint(error: unknown): unknown {
  if (!(error instanceof Failure) || error.hint !== undefined) return error;
  const { message, cause, code } = error;
  const hint = hintForTls(cause);
  return hint === undefined
    ? error
    : new Failure(message, { cause, code, hint });
}
