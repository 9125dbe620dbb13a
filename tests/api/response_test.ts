import { assert, assertEquals } from "@std/assert";
import {
  createCache,
  formatIgnored,
  formatLinks,
} from "../../tasks/api/response.ts";
import type { Middleware } from "../../tasks/api/middleware/middleware.ts";
import { openApi } from "./support.ts";

const good = () => true;

Deno.test("an answer is kept for as long as it is good", () => {
  let isGood = true;
  const cache = createCache(100);
  cache.set("/posts", { text: "[]" }, () => isGood);
  assertEquals(cache.get("/posts"), { text: "[]" });
  assertEquals(cache.get("/albums"), undefined);
  isGood = false;
  assertEquals(cache.get("/posts"), undefined);
});

Deno.test("a full cache starts anew, and what is longer than all of it is not kept", () => {
  const cache = createCache(10);
  cache.set("/a", { text: "12345678" }, good);
  cache.set("/b", { text: "1234567" }, good);
  assertEquals([cache.get("/a"), cache.get("/b")], [undefined, undefined]);
  cache.set("/c", { text: "1234567" }, good);
  cache.set("/d", { text: "12345678901" }, good);
  assertEquals([cache.get("/c"), cache.get("/d")], [undefined, undefined]);
  cache.set("/e", { text: "12345678" }, good);
  assertEquals(cache.get("/e"), { text: "12345678" });
});

Deno.test("an answer that takes another's place is counted once", () => {
  const cache = createCache(20);
  cache.set("/a", { text: "123456789" }, good);
  for (let n = 0; n < 9; n++) cache.set("/b", { text: "1234567" }, good);
  assertEquals(cache.get("/a"), { text: "123456789" });
});

Deno.test("links lead to the first, previous, next and last page, and to none where all is on one", () => {
  const url = "http://localhost/posts?_page=2&_limit=3";
  const relsOf = (number: number, total: number) =>
    [
      ...formatLinks(url, { number, size: 3 }, total).matchAll(
        /page=(\d+)&_limit=3>; rel="(\w+)"/g,
      ),
    ]
      .map(([, page, rel]) => `${rel} ${page}`);
  assertEquals(relsOf(2, 9), ["first 1", "prev 1", "next 3", "last 3"]);
  assertEquals(relsOf(2, 6), ["first 1", "prev 1", "last 2"]);
  assertEquals(relsOf(1, 3), []);
  assertEquals(relsOf(4, 9), []);
});

Deno.test("a link changes the number of the page, and no other byte of the URL", () => {
  // Each with N where the number of the page is to be.
  const table: readonly (readonly [asked: string, links: string])[] = [
    ["/posts?_page=2", "/posts?_page=N"],
    ["/posts?homepage=2&_page=2&page=2", "/posts?homepage=2&_page=N&page=2"],
    ["/posts?_page=02&_limit=3", "/posts?_page=N&_limit=3"],
    ["/posts?_page=2x", "/posts?_page=N"],
    ["/posts?_page=2&_page=3", "/posts?_page=N&_page=3"],
    ["/posts?%5Fpage=2&a=%20+", "/posts?%5Fpage=N&a=%20+"],
    ["/posts?_page=%32", "/posts?_page=N"],
    ["/@s/posts?_delay=5&_page=2&", "/@s/posts?_delay=5&_page=N&"],
    ["/posts?q=?_page=2&_page=2", "/posts?q=?_page=2&_page=N"],
    ["/posts?a&&%zz=%&_page=2", "/posts?a&&%zz=%&_page=N"],
    ["/_page=2?_page=2", "/_page=2?_page=N"],
    ["/posts?_page[]=2&id[]=1", "/posts?_page[]=N&id[]=1"],
    ["/posts?_page%5B0%5D=2&_page=9", "/posts?_page%5B0%5D=N&_page=9"],
    ["/posts?_page[x]=9&_page=2", "/posts?_page[x]=9&_page=N"],
    ["/posts?_page=x", "/posts?_page=x"], // as in 0.17
  ];
  for (const [asked, links] of table) {
    const page = { number: 2, size: 3 };
    const found = formatLinks(`http://localhost${asked}`, page, 9)
      .matchAll(/<http:\/\/localhost(.*?)>; rel="(\w+)"/g);
    assertEquals(
      Array.from(found, ([, url]) => url),
      [1, 1, 3, 3].map((number) => links.replace("N", `${number}`)),
      asked,
    );
  }
});

Deno.test("a page in an envelope links to pages that there are", () => {
  const page = { number: 99, size: 3, enveloped: true };
  assertEquals(
    formatLinks("http://localhost/a?_page=99&_per_page=3", page, 6),
    '<http://localhost/a?_page=1&_per_page=3>; rel="first", ' +
      '<http://localhost/a?_page=1&_per_page=3>; rel="prev", ' +
      '<http://localhost/a?_page=2&_per_page=3>; rel="last"',
  );
});

Deno.test("the header of what was ignored is no longer than a client reads", () => {
  const key = "ü".repeat(10_000);
  const ignored = Array.from({ length: 90 }, () => ({ key, meant: undefined }));
  assert(formatIgnored(ignored).length < 16_000);
});

