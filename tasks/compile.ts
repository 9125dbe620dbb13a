/**
 * `deno task compile [NAME...] [--target TARGET] [--all-targets] [--out DIR]`: single-file binaries, and their sums.
 *
 * @module
 */

import { dirname } from "node:path";
import { defineCommand, runCommand } from "../lib/cli/command.ts";
import { ExitCode, UsageError } from "../lib/cli/errors.ts";
import { type Io, print } from "../lib/cli/io.ts";
import { processIo } from "../lib/cli/process.ts";
import { absolutePath } from "../lib/cli/values.ts";
import { interruptible } from "../tests/program.ts";
import { type Binary, type Built, compileBinary } from "./compile/binary.ts";

/** What each binary may: all hosts and files of a kind, since nobody can grant it more when it runs. */
export const PERMISSIONS: Readonly<Record<string, readonly string[]>> = {
  server: ["net", "read", "write"],
  client: ["net", "read", "write"],
  get: ["net", "read", "write"],
  post: ["net", "read", "write"],
  posts: ["net"],
  api: ["net", "read", "write"],
};

const PLATFORMS = [
  ["x86_64-unknown-linux-gnu", "Linux on Intel and AMD"],
  ["aarch64-unknown-linux-gnu", "Linux on ARM"],
  ["x86_64-pc-windows-msvc", "Windows on Intel and AMD"],
  ["aarch64-pc-windows-msvc", "Windows on ARM"],
  ["x86_64-apple-darwin", "macOS on Intel"],
  ["aarch64-apple-darwin", "macOS on Apple silicon"],
] as const;
const TARGETS: readonly string[] = PLATFORMS.map(([target]) => target);

const SUMS = "SHA256SUMS";

function parseTarget(text: string): string {
  if (TARGETS.includes(text)) return text;
  throw new UsageError(
    `Cannot compile for "${text}": expected one of ${TARGETS.join(", ")}`,
  );
}

/** The binaries that were asked for: a target that was named is part of the file's name. */
function planBinaries(
  operands: readonly string[],
  targets: readonly string[],
): Binary[] {
  const names = Object.keys(PERMISSIONS);
  const unknown = operands.find((name) => !names.includes(name));
  if (unknown !== undefined) {
    throw new UsageError(
      `Cannot compile "${unknown}": expected ${names.join(", ")}`,
    );
  }
  const plans = targets.length === 0
    ? [{ target: Deno.build.target, suffix: "" }]
    : targets.map((target) => ({ target, suffix: `-${target}` }));
  return plans.flatMap(({ target, suffix }) =>
    Object.entries(PERMISSIONS)
      .filter(([name]) => operands.length === 0 || operands.includes(name))
      .map(([name, permissions]) => {
        const ending = target.includes("windows") ? ".exe" : "";
        return { name, permissions, target, file: name + suffix + ending };
      })
  );
}

function formatBuilt(
  { name, target, permissions }: Binary,
  { size, sum, started }: Built,
): string {
  return [
    name.padEnd(6),
    target,
    `${(size / 2 ** 20).toFixed(1)} MiB`,
    permissions.join(","),
    started ? "starts" : "cannot be started here",
    sum,
  ].join("  ") + "\n";
}

/** Writes the sums of what was made, beside those of what was there before and still is. */
async function writeSums(
  out: string,
  made: ReadonlyMap<string, string>,
): Promise<void> {
  const path = `${out}/${SUMS}`;
  const sums = new Map<string, string>();
  const isFile = (name: string) =>
    Deno.stat(`${out}/${name}`).then(() => true, () => false);
  const old = await isFile(SUMS) ? await Deno.readTextFile(path) : "";
  for (const [, sum = "", file = ""] of old.matchAll(/^(\w+) {2}(.+)$/gm)) {
    if (await isFile(file)) sums.set(file, sum);
  }
  for (const [file, sum] of made) sums.set(file, sum);
  const lines = [...sums].sort().map(([file, sum]) => `${sum}  ${file}\n`);
  await Deno.writeTextFile(path, lines.join(""));
}

/** The folders that are still to be made for a path, the innermost first. */
async function missingFolders(path: string): Promise<string[]> {
  const isThere = await Deno.stat(path).then(() => true, () => false);
  const above = dirname(path);
  return isThere || above === path
    ? []
    : [path, ...await missingFolders(above)];
}

const command = defineCommand({
  name: "compile",
  summary: "Compile the commands into single-file binaries.",
  usage: "[NAME]...",
  examples: [
    ["compile", "all six, into dist/"],
    ["compile get posts", "only those"],
    ["compile --target aarch64-apple-darwin", "for another platform"],
  ],
  operands: { Platforms: PLATFORMS },
  common: ["target", "allTargets", "out"],
  exitCodes: [0, 1, 2, 130, 143],
  options: {
    target: {
      value: "TARGET",
      parse: parseTarget,
      repeat: true,
      help: "For this platform; may be repeated",
    },
    allTargets: { help: `For all ${TARGETS.length} platforms` },
    out: {
      value: "DIR",
      parse: String,
      default: "dist",
      help: "Where to put them",
    },
  },
  async run({ options, operands }, io) {
    const { allTargets, target } = options;
    const binaries = planBinaries(operands, allTargets ? TARGETS : target);
    const out = absolutePath(options.out);
    return await interruptible(io, async () => {
      const made = new Map<string, string>();
      const fresh = await missingFolders(out);
      try {
        for (const binary of binaries) {
          const built = await compileBinary(binary, out);
          made.set(binary.file, built.sum);
          await print(io.stdout, formatBuilt(binary, built));
        }
      } finally {
        if (made.size > 0) await writeSums(out, made);
        else {
          for (const folder of fresh) await Deno.remove(folder).catch(() => {});
        }
      }
      return ExitCode.Ok;
    });
  },
});

/** Runs `compile` and resolves to its exit code. */
export function main(args: readonly string[], io: Io): Promise<ExitCode> {
  return runCommand(command, args, io);
}

if (import.meta.main) Deno.exit(await main(Deno.args, processIo()));
