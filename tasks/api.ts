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
    ["api db.json", "json-server's file, kept in db.db"],
  ],
  operands: {
    Paths: [
      ["/posts, /posts/1", "Resources: GET, POST, PUT, PATCH, DELETE"],
      ["/posts?userId=1", "Filters, order, pages"],
      ["/", "A page to try requests on; /openapi.json describes all"],
      ["/@name/posts", "A private copy, in memory"],
    ],
  },
  options: API_OPTIONS,
  common: [
    ...["port", "memory", "watch", "reset", "from"] as const,
    ...["with", "static", "origin"] as const,
  ],
  hints: API_HINTS,
  permissions: ({ options, operands }) => apiPermissions(options, operands),
  run: runApi,
});

/** Runs `api` and resolves to its exit code. */
export function main(args: readonly string[], io: Io): Promise<ExitCode> {
  return runCommand(command, args, io);
}

if (import.meta.main) Deno.exit(await main(Deno.args, processIo()));
