/**
 * A server that asks its clients for a certificate, which Deno's own TLS cannot and Node's can.
 *
 * @module
 */

import { createServer, type TLSSocket } from "node:tls";
import { Failure } from "../../lib/cli/errors.ts";
import type {
  Acceptor,
  Handshake,
  Incoming,
  Socket,
  TlsServer,
} from "../../lib/net/connection.ts";
import { fromStream, toDuplex } from "../../lib/net/tls/node.ts";

/** Why Node refused a client; it gives one with the wrong certificate the error of a connection that was reset. */
function wordOf(error: Error, hasEnded: boolean): Error {
  if (/no certificate/.test(error.message)) {
    return new Failure("it shows no certificate");
  }
  return error.message === "socket hang up" && !hasEnded
    ? new Failure("its certificate is not accepted")
    : error;
}

/** Makes a listener serve only clients that show a certificate of a given issuer. */
export function requireCertificate(
  listener: Acceptor,
  tls: TlsServer,
): Acceptor {
  const settings = {
    cert: tls.cert,
    key: tls.key,
    ca: tls.clientCa,
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
          const duplex = toDuplex(client);
          let hasEnded = false;
          duplex.ended.then((why) => {
            hasEnded = true;
            reject(why ?? new Deno.errors.UnexpectedEof("tls handshake eof"));
          });
          const refuse = (error: Error) => reject(wordOf(error, hasEnded));
          server.on("tlsClientError", refuse);
          server.on("secureConnection", (secured: TLSSocket) => {
            socket = fromStream(secured, duplex);
            resolve({
              version: secured.getProtocol() ?? "TLS",
              alpnProtocol: secured.alpnProtocol || null,
            });
          });
          // the server does not listen: it only takes this one connection
          server.emit("connection", duplex.stream);
        }),
    };
  }

  return {
    addr: listener.addr,
    accept: async () => secure(await listener.accept()),
    close: () => listener.close(),
  };
}
