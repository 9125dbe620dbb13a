import {
  assert,
  assertEquals,
  assertGreater,
  assertLess,
  assertMatch,
  assertNotEquals,
  assertRejects,
} from "@std/assert";
import { getAvailablePort } from "@std/net/get-available-port";
import { Failure, UsageError } from "../../lib/cli/errors.ts";
import { describe, exitCodeOf } from "../../lib/cli/reasons.ts";
import { parseCidr } from "../../lib/net/cidr.ts";
import {
  type Connection,
  type KeyPair,
  receive,
  send,
} from "../../lib/net/connection.ts";
import { LOOPBACKS } from "../../lib/net/address.ts";
import { listen, listenFailure, openAll } from "../../lib/net/listen.ts";
import type { ServerEvent } from "../../tasks/server/log/events.ts";
import { makeCertificate } from "../../tasks/server/tls/certificate.ts";
import { discard, echo } from "../../tasks/server/handlers.ts";
import { listenTls, listenUnix } from "../../tasks/server/listeners.ts";
import {
  acceptAll,
  serve,
  type ServeOptions,
} from "../../tasks/server/serve.ts";
import { RESETS } from "../net/peers.ts";
import {
  encode,
  hasCommand,
  receiveFrom,
  receiveText,
  settled,
  sleep,
  spawnDeno,
  spawnProgram,
  testWith,
  withFolder,
} from "../support.ts";

const hello = encode("Hello, Client!");
const greet = (connection: Connection) => send(connection, hello);

Deno.test("serve() tells what happens, in order", async () => {
  const events: ServerEvent[] = [];
  const server = await serve({
    handler: greet,
    onEvent: (event) => events.push(event),
  });
  assertEquals(await receiveFrom(server.port), "Hello, Client!");
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
  const { bytesIn, bytesOut, ms, reason } = close;
  assertEquals([bytesIn, bytesOut, ms >= 0, reason], [0, 14, true, "done"]);
});

Deno.test("serve() with once ends by itself after one client", async () => {
  const server = await serve({ handler: greet, once: true });
  assertEquals(await receiveFrom(server.port), "Hello, Client!");
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
  assertEquals(await receiveFrom(server.port), "");
  assertEquals(await receiveFrom(server.port), "");
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
  const answers = Array.from({ length: 4 }, () => receiveFrom(server.port));
  using probe = await Deno.connect({ port: server.port });
  assertEquals(opened <= 2, true);
  release.resolve();
  assertEquals(await Promise.all(answers), Array(4).fill("Hello, Client!"));
  assertEquals(await receiveText(probe), "Hello, Client!");
});

