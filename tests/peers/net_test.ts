import {
  assert,
  assertEquals,
  assertGreater,
  assertLess,
  assertMatch,
  assertRejects,
  assertStringIncludes,
} from "@std/assert";
import { getAvailablePort } from "@std/net/get-available-port";
import { quote } from "../../lib/cli/values.ts";
import { send, writeAll } from "../../lib/net/connection.ts";
import { echo } from "../../tasks/server/handlers.ts";
import { serve } from "../../tasks/server/serve.ts";
import { createReceiver } from "../net/half_close.ts";
import { makeIdentity } from "../net/identity.ts";
import {
  asProcess,
  type Command,
  inProcess,
  listening,
  portIn,
  RESET_AFTER_ONE,
  RESETS,
} from "../net/peers.ts";
import {
  encode,
  listening as hearing,
  receiveFrom,
  receiveText,
  ROOT,
  sleep,
  spawnDeno,
  spawnProgram,
  testWith,
  withFolder,
} from "../support.ts";

const connect = (port: number) => Deno.connect({ hostname: "127.0.0.1", port });

/** Sends a text and waits until it comes back. */
async function exchange(conn: Deno.Conn, text: string): Promise<void> {
  await conn.write(encode(text));
  assertEquals(await receiveText(conn, text.length), text);
}

/** Connects until nothing listens any more; who still waits then may be reset. */
async function untilRefused(port: number): Promise<void> {
  for (let refused = false; !refused;) {
    try {
      (await connect(port)).close();
    } catch (error) {
      refused = error instanceof Deno.errors.ConnectionRefused;
    }
  }
}

async function end(server: Command): Promise<void> {
  server.stop();
  assertEquals((await server.result).code, 0);
}

Deno.test("server on SIGTERM refuses new clients, serves the others, and ends with the last of them", async () => {
  const { port, server } = await listening(asProcess, [
    ...["echo", "--grace", "60"],
  ]);
  const held = await connect(port);
  await exchange(held, "before");
  server.stop();
  await untilRefused(port);
  await exchange(held, "after");
  held.close();
  assertEquals((await server.result).code, 0);
});

Deno.test("server on SIGTERM serves those who stay for --grace, and ends", async () => {
  const { port, server } = await listening(asProcess, [
    ...["echo", "--grace", "0.5"],
  ]);
  using held = await connect(port);
  await exchange(held, "before");
  const begun = performance.now();
  server.stop();
  assertEquals(await held.read(new Uint8Array(1)), null);
  assertGreater(performance.now() - begun, 480);
  assertEquals((await server.result).code, 0);
});

testWith(
  "python3",
  "server that is stopped while 500 clients connect and reset greets the next one",
  async () => {
    const script = `${ROOT}tasks/server.ts`;
    const server = spawnDeno(["run", "-A", script, "--port", "0"]);
    const port = portIn(await server.stdout.waitFor(/Listening on .*\n/));
    server.kill("SIGSTOP");
    const resets = await spawnProgram("python3", ["-c", RESETS, `${port}`])
      .result;
    server.kill("SIGCONT");
    assertEquals([resets.code, resets.stderr], [0, ""]);
    assertEquals(await receiveFrom(port), "Hello, Client!");
    server.kill("SIGTERM");
    assertEquals((await server.result).code, 0);
    // those that the system could not hold were not there
    const refused = server.stdout.text.match(
      /^Connection from unknown was refused: it reset before it was accepted$/gm,
    );
    assertGreater(refused?.length ?? 0, 100);
  },
);

Deno.test("server full with --max-clients lets the next one wait until one leaves", async () => {
  const { port, server } = await listening(asProcess, [
    ...["echo", "--max-clients", "2", "--grace", "0"],
  ]);
  using first = await connect(port);
  using second = await connect(port);
  await exchange(first, "1");
  await exchange(second, "2");
  using third = await connect(port);
  await third.write(encode("3"));
  await exchange(first, "still 1");
  first.close();
  assertEquals(await receiveText(third, 1), "3");
  await exchange(second, "still 2");
  await end(server);
  const [before = ""] = server.stdout.text.split(" ended after ");
  assertEquals(before.match(/established/g)?.length, 2);
});

