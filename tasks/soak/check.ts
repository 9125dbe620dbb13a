/**
 * What a soak check is, and what most of them use.
 *
 * @module
 */

import { type Listener, memoryOf, startListener } from "../../tests/daemon.ts";
import { hark } from "../bench/contenders.ts";

/** One thing to check in full size. */
export interface Check {
  readonly name: string;
  /** Programs without which it is skipped. */
  readonly needs?: readonly string[];
  /** In an empty folder, for so many minutes where it has no size of its own. Resolves to what it found, or throws. */
  readonly run: (folder: string, minutes: number) => Promise<string>;
}

/** Throws where something is not so. */
export function demand(isSo: boolean, what: string): void {
  if (!isSo) throw new Error(what);
}

/** Starts a task on a free port. */
export function start(task: string, ...args: string[]): Promise<Listener> {
  return startListener([...hark(task), ...args, "--port", "PORT"]);
}

/** Memory of a process, or its peak, in MiB. */
export async function mebibytesOf(
  pid: number,
  which?: "VmHWM",
): Promise<number> {
  return await memoryOf(pid, which) / 2 ** 20;
}
