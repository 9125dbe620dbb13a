import { assert, assertEquals, assertMatch, assertRejects } from "@std/assert";
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

/** The id of an event. */
const idOf = (event = "") => event.match(/^id: (.*)$/m)?.[1] ?? "";
const loaded = { change: "loaded" };

Deno.test("who comes back with Last-Event-ID hears what was missed", async () => {
  using api = open();
  const first = await api.listen("/posts");
  for (const title of ["a", "b", "c"]) {
    await api.write("POST /posts", `{"title":"${title}"}`);
  }
  const id = idOf(await first.next());
  assertMatch(id, /^\w{8}-1$/);
  const later = await api.listen("/posts", { "last-event-id": id });
  const after = await api.listen(`/posts?after=${id}`);
  const polyfill = await api.listen(`/posts?lastEventId=${id}`);
  for (const each of [later, after, polyfill]) {
    assertEquals((await each.data()).document.title, "b");
    assertEquals(idOf(await each.next()), id.replace("-1", "-3"));
  }
  const kept = await api.listen("/posts?after=0");
  assertEquals((await kept.data()).document.title, "a");
  const fresh = await api.listen("/posts");
  await api.write("POST /posts", '{"title":"d"}');
  assertEquals((await fresh.data()).document.title, "d");
  for (const each of [first, later, after, polyfill, kept, fresh]) {
    await each.cancel();
  }
});

Deno.test("an id that nothing is known of gets one event that tells to load all, then what is kept", async () => {
  using api = open();
  using before = open();
  const first = await api.listen("/posts");
  const old = await before.listen("/posts");
  for (const each of [api, before]) await each.write("POST /posts", "{}");
  await api.write("POST /posts", "{}");
  await first.next();
  const last = idOf(await first.next());
  const strange = [
    idOf(await old.next()),
    last.replace("-2", "-3"),
    last.replace("-2", ""),
    last.toUpperCase() + "x",
    ...["0", "1", "999", "abc", "-", "-1", "1e9"],
  ];
  for (const id of strange) {
    const events = await api.listen("/posts", { "last-event-id": id });
    const told = await events.next();
    assertEquals(told?.match(/^data: (.*)$/m)?.[1], '{"change":"loaded"}', id);
    assertEquals((await events.data()).document.id, 101, id);
    assertEquals((await events.data()).document.id, 102, id);
    // who is cut off after the first goes on from there
    const headers = { "last-event-id": idOf(told) };
    const again = await api.listen("/posts", headers);
    assertEquals((await again.data()).document.id, 101, id);
    for (const each of [events, again]) await each.cancel();
  }
  const log = await api.listen("/events", { "last-event-id": "k3x-1" });
  assertEquals(await log.data(), loaded);
  assertEquals((await log.data()).path, "/posts");
  for (const each of [first, old, log]) await each.cancel();
});

Deno.test("an id whose next event is not kept any more tells to load all", async () => {
  using api = open();
  const first = await api.listen("/posts");
  await api.write("POST /posts", "{}");
  const id = idOf(await first.next());
  for (let n = 2; n <= 201; n++) await api.write("POST /posts", "{}");
  const missed = await api.listen("/posts", { "last-event-id": id });
  assertEquals((await missed.data()).document.id, 102);
  await api.write("POST /posts", "{}");
  const late = await api.listen("/posts", { "last-event-id": id });
  assertEquals(await late.data(), loaded);
  assertEquals((await late.data()).document.id, 103);
  for (const each of [first, missed, late]) await each.cancel();
});

Deno.test("a reset sandbox's ids are none of the new one's", async () => {
  using api = open();
  const old = await api.listen("/@a/posts");
  await api.write("POST /@a/posts", "{}");
  const id = idOf(await old.next());
  await api.write("DELETE /@a");
  await api.write("POST /@a/posts", '{"title":"new"}');
  const back = await api.listen("/@a/posts", { "last-event-id": id });
  assertEquals(await back.data(), loaded);
  assertEquals((await back.data()).document.title, "new");
  for (const each of [old, back]) await each.cancel();
});

Deno.test("who is cut off before the first event has an id to come back with", async () => {
  using api = open();
  await api.write("POST /posts", "{}");
  const headers = { accept: "text/event-stream" };
  const reader = (await api.send("GET /posts", { headers })).body?.getReader();
  const { value } = await reader?.read() ?? {};
  const start = new TextDecoder().decode(value);
  assertMatch(start, /^retry: 1000\nid: \w{8}-1\n\n$/);
  await reader?.cancel();
  await api.write("POST /posts", '{"title":"meanwhile"}');
  const id = idOf(start);
  const back = await api.listen("/posts", { "last-event-id": id });
  assertEquals((await back.data()).document.title, "meanwhile");
  await back.cancel();
});

