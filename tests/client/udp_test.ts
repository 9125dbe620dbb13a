import {
  assert,
  assertEquals,
  assertGreater,
  assertMatch,
  assertStringIncludes,
} from "@std/assert";
import { createPeer } from "../../lib/net/datagrams.ts";
import { createSocket } from "node:dgram";
import { main as client } from "../../tasks/client.ts";
import { main as server } from "../../tasks/server.ts";
import { portIn } from "../net/peers.ts";
import { encode, run, spawn, start } from "../support.ts";

/** Lends a server of ours on both loopbacks, and its log at the end. */
async function withServer(
  args: readonly string[],
  use: (port: number) => Promise<void>,
): Promise<{ code: number; stdout: string; stderr: string }> {
  const { stdout, interrupt, result } = start(server, [
    "--udp",
    "-p0",
    ...args,
  ]);
  const [, port] = (await stdout.waitFor(/(.*udp:.*\n){2}/))
    .match(/udp:127\.0\.0\.1:(\d+)/) ?? [];
  await use(Number(port)).finally(() => interrupt());
  return await result;
}

/** A peer that is not ours: hears one datagram, and answers. */
async function withPeer(
  answer: readonly (string | Uint8Array)[],
  use: (port: number) => Promise<void>,
): Promise<string[]> {
  const heard: string[] = [];
  const socket = createSocket("udp4");
  socket.on("message", (bytes, { port, address }) => {
    heard.push(new TextDecoder().decode(bytes));
    if (heard.length > 1) return;
    for (const each of answer) socket.send(each, port, address);
  });
  await new Promise<void>((resolve) =>
    socket.bind({ address: "127.0.0.1", port: 0 }, resolve)
  );
  await use(socket.address().port);
  await new Promise<void>((resolve) => socket.close(resolve));
  return heard;
}

Deno.test("client udp: prints what server --udp says, and ends with that", async () => {
  const { stdout } = await withServer([], async (port) => {
    for (const target of [`localhost:${port}`, `[::1]:${port}`]) {
      const { code, stdout, stderr } = await run(client, [`udp:${target}`]);
      assertEquals(stdout, "Received from server: Hello, Client!\n", stderr);
      assertEquals(code, 0);
    }
  });
  assertMatch(stdout, /^Server is waiting .*\nListening on udp:127\.0\.0\.1:/);
  assertEquals(stdout.match(/has been established!/g)?.length, 2);
});

Deno.test("server --udp answers each peer's first datagram alone", async () => {
  const log = await withServer(["--message", "ha"], async (port) => {
    const { stdout } = await run(client, [
      ...["--pipe", "--idle-timeout", "0.3", `udp:127.0.0.1:${port}`],
    ], { stdin: ["a", "b", "c"] });
    assertEquals(stdout, "ha");
  });
  assertMatch(log.stdout, /ended after 3 bytes in, 2 out/);
});

Deno.test("server --udp --once ends after one peer", async () => {
  const { stdout, result } = start(server, ["--udp", "-p0", "--once"]);
  const port = portIn(await stdout.waitFor(/(Listening on udp:.*\n){2}/));
  assertEquals((await run(client, [`udp:127.0.0.1:${port}`])).code, 0);
  assertEquals((await result).code, 0);
});

Deno.test("server --udp echo sends back every datagram as it is, up to the largest", async () => {
  const largest = new Uint8Array(65_507).map((_, at) => at * 7 + 1);
  const { stdout } = await withServer(["echo", "--json"], async (port) => {
    const { stdoutBytes, code } = await run(client, [
      ...["--pipe", "--idle-timeout", "0.4", `udp:localhost:${port}`],
    ], { stdin: largest });
    assertEquals(code, 0);
    assertEquals(stdoutBytes, largest);
  });
  assertMatch(stdout, /"direction":"received","bytes":65507}\n/);
  assertMatch(stdout, /"direction":"sent","bytes":65507}\n/);
});

Deno.test("server --udp echo sends back an empty datagram, which client sends where it is told nothing", async () => {
  const { stdout } = await withServer(["echo", "--json"], async (port) => {
    for (const args of [[], ["--send", ""]]) {
      const heard = await run(client, [...args, `udp:127.0.0.1:${port}`]);
      assertEquals([heard.code, heard.stdout, heard.stderr], [
        0,
        "Received from server: \n",
        "",
      ]);
    }
  });
  assertEquals(stdout.match(/"direction":"sent","bytes":0}/g)?.length, 2);
});

Deno.test("client udp: speaks of what is typed only where lines are, and of --send only where nothing was sent", async () => {
  await withServer(["discard"], async (port) => {
    const target = `udp:127.0.0.1:${port}`;
    const terminal = { stdin: true, stderr: true };
    for (
      const [args, typed, hint] of [
        [[], true, ""],
        [["--send", "x"], false, `--port ${port}`],
        [["--send", ""], false, "; or send something: --send TEXT"],
      ] as const
    ) {
      const limit = typed ? "--idle-timeout" : "--timeout";
      const { stderr } = await run(client, [limit, "0.05", ...args, target], {
        terminal,
      });
      assertEquals(stderr.includes("each line that you type"), typed);
      assert(stderr.endsWith(typed ? "ends\n" : `${hint}\n`), stderr);
    }
  });
});

