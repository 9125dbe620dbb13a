import { assert, assertEquals, assertMatch, assertThrows } from "@std/assert";
import fc from "fast-check";
import { createHandler } from "../../tasks/api/handler.ts";
import type { LogEntry } from "../../tasks/api/log.ts";
import { parseJson } from "../../tasks/api/store/document.ts";
import { makeItems, seed } from "../../tasks/api/store/seed.ts";
import { openStore } from "../../tasks/api/store/sqlite.ts";
import { type Store, StoreError } from "../../tasks/api/store/store.ts";
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
        "vary": "Origin, Accept-Encoding",
        "x-content-type-options": "nosniff",
        "access-control-allow-credentials": "true",
        "access-control-allow-origin": undefined,
        "access-control-expose-headers": undefined,
        "x-total-count": undefined,
        "etag": /^W\/"[\da-f]+-[\w+/]{27}"$/,
      }],
      ["GET /posts", { origin: "https://a.example" }, 200, {
        "access-control-allow-origin": "https://a.example",
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
      ["GET /nope", {}, 404, {
        "content-type": "application/json; charset=utf-8",
        "etag": undefined,
        "x-reason": 'Cannot GET /nope: there is no resource "nope"',
      }],
      ["GET /post", {}, 404, { "x-reason": /did you mean "posts"\?$/ }],
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
      ["OPTIONS /", { origin: "null" }, 204, {
        "access-control-allow-origin": "null",
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
  for (const bad of ["alert(1)", "a;b", "", "a b", "<script>", "ü"]) {
    const path = `/posts/1?callback=${encodeURIComponent(bad)}`;
    const { status, headers, text } = await api.ask(`GET ${path}`);
    assertEquals(status, 400, bad);
    assertMatch(
      headers.get("content-type") ?? "",
      /^application\/problem\+json/,
    );
    assertMatch(text, /Cannot call back/);
  }
  await api.ask("PATCH /posts/1", { body: '{"title":"\u2028\u2029"}' });
  const safe = (await api.ask("GET /posts/1?callback=f")).text;
  assert(safe.includes('"\\u2028\\u2029"'), safe);
});

Deno.test("another site's host is refused, whatever else is asked", async () => {
  using local = openApi();
  for (
    const host of [
      "evil.example",
      "192.0.2.1:3000",
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
    '{"a":[1]}',
    '{"a":[{"id":1},{"id":1}]}',
    '{"a":[{"id":null}]}',
  ];
  for (const body of bad) {
    const response = await api.ask("PUT /db", { body });
    assertEquals(response.status, 400, body);
    assertMatch(response.text, /"detail": "Cannot (load|read) /);
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
  assertEquals((await api.ask("DELETE /db")).status, 404);
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
    copy() {
      const copy = store.copy();
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
    ["GET /posts?userId:gtee=1&_strict", null, 400, [
      '"userId:gtee" means nothing here; did you mean "userId:gte"?',
    ]],
    ["GET /posts?_per_page=5&_strict", null, 400, [
      '"_per_page" means nothing here',
    ]],
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

Deno.test("a 404 says which document is missing, or which methods there are", async () => {
  using api = openApi();
  await api.ask("PUT /db", {
    body: '{"posts":[{"id":1}],"comments":[],"profile":{}}',
  });
  const cases: readonly (readonly [line: string, why: string])[] = [
    ["GET /posts/999", 'there is no document "999" in "posts"'],
    ["HEAD /posts/a%20b", 'there is no document "a b" in "posts"'],
    ["DELETE /posts/999", 'there is no document "999" in "posts"'],
    [
      "DELETE /posts",
      "it takes GET, POST; DELETE is for a document: /posts/ID",
    ],
    ["PUT /posts/1/comments", "it takes GET, POST"],
    ["POST /posts/1", "it takes GET, PUT, PATCH, DELETE"],
    ["BREW /posts", "it takes GET, POST"],
    ["DELETE /profile", "it takes GET, POST, PUT, PATCH"],
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
  assertEquals((await api.ask("POST /", { headers })).status, 404);
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

Deno.test("uncontrolled resource consumption: a deep text that is no JSON is refused within a second", () => {
  for (
    const text of ["[".repeat(2 ** 20 - 1) + "x", '{"a":'.repeat(2e5) + "]"]
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
