import {
  assert,
  assertEquals,
  assertMatch,
  assertRejects,
  assertThrows,
} from "@std/assert";
import fc from "fast-check";
import type { Middleware } from "../../tasks/api/middleware/middleware.ts";
import { createHandler, type Route } from "../../tasks/api/handler.ts";
import { formatEntry, type LogEntry } from "../../tasks/api/events.ts";
import { serveOpenApi } from "../../tasks/api/openapi/openapi.ts";
import { servePage } from "../../tasks/api/page/page.ts";
import { type Document, parseJson } from "../../tasks/api/store/document.ts";
import { makeItems, seed } from "../../tasks/api/store/seed.ts";
import { openStore } from "../../tasks/api/store/sqlite.ts";
import { createSandboxes } from "../../tasks/api/sandboxes.ts";
import {
  type Seed,
  type Store,
  StoreError,
} from "../../tasks/api/store/store.ts";
import { openApi, origin, send } from "./support.ts";

const post = makeItems("posts")[0];

/** Headers by name; an undefined one must not be there. */
type Expected = Readonly<Record<string, string | RegExp | undefined>>;

function assertHeaders(headers: Headers, expected: Expected, line: string) {
  for (const [name, value] of Object.entries(expected)) {
    const actual = headers.get(name);
    if (value instanceof RegExp) assertMatch(actual ?? "", value, line);
    else assertEquals(actual, value ?? null, `${line}: ${name}`);
  }
}

Deno.test("every web header is as json-server has it", async () => {
  const table: [line: string, asked: HeadersInit, status: number, Expected][] =
    [
      ["GET /posts", {}, 200, {
        "content-type": "application/json; charset=utf-8",
        "cache-control": "no-cache",
        "pragma": "no-cache",
        "expires": "-1",
        "vary": "Origin, Accept-Encoding, Accept, Prefer",
        "x-content-type-options": "nosniff",
        "access-control-allow-credentials": undefined,
        "access-control-allow-origin": undefined,
        "access-control-expose-headers": undefined,
        "x-total-count": undefined,
        "etag": /^W\/"[\da-f]+-[\w+/]{27}"$/,
      }],
      ["GET /posts", { origin: "http://localhost:5173" }, 200, {
        "access-control-allow-origin": "http://localhost:5173",
        "access-control-allow-credentials": "true",
      }],
      ["GET /posts?_page=2&_limit=40", {}, 200, {
        "x-total-count": "100",
        "link":
          /_page=1&_limit=40>; rel="first", .*_page=3&_limit=40>; rel="last"$/,
        "access-control-expose-headers": "X-Total-Count, Link",
      }],
      ["GET /posts?_page=9&_limit=40", {}, 200, { "link": "" }],
      ["GET /posts?_start=5&_limit=2", {}, 200, {
        "x-total-count": "100",
        "link": undefined,
      }],
      ["GET /posts?_start=5", {}, 200, { "x-total-count": undefined }],
      ["GET /posts?usrId=1", {}, 200, {
        "x-ignored-query": "usrId; did-you-mean=userId",
        "access-control-expose-headers": "X-Ignored-Query",
      }],
      // a value that does nothing is told apart from a name that nothing has
      ["GET /posts?_embed=comment", {}, 200, {
        "x-ignored-query": "_embed=comment; did-you-mean=comments",
      }],
      ["GET /posts?_sort=id,foo%2C%3D", {}, 200, {
        "x-ignored-query": "_sort=foo, _sort=%3D",
      }],
      ["GET /db?foo=1&_=2", {}, 200, {
        "x-ignored-query": "foo",
        "access-control-expose-headers": "X-Ignored-Query",
      }],
      ["GET /db", {}, 200, { "x-ignored-query": undefined }],
      ["GET /nope", {}, 404, {
        "content-type": "application/json; charset=utf-8",
        "etag": undefined,
        "x-reason": 'Cannot GET /nope: there is no resource "nope"',
      }],
      ["GET /post", {}, 404, { "x-reason": /did you mean "posts"\?$/ }],
      // express takes it for the same
      ["GET /POSTS", {}, 404, { "x-reason": /did you mean "posts"\?$/ }],
      ["GET /post/ü", {}, 404, { "x-reason": /^[ -~]+$/ }],
      ["GET /posts/1?callback=a.b", {}, 200, {
        "content-type": "text/javascript; charset=utf-8",
        "x-content-type-options": "nosniff",
      }],
      ["GET /600/92c952", {}, 200, { "content-type": "image/svg+xml" }],
      [
        "OPTIONS /posts/1",
        { "access-control-request-headers": "x-a, x-b" },
        204,
        {
          "access-control-allow-methods": "GET,HEAD,PUT,PATCH,POST,DELETE",
          "access-control-allow-headers": "x-a, x-b",
          "access-control-allow-origin": undefined,
        },
      ],
      ["OPTIONS /", { origin: "http://[::1]:80" }, 204, {
        "access-control-allow-origin": "http://[::1]:80",
        "access-control-allow-headers": undefined,
      }],
      ["GET /posts", { "accept-encoding": "gzip, br" }, 200, {
        "content-encoding": "gzip",
      }],
      ["GET /posts", { "accept-encoding": "gzip;q=0, br" }, 200, {
        "content-encoding": undefined,
      }],
      ["GET /posts/1", { "accept-encoding": "gzip" }, 200, {
        "content-encoding": undefined,
      }],
    ];
  using api = openApi();
  // Twice: what is kept from the first response must be the same response.
  for (const [line, asked, status, expected] of [...table, ...table]) {
    const response = await api.ask(line, { headers: asked });
    assertEquals(response.status, status, line);
    assertHeaders(response.headers, expected, line);
  }
});

Deno.test("a compressed answer is the same answer, under the same tag", async () => {
  using api = openApi();
  const plain = await api.ask("GET /posts");
  const headers = { "accept-encoding": "gzip" };
  const zipped = await api.send("GET /posts", { headers });
  const body = zipped.body?.pipeThrough(new DecompressionStream("gzip"));
  assertEquals(await new Response(body ?? null).text(), plain.text);
  assertEquals(zipped.headers.get("etag"), plain.headers.get("etag"));
});

Deno.test("who has the body already gets 304 until somebody writes", async () => {
  using api = openApi();
  const etag = (await api.ask("GET /posts/1")).headers.get("etag") ?? "";
  for (const known of [etag, `"x", ${etag.slice(2)}`, "*"]) {
    const response = await api.ask("GET /posts/1", {
      headers: { "if-none-match": known },
    });
    assertEquals([response.status, response.text], [304, ""], known);
    assertHeaders(response.headers, { etag, "content-type": undefined }, known);
  }
  const headers = { "if-none-match": etag };
  assertEquals((await api.ask("HEAD /posts/1", { headers })).status, 304);
  assertEquals((await api.ask("GET /posts/2", { headers })).status, 200);
  await api.ask("PATCH /posts/1", { body: '{"title":"new"}' });
  assertEquals((await api.ask("GET /posts/1", { headers })).status, 200);
});

Deno.test("a write under If-Match is done only to what the tag names", async () => {
  using api = openApi();
  const etag = (await api.ask("GET /posts/1")).headers.get("etag") ?? "";
  const body = '{"title":"new"}';
  const table: [line: string, tag: string, status: number][] = [
    ["PUT /posts/1", '"other"', 412],
    ["PATCH /posts/1", 'W/"other"', 412],
    ["DELETE /posts/1", '"other"', 412],
    ["PUT /posts/9999", "*", 404],
    ["PATCH /posts/1", etag, 200],
    ["PATCH /posts/1", etag, 412],
    ["DELETE /posts/1", etag, 412],
    ["DELETE /posts/1", "*", 200],
    ["DELETE /posts/1", "*", 404],
  ];
  for (const [line, tag, status] of table) {
    const response = await api.ask(line, {
      headers: { "if-match": tag },
      body: line.startsWith("DELETE") ? null : body,
    });
    assertEquals(response.status, status, `${line} ${tag}`);
  }
  const changed = await api.ask("PATCH /posts/2", { body });
  const next = changed.headers.get("etag") ?? "";
  const headers = { "if-match": next };
  assertEquals((await api.ask("PUT /posts/2", { body, headers })).status, 200);
});

