import { assert, assertEquals, assertMatch, assertRejects } from "@std/assert";
import { Failure } from "../../lib/cli/errors.ts";
import { connect } from "../../lib/net/connect.ts";
import type { CloseEvent, ServerEvent } from "../../tasks/server/log/events.ts";
import { makeCertificate } from "../../tasks/server/tls/certificate.ts";
import { discard, echo, relay, sendFile } from "../../tasks/server/handlers.ts";
import { parseTarget } from "../../tasks/server/options.ts";
import { type Handler, serve } from "../../tasks/server/serve.ts";
import { encode, receiveText, settled, withFolder } from "../support.ts";

const BYTES = crypto.getRandomValues(new Uint8Array(60_000));

/** Everything that a peer sends until it ends. */
async function receiveAll(conn: Deno.Conn): Promise<Uint8Array> {
  return new Uint8Array(await new Response(conn.readable).arrayBuffer());
}

async function sendAll(conn: Deno.Conn, bytes: Uint8Array): Promise<void> {
  for (let at = 0; at < bytes.length;) {
    at += await conn.write(bytes.subarray(at));
  }
}

/** Serves one client, and tells how its connection ended. */
async function serveOne(handler: Handler) {
  const closed = Promise.withResolvers<CloseEvent>();
  const onEvent = (event: ServerEvent) =>
    event.event === "close" && closed.resolve(event);
  const server = await serve({ handler, onEvent });
  return { server, closed: closed.promise };
}

Deno.test("echo returns what comes, after the client's end too", async () => {
  const { server, closed } = await serveOne(echo);
  await using _ = server;
  const conn = await Deno.connect({ port: server.port });
  const answer = receiveAll(conn);
  await sendAll(conn, BYTES);
  await conn.closeWrite();
  assertEquals(await answer, BYTES);
  const { bytesIn, bytesOut, reason } = await closed;
  assertEquals([bytesIn, bytesOut, reason], [60_000, 60_000, "done"]);
});

Deno.test("echo answers a message of any size at once", async () => {
  const { server } = await serveOne(echo);
  await using _ = server;
  using conn = await Deno.connect({ port: server.port });
  const buffer = new Uint8Array(4096);
  const begun = performance.now();
  for (let size = 500; size < 600; size++) {
    await sendAll(conn, BYTES.subarray(0, size));
    for (let got = 0; got < size;) got += await conn.read(buffer) ?? size;
  }
  // the system holds back the rest of a split message for 40 ms, 87 times
  assertEquals(performance.now() - begun < 3000, true);
});

Deno.test("discard counts, and sends nothing", async () => {
  const { server, closed } = await serveOne(discard);
  await using _ = server;
  const conn = await Deno.connect({ port: server.port });
  await sendAll(conn, BYTES);
  await conn.closeWrite();
  assertEquals((await receiveAll(conn)).length, 0);
  const { bytesIn, bytesOut } = await closed;
  assertEquals([bytesIn, bytesOut], [60_000, 0]);
});

Deno.test("sendFile() sends the file as it is when the client comes, whatever the client says", async () => {
  const path = await Deno.makeTempFile();
  await Deno.writeFile(path, new Uint8Array(1));
  const { server, closed } = await serveOne(await sendFile(path));
  await using _ = server;
  await Deno.writeFile(path, BYTES);
  const conn = await Deno.connect({ port: server.port });
  await sendAll(conn, encode("GET / HTTP/1.0\r\n\r\n"));
  await conn.closeWrite();
  assertEquals(await receiveAll(conn), BYTES);
  const { bytesIn, bytesOut, reason } = await closed;
  assertEquals([bytesIn, bytesOut, reason], [18, 60_000, "done"]);
  await Deno.remove(path);
});

Deno.test("sendFile() lets a client that never ends linger for a second", async () => {
  const path = await Deno.makeTempFile();
  const { server, closed } = await serveOne(await sendFile(path));
  await using _ = server;
  using conn = await Deno.connect({ port: server.port });
  assertEquals(await conn.read(new Uint8Array(1)), null);
  const { ms, reason } = await closed;
  assertEquals([ms > 900 && ms < 2000, reason], [true, "done"]);
  await Deno.remove(path);
});

Deno.test("sendFile() says what it cannot read, at once and for a client", async () => {
  const folder = await Deno.makeTempDir();
  await assertRejects(() => sendFile(folder), Error, "it is not a file");
  await assertRejects(() => sendFile(`${folder}/none`), Error, "Cannot read");
  const path = `${folder}/file`;
  await Deno.writeFile(path, BYTES);
  const { server, closed } = await serveOne(await sendFile(path));
  await using _ = server;
  await Deno.remove(folder, { recursive: true });
  using conn = await Deno.connect({ port: server.port });
  assertEquals(await conn.read(new Uint8Array(1)), null);
  assertMatch((await closed).reason, /^Cannot read .*: no such file$/);
});

