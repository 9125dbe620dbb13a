/**
 * A process edge in memory, for tests and the demo: a command runs in process, and what it writes is captured.
 *
 * @module
 */

import { concat } from "@std/bytes/concat";
import { ExitCode } from "../../lib/cli/errors.ts";
import { ClosedOutput, type Io, type Output } from "../../lib/cli/io.ts";

/** The `main` of a command. */
export type Main = (args: readonly string[], io: Io) => Promise<number>;

/** What stands around a command in a test. */
export interface MemoryOptions {
  /** What it reads: one piece, or pieces, each read by itself; an async iterable may wait between them. */
  readonly stdin?: string | Uint8Array | Pieces;
  /** Which streams are terminals: all, none or those named. Default: none. */
  readonly terminal?:
    | boolean
    | { readonly [stream in "stdin" | "stdout" | "stderr"]?: boolean };
  /** What a person types when asked for a secret; without it there is nobody to ask. */
  readonly secret?: string;
  /** Nobody reads stdout after this many bytes: the write that goes beyond throws ClosedOutput. */
  readonly closedStdout?: number;
}

type Pieces =
  | Iterable<string | Uint8Array>
  | AsyncIterable<string | Uint8Array>;

export interface Result {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
  readonly stdoutBytes: Uint8Array<ArrayBuffer>;
}

/** A process edge in memory: `io` for the command, the rest for the test. */
interface MemoryIo {
  readonly io: Io;
  readonly stdout: Capture;
  readonly stderr: Capture;
  /** Aborts `io.signal` as a first Ctrl-C does for a command that drains, or with another signal's code. */
  readonly interrupt: (code?: ExitCode) => void;
  /** Whether the command has called `io.drain()`: where it has not, a real signal would have ended the process. */
  readonly drains: () => boolean;
}

/** Runs a command in process to its end. */
export function run(
  main: Main,
  args: readonly string[],
  options: MemoryOptions = {},
): Promise<Result> {
  return start(main, args, options).result;
}

/** Starts a command in process; when it ended, `result` resolves, and whoever waits for more of its output fails. */
export function start(
  main: Main,
  args: readonly string[],
  options: MemoryOptions = {},
): MemoryIo & { readonly result: Promise<Result> } {
  const memory = createMemoryIo(options);
  const { stdout, stderr } = memory;
  const result = main(args, memory.io)
    .then((code) => ({ code, ...resultOf(stdout, stderr) }))
    .finally(() => [stdout, stderr].forEach((capture) => capture.end()));
  return { ...memory, result };
}

/** What was written, as a {@linkcode Result} but for the exit code. */
export function resultOf(
  stdout: Capture,
  stderr: Capture,
): Omit<Result, "code"> {
  return {
    stdout: stdout.text,
    stderr: stderr.text,
    stdoutBytes: stdout.bytes,
  };
}

/** Makes a process edge in memory. */
export function createMemoryIo(options: MemoryOptions = {}): MemoryIo {
  const { terminal = false } = options;
  const is = (stream: "stdin" | "stdout" | "stderr") =>
    typeof terminal === "boolean" ? terminal : terminal[stream] ?? false;
  const controller = new AbortController();
  const [stdout, stderr] = [new Capture(), new Capture()];
  let draining = false;
  return {
    io: {
      stdin: createStdin(is("stdin"), options.stdin),
      stdout: createOutput(stdout, is("stdout"), options.closedStdout),
      stderr: createOutput(stderr, is("stderr")),
      askSecret: (question) => {
        if (options.secret !== undefined) stderr.add(encode(`${question} \n`));
        return Promise.resolve(options.secret);
      },
      signal: controller.signal,
      drain: () => draining = true,
    },
    stdout,
    stderr,
    interrupt: (code = ExitCode.Interrupted) => controller.abort(code),
    drains: () => draining,
  };
}

const NOTHING: readonly string[] = [];

function createStdin(
  isTerminal: boolean,
  stdin: MemoryOptions["stdin"] = NOTHING,
): Io["stdin"] {
  const pieces = piecesOf(stdin);
  let rest = new Uint8Array();
  return {
    isTerminal,
    look: () => Promise.resolve(stdin === NOTHING ? undefined : {}),
    read: async (buffer) => {
      // a terminal at which nobody types
      if (isTerminal && stdin === NOTHING) return await new Promise(() => {});
      if (rest.length === 0) {
        const { done, value } = await pieces.next();
        if (done) return null;
        rest = new Uint8Array(value);
      }
      const part = rest.subarray(0, buffer.length);
      buffer.set(part);
      rest = rest.subarray(part.length);
      return part.length;
    },
  };
}

/** The pieces of an input as bytes, one after the other; empty ones are left out. */
export async function* piecesOf(
  stdin: string | Uint8Array | Pieces,
): AsyncGenerator<Uint8Array> {
  const pieces = typeof stdin === "string" || stdin instanceof Uint8Array
    ? [stdin]
    : stdin;
  for await (const piece of pieces) if (piece.length > 0) yield encode(piece);
}

const encode = (piece: string | Uint8Array) =>
  typeof piece === "string" ? new TextEncoder().encode(piece) : piece;

function createOutput(
  capture: Capture,
  isTerminal: boolean,
  limit = Infinity,
): Output {
  const write = (bytes: Uint8Array) => {
    const room = limit - capture.size;
    capture.add(bytes.slice(0, room));
    if (bytes.length > room) throw new ClosedOutput("stdout");
  };
  return {
    isTerminal,
    color: isTerminal,
    columns: 80,
    write,
    writeLater: (bytes) => Promise.resolve(bytes).then(write),
  };
}

/** Bytes that were written, and a way to wait for some of them. */
export class Capture {
  #chunks: Uint8Array[] = [];
  #size = 0;
  #ended = false;
  readonly #waiting = new Set<() => void>();

  add(bytes: Uint8Array): void {
    this.#chunks.push(bytes.slice());
    this.#size += bytes.length;
    for (const look of this.#waiting) look();
  }

  /** Says that nothing more will come: whoever still waits fails. */
  end(): void {
    this.#ended = true;
    for (const look of this.#waiting) look();
  }

  get size(): number {
    return this.#size;
  }

  get bytes(): Uint8Array<ArrayBuffer> {
    const all = concat(this.#chunks);
    this.#chunks = [all];
    return all;
  }

  get text(): string {
    return new TextDecoder().decode(this.bytes);
  }

  /** Resolves to all that was written once it contains the text or matches; rejects when the output ends without it. */
  waitFor(wanted: string | RegExp): Promise<string> {
    return new Promise((resolve, reject) => {
      const look = () => {
        const { text } = this;
        const found = typeof wanted === "string"
          ? text.includes(wanted)
          : wanted.test(text);
        if (!found && !this.#ended) return;
        this.#waiting.delete(look);
        if (found) return resolve(text);
        reject(
          new Error(
            `Cannot find ${Deno.inspect(wanted)} in ${Deno.inspect(text)}`,
          ),
        );
      };
      this.#waiting.add(look);
      look();
    });
  }
}