Deno.test("of two writers with the same tag one is refused", async () => {
  using api = openApi();
  const etag = (await api.ask("GET /posts/1")).headers.get("etag") ?? "";
  const responses = await Promise.all(
    ["a", "b"].map((title) =>
      api.ask("PATCH /posts/1", {
        headers: { "if-match": etag },
        body: JSON.stringify({ title }),
      })
    ),
  );
  assertEquals(responses.map(({ status }) => status).sort(), [200, 412]);
});

/** What a request with If-Match or If-None-Match is answered, and whether anything changed. */
type Conditional = [
  line: string,
  headers: Record<string, string>,
  status: number,
  body?: string,
];

const star = { "if-none-match": "*" };

Deno.test("a write whose precondition is false is not done: 412, and 304 for reads alone", async () => {
  for (const base of ["", "/@a"]) {
    using api = openApi();
    const tagOf = async (path: string) =>
      (await api.ask(`GET ${base}${path}`)).headers.get("etag") ?? "";
    const [one, list, nested, db] = [
      await tagOf("/posts/1"),
      await tagOf("/posts"),
      await tagOf("/posts/1/comments"),
      await tagOf("/db"),
    ];
    const not = (tag: string) => ({ "if-none-match": tag });
    const table: Conditional[] = [
      ["PUT /posts/1", star, 412],
      ["PUT /posts/1", not("*, *"), 412],
      ["PATCH /posts/1", star, 412],
      ["DELETE /posts/1", star, 412],
      ["POST /posts", star, 412],
      ["POST /posts/1/comments", star, 412],
      ["PUT /db", star, 412, '{"posts":[]}'],
      ["PUT /posts/1", not(one), 412],
      ["DELETE /posts/1", not(`"x,y", ${one.slice(2)}`), 412],
      ["POST /posts", not(list), 412],
      ["POST /posts", { "if-match": '"x"' }, 412],
      ["POST /posts", { "if-match": "" }, 412],
      ["POST /posts/1/comments", not(nested), 412],
      ["POST /posts/1/comments", { "if-match": list }, 412],
      ["PUT /db", not(db), 412, '{"posts":[]}'],
      ["PUT /db", { "if-match": one }, 412, '{"posts":[]}'],
      ["PUT /posts/1", { "if-match": one, ...not(one) }, 412],
      ["PUT /posts/1", { "if-match": "no", ...not('"x"') }, 400],
      ["PUT /posts/1", not(`${one}, *`), 400],
      ["PATCH /posts/1", not('"a" "b"'), 400],
      ["DELETE /posts/1", { "if-match": 'w/"x"' }, 400],
      ["PATCH /posts/9999", star, 404],
      ["DELETE /posts/9999", { "if-match": one }, 404],
      ["PUT /none/1", star, 404],
      ["POST /posts/1", star, 405],
      ["GET /posts/1", { "if-match": '"x"' }, 412],
      ["HEAD /posts", { "if-match": one }, 412],
      ["GET /posts/1", { "if-match": '"x"', ...not(one) }, 412],
      ["GET /posts/1", { "if-match": one, ...not(one) }, 304],
      ["HEAD /posts/1", star, 304],
      ["GET /posts/1", { "if-match": "no" }, 200],
      ["GET /posts/1", not("no"), 200],
      ["GET /posts/9999", { "if-match": '"x"' }, 404],
    ];
    const before = (await api.ask(`GET ${base}/db`)).text;
    for (const [line, headers, status, body = "{}"] of table) {
      const [method = "", path] = line.split(" ");
      const reads = /GET|HEAD|DELETE/.test(method);
      const response = await api.ask(`${method} ${base}${path}`, {
        headers,
        body: reads ? null : body,
      });
      const what = `${line} ${JSON.stringify(headers)}`;
      assertEquals(response.status, status, what);
      if (status !== 412 || method === "HEAD") continue;
      const { detail } = JSON.parse(response.text);
      assertMatch(detail, /^Cannot .*If-(None-)?Match/, what);
    }
    assertEquals((await api.ask(`GET ${base}/db`)).text, before);
    const done: Conditional[] = [
      ["PATCH /posts/1", { ...not('"x"'), "if-match": `"y", ${one}` }, 200],
      ["POST /posts", { "if-match": list }, 412],
      ["POST /posts", not(""), 201],
      ["POST /posts/1/comments", { "if-match": nested }, 201],
      ["POST /posts/1/comments", { "if-match": nested }, 412],
      ["PUT /db", { "if-match": "*" }, 200, '{"a":[{"id":1}]}'],
      ["PUT /db", not(db), 200, '{"a":[{"id":1}],"b":{}}'],
      ["PUT /b", star, 412],
      ["POST /b", star, 412],
      ["PUT /b", { "if-match": '"x"' }, 412],
      ["POST /a", { "if-match": "*" }, 201],
    ];
    for (const [line, headers, status, body = '{"n":1}'] of done) {
      const response = await api.ask(line.replace("/", `${base}/`), {
        headers,
        body,
      });
      assertEquals(response.status, status, line);
    }
  }
});

Deno.test("a write that makes what If-None-Match names is answered with it", async () => {
  using api = openApi();
  const put = (headers: HeadersInit) =>
    api.ask("PUT /posts/1", { body: '{"a":1}', headers });
  const first = await put({});
  await api.ask("PATCH /posts/1", { body: '{"a":2}' });
  const again = await put({
    "if-none-match": first.headers.get("etag") ?? "",
  });
  assertEquals([again.status, again.text], [200, first.text]);
});

Deno.test("PUT with If-None-Match: * creates a document of the path's id, once", async () => {
  using store = openStore(":memory:", {
    notes: [{ id: 1 }],
    texts: [{ id: "a" }],
    none: [],
    one: {},
  });
  const handler = createHandler(store);
  const table: [path: string, statuses: number[], id?: unknown][] = [
    ["/notes/7", [201, 412], 7],
    ["/notes/x", [201, 412], "x"],
    ["/notes/07", [201, 412], "07"],
    ["/notes/9007199254740993", [201, 412], "9007199254740993"],
    ["/texts/7", [201, 412], "7"],
    ["/none/0", [201, 412], 0],
    ["/one/1", [404, 404]],
    ["/others/1", [404, 404]],
  ];
  for (const [path, statuses, id] of table) {
    for (const status of statuses) {
      const body = '{"id":99,"n":1}';
      const response = await send(handler, `PUT ${path}`, {
        body,
        headers: star,
      });
      assertEquals(response.status, status, path);
      const text = await response.text();
      if (status === 201) assertEquals(JSON.parse(text), { id, n: 1 });
    }
  }
});

Deno.test("JSONPlaceholder's leniency ends at a precondition", async () => {
  using api = openApi({ fake: true });
  const table: Conditional[] = [
    ["PUT /posts/1", star, 412],
    ["DELETE /posts/1", star, 412],
    ["POST /posts", star, 412],
    ["PATCH /posts/9999", { "if-match": "*" }, 412],
    ["DELETE /posts/9999", { "if-match": '"x"' }, 412],
    ["PATCH /posts/9999", star, 200],
    ["DELETE /posts/9999", star, 200],
    ["PUT /posts/9999", star, 201],
  ];
  for (const [line, headers, status] of table) {
    const body = line.startsWith("DELETE") ? null : "{}";
    const response = await api.ask(line, { headers, body });
    assertEquals(response.status, status, line);
  }
});