Deno.test("one byte is a byte, in what is explained and in the log", async () => {
  const { stdout } = await withServer(["echo"], async (port) => {
    for (const [text, size] of [["x", "1 byte"], ["ab", "2 bytes"]]) {
      const args = ["--explain", "--send", `${text}`, `udp:127.0.0.1:${port}`];
      const { stderr } = await run(client, args);
      assertMatch(stderr, new RegExp(`datagram of ${size} has left`));
      assertMatch(stderr, new RegExp(`datagram of ${size} has come`));
    }
  });
  assertMatch(stdout, /ended after 1 byte in, 1 out/);
  assertMatch(stdout, /ended after 2 bytes in, 2 out/);
});

Deno.test("server --udp discard counts, and answers nothing", async () => {
  const { stdout } = await withServer(["discard"], async (port) => {
    const args = ["--send", "abc", `udp:127.0.0.1:${port}`];
    const { code, stdout, stderr } = await run(client, [
      ...["--timeout", "0.2", ...args],
    ]);
    assertEquals([code, stdout], [28, ""]);
    assertEquals(
      stderr,
      `client: Cannot receive from udp:127.0.0.1:${port}: nothing came within 0.2 s\n` +
        `hint: UDP does not say whether anybody listens there; start it with: deno task server --udp --port ${port}\n`,
    );
    const patient = await run(client, ["--idle-timeout", "0.2", ...args]);
    assertEquals([patient.code, patient.stderr], [0, ""]);
  });
  assertEquals(stdout.match(/ended after 3 bytes in, 0 out/g)?.length, 2);
});

Deno.test("a peer that is gone leaves the others all the room for datagrams", async () => {
  const datagrams = { send: () => Promise.resolve() };
  const held = { bytes: 0 };
  const [refused, other] = [1, 2].map((port) =>
    createPeer(datagrams, { host: "::1", port }, () => {
    }, held)
  );
  assert(refused && other);
  const large = new Uint8Array(65_000);
  for (let at = 0; at < 300; at++) refused.push(large);
  assertGreater(held.bytes, 2 ** 24);
  refused.close();
  assertEquals(held.bytes, 0);
  other.push(encode("a"));
  assertEquals(await other.read(new Uint8Array(9)), 1);
});

Deno.test("server --udp pipe joins the first peer to stdin and stdout", async () => {
  const { stdout, stderr, result } = start(server, [
    ...["pipe", "--udp", "-p0", "--host", "127.0.0.1"],
    ...["--idle-timeout", "0.5"],
  ], { stdin: "from stdin" });
  const port = portIn(await stderr.waitFor(/Listening on udp:.*\n/));
  const args = ["--send", "to stdout", `udp:127.0.0.1:${port}`];
  const heard = await run(client, args);
  assertEquals(heard.stdout, "Received from server: from stdin\n");
  assertEquals(await stdout.waitFor("to stdout"), "to stdout");
  assertEquals((await result).code, 0);
});

Deno.test("client udp: shows each datagram, also an empty one, as a line of its own", async () => {
  const bytes = [Uint8Array.of(255), encode("é").subarray(0, 1)];
  let shown = "";
  const heard = await withPeer(["one", "", ...bytes], async (port) => {
    const args = ["--idle-timeout", "0.3", "--json", "--dump"];
    const target = `udp:127.0.0.1:${port}`;
    const { stdout, stderr } = await run(client, [...args, target]);
    const lines = stdout.trimEnd().split("\n").map((line) => JSON.parse(line));
    const [open, ...rest] = lines;
    assertEquals(open, { event: "open", peer: target });
    assertEquals(rest.slice(0, -1), [
      { event: "data", text: "one" },
      { event: "data", text: "" },
      { event: "data", base64: "/w==" },
      { event: "data", base64: "ww==" },
    ]);
    assertEquals(rest.at(-1).reason, "done");
    shown = stderr;
  });
  // who has nothing to send makes itself known
  assertEquals(heard, [""]);
  assertEquals(shown.match(/< udp:\S+ \d bytes?\n/g)?.length, 4);
});

