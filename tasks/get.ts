import { defineCommand, runCommand } from "../lib/cli/command.ts";
import { UsageError } from "../lib/cli/errors.ts";
import type { ExitCode } from "../lib/cli/exit_code.ts";
import type { Io } from "../lib/cli/io.ts";
import { processIo } from "../lib/cli/process.ts";
import {
  exchange,
  EXCHANGE_HABITS,
  EXCHANGE_OPTIONS,
  parseTarget,
  reachOf,
} from "../lib/http/exchange.ts";
import { planRequest } from "../lib/http/request.ts";

const command = defineCommand({
  name: "get",
  summary: "Get a URL: its status on stderr, its body on stdout.",
  usage: "[URL] [Header:value] [name==query]",
  examples: [
    ["get", "the tutorial's: 100 posts"],
    ["get --raw", "the same, byte for byte"],
    ["get :3000/posts userId==1", "a query, on this machine"],
    ["get example.com/a Accept:text/plain", "a header"],
  ],
  options: EXCHANGE_OPTIONS,
  habits: EXCHANGE_HABITS,
  reach: reachOf,
  redact: async (operand) =>
    (await import("../lib/http/secrets.ts")).redactOperand(operand),
  async run({ options, operands }, io) {
    const { url, items } = await parseTarget(operands);
    const field = items.find(({ kind }) =>
      kind !== "header" && kind !== "query"
    );
    if (field !== undefined) {
      const { formatItem } = await import("../lib/http/items.ts");
      throw new UsageError(
        `Cannot send field "${formatItem(field)}": get has no body`,
        { hint: "for the query: name==value; for a body: post" },
      );
    }
    const { method = "GET" } = options;
    return exchange(await planRequest({ method, url }, items), options, io);
  },
});

/** Runs `get` and resolves to its exit code. */
export function main(args: readonly string[], io: Io): Promise<ExitCode> {
  return runCommand(command, args, io);
}

if (import.meta.main) Deno.exit(await main(Deno.args, processIo()));
