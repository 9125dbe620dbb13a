import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { makeCertificate } from "../../tasks/server/tls/certificate.ts";
import { main } from "../../tasks/posts.ts";
import { columnsOf } from "../../tasks/posts/table.ts";
import { run, spawn, withFolder } from "../support.ts";

/** An API whose posts these are. */
function serve(posts: readonly unknown[], tls = {}) {
  const asked: string[] = [];
  const server = Deno.serve(
    { hostname: "127.0.0.1", port: 0, onListen() {}, ...tls },
    (request) => {
      asked.push(`${request.method} ${new URL(request.url).search}`);
      return Response.json(posts);
    },
  );
  return {
    asked,
    url: `--url=:${server.addr.port}`,
    port: server.addr.port,
    [Symbol.asyncDispose]: () => server.shutdown(),
  };
}

const post = (id: unknown, more: object = {}) => ({
  ...{ userId: 1, id, title: `t${id}`, body: `b${id}` },
  ...more,
});

Deno.test("one odd post hides no other, in any format, and is named by its id and field", async () => {
  await using api = serve([
    { id: 7, title: "no body" },
    post(8),
    post(9, { userId: "" }),
  ]);
  const { code, stdout, stderr } = await run(main, [api.url, "--ndjson"]);
  assertEquals(code, 1);
  assertEquals(stdout, JSON.stringify(post(8)) + "\n");
  assertEquals(
    stderr,
    "posts: Cannot list post 7: userId: expected integer or string, got nothing\n" +
      "posts: Cannot list post 9: userId: expected integer or string, got an empty string\n" +
      "posts: Cannot list 2 of 3 posts\n" +
      "hint: --loose takes objects of any shape\n",
  );
  for (
    const [args, expected] of [
      [["--csv"], "userId,id,title,body\r\n1,8,t8,b8\r\n"],
      [["--table"], "userId  id  title  body\n1       8   t8     b8\n"],
      [["--json", "--fields=id"], '[\n  {\n    "id": 7\n  },'],
    ] as const
  ) {
    const result = await run(main, [api.url, ...args]);
    assertStringIncludes(result.stdout, expected);
  }
  // text has title and body alone
  const text = await run(main, [api.url]);
  assertEquals(text.stdout.match(/^Title: .*/gm), ["Title: t8", "Title: t9"]);
  assertEquals(
    text.stderr.split("\n")[0],
    "posts: Cannot list post 7: body: expected string, got nothing",
  );
  const limited = await run(main, [api.url, "--limit=2", "--csv"]);
  assertEquals(limited.stdout, "userId,id,title,body\r\n1,8,t8,b8\r\n");
  assertEquals((await run(main, [api.url, "--loose", "--json"])).code, 0);
});

Deno.test("at most ten odd posts are named, then they are counted", async () => {
  const odd = (id: number) => ({ id, title: 1 });
  await using api = serve([
    ...Array.from({ length: 13 }, (_, at) => odd(at)),
    ...[null, "a", [1], post(99)],
  ]);
  const { code, stdout, stderr } = await run(main, [api.url]);
  assertEquals([code, stdout.match(/^Title: .*/gm)], [1, ["Title: t99"]]);
  const lines = stderr.trimEnd().split("\n");
  assertEquals(lines.length, 12);
  assertEquals(
    lines[0],
    "posts: Cannot list posts[13]: expected an object, got null",
  );
  assertEquals(
    lines[10],
    "posts: Cannot list 16 of 17 posts: 6 more than are named",
  );
});

Deno.test("odd posts are named where the list then fails", async () => {
  let page = 0;
  const server = Deno.serve(
    { hostname: "127.0.0.1", port: 0, onListen() {} },
    () =>
      page++ === 0
        ? Response.json([{ id: 5 }, post(6)], {
          headers: { link: '<?_page=2>; rel="next"' },
        })
        : new Response("oops", { status: 400 }),
  );
  const { code, stdout, stderr } = await run(main, [
    `--url=:${server.addr.port}`,
  ]);
  assertEquals([code, stdout.match(/^Title: .*/gm)], [4, ["Title: t6"]]);
  assertStringIncludes(stderr, "posts: Cannot list post 5: title: ");
  assertStringIncludes(stderr, "400 Bad Request");
  await server.shutdown();
});

