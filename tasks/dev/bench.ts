/**
 * `deno task bench [NAME...] [--quick] [--json]`: hark beside its peers on loopback, interleaved.
 *
 * @module
 */

import { parseArgs } from "@std/cli/parse-args";
import { API_ROWS } from "./bench_api.ts";
import { BYTES_ROWS } from "./bench_bytes.ts";
import { CLIENT_ROWS } from "./bench_clients.ts";
import { HTTP_ROWS } from "./bench_http.ts";
import { START_ROWS } from "./bench_start.ts";
import { formatFigures, measure, type Row } from "./measure.ts";
import { exitAfter } from "./program.ts";

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

const USAGE = `usage: deno task bench [--quick] [--json] [${
  ROWS.map(({ name }) => name).join("|")
}]...
`;

/** Measures what a command line asks for, and resolves to the exit code. */
async function bench(args: readonly string[]): Promise<number> {
  const encoder = new TextEncoder();
  const { _: names, quick, json, ...others } = parseArgs([...args], {
    boolean: ["quick", "json"],
    string: ["_"],
  });
  const unknown = names.filter((wanted) =>
    !ROWS.some(({ name }) => name === wanted)
  );
  if (unknown.length > 0 || Object.keys(others).length > 0) {
    await Deno.stderr.write(encoder.encode(USAGE));
    return 2;
  }
  for (const row of ROWS) {
    if (names.length > 0 && !names.includes(row.name)) continue;
    const text = await report(row, quick === true, json === true);
    await Deno.stdout.write(encoder.encode(text));
  }
  return 0;
}

await exitAfter(() => bench(Deno.args));
