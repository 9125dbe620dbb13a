// deno-coverage-ignore-file
/**
 * HTTP servers for tests: one that answers by the rules, and one that writes whatever it is told to.
 *
 * @module
 */

import { getAvailablePort } from "@std/net/get-available-port";
import type { Server } from "node:net";
import { encode } from "../support.ts";

/** A server on a free port of 127.0.0.1. */
export interface TestServer extends AsyncDisposable {
  /** Its URL, without a path: `http://127.0.0.1:PORT`. */
  readonly url: string;
}

/** Serves HTTP by the rules. */
export function serveHttp(
  handler: (request: Request) => Response | Promise<Response>,
): TestServer {
  const server = Deno.serve(
    { hostname: "127.0.0.1", port: 0, onListen() {} },
    handler,
  );
  return {
    url: `http://127.0.0.1:${server.addr.port}`,
    [Symbol.asyncDispose]: () => server.shutdown(),
  };
}

/** Lets a server of Node's listen on a free port of 127.0.0.1, and gives it. */
export async function listenFreely(server: Server): Promise<number> {
  const { promise, resolve } = Promise.withResolvers<void>();
  server.listen(0, "127.0.0.1", resolve);
  await promise;
  const address = server.address();
  return typeof address === "object" ? address?.port ?? 0 : 0;
}

/** How a client begins TLS. */
const HANDSHAKE = "\x16";

/** Reads a request's head from a socket, or the start of TLS. */
async function readHead(conn: Deno.Conn): Promise<string> {
  const buffer = new Uint8Array(4096);
  let head = "";
  while (!head.includes("\r\n\r\n") && !head.startsWith(HANDSHAKE)) {
    const count = await conn.read(buffer);
    if (count === null) break;
    head += new TextDecoder("latin1").decode(buffer.subarray(0, count));
  }
  return head;
}

/**
 * Accepts connections, reads the head of a request and writes what it is told to, byte for byte; then it closes, or
 * with `hold` waits until the client has gone. Who begins TLS, as a command does that looks why a request failed, gets
 * plain text, as most servers answer, or with `hold` nothing.
 */
export function serveRaw(
  chunks: (head: string) => Iterable<string | Uint8Array>,
  { hold = false } = {},
): TestServer {
  const listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const serve = async (conn: Deno.Conn) => {
    using _ = conn;
    try {
      const head = await readHead(conn);
      const isTls = head.startsWith(HANDSHAKE);
      const refusal = hold ? [] : ["HTTP/1.1 400 Bad Request\r\n\r\n"];
      for (const chunk of isTls ? refusal : chunks(head)) {
        const bytes = typeof chunk === "string" ? encode(chunk) : chunk;
        for (let at = 0; at < bytes.length;) {
          at += await conn.write(bytes.subarray(at));
        }
      }
      if (hold) await conn.read(new Uint8Array(1));
    } catch {
      // the client has gone
    }
  };
  const all = (async () => {
    const clients: Promise<void>[] = [];
    for await (const conn of listener) clients.push(serve(conn));
    await Promise.all(clients);
  })();
  return {
    url: `http://127.0.0.1:${listener.addr.port}`,
    async [Symbol.asyncDispose]() {
      listener.close();
      await all;
    },
  };
}

/** A response as text: a status line, headers and a body. */
export function response(
  body: string,
  headers: readonly string[] = [`Content-Length: ${body.length}`],
  status = "200 OK",
): string {
  return [`HTTP/1.1 ${status}`, "Connection: close", ...headers, "", body].join(
    "\r\n",
  );
}

/** The URL of a port of 127.0.0.1 where nothing listens. */
export function closedUrl(): string {
  return `http://127.0.0.1:${getAvailablePort()}`;
}
