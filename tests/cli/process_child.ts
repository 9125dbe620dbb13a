// deno-coverage-ignore-file
/** What `process_test.ts` runs as a real process: `deno run process_child.ts WHAT`. */

import { defineCommand, runCommand } from "../../lib/cli/command.ts";
import { ExitCode } from "../../lib/cli/errors.ts";
import { type Io, print } from "../../lib/cli/io.ts";
import { processIo } from "../../lib/cli/process.ts";

/** Waits: time itself is what the parts are about. */
const sleep = (ms: number) =>
  new Promise<void>((resolve) => setTimeout(resolve, ms));

// long enough for any test, and no process outlives one that failed for long
const forever = () => sleep(20_000);

const aborted = (signal: AbortSignal) =>
  new Promise((resolve) => signal.addEventListener("abort", resolve));

const LINE = new TextEncoder().encode("0123456789abcdef".repeat(4096));

const parts: Readonly<Record<string, (io: Io) => unknown>> = {
  async wait(io) {
    await print(io.stdout, "ready\n");
    await forever();
  },
  async drain(io) {
    io.drain();
    const stopped = aborted(io.signal);
    await print(io.stdout, "ready\n");
    await stopped;
    await print(io.stdout, `stopped by ${io.signal.reason}\n`);
  },
  async linger(io) {
    io.drain();
    const stopped = aborted(io.signal);
    await print(io.stdout, "ready\n");
    await stopped;
    // longer than a Ctrl-C that comes twice takes
    await sleep(250);
    await print(io.stdout, "lingers\n");
    await forever();
  },
  async echo(io) {
    const buffer = new Uint8Array(65536);
    for (let size; (size = await io.stdin.read(buffer)) !== null;) {
      await io.stdout.write(buffer.subarray(0, size));
    }
  },
  async flood(io) {
    for (let count = 0; count < 20; count++) await io.stdout.write(LINE);
  },
  async later(io) {
    for (let count = 0; count < 20; count++) await io.stdout.writeLater(LINE);
  },
  async facts(io) {
    const facts = [io.stdin, io.stdout, io.stderr].map((stream) => [
      stream.isTerminal,
      ..."color" in stream ? [stream.color, stream.columns] : [],
    ]);
    await print(io.stdout, JSON.stringify(facts) + "\n");
  },
};

const command = defineCommand({
  name: "child",
  summary: "Do one thing.",
  usage: "WHAT",
  examples: [],
  options: {},
  async run({ operands: [part = ""] }, io) {
    await parts[part]?.(io);
    return ExitCode.Ok;
  },
});

if (import.meta.main) {
  Deno.exit(await runCommand(command, Deno.args, processIo()));
}
