/**
 * The edge of a real process: its streams and its signals.
 *
 * @module
 */

import { ExitCode } from "./exit_code.ts";
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
 *
 * @example What `main` of every command gets
 * ```ts
 * import { assertEquals } from "@std/assert";
 *
 * assertEquals(typeof processIo, "function");
 * ```
 */
export function processIo(): Io {
  return {
    stdin: {
      isTerminal: Deno.stdin.isTerminal(),
      read: (buffer) => Deno.stdin.read(buffer),
    },
    stdout: createOutput("stdout", Deno.stdout),
    stderr: createOutput("stderr", Deno.stderr),
    askSecret: async (question) =>
      (await import("./prompt.ts")).promptOn(question, Deno),
    ...createSignals(),
  };
}
