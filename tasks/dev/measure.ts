/**
 * Measures whole processes side by side: one of each per round, so that what disturbs one disturbs all.
 *
 * @module
 */

/** Something to time. */
export interface Contender {
  /** What the table calls it. */
  readonly name: string;
  /** The program and its arguments; undefined where it is not installed. */
  readonly command: readonly string[] | undefined;
}

/** What one contender took, in ms. */
export interface Timing {
  readonly name: string;
  readonly median: number;
  readonly min: number;
  readonly max: number;
  /** Ours divided by this one: below 1 we are faster. */
  readonly ratio: number;
}

/** Rounds that are run and not counted. */
const WARM_UP = 3;

async function time(command: readonly string[]): Promise<number> {
  const [program = "", ...args] = command;
  const begun = performance.now();
  const { code, stderr } = await new Deno.Command(program, {
    args,
    stdin: "null",
    stdout: "null",
    stderr: "piped",
  }).output();
  const ms = performance.now() - begun;
  if (code !== 0) {
    throw new Error(
      `Cannot measure ${command.join(" ")}: it exited with ${code}: ${
        new TextDecoder().decode(stderr)
      }`,
    );
  }
  return ms;
}

/** The middle of some numbers. */
export function median(numbers: readonly number[]): number {
  const sorted = numbers.toSorted((a, b) => a - b);
  const middle = Math.floor(sorted.length / 2);
  const [low = NaN, high = NaN] = [
    sorted[Math.ceil(sorted.length / 2) - 1],
    sorted[middle],
  ];
  return (low + high) / 2;
}

/** Runs the contenders in turn, the first of which is ours. */
export async function measure(
  contenders: readonly Contender[],
  rounds: number,
): Promise<Timing[]> {
  const present = contenders.flatMap(({ name, command }) =>
    command ? [{ name, command, times: new Array<number>() }] : []
  );
  for (let round = -WARM_UP; round < rounds; round++) {
    for (const { command, times } of present) {
      const ms = await time(command);
      if (round >= 0) times.push(ms);
    }
  }
  const ours = median(present[0]?.times ?? []);
  return present.map(({ name, times }) => ({
    name,
    median: median(times),
    min: Math.min(...times),
    max: Math.max(...times),
    ratio: ours / median(times),
  }));
}

/** A table of timings for a person. */
export function formatTimings(
  title: string,
  timings: readonly Timing[],
  missing: readonly string[],
): string {
  const width = Math.max(...timings.map(({ name }) => name.length));
  const cell = (value: number) => value.toFixed(1).padStart(8);
  const lines = timings.map(({ name, median, min, max, ratio }) =>
    `  ${name.padEnd(width)} ${cell(median)} ${cell(min)} ${cell(max)} ${
      ratio.toFixed(2).padStart(7)
    }x`
  );
  const head = `${
    title.padEnd(width + 2)
  }   median      min      max    ratio  (ms; ours / theirs)`;
  const absent = missing.length === 0
    ? []
    : [`  not installed: ${missing.join(", ")}`];
  return [head, ...lines, ...absent, ""].join("\n") + "\n";
}
