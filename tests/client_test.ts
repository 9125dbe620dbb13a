import {
  assertEquals,
  assertLess,
  assertMatch,
  assertStringIncludes,
} from "@std/assert";
import { sendAll } from "../lib/tcp/pump.ts";
import { serve } from "../lib/tcp/serve.ts";
import { main } from "../tasks/client.ts";
import { hasCommand, run, spawn, spawnProgram, start } from "./support.ts";

const terminal = { terminal: { stdin: true } };

/** A server that sends these chunks and closes. */
function serveBytes(...chunks: (string | Uint8Array)[]) {
  return serve({
    handler: async ({ conn }) => {
      for (const chunk of chunks) {
        await sendAll(
          conn,
          typeof chunk === "string" ? new TextEncoder().encode(chunk) : chunk,
        );
      }
    },
  });
}

Deno.test("client prints what the server says, in the tutorial's words", async () => {
  await using server = await serveBytes("Hello, Client!");
  const expected = {
    code: 0,
    stdout: "Received from server: Hello, Client!\n",
    stderr: "",
  };
  for (
    const args of [[`localhost:${server.port}`], [
      "127.0.0.1",
      `${server.port}`,
    ], [`${server.port}`]]
  ) {
    const { code, stdout, stderr } = await run(main, args, terminal);
    assertEquals({ code, stdout, stderr }, expected);
  }
});

Deno.test("client exits 0 when the server closes without a byte", async () => {
  await using server = await serveBytes();
  const { code, stdout } = await run(main, [`${server.port}`], terminal);
  assertEquals([code, stdout], [0, "Received from server: \n"]);
});

Deno.test("client passes bytes on untouched into a pipe, and makes them safe on a terminal", async () => {
  const bytes = new Uint8Array([0x1b, 0x5d, 0x30, 0x07, 0xff, 0x00, 0xc3]);
  await using server = await serveBytes(bytes, new Uint8Array([0xa9]));
  const piped = await run(main, [`${server.port}`], terminal);
  assertEquals(
    piped.stdoutBytes.slice(22),
    new Uint8Array([...bytes, 0xa9, 0x0a]),
  );
  const shown = await run(main, [`${server.port}`], { terminal: true });
  assertEquals(
    shown.stdout,
    "Received from server: \\x1b]0\\x07\ufffd\\x00é\n",
  );
});

Deno.test("client says that a piped stdin is not sent", async () => {
  await using server = await serveBytes("hi");
  const { code, stderr } = await run(main, [`${server.port}`], {
    stdin: "lost",
  });
  assertEquals([code, stderr], [
    0,
    "hint: stdin is not sent; to send it, add --pipe\n",
  ]);
});

Deno.test("client says in one line what is wrong, and exits as the table says", async (t) => {
  const closed = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const port = closed.addr.port;
  closed.close();
  const cases: [string[], number, RegExp][] = [
    [
      [`localhost:${port}`],
      7,
      new RegExp(
        `^client: Cannot connect to localhost:${port}: connection refused\nhint: nothing listens there; start it with: deno task server --port ${port}\n$`,
      ),
    ],
    [
      ["nowhere.invalid:80"],
      6,
      /^client: Cannot connect to nowhere\.invalid:80: unknown host\n$/,
    ],
    [
      ["unix:/nowhere/hark.sock"],
      1,
      /^client: Cannot connect to unix:\/nowhere\/hark\.sock: no such file\nhint: nothing listens there/,
    ],
    [
      ["localhost:0x50"],
      2,
      /^client: Cannot parse port "0x50": expected 0 to 65535\nhint: see client --help\n$/,
    ],
    [["localhost", "65536"], 2, /Cannot parse port "65536"/],
    [["localhost:"], 2, /Cannot parse port ""/],
    [["a", "1", "2"], 2, /^client: Cannot connect to 3 operands/],
    [["a b:1"], 2, /^client: Cannot parse host "a b"/],
    [["--timeout", "soon"], 2, /Cannot parse seconds "soon"/],
    [
      ["--timeout"],
      2,
      /Cannot use --timeout without a value: expected SECONDS/,
    ],
    [
      ["--tiemout=1"],
      2,
      /^client: Unknown option "--tiemout"\nhint: did you mean --timeout\?/,
    ],
  ];
  for (const [args, code, stderr] of cases) {
    await t.step(args.join(" "), async () => {
      const result = await run(main, args, terminal);
      assertMatch(result.stderr, stderr);
      assertEquals([result.code, result.stdout], [code, ""]);
    });
  }
});

const SILENT = `
import socket, sys
server = socket.socket()
server.bind(("127.0.0.1", 0))
server.listen(0)
queue = [socket.socket() for _ in range(4)]
for waiting in queue:
    waiting.setblocking(False)
    waiting.connect_ex(server.getsockname())
print(server.getsockname()[1], flush=True)
sys.stdin.readline()
`;

