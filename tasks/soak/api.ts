/**
 * The full-size checks of `api`.
 *
 * @module
 */

import { hasJsonServer, startJsonServer } from "../../tests/api/json_server.ts";
import { crash } from "../../tests/api/store/crash.ts";
import { compare } from "../../tests/api/store/differential.ts";
import { createRequests, WORLD } from "../../tests/api/store/random_query.ts";
import { createHandler } from "../api/handler.ts";
import { openStore } from "../api/store/sqlite.ts";
import { type Check, demand } from "./check.ts";

const QUERIES = 5000;
const CRASHES = 30;

async function survive(folder: string): Promise<string> {
  const path = `${folder}/a.db`;
  const { acknowledged, lost, integrity } = await crash(path, CRASHES);
  demand(lost === 0, `${lost} of ${acknowledged} acknowledged writes are lost`);
  demand(integrity === "ok", integrity);
  return `${acknowledged} acknowledged writes, ${CRASHES} kills, 0 lost`;
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
  { name: "api beside json-server", run: differ },
];
