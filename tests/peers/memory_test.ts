import { assert, assertEquals, assertLess, assertMatch } from "@std/assert";
import { send } from "../../lib/net/connection.ts";
import { main as get } from "../../tasks/get.ts";
import { createView } from "../../tasks/get/view/view.ts";
import { serve } from "../../tasks/server/serve.ts";
import { serveHttp } from "../http/server.ts";
import { createMemoryIo, encode, memory, spawnDeno } from "../support.ts";

Deno.test("client takes 100 MB without a newline in flat memory", async () => {
  const chunk = new Uint8Array(1 << 20).fill(0x61);
  await using server = await serve({
    handler: async (connection) => {
      for (let sent = 0; sent < 100; sent++) await send(connection, chunk);
    },
  });
  const script = JSON.stringify(
    new URL("../../tasks/client.ts", import.meta.url).href,
  );
  const probe = `import { main } from ${script};
    let size = 0;
    const stdout = { isTerminal: false, color: false, columns: 80, write: (bytes) => void (size += bytes.length) };
    const io = { stdin: { isTerminal: true }, stdout, stderr: stdout, signal: new AbortController().signal, drain() {} };
    const code = await main(["${server.port}"], io);
    console.log(JSON.stringify({ code, size, rss: Deno.memoryUsage().rss }));`;
  const child = spawnDeno(["run", "-A", "--ext=js", "-"], {
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

Deno.test("get shows 300 MB without a newline in flat memory", async () => {
  const part = encode("é".repeat(50_000));
  await using server = serveHttp(() =>
    new Response(ReadableStream.from((function* () {
      for (let i = 0; i < 3000; i++) yield part;
    })()))
  );
  for (const isTerminal of [false, true]) {
    const { io } = createMemoryIo({ terminal: isTerminal });
    const before = memory();
    let size = 0;
    let peak = 0;
    const count = (bytes: Uint8Array) => {
      if (size >> 20 !== (size += bytes.length) >> 20) {
        peak = Math.max(peak, memory() - before);
      }
      return Promise.resolve();
    };
    const stdout = { ...io.stdout, write: count, writeLater: count };
    assertEquals(await get([server.url], { ...io, stdout }), 0);
    assert(size >= 300_000_000);
    assertLess(peak, 200_000_000);
  }
});

Deno.test("megabytes of small lines are shown in flat memory", async () => {
  const { io } = createMemoryIo();
  const headers = new Headers({ "content-type": "application/x-ndjson" });
  const view = await createView(headers, io.stdout, { pretty: true });
  const chunk = encode(
    '{"id":1,"text":"hello"}\n'.repeat(4000),
  );
  const feed = (bytes: number) => {
    let [size, shown] = [0, 0];
    for (; size < bytes; size += chunk.length) {
      for (const part of view?.format(chunk) ?? []) shown += part.length;
    }
    assert(shown > size);
  };
  // the heap takes its size first
  feed(3_000_000);
  const before = memory();
  feed(12_000_000);
  assertLess(memory() - before, 60_000_000);
});

/** The peak of the memory of `get --json` over a stream, as a process of its own, and how it ends. */
async function measureJson(type: string, parts: Iterable<string>) {
  await using server = serveHttp(() =>
    new Response(
      ReadableStream.from((function* () {
        for (const part of parts) yield encode(part);
      })()),
      { headers: { "content-type": type } },
    )
  );
  const script = JSON.stringify(
    new URL("../../tasks/get.ts", import.meta.url).href,
  );
  const probe = `import { main } from ${script};
    let peak = 0;
    let said = "";
    const write = (text) => (bytes) => {
      said = (said + new TextDecoder().decode(bytes)).slice(-200);
      peak = Math.max(peak, Deno.memoryUsage().rss);
    };
    const output = { isTerminal: false, color: false, columns: 80, write: write() };
    const io = { stdout: { ...output, write() {} }, stderr: output };
    const code = await main(["--json", ${JSON.stringify(server.url)}], io);
    console.log(JSON.stringify({ code, said, peak }));`;
  const { stdout, stderr } = await spawnDeno(["run", "-A", "--ext=js", "-"], {
    stdin: probe,
  }).result;
  const result: { code: number; said: string; peak: number } = JSON.parse(
    stdout || stderr,
  );
  return result;
}

Deno.test("get --json ends a line of 700 MB and an event of a million short lines in flat memory", async () => {
  const line = function* () {
    for (let mb = 0; mb < 700; mb++) yield "x".repeat(1_000_000);
  };
  const event = function* () {
    for (let mb = 0; mb < 700; mb++) yield "data: x\n".repeat(125_000);
  };
  for (
    const [type, parts, what] of [
      ["application/x-ndjson", line, "lines as JSON"],
      ["text/event-stream", event, "events"],
    ] as const
  ) {
    const { code, said, peak } = await measureJson(type, parts());
    assertEquals(code, 1);
    assertMatch(said, new RegExp(`Cannot (show|read) the ${what}: one is`));
    assertLess(peak, 300e6, what);
  }
});