Deno.test("server echo goes on at full speed for others when one client never reads", async () => {
  const { port, server } = await listening(asProcess, ["echo"]);
  using slow = await connect(port);
  const chunk = new Uint8Array(1 << 20);
  const stalled = (async () => {
    for (let sent = 0; sent < 40 << 20;) sent += await slow.write(chunk);
  })().catch(() => {});
  const begun = performance.now();
  for (let client = 0; client < 20; client++) {
    using conn = await connect(port);
    await exchange(conn, "x".repeat(1000));
  }
  assertLess(performance.now() - begun, 10_000);
  slow.close();
  await stalled;
  await end(server);
});

testWith(
  "openssl",
  "server --tls greets openssl s_client while others say nothing, or too little",
  () =>
    withFolder(async (folder) => {
      const { cert, key } = await makeIdentity(folder);
      const { port, server } = await listening(inProcess, [
        ...["--tls", "--cert", cert, "--key", key, "--grace", "0"],
      ]);
      using _silent = await connect(port);
      using slow = await connect(port);
      // the head of a record that is a ClientHello, and no more
      await slow.write(new Uint8Array([22, 3, 1, 2, 0]));
      const begun = performance.now();
      const client = spawnProgram("openssl", [
        ..."s_client -quiet -verify_return_error -CAfile".split(" "),
        ...[cert, "-connect", `127.0.0.1:${port}`],
      ], { stdin: [] });
      assertEquals((await client.result).stdout, "Hello, Client!");
      assertLess(performance.now() - begun, 10_000);
      await end(server);
    }),
);

const TALKER = `
import socket, sys, time
talker = socket.create_connection(("127.0.0.1", int(sys.argv[1])))
for _ in range(5):
    time.sleep(0.2)  # half of what it may be idle
    talker.sendall(b"x")
    assert talker.recv(1) == b"x"
begun = time.monotonic()
assert talker.recv(1) == b""
print(time.monotonic() - begun)
`;

testWith(
  "python3",
  "server --idle-timeout spares a client that talks, and closes it when it is silent",
  async () => {
    const { port, server } = await listening(inProcess, [
      ...["echo", "--idle-timeout", "0.4"],
    ]);
    const talker = await spawnProgram("python3", ["-c", TALKER, `${port}`])
      .result;
    assertEquals([talker.code, talker.stderr], [0, ""]);
    assertGreater(Number(talker.stdout), 0.3);
    assertLess(Number(talker.stdout), 10);
    await end(server);
  },
);

testWith(
  "python3",
  "server that is reset while it sends says so and serves the next client whole",
  () =>
    withFolder(async (folder) => {
      const file = `${folder}/bytes`;
      await Deno.writeFile(file, new Uint8Array(20 << 20).fill(120));
      const { port, server } = await listening(inProcess, ["--file", file]);
      const python = spawnProgram("python3", [
        "-c",
        RESET_AFTER_ONE,
        `${port}`,
      ]);
      assertEquals((await python.result).code, 0);
      await server.stdout.waitFor(/reset by peer|closed the connection/);
      assertEquals((await receiveFrom(port)).length, 20 << 20);
      await end(server);
    }),
);

Deno.test("client --pipe that is reset while it sends fails with 1 and says so", async () => {
  const script = `
import socket, struct
server = socket.create_server(("127.0.0.1", 0))
print("listening on port", server.getsockname()[1], flush=True)
client, _ = server.accept()
client.recv(1024)
client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
client.close()
`;
  const server = spawnProgram("python3", ["-c", script]);
  const port = portIn(await server.stdout.waitFor("\n"));
  const client = asProcess("client", ["--pipe", `127.0.0.1:${port}`], [
    new Uint8Array(40 << 20),
  ]);
  const { code, stderr } = await client.result;
  assertEquals(code, 1);
  assertMatch(
    stderr,
    /^client: Cannot (send to|receive from) 127\.0\.0\.1:\d+: [^\n]+\n$/,
  );
  assertEquals((await server.result).code, 0);
});

/** A server of ours that sends so many bytes. */
function serveSize(size: number) {
  const bytes = Uint8Array.from({ length: 1 << 20 }, (_, at) => at % 251);
  return serve({
    handler: async (connection) => {
      for (let sent = 0; sent < size; sent += bytes.length) {
        await send(connection, bytes.subarray(0, size - sent));
      }
    },
  });
}

/** `deno run` of the client, for a shell: quoted by position. */
const CLIENT = [Deno.execPath(), "run", "-A", `${ROOT}tasks/client.ts`];

