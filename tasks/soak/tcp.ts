/**
 * The full-size checks of `server` and `client`: under load, with clients that do not read or send nothing, with others'
 * programs.
 *
 * @module
 */

import { send, writeAll } from "../../lib/net/connection.ts";
import {
  connect,
  connectMany,
  type Listener,
  openFilesOf,
  startListener,
  until,
} from "../../tests/daemon.ts";
import { hashThrough, makeRandomFile } from "../../tests/net/big_transfer.ts";
import {
  lossesAtEcho,
  lossesAtPipe,
  lossesAtRelay,
  lossesFromServer,
  type Rounds,
} from "../../tests/net/half_close.ts";
import { makeIdentity } from "../../tests/net/identity.ts";
import {
  asProcess,
  PATIENT_CLIENTS,
  PEER_CLIENTS,
  PEER_SERVERS,
} from "../../tests/net/peers.ts";
import { run } from "../../tests/program.ts";
import { accept, idleCost } from "../bench/connections.ts";
import { hark, load } from "../bench/contenders.ts";
import { serve } from "../server/serve.ts";
import { type Check, demand, mebibytesOf, start } from "./check.ts";

/** How often a measure of memory is taken at most. */
const ROUNDS = 5;
const HALF_CLOSES = 100;
const SILENT = 50;
const TOTAL = 40_000_000;

async function greet(port: number): Promise<void> {
  using conn = await connect(port);
  const text = await new Response(conn.readable).text();
  demand(text === "Hello, Client!", `the server said "${text}"`);
}

async function reset(port: number, count: number): Promise<void> {
  const { code } = await run(load("reset", port, count));
  demand(code === 0, "python3 could not connect");
}

async function survivesResets(): Promise<string> {
  await using server = await start("server");
  await reset(server.port, 5000);
  await greet(server.port);
  // the rest fills the queue of a server that is stopped
  for (let done = 5000; done < 10_000; done += 500) {
    Deno.kill(server.pid, "SIGSTOP");
    await reset(server.port, 500);
    Deno.kill(server.pid, "SIGCONT");
    await greet(server.port);
  }
  return "the next client is greeted";
}

async function leaksNothing(): Promise<string> {
  await using server = await start("server");
  const files = await openFilesOf(server.pid);
  const serveMany = async () => {
    for (let sum = 0; sum < 100_000;) {
      const { done, failed } = await accept(server.port, 64, 2000);
      demand(failed === 0, `${failed} clients failed`);
      sum += done;
    }
    return await mebibytesOf(server.pid);
  };
  // V8 takes what it wants of memory during the first ones; a leak would grow with every round
  const first = await serveMany();
  let [before, grown, rounds] = [first, Infinity, 1];
  for (; rounds < ROUNDS && grown >= 4; rounds++) {
    const now = await serveMany();
    [before, grown] = [now, now - before];
  }
  const closed = async () => await openFilesOf(server.pid) <= files;
  await until("its sockets to close", closed);
  const growth = `${grown.toFixed(1)} MiB more in round ${rounds}`;
  demand(grown < 4, growth);
  const base = `${first.toFixed(0)} MiB after the first 100,000`;
  return `${base}, ${growth}, no socket left`;
}

async function idlesCheaply(): Promise<string> {
  const words = ["echo", "--port", "PORT", "--max-clients", "6000"];
  // garbage that was not collected yet is nobody's: the least of some servers counts
  let each = Infinity;
  for (let round = 0; round < ROUNDS && each > 9; round++) {
    each = Math.min(each, await idleCost([...hark("server"), ...words], 5000));
  }
  demand(each <= 9, `${each.toFixed(2)} KiB each`);
  return `${each.toFixed(2)} KiB each, no socket left`;
}

