/**
 * A command: what it is called, what it takes and what it does; and the edge that runs it.
 *
 * @module
 */

import { describe, exitCodeOf, Failure, UsageError } from "./errors.ts";
import { ExitCode } from "./exit_code.ts";
import type { Grants } from "./grants.ts";
import { ClosedOutput, type Io, print } from "./io.ts";
import {
  type CommandLine,
  type OptionTable,
  parseCommandLine,
  UnknownOptionError,
} from "./options.ts";
import { denialOf } from "./reasons.ts";
import { escapeControls } from "./terminal.ts";

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
  /** What other tools call our options: the option as typed there, and what to type here. */
  readonly habits?: Readonly<Record<string, string>>;
  /** The hosts and files that a command line needs, for the hint when one is not permitted. */
  readonly reach?: (line: CommandLine<Table>) => Grants;
  /** An operand as it may be shown again, without the secrets in it. */
  readonly redact?: (operand: string) => string;
  /** Does the work; resolves to the exit code. */
  readonly run: (line: CommandLine<Table>, io: Io) => Promise<ExitCode>;
}

/** The options that every command has. */
const COMMON = {
  debug: { help: "Show the stack of an error" },
  help: { short: "h", help: "Show this help" },
  version: { help: "Show the version" },
} satisfies OptionTable;

/**
 * Gives a command its types: those of its option table reach its `run`.
 *
 * @example A command that greets
 * ```ts
 * import { assertEquals } from "@std/assert";
 *
 * const hello = defineCommand({
 *   name: "hello",
 *   summary: "Greet.",
 *   usage: "",
 *   examples: [],
 *   options: { times: { parse: Number, default: 1 } },
 *   run: ({ options }) => Promise.resolve(options.times === 1 ? 0 : 1),
 * });
 * assertEquals(hello.name, "hello");
 * ```
 */
export function defineCommand<const Table extends OptionTable>(
  command: Command<Table>,
): Command<Table> {
  return command;
}

/** Whether a flag stands before `--`: help and version win over whatever else is wrong. */
function asks(args: readonly string[], ...names: string[]): boolean {
  const end = args.indexOf("--");
  return args.slice(0, end === -1 ? undefined : end).some((arg) =>
    names.includes(arg)
  );
}

async function hintFor<Table extends OptionTable>(
  command: Command<Table>,
  args: readonly string[],
  error: unknown,
): Promise<string | undefined> {
  if (error instanceof UnknownOptionError) {
    const habit = command.habits?.[error.option];
    if (habit !== undefined) return habit;
    const { nearest } = await import("./nearest.ts");
    const { formatOptionName } = await import("./options.ts");
    const known = nearest(
      error.option,
      Object.keys({ ...command.options, ...COMMON }).map(formatOptionName),
    );
    return known === undefined
      ? `see ${command.name} --help`
      : `did you mean ${known}? see ${command.name} --help`;
  }
  const denial = denialOf(error);
  if (denial !== undefined) {
    const { formatGrantHint } = await import("./grants.ts");
    return await formatGrantHint(
      command,
      args.filter((arg) => arg !== "--debug"),
      denial,
    );
  }
  if (error instanceof Failure && error.hint !== undefined) return error.hint;
  return error instanceof UsageError ? `see ${command.name} --help` : undefined;
}

/** Says an error in one line, then at most one hint; with `--debug`, where it came from. */
async function report<Table extends OptionTable>(
  command: Command<Table>,
  args: readonly string[],
  io: Io,
  error: unknown,
): Promise<void> {
  const hint = await hintFor(command, args, error);
  const lines = [
    `${command.name}: ${describe(error)}`,
    ...hint === undefined ? [] : [`hint: ${hint}`],
  ]
    .map((line) => line.replace(/\s*[\r\n]+\s*/g, " "));
  if (asks(args, "--debug")) {
    lines.push(Deno.inspect(error, { colors: io.stderr.color }));
  }
  const text = lines.join("\n") + "\n";
  await print(io.stderr, io.stderr.isTerminal ? escapeControls(text) : text);
}

/**
 * Runs a command: reads its command line, answers `--help` and `--version`, does its work and words what fails.
 *
 * @param command The command.
 * @param args What was typed, without the command's name.
 * @param io The streams and the signal.
 * @returns The exit code; 0 when nobody reads the output any more.
 *
 * @example A process in memory
 * ```ts ignore
 * const code = await runCommand(command, ["--help"], processIo());
 * ```
 */
export async function runCommand<Table extends OptionTable>(
  command: Command<Table>,
  args: readonly string[],
  io: Io,
): Promise<ExitCode> {
  try {
    if (asks(args, "--help", "-h")) {
      const { formatHelp } = await import("./help.ts");
      await print(
        io.stdout,
        formatHelp({ ...command, options: { ...command.options, ...COMMON } }),
      );
      return ExitCode.Ok;
    }
    if (asks(args, "--version")) {
      const { formatVersion } = await import("./version.ts");
      await print(io.stdout, formatVersion() + "\n");
      return ExitCode.Ok;
    }
    return await command.run(
      parseCommandLine({ ...command.options, ...COMMON }, args),
      io,
    );
  } catch (error) {
    if (error instanceof ClosedOutput) return ExitCode.Ok;
    await report(command, args, io, error)?.catch(() => {});
    return exitCodeOf(error);
  }
}
