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
import { CLIENT_OPTIONS } from "./client/options.ts";

const command = defineCommand({
  name: "client",
  summary: "Connect to a TCP, UDP or WebSocket server and print what it says.",
  usage: "[[udp:]HOST:PORT | unix:PATH | ws[s]://URL]",
  examples: [
    ["client", "talk with localhost:12345"],
    ["client --pipe :7000", "stdin there, stdout from there"],
    ["client --check db:5432 cache:6379", "are both open?"],
    ["client ws://localhost:3000/feed", "the messages of a WebSocket"],
  ],
  exitCodes: [0, 1, 2, 3, 4, 5, 6, 7, 18, 28, 60, 130, 143],
  options: CLIENT_OPTIONS,
  common: [
    ...["pipe", "send", "timeout", "wait", "check", "proxy"] as const,
    ...["tls", "pin", "dump", "json"] as const,
  ],
  permissions: async (line) =>
    (await import("./client/targets.ts")).clientPermissions(line),
  run: runClient,
});

/** Runs `client` and resolves to its exit code. */
export function main(args: readonly string[], io: Io): Promise<ExitCode> {
  const hints = async () =>
    (await import("./client/hints.ts")).clientHints(args);
  return runCommand({ ...command, hints }, args, io);
}

if (import.meta.main) Deno.exit(await main(Deno.args, processIo()));
