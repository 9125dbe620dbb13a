/**
 * Rows of the benchmark about big bodies of HTTP: saved, sent, shown; and about events.
 *
 * @module
 */

import { startDaemon } from "../../tests/daemon.ts";
import { find } from "../../tests/program.ts";
import { writeZeros } from "./bytes.ts";
import {
  allow,
  type Candidate,
  contend,
  floorCommand,
  harkCommand,
} from "./contender.ts";
import { whyNoLoad } from "./load.ts";
import type { Bench, Contender, Row } from "./measure.ts";

const PYTHON_DOWNLOAD = `import sys, requests
with requests.get(sys.argv[1], stream=True) as r, open(sys.argv[2], "wb") as f:
    for chunk in r.iter_content(262144):
        f.write(chunk)`;

const PYTHON_UPLOAD = `import sys, requests
requests.post(sys.argv[1], data=open(sys.argv[2], "rb")).raise_for_status()`;

const MIB = 2 ** 20;
const EVENTS = 200;
const PAUSE_MS = 5;

/** Where everything is. */
interface Place {
  readonly folder: string;
  readonly file: string;
  readonly url: string;
}

/** An array of records of some 100 bytes. */
async function writeJson(path: string, bytes: number): Promise<void> {
  using file = await Deno.create(path);
  const encoder = new TextEncoder();
  const record = (id: number) =>
    `{"id":${id},"name":"record ${id}","price":${id}.10,"tags":["a","b"],"nested":{"ok":true,"none":null}}`;
  let written = await file.write(encoder.encode(`[${record(0)}`));
  for (let id = 1; written < bytes; id += 1000) {
    const rows = Array.from({ length: 1000 }, (_, at) => `,${record(id + at)}`);
    written += await file.write(encoder.encode(rows.join("")));
  }
  await file.write(encoder.encode("]\n"));
}

function events(): ReadableStream<Uint8Array> {
  const encoder = new TextEncoder();
  let count = 0;
  return new ReadableStream({
    async pull(controller) {
      if (count++ === EVENTS) return controller.close();
      await new Promise((resolve) => setTimeout(resolve, PAUSE_MS));
      const at = performance.timeOrigin + performance.now();
      controller.enqueue(encoder.encode(`data: {"at":${at}}\n\n`));
    },
  });
}

/** A server in this process: a file to get, a sink to send to, events. */
async function open(
  { stack, folder }: Bench,
  write: (path: string) => Promise<void>,
  type = "application/octet-stream",
): Promise<Place> {
  const file = `${folder}/body`;
  await write(file);
  const { size } = await Deno.stat(file);
  const server = Deno.serve(
    { hostname: "127.0.0.1", port: 0, onListen() {} },
    async (request) => {
      if (request.url.endsWith("/events")) {
        return new Response(events(), {
          headers: { "content-type": "text/event-stream" },
        });
      }
      if (request.method === "GET") {
        const { readable } = await Deno.open(file);
        const headers = { "content-type": type, "content-length": `${size}` };
        return new Response(readable, { headers });
      }
      let received = 0;
      for await (const chunk of request.body ?? []) received += chunk.length;
      return Response.json({ received }, {
        status: received < size ? 400 : 201,
      });
    },
  );
  stack.use(server);
  return { folder, file, url: `http://127.0.0.1:${server.addr.port}/` };
}

/** A task that may use the files of a folder. */
function hark(task: string, folder: string, ...args: string[]): string[] {
  const command = harkCommand(task, ...args);
  return allow("write", folder, allow("read", folder, command));
}

