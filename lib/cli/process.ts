/**
 * The edge of a real process: its streams and its signals.
 *
 * @module
 */

import { Failure } from "./errors.ts";
import { ExitCode } from "./exit_code.ts";
import { ClosedOutput, type Io, type Output } from "./io.ts";

/** A terminal may deliver one Ctrl-C twice, itself and through the task runner, about 1 ms apart. */
const SECOND_SIGNAL_MS = 200;

/** How often a full pipe that does not block is tried again, in ms. */
const RETRY_MS = 5;

function rethrow(name: string, error: unknown): never {
  if (error instanceof Deno.errors.BrokenPipe) throw new ClosedOutput(name);
  throw new Failure(`Cannot write to ${name}`, { cause: error });
}

function createOutput(name: string, stream: typeof Deno.stdout): Output {
  const isTerminal = stream.isTerminal();
  const writeLater = async (bytes: Uint8Array) => {
    for (let done = 0; done < bytes.length;) {
      try {
        done += await stream.write(bytes.subarray(done));
      } catch (error) {
        if (!(error instanceof Deno.errors.WouldBlock)) rethrow(name, error);
        await new Promise((resolve) => setTimeout(resolve, RETRY_MS));
      }
    }
  };
  const write = (bytes: Uint8Array) => {
    for (let done = 0; done < bytes.length;) {
      try {
        done += stream.writeSync(bytes.subarray(done));
      } catch (error) {
        if (error instanceof Deno.errors.WouldBlock) {
          return writeLater(bytes.subarray(done));
        }
        rethrow(name, error);
      }
    }
  };
  return {
    isTerminal,
    color: isTerminal && !Deno.noColor,
    get columns() {
      return isTerminal ? Deno.consoleSize().columns : 80;
    },
    write,
    writeLater,
  };
}

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
    ...createSignals(),
  };
}
