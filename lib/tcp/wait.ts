import { Failure } from "../cli/errors.ts";
import { ExitCode } from "../cli/exit_code.ts";
import { exitCodeOf } from "../cli/reasons.ts";

/** How long to wait before the next attempt, in ms. */
const PAUSE_MS = 100;

/** What may be otherwise at the next attempt: a name, a listener, a slow start. */
const PASSING: readonly ExitCode[] = [
  ExitCode.Unresolved,
  ExitCode.Unreachable,
  ExitCode.CutShort,
  ExitCode.TimedOut,
];

/**
 * Tries until it works: a server that is not up yet, or not yet in the DNS, has until the end of the wait.
 *
 * @param wait How long to go on, in ms.
 * @param attempt One attempt, which gives up after so many ms.
 * @returns What the first attempt gives that works.
 * @throws {Failure} What the last attempt threw, with exit code 28; at once what time does not heal, as a refused
 * certificate.
 *
 * @example The third attempt
 * ```ts
 * import { assertEquals } from "@std/assert";
 *
 * let count = 0;
 * const refused = new Deno.errors.ConnectionRefused();
 * const found = await keepTrying(5000, () => ++count < 3 ? Promise.reject(refused) : Promise.resolve(count));
 * assertEquals(found, 3);
 * ```
 */
export async function keepTrying<T>(
  wait: number,
  attempt: (left: number) => Promise<T>,
): Promise<T> {
  const end = performance.now() + wait;
  let last: unknown;
  for (;;) {
    try {
      return await attempt(Math.max(1, end - performance.now()));
    } catch (error) {
      const code = exitCodeOf(error);
      if (!PASSING.includes(code)) throw error;
      // an attempt that the end of the wait cut off says less than the one before
      if (last === undefined || code !== ExitCode.TimedOut) last = error;
    }
    const left = end - performance.now();
    if (left <= PAUSE_MS) throw giveUp(last, wait);
    await new Promise((resolve) => setTimeout(resolve, PAUSE_MS));
  }
}

function giveUp(error: unknown, wait: number): Failure {
  const { message, cause, hint } = error instanceof Failure
    ? error
    : new Failure("Cannot connect", { cause: error });
  return new Failure(`${message} within ${wait / 1000} s`, {
    ...cause !== undefined && { cause },
    hint,
    code: ExitCode.TimedOut,
  });
}
