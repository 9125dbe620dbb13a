/**
 * A client's side of TLS: always verified, by the authorities, by one's own, or by one certificate's hash.
 *
 * @module
 */

import { Failure } from "../../cli/errors.ts";
import { nameInstead, reasonOf } from "../../cli/reasons.ts";
import { type Socket, type TlsClient, within } from "../connection.ts";

function isTcp(socket: Socket): socket is Deno.TcpConn {
  return "setNoDelay" in socket;
}

/**
 * Starts TLS 1.2 or 1.3 on a socket and verifies the peer. A certificate that is pinned, a certificate of one's own,
 * one that is not verified, and anything but a TCP socket are beyond Deno's own TLS: Node's is loaded for them. The
 * socket is closed when this fails.
 *
 * @param host The name that the certificate has to be for, unless `tls` has another.
 * @throws What Deno or Node has against the peer; the signal's reason when it was aborted.
 */
export function startTls(
  socket: Socket,
  host: string,
  tls: TlsClient,
  signal?: AbortSignal,
): Promise<Socket & Disposable> {
  const { ca, name = host, pin, cert, insecure, isOneOfMany, alpn } = tls;
  return within(signal, socket, async () => {
    if (
      insecure || isOneOfMany || tls.isOwn || pin !== undefined ||
      cert !== undefined ||
      !isTcp(socket)
    ) {
      const { startNodeTls } = await import("./node.ts");
      return await startNodeTls(socket, { ...tls, name });
    }
    const conn = await Deno.startTls(socket, {
      hostname: name,
      caCerts: ca === undefined ? [] : [ca],
      ...alpn && { alpnProtocols: [...alpn] },
    });
    await within(signal, conn, () => conn.handshake());
    return conn;
  });
}

/** Why an issuer that everybody trusts is unknown all the same. */
export const NO_CHAIN =
  "; of a known issuer, the server does not send the intermediate certificate";

/** What a server may want that ends a handshake without a word. */
export const NOT_AGREED =
  "it may want a client certificate (--cert FILE --key FILE), or a cipher, curve or key that Deno does not have";

/** What to do about a TLS connection that was refused, in one line. */
export function hintForTls(error: unknown): string | undefined {
  const { message } = reasonOf(error);
  const name = nameInstead(message);
  if (name !== undefined) {
    return `if it is the right server, ask for the name it has: --sni ${name}`;
  }
  switch (message) {
    case "the peer does not speak TLS":
      return "leave out --tls";
    case "certificate of an unknown issuer":
      return `trust its issuer with --ca FILE, or this one certificate with --pin SHA256${NO_CHAIN}`;
    case "it is a CA certificate, not a server's":
      return "if it is the right server's own, trust it with --ca FILE or --pin SHA256";
    case "the peer ended TLS (HandshakeFailure)":
      return NOT_AGREED;
    case "the server wants a client certificate":
    case "the server does not know the issuer of the client certificate":
      return "give it one with --cert FILE --key FILE";
  }
}

/** Adds what to do to a failure of a TLS connection: some refusals of the handshake come with the first bytes. */
export function withTlsHint(error: unknown): unknown {
  if (!(error instanceof Failure) || error.hint !== undefined) return error;
  const { message, cause, code } = error;
  const hint = hintForTls(cause);
  return hint === undefined
    ? error
    : new Failure(message, { cause, code, hint });
}
