import { assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { main as client } from "../../tasks/client.ts";
import { main } from "../../tasks/server.ts";
import { portIn } from "../net/peers.ts";
import {
  listening,
  receiveText,
  run,
  start,
  testWith,
  withFolder,
} from "../support.ts";

/** What a target reads until the client ends, with a relay before it that listens somewhere. */
async function heardThrough(
  args: readonly string[],
  talk: (port: number) => Promise<Deno.Conn>,
): Promise<{ heard: string; from: Deno.Addr; to: Deno.Addr }> {
  const heard = Promise.withResolvers<string>();
  await using target = listening(async (conn) =>
    heard.resolve(await receiveText(conn))
  );
  const relay = `localhost:${target.port}`;
  const { stdout, result } = start(main, ["relay", relay, "--once", ...args]);
  const listens = await stdout.waitFor(/Listening on .+\n/);
  using conn = await talk(listens.includes("unix:") ? 0 : portIn(listens));
  const { localAddr: from, remoteAddr: to } = conn;
  await conn.write(new TextEncoder().encode("first"));
  await conn.closeWrite();
  const found = { heard: await heard.promise, from, to };
  assertEquals((await result).code, 0);
  return found;
}

for (const [family, hostname] of [["TCP4", "127.0.0.1"], ["TCP6", "::1"]]) {
  Deno.test(`server relay --proxy-protocol tells its target of a client over ${family}`, async () => {
    if (hostname === undefined) return;
    const args = ["-p0", "--host", hostname, "--proxy-protocol"];
    const { heard, from, to } = await heardThrough(
      args,
      (port) => Deno.connect({ hostname, port }),
    );
    if (from.transport !== "tcp" || to.transport !== "tcp") throw new Error();
    assertEquals(
      heard,
      `PROXY ${family} ${hostname} ${hostname} ${from.port} ${to.port}\r\nfirst`,
    );
  });
}

for (const ws of [[], ["--ws"]]) {
  Deno.test(`server ${["relay", ...ws].join(" ")} --proxy-protocol tells a WebSocket of its client before the handshake`, async () => {
    const heard = Promise.withResolvers<string>();
    await using target = listening(async (conn) =>
      heard.resolve(await receiveText(conn, 70))
    );
    const { stdout, interrupt, result } = start(main, [
      ...["relay", `ws://localhost:${target.port}/x`, "-p0", ...ws],
      ...["--host", "127.0.0.1", "--proxy-protocol"],
    ]);
    const port = portIn(await stdout.waitFor(/Listening on .+\n/));
    const at = `127.0.0.1:${port}`;
    const url = ws.length > 0 ? `ws://${at}/` : at;
    await run(client, ["--send", "a", "--timeout", "5", url]);
    assertMatch(
      await heard.promise,
      /^PROXY TCP4 127\.0\.0\.1 127\.0\.0\.1 \d+ \d+\r\nGET \/x HTTP\/1\.1\r\n/,
    );
    interrupt();
    await result;
  });
}

Deno.test("server relay --proxy-protocol knows IPv4 where it listens on all addresses", async () => {
  const args = ["-p0", "--host", "::", "--proxy-protocol"];
  const { heard } = await heardThrough(
    args,
    (port) => Deno.connect({ hostname: "127.0.0.1", port }),
  );
  assertMatch(heard, /^PROXY TCP4 127\.0\.0\.1 127\.0\.0\.1 \d+ \d+\r\nfirst$/);
});

Deno.test("server relay tells its target nothing of itself", async () => {
  const { heard } = await heardThrough(
    ["-p0", "--host", "127.0.0.1"],
    (port) => Deno.connect({ hostname: "127.0.0.1", port }),
  );
  assertEquals(heard, "first");
});

Deno.test("server relay --proxy-protocol says of a Unix socket's client that it is unknown", () =>
  withFolder(async (folder) => {
    const path = `${folder}/a.sock`;
    const { heard } = await heardThrough(
      ["--unix", path, "--proxy-protocol"],
      () => Deno.connect({ transport: "unix", path }),
    );
    assertEquals(heard, "PROXY UNKNOWN\r\nfirst");
  }));

testWith(
  "openssl",
  "server relay --proxy-protocol tells of the client of its own TLS, before TLS with its target",
  async () => {
    const heard = Promise.withResolvers<string>();
    await using target = listening(async (conn) => {
      heard.resolve(await receiveText(conn, 64));
    });
    const relay = start(main, [
      ...["relay", `tls:127.0.0.1:${target.port}`, "--pin", "0".repeat(64)],
      ...["--tls", "--proxy-protocol", "--once", "-p0", "--host", "127.0.0.1"],
    ]);
    const said = await relay.stdout.waitFor(/--pin \S+ \S+\n/);
    const [, pin = "", at = ""] = said.match(/--pin (\S+) (\S+)\n/) ?? [];
    await run(client, ["--pin", pin, "--send", "x", at]);
    // the first byte of a TLS record of a handshake is 22
    assertMatch(
      await heard.promise,
      // deno-lint-ignore no-control-regex
      /^PROXY TCP4 127\.0\.0\.1 127\.0\.0\.1 \d+ \d+\r\n\x16\x03/,
    );
    await relay.result;
  },
);

Deno.test("server takes --proxy-protocol with relay alone", async () => {
  const { code, stderr } = await run(main, ["echo", "--proxy-protocol"]);
  assertEquals(code, 2);
  assertStringIncludes(stderr, "Cannot use --proxy-protocol without relay");
});
