import { defineCommand, runCommand } from "../lib/cli/command.ts";
import type { ExitCode } from "../lib/cli/errors.ts";
import type { Io } from "../lib/cli/io.ts";
import { processIo } from "../lib/cli/process.ts";
import { addressFrom, runClient } from "../lib/tcp/client.ts";
import { CLIENT_OPTIONS } from "../lib/tcp/client_route.ts";

const isGiven = (path: string | undefined) => path !== undefined;

const command = defineCommand({
  name: "client",
  summary: "Connect to a TCP server and print what it says.",
  usage: "[HOST:PORT | HOST PORT | unix:PATH]",
  examples: [
    ["client", "the tutorial's: localhost:12345"],
    ["client --pipe localhost:7000", "stdin and stdout, as nc does"],
    ["client --check 20-25,80 localhost", "are they open?"],
    ["client --wait 30 --check :5432", "until it accepts"],
  ],
  options: CLIENT_OPTIONS,
  habits: {
    "-z": "client --check PORTS HOST",
    "-w": "client --timeout SECONDS, and --idle-timeout SECONDS once connected",
    "-i": "client --idle-timeout SECONDS",
    "-C": "client --crlf",
    "-N": "client --pipe sends the end of stdin on by itself",
    "-q": "client --pipe ends when the server does",
    "-x": "client --proxy socks5://HOST:PORT; to see the bytes, --dump",
    "-X": "client --proxy socks5://HOST:PORT or http://HOST:PORT",
    "-U": "client unix:PATH",
    "-l": "to listen: server --port PORT",
    "-k": "to listen: server --port PORT",
    "-u": "client speaks TCP and Unix sockets alone",
    "-v": "client says what fails by itself; for events, --json",
    "-4": "client 127.0.0.1:PORT: write the address itself",
    "-6": "client '[::1]:PORT': write the address itself",
    "-e": "client runs no programs; pipe to one: client --pipe",
    "-c": "client runs no programs; pipe to one: client --pipe",
    "--ssl": "client --tls",
    "--ssl-verify": "client --tls, which always verifies",
    "--ssl-trustfile": "client --ca FILE",
    "--ssl-servername": "client --sni NAME",
    "--ssl-cert": "client --cert FILE --key FILE",
    "--ssl-key": "client --cert FILE --key FILE",
    "--insecure": "client --pin SHA256 trusts one certificate, whoever made it",
    "--send-only": "client --pipe: it ends when the server does",
    "--recv-only": "client without --pipe only receives",
    "--hex-dump": "client --dump",
    "--proxy-type": "client --proxy socks5://HOST:PORT or http://HOST:PORT",
    "--proxy-auth": "client --proxy socks5://USER:PASSWORD@HOST:PORT",
  },
  reach: ({ options, operands }) => {
    const address = addressFrom(operands);
    const proxy = options.proxy?.match(/^\w+:\/\/(?:.*@)?(\[.*\]|[^:/]+)/)?.[1];
    const sockets = "path" in address ? [address.path] : [];
    const { ca, cert, key } = options;
    return {
      net: [
        proxy ?? ("path" in address ? `unix:${address.path}` : address.host),
      ],
      read: [...sockets, ca, cert, key].filter(isGiven),
      write: sockets,
    };
  },
  run: runClient,
});

/** Runs `client` and resolves to its exit code. */
export function main(args: readonly string[], io: Io): Promise<ExitCode> {
  return runCommand(command, args, io);
}

if (import.meta.main) Deno.exit(await main(Deno.args, processIo()));
