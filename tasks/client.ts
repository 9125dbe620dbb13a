/**
 * `client`: connects to a TCP server.
 *
 * @module
 */

import { defineCommand, runCommand } from "../lib/cli/command.ts";
import type { ExitCode } from "../lib/cli/errors.ts";
import type { Io } from "../lib/cli/io.ts";
import { processIo } from "../lib/cli/process.ts";
import { runClient } from "./client/client.ts";
import { CLIENT_OPTIONS, clientPermissions } from "./client/options.ts";

const command = defineCommand({
  name: "client",
  summary: "Connect to a TCP server and print what it says.",
  usage: "[HOST:PORT | HOST PORT | unix:PATH]",
  examples: [
    ["client", "the tutorial's: localhost:12345"],
    ["client localhost 7000", "what you type is sent, by lines"],
    ["client --pipe localhost:7000", "stdin and stdout, as nc does"],
    ["client --check 20-25,80 localhost", "are they open?"],
    ["client --wait 30 --check :5432", "until it accepts"],
  ],
  options: CLIENT_OPTIONS,
  permissions: clientPermissions,
  run: runClient,
});

/** Runs `client` and resolves to its exit code. */
export function main(args: readonly string[], io: Io): Promise<ExitCode> {
  const hints = async () =>
    (await import("./client/hints.ts")).clientHints(args);
  return runCommand({ ...command, hints }, args, io);
}

if (import.meta.main) Deno.exit(await main(Deno.args, processIo()));
