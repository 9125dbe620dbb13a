/**
 * What writes the log of a server, which goes on whatever the reader of the log does.
 *
 * @module
 */

import { Failure } from "../../../lib/cli/errors.ts";
import { atMost } from "../../../lib/net/pause.ts";
import {
  ClosedOutput,
  escapeControls,
  type Output,
  print,
} from "../../../lib/cli/io.ts";

/** More characters do not wait for a slow reader. */
const MOST_WAITING = 2 ** 20;
/** A write costs as much as a request: those of so many ms go together, which nobody who reads along sees. */
const GATHER_MS = 10;
/** So long the end waits for the reader. */
const END_MS = 1000;

/** Writes lines; to dispose of it is to end it, whatever comes of that. */
interface LogWriter extends AsyncDisposable {
  readonly add: (line: string) => void;
  /** Resolves when all is written, after a second in any case; rejects when nothing can be written any more. */
  readonly end: () => Promise<void>;
}

/** Options for {@linkcode createLogWriter}. */
interface LogWriterOptions {
  /** Whether the lines are JSON. */
  readonly json?: boolean | undefined;
  /** Whether who adds a line waits for who reads it: then none is left out. */
  readonly waits?: boolean | undefined;
  /** Hears why nothing can be written any more. */
  readonly onError: (error: unknown) => void;
}

/**
 * Creates a writer of lines, safe on a terminal, that does not wait for who reads them. What comes while a write is under way is written
 * together next; more than 1 MiB of it is left out, and a line says how many lines that were.
 */
export function createLogWriter(
  output: Pick<Output, "isTerminal" | "write" | "writeLater">,
  { json, waits, onError }: LogWriterOptions,
): LogWriter {
  const encoder = new TextEncoder();
  // reasons and paths may hold what others chose
  const safe = output.isTerminal ? escapeControls : String;
  let [waiting, lost, last] = ["", 0, -Infinity];
  let writing: Promise<void> | undefined;
  let ended: Promise<void> | undefined;

  function formatLost(): string {
    if (lost === 0) return "";
    const message =
      `${lost} lines of the log were left out: its reader is slow`;
    return json
      ? `${JSON.stringify({ event: "warning", message })}\n`
      : `Warning: ${message}\n`;
  }

  async function writeAll(): Promise<void> {
    while (waiting !== "") {
      const rest = Math.max(0, last + GATHER_MS - performance.now());
      await new Promise((resolve) => setTimeout(resolve, rest));
      const text = waiting + formatLost();
      [waiting, lost] = ["", 0];
      await output.writeLater(encoder.encode(text));
      last = performance.now();
    }
    writing = undefined;
  }

  function add(line: string): void {
    if (line === "") return;
    if (waiting.length > MOST_WAITING) {
      lost++;
      return;
    }
    waiting += safe(line);
    // one that failed stays, so that nothing is written again
    if (writing !== undefined) return;
    writing = writeAll().catch((error) => {
      throw failureOf(error);
    });
    writing.catch(onError);
  }

  function addNow(line: string): void {
    try {
      print(output, safe(line))?.catch((error) => onError(failureOf(error)));
    } catch (error) {
      onError(failureOf(error));
    }
  }

  const end = () => ended ??= atMost(END_MS, writing);

  return {
    add: waits ? addNow : add,
    end,
    [Symbol.asyncDispose]: () => end().catch(() => {}),
  };
}

/** A result may be read in part, but a server whose log nobody reads is not what was asked for. */
function failureOf(error: unknown): unknown {
  return error instanceof ClosedOutput ? new Failure(error.message) : error;
}
