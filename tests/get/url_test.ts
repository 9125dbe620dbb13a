import {
  assert,
  assertEquals,
  assertInstanceOf,
  assertRejects,
  assertStringIncludes,
  assertThrows,
} from "@std/assert";
import fc from "fast-check";
import { UsageError } from "../../lib/cli/errors.ts";
import { parseCommandLine } from "../../lib/cli/options.ts";
import { redactUrl } from "../../lib/cli/redact.ts";
import { COMMAND } from "../../tasks/get/get.ts";
import { redactOperand } from "../../tasks/get/redact.ts";
import { parseOperands, parseUrl } from "../../tasks/get/url.ts";
import { codePoint } from "../code_point.ts";

Deno.test("a URL may be typed short", () => {
  for (
    const [typed, href] of [
      ["http://a.example", "http://a.example/"],
      ["HTTPS://A.example:443/x?y#z", "https://a.example/x?y#z"],
      [":3000", "http://localhost:3000/"],
      [":3000/posts?a=b:c", "http://localhost:3000/posts?a=b:c"],
      ["3000", "http://localhost:3000/"],
      ["8080/posts?a=1#b", "http://localhost:8080/posts?a=1#b"],
      ["http:8080/x", "https://http:8080/x"],
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
      ["ada:pw@127.0.0.1:8000/x", "http://ada:pw@127.0.0.1:8000/x"],
      ["ada:pw@localhost/x", "http://ada:pw@localhost/x"],
      ["ada:p@ss=1@[::1]:81", "http://ada:p%40ss%3D1@[::1]:81/"],
      ["ada:pw@a.example/x@y", "https://ada:pw@a.example/x@y"],
      ["ada@127.0.0.1:8000/x", "http://ada@127.0.0.1:8000/x"],
      ["ada@a.example:8443/x", "https://ada@a.example:8443/x"],
      ["ada:@localhost", "http://ada@localhost/"],
    ] as const
  ) assertEquals(parseUrl(typed).href, href);
});

Deno.test("blanks around a URL are dropped, on both sides", () => {
  for (const typed of [" http://h/x", "http://h/x \t", "\r\nhttp://h/x\r\n"]) {
    assertEquals(parseUrl(typed).href, "http://h/x");
  }
  assertEquals(parseUrl(" :3000/x ").href, "http://localhost:3000/x");
  assertEquals(parseUrl("http://h/x y").href, "http://h/x%20y");
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
      "face@images/ada.png",
      "X-Token:@token.txt",
      "-",
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

Deno.test("secrets in an error: a malformed URL does not show its password", () => {
  for (
    const [typed, shown] of [
      ["http://me:secret@a.example:99999/", "http://***@a.example:99999/"],
      ["http://me:sec/ret@a.example", "http://***@a.example"],
      ["me:sec/ret@a.example", "//***@a.example"],
      ["me:secret@a.example:99999/", "//***@a.example:99999/"],
      ["me:secret@", "//***@"],
      ["ftp://me:secret@a.example", "ftp://***@a.example"],
    ] as const
  ) {
    const { message } = assertThrows(() => parseUrl(typed), UsageError);
    assertStringIncludes(message, `URL "${shown}"`);
    assert(!/sec|ret/.test(message), message);
  }
});

const PORT = "after the host comes a port, a number: localhost:3000";

Deno.test("an error about a URL hints at what is meant", () => {
  for (
    const [typed, hint] of [
      ["http://[fe80::1%25lo]", "get --resolve NAME:PORT:ADDRESS%ZONE"],
      ["[fe80::1%lo]:80/x", "get --resolve NAME:PORT:ADDRESS%ZONE"],
      ["fe80::1%lo", "get --resolve NAME:PORT:ADDRESS%ZONE"],
      ["http:/a.example/x?a=1&b=2", "mean 'http://a.example/x?a=1&b=2'?"],
      ["http://me:pa/ss@a.example", "in a password / ? and # are typed %2F"],
      ["me@a.example", "with a user: --auth USER URL"],
      ["X-Key:v", "headers and fields come after a URL"],
      ["http:/localhost:3000/x", "did you mean http://localhost:3000/x?"],
      ["https:a.example/x", "did you mean https://a.example/x?"],
      ["http//a.example", "did you mean http://a.example?"],
      ["HTTP;//a.example", "did you mean HTTP://a.example?"],
      ["65536", "a port is 1 to 65535"],
      [":123456", "a port is 1 to 65535"],
      [":abc/posts", "a port is 1 to 65535"],
      ["::1:3000/x", "an IPv6 address is in brackets: [::1]:3000"],
      ["localhost:3000\\posts", "did you mean localhost:3000/posts?"],
      ["/posts?a=1", "on this machine: ':3000/posts?a=1'"],
      ["htpp://localhost:3000/x", "did you mean http://localhost:3000/x?"],
      ["ttps://a.example/x", "did you mean https://a.example/x?"],
      ["http://localhost:99999/x", "a port is 1 to 65535"],
      ["localhost:65536?x", "a port is 1 to 65535"],
      [":0/posts", "a port is 1 to 65535"],
      ["0", "a port is 1 to 65535"],
      ["http://localhost:0/", "a port is 1 to 65535"],
      [":3000posts/1", "did you mean :3000/posts/1?"],
      ["localhost:3000posts", "did you mean localhost:3000/posts?"],
      ["//localhost:3000/x", "did you mean http://localhost:3000/x?"],
      ["//a.example/x?b&c", "did you mean 'https://a.example/x?b&c'?"],
      ["localhost:", PORT],
      ["www.example.com:http", PORT],
      ["localhost:3000:80/posts", PORT],
      ["http://localhost:http/", PORT],
      ["localhost:65537", "a port is 1 to 65535"],
      ["X-Key:12ab", "headers and fields come after a URL"],
      [":3000:80", PORT],
      ["[::1]:http", PORT],
    ] as const
  ) {
    const error = assertThrows(() => parseUrl(typed), UsageError);
    assertStringIncludes(error.hint ?? "", hint);
  }
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
      ["X-Token:@token.txt", "X-Token:@token.txt"],
      ["password=@token.txt", "password=@token.txt"],
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
      ["me:pw@a.example/?token=v", "***@a.example/?token=***"],
      ["me:p@w:w@localhost", "***@localhost"],
      ["a.example/?a=b&token=x&c=d", "a.example/?a=b&token=***&c=d"],
      [":3000/a;token=x", ":3000/a;token=***"],
      ["X-Key:v", "X-Key:***"],
      ["password=x", "password=***"],
    ] as const
  ) assertEquals(redactOperand(url, 0), shown);
  assertEquals(redactUrl("http://a/?x=1"), "http://a/?x=1");
});

