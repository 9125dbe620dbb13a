import { assertEquals } from "@std/assert";
import { createCache, formatLinks } from "../../tasks/api/response.ts";

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
