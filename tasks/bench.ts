/**
 * `deno task bench`: hark beside its peers on loopback, interleaved.
 *
 * @module
 */

import { defineCommand, runCommand } from "../lib/cli/command.ts";
import { ExitCode, UsageError } from "../lib/cli/errors.ts";
import { print } from "../lib/cli/io.ts";
import { processIo } from "../lib/cli/process.ts";
import { interruptible } from "../tests/program.ts";
import { API_ROWS } from "./bench/api.ts";
import { BYTES_ROWS } from "./bench/bytes.ts";
import { CLIENT_ROWS } from "./bench/clients.ts";
import { HTTP_ROWS } from "./bench/http.ts";
import { formatFigures, measure, type Row } from "./bench/measure.ts";
import { START_ROWS } from "./bench/start.ts";

const ROWS: readonly Row[] = [
  ...START_ROWS,
  ...CLIENT_ROWS,
  ...BYTES_ROWS,
  ...HTTP_ROWS,
  ...API_ROWS,
];
const ROUNDS = 21;
const QUICK_ROUNDS = 3;

/** What a row gave, as text or as JSON. */
async function report(
  row: Row,
  quick: boolean,
  json: boolean,
): Promise<string> {
  const { name, unit } = row;
  const why = await row.missing?.();
  if (why !== undefined) {
    return json
      ? JSON.stringify({ name, skipped: why }) + "\n"
      : `${name}: skipped: ${why}\n\n`;
  }
  const folder = await Deno.makeTempDir({ prefix: "hark-bench-" });
  await using stack = new AsyncDisposableStack();
  stack.defer(() => Deno.remove(folder, { recursive: true }));
  const contenders = await row.prepare({ stack, folder, quick });
  const rounds = quick ? QUICK_ROUNDS : row.rounds ?? ROUNDS;
  const figures = await measure(contenders, rounds, row.warmUp);
  const missing = contenders.filter(({ sample }) => sample === undefined)
    .map(({ name }) => name);
  return json
    ? JSON.stringify({ name, unit, rounds, figures, missing }) + "\n"
    : formatFigures(row, figures, missing);
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
        {
          hint: `the rows are ${names.join(", ")}`,
        },
      );
    }
    const { quick, json } = options;
    return await interruptible(io, async () => {
      for (const row of ROWS) {
        if (operands.length > 0 && !operands.includes(row.name)) continue;
        await print(io.stdout, await report(row, quick, json));
      }
      return ExitCode.Ok;
    });
  },
});

if (import.meta.main) {
  Deno.exit(await runCommand(command, Deno.args, processIo()));
}