/** How late the events of a stream are on the stdout of a program: 99 of 100 are not later. */
function lagging(name: string, command: readonly string[]): Contender {
  const sample = async () => {
    await using daemon = startDaemon(command, "lines");
    const lags: number[] = [];
    for (let line = await daemon.line(); line !== undefined;) {
      const at = line.match(/"at":\s*([\d.]+)/)?.[1];
      const now = performance.timeOrigin + performance.now();
      if (at !== undefined) lags.push(now - Number(at));
      line = await daemon.line();
    }
    if (lags.length !== EVENTS) {
      throw new Error(`Cannot measure ${lags.length} events of ${EVENTS}`);
    }
    const sorted = lags.toSorted((a, b) => a - b);
    return { figure: sorted[Math.ceil(EVENTS * 0.99) - 1] ?? NaN };
  };
  return { name, sample };
}

const common = { missing: whyNoLoad, rounds: 7, warmUp: 1 } as const;
const openLarge = (bench: Bench) =>
  open(bench, (path) => writeZeros(path, (bench.quick ? 64 : 1024) * MIB));

/** ms of whole processes. */
export const HTTP_ROWS: readonly Row[] = [
  {
    ...common,
    name: "download",
    unit: "ms for 1 GiB into a file; cpu in ms",
    prepare: async (bench) => {
      const place = await openLarge(bench);
      const { folder, url } = place;
      const to = `${folder}/saved`;
      const candidates: readonly Candidate[] = [
        ["hark get -o", ...hark("get", folder, "-q", "-o", to, url)],
        ["deno, pipeTo", ...floorCommand("save.ts", url, to)],
        ["curl -o", "curl", "-s", "-o", to, url],
        ["HTTPie", "http", "--ignore-stdin", "-dqo", to, url],
        ["python requests", "python3", "-c", PYTHON_DOWNLOAD, url, to],
      ];
      return await contend(place, candidates, () => Deno.remove(to));
    },
  },
  {
    ...common,
    name: "upload",
    unit: "ms for 1 GiB with its length; cpu in ms",
    prepare: async (bench) => {
      const place = await openLarge(bench);
      const { folder, url, file } = place;
      return await contend(place, [
        ["hark post @FILE", ...hark("post", folder, url, `@${file}`)],
        ["curl -T", "curl", "-sf", "-X", "POST", "-T", file, url],
        ["HTTPie", "http", "--ignore-stdin", url, `@${file}`],
        ["python requests", "python3", "-c", PYTHON_UPLOAD, url, file],
      ]);
    },
  },
  {
    ...common,
    name: "multipart",
    unit: "ms for a form with a file of 1 GiB; cpu in ms",
    prepare: async (bench) => {
      const place = await openLarge(bench);
      const { folder, url, file } = place;
      return await contend(place, [
        ["hark post -f", ...hark("post", folder, "-f", url, `file@${file}`)],
        ["curl -F", "curl", "-sf", "-F", `file=@${file}`, url],
        ["HTTPie", "http", "--ignore-stdin", "-f", url, `file@${file}`],
      ]);
    },
  },
  {
    ...common,
    name: "json",
    unit: "ms to show 50 MB of JSON; cpu in ms",
    prepare: async (bench) => {
      const bytes = bench.quick ? 2e6 : 50e6;
      const write = (path: string) => writeJson(path, bytes);
      const place = await open(bench, write, "application/json");
      const { folder, url } = place;
      // where jq is not installed, that is what is missing
      const shell = await find("jq") === undefined ? "jq" : "sh";
      return await contend(place, [
        ["hark get --pretty", ...hark("get", folder, "--pretty", url)],
        ["curl | jq", shell, "-c", `curl -s ${url} | jq .`],
      ]);
    },
  },
  {
    ...common,
    name: "events",
    unit: `ms of lag of 99 of 100 events, one each ${PAUSE_MS} ms`,
    missing: () => Promise.resolve(undefined),
    prepare: async (bench) => {
      const { folder, url } = await open(bench, (path) => writeZeros(path, 0));
      const events = `${url}events`;
      return [
        lagging("hark get", hark("get", folder, events)),
        lagging("hark get --pretty", hark("get", folder, "--pretty", events)),
        ...await find("curl")
          ? [lagging("curl -N", ["curl", "-sN", events])]
          : [],
      ];
    },
  },
];
