import { assert, assertEquals, assertMatch, assertThrows } from "@std/assert";
import { getAvailablePort } from "@std/net/get-available-port";
import fc from "fast-check";
import { Failure } from "../../lib/cli/errors.ts";
import { makeCertificate } from "../../tasks/server/tls/certificate.ts";
import { createHandler } from "../../tasks/api/handler.ts";
import { serveHttp } from "../../tasks/api/serve.ts";
import { seed } from "../../tasks/api/store/seed.ts";
import { openStore } from "../../tasks/api/store/sqlite.ts";
import { main } from "../../tasks/posts.ts";
import { nextOf, parseLinks } from "../../tasks/posts/client.ts";
import { response, serveRaw } from "../http/server.ts";
import { encode, listening, run, spawn, start } from "../support.ts";

/** A server with one response for every request. */
function serveBody(
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
  await using api = serveBody(
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
  await using api = serveBody(
    JSON.stringify([{ title: "\x1b[2J", body: "\u202e" }]),
  );
  const { stdout } = await run(main, ["--url", `:${api.addr.port}`], {
    terminal: true,
  });
  assertEquals(stdout, `Title: \\x1b[2J\nBody: \\u202e\n${RULE}\n`);
});

Deno.test("posts prints what is wrong with a response, and exits as the table says", async (t) => {
  const cases: [string | null, number, number, RegExp, string?][] = [
    [
      "{}",
      404,
      4,
      /^posts: Cannot list \S+\/posts: the API answered 404 Not Found\n$/,
    ],
    ["oops", 500, 5, /the API answered 500 Internal Server Error\n$/],
    [null, 304, 3, /the API answered 304 Not Modified\n$/],
    ["<html>", 200, 1, /^posts: Cannot list \S+: the answer is not JSON\n$/],
    ["", 200, 1, /: the answer is not JSON\n$/],
    ["[{}] x", 200, 1, /: the answer is not JSON\n$/],
    ["[{},]", 200, 1, /: the answer is not JSON\n$/],
    ['[{"a":"]"}', 200, 1, /: the answer is not JSON\n$/],
    [
      '{"id":1}\n\n{"id":2}\n',
      200,
      1,
      /: expected one JSON list, got JSON lines\n$/,
    ],
    ['{"id":1}\n{', 200, 1, /: the answer is not JSON\n$/],
    ["{}", 200, 1, /: expected a list, got object\n$/],
    [
      '{"data":[],"next_cursor":"a"}',
      200,
      1,
      /: expected a list, got an object with data, next_cursor\n$/,
    ],
    [
      '{"a":1,"b":1,"c":1,"d":1,"e":1,"f":1,"g":1,"h":1,"i":1}',
      200,
      1,
      /: expected a list, got an object with a, b, c, d, e, f, g, h, \.\.\.\n$/,
    ],
    ['{"error":{"message":"boom"}}', 500, 5, /500 Internal \w+ Error: boom\n$/],
    ['{"error":"boom"}', 400, 4, /400 Bad Request: boom\n$/],
    ['{"message":"Sign in"}', 401, 4, /401 Unauthorized: Sign in\n$/],
    ['{"Message":"Sign in"}', 403, 4, /403 Forbidden: Sign in\n$/],
    [
      '{"error":"invalid_token","error_description":"It is expired"}',
      401,
      4,
      /401 Unauthorized: It is expired\n$/,
    ],
    ['{"error":true,"msg":"no key"}', 400, 4, /400 Bad Request: no key\n$/],
    ['{"errors":[{"title":"boom"}]}', 422, 4, /422 \w+ \w+: boom\n$/],
    ['{"message":"","error":{}}', 404, 4, /answered 404 Not Found\n$/],
    ["null", 200, 1, /: expected a list, got null\n$/],
    ["[1]", 200, 1, /list posts\[0\]: expected an object, got number\n$/],
    ["[[]]", 200, 1, /list posts\[0\]: expected an object, got a list\n$/],
    [
      '[{"title":"a","body":"b"},{"title":null,"body":"b"}]',
      200,
      1,
      /Cannot list posts\[1\]: title: expected string, got null\nhint: --loose/,
      `Title: a\nBody: b\n${RULE}\n`,
    ],
    [
      '[{"title":"a"}]',
      200,
      1,
      /Cannot list posts\[0\]: body: expected string, got nothing\nhint: --loose/,
    ],
  ];
  for (const [body, status, code, stderr, stdout = ""] of cases) {
    await t.step(`${status} ${body}`, async () => {
      await using api = serveBody(body, status);
      const result = await run(main, [
        "--url",
        `http://127.0.0.1:${api.addr.port}`,
      ]);
      assertMatch(result.stderr, stderr);
      assertEquals([result.code, result.stdout], [code, stdout]);
    });
  }
});

