import { assert, assertEquals, assertRejects } from "@std/assert";
import fc from "fast-check";
import { createHandler, type Handler } from "../../tasks/api/handler.ts";
import { makeItems, seed } from "../../tasks/api/store/seed.ts";
import { openStore } from "../../tasks/api/store/sqlite.ts";
import { type Store, StoreError } from "../../tasks/api/store/store.ts";
import { codePoint } from "../code_point.ts";
import { openApi, origin, send } from "./support.ts";

const json = "application/json; charset=utf-8";
const problem = "application/problem+json; charset=utf-8";

async function ask(handler: Handler, line: string, init?: RequestInit) {
  const response = await send(handler, line, init);
  const { status, headers } = response;
  return {
    status,
    type: headers.get("content-type"),
    location: headers.get("location"),
    text: await response.text(),
  };
}

function pretty(value: unknown): string {
  return JSON.stringify(value, null, 2);
}

const posts = makeItems("posts");
const comments = makeItems("comments");
const photos = makeItems("photos");
const post = posts.at(0);

Deno.test("reads answer as JSONPlaceholder's do", async () => {
  using store = openStore(":memory:", seed);
  const handler = createHandler(store);
  const table: [line: string, status: number, value: unknown][] = [
    ["GET /posts", 200, posts],
    ["GET /posts/", 200, posts],
    ["GET /photos", 200, photos],
    ["GET /posts/1", 200, post],
    ["GET /posts/1/", 200, post],
    ["GET /posts/%31", 200, post],
    ["GET /%70osts/1?userId=9", 200, post],
    ["GET /users/10", 200, makeItems("users").at(9)],
    ["GET /posts?userId=2", 200, posts.slice(10, 20)],
    ["GET /posts?userId=1&userId=3", 200, [
      ...posts.slice(0, 10),
      ...posts.slice(20, 30),
    ]],
    ["GET /posts?userId=1&id=5", 200, posts.slice(4, 5)],
    ["GET /posts?userId=1&id=50", 200, []],
    ["GET /posts?userId=01", 200, []],
    ["GET /posts?usrId=1", 200, posts],
    ["GET /users?address.city=Oakham", 200, [makeItems("users").at(5)]],
    [
      "GET /todos?completed=true&userId=1",
      200,
      makeItems("todos").filter((todo) => todo.completed && todo.userId === 1),
    ],
    ["GET /posts/1/comments", 200, comments.slice(0, 5)],
    ["GET /posts/1/comments?postId=2", 200, comments.slice(0, 5)],
    ["GET /posts/1/comments?id=2", 200, comments.slice(1, 2)],
    ["GET /albums/100/photos", 200, photos.slice(-50)],
    ["GET /posts/101/comments", 200, []],
    ["GET /users/1/comments", 200, comments],
    ["GET /posts/9999", 404, {}],
    ["GET /posts/abc", 404, {}],
    ["GET /posts/01", 404, {}],
    ["GET /posts/1.0", 404, {}],
    ["GET /posts//", 404, {}],
    ["GET //posts", 404, {}],
    ["GET /nope", 404, {}],
    ["GET /nope/1", 404, {}],
    ["GET /posts/1/nope", 404, {}],
    ["GET /users/1/posts/1", 404, {}],
    ["GET /", 404, {}],
    ["HEAD /posts", 200, posts],
    ["HEAD /posts/9999", 404, {}],
  ];
  // Twice: what is kept from the first response must be the same response.
  for (const [line, status, value] of [...table, ...table]) {
    const response = await ask(handler, line);
    const expected = {
      status,
      type: json,
      location: null,
      text: pretty(value),
    };
    assertEquals(response, expected, line);
  }
});

