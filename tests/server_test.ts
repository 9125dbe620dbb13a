import { assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { main } from "../tasks/server.ts";
import { hasCommand, run, spawn, spawnProgram, start } from "./support.ts";

/** The port of a server, from the lines that it printed. */
function portIn(output: string): number {
  return Number(output.match(/Listening on \S+:(\d+)\n/)?.[1]);
}

const LISTENING = /Listening on 127.0.0.1:\d+\n(Listening on \[::1\]:\d+\n)?/;

async function receive(port: number): Promise<string> {
  using conn = await Deno.connect({ hostname: "localhost", port });
  return await new Response(conn.readable).text();
}

Deno.test("server greets one client after the other, in the tutorial's words", async () => {
  const { stdout, interrupt, drains, result } = start(main, ["--port", "0"]);
  const port = portIn(await stdout.waitFor(LISTENING));
  assertEquals(await receive(port), "Hello, Client!");
  assertEquals(await receive(port), "Hello, Client!");
  interrupt();
  const { code, stderr } = await result;
  assertEquals([code, stderr, drains()], [0, "", true]);
  const lines = stdout.text.split("\n");
  assertEquals(lines[0], "Server is waiting for a connection...");
  const clients = lines.filter((line) => line.startsWith("Connection"));
  assertEquals(clients.length, 2);
  for (const line of clients) {
    assertMatch(
      line,
      /^Connection from (127\.0\.0\.1|\[::1\]):\d+ has been established!$/,
    );
  }
});

Deno.test("server --once ends after one client", async () => {
  const { stdout, result } = start(main, [
    "--port",
    "0",
    "--once",
    "--message",
    "hi",
  ]);
  assertEquals(await receive(portIn(await stdout.waitFor(LISTENING))), "hi");
  assertEquals((await result).code, 0);
});

Deno.test("server --json logs one object per line", async () => {
  const { stdout, result } = start(main, [
    "-p0",
    "--once",
    "--json",
    "--host",
    "127.0.0.1",
  ]);
  const [, listening = "{}"] = (await stdout.waitFor("listening")).split("\n");
  const { address }: { address: string } = JSON.parse(listening);
  await receive(Number(address.split(":").at(-1)));
  await result;
  const events = stdout.text.trim().split("\n").map((line): { event: string } =>
    JSON.parse(line)
  );
  assertEquals(events.map(({ event }) => event), [
    "waiting",
    "listening",
    "open",
    "close",
  ]);
});

Deno.test("server says in one line what is wrong, and exits as the table says", async (t) => {
  using taken = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const inUse = String(taken.addr.port);
  const cases: [string[], number, RegExp][] = [
    [
      ["--port", inUse],
      1,
      new RegExp(
        `^server: Cannot listen on localhost:${inUse}: the address is in use\nhint: a free port: --port \\d+.*\n$`,
      ),
    ],
    [
      ["--port", "0x50"],
      2,
      /^server: Cannot parse port "0x50": expected 0 to 65535\nhint: see server --help\n$/,
    ],
    [["--port", "65536"], 2, /Cannot parse port "65536"/],
    [["--port", "-1"], 2, /Cannot parse port "-1"/],
    [["--port", "abc"], 2, /Cannot parse port "abc"/],
    [["--port="], 2, /Cannot parse port ""/],
    [
      ["--port"],
      2,
      /^server: Cannot use --port without a value: expected PORT\n/,
    ],
    [
      ["--prot", "1"],
      2,
      /^server: Unknown option "--prot"\nhint: did you mean --port\?/,
    ],
    [["--once=yes"], 2, /Cannot give --once a value: it takes none/],
    [["-l"], 2, /^server: Unknown option "-l"\nhint: server always listens/],
    [["dance"], 2, /^server: Cannot serve "dance"/],
    [
      ["--host", "203.0.113.1"],
      1,
      /^server: Cannot listen on 203\.0\.113\.1:12345: this machine does not have that address\n$/,
    ],
    [["--grace", "soon"], 2, /Cannot parse seconds "soon"/],
  ];
  for (const [args, code, stderr] of cases) {
    await t.step(args.join(" "), async () => {
      const result = await run(main, args);
      assertMatch(result.stderr, stderr);
      assertEquals([result.code, result.stdout], [code, ""]);
    });
  }
});

Deno.test("server ends quietly when nobody reads its log", async () => {
  const { stdout, result } = start(main, ["--port", "0"], {
    closedStdout: 200,
  });
  const port = portIn(await stdout.waitFor(LISTENING));
  for (let clients = 0; clients < 5; clients++) {
    await receive(port).catch(() => {});
  }
  assertEquals((await result).code, 0);
});

Deno.test("server as a process drains on SIGTERM and exits 0", async () => {
  const server = spawn("server", ["--port", "0"]);
  const port = portIn(await server.stdout.waitFor(LISTENING));
  assertEquals(await receive(port), "Hello, Client!");
  server.kill("SIGTERM");
  assertEquals((await server.result).code, 0);
});

Deno.test("server may not listen on another host without its permission", async () => {
  const { code, stderr } = await spawn("server", ["--host", "0.0.0.0"]).result;
  assertEquals(code, 1);
  assertStringIncludes(
    stderr,
    "server: Cannot listen on 0.0.0.0:12345: net access to 0.0.0.0:12345 is not permitted\n",
  );
  assertStringIncludes(
    stderr,
    "hint: deno run '--allow-net=localhost,127.0.0.1,[::1],0.0.0.0' ",
  );
});

const PYTHON_CLIENT = `
import socket, sys
client_socket = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
client_socket.connect(('localhost', int(sys.argv[1])))
data = client_socket.recv(1024)
print(f"Received from server: {data.decode()}")
client_socket.close()
`;

Deno.test({
  name: "server greets the tutorial's Python client (needs python3)",
  ignore: !hasCommand("python3"),
  fn: async () => {
    const { stdout, result } = start(main, ["--port", "0", "--once"]);
    const port = portIn(await stdout.waitFor(LISTENING));
    const client = await spawnProgram("python3", [
      "-c",
      PYTHON_CLIENT,
      String(port),
    ]).result;
    assertEquals([client.code, client.stdout], [
      0,
      "Received from server: Hello, Client!\n",
    ]);
    assertEquals((await result).code, 0);
  },
});
