import { assert, assertEquals, assertRejects } from "@std/assert";
import { createEvents, formatEntry } from "../../tasks/api/events.ts";
import { createHandler, type HandlerOptions } from "../../tasks/api/handler.ts";
import { openStore } from "../../tasks/api/store/sqlite.ts";
import { openApi, send } from "./support.ts";

/** Reads the events of a body as they come. */
function readEvents(body: ReadableStream<Uint8Array> | null) {
  const reader = (body ?? new ReadableStream()).getReader();
  const decoder = new TextDecoder();
  let text = "";
  const next = async (): Promise<string | undefined> => {
    for (;;) {
      const [event, ...rest] = text.split("\n\n");
      if (rest.length > 0) {
        text = rest.join("\n\n");
        if (!event?.startsWith("retry:")) return event;
        continue;
      }
      const { value, done } = await reader.read();
      if (done) return;
      text += decoder.decode(value, { stream: true });
    }
  };
  const data = async () =>
    JSON.parse((await next())?.match(/^data: (.*)$/m)?.[1] ?? "null");
  return { next, data, cancel: () => reader.cancel() };
}

function open(options: HandlerOptions = {}) {
  const api = openApi(options);
  const listen = async (path: string, headers: HeadersInit = {}) => {
    const accept = { accept: "text/event-stream", ...headers };
    const response = await api.send(`GET ${path}`, { headers: accept });
    assertEquals(
      response.headers.get("content-type"),
      "text/event-stream; charset=utf-8",
    );
    return readEvents(response.body);
  };
  const write = async (line: string, body: string | null = null) =>
    await (await api.send(line, { body })).body?.cancel();
  return { ...api, listen, write };
}

Deno.test("who listens to a resource hears each of its changes, and no other's", async () => {
  using api = open();
  const events = await api.listen("/posts");
  const comments = await api.listen("/comments");
  await api.write("POST /posts", '{"title":"a"}');
  await api.write("POST /@a/posts", '{"title":"not here"}');
  await api.write("PATCH /albums/1", '{"title":"nor this"}');
  await api.write("PATCH /posts/101", '{"title":"b"}');
  await api.write("PATCH /posts/9999", "{}");
  await api.write("POST /posts", "[{},{}]");
  await api.write("DELETE /posts/1");
  assertEquals(await events.data(), {
    change: "created",
    kind: "posts",
    document: { title: "a", id: 101 },
  });
  assertEquals(await events.data(), {
    change: "changed",
    kind: "posts",
    document: { title: "b", id: 101 },
  });
  assertEquals((await events.data()).document, { id: 102 });
  assertEquals((await events.data()).document, { id: 103 });
  assertEquals(await events.data(), {
    change: "deleted",
    kind: "posts",
    document: { id: 1 },
  });
  assertEquals(await comments.data(), {
    change: "deleted",
    kind: "comments",
    document: { id: 1 },
  });
  await api.write("PUT /db", '{"posts":[]}');
  assertEquals(await events.data(), { change: "loaded" });
  await events.cancel();
  await comments.cancel();
});

Deno.test("who comes back with Last-Event-ID hears what was missed", async () => {
  using api = open();
  for (const title of ["a", "b", "c"]) {
    await api.write("POST /posts", `{"title":"${title}"}`);
  }
  const later = await api.listen("/posts", { "last-event-id": "1" });
  assertEquals((await later.data()).document.title, "b");
  assertEquals((await later.next())?.split("\n")[0], "id: 3");
  const stranger = await api.listen("/posts", { "last-event-id": "999" });
  assertEquals(
    (await stranger.data()).document.title,
    "a",
    "a number from before a restart",
  );
  const fresh = await api.listen("/posts");
  await api.write("POST /posts", '{"title":"d"}');
  assertEquals((await fresh.data()).document.title, "d");
  for (const each of [later, stranger, fresh]) await each.cancel();
});

Deno.test("GET /events is the log of requests, a sandbox's its own", async () => {
  using api = open();
  const all = await api.listen("/events");
  const own = await api.listen("/@a/events");
  await api.write("GET /post");
  await api.write("GET /@a/posts/1");
  const paths: string[] = [];
  while (paths.length < 4) paths.push((await all.data()).path);
  assertEquals(paths, ["/events", "/@a/events", "/post", "/@a/posts/1"]);
  assertEquals((await own.data()).path, "/@a/events");
  const { time, ms, ...entry } = await own.data();
  assertEquals([typeof time, typeof ms], ["string", "number"]);
  assertEquals(entry, { method: "GET", path: "/@a/posts/1", status: 200 });
  const replay = await api.listen("/events", { "last-event-id": "2" });
  assertEquals(
    (await replay.data()).reason,
    'Cannot GET /post: there is no resource "post"; did you mean "posts"?',
  );
  for (const each of [all, own, replay]) await each.cancel();
});

Deno.test("a resource called events is served as one", async () => {
  using store = openStore(":memory:", { events: [{ id: 1 }] });
  const handler = createHandler(store);
  const response = await send(handler, "GET /events");
  assertEquals(await response.json(), [{ id: 1 }]);
});