Deno.test("writes answer as JSONPlaceholder's do, and stay", async () => {
  const sent = { title: "foo", body: "bar", userId: 1 };
  const form = { "content-type": "application/x-www-form-urlencoded" };
  const table: [
    line: string,
    body: BodyInit | null,
    status: number,
    value: unknown,
    after: string,
    headers?: HeadersInit,
  ][] = [
    ["POST /posts", pretty(sent), 201, { ...sent, id: 101 }, "/posts/101"],
    ["POST /posts/", "{}", 201, { id: 101 }, "/posts/101"],
    ["POST /posts", null, 201, { id: 101 }, "/posts/101"],
    ["POST /posts", '{"id":700,"a":1}', 201, { id: 700, a: 1 }, "/posts/700"],
    [
      "POST /posts",
      '{"id":"x y","a":1}',
      201,
      { id: "x y", a: 1 },
      "/posts/x%20y",
    ],
    ["POST /posts", '{"id":7.5}', 201, { id: 7.5 }, "/posts/7.5"],
    [
      "POST /posts",
      '\ufeff {"a":"é\\u0000"}\n',
      201,
      { a: "é\0", id: 101 },
      "/posts/101",
    ],
    ["POST /posts", '{"a":1}', 201, { a: 1, id: 101 }, "/posts/101", form],
    [
      "POST /posts",
      "a=1&b=x+y%21",
      201,
      { a: "1", b: "x y!", id: 101 },
      "/posts/101",
      form,
    ],
    [
      "POST /posts",
      new URLSearchParams({ a: "1" }),
      201,
      { a: "1", id: 101 },
      "/posts/101",
    ],
    ["POST /posts/1/comments", '{"name":"n","postId":9}', 201, {
      name: "n",
      postId: "1",
      id: 501,
    }, "/comments/501"],
    [
      "PUT /posts/1",
      '{"title":"foo","id":5}',
      200,
      { title: "foo", id: 1 },
      "/posts/1",
    ],
    [
      "PATCH /posts/1",
      '{"title":"foo","id":5}',
      200,
      { ...post, title: "foo" },
      "/posts/1",
    ],
    ["PATCH /posts/1", null, 200, post, "/posts/1"],
  ];
  for (const [line, body, status, value, after, headers] of table) {
    using store = openStore(":memory:", seed);
    const handler = createHandler(store);
    const before = await ask(handler, `GET ${after}`);
    const response = await ask(handler, line, { body, headers: headers ?? {} });
    const location = status === 201 ? origin + after : null;
    assertEquals(
      response,
      { status, type: json, location, text: pretty(value) },
      line,
    );
    const stored = await ask(handler, `GET ${after}`);
    assertEquals(stored.text, pretty(value), line);
    assert(before.text === "{}" || before.status === 200);
  }
});

Deno.test("what is deleted is gone, from lists too", async () => {
  using store = openStore(":memory:", seed);
  const handler = createHandler(store);
  assertEquals((await ask(handler, "GET /posts")).text, pretty(posts));
  const deleted = await ask(handler, "DELETE /posts/1");
  assertEquals(deleted, {
    status: 200,
    type: json,
    location: null,
    text: "{}",
  });
  assertEquals((await ask(handler, "GET /posts/1")).status, 404);
  assertEquals((await ask(handler, "GET /posts")).text, pretty(posts.slice(1)));
});

Deno.test("a document or a resource that is not there is 404, and nothing changes", async () => {
  using store = openStore(":memory:", seed);
  const handler = createHandler(store);
  const before = await store.dump();
  const lines = [
    "PUT /posts/9999",
    "PATCH /posts/9999",
    "DELETE /posts/9999",
    "DELETE /nope/1",
    "POST /nope",
    "POST /posts/9999",
    "POST /users/1/posts/1",
    "PURGE /nope",
  ];
  for (const line of lines) {
    const response = await ask(handler, line);
    assertEquals(response, {
      status: 404,
      type: json,
      location: null,
      text: "{}",
    }, line);
  }
  assertEquals(await store.dump(), before);
});

