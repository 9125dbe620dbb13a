import { Failure } from "../cli/errors.ts";
import { type Io, print } from "../cli/io.ts";
import { describe } from "../cli/reasons.ts";
import type { Answer } from "./answer.ts";
import type { Connection } from "./connection.ts";
import { createDataEvents, type DataEvent } from "./data_events.ts";

/** What happens on a client's connection, one JSON object per line; the names are those of the server's events. */
export type ClientEvent =
  | { readonly event: "open"; readonly peer: string }
  | DataEvent
  | {
    readonly event: "close";
    readonly peer: string;
    readonly bytesIn: number;
    readonly bytesOut: number;
    readonly ms: number;
    readonly reason: string;
  };

/** Why it ended; the peer has a name of its own. */
function reasonFor(error: unknown, peer: string): string {
  const isNamed = error instanceof Failure && error.cause !== undefined &&
    error.message.endsWith(` ${peer}`);
  return describe(isNamed ? error.cause : error);
}

/**
 * Shows an answer as events: `open`, then `data` as it comes, then `close` with the bytes both ways and why.
 *
 * @param io The streams.
 * @param connection The connection that it comes over.
 *
 * @example From the first to the last
 * ```ts
 * import { assertEquals } from "@std/assert";
 * import { createMemoryIo } from "../cli/memory.ts";
 * import { track } from "./connection.ts";
 *
 * const { io, stdout } = createMemoryIo();
 * const socket = {
 *   read: () => Promise.resolve(null),
 *   write: (bytes: Uint8Array) => Promise.resolve(bytes.length),
 *   closeWrite: () => Promise.resolve(),
 *   close() {},
 * };
 * const answer = await createEventAnswer(io, track(socket, "localhost:7000"));
 * await answer.show(new TextEncoder().encode("hi"), false);
 * await answer.end();
 * assertEquals(stdout.text.split("\n").slice(0, 2), [
 *   '{"event":"open","peer":"localhost:7000"}',
 *   '{"event":"data","text":"hi"}',
 * ]);
 * ```
 */
export async function createEventAnswer(
  { stdout }: Pick<Io, "stdout">,
  connection: Connection,
): Promise<Answer> {
  const { peer } = connection;
  const opened = performance.now();
  const data = createDataEvents();
  async function say(event: ClientEvent | undefined): Promise<void> {
    if (event) await print(stdout, JSON.stringify(event) + "\n");
  }
  async function close(reason: string): Promise<void> {
    await say(data.flush());
    await say({
      event: "close",
      peer,
      bytesIn: connection.received,
      bytesOut: connection.sent,
      ms: Math.round(performance.now() - opened),
      reason,
    });
  }
  await say({ event: "open", peer });
  return {
    show: (bytes) => say(data.add(bytes)),
    end: () => close("done"),
    fail: (error) => close(reasonFor(error, peer)),
  };
}
