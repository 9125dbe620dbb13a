/**
 * What a command says of itself.
 *
 * @module
 */

import { ExitCode } from "./errors.ts";
import { type Described, formatOptionName, type Option } from "./options.ts";
import { asStarted } from "./start.ts";

type Row = readonly [label: string, text: string];

/** The columns of a terminal, and those of labels: a longer one pushes its text to the right. */
const WIDTH = 80;
const LABEL = 31;

/**
 * The help of a command, in lines of at most 80 columns as long as it is not started by a long path: what is needed most,
 * or the whole, with every option and the exit codes.
 */
export function formatHelp(command: Described, isWhole = false): string {
  const { name, summary, usage, examples, operands = {} } = command;
  const start = asStarted(`hark ${name}`);
  const gap = isWhole ? [""] : [];
  const sections = [...Object.entries(operands), ...groupsOf(command, isWhole)]
    .map(([title, rows]) => [`${title}:`, ...formatRows(rows)]);
  const lines = [
    summary,
    "",
    `Usage: ${start} [OPTIONS] ${usage}`.trimEnd(),
    "",
    // a long path leaves no room for what an example is for
    ...formatRows(
      examples.map(([line, text]) => [asStarted(`hark ${line}`), text]),
      Infinity,
    ).map((line) =>
      line.length > WIDTH ? line.replace(/(?<=\S) {2,}.*/, "") : line
    ),
    ...examples.length === 0 ? [] : [""],
    ...sections.flatMap((section) => [...section, ...gap]),
    ...isWhole
      ? formatExitCodes(command.exitCodes)
      : [`All of it: ${start} --help all`],
  ];
  return lines.join("\n") + "\n";
}

function formatRows(rows: readonly Row[], width = LABEL): string[] {
  const column = Math.max(
    ...rows.map(([label]) => label.length).filter((length) => length <= width),
  );
  return rows.map(([label, text]) => `  ${label.padEnd(column)}  ${text}`);
}

/** The options that are shown, by the titles of their groups: each goes on to the next option that names one. */
function groupsOf(
  { options, common }: Described,
  isWhole: boolean,
): ReadonlyMap<string, Row[]> {
  const groups = new Map<string, Row[]>();
  let title = "Options";
  for (const [name, option] of Object.entries(options)) {
    title = option.group ?? title;
    if (!isWhole && common?.includes(name) === false) continue;
    const row = [formatLabel(name, option), formatText(option)] as const;
    groups.set(title, [...groups.get(title) ?? [], row]);
  }
  return groups;
}

function formatLabel(name: string, { short, value, implied }: Option): string {
  const shown = implied ? `[${value}]` : value;
  return (short === undefined ? "" : `-${short}, `) + formatOptionName(name) +
    (shown === undefined ? "" : ` ${shown}`);
}

function formatText({ help = "", default: value }: Option): string {
  const isShown = ["number", "string"].includes(typeof value) && value !== "";
  return isShown ? `${help} [default: ${value}]` : help;
}

/** Names and numbers of exit codes, wrapped: the same table that the code uses. */
function formatExitCodes(
  own: readonly ExitCode[] = Object.values(ExitCode),
): string[] {
  const codes = Object.entries(ExitCode).filter(([, code]) =>
    own.includes(code)
  ).map(([name, code]) =>
    `${code}${name.replace(/[A-Z]/g, (letter) => ` ${letter.toLowerCase()}`)}`
  );
  const lines = `Exit codes: ${codes.join(", ")}`.match(/.{1,77}(?:,|$)/g);
  return lines?.map((line, at) => (at > 0 ? "  " : "") + line.trim()) ?? [];
}
