/**
 * What a command is: what it is called, what it takes, what it needs and what it does.
 *
 * @module
 */

import type { ExitCode } from "./errors.ts";
import type { Io, Permissions } from "./io.ts";
import type { CommandLine, OptionTable } from "./options.ts";

/** What a command is: its names and texts, its options, and its work. */
export interface Command<Table extends OptionTable> {
  readonly name: string;
  readonly summary: string;
  readonly usage: string;
  readonly examples: readonly (readonly [line: string, purpose: string])[];
  readonly options: Table;
  /** For those who come from other tools; loaded when it is needed, where it is long. */
  readonly hints?: Hints | (() => Promise<Hints>);
  /** What a command line needs, for the hint when something is not permitted. */
  readonly permissions?: (
    line: CommandLine<Table>,
  ) => Permissions | Promise<Permissions>;
  /** An operand, and how many are before it, as it may be shown again; without it what is secret in a URL is hidden. */
  readonly redact?: (operand: string, at: number) => string | Promise<string>;
  readonly run: (line: CommandLine<Table>, io: Io) => Promise<ExitCode>;
}

/** What other tools call our options: the option as typed there, and what to type here. */
export type Hints = Readonly<Record<string, string>>;
