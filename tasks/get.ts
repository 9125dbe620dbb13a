/**
 * `get`: gets a URL.
 *
 * @module
 */

import { defineCommand, runCommand } from "../lib/cli/command.ts";
import { type ExitCode, UsageError } from "../lib/cli/errors.ts";
import type { Io } from "../lib/cli/io.ts";
import { processIo } from "../lib/cli/process.ts";
import { COMMAND, runExchange } from "./get/get.ts";
import { type Asked, parseOperands, splitUrls } from "./get/url.ts";

const command = defineCommand({
  name: "get",
  summary: "Get a URL: its status on stderr, its body on stdout.",
  usage: "[URL...] [Header:value] [name==value]",
  examples: [
    ["get", "posts of JSONPlaceholder"],
    ["get :3000/posts userId==1", "on this machine, with a query"],
    ["get example.com/a Accept:text/plain", "with a header"],
  ],
  ...COMMAND,
  common: [
    ...[
      "method",
      "auth",
      "include",
      "verbose",
      "explain",
      "raw",
      "pick",
    ] as const,
    ...["output", "remoteName", "timeout", "insecure"] as const,
  ],
  async run({ options, operands }, io, report) {
    const [first = [], ...others] = splitUrls(operands);
    if (others.length === 0) {
      return await runExchange(await readCall(first, options), options, io);
    }
    if (options.output !== undefined) {
      throw new UsageError("Cannot save several URLs to one file", {
        hint: "-O saves each under its own name",
      });
    }
    const calls = [];
    for (const each of [first, ...others]) {
      calls.push(await readCall(each, options));
    }
    const { runEach } = await import("./get/send/several.ts");
    return await runEach(calls, options, io, runExchange, report);
  },
});

/** Reads the operands of one call, which has no body. */
async function readCall(
  operands: readonly string[],
  { method = "GET" }: { readonly method: string | undefined },
): Promise<Asked> {
  const parsed = await parseOperands(operands);
  const { fields: [field], raw } = parsed;
  if (field === undefined && raw === undefined) return { ...parsed, method };
  const { formatItem } = await import("./get/items.ts");
  throw new UsageError(
    `Cannot send "${raw ?? (field && formatItem(field))}": get has no body`,
    {
      hint: raw === "-"
        ? "the body that comes is on stdout already; for one to send: hark post URL"
        : "for the query: name==value; for a body: hark post URL",
    },
  );
}

/** Runs `get` and resolves to its exit code. */
export function main(args: readonly string[], io: Io): Promise<ExitCode> {
  return runCommand(command, args, io);
}

if (import.meta.main) Deno.exit(await main(Deno.args, processIo()));
