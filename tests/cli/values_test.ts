import { assertEquals, assertThrows } from "@std/assert";
import { UsageError } from "../../lib/cli/errors.ts";
import { hideMalformed, parseCount } from "../../lib/cli/values.ts";

Deno.test("parseCount() reads whole numbers from 1 on", () => {
  assertEquals(["1", "1000"].map((text) => parseCount(text)), [1, 1000]);
  for (const text of ["0", "", "-1", "1.5", "9".repeat(20)]) {
    assertEquals(
      assertThrows(() => parseCount(text), UsageError).message,
      `Cannot parse number "${text}": expected 1 or more`,
    );
  }
});

const MALFORMED: [string, string][] = [
  ["http://me:pw@a.example/x?y", "http://***@a.example/x?y"],
  ["socks5h://me@a.example", "socks5h://***@a.example"],
  ["me:pw@a.example", "***@a.example"],
  ["http://me:p/w@a.example", "http://***@a.example"],
  ["http://me:p@w@a.example", "http://***@a.example"],
  ["http://me:p\nw @a.example", "http://***@a.example"],
  ["http:/me:pw@a.example", "***@a.example"],
  ["git+ssh://me:pw@a.example", "***@a.example"],
  ["http://a.example/me@b", "http://***@b"],
  ["http://me:pw@", "http://***@"],
  ["http://a.example:80/", "http://a.example:80/"],
  ["", ""],
];

Deno.test("hideMalformed() shows nothing before the last @ but the scheme", () => {
  for (const [text, hidden] of MALFORMED) {
    assertEquals(hideMalformed(text), hidden, text);
  }
});
