import { assertEquals, assertStringIncludes } from "@std/assert";
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
      [[closed, "a=1", "a[b]=1"], 2, 'post: Cannot set field "a[b]"'],
      [
        [closed, "a@b"],
        2,
        'post: Cannot send "a@b" as JSON: a file needs a form',
      ],
      [
        ["-d", "a=b", closed],
        2,
        'post: Unknown option "-d"\nhint: fields are operands: deno task post URL title=foo userId:=1\n',
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
  const result = await spawn("post", [server.url], { stdin: stdin() });
  assertStringIncludes(await result.stdout.waitFor("}"), '"body":""');
  resolve();
  assertEquals((await result.result).code, 0);
});

const UNSENT = "stdin is not sent: add -\n";

Deno.test("post says in one line that it did not send what may be on stdin", async () => {
  await using server = serveEcho();
  for (
    const [main, args, said, terminal] of [
      [post, [], `${UNSENT}201 Created\n`],
      [post, ["-X", "DELETE"], `${UNSENT}201 Created\n`],
      [get, ["-X", "POST"], "201 Created\n"],
      [post, ["-q"], ""],
      [post, ["-b"], ""],
      [post, ["a=b"], "201 Created\n"],
      [post, ["-"], "201 Created\n"],
      [get, [], "201 Created\n"],
      [post, [], "201 Created\n", true],
    ] as readonly (readonly [Main, string[], string, boolean?])[]
  ) {
    const { code, stderr } = await run(main, [server.url, ...args], {
      stdin: "hi",
      terminal: { stdin: terminal ?? false },
    });
    assertEquals([code, stderr], [0, said], args.join());
  }
  assertEquals((await run(post, [server.url])).stderr, "201 Created\n");
});

testWith(
  "sh",
  "post tells a file and a pipe on stdin from nothing, without reading",
  async () => {
    await using server = serveEcho();
    await withFiles({ full: "{}", empty: "" }, async (folder) => {
      for (
        const [stdin, said] of [
          [`<${folder}/full`, UNSENT],
          [`<${folder}/empty`, ""],
          ["</dev/null", ""],
          ["<&-", ""],
        ] as const
      ) {
        const { code, stderr } = await spawnProgram("sh", [
          "-c",
          `exec "$@" ${stdin}`,
          "sh",
          Deno.execPath(),
          "run",
          ...flagsOf("post"),
          `${ROOT}tasks/post.ts`,
          server.url,
        ]).result;
        assertEquals([code, stderr], [0, `${said}201 Created\n`], stdin);
      }
    });
    // a pipe that stays open and says nothing
    const { promise, resolve } = Promise.withResolvers<void>();
    const stdin = async function* () {
      yield await promise.then(() => "");
    };
    const piped = spawn("post", [server.url], { stdin: stdin() });
    await piped.stdout.waitFor("}");
    resolve();
    assertEquals((await piped.result).stderr, `${UNSENT}201 Created\n`);
  },
);

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
      `${ROOT}tasks/post.ts :9 a=@deno.json b:=@deno.jsr.json 'password=***' --auth @none\n`,
  );
});
