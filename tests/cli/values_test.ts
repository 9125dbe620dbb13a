import { assert, assertEquals, assertMatch, assertThrows } from "@std/assert";
import { UsageError } from "../../lib/cli/errors.ts";
import {
  hideMalformed,
  parseCount,
  parseOrigin,
} from "../../lib/cli/values.ts";

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

Deno.test("parseOrigin() reads the site of a page as browsers send it", () => {
  const table = [
    ["*", "*"],
    ["null", "null"],
    ["https://App.Example/", "https://app.example"],
    ["https://app.example:443", "https://app.example"],
    ["http://app.example:8080", "http://app.example:8080"],
    ["http://bücher.example", "http://xn--bcher-kva.example"],
    ["http://[2001:DB8::1]:80", "http://[2001:db8::1]"],
    ["Capacitor://localhost", "capacitor://localhost"],
    ["chrome-extension://abcdef", "chrome-extension://abcdef"],
  ];
  for (const [text = "", origin] of table) {
    assertEquals(parseOrigin(text), origin);
  }
  for (
    const text of [
      "",
      "app.example",
      "localhost:5173",
      "//app.example",
      "https://",
      "https://app.example/path",
      "https://app.example?a",
      "https://app.example#a",
      "https://me:secret@app.example",
      "https://*.example.com",
      "https://app.*",
      "https://*.example",
      "https://a b",
      "https://a.example:99999",
      "file:///a.html",
      "javascript:1",
    ]
  ) {
    const { message } = assertThrows(() => parseOrigin(text), UsageError);
    assertMatch(message, /^Cannot parse origin ".*": expected https:/);
    assert(!message.includes("secret"), message);
  }
});
