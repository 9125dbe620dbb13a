import { createHandler } from "../lib/api/handler.ts";
import { listen } from "../lib/api/listen.ts";
import { seed } from "../lib/api/seed.ts";
import { openStore } from "../lib/api/sqlite.ts";
import { defineCommand, runCommand } from "../lib/cli/command.ts";
import { UsageError } from "../lib/cli/errors.ts";
import { ExitCode } from "../lib/cli/exit_code.ts";
import { type Io, print } from "../lib/cli/io.ts";
import { parseSeconds } from "../lib/cli/number.ts";
import { processIo } from "../lib/cli/process.ts";
import { parseHost, parsePort } from "../lib/tcp/address.ts";

const DEFAULT_FILE = "hark.db";

const command = defineCommand({
  name: "api",
  summary:
    "Serve JSONPlaceholder's resources over HTTP, and keep what is written.",
  usage: "[FILE.db]",
  examples: [
    ["api", `http://localhost:3000, kept in ${DEFAULT_FILE}`],
    ["api --memory --port 0", "kept nowhere, on a free port"],
  ],
  options: {
    host: {
      value: "HOST",
      parse: parseHost,
      default: "localhost",
      help: "Listen on this host",
    },
    port: {
      short: "p",
      value: "PORT",
      parse: parsePort,
      default: 3000,
      help: "Listen here; 0: any free",
    },
    memory: { help: "Keep nothing" },
    grace: {
      value: "SECONDS",
      parse: parseSeconds,
      default: 5,
      help: "On Ctrl-C, let requests finish",
    },
  },
  reach: ({ options, operands: [file = DEFAULT_FILE] }) =>
    options.memory
      ? { net: [options.host] }
      : { net: [options.host], read: [file], write: [file] },
  async run({ options, operands: [file = DEFAULT_FILE, ...more] }, io) {
    if (more.length > 0) {
      throw new UsageError(
        `Cannot serve ${more.length + 1} files: expected one`,
      );
    }
    using store = openStore(options.memory ? ":memory:" : file, seed);
    io.drain();
    const stopped = Promise.withResolvers<void>();
    io.signal.addEventListener("abort", () => stopped.resolve());
    await using server = await listen(createHandler(store), options);
    for (const address of server.addresses) {
      await print(io.stdout, `Listening on http://${address}/\n`);
    }
    await Promise.race([server.finished, stopped.promise]);
    await server.shutdown(options.grace * 1000);
    return ExitCode.Ok;
  },
});

/** Runs `api` and resolves to its exit code. */
export function main(args: readonly string[], io: Io): Promise<ExitCode> {
  return runCommand(command, args, io);
}

if (import.meta.main) Deno.exit(await main(Deno.args, processIo()));
