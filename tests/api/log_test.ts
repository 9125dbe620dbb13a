import { assertEquals } from "@std/assert";
import { formatEntry } from "../../tasks/api/log.ts";

const entry = { time: "t", method: "GET", path: "/", status: 400, ms: 1 };

Deno.test("a reason stays on its line", () => {
  const line = formatEntry({ ...entry, reason: "a\nb\r\n c" });
  assertEquals(line, "GET / 400 1.0 ms: a b c\n");
});
