/**
 * What Deno's own TLS cannot do and Node's can: a server that asks its clients for a certificate.
 *
 * @module
 */

import { createServer, type TLSSocket } from "node:tls";
import { Failure } from "../cli/errors.ts";
import type { Acceptor, Handshake, Incoming } from "./accept.ts";
import type { Socket } from "./connection.ts";
import { fromStream, toWire } from "./node_socket.ts";
import type { TlsServer } from "./certificate.ts";

/** Why Node refused a client; it gives one with the wrong certificate the error of a connection that was reset. */
function wordOf(error: Error, hasEnded: boolean): Error {
  if (/no certificate/.test(error.message)) {
    return new Failure("it shows no certificate");
  }
  return error.message === "socket hang up" && !hasEnded
    ? new Failure("its certificate is not accepted")
    : error;
}

/**
 * Makes a listener serve only clients that show a certificate of a given issuer.
 *
 * @param listener What accepts them, without TLS.
 * @param tls The server's certificate and key, and the issuer of its clients'.
 * @returns What accepts them with TLS.
 *
 * @example It listens where the other did
 * ```ts
 * import { assertEquals } from "@std/assert";
 * import { makeCertificate } from "./certificate.ts";
 *
 * const listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
 * const pair = await makeCertificate();
 * const secure = requireCertificate(listener, { ...pair, clientCa: pair.cert });
 * assertEquals(secure.addr, listener.addr);
 * secure.close();
 * ```
 */
export function requireCertificate(
  listener: Acceptor,
  tls: TlsServer,
): Acceptor {
  const { cert, key, clientCa } = tls;
  const settings = {
    cert,
    key,
    ca: clientCa,
    requestCert: true,
    rejectUnauthorized: true,
    allowHalfOpen: true,
  };

  function secure(client: Incoming): Incoming {
    let socket: Socket = client;
    return {
      remoteAddr: client.remoteAddr,
      read: (buffer) => socket.read(buffer),
      write: (bytes) => socket.write(bytes),
      closeWrite: () => socket.closeWrite(),
      close: () => socket.close(),
      setNoDelay: () => client.setNoDelay?.(),
      handshake: () =>
        new Promise<Handshake>((resolve, reject) => {
          const server = createServer(settings);
          const { stream, ended } = toWire(client);
          let hasEnded = false;
          ended.then(() => {
            hasEnded = true;
            reject(new Deno.errors.UnexpectedEof("tls handshake eof"));
          });
          server.on(
            "tlsClientError",
            (error) => reject(wordOf(error, hasEnded)),
          );
          server.on("secureConnection", (secured: TLSSocket) => {
            socket = fromStream(secured, ended);
            resolve({
              version: secured.getProtocol() ?? "TLS",
              alpnProtocol: secured.alpnProtocol || null,
            });
          });
          // the server does not listen: it only takes this one connection
          server.emit("connection", stream);
        }),
    };
  }

  return {
    addr: listener.addr,
    accept: async () => secure(await listener.accept()),
    close: () => listener.close(),
  };
}
