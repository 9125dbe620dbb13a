import { assert, assertEquals, assertMatch } from "@std/assert";
import { track } from "../../lib/net/connection.ts";
import { main as clientMain } from "../../tasks/client.ts";
import type { WebSocketLink } from "../../tasks/client/websocket/socket.ts";
import { openWebSocket } from "../../tasks/client/websocket/upgrade.ts";
import { main } from "../../tasks/server.ts";
import type { ServerEvent } from "../../tasks/server/log/events.ts";
import { echo } from "../../tasks/server/handlers.ts";
import { serve } from "../../tasks/server/serve.ts";
import { createUpgrade } from "../../tasks/server/websocket/accept.ts";
import { portIn } from "../net/peers.ts";
import {
  encode,
  listening,
  type MemoryOptions,
  openAfter,
  receiveText,
  run,
  spawnProgram,
  start,
  testWith,
  withFolder,
} from "../support.ts";

const decoder = new TextDecoder();

/** A server of WebSocket on a free port, in a mode. */
async function startServer(
  args: readonly string[],
  options: MemoryOptions = {},
  output: "stdout" | "stderr" = "stdout",
) {
  const server = start(main, ["--ws", "-p0", ...args], options);
  const said = await server[output].waitFor(/127\.0\.0\.1:\d+"?}?\n/);
  const port = Number(said.match(/127\.0\.0\.1:(\d+)/)?.[1]);
  return {
    ...server,
    port,
    [Symbol.asyncDispose]: async () => {
      server.interrupt();
      await server.result;
    },
  };
}

interface Talk extends Disposable, WebSocketLink {
  readonly say: (...texts: string[]) => Promise<void>;
  /** The next messages until there are so many, as texts; fewer at the end. */
  readonly hear: (count: number) => Promise<string[]>;
}

/** A client of a server, and its words. */
async function talkTo(port: number, path = "/"): Promise<Talk> {
  const conn = await Deno.connect({ hostname: "127.0.0.1", port });
  const url = new URL(`ws://127.0.0.1:${port}${path}`);
  const link = await openWebSocket(track(conn, "server"), { url });
  const waiting: string[] = [];
  return {
    ...link,
    say: (...texts) =>
      link.send(texts.map((text) => ({ isText: true, bytes: encode(text) }))),
    async hear(count) {
      while (waiting.length < count) {
        const messages = await link.next();
        if (messages === undefined) break;
        waiting.push(...messages.map(({ bytes }) => decoder.decode(bytes)));
      }
      return waiting.splice(0, count);
    },
    [Symbol.dispose]: () => conn.close(),
  };
}

const KEY = "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n";
const ASK =
  "Host: a\r\nConnection: keep-alive, Upgrade\r\nUpgrade: WebSocket\r\n";
const GET =
  `GET /x?token=s3cret HTTP/1.1\r\n${ASK}Sec-WebSocket-Version: 13\r\n`;

/** What a server answers to a request, until it closes or has said so many bytes. */
async function ask(port: number, request: string, size = Infinity) {
  using conn = await Deno.connect({ hostname: "127.0.0.1", port });
  await conn.write(encode(request));
  return await receiveText(conn, size);
}

Deno.test("server --ws greets with one message, and closes", async () => {
  await using server = await startServer(["--message", "two\nlines", "--json"]);
  using client = await talkTo(server.port, "/a?token=s3cret");
  assertEquals(await client.hear(9), ["two\nlines"]);
  assertEquals(client.closed(), { code: 1000, reason: "" });
  await client.close();
  const log = await server.stdout.waitFor(/"event":"close".*\n/);
  assertMatch(log, /"event":"open","peer":"[^"]*","path":"\/a"}\n/);
  assertMatch(log, /"path":"\/a","code":1000,"reason":"done"}\n/);
  assert(!log.includes("s3cret"));
});

Deno.test("server --ws sends a file as bytes", () =>
  withFolder(async (folder) => {
    const bytes = new Uint8Array(300_000).map((_, at) => at * 7);
    await Deno.writeFile(`${folder}/file`, bytes);
    await using server = await startServer(["--file", `${folder}/file`]);
    const { code, stdoutBytes } = await run(clientMain, [
      "--pipe",
      `ws://127.0.0.1:${server.port}/`,
    ]);
    assertEquals([code, stdoutBytes.length], [0, bytes.length]);
    assertEquals(stdoutBytes, bytes);
  }));

