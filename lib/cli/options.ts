/**
 * What a command is; and argv -> its typed options and operands, strictly, from one table that also makes the help.
 *
 * @module
 */

import { type ExitCode, UsageError } from "./errors.ts";
import type { Io, Permissions } from "./io.ts";

/** The options of a command by their long names in camelCase: `maxClients` is typed `--max-clients`. */
export type OptionTable = Readonly<Record<string, Option>>;

/** One option of a command: a flag, or with `parse` one that takes a value. */
export interface Option {
  readonly short?: string;
  readonly value?: string;
  /** Reads the value, with what an error says of where it stood, ` of --port`; throws {@linkcode UsageError}. Without it the option is a flag. */
  readonly parse?: (text: string, of: string) => unknown;
  readonly default?: unknown;
  /** Whether its value, one that matches, or what is secret in it as a URL must not be shown again, as in a hint. */
  readonly secret?: boolean | RegExp | "url";
  readonly repeat?: boolean;
  /** Makes the value optional: the text taken when no next argument matches `accepts`. */
  readonly implied?: { readonly text: string; readonly accepts: RegExp };
  /** The options that it cannot be given with, or how to tell them from its value. */
  readonly conflicts?: Conflicts | ((value: unknown) => Conflicts);
  /** It is ignored without one of these: refused, in the words of `what` and with a hint. */
  readonly needs?: {
    readonly oneOf: readonly string[];
    readonly what?: string;
    readonly hint?: string;
  };
  /** What to say to whoever gives it no value. */
  readonly hint?: string;
  /** The help, one short line. */
  readonly help?: string;
  /** The title of what begins with it in the help. */
  readonly group?: string;
}

/** Names of options, or by their names what is said after "--this with --that". */
type Conflicts = readonly string[] | Readonly<Record<string, string>>;

export interface CommandLine<Table extends OptionTable> {
  readonly options: Options<Table>;
  readonly operands: readonly string[];
}

/** The values that a table's options have after parsing: those that were given, else their defaults, else undefined. */
export type Options<Table extends OptionTable> = {
  readonly [Name in keyof Table]: ValueOf<Table[Name]>;
};

/** What a command is: its names and texts, its options, and its work. */
export interface Command<Table extends OptionTable> {
  readonly name: string;
  readonly summary: string;
  readonly usage: string;
  readonly examples: readonly (readonly [line: string, purpose: string])[];
  /** What operands mean, under a title. */
  readonly operands?: Readonly<
    Record<string, readonly (readonly [typed: string, meaning: string])[]>
  >;
  readonly options: Table;
  /** The options that the help shows: `--help all` shows all. */
  readonly common?: readonly (string & keyof Table)[];
  /** The exit codes that it has, where these are not all. */
  readonly exitCodes?: readonly ExitCode[];
  /** For those who come from other tools; loaded when it is needed, where it is long. It gets the command's name. */
  readonly hints?: Hints | ((name: string) => Promise<Hints>);
  /** What may be meant by an option that nobody knows, as it was typed. */
  readonly meant?: (typed: string, name: string) => string | undefined;
  /** What a command line needs, for the hint when something is not permitted. */
  readonly permissions?: (
    line: CommandLine<Table>,
  ) => Permissions | Promise<Permissions>;
  /** An operand, and how many are before it, as it may be shown again; without it what is secret in a URL is hidden. */
  readonly redact?: (operand: string, at: number) => string | Promise<string>;
  /** Does the work. What it throws ends it; what it hands to `report` is printed in the same way, and gives its exit code. */
  readonly run: (
    line: CommandLine<Table>,
    io: Io,
    report: (error: unknown) => Promise<ExitCode>,
  ) => Promise<ExitCode>;
}

/** What is said of a command, without its work. */
export type Described = Omit<Command<OptionTable>, "run" | "permissions">;

/** What other tools call our options: the option as typed there, and what to type here. */
export type Hints = Readonly<Record<string, string>>;

type ValueOf<O extends Option> = O extends
  { parse: (text: string, of: string) => infer T }
  ? O extends { repeat: true } ? readonly T[]
  : O extends { default: infer D } ? T | D
  : T | undefined
  : boolean;

