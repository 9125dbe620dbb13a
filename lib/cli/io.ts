/**
 * What a command reads from, writes to and may reach: the process's own streams, or memory in tests and the demo.
 *
 * @module
 */

export interface Io {
  readonly stdin: Input;
  /** The result, byte for byte. */
  readonly stdout: Output;
  /** Everything said to a person, and lost where nobody reads it: a write never fails. On the terminal of stdout too each begins a line of its own, and one of nothing ends a line that stdout has begun. */
  readonly stderr: Output;
  /** Asks for a secret, in one line and without an echo; resolves to undefined where there is no terminal to ask on. */
  readonly askSecret: (question: string) => Promise<string | undefined>;
  /** Aborted, with the exit code as its reason, by the first Ctrl-C or SIGTERM after {@linkcode Io.drain}; until then a signal ends the process. */
  readonly signal: AbortSignal;
  /** Says that this command finishes its work on a first signal; a second one still ends the process. */
  readonly drain: () => void;
}

export interface Input {
  readonly isTerminal: boolean;
  /** Reads up to `buffer.length` bytes; resolves to their number, or to null at the end. */
  readonly read: (buffer: Uint8Array<ArrayBuffer>) => Promise<number | null>;
  /** Looks what it is, without reading: undefined where it is neither a file nor a pipe. */
  readonly look?: () => Promise<
    {
      readonly isSocket?: boolean;
      /** A file alone has a size, and is read from a place on without moving. */
      readonly size?: number;
      readonly readAt?: (buffer: Uint8Array, at: number) => number;
    } | undefined
  >;
}

/** Where bytes go. Both writes write all of it and throw {@linkcode ClosedOutput} when nobody reads on. */
export interface Output {
  readonly isTerminal: boolean;
  readonly color: boolean;
  /** The width, 80 where it is not known. */
  readonly columns: number;
  /** Writes, blocking while the reader is slow: the fastest way. Only a stream that cannot block gives a promise. */
  readonly write: (bytes: Uint8Array) => Promise<void> | void;
  /** Writes without blocking: for whoever must attend to something else meanwhile. */
  readonly writeLater: (bytes: Uint8Array) => Promise<void>;
}

/** Thrown by a write that nobody reads any more, as under `| head -1`: a command then ends quietly, which no socket's error makes it do. */
export class ClosedOutput extends Error {
  override name = "ClosedOutput";

  constructor(output: string) {
    super(`Cannot write to ${output}: the reader is gone`);
  }
}

const encoder = new TextEncoder();

/** Writes a text as UTF-8. */
export function print(
  output: Pick<Output, "write">,
  text: string,
): Promise<void> | void {
  return output.write(encoder.encode(text));
}

/** What may be reached: hosts with their ports (`example.com:443`, `unix:/path`), files to read, files to write. */
export interface Permissions {
  readonly net?: readonly string[];
  readonly read?: readonly string[];
  readonly write?: readonly string[];
}

/** Prints a text that holds what others wrote: a terminal does not obey it. */
export async function printSafe(
  output: Pick<Output, "isTerminal" | "write">,
  text: string,
): Promise<void> {
  await print(output, output.isTerminal ? escapeControls(text) : text);
}

/** Shows controls as `\x1b` or `\u202e`: none moves a cursor or reorders what is read. Tabs and newlines stay; the CR of a CRLF is dropped. */
export function escapeControls(text: string): string {
  return text.replaceAll("\r\n", "\n").replace(CONTROLS, (control) => {
    const hex = control.charCodeAt(0).toString(16);
    return hex.length > 2
      ? `\\u${hex.padStart(4, "0")}`
      : `\\x${hex.padStart(2, "0")}`;
  });
}

// C0 but tab and newline, DEL, C1, and the bidi controls of Unicode TR 9 that can reorder what a person reads
const CONTROLS =
  // deno-lint-ignore no-control-regex
  /[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069]/g;

/** A decoder of UTF-8 for a terminal: split characters stay whole, bad bytes become U+FFFD, controls are shown; without a chunk it gives what was held back. */
export function createSafeDecoder(): (chunk?: Uint8Array) => string {
  const decoder = new TextDecoder();
  let held = "";
  return (chunk) => {
    const stream = chunk !== undefined;
    const whole = held + decoder.decode(chunk, { stream });
    // a CR waits for what follows it: only CRLF is a newline
    held = stream && whole.endsWith("\r") ? "\r" : "";
    return escapeControls(held === "" ? whole : whole.slice(0, -1));
  };
}