Deno.test("client udp: takes datagrams of its peer alone", async () => {
  await withPeer([], async (port) => {
    const own = createSocket("udp4");
    await new Promise<void>((resolve) =>
      own.bind({ address: "127.0.0.1", port: 0 }, resolve)
    );
    const from = own.address().port;
    await new Promise<void>((resolve) => own.close(resolve));
    const running = run(client, [
      ...["--send", "x", "--idle-timeout", "0.4"],
      ...["--bind", `127.0.0.1:${from}`, `udp:127.0.0.1:${port}`],
    ]);
    const stranger = createSocket("udp4");
    await new Promise<void>((resolve) =>
      stranger.bind({ address: "127.0.0.1", port: 0 }, resolve)
    );
    for (let tries = 0; tries < 20; tries++) {
      stranger.send("evil", from, "127.0.0.1");
      await new Promise((resolve) => setTimeout(resolve, 10));
    }
    await new Promise<void>((resolve) => stranger.close(resolve));
    assertEquals((await running).stdout, "Received from server: \n");
  });
});

Deno.test("client udp: sends what is typed, a line each, until its end", async () => {
  const { stdout } = await withServer(["echo"], async (port) => {
    const { code, stdout, stderr } = await run(client, [
      `udp:127.0.0.1:${port}`,
    ], {
      stdin: (async function* () {
        yield "one\n";
        yield "two\n";
        // what is not answered by then is not awaited
        await new Promise((resolve) => setTimeout(resolve, 200));
      })(),
      terminal: { stdin: true, stderr: true },
    });
    assertEquals(code, 0);
    assertEquals(stdout, "Received from server: one\ntwo\n\n");
    assertStringIncludes(stderr, "each line that you type is a datagram");
  });
  assertMatch(stdout, /established/);
});

for (
  const [option, value] of [
    ["--tls"],
    ["--starttls", "smtp"],
    ["--alpn", "h2"],
    ["--proxy", "socks5://h:1"],
    ["--wait", "1"],
    ["--keep-open"],
  ] as const
) {
  Deno.test(`client udp: has no ${option}`, async () => {
    const args = [option, ...value === undefined ? [] : [value]];
    const { code, stderr } = await run(client, ["udp:127.0.0.1:9", ...args]);
    assertEquals(code, 2);
    assertStringIncludes(
      stderr,
      `Cannot use ${option} with udp:127.0.0.1:9: UDP has no connection\n`,
    );
  });
}

Deno.test("client udp: --send refuses what one datagram does not hold", async () => {
  const heard = await withPeer([], async (port) => {
    const args = ["--send", "é".repeat(32_754), `udp:127.0.0.1:${port}`];
    const { code, stderr } = await run(client, args);
    assertEquals(code, 2);
    assertStringIncludes(
      stderr,
      "client: Cannot send 65508 bytes in one datagram: 65507 at most\n",
    );
  });
  assertEquals(heard, []);
});

Deno.test("client --check takes no udp:, alone or among others", async () => {
  for (const others of [[], ["localhost:1"], ["localhost:1", "https://h/"]]) {
    const args = ["--check", ...others, "udp:127.0.0.1:9"];
    const { code, stdout, stderr } = await run(client, args);
    assertEquals([code, stdout, stderr.split("\n")[0]], [
      2,
      "",
      'client: Cannot check "udp:127.0.0.1:9": UDP does not say whether anybody listens',
    ]);
  }
});

for (
  const args of [["relay", "80"], ["chat"], ["--tls"], ["--unix", "/a"], [
    "--file",
    "a",
  ]]
) {
  Deno.test(`server --udp does not go with ${args[0]}`, async () => {
    const { code, stderr } = await run(server, ["--udp", ...args]);
    assertEquals(code, 2);
    assertStringIncludes(stderr, `Cannot use --udp with ${args[0]}`);
  });
}

Deno.test("client udp: and server --udp say which address cannot be had", async () => {
  await withServer([], async (port) => {
    const taken = await run(server, ["--udp", "-p", `${port}`]);
    assertEquals(taken.code, 1);
    assertStringIncludes(
      taken.stderr,
      `Cannot listen on localhost:${port}: the address is in use`,
    );
    const foreign = await run(client, [
      ...["--bind", "192.0.2.1", `udp:127.0.0.1:${port}`],
    ]);
    assertEquals(foreign.code, 1);
    assertStringIncludes(foreign.stderr, "this machine does not have that");
  });
});

Deno.test("client udp: needs no more than the loopback for a peer there, and asks for what another takes", async () => {
  await withServer([], async (port) => {
    const own = await spawn("client", [`udp:localhost:${port}`]).result;
    assertEquals(own.code, 0, own.stderr);
  });
  const other = await spawn("client", ["udp:192.0.2.1:53"]).result;
  assertEquals(other.code, 1);
  assertStringIncludes(
    other.stderr,
    "'--allow-net=192.0.2.1:53,0.0.0.0,[::]' ",
  );
});

Deno.test("server --udp asks for all whom it answers, where they may be anywhere", async () => {
  const args = ["--udp", "--host", "0.0.0.0", "--port", "8053"];
  const { code, stderr } = await spawn("server", args).result;
  assertEquals(code, 1);
  assertStringIncludes(stderr, "--allow-net=0.0.0.0:8053,0.0.0.0/0 ");
});
