import {
  assert,
  assertEquals,
  assertLess,
  assertMatch,
  assertRejects,
  assertStringIncludes,
} from "@std/assert";
import { getAvailablePort } from "@std/net/get-available-port";
import fc from "fast-check";
import { UsageError } from "../../lib/cli/errors.ts";
import { parseCommandLine } from "../../lib/cli/options.ts";
import { quote } from "../../lib/cli/values.ts";
import { describe, exitCodeOf } from "../../lib/cli/reasons.ts";
import { hintToListen } from "../../lib/net/address.ts";
import { refusalOf } from "../../lib/net/connect.ts";
import { send } from "../../lib/net/connection.ts";
import { atMost } from "../../lib/net/pause.ts";
import {
  fingerprintOf,
  makeCertificate,
} from "../../tasks/server/tls/certificate.ts";
import { main } from "../../tasks/client.ts";
import { main as getMain } from "../../tasks/get.ts";
import { main as postMain } from "../../tasks/post.ts";
import { main as serverMain } from "../../tasks/server.ts";
import { createDataEvents } from "../../tasks/client/json_events.ts";
import {
  addressFrom,
  CLIENT_OPTIONS,
  refuseNearLocalhost,
} from "../../tasks/client/options.ts";
import { clientPermissions } from "../../tasks/client/targets.ts";
import { createCrlf } from "../../tasks/client/transfer.ts";
import { discard, echo, greet } from "../../tasks/server/handlers.ts";
import { SERVER_OPTIONS } from "../../tasks/server/options.ts";
import { serve } from "../../tasks/server/serve.ts";
import { createReceiver } from "../net/half_close.ts";
import { portIn } from "../net/peers.ts";
import {
  createMemoryIo,
  encode,
  flagsOf,
  hasCommand,
  listening,
  type Main,
  openAfter,
  receiveText,
  ROOT,
  run,
  sleep,
  spawn,
  spawnDeno,
  spawnProgram,
  start,
  testWith,
  withFolder,
  withoutInvalid,
} from "../support.ts";

const terminal = { terminal: { stdin: true } };

