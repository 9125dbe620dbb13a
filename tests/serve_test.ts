import {
  assert,
  assertEquals,
  assertGreater,
  assertMatch,
  assertRejects,
} from "@std/assert";
import { Failure } from "../lib/cli/errors.ts";
import { exitCodeOf } from "../lib/cli/reasons.ts";
import { listen, openAll } from "../lib/tcp/listen.ts";
import { serve, type ServerEvent } from "../lib/tcp/serve.ts";
import { sendAll } from "../lib/tcp/pump.ts";
import { getAvailablePort } from "@std/net/get-available-port";
import { hasCommand, spawnProgram } from "./support.ts";

const hello = new TextEncoder().encode("Hello, Client!");
const greet = ({ conn }: { conn: Deno.Conn }) => sendAll(conn, hello);

/** Everything that a peer sends until it closes. */
async function receiveAll(conn: Deno.Conn): Promise<string> {
  const buffer = new Uint8Array(1024);
  let text = "";
  for (let count; (count = await conn.read(buffer)) !== null;) {
    text += new TextDecoder().decode(buffer.subarray(0, count));
  }
  return text;
}

async function greeting(port: number): Promise<string> {
  using conn = await Deno.connect({ hostname: "127.0.0.1", port });
  return await receiveAll(conn);
}

Deno.test("serve() tells what happens, in order", async () => {
  const events: ServerEvent[] = [];
  const server = await serve({
    handler: greet,
    onEvent: (event) => events.push(event),
  });
  assertEquals(await greeting(server.port), "Hello, Client!");
  await server.shutdown();
  assertEquals(events.map(({ event }) => event), [
    "waiting",
    "listening",
    "open",
    "close",
  ]);
  const [, listening, open, close] = events;
  assertEquals(listening, {
    event: "listening",
    address: `127.0.0.1:${server.port}`,
  });
  assert(
    open?.event === "open" && close?.event === "close" &&
      open.peer === close.peer,
  );
  assertEquals(close.reason, "done");
});

Deno.test("serve() with once ends by itself after one client", async () => {
  const server = await serve({ handler: greet, once: true });
  assertEquals(await greeting(server.port), "Hello, Client!");
  await server.finished;
  await assertRejects(
    () => Deno.connect({ port: server.port }),
    Deno.errors.ConnectionRefused,
  );
});

Deno.test("serve() goes on when a handler throws, and says why", async () => {
  const reasons: string[] = [];
  await using server = await serve({
    handler: () =>
      Promise.reject(new Deno.errors.ConnectionReset("os error 104")),
    onEvent: (event) => event.event === "close" && reasons.push(event.reason),
  });
  assertEquals(await greeting(server.port), "");
  assertEquals(await greeting(server.port), "");
  await server.shutdown();
  assertEquals(reasons, [
    "connection reset by peer",
    "connection reset by peer",
  ]);
});

Deno.test("serve() lets clients beyond maxClients wait, and serves them when one leaves", async () => {
  const release = Promise.withResolvers<void>();
  let opened = 0;
  await using server = await serve({
    maxClients: 2,
    handler: async (connection) => {
      opened++;
      await release.promise;
      await greet(connection);
    },
  });
  const answers = Array.from({ length: 4 }, () => greeting(server.port));
  using probe = await Deno.connect({ port: server.port });
  assertEquals(opened <= 2, true);
  release.resolve();
  assertEquals(await Promise.all(answers), Array(4).fill("Hello, Client!"));
  assertEquals(await receiveAll(probe), "Hello, Client!");
});

Deno.test("serve() shuts down in order: no new client, a grace for the others, then the end", async () => {
  const entered = Promise.withResolvers<void>();
  const server = await serve({
    handler: async ({ conn }) => {
      entered.resolve();
      await conn.read(new Uint8Array(1));
    },
  });
  using idle = await Deno.connect({ port: server.port });
  await entered.promise;
  const begun = performance.now();
  await server.shutdown(50);
  assertGreater(performance.now() - begun, 40);
  assertEquals(await idle.read(new Uint8Array(1)), null);
  await assertRejects(
    () => Deno.connect({ port: server.port }),
    Deno.errors.ConnectionRefused,
  );
});

