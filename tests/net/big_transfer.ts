// deno-coverage-ignore-file
/**
 * Big transfers, compared by their SHA-256: a file of random bytes goes through a program and comes out again.
 *
 * @module
 */

import { spawnProgram } from "../support.ts";

/** A shell's pipeline: a program with a file as its input, and the hash of what it prints. */
const PIPELINE =
  'FILE=$1; shift; { "$@" < "$FILE" || echo "exit $?" >&2; } | sha256sum';

async function output(args: readonly string[]): Promise<string> {
  const { code, stdout, stderr } = await spawnProgram("sh", args).result;
  if (code !== 0 || stderr !== "") throw new Error(`${code}: ${stderr}`);
  return stdout.slice(0, 64);
}

/** Fills a file with random bytes and gives its SHA-256. */
export function makeRandomFile(path: string, bytes: number): Promise<string> {
  const script = 'head -c "$1" /dev/urandom | tee "$2" | sha256sum';
  return output(["-c", script, "sh", `${bytes}`, path]);
}

/** The SHA-256 of what a program prints when it reads a file; it must say nothing and end well. */
export function hashThrough(
  command: readonly string[],
  path: string,
): Promise<string> {
  return output(["-c", PIPELINE, "sh", path, ...command]);
}