/** A server that sends these chunks and closes. */
function serveBytes(...chunks: (string | Uint8Array)[]) {
  return serve({
    handler: async (connection) => {
      for (const chunk of chunks) {
        await send(
          connection,
          typeof chunk === "string" ? encode(chunk) : chunk,
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
  const shown = await run(main, [`${server.port}`], {
    terminal: { stdin: true, stdout: true },
  });
  assertEquals(
    shown.stdout,
    "Received from server: \\x1b]0\\x07\ufffd\\x00é\n",
  );
});

Deno.test("client sends what is typed on a terminal, by lines, and its end", async () => {
  await using server = await serve({ handler: echo });
  for (const args of [[], ["--json"]]) {
    const { code, stdout, stderr } = await run(
      main,
      [...args, `${server.port}`],
      { ...terminal, stdin: ["hello?\n", "again\n"] },
    );
    assertEquals([code, stderr], [0, ""]);
    if (args.length > 0) assertMatch(stdout, /"bytesIn":13,"bytesOut":13,/);
    else assertEquals(stdout, "Received from server: hello?\nagain\n\n");
  }
});

Deno.test("client ends when the server does, though a person could type on, and says the same", async () => {
  await using server = await serveBytes("Hello, Client!");
  for (const typed of [[], ["hello?\n"]]) {
    const { code, stdout, stderr } = await run(main, [`${server.port}`], {
      ...terminal,
      stdin: openAfter(...typed),
    });
    assertEquals([code, stdout, stderr], [
      0,
      "Received from server: Hello, Client!\n",
      "",
    ]);
  }
});

Deno.test("client --send and --check read nothing that is typed", async () => {
  await using server = await serve({ handler: echo });
  const cases: [string[], string][] = [
    [["--send", "sent"], "Received from server: sent\n"],
    [["--check"], `localhost:${server.port} open\n`],
  ];
  for (const [args, expected] of cases) {
    const { io, stdout } = createMemoryIo(terminal);
    const stdin = {
      ...io.stdin,
      read: () => Promise.reject(new Error("it is read")),
    };
    assertEquals(await main([...args, `${server.port}`], { ...io, stdin }), 0);
    assertEquals(stdout.text, expected);
  }
});

const UNSENT =
  "stdin is not sent without --pipe; in a loop, give it < /dev/null";

Deno.test("client says that what is piped is not sent, and leaves it to who else reads it", async () => {
  await using server = await serveBytes("hi");
  await using silent = await serveBytes("");
  const hint = `hint: ${UNSENT}\n`;
  const person = { stderr: true };
  for (
    const [{ port }, terminal, found, said] of [
      [server, person, {}, hint],
      [server, person, { size: 4 }, hint],
      [server, person, { size: 0 }, ""],
      [server, person, { isSocket: true }, ""],
      [server, person, undefined, ""],
      // a script is told where it may be why nothing came
      [server, {}, {}, ""],
      [silent, {}, {}, hint],
      [silent, {}, undefined, ""],
    ] as const
  ) {
    const { io, stderr } = createMemoryIo({ terminal });
    const stdin = {
      ...io.stdin,
      look: () => Promise.resolve(found),
      read: () => Promise.reject(new Error("it is read")),
    };
    assertEquals(await main([`${port}`], { ...io, stdin }), 0);
    assertEquals(stderr.text, said);
  }
});

Deno.test("client names an unsent stdin where nothing comes: to a person after three seconds, once, and with the error of the silence", async () => {
  await using silent = await serve({ handler: discard });
  const web = start(serverMain, ["--ws", "echo", "-p0"]);
  const webPort = portIn(await web.stdout.waitFor(/Listening on .*\n/));
  const talk = async (args: readonly string[], isPerson: boolean) => {
    const { io, stderr } = createMemoryIo({ terminal: { stderr: isPerson } });
    const stdin = {
      ...io.stdin,
      look: () => Promise.resolve({}),
      read: () => Promise.reject(new Error("it is read")),
    };
    return { code: await main(args, { ...io, stdin }), text: stderr.text };
  };
  const cases: [string, number][] = [
    [`${silent.port}`, 28],
    [`ws://localhost:${webPort}/`, 28],
    [`udp:127.0.0.1:${silent.port}`, 0],
  ];
  await Promise.all(
    cases.flatMap(([target, expected]) =>
      [false, true].map(async (isPerson) => {
        const limit = isPerson ? "3.5" : "0.05";
        const args = ["--idle-timeout", limit, target];
        const { code, text } = await talk(args, isPerson);
        assertEquals(code, expected, text);
        assertEquals(text.split(`hint: ${UNSENT}\n`).length, 2, text);
        assertEquals(text.startsWith("hint: "), isPerson || code === 0, text);
      })
    ),
  );
  const { code, text } = await talk([
    ...["--timeout", "0.05", `udp:127.0.0.1:${silent.port}`],
  ], false);
  assertEquals(code, 28);
  assertMatch(text, new RegExp(`within 0.05 s\nhint: ${UNSENT}\n$`));
  web.interrupt();
  await web.result;
});

const person = { terminal: { stdin: true, stderr: true } };

Deno.test("client says on a terminal that it is connected, and over TLS what it trusts", async () => {
  const tls = await makeCertificate();
  await using plain = await serveBytes("hi");
  await using secure = await serve({ tls, handler: greet("hi", true) });
  const pin = await fingerprintOf(tls.cert);
  const at = (server: { port: number }) => `localhost:${server.port}`;
  const cases: [string[], string][] = [
    [[at(plain)], `Connected to ${at(plain)}\n`],
    [["--pipe", at(plain)], `Connected to ${at(plain)}\n`],
    [
      ["--tls", "--pin", pin, at(secure)],
      `Connected to ${
        at(secure)
      } over TLS, its certificate is the pinned one\n`,
    ],
    [["--json", at(plain)], ""],
  ];
  for (const [args, expected] of cases) {
    const { code, stdout, stderr } = await run(main, args, person);
    assertEquals([code, stderr], [0, expected]);
    assertMatch(stdout, /hi/);
    const piped = await run(main, args, terminal);
    assertEquals([piped.stdout.length, piped.stderr], [stdout.length, ""]);
  }
});

Deno.test("client explains to a person once, after three seconds, why nothing may come, in lines that can be typed", async () => {
  const tls = await makeCertificate();
  await using silent = await serve({ handler: discard });
  await using secure = await serve({ tls, handler: greet("hi", true) });
  await using mute = await serve({ tls, handler: discard });
  const pin = await fingerprintOf(tls.cert);
  const typed = (...lines: string[]) => ({
    ...person,
    stdin: openAfter(...lines),
  });
  const [a, b, c] = [silent, secure, mute].map(({ port }) =>
    `localhost:${port}`
  );
  const waits = "hint: nothing came yet; the server may wait for what you type";
  const cases: [string[], string[], string][] = [
    [
      [`${a}`],
      [],
      `${waits}; if it speaks TLS: deno task client --tls ${a}; if it speaks HTTP: deno task get http://${a}/\n`,
    ],
    [
      [`${a}`, "--pipe"],
      ["hello\n"],
      `hint: no answer yet; if it speaks TLS: deno task client --tls --pipe ${a}; if it speaks HTTP: deno task get http://${a}/\n`,
    ],
    [
      [`${b}`],
      [],
      `${waits}; if it speaks TLS: deno task client --tls ${b}; if it speaks HTTP: deno task get http://${b}/\n`,
    ],
    [
      ["--tls", "--pin", pin, `${c}`],
      [],
      `${waits}; if it speaks HTTP: deno task get https://${c}/\n`,
    ],
  ];
  await Promise.all(cases.map(async ([args, lines, hint]) => {
    // it ends by itself, at a time when a second hint would be there
    const idle = [...args, "--idle-timeout", "6.5"];
    const { code, stderr } = await run(main, idle, typed(...lines));
    assertEquals(code, 28);
    const [first = "", ...said] = stderr.split(/(?<=\n)/);
    assertMatch(first, /^Connected to /);
    assertEquals(said.slice(0, -1), [hint]);
  }));
});

Deno.test("client explains no silence in a pipe, or of a server that has spoken", async () => {
  await using silent = await serve({ handler: discard });
  await using talking = await serve({
    handler: async (connection) => {
      await send(connection, encode("hi"));
      await discard(connection);
    },
  });
  const idle = ["--idle-timeout", "3.5"];
  const [piped, spoken] = await Promise.all([
    run(main, [`${silent.port}`, ...idle], terminal),
    run(main, [`${talking.port}`, ...idle], person),
  ]);
  for (const { code, stderr } of [piped, spoken]) {
    assertEquals([code, stderr.includes("hint")], [28, false], stderr);
  }
});

Deno.test("client, get and post name the command that would listen where this machine refuses", async () => {
  const cases: [string, number, string][] = [
    ["localhost", 12345, "start it with: hark server --port 12345"],
    ["::1", 3000, "start it with: hark api --port 3000"],
    [
      "a.localhost",
      7000,
      "start it with: hark server --port 7000, or for HTTP: hark api --port 7000",
    ],
    [
      "127.0.0.2",
      7000,
      "start it with: hark server --host 127.0.0.2 --port 7000, or for HTTP: hark api --host 127.0.0.2 --port 7000",
    ],
    ["127.0.0.1", 80, "a server below port 1024 needs root"],
  ];
  for (const [host, port, hint] of cases) {
    const shown = hintToListen({ host, port });
    assertEquals(shown, `nothing listens there; ${hint}`);
  }
  for (const host of ["a.example", "10.0.0.1", "::2"]) {
    assertEquals(hintToListen({ host, port: 80 }), undefined);
  }
  const port = getAvailablePort();
  for (
    const [command, ...args] of [
      [main, `a.localhost:${port}`],
      [getMain, `http://localhost:${port}/x`],
      [getMain, "--time", `http://[::1]:${port}/x`],
      [postMain, `:${port}/x`, "a=1"],
    ] as const
  ) {
    const { code, stderr } = await run(command, args, terminal);
    const start = `deno task server --port ${port}, or for HTTP: deno task api`;
    assertEquals([code, stderr.includes(start)], [7, true], stderr);
  }
});

Deno.test("client says in one line what is wrong, and exits as the table says", async (t) => {
  const port = getAvailablePort();
  const cases: [string[], number, RegExp][] = [
    [
      [`localhost:${port}`],
      7,
      new RegExp(
        `^client: Cannot connect to localhost:${port}: connection refused by 127\\.0\\.0\\.1( and ::1)?\nhint: nothing listens there; start it with: deno task server --port ${port}, or for HTTP: deno task api --port ${port}\n$`,
      ),
    ],
    [
      ["nowhere.invalid:80"],
      6,
      /^client: Cannot connect to nowhere\.invalid:80: unknown host\n$/,
    ],
    [
      ["unix:/nowhere/hark.sock"],
      7,
      /^client: Cannot connect to unix:\/nowhere\/hark\.sock: no such file\nhint: nothing listens there/,
    ],
    [
      ["localhost:0x50"],
      2,
      /^client: Cannot parse port "0x50": expected 1 to 65535\nhint: see deno task client --help\n$/,
    ],
    [
      ["127.0.0.1:9"],
      7,
      /refused\nhint: nothing listens there; a server below port 1024 needs root\n$/,
    ],
    [
      ["3000,3001"],
      2,
      /^client: Cannot parse host "3000,3001": expected a name/,
    ],
    [["localhost", "65536"], 2, /Cannot parse port "65536"/],
    [["localhost:"], 2, /Cannot parse port ""/],
    [
      ["localhost:0"],
      2,
      /^client: Cannot parse port "0": expected 1 to 65535\n/,
    ],
    [["a", "1", "2"], 2, /^client: Cannot connect to 3 operands/],
    [["a b:1"], 2, /^client: Cannot parse host "a b"/],
    [
      ["--pin", "12"],
      2,
      /^client: Cannot parse pin "12": expected a certificate's SHA-256/,
    ],
    [["--sni", "a b"], 2, /^client: Cannot parse host "a b"/],
    [["--key", "x.pem"], 2, /^client: Cannot use --key without --cert\n/],
    [
      ["--cert", "/nowhere/x.pem"],
      1,
      /^client: Cannot read "\/nowhere\/x\.pem": no such file\n$/,
    ],
    [
      ["--ca", "/nowhere/ca.pem"],
      1,
      /^client: Cannot read "\/nowhere\/ca\.pem": no such file\n$/,
    ],
    [
      ["--ca", "deno.json"],
      1,
      /^client: Cannot use "\/.*\/deno\.json": it holds no PEM of a CERTIFICATE\n$/,
    ],
    [["--send", "a", "--check", "80"], 2, /^client: Cannot use --send with/],
    [["--crlf"], 2, /^client: Cannot use --crlf without --send or --pipe\n/],
    [["--check", "7-1"], 2, /^client: Cannot parse ports "7-1"/],
    [
      ["--proxy", "ftp://a:secret@b", "1"],
      2,
      /^client: Cannot parse proxy "ftp:\/\/\*\*\*@b"/,
    ],
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

Deno.test("client as a process ends at once on Ctrl-C with 130, and on SIGTERM with 143", async () => {
  const silent = Promise.withResolvers<void>();
  for (const [signal, code] of [["SIGINT", 130], ["SIGTERM", 143]] as const) {
    const connected = Promise.withResolvers<void>();
    await using server = await serve({
      handler: async ({ socket }) => {
        connected.resolve();
        await Promise.race([silent.promise, socket.read(new Uint8Array(1))]);
      },
    });
    const client = spawn("client", [`${server.port}`]);
    await connected.promise;
    const begun = performance.now();
    client.kill(signal);
    assertEquals((await client.result).code, code);
    assertLess(performance.now() - begun, 8000);
  }
});

Deno.test("client --pipe ends at once when its stdin cannot be read, though the server waits for more", async () => {
  await using server = await serve({ handler: echo });
  const stdin = (async function* () {
    yield "hello";
    await Promise.resolve();
    throw new Deno.errors.IsADirectory("Is a directory (os error 21)");
  })();
  const { code, stderr } = await run(main, ["--pipe", `${server.port}`], {
    stdin,
  });
  assertEquals([code, stderr], [1, "client: it is a directory\n"]);
});

testWith(
  "sh",
  "client, server and post say that it is stdin that cannot be read",
  async () => {
    await using server = await serve({ handler: echo });
    const port = `${server.port}`;
    const cases: [string, string[]][] = [
      ["client", ["--pipe", port]],
      ["server", ["chat", "-p0"]],
      ["post", [`:${port}`, "-"]],
    ];
    for (const [task, args] of cases) {
      const { code, stderr } = await spawnProgram("sh", [
        "-c",
        '"$@" </',
        "sh",
        Deno.execPath(),
        "run",
        ...flagsOf(task),
        `${ROOT}tasks/${task}.ts`,
        ...args,
      ]).result;
      assertEquals(code, 1);
      assert(
        stderr.endsWith(`${task}: Cannot read stdin: it is a directory\n`),
        stderr,
      );
    }
  },
);

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
    /^hint: deno run --allow-net=example\.com:80 .+client\.ts'? example\.com:80$/,
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

/** Some bytes of every value, in no pattern of a text; it begins anew after 64 KiB. */
function binary(length: number): Uint8Array {
  const block = Uint8Array.from(
    { length: 1 << 16 },
    (_, at) => (at * 31 + (at >> 8)) % 256,
  );
  const bytes = new Uint8Array(length);
  for (let at = 0; at < length; at += block.length) {
    bytes.set(block.subarray(0, length - at), at);
  }
  return bytes;
}

Deno.test("client --pipe sends stdin, half-closes and receives to the end: binary, exact", async () => {
  await using server = await serve({ handler: echo });
  const bytes = binary(3_000_001);
  const { code, stdoutBytes, stderr } = await run(main, [
    "--pipe",
    `127.0.0.1:${server.port}`,
  ], { stdin: bytes });
  assertEquals([code, stderr], [0, ""]);
  assertEquals(stdoutBytes, bytes);
});

Deno.test("client --pipe loses no reply that comes after the end of stdin", async () => {
  await using server = await serve({
    handler: async (connection) => {
      await discard(connection);
      await send(connection, encode("late reply"));
    },
  });
  for (let round = 0; round < 10; round++) {
    const args = ["--pipe", `127.0.0.1:${server.port}`];
    const { code, stdout } = await run(main, args, { stdin: "request" });
    assertEquals([code, stdout], [0, "late reply"]);
  }
});

Deno.test("client --pipe ends when the server does, though stdin is an open terminal", async () => {
  await using server = await serveBytes("bye");
  const begun = performance.now();
  const { code, stdout } = await run(main, [
    "--pipe",
    `127.0.0.1:${server.port}`,
  ], { stdin: openAfter(), terminal: { stdin: true } });
  assertEquals([code, stdout], [0, "bye"]);
  assertLess(performance.now() - begun, 8000);
});

/** Ways to speak to a server with this certificate, plain and with each of the two kinds of TLS. */
async function waysTo(pair: Awaited<ReturnType<typeof makeCertificate>>) {
  const ca = await Deno.makeTempFile();
  await Deno.writeTextFile(ca, pair.cert);
  return [
    { args: [], tls: undefined },
    { args: ["--ca", ca], tls: pair },
    { args: ["--pin", await fingerprintOf(pair.cert)], tls: pair },
  ];
}

Deno.test("client --pipe sends all of a slow stdin to who has ended its side, over TLS too", async (t) => {
  for (const { args, tls } of await waysTo(await makeCertificate())) {
    await t.step(args[0] ?? "plain", async () => {
      const { handler, heard, stdin } = createReceiver();
      await using server = await serve({ tls, handler });
      const at = `localhost:${server.port}`;
      const { code, stderr } = await run(main, ["--pipe", ...args, at], {
        stdin,
      });
      assertEquals([code, stderr, await heard], [0, "", "one two"]);
    });
  }
});

Deno.test("client --pipe fails when the server is gone before stdin has ended, be it one piece that is lost", async (t) => {
  for (const { args, tls } of await waysTo(await makeCertificate())) {
    await t.step(args[0] ?? "plain", async () => {
      const gone = Promise.withResolvers<void>();
      await using server = await serve({
        tls,
        handler: (connection) => send(connection, encode("bye")),
        onEvent: ({ event }) => event === "close" && gone.resolve(),
      });
      const at = `localhost:${server.port}`;
      const said = Promise.withResolvers<unknown>();
      const stdin = (async function* () {
        await Promise.all([gone.promise, said.promise]);
        await sleep(50);
        yield "lost";
      })();
      const caller = start(main, ["--pipe", ...args, at], { stdin });
      caller.stdout.waitFor("bye").then(said.resolve, said.reject);
      const { code, stdout, stderr } = await caller.result;
      assertEquals([code, stdout, stderr], [
        1,
        "bye",
        `client: Cannot send to ${at}: the peer closed the connection\n`,
      ]);
      // nothing is lost where nothing came
      const silent = (async function* () {
        await sleep(50);
        yield "";
      })();
      const quiet = await run(main, ["--pipe", ...args, at], { stdin: silent });
      assertEquals([quiet.code, quiet.stderr], [0, ""]);
    });
  }
});

/** Answers a first line later, unless the client has ended its side by then, as Node's servers do. */
function answeringLate() {
  return serve({
    handler: async (connection) => {
      const { socket } = connection;
      await socket.read(new Uint8Array(64));
      const ended = socket.read(new Uint8Array(64)).catch(() => 0);
      if (await atMost(100, ended) === null) return;
      await send(connection, encode("late"));
    },
  });
}

Deno.test("client --keep-open holds its side open for a server that ends on a half-close; without it a hint says so", async () => {
  await using server = await answeringLate();
  const at = `127.0.0.1:${server.port}`;
  const hint =
    "hint: nothing came back; if the server leaves at the end of what is sent, add --keep-open\n";
  const ways = [
    { args: ["--pipe"], stdin: "question\n" },
    { args: ["--pipe", "--json"], stdin: "question\n" },
    { args: ["--send", "question"], stdin: "" },
    { args: [], stdin: ["question\n"], ...terminal },
  ];
  for (const { args, ...around } of ways) {
    const without = await run(main, [...args, at], around);
    assertEquals([without.code, without.stderr], [0, hint], args.join(" "));
    const held = await run(main, [...args, "--keep-open", at], around);
    assertEquals([held.code, held.stderr], [0, ""]);
    assertStringIncludes(held.stdout, "late");
  }
});

Deno.test("client --keep-open ends with --idle-timeout where the server does not, and needs something to send", async () => {
  await using server = await serve({ handler: echo });
  const { code, stdout } = await run(main, [
    ...["--pipe", "--keep-open", "--idle-timeout", "0.2"],
    `127.0.0.1:${server.port}`,
  ], { stdin: "hello" });
  assertEquals([code, stdout], [28, "hello"]);
  const check = await run(main, ["--keep-open", "--check", ":1"]);
  assertEquals([check.code, check.stderr.split("\n")[0]], [
    2,
    "client: Cannot use --keep-open with --check, which sends nothing",
  ]);
});

Deno.test("client says nothing of a server that has nothing to say, where it ends first or nothing is sent", async () => {
  const ended = Promise.withResolvers<void>();
  await using first = listening(async (conn) => {
    await conn.closeWrite();
    ended.resolve();
    await receiveText(conn);
  });
  const { stderr } = await run(main, ["--pipe", `127.0.0.1:${first.port}`], {
    stdin: (async function* () {
      await ended.promise;
      await sleep(50);
      yield "data";
    })(),
  });
  assertEquals(stderr, "");
  await using server = await serveBytes();
  const nothing = await run(main, ["--send", "", `${server.port}`]);
  assertEquals(nothing.stderr, "");
});

Deno.test("client --pipe goes on sending when the server has said all it has to say", async () => {
  const received = Promise.withResolvers<number>();
  await using server = await serve({
    handler: async (connection) => {
      await connection.socket.closeWrite();
      await discard(connection);
      received.resolve(connection.received);
    },
  });
  const bytes = binary(20_000_000);
  const { code } = await run(main, ["--pipe", `127.0.0.1:${server.port}`], {
    stdin: bytes,
  });
  assertEquals([code, await received.promise], [0, bytes.length]);
});

Deno.test("client --pipe fails when the server takes not all of stdin", async () => {
  await using server = await serveBytes("no, thanks");
  const { code, stdout, stderr } = await run(main, [
    "--pipe",
    `127.0.0.1:${server.port}`,
  ], { stdin: binary(50_000_000) });
  assertEquals([code, stdout], [1, "no, thanks"]);
  assertMatch(
    stderr,
    /^client: Cannot (send to|receive from) 127\.0\.0\.1:\d+: (the peer closed the connection|connection reset by peer)\n$/,
  );
});

Deno.test("client --pipe uploads while nobody reads its output", async () => {
  const received = Promise.withResolvers<number>();
  await using server = await serve({
    handler: async (connection) => {
      await send(connection, encode("hello"));
      await discard(connection);
      received.resolve(connection.received);
    },
  });
  const { io } = createMemoryIo({ stdin: binary(5_000_000) });
  const blocked = {
    ...io.stdout,
    write: () => {
      throw new Error("it would block");
    },
    writeLater: async () => void await received.promise,
  };
  const args = ["--pipe", `127.0.0.1:${server.port}`];
  assertEquals(await main(args, { ...io, stdout: blocked }), 0);
  assertEquals(await received.promise, 5_000_000);
});

Deno.test("client --pipe is safe on a terminal, and ends quietly when nobody reads it", async () => {
  await using server = await serveBytes("\u001b[2J", new Uint8Array(1 << 20));
  const args = ["--pipe", `127.0.0.1:${server.port}`];
  const shown = await run(main, args, { terminal: true, stdin: "" });
  assertEquals(shown.stdout.slice(0, 12), "\\x1b[2J\\x00\\x00".slice(0, 12));
  const closed = await run(main, args, { stdin: "", closedStdout: 2 });
  assertEquals([closed.code, closed.stderr], [0, ""]);
});

Deno.test("client --send says its text, and --crlf ends lines as the protocols of old do", async () => {
  await using server = await serve({ handler: echo });
  const port = `${server.port}`;
  const cases: [string[], string | undefined, string][] = [
    [["--send", "a\nb"], undefined, "Received from server: a\nb\n"],
    [
      ["--send", "a\nb", "--crlf"],
      undefined,
      "Received from server: a\r\nb\r\n\n",
    ],
    [["--pipe", "--send", "first "], "then", "first then"],
    [["--pipe", "--crlf"], "a\nb\r\n\n", "a\r\nb\r\n\r\n"],
    [["--send", ""], undefined, "Received from server: \n"],
  ];
  for (const [args, stdin, expected] of cases) {
    const { code, stdout, stderr } = await run(main, [...args, port], {
      stdin: stdin ?? "not sent",
    });
    assertEquals([code, stdout, stderr], [0, expected, ""]);
  }
});

Deno.test("createCrlf() puts a CR before each LF that has none, for any splits", () => {
  fc.assert(fc.property(
    fc.array(fc.constantFrom("a", "\r", "\n")),
    fc.array(fc.nat(30)),
    (letters, cuts) => {
      const text = letters.join("");
      const ends = [...cuts, text.length].map((cut) =>
        Math.min(cut, text.length)
      ).sort((a, b) => a - b);
      const convert = createCrlf();
      const parts = ends.map((end, at) =>
        new TextDecoder().decode(
          convert(encode(text.slice(ends[at - 1] ?? 0, end))),
        )
      );
      assertEquals(parts.join(""), text.replace(/(?<!\r)\n/g, "\r\n"));
    },
  ));
});

Deno.test("client --json prints one object per event", async () => {
  await using server = await serveBytes("caf\u00e9", new Uint8Array([0xff]));
  const { code, stdout, stderr } = await run(
    main,
    ["--json", "--pipe", `127.0.0.1:${server.port}`],
    { stdin: "hi" },
  );
  assertEquals([code, stderr], [0, ""]);
  const events = stdout.trim().split("\n").map((line) => JSON.parse(line));
  const peer = `127.0.0.1:${server.port}`;
  assertEquals(events[0], { event: "open", peer });
  const { ms, ...close } = events.at(-1);
  assertEquals(typeof ms, "number");
  assertEquals(close, {
    event: "close",
    peer,
    bytesIn: 6,
    bytesOut: 2,
    reason: "done",
  });
});

Deno.test("client --json shows controls that JSON leaves alone on a terminal, and passes them on in a pipe", async () => {
  const text = "\u009b31m\u007f\u202e\u001b";
  await using server = await serveBytes(text);
  const args = ["--json", "--pipe", `${server.port}`];
  for (const isTerminal of [false, true]) {
    const { stdout } = await run(main, args, {
      terminal: { stdout: isTerminal },
    });
    const shown = isTerminal
      ? "\\x9b31m\\x7f\\u202e\\u001b"
      : "\u009b31m\u007f\u202e\\u001b";
    assertStringIncludes(stdout, `{"event":"data","text":"${shown}"}\n`);
  }
});

Deno.test("client --json says in close why it ended, and stderr says it to people", async () => {
  await using server = await serve({
    handler: ({ socket }) => socket.read(new Uint8Array(1)).then(() => {}),
  });
  const { code, stdout, stderr } = await run(main, [
    "--json",
    "--idle-timeout",
    "0.05",
    `127.0.0.1:${server.port}`,
  ], terminal);
  assertEquals(code, 28);
  assertMatch(
    stdout,
    /"bytesIn":0,"bytesOut":0,"ms":\d+,"reason":"idle for 0.05 s"}\n$/,
  );
  assertEquals(
    stderr,
    `client: Cannot go on with 127.0.0.1:${server.port}: idle for 0.05 s\n`,
  );
});

Deno.test("createDataEvents() keeps every byte and splits no character, for any text and any splits", () => {
  fc.assert(fc.property(
    fc.oneof(
      fc.string({ unit: "grapheme" }).map(encode),
      fc.uint8Array(),
    ),
    fc.array(fc.nat(40)),
    (bytes, cuts) => {
      const ends = [...cuts, bytes.length].map((cut) =>
        Math.min(cut, bytes.length)
      ).sort((a, b) => a - b);
      const events = createDataEvents();
      const all = [
        ...ends.map((end, at) =>
          events.add(bytes.slice(ends[at - 1] ?? 0, end))
        ),
        events.flush(),
      ];
      const back = all.flatMap((event) => [
        ...event?.base64 === undefined
          ? encode(event?.text ?? "")
          : Uint8Array.from(atob(event.base64), (sign) => sign.charCodeAt(0)),
      ]);
      assertEquals(back, [...bytes]);
      let isText = true;
      try {
        new TextDecoder("utf-8", { fatal: true }).decode(bytes);
      } catch {
        isText = false;
      }
      if (isText) assert(all.every((event) => event?.base64 === undefined));
    },
  ));
});

Deno.test("client --dump shows both directions on stderr, and leaves stdout alone", async () => {
  await using server = await serve({ handler: echo });
  const { code, stdout, stderr } = await run(main, [
    "--dump",
    "--send",
    "Hello",
    `127.0.0.1:${server.port}`,
  ], terminal);
  assertEquals([code, stdout], [0, "Received from server: Hello\n"]);
  const peer =
    `127\\.0\\.0\\.1:${server.port} 5 bytes\n00000000  48 65 6c 6c 6f +\\|Hello\\|\n`;
  assertMatch(stderr, new RegExp(`^\\S+Z > ${peer}\\S+Z < ${peer}$`));
});

Deno.test("client --idle-timeout counts from the last byte of either direction", async () => {
  await using server = await serve({ handler: echo });
  async function* slowly(): AsyncGenerator<string> {
    for (let round = 0; round < 6; round++) {
      await sleep(200);
      yield "tick ";
    }
  }
  const args = ["--pipe", "--idle-timeout", "1", `127.0.0.1:${server.port}`];
  const { code, stdout } = await run(main, args, { stdin: slowly() });
  assertEquals([code, stdout], [0, "tick ".repeat(6)]);
  const idle = await run(main, args, { stdin: openAfter("tock") });
  assertEquals([idle.code, idle.stdout], [28, "tock"]);
});

Deno.test("client and server take a limit of 0 for none", async () => {
  await using server = await serve({
    handler: async (connection) => {
      await sleep(50);
      await send(connection, encode("in the end"));
    },
  });
  const { code, stdout } = await run(main, [
    "--timeout",
    "0",
    "--idle-timeout=0",
    `127.0.0.1:${server.port}`,
  ], terminal);
  assertEquals([code, stdout], [0, "Received from server: in the end\n"]);
  const line = parseCommandLine(SERVER_OPTIONS, ["--idle-timeout", "0"]);
  assertEquals(line.options.idleTimeout, undefined);
});

Deno.test("client --wait keeps trying until something listens", async () => {
  const port = getAvailablePort();
  const waiting = run(main, ["--wait", "10", `127.0.0.1:${port}`], terminal);
  // longer than from one attempt to the next; of an attempt that failed nothing tells
  await sleep(150);
  await using _server = await serve({
    port,
    handler: (connection) => send(connection, encode("at last")),
  });
  const { code, stdout, stderr } = await waiting;
  assertEquals([code, stdout, stderr], [
    0,
    "Received from server: at last\n",
    "",
  ]);
});

/** Listens, and closes what it accepts so many times before it says hello. */
function closing(left: number) {
  return listening(async (conn) => {
    if (left-- <= 0) await conn.write(encode("hello"));
  });
}

Deno.test("client --wait goes on where something accepts and closes at once, as what stands before a container", async () => {
  for (
    const [args, found] of [
      [[], "Received from server: hello\n"],
      [["--pipe"], "hello"],
      [["--check"], undefined],
    ] as const
  ) {
    await using server = closing(3);
    const at = `127.0.0.1:${server.port}`;
    const result = await run(main, ["--wait", "10", ...args, at], terminal);
    assertEquals([result.code, result.stdout, result.stderr], [
      0,
      found ?? `${at} open\n`,
      "",
    ]);
  }
  // what does so until the wait is over means it, but it is not up
  await using server = closing(Infinity);
  const at = `127.0.0.1:${server.port}`;
  for (
    const [args, code, found] of [
      [[], 0, "Received from server: \n"],
      [["--check"], 7, `${at} closed: it accepts, and closes at once\n`],
    ] as const
  ) {
    const result = await run(main, ["--wait", "0.3", ...args, at], terminal);
    assertEquals([result.code, result.stdout], [code, found]);
  }
});

Deno.test("client --wait takes a listener for one connection alone that closes its side at once, as nc -lN", async () => {
  const listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const heard = (async () => {
    using conn = await listener.accept();
    listener.close();
    await conn.closeWrite();
    return await receiveText(conn);
  })();
  const at = `127.0.0.1:${listener.addr.port}`;
  const args = ["--wait", "10", "--pipe", at];
  const { code, stderr } = await run(main, args, { stdin: "hello" });
  assertEquals([code, stderr, await heard], [0, "", "hello"]);
});

Deno.test("client --wait sends to a server that has nothing to say, and closes its side at once", async () => {
  let heard = "";
  {
    await using server = listening(async (conn) => {
      await conn.closeWrite();
      heard += await receiveText(conn);
    });
    const at = `127.0.0.1:${server.port}`;
    const args = ["--wait", "0.3", "--pipe", at];
    assertEquals((await run(main, args, { stdin: "data" })).code, 0);
  }
  assertEquals(heard, "data");
});

const RESETTING = `
import socket, struct
listener = socket.create_server(("127.0.0.1", 0))
print(listener.getsockname()[1], flush=True)
for left in range(3, -1, -1):
    conn, _ = listener.accept()
    if left > 0: conn.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    else: conn.sendall(b"hello")
    conn.close()
`;

testWith(
  "python3",
  "client --wait goes on where something accepts and resets; --check alone calls that open",
  async () => {
    const server = spawnProgram("python3", ["-c", RESETTING]);
    const port = Number(await server.stdout.waitFor("\n"));
    const at = `127.0.0.1:${port}`;
    const once = await run(main, ["--check", at], terminal);
    assertEquals([once.code, once.stdout], [0, `${at} open\n`]);
    const waiting = await run(main, ["--wait", "10", at], terminal);
    assertEquals([waiting.code, waiting.stdout, waiting.stderr], [
      0,
      "Received from server: hello\n",
      "",
    ]);
    await server.result;
  },
);

Deno.test("a connection to oneself is none: client --check, --wait and --pipe call it refused (tokio#3405)", async () => {
  const { connect } = Deno;
  let closed = 0;
  const own = { transport: "tcp", hostname: "127.0.0.1", port: 40004 };
  const fake = {
    localAddr: own,
    remoteAddr: { ...own },
    close: () => closed++,
  };
  Object.assign(Deno, { connect: () => Promise.resolve(fake) });
  try {
    const at = "127.0.0.1:40004";
    const check = await run(main, ["--check", at], terminal);
    assertEquals([check.code, check.stdout], [
      7,
      `${at} closed: connection refused\n`,
    ]);
    const pipe = await run(main, ["--pipe", at], { stdin: "hello" });
    assertEquals([pipe.code, pipe.stdout], [7, ""]);
    assertMatch(pipe.stderr, /: connection refused\n/);
    const wait = await run(main, ["--wait", "0.2", "--pipe", at], {
      stdin: "",
    });
    assertEquals([wait.code, wait.stdout], [28, ""]);
    assert(closed > 3);
  } finally {
    Object.assign(Deno, { connect });
  }
});

Deno.test("client --check says of an unknown host nothing about its ports, with --wait neither", async () => {
  using _names = withoutInvalid();
  const { code, stdout, stderr } = await run(
    main,
    ["--wait", "0.2", "--check", "never.invalid:80"],
    terminal,
  );
  assertEquals([code, stdout, stderr], [
    6,
    "",
    "client: Cannot connect to never.invalid:80 within 0.2 s: unknown host\n",
  ]);
});

Deno.test("client --wait gives up with 28 and says why, and does not wait for what time does not heal", async () => {
  const port = getAvailablePort();
  const refused = await run(
    main,
    ["--wait", "0.2", `127.0.0.1:${port}`],
    terminal,
  );
  assertEquals(refused.code, 28);
  assertMatch(
    refused.stderr,
    new RegExp(
      `^client: Cannot connect to 127\\.0\\.0\\.1:${port} within 0\\.2 s: connection refused\nhint: nothing listens there`,
    ),
  );
  const begun = performance.now();
  const path = "unix:/" + "x".repeat(200);
  const { code } = await run(main, ["--wait", "10", path], terminal);
  assertEquals(code, 2);
  assertLess(performance.now() - begun, 8000);
});

Deno.test("client says that the server speaks TLS", async () => {
  await using server = await serve({
    tls: await makeCertificate(),
    handler: echo,
  });
  const { code, stderr } = await run(main, [
    "--send",
    "hello",
    `127.0.0.1:${server.port}`,
  ], terminal);
  assertEquals([code, stderr], [
    1,
    `client: Cannot talk to 127.0.0.1:${server.port}: it speaks TLS\nhint: add --tls\n`,
  ]);
});

Deno.test("client says who refused where the other loopback is missing, and exits with 7 where both are", async () => {
  const port = getAvailablePort();
  for (
    const cause of [
      new Deno.errors.NetworkUnreachable(),
      new Deno.errors.AddrNotAvailable(),
    ]
  ) {
    const refused = await refusalOf({ host: "localhost", port }, cause);
    assertMatch(describe(refused), /: connection refused by 127\.0\.0\.1/);
    assertMatch(refused.hint ?? "", /^nothing listens there/);
    const missing = await refusalOf({ host: "::1", port }, cause);
    assertEquals([exitCodeOf(missing), missing.hint], [7, undefined]);
  }
});

Deno.test("client localhost finds a server on the IPv6 loopback alone, whatever the hosts file says", async () => {
  await using server = await serve({ host: "::1", handler: greet("six") });
  const { code, stdout } = await run(main, [`localhost:${server.port}`]);
  assertEquals([code, stdout], [0, "Received from server: six\n"]);
});

Deno.test("client and server -4 and -6 use that version of IP alone", async () => {
  for (const [own, other, host] of [[4, 6, "127.0.0.1"], [6, 4, "[::1]"]]) {
    const listener = start(serverMain, [`-${own}`, "-p0"]);
    const said = await listener.stdout.waitFor(/Listening on .*\n/);
    const port = said.match(/(\d+)\n/)?.[1] ?? "";
    assertEquals(said.match(/Listening on .*/g), [
      `Listening on ${host}:${port}`,
    ]);
    for (const family of [own, other]) {
      const { code, stdout } = await run(
        main,
        [`-${family}`, "--check", `localhost:${port}`],
      );
      assertEquals(
        [code, stdout],
        family === own
          ? [0, `localhost:${port} open\n`]
          : [7, `localhost:${port} closed: connection refused\n`],
      );
    }
    listener.interrupt();
    assertEquals((await listener.result).code, 0);
  }
});

Deno.test("client and server -4 and -6 say what they do not go with", async () => {
  const cases: [Main, string[], string][] = [
    [main, ["-4", "[::1]:1"], "--ipv4: ::1 is not an IPv4 address"],
    [main, ["-6", "127.0.0.1:1"], "--ipv6: 127.0.0.1 is not an IPv6 address"],
    [main, ["-6", "unix:/a"], "--ipv6: unix:/a is not an IPv6 address"],
    [main, ["-4", "-6", ":1"], "--ipv4 with --ipv6"],
    [
      main,
      ["-6", "--proxy", "socks5://h:1", "h:1"],
      "--ipv6 with --proxy: the proxy resolves the name",
    ],
    [serverMain, ["-4", "--host", "::1"], "--ipv4: ::1 is not an IPv4 address"],
    [serverMain, ["-6", "--unix", "/a"], "--ipv6 with --unix"],
  ];
  for (const [command, args, why] of cases) {
    const { code, stderr } = await run(command, args);
    assertEquals([code, stderr.split("\n")[0]?.replace(/^\w+: /, "")], [
      2,
      `Cannot use ${why}`,
    ]);
  }
});

Deno.test("client -4 asks for the permission to look up a name, and for the loopback alone of localhost", async () => {
  for (
    const [host, granted, net] of [
      ["name.invalid", "name.invalid:9", "name.invalid"],
      ["localhost", "name.invalid", "127.0.0.1:9"],
    ] as const
  ) {
    const { code, stderr } = await spawnDeno([
      ...["run", "--no-prompt", `--allow-net=${granted}`],
      ...[`${ROOT}tasks/client.ts`, "-4", `${host}:9`],
    ]).result;
    assertEquals(code, 1);
    assertStringIncludes(stderr, `net access to ${net} is not permitted\n`);
    assertStringIncludes(stderr, `hint: deno run --allow-net=${net} `);
  }
});

Deno.test("client reaches a Unix socket, and an IPv6 address in two operands", () =>
  withFolder(async (folder) => {
    const path = `${folder}/a.sock`;
    await using server = await serve({ path, handler: echo });
    assertEquals(server.port, 0);
    const { code, stdout } = await run(main, ["--pipe", `unix:${path}`], {
      stdin: "through a file",
    });
    assertEquals([code, stdout], [0, "through a file"]);
    await server.shutdown();
    assertEquals(addressFrom(["unix:///a.sock"]), { path: "///a.sock" });
    assertEquals(addressFrom(["::1", "7000"]), { host: "::1", port: 7000 });
    assertEquals(addressFrom(["[::1]", "7000"]), { host: "::1", port: 7000 });
  }));

Deno.test("client asks for the permission of its proxy and its files, not of the host behind", async () => {
  const { stderr } = await spawn("client", [
    "--proxy",
    "socks5://ada:secret@proxy.example:1080",
    "--wait",
    "1",
    "host.example:80",
  ]).result;
  const [line = "", hint = ""] = stderr.split("\n");
  assertEquals(
    line,
    "client: Cannot connect to host.example:80 through socks5://proxy.example:1080: the proxy cannot be reached: net access to proxy.example:1080 is not permitted",
  );
  assertMatch(
    hint,
    / --allow-net=proxy\.example:1080 .+ --proxy 'socks5:\/\/\*\*\*@proxy\.example:1080'/,
  );
  const file = await spawn("client", ["--ca", "/etc/hostname", "1"]).result;
  assertMatch(
    file.stderr,
    /\nhint: deno run \S+ --allow-read=\/etc\/hostname /,
  );
});

testWith(
  "sh",
  "over-grant: the line that client and server hint for a path with a comma opens no other file",
  () =>
    withFolder(async (cwd) => {
      for (const name of ["a", "b", "a,b"]) {
        await Deno.writeTextFile(`${cwd}/${name}`, "no certificate");
      }
      const cases: [string, string[]][] = [
        ["client", ["--ca", "a,b", "1"]],
        ["server", ["--cert", "a,b", "--key", "a,b", "-p0"]],
      ];
      for (const [task, args] of cases) {
        const { stderr } = await spawn(task, args, { cwd }).result;
        const [, line = ""] = stderr.match(/\nhint: deno (run .*)\n/) ?? [];
        assertStringIncludes(line, " --allow-read=a,,b ");
        const again = await spawnProgram("sh", [
          "-c",
          `${quote(Deno.execPath())} ${line}`,
        ], { cwd }).result;
        assertEquals(again.code, 1);
        // Deno 2.9.6 knows no comma in a path, and the hint says so
        assertMatch(
          again.stderr,
          /Empty path is not allowed|a,b": it holds no/,
        );
      }
    }),
);

Deno.test("client quotes a path in the command that would listen there", async () => {
  const path = "no folder/it's a sock";
  const { code, stderr } = await run(main, [`unix:${path}`, "--send", "x"]);
  assertEquals([code, stderr.split("\n")[1]], [
    7,
    `hint: nothing listens there; start it with: deno task server --unix ${
      quote(path)
    }`,
  ]);
});

Deno.test("client asks nobody for a host that is most likely a mistyped localhost", async () => {
  for (const args of [["lcoalhost:7000"], ["Localhst", "7000"]]) {
    const { code, stderr } = await run(main, args);
    assertEquals(code, 2);
    assertStringIncludes(stderr, "hint: did you mean localhost:7000? ");
    await assertRejects(
      () => clientPermissions(parseCommandLine(CLIENT_OPTIONS, args)),
      UsageError,
    );
  }
  for (const host of ["localhst.", "localhost", "lost.host", "host"]) {
    await refuseNearLocalhost({ host, port: 1 });
  }
});
