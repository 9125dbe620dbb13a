/**
 * A client's side of TLS: always verified, by the authorities, by one's own, or by one certificate's hash.
 *
 * @module
 */

import { nameInstead, reasonOf } from "../../cli/reasons.ts";
import { type Socket, type TlsClient, within } from "../connection.ts";

function isTcp(socket: Socket): socket is Deno.TcpConn {
  return "setNoDelay" in socket;
}

/** Starts verified TLS for `host`, or the name in `tls`: Deno's, or Node's for what Deno's cannot do. The socket is closed when it fails. */
export function startTls(
  socket: Socket,
  host: string,
  tls: TlsClient,
  signal?: AbortSignal,
): Promise<Socket & Disposable> {
  const { ca, name = host, pin, cert, insecure, isOneOfMany, alpn } = tls;
  return within(signal, socket, async () => {
    const isOdd = insecure || isOneOfMany || tls.isOwn || !isTcp(socket);
    if (isOdd || pin !== undefined || cert !== undefined) {
      const { startNodeTls } = await import("./node.ts");
      return await startNodeTls(socket, { ...tls, name });
    }
    const conn = await Deno.startTls(socket, {
      hostname: name,
      caCerts: ca === undefined ? [] : [ca],
      ...alpn && { alpnProtocols: [...alpn] },
    });
    await within(signal, conn, async () => {
      const { alpnProtocol } = await conn.handshake();
      tls.onAlpn?.(alpnProtocol ?? undefined);
    });
    return conn;
  }).catch((error) => {
    if (/no.?application.?protocol/i.test(String(error))) tls.onAlpn?.();
    throw error;
  });
}

/** What to do about what a peer's TLS says, or a certificate. */
export const TLS_STEPS: readonly (readonly [test: RegExp, step: string])[] = [
  [
    /^certificate of an unknown issuer/,
    "trust its issuer with --ca FILE, or this one certificate with --pin SHA256; where its issuer is known, the server leaves out the intermediate certificate",
  ],
  [
    /^it is a CA certificate/,
    "if it is the right server's own, trust it with --ca FILE or --pin SHA256",
  ],
  [/no protocol in common/, "see what it does without --alpn"],
  [/client certificate$/, "give it one with --cert FILE --key FILE"],
  [
    /ended TLS \(HandshakeFailure/,
    "it may want a client certificate (--cert FILE --key FILE), or a cipher, curve or key that Deno does not have",
  ],
];

/** What to do about a TLS connection that was refused, in one line. */
export function hintForTls(error: unknown): string | undefined {
  const { message } = reasonOf(error);
  if (message === "the peer does not speak TLS") return "leave out --tls";
  const name = nameInstead(message);
  return name === undefined
    ? TLS_STEPS.find(([test]) => test.test(message))?.[1]
    : `if it is the right server, ask for the name it has: --sni ${name}`;
}
