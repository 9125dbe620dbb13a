/**
 * What a person hears when something fails, and the exit code that goes with it.
 *
 * @module
 */

/** The exit codes of every command: HTTPie's for a status, curl's for the network, the shell's for signals. */
export const ExitCode = {
  Ok: 0,
  Failed: 1, // for a reason that has no number of its own
  Usage: 2, // the command line cannot be carried out as it is written
  Redirection: 3, // the response is a redirection that was not followed
  ClientError: 4, // its status is 4xx
  ServerError: 5, // its status is 5xx
  Unresolved: 6, // the host's name has no address
  Unreachable: 7, // nothing accepts a connection there
  CutShort: 18, // a body or a TLS stream ended before its end
  TimedOut: 28,
  TooManyRedirects: 47,
  Certificate: 60, // it was refused
  Interrupted: 130, // Ctrl-C
  Terminated: 143, // SIGTERM
} as const;

export type ExitCode = (typeof ExitCode)[keyof typeof ExitCode];

interface FailureOptions {
  /** What went wrong below: its wording is added to the message and its exit code is used. */
  readonly cause?: unknown;
  /** The exit code, where it is known better than from the cause. */
  readonly code?: ExitCode | undefined;
  /** What helps, in which commands are called `hark get`: it is shown as they are started here. */
  readonly hint?: string | undefined;
  /** Whether to try again cannot help, and may do harm: a password that is refused too often locks its account. */
  readonly isLasting?: boolean;
  /** Where it had come before, as `host:port`: a hint that permits the rest must permit that too. */
  readonly reached?: readonly string[];
}

/** Something that a person must hear about: `Cannot <do what> <to what>`, with why as its cause. */
export class Failure extends Error {
  override name = "Failure";
  readonly code: ExitCode | undefined;
  readonly hint: string | undefined;
  readonly isLasting: boolean;
  readonly reached: readonly string[];

  constructor(message: string, options: FailureOptions = {}) {
    super(message, "cause" in options ? { cause: options.cause } : undefined);
    this.code = options.code;
    this.hint = options.hint;
    this.isLasting = options.isLasting ?? false;
    this.reached = options.reached ?? [];
  }
}

/** A command line that cannot be carried out as it is written: exit code 2, found before any I/O. */
export class UsageError extends Failure {
  override name = "UsageError";

  constructor(message: string, options: FailureOptions = {}) {
    super(message, { ...options, code: ExitCode.Usage });
  }
}

/** HTTPie's exit code for the class of a status. */
export function exitCodeForStatus(status: number): ExitCode {
  if (status < 300) return ExitCode.Ok;
  if (status < 400) return ExitCode.Redirection;
  return status < 500 ? ExitCode.ClientError : ExitCode.ServerError;
}

/** Undefined where a step fails in one way. */
export function unless<T>(
  kind: typeof Deno.errors.NotFound,
  step: Promise<T>,
): Promise<T | undefined> {
  return step.catch((error) => {
    if (error instanceof kind) return undefined;
    throw error;
  });
}
