// deno-coverage-ignore-file
/**
 * Programs that run beside others: started, waited for, looked at through /proc, ended.
 *
 * @module
 */

import { getAvailablePort } from "@std/net/get-available-port";
import { interrupted } from "./program.ts";

/** A program that runs. */
export interface Daemon extends AsyncDisposable {
  readonly pid: number;
  /** The next line that it printed; undefined at the end, and where nobody listens to it. */
  readonly line: () => Promise<string | undefined>;
  readonly ended: Promise<unknown>;
}

const POLL_MS = 2;
const LONGEST_MS = 30_000;

/** Waits some ms, where time itself is what a test is about. */
export const sleep = (ms: number): Promise<void> =>
  new Promise((resolve) => setTimeout(resolve, ms));

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

/** Where the output of a program goes. */
type Output = "lines" | "nowhere";

/** Starts a program, which is ended with SIGTERM when it is disposed of. */
export function startDaemon(
  [program = "", ...args]: readonly string[],
  output: Output = "nowhere",
): Daemon {
  const child = new Deno.Command(program, {
    args,
    env: { NO_COLOR: "1" },
    stdin: "null",
    stdout: output === "lines" ? "piped" : "null",
    stderr: "null",
    signal: interrupted,
  }).spawn();
  const lines = output === "lines"
    ? child.stdout.pipeThrough(new TextDecoderStream()).getReader()
    : undefined;
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
    [Symbol.asyncDispose]: async () => {
      try {
        child.kill("SIGTERM");
      } catch {
        // it has ended already
      }
      await child.status;
      await lines?.cancel();
    },
  };
}

/** A program that listens. */
export interface Listener extends Daemon {
  readonly port: number;
}

/** Starts a program and waits until it listens on a port, which takes the place of `PORT` in its words. */
export async function startListener(
  command: readonly string[],
  output?: Output,
  port = getAvailablePort(),
): Promise<Listener> {
  const words = command.map((word) => word.replaceAll("PORT", `${port}`));
  const daemon = startDaemon(words, output);
  let ended = false;
  void daemon.ended.then(() => ended = true);
  await until(`${words.join(" ")} to listen`, () => {
    if (ended) throw new Error(`Cannot use ${words.join(" ")}: it ended`);
    return isListening(port);
  });
  return { ...daemon, port };
}

/** Whether somebody listens on a port; on Linux found without connecting to it, since some serve but one client. */
export async function isListening(port: number): Promise<boolean> {
  if (Deno.build.os !== "linux") {
    return await connect(port)
      .then((conn) => (conn.close(), true), () => false);
  }
  const hex = port.toString(16).toUpperCase().padStart(4, "0");
  // the local address, the remote one, and 0A, which is LISTEN
  const row = RegExp(`^ *\\d+: \\w+:${hex} \\w+:0000 0A `, "m");
  return row.test(await Deno.readTextFile("/proc/net/tcp")) ||
    row.test(await Deno.readTextFile("/proc/net/tcp6"));
}

/** Connects to a port of 127.0.0.1. */
export function connect(port: number): Promise<Deno.TcpConn> {
  return Deno.connect({ hostname: "127.0.0.1", port });
}

/** The same so many times, one after the other: more at once than wait in a queue would take seconds. */
export async function connectMany(
  port: number,
  count: number,
): Promise<Deno.TcpConn[]> {
  const conns: Deno.TcpConn[] = [];
  while (conns.length < count) conns.push(await connect(port));
  return conns;
}

/** CPU time of a process and of the children that it has waited for, in ms. */
export async function cpuOf(pid: number): Promise<number> {
  const stat = await Deno.readTextFile(`/proc/${pid}/stat`);
  const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
  // utime, stime, cutime and cstime, in ticks of 10 ms
  return fields.slice(11, 15).reduce((sum, it) => sum + Number(it) * 10, 0);
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
  return (await Array.fromAsync(Deno.readDir(`/proc/${pid}/fd`))).length;
}
