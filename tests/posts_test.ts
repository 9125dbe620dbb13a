import { assertEquals, assertMatch } from "@std/assert";
import { main } from "../tasks/posts.ts";
import { run, spawn } from "./support.ts";

/** A server with one answer for every request. */
function serveAnswer(
  body: string | null,
  status = 200,
): Deno.HttpServer<Deno.NetAddr> {
  return Deno.serve(
    { hostname: "127.0.0.1", port: 0, onListen() {} },
    () =>
      new Response(body, {
        status,
        headers: { "content-type": "application/json" },
      }),
  );
}

const RULE = "-".repeat(40);

Deno.test("posts prints title, body and 40 dashes for each post", async () => {
  await using api = serveAnswer(
    JSON.stringify([{ title: "a", body: "b\nc" }, { title: "d", body: "" }]),
  );
  const { code, stdout, stderr } = await run(main, [
    "--url",
    `:${api.addr.port}/`,
  ]);
  assertEquals([code, stderr], [0, ""]);
  assertEquals(
    stdout,
    `Title: a\nBody: b\nc\n${RULE}\nTitle: d\nBody: \n${RULE}\n`,
  );
});

Deno.test("posts makes what an API says safe on a terminal", async () => {
  await using api = serveAnswer(
    JSON.stringify([{ title: "\x1b[2J", body: "\u202e" }]),
  );
  const { stdout } = await run(main, ["--url", `:${api.addr.port}`], {
    terminal: true,
  });
  assertEquals(stdout, `Title: \\x1b[2J\nBody: \\u202e\n${RULE}\n`);
});

Deno.test("posts says what is wrong with an answer, and exits as the table says", async (t) => {
  const cases: [string | null, number, number, RegExp][] = [
    [
      "{}",
      404,
      4,
      /^posts: Cannot list \S+\/posts: the API answered 404 Not Found\n$/,
    ],
    ["oops", 500, 5, /the API answered 500 Internal Server Error\n$/],
    [null, 304, 3, /the API answered 304 Not Modified\n$/],
    ["<html>", 200, 1, /^posts: Cannot list \S+: the answer is not JSON\n$/],
    ["{}", 200, 1, /: expected a list, got object\n$/],
    ["null", 200, 1, /: expected a list, got null\n$/],
    ["[1]", 200, 1, /: \[0\]: expected an object, got number\n$/],
    ["[[]]", 200, 1, /: \[0\]: expected an object, got a list\n$/],
    [
      '[{"title":"a","body":"b"},{"title":null,"body":"b"}]',
      200,
      1,
      /posts\[1\]\.title: expected string, got null\n$/,
    ],
    [
      '[{"title":"a"}]',
      200,
      1,
      /posts\[0\]\.body: expected string, got undefined\n$/,
    ],
  ];
  for (const [body, status, code, stderr] of cases) {
    await t.step(`${status} ${body}`, async () => {
      await using api = serveAnswer(body, status);
      const result = await run(main, [
        "--url",
        `http://127.0.0.1:${api.addr.port}`,
      ]);
      assertMatch(result.stderr, stderr);
      assertEquals([result.code, result.stdout], [code, ""]);
    });
  }
});

Deno.test("posts says when nothing listens", async () => {
  const api = serveAnswer("[]");
  const { port } = api.addr;
  await api.shutdown();
  const { code, stderr } = await run(main, [
    "--url",
    `http://127.0.0.1:${port}`,
  ]);
  assertEquals(code, 7);
  assertMatch(
    stderr,
    /^posts: Cannot connect to 127\.0\.0\.1:\d+: connection refused\n/,
  );
});

Deno.test("posts asks for a host's permission with the command to run", async () => {
  const { code, stderr } = await spawn("posts", ["--url", "http://example.com"])
    .result;
  assertEquals(code, 1);
  assertMatch(
    stderr,
    /example\.com:80 is not permitted\nhint: deno run '--allow-net=\S+,example\.com' \S+posts\.ts --url http:\/\/example\.com\n$/,
  );
});

Deno.test("posts takes no operands", async () => {
  const { code, stderr } = await run(main, ["x"]);
  assertEquals([code, stderr], [
    2,
    'posts: Cannot list "x": posts takes no operands\nhint: see posts --help\n',
  ]);
});
