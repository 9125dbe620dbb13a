import { closeSocket, type Socket } from "./connection.ts";

/**
 * Does something with a socket before a deadline: when the signal is aborted the socket is closed, which ends whatever
 * waits for it. Closes it too when the work fails.
 *
 * @param limit The deadline; without it there is none.
 * @param socket The socket.
 * @param work What to do with it.
 * @returns What the work gives.
 * @throws The signal's reason when it was aborted, else what the work throws.
 *
 * @example A peer that says nothing
 * ```ts
 * import { assertRejects } from "@std/assert";
 *
 * using listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
 * const conn = await Deno.connect({ port: listener.addr.port });
 * using _silent = await listener.accept();
 * await assertRejects(
 *   () => within(AbortSignal.timeout(10), conn, () => conn.read(new Uint8Array(1))),
 *   DOMException,
 * );
 * ```
 */
export async function within<T>(
  limit: AbortSignal | undefined,
  socket: Pick<Socket, "close">,
  work: () => Promise<T>,
): Promise<T> {
  const stop = () => closeSocket(socket);
  limit?.addEventListener("abort", stop);
  try {
    return await work();
  } catch (error) {
    closeSocket(socket);
    throw limit?.aborted ? limit.reason : error;
  } finally {
    limit?.removeEventListener("abort", stop);
  }
}
