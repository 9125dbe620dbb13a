/**
 * What a person hears when something fails, and the exit code that goes with it.
 *
 * @module
 */

import { ExitCode } from "./exit_code.ts";
import { reasonOf } from "./reasons.ts";

/** What {@linkcode Failure} takes besides its message. */
export interface FailureOptions {
  /** What went wrong below: its wording is added to the message and its exit code is used. */
  readonly cause?: unknown;
  /** The exit code, where the cause does not say. */
  readonly code?: ExitCode | undefined;
  /** One line that says how to go on. */
  readonly hint?: string | undefined;
}

/**
 * Something that a person must hear about: `Cannot <do what> <to what>`, with why as its cause.
 *
 * @example It is worded with its cause and takes the cause's exit code
 * ```ts
 * import { assertEquals } from "@std/assert";
 *
 * const cause = new Deno.errors.ConnectionRefused("os error 111");
 * const failure = new Failure("Cannot connect to localhost:7000", { cause });
 * assertEquals(describe(failure), "Cannot connect to localhost:7000: connection refused");
 * assertEquals(exitCodeOf(failure), 7);
 * ```
 */
export class Failure extends Error {
  /** The name of this class. */
  override name = "Failure";
  /** The exit code, where it is known better than from the cause. */
  readonly code: ExitCode | undefined;
  /** One line that says how to go on. */
  readonly hint: string | undefined;

  /** Makes a failure from what could not be done and, in the options, why. */
  constructor(message: string, options: FailureOptions = {}) {
    super(message, "cause" in options ? { cause: options.cause } : undefined);
    this.code = options.code;
    this.hint = options.hint;
  }
}

/**
 * A command line that cannot be carried out as it is written: exit code 2, found before any I/O.
 *
 * @example It is a failure with the code of usage
 * ```ts
 * import { assertEquals } from "@std/assert";
 *
 * assertEquals(new UsageError('Unknown option "--prot"').code, 2);
 * ```
 */
export class UsageError extends Failure {
  /** The name of this class. */
  override name = "UsageError";

  /** Makes a usage error, with an optional hint. */
  constructor(message: string, options: FailureOptions = {}) {
    super(message, { ...options, code: ExitCode.Usage });
  }
}

/**
 * Words an error for a person, in one line: a failure as what could not be done and why, any other
 * error as its reason alone.
 *
 * @example A reset, however Deno reports it
 * ```ts
 * import { assertEquals } from "@std/assert";
 *
 * assertEquals(describe(new Deno.errors.ConnectionReset("os error 104")), "connection reset by peer");
 * ```
 */
export function describe(error: unknown): string {
  if (!(error instanceof Failure)) return reasonOf(error).says;
  return error.cause === undefined
    ? error.message
    : `${error.message}: ${describe(error.cause)}`;
}

/**
 * The exit code of an error: the failure's own, else that of its cause, else 1.
 *
 * @example Deadlines exit as curl's do
 * ```ts
 * import { assertEquals } from "@std/assert";
 *
 * assertEquals(exitCodeOf(new DOMException("", "TimeoutError")), 28);
 * ```
 */
export function exitCodeOf(error: unknown): ExitCode {
  if (!(error instanceof Failure)) return reasonOf(error).code;
  return error.code ??
    (error.cause === undefined ? ExitCode.Failed : exitCodeOf(error.cause));
}
