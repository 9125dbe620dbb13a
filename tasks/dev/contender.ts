/**
 * Programs as contenders: ours, Deno's own floor, and whatever of the peers is installed.
 *
 * @module
 */

import { grantsOf } from "../../lib/cli/manifest.ts";
import type { Contender, Sample } from "./measure.ts";
import { run } from "./program.ts";

/** Where the small scripts are that hark is held against. */
const FLOOR = new URL("./floor/", import.meta.url).pathname;

async function ask(...command: string[]): Promise<string | undefined> {
  const { code, stdout } = await run(command);
  return code === 0 ? stdout.trim() : undefined;
}

/** The path of a program; undefined where it is not installed. */
export async function find(program: string): Promise<string | undefined> {
  const path = await ask("which", program);
  // it may be a script that looks for the right version, which takes longer than all that is measured
  return path !== undefined && program === "python3"
    ? await ask(path, "-c", "import sys; print(sys.executable)")
    : path;
}

/** A task as it runs under `deno task`, without the task runner's own start. */
export function harkCommand(task: string, ...args: string[]): string[] {
  const script = new URL(`../${task}.ts`, import.meta.url).pathname;
  return [
    Deno.execPath(),
    "run",
    `--allow-net=${grantsOf(task).net.join(",")}`,
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

async function time(command: readonly string[]): Promise<Sample> {
  const begun = performance.now();
  const { code, stderr } = await run(command, { stdout: "null" });
  const figure = performance.now() - begun;
  if (code !== 0) {
    const what = command.join(" ");
    throw new Error(`Cannot measure ${what}: exit code ${code}: ${stderr}`);
  }
  return { figure };
}

/** A whole process of a program that may be installed, in ms. */
export async function contender(
  name: string,
  program: string,
  ...args: string[]
): Promise<Contender> {
  const path = await find(program);
  return {
    name,
    sample: path === undefined ? path : () => time([path, ...args]),
  };
}

/** A whole process of a task, in ms. */
export function hark(task: string, ...args: string[]): Contender {
  return timed(`hark ${task}`, harkCommand(task, ...args));
}

/** A whole process, in ms. */
export function timed(name: string, command: readonly string[]): Contender {
  return { name, sample: () => time(command) };
}

/** A whole process of one of the small scripts, in ms. */
export function floor(
  name: string,
  script: string,
  ...args: string[]
): Contender {
  return timed(name, floorCommand(script, ...args));
}
