/**
 * `deno task bench [NAME...] [--quick] [--json]`: hark beside its peers on loopback, whole processes, interleaved.
 *
 * @module
 */

import { parseArgs } from "@std/cli/parse-args";
import { createHandler } from "../../lib/api/handler.ts";
import { listen } from "../../lib/api/listen.ts";
import { seed } from "../../lib/api/seed.ts";
import { openStore } from "../../lib/api/sqlite.ts";
import { sendAll } from "../../lib/tcp/pump.ts";
import { serve } from "../../lib/tcp/serve.ts";
import { grantsOf } from "../../lib/cli/grants.ts";
import { type Contender, formatTimings, measure } from "./measure.ts";

const ROUNDS = 21;
const QUICK_ROUNDS = 3;

/** Where the small scripts are that hark is held against. */
const FLOOR = new URL("./floor/", import.meta.url).pathname;

/** A row of the table: what is measured, and who takes part, ours first. */
interface Row {
  readonly name: string;
  readonly contenders: readonly Contender[];
}

async function find(program: string): Promise<string | undefined> {
  const { code, stdout } = await new Deno.Command("which", {
    args: [program],
    stderr: "null",
  }).output();
  return code === 0 ? new TextDecoder().decode(stdout).trim() : undefined;
}

async function contender(
  name: string,
  program: string,
  ...args: string[]
): Promise<Contender> {
  const path = await find(program);
  return { name, command: path === undefined ? undefined : [path, ...args] };
}

/** A task as it runs under `deno task`, without the task runner's own start. */
function hark(task: string, ...args: string[]): Contender {
  const script = new URL(`../${task}.ts`, import.meta.url).pathname;
  return {
    name: `hark ${task}`,
    command: [
      Deno.execPath(),
      "run",
      `--allow-net=${grantsOf(task).net.join(",")}`,
      script,
      ...args,
    ],
  };
}

function floor(name: string, script: string, ...args: string[]): Contender {
  return {
    name,
    command: [Deno.execPath(), "run", "-A", `${FLOOR}${script}`, ...args],
  };
}

const PYTHON_CLIENT = `import socket, sys
s = socket.create_connection(("localhost", int(sys.argv[1])))
print(f"Received from server: {s.recv(1024).decode()}")`;
const PYTHON_GET = `import sys, urllib.request
print(urllib.request.urlopen(sys.argv[1]).read().decode())`;
const REQUESTS_GET = `import sys, requests
response = requests.get(sys.argv[1])
print(response.status_code, response.json())`;
const REQUESTS_POSTS = `import sys, requests
for post in requests.get(sys.argv[1]).json():
    print(f"Title: {post['title']}")
    print(f"Body: {post['body']}")
    print("-" * 40)`;

async function rowsFor(port: number, base: string): Promise<Row[]> {
  const nothing = floor("deno, an empty script", "empty.ts");
  return [
    {
      name: "client",
      contenders: [
        hark("client", `localhost:${port}`),
        floor("deno, a three-line client", "client.ts", String(port)),
        nothing,
        await contender(
          "python socket client",
          "python3",
          "-c",
          PYTHON_CLIENT,
          String(port),
        ),
        await contender("nc", "nc", "-d", "localhost", String(port)),
        await contender(
          "ncat",
          "ncat",
          "--recv-only",
          "localhost",
          String(port),
        ),
        await contender("socat", "socat", "-u", `TCP:localhost:${port}`, "-"),
      ],
    },
    {
      name: "get",
      contenders: [
        hark("get", `${base}/posts/1`),
        floor("deno, a three-line fetch", "fetch.ts", `${base}/posts/1`),
        nothing,
        await contender("curl", "curl", "-sS", `${base}/posts/1`),
        await contender(
          "python urllib",
          "python3",
          "-c",
          PYTHON_GET,
          `${base}/posts/1`,
        ),
        await contender(
          "python requests",
          "python3",
          "-c",
          REQUESTS_GET,
          `${base}/posts/1`,
        ),
        await contender("HTTPie", "http", "--ignore-stdin", `${base}/posts/1`),
      ],
    },
    {
      name: "posts",
      contenders: [
        hark("posts", "--url", base),
        floor("deno, a three-line script", "posts.ts", `${base}/posts`),
        nothing,
        await contender(
          "python requests",
          "python3",
          "-c",
          REQUESTS_POSTS,
          `${base}/posts`,
        ),
        await contender("HTTPie", "http", "--ignore-stdin", `${base}/posts`),
      ],
    },
  ];
}

const { _: names, quick, json } = parseArgs(Deno.args, {
  boolean: ["quick", "json"],
  string: ["_"],
});
const hello = new TextEncoder().encode("Hello, Client!");
await using greeter = await serve({
  address: { host: "localhost", port: 0 },
  handler: ({ conn }) => sendAll(conn, hello),
});
using store = openStore(":memory:", seed);
await using api = await listen(createHandler(store), {
  host: "localhost",
  port: 0,
});
const rows = await rowsFor(greeter.port, `http://localhost:${api.port}`);
const wanted = rows.filter(({ name }) =>
  names.length === 0 || names.includes(name)
);
for (const { name, contenders } of wanted) {
  const timings = await measure(contenders, quick ? QUICK_ROUNDS : ROUNDS);
  const missing = contenders.filter(({ command }) => command === undefined).map(
    (peer) => peer.name,
  );
  const text = json
    ? JSON.stringify({ name, timings, missing }) + "\n"
    : formatTimings(name, timings, missing);
  await Deno.stdout.write(new TextEncoder().encode(text));
}