Deno.test("sendFile() refuses at once what is not a file, for a client too", {
  ignore: Deno.build.os === "windows",
}, () =>
  withFolder(async (folder) => {
    const path = `${folder}/file`;
    await Deno.writeFile(path, BYTES);
    const { server, closed } = await serveOne(await sendFile(path));
    await using _ = server;
    const fifo = `${folder}/fifo`;
    await new Deno.Command("mkfifo", { args: [fifo] }).output();
    await Deno.symlink(fifo, `${folder}/link`);
    await Deno.symlink(folder, `${folder}/folder`);
    for (
      const other of [
        fifo,
        ...["link", "folder"].map((n) => `${folder}/${n}`),
        "/dev/zero",
      ]
    ) {
      await assertRejects(
        () => sendFile(other),
        Error,
        `Cannot read "${other}": it is not a file`,
      );
    }
    await Deno.rename(fifo, path);
    using conn = await Deno.connect({ port: server.port });
    assertEquals(await conn.read(new Uint8Array(1)), null);
    assertMatch((await closed).reason, /^Cannot read .*: it is not a file$/);
  }));

Deno.test("sendFile() sends no more than there was when the client came, and says where that was cut", async (t) => {
  const size = 64 * 1024 * 1024;
  for (
    const [now, reason] of [
      [2 * size, /^done$/],
      [
        size / 2,
        new RegExp(`^the file was cut: ${size / 2} of ${size} bytes$`),
      ],
      [0, new RegExp(`^the file was cut: \\d+ of ${size} bytes$`)],
    ] as const
  ) {
    await t.step(
      `of ${size} bytes ${now} are left`,
      () =>
        withFolder(async (folder) => {
          const path = `${folder}/file`;
          await Deno.writeFile(path, new Uint8Array());
          await Deno.truncate(path, size);
          const { server, closed } = await serveOne(await sendFile(path));
          await using _ = server;
          const conn = await Deno.connect({ port: server.port });
          // more than the system takes by itself: it waits for who reads
          await conn.read(new Uint8Array(1));
          await Deno.truncate(path, now);
          let got = 1;
          for await (const chunk of conn.readable) got += chunk.length;
          const close = await closed;
          assertMatch(close.reason, reason);
          assertEquals(close.bytesOut, got);
          if (now > 0) assertEquals(got, Math.min(now, size));
        }),
    );
  }
});

Deno.test("sendFile() sends files whose size is not what they hold", {
  ignore: Deno.build.os !== "linux",
}, async (t) => {
  for (const path of ["/proc/self/cmdline", "/sys/class/net/lo/address"]) {
    await t.step(path, async () => {
      const { server, closed } = await serveOne(await sendFile(path));
      await using _ = server;
      using conn = await Deno.connect({ port: server.port });
      await conn.closeWrite();
      assertEquals(await receiveText(conn), await Deno.readTextFile(path));
      assertEquals((await closed).reason, "done");
    });
  }
});

Deno.test("parseTarget() knows where a relay may lead", () => {
  const bad = [
    "",
    "tls:",
    "localhost",
    "tls:localhost",
    "tls:unix:/a",
    "unix:",
  ];
  for (const text of [...bad, "a:b", "a:99999", "tls:tls:a:1"]) {
    try {
      parseTarget(text);
    } catch {
      continue;
    }
    throw new Error(`took "${text}"`);
  }
  const path = { address: { path: "/a" }, tls: false };
  assertEquals(parseTarget("unix:/a"), path);
  const v6 = { address: { host: "::1", port: 7 }, tls: true };
  assertEquals(parseTarget("tls:[::1]:7"), v6);
  const here = { address: { host: "localhost", port: 7 }, tls: false };
  assertEquals(parseTarget(":7"), here);
});

Deno.test("relay passes bytes and ends both ways, plain and where TLS starts or ends in it", async (t) => {
  const pair = await makeCertificate();
  for (const [outside, inside] of [[0, 0], [0, 1], [1, 0], [1, 1]]) {
    await t.step(`TLS outside ${outside}, inside ${inside}`, async () => {
      await using target = await serve({
        handler: echo,
        tls: inside ? pair : undefined,
      });
      await using server = await serve({
        handler: relay(
          { host: "localhost", port: target.port },
          inside ? { tls: { ca: pair.cert } } : {},
        ),
        tls: outside ? pair : undefined,
      });
      const address = { hostname: "localhost", port: server.port };
      const conn = outside
        ? await Deno.connectTls({ ...address, caCerts: [pair.cert] })
        : await Deno.connect(address);
      const answer = receiveAll(conn);
      await sendAll(conn, BYTES);
      await conn.closeWrite();
      assertEquals(await answer, BYTES);
    });
  }
});

