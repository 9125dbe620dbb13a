/**
 * Programs as contenders: ours, Deno's own floor, and whatever of the peers is installed.
 *
 * @module
 */

import { fileURLToPath } from "node:url";
import { permissionsOf } from "../../lib/cli/permissions.ts";
import { find, run } from "../../tests/program.ts";
import { compileLoad, type Used, whyNoLoad } from "./load.ts";
import type { Bench, Contender, Sample } from "./measure.ts";

/** Where the small scripts are that hark is held against. */
const FLOOR = fileURLToPath(new URL("./floor/", import.meta.url));

/** A task as it runs under `deno task`, without the task runner's own start. */
export function harkCommand(task: string, ...args: string[]): string[] {
  const script = fileURLToPath(new URL(`../${task}.ts`, import.meta.url));
  return [
    Deno.execPath(),
    "run",
    `--allow-net=${permissionsOf(task).net.join(",")}`,
    script,
    ...args,
  ];
}

/** The same task, which may also read or write a file. */
export function allow(
  kind: "read" | "write",
  path: string,
  command: readonly string[],
): string[] {
  const [deno = "", run = "", ...rest] = command;
  return [deno, run, `--allow-${kind}=${path}`, ...rest];
}

/** One of the small scripts of Deno alone. */
export function floorCommand(script: string, ...args: string[]): string[] {
  return [Deno.execPath(), "run", "-A", `${FLOOR}${script}`, ...args];
}

/** What the table calls it, and its command line. */
export type Candidate = readonly [name: string, ...command: string[]];

/** Runs a program to its end; where the load generator can be made, it watches the program's CPU time and memory. */
async function time(
  command: readonly string[],
  { folder, load }: { folder: string; load: string | undefined },
): Promise<Sample> {
  const report = `${folder}/used.json`;
  const watched = load === undefined ? [] : [load, "run", report];
  const begun = performance.now();
  const { code, stderr } = await run([...watched, ...command], {
    env: { NO_COLOR: "1" },
    stdout: "null",
  });
  const figure = performance.now() - begun;
  if (code !== 0) {
    const what = command.join(" ");
    throw new Error(`Cannot measure ${what}: exit code ${code}: ${stderr}`);
  }
  if (load === undefined) return { figure };
  const { ms, cpu, rss }: Used = JSON.parse(await Deno.readTextFile(report));
  return { figure: ms, cpu, rss };
}

/**
 * Whole processes, in ms, of programs that may be installed.
 *
 * @param afterwards Tidies up after each.
 */
export async function contend(
  { folder }: Pick<Bench, "folder">,
  candidates: readonly Candidate[],
  afterwards: () => Promise<void> = () => Promise.resolve(),
): Promise<Contender[]> {
  const load = await whyNoLoad() === undefined
    ? await compileLoad(folder)
    : undefined;
  return await Promise.all(
    candidates.map(async ([name, program = "", ...args]) => {
      const path = await find(program);
      const sample = path === undefined ? undefined : async () => {
        const taken = await time([path, ...args], { folder, load });
        await afterwards();
        return taken;
      };
      return { name, sample };
    }),
  );
}
