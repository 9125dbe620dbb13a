import { assert, assertEquals } from "@std/assert";
import { createHandler, type Handler } from "../../../tasks/api/handler.ts";
import { loadHandler } from "../../../tasks/api/middleware/with.ts";
import { openStore } from "../../../tasks/api/store/sqlite.ts";
import { ROOT, withFolder } from "../../support.ts";
import { send } from "../support.ts";

const page = await Deno.readTextFile(`${ROOT}docs/api_handlers.md`);
const files = new Map(
  [...page.matchAll(/```ts\n\/\/ (\w+\.ts)\n([^]*?)```/g)]
    .map(([, name = "", text = ""]) => [name, text]),
);

/** Puts a file of the page before an api, as `--with` does. */
function testFile(
  name: string,
  what: string,
  test: (handler: Handler) => Promise<void>,
): void {
  Deno.test(`the page on handlers: ${name} ${what}`, () =>
    withFolder(async (folder) => {
      const path = `${folder}/${name}`;
      await Deno.writeTextFile(path, files.get(name) ?? "");
      const fail = (error: unknown) => assert(false, `${error}`);
      using store = openStore(":memory:", { posts: [{ id: 1 }, { id: 2 }] });
      const middleware = [await loadHandler(path, fail)];
      await test(createHandler(store, { middleware }));
    }));
}

Deno.test("the page on handlers has files of less than 25 lines", () => {
  assertEquals([...files.keys()], [
    "hello.ts",
    "login.ts",
    "envelope.ts",
    "upload.ts",
    "created_at.ts",
  ]);
  for (const [name, text] of files) {
    assert(text.split("\n").length < 25, name);
  }
});

testFile("login.ts", "lets in who has its token", async (handler) => {
  const refused = await send(handler, "GET /posts/1");
  assertEquals(refused.status, 401);
  const logIn = (password: string) =>
    send(handler, "POST /login", {
      body: JSON.stringify({ name: "ann", password }),
    });
  assertEquals((await logIn("guess")).status, 401);
  const { token } = await (await logIn("secret")).json();
  const headers = { authorization: `Bearer ${token}` };
  const found = await send(handler, "GET /posts/1", { headers });
  assertEquals([found.status, await found.json()], [200, { id: 1 }]);
  const other = { authorization: "Bearer x" };
  const wrong = await send(handler, "GET /posts/1", { headers: other });
  assertEquals(wrong.status, 401);
});

testFile("hello.ts", "adds a header", async (handler) => {
  const found = await send(handler, "GET /posts/1");
  assertEquals(found.headers.get("x-hello"), "World");
  assertEquals(await found.json(), { id: 1 });
});

testFile("envelope.ts", "wraps lists, and nothing else", async (handler) => {
  const table: [line: string, expected: unknown][] = [
    ["GET /posts", { data: [{ id: 1 }, { id: 2 }], total: 2 }],
    ["GET /posts?_page=2&_limit=1", { data: [{ id: 2 }], total: 2 }],
    ["GET /posts/1", { id: 1 }],
    ["GET /nope", {}],
    ["POST /posts", { id: 3 }],
  ];
  for (const [line, expected] of table) {
    const headers = { "accept-encoding": "gzip" };
    const response = await send(handler, line, { headers });
    assertEquals(await response.json(), expected, line);
  }
});

testFile("upload.ts", "keeps the files of a form", async (handler) => {
  const body = new FormData();
  body.set("a", new File(["hello"], "a b.txt", { type: "text/plain" }));
  body.set("field", "no file");
  const list = [{ name: "a b.txt", size: 5, type: "text/plain" }];
  const created = await send(handler, "POST /files", { body });
  assertEquals(await created.json(), list);
  const listed = await send(handler, "GET /files");
  assertEquals(await listed.json(), list);
  const file = await send(handler, "GET /files?name=a%20b.txt");
  assertEquals(await file.text(), "hello");
  const other = await send(handler, "GET /posts/1");
  assertEquals(await other.json(), { id: 1 });
});

testFile("created_at.ts", "adds a time to what is posted", async (handler) => {
  const before = Date.now();
  const body = '{"title":"a"}';
  const created = await send(handler, "POST /posts", { body });
  const { createdAt, ...rest } = await created.json();
  assertEquals(rest, { title: "a", id: 3 });
  assert(createdAt >= before && createdAt <= Date.now());
  const patched = await send(handler, "PATCH /posts/1", { body });
  assertEquals(await patched.json(), { id: 1, title: "a" });
  const headers = { "content-type": "application/x-www-form-urlencoded" };
  const form = await send(handler, "POST /posts", { body: "title=b", headers });
  assertEquals(await form.json(), { title: "b", id: 4 });
  const list = await send(handler, "POST /posts", { body: '[{"title":"c"}]' });
  assertEquals(await list.json(), [{ title: "c", id: 5 }]);
});
