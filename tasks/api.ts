/**
 * `api`: JSONPlaceholder on this machine, which keeps what is written; and what it is made of, to embed it.
 *
 * @module
 */

import { defineCommand, runCommand } from "../lib/cli/command.ts";
import type { ExitCode } from "../lib/cli/errors.ts";
import type { Io } from "../lib/cli/io.ts";
import { processIo } from "../lib/cli/process.ts";
import { API_HINTS, API_OPTIONS, apiPermissions, runApi } from "./api/api.ts";

export { createHandler } from "./api/handler.ts";
export type { Middleware } from "./api/middleware/middleware.ts";
export { openStore } from "./api/store/sqlite.ts";

const command = defineCommand({
  name: "api",
  summary:
    "Serve JSONPlaceholder's resources over HTTP, and keep what is written.",
  usage: "[db.json|data.ts|FILE.db]",
  examples: [
    ["api", "http://localhost:3000, kept in hark.db"],
    ["api --memory --port 0", "kept nowhere, on a free port"],
    ["api db.json", "json-server's file, imported into db.db once"],
    ["api a.db --from :3000", "a copy of another api"],
  ],
  options: API_OPTIONS,
  hints: API_HINTS,
  permissions: ({ options, operands }) => apiPermissions(options, operands),
  run: runApi,
});

/** Runs `api` and resolves to its exit code. */
export function main(args: readonly string[], io: Io): Promise<ExitCode> {
  return runCommand(command, args, io);
}

if (import.meta.main) Deno.exit(await main(Deno.args, processIo()));
