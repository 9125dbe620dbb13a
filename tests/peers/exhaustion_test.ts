import {
  assertEquals,
  assertLess,
  assertMatch,
  assertStringIncludes,
} from "@std/assert";
import { cpuOf, until } from "../daemon.ts";
import { portIn } from "../net/peers.ts";
import { encode, ROOT, spawnProgram } from "../support.ts";

/** Says something on a connection, and expects an answer that begins so. */
type Exchange = readonly [said: string, expected: string];

const HEAD: Exchange = [
  "HEAD /posts/1 HTTP/1.1\r\nHost: localhost\r\n\r\n",
  "HTTP/1.1 200 OK",
];

async function ask(conn: Deno.Conn, [said, expected]: Exchange): Promise<void> {
  await conn.write(encode(said));
  const buffer = new Uint8Array(65_536);
  const text = new TextDecoder().decode(
    buffer.subarray(0, await conn.read(buffer) ?? 0),
  );
  assertStringIncludes(text, expected);
}

/** So many connections, but for those that are refused or reset. */
async function connectMany(port: number, count: number): Promise<Deno.Conn[]> {
  const conns: Deno.Conn[] = [];
  for (let at = 0; at < count; at++) {
    try {
      conns.push(await Deno.connect({ hostname: "127.0.0.1", port }));
    } catch (error) {
      assertMatch(String(error), /refused|reset|not connected/i);
    }
  }
  return conns;
}

/** Runs a command that may have 64 files open. */
async function startPoor([task, ...rest]: readonly string[]) {
  const words = [Deno.execPath(), "run", "-A", `${ROOT}tasks/${task}.ts`];
  const server = spawnProgram("sh", [
    ...["-c", 'ulimit -n 64; echo $$; exec "$@"', "sh", ...words, ...rest],
    ...["--port", "0", "--host", "127.0.0.1"],
  ]);
  const said = await server.stdout.waitFor(/Listening on .*\n/);
  return { server, pid: parseInt(said), port: portIn(said) };
}

/** Waits until somebody who comes is served. */
function serving(port: number, exchange: Exchange): Promise<void> {
  return until("a new client to be served", async () => {
    const [conn] = await connectMany(port, 1);
    if (conn === undefined) return false;
    using _ = conn;
    return await ask(conn, exchange).then(() => true, () => false);
  });
}

/** Runs a command that may have 64 files open, and holds it to what it must do beyond. */
async function exhaust(
  args: readonly string[],
  exchange: Exchange,
): Promise<string> {
  const { server, pid, port } = await startPoor(args);
  {
    using first = await Deno.connect({ hostname: "127.0.0.1", port });
    await ask(first, exchange);
    const others = await connectMany(port, 100);
    const text = () => server.stdout.text + server.stderr.text;
    await until(
      "the warning",
      () => Promise.resolve(text().includes("too many open files")),
    );
    const before = await cpuOf(pid);
    for (let round = 0; round < 10; round++) await ask(first, exchange);
    others.push(...await connectMany(port, 10));
    assertLess(await cpuOf(pid) - before, 300);
    for (const conn of others) conn.close();
  }
  await serving(port, exchange);
  server.kill("SIGTERM");
  const { code, stdout, stderr } = await server.result;
  assertEquals(code, 0);
  assertEquals((stdout + stderr).match(/too many open files/g)?.length, 1);
  return stdout + stderr;
}

Deno.test({
  name:
    "server without file descriptors serves on, warns once, idles, and recovers",
  ignore: Deno.build.os === "windows",
  async fn() {
    const said = await exhaust(["server", "echo"], ["hello", "hello"]);
    assertMatch(said, /too many open files: \d+ clients are served, others/);
  },
});

Deno.test({
  name:
    "api without file descriptors serves on, warns once, idles, and recovers",
  ignore: Deno.build.os === "windows",
  async fn() {
    const said = await exhaust(["api", "--memory"], HEAD);
    assertMatch(said, /api: Cannot accept more clients for now: too many open/);
  },
});

Deno.test({
  name: "half heads that take all file descriptors of api are given up",
  ignore: Deno.build.os === "windows",
  async fn() {
    const { server, port } = await startPoor(["api", "--memory"]);
    const clients = await connectMany(port, 100);
    const begin = (client: Deno.Conn) =>
      client.write(encode("GET /posts/1 HTTP/1.1\r\nHo")).catch(() => {});
    await Promise.all(clients.map(begin));
    await server.stderr.waitFor(/Cannot accept more clients/);
    await serving(port, HEAD);
    for (const client of clients) client.close();
    server.kill("SIGTERM");
    assertEquals((await server.result).code, 0);
  },
});