Deno.test({
  name: "client gives up connecting after --timeout with 28 (needs python3)",
  ignore: !hasCommand("python3"),
  fn: async () => {
    const ended = Promise.withResolvers<string>();
    const stdin = (async function* () {
      yield await ended.promise;
    })();
    const server = spawnProgram("python3", ["-c", SILENT], { stdin });
    const port = Number((await server.stdout.waitFor("\n")).trim());
    const { code, stderr } = await run(main, [
      `127.0.0.1:${port}`,
      "--timeout",
      "0.2",
    ], terminal);
    ended.resolve("\n");
    assertEquals([code, stderr], [
      28,
      `client: Cannot connect to 127.0.0.1:${port}: timed out\n`,
    ]);
    assertEquals((await server.result).code, 0);
  },
});

const RESET = `
import socket, struct, sys
server = socket.create_server(("127.0.0.1", 0))
print(server.getsockname()[1], flush=True)
conn, _ = server.accept()
conn.sendall(b"half")
sys.stdin.readline()
conn.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
conn.close()
`;

Deno.test("client ends quietly when nobody reads its output", async () => {
  await using server = await serveBytes(new Uint8Array(1 << 20));
  const { code, stderr } = await run(main, [`${server.port}`], {
    ...terminal,
    closedStdout: 10,
  });
  assertEquals([code, stderr], [0, ""]);
});

Deno.test("client takes 100 MB without a newline in flat memory", async () => {
  const chunk = new Uint8Array(1 << 20).fill(0x61);
  await using server = await serveBytes(
    ...Array.from({ length: 100 }, () => chunk),
  );
  const script = `${
    JSON.stringify(new URL("../tasks/client.ts", import.meta.url).href)
  }`;
  const probe = `import { main } from ${script};
    let size = 0;
    const stdout = { isTerminal: false, color: false, columns: 80, write: (bytes) => void (size += bytes.length) };
    const io = { stdin: { isTerminal: true }, stdout, stderr: stdout, signal: new AbortController().signal, drain() {} };
    const code = await main(["${server.port}"], io);
    console.log(JSON.stringify({ code, size, rss: Deno.memoryUsage().rss }));`;
  const child = spawnProgram(Deno.execPath(), ["run", "-A", "--ext=js", "-"], {
    stdin: probe,
  });
  const { stdout, stderr } = await child.result;
  const { code, size, rss }: { code: number; size: number; rss: number } = JSON
    .parse(stdout || stderr);
  assertEquals([code, size], [
    0,
    100 * (1 << 20) + "Received from server: \n".length,
  ]);
  assertLess(rss, 100e6);
});

Deno.test("client as a process ends at once on Ctrl-C with 130, and on SIGTERM with 143", async () => {
  const silent = Promise.withResolvers<void>();
  for (const [signal, code] of [["SIGINT", 130], ["SIGTERM", 143]] as const) {
    const connected = Promise.withResolvers<void>();
    await using server = await serve({
      handler: async ({ conn }) => {
        connected.resolve();
        await Promise.race([silent.promise, conn.read(new Uint8Array(1))]);
      },
    });
    const client = spawn("client", [`${server.port}`]);
    await connected.promise;
    await client.stderr.waitFor("hint");
    const begun = performance.now();
    client.kill(signal);
    assertEquals((await client.result).code, code);
    assertLess(performance.now() - begun, 1000);
  }
});

Deno.test("client asks for a permission in one line, with the command to run", async () => {
  const { code, stdout, stderr } = await spawn("client", ["example.com:80"])
    .result;
  assertEquals([code, stdout], [1, ""]);
  const [line, hint = ""] = stderr.split("\n");
  assertEquals(
    line,
    "client: Cannot connect to example.com:80: net access to example.com:80 is not permitted",
  );
  assertMatch(
    hint,
    /^hint: deno run '--allow-net=localhost,127\.0\.0\.1,\[::1\],example\.com' \S+client\.ts example\.com:80$/,
  );
});

const PYTHON_SERVER = `
import socket
server_socket = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
server_socket.bind(('localhost', 0))
server_socket.listen(1)
print(server_socket.getsockname()[1], flush=True)
client_socket, client_address = server_socket.accept()
print(f"Connection from {client_address} has been established!")
client_socket.sendall("Hello, Client!".encode())
client_socket.close()
`;

Deno.test({
  name: "client understands the tutorial's Python server (needs python3)",
  ignore: !hasCommand("python3"),
  fn: async () => {
    const server = spawnProgram("python3", ["-c", PYTHON_SERVER]);
    const port = (await server.stdout.waitFor("\n")).trim();
    const { code, stdout } = await run(main, [`localhost:${port}`], terminal);
    assertEquals([code, stdout], [0, "Received from server: Hello, Client!\n"]);
    assertStringIncludes((await server.result).stdout, "has been established!");
  },
});

Deno.test({
  name: "client says that the server reset the connection (needs python3)",
  ignore: !hasCommand("python3"),
  fn: async () => {
    const received = Promise.withResolvers<string>();
    const stdin = (async function* () {
      yield await received.promise;
    })();
    const server = spawnProgram("python3", ["-c", RESET], { stdin });
    const port = Number((await server.stdout.waitFor("\n")).trim());
    const { stdout, result } = start(main, [`127.0.0.1:${port}`], terminal);
    await stdout.waitFor("half");
    received.resolve("reset now\n");
    const { code, stderr } = await result;
    assertEquals([code, stderr], [
      1,
      `client: Cannot receive from 127.0.0.1:${port}: connection reset by peer\n`,
    ]);
    assertEquals((await server.result).code, 0);
  },
});
