import {
  assert,
  assertEquals,
  assertMatch,
  assertRejects,
  assertStringIncludes,
} from "@std/assert";
import { Failure } from "../../lib/cli/errors.ts";
import { createHandler } from "../../tasks/api/handler.ts";
import {
  derive,
  type Middleware,
} from "../../tasks/api/middleware/middleware.ts";
import { serveHttp } from "../../tasks/api/serve.ts";
import { makeItems, seed } from "../../tasks/api/store/seed.ts";
import { openStore } from "../../tasks/api/store/sqlite.ts";
import { until } from "../daemon.ts";
import {
  receiveText,
  ROOT,
  sleep,
  spawn,
  spawnDeno,
  withFolder,
} from "../support.ts";
import { baseOf } from "./support.ts";

const free = { host: "localhost", port: 0 };
const hello = () => new Response("hello");

Deno.test("the api answers over a socket, on both loopback addresses", async () => {
  using store = openStore(":memory:", seed);
  await using server = await serveHttp(createHandler(store), free);
  const { port } = server;
  assertEquals(server.addresses, [`127.0.0.1:${port}`, `[::1]:${port}`]);
  for (const address of [`localhost:${port}`, ...server.addresses]) {
    const response = await fetch(`http://${address}/posts/1`);
    assertEquals(response.status, 200);
    assertEquals(await response.json(), makeItems("posts")[0]);
  }
  const body = JSON.stringify({ title: "foo", body: "bar", userId: 1 });
  const created = await fetch(`http://localhost:${port}/posts`, {
    method: "POST",
    body,
  });
  assertEquals(created.status, 201);
  assertEquals(
    created.headers.get("location"),
    `http://localhost:${port}/posts/101`,
  );
  assertEquals(await created.json(), {
    title: "foo",
    body: "bar",
    userId: 1,
    id: 101,
  });
  const head = await fetch(`http://localhost:${port}/posts`, {
    method: "HEAD",
  });
  assertEquals([head.status, await head.text()], [200, ""]);
});

Deno.test("a body that is too long is refused before it is read", async () => {
  using store = openStore(":memory:", seed);
  await using server = await serveHttp(createHandler(store), free);
  using connection = await Deno.connect({
    hostname: "127.0.0.1",
    port: server.port,
  });
  await write(
    connection,
    "POST /posts HTTP/1.1\r\nhost: localhost\r\ncontent-length: 10485760\r\n\r\n{",
  );
  assertStringIncludes(await read(connection), "HTTP/1.1 413 ");
});

Deno.test("a method that no request can be made of is 405, middleware or not", async () => {
  using store = openStore(":memory:", seed);
  const again: Middleware = (request, next) => next(derive(request, {}));
  for (const middleware of [[], [again]]) {
    const handler = createHandler(store, { middleware });
    await using server = await serveHttp(handler, free);
    for (const line of ["TRACE /posts", "CONNECT localhost:1", "TRACK /db"]) {
      using connection = await Deno.connect({
        hostname: "127.0.0.1",
        port: server.port,
      });
      await write(connection, `${line} HTTP/1.1\r\nhost: localhost\r\n\r\n`);
      const status = line.startsWith("CONNECT") ? 404 : 405;
      assertStringIncludes(await read(connection), `HTTP/1.1 ${status} `);
    }
  }
});

Deno.test("another host is listened on alone", async () => {
  await using server = await serveHttp(hello, { host: "::1", port: 0 });
  assertEquals(server.addresses, [`[::1]:${server.port}`]);
});

Deno.test("a taken port is refused, and nothing stays open", async () => {
  for (const hostname of ["127.0.0.1", "::1"]) {
    using taken = Deno.listen({ hostname, port: 0 });
    const { port } = taken.addr;
    await assertRejects(
      () => serveHttp(hello, { host: "localhost", port }),
      Failure,
      `Cannot listen on localhost:${port}`,
    );
  }
});

Deno.test({
  name: "an address that may not be listened on is refused",
  permissions: { net: ["127.0.0.1"] },
  async fn() {
    await assertRejects(
      () => serveHttp(hello, free),
      Failure,
    );
  },
});

