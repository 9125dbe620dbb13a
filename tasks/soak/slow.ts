/**
 * Full-size checks with clients that do not read, or say nothing: they may hurt only themselves.
 *
 * @module
 */

import { getAvailablePort } from "@std/net/get-available-port";
import { send } from "../../lib/net/connection.ts";
import {
  type Daemon,
  isListening,
  memoryOf,
  openFilesOf,
  startDaemon,
  until,
} from "../../tests/daemon.ts";
import { run } from "../../tests/program.ts";
import { harkCommand } from "../bench/contender.ts";
import { compileLoad, type Moved } from "../bench/load.ts";
import { serve } from "../server/serve.ts";
import { type Check, demand, startServer } from "./check.ts";

const MIB = 2 ** 20;
const SILENT = 50;
const LINES = 40_000;
/** A thousand bytes. */
const LINE = new TextEncoder().encode("x".repeat(999) + "\n");
const TOTAL = LINES * LINE.length;

const connect = (port: string) =>
  Deno.connect({ hostname: "127.0.0.1", port: Number(port) });

async function readAll(conn: Deno.Conn, bytes: number): Promise<void> {
  const buffer = new Uint8Array(256 * 1024);
  for (let sum = 0; sum < bytes;) {
    const count = await conn.read(buffer);
    demand(count !== null, `a reader got ${sum} of ${bytes} bytes`);
    sum += count ?? 0;
  }
}

async function sendLines(conn: Deno.Conn): Promise<void> {
  for (let line = 0; line < LINES; line++) {
    for (let done = 0; done < LINE.length;) {
      done += await conn.write(LINE.subarray(done));
    }
  }
}

/** Says how long something took, and demands that memory stayed within bounds. */
async function flat(
  server: Daemon,
  what: string,
  work: () => Promise<unknown>,
): Promise<string> {
  const before = await memoryOf(server.pid);
  const begun = performance.now();
  await work();
  const seconds = (performance.now() - begun) / 1000;
  const grown = (await memoryOf(server.pid, "VmHWM") - before) / MIB;
  demand(grown < 48, `memory grew by ${grown.toFixed(1)} MiB`);
  return `${what} in ${seconds.toFixed(1)} s, memory at most ${
    grown.toFixed(1)
  } MiB more`;
}

/** A chat and a relay with a reader that does not read, and TLS clients that say nothing. */
export const SLOW_CHECKS: readonly Check[] = [
  {
    name: "chat: one of five never reads 40 MB",
    run: async () => {
      const { port, server } = await startServer("chat");
      await using _server = server;
      using speaker = await connect(port);
      using _slow = await connect(port);
      const readers = [
        await connect(port),
        await connect(port),
        await connect(port),
      ];
      await until(
        "all to have joined",
        async () => await openFilesOf(server.pid) >= 5,
      );
      const text = await flat(server, "40 MB to each of 3", () =>
        Promise.all([
          sendLines(speaker),
          ...readers.map((reader) => readAll(reader, TOTAL)),
        ]));
      for (const reader of readers) reader.close();
      return text;
    },
  },
  {
    name: "relay: one of four never reads 40 MB",
    needs: ["cc"],
    run: async (folder) => {
      const load = await compileLoad(folder);
      const bytes = 40_000_000;
      const chunk = new Uint8Array(250_000);
      await using source = await serve({
        handler: async (connection) => {
          for (let sent = 0; sent < bytes; sent += chunk.length) {
            await send(connection, chunk);
          }
        },
      });
      const target = `127.0.0.1:${source.port}`;
      const { port, server } = await startServer("relay", target);
      await using _server = server;
      using _slow = await connect(port);
      return await flat(
        server,
        "40 MB to each of 3",
        () =>
          Promise.all([1, 2, 3].map(async () => {
            const { stdout } = await run([load, "fetch", port]);
            const { bytes: came }: Moved = JSON.parse(stdout || "{}");
            demand(came === bytes, `a client got ${came} of ${bytes} bytes`);
          })),
      );
    },
  },
  {
    name:
      "TLS: silent and slow clients are given up after 10 s and harm nobody",
    needs: ["openssl"],
    run: async () => {
      const port = String(getAvailablePort());
      await using server = startDaemon(
        harkCommand("server", "--tls", "--json", "--port", port),
        "lines",
      );
      await until("a server to listen", () => isListening(Number(port)));
      const begun = performance.now();
      const silent = await Promise.all(
        Array.from({ length: SILENT }, () => connect(port)),
      );
      await silent[0]?.write(new Uint8Array([22, 3, 1, 2, 0]));
      const { stdout } = await run([
        ...["openssl", "s_client", "-quiet", "-connect", `127.0.0.1:${port}`],
      ]);
      const greeted = performance.now() - begun;
      demand(
        stdout === "Hello, Client!" && greeted < 2000,
        `openssl s_client was not greeted, in ${greeted.toFixed(0)} ms`,
      );
      for (let refused = 0; refused < SILENT;) {
        if ((await server.line())?.includes('"refused"')) refused++;
      }
      const seconds = (performance.now() - begun) / 1000;
      for (const conn of silent) conn.close();
      demand(
        seconds > 9 && seconds < 12,
        `given up after ${seconds.toFixed(1)} s`,
      );
      return `another greeted in ${
        greeted.toFixed(0)
      } ms, ${SILENT} given up after ${seconds.toFixed(1)} s`;
    },
  },
];
