/**
 * The edge that runs a command: its command line, its help and version, the wording of what fails.
 *
 * @module
 */

import { ExitCode, Failure, UsageError } from "./errors.ts";
import { ClosedOutput, type Io, type Output, print, printSafe } from "./io.ts";
import {
  type Command,
  formatOptionName,
  type OptionTable,
  parseCommandLine,
  refuseConflicts,
  UnknownOptionError,
  wordsBeforeEnd,
} from "./options.ts";
import type { Denial } from "./reasons.ts";

/** Reads one of the words that a value may be. */
function oneOf<const Word extends string>(what: string, ...words: Word[]) {
  return (text: string): Word => {
    const word = words.find((word) => word === text);
    if (word !== undefined) return word;
    const others = words.slice(0, -1).join(", ");
    throw new UsageError(
      `Cannot use ${what} "${text}": expected ${others} or ${words.at(-1)}`,
    );
  };
}

/** The options that every command has. */
const COMMON = {
  color: {
    group: "Common",
    value: "auto|always|never",
    parse: oneOf("colors", "auto", "always", "never"),
    implied: { text: "always", accepts: /^(auto|always|never)$/ },
    help: "Use colours; NO_COLOR=1 is never",
  },
  noColor: { conflicts: ["color"], help: "The same as never" },
  completions: {
    value: "bash|zsh|fish",
    parse: oneOf("shell", "bash", "zsh", "fish"),
    help: "Print what this shell completes",
  },
  debug: { help: "Show the stack of an error" },
  help: { short: "h", help: "Show help; --help all: all of it" },
  version: { short: "V", help: "Show the version" },
} satisfies OptionTable;

/** Gives a command its types: those of its option table reach its `run`. */
export function defineCommand<const Table extends OptionTable>(
  command: Command<Table>,
): Command<Table> {
  return command;
}

/**
 * Runs a command: reads its command line, answers `--help` and `--version`, does its work and words what fails.
 * Resolves to the exit code; it is 0 when nobody reads the output any more.
 *
 * @param args What was typed, without the command's name.
 */
export async function runCommand<Table extends OptionTable>(
  command: Command<Table>,
  args: readonly string[],
  io: Io,
): Promise<ExitCode> {
  const table = { ...command.options, ...COMMON };
  try {
    const isHelp = asks(args, "--help", "-h");
    const isVersion = !isHelp && asks(args, "--version", "-V");
    const line = isHelp || isVersion
      ? undefined
      : parseCommandLine(table, args);
    // both may also stand in a cluster, as in -vh
    if (isVersion || line?.options.version) {
      const { formatVersion } = await import("./permissions.ts");
      await print(io.stdout, formatVersion() + "\n");
      return ExitCode.Ok;
    }
    if (line === undefined || line.options.help) {
      const { formatHelp } = await import("./help.ts");
      const isWhole = / (--help|-h) all( |$)/.test(` ${args.join(" ")}`);
      const shown = formatHelp({ ...command, options: table }, isWhole);
      await print(io.stdout, shown);
      return ExitCode.Ok;
    }
    const { color, noColor, completions } = line.options;
    if (completions !== undefined) {
      const { formatCompletions } = await import("./completions.ts");
      const whole = { ...command, options: table };
      await print(io.stdout, formatCompletions(completions, whole));
      return ExitCode.Ok;
    }
    refuseConflicts(table, line.options);
    if (mayAsk(io)) {
      const { askAhead } = await import("./permissions.ts");
      const needed = async () => await command.permissions?.(line);
      askAhead(await needed().catch(() => undefined));
    }
    return await command.run(line, withColor(io, noColor ? "never" : color));
  } catch (error) {
    if (error instanceof ClosedOutput) return ExitCode.Ok;
    return await report(command, args, io, error);
  }
}

/** The same streams, with colors or without, whatever they are. */
function withColor(io: Io, when = "auto"): Io {
  if (when === "auto") return io;
  const paint = (output: Output): Output => ({
    ...output,
    color: when === "always",
    get columns() {
      return output.columns;
    },
  });
  return { ...io, stdout: paint(io.stdout), stderr: paint(io.stderr) };
}

/** Whether something is not granted, and there is somebody to ask. */
const mayAsk = ({ stdin, stderr }: Io) =>
  stdin.isTerminal && stderr.isTerminal &&
  (["net", "read", "write"] as const).some((name) =>
    Deno.permissions.querySync({ name }).state === "prompt"
  );

/** Whether a flag stands before `--`: help and version win over whatever else is wrong. */
function asks(args: readonly string[], ...names: string[]): boolean {
  return wordsBeforeEnd(args).some((arg) => names.includes(arg));
}

