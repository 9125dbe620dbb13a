// deno-coverage-ignore-file
/**
 * Programs that run to their end, or until somebody presses Ctrl-C.
 *
 * @module
 */

/** What a program left. */
export interface Outcome {
  /** Its exit code. */
  readonly code: number;
  /** What it printed. */
  readonly stdout: string;
  /** What it complained of. */
  readonly stderr: string;
}

const interruption = new AbortController();

/** Aborted by Ctrl-C: it ends what {@linkcode run} and `startDaemon` started. */
export const interrupted: AbortSignal = interruption.signal;

/** Runs a program to its end, without an stdin. */
export async function run(
  [program = "", ...args]: readonly string[],
  options: Pick<Deno.CommandOptions, "env" | "stdout"> = {},
): Promise<Outcome> {
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

/** Does the work of a task, and ends with its exit code; on Ctrl-C with 130, as soon as all is cleaned up. */
export async function exitAfter(work: () => Promise<number>): Promise<never> {
  for (const signal of ["SIGINT", "SIGTERM"] as const) {
    // Windows has no SIGTERM to listen to
    if (signal === "SIGINT" || Deno.build.os !== "windows") {
      Deno.addSignalListener(signal, () => interruption.abort());
    }
  }
  let code = 1;
  try {
    code = await work();
  } catch (error) {
    if (!interrupted.aborted) {
      const why = error instanceof Error ? error.message : String(error);
      await Deno.stderr.write(new TextEncoder().encode(`${why}\n`));
    }
  }
  Deno.exit(interrupted.aborted ? 130 : code);
}
