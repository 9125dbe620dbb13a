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