/** Prints an error in one line, then at most one hint; with `--debug`, where it came from. No secret is shown. */
async function report<Table extends OptionTable>(
  command: Command<Table>,
  args: readonly string[],
  io: Io,
  thrown: unknown,
): Promise<ExitCode> {
  const reasons = await import("./reasons.ts");
  const { redactArguments, redactText } = await import("./redact.ts");
  const { asStarted } = await import("./start.ts");
  const whole = { ...command, options: { ...command.options, ...COMMON } };
  const error = reasons.unloadedOf(thrown) ??
    await nameWords(whole, args, thrown).catch(() => thrown);
  const words = await redactArguments(whole, args);
  const hide = (text: string) =>
    redactText(words.reduce((text, { text: typed, shown, isOperand }) => {
      if (typed === shown) return text;
      // the value of an option may be a single letter: errors name it in quotes
      const [from, to] = isOperand
        ? [typed, shown]
        : [`"${typed}"`, `"${shown}"`];
      return text.replaceAll(from, () => to);
    }, text));
  const denial = reasons.denialOf(error);
  // a hint is a courtesy: whatever fails while it is made must not hide the error
  const hint =
    await (denial === undefined
      ? hintFor(whole, args, error, hide).then((text) =>
        text && asStarted(text)
      )
      : permissionHint(command, args, denial, error)).catch(() => undefined);
  const lines = [
    `${command.name}: ${hide(reasons.describe(error))}`,
    ...hint === undefined ? [] : [`hint: ${hint}`],
  ].map((text) => text.split(/[\r\n]+/).map((line) => line.trim()).join(" "));
  if (asks(args, "--debug")) lines.push(asStarted(hide(Deno.inspect(thrown))));
  await printSafe(io.stderr, lines.join("\n") + "\n").catch(() => {});
  return reasons.exitCodeOf(error);
}

async function permissionHint<Table extends OptionTable>(
  command: Command<Table>,
  args: readonly string[],
  denial: Denial,
  error: unknown,
): Promise<string> {
  const { formatPermissionHint } = await import("./permissions.ts");
  const own = args.filter((arg) => arg !== "--debug");
  const reached = error instanceof Failure ? error.reached : [];
  return await formatPermissionHint(command, own, denial, reached);
}

async function hintFor<Table extends OptionTable>(
  command: Command<Table>,
  args: readonly string[],
  error: unknown,
  hide: (text: string) => string,
): Promise<string | undefined> {
  const seeHelp = `see hark ${command.name} --help`;
  if (error instanceof UnknownOptionError) {
    return hide(await hintForUnknown(command, args, error.options) ?? seeHelp);
  }
  if (error instanceof Failure && error.hint !== undefined) {
    return hide(error.hint);
  }
  return error instanceof UsageError ? seeHelp : undefined;
}

/** What each of the options most likely means; by its name, where there are more. */
async function hintForUnknown<Table extends OptionTable>(
  command: Command<Table>,
  args: readonly string[],
  unknown: readonly string[],
): Promise<string | undefined> {
  const { nearest } = await import("./nearest.ts");
  // of two that are as near, what everybody looks for
  const names = ["help", "version", ...Object.keys(command.options)];
  const others = await hintsOf(command);
  const hints = Map.groupBy(unknown, (option) => {
    const typed = args.find((arg) => arg.startsWith(`${option}=`)) ?? option;
    // what has a value is no flag
    const known = names.filter((name) =>
      typed === option || command.options[name]?.parse
    );
    const near = nearest(option, known.map(formatOptionName));
    return others.get(option) ??
      (near && `did you mean ${near}? see hark ${command.name} --help`) ??
      command.meant?.(typed, command.name);
  });
  const texts = [...hints].flatMap(([hint, typed]) =>
    hint ? [unknown.length > 1 ? `${typed.join(", ")}: ${hint}` : hint] : []
  );
  return texts.join("; ") || undefined;
}

/** What to type here, by each name that other tools have for it. */
async function hintsOf<Table extends OptionTable>(
  { name, hints = {} }: Command<Table>,
): Promise<ReadonlyMap<string, string>> {
  const table = typeof hints === "function" ? await hints(name) : hints;
  return new Map(
    Object.entries(table).flatMap(([names, hint]) =>
      names.split(" ").map((name) => [name, hint] as const)
    ),
  );
}

/** What other tools write with one dash, as `-connect`, was read letter by letter: where it is known it is the error. */
async function nameWords<Table extends OptionTable>(
  command: Command<Table>,
  args: readonly string[],
  error: unknown,
): Promise<unknown> {
  if (!(error instanceof UsageError)) return error;
  const known = Object.keys(command.options).map(formatOptionName);
  const others = await hintsOf(command);
  const words = args.filter((arg) => /^-\w\w/.test(arg) && asks(args, arg))
    .map((arg) => arg.replace(/=.*/s, ""))
    .filter((word) => others.has(word) || known.includes(`-${word}`));
  return words.length === 0 ? error : new UnknownOptionError(...words);
}
