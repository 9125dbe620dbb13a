/**
 * The edge of a real process: its streams and its signals.
 *
 * @module
 */

import { ExitCode, Failure } from "./errors.ts";
import { ClosedOutput, type Input, type Io, type Output, print } from "./io.ts";

/** The process's own streams and signals. Ctrl-C and SIGTERM end it at once with 130 and 143, unless the command drains. */
export function processIo(): Io {
  const stderr = createOutput("stderr", Deno.stderr);
  if (!Deno.build.standalone) print(stderr, warningOf(Deno.version.deno));
  return {
    stdin: {
      isTerminal: Deno.stdin.isTerminal(),
      read: (buffer) =>
        Deno.stdin.read(buffer).catch((cause) => {
          throw new Failure("Cannot read stdin", { cause });
        }),
      // it may be closed
      look: () => look().catch(() => undefined),
    },
    stdout: createOutput("stdout", Deno.stdout),
    stderr,
    askSecret,
    ...createSignals(),
  };
}

/** Outlives its terminal, as under nohup, whose ignoring of SIGHUP Deno resets; but ends with 129 where stdout is a pipe, whose reader may be gone. */
function outlive(): void {
  const { stdin, stdout, stderr } = Deno;
  if ([stdin, stdout, stderr].some((stream) => stream.isTerminal())) return;
  Deno.addSignalListener("SIGHUP", async () => {
    // costs 40 ms to load
    const stdout = (await import("node:fs")).fstatSync(1);
    if (!stdout.isFile() && !stdout.isCharacterDevice()) Deno.exit(129);
  });
}

/** Node's way to an open descriptor needs no permission, and alone reads a file from a place on. */
async function look(): ReturnType<NonNullable<Input["look"]>> {
  const { fstatSync, readSync } = await import("node:fs");
  const stdin = fstatSync(0);
  if (!stdin.isFile()) {
    const isSocket = stdin.isSocket();
    return isSocket || stdin.isFIFO() ? { isSocket } : undefined;
  }
  return {
    size: stdin.size,
    readAt: (buffer, at) => readSync(0, buffer, 0, buffer.length, at),
  };
}

/** The Deno that hark is made for; a binary brings its own. */
const FLOOR = "2.9.6";

/** What an older Deno breaks, in one line. */
export function warningOf(deno: string): string {
  const order = (version: string) =>
    version.split(".").reduce((sum, part) => sum * 1000 + parseInt(part), 0);
  if (order(deno) >= order(FLOOR)) return "";
  const why = order(deno) < order("2.8.3")
    ? "cannot load all of it"
    : "breaks keep-alive and streamed bodies (denoland/deno#36657, #36624)";
  return `hark: made for Deno ${FLOOR} or later; ${deno} ${why}\n`;
}

/** A terminal may deliver one Ctrl-C twice, itself and through the task runner, about 1 ms apart. */
const SECOND_SIGNAL_MS = 200;

/** Until a command drains, the system ends the process, at once even while a write is blocked, with 130 or 143; on Windows a listener does. */
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
    if (draining) return;
    draining = true;
    if (early) return;
    listenAll();
    outlive();
  };
  return { signal: controller.signal, drain };
}

/** Ctrl-C and Ctrl-D. */
const ENDS = [3, 4];

