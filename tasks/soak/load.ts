/**
 * Full-size checks under load: resets, a hundred thousand connections, thousands of idle ones.
 *
 * @module
 */

import {
  memoryOf,
  openFilesOf,
  startDaemon,
  until,
} from "../../tests/daemon.ts";
import { run } from "../../tests/program.ts";
import { type Accepted, compileLoad } from "../bench/load.ts";
import { type Check, demand, startServer } from "./check.ts";

const MIB = 2 ** 20;

async function greet(port: string): Promise<void> {
  using conn = await Deno.connect({
    hostname: "127.0.0.1",
    port: Number(port),
  });
  const buffer = new Uint8Array(64);
  const count = await conn.read(buffer) ?? 0;
  const text = new TextDecoder().decode(buffer.subarray(0, count));
  demand(text === "Hello, Client!", `the server said "${text}"`);
}

const RESETS = `import socket, struct, sys
for _ in range(int(sys.argv[2])):
    client = socket.create_connection(("127.0.0.1", int(sys.argv[1])))
    client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    client.close()`;

async function reset(port: string, count: number): Promise<void> {
  const { code } = await run(["python3", "-c", RESETS, port, `${count}`]);
  demand(code === 0, "python3 could not connect");
}

async function accept(
  load: string,
  port: string,
  ms: number,
): Promise<Accepted> {
  const { stdout } = await run([load, "accept", port, "64", `${ms}`]);
  return JSON.parse(stdout);
}

/** How often a measure of memory is taken at most. */
const ROUNDS = 5;

/** Resets, many connections, idle connections. */
export const LOAD_CHECKS: readonly Check[] = [
  {
    name: "10,000 resets before accept",
    needs: ["python3"],
    run: async () => {
      const { port, server } = await startServer();
      await using _server = server;
      await reset(port, 5000);
      await greet(port);
      // the rest fills the queue of a server that is stopped
      for (let done = 5000; done < 10_000; done += 500) {
        Deno.kill(server.pid, "SIGSTOP");
        await reset(port, 500);
        Deno.kill(server.pid, "SIGCONT");
        await greet(port);
      }
      return "the next client is greeted";
    },
  },
  {
    name: "100,000 connections without a leak",
    needs: ["cc"],
    run: async (folder) => {
      const load = await compileLoad(folder);
      const { port, server } = await startServer();
      await using _server = server;
      const files = await openFilesOf(server.pid);
      const serveMany = async () => {
        for (let done = 0; done < 100_000;) {
          const accepted = await accept(load, port, 2000);
          demand(accepted.failed === 0, `${accepted.failed} clients failed`);
          done += accepted.done;
        }
      };
      // V8 takes what it wants of memory during the first ones; a leak would grow with every round
      await serveMany();
      const first = await memoryOf(server.pid);
      let [before, grown, rounds] = [first, Infinity, 1];
      for (; rounds < ROUNDS && grown >= 4; rounds++) {
        await serveMany();
        const now = await memoryOf(server.pid);
        grown = (now - before) / MIB;
        before = now;
      }
      await until(
        "its sockets to close",
        async () => await openFilesOf(server.pid) <= files,
      );
      demand(grown < 4, `memory grew by ${grown.toFixed(1)} MiB`);
      return `${(first / MIB).toFixed(0)} MiB after the first 100,000, ${
        grown.toFixed(1)
      } MiB more in round ${rounds}, no socket left`;
    },
  },
  {
    name: "5,000 idle connections",
    needs: ["cc"],
    run: async (folder) => {
      const load = await compileLoad(folder);
      const hold = async () => {
        const { port, server } = await startServer(
          ...["echo", "--max-clients", "6000"],
        );
        await using _server = server;
        const [memory, files] = [
          await memoryOf(server.pid),
          await openFilesOf(server.pid),
        ];
        let held: number;
        {
          await using _clients = startDaemon(
            [load, "hold", port, "5000"],
            "lines",
          );
          await until(
            "5,000 clients",
            async () => await openFilesOf(server.pid) >= files + 5000,
          );
          held = await memoryOf(server.pid) - memory;
        }
        await until(
          "its sockets to close",
          async () => await openFilesOf(server.pid) <= files,
        );
        return held / 1024 / 5000;
      };
      // garbage that was not collected yet is nobody's: the least of some servers counts
      let each = Infinity;
      for (let round = 0; round < ROUNDS && each > 9; round++) {
        each = Math.min(each, await hold());
      }
      demand(each <= 9, `${each.toFixed(2)} KiB each`);
      return `${each.toFixed(2)} KiB each, no socket left`;
    },
  },
];
