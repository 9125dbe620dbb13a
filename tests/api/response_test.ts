import { assert, assertEquals } from "@std/assert";
import {
  createCache,
  formatIgnored,
  formatLinks,
} from "../../tasks/api/response.ts";

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