Deno.test("a bad request is one problem document and changes nothing", async () => {
  using store = openStore(":memory:", seed);
  const handler = createHandler(store, { maxBody: 1000 });
  const before = await store.dump();
  const form = {
    headers: { "content-type": "application/x-www-form-urlencoded" },
  };
  const drip = () =>
    ReadableStream.from(
      (function* () {
        for (let n = 0; n < 100; n++) yield new Uint8Array(100).fill(32);
      })(),
    );
  const table: [
    line: string,
    init: RequestInit,
    status: number,
    detail: string,
  ][] = [
    ["POST /posts", { body: '{"a":1,}' }, 400, "(line 1 column 8)"],
    ["POST /posts", { body: '{\n "a" 1}' }, 400, "(line 2 column 6)"],
    [
      "POST /posts",
      { body: '{"a":', ...form },
      400,
      "Unexpected end (line 1 column 6)",
    ],
    [
      "PUT /posts/1",
      { body: "a=1" },
      400,
      "Unexpected token 'a' (line 1 column 1)",
    ],
    ["PATCH /posts/1", { body: "[]" }, 400, "expected an object, got an array"],
    [
      "POST /posts",
      { body: "[{},2]", ...form },
      400,
      "[1]: expected an object, got 2",
    ],
    ["POST /posts", { body: "null" }, 400, "expected an object, got null"],
    ["POST /posts", { body: '"text"' }, 400, 'expected an object, got "text"'],
    [
      "POST /posts",
      { body: new Uint8Array([123, 255, 125]) },
      400,
      "it is not UTF-8",
    ],
    [
      "POST /posts",
      { body: nested(101) },
      400,
      "nested deeper than 100 levels",
    ],
    [
      "POST /posts",
      { body: " ".repeat(1001) },
      413,
      "it is longer than 1000 bytes",
    ],
    ["POST /posts", { body: drip() }, 413, "it is longer than 1000 bytes"],
    [
      "POST /posts",
      { body: "{}", headers: { "content-length": "1001" } },
      413,
      "1000 bytes",
    ],
    ["GET /posts/%ZZ", {}, 400, '"%ZZ"'],
    ["DELETE /%C3/1", {}, 400, '"%C3"'],
  ];
  for (const [line, init, status, detail] of table) {
    const { text, ...response } = await ask(handler, line, init);
    assertEquals(response, { status, type: problem, location: null }, line);
    const document = JSON.parse(text);
    assertEquals(document.status, status);
    assert(document.detail.includes(detail), text);
    assert(document.detail.startsWith("Cannot read the "), text);
    assert(["Bad Request", "Content Too Large"].includes(document.title), text);
  }
  assertEquals(await store.dump(), before);
});

/** The multipart body of a form, and its type. */
async function multipart(form: FormData): Promise<RequestInit> {
  const request = new Response(form);
  const type = request.headers.get("content-type") ?? "";
  return { body: await request.bytes(), headers: { "content-type": type } };
}

function formOf(...fields: [name: string, value: string | File][]): FormData {
  const form = new FormData();
  for (const [name, value] of fields) form.append(name, value);
  return form;
}

async function compress(
  text: string,
  coding: CompressionFormat,
): Promise<Uint8Array<ArrayBuffer>> {
  const stream = new Blob([text]).stream()
    .pipeThrough(new CompressionStream(coding));
  return await new Response(stream).bytes();
}

function typed(body: BodyInit, type: string): RequestInit {
  return { body, headers: { "content-type": type } };
}

function encoded(body: BodyInit, coding: string): RequestInit {
  return { body, headers: { "content-encoding": coding } };
}

function latin1(text: string): Uint8Array<ArrayBuffer> {
  return Uint8Array.from(text, (letter) => letter.charCodeAt(0));
}

function utf16(text: string, littleEndian: boolean): Uint8Array<ArrayBuffer> {
  const view = new DataView(new ArrayBuffer(text.length * 2));
  for (let at = 0; at < text.length; at++) {
    view.setUint16(at * 2, text.charCodeAt(at), littleEndian);
  }
  return new Uint8Array(view.buffer);
}

Deno.test("a body is read as what it is: a form's fields, compressed, in another charset", async () => {
  using store = openStore(":memory:", { notes: [] });
  const handler = createHandler(store);
  const form = "application/x-www-form-urlencoded";
  const table: [init: RequestInit, fields: Record<string, unknown>][] = [
    [typed("d=x&d=y", form), { d: ["x", "y"] }],
    [typed("a[]=1&a[b]=c&e=&f", form), {
      "a[]": "1",
      "a[b]": "c",
      e: "",
      f: "",
    }],
    [typed("__proto__=1&d=1&d=2&d=3", form), {
      ["__proto__"]: "1",
      d: ["1", "2", "3"],
    }],
    [typed("a=%C3%A9", `${form}; charset=UTF-8`), { a: "é" }],
    [await multipart(formOf(["a", "1"], ["b", "é\r\nx"], ["a", "2"])), {
      a: ["1", "2"],
      b: "é\r\nx",
    }],
    [await multipart(formOf(["a", "1"], ["f", new File([], "")])), { a: "1" }],
    [typed('{"a":1}', "multipart/form-data"), { a: 1 }],
    [typed("", "multipart/form-data; boundary=x"), {}],
    [typed("", "application/xml"), {}],
    [typed('{"a":1}', "application/octet-stream"), { a: 1 }],
    [typed('{"a":1}', "application/merge-patch+json"), { a: 1 }],
    [encoded(await compress('{"a":1}', "gzip"), "GZIP"), { a: 1 }],
    [encoded(await compress('{"a":1}', "gzip"), "x-gzip"), { a: 1 }],
    [encoded(await compress('{"a":1}', "deflate"), "deflate"), { a: 1 }],
    [encoded('{"a":1}', "identity"), { a: 1 }],
    [encoded("", "gzip"), {}],
    [
      typed(
        latin1('{"a":"caf\xe9"}'),
        "application/json; charset=iso-8859-1",
      ),
      { a: "café" },
    ],
    [typed(utf16('{"a":"é"}', true), 'text/json; charset="utf-16le"'), {
      a: "é",
    }],
    [typed(utf16('\ufeff{"a":"é"}', true), "application/json"), { a: "é" }],
    [
      typed(utf16('\ufeff{"a":"é"}', false), "text/plain; charset=utf-16"),
      { a: "é" },
    ],
  ];
  for (const [at, [init, fields]] of table.entries()) {
    const { status, text } = await ask(handler, "POST /notes", init);
    assertEquals([status, text], [201, pretty({ ...fields, id: at + 1 })]);
  }
});

