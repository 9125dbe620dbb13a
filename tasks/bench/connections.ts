/**
 * Rows of the benchmark about connections: how fast they are served, what an idle one costs, and how much goes through.
 *
 * @module
 */

import {
  connectMany,
  cpuOf,
  memoryOf,
  openFilesOf,
  startDaemon,
  startListener,
  until,
} from "../../tests/daemon.ts";
import { makeIdentity } from "../../tests/net/identity.ts";
import { run } from "../../tests/program.ts";
import { writeZeros } from "./commands.ts";
import {
  type Bench,
  candidates,
  contend,
  floor,
  hark,
  load,
  nothing,
  type Row,
  row,
} from "./contenders.ts";

const GIB = 2 ** 30;
const NEEDS = ["Linux", "python3"];
const NO_IDENTITY = { cert: "", key: "" };

/** Lets clients connect for some ms, so many at a time. Resolves to how many were served and were not, in how many ms. */
export async function accept(
  port: number,
  concurrency: number,
  ms: number,
): Promise<{ readonly done: number; failed: number; ms: number }> {
  const command = load("accept", port, concurrency, ms);
  const { code, stdout, stderr } = await run(command);
  if (code !== 0) throw new Error(`Cannot connect to ${port}: ${stderr}`);
  return JSON.parse(stdout);
}

const PYTHON_GREETER = `import socket, sys
server = socket.create_server(("127.0.0.1", int(sys.argv[1])), backlog=511)
while True:
    client, address = server.accept()
    print(f"Connection from {address} has been established!", flush=True)
    client.sendall(b"Hello, Client!")
    client.close()`;
const NODE_GREETER = `require("net").createServer((client) => {
  process.stdout.write("Connection from " + client.remoteAddress + ":" + client.remotePort + " has been established!\\n");
  client.end("Hello, Client!");
}).listen(Number(process.argv[1]), "127.0.0.1")`;

const acceptRow = (concurrency: number): Row => ({
  name: `accept${concurrency}`,
  unit: "connections/s; cpu in us each; more is better",
  needs: NEEDS,
  rounds: 5,
  prepare: async ({ stack, folder, quick }) => {
    const file = `${folder}/hello`;
    await Deno.writeTextFile(file, "Hello, Client!");
    const servers = candidates`
      hark server: ${hark("server")} --port PORT
      deno, a bare loop: ${floor("server")} PORT
      python loop: python3 -c ${PYTHON_GREETER} PORT
      node: node -e ${NODE_GREETER} PORT
      socat fork: socat -U TCP-LISTEN:PORT,bind=127.0.0.1,fork,reuseaddr,backlog=511 OPEN:${file},rdonly
      ncat -lk -c: ncat -lk 127.0.0.1 PORT -c ${`cat '${file}'`}`;
    return await contend(servers, async (command) => {
      const { pid, port } = stack.use(await startListener(command));
      return async () => {
        const before = await cpuOf(pid);
        const result = await accept(port, concurrency, quick ? 300 : 1000);
        const { done, failed, ms } = result;
        if (failed > 0 && command.includes("--port")) {
          throw new Error(`Cannot measure: ${failed} clients failed`);
        }
        const cpu = (await cpuOf(pid) - before) / done * 1000;
        const rss = await memoryOf(pid, "VmHWM");
        return { figure: done / ms * 1000, cpu, rss };
      };
    });
  },
});

const NODE_WS = `const [port, folder] = process.argv.slice(1);
const { WebSocketServer } = require(folder + "/node_modules/ws");
new WebSocketServer({ port, host: "127.0.0.1" }).on("connection", (socket) =>
  socket.on("message", (data, binary) => socket.send(data, { binary })))`;

/** Messages of a size that a WebSocket echoes, so many at a time. */
const messagesRow = (name: string, size: number, count: number): Row => ({
  name,
  unit: `messages/s of ${size} bytes; more is better`,
  needs: [...NEEDS, "npm"],
  rounds: 5,
  prepare: async ({ stack, folder, quick }) => {
    await run(["npm", "install", "--silent", "--prefix", folder, "ws@8.23.0"]);
    const servers = candidates`
      hark server --ws echo: ${hark("server")} --ws echo --port PORT
      npm's ws, node: node -e ${NODE_WS} PORT ${folder}`;
    return await contend(servers, async (command) => {
      const { port } = stack.use(await startListener(command));
      return async () => {
        const ms = quick ? 300 : 1000;
        const { stdout } = await run(load("messages", port, size, count, ms));
        const found = JSON.parse(stdout);
        return { figure: found.done / found.ms * 1000 };
      };
    });
  },
});

/** What one of many idle connections costs a server, in KiB; none may be left open at the end. */
export async function idleCost(
  command: readonly string[],
  count: number,
): Promise<number> {
  await using server = await startListener(command);
  const { pid, port } = server;
  const [memory, files] = [await memoryOf(pid), await openFilesOf(pid)];
  const clients = await connectMany(port, count);
  const all = async () => await openFilesOf(pid) >= files + count;
  await until("all clients to be accepted", all);
  const cost = (await memoryOf(pid) - memory) / 1024 / count;
  for (const client of clients) client.close();
  const none = async () => await openFilesOf(pid) <= files;
  await until("its sockets to close", none);
  return cost;
}

