import {
  assert,
  assertEquals,
  assertInstanceOf,
  assertThrows,
} from "@std/assert";
import fc from "fast-check";
import { UsageError } from "../../lib/cli/errors.ts";
import { redactUrl } from "../../lib/cli/redact.ts";
import { redactOperand } from "../../tasks/get/redact.ts";
import { parseUrl } from "../../tasks/get/url.ts";
import { codePoint } from "../code_point.ts";

Deno.test("a URL may be typed short", () => {
  for (
    const [typed, href] of [
      ["http://a.example", "http://a.example/"],
      ["HTTPS://A.example:443/x?y#z", "https://a.example/x?y#z"],
      [":3000", "http://localhost:3000/"],
      [":3000/posts?a=b:c", "http://localhost:3000/posts?a=b:c"],
      ["localhost", "http://localhost/"],
      ["localhost:8080/x", "http://localhost:8080/x"],
      ["api.localhost/x", "http://api.localhost/x"],
      ["127.0.0.1:81?q", "http://127.0.0.1:81/?q"],
      ["127.1", "http://127.0.0.1/"],
      ["[::1]:81/x", "http://[::1]:81/x"],
      ["a.example", "https://a.example/"],
      ["a.example:8443/x#y", "https://a.example:8443/x#y"],
      ["localhost.example", "https://localhost.example/"],
      ["127.example", "https://127.example/"],
      ["bücher.example", "https://xn--bcher-kva.example/"],
      ["[2001:db8::1]/x", "https://[2001:db8::1]/x"],
    ] as const
  ) assertEquals(parseUrl(typed).href, href);
});

Deno.test("a malformed URL is a usage error that shows what was typed", () => {
  for (
    const typed of [
      "",
      " ",
      ":",
      ":/x",
      ":abc",
      ":65536",
      "localhost:",
      "localhost:abc",
      "localhost:-1",
      "localhost:0x50",
      "http://localhost:65536/",
      "http://localhost:0x50/",
      "http://",
      "http://a b/",
      "http://[::1",
      "::1",
      "a=b",
      "a==b/c",
      "X-Key:v",
      "a@b.example",
      "/posts",
      "./README.md",
      "../a",
      "http://./a",
      "http:/a",
      "mailto:a@b",
      "data:,x",
      "http://exa\nmple.com",
      "http://a.example/\u0007",
    ]
  ) {
    assertThrows(
      () => parseUrl(typed),
      UsageError,
      `Cannot parse URL "${typed}"`,
    );
  }
});

Deno.test("only http and https are spoken", () => {
  for (const typed of ["ftp://a.example/", "file:///etc/passwd", "ws://a/"]) {
    const error = assertThrows(() => parseUrl(typed), UsageError);
    assertEquals(
      error.message,
      `Cannot use URL "${typed}": expected http or https`,
    );
  }
});

Deno.test("an error about a URL does not show its password", () => {
  const error = assertThrows(
    () => parseUrl("http://me:secret@a.example:99999/"),
    UsageError,
  );
  assert(!error.message.includes("secret"), error.message);
});

Deno.test("a URL parses or is a usage error for any text", () => {
  fc.assert(fc.property(fc.string({ unit: codePoint }), (text) => {
    try {
      assert(/^https?:$/.test(parseUrl(text).protocol));
    } catch (error) {
      assertInstanceOf(error, UsageError);
    }
  }));
});

Deno.test("secrets in operands are hidden, and nothing else", () => {
  for (
    const [operand, shown] of [
      ["Authorization:Bearer x", "Authorization:***"],
      ["X-Api-Key:x", "X-Api-Key:***"],
      ["Cookie:a=b", "Cookie:***"],
      ["api_token==x", "api_token==***"],
      ["password=x", "password=***"],
      ["user[password]=x", "user[password]=***"],
      ["session_token:=1", 'session_token:="***"'],
      ["Accept:text/plain", "Accept:text/plain"],
      ["title=foo", "title=foo"],
      [":3000/x?page=1&api_key=v#f", ":3000/x?page=1&api_key=***#f"],
      ["https://me:pw@a.example/?b", "https://***@a.example/?b"],
      ["-X", "-X"],
      ["pin:=12x", "pin:=***"],
      ["token[=x", "token[=***"],
      ['a:={"jwt":"x","b":1}', 'a:={"jwt":"***","b":1}'],
      ['X-A:{"secret":"x"}', 'X-A:{"secret":"***"}'],
      ["Referer:http://a/?sig=x", "Referer:http://a/?sig=***"],
      ["a=http://me:pw@b/", "a=http://***@b/"],
      ["design=x", "design=x"],
      ["status_code:=200", "status_code:=200"],
      // the path of a file is none
      ["password=@pw.txt", "password=@pw.txt"],
      ["key:=@a.json", "key:=@a.json"],
      ["token@a.bin", "token@a.bin"],
      ["@a?token=x", "@a?token=x"],
    ] as const
  ) assertEquals(redactOperand(operand), shown);
  for (
    const [url, shown] of [
      ["me:pw@a.example/x", "***@a.example/x"],
      ["a.example/?a=b&token=x&c=d", "a.example/?a=b&token=***&c=d"],
      [":3000/a;token=x", ":3000/a;token=***"],
      ["X-Key:v", "X-Key:***"],
      ["password=x", "password=***"],
    ] as const
  ) assertEquals(redactOperand(url, 0), shown);
  assertEquals(redactUrl("http://a/?x=1"), "http://a/?x=1");
});
