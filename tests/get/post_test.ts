import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { quote } from "../../lib/cli/values.ts";
import { main as get } from "../../tasks/get.ts";
import { main as post } from "../../tasks/post.ts";
import { closedUrl, response, serveHttp, serveRaw } from "../http/server.ts";
import {
  flagsOf,
  type Main,
  ROOT,
  run,
  spawn,
  spawnProgram,
  testWith,
} from "../support.ts";
import { withFiles } from "./support.ts";

/** A server that says what it was sent. */
function serveEcho() {
  return serveHttp(async (request) =>
    Response.json({
      method: request.method,
      type: request.headers.get("content-type"),
      length: request.headers.get("content-length"),
      search: new URL(request.url).search,
      body: await request.text(),
    }, { status: 201 })
  );
}

Deno.test("post sends its items as JSON, and prints the response", async () => {
  await using server = await serveEcho();
  const items = ["title=foo", "body=bar", "userId:=1", "draft==yes"];
  const { code, stdout, stderr } = await run(post, [server.url, ...items]);
  assertEquals([code, stderr], [0, "201 Created\n"]);
  const body = '{"title":"foo","body":"bar","userId":1}';
  assertEquals(JSON.parse(stdout), {
    method: "POST",
    type: "application/json",
    length: `${body.length}`,
    search: "?draft=yes",
    body,
  });
});

Deno.test("post sends what it is given: another method, another type, no body", async () => {
  await using server = await serveEcho();
  const put = await run(post, [
    "-X",
    "put",
    server.url,
    "Content-Type:a/b",
    "a:=1.10",
  ]);
  assertStringIncludes(put.stdout, '{"method":"PUT","type":"a/b"');
  assertStringIncludes(put.stdout, '{\\"a\\":1.10}');
  const empty = await run(post, [server.url]);
  assertStringIncludes(empty.stdout, '"length":"0"');
});

Deno.test("post sends the tutorial's post when it is told nothing", async () => {
  const { fetch } = globalThis;
  const sent: Request[] = [];
  globalThis.fetch = (input, init) => {
    sent.push(new Request(input, init));
    return Promise.resolve(Response.json({ id: 101 }, { status: 201 }));
  };
  try {
    const { code, stdout } = await run(post, []);
    assertEquals([code, stdout], [0, '{"id":101}']);
  } finally {
    globalThis.fetch = fetch;
  }
  const [request] = sent;
  assertEquals(
    [request?.method, request?.url, request?.headers.get("content-type")],
    [
      "POST",
      "https://jsonplaceholder.typicode.com/posts",
      "application/json",
    ],
  );
  assertEquals(
    await request?.text(),
    '{"title":"foo","body":"bar","userId":1}',
  );
});

Deno.test("post exits by the class of the status, and shows the body", async () => {
  for (const [status, code] of [[404, 4], [422, 4], [500, 5]] as const) {
    await using server = serveHttp(() =>
      Response.json({ error: 1 }, { status })
    );
    const result = await run(post, [server.url, "a=b"]);
    assertEquals([result.code, result.stdout], [code, '{"error":1}']);
  }
});

Deno.test("post sends no body to another origin", async () => {
  let asked = 0;
  await using other = serveHttp(() => new Response(`${++asked}`));
  await using server = serveHttp(() => Response.redirect(other.url, 307));
  const { code, stderr } = await run(post, [server.url, "a=b"]);
  assertEquals([code, asked], [3, 0]);
  assertEquals(
    stderr,
    "307 Temporary Redirect\nNot followed: it would send the body to another origin\n",
  );
});

Deno.test("post says that a redirect has left its body, but for 303, which means it", async () => {
  await using server = serveHttp((request) => {
    const { pathname, searchParams } = new URL(request.url);
    const status = Number(searchParams.get("status"));
    return pathname === "/there"
      ? new Response(request.method)
      : Response.redirect(new URL("/there", request.url), status);
  });
  const table = [
    [301, "GET", "Followed 301 as GET, without the body\n"],
    [302, "GET", "Followed 302 as GET, without the body\n"],
    [303, "GET", ""],
    [307, "POST", ""],
  ] as const;
  for (const [status, method, note] of table) {
    const url = `${server.url}?status=${status}`;
    const { code, stdout, stderr } = await run(post, [url, "a=b"]);
    assertEquals([code, stdout, stderr], [0, method, `200 OK\n${note}`]);
  }
});