/** Asks for a secret without an echo; gives undefined where there is no terminal to ask on. Ctrl-C and Ctrl-D are a Failure of code 130. */
async function askSecret(question: string): Promise<string | undefined> {
  const { stdin, stdout, stderr } = Deno;
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

/** One of the process's own streams: a write takes some of the bytes, or throws WouldBlock, and gives how many. */
export type Stream = Pick<
  typeof Deno.stdout,
  "isTerminal" | "write" | "writeSync"
>;

/** How often a full pipe that does not block is tried again, in ms. */
const RETRY_MS = 5;

/** A pipe takes a write of so many bytes whole or not at all (PIPE_BUF of pipe(7); POSIX grants 512). */
const WHOLE_BYTES = Deno.build.os === "linux" ? 4096 : 512;

/** A shorter text is kept there. */
const KEPT_BYTES = 1024;

/** What was never full after so many bytes is taken for a file, or for a pipe that blocks: it gets large parts. */
const TRIAL_BYTES = 64 * 1024 * 1024;

/** The same where every part costs a turn of the event loop. */
const LATER_TRIAL_BYTES = 4 * 1024 * 1024;

const NEWLINE = 10;

/** Whether stdout has begun the line that the terminal is in. */
let isBegun = false;

/** Makes an output of one of the process's streams. What is said on stderr is a courtesy: where its reader is gone, it alone is lost. */
export function createOutput(name: string, stream: Stream): Output {
  const isTerminal = stream.isTerminal();
  let written = 0;
  let wasFull = false;

  /** Where both outputs are the terminal, what is said there begins a line of its own. */
  function place(bytes: Uint8Array): Uint8Array {
    if (!isTerminal) return bytes;
    const isSaid = isBegun && name === "stderr";
    isBegun = name === "stdout" && (bytes.at(-1) ?? NEWLINE) !== NEWLINE;
    if (!isSaid) return bytes;
    const line = new Uint8Array(1 + bytes.length).fill(NEWLINE, 0, 1);
    line.set(bytes, 1);
    return line;
  }

  /** What to write next into a pipe: short, up to its last newline, as far as Rust's stdout writes at once, so that a failure says how much was taken. */
  function next(bytes: Uint8Array, from: number, trial: number): Uint8Array {
    if (!wasFull && written >= trial) return bytes.subarray(from);
    const part = bytes.subarray(from, from + WHOLE_BYTES);
    const newline = part.lastIndexOf(NEWLINE);
    return newline === -1 ? part : part.subarray(0, newline + 1);
  }

  function took(bytes: number): number {
    written += bytes;
    return bytes;
  }

  /** Goes on only where the stream is full, and it is known how much of the part it took. */
  function check(error: unknown, part: Uint8Array): void {
    if (error instanceof Deno.errors.BrokenPipe) throw new ClosedOutput(name);
    wasFull = error instanceof Deno.errors.WouldBlock;
    if (!wasFull) {
      throw new Failure(`Cannot write to ${name}`, { cause: error });
    }
    if (part.length > WHOLE_BYTES && part.includes(NEWLINE)) {
      throw new Failure(
        `Cannot write to ${name}: it is full and does not block`,
      );
    }
  }

  async function retry(part: Uint8Array): Promise<void> {
    // Rust's standard output keeps a short text without a newline in its buffer when it cannot be written
    const isKept = part.length < KEPT_BYTES && part.at(-1) !== NEWLINE;
    for (let rest = isKept ? new Uint8Array() : part;;) {
      await new Promise((resolve) => setTimeout(resolve, RETRY_MS));
      try {
        const count = stream.writeSync(rest);
        if (count === rest.length) return;
        rest = rest.subarray(count);
      } catch (error) {
        check(error, rest);
      }
    }
  }

  function write(bytes: Uint8Array, from = 0): Promise<void> | void {
    for (let done = from; done < bytes.length;) {
      const part = next(bytes, done, TRIAL_BYTES);
      try {
        done += took(stream.writeSync(part));
      } catch (error) {
        check(error, part);
        return retry(part).then(() => write(bytes, done + part.length));
      }
    }
  }

  async function writeLater(bytes: Uint8Array): Promise<void> {
    for (let done = 0; done < bytes.length;) {
      // what was full does not block
      if (wasFull) return await write(bytes, done);
      const part = next(bytes, done, LATER_TRIAL_BYTES);
      try {
        done += took(await stream.write(part));
      } catch (error) {
        check(error, part);
        await retry(part);
        done += part.length;
      }
    }
  }

  function lose(error: unknown): void {
    if (name !== "stderr") throw error;
  }

  return {
    isTerminal,
    color: isTerminal && !Deno.noColor,
    get columns() {
      return isTerminal ? Deno.consoleSize().columns : 80;
    },
    write(bytes) {
      try {
        return write(place(bytes))?.catch(lose);
      } catch (error) {
        lose(error);
      }
    },
    writeLater: (bytes) => writeLater(place(bytes)).catch(lose),
  };
}