Deno.test("serve() shuts down in order: no new client, a grace for the others, then the end", async () => {
  const entered = Promise.withResolvers<void>();
  const server = await serve({
    handler: async (connection) => {
      entered.resolve();
      await receive(connection, new Uint8Array(1));
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

Deno.test("serve() cuts off whoever is left after the grace, also a handler that never ends", async () => {
  const reasons: string[] = [];
  const entered = Promise.withResolvers<void>();
  const server = await serve({
    handler: () => {
      entered.resolve();
      return new Promise(() => {});
    },
    onEvent: (event) => event.event === "close" && reasons.push(event.reason),
  });
  using conn = await Deno.connect({ port: server.port });
  await entered.promise;
  await server.shutdown(20);
  assertEquals(reasons, ["the server shut down"]);
  assertEquals(await conn.read(new Uint8Array(1)), null);
});

Deno.test("serve() closes a client that is idle; traffic in either direction keeps one alive", async () => {
  const closed = new Map<string, string>();
  const [quiet, speaking, hearing] = ["quiet", "speaking", "hearing"];
  const names = [quiet, speaking, hearing];
  const three = Promise.withResolvers<void>();
  const kinds = new Map<string, string>();
  await using server = await serve({
    idleTimeout: 1000,
    handler: async (connection) => {
      const kind = names.shift() ?? "";
      kinds.set(connection.peer, kind);
      if (kind === hearing) {
        for (let count = 0; count < 8; count++) {
          await send(connection, hello);
          await sleep(150);
        }
        return;
      }
      while (await receive(connection, new Uint8Array(9)) !== null);
    },
    onEvent: (event) => {
      if (event.event !== "close") return;
      closed.set(kinds.get(event.peer) ?? "", event.reason);
      if (closed.size === 3) three.resolve();
    },
  });
  const { port } = server;
  using first = await Deno.connect({ port });
  using second = await Deno.connect({ port });
  using third = await Deno.connect({ port });
  for (let count = 0; count < 8; count++) {
    await second.write(hello);
    await sleep(150);
  }
  await second.closeWrite();
  await three.promise;
  assertEquals(
    Object.fromEntries(closed),
    { quiet: "idle for 1 s", speaking: "done", hearing: "done" },
  );
  for (const conn of [first, second, third]) await receiveText(conn);
});

Deno.test("serve() refuses whom it does not allow, and goes on", async () => {
  const refused: string[] = [];
  const onEvent = (event: ServerEvent) =>
    event.event === "refused" && refused.push(event.reason);
  const local = parseCidr("127.0.0.0/8");
  const deny = [parseCidr("127.0.0.1")];
  const other = [parseCidr("10.0.0.0/8"), parseCidr("::1")];
  const port = async (options: Pick<ServeOptions, "allow" | "deny">) => {
    const server = await serve({ handler: greet, onEvent, ...options });
    const answers = [
      await receiveFrom(server.port),
      await receiveFrom(server.port),
    ];
    await server.shutdown();
    return answers;
  };
  assertEquals(await port({ allow: [local] }), [
    "Hello, Client!",
    "Hello, Client!",
  ]);
  assertEquals(await port({ allow: [local], deny }), ["", ""]);
  assertEquals(await port({ allow: other }), ["", ""]);
  assertEquals(refused, Array(4).fill("not allowed"));
});

Deno.test("serve() says of a client that does not trust its certificate what the client has against it", async () => {
  const refused = Promise.withResolvers<string>();
  const server = await serve({
    tls: await makeCertificate(),
    handler: greet,
    onEvent: (event) =>
      event.event === "refused" && refused.resolve(event.reason),
  });
  const hostname = "127.0.0.1";
  using conn = await Deno.connectTls({ hostname, port: server.port });
  await assertRejects(() => conn.handshake(), Error, "UnknownIssuer");
  assertEquals(
    await refused.promise,
    "it does not know the issuer of the certificate",
  );
  await server.shutdown();
});

Deno.test("serve() speaks TLS; a client that is silent or speaks no TLS harms nobody and is let go", async () => {
  const tls = await makeCertificate();
  const events: ServerEvent[] = [];
  const two = Promise.withResolvers<void>();
  await using server = await serve({
    tls,
    handler: greet,
    handshakeTimeout: 300,
    onEvent: (event) => {
      events.push(event);
      if (events.filter(({ event }) => event === "refused").length === 2) {
        two.resolve();
      }
    },
  });
  const { port } = server;
  using silent = await Deno.connect({ port });
  using plain = await Deno.connect({ port });
  await plain.write(encode("GET / HTTP/1.0\r\n\r\n"));
  const conn = await Deno.connectTls({
    hostname: "localhost",
    port,
    caCerts: [tls.cert],
  });
  assertEquals(await receiveText(conn), "Hello, Client!");
  conn.close();
  await two.promise;
  assertEquals(await silent.read(new Uint8Array(1)), null);
  const told = events.flatMap((event) =>
    event.event === "refused" || event.event === "close" ? [event.reason] : []
  );
  assertEquals(told.sort(), [
    "done",
    "no TLS handshake in 0.3 s",
    "the peer does not speak TLS",
  ]);
  const open = events.find(({ event }) => event === "open");
  assert(open?.event === "open");
  assertEquals(open.tls, "TLSv1.3");
});

Deno.test("serve() lets no silent client take the place of one that is served", async () => {
  const tls = await makeCertificate();
  await using server = await serve({ tls, handler: greet, maxClients: 1 });
  const { port } = server;
  const silent = await Promise.all(
    Array.from({ length: 20 }, () => Deno.connect({ port })),
  );
  using conn = await Deno.connectTls({
    hostname: "localhost",
    port,
    caCerts: [tls.cert],
  });
  assertEquals(await receiveText(conn), "Hello, Client!");
  for (const each of silent) each.close();
});

for (const isTls of [false, true]) {
  Deno.test(`serve() serves maxClients at a time and no more, also when all others wait${isTls ? " with their TLS up" : ""}, and refuses them when it shuts down`, async () => {
    const tls = isTls ? await makeCertificate() : undefined;
    let [now, most, all] = [0, 0, 0];
    const events: ServerEvent[] = [];
    const served = Promise.withResolvers<void>();
    await using server = await serve({
      host: "localhost",
      tls,
      maxClients: 2,
      idleTimeout: 100,
      handler: async (connection) => {
        most = Math.max(most, ++now);
        // those that are served are not idle, however slow the machine is
        connection.active = Infinity;
        await receive(connection, new Uint8Array(1));
        now--;
        if (++all === 6) served.resolve();
      },
      onEvent: (event) => events.push(event),
    });
    const { port } = server;
    // on both loopbacks, each of which accepts by itself
    const conns = await Promise.all(Array.from({ length: 8 }, async (_, at) => {
      const conn = await Deno.connect({
        hostname: at % 2 === 0 ? "127.0.0.1" : "::1",
        port,
      });
      if (!tls) return conn;
      const secure = await Deno.startTls(conn, {
        hostname: "localhost",
        caCerts: [tls.cert],
      });
      await secure.handshake();
      return secure;
    }));
    for (const conn of conns) {
      await conn.write(encode("x")).catch(() => {});
    }
    await served.promise;
    await server.shutdown();
    for (const conn of conns) conn.close();
    assertEquals(most, 2);
    const idle = events.filter((event) =>
      "reason" in event && event.reason.startsWith("idle")
    );
    assertEquals(idle, []);
  });
}

Deno.test("serve() does not call a client over TLS idle that it makes wait", async () => {
  const tls = await makeCertificate();
  const events: ServerEvent[] = [];
  const [served, freed] = [0, 0].map(() => Promise.withResolvers<void>());
  const active: number[] = [];
  await using server = await serve({
    tls,
    maxClients: 1,
    idleTimeout: 100,
    async handler(client) {
      active.push(client.active);
      // nobody who is served is idle, however slow the machine is
      client.active = Infinity;
      served?.resolve();
      await freed?.promise;
    },
    onEvent(event) {
      events.push(event);
      // one that is refused is not waited for
      if ("reason" in event) served?.resolve();
    },
  });
  const connect = () =>
    Deno.connectTls({
      hostname: "localhost",
      port: server.port,
      caCerts: [tls.cert],
    });
  using first = await connect();
  await served?.promise;
  using second = await connect();
  await second.handshake();
  // longer than the limit, of which no event tells
  await sleep(300);
  const before = performance.now();
  freed?.resolve();
  for (const conn of [first, second]) {
    assertEquals(await conn.read(new Uint8Array(1)), null);
    await conn.closeWrite();
  }
  await server.shutdown(10_000);
  const reasons = events.flatMap((event) =>
    "reason" in event ? [event.reason] : []
  );
  assertEquals(reasons, ["done", "done"]);
  assertGreater(active[1], before);
});

Deno.test("serve() over TLS waits for a client that does not read, and holds little", async () => {
  const tls = await makeCertificate();
  const chunk = new Uint8Array(1 << 20);
  let sent = 0;
  await using server = await serve({
    tls,
    handler: async (connection) => {
      for (; sent < 64; sent++) await send(connection, chunk);
    },
  });
  using conn = await Deno.connectTls({
    hostname: "localhost",
    port: server.port,
    caCerts: [tls.cert],
  });
  await conn.handshake();
  await settled(() => sent);
  // the system's own buffers take some of it
  assertLess(sent, 16);
});

Deno.test("serve() refuses a client over TLS that waits for a place when it shuts down", async () => {
  const tls = await makeCertificate();
  const refused = Promise.withResolvers<string>();
  const opened = Promise.withResolvers<void>();
  await using server = await serve({
    tls,
    maxClients: 1,
    handler: discard,
    onEvent: (event) => {
      if (event.event === "open") opened.resolve();
      if (event.event === "refused") refused.resolve(event.reason);
    },
  });
  const connect = async () => {
    const conn = await Deno.connectTls({
      hostname: "localhost",
      port: server.port,
      caCerts: [tls.cert],
    });
    await conn.handshake();
    return conn;
  };
  using _first = await connect();
  await opened.promise;
  using second = await connect();
  const ended = server.shutdown(100);
  assertEquals(await refused.promise, "the server shut down");
  await assertRejects(
    () => second.read(new Uint8Array(1)),
    Error,
    "close_notify",
  );
  await ended;
});

Deno.test("serve() says nothing of an end over TLS to a client that it cuts off", async () => {
  const tls = await makeCertificate();
  const closed = Promise.withResolvers<string>();
  await using server = await serve({
    tls,
    handler: async (connection) => {
      await send(connection, encode("half"));
      throw new Failure("the other half is lost");
    },
    onEvent: (event) => event.event === "close" && closed.resolve(event.reason),
  });
  using conn = await Deno.connectTls({
    hostname: "localhost",
    port: server.port,
    caCerts: [tls.cert],
  });
  assertEquals(await receiveText(conn, 4), "half");
  await assertRejects(
    () => conn.read(new Uint8Array(1)),
    Error,
    "close_notify",
  );
  assertEquals(await closed.promise, "the other half is lost");
});

testWith(
  "openssl",
  "server --tls says why with an alert to a client whose TLS does not fit",
  async () => {
    const tls = await makeCertificate();
    await using server = await serve({ tls, handler: greet });
    for (const words of [["-tls1_1"], ["-tls1_2", "-cipher", "AES128-SHA"]]) {
      const { stderr } = await spawnProgram("openssl", [
        ...["s_client", "-connect", `127.0.0.1:${server.port}`],
        ...words,
      ]).result;
      assertMatch(stderr, /alert handshake failure/);
    }
  },
);

Deno.test("serve() with once serves the first client that is done with its handshake", async () => {
  const tls = await makeCertificate();
  const server = await serve({ tls, handler: greet, once: true });
  const { port } = server;
  using _silent = await Deno.connect({ port });
  const conn = await Deno.connectTls({
    hostname: "localhost",
    port,
    caCerts: [tls.cert],
  });
  assertEquals(await receiveText(conn), "Hello, Client!");
  conn.close();
  await server.finished;
});

Deno.test("serve() with clientCa serves only clients with a certificate of it", async () => {
  const [tls, client, stranger] = [
    await makeCertificate(),
    await makeCertificate(),
    await makeCertificate(),
  ];
  const events: ServerEvent[] = [];
  await using server = await serve({
    tls: { ...tls, clientCa: client.cert },
    handler: echo,
    onEvent: (event) => events.push(event),
  });
  const talk = async (pair: Partial<KeyPair>) => {
    const conn = await Deno.connectTls({
      hostname: "localhost",
      port: server.port,
      caCerts: [tls.cert],
      ...pair.cert && pair.key && { cert: pair.cert, key: pair.key },
    });
    try {
      await conn.write(hello);
      await conn.closeWrite();
      return await receiveText(conn);
    } catch (error) {
      return error instanceof Error ? error.name : "";
    } finally {
      conn.close();
    }
  };
  assertEquals(await talk(client), "Hello, Client!");
  assertNotEquals(await talk({}), "Hello, Client!");
  assertNotEquals(await talk(stranger), "Hello, Client!");
  assertEquals(await talk(client), "Hello, Client!");
  await server.shutdown(1000);
  assertEquals(
    events.flatMap((event) =>
      event.event === "refused" || event.event === "close"
        ? [event.reason]
        : event.event === "open"
        ? [event.tls]
        : []
    ),
    [
      "TLSv1.3",
      "done",
      "it shows no certificate",
      "its certificate is not accepted",
      "TLSv1.3",
      "done",
    ],
  );
});

Deno.test("listenTls() refuses Unix sockets", async () => {
  const tls = await makeCertificate();
  await assertRejects(() => listenTls({ path: "/a" }, tls), UsageError);
});

Deno.test("listenUnix() replaces a socket that is dead, and leaves alone what is not", () =>
  withFolder(async (folder) => {
    const path = `${folder}/a.sock`;
    const killed = spawnDeno([
      "eval",
      `Deno.listen({ transport: "unix", path: ${
        JSON.stringify(path)
      } }); Deno.kill(Deno.pid, "SIGKILL");`,
    ]);
    await killed.result;
    assert((await Deno.lstat(path)).isSocket);
    const server = await serve({ path, handler: greet });
    assertEquals(server.port, 0);
    assertEquals(server.addresses, [{ path }]);
    assertEquals(((await Deno.stat(path)).mode ?? 0) & 0o777, 0o600);
    const conn = await Deno.connect({ transport: "unix", path });
    assertEquals(await receiveText(conn), "Hello, Client!");
    conn.close();
    const inUse = await assertRejects(() => listenUnix(path), Failure);
    assertEquals(
      describe(inUse),
      `Cannot listen on unix:${path}: the address is in use`,
    );
    await server.shutdown();
    await assertRejects(() => Deno.lstat(path), Deno.errors.NotFound);
    await Deno.writeTextFile(path, "precious");
    const error = await assertRejects(() => listenUnix(path), Failure);
    assertEquals(
      error.message,
      `Cannot listen on unix:${path}: it is not a socket`,
    );
    assertEquals(await Deno.readTextFile(path), "precious");
    await assertRejects(
      () => listenUnix(`${folder}/none/a`),
      Failure,
      "Cannot listen on unix:",
    );
  }));

/** Serves a Unix socket where anybody may use it at first, and connects before and after that is mended. */
const EARLY_CLIENTS = `
  const { serve } = await import("./tasks/server/serve.ts");
  const path = Deno.args[0];
  const [connect, chmod] = [Deno.connect, Deno.chmod];
  const early = [];
  Deno.umask(0);
  Deno.chmod = async (...args) => {
    for (let clients = 0; clients < 9; clients++) {
      early.push(await connect({ transport: "unix", path }));
    }
    early[1].close();
    await early[2].write(new Uint8Array(9));
    await chmod(...args);
  };
  const peers = [];
  const server = await serve({
    path,
    handler: async ({ peer, socket }) => void peers.push(peer, await socket.write(Uint8Array.of(7))),
  });
  const late = await connect({ transport: "unix", path });
  const hears = (conn) => conn.read(new Uint8Array(9)).catch(() => null);
  console.log(JSON.stringify([
    (await Deno.stat(path)).mode & 0o777,
    await hears(early[0]),
    await hears(early[8]),
    await hears(late),
    peers.length,
  ]));
  await server.shutdown();
`;

Deno.test(
  "listenUnix() drops who connected before the socket was its owner's alone",
  {
    ignore: Deno.build.os === "windows",
  },
  () =>
    withFolder(async (folder) => {
      const path = `${folder}/a.sock`;
      const { stdout, stderr } = await spawnDeno(["eval", EARLY_CLIENTS, path])
        .result;
      assertEquals([stdout, stderr], [
        `${JSON.stringify([0o600, null, null, 1, 2])}\n`,
        "",
      ]);
      assertEquals([...Deno.readDirSync(folder)], []);
    }),
);

Deno.test("serve() tells the clients of a Unix socket apart", () =>
  withFolder(async (folder) => {
    const path = `${folder}/a.sock`;
    const peers: string[] = [];
    const server = await serve({
      path,
      handler: greet,
      onEvent: (event) => event.event === "open" && peers.push(event.peer),
    });
    for (let clients = 0; clients < 2; clients++) {
      using conn = await Deno.connect({ transport: "unix", path });
      await receiveText(conn);
    }
    await server.shutdown();
    assertEquals(peers, [`unix:${path}#1`, `unix:${path}#2`]);
  }));

const exhausted = () =>
  Object.assign(new Error("too many"), { code: "EMFILE" });

Deno.test("acceptAll() waits when file descriptors run out, says so once, and goes on", async () => {
  const results = [exhausted, exhausted, undefined, exhausted, undefined];
  const attended: number[] = [];
  let warnings = 0;
  const acceptor = {
    addr: { transport: "tcp", hostname: "::1", port: 1 } as const,
    close() {},
    accept: () => {
      const left = results.length;
      if (left === 0) throw new Deno.errors.BadResource();
      const fail = results.shift();
      if (fail) throw fail();
      return Promise.reject(
        new Deno.errors.NotConnected(`${attended.push(left)}`),
      );
    },
  };
  const begun = performance.now();
  let lost = 0;
  await acceptAll(acceptor, () => {}, {
    onExhausted: () => warnings++,
    onLost: () => lost++,
  });
  assertEquals([attended, warnings, lost], [[3, 1], 1, 2]);
  // 5, 10 and, as nobody was accepted between, 20 ms
  assertGreater(performance.now() - begun, 30);
});

Deno.test("acceptAll() does not make a shutdown wait for file descriptors", async () => {
  const controller = new AbortController();
  let closed = false;
  const acceptor = {
    addr: { transport: "tcp", hostname: "::1", port: 1 } as const,
    close() {},
    accept: () => {
      if (closed) throw new Deno.errors.BadResource();
      throw exhausted();
    },
  };
  const done = acceptAll(acceptor, () => {}, { signal: controller.signal });
  closed = true;
  controller.abort();
  await done;
});

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
    assertEquals(await receiveText(first), "Hello, Client!");
    assertEquals(await receiveFrom(server.port), "Hello, Client!");
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
  assertMatch(
    error.hint ?? "",
    Deno.build.os === "linux"
      ? /^a free port: --port \d+; who has it: ss -ltnp$/
      : /^a free port: --port \d+$/,
  );
  assertEquals(exitCodeOf(error), 1);
});

Deno.test("listenFailure() says that a port below 1024 needs root, and names one that does not", async () => {
  const cause = new Deno.errors.PermissionDenied("Permission denied");
  for (
    const [address, hint] of [
      [{ host: "localhost", port: 80 }, "--port 8080"],
      [{ host: "0.0.0.0", port: 443 }, "--port 8443"],
      [{ host: "localhost", port: 7000 }, undefined],
      [{ path: "/root/s" }, undefined],
    ] as const
  ) {
    const failure = await listenFailure(address, cause);
    assertMatch(describe(failure), /^Cannot listen on .*: permission denied$/);
    const whole = hint && `ports below 1024 need root; try ${hint}`;
    assertEquals(failure.hint, whole);
  }
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
const opened = (port: number, close = () => {}) => ({
  addr: { transport: "tcp", hostname: "127.0.0.1", port } as const,
  close,
});

Deno.test("openAll() does with one loopback where the other is missing", () => {
  const open = (hostname: string) => hostname === "::1" ? missing() : opened(7);
  assertEquals(
    openAll({ host: "localhost", port: 7 }, open, LOOPBACKS).length,
    1,
  );
});

Deno.test("listen() takes each address of a name once, on one port", () => {
  const opens: string[] = [];
  const open = (hostname: string, port: number) => {
    opens.push(`${hostname} ${port}`);
    return opened(port || 7);
  };
  openAll({ host: "two.test", port: 0 }, open, ["127.0.0.1", "::1"]);
  assertEquals(opens, ["127.0.0.1 0", "::1 7"]);
});

Deno.test("openAll() fails where both loopbacks are missing", () => {
  try {
    openAll({ host: "localhost", port: 7 }, missing, LOOPBACKS);
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
      return opened(mine, () => void closed.push(mine));
    },
    LOOPBACKS,
  );
  assertEquals(listeners.map(({ addr }) => addr.port), [3, 3]);
  assertEquals(closed, [1, 2]);
});

Deno.test("getAvailablePort() finds a port that can be listened on", () => {
  const port = getAvailablePort();
  using listener = Deno.listen({ hostname: "127.0.0.1", port });
  assertEquals(listener.addr.port, port);
});
