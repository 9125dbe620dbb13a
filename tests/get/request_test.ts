import {
  assert,
  assertEquals,
  assertMatch,
  assertRejects,
  assertStringIncludes,
} from "@std/assert";
import { Failure, UsageError } from "../../lib/cli/errors.ts";
import { describe, exitCodeOf } from "../../lib/cli/reasons.ts";
import { type HttpRequest, isBeyondFetch } from "../../lib/http/request.ts";
import { createRequest } from "../../tasks/get/get.ts";
import type { RequestOptions } from "../../tasks/get/request.ts";
import { requiredPermissions } from "../../tasks/get/send_options.ts";
import { parseOperands } from "../../tasks/get/url.ts";
import { createMemoryIo, type MemoryOptions } from "../support.ts";
import { withFiles } from "./support.ts";

const TARGET = "http://h/x?a=%20b";

/** Makes a POST of operands after a URL. */
async function requestOf(
  items: readonly string[],
  options: RequestOptions & MemoryOptions & { url?: string; method?: string } =
    {},
): Promise<HttpRequest> {
  const { url = TARGET, method = "POST" } = options;
  const target = await parseOperands([url, ...items]);
  return createRequest(
    { ...target, method },
    createMemoryIo(options).io,
    options,
  );
}

async function bodyOf(
  items: readonly string[],
  options: RequestOptions & MemoryOptions = {},
): Promise<[type: string | undefined, text: string]> {
  const { headers, body } = await requestOf(items, options);
  const type = headers.find(([name]) => name === "content-type");
  return [type?.[1], await new Response(body?.open()).text()];
}

Deno.test("what cannot be sent is a usage error, before anything is read", async () => {
  for (
    const [items, message, options] of [
      [
        ["X-A:a\r\nB: c"],
        'Cannot send header "X-A": its value has a control character',
      ],
      [["X-A:a\0"], 'Cannot send header "X-A"'],
      [["X-A:\u001b[2J"], 'Cannot send header "X-A"'],
      [["X-A:\u007f"], 'Cannot send header "X-A"'],
      [["a b:c"], 'Cannot use header name "a b"'],
      [["é:c"], 'Cannot use header name "é"'],
      [["X\r\nY:c"], 'Cannot use header name "X\r\nY"'],
      [
        ["Content-Length:1", "a=b"],
        'Cannot send header "Content-Length": the body says how long it is',
      ],
      [["transfer-encoding:"], 'Cannot send header "transfer-encoding"'],
      [
        ["Transfer-Encoding:chunked", "a=b"],
        'Cannot send header "Transfer-Encoding"',
      ],
      [
        ["Transfer-Encoding:gzip", "-"],
        'Cannot send header "Transfer-Encoding"',
      ],
      [["a@b.png"], 'Cannot send "a@b.png" as JSON: a file needs a form'],
      [["@"], 'Cannot send body "@": its file is missing'],
      [
        ["@none", "-"],
        'Cannot send both "@none" and "-": a request has one body',
      ],
      [["-", "-"], 'Cannot send both "-" and "-"'],
      [["-", "a=b"], 'Cannot send both "-" and "a=b"'],
      [["a:={}"], 'Cannot send "a:={}" in a form: expected text', {
        form: true,
      }],
      [["a:=null", "b@none"], 'Cannot send "a:=null" in a form', {
        form: true,
      }],
      [["@none", "X:\0"], 'Cannot send header "X"'],
    ] as readonly (readonly [string[], string, RequestOptions?])[]
  ) {
    await assertRejects(() => requestOf(items, options), UsageError, message);
  }
});

