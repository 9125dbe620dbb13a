import { defineCommand, runCommand } from "../lib/cli/command.ts";
import { UsageError } from "../lib/cli/errors.ts";
import { ExitCode } from "../lib/cli/exit_code.ts";
import { type Io, print } from "../lib/cli/io.ts";
import { parseSeconds } from "../lib/cli/number.ts";
import { processIo } from "../lib/cli/process.ts";
import {
  DEFAULT_ADDRESS,
  formatAddress,
  parseAddress,
} from "../lib/tcp/address.ts";
import { connect } from "../lib/tcp/connect.ts";
import { receive } from "../lib/tcp/pump.ts";

const command = defineCommand({
  name: "client",
  summary: "Connect to a TCP server and print what it says.",
  usage: "[HOST:PORT | HOST PORT | unix:PATH]",
  examples: [
    ["client", "the tutorial's: localhost:12345"],
    ["client localhost:7000", "another port"],
  ],
  options: {
    timeout: {
      short: "t",
      value: "SECONDS",
      parse: parseSeconds,
      default: 10,
      help: "Give up connecting after this",
    },
  },
  reach: ({ operands }) => {
    const address = parseAddress(operands.join(":") || "localhost");
    return "path" in address
      ? {
        net: [`unix:${address.path}`],
        read: [address.path],
        write: [address.path],
      }
      : { net: [address.host] };
  },
  async run({ options, operands }, io) {
    if (operands.length > 2) {
      throw new UsageError(
        `Cannot connect to ${operands.length} operands: expected HOST:PORT`,
      );
    }
    const address = operands.length === 0
      ? DEFAULT_ADDRESS
      : parseAddress(operands.join(":"));
    using conn = await connect(address, {
      timeout: options.timeout * 1000,
    });
    if (!io.stdin.isTerminal) {
      void print(
        io.stderr,
        "hint: stdin is not sent; to send it, add --pipe\n",
      );
    }
    const text = io.stdout.isTerminal
      ? (await import("../lib/cli/terminal.ts")).createSafeDecoder()
      : undefined;
    let prefix = "Received from server: ";
    for await (const bytes of receive(conn, formatAddress(address))) {
      if (prefix !== "") await print(io.stdout, prefix);
      prefix = "";
      await (text
        ? print(io.stdout, text.decode(bytes))
        : io.stdout.write(bytes));
    }
    await print(io.stdout, prefix + (text?.flush() ?? "") + "\n");
    return ExitCode.Ok;
  },
});

/** Runs `client` and resolves to its exit code. */
export function main(args: readonly string[], io: Io): Promise<ExitCode> {
  return runCommand(command, args, io);
}

if (import.meta.main) Deno.exit(await main(Deno.args, processIo()));
