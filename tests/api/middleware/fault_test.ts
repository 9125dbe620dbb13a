import { assert, assertEquals, assertMatch, assertThrows } from "@std/assert";
import fc from "fast-check";
import { UsageError } from "../../../lib/cli/errors.ts";
import { main } from "../../../tasks/api.ts";
import {
  createRandom,
  parseDelay,
  parseFault,
} from "../../../tasks/api/fault.ts";
import { createHandler } from "../../../tasks/api/handler.ts";
import { serveHttp } from "../../../tasks/api/serve.ts";
import { seed } from "../../../tasks/api/store/seed.ts";
import { openStore } from "../../../tasks/api/store/sqlite.ts";
import { codePoint } from "../../code_point.ts";
import { run, start, withFolder } from "../../support.ts";
import { baseOf, send } from "../support.ts";

const none = new URLSearchParams();

Deno.test("a fault is read from Prefer or from the query", () => {
  const table: [prefer: string, query: string, expected: unknown][] = [
    ["", "", undefined],
    ["return=minimal, wait=5", "_page=1", undefined],
    ["delay=200", "", { delay: [200, 200], status: undefined }],
    ["Delay = 200-800 ; STATUS=404", "", { delay: [200, 800], status: 404 }],
    ["", "_delay=1.5&_status=500", { delay: [1.5, 1.5], status: 500 }],
    ["rate=0.3", "", { rate: 0.3, status: 503 }],
    ['status="429", retry-after=7, seed=a', "", {
      status: 429,
      retryAfter: 7,
      seed: "a",
    }],
  ];
  for (const [prefer, query, expected] of table) {
    const fault = parseFault(prefer, new URLSearchParams(query));
    const found = fault && { ...fault, ...Object(expected) };
    assertEquals(fault, found, prefer + query);
    assertEquals(fault === undefined, expected === undefined, prefer + query);
  }
});

Deno.test("a delay is read as ms, or from and to", () => {
  assertEquals(parseDelay("200"), [200, 200]);
  assertEquals(parseDelay("1.5-60000"), [1.5, 60_000]);
  for (
    const text of ["", "x", "5-", "-5", "1-2-3", "60001", "1-60001", "9-8"]
  ) {
    assertThrows(
      () => parseDelay(text),
      UsageError,
      `Cannot wait "${text}": expected ms as 200, or from less to more as 200-800, at most 60000`,
    );
  }
});

Deno.test("a fault that means nothing is refused", async () => {
  using store = openStore(":memory:", seed);
  const handler = createHandler(store);
  for (
    const prefer of [
      "delay=soon",
      "delay=9-",
      "delay=60001",
      "delay=500-200",
      "delay=-1",
      "status=200",
      "status=600",
      "rate=2",
      "rate=x",
      "status=503, retry-after=x",
    ]
  ) {
    const response = await send(handler, "GET /posts", { headers: { prefer } });
    assertEquals(response.status, 400, prefer);
    assertMatch(
      (await response.json()).detail,
      /^Cannot use "Prefer: [\w-]+=.*": expected /,
    );
  }
});

Deno.test("faults with a seed are the same row each time, as often as was asked for", async () => {
  async function row(prefer: string) {
    using store = openStore(":memory:", seed);
    const handler = createHandler(store);
    const statuses: number[] = [];
    for (let n = 0; n < 200; n++) {
      const response = await send(handler, "GET /posts/1", {
        headers: { prefer },
      });
      const retryAfter = response.headers.get("retry-after");
      assertEquals(retryAfter, response.status === 503 ? "1" : null);
      await response.body?.cancel();
      statuses.push(response.status);
    }
    return statuses;
  }
  const first = await row("status=503, rate=0.3, seed=7");
  assertEquals(await row("status=503, rate=0.3, seed=7"), first);
  assert(`${await row("status=503, rate=0.3, seed=8")}` !== `${first}`);
  const failed = first.filter((status) => status === 503).length;
  assert(failed > 40 && failed < 80, `${failed} of 200`);
});

Deno.test("a sandbox's row of faults starts anew when it is reset", async () => {
  using store = openStore(":memory:", seed);
  const handler = createHandler(store);
  const headers = { prefer: "status=500, rate=0.5, seed=7" };
  const row = async () => {
    const statuses: number[] = [];
    for (let n = 0; n < 20; n++) {
      const { status } = await send(handler, "GET /@a/posts/1", { headers });
      statuses.push(status);
    }
    await send(handler, "DELETE /@a");
    return statuses;
  };
  assertEquals(await row(), await row());
});

Deno.test("for any seed the dice fall from 0 to below 1", () => {
  fc.assert(fc.property(fc.string({ unit: codePoint }), (name) => {
    const random = createRandom();
    const row = Array.from({ length: 50 }, () => random(name));
    assert(row.every((number) => number >= 0 && number < 1));
    assertEquals(new Set(row).size, 50);
  }));
  assert(createRandom()(undefined) < 1);
});

Deno.test("dice forget the seeds that were not rolled for longest", () => {
  const random = createRandom();
  const first = random("0");
  for (let n = 1; n <= 1000; n++) random(`${n}`);
  assertEquals(random("0"), first);
});

