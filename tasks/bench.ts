/**
 * `deno task bench`: hark beside its peers on loopback, interleaved.
 *
 * @module
 */

import { defineCommand, runCommand } from "../lib/cli/command.ts";
import { ExitCode, UsageError } from "../lib/cli/errors.ts";
import { print } from "../lib/cli/io.ts";
import { processIo } from "../lib/cli/process.ts";
import { interruptible, missing } from "../tests/program.ts";
import { API_ROWS } from "./bench/api.ts";
import { COMMAND_ROWS } from "./bench/commands.ts";
import { CONNECTION_ROWS } from "./bench/connections.ts";
import { formatFigures, measure, type Row } from "./bench/contenders.ts";

const ROWS: readonly Row[] = [
  ...COMMAND_ROWS,
  ...CONNECTION_ROWS,
  ...API_ROWS,
];
const ROUNDS = 15;
const QUICK_ROUNDS = 3;

const namesOf = (rows: readonly Row[]) =>
  rows.map(({ name }) => name).join(" ");

/** What a row gave, as text or as JSON. */
async function report(row: Row, quick: boolean, json: boolean) {
  const { name, unit } = row;
  const needed = await missing(row.needs);
  if (needed.length > 0) {
    const skipped = `it needs ${needed.join(", ")}`;
    return json
      ? JSON.stringify({ name, skipped }) + "\n"
      : `${name}: skipped: ${skipped}\n\n`;
  }
  const folder = await Deno.makeTempDir({ prefix: "hark-bench-" });
  await using stack = new AsyncDisposableStack();
  stack.defer(() => Deno.remove(folder, { recursive: true }));
  const contenders = await row.prepare({ stack, folder, quick });
  const rounds = quick ? QUICK_ROUNDS : row.rounds ?? ROUNDS;
  const figures = await measure(contenders, rounds);
  const absent = contenders.flatMap(([name, sample]) => sample ? [] : [name]);
  return json
    ? JSON.stringify({ name, unit, rounds, figures, missing: absent }) + "\n"
    : formatFigures(row, figures, absent);
}

const command = defineCommand({
  name: "bench",
  summary: "Time hark beside what is installed of its peers, on loopback.",
  usage: "[ROW]...",
  examples: [
    ["bench", "all rows, one after the other"],
    ["bench client get", "only those"],
    ["bench --quick --json", "few rounds of small sizes, for a program"],
  ],
  operands: {
    Rows: [
      ["Commands", namesOf(COMMAND_ROWS.slice(0, 9))],
      ["", namesOf(COMMAND_ROWS.slice(9))],
      ["Connections", namesOf(CONNECTION_ROWS)],
      ["Api", namesOf(API_ROWS)],
    ],
  },
  exitCodes: [0, 1, 2, 130, 143],
  options: {
    quick: { help: "Few rounds, small sizes: does it run?" },
    json: { help: "One JSON object per row" },
  },
  async run({ options, operands }, io) {
    const names = ROWS.map(({ name }) => name);
    const unknown = operands.find((operand) => !names.includes(operand));
    if (unknown !== undefined) {
      throw new UsageError(
        `Cannot measure "${unknown}": there is no such row`,
        { hint: `the rows are ${names.join(", ")}` },
      );
    }
    const { quick, json } = options;
    return await interruptible(io, async () => {
      const isAll = operands.length === 0;
      for (const row of ROWS) {
        if (!isAll && !operands.includes(row.name)) continue;
        await print(io.stdout, await report(row, quick, json));
      }
      return ExitCode.Ok;
    });
  },
});

if (import.meta.main) {
  Deno.exit(await runCommand(command, Deno.args, processIo()));
}
