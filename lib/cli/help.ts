/**
 * What a command says of itself.
 *
 * @module
 */

import { ExitCode } from "./errors.ts";
import {
  type Command,
  formatOptionName,
  type Option,
  type OptionTable,
} from "./options.ts";
import { asStarted } from "./start.ts";

/** The help of a command, at most 80 columns. Where some options are rare, only the whole of it shows them, and the exit codes. */
export function formatHelp(
  { name, summary, usage, examples, options }: Omit<
    Command<OptionTable>,
    "run" | "permissions"
  >,
  isWhole = false,
): string {
  const shown = Object.entries(options).filter(([, { rare }]) =>
    isWhole || !rare
  );
  const isAll = shown.length === Object.keys(options).length;
  const rows = rowsOf(shown);
  const width = Math.max(
    ...rows.map(([label]) => label.length).filter((length) => length <= 30),
  );
  const lines = examples.map(([line, purpose]) =>
    [asStarted(`hark ${line}`), purpose] as const
  );
  const column = Math.max(...lines.map(([line]) => line.length));
  return [
    [summary],
    [`Usage: ${asStarted(`hark ${name}`)} [OPTIONS] ${usage}`.trimEnd()],
    lines.map(([line, purpose]) => `  ${line.padEnd(column)}  ${purpose}`),
    rows.map(([label, help]) => `  ${label.padEnd(width)}  ${help}`),
    isAll ? [formatExitCodes()] : [],
  ].filter((part) => part.length > 0).map((part) => part.join("\n") + "\n")
    .join("\n");
}

/** Rows of label and help; an option without help shares the row of the one before it. */
function rowsOf(options: readonly [string, Option][]): [string, string][] {
  const rows: [string, string][] = [];
  for (const [name, option] of options) {
    const label = formatLabel(name, option);
    const last = rows.at(-1);
    if (option.help === undefined && last) {
      last[0] += `, ${label}`;
      continue;
    }
    const { help = "", default: value } = option;
    const isShown = ["number", "string"].includes(typeof value) && value !== "";
    rows.push([label, isShown ? `${help} [default: ${value}]` : help]);
  }
  return rows;
}

function formatLabel(name: string, option: Option): string {
  const value = option.value === undefined
    ? ""
    : option.implied
    ? ` [${option.value}]`
    : ` ${option.value}`;
  return (option.short === undefined ? "" : `-${option.short}, `) +
    formatOptionName(name) + value;
}

/** Names and numbers of the exit codes, wrapped: the same table that the code uses. */
function formatExitCodes(): string {
  const codes = Object.entries(ExitCode).map(([name, code]) =>
    `${code}${name.replace(/[A-Z]/g, (letter) => ` ${letter.toLowerCase()}`)}`
  );
  const lines = `Exit codes: ${codes.join(", ")}`.match(/.{1,77}(?:,|$)/g);
  return lines?.map((line) => line.trim()).join("\n  ") ?? "";
}
