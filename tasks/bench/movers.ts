/**
 * Programs that move many bytes, ours first: they send a file, receive, pass on, receive with TLS.
 *
 * @module
 */

import { allow, harkCommand } from "./contender.ts";

/** What a program is told: the port to listen on, the port to connect to, the file to send. */
export interface Places {
  readonly port: string;
  readonly to: string;
  readonly file: string;
  readonly cert: string;
}

/** A program to measure. */
export interface Mover {
  readonly name: string;
  /** Its command line; a text is one for the shell, and begins with the program too. */
  readonly command: (places: Places) => readonly string[] | string;
}

const PYTHON_SEND = `import os, socket, sys
server = socket.create_server(("127.0.0.1", int(sys.argv[1])))
client, _ = server.accept()
client.sendfile(open(sys.argv[2], "rb"))
client.close()`;
const NODE_SEND = `require("net").createServer((client) => {
  require("fs").createReadStream(process.argv[2]).pipe(client)
  client.on("close", () => process.exit())
}).listen(Number(process.argv[1]), "127.0.0.1")`;

export const SENDERS: readonly Mover[] = [
  {
    name: "hark server --file",
    command: ({ port, file }) =>
      allow(
        "read",
        file,
        harkCommand("server", ...["--port", port, "--file", file, "--once"]),
      ),
  },
  {
    name: "python sendfile",
    command: ({ port, file }) => ["python3", "-c", PYTHON_SEND, port, file],
  },
  {
    name: "node",
    command: ({ port, file }) => ["node", "-e", NODE_SEND, port, file],
  },
  {
    name: "nc",
    command: ({ port, file }) => `nc -lN 127.0.0.1 ${port} < ${file}`,
  },
  {
    name: "ncat",
    command: ({ port, file }) =>
      `ncat -l 127.0.0.1 ${port} --send-only < ${file}`,
  },
  {
    name: "socat",
    command: ({ port, file }) => [
      ...["socat", "-u", `OPEN:${file}`, `TCP-LISTEN:${port},bind=127.0.0.1`],
    ],
  },
];

const PYTHON_RECEIVE = `import socket, sys
client = socket.create_connection(("127.0.0.1", int(sys.argv[1])))
while data := client.recv(65536):
    sys.stdout.buffer.write(data)`;
const NODE_RECEIVE =
  `require("net").connect(Number(process.argv[1]), "127.0.0.1").pipe(process.stdout)`;

export const RECEIVERS: readonly Mover[] = [
  {
    name: "hark client --pipe",
    command: ({ to }) => harkCommand("client", "--pipe", `127.0.0.1:${to}`),
  },
  {
    name: "python recv",
    command: ({ to }) => ["python3", "-c", PYTHON_RECEIVE, to],
  },
  {
    name: "node",
    command: ({ to }) => ["node", "-e", NODE_RECEIVE, to],
  },
  {
    name: "nc",
    command: ({ to }) => ["nc", "-d", "127.0.0.1", to],
  },
  {
    name: "ncat",
    command: ({ to }) => ["ncat", "--recv-only", "127.0.0.1", to],
  },
  {
    name: "socat",
    command: ({ to }) => ["socat", "-u", `TCP:127.0.0.1:${to}`, "-"],
  },
];

const PYTHON_DISCARD = `import socket, sys
server = socket.create_server(("127.0.0.1", int(sys.argv[1])))
client, _ = server.accept()
while client.recv(65536):
    pass
client.close()`;

export const SINKS: readonly Mover[] = [
  {
    name: "hark server discard",
    command: ({ port }) =>
      harkCommand("server", "discard", "--port", port, "--once"),
  },
  {
    name: "python recv",
    command: ({ port }) => ["python3", "-c", PYTHON_DISCARD, port],
  },
  {
    name: "nc",
    command: ({ port }) => ["nc", "-ld", "127.0.0.1", port],
  },
  {
    name: "ncat",
    command: ({ port }) => ["ncat", "-l", "--recv-only", "127.0.0.1", port],
  },
  {
    name: "socat",
    command: ({ port }) => [
      ...["socat", "-u", `TCP-LISTEN:${port},bind=127.0.0.1`, "-"],
    ],
  },
];

const NODE_RELAY = `const net = require("net");
net.createServer((client) => {
  const server = net.connect(Number(process.argv[2]), "127.0.0.1");
  client.pipe(server).pipe(client);
  client.on("close", () => process.exit());
}).listen(Number(process.argv[1]), "127.0.0.1")`;

export const RELAYS: readonly Mover[] = [
  {
    name: "hark server relay",
    command: ({ port, to }) =>
      harkCommand("server", "relay", `127.0.0.1:${to}`, "--port", port),
  },
  {
    name: "node",
    command: ({ port, to }) => ["node", "-e", NODE_RELAY, port, to],
  },
  {
    name: "socat",
    command: ({ port, to }) => [
      ...["socat", `TCP-LISTEN:${port},bind=127.0.0.1`, `TCP:127.0.0.1:${to}`],
    ],
  },
  {
    name: "ncat -c ncat",
    command: ({ port, to }) => [
      ...[
        "ncat",
        "-l",
        "127.0.0.1",
        port,
        "-c",
        `ncat --recv-only 127.0.0.1 ${to}`,
      ],
    ],
  },
];

const PYTHON_TLS_RECEIVE = `import socket, ssl, sys
context = ssl.create_default_context(cafile=sys.argv[2])
client = socket.create_connection(("127.0.0.1", int(sys.argv[1])))
client = context.wrap_socket(client, server_hostname="localhost")
while data := client.recv(65536):
    sys.stdout.buffer.write(data)`;

export const TLS_RECEIVERS: readonly Mover[] = [
  {
    name: "hark client --pipe --tls",
    command: ({ to, cert }) =>
      allow(
        "read",
        cert,
        harkCommand("client", ...[
          "--pipe",
          "--tls",
          "--ca",
          cert,
          `localhost:${to}`,
        ]),
      ),
  },
  {
    name: "python ssl",
    command: (
      { to, cert },
    ) => ["python3", "-c", PYTHON_TLS_RECEIVE, to, cert],
  },
  {
    name: "ncat --ssl",
    command: ({ to, cert }) => [
      ...["ncat", "--recv-only", "--ssl-verify", "--ssl-trustfile", cert],
      ...["localhost", to],
    ],
  },
  {
    name: "socat OPENSSL",
    command: ({ to, cert }) => [
      ...["socat", "-u", `OPENSSL:localhost:${to},cafile=${cert}`, "-"],
    ],
  },
  {
    name: "openssl s_client",
    command: ({ to, cert }) => [
      ...["openssl", "s_client", "-quiet", "-verify_return_error"],
      ...["-CAfile", cert, "-connect", `localhost:${to}`],
    ],
  },
];