/**
 * Reads a command line by its table of options. Options and operands may be mixed; after `--` all are operands.
 *
 * @param args What was typed, without the command's name.
 * @throws {UsageError} On an unknown option, a missing or needless value, an option given twice, or a value
 * that its parser refuses.
 */
export function parseCommandLine<const Table extends OptionTable>(
  table: Table,
  args: readonly string[],
): CommandLine<Table> {
  const { given, operands } = settle(table, args);
  const options: object = Object.fromEntries(
    Object.entries(table).map((
      [name, option],
    ) => [name, valueOf(name, option, given.get(name))]),
  );
  if (!isComplete(table, options)) {
    throw new TypeError("Cannot read the options: one is missing");
  }
  return { options, operands };
}

/** A value may be "-" or a negative number; any other dash is the next option, and the value is missing. */
const VALUE = /^(?!-\D)/;

/** A word of a command line: an operand, a flag, or the value of an option with what stands before it in the same word. */
export interface Word {
  readonly start: string;
  readonly text: string;
  readonly option?: Option;
  readonly isOperand?: boolean;
}

/** Reads a command line as the words that it has; throws as {@linkcode parseCommandLine} does, but for values. */
export function readWords(
  table: OptionTable,
  args: readonly string[],
): readonly Word[] {
  return settle(table, args).words;
}

/** Splits argv into the texts that each option was given, none for a flag, and operands. */
function settle(table: OptionTable, args: readonly string[]) {
  const given = new Map<string, string[]>();
  const unknown = new Set<string>();
  const words: Word[] = [];
  const rest = [...args];

  const find = (typed: string) =>
    Object.entries(table).find(([name, { short }]) =>
      typed === formatOptionName(name) ||
      short !== undefined && typed === `-${short}`
    );

  function take(typed: string, attached: string | undefined, sign = ""): void {
    const found = find(typed);
    if (found === undefined) return void unknown.add(typed);
    const [name, option] = found;
    const { parse, implied, value = "VALUE", hint } = option;
    if (!parse && attached !== undefined) {
      throw new UsageError(`Cannot give ${typed} a value: it takes none`);
    }
    const [next] = parse && attached === undefined ? rest : [];
    const isNext = next !== undefined && (implied?.accepts ?? VALUE).test(next);
    const text = attached ?? (isNext ? rest.shift() : implied?.text);
    if (parse && text === undefined) {
      throw new UsageError(
        `Cannot use ${typed} without a value: expected ${value}`,
        { hint },
      );
    }
    const texts = text === undefined ? [] : [text];
    given.set(name, [...given.get(name) ?? [], ...texts]);
    if (attached !== undefined) {
      words.push({ start: typed + sign, text: attached, option });
    } else {
      words.push({ start: typed, text: "" });
      if (isNext) words.push({ start: "", text: next, option });
    }
  }

  const operand = (text: string) => ({ start: "", text, isOperand: true });

  for (let token = rest.shift(); token !== undefined; token = rest.shift()) {
    if (token === "--") {
      words.push({ start: token, text: "" }, ...rest.splice(0).map(operand));
    } else if (token.startsWith("--")) {
      const [typed = "", ...value] = token.split("=");
      take(typed, value.length === 0 ? undefined : value.join("="), "=");
    } else if (
      /^-[^-\d]/.test(token) || find(token.slice(0, 2)) !== undefined
    ) {
      const letters = [...token].slice(1);
      for (const [at, letter] of letters.entries()) {
        const tail = letters.slice(at + 1).join("");
        // the dash of -O- belongs to the letter before it
        const typed = `-${letter === "-" ? letters[at - 1] : ""}${letter}`;
        const option = find(typed)?.[1];
        // what is long after a letter that nobody knows is more likely its value
        const isFlag = option === undefined
          ? /^[a-z-]{0,5}$/i.test(tail)
          : !option.parse && !tail.startsWith("=");
        const sign = tail.startsWith("=") ? "=" : "";
        const isAlone = isFlag || tail === "";
        take(typed, isAlone ? undefined : tail.slice(sign.length), sign);
        if (!isFlag) break;
      }
    } else {
      words.push(operand(token));
    }
  }
  if (unknown.size > 0) throw new UnknownOptionError(...unknown);
  const operands = words.filter(({ isOperand }) => isOperand)
    .map(({ text }) => text);
  return { given, operands, words };
}