Deno.test("a file that cannot be sent is named by its path from the root", async () => {
  await withFiles({
    latin1: new Uint8Array([0xe9]),
    json: "{",
  }, async (folder) => {
    const form = { form: true };
    for (
      const [item, message, options] of [
        ["@none", 'Cannot read "<none": no such file'],
        ["@.", 'Cannot read "<.": it is a directory'],
        ["a=@none", 'Cannot read "<none": no such file'],
        ["a:=@none", 'Cannot read "<none": no such file'],
        ["a@none", 'Cannot read "<none": no such file', form],
        ["a@.", 'Cannot read "<.": it is a directory', form],
        ["a=@latin1", 'Cannot send the text of "<latin1": it is not UTF-8'],
        [
          "a=@latin1",
          'Cannot send the text of "<latin1": it is not UTF-8',
          form,
        ],
        [
          "a:=@json",
          'Cannot send "<json" as JSON: its content is not JSON',
        ],
        [
          "a:=@json",
          'Cannot send "<json" as JSON: its content is not JSON',
          form,
        ],
      ] as const
    ) {
      const error = await assertRejects(
        () => requestOf([item.replace("@", `@${folder}/`)], options),
        Failure,
      );
      assertEquals(describe(error), message.replace("<", `${folder}/`), item);
      assertEquals(exitCodeOf(error), 1);
    }
    const error = await assertRejects(() => requestOf(["@./none"]), Failure);
    assertEquals(error.message, `Cannot read "${Deno.cwd()}/none"`);
  });
});

Deno.test("a request is made from items", async () => {
  const url = "http://me:p%40%C3%BC@h/x?a=%20b#c";
  const target = await parseOperands([url]);
  const request = await requestOf(
    ["q==c d&", "X-A: \té ", "Content-Type:text/x", "t=1", "X-B:1", "X-B:2"],
    { url },
  );
  assertEquals(request.url.href, "http://h/x?a=%20b&q=c+d%26#c");
  assertEquals(request.headers, [
    ["authorization", `Basic ${btoa("me:p@\xc3\xbc")}`],
    ["X-A", "\xc3\xa9"],
    ["Content-Type", "text/x"],
    ["X-B", "1"],
    ["X-B", "2"],
  ]);
  assertEquals(request.typed, ["authorization", "x-a", "content-type", "x-b"]);
  assertEquals(request.unset, []);
  assertEquals(new TextDecoder().decode(request.body?.bytes), '{"t":"1"}');
  assertEquals(target.url.username, "me");
});

Deno.test("a header's last byte is no blank", async () => {
  // the UTF-8 of à ends in the byte of a no-break space
  assertEquals((await requestOf(["X: à\u00a0 "])).headers, [
    ["X", "\xc3\xa0\xc2\xa0"],
  ]);
});

Deno.test("a header without a value is not sent, one of blanks is sent empty", async () => {
  const request = await requestOf(
    ["authorization:", "content-type:", "a=b", "User-Agent:", "X-Empty: "],
    { url: "http://me@h/" },
  );
  assertEquals(request.headers, [["X-Empty", ""]]);
  assertEquals(request.unset, ["authorization", "content-type", "user-agent"]);
  assertEquals(
    request.typed,
    ["authorization", "content-type", "user-agent", "x-empty"],
  );
  const both = await requestOf(["Accept:", "accept:a/b"]);
  assertEquals([both.headers, both.unset], [[["accept", "a/b"]], []]);
});

Deno.test("a URL alone is requested as it is", async () => {
  const request = await requestOf([], { url: "http://h/x?y" });
  assertEquals(
    [request.url.href, request.headers, request.typed, request.body],
    [
      "http://h/x?y",
      [],
      [],
      undefined,
    ],
  );
});

Deno.test("a query joins the one that is there, and an empty one", async () => {
  for (
    const [url, expected] of [
      ["http://h", "http://h/?a=1&a=2"],
      ["http://h/?", "http://h/?a=1&a=2"],
      ["http://h/?x=%2f+y", "http://h/?x=%2f+y&a=1&a=2"],
    ] as const
  ) {
    assertEquals(
      (await requestOf(["a==1", "a==2"], { url })).url.href,
      expected,
    );
  }
});

Deno.test("fields are read from files, as text and as JSON", async () => {
  await withFiles({ a: "\ufeff 1.10\n", b: '"é"' }, async (folder) => {
    const items = [
      `text=@${folder}/a`,
      `json:=@${folder}/a`,
      `b:=@${folder}/b`,
    ];
    assertEquals(await bodyOf(items), [
      "application/json",
      '{"text":" 1.10\\n","json":1.10,"b":"é"}',
    ]);
    assertEquals(await bodyOf(items, { form: true }), [
      "application/x-www-form-urlencoded",
      "text=+1.10%0A&json=1.10&b=%C3%A9",
    ]);
  });
});

