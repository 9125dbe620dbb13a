/**
 * Patience with a server that is not up yet.
 *
 * @module
 */

import { ExitCode, Failure } from "../cli/errors.ts";
import { type Address, formatAddress } from "./address.ts";
import { type Socket, withRead } from "./connection.ts";

/** How long something that accepts may take to close again before it counts as up, in ms. */
const HOLD_MS = 50;

/**
 * Sees whether a connection holds before anything is sent: what stands before a container accepts while the container
 * starts, and closes or resets. What comes meanwhile is what is read first.
 */
async function hold(
  socket: Socket & Disposable,
): Promise<{ held: Socket & Disposable; isEnded: boolean }> {
  const head = new Uint8Array(512);
  let rest = socket.read(head).then((count) =>
    count && head.subarray(0, count)
  );
  const { promise, resolve } = Promise.withResolvers<void>();
  const timer = setTimeout(resolve, HOLD_MS);
  const first = await Promise.race([rest, promise]).catch((error) => {
    socket.close();
    throw error;
  }).finally(() => clearTimeout(timer));
  // whoever reads hears of it
  rest.catch(() => {});
  const held = withRead(socket, async (buffer) => {
    const bytes = await rest;
    if (!bytes || bytes.length === 0) return await socket.read(buffer);
    const part = bytes.subarray(0, buffer.length);
    buffer.set(part);
    rest = Promise.resolve(bytes.subarray(part.length));
    return part.length;
  });
  const close = held.close;
  return {
    held: { ...held, [Symbol.dispose]: close },
    isEnded: first === null,
  };
}

/** How long to wait before the next attempt, in ms. */
const PAUSE_MS = 100;

/** What may be otherwise at the next attempt: a name, a listener, a slow start. */
const PASSING: readonly ExitCode[] = [
  ExitCode.Unresolved,
  ExitCode.Unreachable,
  ExitCode.CutShort,
  ExitCode.TimedOut,
];

const PASSING_REASON = /^connection (reset|aborted)|^the peer closed/;

/**
 * Connects again and again until it works: a server that is not up yet, or not yet in the DNS, has until the end of the
 * wait. One that ends at once by then, or that listened for one connection alone, may mean just that.
 *
 * @param options `tls` proves that a connection holds; `hold` takes none that ends at once.
 */
export async function keepTrying(
  address: Address,
  wait: number,
  options: { readonly tls?: unknown; readonly hold?: boolean | undefined },
  attempt: (left: number) => Promise<Socket & Disposable>,
): Promise<Socket & Disposable> {
  const end = performance.now() + wait;
  let last: unknown;
  let ended: Socket & Disposable | undefined;
  for (;;) {
    try {
      const socket = await attempt(Math.max(1, end - performance.now()));
      if (options.tls) return socket;
      const { held, isEnded } = await hold(socket);
      ended?.close();
      ended = undefined;
      if (!isEnded) return held;
      if (options.hold) {
        held.close();
        throw new Failure("it accepts, and closes at once", {
          code: ExitCode.Unreachable,
        });
      }
      ended = held;
    } catch (error) {
      if (ended) return ended;
      const { exitCodeOf, reasonOf } = await import("../cli/reasons.ts");
      const code = exitCodeOf(error);
      const passes = PASSING.includes(code) ||
        PASSING_REASON.test(reasonOf(error).message);
      if (!passes || error instanceof Failure && error.isLasting) throw error;
      // an attempt that the end of the wait cut off says less than the one before
      if (last === undefined || code !== ExitCode.TimedOut) last = error;
    }
    const left = end - performance.now();
    if (left <= PAUSE_MS) {
      if (ended) return ended;
      throw giveUp(address, last, wait);
    }
    await new Promise((resolve) => setTimeout(resolve, PAUSE_MS));
  }
}

function giveUp(address: Address, error: unknown, wait: number): Failure {
  const goal = `Cannot connect to ${formatAddress(address)}`;
  const isWhole = error instanceof Failure && error.cause !== undefined;
  const { message, cause, hint } = isWhole
    ? error
    : new Failure(goal, { cause: error });
  return new Failure(`${message} within ${wait / 1000} s`, {
    ...cause !== undefined && { cause },
    hint,
    code: ExitCode.TimedOut,
  });
}
