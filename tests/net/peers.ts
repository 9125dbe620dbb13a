// deno-coverage-ignore-file
/**
 * The programs that hark's server and client must get on with: how each listens, connects and ends.
 *
 * @module
 */

import { getAvailablePort } from "@std/net/get-available-port";
import { main as client } from "../../tasks/client.ts";
import { main as server } from "../../tasks/server.ts";
import {
  type Child,
  type MemoryOptions,
  ROOT,
  spawnDeno,
  spawnProgram,
  start,
} from "../support.ts";
import type { Identity } from "./identity.ts";

/** A command of ours that runs, in this process or in its own. */
export interface Command extends Pick<Child, "stdout" | "stderr" | "result"> {
  /** Asks it to end. */
  readonly stop: () => void;
}

/** Starts a command of ours: {@linkcode inProcess} or {@linkcode asProcess}. */
export type Launch = typeof inProcess;

/** Starts a command in this process. */
export function inProcess(
  task: "server" | "client",
  args: readonly string[],
  stdin: MemoryOptions["stdin"] = "",
): Command {
  const main = task === "server" ? server : client;
  const { interrupt, ...command } = start(main, args, { stdin });
  return { ...command, stop: () => interrupt() };
}

/** Starts a command as a process of its own, which may read and write any file. */
export function asProcess(
  task: "server" | "client",
  args: readonly string[],
  stdin: MemoryOptions["stdin"] = "",
): Command {
  const script = `${ROOT}tasks/${task}.ts`;
  const child = spawnDeno(["run", "-A", script, ...args], { stdin });
  return { ...child, stop: () => child.kill("SIGTERM") };
}

/** The first port in what a server said. */
export function portIn(text: string): number {
  return Number(
    text.match(/(?:Listening on|listening on|ACCEPT) .*?(\d+)\/?\n/)?.[1],
  );
}

/** Starts our server on a free port and waits until it listens. */
export async function listening(
  launch: Launch,
  args: readonly string[],
  stdin?: MemoryOptions["stdin"],
): Promise<{ readonly port: number; readonly server: Command }> {
  const server = launch(
    "server",
    [...args, "--host", "127.0.0.1", "--port", "0"],
    stdin,
  );
  const said = await Promise.race([
    server.stdout.waitFor(/Listening on .*\n/),
    server.stderr.waitFor(/Listening on .*\n/),
  ]);
  return { port: portIn(said), server };
}

/** A program that listens. */
export interface PeerServer {
  readonly name: string;
  readonly program: string;
  /** Its arguments, on a port or, where it can tell which it took, on port 0. */
  readonly args: (port: number, identity: Identity) => readonly string[];
  readonly tls?: boolean;
  /**
   * `after`: it answers what it got and `reply` after our end; `before`: it hangs up at our end, so that it must have
   * answered by then; `reversed`: the same with each line reversed; `once`: it serves one client, as told by its stdin.
   */
  readonly answers: "after" | "before" | "reversed" | "once";
}

const PYTHON_SERVER = `
import socket, ssl, sys, time
server = socket.create_server(("127.0.0.1", 0))
context = None
if len(sys.argv) > 1:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(sys.argv[1], sys.argv[2])
print("listening on port", server.getsockname()[1], flush=True)
while True:
    client, _ = server.accept()
    if context:
        client = context.wrap_socket(client, server_side=True)
    request = b""
    while part := client.recv(65536):
        request += part
    time.sleep(0.02)  # the reply comes well after the end
    client.sendall(request + b"reply")
    if context:
        client = client.unwrap()
    client.close()
`;

/** ncat answers to nothing after an end of input, so that its program answers to the first line. */
const FIRST_LINE = "head -n 1; printf reply; cat > /dev/null";