Deno.test("an id that an API chose is safe on a terminal, and short", async () => {
  await using api = serve([{ id: `\x1b[2J\n${"x".repeat(500)}` }, {}]);
  const { stderr } = await run(main, [api.url], { terminal: true });
  assertStringIncludes(stderr, "Cannot list post \\x1b[2J x");
  assert(!/x{81}/.test(stderr), stderr);
});

Deno.test("CSV and tables have the columns of all that is listed, the four of a post first", async () => {
  const posts = [
    { title: "bar", id: 1, tag: "a" },
    post(2),
    { extra: true, ...post(3) },
  ];
  await using api = serve(posts);
  const csv = await run(main, [api.url, "--loose", "--csv"]);
  assertEquals(
    csv.stdout,
    "userId,id,title,body,tag,extra\r\n,1,bar,,a,\r\n1,2,t2,b2,,\r\n1,3,t3,b3,,true\r\n",
  );
  const table = await run(main, [api.url, "--loose", "--table"]);
  assertEquals(
    table.stdout.split("\n")[0],
    "userId  id  title  body  tag  extra",
  );
  await using users = serve([{ name: "a" }, { id: 1, name: "b" }]);
  const other = await run(main, [users.url, "--resource=users", "--csv"]);
  assertEquals(other.stdout, "name,id\r\na,\r\nb,1\r\n");
});

Deno.test("a field that comes after the columns were printed is named, and the exit code is 1", async () => {
  const text = "x".repeat(1000);
  await using api = serve([
    ...Array.from({ length: 3000 }, (_, at) => post(at, { body: text })),
    post(3000, { late: 1, later: 2 }),
  ]);
  for (const format of ["--csv", "--table"]) {
    const { code, stdout, stderr } = await run(main, [api.url, format]);
    assertEquals(stdout.trimEnd().split("\n").length, 3002);
    assertEquals([code, stderr], [
      1,
      'posts: Cannot list all fields of posts: "late", "later" came after the columns were printed\n' +
      "hint: --fields A,B names the columns; --ndjson prints all there is\n",
    ]);
  }
  const named = await run(main, [
    api.url,
    "--csv",
    "--loose",
    "--fields=id,late",
  ]);
  assertEquals([named.code, named.stderr], [0, ""]);
});

Deno.test("a table with wide letters is aligned, and cut where it is wider than the terminal", async () => {
  await using api = serve([
    post(1, { title: "한국어 제목입니다", body: "본문".repeat(60) }),
    post(20, { title: "plain", body: "y".repeat(200) }),
  ]);
  const { stdout } = await run(main, [api.url, "--table"], { terminal: true });
  const lines = stdout.trimEnd().split("\n");
  assertEquals(lines.length, 3);
  for (const line of lines) assert(columnsOf(line) <= 80, line);
  const begins = lines.map((line, at) =>
    columnsOf(line.slice(0, line.search([/body/, /본문/, /yy/][at] ?? /$/)))
  );
  assertEquals(new Set(begins).size, 1);
});

Deno.test("posts says that there are none, and takes == as get does", async () => {
  await using none = serve([]);
  for (
    const [args, said] of [
      [["userId=999"], "posts: no posts match\n"],
      [["userId=999", "--table"], "posts: no posts match\n"],
      [["--json"], "posts: no posts\n"],
      [["name=x", "--resource=users"], "posts: no users match\n"],
    ] as const
  ) {
    const { code, stderr } = await run(main, [none.url, ...args]);
    assertEquals([code, stderr], [0, said]);
  }
  await using api = serve([post(1)]);
  await run(main, [api.url, "userId==1"]);
  await run(main, [api.url, "title===a"]);
  await run(main, [api.url, "userId:=1"]);
  await run(main, [api.url, "id:lt==3"]);
  assertEquals(api.asked, [
    "GET ?userId=1",
    "GET ?title=%3Da",
    "GET ?userId=1",
    "GET ?id%3Alt=3",
  ]);
});

