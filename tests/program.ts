// deno-coverage-ignore-file
/**
 * Programs that run to their end, or until somebody presses Ctrl-C.
 *
 * @module
 */

import { ExitCode, Failure } from "../lib/cli/errors.ts";
import type { Io } from "../lib/cli/io.ts";

const interruption = new AbortController();

/** Aborted with a failure when the command is interrupted: it ends what {@linkcode run} and `startDaemon` started. */
export const interrupted: AbortSignal = interruption.signal;

/** Does the work of a command, whose signal ends all that it started, so that it can clean up. */
export async function interruptible<Result>(
  { drain, signal }: Pick<Io, "drain" | "signal">,
  work: () => Promise<Result>,
): Promise<Result> {
  drain();
  signal.addEventListener("abort", () => {
    const code = signal.reason === ExitCode.Terminated
      ? ExitCode.Terminated
      : ExitCode.Interrupted;
    interruption.abort(new Failure("Interrupted", { code }));
  });
  try {
    return await work();
  } catch (error) {
    // whatever failed then, failed because of that
    interrupted.throwIfAborted();
    throw error;
  }
}

/** Runs a program to its end, without an stdin. */
export async function run(
  [program = "", ...args]: readonly string[],
  options: Pick<Deno.CommandOptions, "cwd" | "env" | "stdout"> = {},
): Promise<{ code: number; stdout: string; stderr: string }> {
  interrupted.throwIfAborted();
  const output = await new Deno.Command(program, {
    args,
    ...options,
    stdin: "null",
    stderr: "piped",
    signal: interrupted,
  }).output();
  interrupted.throwIfAborted();
  const decoder = new TextDecoder();
  return {
    code: output.code,
    stdout: options.stdout === "null" ? "" : decoder.decode(output.stdout),
    stderr: decoder.decode(output.stderr),
  };
}

async function outputOf(...command: string[]): Promise<string | undefined> {
  const { code, stdout } = await run(command);
  return code === 0 ? stdout.trim() : undefined;
}

/** The path of a program; undefined where it is not installed. */
export async function find(program: string): Promise<string | undefined> {
  const path = await outputOf("which", program);
  // Deno takes the place of a Node that is missing
  if (path?.includes("/node_compat_bin/")) return undefined;
  // it may be a script that looks for the right version, which takes longer than all that is measured
  return path !== undefined && program === "python3"
    ? await outputOf(path, "-c", "import sys; print(sys.executable)")
    : path;
}

/** Which of some programs are not installed; `Linux` stands for the system itself. */
export async function missing(
  programs: readonly string[] = [],
): Promise<string[]> {
  const isHere = async (program: string) =>
    program === "Linux"
      ? Deno.build.os === "linux"
      : await find(program) !== undefined;
  const here = await Promise.all(programs.map(isHere));
  return programs.filter((_, at) => !here[at]);
}