Deno.test("server --ws echo sends back each message as it came, and answers a close with its code", async () => {
  await using server = await startServer(["echo"]);
  using client = await talkTo(server.port);
  await client.send([
    { isText: true, bytes: encode("part "), isPart: true },
    { isText: true, bytes: encode("rest") },
    { isText: false, bytes: Uint8Array.of(0xff) },
    { isText: true, bytes: new Uint8Array() },
  ]);
  assertEquals(await client.hear(3), ["part rest", "\ufffd", ""]);
  await client.close(4001, "enough");
  assertEquals(await client.hear(1), []);
  assertEquals(client.closed(), { code: 4001, reason: "" });
  await server.stdout.waitFor(/: it closed with 4001 "enough"\n/);
});

Deno.test("server --ws discard counts, and says nothing", async () => {
  await using server = await startServer(["discard"]);
  using client = await talkTo(server.port);
  await client.say("a", "b");
  await client.close();
  assertEquals(await client.hear(1), []);
  await server.stdout.waitFor(/ended after \d+ bytes in, \d+ out\n/);
});

Deno.test("server --ws pipe joins lines of stdin and messages", async () => {
  await using server = await startServer(
    ["pipe"],
    { stdin: openAfter("one\ntw", "o\n") },
    "stderr",
  );
  using client = await talkTo(server.port);
  assertEquals(await client.hear(2), ["one", "two"]);
  await client.say("three", "four");
  await server.stdout.waitFor("three\nfour\n");
  await client.close();
  assertEquals((await server.result).code, 0);
});

Deno.test("server --ws chat passes messages on whole, whatever lines they have", async () => {
  await using server = await startServer(
    ["chat"],
    { stdin: openAfter("host\n") },
    "stderr",
  );
  using one = await talkTo(server.port);
  using two = await talkTo(server.port);
  await server.stderr.waitFor(/(established[^]*){2}/);
  await one.say("a\nb", "", "é");
  assertEquals(await two.hear(3), ["a\nb", "", "é"]);
  await two.say("x");
  assertEquals(await one.hear(1), ["x"]);
  await server.stdout.waitFor("a\nb\n\né\nx\n");
  await one.send([{ isText: false, bytes: encode("bytes") }]);
  await one.hear(1);
  assertEquals(one.closed(), { code: 1003, reason: "a chat takes text alone" });
});

Deno.test("what the host of a chat types reaches all, as text", async () => {
  const { promise, resolve } = Promise.withResolvers<void>();
  await using server = await startServer(["chat"], {
    stdin: (async function* () {
      await promise;
      yield "hi\n";
      yield Uint8Array.of(0xff, 10);
      await new Promise(() => {});
    })(),
  }, "stderr");
  using client = await talkTo(server.port);
  await server.stderr.waitFor("established");
  resolve();
  assertEquals(await client.hear(2), ["hi", "\ufffd"]);
});

Deno.test("server --ws relay joins messages and a target's bytes, and ends with either", async () => {
  await using target = await serve({ handler: echo });
  await using server = await startServer(["relay", `127.0.0.1:${target.port}`]);
  using client = await talkTo(server.port);
  await client.say("hello");
  assertEquals(await client.hear(1), ["hello"]);
  await client.close();
  assertEquals(await client.hear(1), []);
  await using brief = listening(async (conn) => {
    await conn.write(encode("bye"));
  });
  await using second = await startServer(["relay", `127.0.0.1:${brief.port}`]);
  using other = await talkTo(second.port);
  assertEquals(await other.hear(9), ["bye"]);
  assertEquals(other.closed()?.code, 1000);
});

Deno.test("server --ws relay lets a target go that does not end, when its client has closed", async () => {
  const ended = Promise.withResolvers<void>();
  await using target = listening(async (conn) => {
    await receiveText(conn);
    // it has heard that nothing more comes, and goes on
    await conn.read(new Uint8Array(1)).catch(() => {});
    while (await conn.write(encode("x")).catch(() => 0)) {
      await new Promise((resolve) => setTimeout(resolve, 10));
    }
    ended.resolve();
  });
  await using server = await startServer(["relay", `127.0.0.1:${target.port}`]);
  using client = await talkTo(server.port);
  await client.close();
  await client.hear(1e6);
  await ended.promise;
});

Deno.test("server --ws relay tells its client when there is no target", async () => {
  await using server = await startServer(["relay", "127.0.0.1:1"]);
  using client = await talkTo(server.port);
  assertEquals(await client.hear(1), []);
  assertEquals(client.closed()?.code, 1011);
  await server.stdout.waitFor(/Cannot connect to 127\.0\.0\.1:1/);
});