Deno.test("a verb that is nearly right is asked back, and nothing is sent", async () => {
  await using api = serve([post(1)]);
  for (
    const [words, hint] of [
      [["crate", "title=x"], "did you mean create?"],
      [["Create", "title=x"], "did you mean create?"],
      [["udpate", "1", "a=b"], "did you mean update?"],
      [["add", "title=x"], "did you mean create?"],
      [["edit", "1", "a=b"], "did you mean update?"],
      [["remove", "1"], "did you mean delete?"],
      [["list"], "leave it out: posts lists by itself"],
      [["show", "1"], "leave it out: posts lists by itself"],
      [["--resource=users", "show", "1"], "leave it out"],
      [["users"], "another resource: --resource users"],
      [["posts", "1"], "leave it out: posts lists by itself"],
      [["help"], "see deno task posts --help"],
      [["1,2"], "IDs have blanks between them: 1 2"],
      [
        ["create", "title=my", "first"],
        "a text with blanks is in quotes: 'title=my first post'",
      ],
      [["update", "1", "title", "=", "a"], "a text with blanks is in quotes"],
      [["--userId=1"], "if it is a filter or a field: userId=1"],
      [["--pick", ".a"], "fields: --fields A,B; a part of any JSON: deno task"],
      [["-a", "ada"], "a login is kept: deno task get --session FILE"],
      [["create", "-"], "to send stdin: deno task post URL -"],
      [["--offline"], "see deno task posts --help"],
    ] as const
  ) {
    const { code, stderr } = await run(main, [api.url, ...words]);
    assertEquals(code, 2);
    assertStringIncludes(stderr, `hint: ${hint}`);
  }
  assertEquals(api.asked, []);
  await using users = serve([]);
  await run(main, [users.url, "--resource=words", "crate"]);
  assertEquals(users.asked, ["GET "]);
});

Deno.test("posts stores nothing that was not meant", async () => {
  await using api = serve([]);
  for (
    const [args, said] of [
      [["create"], "Cannot create nothing: expected key=value"],
      [["update", "1"], "Cannot update nothing: expected key=value"],
      [["create", "{title:x}"], "Cannot use JSON as an item"],
      [["create", '{"title":"x"}'], "Cannot use JSON as an item"],
      [["create", "title:x"], 'Cannot send "title:x" as JSON'],
      [["create", "title=caf\ufffd"], "it is not UTF-8"],
    ] as const
  ) {
    const { code, stderr } = await run(main, [api.url, ...args], {
      stdin: '{"title":"piped"}',
    });
    assertEquals(code, 2);
    assertStringIncludes(stderr, said);
  }
  assertEquals(api.asked, []);
  const made = await run(main, [api.url, "create", "a=b"], { stdin: "{}" });
  assertEquals([made.code, made.stderr], [
    0,
    "stdin is not sent: a request has one body\n",
  ]);
  const gone = await run(main, [api.url, "delete", "1"], { stdin: "{}" });
  assertEquals([gone.code, gone.stderr], [0, ""]);
});

Deno.test("posts asks an API over https with --ca, and with -k", async () => {
  const { cert, key } = await makeCertificate();
  await using api = serve([post(1)], { cert, key });
  const url = `--url=https://localhost:${api.port}`;
  await withFolder(async (folder) => {
    const path = `${folder}/ca.pem`;
    await Deno.writeTextFile(path, cert);
    const trusted = await run(main, [url, "--ca", path, "--csv"]);
    assertEquals([trusted.code, trusted.stderr], [0, ""]);
    const any = await run(main, [url, "-k", "--csv"]);
    assertEquals([any.code, any.stderr], [
      0,
      `Warning: with --insecure anyone can pose as localhost:${api.port}\n`,
    ]);
    assertEquals(any.stdout, trusted.stdout);
    const unknown = await run(main, [url]);
    assertEquals(unknown.code, 60);
    assertStringIncludes(
      unknown.stderr,
      "hint: trust its issuer with --ca FILE, or skip the check for this call: -k\n",
    );
    const none = await run(main, [url, "--ca", `${path}.none`]);
    assertEquals(none.code, 1);
    assertStringIncludes(none.stderr, "no such file");
    const denied = await spawn("posts", [url, "--ca", path]).result;
    assertStringIncludes(denied.stderr, `--allow-read=${path}`);
  });
});