Deno.test("a faulty write is not done, and a delayed one is done late", async () => {
  using store = openStore(":memory:", seed);
  const handler = createHandler(store);
  const init = { body: "{}" };
  const failed = await send(handler, "POST /posts?_status=503", init);
  assertEquals(failed.status, 503);
  const started = performance.now();
  const late = await send(handler, "POST /posts?_delay=30", init);
  assert(performance.now() - started >= 29);
  assertEquals((await late.json()).id, 101, "the first was not stored");
  const warm = await send(handler, "GET /posts?_delay=0");
  assertEquals(warm.status, 200);
  assertEquals(parseFault("", none), undefined);
});

/** Writes a request by hand, and reads until the server has closed or answered. */
async function talk(
  port: number,
  pieces: AsyncIterable<string> | Iterable<string>,
) {
  const connection = await Deno.connect({ hostname: "127.0.0.1", port });
  const writer = connection.writable.getWriter();
  const sending = (async () => {
    for await (const piece of pieces) {
      await writer.write(new TextEncoder().encode(piece));
    }
  })().catch(() => {});
  const buffer = new Uint8Array(4000);
  const length = await connection.read(buffer) ?? 0;
  // The server need not read on once it has answered.
  await writer.abort().catch(() => {});
  await sending;
  return new TextDecoder().decode(buffer.subarray(0, length));
}

Deno.test("what waits is responded to when the api ends", async () => {
  using store = openStore(":memory:", seed);
  const ending = new AbortController();
  const handler = createHandler(store, { signal: ending.signal });
  const late = ["/posts/1?_delay=60000", "/@a/posts?_delay=60000"]
    .map((path) => send(handler, `GET ${path}`));
  ending.abort();
  for (const response of await Promise.all(late)) {
    assertEquals(response.status, 200);
    await response.body?.cancel();
  }
});

Deno.test("a body that drips is answered with 408 and the connection closed", async () => {
  using store = openStore(":memory:", seed);
  await using server = await serveHttp(
    createHandler(store, { bodyTimeoutMs: 50 }),
    { host: "127.0.0.1", port: 0 },
  );
  for (const framing of ["content-length: 10", "transfer-encoding: chunked"]) {
    const response = await talk(server.port, [
      `POST /posts HTTP/1.1\r\nhost: localhost\r\n${framing}\r\n\r\n`,
      framing.endsWith("10") ? "{" : "1\r\n{\r\n",
    ]);
    assertMatch(response, /^HTTP\/1\.1 408 /);
    assertMatch(response, /\r\nconnection: close\r\n/i);
    assertMatch(response, /took longer than 0\.05 s/);
  }
  assertEquals(JSON.parse(await store.dump()).posts.length, 100);
});

Deno.test("10 MB without a length are refused while they stream", async () => {
  using store = openStore(":memory:", seed);
  await using server = await serveHttp(createHandler(store), {
    host: "127.0.0.1",
    port: 0,
  });
  let sent = 0;
  const response = await talk(
    server.port,
    (function* () {
      yield "POST /posts HTTP/1.1\r\nhost: localhost\r\ntransfer-encoding: chunked\r\n\r\n";
      for (; sent < 160; sent++) yield `10000\r\n${" ".repeat(65_536)}\r\n`;
      yield "0\r\n\r\n";
    })(),
  );
  assertMatch(response, /^HTTP\/1\.1 413 /);
  const next = await fetch(`http://127.0.0.1:${server.port}/posts/1`);
  assertEquals((await next.json()).id, 1);
});

Deno.test("other bytes than HTTP's, and URLs that are none, do no harm", async () => {
  using store = openStore(":memory:", seed);
  await using server = await serveHttp(createHandler(store), {
    host: "127.0.0.1",
    port: 0,
  });
  const table: [request: string, status: number][] = [
    ["nonsense\r\n\r\n", 400],
    ["GET /posts/1 HTTP/1.1\r\nhost: a b\r\n\r\n", 400],
    ["GET /posts/1 HTTP/1.1\r\nhost: u@evil.example\r\n\r\n", 421],
    [
      "GET http://evil.example/posts/1 HTTP/1.1\r\nhost: localhost\r\n\r\n",
      421,
    ],
    ["GET /posts/%ZZ HTTP/1.1\r\nhost: localhost\r\n\r\n", 400],
    ["GET /posts/1 HTTP/1.0\r\n\r\n", 200],
    [
      "POST /posts HTTP/1.1\r\nhost: localhost\r\ncontent-length: 1\r\ntransfer-encoding: chunked\r\n\r\n",
      400,
    ],
  ];
  for (const [request, status] of table) {
    assertMatch(
      await talk(server.port, [request]),
      new RegExp(`^HTTP/1\\.[01] ${status} `),
      request,
    );
  }
});

