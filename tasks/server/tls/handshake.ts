/**
 * TLS for clients that were accepted, by Node: Deno's own neither asks a client for a certificate nor lets go of one that
 * does not shake hands.
 *
 * @module
 */

import type { Duplex } from "node:stream";
import { createSecureContext, createServer, TLSSocket } from "node:tls";
import { Failure } from "../../../lib/cli/errors.ts";
import { type Socket, withRead } from "../../../lib/net/connection.ts";
import { factsOf } from "../../../lib/net/tls/facts.ts";
import { shakeHands } from "../../../lib/net/tls/node.ts";
import type { Handshake, TlsServer } from "../acceptor.ts";

/** Why Node refused a client; it gives one with the wrong certificate the error of a connection that was reset. */
function wordOf(error: Error): Error {
  if (/no certificate/.test(error.message)) {
    return new Failure("it shows no certificate");
  }
  return error.message === "socket hang up"
    ? new Failure("its certificate is not accepted")
    : error;
}

/** The first byte of a handshake, and the alert unexpected_message (RFC 8446 sections 5.1 and 6). */
const HANDSHAKE = 22;
const ALERT = Uint8Array.of(21, 3, 3, 0, 2, 2, 10);

/** A client that is told so when it speaks no TLS: Node closes without a word. */
function listening(client: Socket): Socket {
  let read: Socket["read"] = async (buffer) => {
    read = (buffer) => client.read(buffer);
    const count = await client.read(buffer);
    if (count === null || buffer[0] === HANDSHAKE) return count;
    await client.write(ALERT);
    throw new Failure("the peer does not speak TLS");
  };
  return withRead(client, (buffer) => read(buffer));
}

type Done = (stream: TLSSocket) => void;
type Fail = (error: unknown) => void;

/** Makes what shakes hands with one client after the other, and gives what to go on with. */
export function createHandshakes(
  { cert, key, clientCa }: TlsServer,
): (client: Socket) => Promise<Handshake & { readonly socket: Socket }> {
  const secureContext = createSecureContext({ cert, key });

  function take(duplex: Duplex, done: Done, fail: Fail): void {
    const stream = new TLSSocket(duplex, {
      isServer: true,
      secureContext,
    });
    // Node destroys what fails; only with TLS's end does it send the alert that says why
    const destroy = stream.destroy.bind(stream);
    stream.destroy = (error) => {
      stream.destroy = destroy;
      return stream.end(() => destroy(error));
    };
    stream.on("error", fail);
    stream.on("secure", () => {
      stream.destroy = destroy;
      done(stream);
    });
  }

  function takeCertified(duplex: Duplex, done: Done, fail: Fail): void {
    const server = createServer({
      cert,
      key,
      ca: clientCa,
      requestCert: true,
      rejectUnauthorized: true,
      allowHalfOpen: true,
    });
    server.on("tlsClientError", (error) => fail(wordOf(error)));
    server.on("secureConnection", done);
    // the server does not listen: it only takes this one connection
    server.emit("connection", duplex);
  }

  return async (client) => {
    const { stream, ...socket } = await shakeHands(
      listening(client),
      clientCa === undefined ? take : takeCertified,
    );
    return {
      socket,
      facts: factsOf(stream),
      alpnProtocol: stream.alpnProtocol || null,
    };
  };
}