Deno.test("a sandbox is reset only where the precondition holds; what tells of a request has none", async () => {
  using api = openApi();
  await api.ask("DELETE /@a/posts/1");
  const there = async () => (await api.ask("GET /@a/posts/1")).status === 200;
  for (const headers of [star, { "if-match": '"x"' }]) {
    assertEquals((await api.ask("DELETE /@a", { headers })).status, 412);
    assertEquals(await there(), false);
  }
  const echoed = await api.ask("POST /_echo", { headers: star, body: "a" });
  assertEquals(echoed.status, 200);
  const headers = { "if-match": "*" };
  assertEquals((await api.ask("DELETE /@a", { headers })).status, 200);
  assertEquals(await there(), true);
});

Deno.test("of many writers with the same tag, or who create the same document, one is done", async () => {
  using api = openApi();
  // the copy before the root: it would have what was created there
  for (const base of ["/@a", ""]) {
    const tag = (await api.ask(`GET ${base}/posts/1`)).headers.get("etag");
    // each text is another one, so that each has a tag of its own
    const race = async (line: string, headers: HeadersInit) => {
      const responses = await Promise.all(
        Array.from(
          { length: 50 },
          (_, n) => api.ask(line, { headers, body: `{"n":"${base} ${n}"}` }),
        ),
      );
      const done = responses.filter(({ status }) => status < 300);
      const refused = responses.filter(({ status }) => status === 412);
      assertEquals([done.length, refused.length], [1, 49], line);
      const path = line.replace(/^\w+/, "GET");
      assertEquals((await api.ask(path)).text, done[0]?.text);
    };
    await race(`PATCH ${base}/posts/1`, { "if-match": tag ?? "" });
    await race(`PUT ${base}/posts/500`, star);
  }
});

Deno.test("a refused precondition makes no event", async () => {
  using api = openApi();
  const end = new AbortController();
  const feed = await api.send("GET /posts", {
    headers: { accept: "text/event-stream" },
    signal: end.signal,
  });
  await api.ask("PUT /posts/1", { headers: star, body: "{}" });
  await api.ask("DELETE /posts/1", { headers: star });
  await api.ask("PUT /posts/500", { headers: star, body: '{"n":1}' });
  const reader = feed.body?.pipeThrough(new TextDecoderStream()).getReader();
  let text = "";
  while (!text.includes("data:")) text += (await reader?.read())?.value ?? "";
  assertMatch(text, /"change":"created".*"id":500/);
  assert(!/changed|deleted/.test(text), text);
  end.abort();
  await reader?.cancel();
});

Deno.test("a form names the method it means in a header, and only in a POST", async () => {
  using api = openApi();
  const meant = (method: string) => ({
    headers: { "x-http-method-override": method },
  });
  assertEquals((await api.ask("POST /posts/1", meant("delete"))).text, "{}");
  assertEquals((await api.ask("GET /posts/2", meant("DELETE"))).status, 200);
  const read = await api.ask("POST /posts/2", meant("GET"));
  assertEquals(JSON.parse(read.text).id, 2);
  assertEquals((await api.ask("GET /posts/1")).status, 404);
});

