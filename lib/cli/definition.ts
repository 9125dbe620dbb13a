/**
 * What a command is: what it is called, what it takes, what it needs and what it does.
 *
 * @module
 */

import type { ExitCode } from "./errors.ts";
import type { Io } from "./io.ts";
import type { CommandLine, OptionTable } from "./options.ts";

/** What may be reached: hosts (`example.com`, `unix:/path`), files to read, files to write. */
export interface Permissions {
  /** Hosts, without ports. */
  readonly net?: readonly string[];
  /** Paths that are read. */
  readonly read?: readonly string[];
  /** Paths that are written. */
  readonly write?: readonly string[];
}

/** What other tools call our options: the option as typed there, and what to type here. */
export type Hints = Readonly<Record<string, string>>;

/** What a command is: its names and texts, its options, and its work. */
export interface Command<Table extends OptionTable> {
  /** Its name, as the task and the binary are called. */
  readonly name: string;
  /** What it does, in one sentence. */
  readonly summary: string;
  /** Its operands, as the usage line shows them. */
  readonly usage: string;
  /** Command lines to copy, each with what it is for. */
  readonly examples: readonly (readonly [line: string, purpose: string])[];
  /** Its options. */
  readonly options: Table;
  /** The habits of those who come from other tools; where they are many, how to load them. */
  readonly hints?: Hints | (() => Promise<Hints>);
  /** The hosts and files that a command line needs, for the hint when one is not permitted. */
  readonly permissions?: (
    line: CommandLine<Table>,
  ) => Permissions | Promise<Permissions>;
  /** An operand as it may be shown again, without the secrets in it. */
  readonly redact?: (operand: string) => string | Promise<string>;
  /** Does the work; resolves to the exit code. */
  readonly run: (line: CommandLine<Table>, io: Io) => Promise<ExitCode>;
}
