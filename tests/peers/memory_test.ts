import { assert, assertEquals, assertLess } from "@std/assert";
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