/** Lets three clients read 40 MB each, and demands that the memory of the server stays within bounds. */
async function readers(
  { pid, port }: Listener,
  speak: () => Promise<void>,
): Promise<string> {
  const readAll = async (conn: Deno.Conn) => {
    const buffer = new Uint8Array(256 * 1024);
    for (let sum = 0; sum < TOTAL;) {
      const count = await conn.read(buffer);
      demand(count !== null, `a reader got ${sum} of ${TOTAL} bytes`);
      sum += count ?? 0;
    }
    conn.close();
  };
  const files = await openFilesOf(pid);
  // this one never reads
  using _slow = await connect(port);
  const conns = await connectMany(port, 3);
  const joined = async () => await openFilesOf(pid) >= files + 4;
  await until("all to have joined", joined);
  const before = await mebibytesOf(pid);
  const begun = performance.now();
  await Promise.all([speak(), ...conns.map(readAll)]);
  const seconds = (performance.now() - begun) / 1000;
  const grown = await mebibytesOf(pid, "VmHWM") - before;
  const growth = `memory at most ${grown.toFixed(1)} MiB more`;
  demand(grown < 48, growth);
  return `40 MB to each of 3 in ${seconds.toFixed(1)} s, ${growth}`;
}

async function chatsOn(): Promise<string> {
  await using server = await start("server", "chat");
  using speaker = await connect(server.port);
  return await readers(server, async () => {
    const line = new TextEncoder().encode(`${"x".repeat(999)}\n`);
    for (let n = 0; n < TOTAL / 1000; n++) await writeAll(speaker, line);
  });
}

async function relaysOn(): Promise<string> {
  await using source = await serve({
    handler: async (connection) => {
      const chunk = new Uint8Array(TOTAL / 160);
      for (let n = 0; n < 160; n++) await send(connection, chunk);
    },
  });
  const target = `127.0.0.1:${source.port}`;
  await using server = await start("server", "relay", target);
  return await readers(server, () => Promise.resolve());
}

