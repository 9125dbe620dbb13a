/**
 * What a server does with a client: it greets, sends a file, echoes or discards.
 *
 * @module
 */

import { Failure } from "../cli/errors.ts";
import { absolutePath } from "../cli/path.ts";
import { type Connection, receive, send } from "./connection.ts";
import { forward, pump, sendAtOnce } from "./pump.ts";

/** Serves one client; its connection is closed when the promise settles. */
export type Handler = (connection: Connection) => Promise<void>;

/** How long a client may go on after its file was sent. */
const LINGER_MS = 1000;

/**
 * Sends a message.
 *
 * @param message What to send.
 *
 * @example The tutorial's
 * ```ts
 * import { assertEquals } from "@std/assert";
 * import { serve } from "./serve.ts";
 *
 * await using server = await serve({ handler: greet("Hello, Client!") });
 * using conn = await Deno.connect({ port: server.port });
 * assertEquals(await conn.read(new Uint8Array(99)), 14);
 * ```
 */
export function greet(message: string): Handler {
  const bytes = new TextEncoder().encode(message);
  return (connection) => send(connection, bytes);
}

/**
 * Sends back whatever comes.
 *
 * @example One word
 * ```ts
 * import { assertEquals } from "@std/assert";
 * import { serve } from "./serve.ts";
 *
 * await using server = await serve({ handler: echo });
 * using conn = await Deno.connect({ port: server.port });
 * await conn.write(new TextEncoder().encode("hello"));
 * assertEquals(await conn.read(new Uint8Array(9)), 5);
 * ```
 */
export function echo(connection: Connection): Promise<void> {
  return forward(connection, connection);
}

/**
 * Receives until the client closes, and keeps nothing but the count.
 *
 * @example The count
 * ```ts
 * import { assertEquals } from "@std/assert";
 * import { serve } from "./serve.ts";
 *
 * const counts: number[] = [];
 * const server = await serve({
 *   once: true,
 *   handler: discard,
 *   onEvent: (event) => event.event === "close" && counts.push(event.bytesIn),
 * });
 * using conn = await Deno.connect({ port: server.port });
 * await conn.write(new Uint8Array(3));
 * await conn.closeWrite();
 * await server.finished;
 * assertEquals(counts, [3]);
 * ```
 */
export function discard(connection: Connection): Promise<void> {
  return pump(
    (buffer) => receive(connection, buffer),
    () => {},
    sendAtOnce(connection),
  );
}

/**
 * Sends a file, as it is when the client comes. What the client says meanwhile is dropped, not left unread: that would
 * reset the connection and lose the end of the file.
 *
 * @param path The file.
 * @throws {Failure} `Cannot read "PATH"`, with the cause, here and for a client.
 *
 * @example A file of three bytes
 * ```ts
 * import { assertEquals } from "@std/assert";
 * import { serve } from "./serve.ts";
 *
 * const path = await Deno.makeTempFile();
 * await Deno.writeFile(path, new Uint8Array(3));
 * await using server = await serve({ handler: await sendFile(path) });
 * using conn = await Deno.connect({ port: server.port });
 * assertEquals(await conn.read(new Uint8Array(9)), 3);
 * ```
 */
export async function sendFile(path: string): Promise<Handler> {
  (await openFile(path)).close();
  return async (connection) => {
    using file = await openFile(path);
    const dropped = discard(connection).catch(() => {});
    // what is in the page cache is read faster than a promise is settled
    await pump(
      (buffer) => Promise.resolve(file.readSync(buffer)),
      (bytes) => send(connection, bytes),
    );
    await connection.socket.closeWrite();
    const { promise, resolve } = Promise.withResolvers<void>();
    const timer = setTimeout(resolve, LINGER_MS);
    await Promise.race([dropped, promise]);
    clearTimeout(timer);
  };
}

async function openFile(path: string): Promise<Deno.FsFile> {
  try {
    const file = await Deno.open(path);
    if ((await file.stat()).isFile) return file;
    file.close();
  } catch (cause) {
    throw new Failure(`Cannot read "${absolutePath(path)}"`, { cause });
  }
  throw new Failure(`Cannot read "${absolutePath(path)}": it is not a file`);
}