const RESETS = `
import socket, struct, sys
for _ in range(500):
    s = socket.create_connection(("127.0.0.1", int(sys.argv[1])))
    s.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    s.close()
`;

Deno.test({
  name:
    "serve() survives 500 clients that reset before they are accepted (needs python3)",
  ignore: !hasCommand("python3"),
  fn: async () => {
    const release = Promise.withResolvers<void>();
    await using server = await serve({
      maxClients: 1,
      handler: async (connection) => {
        await release.promise;
        await greet(connection);
      },
    });
    using first = await Deno.connect({ port: server.port });
    const resets = await spawnProgram("python3", [
      "-c",
      RESETS,
      String(server.port),
    ]).result;
    assertEquals(resets.code, 0, resets.stderr);
    release.resolve();
    assertEquals(await receiveAll(first), "Hello, Client!");
    assertEquals(await greeting(server.port), "Hello, Client!");
  },
});

Deno.test("listen() takes both loopbacks for localhost, on one port", async () => {
  const listeners = await listen({ host: "localhost", port: 0 });
  const ports = listeners.map(({ addr }) => "port" in addr ? addr.port : 0);
  for (const listener of listeners) listener.close();
  assertGreater(listeners.length, 0);
  assertEquals(new Set(ports).size, 1);
});

Deno.test("listen() names the address in use and a free port", async () => {
  using taken = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const error = await assertRejects(
    () => listen({ host: "127.0.0.1", port: taken.addr.port }),
    Failure,
  );
  assertEquals(error.message, `Cannot listen on 127.0.0.1:${taken.addr.port}`);
  assertMatch(error.hint ?? "", /^a free port: --port \d+/);
  assertEquals(exitCodeOf(error), 1);
});

Deno.test("listen() does not look for a free port where it may not listen", async () => {
  const error = await assertRejects(
    () => listen({ host: "203.0.113.1", port: 1 }),
    Failure,
  );
  assertEquals(error.hint, undefined);
});

const missing = () => {
  throw new Deno.errors.AddrNotAvailable();
};
const opened = (port: number) => ({ port, close: () => {} });

Deno.test("openAll() does with one loopback where the other is missing", () => {
  const open = (hostname: string) => hostname === "::1" ? missing() : opened(7);
  assertEquals(
    openAll({ host: "localhost", port: 7 }, open, ({ port }) => port).length,
    1,
  );
});

Deno.test("openAll() fails where both loopbacks are missing", () => {
  try {
    openAll({ host: "localhost", port: 7 }, missing, () => 0);
  } catch (error) {
    return assert(error instanceof Deno.errors.AddrNotAvailable);
  }
  assert(false);
});

Deno.test("openAll() asks again when a free port is taken on the other loopback, and closes what it opened", () => {
  const closed: number[] = [];
  let next = 1;
  const listeners = openAll(
    { host: "localhost", port: 0 },
    (hostname, port) => {
      if (hostname === "::1" && port < 3) throw new Deno.errors.AddrInUse();
      const mine = port === 0 ? next++ : port;
      return { port: mine, close: () => void closed.push(mine) };
    },
    ({ port }) => port,
  );
  assertEquals(listeners.map(({ port }) => port), [3, 3]);
  assertEquals(closed, [1, 2]);
});

Deno.test("getAvailablePort() keeps to the preferred port where it is free, and finds another where it is not", () => {
  const free = getAvailablePort();
  assertEquals(getAvailablePort({ preferredPort: free }), free);
  using taken = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  assert(
    getAvailablePort({ preferredPort: taken.addr.port }) !== taken.addr.port,
  );
});
