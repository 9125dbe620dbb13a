/**
 * A secret, asked for on the terminal.
 *
 * @module
 */

import { promptSecret } from "@std/cli/prompt-secret";
import { Failure } from "./errors.ts";
import { ExitCode } from "./exit_code.ts";

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
 *
 * @example On a terminal
 * ```ts ignore
 * const password = promptOn("Password:", Deno);
 * ```
 */
export function promptOn(
  question: string,
  { stdin, stdout, stderr }: PromptStreams,
): string | undefined {
  if (!stdin.isTerminal() || !stderr.isTerminal()) return undefined;
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
