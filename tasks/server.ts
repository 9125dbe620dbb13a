/**
 * `server`: serves TCP clients.
 *
 * @module
 */

import { defineCommand, runCommand } from "../lib/cli/command.ts";
import type { ExitCode } from "../lib/cli/errors.ts";
import type { Io } from "../lib/cli/io.ts";
import { processIo } from "../lib/cli/process.ts";
import { SERVER_OPTIONS, serverPermissions } from "./server/options.ts";
import { runServer } from "./server/server.ts";

const command = defineCommand({
  name: "server",
  summary:
    "Serve TCP, UDP or WebSocket clients on localhost:12345, or where you say.",
  usage: "[MODE]",
  examples: [
    ["server", "says Hello, Client! to each"],
    ["server --ws chat", "the same modes, for messages"],
  ],
  operands: {
    Modes: [
      ["greet", "Send --message or --file, and close: the default"],
      ["echo", "Send back what comes"],
      ["discard", "Receive and count"],
      ["pipe", "Join one client to stdin and stdout"],
      ["chat", "Pass each client's lines on to all others"],
      [
        "relay TARGET",
        "Pass all on to HOST:PORT, tls:HOST:PORT, unix:PATH, ws://",
      ],
    ],
  },
  exitCodes: [0, 1, 2, 6, 130, 143],
  options: SERVER_OPTIONS,
  common: ["host", "port", "message", "file", "once", "tls"],
  permissions: serverPermissions,
  run: runServer,
});

/** Runs `server` and resolves to its exit code. */
export function main(args: readonly string[], io: Io): Promise<ExitCode> {
  const hints = async () =>
    (await import("./server/hints.ts")).serverHints(args);
  return runCommand({ ...command, hints }, args, io);
}

if (import.meta.main) Deno.exit(await main(Deno.args, processIo()));
