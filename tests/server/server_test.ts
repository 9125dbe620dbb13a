import { quote } from "../../lib/cli/values.ts";
import {
  assert,
  assertEquals,
  assertGreater,
  assertMatch,
  assertStringIncludes,
} from "@std/assert";
import { getAvailablePort } from "@std/net/get-available-port";
import {
  fingerprintOf,
  makeCertificate,
} from "../../tasks/server/tls/certificate.ts";
import { main as client } from "../../tasks/client.ts";
import { main } from "../../tasks/server.ts";
import { greet } from "../../tasks/server/handlers.ts";
import { serve } from "../../tasks/server/serve.ts";
import { writeIdentity } from "../net/identity.ts";
import { portIn, RESET_AFTER_ONE } from "../net/peers.ts";
import {
  encode,
  flagsOf,
  hasCommand,
  openAfter,
  receiveFrom,
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

const LISTENING = /Listening on 127.0.0.1:\d+\n(Listening on \[::1\]:\d+\n)?/;

/** What a server sends to a client that says something and ends. */
async function exchange(port: number, text: string): Promise<string> {
  const conn = await Deno.connect({ hostname: "localhost", port });
  await conn.write(encode(text));
  await conn.closeWrite();
  return await new Response(conn.readable).text();
}

Deno.test("server greets one client after the other, in the tutorial's words", async () => {
  const { stdout, interrupt, drains, result } = start(main, ["--port", "0"]);
  const port = portIn(await stdout.waitFor(LISTENING));
  assertEquals(await receiveFrom(port, "localhost"), "Hello, Client!");
  assertEquals(await receiveFrom(port, "localhost"), "Hello, Client!");
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
  assertEquals(
    await receiveFrom(portIn(await stdout.waitFor(LISTENING)), "localhost"),
    "hi",
  );
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
  await receiveFrom(Number(address.split(":").at(-1)), "localhost");
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

Deno.test("server --json tells bytes both ways, time and reason of a connection", async () => {
  const { stdout, result } = start(main, ["echo", "-p0", "--once", "--json"]);
  const said = await stdout.waitFor("listening");
  const port = Number(said.match(/127\.0\.0\.1:(\d+)"/)?.[1]);
  await exchange(port, "hello");
  await result;
  const lines = stdout.text.trim().split("\n");
  const { peer, ms, ...close }: { peer: string; ms: number } = JSON.parse(
    lines.at(-1) ?? "",
  );
  assertMatch(peer, /^(127\.0\.0\.1|\[::1\]):\d+$/);
  assert(ms >= 0);
  assertEquals(
    close,
    { event: "close", bytesIn: 5, bytesOut: 5, reason: "done" },
  );
});

Deno.test("server says how much went over a connection that said something, and why it was cut", async () => {
  const { stdout, interrupt, result } = start(main, [
    "discard",
    "-p0",
    "--host",
    "127.0.0.1",
    "--grace",
    "0",
  ]);
  const port = portIn(await stdout.waitFor(LISTENING));
  assertEquals(await exchange(port, "hello"), "");
  await stdout.waitFor(/Connection from \S+ ended after 5 bytes in, 0 out\n/);
  using _held = await Deno.connect({ port });
  await stdout.waitFor(/established!\n[^]*established!\n/);
  interrupt();
  await result;
  assertMatch(
    stdout.text,
    / ended after 0 bytes in, 0 out: the server shut down\n$/,
  );
});

Deno.test("server --dump shows all bytes on stderr, and whose they are", async () => {
  const { stdout, result } = start(main, ["echo", "-p0", "--once", "--dump"]);
  await exchange(portIn(await stdout.waitFor(LISTENING)), "hello");
  const { stderr } = await result;
  const peer = stdout.text.match(/Connection from (\S+) has/)?.[1] ?? "none";
  const [head, line, back] = stderr.split("\n");
  assertStringIncludes(head ?? "", `< ${peer} 5 bytes`);
  assertMatch(line ?? "", /^00000000 {2}68 65 6c 6c 6f +\|hello\|$/);
  assertStringIncludes(back ?? "", `> ${peer} 5 bytes`);
});

Deno.test("server --file sends a file", async () => {
  const path = await Deno.makeTempFile();
  await Deno.writeTextFile(path, "from a file");
  const { stdout, result } = start(main, ["-p0", "--once", "--file", path]);
  const port = portIn(await stdout.waitFor(LISTENING));
  assertEquals(await exchange(port, ""), "from a file");
  assertEquals((await result).code, 0);
  await Deno.remove(path);
});

Deno.test("server pipe joins one client to stdin and stdout, and logs on stderr", async () => {
  const { stderr, result } = start(main, ["pipe", "-p0"], { stdin: "to you" });
  const port = portIn(await stderr.waitFor(LISTENING));
  assertEquals(await exchange(port, "to me\n"), "to you");
  const { code, stdout } = await result;
  assertEquals([code, stdout], [0, "to me\n"]);
  assertMatch(stderr.text, /ended after 6 bytes in, 6 out\n$/);
});

Deno.test("server pipe ends with its client where a person types, and shows no controls", async () => {
  const { stderr, result } = start(main, ["pipe", "-p0"], {
    stdin: openAfter("typed\n"),
    terminal: true,
  });
  const port = portIn(await stderr.waitFor(LISTENING));
  assertEquals(await exchange(port, "\u001b[2J\n"), "typed\n");
  const { code, stdout } = await result;
  assertEquals([code, stdout], [0, "\\x1b[2J\n"]);
});

Deno.test("server pipe ends a second after a client that has ended, though stdin stays open, and says so", async () => {
  const { stderr, result } = start(main, ["pipe", "-p0"], {
    stdin: openAfter("to you"),
  });
  const port = portIn(await stderr.waitFor(LISTENING));
  const begun = performance.now();
  assertEquals(await exchange(port, "to me\n"), "to you");
  const { code, stdout } = await result;
  assertEquals([code, stdout], [0, "to me\n"]);
  assertGreater(performance.now() - begun, 900);
  assertMatch(
    stderr.text,
    /ended after 6 bytes in, 6 out: stdin gave nothing for 1 s after the client's end\n$/,
  );
});

Deno.test("server pipe sends what stdin gives after the client's end, over TLS too", async () => {
  for (const tls of [[], ["--tls"]]) {
    const ended = Promise.withResolvers<void>();
    const stdin = (async function* () {
      await ended.promise;
      for (const piece of "abcdef") {
        await sleep(200);
        yield piece;
      }
    })();
    const { stdout, stderr, result } = start(main, ["pipe", "-p0", ...tls], {
      stdin,
    });
    const port = portIn(await stderr.waitFor(LISTENING));
    stdout.waitFor("\n").then(() => ended.resolve());
    const args = tls.length === 0 ? [] : [
      "--pin",
      (await stderr.waitFor(/SHA-256: \w{64}\n/)).match(/\w{64}/)?.[0] ?? "",
    ];
    const { code, stdout: answer } = await run(
      client,
      ["--pipe", ...args, `localhost:${port}`],
      { stdin: "to me\n" },
    );
    assertEquals([code, answer], [0, "abcdef"]);
    assertEquals((await result).code, 0);
    assertMatch(stderr.text, /ended after 6 bytes in, 6 out\n$/);
  }
});

testWith(
  "ncat",
  "server pipe over TLS sends all of stdin to a client that ends TCP alone, and fails with 18",
  async () => {
    const { stderr, result } = start(main, ["pipe", "-p0", "--tls"], {
      stdin: new Uint8Array(5_000_000).fill(120),
    });
    const port = portIn(await stderr.waitFor(LISTENING));
    const ncat = spawnProgram("ncat", ["--ssl", "127.0.0.1", `${port}`]);
    assertEquals((await ncat.result).stdoutBytes.length, 5_000_000);
    assertEquals((await result).code, 18);
    assertStringIncludes(stderr.text, " 5000000 out: cut short: ");
  },
);

Deno.test("server relay --wait lets its target come up", async () => {
  const target = getAvailablePort();
  for (const wait of ["10", "0.2"]) {
    const { stdout, interrupt, result } = start(main, [
      ...["relay", `127.0.0.1:${target}`, "-p0", "--wait", wait],
    ]);
    const port = portIn(await stdout.waitFor(LISTENING));
    const answer = receiveFrom(port);
    if (wait === "10") {
      await stdout.waitFor("established");
      await using _server = await serve({
        port: target,
        handler: greet("at last"),
      });
      assertEquals(await answer, "at last");
    } else {
      assertEquals(await answer, "");
      await stdout.waitFor(
        /Cannot connect to 127\.0\.0\.1:\d+: connection refused\n/,
      );
    }
    interrupt();
    assertEquals((await result).code, 0);
  }
  // in a compose file its name may come up with it
  using _names = withoutInvalid();
  const { stdout, interrupt, result } = start(main, [
    ...["relay", "name.invalid:1", "-p0", "--wait", "0.3"],
  ]);
  const begun = performance.now();
  assertEquals(await receiveFrom(portIn(await stdout.waitFor(LISTENING))), "");
  await stdout.waitFor(/unknown host\n/);
  assertGreater(performance.now() - begun, 200);
  interrupt();
  assertEquals((await result).code, 0);
  const { code, stderr } = await run(main, ["echo", "--wait", "1"]);
  assertEquals([code, stderr.split("\n")[0]], [
    2,
    "server: Cannot use --wait without relay",
  ]);
});

Deno.test("server pipe fails when its client resets", async () => {
  const { stderr, result } = start(
    main,
    ["pipe", "-p0", "--host", "127.0.0.1"],
    {
      stdin: openAfter("x"),
    },
  );
  const port = portIn(await stderr.waitFor(LISTENING));
  await spawnProgram("python3", ["-c", RESET_AFTER_ONE, String(port)]).result;
  const { code } = await result;
  assertEquals(code, 1);
  assertMatch(stderr.text, /: connection reset by peer\n$/);
});

Deno.test("server pipe ends quietly when nobody reads its stdout", async () => {
  const { stderr, result } = start(main, ["pipe", "-p0"], { closedStdout: 2 });
  const port = portIn(await stderr.waitFor(LISTENING));
  await exchange(port, "hello").catch(() => {});
  assertEquals((await result).code, 0);
});

Deno.test("server chat passes lines on, and lets the host hear and speak", async () => {
  const word = Promise.withResolvers<string>();
  const stdin = (async function* () {
    yield await word.promise;
  })();
  const { stdout, stderr, interrupt, result } = start(main, [
    "chat",
    "-p0",
    "--grace",
    "0",
  ], { stdin });
  const port = portIn(await stderr.waitFor(LISTENING));
  const ada = await Deno.connect({ hostname: "localhost", port });
  const bob = await Deno.connect({ hostname: "localhost", port });
  await stderr.waitFor(/established!\n[^]*established!\n/);
  await ada.write(encode("hi\n"));
  const buffer = new Uint8Array(8);
  assertEquals(await bob.read(buffer), 3);
  await stdout.waitFor("hi\n");
  word.resolve("welcome\n");
  assertEquals(await ada.read(buffer), 8);
  interrupt();
  assertEquals((await result).code, 0);
  ada.close();
  bob.close();
});

Deno.test("server --unix serves a socket that is gone when it ends", () =>
  withFolder(async (folder) => {
    const path = `${folder}/a.sock`;
    const { stdout, interrupt, result } = start(main, ["--unix", path]);
    await stdout.waitFor(`Listening on unix:${path}\n`);
    const conn = await Deno.connect({ transport: "unix", path });
    assertEquals(await new Response(conn.readable).text(), "Hello, Client!");
    interrupt();
    assertEquals((await result).code, 0);
    assertEquals([...Deno.readDirSync(folder)], []);
  }));

Deno.test("server shows controls in what it logs on a terminal, and passes them on in a pipe", () =>
  withFolder(async (folder) => {
    for (const isTerminal of [false, true]) {
      for (const args of [[], ["--json"]]) {
        const { stdout, interrupt, result } = start(main, [
          ...args,
          "--unix",
          `${folder}/a\u202e.sock`,
        ], { terminal: { stdout: isTerminal } });
        await stdout.waitFor(isTerminal ? "a\\u202e.sock" : "a\u202e.sock");
        interrupt();
        assertEquals((await result).code, 0);
      }
    }
  }));

Deno.test("server --tls prints the very command that trusts its certificate", async () => {
  const hosts = [
    ["localhost", "localhost"],
    ["0.0.0.0", "localhost"],
    ...Deno.build.os === "linux" ? [["127.0.0.2", "127.0.0.2"]] : [],
  ];
  for (const [host = "", reached] of hosts) {
    const { stdout, result } = start(
      main,
      ["--tls", "-p0", "--once", "--host", host],
    );
    const said = await stdout.waitFor(/Connect with: .*\n/);
    const [, command = ""] =
      said.match(/Connect with: deno task client (.*)\n/) ?? [];
    assertMatch(command, /^--tls --pin [0-9a-f]{64} \S+:\d+$/);
    assertStringIncludes(command, ` ${reached}:`);
    const answer = await run(client, command.split(" "), {
      terminal: { stdin: true },
    });
    assertEquals([answer.code, answer.stdout], [
      0,
      "Received from server: Hello, Client!\n",
    ]);
    assertEquals((await result).code, 0);
  }
});

Deno.test("server --tls hears a client out that says something, and does not reset it", async () => {
  const { stdout, result } = start(main, ["--tls", "-p0", "--once", "--json"]);
  const said = await stdout.waitFor(/"client".*\n/);
  const [, command = ""] = said.match(/deno task client (.*?)"/) ?? [];
  const greeted = Promise.withResolvers<unknown>();
  const late = async function* () {
    await greeted.promise;
    yield "late";
  };
  const caller = start(client, ["--pipe", ...command.split(" ")], {
    stdin: late(),
  });
  caller.stdout.waitFor("Hello, Client!").then(greeted.resolve, greeted.reject);
  const answer = await caller.result;
  assertEquals([answer.code, answer.stdout], [0, "Hello, Client!"]);
  assertMatch((await result).stdout, /"bytesIn":4,/);
});

Deno.test("server --tls --once as a process sends TLS's own end before it exits, in every mode", () =>
  withFolder(async (folder) => {
    const { cert: certFile, key: keyFile } = await writeIdentity(folder);
    const pair = ["--cert", certFile, "--key", keyFile];
    for (const mode of [["discard"], ["echo"], ["chat"], ["--file", keyFile]]) {
      for (const size of [0, 5, 100_000]) {
        const server = spawnDeno([
          ...["run", "-A", `${ROOT}tasks/server.ts`, ...mode],
          ...["-p0", "--once", "--json", ...pair],
        ]);
        const log = mode[0] === "chat" ? server.stderr : server.stdout;
        const said = await log.waitFor(/127\.0\.0\.1:\d+/);
        const to = `localhost:${said.match(/:(\d+)"/)?.[1]}`;
        const stdin = "x".repeat(size);
        const args = ["--pipe", "--ca", certFile, to];
        const { code, stderr } = await run(client, args, { stdin });
        // what is answered by nothing is told about
        const rest = stderr.replace(/^hint: nothing came back; .*\n$/, "");
        assertEquals([code, rest], [0, ""], `${mode} ${size}`);
        await server.result;
      }
    }
  }));

Deno.test("server relay says to a person once what would listen at its target", async () => {
  const target = getAvailablePort();
  for (const isTerminal of [true, false]) {
    const relay = start(main, ["relay", `${target}`, "-p0"], {
      terminal: { stderr: isTerminal },
    });
    const said = await relay.stdout.waitFor(/Listening on 127.*\n/);
    const port = Number(said.match(/:(\d+)\n/)?.[1]);
    for (let i = 1; i <= 2; i++) {
      await receiveFrom(port).catch(() => {});
      await relay.stdout.waitFor(new RegExp(`(refused by [^]*){${i}}`));
    }
    relay.interrupt();
    const { stderr } = await relay.result;
    const hint = "hint: nothing listens there; start it with: deno task server";
    assertEquals(stderr.split("\n").length, isTerminal ? 2 : 1);
    assertEquals(stderr.startsWith(hint), isTerminal);
  }
});

Deno.test("server relay tls: trusts the certificate that is pinned, and no other", async () => {
  const pair = await makeCertificate();
  await using target = await serve({ tls: pair, handler: greet("inside") });
  for (const pin of [await fingerprintOf(pair.cert), "0".repeat(64)]) {
    const { stdout, result } = start(main, [
      "relay",
      `tls:localhost:${target.port}`,
      "--pin",
      pin,
      "-p0",
      "--once",
    ]);
    const port = portIn(await stdout.waitFor(LISTENING));
    const isPinned = !pin.startsWith("00");
    assertEquals(await exchange(port, ""), isPinned ? "inside" : "");
    const log = (await result).stdout;
    assertEquals(/not the pinned one/.test(log), !isPinned, log);
  }
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
      /^server: Cannot parse port "0x50": expected 0 to 65535\nhint: see deno task server --help\n$/,
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
    [["dance"], 2, /^server: Cannot serve "dance": there is no such mode\n/],
    [
      ["echo", "x"],
      2,
      /^server: Cannot serve "echo" with "x": it takes nothing more\n/,
    ],
    [["relay"], 2, /^server: Cannot relay to "": expected HOST:PORT/],
    [
      ["relay", "udp:h:1"],
      2,
      /^server: Cannot relay to "udp:h:1": relay has no UDP\n/,
    ],
    [["relay", "localhost"], 2, /^server: Cannot relay to "localhost"/],
    [
      ["relay", "127.0.0.1:4018", "--port", "4018"],
      2,
      /^server: Cannot relay to 127\.0\.0\.1:4018: it is where server listens\nhint: give the relay a port of its own: \S+ \S+ server relay 127\.0\.0\.1:4018 --port 0\n/,
    ],
    ...[
      ["--host", "0.0.0.0", "localhost:4018"],
      ["--host", "0.0.0.0", "127.0.0.1:4018"],
      ["--host", "0.0.0.0", "127.1:4018"],
      ["--host", "0.0.0.0", `${Deno.hostname()}:4018`],
      ["--host", "127.0.0.1", "0.0.0.0:4018"],
      ["--host", "127.0.0.1", "127.1:4018"],
      ["--host", "127.0.0.1", "x.localhost:4018"],
      ["--host", "::", "127.0.0.1:4018"],
      ["--host", "::", "[::1]:4018"],
      ["--host", "localhost.", "tls:[::ffff:127.0.0.1]:4018"],
    ].map((
      [option = "", host = "", target = ""],
    ): [string[], number, RegExp] => [
      ["relay", target, option, host, "--port", "4018"],
      2,
      /^server: Cannot relay to \S+: it is where server listens\n/,
    ]),
    [["relay", "unix:a", "--unix", "./a"], 2, /it is where server listens\n/],
    [["ehco"], 2, /"ehco": there is no such mode\nhint: did you mean echo\?/],
    [["relay", "localhost:0"], 2, /^server: Cannot relay to "localhost:0"/],
    [["relay", "a:1", "b:2"], 2, /^server: Cannot serve "relay" with "b:2"/],
    [
      ["echo", "--file", "x"],
      2,
      /^server: Cannot use --file with echo: greet alone sends it\n/,
    ],
    [["relay", "a:1", "--message", ""], 2, /Cannot use --message with relay/],
    [["--message", "a", "--file", "b"], 2, /Cannot use --message with --file/],
    [["--unix", "a", "--port", "3"], 2, /^server: Cannot use --port with --un/],
    [["--unix", "a", "--host", "b"], 2, /^server: Cannot use --host with --un/],
    // as the default is, too
    [["--unix", "a", "--host", "localhost"], 2, /Cannot use --host with --un/],
    [["--unix", "a", "-p", "12345"], 2, /Cannot use --port with --unix/],
    [["relay", "a:1", "--pin", "x"], 2, /Cannot use --pin without relay tls:/],
    [
      ["--ca", "x"],
      2,
      /^server: Cannot use --ca without relay tls:HOST:PORT\n/,
    ],
    [
      ["--file", "none"],
      1,
      /^server: Cannot read "\/.*\/none": no such file\n$/,
    ],
    [["--allow", "10/8"], 2, /^server: Cannot parse range "10\/8"/],
    [["--key", "x"], 2, /^server: Cannot use --key without --cert\n/],
    [["--cert", "none"], 1, /^server: Cannot read "\/.*\/none": no such file/],
    [
      ["relay", "tls:a:1", "--target-key", "x"],
      2,
      /^server: Cannot use --target-key without --target-cert\n/,
    ],
    ...["--sni", "--target-cert"].map((option): [string[], number, RegExp] => [
      ["relay", "a:1", option, "x"],
      2,
      new RegExp(`^server: Cannot use ${option} without relay tls:HOST:PORT\n`),
    ]),
    [
      ["relay", "tls:a:1", "--sni", "a b"],
      2,
      /^server: Cannot parse host "a b"/,
    ],
    [
      ["relay", "tls:a:1", "--cert", "none"],
      1,
      /^server: Cannot read "\/.*\/none": no such file/,
    ],
    [
      ["relay", "tls:a:1", "--target-cert", "deno.json"],
      1,
      /deno\.json": it holds no PEM of a CERTIFICATE\n$/,
    ],
    [
      ["--cert", "none", "--key", "none"],
      1,
      /^server: Cannot read "\/.*\/none"/,
    ],
    [["--client-ca", "deno.json"], 1, /deno\.json": it holds no PEM of a CERT/],
    [["--tls", "--unix", "a"], 2, /^server: Cannot speak TLS on a Unix socket/],
    [["--unix", "deno.json"], 1, /unix:deno\.json: it is not a socket\nhint: /],
    [
      ["-U", "a"],
      2,
      /^server: Unknown option "-U"\nhint: deno task server --unix PATH/,
    ],
    [["relay", "tls:a:1", "--pin", "x"], 2, /^server: Cannot parse pin "x"/],
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

Deno.test("server fails when nobody reads its log any more", async () => {
  const { stdout, result } = start(main, ["--port", "0"], {
    closedStdout: 200,
  });
  const port = portIn(await stdout.waitFor(LISTENING));
  for (let clients = 0; clients < 5; clients++) {
    await receiveFrom(port, "localhost").catch(() => {});
  }
  const { code, stderr } = await result;
  assertEquals([code, stderr], [
    1,
    "server: Cannot write to stdout: the reader is gone\n",
  ]);
});

Deno.test("server ends with 0 when a Ctrl-C ends the reader of its log too", async () => {
  // it takes the first three lines
  const { stdout, stderr, interrupt, result } = start(main, [
    "discard",
    "-p0",
    "--host",
    "127.0.0.1",
    "--grace",
    "0",
  ], { closedStdout: 150 });
  const port = portIn(await stdout.waitFor(LISTENING));
  using _held = await Deno.connect({ port });
  await stdout.waitFor("established!\n");
  interrupt();
  assertEquals([(await result).code, stderr.text], [0, ""]);
  assertEquals(stdout.size, 150);
});

testWith(
  "sh",
  "server as a process ends with 1 when the reader of its log is gone",
  async () => {
    const deno = `${quote(Deno.execPath())} run ${
      flagsOf("server").map(quote).join(" ")
    } ${quote(`${ROOT}tasks/server.ts`)} -p0 --host 127.0.0.1`;
    // what is read is shown at once, and that is all
    const { stdout, stderr, result } = spawnProgram("sh", [
      "-c",
      `{ ${deno}; echo "code $?" >&2; } | { read -r _; read -r line; echo "$line"; }`,
    ]);
    const port = portIn(await stdout.waitFor(LISTENING));
    while (!stderr.text.includes("code")) {
      await receiveFrom(port).catch(() => stderr.waitFor("code"));
    }
    await result;
    assertEquals(
      stderr.text,
      "server: Cannot write to stdout: the reader is gone\ncode 1\n",
    );
  },
);

Deno.test("server as a process serves on and ends in time while the reader of its log stalls", async () => {
  await using server = new Deno.Command(Deno.execPath(), {
    args: [
      "run",
      ...flagsOf("server"),
      `${ROOT}tasks/server.ts`,
      "-p0",
      "--host",
      "127.0.0.1",
    ],
    stdin: "null",
    stdout: "piped",
    stderr: "null",
  }).spawn();
  const reader = server.stdout.getReader();
  let text = "";
  while (!LISTENING.test(text)) {
    text += new TextDecoder().decode((await reader.read()).value);
  }
  // more than a pipe takes
  for (let clients = 0; clients < 4000; clients++) {
    assertEquals(await receiveFrom(portIn(text)), "Hello, Client!");
  }
  server.kill("SIGTERM");
  assertEquals((await server.status).code, 0);
  await reader.cancel();
});

Deno.test("server as a process drains on SIGTERM and exits 0", async () => {
  const server = spawn("server", ["--port", "0"]);
  const port = portIn(await server.stdout.waitFor(LISTENING));
  assertEquals(await receiveFrom(port, "localhost"), "Hello, Client!");
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
    "hint: deno run --allow-net=0.0.0.0:12345 ",
  );
});

Deno.test("server knows a relay to its own Unix socket by way of a link too", () =>
  withFolder(async (folder) => {
    await Deno.mkdir(`${folder}/a`);
    await Deno.symlink(`${folder}/a`, `${folder}/b`);
    for (const target of ["b/s", "a/../a/s", "a/s"]) {
      const { code, stderr } = await run(main, [
        ...["relay", `unix:${folder}/${target}`],
        ...["--unix", `${folder}/a/s`],
      ]);
      assertMatch(stderr, /: it is where server listens\n/);
      assertEquals(code, 2);
    }
    assertEquals(await Array.fromAsync(Deno.readDir(`${folder}/a`)), []);
  }));

Deno.test("server relay asks for the permission of its target before it listens", async () => {
  const cases: [string, RegExp][] = [
    [
      "a.example:1",
      /^server: Cannot relay to a\.example:1: net access to a\.example:1 is not permitted\nhint: deno run '--allow-net=127\.0\.0\.1,\[::1\],a\.example:1' .+tasks\/server\.ts'? relay a\.example:1 -p0\n$/,
    ],
    [
      "[2001:db8::1]:1",
      /^server: Cannot relay to \[2001:db8::1\]:1: net access to \[2001:db8::1\]:1 is not permitted\nhint: deno run .*\n$/,
    ],
    [
      "unix:a.sock",
      /^server: Cannot relay to unix:a\.sock: read access to \/.*\/a\.sock is not permitted\nhint: deno run .*\n$/,
    ],
  ];
  for (const [target, stderr] of cases) {
    const result = await spawn("server", ["relay", target, "-p0"]).result;
    assertMatch(result.stderr, stderr);
    assertEquals([result.code, result.stdout], [1, ""]);
  }
});

Deno.test("server names the files and the hosts of its command line in the hint", async () => {
  const local = "'--allow-net=127.0.0.1:12345,[::1]:12345";
  const cases: [string[], string][] = [
    [
      ["--unix", "/nowhere/a.sock"],
      `--allow-net=unix:/nowhere/a.sock --allow-read=/nowhere/a.sock --allow-write=/nowhere/a.sock tasks/`,
    ],
    [
      ["relay", "tls:a.example:1", "--ca", "ca.pem"],
      `${local},a.example:1' --allow-read=ca.pem tasks/`,
    ],
    [
      [
        ...["relay", "tls:a.example:1", "--cert", "c.pem"],
        ...["--target-cert", "t.pem", "--target-key", "k.pem"],
      ],
      `${local},a.example:1' --allow-read=c.pem,t.pem,k.pem tasks/`,
    ],
    [
      ["relay", "unix:/a.sock", "--cert", "c.pem", "--key", "k.pem"],
      `${local},unix:/a.sock' --allow-read=/a.sock,c.pem,k.pem --allow-write=/a.sock tasks/`,
    ],
    // Deno takes no path of a socket that is not from the root
    [
      ["--unix", "./a.sock"],
      `${quote(`--allow-net=unix:${ROOT}a.sock`)} ${
        quote(`--allow-read=${ROOT}a.sock`)
      } ${quote(`--allow-write=${ROOT}a.sock`)} tasks/`,
    ],
    // Deno takes no IPv6 address without its brackets
    [["--host", "2001:db8::1"], `'--allow-net=[2001:db8::1]:12345' tasks/`],
  ];
  for (const [args, hint] of cases) {
    const { code, stderr } = await spawn("server", args).result;
    assertEquals(code, 1);
    const script = quote(`${ROOT}tasks/server.ts`);
    const expected = hint.replace("tasks/", script);
    assertStringIncludes(stderr, `hint: deno run ${expected}`);
  }
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