Deno.test("server relay ws:// joins clients of TCP to a WebSocket", async () => {
  await using target = await startServer(["echo"]);
  const url = `ws://127.0.0.1:${target.port}/there`;
  const server = start(main, ["-p0", "relay", url]);
  const port = portIn(await server.stdout.waitFor(/Listening.*\n/));
  const { code, stdout } = await run(clientMain, ["--pipe", `${port}`], {
    stdin: ["hello\n", "world"],
  });
  assertEquals([code, stdout], [0, "hello\nworld"]);
  await target.stdout.waitFor("to /there has been established");
  server.interrupt();
  await server.result;
});

Deno.test("server --ws relay ws:// passes on messages and the code of a close, both ways", async () => {
  await using target = await startServer(["echo"]);
  const url = `ws://127.0.0.1:${target.port}/there`;
  await using server = await startServer(["relay", url]);
  using client = await talkTo(server.port);
  await client.say("a", "b\nc");
  assertEquals(await client.hear(2), ["a", "b\nc"]);
  await client.close(4002, "done here");
  await client.hear(1);
  assertEquals(client.closed()?.code, 4002);
  await target.stdout.waitFor('it closed with 4002 "done here"');
});

Deno.test("server --ws opens a WebSocket for a proper request, and refuses any other with the status for that", async () => {
  await using server = await startServer(["echo"]);
  const cases: [request: string, status: string, log: RegExp][] = [
    ["GET / HTTP/1.1\r\nHost: a\r\n", "426", /not ask for a WebSocket/],
    [GET.replace("13", "8") + KEY, "426", /another version/],
    [GET, "400", /malformed/],
    [GET + KEY.replace("==", "="), "400", /malformed/],
    [GET.replace("keep-alive, Upgrade", "close") + KEY, "400", /malformed/],
    [GET.replace("GET", "POST") + KEY, "400", /another way than by GET/],
    [GET.replace("1.1", "1.0") + KEY, "400", /another way than by GET/],
    [GET.replace("Host: a\r\n", "") + KEY, "400", /another way than by GET/],
    ["hello\r\n", "400", /does not speak HTTP/],
    [`${GET}${KEY}no header\r\n`, "400", /header of its is malformed/],
    [`${GET}${KEY}a: ${"b".repeat(17_000)}`, "400", /head is too long/],
    [`${GET}${KEY}Origin: http://evil.example\r\n`, "403", /origin is not/],
    [`${GET}${KEY}Origin: null\r\n`, "403", /origin is not allowed: null/],
    [`${GET}${KEY}Origin: http://localhost.evil.example\r\n`, "403", /origin/],
    [
      `${GET}${KEY}Origin: http://localhost/\r\nOrigin: http://evil.example\r\n`,
      "403",
      /origin/,
    ],
  ];
  for (const [request, status, log] of cases) {
    const answer = await ask(server.port, `${request}\r\n`);
    assertEquals(answer.slice(0, 13), `HTTP/1.1 ${status} `, request);
    const [head = "", body = ""] = answer.split("\r\n\r\n");
    assertMatch(head, new RegExp(`\r\nContent-Length: ${body.length}(\r\n|$)`));
    assertMatch(body, /^[A-Z].*\n$/);
    if (status === "426") {
      assertMatch(answer, /\r\nUpgrade: websocket\r\n/);
      assertMatch(answer, /\r\nSec-WebSocket-Version: 13\r\n/);
    }
    await server.stdout.waitFor(new RegExp(`was refused: .*${log.source}`));
  }
  for (
    const more of [
      "",
      "Origin: http://localhost:3000\r\n",
      "Origin: https://[::1]\r\n",
      "Origin: http://127.0.0.1:1\r\n",
      "Origin: http://app.localhost\r\n",
    ]
  ) {
    const answer = await ask(server.port, `${GET}${KEY}${more}\r\n`, 34);
    assertEquals(answer, "HTTP/1.1 101 Switching Protocols\r\n", more);
  }
  const said = await ask(server.port, `${GET}${KEY}\r\n`, 129);
  assertMatch(
    said,
    /\r\nSec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK\+xOo=\r/,
  );
});

