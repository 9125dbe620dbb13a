/**
 * `deno task bench [NAME...] [--quick] [--json]`: hark beside its peers on loopback, interleaved.
 *
 * @module
 */

import { parseArgs } from "@std/cli/parse-args";
import { BYTES_ROWS } from "./bench_bytes.ts";
import { CLIENT_ROWS } from "./bench_clients.ts";
import { HTTP_ROWS } from "./bench_http.ts";
import { START_ROWS } from "./bench_start.ts";
import { formatFigures, measure, type Row } from "./measure.ts";

const ROUNDS = 21;
const QUICK_ROUNDS = 3;

/** Measures one row in a folder of its own, which is removed, as is all that the row starts. */
async function run(row: Row, quick: boolean, json: boolean): Promise<string> {
  const why = await row.missing?.();
  if (why !== undefined) return `${row.name}: skipped: ${why}\n\n`;
  const folder = await Deno.makeTempDir({ prefix: "hark-bench-" });
  await using stack = new AsyncDisposableStack();
  stack.defer(() => Deno.remove(folder, { recursive: true }));
  const contenders = await row.prepare({ stack, folder, quick });
  const rounds = quick ? QUICK_ROUNDS : row.rounds ?? ROUNDS;
  const figures = await measure(contenders, rounds, row.warmUp);
  const missing = contenders.filter(({ sample }) => sample === undefined)
    .map(({ name }) => name);
  return json
    ? JSON.stringify({ name: row.name, unit: row.unit, figures, missing }) +
      "\n"
    : formatFigures(row, figures, missing);
}

const { _: names, quick, json } = parseArgs(Deno.args, {
  boolean: ["quick", "json"],
  string: ["_"],
});
const rows = [...START_ROWS, ...CLIENT_ROWS, ...BYTES_ROWS, ...HTTP_ROWS];
const wanted = rows.filter(({ name }) =>
  names.length === 0 || names.includes(name)
);
for (const row of wanted) {
  const text = await run(row, quick === true, json === true);
  await Deno.stdout.write(new TextEncoder().encode(text));
}
