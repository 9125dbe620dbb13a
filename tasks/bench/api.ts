/**
 * Rows of the benchmark about the api: how fast it reads, writes and starts.
 *
 * @module
 */

import { getAvailablePort } from "@std/net/get-available-port";
import {
  memoryOf,
  startDaemon,
  startListener,
  until,
} from "../../tests/daemon.ts";
import { find, run } from "../../tests/program.ts";
import { seed } from "../api/store/seed.ts";
import { allow, floorCommand, harkCommand } from "./contender.ts";
import type { Bench, Contender, Row } from "./measure.ts";

const PEER = "json-server@0.17.4";
const CONNECTIONS = 64;
const worldText = JSON.stringify(
  Object.fromEntries(
    Object.entries(seed).map(([name, make]) => [name, make()]),
  ),
);

/** Something that serves the resources of a db.json. */
interface Candidate {
  readonly name: string;
  /** Its command line; undefined where it is not installed. */
  readonly command:
    | ((place: { folder: string; data: string; port: string }) => string[])
    | undefined;
}

/** The script of json-server, which npm installs in its cache. */
async function findPeer(): Promise<string | undefined> {
  if (await find("npx") === undefined) return undefined;
  const { code, stdout } = await run([
    ...["npx", "-y", "-p", PEER, "--", "which", "json-server"],
  ]);
  return code === 0 ? stdout.trim() : undefined;
}

/** What a user starts who has no data yet. */
const SEEDED: Candidate = {
  name: "hark api, with its own data",
  command: ({ folder, port }) =>
    permitted(folder, `${folder}/own.db`, "--port", port),
};

/** `api` on the IPv4 loopback, which may use the files of a folder. */
const permitted = (folder: string, ...args: string[]) => {
  const command = harkCommand("api", "--host", "127.0.0.1", ...args);
  return allow("write", folder, allow("read", folder, command));
};

async function candidates(): Promise<readonly Candidate[]> {
  const peer = await findPeer();
  return [
    {
      name: "hark api db.json",
      command: ({ folder, data, port }) =>
        permitted(folder, data, "--port", port),
    },
    {
      name: "deno, a naive handler",
      command: ({ folder, data, port }) =>
        floorCommand("api.ts", port, `${folder}/naive.db`, data),
    },
    {
      name: `${PEER}, node`,
      command: peer === undefined ? undefined : ({ data, port }) => [
        ...["node", peer, "--quiet", "--host", "127.0.0.1", "--port", port],
        data,
      ],
    },
  ];
}

/** A folder of its own for a program, with the seed as db.json. */
async function place(
  folder: string,
): Promise<{ folder: string; data: string; port: string }> {
  const own = await Deno.makeTempDir({ dir: folder });
  const data = `${own}/db.json`;
  await Deno.writeTextFile(data, worldText);
  return { folder: own, data, port: String(getAvailablePort()) };
}

/** Requests a second that wrk gets answered with 2xx. */
async function requests(url: string, script?: string): Promise<number> {
  const { code, stdout } = await run([
    ...["wrk", "-t1", `-c${CONNECTIONS}`, "-d1s"],
    ...script === undefined ? [] : ["-s", script],
    url,
  ]);
  const rate = Number(stdout.match(/Requests\/sec:\s+([\d.]+)/)?.[1]);
  if (code !== 0 || Number.isNaN(rate) || stdout.includes("Non-2xx")) {
    throw new Error(`Cannot measure ${url}: ${stdout}`);
  }
  return rate;
}

async function underLoad(
  { stack, folder }: Bench,
  path: string,
  script?: string,
): Promise<Contender[]> {
  const contenders: Contender[] = [];
  for (const { name, command } of await candidates()) {
    if (command === undefined) {
      contenders.push({ name, sample: undefined });
      continue;
    }
    const own = await place(folder);
    const { pid } = stack.use(await startListener(command(own), own.port));
    const url = `http://127.0.0.1:${own.port}${path}`;
    contenders.push({
      name,
      sample: async () => ({
        figure: await requests(url, script),
        rss: await memoryOf(pid, "VmHWM"),
      }),
    });
  }
  return contenders;
}

/** How long programs take from their start to their first answer, in ms. */
async function boots({ folder }: Bench): Promise<Contender[]> {
  return [SEEDED, ...await candidates()].map(({ name, command }) => ({
    name,
    sample: command && (async () => {
      const own = await place(folder);
      const url = `http://127.0.0.1:${own.port}/posts/1`;
      const begun = performance.now();
      await using _server = startDaemon(command(own));
      await until(`${name} to answer`, () => answers(url));
      return { figure: performance.now() - begun };
    }),
  }));
}

async function answers(url: string): Promise<boolean> {
  try {
    const response = await fetch(url);
    await response.body?.cancel();
    return response.ok;
  } catch {
    return false;
  }
}

const POST = `wrk.method = "POST"
wrk.body = '{"title":"foo","body":"bar","userId":1}'
wrk.headers["Content-Type"] = "application/json"`;

const common = {
  unit: `requests/s with ${CONNECTIONS} connections; more is better`,
  missing: async () =>
    await find("wrk") === undefined ? "it needs wrk" : undefined,
  rounds: 7,
  warmUp: 1,
} as const;

/** Reads and writes a second, and ms to the first answer. */
export const API_ROWS: readonly Row[] = [
  {
    ...common,
    name: "api-read",
    prepare: (bench) => underLoad(bench, "/posts/1"),
  },
  {
    ...common,
    name: "api-list",
    prepare: (bench) => underLoad(bench, "/posts"),
  },
  {
    ...common,
    name: "api-write",
    prepare: async (bench) => {
      const script = `${bench.folder}/post.lua`;
      await Deno.writeTextFile(script, POST);
      return await underLoad(bench, "/posts", script);
    },
  },
  {
    name: "api-boot",
    unit: "ms to the first answer of a new database",
    rounds: 7,
    warmUp: 1,
    prepare: boots,
  },
];
