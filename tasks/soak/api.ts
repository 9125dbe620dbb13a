/**
 * The full-size checks of `api`.
 *
 * @module
 */

import { getAvailablePort } from "@std/net/get-available-port";
import { hasJsonServer, startJsonServer } from "../../tests/api/json_server.ts";
import { crash } from "../../tests/api/store/crash.ts";
import { compare } from "../../tests/api/store/differential.ts";
import { createRequests, WORLD } from "../../tests/api/store/random_query.ts";
import { memoryOf, startDaemon } from "../../tests/daemon.ts";
import { createHandler } from "../api/handler.ts";
import { openStore } from "../api/store/sqlite.ts";
import { harkCommand } from "../bench/contender.ts";
import { type Check, demand } from "./check.ts";

const QUERIES = 5000;
const CRASHES = 30;
const IDLE = 1000;
const BUSY = 64;
const LOAD_MS = 30_000;

/** All of them, the quick ones first. */
export const API_CHECKS: readonly Check[] = [
  { name: "api kill -9", run: survive },
  { name: "api idle and busy clients", run: load },
  { name: "api beside json-server", run: differ },
];

async function differ(folder: string): Promise<string> {
  demand(await hasJsonServer(), "json-server cannot be installed");
  const start = Date.now() % 2 ** 32;
  await using peer = await startJsonServer(WORLD, folder);
  using store = openStore(":memory:", JSON.parse(JSON.stringify(WORLD)));
  const { read } = createRequests(start);
  const { same, excepted, differing } = await compare(
    createHandler(store),
    peer.origin,
    Array.from({ length: QUERIES }, read),
  );
  demand(
    differing.length === 0,
    `start ${start}: ${differing.slice(0, 3).join("\n")}`,
  );
  const reasons = Object.entries(excepted).map(([why, count]) =>
    `${count}: ${why}`
  );
  return `${same} of ${QUERIES} the same, ${reasons.join(", ")}`;
}

async function survive(folder: string): Promise<string> {
  const { acknowledged, lost, integrity } = await crash(
    `${folder}/a.db`,
    CRASHES,
  );
  demand(lost === 0, `${lost} of ${acknowledged} acknowledged writes are lost`);
  demand(integrity === "ok", integrity);
  return `${acknowledged} acknowledged writes, ${CRASHES} kills, 0 lost`;
}

async function load(): Promise<string> {
  const port = getAvailablePort();
  await using api = startDaemon(
    harkCommand("api", "--memory", "--port", `${port}`),
    "lines",
  );
  demand(await api.line() !== undefined, "the api does not start");
  const drained = (async () => {
    while (await api.line() !== undefined);
  })();
  const idle = await Promise.all(
    Array.from({ length: IDLE }, () => Deno.connect({ port })),
  );
  const url = `http://127.0.0.1:${port}`;
  const paths = ["/posts", "/posts/1", "/posts?userId=1", "/posts/1/comments"];
  let answers = 0;
  const ask = async (until: number) => {
    while (performance.now() < until) {
      const response = await fetch(url + paths[answers++ % paths.length]);
      await response.body?.cancel();
      demand(response.ok, `${response.status} for ${response.url}`);
    }
  };
  const spend = async (ms: number) => {
    const until = performance.now() + ms;
    await Promise.all(Array.from({ length: BUSY }, () => ask(until)));
    return await memoryOf(api.pid);
  };
  const before = await spend(LOAD_MS / 3);
  const after = await spend(LOAD_MS * 2 / 3);
  for (const connection of idle) connection.close();
  await api[Symbol.asyncDispose]();
  await drained;
  const megabytes = [before, after].map((bytes) => Math.round(bytes / 2 ** 20));
  return `${answers} answers, ${IDLE} idle clients, memory ${
    megabytes.join(" -> ")
  } MB`;
}
