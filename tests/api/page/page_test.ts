import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { createHandler } from "../../../tasks/api/handler.ts";
import { serveOpenApi } from "../../../tasks/api/openapi/openapi.ts";
import { servePage } from "../../../tasks/api/page/page.ts";
import { seed } from "../../../tasks/api/store/seed.ts";
import { openStore } from "../../../tasks/api/store/sqlite.ts";
import { send } from "../support.ts";

const routes = { "/": servePage, "/openapi.json": serveOpenApi };
const html = { accept: "text/html" };

async function responseOf(path: string, headers: HeadersInit, db?: string) {
  using store = openStore(":memory:", seed);
  const handler = createHandler(store, { routes });
  if (db !== undefined) {
    const put = await send(handler, "PUT /db", { body: db });
    assertEquals(put.status, 200);
  }
  const response = await send(handler, `GET ${path}`, { headers });
  return { response, text: await response.text() };
}

Deno.test("the page is for browsers: who does not accept HTML gets the resources and their counts", async () => {
  for (const accept of ["*/*", "application/json", ""]) {
    const { response, text } = await responseOf("/", { accept });
    assertEquals(
      [response.status, response.headers.get("content-type")],
      [200, "application/json; charset=utf-8"],
    );
    assertEquals(JSON.parse(text), {
      posts: { url: "/posts", count: 100 },
      comments: { url: "/comments", count: 500 },
      albums: { url: "/albums", count: 100 },
      photos: { url: "/photos", count: 5000 },
      users: { url: "/users", count: 10 },
      todos: { url: "/todos", count: 200 },
    });
  }
  const own = `{"a b": [{"id": 1}], "me": {}, "none": []}`;
  const { text } = await responseOf("/@mine/", {}, own);
  assertEquals(JSON.parse(text), {
    "a b": { url: "/@mine/a%20b", count: 1 },
    me: { url: "/@mine/me", count: 1 },
    none: { url: "/@mine/none", count: 0 },
  });
  assertEquals((await responseOf("/", html)).response.status, 200);
});

Deno.test("names and examples of documents never become markup", async () => {
  const bad = `<img src="x" onerror='a'>&`;
  const db = JSON.stringify({ [bad]: [{ [bad]: bad }], "empty": [] });
  const { text } = await responseOf("/", html, db);
  assert(!text.includes("<img"));
  assertStringIncludes(
    text,
    "&#60;img src=&#34;x&#34; onerror=&#39;a&#39;&#62;&#38;",
  );
  assertStringIncludes(
    text,
    `href="./%3Cimg%20src%3D%22x%22%20onerror%3D&#39;a&#39;%3E%26"`,
  );
});

Deno.test("the page of a sandbox links to the sandbox", async () => {
  const { text } = await responseOf("/@mine", html);
  assertStringIncludes(text, `<a href="./@mine/posts">posts</a>`);
  assertStringIncludes(text, "<title>hark api: @mine</title>");
  assert(!text.includes(`href="./posts"`));
});

Deno.test("the page links to what is beside it, wherever a proxy puts it", async () => {
  const db = `{"posts": [{"id": 1}], "a:b": []}`;
  for (
    const [path, wanted] of [
      ["/", ["@sandbox/", "a%3Ab", "db", "openapi.json", "posts"]],
      ["/@mine/", [
        "",
        "@mine/a%3Ab",
        "@mine/db",
        "@mine/openapi.json",
        "@mine/posts",
      ]],
      ["/@mine", [
        "",
        "@mine/a%3Ab",
        "@mine/db",
        "@mine/openapi.json",
        "@mine/posts",
      ]],
    ] as const
  ) {
    const { text } = await responseOf(path, html, db);
    const links = text.matchAll(/<a href="([^"]*)"/g)
      .map(([, link]) =>
        new URL(link ?? "", `https://a.example/api${path}`).href
      );
    const expected = wanted.map((each) => `https://a.example/api/${each}`);
    assertEquals([...new Set(links)].sort(), expected, path);
  }
  const headers = { "x-forwarded-proto": "https" };
  const listed = await responseOf("/@mine", headers, db);
  assertEquals(JSON.parse(listed.text).posts.url, "./@mine/posts");
});

Deno.test("Accept decides by its q whether the page comes", async () => {
  const browser =
    "text/html,application/xhtml+xml,application/xml;q=0.9,image/webp,*/*;q=0.8";
  const table: readonly (readonly [accept: string, isPage: boolean])[] = [
    [browser, true],
    ["TEXT/HTML", true],
    ["text/html, application/json;q=0.9", true],
    ["text/html;q=0", false],
    ["text/html;q=0, */*", false],
    ["application/json, text/html;q=0.9", false],
    ["application/json, text/plain, */*", false],
  ];
  for (const [accept, isPage] of table) {
    const { response } = await responseOf("/", { accept });
    const type = response.headers.get("content-type") ?? "";
    assertEquals(type.startsWith("text/html"), isPage, accept);
    assertEquals(
      response.headers.get("vary"),
      "Origin, Accept-Encoding, Accept, Prefer",
    );
  }
});

Deno.test("the page shows an empty api and one object alone", async () => {
  assertStringIncludes((await responseOf("/", html, "{}")).text, `value="/"`);
  const { text } = await responseOf(
    "/",
    html,
    `{"me": {"name": "Ada", "at": []}}`,
  );
  assertStringIncludes(text, "<td>one object</td>");
  assertStringIncludes(text, "at&nbsp;<i>array</i>");
});