Deno.test("a SIGTERM ends the api with 0 though streams of events are open", async () => {
  const api = start(main, ["--memory", "--port", "0", "--json"]);
  const output = await api.stdout.waitFor(/"listening".*\n/);
  const { url } = JSON.parse(output.split("\n")[0] ?? "");
  const responses = await Promise.all(
    ["posts", "events", "@a/posts"].map((path) =>
      fetch(`${url}${path}`, { headers: { accept: "text/event-stream" } })
    ),
  );
  const started = performance.now();
  api.interrupt();
  const { code, stdout } = await api.result;
  assertEquals(code, 0);
  assert(performance.now() - started < 5000);
  await Promise.all(responses.map((response) => response.text()));
  const lines = stdout.trim().split("\n").map((line) => JSON.parse(line));
  assertEquals(lines.map(({ event }) => event).sort(), [
    "database",
    "listening",
    "listening",
    "request",
    "request",
    "request",
  ]);
});

Deno.test("a db.json is imported into a new database beside it, once, and what is written stays", () =>
  withFolder(async (folder) => {
    const [dump, file] = [`${folder}/my.json`, `${folder}/my.db`];
    await Deno.writeTextFile(
      dump,
      '{"notes":[{"id":"a"}],"profile":{"name":"x"}}',
    );
    const api = start(main, [dump, "--port", "0"]);
    const url = await baseOf(api.stdout);
    const output = await api.stdout.waitFor(/\n/);
    assertEquals(output.split("\n")[0], `Imported ${dump} into ${file}`);
    await (await fetch(`${url}/notes/a`, { method: "PATCH", body: '{"b":1}' }))
      .body?.cancel();
    const copy = start(main, ["--memory", `--from=${url}`, "--port", "0"]);
    const copied = await baseOf(copy.stdout);
    assertEquals(await (await fetch(`${copied}/db`)).json(), {
      notes: [{ id: "a", b: 1 }],
      profile: { name: "x" },
    });
    for (const each of [api, copy]) {
      each.interrupt();
      assertEquals((await each.result).code, 0);
    }
    const again = await run(main, [file, "--from", dump, "--port", "0"]);
    assertEquals(again.code, 1);
    assertMatch(
      again.stderr,
      /^api: Cannot import into ".*my\.db": it holds data already\nhint: .*\n$/,
    );
    for (const path of [dump, file, dump]) {
      const kept = start(main, [path, "--port", "0"]);
      const keptUrl = await baseOf(kept.stdout);
      assertEquals(await (await fetch(`${keptUrl}/notes/a`)).json(), {
        id: "a",
        b: 1,
      });
      kept.interrupt();
      assertEquals((await kept.result).code, 0);
    }
  }));

Deno.test("what cannot be imported is said in one line, and leaves no file", () =>
  withFolder(async (folder) => {
    await using other = Deno.serve({
      hostname: "127.0.0.1",
      port: 0,
      onListen() {},
    }, () => new Response("no", { status: 500 }));
    const table: [text: string, code: number, stderr: RegExp][] = [
      [
        "{",
        1,
        /^api: Cannot load ".*bad\.json": Expected property name .*\(line 1 column 2\)\n$/,
      ],
      [
        "[]",
        1,
        /^api: Cannot load ".*bad\.json": expected an object of resources, as \{"posts": \[\]\}\n$/,
      ],
      [
        '{"a":1}',
        1,
        /^api: Cannot load ".*bad\.json": "a": expected a list or an object\n$/,
      ],
    ];
    for (const [text, code, stderr] of table) {
      await Deno.writeTextFile(`${folder}/bad.json`, text);
      const result = await run(main, [`${folder}/bad.json`]);
      assertMatch(result.stderr, stderr);
      assertEquals([result.code, result.stdout], [code, ""]);
    }
    const url = `http://127.0.0.1:${other.addr.port}`;
    const refused = await run(main, [`${folder}/bad.db`, `--from=${url}`]);
    assertMatch(
      refused.stderr,
      /^api: Cannot load "http:.*\/db": the answer was 500\n/,
    );
    const missing = await run(main, [`${folder}/none.json`]);
    assertMatch(missing.stderr, /^api: .*none\.json.*\nhint: .*\n$/);
    const both = await run(main, ["a.json", "--from=b.json"]);
    assertEquals([both.code, both.stdout], [2, ""]);
    assertEquals([...Deno.readDirSync(folder)].map(({ name }) => name), [
      "bad.json",
    ]);
  }));

Deno.test("the log is a line per request, with why it was refused", async () => {
  const api = start(main, [
    "--memory",
    "--port",
    "0",
    "--max-body",
    "10",
    "--read-only",
  ]);
  const url = await baseOf(api.stdout);
  await (await fetch(`${url}/posts/1`)).body?.cancel();
  await (await fetch(`${url}/posts`, { method: "POST", body: "{}" })).body
    ?.cancel();
  const output = await api.stdout.waitFor(/POST .*\n/);
  assertMatch(
    output,
    /\nGET \/posts\/1 200 \d+\.\d ms\nPOST \/posts 403 \d+\.\d ms: Cannot POST \/posts: the api is read-only\n$/,
  );
  api.interrupt();
  assertEquals((await api.result).code, 0);
});
