import {
  assert,
  assertEquals,
  assertMatch,
  assertRejects,
  assertStringIncludes,
  assertThrows,
} from "@std/assert";
import { Failure, UsageError } from "../../lib/cli/errors.ts";
import { describe, exitCodeOf } from "../../lib/cli/reasons.ts";
import { formatRequestHead } from "../../lib/http/http1/request.ts";
import { type HttpRequest, isBeyondFetch } from "../../lib/http/request.ts";
import { main as get } from "../../tasks/get.ts";
import { createRequest } from "../../tasks/get/get.ts";
import type { RequestOptions } from "../../tasks/get/request.ts";
import {
  readNetwork,
  requiredPermissions,
} from "../../tasks/get/send/network.ts";
import { parseOperands } from "../../tasks/get/url.ts";
import { closedUrl, response, serveRaw } from "../http/server.ts";
import { createMemoryIo, type MemoryOptions, run } from "../support.ts";
import { withFiles } from "./support.ts";

const JSON_ACCEPT = ["accept", "application/json, */*;q=0.5"] as const;

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
      [["a b:@none"], 'Cannot use header name "a b"'],
      [["X:@none", "Content-Length:@none"], 'Cannot send header "Content-L'],
      [["X:@none", "Y:\n"], 'Cannot send header "Y"'],
      [["@;type=a/b"], 'Cannot send body "@;type=a/b": its file is missing'],
      [["X:@"], 'Cannot parse item "X:@": its file is missing'],
    ] as readonly (readonly [string[], string, RequestOptions?])[]
  ) {
    await assertRejects(() => requestOf(items, options), UsageError, message);
  }
});

