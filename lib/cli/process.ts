/**
 * The edge of a real process: its streams and its signals.
 *
 * @module
 */

import { ExitCode, Failure } from "./errors.ts";
import type { Io } from "./io.ts";
import { createOutput } from "./output.ts";

/** A terminal may deliver one Ctrl-C twice, itself and through the task runner, about 1 ms apart. */
const SECOND_SIGNAL_MS = 200;

/**
 * Until a command drains, the system ends the process by itself: at once, even while a slow reader blocks a write, and
 * with 130 or 143 in every shell. Only Windows needs a listener to give these numbers.
 */
function createSignals(): Pick<Io, "signal" | "drain"> {
  const controller = new AbortController();
  let draining = false;
  let first = -Infinity;
  const listen = (signal: Deno.Signal, code: ExitCode) =>
    Deno.addSignalListener(signal, () => {
      const { aborted } = controller.signal;
      const now = performance.now();
      if (!draining || aborted && now - first > SECOND_SIGNAL_MS) {
        Deno.exit(code);
      }
      if (aborted) return;
      first = now;
      controller.abort(code);
    });
  const listenAll = () => {
    listen("SIGINT", ExitCode.Interrupted);
    listen("SIGTERM", ExitCode.Terminated);
  };
  const early = Deno.build.os === "windows";
  if (early) listenAll();
  const drain = () => {
    if (!draining && !early) listenAll();
    draining = true;
  };
  return { signal: controller.signal, drain };
}

/**
 * The process's own streams and signals. Ctrl-C and SIGTERM end the process at once with 130 and 143, unless the
 * command drains. Windows has Ctrl-C alone: nothing there sends a SIGTERM that could be caught.
 */
export function processIo(): Io {
  return {
    stdin: {
      isTerminal: Deno.stdin.isTerminal(),
      read: (buffer) => Deno.stdin.read(buffer),
    },
    stdout: createOutput("stdout", Deno.stdout),
    stderr: createOutput("stderr", Deno.stderr),
    askSecret: (question) => promptOn(question, Deno),
    ...createSignals(),
  };
}

/** Ctrl-C and Ctrl-D. */
const ENDS = [3, 4];

/** The streams of the process. */
export type PromptStreams = Pick<typeof Deno, "stdin" | "stdout" | "stderr">;

/**
 * Asks for a secret in one line, without an echo.
 *
 * @param question The question.
 * @param streams The process's own.
 * @returns The answer; undefined where there is no terminal to ask on.
 * @throws {Failure} With code 130, on Ctrl-C or Ctrl-D.
 */
export async function promptOn(
  question: string,
  { stdin, stdout, stderr }: PromptStreams,
): Promise<string | undefined> {
  if (!stdin.isTerminal() || !stderr.isTerminal()) return undefined;
  const { promptSecret } = await import("@std/cli/prompt-secret");
  const { setRaw, readSync } = stdin;
  // std asks on stdout, which is the result's, and lets Ctrl-C end the process while the terminal shows no echo. It
  // reads in one go, so that nothing else meets what is laid over the streams here.
  stdout.writeSync = (bytes) => stderr.writeSync(bytes);
  stdin.setRaw = (isRaw) => setRaw.call(stdin, isRaw);
  stdin.readSync = (buffer) => {
    const count = readSync.call(stdin, buffer);
    if (count !== 1 || !ENDS.includes(buffer[0] ?? 0)) return count;
    throw new Failure("Interrupted", { code: ExitCode.Interrupted });
  };
  try {
    return promptSecret(question, { mask: "" }) ?? undefined;
  } finally {
    Reflect.deleteProperty(stdout, "writeSync");
    Reflect.deleteProperty(stdin, "setRaw");
    Reflect.deleteProperty(stdin, "readSync");
  }
}