Deno.test("the feed of a filtered list has what meets the filter before or after", async () => {
  using api = open();
  const paths = [
    "/posts?userId=1",
    "/users/1/posts",
    "/posts?userId_lte=1&q=X",
    "/posts/101",
  ];
  await api.write("POST /posts", '{"userId":1,"title":"x"}');
  const feeds = await Promise.all(paths.map((path) => api.listen(path)));
  await api.write("POST /posts", '{"userId":2,"title":"x"}');
  await api.write("PATCH /posts/101", '{"title":"y"}');
  await api.write("PATCH /posts/101", '{"userId":2}');
  await api.write("PATCH /posts/101", '{"title":"z"}');
  await api.write("PATCH /posts/101", '{"userId":1,"title":"X"}');
  await api.write("DELETE /posts/102");
  await api.write("DELETE /posts/101");
  await api.write("PUT /db", '{"posts":[]}');
  const changed = (document: object) => ["changed", document];
  const [toY, toOther, toZ, back] = [
    { userId: 1, title: "y" },
    { userId: 2, title: "y" },
    { userId: 2, title: "z" },
    { userId: 1, title: "X" },
  ].map((document) => changed({ ...document, id: 101 }));
  const gone = ["deleted", { id: 101 }];
  const end = ["loaded", undefined];
  const table = [
    [toY, toOther, back, gone, end],
    [toY, toOther, back, gone, end],
    [toY, back, gone, end],
    [toY, toOther, toZ, back, gone, end],
  ];
  for (const [index, expected] of table.entries()) {
    const seen: unknown[] = [];
    while (seen.length < expected.length) {
      const { change, document } = await feeds[index]?.data();
      seen.push([change, document]);
    }
    assertEquals(seen, expected, paths[index]);
    await feeds[index]?.cancel();
  }
});

Deno.test("a feed takes the place of an element for what its list takes it for", async () => {
  using api = open();
  const lists = [["x", "y"], ["y", "x"], ["y"], "yx"];
  const posts = lists.map((tags, index) => ({ id: index + 1, tags }));
  await api.write("PUT /db", JSON.stringify({ posts }));
  const table: readonly (readonly [query: string, ids: readonly number[]])[] = [
    ["tags[0]=y", [2, 3, 4]],
    ["tags[0]=y&tags[1]=x", [2, 4]],
    ["tags[]=x", [1, 2]],
    ["id[0]=1&id[1]=3", [1, 3]],
  ];
  for (const [query, ids] of table) {
    const { text } = await api.ask(`GET /posts?${query}`);
    const listed: readonly { id: number }[] = JSON.parse(text);
    assertEquals(listed.map(({ id }) => id), ids, query);
    const feed = await api.listen(`/posts?${query}`);
    for (const { id } of posts) await api.write(`PATCH /posts/${id}`, "{}");
    await api.write("PUT /db", JSON.stringify({ posts }));
    const heard: unknown[] = [];
    for (let each = await feed.data(); each.document;) {
      heard.push(each.document.id);
      each = await feed.data();
    }
    assertEquals(heard, [...ids], query);
    await feed.cancel();
  }
});

Deno.test("what is missed of a filtered feed is filtered too, and what is deleted with another", async () => {
  using api = open();
  const start = await api.listen("/comments?postId=1");
  await api.write("PATCH /comments/1", '{"name":"a"}');
  const id = idOf(await start.next());
  await api.write("PATCH /comments/6", '{"name":"of post 2"}');
  await api.write("DELETE /posts/2");
  await api.write("DELETE /posts/1");
  const back = await api.listen("/posts/1/comments", { "last-event-id": id });
  for (const feed of [start, back]) {
    const ids: number[] = [];
    while (ids.length < 5) ids.push((await feed.data()).document.id);
    assertEquals(ids, [1, 2, 3, 4, 5]);
    await feed.cancel();
  }
});

Deno.test("the feed of all has the changes of all, or of those that are named", async () => {
  using api = open();
  const all = await api.listen("/db");
  const named = ["=albums,users", "=albums&kinds=users", "=albums,%20users,"];
  named.push("[]=albums&kinds[]=users", "[0]=users", "=&kinds=users");
  const some = await Promise.all(
    named.map((each) => api.listen(`/db?kinds${each}`)),
  );
  const empty = await api.listen("/db?kinds=");
  await api.write("PATCH /posts/1", "{}");
  await api.write("PATCH /users/1", "{}");
  assertEquals((await all.data()).kind, "posts");
  assertEquals((await all.data()).kind, "users");
  for (const each of some) assertEquals((await each.data()).kind, "users");
  assertEquals((await empty.data()).kind, "posts");
  for (const each of [all, empty, ...some]) await each.cancel();
});

