/**
 * The edge that runs a command: its command line, its help and version, the wording of what fails.
 *
 * @module
 */

import { ExitCode, Failure, UsageError } from "./errors.ts";
import { ClosedOutput, type Io, print, printSafe } from "./io.ts";
import type { Permissions } from "./io.ts";
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

/** The options that every command has. */
const COMMON = {
  debug: { help: "Show the stack of an error" },
  help: { short: "h", help: "Show help; --help all: all of it" },
  version: { help: "Show the version" },
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
    if (asks(args, "--version") && !asks(args, "--help", "-h")) {
      const { formatVersion } = await import("./permissions.ts");
      await print(io.stdout, formatVersion() + "\n");
      return ExitCode.Ok;
    }
    const line = asks(args, "--help", "-h")
      ? undefined
      : parseCommandLine(table, args);
    // -h may also stand in a cluster, as in -vh
    if (line === undefined || line.options.help) {
      const { formatHelp } = await import("./help.ts");
      const isWhole = / (--help|-h) all( |$)/.test(` ${args.join(" ")}`);
      const shown = formatHelp({ ...command, options: table }, isWhole);
      await print(io.stdout, shown);
      return ExitCode.Ok;
    }
    refuseConflicts(table, line.options);
    await askAhead(async () => await command.permissions?.(line), io);
    return await command.run(line, io);
  } catch (error) {
    if (error instanceof ClosedOutput) return ExitCode.Ok;
    return await report(command, args, io, error);
  }
}

/** Whether a flag stands before `--`: help and version win over whatever else is wrong. */
function asks(args: readonly string[], ...names: string[]): boolean {
  return wordsBeforeEnd(args).some((arg) => names.includes(arg));
}

/** Asks a person for what is not granted before a clock runs: once for all ports of a host, or a file with its parts. */
async function askAhead(
  needs: () => Promise<Permissions | undefined>,
  { stdin, stderr }: Io,
): Promise<void> {
  if (!stdin.isTerminal || !stderr.isTerminal) return;
  const kinds = ["read", "write", "net"] as const;
  const lacks = (need: Deno.PermissionDescriptor) =>
    Deno.permissions.querySync(need).state === "prompt";
  if (!kinds.some((name) => lacks({ name }))) return;
  const needed = await needs().catch(() => {}) ?? {};
  for (const name of kinds) {
    const need = (what: string) =>
      name === "net" ? { name, host: what } : { name, path: what };
    const lacking = needed[name]?.filter((what, _, all) => {
      const named = what.replace(/^(127\.0\.0\.1|\[::1\])/, "localhost");
      // a loopback only stands in for its name
      return lacks(need(what)) && (named === what || !all.includes(named));
    }) ?? [];
    const tail = name === "net" ? /:\d+$/ : /(\.part(\.json)?)?$/;
    const wholes = Map.groupBy(lacking, (what) => what.replace(tail, ""));
    for (const [whole, [one = whole, ...others]] of wholes) {
      const more = name === "net"
        ? whole
        : whole.replace(/[^/\\]*$/, "") || ".";
      const asked = need(others.length === 0 ? one : more);
      if (Deno.permissions.requestSync(asked).state === "granted") continue;
      if (others.length === 0) return;
      throw new Deno.errors.NotCapable(`Requires ${name} access to "${one}"`);
    }
  }
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
      ? hintFor(whole, error, hide)
      : permissionHint(command, args, denial, error)).catch(() => undefined);
  const lines = [
    `${command.name}: ${hide(reasons.describe(error))}`,
    ...hint === undefined ? [] : [`hint: ${asStarted(hint)}`],
  ].map((text) => text.split(/[\r\n]+/).map((line) => line.trim()).join(" "));
  if (asks(args, "--debug")) lines.push(hide(Deno.inspect(thrown)));
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
  error: unknown,
  hide: (text: string) => string,
): Promise<string | undefined> {
  const seeHelp = `see hark ${command.name} --help`;
  if (error instanceof UnknownOptionError) {
    return hide(await hintForUnknown(command, error.options) ?? seeHelp);
  }
  if (error instanceof Failure && error.hint !== undefined) {
    return hide(error.hint);
  }
  return error instanceof UsageError ? seeHelp : undefined;
}

/** What each of the options most likely means; by its name, where there are more. */
async function hintForUnknown<Table extends OptionTable>(
  command: Command<Table>,
  unknown: readonly string[],
): Promise<string | undefined> {
  const { nearest } = await import("./nearest.ts");
  const known = Object.keys(command.options).map(formatOptionName);
  const others = await hintsOf(command);
  const hints = Map.groupBy(unknown, (option) => {
    const near = nearest(option, known);
    return others.get(option) ??
      (near && `did you mean ${near}? see hark ${command.name} --help`);
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