Deno.test("an error of the handler is reported and answered with 500", async () => {
  const errors: unknown[] = [];
  const onError = (error: unknown) => errors.push(error);
  const failing = () => Promise.reject(new RangeError("secret"));
  await using server = await serveHttp(failing, free, { onError });
  const response = await fetch(`http://localhost:${server.port}/`);
  assertEquals(response.status, 500);
  assertEquals(await response.json(), {
    title: "Internal Server Error",
    status: 500,
    detail: "Cannot answer: unexpected error",
  });
  assert(errors[0] instanceof RangeError);
});

Deno.test({
  name:
    "an upgrade whose response is not given ends no more than its connection",
  // what Deno began for the upgrade never ends
  sanitizeOps: false,
  async fn() {
    const lost: string[] = [];
    const onLost = (error: unknown) => lost.push(`${error}`);
    const forget = (request: Request) => {
      const isUpgrade = request.headers.has("upgrade");
      if (isUpgrade) Deno.upgradeWebSocket(request);
      return hello();
    };
    await using server = await serveHttp(forget, free, { onLost });
    const { port } = server;
    for (const times of [1, 2]) {
      using connection = await Deno.connect({ hostname: "127.0.0.1", port });
      const head =
        "GET / HTTP/1.1\r\nhost: a\r\nconnection: upgrade\r\nupgrade: websocket\r\n";
      const key = "dGhlIHNhbXBsZSBub25jZQ==";
      await write(
        connection,
        `${head}sec-websocket-version: 13\r\nsec-websocket-key: ${key}\r\n\r\n`,
      );
      await until("the listener to be opened again", async () => {
        const response = await fetch(`http://127.0.0.1:${port}/`)
          .catch(() => undefined);
        return lost.length > 0 && await response?.text() === "hello";
      });
      assertEquals(lost, ["Failure: the listener ended by itself"], `${times}`);
    }
  },
});

/** A server whose only response is under way until it is released. */
async function serveSlowly() {
  const arrived = Promise.withResolvers<void>();
  const release = Promise.withResolvers<void>();
  const server = await serveHttp(async () => {
    arrived.resolve();
    await release.promise;
    return hello();
  }, free);
  const response = fetch(`http://localhost:${server.port}/`);
  await arrived.promise;
  return { server, response, release: release.resolve };
}

Deno.test("a shutdown lets the answer under way be sent, and takes no new client", async () => {
  const { server, response, release } = await serveSlowly();
  const { port } = server;
  const ended = server.shutdown(60_000);
  release();
  assertEquals(await (await response).text(), "hello");
  await ended;
  const connecting = () => Deno.connect({ hostname: "127.0.0.1", port });
  await assertRejects(connecting, Deno.errors.ConnectionRefused);
  await server.finished;
});

Deno.test("a shutdown waits no longer than its grace", async () => {
  const { server, response, release } = await serveSlowly();
  await server.shutdown(1);
  release();
  await (await response).text();
  await server.finished;
});

Deno.test("without grace a client is cut off", async () => {
  const server = await serveHttp(hello, free);
  using connection = await Deno.connect({
    hostname: "127.0.0.1",
    port: server.port,
  });
  await write(connection, "GET / HTTP/1.1\r\nhost: a\r\n");
  await server[Symbol.asyncDispose]();
  await server.shutdown(0);
  await assertRejects(() => read(connection), Deno.errors.ConnectionReset);
});

/** Asks over a connection of its own, and gives it when the head has come: `Expect` tells that. */
async function begin(port: number, framing: string): Promise<Deno.Conn> {
  const connection = await Deno.connect({ hostname: "127.0.0.1", port });
  const head = "POST /posts HTTP/1.1\r\nhost: localhost\r\n";
  await write(connection, `${head}expect: 100-continue\r\n${framing}\r\n\r\n`);
  assertStringIncludes(await read(connection), "HTTP/1.1 100 ");
  return connection;
}