Deno.test("a body of a type, a coding or a charset that is not read is 415, and names it", async () => {
  using store = openStore(":memory:", { notes: [{ id: 1 }] });
  const handler = createHandler(store);
  const before = store.dump();
  const zip = "application/zip";
  const table: [line: string, init: RequestInit, named: string][] = [
    ["POST /notes", typed("<a/>", "application/xml"), '"application/xml"'],
    ["POST /notes", typed("<a/>", "Text/XML; charset=utf-8"), '"text/xml"'],
    ["PUT /notes/1", typed("a: 1", "application/yaml"), '"application/yaml"'],
    ["POST /notes", typed("a,b\n1,2", "text/csv"), '"text/csv"'],
    ["POST /notes", typed(new Uint8Array([80, 75, 255]), zip), `"${zip}"`],
    [
      "PATCH /notes/1",
      typed("[]", "application/json-patch+json"),
      '"application/json-patch+json"',
    ],
    [
      "POST /notes",
      await multipart(formOf(["a", "1"], ["photo", new File(["x"], "a.png")])),
      'the field "photo" is a file',
    ],
    [
      "POST /notes",
      await multipart(formOf(["f", new File([], "empty.txt")])),
      'the field "f" is a file',
    ],
    ["POST /notes", encoded("x", "br"), 'Content-Encoding "br"'],
    ["POST /notes", encoded("x", "gzip, gzip"), '"gzip, gzip"'],
    [
      "POST /notes",
      typed("{}", "application/json; charset=utf-32"),
      'charset "utf-32"',
    ],
    [
      "POST /notes",
      typed(
        "a=%E9",
        "application/x-www-form-urlencoded; charset=iso-8859-1",
      ),
      'charset "iso-8859-1"',
    ],
    ["PUT /db", typed("<a/>", "application/xml"), '"application/xml"'],
  ];
  for (const [line, init, named] of table) {
    const { status, text } = await ask(handler, line, init);
    assertEquals(status, 415, text);
    const { detail } = JSON.parse(text);
    assert(detail.startsWith("Cannot read the body: "), detail);
    assert(detail.includes(named), detail);
  }
  const patch = typed("<a/>", "application/xml");
  const { headers } = await send(handler, "POST /notes", patch);
  assert(headers.get("accept")?.startsWith("application/json, "));
  const zipped = await send(handler, "POST /notes", encoded("x", "br"));
  assertEquals(zipped.headers.get("accept-encoding"), "gzip, deflate");
  assertEquals(store.dump(), before);
});

Deno.test("a broken form or compressed body is 400", async () => {
  using store = openStore(":memory:", { notes: [] });
  const handler = createHandler(store);
  const zipped = await compress('{"a":1}', "gzip");
  const part = 'Content-Disposition: form-data; name="a"';
  const notText = `--x\r\n${part}\r\n\r\ncaf\xe9\r\n--x--\r\n`;
  const table: [init: RequestInit, detail: string][] = [
    [typed("--x\r\n", "multipart/form-data"), "names no boundary"],
    [
      typed("--y\r\n", "multipart/form-data; boundary=x"),
      "it is not multipart/form-data",
    ],
    [encoded("{}", "gzip"), "it is not gzip, or not all of it"],
    [encoded(zipped.subarray(0, 12), "gzip"), "it is not gzip, or not all"],
    [encoded(zipped, "deflate"), "it is not deflate, or not all of it"],
    [typed("a", "text/plain"), "Unexpected token 'a' (line 1 column 1)"],
    [typed(latin1(notText), "multipart/form-data; boundary=x"), "not UTF-8"],
    [
      typed(new Uint8Array([0x22, 0x41, 0]), "application/json;charset=utf-16"),
      "it is not UTF-16",
    ],
  ];
  for (const [init, detail] of table) {
    const { status, text } = await ask(handler, "POST /notes", init);
    assertEquals(status, 400, text);
    assert(JSON.parse(text).detail.includes(detail), text);
  }
});

