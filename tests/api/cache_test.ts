import { assertEquals } from "@std/assert";
import { createCache } from "../../tasks/api/response.ts";

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
