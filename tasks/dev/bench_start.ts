/**
 * Rows of the benchmark that time whole processes from start to end.
 *
 * @module
 */

import { createHandler } from "../../lib/api/handler.ts";
import { listen } from "../../lib/api/listen.ts";
import { seed } from "../../lib/api/seed.ts";
import { openStore } from "../../lib/api/sqlite.ts";
import { send } from "../../lib/tcp/connection.ts";
import { serve } from "../../lib/tcp/serve.ts";
import { contender, floor, hark } from "./contender.ts";
import type { Row } from "./measure.ts";

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

const nothing = () => floor("deno, an empty script", "empty.ts");

/** A server that greets, in this process. */
async function greeter(stack: AsyncDisposableStack): Promise<string> {
  const hello = new TextEncoder().encode("Hello, Client!");
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

/** `client`, `get` and `posts` beside those who do the same. */
export const START_ROWS: readonly Row[] = [
  {
    name: "client",
    unit: "ms",
    prepare: async ({ stack }) => {
      const port = await greeter(stack);
      const to = ["localhost", port];
      return [
        hark("client", `localhost:${port}`),
        floor("deno, a three-line client", "client.ts", port),
        nothing(),
        await contender("python", "python3", "-c", PYTHON_CLIENT, port),
        await contender("node", "node", "-e", NODE_CLIENT, port),
        await contender("nc", "nc", "-d", ...to),
        await contender("ncat", "ncat", "--recv-only", ...to),
        await contender("socat", "socat", "-u", `TCP:localhost:${port}`, "-"),
      ];
    },
  },
  {
    name: "get",
    unit: "ms",
    prepare: async ({ stack }) => {
      const url = `${await api(stack)}/posts/1`;
      return [
        hark("get", url),
        floor("deno, a three-line fetch", "fetch.ts", url),
        nothing(),
        await contender("curl", "curl", "-sS", url),
        await contender("python urllib", "python3", "-c", PYTHON_GET, url),
        await contender("python requests", "python3", "-c", REQUESTS_GET, url),
        await contender("HTTPie", "http", "--ignore-stdin", url),
      ];
    },
  },
  {
    name: "posts",
    unit: "ms",
    prepare: async ({ stack }) => {
      const base = await api(stack);
      const url = `${base}/posts`;
      return [
        hark("posts", "--url", base),
        floor("deno, a three-line script", "posts.ts", url),
        nothing(),
        await contender(
          "python requests",
          "python3",
          "-c",
          REQUESTS_POSTS,
          url,
        ),
        await contender("HTTPie", "http", "--ignore-stdin", url),
      ];
    },
  },
];
