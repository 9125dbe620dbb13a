/**
 * The full-size checks of `api`.
 *
 * @module
 */

import { hasJsonServer, startJsonServer } from "../../tests/api/json_server.ts";
import { crash } from "../../tests/api/store/crash.ts";
import { compare } from "../../tests/api/store/differential.ts";
import { createRequests, WORLD } from "../../tests/api/store/random_query.ts";
import { connectMany } from "../../tests/daemon.ts";
import { createHandler } from "../api/handler.ts";
import { openStore } from "../api/store/sqlite.ts";
import { type Check, demand, mebibytesOf, start } from "./check.ts";

const QUERIES = 5000;
const CRASHES = 30;
const IDLE = 1000;
const BUSY = 64;
const LOAD_MS = 30_000;
const PATHS = ["/posts", "/posts/1", "/posts?userId=1", "/posts/1/comments"];

async function survive(folder: string): Promise<string> {
  const path = `${folder}/a.db`;
  const { acknowledged, lost, integrity } = await crash(path, CRASHES);
  demand(lost === 0, `${lost} of ${acknowledged} acknowledged writes are lost`);
  demand(integrity === "ok", integrity);
  return `${acknowledged} acknowledged writes, ${CRASHES} kills, 0 lost`;
}

async function load(): Promise<string> {
  await using api = await start("api", "--memory");
  const idle = await connectMany(api.port, IDLE);
  let responses = 0;
  const request = async (until: number) => {
    while (performance.now() < until) {
      const path = PATHS[responses++ % PATHS.length];
      const response = await fetch(`http://127.0.0.1:${api.port}${path}`);
      await response.body?.cancel();
      demand(response.ok, `${response.status} for ${response.url}`);
    }
  };
  const spend = async (ms: number) => {
    const until = performance.now() + ms;
    await Promise.all(Array.from({ length: BUSY }, () => request(until)));
    return (await mebibytesOf(api.pid)).toFixed(0);
  };
  const before = await spend(LOAD_MS / 3);
  const after = await spend(LOAD_MS * 2 / 3);
  for (const connection of idle) connection.close();
  return `${responses} answers, ${IDLE} idle clients, memory ${before} -> ${after} MB`;
}

async function differ(folder: string): Promise<string> {
  demand(await hasJsonServer(), "json-server cannot be installed");
  const seed = Date.now() % 2 ** 32;
  await using peer = await startJsonServer(WORLD, folder);
  using store = openStore(":memory:", JSON.parse(JSON.stringify(WORLD)));
  const queries = Array.from({ length: QUERIES }, createRequests(seed).read);
  const { same, excepted, differing } = await compare(
    createHandler(store),
    peer.origin,
    queries,
  );
  const first = differing.slice(0, 3).join("\n");
  demand(differing.length === 0, `start ${seed}: ${first}`);
  const reasons = Object.entries(excepted).map(([why, count]) =>
    `${count}: ${why}`
  );
  return `${same} of ${QUERIES} the same, ${reasons.join(", ")}`;
}

/** All of them, the quick ones first. */
export const API_CHECKS: readonly Check[] = [
  { name: "api kill -9", run: survive },
  { name: "api idle and busy clients", run: load },
  { name: "api beside json-server", run: differ },
];