const NODE_ECHO = `require("net").createServer((client) => client.pipe(client))
.listen(Number(process.argv[1]), "127.0.0.1")`;

const PYTHON_RECEIVE = `import socket, sys
client = socket.create_connection(("127.0.0.1", int(sys.argv[1])))
if len(sys.argv) > 2:
    import ssl
    client = ssl.create_default_context(cafile=sys.argv[2]).wrap_socket(client, server_hostname="localhost")
while data := client.recv(65536):
    sys.stdout.buffer.write(data)`;
/** A row of GB/s through one connection: programs are started anew each time, and the other end measures how long it took. */
const transferRow = (
  name: string,
  what: string,
  otherEnd: "fetch" | "push" | "source",
) =>
(...programs: Parameters<typeof candidates>): Row => {
  const isTls = name === "tls";
  const prepare = async ({ stack, folder, quick }: Bench) => {
    const bytes = (isTls ? GIB / 2 : GIB) / (quick ? 16 : 1);
    const [file, used] = [`${folder}/bytes`, `${folder}/used.json`];
    if (name === "send") await writeZeros(file, bytes);
    const { cert, key } = isTls ? await makeIdentity(folder) : NO_IDENTITY;
    const command = load("source", bytes, ...isTls ? [cert, key] : []);
    const source = stack.use(startDaemon(command, "lines"));
    const to = await source.line() ?? "";

    /** Resolves to what the other end measured. */
    async function move(command: readonly string[]): Promise<string> {
      if (otherEnd === "source") {
        await using client = startDaemon(command);
        const report = await source.line() ?? "";
        await client.ended;
        return report;
      }
      await using server = await startListener(command);
      const { stdout } = await run(load(otherEnd, server.port, bytes));
      return stdout;
    }
    return await contend(candidates(...programs), (command) => async () => {
      const words = command.map((word) =>
        word.replaceAll("FILE", file).replaceAll("TARGET", to)
          .replaceAll("CERT", cert)
      );
      const report = await move(load("run", used, ...words));
      const moved = JSON.parse(report || "{}");
      if (moved.bytes !== bytes) {
        throw new Error(`Cannot measure ${moved.bytes} bytes of ${bytes}`);
      }
      const { cpu, rss } = JSON.parse(await Deno.readTextFile(used));
      return { figure: bytes / 1e6 / moved.ms, cpu, rss };
    });
  };
  const unit = `GB/s of ${what}; cpu in ms; more is better`;
  const needs = isTls ? [...NEEDS, "openssl"] : NEEDS;
  return { name, unit, needs, rounds: 5, prepare };
};

/** Rows of connections. */
export const CONNECTION_ROWS: readonly Row[] = [
  acceptRow(1),
  acceptRow(64),
  messagesRow("ws", 32, 64),
  messagesRow("ws-large", 65536, 4),
  row("idle", nothing, {
    unit: "KiB for each of 5,000 idle connections, 500 under --quick",
    needs: NEEDS,
    rounds: 3,
    figureOf: (command, { quick }) => idleCost(command, quick ? 500 : 5000),
  })`
    hark server echo: ${hark("server")} echo --port PORT --max-clients 6000
    node: node -e ${NODE_ECHO} PORT`,
  transferRow("send", "a 1 GiB file", "fetch")`
    hark server --file: ${hark("server", "FILE")} --port PORT --file FILE --once
    deno, a bare loop: ${floor("stream")} PORT FILE
    nc: sh -c ${"exec nc -lN 127.0.0.1 PORT < 'FILE'"}
    ncat: sh -c ${"exec ncat -l 127.0.0.1 PORT --send-only < 'FILE'"}`,
  transferRow("receive", "1 GiB to /dev/null", "source")`
    hark client --pipe: ${hark("client")} --pipe 127.0.0.1:TARGET
    deno, a bare loop: ${floor("stream")} TARGET receive
    python recv: python3 -c ${PYTHON_RECEIVE} TARGET
    nc: nc -d 127.0.0.1 TARGET
    ncat: ncat --recv-only 127.0.0.1 TARGET`,
  transferRow("discard", "1 GiB to nowhere", "push")`
    hark server discard: ${hark("server")} discard --port PORT --once
    nc: nc -ld 127.0.0.1 PORT
    ncat: ncat -l --recv-only 127.0.0.1 PORT`,
  transferRow("relay", "1 GiB", "fetch")`
    hark server relay: ${hark("server")} relay 127.0.0.1:TARGET --port PORT
    deno, a bare loop: ${floor("stream")} PORT relay TARGET
    socat: socat TCP-LISTEN:PORT,bind=127.0.0.1 TCP:127.0.0.1:TARGET
    ncat -c ncat: ncat -l 127.0.0.1 PORT -c ${"ncat --recv-only 127.0.0.1 TARGET"}`,
  transferRow("tls", "512 MiB with TLS to /dev/null", "source")`
    hark client --pipe --tls: ${
    hark("client", "CERT")
  } --pipe --tls --ca CERT localhost:TARGET
    python ssl: python3 -c ${PYTHON_RECEIVE} TARGET CERT
    ncat --ssl: ncat --recv-only --ssl-verify --ssl-trustfile CERT localhost TARGET
    socat OPENSSL: socat -u OPENSSL:localhost:TARGET,cafile=CERT -`,
];
