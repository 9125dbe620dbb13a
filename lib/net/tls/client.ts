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

/** Starts verified TLS for `host`, or the name in `tls`: Deno's, or Node's for what Deno's cannot do. The socket is closed when it fails. */
export function startTls(
  socket: Socket,
  host: string,
  tls: TlsClient,
  signal?: AbortSignal,
): Promise<Socket & Disposable> {
  const { ca, name = host, pin, cert, insecure, alpn, mustAgree, onFacts } =
    tls;
  return within(signal, socket, async () => {
    const isOdd = insecure || tls.isOneOfMany || tls.isOwn || !isTcp(socket) ||
      onFacts !== undefined && ca === undefined;
    if (isOdd || pin !== undefined || cert !== undefined) {
      const { startNodeTls } = await import("./node.ts");
      return await startNodeTls(socket, { ...tls, name });
    }
    const conn = await Deno.startTls(socket, {
      hostname: name,
      caCerts: ca === undefined ? [] : [ca],
      ...alpn && { alpnProtocols: [...alpn] },
    });
    const { alpnProtocol } = await within(signal, conn, () => conn.handshake());
    onFacts?.({ tls: "TLS", ...alpnProtocol && { alpn: alpnProtocol } });
    if (mustAgree && !alpnProtocol) throw new Error("NoApplicationProtocol");
    return conn;
  }).catch((error) => {
    const isOther = mustAgree &&
      /no.?application.?protocol/i.test(String(error));
    throw isOther
      ? new Failure(`no protocol in common: it takes none of ${alpn}`)
      : error;
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