Deno.test("a file that cannot be sent is named by its path from the root", async () => {
  await withFiles({
    latin1: new Uint8Array([0xe9]),
    json: "{",
    lines: "a\r\nX-B: c\n",
  }, async (folder) => {
    const form = { form: true };
    for (
      const [item, message, options] of [
        ["@none", 'Cannot read "<none": no such file'],
        ["@.", 'Cannot read "<.": it is a directory'],
        ["a=@none", 'Cannot read "<none": no such file'],
        ["a:=@none", 'Cannot read "<none": no such file'],
        ["X-A:@none", 'Cannot read "<none": no such file'],
        ["q==@none", 'Cannot read "<none": no such file'],
        ["X-A:@latin1", 'Cannot send the text of "<latin1": it is not UTF-8'],
        ["q==@latin1", 'Cannot send the text of "<latin1": it is not UTF-8'],
        [
          "X-A:@lines",
          'Cannot send "<lines" as a header: a control character is in it',
        ],
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
    JSON_ACCEPT,
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
  assertEquals((await requestOf(["X-A: à\u00a0 "])).headers, [
    ["X-A", "\xc3\xa0\xc2\xa0"],
  ]);
});

Deno.test("a header without a value is not sent, one of blanks is sent empty", async () => {
  const request = await requestOf(
    [
      "authorization:",
      "content-type:",
      "a=b",
      "User-Agent:",
      "X-Empty: ",
      "X-B;",
    ],
    { url: "http://me@h/" },
  );
  assertEquals(request.headers, [JSON_ACCEPT, ["X-Empty", ""], ["X-B", ""]]);
  assertEquals(request.unset, ["authorization", "content-type", "user-agent"]);
  assertEquals(
    request.typed,
    ["authorization", "content-type", "user-agent", "x-empty", "x-b"],
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

Deno.test("headers and parts of the query are read from files, without the ends of their last lines", async () => {
  const files = { a: "\ufefftok \u00e9\n\r\n", lines: "a\nb\n", empty: "" };
  await withFiles(files, async (folder) => {
    const request = await requestOf([
      `X-A:@${folder}/a`,
      `X-Empty:@${folder}/empty`,
      "X-B:\\@a",
      `q==@${folder}/lines`,
      `e==@${folder}/empty`,
      "b==\\@a",
    ]);
    assertEquals(request.headers, [
      ["X-A", "tok \xc3\xa9"],
      ["X-Empty", ""],
      ["X-B", "@a"],
    ]);
    assertEquals(request.typed, ["x-a", "x-empty", "x-b"]);
    assertEquals(request.unset, []);
    assertEquals(request.url.search, "?a=%20b&q=a%0Ab&e=&b=%40a");
    assertEquals(request.body, undefined);
  });
});

Deno.test("what a file holds is read in one pass, however it is spaced", async () => {
  const gap = " ".repeat(500_000);
  const lines = "\n".repeat(500_000);
  const files = { gap: `a${gap}b${gap}`, lines: `a${lines}b${lines}` };
  await withFiles(files, async (folder) => {
    const items = [`X-A:@${folder}/gap`, `q==@${folder}/lines`];
    const { headers, url } = await requestOf(items);
    assertEquals(headers, [["X-A", `a${gap}b`]]);
    assertEquals(url.searchParams.get("q"), `a${lines}b`);
  });
});

Deno.test("secrets in output: one that a file holds is hidden by the name it is sent under", async () => {
  await withFiles({ a: "s3cret\n" }, async (folder) => {
    const items = [`X-Api-Key:@${folder}/a`, `token==@${folder}/a`];
    for (const option of ["--offline", "--curl"]) {
      const { code, stdout } = await run(get, [option, TARGET, ...items]);
      assertEquals(code, 0);
      assert(!stdout.includes("s3cret"), stdout);
      assertMatch(stdout, /x-api-key: \*\*\*/i);
      assertStringIncludes(stdout, "token=***");
    }
  });
});

Deno.test("a file whose name begins with ~ gets a hint, where it is not there", async () => {
  for (
    const [items, options] of [
      [["@~/none"]],
      [["k=@~/none"]],
      [["X-A:@~/none"]],
      [["q==@~/none"]],
      [["f@~/none;type=a/b"], { form: true }],
      [[], { auth: "@~/none" }],
    ] as readonly (readonly [string[], RequestOptions?])[]
  ) {
    const error = await assertRejects(() => requestOf(items, options), Failure);
    assertEquals(error.message, `Cannot read "${Deno.cwd()}/~/none"`);
    assertEquals(
      error.hint,
      '~ is not expanded here: write "$HOME/none"',
    );
  }
  const saved = ["--output=~/none/x", closedUrl()];
  const { code, stderr } = await run(get, saved);
  assertEquals(code, 1);
  assertStringIncludes(stderr, 'write "$HOME/none/x"\n');
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
  // as HTTPie and PHP name them
  assertEquals(
    (await bodyOf(["[]=1", "[0]=x", "a[0]=x", "a[2]=y", "=v"], form))[1],
    "%5B%5D=1&%5B0%5D=x&a%5B0%5D=x&a%5B2%5D=y&=v",
  );
});

Deno.test("a list may be the whole body", async () => {
  assertEquals(await bodyOf(["[]=1", "[2]:=1.10"]), [
    "application/json",
    '["1",null,1.10]',
  ]);
});

Deno.test("the path is sent as it is typed, where that is asked for", async () => {
  for (
    const [url, target, items] of [
      ["http://h", "/"],
      ["http://h/a/../b", "/a/../b"],
      [":3000/%2e%2e/x", "/%2e%2e/x"],
      [" http://h/./x ", "/./x"],
      ["http://h//", "//"],
      ["http://h/\\..\\x", "/\\..\\x"],
      ["http://h?a=/../'b'", "/?a=/../'b'"],
      ["http://h/../x#y?z", "/../x"],
      ['http://h/<>"{}|^`[]', '/<>"{}|^`[]'],
      ["http://h/a b/é/\u{1f600}", "/a%20b/%C3%A9/%F0%9F%98%80"],
      ["http://h/\ud800", "/%EF%BF%BD"],
      ["http://ada:pw@h/../x@y", "/../x@y"],
      ["ada:pw@127.0.0.1/../x", "/../x"],
      ["http://h/../x", "/../x?q=1+2", ["q==1 2"]],
      ["http://h/../x?", "/../x?q=1", ["q==1"]],
      ["http://h/../x?a", "/../x?a&q=1&q=2", ["q==1", "q==2"]],
      ["http://h/../x??", "/../x??&q=1", ["q==1"]],
    ] as readonly (readonly [string, string, string[]?])[]
  ) {
    const options = { url, method: "GET", pathAsIs: true };
    const request = await requestOf(items ?? [], options);
    assertEquals(request.target, target);
    assertEquals(isBeyondFetch(request), true);
    assertMatch(formatRequestHead(request), /^GET \/[!-~]* HTTP\/1\.1\r\n/);
  }
  for (const url of ["http://h\\x", "http:///h/x"]) {
    await assertRejects(
      () => requestOf([], { url, pathAsIs: true }),
      UsageError,
      "Cannot use --path-as-is: expected a path that begins with /",
    );
  }
});

Deno.test("request splitting: a target is one word of ASCII or it is not sent", async () => {
  for (const url of ["http://h/a\r\nX: y", "http://h/\0", "http://h/\u0085"]) {
    await assertRejects(
      () => requestOf([], { url, pathAsIs: true }),
      UsageError,
      "Cannot parse URL",
    );
  }
  const request = await requestOf([]);
  for (const target of ["", "x", "/a b", "/\r\nX: y", "/\u010d", "*"]) {
    assertThrows(
      () => formatRequestHead({ ...request, target }),
      TypeError,
      "Cannot send a target",
    );
  }
});

Deno.test("--path-as-is shows what it sends, and a redirect has its own path", async () => {
  const asked: string[] = [];
  await using server = serveRaw((head) => {
    const [, target = ""] = head.match(/^GET (\S+)/) ?? [];
    asked.push(target);
    return [
      target.startsWith("/a/")
        ? response("", ["Location: /c/../d"], "302 Found")
        : response("ok", []),
    ];
  });
  const url = `${server.url}/a/../b`;
  const typed = ["--path-as-is", url, "token==x"];
  const { stdout, stderr } = await run(get, ["-v", ...typed]);
  assertEquals([stdout, asked], ["ok", ["/a/../b?token=x", "/d"]]);
  assertMatch(stderr, /^> GET \/a\/\.\.\/b\?token=\*\*\* HTTP\/1\.1\n/);
  assertStringIncludes(stderr, "> GET /d HTTP/1.1\n");
  const offline = await run(get, ["--offline", ...typed]);
  assertMatch(offline.stdout, /^GET \/a\/\.\.\/b\?token=\*\*\* HTTP\/1\.1\r\n/);
  const curl = await run(get, ["--curl", ...typed]);
  assertStringIncludes(curl.stdout, ` --path-as-is '${url}?token=***'\n`);
  const json = await run(get, ["--json", ...typed]);
  assertEquals(JSON.parse(json.stdout).request.url, `${url}?token=***`);
  const two = await run(get, ["--http=2", ...typed]);
  assertEquals(two.code, 2);
  assertStringIncludes(two.stderr, "--http and --path-as-is together");
});

Deno.test("a user and a password may stand in a URL without a scheme", async () => {
  const { url, headers } = await requestOf([], {
    url: "me:p%40@127.0.0.1:8/x",
  });
  assertEquals(url.href, "http://127.0.0.1:8/x");
  assertEquals(headers, [["authorization", `Basic ${btoa("me:p@")}`]]);
});

Deno.test("no proxy is none, and is past that of the environment", async () => {
  const network = await readNetwork({ proxy: "" });
  assertEquals([network.proxy, network.timed], [undefined, true]);
  const { net } = await requiredPermissions(["http://a.example"], {
    proxy: "",
  });
  assertEquals(net, ["a.example:80"]);
  await using server = serveRaw(() => [response("ok", [])]);
  const { code, stdout } = await run(get, ["--proxy", "", "-4", server.url]);
  assertEquals([code, stdout], [0, "ok"]);
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

Deno.test("a form is multipart without a file where that is asked for", async () => {
  const multipart = { multipart: true };
  const [type = "", text] = await bodyOf(["a=1", "b[c]:=1.10"], multipart);
  const [, boundary] = type.match(/^multipart\/form-data; boundary=(.*)$/) ??
    [];
  assertEquals(text.replaceAll(`${boundary}`, "B").split("\r\n"), [
    ...["--B", 'Content-Disposition: form-data; name="a"', "", "1"],
    ...["--B", 'Content-Disposition: form-data; name="b[c]"', "", "1.10"],
    ...["--B--", ""],
  ]);
  assertEquals((await requestOf([], multipart)).body, undefined);
  const error = await assertRejects(
    () => requestOf(["@none"], multipart),
    UsageError,
  );
  assertEquals(
    error.message,
    'Cannot send "@none" as a multipart form: expected fields',
  );
});

Deno.test("a type of a multipart form that was typed gets its boundary", async () => {
  for (
    const [typed, sent] of [
      ["multipart/form-data", /^multipart\/form-data; boundary=hark-/],
      ["multipart/mixed;a=b", /^multipart\/mixed;a=b; boundary=hark-/],
      ["multipart/form-data; boundary=x", /^multipart\/form-data; boundary=x$/],
      ["text/plain", /^text\/plain$/],
    ] as const
  ) {
    const { headers } = await requestOf(["a=1", `Content-Type:${typed}`], {
      multipart: true,
    });
    assertMatch(headers[0]?.[1] ?? "", sent);
  }
});

Deno.test("a request with a JSON body asks for JSON, and any other for anything", async () => {
  await withFiles({ "a.json": "1", "a.csv": "1" }, async (folder) => {
    for (
      const [items, accept, options] of [
        [["a=b"], JSON_ACCEPT[1]],
        [["a=b", "Content-Type:text/x"], JSON_ACCEPT[1]],
        [["a=b", "accept:text/x"], "text/x"],
        [["a=b", "accept:"], undefined],
        [["a=b"], undefined, { form: true }],
        [["a=b"], undefined, { multipart: true }],
        [["-"], JSON_ACCEPT[1]],
        [["-"], undefined, { form: true }],
        [["-", "Content-Type:text/x"], undefined],
        [["-", "content-type:a/b+json ; c=d"], JSON_ACCEPT[1]],
        [["-", "Content-Type:application/json-seq"], undefined],
        [[`@${folder}/a.json`], JSON_ACCEPT[1]],
        [[`@${folder}/a.csv`], undefined],
        [[`@${folder}/a.csv`, "Content-Type:application/json"], JSON_ACCEPT[1]],
        [[], undefined],
      ] as const
    ) {
      const { headers } = await requestOf(items, options);
      const [, value] = headers.find(([name]) => name === "accept") ?? [];
      assertEquals(value, accept, `${items}`);
    }
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
          ["@b;type=text/csv; charset=utf-8", "text/csv; charset=utf-8"],
          ["@@c", "application/octet-stream"],
          ["@b", "application/x-www-form-urlencoded", { form: true }],
        ] as const
      ) {
        const path = operand.replace("@", `@${folder}/`);
        const request = await requestOf([path, "X-A:1", "q==2"], options);
        assertEquals(request.body?.bytes, bytes);
        assertEquals(request.headers, [
          ["content-type", type],
          ...type === "application/json" ? [JSON_ACCEPT] : [],
          ["X-A", "1"],
        ]);
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
    assertEquals(request.headers, [
      ["content-type", "application/json"],
      JSON_ACCEPT,
    ]);
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
  const text = "x".repeat(9_000_000);
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
  assertEquals(request.headers, [
    ["content-type", "application/json"],
    JSON_ACCEPT,
  ]);
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
    "Accept:@header",
    "q==@query",
    "X-A:\\@no",
    "r==\\@no",
    "X-B: @no",
  ];
  assertEquals(await requiredPermissions(operands), {
    net: ["a.example:443"],
    read: ["header", "query", "text", "json", "file", "a@b"],
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

Deno.test("a colon in the brackets of a field gets a hint at how it is typed", async () => {
  const error = await assertRejects(
    () => requestOf(["foo[bar:baz]=x"]),
    UsageError,
    'Cannot use header name "foo[bar"',
  );
  assertStringIncludes(error.hint ?? "", "\\:");
  assertEquals(
    (await bodyOf(["foo[bar\\:baz]=x"]))[1],
    '{"foo":{"bar:baz":"x"}}',
  );
});

Deno.test("a method, a second URL and a body among the operands get a hint at what to type", async () => {
  for (
    const [operands, said, hint] of [
      [["GET", ":9"], 'Cannot use "GET" as a URL', /^leave out GET$/],
      [["PUT", ":9"], 'Cannot use "PUT" as a URL', /-X PUT$/],
      [
        ["POST", "http://a/", "a=b"],
        'Cannot use "POST" as a URL',
        /^to post: hark post URL title=foo$/,
      ],
      [
        [":9", "https://a/"],
        "Cannot use two URLs in one call",
        /^items come after/,
      ],
      [
        ["cookies.txt", ":9"],
        'Cannot use the file "cookies.txt" as a URL',
        /--session FILE URL$/,
      ],
      [
        ["a.example", "a:b", ":9/x"],
        "Cannot use a URL after an item",
        /^URLs come first/,
      ],
      [
        ["a=b", ":9"],
        "Cannot use an item before the URL",
        /Cookie:name=value$/,
      ],
      [["X: y", "a.example"], "Cannot use an item before the URL", /^the URL/],
      [["X:y", "127.0.0.1/x"], "Cannot use an item before the URL", /^the URL/],
      [["-", ":9"], 'Cannot use "-" as a URL', /without -O -; - after a URL/],
      [["-0", ":9"], 'Unknown option "-0"', /^$/],
      [
        [":9", "foo[bar=baz]=x"],
        'Cannot parse item "foo[bar=baz]=x": its brackets do not match',
        /\\:/,
      ],
      ...[
        [":9", '{"a":1}'],
        ['[{"a":1}]', ":9"],
        ['{"a":1}'],
        // what shells leave of {"a":1}, {a: b}, {"a":{"b":1,"c":2}} and [{"a":1}]
        [":9", "{a:1}"],
        [":9", "{a:", "b}"],
        [":9", "a:[1", "2]", "b:3"],
        [":9", "{a:b:1}", "{a:c:2}"],
        [":9", "[{a:1}]"],
        [":9", "[a"],
        ["{a:1}"],
        ["{a"],
      ].map((operands) =>
        [
          operands,
          "Cannot use JSON as an item",
          / \| hark post URL -$/,
        ] as const
      ),
      [
        [":3000", "/posts?a=1"],
        'Cannot use the path "/posts?a=1" as an item',
        /^did you mean ':3000\/posts\?a=1'\?$/,
      ],
      ...["[::1", "[::1/x", "http://[::1/x"].map((typed) =>
        [
          [typed],
          `Cannot parse URL "${typed}": expected http://HOST:PORT/PATH, HOST/PATH or :PORT/PATH`,
          /^an IPv6 address is in brackets: /,
        ] as const
      ),
      [
        ["localhost", "3000"],
        'Cannot use the port "3000" as an item',
        /^did you mean localhost:3000\?$/,
      ],
      [
        ["http://a.example", "80/x", "q==1"],
        'Cannot use the port "80/x" as an item',
        /^did you mean http:\/\/a.example:80\/x\?$/,
      ],
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

Deno.test("a mistyped localhost is asked back before anybody is asked for it", async () => {
  for (
    const [typed, meant] of [
      ["localhst:3000/posts", "localhost:3000"],
      ["lcoalhost", "localhost"],
      ["LOCALHOTS:1", "localhost:1"],
      ["locahost/x", "localhost"],
    ] as const
  ) {
    const error = await assertRejects(() => parseOperands([typed]), UsageError);
    assertStringIncludes(error.hint ?? "", `did you mean ${meant}? `);
  }
  for (
    const [typed, host] of [
      ["http://localhst:3000", "localhst:3000"],
      ["localhost", "localhost"],
      ["localnet", "localnet"],
      ["local.host", "local.host"],
    ] as const
  ) assertEquals((await parseOperands([typed])).url.host, host);
});
