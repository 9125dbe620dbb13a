/**
 * A server, a relay to it and an api under mixed load: whoever misbehaves may hurt only himself.
 *
 * @module
 */

import { getAvailablePort } from "@std/net/get-available-port";
import { examine } from "../../tests/api/store/crash.ts";
import {
  type Daemon,
  memoryOf,
  openFilesOf,
  startListener,
  until,
} from "../../tests/daemon.ts";
import { allow, harkCommand } from "../bench/contender.ts";
import { type Check, demand, startServer } from "./check.ts";
import { echoed, misbehave, posted } from "./clients.ts";

const MIB = 2 ** 20;
const POLITE = 3;
const RUDE = 6;
const PAUSE_MS = 10;
/** V8 lets garbage lie until there is enough of it, which takes some minutes; a leak goes on growing. */
const GROWTH_MIB = 64;

/** Half of it begins a document that never comes. */
const REQUEST =
  `POST /posts HTTP/1.1\r\nHost: localhost\r\nContent-Length: 40\r\n\r\n{"title":"never to be acknowledged"}    `;

/** The mixed load. */
export const MIXED_CHECKS: readonly Check[] = [
  { name: "mixed load", run: mix },
];

/** A program under load. */
interface Target {
  readonly name: string;
  readonly port: number;
  readonly daemon: Daemon;
}

async function mix(folder: string, minutes: number): Promise<string> {
  const path = `${folder}/a.db`;
  const echo = await startServer("echo");
  await using _echo = echo.server;
  const relay = await startServer("relay", `127.0.0.1:${echo.port}`);
  await using _relay = relay.server;
  const port = String(getAvailablePort());
  const api = await startListener(
    allow(
      "write",
      folder,
      allow("read", folder, harkCommand("api", path, "--port", port)),
    ),
    port,
  );
  await using _api = api;
  const targets: readonly Target[] = [
    { name: "server", port: Number(echo.port), daemon: echo.server },
    { name: "relay", port: Number(relay.port), daemon: relay.server },
    { name: "api", port: Number(port), daemon: api },
  ];
  const written = new Map<number, string>();
  const sums = { bytes: 0, rude: 0 };

  /** So many ms of everything at once. */
  async function load(ms: number): Promise<void> {
    const end = performance.now() + ms;
    using client = Deno.createHttpClient({});
    const origin = `http://127.0.0.1:${port}`;
    const repeat = async (count: number, act: () => Promise<unknown>) => {
      const one = async () => {
        while (performance.now() < end) {
          await act();
          await new Promise((resolve) => setTimeout(resolve, PAUSE_MS));
        }
      };
      await Promise.all(Array.from({ length: count }, one));
    };
    const polite = [echo, relay].map(({ port }) =>
      repeat(POLITE, async () => sums.bytes += await echoed(Number(port)))
    );
    const rude = targets.map(({ port }) =>
      repeat(RUDE, async () => {
        await misbehave(port, REQUEST);
        sums.rude++;
      })
    );
    const write = repeat(POLITE, async () => {
      written.set(...await posted(origin, client));
    });
    await Promise.all([...polite, ...rude, write]);
  }

  const facts = await withWatch(targets, async () => {
    const idle = await Promise.all(
      targets.map(({ daemon }) => openFilesOf(daemon.pid)),
    );
    const ms = minutes * 60_000;
    await load(ms / 3);
    const before = await rest(targets, idle);
    await load(ms * 2 / 3);
    const after = await rest(targets, idle);
    return targets.map(({ name }, at) => {
      const [from = NaN, to = NaN] = [before[at], after[at]];
      const text = `${name} ${from.toFixed(0)} -> ${to.toFixed(0)} MiB`;
      demand(to - from < GROWTH_MIB, `memory grew: ${text}`);
      return text;
    });
  });
  await api[Symbol.asyncDispose]();
  const { acknowledged, lost, integrity } = examine(path, written);
  demand(sums.bytes > 0 && acknowledged > 0 && sums.rude > 0, "no load came");
  demand(lost === 0, `${lost} of ${acknowledged} acknowledged writes are lost`);
  demand(integrity === "ok", integrity);
  return [
    `${(sums.bytes / MIB).toFixed(0)} MiB echoed`,
    `${acknowledged} writes, none lost`,
    `${sums.rude} rude clients`,
    "no file left open",
    ...facts,
  ].join(", ");
}

/** Does something, and fails as soon as one of the programs ends meanwhile. */
async function withWatch<Result>(
  targets: readonly Target[],
  work: () => Promise<Result>,
): Promise<Result> {
  const ends = targets.map(async ({ name, daemon }): Promise<never> => {
    const status = await daemon.ended;
    throw new Error(`${name} ended: ${JSON.stringify(status)}`);
  });
  return await Promise.race([work(), ...ends]);
}

/** Waits until every program has closed what it opened under load. Resolves to their memory in MiB. */
async function rest(
  targets: readonly Target[],
  idle: readonly number[],
): Promise<number[]> {
  return await Promise.all(
    targets.map(async ({ name, daemon: { pid } }, at) => {
      await until(
        `${name} to close its sockets`,
        async () => await openFilesOf(pid) <= (idle[at] ?? 0),
      );
      return await memoryOf(pid) / MIB;
    }),
  );
}
