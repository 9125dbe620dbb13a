/**
 * The edge that runs a command: its command line, its help and version, the wording of what fails.
 *
 * @module
 */

import { ExitCode, Failure, UsageError } from "./errors.ts";
import { ClosedOutput, type Io, type Output, print, printSafe } from "./io.ts";
import {
  asks,
  type Command,
  type OptionTable,
  parseCommandLine,
  refuseConflicts,
  UnknownOptionError,
} from "./options.ts";
import { oneOf } from "./values.ts";

/** The options that every command has. */
const COMMON = {
  color: {
    group: "Common",
    value: "auto|always|never",
    parse: oneOf("use colours", "auto", "always", "never"),
    implied: { text: "always", accepts: /^(auto|always|never)$/ },
    help: "Use colours; NO_COLOR=1 is never",
  },
  noColor: { conflicts: ["color"], help: "The same as never" },
  completions: {
    value: "bash|zsh|fish",
    parse: oneOf("use shell", "bash", "zsh", "fish"),
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
  const whole = { ...command, options: table };
  const reportError = (error: unknown) => report(whole, args, io, error);
  try {
    const isHelp = asks(args, "--help", "-h", "--help=all");
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
      const isWhole = / (--help[ =]|-h )all( |$)/.test(` ${args.join(" ")}`);
      await print(io.stdout, formatHelp(whole, isWhole));
      return ExitCode.Ok;
    }
    const { color, noColor, completions } = line.options;
    if (completions !== undefined) {
      const { formatCompletions } = await import("./completions.ts");
      await print(io.stdout, formatCompletions(completions, whole));
      return ExitCode.Ok;
    }
    refuseConflicts(table, line.options);
    if (mayAsk(io)) {
      const { askAhead } = await import("./permissions.ts");
      const needed = async () => await command.permissions?.(line);
      askAhead(await needed().catch(() => undefined));
    }
    const own = withColor(io, noColor ? "never" : color);
    return await command.run(line, own, reportError);
  } catch (error) {
    if (error instanceof ClosedOutput) return ExitCode.Ok;
    return await reportError(error);
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

/** Prints an error in one line, then at most one hint; with `--debug`, where it came from. No secret is shown. */
async function report<Table extends OptionTable>(
  command: Command<Table>,
  args: readonly string[],
  io: Io,
  thrown: unknown,
): Promise<ExitCode> {
  const reasons = await import("./reasons.ts");
  const { redactArguments, redactText } = await import("./redact.ts");
  const error = reasons.unloadedOf(thrown) ??
    (thrown instanceof UsageError
      ? await import("./nearest.ts").then(({ nameWords }) =>
        nameWords(command, args)
      ).catch(() => {}) ?? thrown
      : thrown);
  const words = await redactArguments(command, args);
  const hide = (text: string) =>
    redactText(words.reduce((text, { text: typed, shown, isOperand }) => {
      if (typed === shown) return text;
      // the value of an option may be a single letter: errors name it in quotes
      const [from, to] = isOperand
        ? [typed, shown]
        : [`"${typed}"`, `"${shown}"`];
      return text.replaceAll(from, () => to);
    }, text));
  // what would be permitted, what is most likely meant, or what the error says itself
  const findHint = async () => {
    const denial = reasons.denialOf(error);
    if (denial !== undefined) {
      const { formatPermissionHint } = await import("./permissions.ts");
      const own = args.filter((arg) => arg !== "--debug");
      const reached = error instanceof Failure ? error.reached : [];
      return await formatPermissionHint(command, own, denial, reached);
    }
    if (!(error instanceof Failure)) return undefined;
    const { asStarted } = await import("./start.ts");
    const meant = error instanceof UnknownOptionError
      ? (await import("./nearest.ts")).hintForUnknown(command, args, error)
      : error.hint;
    const isUsage = error instanceof UsageError;
    const hint = await meant ??
      (isUsage ? `see hark ${command.name} --help` : undefined);
    return hint && asStarted(hide(hint));
  };
  // a hint is a courtesy: whatever fails while it is made must not hide the error
  const hint = await findHint().catch(() => undefined);
  const lines = [
    `${command.name}: ${hide(reasons.describe(error))}`,
    ...hint === undefined ? [] : [`hint: ${hint}`],
  ].map((text) => text.split(/[\r\n]+/).map((line) => line.trim()).join(" "));
  if (asks(args, "--debug")) {
    const { asStarted } = await import("./start.ts");
    lines.push(asStarted(hide(Deno.inspect(thrown))));
  }
  await printSafe(io.stderr, lines.join("\n") + "\n").catch(() => {});
  return reasons.exitCodeOf(error);
}