function valueOf(name: string, option: Option, texts?: string[]): unknown {
  const { parse } = option;
  if (!parse) return texts !== undefined;
  const of = ` of ${formatOptionName(name)}`;
  if (option.repeat) return texts?.map((text) => parse(text, of)) ?? [];
  const [text, ...others] = texts ?? [];
  if (others.length > 0) {
    throw new UsageError(`Cannot use ${formatOptionName(name)} more than once`);
  }
  if (text === "" && option.value === "FILE") {
    throw new UsageError('Cannot use "" as a file: expected its name');
  }
  return text === undefined ? option.default : parse(text, of);
}

/** Every option has been read by its own parser: that makes the values the table's. */
function isComplete<Table extends OptionTable>(
  table: Table,
  values: object,
): values is Options<Table> {
  return Object.keys(table).every((name) => name in values);
}

/** The name of an option as it is typed. */
export function formatOptionName(name: string): string {
  return "--" + name.replace(/[A-Z]/g, (letter) => "-" + letter.toLowerCase());
}

/** Options that no table knows; the edge adds a hint, with what other tools mean by them. */
export class UnknownOptionError extends UsageError {
  override name = "UnknownOptionError";
  /** As they were typed, with their dashes and without their values. */
  readonly options: readonly string[];

  constructor(...options: string[]) {
    const names = options.map((option) => `"${option}"`).join(", ");
    super(`Unknown option${options.length === 1 ? "" : "s"} ${names}`);
    this.options = options;
  }
}

/**
 * Refuses options that say two things at once, or that would be ignored without a word: the table's `conflicts` and
 * `needs` tell which. A value that is the default is not given.
 *
 * @throws {UsageError} `Cannot use --NAME`, and why.
 */
export function refuseConflicts(
  table: OptionTable,
  options: Readonly<Record<string, unknown>>,
): void {
  const has = (name: string) => isGiven(table[name], options[name]);
  for (const [name, { conflicts = [], needs }] of Object.entries(table)) {
    if (!has(name)) continue;
    const typed = formatOptionName(name);
    const others = typeof conflicts === "function"
      ? conflicts(options[name])
      : conflicts;
    const other = (isList(others) ? others : Object.keys(others)).find(has);
    if (other !== undefined) {
      const second = formatOptionName(other);
      throw new UsageError(
        isList(others)
          ? `Cannot use ${typed} and ${second} together`
          : `Cannot use ${typed} with ${second}${others[other]}`,
      );
    }
    if (needs === undefined || needs.oneOf.some(has)) continue;
    const what = needs.what ?? needs.oneOf.map(formatOptionName).join(" or ");
    throw new UsageError(`Cannot use ${typed} without ${what}`, needs);
  }
}

const isList = (conflicts: Conflicts): conflicts is readonly string[] =>
  Array.isArray(conflicts);

/** The words of a command line before `--`: those that may be options. */
export function wordsBeforeEnd(args: readonly string[]): readonly string[] {
  const end = args.indexOf("--");
  return args.slice(0, end === -1 ? undefined : end);
}

/** Whether a flag stands before `--`: help and version win over whatever else is wrong. */
export function asks(args: readonly string[], ...names: string[]): boolean {
  return wordsBeforeEnd(args).some((arg) => names.includes(arg));
}

/** Letters of nc's in one word, of which the last may take a value: `-lvp 80`, `-zvw3`. */
export const CLUSTER = /^-([46CdklNnrtUuvz]+[46CdklNnrtUuvzpwisqe])(\d*)$/;

/** Whether an option has a value that was typed. */
export const isGiven = (option: Option | undefined, value: unknown): boolean =>
  value !== undefined && value !== false && value !== option?.default &&
  !(Array.isArray(value) && value.length === 0);
