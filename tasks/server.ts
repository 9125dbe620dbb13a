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
    "Serve TCP clients: greet each one and close, or what the mode says.",
  usage: "[greet|echo|discard|pipe|chat|relay TARGET]",
  examples: [
    ["server", "the tutorial's: localhost:12345"],
    ["server pipe -p 0", "stdin and stdout, for one client"],
    ["server --tls --file a.zip", "a file, encrypted"],
    [
      "server relay tls:a.example:443",
      "TLS starts here; or unix:PATH, HOST:PORT",
    ],
  ],
  options: SERVER_OPTIONS,
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
