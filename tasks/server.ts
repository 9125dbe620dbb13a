import { defineCommand, runCommand } from "../lib/cli/command.ts";
import { UsageError } from "../lib/cli/errors.ts";
import { ExitCode } from "../lib/cli/exit_code.ts";
import { type Io, print } from "../lib/cli/io.ts";
import { parseSeconds } from "../lib/cli/number.ts";
import { processIo } from "../lib/cli/process.ts";
import { DEFAULT_ADDRESS, parseHost, parsePort } from "../lib/tcp/address.ts";
import { formatEvent } from "../lib/tcp/event.ts";
import { sendAll } from "../lib/tcp/pump.ts";
import { serve } from "../lib/tcp/serve.ts";

const command = defineCommand({
  name: "server",
  summary: "Serve TCP clients: greet each one and close.",
  usage: "",
  examples: [
    ["server", "the tutorial's: localhost:12345"],
    ["server --port 0 --once", "one client, on a free port"],
  ],
  options: {
    host: {
      value: "HOST",
      parse: parseHost,
      default: DEFAULT_ADDRESS.host,
      help: "Listen on this host",
    },
    port: {
      short: "p",
      value: "PORT",
      parse: parsePort,
      default: DEFAULT_ADDRESS.port,
      help: "Listen here; 0: any free",
    },
    message: {
      value: "TEXT",
      parse: String,
      default: "Hello, Client!",
      help: "What to send",
    },
    once: { help: "End after one client" },
    grace: {
      value: "SECONDS",
      parse: parseSeconds,
      default: 5,
      help: "On Ctrl-C, let clients finish",
    },
    json: { help: "Log one JSON object per line" },
  },
  habits: {
    "-l": "server always listens: server --port PORT",
    "-k": "server goes on by itself; --once ends it after one",
  },
  reach: ({ options }) => ({ net: [options.host] }),
  async run({ options, operands }, io) {
    if (operands[0] !== undefined) {
      throw new UsageError(
        `Cannot serve "${operands[0]}": there is no such mode`,
      );
    }
    const hello = new TextEncoder().encode(options.message);
    const stopped = Promise.withResolvers<void>();
    io.drain();
    io.signal.addEventListener("abort", () => stopped.resolve());
    await using server = await serve({
      address: options,
      once: options.once,
      handler: ({ conn }) => sendAll(conn, hello),
      onEvent: (event) => {
        try {
          void print(io.stdout, formatEvent(event, options));
        } catch (error) {
          stopped.reject(error);
        }
      },
    });
    await Promise.race([server.finished, stopped.promise]);
    await server.shutdown(options.grace * 1000);
    return ExitCode.Ok;
  },
});

/** Runs `server` and resolves to its exit code. */
export function main(args: readonly string[], io: Io): Promise<ExitCode> {
  return runCommand(command, args, io);
}

if (import.meta.main) Deno.exit(await main(Deno.args, processIo()));
