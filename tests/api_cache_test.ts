import { assertEquals } from "@std/assert";
import { createCache } from "../lib/api/cache.ts";

Deno.test("a text is kept until the next write", () => {
  const cache = createCache(100);
  cache.read("/posts")("[]");
  assertEquals([cache.get("/posts"), cache.get("/albums")], ["[]", undefined]);
  cache.clear();
  assertEquals(cache.get("/posts"), undefined);
});

Deno.test("a full cache starts anew, and what is longer than all of it is not kept", () => {
  const cache = createCache(10);
  cache.read("/a")("12345678");
  cache.read("/b")("1234567");
  assertEquals([cache.get("/a"), cache.get("/b")], [undefined, undefined]);
  cache.read("/c")("1234567");
  cache.read("/d")("12345678901");
  assertEquals([cache.get("/c"), cache.get("/d")], [undefined, undefined]);
  cache.read("/e")("12345678");
  assertEquals(cache.get("/e"), "12345678");
});