Deno.test("post says in one line what is wrong, and exits as the table says", async () => {
  const closed = closedUrl();
  await using cut = serveRaw(
    () => [response("x", ["Content-Length: 2"], "201 Created")],
  );
  for (
    const [args, code, said] of [
      [
        [closed, "a=b"],
        7,
        `post: Cannot connect to ${closed.slice(7)}: connection refused\n`,
      ],
      [
        [cut.url, "a=b"],
        18,
        `201 Created\npost: Cannot read ${cut.url}/: cut short after 1 of 2 bytes\n`,
      ],
      [["title=foo"], 2, 'post: Cannot parse URL "title=foo"'],
      [
        [closed, "a:=x"],
        2,
        'post: Cannot parse item "a:=x": its value is not JSON',
      ],
      [["POST", closed, "a=1"], 2, "\nhint: leave out POST\n"],
      [
        [closed, "a"],
        2,
        'item "a": expected key=text, key:=json, Header:value or name==value\n',
      ],
      [[closed, "a=1", "a[b]=1"], 2, 'post: Cannot set field "a[b]"'],
      [
        [closed, "a@b"],
        2,
        'post: Cannot send "a@b" as JSON: a file needs a form',
      ],
      [
        ["-d", "a=b", closed],
        2,
        'post: Unknown option "-d"\nhint: fields are items: deno task post URL title=foo userId:=1; a file: deno task post URL @FILE; ',
      ],
    ] as const
  ) {
    const result = await run(post, args);
    assertEquals(result.code, code, said);
    assertStringIncludes(result.stderr, said);
  }
});

Deno.test("post sends a form, and a body as it is", async () => {
  await using server = serveEcho();
  const form = await run(post, ["-f", server.url, "a=1 2", "b[]=é"]);
  assertEquals(JSON.parse(form.stdout), {
    method: "POST",
    type: "application/x-www-form-urlencoded",
    length: "20",
    search: "",
    body: "a=1+2&b%5B%5D=%C3%A9",
  });
  const piped = await spawn("post", [server.url, "-"], {
    stdin: ['{"a":', "1.10}\n"],
  }).result;
  assertStringIncludes(
    piped.stdout,
    '"application/json","length":"11","search":"","body":"{\\"a\\":1.10}\\n"',
  );
});

Deno.test("post reads no standard input unless it is told to", async () => {
  await using server = serveEcho();
  const { promise, resolve } = Promise.withResolvers<void>();
  const stdin = async function* () {
    yield "never read";
    await promise;
  };
  const result = spawn("post", [server.url, "a=b"], { stdin: stdin() });
  await result.stdout.waitFor("}");
  resolve();
  assertEquals((await result.result).code, 0);
});

Deno.test("an empty standard input is not stored: what was to fill it has failed", async () => {
  let asked = 0;
  await using server = serveHttp(() => new Response(`${++asked}`));
  for (const args of [["-"], ["-X", "PUT", "@-"]]) {
    const { code, stderr } = await run(post, [server.url, ...args], {
      stdin: [],
    });
    assertEquals([code, stderr], [
      1,
      "post: Cannot send stdin: it is empty\nhint: to send no body, leave out - and add < /dev/null\n",
    ]);
  }
  assertEquals(asked, 0);
  const some = await run(post, [server.url, "-"], { stdin: ["x"] });
  assertEquals([some.code, asked], [0, 1]);
});

const UNSENT = "stdin is not sent: add -\n";
const ONE_BODY = "stdin is not sent: a request has one body\n";
const REFUSED =
  ": stdin is a pipe or a file, and is not sent\nhint: to send stdin, add -; to send no body: < /dev/null\n";

Deno.test("what is piped is not dropped: a request that writes is refused, any other says it", async () => {
  let asked = 0;
  await using server = serveHttp(() =>
    new Response(`${++asked}`, { status: 201 })
  );
  const none = (method: string) =>
    `post: Cannot send ${method} without a body${REFUSED}`;
  const alone = (method: string) =>
    `post: Cannot send ${method} without a body\n` +
    `hint: a field is title=foo, a file @FILE; to send no body: deno task get -X ${method} URL\n`;
  for (
    const [main, args, code, said, terminal] of [
      [post, [], 2, none("POST")],
      [post, ["-X", "put"], 2, none("PUT")],
      [post, ["-X", "PATCH", "Accept:a/b", "q==1"], 2, none("PATCH")],
      [post, ["-q"], 2, none("POST")],
      [
        get,
        ["-X", "PUT"],
        2,
        "get: Cannot send PUT without a body: stdin is a pipe or a file, and is not sent\n" +
        "hint: to send stdin, type deno task post -X PUT URL -; to send no body: < /dev/null\n",
      ],
      [post, ["-X", "DELETE"], 0, `${UNSENT}201 Created\n`],
      [post, ["-X", "DELETE", "-q"], 0, ""],
      [post, ["-X", "GET"], 0, "201 Created\n"],
      [get, [], 0, "201 Created\n"],
      [get, ["-X", "DELETE"], 0, "201 Created\n"],
      [post, ["a=b"], 0, `201 Created\n${ONE_BODY}`],
      [post, ["a=b", "-b"], 0, ""],
      [post, ["-"], 0, "201 Created\n"],
      [post, [], 0, "201 Created\n", true],
      [post, ["-X", "PUT"], 2, alone("PUT"), true],
      [post, ["-X", "PATCH", "Accept:a/b"], 2, alone("PATCH"), true],
      [post, ["-X", "DELETE"], 0, "201 Created\n", true],
      [get, ["-X", "PUT"], 0, "201 Created\n", true],
    ] as readonly (readonly [Main, string[], number, string, boolean?])[]
  ) {
    const before = asked;
    const { code: got, stderr } = await run(main, [server.url, ...args], {
      stdin: "hi",
      terminal: { stdin: terminal ?? false },
    });
    assertEquals([got, stderr], [code, said], args.join());
    assertEquals(asked - before, code === 2 ? 0 : 1);
  }
  assertEquals((await run(post, [server.url])).stderr, "201 Created\n");
});

