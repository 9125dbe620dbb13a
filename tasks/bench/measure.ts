/**
 * Measures things side by side: one of each per round, so that what disturbs one disturbs all.
 *
 * @module
 */

import { untilQuiet } from "../../tests/daemon.ts";

/** What one round of one contender gave. */
export interface Sample {
  /** The figure, in the unit of its row. */
  readonly figure: number;
  /** CPU time, in ms or as the row says. */
  readonly cpu?: number;
  /** Peak resident memory, in bytes. */
  readonly rss?: number;
}

/** Something to measure. */
export interface Contender {
  /** What the table calls it. */
  readonly name: string;
  /** One round; undefined where it is not installed. */
  readonly sample: (() => Promise<Sample>) | undefined;
}

/** What a row is prepared in. */
export interface Bench {
  /** Ends what the row starts. */
  readonly stack: AsyncDisposableStack;
  /** An empty folder. */
  readonly folder: string;
  /** Whether sizes are to be small. */
  readonly quick: boolean;
}

/** A row of the benchmark, which is a table of its own. */
export interface Row {
  /** What it is called on the command line. */
  readonly name: string;
  /** What the figures are: `ms`, `GB/s`. */
  readonly unit: string;
  /** What it needs that may be missing, and why it is left out then. */
  readonly missing?: () => Promise<string | undefined>;
  /** Makes the contenders, ours first. */
  readonly prepare: (bench: Bench) => Promise<Contender[]>;
  /** Rounds, where the usual number would take too long. */
  readonly rounds?: number;
  /** Rounds that are run first and not counted. @default {3} */
  readonly warmUp?: number;
}

/** What one contender gave over all rounds. */
export interface Figures {
  readonly name: string;
  readonly median: number;
  readonly min: number;
  readonly max: number;
  /** Ours divided by this one. */
  readonly ratio: number;
  /** The median of CPU time, where it is known. */
  readonly cpu?: number;
  /** The peak of resident memory over all rounds, in bytes, where it is known. */
  readonly rss?: number;
}

const WARM_UP = 3;

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

/** The same in another order, by chance: else each would always run after the same one, and have what that one left. */
function shuffle<Item>(items: readonly Item[]): Item[] {
  const keyed = items.map((item) => ({ item, key: Math.random() }));
  return keyed.toSorted((a, b) => a.key - b.key).map(({ item }) => item);
}

/** Runs each contender once a round; the first is ours. */
export async function measure(
  contenders: readonly Contender[],
  rounds: number,
  warmUp = WARM_UP,
): Promise<Figures[]> {
  const present = contenders.flatMap(({ name, sample }) =>
    sample ? [{ name, sample, samples: new Array<Sample>() }] : []
  );
  for (let round = -warmUp; round < rounds; round++) {
    for (const { sample, samples } of shuffle(present)) {
      await untilQuiet();
      const taken = await sample();
      if (round >= 0) samples.push(taken);
    }
  }
  const middle = (samples: readonly Sample[]) =>
    median(samples.map(({ figure }) => figure));
  const ours = middle(present[0]?.samples ?? []);
  return present.map(({ name, samples }) => {
    const figures = samples.map(({ figure }) => figure);
    const cpu = samples.flatMap((sample) => sample.cpu ?? []);
    const rss = samples.flatMap((sample) => sample.rss ?? []);
    return {
      name,
      median: median(figures),
      min: Math.min(...figures),
      max: Math.max(...figures),
      ratio: ours / median(figures),
      ...cpu.length > 0 && { cpu: median(cpu) },
      ...rss.length > 0 && { rss: Math.max(...rss) },
    };
  });
}

const MIB = 1024 * 1024;

/** A table for a person. */
export function formatFigures(
  { name: title, unit }: Pick<Row, "name" | "unit">,
  figures: readonly Figures[],
  missing: readonly string[],
): string {
  const width = Math.max(
    title.length,
    ...figures.map(({ name }) => name.length),
  );
  const digits = Math.max(...figures.map(({ median }) => median)) < 100 ? 2 : 0;
  const cell = (value?: number, places = digits) =>
    (value?.toFixed(places) ?? "").padStart(9);
  const lines = figures.map(({ name, median, min, max, ratio, cpu, rss }) =>
    `  ${name.padEnd(width)}${cell(median)}${cell(min)}${cell(max)}${
      cell(ratio, 2)
    }x${cell(cpu, 1)}${cell(rss === undefined ? rss : rss / MIB, 1)}`.trimEnd()
  );
  const head = `${
    title.padEnd(width + 2)
  }   median      min      max     ratio      cpu  rss MiB  (${unit}; ours / theirs)`;
  const absent = missing.length === 0
    ? []
    : [`  not installed: ${missing.join(", ")}`];
  return [head, ...lines, ...absent, ""].join("\n") + "\n";
}
