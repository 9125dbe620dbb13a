/**
 * Rows of the benchmark about many clients: how fast they are served, and what an idle one costs.
 *
 * @module
 */

import { getAvailablePort } from "@std/net/get-available-port";
import {
  cpuOf,
  memoryOf,
  openFilesOf,
  startDaemon,
  startListener,
  until,
} from "../../tests/daemon.ts";
import { find, run } from "../../tests/program.ts";
import { floorCommand, harkCommand } from "./contender.ts";
import { type Accepted, compileLoad, whyNoLoad } from "./load.ts";
import type { Bench, Contender, Row } from "./measure.ts";

/** A server to measure, as a command line for a port. */
interface Listener {
  readonly name: string;
  readonly command: (port: string) => readonly string[];
}

async function isInstalled({ command }: Listener): Promise<boolean> {
  const [program = ""] = command("");
  return await find(program) !== undefined;
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

const greeters = (load: string, file: string): readonly Listener[] => [
  {
    name: "hark server",
    command: (port) => harkCommand("server", "--port", port),
  },
  {
    name: "deno, a bare loop",
    command: (port) => floorCommand("server.ts", port),
  },
  {
    name: "C loop",
    command: (port) => [load, "greet", port],
  },
  {
    name: "python loop",
    command: (port) => ["python3", "-c", PYTHON_GREETER, port],
  },
  {
    name: "node",
    command: (port) => ["node", "-e", NODE_GREETER, port],
  },
  {
    name: "socat fork",
    command: (port) => [
      ...["socat", "-U"],
      `TCP-LISTEN:${port},bind=127.0.0.1,fork,reuseaddr,backlog=511`,
      `OPEN:${file},rdonly`,
    ],
  },
  {
    name: "ncat -lk -c",
    command: (port) => [
      ...["ncat", "-lk", "127.0.0.1", port, "-c", `cat ${file}`],
    ],
  },
];

async function acceptors(
  { stack, folder, quick }: Bench,
  concurrency: number,
): Promise<Contender[]> {
  const load = await compileLoad(folder);
  const file = `${folder}/hello`;
  await Deno.writeTextFile(file, "Hello, Client!");
  const contenders: Contender[] = [];
  for (const { name, command } of greeters(load, file)) {
    if (!await isInstalled({ name, command })) {
      contenders.push({ name, sample: undefined });
      continue;
    }
    const port = String(getAvailablePort());
    const server = stack.use(await startListener(command(port), port));
    contenders.push({
      name,
      sample: async () => {
        const before = await cpuOf(server.pid);
        const { stdout } = await run([
          ...[load, "accept", port, `${concurrency}`, quick ? "300" : "1000"],
        ]);
        const { done, failed, ms }: Accepted = JSON.parse(stdout);
        if (failed > 0 && name.startsWith("hark")) {
          throw new Error(`${name} failed ${failed} clients`);
        }
        const spent = await cpuOf(server.pid) - before;
        return {
          figure: done / ms * 1000,
          cpu: spent / done * 1000,
          rss: await memoryOf(server.pid, "VmHWM"),
        };
      },
    });
  }
  return contenders;
}

const NODE_ECHO = `require("net").createServer((client) => client.pipe(client))
.listen(Number(process.argv[1]), "127.0.0.1")`;
const ASYNCIO_ECHO = `import asyncio, sys
async def echo(reader, writer):
    while data := await reader.read(65536):
        writer.write(data)
        await writer.drain()
    writer.close()
async def main():
    server = await asyncio.start_server(echo, "127.0.0.1", int(sys.argv[1]), backlog=511)
    await server.serve_forever()
asyncio.run(main())`;
const THREADS_ECHO = `import socketserver, sys
class Echo(socketserver.BaseRequestHandler):
    def handle(self):
        while data := self.request.recv(65536):
            self.request.sendall(data)
class Server(socketserver.ThreadingTCPServer):
    request_queue_size = 511
    daemon_threads = True
Server(("127.0.0.1", int(sys.argv[1])), Echo).serve_forever()`;

const ECHOES: readonly Listener[] = [
  {
    name: "hark server echo",
    command: (port) =>
      harkCommand("server", "echo", "--port", port, "--max-clients", "6000"),
  },
  {
    name: "node",
    command: (port) => ["node", "-e", NODE_ECHO, port],
  },
  {
    name: "python asyncio",
    command: (port) => ["python3", "-c", ASYNCIO_ECHO, port],
  },
  {
    name: "python threads",
    command: (port) => ["python3", "-c", THREADS_ECHO, port],
  },
];

/** What one of many connections that say nothing costs a server, in KiB. */
async function idleCost(
  listener: Listener,
  load: string,
  count: number,
): Promise<number> {
  const port = String(getAvailablePort());
  await using server = await startListener(listener.command(port), port);
  const [before, files] = [
    await memoryOf(server.pid),
    await openFilesOf(server.pid),
  ];
  await using _clients = startDaemon(
    [load, "hold", port, `${count}`],
    "lines",
  );
  await until(
    `${listener.name} to take ${count} clients`,
    async () => await openFilesOf(server.pid) >= files + count,
  );
  return (await memoryOf(server.pid) - before) / 1024 / count;
}

async function idlers({ folder, quick }: Bench): Promise<Contender[]> {
  const load = await compileLoad(folder);
  const count = quick ? 500 : 5000;
  return await Promise.all(ECHOES.map(async (listener) => ({
    name: listener.name,
    sample: await isInstalled(listener)
      ? async () => ({ figure: await idleCost(listener, load, count) })
      : undefined,
  })));
}

/** Connections per second at 1 and at 64 clients at a time, and memory per idle one. */
export const CLIENT_ROWS: readonly Row[] = [
  ...[1, 64].map((concurrency): Row => ({
    name: `accept${concurrency}`,
    unit: "connections/s; cpu in us each; more is better",
    missing: whyNoLoad,
    rounds: 9,
    warmUp: 1,
    prepare: (bench) => acceptors(bench, concurrency),
  })),
  {
    name: "idle",
    unit: "KiB for each of 5,000 idle connections, 500 under --quick",
    missing: whyNoLoad,
    rounds: 3,
    warmUp: 0,
    prepare: idlers,
  },
];
