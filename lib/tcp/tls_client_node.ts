/**
 * What Deno's own TLS cannot do for a client and Node's can: show a certificate of its own, trust one certificate by
 * its hash, and go over any socket.
 *
 * @module
 */

import { isIP } from "node:net";
import { connect, type TLSSocket } from "node:tls";
import { Failure } from "../cli/errors.ts";
import { ExitCode } from "../cli/exit_code.ts";
import type { Socket } from "./connection.ts";
import { fromStream, toWire } from "./node_socket.ts";
import type { TlsClient } from "./trust.ts";

/** Where no issuer is verified, Node complains of one only when the handshake is not signed with the key. */
function forgeryOf(error: Error & { readonly code?: string }): Error {
  if (!/SELF_SIGNED|UNABLE_TO_VERIFY/.test(error.code ?? "")) return error;
  return new Failure("the peer shows a certificate whose key it has not", {
    code: ExitCode.Certificate,
  });
}

/** Whether the certificate is the pinned one. That the peer has its key was proven by the handshake. */
function checkPin(stream: TLSSocket, pin: string): void {
  const { fingerprint256 = "" } = stream.getPeerCertificate();
  const found = fingerprint256.replaceAll(":", "").toLowerCase();
  if (found === pin) return;
  throw new Failure(
    `certificate is not the pinned one, its SHA-256 is ${found}`,
    {
      code: ExitCode.Certificate,
    },
  );
}

/**
 * Starts TLS with Node's implementation.
 *
 * @param socket The socket.
 * @param tls Whom to trust and the client's own certificate; with a pin and no `ca`, the pin alone decides; `insecure`
 * takes any certificate.
 * @returns The socket to go on with. Its end without TLS's own is an error, as with Deno's TLS.
 * @throws What Node or the pin has against the peer.
 *
 * @example A certificate of our own making, by its hash
 * ```ts
 * import { assertEquals } from "@std/assert";
 * import { fingerprintOf, makeCertificate } from "./certificate.ts";
 *
 * const pair = await makeCertificate();
 * using listener = Deno.listenTls({ hostname: "127.0.0.1", port: 0, ...pair });
 * const served = listener.accept().then(async (other) => {
 *   await other.write(new Uint8Array([1, 2, 3]));
 *   other.close();
 * });
 * using conn = await Deno.connect({ port: listener.addr.port });
 * using secure = await startNodeTls(conn, { name: "localhost", pin: await fingerprintOf(pair.cert) });
 * assertEquals(await secure.read(new Uint8Array(9)), 3);
 * assertEquals(await secure.read(new Uint8Array(9)), null);
 * await served;
 * ```
 */
export async function startNodeTls(
  socket: Socket,
  tls: TlsClient & { readonly name: string; readonly insecure?: boolean },
): Promise<Socket & Disposable> {
  const { name, ca, pin, cert, key, insecure = false } = tls;
  const trusted = !insecure && (pin === undefined || ca !== undefined);
  const wire = toWire(socket);
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  wire.ended.then(() =>
    reject(new Deno.errors.UnexpectedEof("tls handshake eof"))
  );
  const stream = connect({
    socket: wire.stream,
    host: name,
    // an address is verified, but not asked for (RFC 6066 section 3)
    ...!isIP(name) && { servername: name },
    // the pin is checked below: nothing is sent or taken before that
    rejectUnauthorized: trusted,
    // alone: to read the authorities that everybody trusts takes a permission (sys) that no command has
    ...ca !== undefined && { ca },
    ...cert !== undefined && { cert },
    ...key !== undefined && { key },
  });
  stream.on("error", (error) => reject(trusted ? error : forgeryOf(error)));
  stream.on("close", () => reject(new Deno.errors.Interrupted()));
  stream.on("secureConnect", resolve);
  try {
    await promise;
    if (pin !== undefined) checkPin(stream, pin);
  } catch (error) {
    stream.destroy();
    throw error;
  }
  const secure = fromStream(stream, wire.ended);
  return { ...secure, [Symbol.dispose]: secure.close };
}