async function givesUpSilence(): Promise<string> {
  const words = ["--tls", "--json", "--port", "PORT"];
  const command = [...hark("server"), ...words];
  await using server = await startListener(command, "lines");
  const files = await openFilesOf(server.pid);
  const begun = performance.now();
  const silent = await connectMany(server.port, SILENT);
  await silent[0]?.write(new Uint8Array([22, 3, 1, 2, 0]));
  const { stdout } = await run([
    ...["openssl", "s_client", "-quiet"],
    ...["-connect", `127.0.0.1:${server.port}`],
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
  const text = `given up after ${seconds.toFixed(1)} s`;
  demand(seconds > 9 && seconds < 12, text);
  // their own ends are open still
  const closed = async () => await openFilesOf(server.pid) <= files;
  await until("the sockets of silent clients to close", closed);
  for (const conn of silent) conn.close();
  return `another greeted in ${greeted.toFixed(0)} ms, ${SILENT} ${text}`;
}

/** How often a range of ports is scanned. */
const SCANS = 3;

/** TCP connects by chance to itself: of all ports only those count as open on which somebody listens. */
async function findsNoPhantoms(): Promise<string> {
  await using server = await start("server");
  const words = ["--check", "1-65535", "127.0.0.1"];
  for (let scan = 0; scan < SCANS; scan++) {
    const { stdout } = await run([...hark("client"), ...words]);
    const found = stdout.matchAll(/:(\d+) open$/gm);
    for (const port of Array.from(found, ([, port]) => Number(port))) {
      const check = [...hark("client"), "--check", `127.0.0.1:${port}`];
      const { code } = await run(check);
      demand(code === 0, `nobody listens on ${port}`);
    }
    demand(stdout.includes(`:${server.port} open\n`), "the server is missed");
  }
  return `${SCANS} scans of 65,535 ports`;
}

/** Sends random bytes to our echo and back, so many times, each time to their end. */
async function bothWays(
  folder: string,
  sizes: readonly number[],
  isTls: boolean,
): Promise<string> {
  const { cert, key } = await makeIdentity(folder);
  const path = `${folder}/random`;
  const tls = isTls ? ["--cert", cert, "--key", key] : [];
  await using server = await startListener(
    [...hark("server", folder), "echo", "--port", "PORT", ...tls],
  );
  let seconds = 0;
  for (const [at, size] of sizes.entries()) {
    const sent = await makeRandomFile(path, size);
    // a certificate of its own makes it another implementation of TLS
    const own = at % 2 === 1 ? tls : [];
    const begun = performance.now();
    const came = await hashThrough([
      ...[...hark("client", folder), "--pipe", `localhost:${server.port}`],
      ...isTls ? ["--ca", cert, ...own] : [],
    ], path);
    seconds += (performance.now() - begun) / 1000;
    demand(came === sent, `SHA-256 of transfer ${at} is ${came}, not ${sent}`);
  }
  const bytes = sizes.reduce((sum, size) => sum + size, 0);
  const rate = (bytes / 1e9 / seconds).toFixed(2);
  return `${sizes.length} with the same SHA-256, ${rate} GB/s`;
}

/** A check that counts what was lost in many half-closes. */
function halfCloses<Peer extends { readonly program: string }>(
  name: string,
  peer: Peer,
  lossesOf: (peer: Peer, rounds: Rounds) => Promise<string[]>,
): Check {
  const run = async (folder: string) => {
    const identity = await makeIdentity(folder);
    const rounds = { count: HALF_CLOSES, launch: asProcess, identity };
    const losses = await lossesOf(peer, rounds);
    demand(losses.length === 0, `${losses.length} lost: ${losses[0]}`);
    return `0 of ${HALF_CLOSES} replies lost`;
  };
  return { name: `half-close: ${name}`, run, needs: [peer.program, "openssl"] };
}

const BEHIND = PEER_SERVERS.filter((it) => it.answers === "after" && !it.tls);
const PYTHON = ["python3"];
const HASHES = ["openssl", "sha256sum"];
const SIZES = Array.from({ length: 50 }, (_, at) => 2 ** (20 + at % 7));
const SILENCE =
  "TLS: silent and slow clients are given up after 10 s and harm nobody";

/** All of them, the quick ones first. */
export const TCP_CHECKS: readonly Check[] = [
  { name: "10,000 resets before accept", needs: PYTHON, run: survivesResets },
  {
    name: "100,000 connections without a leak",
    needs: PYTHON,
    run: leaksNothing,
  },
  { name: "5,000 idle connections", run: idlesCheaply },
  { name: "chat: one of five never reads 40 MB", run: chatsOn },
  { name: "relay: one of four never reads 40 MB", run: relaysOn },
  { name: SILENCE, needs: ["openssl"], run: givesUpSilence },
  { name: "no port is open that nobody listens on", run: findsNoPhantoms },
  ...([
    ["TLS: 1-64 MiB both ways end well", SIZES, true],
    ["1 GiB both ways, plain", [2 ** 30], false],
    ["1 GiB both ways, with TLS", [2 ** 30], true],
  ] as const).map(([name, sizes, isTls]): Check => ({
    name,
    needs: HASHES,
    run: (folder) => bothWays(folder, sizes, isTls),
  })),
  ...PEER_SERVERS.map((it) =>
    halfCloses(`client --pipe to ${it.name}`, it, lossesFromServer)
  ),
  ...PEER_CLIENTS.map((it) =>
    halfCloses(`${it.name} to server echo`, it, lossesAtEcho)
  ),
  ...PATIENT_CLIENTS.map((it) =>
    halfCloses(`${it.name} to server pipe`, it, lossesAtPipe)
  ),
  ...PATIENT_CLIENTS.flatMap((it) =>
    BEHIND.map((behind) =>
      halfCloses(
        `${it.name} to server relay to ${behind.name}`,
        it,
        (peer, rounds) => lossesAtRelay(peer, behind, rounds),
      )
    )
  ),
];
