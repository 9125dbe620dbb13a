/**
 * Rows of the benchmark about the api: how fast it reads, writes and starts.
 *
 * @module
 */

import { memoryOf, startListener, until } from "../../tests/daemon.ts";
import { find, run } from "../../tests/program.ts";
import { seed } from "../api/store/seed.ts";
import {
  type Bench,
  type Candidate,
  candidates,
  contend,
  type Contender,
  floor,
  hark,
  type Row,
} from "./contenders.ts";

const PEER = "json-server@0.17.4";
const CONNECTIONS = 64;

/** What serves the resources of a db.json, each in a folder of its own; npx finds json-server, or installs it. */
async function servers(): Promise<readonly Candidate[]> {
  const which = ["npx", "-y", "-p", PEER, "--", "which", "json-server"];
  const path = await find("npx") && (await run(which)).stdout.trim();
  const [peer = "", node = PEER] = path ? [path, "node"] : [];
  const api = hark("api", "FOLDER");
  return candidates`
    hark api, with its own data: ${api} --host 127.0.0.1 --port PORT FOLDER/own.db
    hark api db.json: ${api} --host 127.0.0.1 --port PORT FOLDER/db.json
    deno, a naive handler: ${floor("api")} PORT FOLDER/naive.db FOLDER/db.json
    json-server@0.17.4, node: ${node} ${peer} --quiet --host 127.0.0.1 --port PORT FOLDER/db.json`;
}

/** Gives a command line a new folder with the seed. */
async function place(
  folder: string,
  command: readonly string[],
): Promise<string[]> {
  const own = await Deno.makeTempDir({ dir: folder });
  const documents = Object.entries(seed).map(([name, make]) => [name, make()]);
  const text = JSON.stringify(Object.fromEntries(documents));
  await Deno.writeTextFile(`${own}/db.json`, text);
  return command.map((word) => word.replace("FOLDER", own));
}

/** Requests a second with a response of 2xx, as wrk counts them. */
async function requests(url: string, script: string[]): Promise<number> {
  const wrk = ["wrk", "-t1", `-c${CONNECTIONS}`, "-d1s", ...script, url];
  const { code, stdout } = await run(wrk);
  const rate = Number(stdout.match(/Requests\/sec:\s+([\d.]+)/)?.[1]);
  if (code !== 0 || Number.isNaN(rate) || stdout.includes("Non-2xx")) {
    throw new Error(`Cannot measure ${url}: ${stdout}`);
  }
  return rate;
}

const POST = `wrk.method = "POST"
wrk.body = '{"title":"foo","body":"bar","userId":1}'
wrk.headers["Content-Type"] = "application/json"`;

function loadRow(name: string, path: string, script?: string): Row {
  const prepare = async ({ stack, folder }: Bench) => {
    const lua = `${folder}/request.lua`;
    if (script !== undefined) await Deno.writeTextFile(lua, script);
    return await contend((await servers()).slice(1), async (command) => {
      const words = await place(folder, command);
      const { pid, port } = stack.use(await startListener(words));
      const url = `http://127.0.0.1:${port}${path}`;
      return async () => ({
        figure: await requests(url, script ? ["-s", lua] : []),
        rss: await memoryOf(pid, "VmHWM"),
      });
    });
  };
  const unit = `requests/s with ${CONNECTIONS} connections; more is better`;
  return { name, unit, needs: ["wrk"], rounds: 6, prepare };
}

/** How long programs take from their start to their first response, in ms. */
async function boots({ folder }: Bench): Promise<Contender[]> {
  return await contend(await servers(), (command) => async () => {
    const words = await place(folder, command);
    const begun = performance.now();
    await using server = await startListener(words);
    const url = `http://127.0.0.1:${server.port}/posts/1`;
    await until("a response", async () => {
      const response = await fetch(url).catch(() => undefined);
      await response?.body?.cancel();
      return response?.ok ?? false;
    });
    return { figure: performance.now() - begun };
  });
}

/** Reads and writes a second, and ms to the first response. */
export const API_ROWS: readonly Row[] = [
  loadRow("api-read", "/posts/1"),
  loadRow("api-list", "/posts"),
  loadRow("api-write", "/posts", POST),
  {
    name: "api-boot",
    unit: "ms to the first answer of a new database",
    rounds: 6,
    prepare: boots,
  },
];
