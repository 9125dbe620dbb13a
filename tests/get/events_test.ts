import { assert, assertEquals, assertLess } from "@std/assert";
import fc from "fast-check";
import { main } from "../../tasks/get.ts";
import { createEventReader } from "../../tasks/get/view/events.ts";
import {
  formatJsonValue,
  formatMessages,
} from "../../tasks/get/view/json_value.ts";
import { createView } from "../../tasks/get/view/view.ts";
import { serveHttp } from "../http/server.ts";
import {
  createMemoryIo,
  memory,
  type MemoryOptions,
  run,
  start,
} from "../support.ts";

const encoder = new TextEncoder();

function stripColors(text: string): string {
  // deno-lint-ignore no-control-regex
  return text.replace(/\x1b\[\d+m/g, "");
}

/** A server that sends a body piece by piece, each when the test says so. */
function serveStream(type: string) {
  const { readable, writable } = new TransformStream<Uint8Array, Uint8Array>(
    undefined,
    undefined,
    { highWaterMark: 100 },
  );
  const writer = writable.getWriter();
  const server = serveHttp(() =>
    new Response(readable, { headers: { "content-type": type } })
  );
  return {
    url: server.url,
    send: (text: string) => writer.write(encoder.encode(text)),
    async [Symbol.asyncDispose]() {
      await writer.close().catch(() => {});
      await server[Symbol.asyncDispose]();
    },
  };
}

function serveBody(type: string, body: string) {
  return serveHttp(() =>
    new Response(body, { headers: { "content-type": type } })
  );
}

async function show(
  type: string,
  body: string,
  args: string[] = ["--pretty"],
  options: MemoryOptions = {},
): Promise<string> {
  await using server = serveBody(type, body);
  const { code, stdout } = await run(main, [...args, server.url], options);
  assertEquals(code, 0);
  return stdout;
}

const SSE = "text/event-stream; charset=utf-8";
const LINES = "application/x-ndjson";

Deno.test("events are shown one by one, as they arrive", async () => {
  await using server = serveStream(SSE);
  const { stdout, result } = start(main, ["--pretty", server.url]);
  await server.send(": hello\nevent: add\nid: 1\nda");
  await server.send('ta: {"n":12345678901234567890}\n\n');
  await stdout.waitFor(
    'event: add\nid: 1\n{\n  "n": 12345678901234567890\n}\n',
  );
  await server.send("data: one\ndata: two\n\n");
  await stdout.waitFor("one\ntwo\n");
  await server.send("data: [1,\ndata: 2]\r\n\r\n");
  await stdout.waitFor("[\n  1,\n  2\n]\n");
  await server[Symbol.asyncDispose]();
  assertEquals((await result).code, 0);
});

Deno.test("lines of JSON are shown one by one, as they arrive", async () => {
  await using server = serveStream(LINES);
  const { stdout, result } = start(main, ["--pretty", server.url]);
  await server.send('{"a":1.');
  await server.send("10}\n\nnot JSON\n[");
  await stdout.waitFor('{\n  "a": 1.10\n}\nnot JSON\n');
  await server.send("]\r\n");
  await stdout.waitFor("not JSON\n[]\n");
  await server.send("7");
  await server[Symbol.asyncDispose]();
  const { code, stdout: all } = await result;
  assertEquals([code, all.endsWith("[]\n7\n")], [0, true]);
});

Deno.test("a pipe gets the very bytes of a stream, as they arrive", async () => {
  await using server = serveStream(SSE);
  const { stdout, result } = start(main, [server.url]);
  await server.send(": a\n");
  await stdout.waitFor(": a\n");
  await server.send("data: b\n\n");
  await server[Symbol.asyncDispose]();
  assertEquals((await result).stdout, ": a\ndata: b\n\n");
});

Deno.test("events and lines are safe on a terminal, and coloured", async () => {
  const evil = "\u009b2J\u202e\x07";
  const events = `event: ${evil}\nid: ${evil}\ndata: {"a":"${evil}"}\n\n`;
  const shown = await show(SSE, events, [], { terminal: true });
  assert(shown.includes("\x1b[36mevent: "), shown);
  const safe = "\\x9b2J\\u202e\\x07";
  assertEquals(
    stripColors(shown),
    `event: ${safe}\nid: ${safe}\n{\n  "a": "${safe}"\n}\n`,
  );
  const lines = await show(LINES, `["\u202e"]\n${evil}`, [], {
    terminal: true,
  });
  assertEquals(stripColors(lines), `[\n  "\\u202e"\n]\n${safe}\n`);
});

Deno.test("what has no event in it is shown as it came", async () => {
  for (
    const [body, shown] of [
      ["", ""],
      ["<html>oops", "<html>oops"],
      [": only a comment\n", ": only a comment\n"],
      ["data: not ended", "data: not ended"],
      ["x".repeat(100_000), "x".repeat(100_000)],
    ] as const
  ) assertEquals(await show(SSE, body), shown);
  const shown = await show(SSE, `\x1b[2J${"\u0007".repeat(70_000)}`, [], {
    terminal: true,
  });
  assertEquals(shown, `\\x1b[2J${"\\x07".repeat(70_000)}\n`);
});

Deno.test("a stream is one object per line with --json", async () => {
  const events = await show(SSE, "id: 1\ndata: {\ndata: }\n\ndata: b\n\n", [
    "--json",
  ]);
  const [head = "", ...rest] = events.trimEnd().split("\n");
  assertEquals(JSON.parse(head).response.status, 200);
  assertEquals(rest.map((line) => JSON.parse(line)), [
    { id: "1", data: "{\n}" },
    { data: "b" },
  ]);
  const lines = await show(LINES, '{"n":1.10}\n\nhi\n2', ["--json"]);
  assertEquals(lines.split("\n").slice(1), [
    '{"data":{"n":1.10}}',
    '{"data":"hi"}',
    '{"data":2}',
    "",
  ]);
});

const field = fc.constantFrom(
  ...["data: a\n", "data:\n", "data: é\n", "event: e\n", "id: 1\n", ": c\n"],
  ...["\n", "retry: 5\n", "oops\n"],
);

Deno.test("the chunks of a stream do not matter, for any stream", () => {
  fc.assert(
    fc.property(fc.array(field), fc.array(fc.nat()), (fields, places) => {
      const bytes = encoder.encode(fields.join(""));
      const whole = createEventReader();
      const parts = createEventReader();
      const cuts = [
        0,
        ...places.map((at) => at % (bytes.length + 1)).sort((a, b) => a - b),
        bytes.length,
      ];
      assertEquals(
        cuts.slice(1).flatMap((end, at) =>
          parts(bytes.subarray(cuts[at], end))
        ),
        whole(bytes),
      );
    }),
  );
});

Deno.test("an event without an end does not fill the memory", async () => {
  const part = `data: ${"x".repeat(1_000_000)}\n`;
  const endless = function* () {
    yield encoder.encode("data: a\n\n");
    for (let at = 0; at < 200; at++) yield encoder.encode(part);
  };
  await using server = serveHttp(() =>
    new Response(ReadableStream.from(endless()), {
      headers: { "content-type": SSE },
    })
  );
  const { code, stderr } = await run(main, ["--pretty", server.url]);
  assertEquals([code, stderr], [
    1,
    "200 OK\nget: Cannot read the events: one is longer than 16 Mi\nhint: --raw shows the bytes as they come\n",
  ]);
});

Deno.test("a line costs --json what its length does, in however many chunks it comes", async () => {
  const chunks = Array<Uint8Array<ArrayBuffer>>(4096)
    .fill(new TextEncoder().encode("é".repeat(2048)));
  const whole = await new Blob(chunks).bytes();
  const start = performance.now();
  const value = formatJsonValue(whole);
  const half = performance.now();
  const headers = new Headers({ "content-type": "application/x-ndjson" });
  const body = ReadableStream.from(chunks);
  const messages = await Array.fromAsync(formatMessages({ headers, body }));
  const end = performance.now();
  assert(messages.length === 1 && messages[0] === `{"data":${value}}`);
  // more than a hundred times as long if each chunk were joined to all before it
  assertLess(end - half, 20 * (half - start));
});

Deno.test("megabytes of small lines are shown in flat memory", async () => {
  const { io } = createMemoryIo();
  const headers = new Headers({ "content-type": LINES });
  const view = await createView(headers, io.stdout, { pretty: true });
  const chunk = encoder.encode('{"id":1,"text":"hello"}\n'.repeat(4000));
  const feed = (bytes: number) => {
    let [size, shown] = [0, 0];
    for (; size < bytes; size += chunk.length) {
      for (const part of view?.show(chunk) ?? []) shown += part.length;
    }
    assert(shown > size);
  };
  // the heap takes its size first
  feed(3_000_000);
  const before = memory();
  feed(12_000_000);
  assertLess(memory() - before, 60_000_000);
});