Deno.test("truncation: relay makes no clean end over TLS of a target or a client that is cut off", async () => {
  const pair = await makeCertificate();
  const cut: Handler = async (connection) => {
    await connection.socket.write(encode("part"));
    connection.socket.abort?.();
  };
  await using cutting = await serve({ handler: cut, tls: pair });
  await using server = await serve({
    handler: relay({ host: "localhost", port: cutting.port }, {
      tls: { ca: pair.cert, isOneOfMany: true },
    }),
    tls: pair,
  });
  const to = { hostname: "localhost", caCerts: [pair.cert] };
  using conn = await Deno.connectTls({ ...to, port: server.port });
  assertEquals(await receiveText(conn, 4), "part");
  await assertRejects(
    () => conn.read(new Uint8Array(1)),
    Deno.errors.UnexpectedEof,
  );
  const begun = Promise.withResolvers<void>();
  const heard = Promise.withResolvers<unknown>();
  await using target = await serve({
    tls: pair,
    handler: async ({ socket }) => {
      const buffer = new Uint8Array(9);
      await socket.read(buffer);
      begun.resolve();
      await socket.read(buffer).then(heard.resolve, heard.resolve);
    },
  });
  const { server: other } = await serveOne(
    relay({ host: "localhost", port: target.port }, {
      tls: { ca: pair.cert, isOneOfMany: true },
    }),
  );
  using plain = await Deno.connect({ port: other.port });
  await plain.write(encode("part"));
  await begun.promise;
  await other.shutdown();
  assert(await heard.promise instanceof Deno.errors.UnexpectedEof);
});

Deno.test("relay ends a client whose target refuses, and says so", async () => {
  using taken = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const { port } = taken.addr;
  taken.close();
  const { server, closed } = await serveOne(relay({ host: "127.0.0.1", port }));
  await using _ = server;
  using conn = await Deno.connect({ port: server.port });
  assertEquals(await conn.read(new Uint8Array(1)), null);
  assertMatch((await closed).reason, /^Cannot connect to 127\.0\.0\.1:\d+: /);
});

Deno.test("relay closes the target of a client that is cut off", async () => {
  using target = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const { port } = target.addr;
  const { server } = await serveOne(relay({ host: "127.0.0.1", port }));
  using conn = await Deno.connect({ port: server.port });
  using inner = await target.accept();
  await server.shutdown();
  assertEquals(await inner.read(new Uint8Array(1)), null);
  assertEquals(await conn.read(new Uint8Array(1)), null);
});

Deno.test("relay lets go of a target that does not shake hands", async () => {
  using target = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const { port } = target.addr;
  const { server, closed } = await serveOne(
    relay({ host: "127.0.0.1", port }, {
      timeout: 100,
      tls: { name: "localhost", isOneOfMany: true },
    }),
  );
  using conn = await Deno.connect({ port: server.port });
  using silent = await target.accept();
  assertMatch((await closed).reason, /^Cannot start TLS with .*: timed out$/);
  // a greeting, and the end
  const buffer = new Uint8Array(4096);
  while (await silent.read(buffer) !== null);
  assertEquals(await conn.read(buffer), null);
  await server.shutdown();
});

Deno.test("relay lets go of the target of a client that was ended, though neither of them reads or writes", async () => {
  using target = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const { port } = target.addr;
  const handler = relay({ host: "127.0.0.1", port });
  const ended = Promise.withResolvers<unknown>();
  await using server = await serve({
    handler: (client) => handler(client).catch(ended.resolve),
    idleTimeout: 500,
  });
  using conn = await Deno.connect({ port: server.port });
  using inner = await target.accept();
  await conn.write(encode("x"));
  await conn.closeWrite();
  const buffer = new Uint8Array(9);
  assertEquals(await inner.read(buffer), 1);
  // the client's half is passed on
  assertEquals(await inner.read(buffer), null);
  // and what read from the target was woken
  assertMatch(String(await ended.promise), /^Failure: Cannot receive from /);
});

Deno.test("connect() to a Unix socket is over where its signal was aborted before", () =>
  withFolder(async (folder) => {
    const path = `${folder}/a.sock`;
    await using _server = await serve({ path, handler: echo });
    await assertRejects(
      () => connect({ path }, { signal: AbortSignal.abort() }),
      Failure,
      "Cannot connect to unix:",
    );
  }));

Deno.test("relay holds up only a client that does not read, in little memory", async () => {
  let sent = 0;
  const chunk = new Uint8Array(1 << 18);
  await using target = await serve({
    handler: async ({ socket }) => {
      while (sent < 1 << 28) sent += await socket.write(chunk);
    },
  });
  const { server } = await serveOne(
    relay({ host: "127.0.0.1", port: target.port }),
  );
  await using _ = server;
  using slow = await Deno.connect({ port: server.port });
  await slow.read(new Uint8Array(1));
  // nothing more goes when all buffers on the way are full
  await settled(() => sent);
  assertEquals(sent < 1 << 26, true, `${sent} bytes were taken`);
});