testWith(
  ["sh", "python3"],
  "post tells a file and a pipe on stdin from nothing and from a socket, without reading",
  async () => {
    await using server = serveEcho();
    const command = [
      ...[Deno.execPath(), "run", ...flagsOf("post")],
      ...[`${ROOT}tasks/post.ts`, server.url],
    ];
    await withFiles({ full: "{}", empty: "" }, async (folder) => {
      for (
        const [stdin, code, said] of [
          [`<${folder}/full`, 2, `Cannot send POST without a body${REFUSED}`],
          [`<${folder}/empty`, 0, "201 Created\n"],
          ["</dev/null", 0, "201 Created\n"],
          ["<&-", 0, "201 Created\n"],
        ] as const
      ) {
        const result = await spawnProgram("sh", [
          ...["-c", `exec "$@" ${stdin}`, "sh", ...command],
        ]).result;
        assertEquals(result.code, code, stdin);
        assertEquals(result.stderr.replace(/^post: /, ""), said, stdin);
      }
    });
    // a pipe that stays open and says nothing
    const { promise, resolve } = Promise.withResolvers<void>();
    const stdin = async function* () {
      yield await promise.then(() => "");
    };
    const piped = spawn("post", [server.url], { stdin: stdin() });
    assertStringIncludes(await piped.stderr.waitFor("/dev/null"), REFUSED);
    resolve();
    assertEquals((await piped.result).code, 2);
    // as ssh and Node leave it to a script
    const socket = await spawnProgram("python3", [
      "-c",
      "import socket, subprocess, sys; a, b = socket.socketpair(); " +
      "sys.exit(subprocess.call(sys.argv[1:], stdin=b))",
      ...command,
    ]).result;
    assertEquals([socket.code, socket.stderr], [0, `${UNSENT}201 Created\n`]);
  },
);

Deno.test("a header that HTTP does not know is no field: post sends no empty body with it", async () => {
  let asked = 0;
  await using server = serveHttp(() => new Response(`${++asked}`));
  for (
    const [main, args, hint] of [
      [
        post,
        ["title:foo", "body:bar"],
        "title:foo is a header; a field is title=foo",
      ],
      [
        post,
        ["Accept:a/b", "userId:1"],
        "userId:1 is a header; a field is userId=1",
      ],
      [
        post,
        ["-X", "PATCH", "title:a=b"],
        "title:a=b is a header; a field is title=a=b",
      ],
      [post, ["title;"], "title: is a header; a field is title=\n"],
      [
        post,
        ["draft==1", "title:@a"],
        "title:@a is a header; a field is title=@a",
      ],
      [get, ["-X", "PUT", "title:"], "title: is a header; a field is title="],
    ] as readonly (readonly [Main, string[], string])[]
  ) {
    const { code, stderr } = await run(main, [server.url, ...args]);
    assertEquals(code, 2, args.join());
    assertStringIncludes(stderr, hint);
    assertStringIncludes(stderr, "without a body");
  }
  assertEquals(asked, 0);
  for (
    const args of [
      ["Accept:a/b", "authorization:Bearer x"],
      ["If-Match:*", "X-Title:foo"],
      ["DNT:1", "Cookie:a=b", "apikey:x", "token:x"],
      ["-X", "DELETE", "title:foo"],
      ["-X", "OPTIONS", "title:foo"],
    ]
  ) {
    const { code, stderr } = await run(post, [server.url, ...args]);
    assertEquals([code, stderr], [0, "200 OK\n"], args.join());
  }
});

