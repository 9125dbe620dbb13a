/**
 * Patience with a server that is not up yet.
 *
 * @module
 */

import { ExitCode, Failure } from "../../lib/cli/errors.ts";
import { type Address, formatAddress } from "../../lib/net/address.ts";
import { connect, type ConnectOptions } from "../../lib/net/connect.ts";
import { type Socket, withRead } from "../../lib/net/connection.ts";
import { atMost, pause } from "../../lib/net/pause.ts";

/** Options for {@linkcode connectPatiently}. */
export interface PatientOptions extends ConnectOptions {
  /** Goes on trying for so many ms until something accepts. */
  readonly wait?: number | undefined;
  /** Only looks: what closes at once is not up, and a wait that was too short has no exit code of its own. */
  readonly probe?: boolean;
}

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
  const first = await atMost(HOLD_MS, rest).catch((error) => {
    socket.close();
    throw error;
  });
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
  const disposable = { ...held, [Symbol.dispose]: held.close };
  return { held: disposable, isEnded: first === null };
}

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
 */
export async function connectPatiently(
  address: Address,
  { wait, probe = false, ...once }: PatientOptions,
): Promise<Socket & Disposable> {
  if (wait === undefined) return await connect(address, once);
  const attempt = (left: number) =>
    connect(address, {
      ...once,
      timeout: Math.min(left, once.timeout ?? left),
    });
  const end = performance.now() + wait;
  const failed = (cause: unknown) =>
    new Failure(`Cannot connect to ${formatAddress(address)}`, { cause });
  let last: Failure | undefined;
  let ended: Socket & Disposable | undefined;
  for (;;) {
    try {
      const socket = await attempt(Math.max(1, end - performance.now()));
      // which proves that it holds
      if (once.tls) return socket;
      const { held, isEnded } = await hold(socket);
      ended?.close();
      ended = undefined;
      if (!isEnded) return held;
      if (probe) {
        held.close();
        const code = ExitCode.Unreachable;
        throw failed(new Failure("it accepts, and closes at once", { code }));
      }
      ended = held;
    } catch (error) {
      if (ended) return ended;
      const { exitCodeOf, reasonOf } = await import("../../lib/cli/reasons.ts");
      const failure = error instanceof Failure ? error : failed(error);
      const code = exitCodeOf(failure);
      const passes = PASSING.includes(code) ||
        PASSING_REASON.test(reasonOf(failure).message);
      if (!passes || failure.isLasting) throw failure;
      // an attempt that the end of the wait cut off says less than the one before
      if (last === undefined || code !== ExitCode.TimedOut) last = failure;
    }
    if (end - performance.now() <= PAUSE_MS) {
      if (ended) return ended;
      if (last) throw giveUp(last, wait, probe);
    }
    await pause(PAUSE_MS);
  }
}

function giveUp(last: Failure, wait: number, probe: boolean): Failure {
  const { message, cause, hint, code } = last;
  return new Failure(`${message} within ${wait / 1000} s`, {
    ...cause !== undefined && { cause },
    hint,
    code: probe ? code : ExitCode.TimedOut,
  });
}