Deno.test("client --pipe whose stdout is closed early ends quietly with 0", async () => {
  await using server = await serveSize(100 << 20);
  const { stdout, stderr } = await spawnProgram("sh", [
    "-c",
    '{ "$@"; echo $? >&2; } | head -c 10 | wc -c',
    ...["sh", ...CLIENT, "--pipe", `127.0.0.1:${server.port}`],
  ]).result;
  assertEquals([stdout.trim(), stderr], ["10", "0\n"]);
});

const NON_BLOCKING = `
import fcntl, hashlib, os, select, subprocess, sys, time
ours, theirs = os.pipe()
fcntl.fcntl(theirs, fcntl.F_SETFL, fcntl.fcntl(theirs, fcntl.F_GETFL) | os.O_NONBLOCK)
child = subprocess.Popen(sys.argv[1:], stdout=theirs, stdin=subprocess.DEVNULL)
while select.select([], [theirs], [], 0)[1]:
    time.sleep(0.001)  # until it is full
os.close(theirs)
digest, size = hashlib.sha256(), 0
while part := os.read(ours, 65536):
    digest.update(part)
    size += len(part)
print(child.wait(), size, digest.hexdigest())
`;

testWith(
  "python3",
  "client --pipe loses nothing on a stdout that does not block",
  async () => {
    const size = 20 << 20;
    await using server = await serveSize(size);
    const python = spawnProgram("python3", [
      ...["-c", NON_BLOCKING, ...CLIENT],
      ...["--pipe", `127.0.0.1:${server.port}`],
    ]);
    const sent = Uint8Array.from(
      { length: size },
      (_, at) => (at % (1 << 20)) % 251,
    );
    const hash = new Uint8Array(await crypto.subtle.digest("SHA-256", sent));
    assertEquals(
      (await python.result).stdout.trim(),
      `0 ${size} ${hash.toHex()}`,
    );
  },
);

Deno.test("client --pipe as a process sends all of stdin to a receiver that has none, and leaves with stdin", async () => {
  const { handler, heard, stdin } = createReceiver();
  await using server = await serve({ handler });
  const { code } = await asProcess(
    "client",
    ["--pipe", `${server.port}`],
    stdin,
  ).result;
  assertEquals([code, await heard], [0, "one two"]);
});

/** A peer in Python that answers what comes when 8 bytes of it are there. */
const AFTER_EIGHT = `
import socket, ssl, sys
server = socket.create_server(("127.0.0.1", 0))
print("listening on port", server.getsockname()[1], flush=True)
client, _ = server.accept()
if len(sys.argv) > 1:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(sys.argv[1], sys.argv[2])
    client = context.wrap_socket(client, server_side=True)
request = b""
while part := client.recv(64):
    request += part
    if len(request) == 8:
        client.sendall(request)
        request = b""
if len(sys.argv) > 1:
    client.unwrap()
`;

for (
  const [name, tls, command] of [
    ["client --pipe", false, (to: string) => ["--pipe", `localhost:${to}`]],
    ["client --pipe --ca", true, (to: string, cert: string) => [
      ...["--pipe", "--ca", cert, `localhost:${to}`],
    ]],
    ["server relay tls:", true, (to: string, cert: string) => [
      ...["relay", `tls:localhost:${to}`, "--ca", cert],
    ]],
  ] as const
) {
  testWith(
    "python3",
    `${name} sends a second small write at once, not after 40 ms`,
    () =>
      withFolder(async (folder) => {
        const { cert, key } = await makeIdentity(folder);
        const peer = spawnProgram("python3", [
          ...["-c", AFTER_EIGHT],
          ...tls ? [cert, key] : [],
        ]);
        const port = `${portIn(await peer.stdout.waitFor("\n"))}`;
        const times: number[] = [];
        async function* ask(answers: () => Promise<unknown>) {
          for (let round = 1; round <= 20; round++) {
            const begun = performance.now();
            yield "ping";
            // so that the two are not read as one
            await sleep(2);
            yield "pong";
            await answers();
            times.push(performance.now() - begun);
          }
        }
        if (name.startsWith("client")) {
          const client = inProcess(
            "client",
            command(port, cert),
            ask(() =>
              client.stdout.waitFor(
                new RegExp(`^(pingpong){${times.length + 1}}$`),
              )
            ),
          );
          assertEquals((await client.result).code, 0);
        } else {
          const { port: own, server } = await listening(
            inProcess,
            [...command(port, cert)],
          );
          using conn = await connect(own);
          conn.setNoDelay();
          for await (const piece of ask(() => receiveText(conn, 8))) {
            await conn.write(encode(piece));
          }
          conn.close();
          await end(server);
        }
        await peer.result;
        const [median = Infinity] = times.toSorted((a, b) => a - b).slice(10);
        assertLess(median, 30);
      }),
  );
}