Deno.test("a header that HTTP does not know is named beside the fields that are sent", async () => {
  await using server = serveHttp(() => new Response());
  const { code, stderr } = await run(post, [server.url, "title:foo", "a=b"]);
  assertEquals([code, stderr], [
    0,
    "title:foo is a header; a field is title=foo\n200 OK\n",
  ]);
});

Deno.test("a part of the query is no field: post sends no empty body with it", async () => {
  let asked = 0;
  await using server = serveHttp(() => new Response(`${++asked}`));
  for (
    const [args, hint] of [
      [
        ["title==foo"],
        "title==foo is a part of the query; a field is title=foo; the query alone: deno task get -X POST URL name==value\n",
      ],
      [["-X", "PUT", "Accept:a/b", "b==1"], "a field is b=1;"],
      [["token==s3cret"], "a field is token=***;"],
    ] as const
  ) {
    const { code, stderr } = await run(post, [server.url, ...args]);
    assertEquals(code, 2, args.join());
    assertStringIncludes(stderr, hint);
    assert(!stderr.includes("s3cret"), stderr);
  }
  assertEquals(asked, 0);
  for (
    const [main, args] of [
      [get, ["-X", "POST", server.url, "a==1"]],
      [post, [`${server.url}?a=1`]],
      [post, [server.url, "a==1", "b=1"]],
      [post, [server.url, "a==1", "-"]],
      [post, ["-X", "DELETE", server.url, "a==1"]],
    ] as readonly (readonly [Main, string[]])[]
  ) assertEquals((await run(main, args)).code, 0, args.join());
});

Deno.test("an argument that is not UTF-8 is refused, not stored as U+FFFD", async () => {
  for (
    const args of [
      [":9", "title=caf\ufffd"],
      [":9", "X-A:\ufffd"],
      [":9/\ufffd"],
      ["-o", "\ufffd.txt", ":9"],
    ]
  ) {
    const { code, stderr } = await run(post, args);
    assertEquals(code, 2, stderr);
    assertStringIncludes(stderr, ": it is not UTF-8\n");
  }
});

testWith("sh", "an argument in Latin-1 is refused", async () => {
  const { code, stderr } = await spawnProgram("sh", [
    "-c",
    `exec "$@" "$(printf 'title=caf\\351')"`,
    ...["sh", Deno.execPath(), "run", ...flagsOf("post")],
    ...[`${ROOT}tasks/post.ts`, ":9"],
  ]).result;
  assertEquals(code, 2);
  assertStringIncludes(stderr, 'Cannot use "title=caf\ufffd": it is not UTF-8');
});

Deno.test("post streams a large file, and a form with it, with their exact lengths", async () => {
  const content = new Uint8Array(5_000_000).fill(120);
  await withFiles({ 'a"b.png': content }, async (folder) => {
    const path = `${folder}/a"b.png`;
    await using server = serveHttp(async (request) => {
      const { headers } = request;
      const bytes = await request.bytes();
      const type = headers.get("content-type") ?? "";
      const file = type.startsWith("multipart/")
        ? (await new Response(bytes, { headers: { "content-type": type } })
          .formData()).get("file")
        : new File([bytes], "", { type });
      if (!(file instanceof File)) return new Response("no file");
      return Response.json([
        Number(headers.get("content-length")) - bytes.length,
        headers.get("transfer-encoding"),
        file.name,
        file.type,
        file.size,
        (await file.bytes()).every((byte) => byte === 120),
      ]);
    });
    const raw = await run(post, [server.url, `@${path}`]);
    assertEquals(raw.stdout, '[0,null,"","image/png",5000000,true]');
    const form = await run(post, ["-f", server.url, "a=1", `file@${path}`]);
    assertEquals(
      form.stdout,
      '[0,null,"a%22b.png","image/png",5000000,true]',
    );
  });
});

Deno.test("post names the command that may read every file of a call", async () => {
  const { code, stderr } = await spawn("post", [
    ":9",
    "a=@deno.json",
    "b:=@deno.jsr.json",
    "password=x",
    "--auth",
    "@none",
  ]).result;
  assertEquals(code, 1);
  assertEquals(
    stderr,
    `post: Cannot read "${ROOT}deno.json": read access to deno.json is not permitted\n` +
      "hint: deno run '--allow-net=localhost:9,127.0.0.1:9,[::1]:9' " +
      "--allow-read=deno.json,deno.jsr.json,none " +
      `${
        quote(`${ROOT}tasks/post.ts`)
      } :9 a=@deno.json b:=@deno.jsr.json 'password=***' --auth @none\n`,
  );
});