Deno.test("a form has its fields in order, by the names that were typed", async () => {
  const form = { form: true };
  assertEquals(
    (await bodyOf(["a=1 2", "a=&=", "b[c][]=é", "n:=1.10", "t:= true "], form))[
      1
    ],
    "a=1+2&a=%26%3D&b%5Bc%5D%5B%5D=%C3%A9&n=1.10&t=true",
  );
  assertEquals((await requestOf([], form)).body, undefined);
});

Deno.test("a form with a file is multipart", async () => {
  await withFiles({ "a.png": "x", "b": "y" }, async (folder) => {
    const request = await requestOf([
      "t=1",
      `a@${folder}/a.png`,
      `b@${folder}/b;type=text/x-b`,
      `c=@${folder}/b`,
    ], { form: true });
    const [[, type = ""] = []] = request.headers;
    assertMatch(type, /^multipart\/form-data; boundary=hark-[\da-f-]{36}$/);
    const form = await new Response(request.body?.open(), {
      headers: { "content-type": type },
    }).formData();
    const seen = [...form].map(([name, value]) =>
      typeof value === "string"
        ? [name, value]
        : [name, value.name, value.type, value.size]
    );
    assertEquals(seen, [
      ["t", "1"],
      ["a", "a.png", "image/png", 1],
      ["b", "b", "text/x-b", 1],
      ["c", "y"],
    ]);
  });
});

Deno.test("a raw body goes out as it is, with the type that its name says", async () => {
  const bytes = new Uint8Array([0, 255, 13, 10]);
  await withFiles(
    { "a.json": bytes, b: bytes, "@c": bytes },
    async (folder) => {
      for (
        const [operand, type, options] of [
          ["@a.json", "application/json"],
          ["@b", "application/octet-stream"],
          ["@b;type=image/png", "image/png"],
          ["@@c", "application/octet-stream"],
          ["@b", "application/x-www-form-urlencoded", { form: true }],
        ] as const
      ) {
        const path = operand.replace("@", `@${folder}/`);
        const request = await requestOf([path, "X-A:1", "q==2"], options);
        assertEquals(request.body?.bytes, bytes);
        assertEquals(request.headers, [["content-type", type], ["X-A", "1"]]);
        assertEquals(request.url.search, "?a=%20b&q=2");
      }
    },
  );
});

Deno.test("standard input is read for - alone", async () => {
  const never = async function* () {
    yield "";
    throw new Error("stdin was read");
  };
  assertEquals((await requestOf(["a=b"], { stdin: never() })).body?.length, 9);
  assertEquals((await requestOf([], { stdin: never() })).body, undefined);
  for (const operand of ["-", "@-"]) {
    const request = await requestOf([operand], { stdin: ["a", "", "b"] });
    assertEquals(new TextDecoder().decode(request.body?.bytes), "ab");
    assertEquals(request.headers, [["content-type", "application/json"]]);
    assertEquals(request.body?.again, true);
  }
  assertEquals((await requestOf(["-"])).body?.length, 0);
  assertEquals(
    (await bodyOf(["-"], { stdin: "a=b", form: true }))[0],
    "application/x-www-form-urlencoded",
  );
  await assertRejects(
    () => requestOf(["-"], { stdin: never() }),
    Error,
    "stdin was read",
  );
});

Deno.test("a long standard input is streamed once, without a length", async () => {
  const text = "x".repeat(3_000_000);
  const { body } = await requestOf(["-"], { stdin: [text, "end"] });
  assertEquals([body?.length, body?.bytes, body?.again], [
    undefined,
    undefined,
    false,
  ]);
  assertEquals(await new Response(body?.open()).text(), `${text}end`);
});