Deno.test("a decompression bomb is refused where it passes the longest body", async () => {
  using store = openStore(":memory:", { notes: [] });
  const handler = createHandler(store, { maxBody: 1000 });
  const fits = await compress("{}".padEnd(1000), "gzip");
  const sent = await ask(handler, "POST /notes", encoded(fits, "gzip"));
  assertEquals(sent.status, 201);
  for (const coding of ["gzip", "deflate"] as const) {
    const body = await compress(" ".repeat(200_000), coding);
    assert(body.length < 1000);
    const { status } = await ask(handler, "POST /notes", encoded(body, coding));
    assertEquals(status, 413, coding);
  }
});

Deno.test("a long text of brackets is refused at once: where it stops being JSON is not looked for", async () => {
  using store = openStore(":memory:", { notes: [] });
  const handler = createHandler(store);
  const deep = "[".repeat(500_000);
  for (const body of [deep, deep + "}", `{"\\"[":${deep}`]) {
    const started = performance.now();
    const { status, text } = await ask(handler, "POST /notes", { body });
    assertEquals(status, 400);
    assert(text.includes("nested deeper than 100 levels"), text);
    assert(performance.now() - started < 2000);
  }
  const flat = `{"a":"${"[".repeat(500)}"`;
  const { text } = await ask(handler, "POST /notes", { body: flat });
  assert(!text.includes("nested"), text);
});

Deno.test("an id that a document is posted with has a URL, or is refused", async () => {
  using store = openStore(":memory:", { notes: [{ id: 1 }] });
  const handler = createHandler(store);
  for (const id of ["a/b", "a\0b", "..a", "%2e", "?x#y", "@a"]) {
    const body = pretty({ id });
    const { status, location } = await ask(handler, "POST /notes", { body });
    assertEquals(status, 201, id);
    const path = location?.slice(origin.length);
    assertEquals((await ask(handler, `GET ${path}`)).text, pretty({ id }));
  }
  assertEquals((await ask(handler, "GET /notes/a")).status, 404);
  assertEquals((await ask(handler, "GET /notes%00")).status, 404);
  assertEquals((await ask(handler, "GET /notes%2F1")).status, 404);
  for (const body of ['{"id":"."}', '{"id":".."}', '[{},{"id":".."}]']) {
    const { status, text } = await ask(handler, "POST /notes", { body });
    assertEquals(status, 400, body);
    assert(text.includes("no URL can lead to it"), text);
  }
});

Deno.test("a body of exactly the longest length and depth is taken", async () => {
  using store = openStore(":memory:", seed);
  const handler = createHandler(store, { maxBody: 1000 });
  for (const body of ["{}".padEnd(1000), nested(100)]) {
    const declared = { body, headers: { "content-length": `${body.length}` } };
    assertEquals((await ask(handler, "POST /posts", { body })).status, 201);
    assertEquals((await ask(handler, "POST /posts", declared)).status, 201);
  }
});

Deno.test("an answer that was read before a write is not kept after it", async () => {
  using store = openStore(":memory:", seed);
  const loads: Promise<void>[] = [];
  const overtaken: Store = {
    ...store,
    get(resource, id) {
      const text = store.get(resource, id);
      loads.push(store.load({ posts: [{ id: 1, title: "new" }] }));
      return text;
    },
  };
  const handler = createHandler(overtaken);
  assertEquals((await ask(handler, "GET /posts/1")).text, pretty(post));
  await Promise.all(loads);
  assertEquals(
    (await ask(handler, "GET /posts/1")).text,
    pretty({ id: 1, title: "new" }),
  );
});

Deno.test("an error of the store is passed on, for the server to report", async () => {
  const store = openStore(":memory:", seed);
  const handler = createHandler(store);
  store[Symbol.dispose]();
  await assertRejects(() => ask(handler, "GET /posts"), Error);
});

