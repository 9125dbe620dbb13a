// deno-coverage-ignore-file
/**
 * Programs that run beside the benchmark: started, waited for, looked at through /proc, ended.
 *
 * @module
 */

import { interrupted } from "./program.ts";

/** A program that runs. */
export interface Daemon extends AsyncDisposable {
  /** Its process. */
  readonly pid: number;
  /** The next line that it printed; undefined at the end. */
  readonly line: () => Promise<string | undefined>;
  /** Writes to its stdin. */
  readonly tell: (text: string) => Promise<void>;
  /** Resolves when it has ended. */
  readonly ended: Promise<unknown>;
}

/** Where the output of a program goes. */
export type Output = "lines" | "nowhere";

const POLL_MS = 2;
const LONGEST_MS = 30_000;
const QUIET_MS = 10;
const QUIET_LONGEST_MS = 1000;

const sleep = (ms: number) =>
  new Promise<void>((resolve) => setTimeout(resolve, ms));

/** Waits until something is so. */
export async function until(
  what: string,
  isSo: () => Promise<boolean>,
): Promise<void> {
  for (const begun = performance.now(); !await isSo();) {
    interrupted.throwIfAborted();
    if (performance.now() - begun > LONGEST_MS) {
      throw new Error(`Cannot wait for ${what}: it takes too long`);
    }
    await sleep(POLL_MS);
  }
}

/** Waits until nothing else runs on the machine, three looks in a row, for a second at most; does not where it cannot look. */
export async function untilQuiet(): Promise<void> {
  if (Deno.build.os !== "linux") return;
  const end = performance.now() + QUIET_LONGEST_MS;
  for (let looks = 0; looks < 3 && performance.now() < end;) {
    interrupted.throwIfAborted();
    await sleep(QUIET_MS);
    // of all that could run now, one is who asks: `0.20 0.18 0.12 1/80 11206`
    const [, running] =
      Deno.readTextFileSync("/proc/loadavg").match(/(\d+)\//) ??
        [];
    looks = Number(running) <= 1 ? looks + 1 : 0;
  }
}

/** Starts a program, which is ended with SIGTERM when it is disposed of. */
export function startDaemon(
  [program = "", ...args]: readonly string[],
  output: Output = "nowhere",
): Daemon {
  const child = new Deno.Command(program, {
    args,
    env: { NO_COLOR: "1" },
    stdin: output === "lines" ? "piped" : "null",
    stdout: output === "lines" ? "piped" : "null",
    stderr: "null",
    signal: interrupted,
  }).spawn();
  const lines = output === "lines"
    ? child.stdout.pipeThrough(new TextDecoderStream()).getReader()
    : undefined;
  const input = output === "lines" ? child.stdin.getWriter() : undefined;
  let text = "";
  return {
    pid: child.pid,
    ended: child.status,
    line: async () => {
      while (!text.includes("\n")) {
        const { done, value } = await lines?.read() ?? { done: true };
        if (done) return undefined;
        text += value;
      }
      const [first, ...rest] = text.split("\n");
      text = rest.join("\n");
      return first;
    },
    tell: async (words) => await input?.write(new TextEncoder().encode(words)),
    [Symbol.asyncDispose]: async () => {
      try {
        child.kill("SIGTERM");
      } catch {
        // it has ended already
      }
      await child.status;
      await lines?.cancel();
      await input?.abort().catch(() => {});
    },
  };
}

/** Starts a program and waits until it listens on a port. */
export async function startListener(
  command: readonly string[],
  port: string,
): Promise<Daemon> {
  const daemon = startDaemon(command);
  let ended = false;
  void daemon.ended.then(() => ended = true);
  await until(`${command.join(" ")} to listen`, () => {
    if (ended) throw new Error(`Cannot use ${command.join(" ")}: it ended`);
    return isListening(Number(port));
  });
  return daemon;
}

/** Whether somebody listens on a port, found without connecting to it. */
export async function isListening(port: number): Promise<boolean> {
  const wanted = `:${port.toString(16).toUpperCase().padStart(4, "0")} `;
  for (const table of ["/proc/net/tcp", "/proc/net/tcp6"]) {
    const sockets = (await Deno.readTextFile(table)).split("\n");
    // 0A is LISTEN
    if (
      sockets.some((row) =>
        row.slice(0, 60).includes(wanted) && / 0A /.test(row)
      )
    ) return true;
  }
  return false;
}

/** CPU time of a process and of the children that it has waited for, in ms. */
export async function cpuOf(pid: number): Promise<number> {
  const stat = await Deno.readTextFile(`/proc/${pid}/stat`);
  const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
  // utime, stime, cutime and cstime, in ticks of 10 ms
  return fields.slice(11, 15).reduce((sum, field) => sum + Number(field), 0) *
    10;
}

/** Resident memory of a process, in bytes: now (`VmRSS`) or at its peak (`VmHWM`). */
export async function memoryOf(
  pid: number,
  which: "VmRSS" | "VmHWM" = "VmRSS",
): Promise<number> {
  const status = await Deno.readTextFile(`/proc/${pid}/status`);
  return Number(status.match(`${which}:\\s+(\\d+) kB`)?.[1]) * 1024;
}

/** How many files and sockets a process has open. */
export async function openFilesOf(pid: number): Promise<number> {
  let count = 0;
  for await (const _ of Deno.readDir(`/proc/${pid}/fd`)) count++;
  return count;
}
