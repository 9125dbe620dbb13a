import { Failure } from "../cli/errors.ts";
import { ExitCode } from "../cli/exit_code.ts";
import type { Connection } from "./connection.ts";
import { watchIdle } from "./idle.ts";

/**
 * Waits for work on a connection, but no longer than something goes over it.
 *
 * @param connection The connection.
 * @param limit How long it may be silent in both directions, in ms.
 * @param work What is done with it.
 * @throws {Failure} `Cannot go on with host:port: idle for 5 s`, with exit code 28; or what the work throws.
 *
 * @example Work that never ends
 * ```ts
 * import { assertRejects } from "@std/assert";
 * import { track } from "./connection.ts";
 *
 * const socket = {
 *   read: () => Promise.resolve(null),
 *   write: (bytes: Uint8Array) => Promise.resolve(bytes.length),
 *   closeWrite: () => Promise.resolve(),
 *   close() {},
 * };
 * const never = new Promise<void>(() => {});
 * await assertRejects(() => whileActive(track(socket, "a peer"), 10, never), Error, "Cannot go on with a peer");
 * ```
 */
export async function whileActive(
  connection: Connection,
  limit: number,
  work: Promise<void>,
): Promise<void> {
  const { promise, reject } = Promise.withResolvers<never>();
  const failure = new Failure(
    `Cannot go on with ${connection.peer}: idle for ${limit / 1000} s`,
    { code: ExitCode.TimedOut },
  );
  // what fails after that, as its socket is closed, is nobody's concern any more
  work.catch(() => {});
  const stop = watchIdle(() => [connection], limit, () => reject(failure));
  await Promise.race([work, promise]).finally(stop);
}