Deno.test("streams end when the signal says so, and those opened later at once", async () => {
  const stop = new AbortController();
  using api = open({ signal: stop.signal });
  const streams = await Promise.all(
    ["/posts", "/events", "/@a/posts"].map((path) => api.listen(path)),
  );
  stop.abort();
  const ends = streams.map(async ({ next }) => {
    while (await next() !== undefined);
  });
  await Promise.all(ends);
  assertEquals(await (await api.listen("/posts")).next(), undefined);
});

Deno.test("a sandbox's reset is told to who listens to its changes, and ends the streams", async () => {
  using api = open();
  const events = await api.listen("/@a/posts");
  await api.write("DELETE /@a");
  assertEquals(await events.data(), { change: "reset" });
  assertEquals(await events.next(), undefined);
});

Deno.test("a reader that is 64 KB behind is dropped, others read on", async () => {
  const events = createEvents();
  const slow = events.subscribe();
  const text = "x".repeat(10_000);
  const read = readEvents(events.subscribe());
  for (let n = 1; n <= 9; n++) {
    events.publish("", text);
    assertEquals(await read.data(), text);
  }
  await assertRejects(() => new Response(slow).text(), Error, "too slow");
  events.close();
});

Deno.test("what is sent again never drops the reader, and is the newest", async () => {
  const events = createEvents();
  for (let n = 1; n <= 300; n++) events.publish("", `${n}`.padStart(1000));
  const read = readEvents(events.subscribe(undefined, 0));
  events.publish("", "last");
  events.close();
  const seen: unknown[] = [];
  for (let each = await read.data(); each !== null; each = await read.data()) {
    seen.push(each);
  }
  assertEquals(seen.at(-1), "last");
  assertEquals(Number(seen.at(-2)), 300);
  assert(seen.length > 20 && seen.length < 40, `${seen.length}`);
});

Deno.test("events are kept up to 1 Mi characters, of which a long one takes its part", async () => {
  const events = createEvents();
  for (let n = 1; n <= 9; n++) events.publish("", n, 2 ** 18);
  const read = readEvents(events.subscribe(undefined, 0));
  assertEquals(await read.data(), 6);
  for (let n = 10; n <= 12; n++) events.publish("", n);
  const second = readEvents(events.subscribe(undefined, 0));
  assertEquals(await second.data(), 6);
  events.publish("", 13, 2 ** 30);
  events.publish("", 14);
  const third = readEvents(events.subscribe(undefined, 0));
  assertEquals(await third.data(), 14);
  events.close();
  for (const each of [read, second, third]) await each.cancel();
});

Deno.test("slow readers share the bytes of an event, and hold one more than 64 KB", async () => {
  const events = createEvents();
  const readers = Array.from(
    { length: 3 },
    () => events.subscribe().getReader(),
  );
  for (const reader of readers) await reader.read();
  events.publish("", "x".repeat(2 ** 20));
  const chunks = await Promise.all(readers.map((reader) => reader.read()));
  const [first, ...others] = chunks.map(({ value }) => value);
  assert((first?.length ?? 0) > 2 ** 20);
  for (const other of others) assert(other === first);
  for (let n = 0; n < 2; n++) events.publish("", "x".repeat(2 ** 20));
  await assertRejects(
    async () => {
      for (;;) await readers[0]?.read();
    },
    Error,
    "too slow",
  );
  events.close();
});

Deno.test("who asks for the head of a stream listens to nothing", async () => {
  using api = open();
  for (const path of ["/events", "/posts"]) {
    const headers = { accept: "text/event-stream" };
    const response = await api.send(`HEAD ${path}`, { headers });
    assertEquals([response.status, response.body], [200, null]);
  }
});

const entry = { time: "t", method: "GET", path: "/", status: 400, ms: 1 };

Deno.test("a reason stays on its line", () => {
  const line = formatEntry({ ...entry, reason: "a\nb\r\n c" });
  assertEquals(line, "GET / 400 1.0 ms: a b c\n");
});

Deno.test("a line of the log has no control characters: terminal injection by a path or a reason", () => {
  const path = "/\x9b31m\x7f";
  const line = formatEntry({ ...entry, path, reason: "\x1b[31m\u202ea\0" });
  assertEquals(
    line,
    "GET /\\x9b31m\\x7f 400 1.0 ms: \\x1b[31m\\u202ea\\x00\n",
  );
  const reason = "\x1b\x9b\u202e\u{e0001}";
  const json = formatEntry({ ...entry, path, reason }, true);
  assert(!/[\p{Cc}\p{Cf}]/u.test(json.trim()), json);
  assertEquals(JSON.parse(json), { event: "request", ...entry, path, reason });
});

Deno.test("silence is broken by a comment", async () => {
  const events = createEvents(1);
  const read = readEvents(events.subscribe());
  assertEquals(await read.next(), ":");
  await read.cancel();
});
