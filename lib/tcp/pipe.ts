import type { Io } from "../cli/io.ts";
import { closeWrite, receive, send } from "./connection.ts";
import type { Handler } from "./modes.ts";
import { pump, sendAtOnce } from "./pump.ts";
import { createScreen } from "./screen.ts";

/**
 * Joins a client to stdin and stdout. Stdin's end is passed on as a half-close, and so is the client's: it ends when
 * both have ended, on a terminal as soon as the client has.
 *
 * @param io The streams.
 *
 * @example Both ways
 * ```ts
 * import { assertEquals } from "@std/assert";
 * import { createMemoryIo } from "../cli/memory.ts";
 * import { serve } from "./serve.ts";
 *
 * const { io, stdout } = createMemoryIo({ stdin: "from stdin" });
 * const server = await serve({ handler: pipe(io), once: true });
 * using conn = await Deno.connect({ port: server.port });
 * await conn.write(new TextEncoder().encode("to stdout"));
 * await conn.closeWrite();
 * await server.finished;
 * assertEquals(stdout.text, "to stdout");
 * ```
 */
export function pipe(io: Pick<Io, "stdin" | "stdout">): Handler {
  return async (connection) => {
    let sending = true;
    sendAtOnce(connection);
    const sent = pump(io.stdin.read, (bytes) => send(connection, bytes))
      .then(() => closeWrite(connection))
      .finally(() => sending = false);
    // it is awaited below, when the client has ended
    sent.catch(() => {});
    const screen = await createScreen(io.stdout);
    await pump(
      (buffer) => receive(connection, buffer),
      // faster, but a slow reader of stdout would hold up what comes from stdin
      (bytes) =>
        sending || io.stdout.isTerminal
          ? screen(bytes)
          : io.stdout.write(bytes),
    );
    if (!io.stdin.isTerminal) await sent;
  };
}