for (const signal of ["SIGINT", "SIGTERM"] as const) {
  Deno.test({
    name:
      `${signal} loses nothing: bodies under way are stored, and others sent away`,
    ignore: Deno.build.os === "windows",
    fn: () =>
      withFolder(async (folder) => {
        const file = `${folder}/a.db`;
        const args = ["run", "-A", `${ROOT}tasks/api.ts`, file];
        const api = spawnDeno([...args, "--port", "0"]);
        const url = await baseOf(api.stdout);
        const port = Number(new URL(url).port);
        const connect = () => Deno.connect({ hostname: "127.0.0.1", port });
        using declared = await begin(port, "content-length: 13");
        using chunked = await begin(port, "transfer-encoding: chunked");
        using half = await connect();
        await write(half, "GET /posts HTTP/1.1\r\nho");
        const idle = await fetch(`${url}/posts/1`);
        await idle.text();
        api.kill(signal);
        let refusal: Response | undefined;
        await until("others to be sent away", async () => {
          refusal = await fetch(`${url}/posts`, { method: "POST", body: "{}" });
          await refusal.body?.cancel();
          return refusal.status !== 201;
        });
        assertEquals(
          [refusal?.status, refusal?.headers.get("retry-after")],
          [503, "1"],
        );
        // who follows events would not come back after a refusal
        const events = await fetch(`${url}/events`, {
          headers: { accept: "text/event-stream" },
        });
        assertEquals(events.status, 200);
        assertMatch(await events.text(), /^retry: 1000\nid: [\w-]+\n\n$/);
        await write(declared, '{"title":"a"}');
        await write(chunked, 'd\r\n{"title":"b"}\r\n0\r\n\r\n');
        for (const connection of [declared, chunked]) {
          assertStringIncludes(await receiveText(connection), "HTTP/1.1 201 ");
        }
        assertEquals((await api.result).code, 0);
        using store = openStore(file, seed);
        const titles = JSON.stringify(await store.list("posts"));
        for (const title of ["a", "b"]) {
          assertStringIncludes(titles, `title\\": \\"${title}\\"`);
        }
      }),
  });
}

Deno.test("a body that does not come is waited for no longer than the grace, nor after a second signal", async () => {
  for (const [grace, code] of [["0.05", 0], ["60", 130]] as const) {
    const args = ["--memory", "--port", "0", "--grace", grace];
    const api = spawn("api", args);
    const port = Number(new URL(await baseOf(api.stdout)).port);
    using _ = await begin(port, "content-length: 13");
    api.kill("SIGINT");
    if (code === 130) {
      let ended = false;
      api.result.finally(() => ended = true);
      // one that follows at once is taken for the first
      await until("the end", async () => {
        await sleep(50);
        if (!ended) api.kill("SIGINT");
        return ended;
      });
    }
    assertEquals((await api.result).code, code);
  }
});

Deno.test("a shutdown lets a long answer be sent to a slow reader, and closes what is idle", async () => {
  const length = 2 ** 24;
  const server = await serveHttp(() => new Response("x".repeat(length)), free);
  const connect = () =>
    Deno.connect({ hostname: "127.0.0.1", port: server.port });
  const head = "GET / HTTP/1.1\r\nhost: a\r\n";
  using slow = await connect();
  await write(slow, `${head}\r\n`);
  const start = await read(slow);
  using half = await connect();
  await write(half, head);
  const ended = server.shutdown(60_000);
  assertEquals(await receiveText(half), "");
  const rest = await receiveText(slow);
  assertEquals((start + rest).split("\r\n\r\n")[1]?.length, length);
  await ended;
  await server.finished;
});

async function write(connection: Deno.Conn, text: string): Promise<void> {
  const writer = connection.writable.getWriter();
  await writer.write(new TextEncoder().encode(text));
  writer.releaseLock();
}

async function read(connection: Deno.Conn): Promise<string> {
  const buffer = new Uint8Array(1000);
  const length = await connection.read(buffer) ?? 0;
  return new TextDecoder().decode(buffer.subarray(0, length));
}