Deno.test("what is no host is asked back before anybody is asked for it", async () => {
  for (
    const [typed, hint] of [
      ["posts", "did you mean :3000/posts? "],
      ["todos/1?a=b", "did you mean ':3000/todos/1?a=b'? "],
      ["0.0.0.0:3000/posts", "did you mean localhost:3000/posts? "],
      ["[::]:81", "did you mean localhost:81? "],
      ["help", ""],
    ] as const
  ) {
    const error = await assertRejects(
      () => parseOperands([typed]),
      UsageError,
    );
    assertStringIncludes(error.hint ?? "", hint);
  }
  // nothing of it is asked for on a terminal either
  for (const typed of ["posts", "0.0.0.0:81", "help", "localhst:3000"]) {
    await assertRejects(
      () => COMMAND.permissions(parseCommandLine(COMMAND.options, [typed])),
      UsageError,
    );
  }
  const { url } = await parseOperands(["http://posts/1"]);
  assertEquals(url.href, "http://posts/1");
});

Deno.test("an item that a shell has split at its blanks is put together in a hint", async () => {
  for (
    const [words, hint] of [
      [["title", "=", "foo"], "did you mean title=foo?"],
      [["a=b", "userId", ":=1"], "did you mean userId:=1?"],
      [["title=", "foo", "body=bar"], "did you mean title=foo?"],
      [
        ["title=my", "first", "post", "a=b"],
        "did you mean 'title=my first post'?",
      ],
      [["Accept:", "text/html"], "did you mean Accept:text/html?"],
      [["title:=foo", "bar"], "did you mean 'title=foo bar'?"],
      [["title", ":=", "foo"], "did you mean title=foo?"],
      [["ok", ":=", "True"], "did you mean ok:=true?"],
      [["n", ":=", "1"], "did you mean n:=1?"],
      [["n", ":=", "@a.json"], "did you mean n:=@a.json?"],
      [["X-Token:", "s3cret"], "did you mean 'X-Token:***'?"],
    ] as const
  ) {
    const error = await assertRejects(
      () => parseOperands([":3000", ...words]),
      UsageError,
    );
    assertEquals(error.hint, hint);
  }
  const { items, raw } = await parseOperands([":3000", "X-A;", "-", "a=="]);
  assertEquals([items.length, raw], [2, "-"]);
});