const proxies: readonly Record<string, string>[] = [
  { "x-forwarded-proto": "https" },
  { "x-forwarded-for": "10.0.0.1" },
  { "x-forwarded-prefix": "/api" },
  { "x-forwarded-host": "evil.example" },
  { "x-real-ip": "10.0.0.1" },
  { "forwarded": "proto=https" },
  { "via": "1.1 varnish" },
  { "connection": "close", "user-agent": "Mozilla/5.0 (X11; Linux x86_64)" },
  { "connection": "close", "user-agent": "curl/8.5.0" },
  { "connection": "Close", "user-agent": "node" },
  { "sec-fetch-site": "same-origin", "referer": "http://localhost:5173/a" },
  { "sec-fetch-site": "same-origin", "origin": "https://localhost:3000" },
];

Deno.test("Link and Location lead to the same behind a proxy, whatever that puts before the path", async () => {
  using api = openApi();
  const table: readonly (readonly [line: string, to: string, text: string])[] =
    [
      ["GET /posts?_page=2&a=%20+", "/posts?_page=3&a=%20+", "posts"],
      ["GET /posts/?_page=2", "/posts/?_page=3", "./"],
      ["GET /posts?_page=2&title_ne=?_", "/posts?_page=3&title_ne=?_", "posts"],
      ["GET /users/1/todos?_page=1", "/users/1/todos?_page=2", "todos"],
      ["GET /@a/posts?_page=9", "/@a/posts?_page=10", "posts"],
      ["POST /posts", "/posts/101", "posts/101"],
      ["POST /posts/", "/posts/102", "102"],
      ["POST /users/1/posts", "/posts/103", "../../posts/103"],
      ["POST /@a/posts", "/@a/posts/101", "posts/101"],
      ["POST /@a/users/1/posts", "/@a/posts/102", "../../posts/102"],
    ];
  const [proxied] = proxies;
  for (const [line, to, text] of table) {
    const [method, path = ""] = line.split(" ");
    const body = method === "POST" ? "{}" : null;
    const { headers } = await api.ask(line, {
      body,
      ...proxied && { headers: proxied },
    });
    const reference = headers.get("location") ??
      headers.get("link")?.match(/<([^>]*)>; rel="next"/)?.[1] ?? "";
    assertEquals(reference.replace(/\?.*/, ""), text, line);
    for (const base of ["https://a.example", "http://a.example:8080/x/y"]) {
      assertEquals(new URL(reference, base + path).href, base + to, line);
    }
  }
  const body = '{"id":1}';
  const taken = await api.ask("POST /posts", { body, headers: proxied ?? {} });
  assertEquals(
    [taken.status, taken.headers.get("location")],
    [409, "posts/1"],
  );
});

Deno.test("what comes through no proxy gets the whole URL, as json-server has it, from the cache too", async () => {
  using api = openApi();
  const linkOf = async (headers: HeadersInit) =>
    (await api.ask("GET /posts?_page=1", { headers })).headers.get("link")
      ?.match(/<([^>]*)>; rel="next"/)?.[1];
  const whole = "http://localhost:3000/posts?_page=2";
  for (
    const direct of [
      {},
      // Ruby, PHP, Python's urllib and node's older clients close by themselves
      { connection: "close", "user-agent": "Python-urllib/3.11" },
      { connection: "close" },
      { connection: "close", "user-agent": "node-fetch/1.0" },
      { connection: "keep-alive", "user-agent": "Mozilla/5.0 (X11)" },
      { "user-agent": "curl/8.5.0" },
      { origin: "http://localhost:5173", "sec-fetch-site": "same-site" },
      { "sec-fetch-site": "none" },
      { "sec-fetch-site": "same-origin", referer: "http://localhost:3000/" },
    ]
  ) {
    for (const proxied of proxies) {
      assertEquals(await linkOf(direct), whole, JSON.stringify(direct));
      const link = await linkOf(proxied);
      assertEquals(link, "posts?_page=2", JSON.stringify(proxied));
    }
  }
});

Deno.test("a redirect of middleware to the api's own URL is relative behind a proxy, one to elsewhere is not", async () => {
  const redirect: Middleware = ({ url }, next) => {
    const { pathname, origin } = new URL(url);
    if (pathname === "/old") return Response.redirect(`${origin}/posts`);
    if (pathname === "/away") return Response.redirect(`${origin}0/posts`);
    return next(new Request(url));
  };
  using api = openApi({ middleware: [redirect] });
  const headers = { via: "1.1 a" };
  const to = async (path: string) =>
    (await api.send(`GET ${path}`, { headers })).headers.get("location");
  assertEquals(await to("/old"), "posts");
  assertEquals(await to("/away"), "http://localhost:30000/posts");
});

Deno.test("a 404 says why in its body to who wants a problem as much as JSON", async () => {
  using api = openApi();
  const table: readonly (readonly [accept: string, isProblem: boolean])[] = [
    ["application/problem+json", true],
    ["application/json, application/problem+json", true],
    ["Application/Problem+JSON;q=0.1", true],
    ["application/json;q=0.5, application/problem+json;q=0.9", true],
    ["application/problem+json;q=0", false],
    ["application/json, application/problem+json;q=0.5", false],
    ["application/problem+json;q=0.0, */*", false],
    ["*/*", false],
    ["", false],
  ];
  for (const [accept, isProblem] of table) {
    const { status, text, headers } = await api.ask("GET /nope", {
      headers: { accept },
    });
    assertEquals([status, text === "{}"], [404, !isProblem], accept);
    assertEquals(
      headers.get("vary"),
      "Origin, Accept-Encoding, Accept, Prefer",
    );
  }
});