Deno.test("what a feed ignores of its query is said, as for a list", async () => {
  using api = open();
  const headers = { accept: "text/event-stream" };
  const table: readonly (readonly [path: string, ignored: string | null])[] = [
    ["/posts?userId=1&after=0", null],
    ["/posts?userId=1&lastEventId=x", null],
    ["/posts?usrId=1", "usrId; did-you-mean=userId"],
    ["/posts?_sort=id&_page=2&userId=1", "_sort, _page"],
    ["/posts/1?_embed=comments", "_embed"],
    ["/users/1/comments", "userId"],
    ["/db?kinds=posts&after=0", null],
    ["/db?kind=posts&userId=1", "kind; did-you-mean=kinds, userId"],
  ];
  for (const [path, ignored] of table) {
    const response = await api.send(`GET ${path}`, { headers });
    const found = response.headers.get("x-ignored-query");
    const exposed = response.headers.get("access-control-expose-headers");
    assertEquals(found, ignored, path);
    assertEquals(exposed, ignored && "X-Ignored-Query", path);
    await response.body?.cancel();
  }
  const strict = "GET /posts?usrId=1&_strict";
  assertEquals((await api.ask(strict, { headers })).status, 400);
  const missing = await api.ask("GET /posts/999", { headers });
  assertEquals([missing.status, missing.text], [404, "{}"]);
});

Deno.test("a stream of events tells proxies to pass it on as it comes", async () => {
  using api = open();
  for (const path of ["/posts", "/events", "/posts/1", "/posts?userId=1"]) {
    const headers = { accept: "text/event-stream", origin: "http://localhost" };
    const response = await api.send(`GET ${path}`, { headers });
    assertEquals(
      ["cache-control", "x-accel-buffering", "vary"]
        .map((name) => response.headers.get(name)),
      [
        "no-cache, no-transform",
        "no",
        "Origin, Accept-Encoding, Accept, Prefer",
      ],
    );
    await response.body?.cancel();
  }
});

Deno.test("who gets events is who prefers them to JSON", async () => {
  using api = open();
  const table: readonly (readonly [accept: string, isStream: boolean])[] = [
    ["text/event-stream", true],
    ["Text/Event-Stream", true],
    ["text/event-stream;charset=utf-8", true],
    ["text/event-stream, */*", true],
    ["text/event-stream, application/json;q=0.9", true],
    ["application/json;q=0.5, text/event-stream ; q=0.6", true],
    ["text/event-stream, application/json", true],
    ["application/json;q=0, */*, text/event-stream", true],
    ["", false],
    ["*/*", false],
    ["text/*", false],
    ["application/json", false],
    ["application/json, text/event-stream", false],
    ["application/json, text/event-stream;q=0.1", false],
    ["application/json, text/event-stream;q=0", false],
    ["text/event-stream;q=0", false],
    ["text/event-stream;Q=0.000", false],
    ["text/event-stream;q=0.5, */*", false],
    ["application/*, text/event-stream;q=0.9", false],
    ["x-text/event-stream", false],
  ];
  for (const [accept, isStream] of table) {
    for (const path of ["/posts", "/posts"]) {
      const response = await api.send(`GET ${path}`, { headers: { accept } });
      const type = response.headers.get("content-type") ?? "";
      assertEquals(type.startsWith("text/event-stream"), isStream, accept);
      await response.body?.cancel();
    }
  }
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
  const replay = await api.listen("/events?after=0");
  for (let n = 1; n <= 2; n++) await replay.data();
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
  const read = readEvents(events.subscribe(0));
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

Deno.test("what is sent again is measured in bytes: other scripts than Latin never drop the reader", async () => {
  const events = createEvents();
  for (let n = 1; n <= 100; n++) events.publish("", `${n}`.padStart(300, "가"));
  const read = readEvents(events.subscribe(0));
  events.publish("", "last");
  events.close();
  let seen: unknown;
  for (let each = await read.data(); each !== null; each = await read.data()) {
    seen = each;
  }
  assertEquals(seen, "last");
});

Deno.test("who has missed more than is sent again at once is told to load all", async () => {
  const events = createEvents();
  const first = readEvents(events.subscribe());
  for (let n = 0; n <= 60; n++) events.publish("", `${n}`.padStart(1000));
  const id = idOf(await first.next());
  await first.cancel();
  const late = readEvents(events.subscribe(id));
  assertEquals(await late.data(), loaded);
  const next = Number(await late.data());
  assert(next > 20 && next < 40, `${next}`);
  events.publish("", "x".repeat(2 ** 15));
  const none = readEvents(events.subscribe(id));
  assertEquals(await none.data(), loaded);
  events.close();
  assertEquals(await none.next(), undefined);
  await late.cancel();
});

Deno.test("events are kept up to 1 Mi characters, of which a long one takes its part", async () => {
  const events = createEvents();
  for (let n = 1; n <= 9; n++) events.publish("", n, 2 ** 18);
  const read = readEvents(events.subscribe(0));
  assertEquals(await read.data(), 6);
  for (let n = 10; n <= 12; n++) events.publish("", n);
  const second = readEvents(events.subscribe(0));
  assertEquals(await second.data(), 6);
  events.publish("", 13, 2 ** 30);
  events.publish("", 14);
  const third = readEvents(events.subscribe(0));
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