Deno.test("server --ws --origin lets the pages of one more origin in, or of all", async () => {
  const origin = "Origin: https://App.example\r\n";
  for (
    const named of ["https://app.example", "https://app.example:443/", "*"]
  ) {
    await using server = await startServer(["echo", "--origin", named]);
    const answer = await ask(server.port, `${GET}${KEY}${origin}\r\n`, 12);
    assertEquals(answer, "HTTP/1.1 101");
  }
  const { code, stderr } = await run(main, ["--origin", "*", "-p0"]);
  assertEquals(code, 2);
  assertMatch(stderr, /Cannot use --origin without --ws/);
});

Deno.test("server --ws refuses an --origin that no page can have", async () => {
  for (
    const named of [
      "app.example",
      "https://*.example.com",
      "https://a/b",
      "http://",
    ]
  ) {
    const result = await run(main, ["--ws", "-p0", "--origin", named]);
    assertEquals(result.code, 2);
    assertMatch(result.stderr, /^server: Cannot parse origin ".*": expected /);
  }
});

Deno.test("server --ws chooses the first subprotocol that a client asks for", async () => {
  await using server = await startServer(["echo"]);
  const asked = "Sec-WebSocket-Protocol: v2, v1\r\n";
  const answer = await ask(server.port, `${GET}${KEY}${asked}\r\n`, 157);
  assertMatch(answer, /\r\nSec-WebSocket-Protocol: v2\r\n/);
});

Deno.test("server --ws closes a client that breaks the protocol, with the code that says why", async () => {
  await using server = await startServer(["echo"]);
  const cases: [frame: number[], code: number][] = [
    [[0x81, 0x00], 1002],
    [[0xc1, 0x80, 0, 0, 0, 0], 1002],
    [[0x81, 0x81, 0, 0, 0, 0, 0xff], 1007],
    [[0x82, 0xff, 0, 0, 0, 0, 0x7f, 0, 0, 0, 0, 0, 0, 0], 1009],
  ];
  for (const [frame, expected] of cases) {
    using conn = await Deno.connect({ port: server.port });
    await conn.write(encode(`${GET}${KEY}\r\n`));
    await receiveText(conn, 129);
    await conn.write(Uint8Array.from(frame));
    const said = await new Response(conn.readable).bytes();
    assertEquals(said[0], 0x88);
    assertEquals(((said[2] ?? 0) << 8) + (said[3] ?? 0), expected);
    // one close, and nothing behind it
    assertEquals(said.length, 2 + (said[1] ?? 0));
  }
});

Deno.test("a client that does not ask for a WebSocket in time is given up, and holds up nobody", async () => {
  const events: ServerEvent[] = [];
  const refused = Promise.withResolvers<void>();
  await using server = await serve({
    upgrade: createUpgrade([]),
    handler: () => Promise.resolve(),
    handshakeTimeout: 100,
    maxClients: 1,
    onEvent: (event) => {
      events.push(event);
      if (event.event === "refused") refused.resolve();
    },
  });
  using _silent = await Deno.connect({ port: server.port });
  using client = await talkTo(server.port);
  assertEquals(events.filter(({ event }) => event === "refused"), []);
  await client.hear(1).catch(() => {});
  await refused.promise;
  const event = events.find(({ event }) => event === "refused");
  assert(event?.event === "refused");
  assertEquals(event.reason, "no handshake in 0.1 s");
});

Deno.test("clients of a server that shuts down are told that it goes away", async () => {
  const server = await startServer(["echo", "--grace", "0"]);
  using client = await talkTo(server.port);
  server.interrupt();
  assertEquals(await client.hear(1), []);
  assertEquals(client.closed()?.code, 1001);
  await server.result;
});

Deno.test("server --ws refuses a malformed URL of a target, and hides its password", async () => {
  for (const url of ["ws://me:s3cret@h:x/", "ws://h:0/"]) {
    const { code, stderr } = await run(main, ["-p0", "relay", url]);
    assertEquals(code, 2);
    assertMatch(stderr, /^(?!.*s3cret)server: Cannot relay to "ws:/);
  }
});

testWith(
  "python3",
  "clients that reset, in the handshake and after it, harm nobody",
  async () => {
    await using server = await startServer(["echo"]);
    const code = `import socket, struct
for size in (10, 9999):
    for _ in range(20):
        client = socket.create_connection(("127.0.0.1", ${server.port}))
        client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        client.sendall(${JSON.stringify(`${GET}${KEY}\r\n`)}.encode()[:size])
        if size > 10:
            client.recv(9999)
        client.close()`;
    const python = spawnProgram("python3", ["-c", code]);
    assertEquals((await python.result).code, 0);
    using client = await talkTo(server.port);
    await client.say("still there");
    assertEquals(await client.hear(1), ["still there"]);
  },
);