Deno.test("posts says when nothing listens", async () => {
  const api = serveBody("[]");
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

Deno.test("posts hints at no option that it does not have", async (t) => {
  const hostname = "127.0.0.1";
  const onListen = () => {};
  await using circle = Deno.serve(
    { hostname, port: 0, onListen },
    () => new Response(null, { status: 302, headers: { location: "/posts" } }),
  );
  await using tls = Deno.serve(
    { hostname, port: 0, onListen, ...await makeCertificate() },
    () => Response.json([]),
  );
  await using slow = Deno.serve(
    { hostname, port: 0, onListen },
    async ({ signal }) => {
      await new Promise((resolve) => signal.addEventListener("abort", resolve));
      return new Response();
    },
  );
  const cases: [string, number, RegExp][] = [
    [`http://${hostname}:${circle.addr.port}`, 47, /more than 10 redirects\n$/],
    [
      `https://${hostname}:${tls.addr.port}`,
      60,
      /unknown issuer\nhint: trust its issuer with --ca FILE, or skip .*: -k\n$/,
    ],
    [
      `http://${hostname}:${slow.addr.port}`,
      28,
      /within 0\.2 s\nhint: to wait longer: --timeout SECONDS; or --offline .*\n$/,
    ],
    [`https://${hostname}:${slow.addr.port}`, 1, /\nhint: .*, try http:\S+\n$/],
  ];
  for (const [url, code, stderr] of cases) {
    await t.step(`${code}`, async () => {
      const result = await run(main, ["--url", url, "--timeout", "0.2"]);
      assertEquals(result.code, code);
      assertMatch(result.stderr, stderr);
    });
  }
});

Deno.test("posts asks for a host's permission with the command to run", async () => {
  const { code, stderr } = await spawn("posts", ["--url", "http://example.com"])
    .result;
  assertEquals(code, 1);
  assertMatch(
    stderr,
    /example\.com:80 is not permitted\nhint: deno run --allow-net=example\.com:80 .+posts\.ts'? --url http:\/\/example\.com\n$/,
  );
});

Deno.test("secrets in a hint: posts shows no field, user or query of its command line", async () => {
  const { stderr } = await spawn("posts", [
    "--url",
    "http://me:s3cret@h.example/?sig=s3cret",
    "create",
    "password=s3cret",
    "design=plain",
  ]).result;
  assertMatch(
    stderr,
    /hint: deno run --allow-net=h\.example:80 .+ --url 'http:\/\/\*\*\*@h\.example\/\?sig=\*\*\*' create 'password=\*\*\*' design=plain\n$/,
  );
  assert(!stderr.includes("s3cret"), stderr);
});

/** An API with 5 posts, 2 on a page, that counts its requests. */
function servePages() {
  const requests: string[] = [];
  const posts = [1, 2, 3, 4, 5].map((id) => ({
    userId: 1,
    id,
    title: `t${id}`,
    body: `b "${id}",\nend`,
  }));
  const server = Deno.serve(
    { hostname: "127.0.0.1", port: 0, onListen() {} },
    async (request) => {
      const url = new URL(request.url);
      requests.push(
        `${request.method} ${url.pathname}${url.search} ${await request.text()}`
          .trim(),
      );
      const [, , id] = url.pathname.split("/");
      if (request.method !== "GET") {
        return Response.json({ id: 6 }, {
          status: request.method === "POST" ? 201 : 200,
        });
      }
      if (id !== undefined) {
        return Response.json(posts.find((post) => `${post.id}` === id) ?? {}, {
          status: Number(id) > 5 ? 404 : 200,
        });
      }
      const page = Number(url.searchParams.get("page") ?? "1");
      url.searchParams.set("page", String(page + 1));
      const headers = page < 3 ? { link: `<${url}>; rel="next"` } : undefined;
      return Response.json(
        posts.slice(page * 2 - 2, page * 2),
        headers ? { headers } : {},
      );
    },
  );
  return { server, requests, url: `http://127.0.0.1:${server.addr.port}` };
}

Deno.test("posts follows the links to further pages, and stops at --limit", async () => {
  const { server, requests, url } = servePages();
  const all = await run(main, ["--url", url, "--ndjson", "--fields", "id"]);
  assertEquals(
    all.stdout,
    '{"id":1}\n{"id":2}\n{"id":3}\n{"id":4}\n{"id":5}\n',
  );
  assertEquals(requests.length, 3);
  const some = await run(main, [
    "--url",
    url,
    "--limit",
    "3",
    "--fields=id",
    "userId=1",
    "x=a=b",
  ]);
  assertEquals(
    some.stdout,
    [1, 2, 3].map((id) => `Id: ${id}\n${RULE}\n`).join(""),
  );
  assertEquals(requests.slice(3), [
    "GET /posts?userId=1&x=a%3Db",
    "GET /posts?userId=1&x=a%3Db&page=2",
  ]);
  await server.shutdown();
});

Deno.test("posts does not follow a link to another origin, or in a circle", async () => {
  const response = (link: string) =>
    Deno.serve(
      { hostname: "127.0.0.1", port: 0, onListen() {} },
      () => Response.json([], { headers: { link: `<${link}>; rel=next` } }),
    );
  await using away = response("http://example.com/posts");
  const elsewhere = await run(main, ["--url", `:${away.addr.port}`]);
  assertEquals(elsewhere.code, 1);
  assertMatch(
    elsewhere.stderr,
    /its next page is elsewhere: http:\/\/example\.com\/posts\nhint: .* --url http:\/\/example\.com\n$/,
  );
  await using circle = response("/posts");
  assertEquals(
    (await run(main, ["--url", `:${circle.addr.port}`, "--json"])).stdout,
    "[]\n",
  );
});

Deno.test("posts follows a link from where it was redirected to", async () => {
  const asked: string[] = [];
  await using api = Deno.serve(
    { hostname: "127.0.0.1", port: 0, onListen() {} },
    ({ url }) => {
      const { pathname, search } = new URL(url);
      asked.push(pathname + search);
      if (pathname === "/posts") {
        return new Response(null, {
          status: 302,
          headers: { location: "/v2/" },
        });
      }
      const headers = { link: "<page?p=2>; rel=next" };
      return Response.json([], search === "" ? { headers } : {});
    },
  );
  await run(main, ["--url", `:${api.addr.port}`]);
  assertEquals(asked, ["/posts", "/v2/", "/v2/page?p=2"]);
});

Deno.test("posts prints JSON, CSV and tables", async () => {
  const { server, url } = servePages();
  const json = await run(main, ["--url", url, "--json"]);
  const parsed: unknown = JSON.parse(json.stdout);
  assertEquals(Array.isArray(parsed) && parsed.length, 5);
  const csv = await run(main, ["--url", url, "--csv", "1", "2"]);
  assertEquals(
    csv.stdout,
    'userId,id,title,body\r\n1,1,t1,"b ""1"",\nend"\r\n1,2,t2,"b ""2"",\nend"\r\n',
  );
  const table = await run(main, [
    "--url",
    url,
    "--table",
    "1",
    "--fields",
    "id,title",
  ]);
  assertEquals(table.stdout, "id  title\n1   t1\n");
  const narrow = await run(main, ["--url", url, "--table", "1"], {
    terminal: true,
  });
  assertEquals(
    narrow.stdout.split("\n").every((line) => line.length <= 80),
    true,
  );
  const none = await run(main, [
    "--offline",
    "--csv",
    "--fields",
    "id",
    "userId=99",
  ]);
  assertEquals(none.stdout, "id\r\n");
  await server.shutdown();
});

Deno.test("posts creates, updates and deletes, and prints the response", async () => {
  const { server, requests, url } = servePages();
  for (
    const args of [["create", "title=foo", "userId:=1"], [
      "update",
      "1",
      "title=bar",
    ], ["delete", "1"]]
  ) {
    const { code, stdout } = await run(main, ["--url", url, ...args]);
    assertEquals([code, stdout], [0, '{"id":6}\n']);
  }
  assertEquals(requests, [
    'POST /posts {"title":"foo","userId":1}',
    'PATCH /posts/1 {"title":"bar"}',
    "DELETE /posts/1",
  ]);
  await server.shutdown();
});

Deno.test("posts asks for JSON, to read and to write", async () => {
  const accepted: (string | null)[] = [];
  await using server = Deno.serve(
    { hostname: "127.0.0.1", port: 0, onListen() {} },
    ({ headers, method }) => {
      accepted.push(headers.get("accept"));
      return Response.json(method === "GET" ? [] : { id: 1 });
    },
  );
  const url = ["--url", `127.0.0.1:${server.addr.port}`];
  for (const args of [[], ["create", "title=a"], ["update", "1", "title=b"]]) {
    assertEquals((await run(main, [...url, ...args])).code, 0);
  }
  const json = "application/json, */*;q=0.5";
  assertEquals(accepted, [json, json, json]);
});

Deno.test("posts lists what its help's example creates", async () => {
  using store = openStore(":memory:", { posts: [] });
  await using api = await serveHttp(createHandler(store), {
    host: "127.0.0.1",
    port: 0,
  });
  const url = ["--url", `127.0.0.1:${api.port}`];
  const { stdout: help } = await run(main, ["--help"]);
  const [, example = ""] = help.match(/^ {2}(create .*?) {2}/m) ?? [];
  assertEquals((await run(main, [...url, ...example.split(" ")])).code, 0);
  for (const format of [[], ["--json"]]) {
    const { code, stderr } = await run(main, [...url, ...format]);
    assertEquals([code, stderr], [0, ""]);
  }
});

Deno.test("posts lists the embedded posts offline, by ID and by field", async () => {
  const { code, stdout } = await run(main, ["--offline"]);
  assertEquals([code, stdout.split(RULE).length], [0, 101]);
  const two = await run(main, [
    "--offline",
    "--ndjson",
    "--fields",
    "id,userId",
    "7",
    "3",
  ]);
  assertEquals(two.stdout, '{"id":7,"userId":1}\n{"id":3,"userId":1}\n');
  const none = await run(main, ["--offline", "999"]);
  assertEquals([none.code, none.stderr], [
    4,
    "posts: Cannot get post 999: the embedded posts are 1 to 100\n",
  ]);
});

Deno.test("posts of several ids prints those that are there, in whole, and names each other one", async () => {
  const asked: string[] = [];
  const server = { hostname: "127.0.0.1", port: 0, onListen() {} };
  await using api = Deno.serve(server, ({ url }) => {
    const { pathname } = new URL(url);
    asked.push(pathname.replace("/posts/", ""));
    const id = Number(asked.at(-1));
    return id < 5
      ? Response.json({ id, title: "a", body: "b" })
      : Response.json({}, { status: id === 7 ? 500 : 404 });
  });
  const url = `--url=:${api.addr.port}`;
  const args = [url, "1", "9", "2", "7", "8", "--fields=id"];
  for (
    const [format, expected] of [
      ["--json", '[\n  {\n    "id": 1\n  },\n  {\n    "id": 2\n  }\n]\n'],
      ["--table", "id\n1\n2\n"],
    ] as const
  ) {
    asked.length = 0;
    const { code, stdout, stderr } = await run(main, [...args, format]);
    assertEquals([code, stdout, asked.join(" ")], [5, expected, "1 9 2 7 8"]);
    assertEquals(stderr.match(/\/posts\/\d: the API answered \d+/g), [
      "/posts/9: the API answered 404",
      "/posts/7: the API answered 500",
      "/posts/8: the API answered 404",
    ]);
  }
  const one = await run(main, [url, "9", "--json"]);
  assertEquals([one.code, one.stdout], [4, ""]);
  const embedded = ["--offline", "3", "999", "1", "--ndjson", "--fields=id"];
  const some = await run(main, embedded);
  assertEquals([some.code, some.stdout, some.stderr], [
    4,
    '{"id":3}\n{"id":1}\n',
    "posts: Cannot get post 999: the embedded posts are 1 to 100\n",
  ]);
  // nobody answers: that is said once
  const away = ["--url", `:${getAvailablePort()}`, "1", "2", "--json"];
  const none = await run(main, away);
  assertEquals([none.code, none.stdout], [7, "[]\n"]);
  assertEquals(none.stderr.match(/Cannot/g)?.length, 1);
});

Deno.test("posts --offline means by a query what the api does", async (t) => {
  using store = openStore(":memory:", seed);
  await using api = await serveHttp(createHandler(store), {
    host: "127.0.0.1",
    port: 0,
  });
  const queries = [
    ["usrId=1"],
    ["usrId=1", "userId=2", "x=y"],
    ["userId=3", "userId=5"],
    ["_limit=2"],
    ["_sort=id", "_order=desc", "_limit=3"],
    ["_page=9", "_limit=12"],
    ["title_like=lamp|kite"],
    ["title_like=KITE"],
    ["id_gte=99"],
    ["q=kite", "_embed=comments"],
    ["userId=99"],
  ];
  for (const query of queries) {
    await t.step(query.join(" "), async () => {
      const args = ["--ndjson", ...query];
      const online = await run(main, [
        "--url",
        api.addresses[0] ?? "",
        ...args,
      ]);
      const offline = await run(main, ["--offline", ...args]);
      assertEquals([offline.code, offline.stdout], [
        online.code,
        online.stdout,
      ]);
      assertEquals(
        offline.stderr.replaceAll(
          "the embedded posts ignore",
          "the API ignores",
        ),
        online.stderr.replace(/list \S+: the API .*: Cannot /, ""),
      );
    });
  }
});

Deno.test("posts says once, on stderr, what of a query the API ignores", async () => {
  await using api = Deno.serve(
    { hostname: "127.0.0.1", port: 0, onListen() {} },
    ({ url }) =>
      Response.json([{ id: 1 }], {
        headers: {
          "x-ignored-query": "usrId; did-you-mean=userId, a%0Ab, %1b",
          ...!url.endsWith("2") && { link: '<?_page=2>; rel="next"' },
        },
      }),
  );
  const { code, stdout, stderr } = await run(main, [
    `--url=:${api.addr.port}`,
    "--ndjson",
    "--fields=id",
    "usrId=1",
  ], { terminal: { stderr: true } });
  assertEquals([code, stdout], [0, '{"id":1}\n{"id":1}\n']);
  assertEquals(
    stderr,
    'posts: the API ignores "usrId"; did you mean userId?\n' +
      'posts: the API ignores "a b"\nposts: the API ignores "\\x1b"\n',
  );
});

Deno.test("posts takes a field that no post has for a slip", async () => {
  await using api = serveBody('[{"title":"a","x":1},{"title":"b"}]');
  const url = `--url=:${api.addr.port}`;
  const slip = await run(main, [url, "--fields", "title,titel"]);
  assertEquals(slip, {
    ...slip,
    code: 1,
    stdout: "",
    stderr: 'posts: Cannot list posts: no post has a field "titel"\n' +
      "hint: did you mean title? the fields are title, x\n",
  });
  const stranger = await run(main, ["--offline", "--csv", "--fields=stars"]);
  assertEquals([stranger.code, stranger.stderr], [
    1,
    'posts: Cannot list posts: no post has a field "stars"\n' +
    "hint: the fields are userId, id, title, body\n",
  ]);
  const some = await run(main, [url, "--json", "--fields=x"]);
  assertMatch(
    some.stderr,
    /list posts\[1\]: x: expected a value, got nothing\nhint: --loose/,
  );
  const loose = await run(main, [url, "--loose", "--ndjson", "--fields=titel"]);
  assertEquals(loose.code, 0);
});

Deno.test("posts --loose takes responses of any shape", async () => {
  await using api = serveBody('[{"title":null,"body":{"a":1}},{}]');
  const { code, stdout } = await run(main, [
    "--url",
    `:${api.addr.port}`,
    "--loose",
  ]);
  assertEquals([code, stdout], [
    0,
    `Title: null\nBody: {"a":1}\n${RULE}\nTitle: \nBody: \n${RULE}\n`,
  ]);
});

Deno.test("posts passes on why an API refuses", async () => {
  await using api = serveBody('{"detail":"userId: expected integer"}', 422);
  const { code, stderr } = await run(main, [
    "--url",
    `:${api.addr.port}`,
    "create",
    "userId=x",
  ]);
  assertEquals(code, 4);
  assertMatch(
    stderr,
    /the API answered 422 Unprocessable \w+: userId: expected integer\n$/,
  );
});

Deno.test("posts adds an API's reason to its status, safe for a terminal", async () => {
  const responses: [BodyInit, HeadersInit, RegExp][] = [
    ["{}", { "x-reason": "no \x9bpost" }, /404 Not Found: no \\x9bpost\n$/],
    [
      '{"title":"Nope","detail":"\\u001b[2Jgone"}',
      { "x-reason": "other" },
      /404 Not Found: \\x1b\[2Jgone\n$/,
    ],
    ['{"title":"Nope"}', {}, /404 Not Found: Nope\n$/],
    ['{"title":"Not Found","detail":7}', {}, /404 Not Found\n$/],
  ];
  for (const [body, headers, stderr] of responses) {
    await using api = Deno.serve(
      { hostname: "127.0.0.1", port: 0, onListen() {} },
      () => new Response(body, { status: 404, headers }),
    );
    const result = await run(main, ["--url", `:${api.addr.port}`, "1"], {
      terminal: true,
    });
    assertEquals(result.code, 4);
    assertMatch(result.stderr, stderr);
  }
});

Deno.test("posts hints at a base that names the posts already", async () => {
  await using api = serveBody("{}", 404);
  const base = `http://127.0.0.1:${api.addr.port}`;
  for (const path of ["/posts", "/posts/"]) {
    const { code, stderr } = await run(main, [`--url=${base}${path}`]);
    assertEquals([code, stderr], [
      4,
      `posts: Cannot list ${base}/posts/posts: the API answered 404 Not Found\n` +
      `hint: posts adds /posts by itself: --url ${base}\n`,
    ]);
  }
});

Deno.test("posts tries a GET again when the API is busy, and honours Retry-After", async () => {
  let asked = 0;
  await using api = Deno.serve(
    { hostname: "127.0.0.1", port: 0, onListen() {} },
    () =>
      asked++ === 0
        ? new Response("", { status: 503, headers: { "retry-after": "0" } })
        : Response.json([]),
  );
  const { code } = await run(main, ["--url", `:${api.addr.port}`]);
  assertEquals([code, asked], [0, 2]);
});

Deno.test("posts lists, gets and changes another resource, all its fields as name: value", async () => {
  const requests: string[] = [];
  const users = [
    { id: 1, name: "Ada", geo: { lat: 1.5 }, tags: ["a", "b"], title: "x" },
    { id: 2, nick: null },
  ];
  await using api = Deno.serve(
    { hostname: "127.0.0.1", port: 0, onListen() {} },
    ({ method, url }) => {
      const { pathname, search } = new URL(url);
      requests.push(`${method} ${pathname}${search}`);
      const isList = /\/(users|a%20%25b)$/.test(pathname);
      return Response.json(isList && method === "GET" ? users : users[0]);
    },
  );
  const url = `--url=:${api.addr.port}/v1`;
  const ask = (...args: string[]) =>
    run(main, [url, "--resource=users", ...args]);
  const text = `id: 1\nname: Ada\ngeo: {"lat":1.5}\ntags: ["a","b"]\n` +
    `title: x\n${RULE}\n`;
  const all = await ask("id=1");
  assertEquals(all, {
    ...all,
    code: 0,
    stdout: `${text}id: 2\nnick: null\n${RULE}\n`,
    stderr: 'posts: the API ignores "id": 1 of 2 users has another\n',
  });
  assertEquals((await ask("1")).stdout, text);
  assertEquals(
    (await ask("--fields", "name,id")).stdout,
    `Name: Ada\nId: 1\n${RULE}\nName: \nId: 2\n${RULE}\n`,
  );
  assertEquals(
    (await ask("--csv", "--fields=id,geo")).stdout,
    'id,geo\r\n1,"{""lat"":1.5}"\r\n2,\r\n',
  );
  const slip = await ask("--fields", "nam");
  assertEquals([slip.code, slip.stderr], [
    1,
    'posts: Cannot list users: no document has a field "nam"\n' +
    "hint: did you mean name? the fields are id, name, geo, tags, title, nick\n",
  ]);
  requests.length = 0;
  for (
    const args of [["create", "name=a"], ["update", "1", "name=b"], [
      "delete",
      "1",
    ]]
  ) assertEquals((await ask(...args)).code, 0);
  await run(main, [url, "--resource=a %b"]);
  assertEquals(requests, [
    "POST /v1/users",
    "PATCH /v1/users/1",
    "DELETE /v1/users/1",
    "GET /v1/a%20%25b",
  ]);
});

Deno.test("posts --loose prints all fields of a post that has neither title nor body", async () => {
  await using api = serveBody('[{"id":1,"text":"a"},{"id":2,"title":"b"}]');
  const { stdout } = await run(main, [`--url=:${api.addr.port}`, "--loose"]);
  assertEquals(
    stdout,
    `id: 1\ntext: a\n${RULE}\nTitle: b\nBody: \n${RULE}\n`,
  );
});

Deno.test("posts names what would answer at the port that was asked, and client where that speaks no HTTP", async () => {
  for (
    const [host, more] of [["localhost", ""], [
      "127.0.0.2",
      "--host 127.0.0.2 ",
    ]]
  ) {
    const port = getAvailablePort();
    const { code, stderr } = await run(main, ["--url", `${host}:${port}`]);
    assertEquals(code, 7);
    assertMatch(
      stderr,
      RegExp(
        `\\nhint: nothing listens there; start it with: deno task api ${more}--port ${port}; or --offline lists the embedded posts\\n$`,
      ),
    );
  }
  await using greeter = listening(async (conn) => {
    await conn.write(encode("220 ready\r\n"));
  });
  const { stderr } = await run(main, ["--url", `:${greeter.port}`]);
  assertMatch(
    stderr,
    RegExp(
      `\\nhint: to talk to it without HTTP: deno task client localhost:${greeter.port}\\n$`,
    ),
  );
});

Deno.test("posts --offline lists each of the embedded resources", async () => {
  for (const [resource, list] of Object.entries(seed)) {
    const { code, stdout } = await run(main, [
      "--offline",
      "--ndjson",
      "--resource",
      resource,
      "_limit=3",
    ]);
    const first = (typeof list === "function" ? list() : []).slice(0, 3);
    assertEquals([code, stdout], [
      0,
      first.map((document) => `${JSON.stringify(document)}\n`).join(""),
    ]);
  }
  const cases: [string[], number, string][] = [
    [
      ["--resource=users", "11"],
      4,
      "posts: Cannot get user 11: the embedded users are 1 to 10\n",
    ],
    [
      ["--resource=pets"],
      4,
      "posts: Cannot list pets: the embedded are posts, comments, albums, photos, users, todos\n",
    ],
    [
      ["--resource=pets", "1"],
      4,
      "posts: Cannot list pets: the embedded are posts, comments, albums, photos, users, todos\n",
    ],
    [
      ["--resource=users", "nam=x", "--limit=1", "--fields=id"],
      0,
      'posts: the embedded users ignore "nam"; did you mean name?\n',
    ],
  ];
  for (const [args, code, stderr] of cases) {
    const result = await run(main, ["--offline", ...args]);
    assertEquals([result.code, result.stderr], [code, stderr]);
  }
});

Deno.test("posts hints at the resource that a base names", async () => {
  await using api = serveBody("{}", 404);
  const base = `http://127.0.0.1:${api.addr.port}`;
  const cases: [string[], string][] = [
    [
      [`${base}/v1/users/`, "--resource=users"],
      `posts adds /users by itself: --url ${base}/v1`,
    ],
    [[`${base}/users`], `to list users: --url ${base} --resource users`],
    [
      [`${base}/a%20b?x=1`],
      `to list a b: --url ${base} --resource 'a b'`,
    ],
  ];
  for (const [[url = "", ...args], hint] of cases) {
    const { code, stderr } = await run(main, ["--url", url, ...args]);
    assertEquals([code, stderr.split("\n")[1]], [4, `hint: ${hint}`]);
  }
  for (const path of ["", "/", "/v1", "/api", "/@mine", "/users"]) {
    const more = path === "/users" ? ["--resource=todos"] : [];
    const { stderr } = await run(main, ["--url", base + path, ...more]);
    assertMatch(stderr, /404 Not Found\n$/);
  }
  await using closed = serveBody("{}", 401);
  const url = `http://127.0.0.1:${closed.addr.port}/github`;
  const { stderr } = await run(main, ["--url", url]);
  assertMatch(stderr, /401 Unauthorized\n$/);
});

Deno.test("posts refuses operands that do not fit together", async (t) => {
  const cases: [string[], RegExp][] = [
    [
      [":3000"],
      /Cannot read ":3000": .*\nhint: the API's address: --url :3000\n/,
    ],
    [
      ["localhost:3000/posts"],
      /\nhint: the API's address: --url localhost:3000\n/,
    ],
    [
      ["127.0.0.1:3000", "1"],
      /\nhint: the API's address: --url 127\.0\.0\.1:3000\n/,
    ],
    [
      ["create", "http://a.example/v1/posts/", "title=a"],
      /\nhint: the API's address: --url http:\/\/a\.example\/v1\n/,
    ],
    [
      [":3000/users"],
      /\nhint: the API's address: --url :3000 --resource users\n/,
    ],
    [
      [":3000/todos", "--resource=todos"],
      /\nhint: the API's address: --url :3000 --resource todos\n/,
    ],
    [[":3000/v1"], /\nhint: the API's address: --url :3000\/v1\n/],
    [["a b"], /Cannot read "a b": expected an ID or key=value/],
    [["delete", ".."], /Cannot read "\.\.": expected an ID or key=value/],
    [["."], /Cannot read "\.": expected an ID or key=value/],
    [
      ["--resource="],
      /Cannot read resource "": expected one name, as in users\n/,
    ],
    [
      ["--resource=v1/users"],
      /"v1\/users": expected one name, .*\nhint: the path to it goes with --url\n/,
    ],
    [["--resource=.."], /Cannot read resource "\.\."/],
    [["--resource=a\nb"], /Cannot read resource "a.*b"/],
    [
      ["--resource=users", "delete", "1", "2"],
      /Cannot delete 2 users: expected one ID/,
    ],
    [["--resource=users", "1", "a=b"], /Cannot filter single users by "a=b"/],
    [
      ["--resource=users", "--offline", "delete", "1"],
      /Cannot delete offline: the embedded users do not change/,
    ],
    [["=x"], /Cannot filter by "=x": expected key=value/],
    [["1", "userId=2"], /Cannot filter single posts by "userId=2"/],
    [["create", "1"], /Cannot create "1": expected key=value/],
    [
      ["create", "5", "title=a b"],
      /Cannot create "5": .*\nhint: the API gives a new one its ID; to change one: deno task posts update 5 'title=a b'\n$/,
    ],
    [
      ["create", "title=my", "post"],
      /Cannot create "post": .*\nhint: a text with blanks is in quotes/,
    ],
    [
      ["--retry", "1"],
      /hint: posts tries a GET three times by itself; /,
    ],
    [["--http2"], /hint: .*: deno task get URL --http=2\n/],
    [["--raw"], /hint: the answer as it came: deno task get URL --raw\n/],
    [["-v"], /hint: .*: deno task get URL -v\n/],
    [["-q"], /hint: .* is on stderr: 2> FILE\n/],
    [["-o", "x"], /hint: into a file: deno task posts --json > FILE\n/],
    [["--pin", "x"], /hint: posts does not have it, get has: /],
    [["update"], /Cannot update 0 posts: expected one ID/],
    [["update", "1"], /Cannot update nothing: expected key=value/],
    [["delete", "1", "2"], /Cannot delete 2 posts: expected one ID/],
    [["delete", "1", "a=b"], /Cannot delete with "a=b"/],
    [["--json", "--csv"], /Cannot use --json and --csv together/],
    [["--offline", "create", "a=b"], /Cannot create offline/],
    [["--fields="], /Cannot read fields "": expected names/],
    [["--fields=id,,title"], /Cannot read fields "id,,title"/],
    [["--limit", "0"], /Cannot parse number "0" of --limit: expected/],
  ];
  for (const [args, message] of cases) {
    await t.step(args.join(" "), async () => {
      const { code, stderr, stdout } = await run(main, args);
      assertEquals([code, stdout], [2, ""]);
      assertMatch(stderr, message);
    });
  }
});

Deno.test("parseLinks() reads a Link header by RFC 8288", () => {
  const cases: [string, ...[string, Record<string, string>][]][] = [
    ["</a>; rel=next", ["/a", { rel: "next" }]],
    ['</a>; rel="prev next"', ["/a", { rel: "prev next" }]],
    ['</a>;REL="Next";Title = x', ["/a", { rel: "Next", title: "x" }]],
    [
      '</a,b;c>; title="a, <b>; rel=next" ; rel=prev, </d> ;rel=next',
      ["/a,b;c", { title: "a, <b>; rel=next", rel: "prev" }],
      ["/d", { rel: "next" }],
    ],
    ['</a>; t="say \\"x\\", y"; rel=a', ["/a", { t: 'say "x", y', rel: "a" }]],
    ["</a>; rel=one; rel=two", ["/a", { rel: "one" }]],
    [", </a>,,</b>;rel=c,", ["/a", {}], ["/b", { rel: "c" }]],
    ["</a>; crossorigin; rel=b", ["/a", { crossorigin: "", rel: "b" }]],
    ["</a> oops, </b>; rel=c", ["/a", {}], ["/b", { rel: "c" }]],
    ['</a>; rel="next', ["/a", { rel: "next" }]],
    [""],
    ["oops"],
    ["</a"],
  ];
  for (const [header, ...expected] of cases) {
    const links = parseLinks(header).map(({ target, params }) => [
      target,
      Object.fromEntries(params),
    ]);
    assertEquals(links, expected, header);
  }
});

Deno.test("parseLinks() reads what was written, for any links", () => {
  const target = fc.string().map((text) => text.replaceAll(">", ""));
  const name = fc.constantFrom("rel", "title", "x-y");
  const link = fc.record({
    target,
    params: fc.dictionary(name, fc.string()),
    space: fc.constantFrom("", " ", "\t "),
  });
  fc.assert(fc.property(fc.array(link), (links) => {
    const header = links.map(({ target, params, space }) =>
      [
        `<${target}>`,
        ...Object.entries(params).map(([name, value]) =>
          `${name.toUpperCase()}${space}=${space}"${
            value.replace(/["\\]/g, "\\$&")
          }"`
        ),
      ].join(`${space};${space}`)
    ).join(", ");
    assertEquals(
      parseLinks(header).map(({ target, params }) => ({
        target,
        params: Object.fromEntries(params),
      })),
      links.map(({ target, params }) => ({ target, params: { ...params } })),
    );
  }));
});

Deno.test("posts follows the link that is next, and no other", async () => {
  const next = async (...links: string[]) => {
    const asked: string[] = [];
    await using api = Deno.serve(
      { hostname: "127.0.0.1", port: 0, onListen() {} },
      ({ url }) => {
        asked.push(new URL(url).search);
        const headers = links.map((link): [string, string] => ["link", link]);
        return Response.json([], { headers: asked.length > 1 ? [] : headers });
      },
    );
    const { code } = await run(main, ["--url", `:${api.addr.port}`]);
    assertEquals(code, 0);
    return asked[1];
  };
  assertEquals(await next('<?p=2>; rel="prev next"'), "?p=2");
  assertEquals(await next('<?p=2>; REL="Next"'), "?p=2");
  assertEquals(await next("<?p=2>; rel=NEXT"), "?p=2");
  assertEquals(await next('<?p=1>; rel="last"', "<?p=2>;rel=next"), "?p=2");
  assertEquals(await next("<?p=1>; rel=last, <?p=2>; rel=next"), "?p=2");
  assertEquals(await next("<?p=\xc3\xa9>; rel=next"), "?p=%C3%A9");
  assertEquals(await next('<?p=2>; rel=next; anchor=""'), "?p=2");
  for (
    const link of [
      '<?p=2>; rel="next-archive"',
      "<?p=2>; rel=prev; title=next",
      '<?p=2>; title="; rel=next"; rel=last',
      '<?p=2>; rev="next"',
      '<?p=2>; rel=next; anchor="/other"',
      "<?p=2>; rel",
    ]
  ) assertEquals(await next(link), undefined, link);
});

Deno.test("posts tells why the next page is elsewhere, and keeps who asks", () => {
  const next = (page: string, target: string) =>
    nextOf(new URL(page), new Headers({ link: `<${target}>; rel=next` }));
  assertEquals(
    next("http://me:pw@h.example/posts", "http://h.example/posts?p=2")?.href,
    "http://me:pw@h.example/posts?p=2",
  );
  assertEquals(
    next("http://h.example/posts", "#top")?.href,
    "http://h.example/posts",
  );
  const cases: [string, string, RegExp][] = [
    [
      "https://h.example/posts",
      "http://h.example/posts?p=2",
      /does not know that it is asked over https: .* X-Forwarded-Proto/,
    ],
    [
      "http://h.example/v1/posts",
      "https://h.example/v1/posts?p=2",
      /if the API is there: --url https:\/\/h\.example\/v1$/,
    ],
    [
      "http://h.example:8080/posts",
      "http://h.example/list?p=2",
      /if the API is there: --url http:\/\/h\.example\/list$/,
    ],
    ["http://h.example/posts", "http://[", /is a URL of the API$/],
    ["http://h.example/posts", "javascript:1", /is a URL of the API$/],
  ];
  for (const [page, target, hint] of cases) {
    const error = assertThrows(() => next(page, target), Failure, "elsewhere");
    assertMatch(error.hint ?? "", hint);
  }
});

Deno.test("posts reads a list in its charset", async () => {
  const text = '[{"title":"é"}]';
  const latin1 = [...text].map((char) => char.charCodeAt(0));
  for (
    const [type, bytes] of [
      ["application/json; charset=iso-8859-1", latin1],
      [
        'application/json; Charset="UTF-16BE"',
        latin1.flatMap((code) => [0, code]),
      ],
      [
        "application/json; charset=latin1",
        [0xff, 0xfe, ...latin1.flatMap((code) => [code, 0])],
      ],
      ["application/json", [
        0xef,
        0xbb,
        0xbf,
        ...new TextEncoder().encode(text),
      ]],
    ] as const
  ) {
    await using api = Deno.serve(
      { hostname: "127.0.0.1", port: 0, onListen() {} },
      () =>
        new Response(Uint8Array.from(bytes), {
          headers: { "content-type": type },
        }),
    );
    const url = `--url=:${api.addr.port}`;
    const { stdout } = await run(main, [url, "--ndjson", "--loose"]);
    assertEquals(stdout, '{"title":"é"}\n', type);
  }
});

Deno.test("posts keeps the digits of a number that is too long, and takes it for an integer", async () => {
  const post = '{"userId":12345678901234567890,"id":-9007199254740993,' +
    '"title":"1234567890123456","body":"b"}';
  await using api = serveBody(`[${post}]`);
  const url = `--url=:${api.addr.port}`;
  for (const args of [["--ndjson"], ["--ndjson", "--loose"]]) {
    const { code, stdout } = await run(main, [url, ...args]);
    assertEquals([code, stdout], [0, `${post}\n`]);
  }
  const table = await run(main, [url, "--csv", "--fields=userId,id"]);
  assertEquals(
    table.stdout,
    "userId,id\r\n12345678901234567890,-9007199254740993\r\n",
  );
  await using odd = serveBody('[{"x":1e400,"y":1.5e3,"z":9007199254740991}]');
  const loose = await run(main, [
    `--url=:${odd.addr.port}`,
    "--ndjson",
    "--loose",
  ]);
  assertEquals(loose.stdout, '{"x":1e400,"y":1500,"z":9007199254740991}\n');
  for (
    const number of [
      "-0",
      "1e-400",
      "0.1234567890123456789",
      "1234567.00000000001",
      "-123456789.123456789123",
      "12345678901234567890.5",
    ]
  ) {
    await using one = serveBody(`[{"a": ${number}}]`);
    const url = `--url=:${one.addr.port}`;
    const { stdout } = await run(main, [url, "--ndjson", "--resource=a"]);
    assertEquals(stdout, `{"a":${number}}\n`);
    const typed = await run(main, [url, "--fields=a"]);
    assertEquals(typed.stdout, `A: ${number}\n${RULE}\n`);
  }
  await using half = serveBody('[{"userId":12345678901234567890.5}]');
  const refused = await run(main, [`--url=:${half.addr.port}`, "--json"]);
  assertMatch(
    refused.stderr,
    /userId: expected integer or string, got number\n/,
  );
});

Deno.test("posts makes a table of 200,000 posts", async () => {
  const list = Array.from({ length: 200_000 }, (_, id) => ({ id }));
  await using api = serveBody(JSON.stringify(list));
  const { code, stdout } = await run(main, [
    `--url=:${api.addr.port}`,
    "--table",
    "--loose",
  ]);
  assertEquals([code, stdout.split("\n").length], [0, 200_002]);
});

Deno.test("posts prints a long list as it comes, one page or many", async () => {
  const post = (id: number) => ({ userId: 1, id, title: "日本", body: "b" });
  const list = Array.from({ length: 60_000 }, (_, id) => post(id + 1));
  const go = Promise.withResolvers<void>();
  const text = JSON.stringify(list);
  const middle = text.length >> 1;
  await using api = Deno.serve(
    { hostname: "127.0.0.1", port: 0, onListen() {} },
    () => {
      const parts = async function* () {
        yield text.slice(0, middle);
        await go.promise;
        yield text.slice(middle);
      };
      return new Response(
        ReadableStream.from(parts()).pipeThrough(new TextEncoderStream()),
      );
    },
  );
  const url = `--url=:${api.addr.port}`;
  const command = start(main, [url, "--ndjson"]);
  await command.stdout.waitFor(/"id":1,/);
  go.resolve();
  const { code, stdout } = await command.result;
  assertEquals([code, stdout.split("\n").length], [0, 60_001]);
  const table = await run(main, [url, "--table", "--fields=id,title,userId"]);
  const lines = table.stdout.trimEnd().split("\n");
  assertEquals([lines.at(0), lines.at(-1)], [
    "id       title     userId",
    "60000    日本      1",
  ]);
});

Deno.test("posts reads what an API ignores in one pass, however it is spaced", async () => {
  for (
    const [header, expected] of [
      ["a;did-you-mean=b", 'posts: the API ignores "a"; did you mean b?\n'],
      [
        "a ; did-you-mean=b , c",
        'posts: the API ignores "a"; did you mean b?\nposts: the API ignores "c"\n',
      ],
      [`a${" ".repeat(390_000)};`, 'posts: the API ignores "a"\n'],
      [`a;${" ".repeat(390_000)}b`, 'posts: the API ignores "a"\n'],
    ] as const
  ) {
    await using server = serveRaw(() => [
      response("[]", [`X-Ignored-Query: ${header}`, "Content-Length: 2"]),
    ]);
    const { code, stderr } = await run(main, ["--url", server.url]);
    assertEquals([code, stderr], [0, `${expected}posts: no posts\n`]);
  }
});

Deno.test("secrets in hints: a base without a scheme shows no password", async () => {
  const { code, stderr } = await spawn("posts", [
    "--url",
    "ada:s3cret@h.example",
  ])
    .result;
  assertEquals([code, stderr.includes("s3cret")], [1, false], stderr);
});

Deno.test("posts takes ids that are texts, in all formats", async () => {
  const posts = [
    { userId: "u1", id: "a3f9", title: "a", body: "b" },
    { userId: 1, id: "0190-uuid", title: "c", body: "d" },
    {
      user_id: "507f1f77bcf86cd799439011",
      _id: { $oid: "5" },
      title: "e",
      body: "f",
    },
  ];
  await using api = serveBody(JSON.stringify(posts));
  const url = `--url=:${api.addr.port}`;
  for (const format of [[], ["--json"], ["--ndjson"], ["--csv"], ["--table"]]) {
    const { code, stderr } = await run(main, [url, ...format]);
    assertEquals([code, stderr], [0, ""]);
  }
  const { stdout } = await run(main, [url, "--json"]);
  assertEquals(JSON.parse(stdout), posts);
  for (
    const [id, got] of [["null", "null"], ['""', "an empty string"], [
      "1.5",
      "number",
    ]]
  ) {
    await using odd = serveBody(`[{"userId":1,"id":${id}}]`);
    const { code, stderr } = await run(main, [
      `--url=:${odd.addr.port}`,
      "--csv",
    ]);
    assertEquals([code, stderr.split("\n")[0]], [
      1,
      `posts: Cannot list ${
        id === "1.5" ? "post 1.5" : "posts[0]"
      }: id: expected integer or string, got ${got}`,
    ]);
  }
});

Deno.test("posts asks for a document by an id in any script, as a URL writes it", async () => {
  const asked: string[] = [];
  await using api = Deno.serve(
    { hostname: "127.0.0.1", port: 0, onListen() {} },
    ({ url }) => {
      asked.push(new URL(url).pathname);
      return Response.json({ title: "a", body: "b" });
    },
  );
  const ids = ["5f2b8c4e-1d2a-4f6b-9c3d-7e8f9a0b1c2d", "a_B~9", "한글"];
  const { code } = await run(main, [`--url=:${api.addr.port}`, ...ids]);
  assertEquals([code, asked.map(decodeURIComponent)], [
    0,
    ids.map((id) => `/posts/${id}`),
  ]);
});

Deno.test("posts ends at a page that is typed, online and offline", async (t) => {
  using store = openStore(":memory:", seed);
  await using api = await serveHttp(createHandler(store), {
    host: "127.0.0.1",
    port: 0,
  });
  const url = `--url=${api.addresses[0]}`;
  const cases: [args: string[], first: number, count: number][] = [
    [["_page=2", "_limit=3"], 4, 3],
    [["_page=2", "_per_page=3"], 4, 3],
    [["_page=1"], 1, 10],
    [["_page[]=2", "_limit[]=3"], 4, 3],
    [["_page[0]=2", "_per_page[0]=3"], 4, 3],
    [["_page=2", "_limit=3", "--limit=2"], 4, 2],
    [["_page=34", "_limit=3"], 100, 1],
    [["_limit=3"], 1, 3],
    [[], 1, 100],
  ];
  for (const [args, first, count] of cases) {
    await t.step(args.join(" "), async () => {
      const words = ["--ndjson", "--fields=id", ...args];
      for (const where of [url, "--offline"]) {
        const { code, stdout, stderr } = await run(main, [where, ...words]);
        const lines = Array.from(
          { length: count },
          (_, at) => `{"id":${first + at}}\n`,
        );
        assertEquals([code, stdout, stderr], [0, lines.join(""), ""]);
      }
    });
  }
  const { server, requests, url: other } = servePages();
  await run(main, ["--url", other, "page=2"]);
  await run(main, ["--url", other, "pages=2"]);
  assertEquals(requests.length, 4);
  await server.shutdown();
});

Deno.test("posts reads the pages of json-server 1 to their end", async () => {
  const asked: string[] = [];
  const post = (id: number) => ({ id: `${id}`, title: "a", body: "b" });
  await using api = Deno.serve(
    { hostname: "127.0.0.1", port: 0, onListen() {} },
    ({ url }) => {
      const { search, searchParams } = new URL(url);
      asked.push(search);
      const page = Number(searchParams.get("_page") ?? 1);
      const next = page < 3 ? page + 1 : null;
      const data = [post(page)];
      return Response.json({ first: 1, next, pages: 3, items: 3, data });
    },
  );
  const url = `--url=:${api.addr.port}`;
  const all = await run(main, [url, "--ndjson", "--fields=id", "_per_page=1"]);
  assertEquals(all.stdout, '{"id":"1"}\n{"id":"2"}\n{"id":"3"}\n');
  const one = await run(main, [url, "--ndjson", "--fields=id", "_page=2"]);
  assertEquals(one.stdout, '{"id":"2"}\n');
  assertEquals(asked, [
    "?_per_page=1",
    "?_per_page=1&_page=2",
    "?_per_page=1&_page=3",
    "?_page=2",
  ]);
  await using other = serveBody('{"data":[],"meta":{"page":1}}');
  const { code, stderr } = await run(main, [`--url=:${other.addr.port}`]);
  assertEquals(code, 1);
  assertMatch(stderr, /: expected a list, got an object with data, meta\n$/);
});

Deno.test("posts takes ids with dots, as addresses of mail and versions are", async () => {
  const ids = ["v1.2", "ada@example.org", "..a"];
  const data = { users: ids.map((id) => ({ id })) };
  using store = openStore(":memory:", data);
  await using api = await serveHttp(createHandler(store), {
    host: "127.0.0.1",
    port: 0,
  });
  const words = [`--url=${api.addresses[0]}`, "--resource=users", "--ndjson"];
  const { code, stdout } = await run(main, [...words, ...ids]);
  assertEquals(code, 0);
  assertEquals(stdout, ids.map((id) => `{"id":"${id}"}\n`).join(""));
  const gone = await run(main, [...words.slice(0, 2), "delete", "v1.2"]);
  assertEquals([gone.code, store.get("users", "v1.2")], [0, undefined]);
});

Deno.test("posts refuses pages that name themselves or one before as the next, and ends at the last", async () => {
  let nextAfter = (_page: number) => 2;
  let count = 0;
  await using api = Deno.serve(
    { hostname: "127.0.0.1", port: 0, onListen() {} },
    ({ url }) => {
      count++;
      const page = Number(new URL(url).searchParams.get("_page") ?? 1);
      const data = [{ id: 1, title: "a", body: "b" }];
      return Response.json({ next: nextAfter(page), pages: 3, items: 3, data });
    },
  );
  const words = [`--url=:${api.addr.port}`, "--ndjson", "--fields=id"];
  const still = await run(main, words);
  assertEquals([still.code, still.stdout], [1, '{"id":1}\n']);
  assertMatch(
    still.stderr,
    /_page=2: expected a page after 2 as the next one, got 2\n$/,
  );
  nextAfter = (page) => page - 1;
  const back = await run(main, words);
  assertEquals([back.code, back.stdout], [1, ""]);
  [count, nextAfter] = [0, (page) => page + 1];
  const on = await run(main, words);
  assertEquals([on.code, on.stdout, count], [0, '{"id":1}\n'.repeat(3), 3]);
});

Deno.test("posts says how many documents contradict a filter", async (t) => {
  const posts = [1, 2, 3, 4].map((id) => ({
    id,
    title: ["Apple", "apple pie", "Pear", "pineapple"][id - 1],
    body: "b",
    userId: id % 2,
    done: id === 1,
    tags: ["x"],
    geo: { lat: `${id}.50` },
    note: id === 3 ? "y" : undefined,
    at: null,
  }));
  await using api = Deno.serve(
    { hostname: "127.0.0.1", port: 0, onListen() {} },
    ({ url }) => {
      const next = url.includes("p=2")
        ? undefined
        : { link: `<${url}&p=2>; rel="next"` };
      return Response.json(next ? posts.slice(0, 3) : posts.slice(3), {
        headers: { ...next, "x-ignored-query": "ignored" },
      });
    },
  );
  const said = 'posts: the API ignores "ignored"\n';
  const line = (key: string, count: string) =>
    `posts: the API ignores "${key}": ${count} another\n`;
  const cases: [args: string[], ...lines: string[]][] = [
    [["userId=1"], line("userId", "2 of 4 posts have")],
    [
      ["userId=7", "id=4"],
      line("userId", "4 of 4 posts have"),
      line("id", "3 of 4 posts have"),
    ],
    [["id=1", "id=2.0", "id=03"], line("id", "1 of 4 posts has")],
    [["id=1,2,3"], line("id", "1 of 4 posts has")],
    [["done=true"], line("done", "3 of 4 posts have")],
    [["done=0"], line("done", "1 of 4 posts has")],
    [["geo.lat=1.5"], line("geo.lat", "3 of 4 posts have")],
    [["note=x"], line("note", "1 of 4 posts has")],
    [["userId[]=1"], line("userId[]", "2 of 4 posts have")],
    [["id[0]=1", "id[1]=3"], line("id[0]", "2 of 4 posts have")],
    [["geo[lat][]=1.5"], line("geo[lat][]", "3 of 4 posts have")],
    // what one has as a part, but not all
    [["title=apple"], line("title", "3 of 4 posts have")],
    // the API may look for parts
    [["title=p"]],
    // an own field of a query, an operator, what is no single value or missing
    [["_limit=1", "q=x", "id_gte=9", "tags=z", "at=1", "nope=1"]],
    [["id=eq.9", "title=z*", "userId=>5", "id=5..9", "title=desc"]],
    [["userId=7", "--limit=1"], line("userId", "3 of 3 posts have")],
    [["userId=7", "--loose"], line("userId", "4 of 4 posts have")],
    [["userId=7", "--json"], line("userId", "4 of 4 posts have")],
  ];
  for (const [args, ...lines] of cases) {
    await t.step(args.join(" "), async () => {
      const { code, stderr } = await run(main, [
        `--url=:${api.addr.port}`,
        "x=1",
        ...args,
      ]);
      assertEquals([code, stderr], [0, said + lines.join("")]);
    });
  }
  const ignored = await run(main, [`--url=:${api.addr.port}`, "ignored=1"]);
  assertEquals(ignored.stderr, said);
});

Deno.test("posts says nothing of a filter that an API follows", async () => {
  using store = openStore(":memory:", seed);
  await using api = await serveHttp(createHandler(store), {
    host: "127.0.0.1",
    port: 0,
  });
  const url = `--url=${api.addresses[0]}`;
  for (const args of [["userId=3"], ["userId=3", "userId=4"], ["id=7"]]) {
    const { code, stderr } = await run(main, [url, ...args]);
    assertEquals([code, stderr], [0, ""]);
  }
  const { stderr } = await run(main, [
    ...[url, "--resource=users", "address.city=Nowhere"],
  ]);
  assertEquals(stderr, "posts: no users match\n");
});
