import { defineCommand, runCommand } from "../lib/cli/command.ts";
import type { ExitCode } from "../lib/cli/errors.ts";
import type { Io } from "../lib/cli/io.ts";
import { processIo } from "../lib/cli/process.ts";
import { runServer } from "../lib/tcp/server.ts";
import { parseTarget, SERVER_OPTIONS } from "../lib/tcp/server_options.ts";

const isGiven = (path: string | undefined) => path !== undefined;

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
  habits: {
    "-l": "server always listens: server --port PORT",
    "-k": "server goes on by itself; --once ends it after one",
    "-v": "server logs every client by itself",
    "-u": "server speaks TCP and Unix sockets alone",
    "-U": "server --unix PATH",
    "-e": "server runs no programs; pipe to one: server pipe",
    "-c": "server runs no programs; pipe to one: server pipe",
    "-m": "server --max-clients N",
    "-w": "server --idle-timeout SECONDS",
    "-i": "server --idle-timeout SECONDS",
    "-x": "server --dump",
    "--listen": "server always listens: server --port PORT",
    "--keep-open": "server goes on by itself; --once ends it after one",
    "--max-conns": "server --max-clients N",
    "--broker": "server chat",
    "--chat": "server chat",
    "--exec": "server runs no programs; pipe to one: server pipe",
    "--hex-dump": "server --dump",
    "--ssl": "server --tls",
    "--ssl-cert": "server --cert FILE --key FILE",
    "--ssl-key": "server --cert FILE --key FILE",
  },
  reach: ({ options, operands: [mode, target = ""] }) => {
    const { host, unix, file, cert, key, clientCa, ca } = options;
    const goal = mode === "relay" ? [parseTarget(target).address] : [];
    const own = unix === undefined ? { host, port: 0 } : { path: unix };
    const ends = [own, ...goal];
    const sockets = ends.flatMap((end) => "path" in end ? [end.path] : []);
    return {
      net: ends.map((end) => "path" in end ? `unix:${end.path}` : end.host),
      read: [...sockets, file, cert, key, clientCa, ca].filter(isGiven),
      write: sockets,
    };
  },
  run: runServer,
});

/** Runs `server` and resolves to its exit code. */
export function main(args: readonly string[], io: Io): Promise<ExitCode> {
  return runCommand(command, args, io);
}

if (import.meta.main) Deno.exit(await main(Deno.args, processIo()));
