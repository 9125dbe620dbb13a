/**
 * Programs side by side: ours, what Deno alone would take, and whatever of the peers is installed.
 *
 * @module
 */

import { fileURLToPath } from "node:url";
import { quote } from "../../lib/cli/values.ts";
import { sleep } from "../../tests/daemon.ts";
import { find, missing, run } from "../../tests/program.ts";
import { flagsOf } from "../../tests/support.ts";

/** What one round of one contender gave. */
interface Sample {
  /** In the unit of its row. */
  readonly figure: number;
  /** CPU time, in ms or in the unit that the row names. */
  readonly cpu?: number;
  /** Peak of resident memory, in bytes. */
  readonly rss?: number;
}

type Sampler = () => Promise<Sample>;

/** Something to measure; without a sampler where it is not installed. */
export type Contender = readonly [name: string, sample: Sampler | undefined];

/** What a row is prepared in: ends what is on the stack, has an empty folder, and sizes are small where it is quick. */
export interface Bench {
  readonly stack: AsyncDisposableStack;
  readonly folder: string;
  readonly quick: boolean;
}

/** A row of the benchmark, which is a table of its own. */
export interface Row {
  readonly name: string;
  readonly unit: string;
  /** Programs without which it is skipped. */
  readonly needs?: readonly string[];
  /** @default {15} */
  readonly rounds?: number;
  /** Makes the contenders, ours first. */
  readonly prepare: (bench: Bench) => Promise<readonly Contender[]>;
}

/** What the table calls a program, and its command line. */
export type Candidate = readonly [name: string, command: readonly string[]];

/** Reads lines of `name: command`: spaces part the words, but not those of a value, which may be many words too. */
export function candidates(
  { raw }: TemplateStringsArray,
  ...values: readonly (string | readonly string[])[]
): Candidate[] {
  const left = [...values];
  const fill = (word: string) =>
    word === "\0"
      ? [left.shift() ?? []].flat()
      : [word.replaceAll("\0", () => String(left.shift()))];
  return raw.join("\0").trim().split("\n").map((line) => {
    const [name = "", command = ""] = line.trim().split(/: (.*)/);
    return [name, command.split(" ").flatMap(fill)];
  });
}

const TASKS = fileURLToPath(new URL("..", import.meta.url));

/** A task as it runs under `deno task`, without the task runner's own start; it may also read and write some files. */
export function hark(task: string, files?: string): string[] {
  const net = flagsOf(task).filter((flag) => flag.startsWith("--allow-net="));
  const more = files ? [`--allow-read=${files}`, `--allow-write=${files}`] : [];
  return [Deno.execPath(), "run", ...net, ...more, `${TASKS}${task}.ts`];
}

/** One of the small scripts of Deno alone. */
export function floor(script: string): string[] {
  return [Deno.execPath(), "run", "-A", `${TASKS}bench/floor/${script}.ts`];
}

/** A verb of load.py. */
export function load(verb: string, ...args: unknown[]): string[] {
  return ["python3", `${TASKS}bench/load.py`, verb, ...args.map(String)];
}

/** Makes contenders of what is installed; a command line for the shell is named after its programs. */
export async function contend(
  programs: readonly Candidate[],
  prepare: (command: readonly string[]) => Sampler | Promise<Sampler>,
): Promise<Contender[]> {
  return await Promise.all(
    programs.map(async ([name, [program = "", ...args]]) => {
      const needs = program === "sh" ? name.split(" | ") : [program];
      if ((await missing(needs)).length > 0) return [name, undefined];
      const path = await find(program) ?? program;
      return [name, await prepare([path, ...args])];
    }),
  );
}

/**
 * Whole processes, in ms, as hyperfine times them, one by one, so that others can take turns; where it is not
 * installed, by our own clock. On Linux with Python, also the peak of their memory, which hyperfine does not measure.
 */
async function timed(
  { folder }: Bench,
  programs: readonly Candidate[],
): Promise<Contender[]> {
  const [times, used] = [`${folder}/times.json`, `${folder}/used.json`];
  const read = async (path: string) =>
    JSON.parse(await Deno.readTextFile(path));
  const hyperfine = await find("hyperfine");
  const isWatched = (await missing(["Linux", "python3"])).length === 0;
  const contenders = await contend(programs, (command) => async () => {
    const timer = [
      ...isWatched ? load("run", used) : [],
      ...["hyperfine", "-N", "--runs", "1", "--style", "none"],
      ...["--export-json", times, command.map(quote).join(" ")],
    ];
    const begun = performance.now();
    const { code, stderr } = await run(hyperfine ? timer : command, {
      env: { NO_COLOR: "1" },
      stdout: "null",
    });
    const figure = performance.now() - begun;
    if (code !== 0) {
      throw new Error(`Cannot measure ${command.join(" ")}: ${stderr}`);
    }
    if (!hyperfine) return { figure };
    const { results: [{ mean, user, system }] } = await read(times);
    const { rss } = isWatched ? await read(used) : {};
    return { figure: mean * 1000, cpu: (user + system) * 1000, rss };
  });
  return hyperfine ? contenders : [...contenders, ["hyperfine", undefined]];
}