/** What listens, plain and with TLS. */
export const PEER_SERVERS: readonly PeerServer[] = [
  {
    name: "socat",
    program: "socat",
    answers: "after",
    args: () => [
      ..."-d -d -t5 TCP-LISTEN:0,bind=127.0.0.1,fork".split(" "),
      "SYSTEM:cat; printf reply",
    ],
  },
  {
    name: "python3",
    program: "python3",
    answers: "after",
    args: () => ["-c", PYTHON_SERVER],
  },
  {
    name: "ncat",
    program: "ncat",
    answers: "before",
    args: (port) => ["-lkv", "127.0.0.1", `${port}`, "-c", FIRST_LINE],
  },
  {
    name: "nc",
    program: "nc",
    answers: "once",
    args: () => ["-lnvN", "127.0.0.1", "0"],
  },
  {
    name: "socat with TLS",
    program: "socat",
    answers: "after",
    tls: true,
    args: (_, { cert, key }) => [
      ..."-d -d -t5".split(" "),
      `OPENSSL-LISTEN:0,bind=127.0.0.1,fork,cert=${cert},key=${key},verify=0`,
      "SYSTEM:cat; printf reply",
    ],
  },
  {
    name: "python3 with TLS",
    program: "python3",
    answers: "after",
    tls: true,
    args: (_, { cert, key }) => ["-c", PYTHON_SERVER, cert, key],
  },
  {
    name: "ncat with TLS",
    program: "ncat",
    answers: "before",
    tls: true,
    args: (port, { cert, key }) => [
      ...["-lkv", "127.0.0.1", `${port}`, "-c", FIRST_LINE],
      ...["--ssl", "--ssl-cert", cert, "--ssl-key", key],
    ],
  },
  {
    name: "openssl s_server",
    program: "openssl",
    answers: "reversed",
    tls: true,
    args: (_, { cert, key }) => [
      ..."s_server -accept 127.0.0.1:0 -rev".split(" "),
      ...["-cert", cert, "-key", key],
    ],
  },
];

/** A program that connects. */
export interface PeerClient {
  readonly name: string;
  readonly program: string;
  /** Its arguments, to a port of 127.0.0.1. */
  readonly args: (port: number, identity: Identity) => readonly string[];
  readonly tls?: boolean;
  /** Whether it hangs up at the end of its input, so that it must have its answer by then. */
  readonly impatient?: boolean;
}

const PYTHON_CLIENT = `
import socket, sys
client = socket.create_connection(("127.0.0.1", int(sys.argv[1])))
client.sendall(sys.stdin.buffer.read())
client.shutdown(socket.SHUT_WR)
while part := client.recv(65536):
    sys.stdout.buffer.write(part)
`;

/** A client in Python that resets its connection when it has got something. */
export const RESET_AFTER_ONE: string = `
import socket, struct, sys
client = socket.create_connection(("127.0.0.1", int(sys.argv[1])))
client.recv(1)
client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
client.close()
`;

/** 500 clients in Python that reset their connections at once. */
export const RESETS: string = `
import socket, struct, sys
for _ in range(500):
    client = socket.create_connection(("127.0.0.1", int(sys.argv[1])))
    client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    client.close()
`;

/** What connects, plain and with TLS. */
export const PEER_CLIENTS: readonly PeerClient[] = [
  {
    name: "ncat",
    program: "ncat",
    args: (port) => ["127.0.0.1", `${port}`],
  },
  {
    name: "socat",
    program: "socat",
    args: (port) => ["-t5", "-", `TCP:127.0.0.1:${port}`],
  },
  {
    name: "nc",
    program: "nc",
    args: (port) => ["-N", "127.0.0.1", `${port}`],
  },
  {
    name: "python3",
    program: "python3",
    args: (port) => ["-c", PYTHON_CLIENT, `${port}`],
  },
  {
    name: "ncat with TLS",
    program: "ncat",
    tls: true,
    // it ends TLS without close_notify, which nobody may take for an end
    impatient: true,
    args: (port, { cert }) => [
      ..."--ssl --ssl-verify --ssl-trustfile".split(" "),
      ...[cert, "localhost", `${port}`],
    ],
  },
  {
    name: "socat with TLS",
    program: "socat",
    tls: true,
    args: (port, { cert }) => [
      ...["-t5", "-", `OPENSSL:localhost:${port},cafile=${cert}`],
    ],
  },
  {
    name: "openssl s_client",
    program: "openssl",
    tls: true,
    impatient: true,
    args: (port, { cert }) => [
      ..."s_client -quiet -no_ign_eof -nocommands -verify_return_error -CAfile"
        .split(" "),
      ...[cert, "-connect", `127.0.0.1:${port}`],
    ],
  },
];

/** Those that wait for an answer after the end of their input. */
export const PATIENT_CLIENTS: readonly PeerClient[] = PEER_CLIENTS.filter((
  { impatient },
) => !impatient);

/** Starts a peer that serves many clients, and waits until it listens. */
export async function listeningPeer(
  peer: PeerServer,
  identity: Identity,
): Promise<{ readonly port: number; readonly peer: Child }> {
  const wanted = peer.program === "ncat" ? getAvailablePort() : 0;
  const child = spawnProgram(peer.program, peer.args(wanted, identity));
  const ready = /(?:Listening on|listening on|ACCEPT) .*\d\n/;
  const said = await Promise.any([
    child.stdout.waitFor(ready),
    child.stderr.waitFor(ready),
  ]);
  return { port: wanted || portIn(said), peer: child };
}
