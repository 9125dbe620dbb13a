/**
 * The next step that `posts` has when an API cannot be asked.
 *
 * @module
 */

import { ExitCode, Failure, RUNNER } from "../../lib/cli/errors.ts";
import { denialOf, exitCodeOf } from "../../lib/cli/reasons.ts";

const OWN_API =
  `start an API of your own with: ${RUNNER}api, and ask it with --url :3000; or --offline lists the embedded posts`;

/** The next step by the exit code: nobody pretends, a network that fails is a failure, with the ways to go on without it. */
const STEPS: ReadonlyMap<ExitCode, string | undefined> = new Map([
  [ExitCode.Unresolved, OWN_API],
  [ExitCode.Unreachable, OWN_API],
  [
    ExitCode.TimedOut,
    "to wait longer: --timeout SECONDS; or --offline lists the embedded posts",
  ],
  // what helps here are options of get
  [ExitCode.TooManyRedirects, undefined],
  [ExitCode.Certificate, undefined],
]);

/**
 * Gives an error the next step that `posts` has, where it knows better than HTTP.
 *
 * @param error What was thrown; a denial stays as it is, since its next step is to grant it.
 * @param shorter The base without the collection's name, where the one that was typed ends with it.
 */
export function withAdvice(error: unknown, shorter?: string): unknown {
  if (!(error instanceof Failure) || denialOf(error) !== undefined) {
    return error;
  }
  const code = exitCodeOf(error);
  const isTwice = code === ExitCode.ClientError && shorter !== undefined;
  if (!isTwice && !STEPS.has(code)) return error;
  return new Failure(error.message, {
    ..."cause" in error && { cause: error.cause },
    code,
    hint: isTwice
      ? `posts adds /posts by itself: --url ${shorter}`
      : STEPS.get(code),
  });
}
