/**
 * Rows of the benchmark that time whole processes from start to end.
 *
 * @module
 */

import { fileURLToPath } from "node:url";
import { send } from "../../lib/net/connection.ts";
import { startDaemon } from "../../tests/daemon.ts";
import { find } from "../../tests/program.ts";
import { createHandler } from "../api/handler.ts";
import { listen } from "../api/serve.ts";
import { seed } from "../api/store/seed.ts";
import { openStore } from "../api/store/sqlite.ts";
import { serve } from "../server/serve.ts";
import {
  allow,
  type Candidate,
  contend,
  floorCommand,
  harkCommand,
} from "./contender.ts";
import type { Bench, Contender, Row } from "./measure.ts";

const PYTHON_CLIENT = `import socket, sys
s = socket.create_connection(("localhost", int(sys.argv[1])))
print(f"Received from server: {s.recv(1024).decode()}")`;
const NODE_CLIENT =
  `require("net").connect(Number(process.argv[1]), "localhost")
.on("data", (data) => console.log("Received from server: " + data))`;
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

const hello = new TextEncoder().encode("Hello, Client!");

const REQUESTS_POST = `import sys, requests
response = requests.post(sys.argv[1], json={"title": "foo", "body": "bar", "userId": 1})
print(response.status_code, response.json())`;

const hark = (task: string, ...args: string[]): Candidate => [
  `hark ${task}`,
  ...harkCommand(task, ...args),
];
const deno = (what: string, script: string, ...args: string[]): Candidate => [
  `deno, ${what}`,
  ...floorCommand(script, ...args),
];
const python = (what: string, script: string, ...args: string[]): Candidate => [
  `python${what}`,
  ...["python3", "-c", script, ...args],
];
const NOTHING = deno("an empty script", "empty.ts");

/** A server that greets, in this process. */
async function greeter(stack: AsyncDisposableStack): Promise<string> {
  const server = stack.use(
    await serve({
      host: "localhost",
      handler: (connection) => send(connection, hello),
    }),
  );
  return String(server.port);
}

/** An API, in this process. */
async function api(stack: AsyncDisposableStack): Promise<string> {
  const store = stack.use(openStore(":memory:", seed));
  const server = stack.use(
    await listen(createHandler(store), { host: "localhost", port: 0 }),
  );
  return `http://localhost:${server.port}`;
}

const PYTHON_TLS_CLIENT = `import socket, ssl, sys
s = socket.create_connection(("localhost", int(sys.argv[1])))
s = ssl.create_default_context(cafile=sys.argv[2]).wrap_socket(s, server_hostname="localhost")
print(f"Received from server: {s.recv(1024).decode()}")`;

/** A server that greets with TLS, in this process, and the file of its certificate. */
async function tlsGreeter(
  { stack, folder }: Bench,
): Promise<{ readonly port: string; readonly cert: string }> {
  const { makeCertificate } = await import("../../lib/net/tls/certificate.ts");
  const identity = await makeCertificate();
  const cert = `${folder}/cert.pem`;
  await Deno.writeTextFile(cert, identity.cert);
  const server = stack.use(
    await serve({
      host: "localhost",
      tls: identity,
      handler: (connection) => send(connection, hello),
    }),
  );
  return { port: String(server.port), cert };
}

/** How long our server takes until it says where it listens, in ms. */
function listens(...args: string[]): Contender {
  const command = harkCommand("server", "--port", "0", ...args);
  return {
    name: ["hark server", ...args].join(" "),
    sample: async () => {
      const begun = performance.now();
      await using server = startDaemon(command, "lines");
      for (let said = ""; !said.startsWith("Listening");) {
        const line = await server.line();
        if (line === undefined) throw new Error("Cannot start a server");
        said = line;
      }
      return { figure: performance.now() - begun };
    },
  };
}

const BINARY = fileURLToPath(new URL("../../dist/get", import.meta.url));
const POST = ["title=foo", "body=bar", "userId:=1"];

/** The commands beside those who do the same, and what TLS adds. */
export const START_ROWS: readonly Row[] = [
  {
    name: "binary",
    unit: "ms to tell its version",
    missing: async () =>
      await find(BINARY) === undefined
        ? "there is no dist/get: deno task compile get"
        : undefined,
    prepare: (bench) =>
      contend(bench, [
        ["hark get, a binary", BINARY, "--version"],
        hark("get", "--version"),
        NOTHING,
      ]),
  },
  {
    name: "client",
    unit: "ms",
    prepare: async (bench) => {
      const port = await greeter(bench.stack);
      const to = ["localhost", port];
      return contend(bench, [
        hark("client", `localhost:${port}`),
        deno("a three-line client", "client.ts", port),
        NOTHING,
        python("", PYTHON_CLIENT, port),
        ["node", "node", "-e", NODE_CLIENT, port],
        ["nc", "nc", "-d", ...to],
        ["ncat", "ncat", "--recv-only", ...to],
        ["socat", "socat", "-u", `TCP:localhost:${port}`, "-"],
      ]);
    },
  },
  {
    name: "get",
    unit: "ms",
    prepare: async (bench) => {
      const url = `${await api(bench.stack)}/posts/1`;
      return contend(bench, [
        hark("get", url),
        deno("a three-line fetch", "fetch.ts", url),
        NOTHING,
        ["curl", "curl", "-sS", url],
        python(" urllib", PYTHON_GET, url),
        python(" requests", REQUESTS_GET, url),
        ["HTTPie", "http", "--ignore-stdin", url],
      ]);
    },
  },
  {
    name: "post",
    unit: "ms",
    prepare: async (bench) => {
      const url = `${await api(bench.stack)}/posts`;
      const json = '{"title":"foo","body":"bar","userId":1}';
      return contend(bench, [
        hark("post", url, ...POST),
        deno("a short fetch", "post.ts", url),
        NOTHING,
        ["curl", "curl", "-sS", "--json", json, url],
        python(" requests", REQUESTS_POST, url),
        ["HTTPie", "http", "--ignore-stdin", url, ...POST],
      ]);
    },
  },
  {
    name: "posts",
    unit: "ms",
    prepare: async (bench) => {
      const base = await api(bench.stack);
      const url = `${base}/posts`;
      return contend(bench, [
        hark("posts", "--url", base),
        deno("a three-line script", "posts.ts", url),
        NOTHING,
        python(" requests", REQUESTS_POSTS, url),
        ["HTTPie", "http", "--ignore-stdin", url],
      ]);
    },
  },
  {
    name: "client-tls",
    unit: "ms",
    prepare: async (bench) => {
      const { port, cert } = await tlsGreeter(bench);
      const to = ["localhost", port];
      const trust = ["--ssl-verify", "--ssl-trustfile", cert];
      const client = harkCommand("client", "--tls", "--ca", cert, ...to);
      return contend(bench, [
        ["hark client --tls", ...allow("read", cert, client)],
        deno("a three-line TLS client", "client.ts", port, cert),
        hark("client", await greeter(bench.stack)),
        NOTHING,
        python("", PYTHON_TLS_CLIENT, port, cert),
        ["ncat", "ncat", "--recv-only", ...trust, ...to],
        [
          ...["socat", "socat", "-u"] as const,
          ...[`OPENSSL:localhost:${port},cafile=${cert}`, "-"],
        ],
      ]);
    },
  },
  {
    name: "server",
    unit: "ms until it listens",
    prepare: () => Promise.resolve([listens("--tls"), listens()]),
  },
];
