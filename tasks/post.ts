import { defineCommand, runCommand } from "../lib/cli/command.ts";
import type { ExitCode } from "../lib/cli/exit_code.ts";
import type { Io } from "../lib/cli/io.ts";
import { processIo } from "../lib/cli/process.ts";
import {
  DEFAULT_URL,
  exchange,
  EXCHANGE_HABITS,
  EXCHANGE_OPTIONS,
  parseTarget,
  reachOf,
} from "../lib/http/exchange.ts";
import { planRequest } from "../lib/http/request.ts";

/** The tutorial's post. */
const DEFAULT_OPERANDS = [DEFAULT_URL, "title=foo", "body=bar", "userId:=1"];

const command = defineCommand({
  name: "post",
  summary:
    "Post JSON to a URL: the answer's status on stderr, its body on stdout.",
  usage: "[URL] [key=text] [key:=json] [Header:value] [name==query]",
  examples: [
    ["post", "the tutorial's post"],
    ["post :3000/posts title=foo userId:=1", "fields: text and JSON"],
    ["post :3000/posts by[name]=Ada tags[]=a", "nested fields"],
    ["post -X PUT :3000/posts/1 title=bar", "another method"],
  ],
  options: EXCHANGE_OPTIONS,
  habits: EXCHANGE_HABITS,
  reach: reachOf,
  redact: async (operand) =>
    (await import("../lib/http/secrets.ts")).redactOperand(operand),
  async run({ options, operands }, io) {
    const { url, items } = await parseTarget(
      operands.length === 0 ? DEFAULT_OPERANDS : operands,
    );
    const { method = "POST" } = options;
    return exchange(await planRequest({ method, url }, items), options, io);
  },
});

/** Runs `post` and resolves to its exit code. */
export function main(args: readonly string[], io: Io): Promise<ExitCode> {
  return runCommand(command, args, io);
}

if (import.meta.main) Deno.exit(await main(Deno.args, processIo()));