Deno.test("Transfer-Encoding:chunked sends standard input as it comes", async () => {
  const { promise, resolve } = Promise.withResolvers<void>();
  const stdin = async function* () {
    yield "first";
    await promise;
    yield "second";
  };
  const request = await requestOf(["-", "transfer-encoding: Chunked"], {
    stdin: stdin(),
  });
  assertEquals(request.headers, [["content-type", "application/json"]]);
  assert(request.body !== undefined);
  const reader = request.body.open().getReader();
  const read = async () =>
    new TextDecoder().decode((await reader.read()).value);
  assertEquals(await read(), "first");
  resolve();
  assertEquals(await read(), "second");
  assertEquals((await reader.read()).done, true);
});

Deno.test("what is beyond fetch is told apart", async () => {
  await withFiles({ big: new Uint8Array(2 << 20) }, async (folder) => {
    for (
      const [items, expected, method] of [
        [["a=b"], false],
        [["@-"], false],
        [["Accept:x", "X-A:", "Content-Type:"], false],
        [["Host:a.example"], true],
        [["User-Agent:"], true],
        [["accept:"], true],
        [["Accept-Encoding:"], true],
        [["a=b"], true, "GET"],
        [[], false, "GET"],
        [[], true, "TRACE"],
        [[`@${folder}/big`], true],
      ] as readonly (readonly [string[], boolean, string?])[]
    ) {
      const request = await requestOf(items, { ...method && { method } });
      assertEquals(isBeyondFetch(request), expected, items.join());
    }
  });
});

Deno.test("requiredPermissions() names every host and every file of a call", async () => {
  const operands = [
    "https://a.example/b",
    "a=@text",
    "b:=@json",
    "c@file;type=a/b",
    "d=@a@b",
    "Accept:@no",
    "q==@no",
  ];
  assertEquals(await requiredPermissions(operands), {
    net: ["a.example:443"],
    read: ["text", "json", "file", "a@b"],
    write: [],
  });
  const options = {
    auth: "@login",
    bearer: "@token",
    output: "out",
    ca: "ca.pem",
    unix: "/run/a.sock",
  };
  const { net, read, write } = await requiredPermissions(
    ["http://a.example", "@body"],
    options,
  );
  assertEquals(net, ["unix:/run/a.sock"]);
  for (
    const file of ["body", "login", "token", "ca.pem", "/run/a.sock", "out"]
  ) assert(read?.includes(file), file);
  for (const file of ["/run/a.sock", "out"]) {
    assert(write?.includes(file), file);
  }
  const { net: [socket] = [] } = await requiredPermissions(
    ["http://a.example"],
    { unix: "./a.sock" },
  );
  assertEquals(socket, `unix:${Deno.cwd()}/a.sock`);
  const plain = await requiredPermissions(
    ["http://a.example", "-"],
    { auth: "me:pw", bearer: "T" },
  );
  assertEquals(plain, { net: ["a.example:80"], read: [], write: [] });
});

Deno.test("an operand that is no item says what would be one", async () => {
  const error = await assertRejects(
    () => parseOperands([":1", "x"]),
    UsageError,
  );
  assertStringIncludes(error.message, 'Cannot parse item "x"');
});

Deno.test("a method, a second URL and a body among the operands get a hint at what to type", async () => {
  for (
    const [operands, said, hint] of [
      [["GET", ":9"], 'Cannot use "GET" as a URL', /-X GET$/],
      [["POST", "http://a/", "a=b"], 'Cannot use "POST" as a URL', /-X POST$/],
      [[":9", "https://a/"], "Cannot use two URLs in one call", /^one URL/],
      [["a.example", ":9/x"], "Cannot use two URLs in one call", /^one URL/],
      [[":9", '{"a":1}'], "Cannot use JSON as an operand", / \| post URL -$/],
      [['[{"a":1}]', ":9"], "Cannot use JSON as an operand", / \| post URL -$/],
    ] as const
  ) {
    const error = await assertRejects(
      () => parseOperands(operands),
      UsageError,
    );
    assertEquals(error.message, said);
    assertMatch(error.hint ?? "", hint);
  }
  const { url, items } = await parseOperands([
    "GET.example",
    "Referer:http://a/",
  ]);
  assertEquals([url.href, items.length], ["https://get.example/", 1]);
  assertEquals((await parseOperands(["[::1]:9", "a=[1]"])).url.port, "9");
});
