import { assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { main } from "../../tasks/client.ts";
import { main as serverMain } from "../../tasks/server.ts";
import { echo } from "../../tasks/server/handlers.ts";
import { serve } from "../../tasks/server/serve.ts";
import { makeIdentity } from "../net/identity.ts";
import { portIn } from "../net/peers.ts";
import { encode, run, spawn, start, testWith, withFolder } from "../support.ts";

/** Every address of 127.0.0.0/8 is this machine's on Linux alone. */
const ignore = Deno.build.os !== "linux";

/** What a server says of one client that came from an address. */
async function seenFrom(
  bind: string,
  ...args: readonly string[]
): Promise<string> {
  const { stdout, result } = start(serverMain, ["-p0", "--once"]);
  const port = portIn(await stdout.waitFor(/(Listening on .*\n){2}/));
  const target = `localhost:${port}`;
  const found = await run(main, ["--bind", bind, ...args, target]);
  assertEquals(found.stdout, "Received from server: Hello, Client!\n");
  assertEquals(found.code, 0, found.stderr);
  const log = (await result).stdout;
  return log.match(/Connection from (\S+) has/)?.[1] ?? log;
}

/** A port that is free; a client that has gone may hold it for a while. */
function freePort(): number {
  using listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  return listener.addr.port;
}

Deno.test({
  name: "client --bind comes from an address, a port, or both",
  ignore,
  async fn() {
    const [one, other] = [freePort(), freePort()];
    assertMatch(await seenFrom("127.0.0.2"), /^127\.0\.0\.2:\d+$/);
    assertEquals(await seenFrom(`127.0.0.2:${one}`), `127.0.0.2:${one}`);
    assertEquals(await seenFrom(`:${other}`), `127.0.0.1:${other}`);
    // the address of the server is of the same kind
    assertMatch(await seenFrom("::1"), /^\[::1\]:\d+$/);
    assertMatch(await seenFrom(":0", "-6"), /^\[::1\]:\d+$/);
    assertMatch(await seenFrom("127.0.0.3", "--wait", "2"), /^127\.0\.0\.3:/);
  },
});

Deno.test({
  name: "client --bind passes on megabytes both ways, and both ends",
  ignore,
  async fn() {
    await using server = await serve({ handler: echo });
    const text = "0123456789".repeat(500_000);
    const { code, stdout, stderr } = await run(main, [
      ...["--bind", "127.0.0.2", "--pipe", `127.0.0.1:${server.port}`],
    ], { stdin: encode(text) });
    assertEquals([code, stderr], [0, ""]);
    assertEquals(stdout === text, true);
  },
});

testWith(
  "openssl",
  "client --bind speaks TLS, trusts whom it is told alone, and goes through a proxy",
  () =>
    withFolder(async (folder) => {
      const { cert, key } = await makeIdentity(folder);
      await using server = await serve({
        handler: echo,
        tls: {
          cert: await Deno.readTextFile(cert),
          key: await Deno.readTextFile(key),
        },
      });
      const target = `localhost:${server.port}`;
      const from = ["--bind", "127.0.0.1", "--send", "x"];
      const trusted = await run(main, [...from, "--ca", cert, target]);
      assertStringIncludes(trusted.stdout, "Received from server: x\n");
      const unknown = await run(main, [...from, "--tls", target]);
      assertEquals(unknown.code, 60);
      assertStringIncludes(unknown.stderr, "certificate of an unknown issuer");
      const seen: string[] = [];
      await using proxy = await serve({
        onEvent: (event) => seen.push(event.event === "open" ? event.peer : ""),
        handler: (connection) =>
          connection.socket.write(encode("HTTP/1.1 403 No\r\n\r\n")).then(
            () => {},
          ),
      });
      const port = freePort();
      const through = await run(main, [
        ...["--bind", `:${port}`, "--proxy", `http://127.0.0.1:${proxy.port}`],
        "a.example:80",
      ]);
      assertEquals(through.code, 7, through.stderr);
      assertEquals(seen.includes(`127.0.0.1:${port}`), true, `${seen}`);
    }),
);

Deno.test("client --bind says that an address or a port cannot be had", async () => {
  await using server = await serve({ handler: echo });
  const target = `127.0.0.1:${server.port}`;
  const foreign = await run(main, ["--bind", "192.0.2.1", target]);
  assertEquals(foreign.code, 1);
  assertEquals(
    foreign.stderr,
    `client: Cannot connect to ${target} from 192.0.2.1: this machine does not have that address\n`,
  );
  const taken = await run(main, ["--bind", target, target]);
  assertEquals(taken.code, 1);
  assertStringIncludes(
    taken.stderr,
    `Cannot connect to ${target} from ${target}: the address is in use`,
  );
});

Deno.test("client --bind says who refuses, as without it", async () => {
  const refused = await run(main, ["--bind", "127.0.0.1", "localhost:1"]);
  assertEquals(refused.code, 7);
  assertStringIncludes(refused.stderr, "connection refused");
});

for (
  const [args, why] of [
    [
      ["127.0.0.1", "[::1]:1"],
      "Cannot use --bind 127.0.0.1: ::1 is not an IPv4",
    ],
    [["::1", "127.0.0.1:1"], "Cannot use --bind [::1]: 127.0.0.1 is not an"],
    [["::1", "-4", "h:1"], "Cannot use --bind [::1]: --ipv4 asks for the"],
    [["127.0.0.1", "unix:/a"], "Cannot use --bind 127.0.0.1: unix:/a is not"],
    [[":1", "unix:/a"], "Cannot use --bind :1: unix:/a is not an IPv4"],
    [["localhost", "h:1"], 'Cannot use --bind "localhost": expected an IP'],
    [["unix:/a", "h:1"], 'Cannot use --bind "unix:/a": expected an IP'],
    [["", "h:1"], 'Cannot parse port "": expected 0 to 65535'],
  ] as const
) {
  Deno.test(`client --bind ${args.join(" ")} is a mistake of the command line`, async () => {
    const { code, stderr } = await run(main, ["--bind", ...args]);
    assertEquals(code, 2, stderr);
    assertStringIncludes(stderr, `client: ${why}`);
  });
}

Deno.test("client --bind asks for what it takes: the target's addresses, and its own", async () => {
  const own = spawn("client", ["--bind", "127.0.0.2", "127.0.0.1:1"]);
  const { code, stderr } = await own.result;
  assertEquals(code, 1);
  assertStringIncludes(stderr, "net access to 127.0.0.2 is not permitted\n");
  assertStringIncludes(stderr, "--allow-net=127.0.0.1:1,127.0.0.2 ");
  const port = spawn("client", ["--bind", ":4000", "192.0.2.1:80"]);
  assertStringIncludes(
    (await port.result).stderr,
    "'--allow-net=192.0.2.1:80,0.0.0.0:4000,[::]:4000'",
  );
  // of the loopback nothing is missing
  const local = spawn("client", ["--bind", ":0", "127.0.0.1:1"]);
  assertEquals((await local.result).code, 7);
});
