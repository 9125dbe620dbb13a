/**
 * What a soak check is, and the server that most of them look at.
 *
 * @module
 */

import { getAvailablePort } from "@std/net/get-available-port";
import { type Daemon, startListener } from "../../tests/daemon.ts";
import { harkCommand } from "../bench/contender.ts";

/** One thing to check in full size. */
export interface Check {
  /** What is checked. */
  readonly name: string;
  /** Programs without which it is skipped. */
  readonly needs?: readonly string[];
  /**
   * Does it, in an empty folder, for so many minutes where it has no size of its own, and resolves to what was
   * measured; throws where it is not as it should be.
   */
  readonly run: (folder: string, minutes: number) => Promise<string>;
}

/** Throws where something is not so. */
export function demand(isSo: boolean, what: string): void {
  if (!isSo) throw new Error(what);
}

/** Starts our server on a free port. */
export async function startServer(
  ...args: string[]
): Promise<{ readonly port: string; readonly server: Daemon }> {
  const port = String(getAvailablePort());
  const command = harkCommand("server", ...args, "--port", port);
  return { port, server: await startListener(command, port) };
}
