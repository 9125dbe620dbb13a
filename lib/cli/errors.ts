/**
 * What a person hears when something fails, and the exit code that goes with it.
 *
 * @module
 */

/** What {@linkcode Failure} takes besides its message. */
export interface FailureOptions {
  /** What went wrong below: its wording is added to the message and its exit code is used. */
  readonly cause?: unknown;
  /** The exit code, where the cause does not say. */
  readonly code?: ExitCode | undefined;
  /** One line that says how to go on. */
  readonly hint?: string | undefined;
}

/** Something that a person must hear about: `Cannot <do what> <to what>`, with why as its cause. */
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

/** A command line that cannot be carried out as it is written: exit code 2, found before any I/O. */
export class UsageError extends Failure {
  /** The name of this class. */
  override name = "UsageError";

  /** Makes a usage error, with an optional hint. */
  constructor(message: string, options: FailureOptions = {}) {
    super(message, { ...options, code: ExitCode.Usage });
  }
}

/** What is typed before a command's name, for hints: nothing where it is a binary. */
export const RUNNER: string = Deno.build.standalone ? "" : "deno task ";

/** The exit codes of every command: HTTPie's for a status, curl's for the network, the shell's for signals. */
export const ExitCode = {
  /** Done. */
  Ok: 0,
  /** Failed, for a reason that has no number of its own. */
  Failed: 1,
  /** The command line cannot be carried out as it is written. */
  Usage: 2,
  /** The answer is a redirection that was not followed. */
  Redirection: 3,
  /** The answer's status is 4xx. */
  ClientError: 4,
  /** The answer's status is 5xx. */
  ServerError: 5,
  /** The host's name has no address. */
  Unresolved: 6,
  /** Nothing accepts a connection there. */
  Unreachable: 7,
  /** A body or a TLS stream ended before its end. */
  CutShort: 18,
  /** A deadline passed. */
  TimedOut: 28,
  /** More redirects than allowed. */
  TooManyRedirects: 47,
  /** A certificate was refused. */
  Certificate: 60,
  /** Ctrl-C. */
  Interrupted: 130,
  /** SIGTERM. */
  Terminated: 143,
} as const;

/** One of the numbers of {@linkcode ExitCode}. */
export type ExitCode = (typeof ExitCode)[keyof typeof ExitCode];