Deno.test("a damaged database is said and logged, whatever was asked for", async () => {
  const refuse = () => {
    throw new StoreError("damaged", "Cannot read: the database is damaged");
  };
  const reasons: unknown[] = [];
  using api = openApi({
    wrap: (store) => ({ ...store, resources: refuse, copy: refuse }),
    routes: { "/": (_, store) => new Response(`${store.resources()}`) },
    onResponse: ({ reason }) => reasons.push(reason),
  });
  const events = { accept: "text/event-stream" };
  for (
    const [line, headers] of [
      ["GET /"],
      ["GET /events"],
      ["GET /posts", events],
      ["POST /events"],
      ["OPTIONS /posts"],
      ["GET /_echo"],
      ["GET /@a/posts"],
      ["POST /@a/posts"],
    ] as const
  ) {
    const { status, text } = await api.ask(line, { headers: headers ?? {} });
    assertEquals(status, 500, line);
    const { detail } = JSON.parse(text);
    assertEquals(detail, "Cannot read: the database is damaged");
    assertEquals(reasons.splice(0), [detail]);
  }
});

Deno.test("why there is nothing has room in a header, however long the path is", async () => {
  using api = openApi();
  const path = `/${"a".repeat(50_000)}`;
  const { headers } = await api.ask(`GET ${path}`);
  const reason = headers.get("x-reason") ?? "";
  assert(reason.startsWith("Cannot GET /aaa") && reason.length <= 1000);
  const accept = "application/problem+json";
  const { text } = await api.ask(`GET ${path}`, { headers: { accept } });
  assert(JSON.parse(text).detail.includes(`there is no resource "aaa`));
});

Deno.test("any object that is posted comes back with its id", async () => {
  using store = openStore(":memory:", { notes: () => [] });
  const handler = createHandler(store);
  await fc.assert(
    fc.asyncProperty(
      fc.dictionary(
        fc.string({ unit: codePoint }),
        fc.jsonValue({ maxDepth: 5 }),
      ),
      async (fields) => {
        const body = JSON.stringify(fields);
        const created = await ask(handler, "POST /notes", { body });
        assertEquals(created.status, 201);
        const { id } = JSON.parse(created.text);
        assertEquals(created.text, pretty({ ...JSON.parse(body), id }));
        assertEquals(
          (await ask(handler, `GET /notes/${id}`)).text,
          created.text,
        );
      },
    ),
    { numRuns: 50 },
  );
});

Deno.test("any query gets a list", async () => {
  using store = openStore(":memory:", {
    notes: () => [{ id: 1, a: { b: [""] } }],
  });
  const handler = createHandler(store);
  await fc.assert(
    fc.asyncProperty(
      fc.array(
        fc.tuple(
          fc.string({ unit: codePoint }),
          fc.string({ unit: codePoint }),
        ),
      ),
      async (pairs) => {
        const response = await ask(
          handler,
          `GET /notes?${new URLSearchParams(pairs)}`,
        );
        assertEquals(response.status, 200);
        assert(Array.isArray(JSON.parse(response.text)));
      },
    ),
  );
});

/** A JSON object with this many levels of nesting. */
function nested(levels: number): string {
  return '{"a":'.repeat(levels) + "0" + "}".repeat(levels);
}

Deno.test("what UTF-8 or JSON cannot hold as an id, or as a name, is no error of the server", async () => {
  using store = openStore(":memory:", { notes: [{ "usrI\ud800": 1 }] });
  const handler = createHandler(store);
  const posted = await send(handler, "POST /notes", {
    body: '{"id":"\\ud800"}',
  });
  assertEquals(posted.status, 201);
  const { pathname } = new URL(posted.headers.get("location") ?? "");
  assertEquals((await send(handler, `GET ${pathname}`)).status, 200);
  const listed = await send(handler, "GET /notes?usrI=1");
  assertEquals(
    listed.headers.get("x-ignored-query"),
    "usrI; did-you-mean=usrI%EF%BF%BD",
  );
  const before = await store.dump();
  assertEquals(
    (await send(handler, "POST /notes", { body: '{"id":1e400}' })).status,
    400,
  );
  const twice = '{"notes":[{"id":"\\ud800"},{"id":"\\ufffd"}]}';
  assertEquals((await send(handler, "PUT /db", { body: twice })).status, 400);
  assertEquals(await store.dump(), before);
});