/** A row of processes, by the time from start to end or another figure; `PLACE` is a server that is started for it. */
export const row = (
  name: string,
  start: (bench: Bench) => string | Promise<string>,
  { figureOf, ...options }: Partial<Row> & {
    readonly figureOf?: (
      command: readonly string[],
      bench: Bench,
    ) => Promise<number>;
  } = {},
): (...texts: Parameters<typeof candidates>) => Row =>
(...texts) => ({
  name,
  unit: "ms",
  ...options,
  prepare: async (bench) => {
    const place = await start(bench);
    const fill = (word: string) =>
      word.replaceAll("PLACE", place).replaceAll("FOLDER", bench.folder);
    const programs = candidates(...texts)
      .map(([name, command]): Candidate => [name, command.map(fill)]);
    return figureOf === undefined
      ? await timed(bench, programs)
      : await contend(programs, (command) => async () => ({
        figure: await figureOf(command, bench),
      }));
  },
});

/** The place of a row that needs none. */
export const nothing = (): string => "";

/** What one contender gave over all rounds; its ratio is ours divided by it. */
interface Figures extends Omit<Sample, "figure"> {
  readonly name: string;
  readonly median: number;
  readonly min: number;
  readonly max: number;
  readonly ratio: number;
}

/** Between two samples, so that what the one left behind is not in the way of the other. */
const PAUSE_MS = 50;

function median(numbers: readonly number[]): number {
  const sorted = numbers.toSorted((a, b) => a - b);
  const { length } = sorted;
  const middle = [sorted[(length - 1) >> 1], sorted[length >> 1]];
  return middle.reduce<number>((sum, one = NaN) => sum + one / 2, 0);
}

/** Runs each contender once a round, and once before, which does not count. */
export async function measure(
  contenders: readonly Contender[],
  rounds: number,
): Promise<Figures[]> {
  const present = contenders.flatMap(([name, sample]) =>
    sample ? [{ name, sample, samples: new Array<Sample>() }] : []
  );
  for (let round = -1; round < rounds; round++) {
    // in another order each time: else each would always have what the same one left
    const keyed = present.map((one) => ({ one, key: Math.random() }));
    for (const { one } of keyed.sort((a, b) => a.key - b.key)) {
      await sleep(PAUSE_MS);
      const sample = await one.sample();
      if (round >= 0) one.samples.push(sample);
    }
  }
  const all = present.map(({ name, samples }) => {
    const [figures, cpu, rss] = (["figure", "cpu", "rss"] as const)
      .map((key) => samples.flatMap((sample) => sample[key] ?? []));
    return {
      name,
      median: median(figures ?? []),
      min: Math.min(...figures ?? []),
      max: Math.max(...figures ?? []),
      ...cpu?.length && { cpu: median(cpu) },
      ...rss?.length && { rss: Math.max(...rss) },
    };
  });
  return all.map((it) => ({ ...it, ratio: (all[0]?.median ?? 0) / it.median }));
}

/** A table for a person. */
export function formatFigures(
  { name: title, unit }: Row,
  figures: readonly Figures[],
  absent: readonly string[],
): string {
  const names = [title, ...figures.map(({ name }) => `  ${name}`)];
  const width = Math.max(...names.map((name) => name.length));
  const digits = Math.max(...figures.map(({ median }) => median)) < 100 ? 2 : 0;
  const cell = (value: number | undefined, places = digits) =>
    (value?.toFixed(places) ?? "").padStart(9);
  const lines = figures.map(({ name, median, min, max, ratio, cpu, rss }) =>
    [
      `  ${name}`.padEnd(width) + cell(median) + cell(min) + cell(max),
      cell(ratio, 2) + "x" + cell(cpu, 1) + cell(rss && rss / 2 ** 20, 1),
    ].join("").trimEnd()
  );
  const head = "   median      min      max     ratio      cpu  rss MiB";
  return [
    `${title.padEnd(width)}${head}  (${unit}; ours / theirs)`,
    ...lines,
    ...absent.length > 0 ? [`  not installed: ${absent.join(", ")}`] : [],
    "\n",
  ].join("\n");
}