testWith(
  "ss",
  "server relay asks both of its ends whether they live, and client its server",
  async () => {
    await using target = await serve({ handler: echo });
    const { port, server } = await listening(inProcess, [
      ...["relay", `127.0.0.1:${target.port}`],
    ]);
    async function* look(answer: () => Promise<unknown>) {
      yield "hello";
      await answer();
      for (const at of [target.port, port]) {
        // what was just sent has another timer for a moment
        let found = 0;
        for (let tries = 0; found < 2; tries++) {
          const { stdout } = await spawnProgram("ss", [
            ...["-tnoH", "state", "established"],
            `( sport = :${at} or dport = :${at} )`,
          ]).result;
          found = stdout.match(/timer:\(keepalive/g)?.length ?? 0;
          assertLess(tries, 100, stdout);
        }
      }
    }
    const client = inProcess(
      "client",
      ["--pipe", `127.0.0.1:${port}`],
      look(() => client.stdout.waitFor("hello")),
    );
    assertEquals((await client.result).code, 0);
    await end(server);
  },
);

/** An stdin that is open until the test lets it go. */
function held(): { stdin: AsyncGenerator<string>; letGo: () => void } {
  const { promise, resolve } = Promise.withResolvers<string>();
  const stdin = (async function* () {
    yield await promise;
  })();
  return { stdin, letGo: () => resolve("") };
}

testWith(
  "tar",
  "server pipe gives tar behind it its end, though its own stdin stays open, as under ssh -T",
  () =>
    withFolder(async (folder) => {
      await Deno.mkdir(`${folder}/from`);
      await Deno.mkdir(`${folder}/to`);
      await Deno.writeTextFile(`${folder}/from/file`, "kept");
      const { stdin, letGo } = held();
      const server = spawnProgram("sh", [
        ...["-c", '"$@" | { tar x && echo extracted; }', "sh"],
        ...[Deno.execPath(), "run", "-A", `${ROOT}tasks/server.ts`],
        ...["pipe", "-p0", "--host", "127.0.0.1"],
      ], { stdin, cwd: `${folder}/to` });
      const port = portIn(await server.stderr.waitFor(/Listening on .*\n/));
      const { stdoutBytes } = await spawnProgram("tar", [
        ...["c", "-C", `${folder}/from`, "file"],
      ]).result;
      using conn = await connect(port);
      await writeAll(conn, stdoutBytes);
      await conn.closeWrite();
      await server.stdout.waitFor("extracted");
      // of a shell that ended by itself
      await server.stderr.waitFor("stdin gave nothing for 1 s");
      letGo();
      assertEquals((await server.result).code, 0);
      assertEquals(await Deno.readTextFile(`${folder}/to/file`), "kept");
    }),
);

testWith(
  "nc",
  "server pipe and nc, joined by a fifo, pass one request on and end",
  () =>
    withFolder(async (folder) => {
      await using web = hearing(async (conn) => {
        await conn.read(new Uint8Array(64));
        await conn.write(encode("the page"));
      });
      const circle = spawnProgram("sh", [
        "-c",
        'mkfifo f; port=$1; shift; "$@" < f | nc -N 127.0.0.1 $port > f',
        ...["sh", `${web.port}`],
        ...[Deno.execPath(), "run", "-A", `${ROOT}tasks/server.ts`],
        ...["pipe", "-p0", "--host", "127.0.0.1"],
      ], { cwd: folder });
      const port = portIn(await circle.stderr.waitFor(/Listening on .*\n/));
      using conn = await connect(port);
      await conn.write(encode("GET /"));
      assertEquals(await receiveText(conn, 8), "the page");
      await conn.closeWrite();
      assertEquals((await circle.result).code, 0);
    }),
);

const CUT_SERVER = `
import socket, ssl, sys
context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
context.load_cert_chain(sys.argv[1], sys.argv[2])
server = socket.create_server(("127.0.0.1", 0))
print("listening on port", server.getsockname()[1], flush=True)
client, _ = server.accept()
client = context.wrap_socket(client, server_side=True)
assert client.recv(1) == b""
client.sendall(b"part")
client.close()
`;

testWith(
  "python3",
  "client --tls that is cut off before close_notify prints what came, says so and fails with 18",
  () =>
    withFolder(async (folder) => {
      const { cert, key } = await makeIdentity(folder);
      const server = spawnProgram("python3", ["-c", CUT_SERVER, cert, key]);
      const port = portIn(await server.stdout.waitFor("\n"));
      const client = inProcess("client", [
        ...["--pipe", "--tls", "--ca", cert, `localhost:${port}`],
      ]);
      const { code, stdout, stderr } = await client.result;
      assertEquals([code, stdout], [18, "part"], stderr);
      assertMatch(stderr, /^client: Cannot receive from localhost:\d+: \S/);
      assertEquals((await server.result).code, 0);
    }),
);

testWith(
  "ncat",
  "client --pipe over TLS sends all of stdin to ncat --ssl, which has ended TCP alone, and fails with 18",
  () =>
    withFolder(async (folder) => {
      const { cert, key } = await makeIdentity(folder);
      const port = getAvailablePort();
      const ncat = spawnProgram("ncat", [
        ...["-lv", "--ssl", "--ssl-cert", cert, "--ssl-key", key],
        ...["127.0.0.1", `${port}`],
      ]);
      await ncat.stderr.waitFor("Listening on");
      async function* slowly() {
        yield "one ";
        await ncat.stdout.waitFor("one ");
        // it is long over
        await sleep(250);
        yield "two";
      }
      const client = inProcess(
        "client",
        ["--pipe", "--ca", cert, `localhost:${port}`],
        slowly(),
      );
      const { code, stderr } = await client.result;
      assertEquals(code, 18);
      assertStringIncludes(stderr, ": cut short: ");
      assertEquals((await ncat.result).stdout, "one two");
    }),
);

const DRIPPING = `
import socket, time
server = socket.create_server(("127.0.0.1", 0))
print("listening on port", server.getsockname()[1], flush=True)
client, _ = server.accept()
client.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
for byte in "é€😀\\x1b]0;owned\\x07\\x1b[2J\\u202e\\n".encode():
    client.sendall(bytes([byte]))
    time.sleep(0.005)  # each comes by itself
client.close()
`;

for (const mode of [[], ["--pipe"]]) {
  const name = ["client", ...mode].join(" ");
  testWith(
    "script",
    `${name} on a terminal keeps characters whole that come byte by byte, and shows controls`,
    async () => {
      const server = spawnProgram("python3", ["-c", DRIPPING]);
      const port = portIn(await server.stdout.waitFor("\n"));
      const line = [...CLIENT, ...mode, `127.0.0.1:${port}`].map(quote)
        .join(" ");
      const script = spawnProgram("script", ["-qec", line, "/dev/null"]);
      const { code, stdout } = await script.result;
      assertStringIncludes(
        stdout,
        "é€😀\\x1b]0;owned\\x07\\x1b[2J\\u202e",
      );
      for (const control of ["\x1b", "\x07", "\u202e"]) {
        assert(!stdout.includes(control), Deno.inspect(stdout));
      }
      assertEquals(code, 0);
      assertEquals((await server.result).code, 0);
    },
  );
}

/** Whether a mount may be made that only one process sees. */
function mayMount(): boolean {
  try {
    const { success } = new Deno.Command("unshare", {
      args: ["-m", "sh", "-c", "mount --bind /etc/hosts /etc/hosts"],
      stdout: "null",
      stderr: "null",
    }).outputSync();
    return success;
  } catch {
    return false;
  }
}

const WITH_HOSTS = 'mount --bind "$1" /etc/hosts && shift && exec "$@"';
const ignore = !mayMount();
const reason = ignore ? " (skipped: no mount of our own may be made here)" : "";

Deno.test({
  name:
    `server and client meet on both loopbacks where localhost is ::1 alone${reason}`,
  ignore,
  fn: () =>
    withFolder(async (folder) => {
      const hosts = `${folder}/hosts`;
      await Deno.writeTextFile(hosts, "::1 localhost\n");
      const inside = ["-m", "sh", "-c", WITH_HOSTS, "sh", hosts];
      const server = spawnProgram("unshare", [
        ...inside,
        ...[Deno.execPath(), "run", "-A", `${ROOT}tasks/server.ts`, "-p", "0"],
      ]);
      const said = await server.stdout.waitFor(
        /Listening on 127.*\n.*Listening on \[::1\].*\n/,
      );
      const port = portIn(said);
      for (const hostname of ["127.0.0.1", "::1"]) {
        using conn = await Deno.connect({ hostname, port });
        assertEquals(await receiveText(conn), "Hello, Client!");
      }
      const client = spawnProgram("unshare", [
        ...inside,
        ...[...CLIENT, `localhost:${port}`],
      ]);
      assertEquals(
        (await client.result).stdout,
        "Received from server: Hello, Client!\n",
      );
      server.kill("SIGTERM");
      assertEquals((await server.result).code, 0);
    }),
});

Deno.test({
  name:
    `server --host NAME listens on each address of it, once, and hints name them all, of client -6 too${reason}`,
  ignore,
  fn: () =>
    withFolder(async (folder) => {
      const hosts = `${folder}/hosts`;
      const addresses = ["127.0.0.1", "127.0.0.2", "::1", "127.0.0.1"];
      await Deno.writeTextFile(
        hosts,
        addresses.map((address) => `${address} two.test\n`).join(""),
      );
      const inside = ["-m", "sh", "-c", WITH_HOSTS, "sh", hosts];
      const script = `${ROOT}tasks/server.ts`;
      const args = [script, "--host", "two.test", "-p", "0"];
      for (const family of [[], ["-4"], ["-6"]]) {
        const server = spawnProgram("unshare", [
          ...inside,
          ...[Deno.execPath(), "run", "-A", ...args, ...family],
        ]);
        const expected = ["127.0.0.1", "127.0.0.2", "[::1]"].filter((host) =>
          family.length === 0 || host.startsWith("[") === family.includes("-6")
        );
        const said = await server.stdout.waitFor(
          new RegExp(`(Listening on .*\n){${expected.length}}`),
        );
        const [, ...ports] = said.matchAll(/Listening on .*:(\d+)\n/g);
        const [first = ""] = said.match(/(?<=:)\d+(?=\n)/) ?? [];
        for (const [, port] of ports) assertEquals(port, first);
        assertEquals(
          [...said.matchAll(/Listening on (.*):\d+\n/g)].map(([, host]) => host)
            .sort(),
          expected,
        );
        server.kill("SIGTERM");
        assertEquals((await server.result).code, 0);
      }
      // the hint names all that it takes, as soon as the name may be looked up
      const refused = await spawnProgram("unshare", [
        ...inside,
        ...[Deno.execPath(), "run", "--no-prompt", "--allow-net=two.test"],
        ...[script, "--host", "two.test", "-p", "45678"],
      ]).result;
      assertEquals(refused.code, 1);
      for (const host of ["two.test", "127.0.0.1", "127.0.0.2", "[::1]"]) {
        assertStringIncludes(refused.stderr.split("\nhint: ")[1] ?? "", host);
      }
      const unchecked = await spawnProgram("unshare", [
        ...inside,
        ...[Deno.execPath(), "run", "--no-prompt", "--allow-net=two.test"],
        ...[`${ROOT}tasks/client.ts`, "-6", "--check", "1-2", "two.test"],
      ]).result;
      assertEquals(unchecked.code, 1);
      assertStringIncludes(
        unchecked.stderr,
        `'--allow-net=two.test,[::1]:1,[::1]:2' ${
          quote(`${ROOT}tasks/client.ts`)
        } `,
      );
    }),
});

Deno.test("server takes over the socket file of a dead server, not of a living one, nor any other file", async () => {
  await withFolder(async (folder) => {
    const path = `${folder}/hark.sock`;
    const args = ["run", "-A", `${ROOT}tasks/server.ts`, "--unix", path];
    const start = async () => {
      const server = spawnDeno(args);
      await server.stdout.waitFor("Listening on");
      return server;
    };
    const first = await start();
    assertEquals(((await Deno.stat(path)).mode ?? 0) & 0o777, 0o600);
    const rival = await spawnDeno(args).result;
    assertEquals(rival.code, 1);
    assertMatch(rival.stderr, /^server: Cannot listen on unix:.*in use\n/);
    first.kill("SIGKILL");
    await first.result;
    assert((await Deno.lstat(path)).isSocket);
    const second = await start();
    const client = asProcess("client", [`unix:${path}`]);
    assertEquals(
      (await client.result).stdout,
      "Received from server: Hello, Client!\n",
    );
    second.kill("SIGTERM");
    assertEquals((await second.result).code, 0);
    await assertRejects(() => Deno.lstat(path), Deno.errors.NotFound);
    await Deno.writeTextFile(path, "mine");
    const refused = await spawnDeno(args).result;
    assertEquals(refused.code, 1);
    assertEquals(await Deno.readTextFile(path), "mine");
  });
});