Deno.test("JSONP calls a name, and nothing else", async () => {
  using api = openApi();
  const { text } = await api.ask("GET /posts/1?callback=$.a_1");
  const pretty = JSON.stringify(post, null, 2);
  assertEquals(text, `/**/ typeof $.a_1 === 'function' && $.a_1(${pretty});`);
  const badNames = ["alert(1)", "a;b", "", "a b", "<script>", "ü", "a['b']"];
  const noNames = [
    "1a",
    "a.1",
    "a..b",
    ".a",
    "a.",
    ".",
    "class",
    "this.a",
  ];
  for (const bad of [...badNames, ...noNames]) {
    const path = `/posts/1?callback=${encodeURIComponent(bad)}`;
    const { status, headers, text } = await api.ask(`GET ${path}`);
    assertEquals(status, 400, bad);
    assertMatch(
      headers.get("content-type") ?? "",
      /^application\/problem\+json/,
    );
    assertMatch(text, /Cannot call back/);
  }
  const refused = await api.ask("POST /posts?callback=1a", { body: "{}" });
  assertEquals(refused.status, 400);
  assertEquals((await api.ask("GET /posts/101")).status, 404, "it is not done");
  const dotted = await api.ask("GET /posts/1?callback=a.class");
  assertMatch(dotted.text, /&& a\.class\(/);
  await api.ask("PATCH /posts/1", { body: '{"title":"\u2028\u2029"}' });
  const safe = (await api.ask("GET /posts/1?callback=f")).text;
  assert(safe.includes('"\\u2028\\u2029"'), safe);
});

Deno.test("another site's host is refused, whatever else is asked", async () => {
  using local = openApi();
  for (
    const host of [
      "evil.example",
      "localhost.evil.example",
      "x",
    ]
  ) {
    for (
      const line of [
        `GET http://${host}/posts`,
        `OPTIONS http://${host}/posts`,
        `POST http://${host}/@a/posts`,
      ]
    ) {
      assertEquals((await local.ask(line)).status, 421, line);
    }
  }
  const own = [
    "localhost",
    "LOCALHOST:80",
    "127.0.0.1:3000",
    "127.9.9.9",
    "[::1]:3000",
    "a.localhost",
    "localhost.",
  ];
  for (const host of own) {
    assertEquals(
      (await local.ask(`GET http://${host}/posts/1`)).status,
      200,
      host,
    );
  }
  using open_ = openApi({ host: "0.0.0.0" });
  for (
    const [host, status] of [["192.0.2.1", 200], ["[2001:db8::1]", 200], [
      "box",
      200,
    ], ["evil.example", 421]] as const
  ) {
    assertEquals(
      (await open_.ask(`GET http://${host}/posts/1`)).status,
      status,
      host,
    );
  }
  using named = openApi({ host: "api.example" });
  assertEquals(
    (await named.ask("GET http://api.example:3000/posts/1")).status,
    200,
  );
  assertEquals(
    (await named.ask("GET http://evil.example/posts/1")).status,
    421,
  );
});

Deno.test("a dump can be read, changed and put back whole, or not at all", async () => {
  using api = openApi();
  const { text } = await api.ask("GET /db");
  assertEquals(Object.keys(JSON.parse(text)), Object.keys(seed));
  assert(text.length > 2 ** 20, "a dump is longer than a document may be");
  await api.ask("DELETE /posts/1");
  const put = await api.ask("PUT /db", { body: text });
  assertEquals([put.status, put.text], [200, text]);
  assertEquals(
    (await api.ask("GET /posts/1")).text,
    JSON.stringify(post, null, 2),
  );
  const bad = [
    "[]",
    "{",
    '{"a":1}',
    '{"a":"1.0"}',
    '{"a":null}',
    '{"a\\u0000b":[{"id":1}]}',
    '{"a":[{"id":1},{"id":1}]}',
    '{"a":[{"id":null}]}',
  ];
  for (const body of bad) {
    const response = await api.ask("PUT /db", { body });
    assertEquals(response.status, 400, body);
    assertMatch(response.text, /"detail": "Cannot (load|read) /);
    if (body !== "[]") continue;
    assertMatch(response.text, /expected an object of resources, as \{/);
  }
  assertEquals((await api.ask("GET /db")).text, text);
  const other = '{"notes":[{"id":"x"}],"profile":{"name":"a"}}';
  assertEquals((await api.ask("PUT /db", { body: other })).status, 200);
  assertEquals((await api.ask("GET /posts")).status, 404);
  assertEquals(JSON.parse((await api.ask("GET /profile")).text), { name: "a" });
  assertEquals(
    (await api.ask("POST /profile", { body: '{"name":"b"}' })).status,
    201,
  );
  assertEquals(
    JSON.parse((await api.ask("PATCH /profile", { body: '{"c":1}' })).text),
    { name: "b", c: 1 },
  );
});

Deno.test("what GET /db gives can be put back, however long it is", async () => {
  using api = openApi({ maxBody: 1000 });
  const { text } = await api.ask("GET /db");
  assert(text.length > 64_000);
  assertEquals((await api.ask("PUT /db", { body: text })).status, 200);
  assertEquals((await api.ask("PUT /db", { body: "{}" })).text, "{}");
  assertEquals((await api.ask("PUT /db", { body: text })).text, text);
  assertEquals((await api.ask("PUT /@a/db", { body: text })).text, text);
  const longer = text.padEnd(api.store.size() * 4 + 1);
  assertEquals((await api.ask("PUT /db", { body: longer })).status, 413);
  assertEquals((await api.ask("POST /posts", { body: text })).status, 413);
});

Deno.test("more than 1000 resources are refused", async () => {
  using api = openApi();
  const of = (count: number) =>
    JSON.stringify(Object.fromEntries(
      Array.from({ length: count }, (_, at) => [`k${at}`, []]),
    ));
  assertEquals((await api.ask("PUT /db", { body: of(1000) })).status, 200);
  const { status, text } = await api.ask("PUT /db", { body: of(1001) });
  assertEquals(status, 400);
  assertMatch(text, /expected at most 1000 resources, got 1001/);
});

Deno.test("an array is stored whole, or not at all", async () => {
  using api = openApi();
  const created = await api.ask("POST /users/3/posts", {
    body: '[{"title":"a"},{"id":500}]',
  });
  assertEquals([created.status, created.headers.get("location")], [201, null]);
  assertEquals(JSON.parse(created.text), [
    { title: "a", userId: "3", id: 101 },
    { id: 500, userId: "3" },
  ]);
  const before = (await api.ask("GET /posts")).text;
  const taken = await api.ask("POST /posts", { body: '[{"a":1},{"id":500}]' });
  assertEquals([taken.status, taken.headers.get("location")], [
    409,
    `${origin}/posts/500`,
  ]);
  assertEquals(
    JSON.parse(taken.text).detail,
    'Cannot create "posts/500": it is there already',
  );
  assertEquals((await api.ask("GET /posts")).text, before);
  assertEquals((await api.ask("POST /posts", { body: "[]" })).text, "[]");
});

Deno.test("a sandbox is a private copy, and a reset one is the root's again", async () => {
  using api = openApi();
  const created = await api.ask("POST /@a/posts", { body: '{"title":"a"}' });
  assertEquals(created.headers.get("location"), `${origin}/@a/posts/101`);
  await api.ask("DELETE /@a/posts/1");
  const seen = async (path: string) => (await api.ask(`GET ${path}`)).status;
  assertEquals([await seen("/@a/posts/101"), await seen("/@a/posts/1")], [
    200,
    404,
  ]);
  for (const other of ["", "/@b", "/@A", "/@a%20"]) {
    assertEquals(
      [await seen(`${other}/posts/101`), await seen(`${other}/posts/1`)],
      [404, 200],
      other,
    );
  }
  const page = await api.ask("GET /@a/posts?_page=1");
  assertMatch(
    page.headers.get("link") ?? "",
    /<http:\/\/localhost:3000\/@a\/posts\?_page=2>; rel="next"/,
  );
  await api.ask("POST /posts", { body: '{"title":"root"}' });
  assertEquals(
    JSON.parse((await api.ask("GET /@a/posts/101")).text).title,
    "a",
  );
  assertEquals((await api.ask("DELETE /@a")).text, "{}");
  assertEquals((await api.ask("DELETE /@never-used/")).status, 200);
  assertEquals(
    JSON.parse((await api.ask("GET /@a/posts/101")).text).title,
    "root",
  );
  assertEquals([
    await seen("/@a/nope"),
    await seen("/@"),
    await seen("/@/posts"),
  ], [404, 404, 404]);
});

Deno.test("writes in many sandboxes at once stay apart", async () => {
  using api = openApi();
  const names = Array.from({ length: 20 }, (_, at) => `s${at}`);
  await Promise.all(
    names.flatMap((name, at) =>
      Array.from(
        { length: at + 1 },
        () => api.ask(`POST /@${name}/posts`, { body: `{"of":"${name}"}` }),
      )
    ),
  );
  for (const [at, name] of names.entries()) {
    const found = JSON.parse(
      (await api.ask(`GET /@${name}/posts?id_gte=101`)).text,
    );
    assertEquals(
      found.map((each: { of: string }) => each.of),
      Array(at + 1).fill(name),
    );
  }
  assertEquals(
    (await api.ask("GET /posts")).text,
    JSON.stringify(makeItems("posts"), null, 2),
  );
});

Deno.test("200 sandboxes are kept, and the one unused for longest goes", async () => {
  using store = openStore(":memory:", { notes: [{ id: 1 }] });
  let open = 0;
  const counted: Store = {
    ...store,
    copy(maxBytes) {
      const copy = store.copy(maxBytes);
      open++;
      return {
        ...copy,
        [Symbol.dispose]: () => (open--, copy[Symbol.dispose]()),
      };
    },
  };
  const handler = createHandler(counted);
  const ask = async (path: string, method = "GET") =>
    await (await send(handler, `${method} ${path}`)).text();
  for (let n = 0; n < 200; n++) await ask(`/@${n}/notes`, "POST");
  await ask("/@0/notes");
  await ask("/@200/notes", "POST");
  assertEquals(open, 200);
  assertEquals(JSON.parse(await ask("/@0/notes")).length, 2);
  assertEquals(JSON.parse(await ask("/@200/notes")).length, 2);
  assertEquals(
    JSON.parse(await ask("/@1/notes")).length,
    1,
    "forgotten, and made anew",
  );
});

Deno.test("a sandbox whose kept answers are read is in use: it does not go for others", async () => {
  using api = openApi();
  await api.ask("POST /@a/users");
  for (let n = 0; n < 210; n++) {
    const list: unknown[] = JSON.parse((await api.ask("GET /@a/users")).text);
    assertEquals(list.length, 11, `${n}`);
    await api.ask(`GET /@${n}/users/1`);
  }
});

/** Sandboxes over a store whose copies are counted. */
function countedSandboxes(seed: Seed, maxBytes?: number) {
  const root = openStore(":memory:", seed);
  let open = 0;
  const counted = <Of extends Store>(store: Of): Of => ({
    ...store,
    copy(most) {
      const copy = counted(store.copy(most));
      open++;
      return {
        ...copy,
        [Symbol.dispose]: () => (open--, copy[Symbol.dispose]()),
      };
    },
  });
  const limits = { maxBytes: 2 ** 20, timeoutMs: 1000 };
  const sandboxes = createSandboxes(counted(root), limits, maxBytes);
  const read = (name: string) => sandboxes.open(name).store.list("notes")?.json;
  const write = (name: string, document: Document) =>
    sandboxes.open(name).store.insert("notes", [document]);
  const names = () => [..."abcdef"].filter((name) => sandboxes.find(name));
  return {
    root,
    sandboxes,
    read,
    write,
    names,
    open: () => open,
    [Symbol.dispose]() {
      for (const name of "abcdef") sandboxes.reset(name);
      assertEquals(open, 0, "all are closed");
      root[Symbol.dispose]();
    },
  };
}

const large = { text: "x".repeat(2 ** 20) };

Deno.test("sandboxes that only read share one copy, each as the root was when it was first used", async () => {
  using all = countedSandboxes({ notes: [{ id: 1 }] });
  const first = JSON.stringify([{ id: 1 }], null, 2);
  for (const name of "abcd") assertEquals(all.read(name), first);
  assertEquals(all.open(), 1);
  await all.root.insert("notes", [{}]);
  const second = JSON.stringify([{ id: 1 }, { id: 2 }], null, 2);
  assertEquals([all.read("a"), all.read("e")], [first, second]);
  assertEquals(all.open(), 2);
  await all.write("a", { of: "a" });
  assertEquals(all.open(), 3);
  const own = JSON.stringify([{ id: 1 }, { of: "a", id: 2 }], null, 2);
  assertEquals([all.read("a"), all.read("b"), all.read("e")], [
    own,
    first,
    second,
  ]);
  for (const name of "bc") await all.write(name, {});
  await all.write("d", {});
  assertEquals(all.open(), 5, "the last one has what all had");
  for (const name of "bcd") all.sandboxes.reset(name);
  assertEquals(all.open(), 2);
});

Deno.test("a sandbox that cannot be copied to be written to leaves the others what they read", async () => {
  using root = openStore(":memory:", { notes: [{ id: 1 }] });
  let isFull = false;
  const shared: Store = {
    ...root,
    copy() {
      const store = root.copy();
      return {
        ...store,
        copy(most) {
          if (isFull) throw new StoreError("full", "Cannot write: no space");
          return store.copy(most);
        },
      };
    },
  };
  const limits = { maxBytes: 1000, timeoutMs: 1000 };
  const sandboxes = createSandboxes(shared, limits);
  const [a, b, c] = ["a", "b", "c"].map((name) => sandboxes.open(name).store);
  isFull = true;
  for (const store of [a, a, b]) {
    await assertRejects(async () => await store?.load({}), StoreError);
  }
  for (const name of "ab") sandboxes.reset(name);
  assertEquals(c?.list("notes")?.total, 1);
  sandboxes.reset("c");
});

Deno.test("what is kept of a sandbox's answers is out of date when it writes", async () => {
  using api = openApi();
  const read = async (name: string) =>
    JSON.parse((await api.ask(`GET /@${name}/photos/1`)).text).title;
  const before = await read("a");
  assertEquals(await read("b"), before);
  for (const name of ["a", "b"]) {
    assertEquals(await read(name), before);
    await api.ask(`PATCH /@${name}/photos/1`, { body: `{"title":"${name}"}` });
    assertEquals(await read(name), name);
  }
});

Deno.test("sandboxes are weighed: the one unused for longest goes, never the one in use", async () => {
  using all = countedSandboxes({ notes: [large] }, 2 ** 20 * 3.5);
  for (const name of "abc") await all.write(name, {});
  assertEquals(all.names(), ["a", "b", "c"]);
  all.read("a");
  await all.write("d", {});
  assertEquals(all.names(), ["a", "c", "d"]);
  await all.write("c", large);
  assertEquals(all.names(), ["c", "d"], "it grew");
  await all.write("c", large);
  assertEquals(all.names(), ["c"]);
});

Deno.test("a sandbox that is larger than all may be is kept alone, and grows to twice its size", async () => {
  using all = countedSandboxes({ notes: [large, large, large] }, 1000);
  for (const name of "ab") assert((all.read(name)?.length ?? 0) > 2 ** 20 * 3);
  assertEquals(all.names(), ["b"]);
  await all.write("b", large);
  const grow = async () => {
    for (let n = 0; n < 9; n++) await all.write("b", large);
  };
  const error = await assertRejects(grow, StoreError, "no space is left");
  assertEquals(error.reason, "full");
  assertEquals(all.names(), ["b"]);
});

Deno.test("what a sandbox's reset interrupts is 409, whatever it was", async () => {
  let reset: Promise<unknown> = Promise.resolve();
  using api = openApi({
    routes: {
      "/openapi.json": async (_, store) => {
        reset = api.ask("DELETE /@a");
        await reset;
        return new Response(`${store.resources().length}`);
      },
    },
  });
  const events = { accept: "text/event-stream" };
  assertEquals((await api.ask("GET /@a/openapi.json")).status, 409);
  for (
    const line of [
      "GET /@a/openapi.json",
      "GET /@a/",
      "GET /@a/events",
      "GET /@a/posts",
      "GET /@a/posts/1?x",
      "GET /@a/nope",
      "GET /@a/db",
      "GET /@a/db?callback=a",
      "HEAD /@a/posts",
      "POST /@a/posts",
      "PUT /@a/db",
      "DELETE /@a/posts/1",
      "PUT /@a/posts",
    ]
  ) {
    const delayed = { prefer: "delay=1" };
    const headers = line.endsWith("s") ? { ...delayed, ...events } : delayed;
    const response = api.ask(line, { headers });
    await api.ask("DELETE /@a");
    assertEquals((await response).status, 409, line);
  }
  assertEquals((await api.ask("GET /@a/posts/1")).status, 200);
});

Deno.test("a request under way in a sandbox that is reset is told so", async () => {
  using api = openApi();
  const body = new TransformStream<Uint8Array, Uint8Array>();
  const writer = body.writable.getWriter();
  const response = api.ask("POST /@a/posts", { body: body.readable });
  await writer.write(new TextEncoder().encode("{"));
  await api.ask("DELETE /@a");
  await writer.write(new TextEncoder().encode("}"));
  await writer.close();
  assertEquals((await response).status, 409);
});

Deno.test("with fake writes the answers are JSONPlaceholder's, and nothing stays", async () => {
  using api = openApi({ fake: true });
  const table: [
    line: string,
    body: string | null,
    status: number,
    value: unknown,
  ][] = [
    ["POST /posts", '{"id":7,"a":1}', 201, { a: 1, id: 101 }],
    ["POST /posts", "[1,2]", 201, { 0: 1, 1: 2, id: 101 }],
    ["POST /posts", null, 201, { id: 101 }],
    ["POST /posts/1/comments", "{}", 201, { postId: "1", id: 501 }],
    ["PUT /posts/1", '{"a":1}', 200, { a: 1, id: 1 }],
    ["PUT /posts/9999", '{"a":1}', 404, {}],
    ["PATCH /posts/1", '{"title":"a"}', 200, { ...post, title: "a" }],
    ["PATCH /posts/9999", '{"a":1}', 200, { a: 1 }],
    ["DELETE /posts/1", null, 200, {}],
    ["DELETE /posts/9999", null, 200, {}],
    ["DELETE /posts", null, 404, {}],
    ["DELETE /nope/1", null, 404, {}],
    ["GET /posts/101", null, 404, {}],
    ["GET /posts/1", null, 200, post],
  ];
  for (const [line, body, status, value] of [...table, ...table]) {
    const response = await api.ask(line, { body });
    assertEquals(
      [response.status, JSON.parse(response.text)],
      [status, value],
      line,
    );
  }
  assertEquals((await api.ask("POST /posts", { body: "null" })).status, 400);
  await api.ask("POST /@a/posts", { body: '{"id":700}' });
  assertEquals(
    (await api.ask("GET /@a/posts/700")).status,
    200,
    "a sandbox keeps its writes",
  );
});

Deno.test("a read-only api refuses every write with 403", async () => {
  using api = openApi({ readOnly: true });
  const before = await api.store.dump();
  for (
    const line of [
      "POST /posts",
      "PUT /posts/1",
      "PATCH /posts/1",
      "DELETE /posts/1",
      "PUT /db",
      "POST /@a/posts",
      "DELETE /@a",
    ]
  ) {
    const { status, text } = await api.ask(line);
    assertEquals(status, 403, line);
    assertMatch(text, /the api is read-only/);
  }
  assertEquals((await api.ask("GET /posts/1")).status, 200);
  assertEquals((await api.ask("OPTIONS /posts")).status, 204);
  const headers = { "x-http-method-override": "DELETE" };
  assertEquals((await api.ask("POST /posts/1", { headers })).status, 403);
  assertEquals(await api.store.dump(), before);
});

Deno.test("_strict refuses what would be ignored and what the table does not know", async () => {
  using api = openApi();
  const table: [
    line: string,
    body: string | null,
    status: number,
    errors: string[],
  ][] = [
    ["GET /posts?usrId=1&_strict", null, 400, [
      '"usrId" means nothing here; did you mean "userId"?',
    ]],
    ["GET /posts?userId=1&_strict", null, 200, []],
    ["GET /db?_strict&foo=1", null, 400, ['"foo" means nothing here']],
    ["GET /db?_strict", null, 200, []],
    ["GET /posts?userId:gtee=1&_strict", null, 400, [
      '"userId:gtee" means nothing here; did you mean "userId:gte"?',
    ]],
    ["GET /posts?_per_page=5&_strict", null, 400, [
      '"_per_page=5" means nothing here',
    ]],
    ["GET /posts?_sort=id,foo&_strict", null, 400, [
      '"_sort=foo" means nothing here',
    ]],
    ["GET /posts?_embed=nope&_strict", null, 400, [
      '"_embed=nope" means nothing here',
    ]],
    ["GET /posts/1?_embed=comment&_strict", null, 400, [
      '"_embed=comment" means nothing here; did you mean "comments"?',
    ]],
    ["GET /posts?_expand=users&_strict", null, 400, [
      '"_expand=users" means nothing here; did you mean "user"?',
    ]],
    [
      "GET /posts/1?_embed=comments&_embed=user&_expand=user&_strict",
      null,
      200,
      [],
    ],
    ["GET /posts?id=0&_expand=user&_strict", null, 200, []],
    ["GET /posts/1?foo=1&_strict", null, 400, ['"foo" means nothing here']],
    ["GET /posts?_strict=1", null, 200, []],
    ["POST /posts?_strict", '{"userId":"1","title":null,"extra":1}', 422, [
      "body.userId: expected integer, got string",
      "body.title: expected string, got null",
      "body.body: expected string, got nothing",
      "body.extra: there is no such field",
    ]],
    ["PATCH /posts/1?_strict", '{"title":1}', 422, [
      "body.title: expected string, got integer",
    ]],
    ["PATCH /posts/1?_strict", '{"title":"a"}', 200, []],
    ["PATCH /users/1?_strict", '{"address":{"geo":1}}', 422, [
      "body.address.street: expected string, got nothing",
    ]],
    [
      "POST /posts/1/comments?_strict",
      '{"name":"a","email":"b","body":"c"}',
      201,
      [],
    ],
    ["POST /posts?_strict", '{"userId":1,"title":"a","body":"b"}', 201, []],
  ];
  for (const [line, body, status, errors] of table) {
    const response = await api.ask(line, { body });
    assertEquals(response.status, status, line);
    const { detail = "", errors: found = [] } = JSON.parse(response.text);
    assertEquals(found, errors, line);
    if (errors.length > 0) assert(detail.endsWith(errors[0]), detail);
  }
  const missing = await api.ask("GET /post?_strict");
  assertEquals(JSON.parse(missing.text), {
    title: "Not Found",
    status: 404,
    detail:
      'Cannot GET /post: there is no resource "post"; did you mean "posts"?',
  });
  const headers = { accept: "application/problem+json" };
  assertEquals(
    JSON.parse((await api.ask("GET /posts/9999", { headers })).text).status,
    404,
  );
});

Deno.test("what a store refuses is said in HTTP's words, and reads go on", async () => {
  const table = [["busy", 503, "1"], ["full", 507, null], [
    "read-only",
    403,
    null,
  ], ["invalid", 400, null]] as const;
  for (const [reason, status, retryAfter] of table) {
    using api = openApi({
      wrap: (store) => ({
        ...store,
        insert() {
          throw new StoreError(reason, `Cannot write: ${reason}`);
        },
      }),
    });
    const { headers, text, ...response } = await api.ask("POST /posts", {
      body: "{}",
    });
    assertEquals([response.status, headers.get("retry-after")], [
      status,
      retryAfter,
    ]);
    assertEquals(JSON.parse(text).detail, `Cannot write: ${reason}`);
    assertEquals((await api.ask("GET /posts/1")).status, 200);
  }
});

Deno.test("each answer is logged, with the reason of a refusal", async () => {
  const entries: LogEntry[] = [];
  using api = openApi({ onResponse: (entry) => entries.push(entry) });
  for (
    const line of [
      "GET /posts?userId=1",
      "GET /posts?userId=1",
      "GET /nope",
      "OPTIONS /posts",
    ]
  ) await api.ask(line);
  await api.ask("POST /posts", { body: "{" });
  assertEquals(
    entries.map((
      { method, path, status, reason },
    ) => [method, path, status, reason]),
    [
      ["GET", "/posts?userId=1", 200, undefined],
      ["GET", "/posts?userId=1", 200, undefined],
      ["GET", "/nope", 404, 'Cannot GET /nope: there is no resource "nope"'],
      ["OPTIONS", "/posts", 204, undefined],
      [
        "POST",
        "/posts",
        400,
        "Cannot read the body: Expected property name or '}' (line 1 column 2)",
      ],
    ],
  );
  for (const { ms, time } of entries) {
    assert(ms >= 0);
    assertMatch(`${ms}`, /^\d+(\.\d{1,3})?$/);
    assert(!Number.isNaN(Date.parse(time)));
  }
});

Deno.test("a 404 says which document or resource is missing", async () => {
  using api = openApi();
  await api.ask("PUT /db", {
    body: '{"posts":[{"id":1}],"comments":[],"profile":{}}',
  });
  const cases: readonly (readonly [line: string, why: string])[] = [
    ["GET /posts/999", 'there is no document "999" in "posts"'],
    ["HEAD /posts/a%20b", 'there is no document "a b" in "posts"'],
    ["DELETE /posts/999", 'there is no document "999" in "posts"'],
    ["GET /profile/1", '"profile" is one object, without ids'],
    ["GET /posts/1/comments/2", "a path has at most three parts"],
  ];
  for (const [line, why] of cases) {
    const { status, headers } = await api.ask(line, {});
    assertEquals([status, headers.get("x-reason")], [
      404,
      `Cannot ${line}: ${why}`,
    ]);
  }
});

Deno.test("a method that a path does not take is 405 with those it takes, as OPTIONS names them", async () => {
  const served: Route = (request) =>
    new Response(request.method === "HEAD" ? null : "x");
  using api = openApi({ routes: { "/openapi.json": served, "/": served } });
  await api.ask("PUT /db", {
    body: '{"posts":[{"id":1}],"comments":[],"profile":{}}',
  });
  const list = "GET, POST";
  const one = "GET, PUT, PATCH, DELETE";
  const cases: readonly (readonly [line: string, why: string])[] = [
    ["PUT /posts", `${list}; PUT is for a document: /posts/ID`],
    ["PATCH /posts/", `${list}; PATCH is for a document: /posts/ID`],
    ["DELETE /posts", `${list}; DELETE is for a document: /posts/ID`],
    ["BREW /posts", list],
    ["PROPFIND /posts", list],
    ["PUT /posts/1/comments", list],
    ["DELETE /posts/1/comments", list],
    ["POST /posts/1", one],
    ["patch /posts/1", one],
    ["DELETE /profile", "GET, POST, PUT, PATCH"],
    ["PUT /posts/1/profile", list],
    ["POST /db", "GET, PUT"],
    ["DELETE /db", "GET, PUT"],
    ["PUT /600/92c952", "GET"],
    ["PATCH /openapi.json", "GET"],
    ["POST /", "GET"],
    ["DELETE /events", "GET"],
  ];
  const before = (await api.ask("GET /db")).text;
  for (const prefix of ["", "/@a"]) {
    for (const [line, why] of cases) {
      const [method, path = ""] = line.split(" ");
      const allowed = why.split(";")[0]?.replace("GET", "GET, HEAD") +
        (prefix !== "" && path === "/" ? ", DELETE" : "") + ", OPTIONS";
      const refused = await api.ask(`${method} ${prefix}${path}`);
      assertEquals(refused.status, 405, line);
      assertEquals(refused.headers.get("allow"), allowed, line);
      const { detail } = JSON.parse(refused.text);
      assert(detail.startsWith(`Cannot ${line}: it takes ${why}`), detail);
      const asked = await api.ask(`OPTIONS ${prefix}${path}`);
      assertEquals([asked.status, asked.headers.get("allow")], [204, allowed]);
      const head = await api.ask(`HEAD ${prefix}${path}`);
      assertEquals(head.status, 200, line);
    }
  }
  for (const body of ["[1]", "no JSON", "x".repeat(2 ** 21)]) {
    for (
      const line of ["PUT /posts", "PATCH /posts", "PUT /posts/1/comments"]
    ) {
      assertEquals((await api.ask(line, { body })).status, 405, "unread");
    }
  }
  assertEquals((await api.ask("GET /db")).text, before);
  const elsewhere = await api.ask("OPTIONS /nope");
  assertMatch(elsewhere.headers.get("allow") ?? "", /DELETE/);
  const override = { "x-http-method-override": "delete" };
  assertEquals(
    (await api.ask("POST /posts", { headers: override })).status,
    405,
  );
  using readOnly = openApi({ readOnly: true });
  const reads = await readOnly.ask("OPTIONS /posts");
  assertEquals(reads.headers.get("allow"), "GET, HEAD, OPTIONS");
});

Deno.test("a route of its own answers in the root and in sandboxes", async () => {
  using api = openApi({
    routes: {
      "/": (request, store) =>
        request.headers.get("accept") === "text/html"
          ? new Response(`${store.version()}`)
          : undefined,
    },
  });
  const headers = { accept: "text/html" };
  assertEquals((await api.ask("GET /", { headers })).status, 200);
  assertEquals((await api.ask("GET /@a", { headers })).status, 200);
  assertEquals((await api.ask("GET /@a/", { headers })).status, 200);
  assertEquals((await api.ask("GET /")).status, 404);
  const refused = await api.ask("POST /", { headers });
  assertEquals([refused.status, refused.headers.get("allow")], [
    405,
    "GET, HEAD, OPTIONS",
  ]);
});

Deno.test("a page comes in version 1's envelope where it is asked for with _per_page", async () => {
  using api = openApi();
  const table: Record<string, Record<string, unknown> | undefined> = {
    "/posts?_page=1&_per_page=40": { prev: null, next: 2, last: 3, items: 100 },
    "/posts?_page=2&_per_page=40": { prev: 1, next: 3, last: 3, items: 100 },
    "/posts?_page=99&_per_page=40": {
      prev: 2,
      next: null,
      last: 3,
      items: 100,
    },
    "/posts?_page=2&_per_page": { prev: 1, next: 3, last: 10, items: 100 },
    "/posts?_page=0&_per_page=0": {
      prev: null,
      next: 2,
      last: 100,
      items: 100,
    },
    "/posts?userId:lt=3&_page=9&_per_page=15": {
      prev: 1,
      next: null,
      last: 2,
      items: 20,
    },
    "/posts?userId=99&_page=1&_per_page=5": {
      prev: null,
      next: null,
      last: 1,
      items: 0,
    },
    "/users/1/posts?_page=1&_per_page=5&_where={}": {
      prev: null,
      next: 2,
      last: 2,
      items: 10,
    },
    "/posts?_page=2": undefined,
    "/posts?_per_page=2": undefined,
  };
  for (const [path, page] of Object.entries(table)) {
    const { text, headers } = await api.ask(`GET ${path}`);
    const { data, ...found } = JSON.parse(text);
    const pages = page?.last;
    assertEquals(
      found,
      page === undefined ? found : { first: 1, ...page, pages },
      path,
    );
    if (page === undefined) {
      assert(Array.isArray(JSON.parse(text)), path);
      continue;
    }
    assertEquals(text, JSON.stringify({ ...found, data }, null, 2));
    assertEquals(headers.get("x-total-count"), `${page.items}`);
  }
  const last = JSON.parse(
    (await api.ask("GET /posts?_page=9&_per_page=40")).text,
  );
  assertEquals(last.data.map(({ id }: { id: number }) => id)[0], 81);
});

Deno.test("uncontrolled resource consumption: a deep or long text that is no JSON is refused within a second", () => {
  const part = `${" ".repeat(12)}[1,]${" ".repeat(12)}`;
  for (
    const text of [
      "[".repeat(2 ** 20 - 1) + "x",
      '{"a":'.repeat(2e5) + "]",
      // what V8 shows of the place stands in many others, too
      `[${`"${part}",`.repeat(600_000)}${part.slice(0, 16)}`,
    ]
  ) {
    let took = Infinity;
    for (let tries = 0; tries < 5 && took >= 1000; tries++) {
      const begun = performance.now();
      assertThrows(
        () => parseJson(text),
        SyntaxError,
        `column ${text.length})`,
      );
      took = Math.min(took, performance.now() - begun);
    }
    assert(took < 1000, `${took} ms`);
  }
});

Deno.test("for any text that is not JSON the place is where it stops being JSON", () => {
  const table = {
    '["a", nult]': 10,
    '["\\\\", "a\\"b", tru]': 19,
    '{"a:[":"[,","b": }': 18,
    '["C:\\Ж"]': 6,
    "[ ]x": 4,
    "\n\n,": 1,
    "\u00a0{}": 1,
    "[\u2028]": 2,
    '[1,\t"a",]': 9,
  };
  for (const [text, column] of Object.entries(table)) {
    assertThrows(() => parseJson(text), SyntaxError, `column ${column})`);
  }
  fc.assert(fc.property(fc.json(), fc.nat(), (text, at) => {
    const place = at % (text.length + 1);
    const broken = `${text.slice(0, place)}\0${text.slice(place)}`;
    try {
      parseJson(broken);
    } catch (error) {
      const [, column] = error instanceof SyntaxError
        ? error.message.match(/\(line 1 column (\d+)\)$/) ?? []
        : [];
      assertEquals(Number(column), place + 1, broken);
    }
  }));
});

Deno.test("a DELETE tells, in a header and in the log, what went with the document", async () => {
  const entries: LogEntry[] = [];
  using store = openStore(":memory:", {
    users: [{ id: 1 }, { id: 2 }],
    "blog posts": [{ id: 1, userId: 1 }, { id: 2, userId: 1 }],
    people: [{ id: 1, "blog postId": 1 }],
  });
  const handler = createHandler(store, {
    onResponse: (entry) => entries.push(entry),
  });
  const pass: Middleware = (request, next) => next(request);
  const wrapped = createHandler(store, { middleware: [pass] });
  const ask = async (line: string, ask = handler) => {
    const { status, headers } = await send(ask, line);
    const exposed = headers.get("access-control-expose-headers");
    return [status, headers.get("x-deleted"), exposed];
  };
  assertEquals(await ask("DELETE /users/2"), [200, null, null]);
  assertEquals(entries.at(-1)?.deleted, undefined);
  const wanted = [200, "blog%20posts=2, people=1", "X-Deleted"];
  assertEquals(await ask("DELETE /@a/users/1"), wanted);
  assertEquals(await ask("DELETE /@b/users/1", wrapped), wanted);
  assertEquals(await ask("DELETE /users/1"), wanted);
  const entry = entries.at(-1);
  assert(entry);
  assertEquals(entry.deleted, { "blog posts": 2, people: 1 });
  assertMatch(formatEntry(entry), /ms: and 2 blog posts, 1 person\n$/);
  assertEquals(JSON.parse(formatEntry(entry, true)).deleted, entry.deleted);
  assertEquals((await ask("DELETE /users/1"))[0], 404);
});

Deno.test("a DELETE that is faked tells the same, and keeps all", async () => {
  using api = openApi({ fake: true });
  const { status, headers } = await api.send("DELETE /users/1");
  const deleted = headers.get("x-deleted");
  assertEquals(status, 200);
  assertEquals(
    deleted,
    "albums=10, posts=10, todos=20, photos=500, comments=50",
  );
  assertEquals((await api.send("GET /users/1")).status, 200);
  assertEquals(api.store.list("comments")?.total, 500);
});

Deno.test("more than 100 deletions are one event, fewer are one each", async () => {
  const changes: unknown[] = [];
  const many = Array.from({ length: 150 }, (_, at) => ({ id: at, postId: 1 }));
  using store = openStore(":memory:", {
    posts: [{ id: 1 }, { id: 2 }],
    comments: [...many, { id: 150, postId: 2 }, { postId: 2 }],
  });
  const handler = createHandler(store);
  await send(handler, "DELETE /posts/2");
  await send(handler, "DELETE /posts/1");
  const accept = { headers: { accept: "text/event-stream" } };
  for (const topic of ["posts", "comments"]) {
    const response = await send(handler, `GET /${topic}?after=0`, accept);
    const reader = response.body?.getReader();
    const { value } = await reader?.read() ?? {};
    await reader?.cancel();
    const text = new TextDecoder().decode(value);
    changes.push(
      [...text.matchAll(/^data: (.*)$/gm)].map(([, data = ""]) => data),
    );
  }
  const deleted = (kind: string, id: number | null) =>
    JSON.stringify({ change: "deleted", kind, document: { id } });
  const loaded = JSON.stringify({ change: "loaded" });
  assertEquals(changes, [
    [deleted("posts", 2), loaded],
    [deleted("comments", 150), deleted("comments", null), loaded],
  ]);
});

Deno.test("names that no URL reaches are refused, and others are reached whatever their letters", async () => {
  using api = openApi();
  const bad = [
    ...["", "a/b", "/", "a\0b", "@x", "@", ".", "..", "\ud800"],
    ...["db", "openapi.json"],
  ];
  const before = (await api.ask("GET /db")).text;
  for (const name of bad) {
    const body = JSON.stringify({ ok: [], [name]: [{ id: 1 }] });
    const { status, text } = await api.ask("PUT /db", { body });
    assertEquals(status, 400, name);
    const { detail } = JSON.parse(text);
    assert(detail.startsWith(`Cannot load ${JSON.stringify(name)}: `), detail);
  }
  assertEquals((await api.ask("GET /db")).text, before);
  const good = ["events", "a b", "a?b#c%d", "x@y", "..a", "é", 'q"', "a\\b"];
  const data = Object.fromEntries(good.map((name) => [name, [{ id: 1 }]]));
  const body = JSON.stringify({ "$schema": "./schema.json", ...data });
  assertEquals((await api.ask("PUT /db", { body })).status, 200);
  for (const name of good) {
    const { text } = await api.ask(`GET /${encodeURIComponent(name)}/1`);
    assertEquals(text, '{\n  "id": 1\n}', name);
  }
  assertEquals(JSON.parse((await api.ask("GET /db")).text), data);
});

Deno.test("an api whose ids have another name speaks of that one only", async () => {
  const naming = { id: "_id", suffix: "_id" };
  using store = openStore(":memory:", {
    posts: [{ user_id: 1, _id: 1, title: "a", body: "b" }],
    comments: [{ _id: 1, post_id: 1 }],
  }, { naming });
  const routes = {
    "/": (request: Request) => servePage(request, store),
    "/openapi.json": (request: Request) => serveOpenApi(request, store),
  };
  const handler = createHandler(store, { routes });
  const ask = async (line: string, body?: unknown) => {
    const init = body === undefined ? {} : { body: JSON.stringify(body) };
    const response = await send(handler, line, init);
    return [response.status, await response.json()];
  };
  const post = { "user_id": 1, title: "c", body: "d" };
  const table: readonly (readonly [
    line: string,
    body: unknown,
    status: number,
    wanted: unknown,
  ])[] = [
    ["GET /posts/1/comments", undefined, 200, [{ _id: 1, post_id: 1 }]],
    [
      "POST /posts/1/comments",
      { _id: 5 },
      201,
      { _id: 5, post_id: "1" },
    ],
    ["POST /posts?_strict", post, 201, { ...post, _id: 2 }],
    ["PUT /posts/2?_strict", post, 200, { ...post, _id: 2 }],
    ["PATCH /posts/2?_strict", { _id: 9, title: "e" }, 200, {
      ...post,
      title: "e",
      _id: 2,
    }],
    ["PUT /posts/1", { _id: 7, id: 8 }, 200, { _id: 1, id: 8 }],
  ];
  for (const [line, body, status, wanted] of table) {
    assertEquals(await ask(line, body), [status, wanted], line);
  }
  assertEquals((await ask("POST /posts?_strict", { ...post, id: 3 }))[0], 422);
  const [, { paths }] = await ask("GET /openapi.json");
  assert("/posts/{id}/comments" in paths);
  const accept = { headers: { accept: "text/html" } };
  const page = await (await send(handler, "GET /", accept)).text();
  const [, example = ""] = page.match(/<textarea id="json"[^>]*>([^<]*)</) ??
    [];
  assertMatch(example, /title/);
  assert(!/&#34;_id&#34;/.test(example), example);
  const sandbox = await send(handler, "DELETE /@x/posts/1");
  assertEquals(sandbox.headers.get("x-deleted"), "comments=2");
});

Deno.test("each 404 says why in X-Reason: at the root, in a sandbox, at a nested path, for a write", async () => {
  using api = openApi();
  const table: [line: string, reason: string][] = [
    ["GET /", "the path names no resource"],
    ["GET //posts", "the path names no resource"],
    ["GET /nonsense", 'there is no resource "nonsense"'],
    ["GET /posts/abc", 'there is no document "abc" in "posts"'],
    ["GET /posts/1/nope", 'there is no resource "nope"'],
    ["GET /posts/1/comments/2", "a path has at most three parts"],
    ["GET /@a/post", 'there is no resource "post"; did you mean "posts"?'],
    ["GET /@a/posts/0", 'there is no document "0" in "posts"'],
    ["POST /nope", 'there is no resource "nope"'],
    ["PATCH /posts/0", 'there is no document "0" in "posts"'],
    ["PUT /@a/users/x", 'there is no document "x" in "users"'],
    ["DELETE /posts/0", 'there is no document "0" in "posts"'],
  ];
  for (const [line, reason] of table) {
    const writes = /^(POST|PUT|PATCH)/.test(line) ? { body: "{}" } : {};
    const { status, headers, text } = await api.ask(line, writes);
    assertEquals([line, status, text, headers.get("x-reason")], [
      line,
      404,
      "{}",
      `Cannot ${line}: ${reason}`,
    ]);
  }
  const { status, text } = await api.ask("POST /posts/1", { body: "{}" });
  assertEquals(status, 405);
  assert(text.includes("Cannot POST /posts/1: it takes GET, PUT, PATCH"));
});
