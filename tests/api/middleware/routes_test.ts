import { assert, assertEquals, assertMatch } from "@std/assert";
import { main } from "../../../tasks/api.ts";
import { createHandler } from "../../../tasks/api/handler.ts";
import { parsePattern } from "../../../tasks/api/middleware/pattern.ts";
import { parseRules, rewriteBy } from "../../../tasks/api/middleware/routes.ts";
import { run, start, withFolder } from "../../support.ts";
import { baseOf, openApi, origin, send } from "../support.ts";

type Rules = Readonly<Record<string, string>>;

Deno.test("rules rewrite as json-server's do", () => {
  const table: [rules: Rules, ...pairs: [typed: string, path: string][]][] = [
    [
      { "/api/*": "/$1" },
      ["/api/posts/1", "/posts/1"],
      ["/api/posts?_page=1&_limit=1", "/posts?_page=1&_limit=1"],
      ["/api/posts?q=what?", "/posts?q=what?"],
      ["/API/posts/", "/posts/"],
      ["/api/api/posts", "/api/posts"],
      ["/api/", "/"],
      ["/api", "/api"],
      ["/apis/posts", "/apis/posts"],
      ["/api//elsewhere.example/posts", "//elsewhere.example/posts"],
    ],
    [
      { "/blog/posts/:id/show": "/posts/:id" },
      ["/blog/posts/1/show", "/posts/1"],
      ["/blog/posts/1/show/", "/posts/1"],
      ["/blog/posts/1/show?x=1", "/blog/posts/1/show?x=1"],
      ["/blog/posts/1/2/show", "/blog/posts/1/2/show"],
    ],
    [
      { "/special/:userId-:body": "/comments/?userId=:userId&body=:body" },
      ["/special/1-quux", "/comments/?userId=1&body=quux"],
      ["/special/1--", "/comments/?userId=1&body=-"],
      ["/special/a-b-c", "/comments/?userId=a-b&body=c"],
      ["/special/1-", "/special/1-"],
    ],
    [
      { "/first": "/posts/1?_embed=comments" },
      ["/first", "/posts/1?_embed=comments"],
      ["/First/", "/posts/1?_embed=comments"],
      ["/first?x=1", "/first?x=1"],
    ],
    [
      { "/articles\\?_id=:id": "/posts/:id" },
      ["/articles?_id=1", "/posts/1?_id=1"],
      ["/articles", "/articles"],
    ],
    [{ "/articles?id=:id": "/posts/:id" }, ["/articles?id=1", "/posts/1?id=1"]],
    [
      { "/:resource/:id/show": "/:resource/:id" },
      ["/posts/1/show", "/posts/1"],
      ["/posts/1", "/posts/1"],
    ],
    [
      { "/posts/:category": "/posts?category=:category" },
      ["/posts/c%2B%2B", "/posts?category=c%2B%2B"],
      ["/posts/", "/posts/"],
      ["/posts?a=1", "/posts?a=1"],
    ],
    [{ "/a": "/b", "/b": "/c" }, ["/a", "/c"], ["/b", "/c"]],
    [{ "/b": "/c", "/a": "/b" }, ["/a", "/b"], ["/b", "/c"]],
    [{ "/p/:id?": "/posts/:id" }, ["/p/1", "/posts/1"], ["/p", "/posts/"]],
    [
      { "/p/:id(\\d+)": "/posts/:id", "/p/:name": "/posts?name=:name" },
      ["/p/12", "/posts/12"],
      ["/p/12a", "/posts?name=12a"],
    ],
    [
      { "/(posts|comments)/:id/x": "/$1/:id" },
      ["/comments/1/x", "/comments/1"],
      ["/users/1/x", "/users/1/x"],
    ],
    [{ "/x/(.*)": "/:0" }, ["/x/posts/1", "/posts/1"], ["/x/", "/"]],
    [{ "/x(.*)": "/posts$1" }, ["/x", "/posts"], ["/x?id=1", "/posts?id=1"]],
    [{ "*": "/posts" }, ["/a/b?c=1", "/posts?c=1"], ["/", "/posts"]],
    [{ "*": "$0" }, ["/a?b=1", "/a?b=1"]],
    [{ "(/a.*)": "$1/b", "(b)": "$1" }, ["/a", "/a/b"]],
    [
      { "/a/*/z": "/$1" },
      ["/a/posts/1/z", "/posts/1"],
      ["/a/z", "/a/z"],
    ],
    [{ "/search\\?u=:id": "/comments" }, ["/search?u=1", "/comments?u=1"]],
    [{ "/s*": "/posts$1" }, ["/s?id=1", "/posts?id=1"], ["/s", "/posts"]],
    [
      { "/v:version/posts": "/posts" },
      ["/v1.2/posts", "/posts"],
      ["/v/posts", "/v/posts"],
    ],
    [{ "/:a/:b/swap": "/:b/:a" }, ["/1/posts/swap", "/posts/1"]],
    [
      { "/posts/:id.:ext": "/posts/:id" },
      ["/posts/1.json", "/posts/1"],
      ["/posts/1", "/posts/1"],
    ],
    [
      { "/files/:path*": "/files?path=:path" },
      ["/files", "/files?path="],
      ["/files/a/b", "/files?path=a/b"],
    ],
    [
      { "/files/:path+/end": "/:path" },
      ["/files/end", "/files/end"],
      ["/files/a/b/end", "/a/b"],
    ],
    [
      { "/u/:id/posts": "/posts?userId=:id", "/me": "/u/1/posts" },
      ["/me", "/u/1/posts"],
    ],
    [
      { "/y/:y(\\d{4})/:m([01]\\d?)?": "/posts?y=:y&m=:m" },
      ["/y/2020/12", "/posts?y=2020&m=12"],
      ["/y/2020", "/posts?y=2020&m="],
      ["/y/20", "/y/20"],
    ],
    [{ "/n/:n(\\d{2,})": "/:n" }, ["/n/123", "/123"], ["/n/1", "/n/1"]],
    [{ "/n/:n([a-c$]{1,2})x": "/:n" }, ["/n/b$x", "/b$"], [
      "/n/abcx",
      "/n/abcx",
    ]],
    [{ "/w/(a+?)(a*)": "/$1/$2" }, ["/w/aaa", "/a/aa"]],
    [{ "/d/($|=)": "/$1" }, ["/d/$", "/$"], ["/d/=", "/="]],
    [{ "/caf%C3%A9": "/posts" }, ["/caf%c3%a9", "/posts"]],
    [{ "/\\:id": "/posts" }, ["/:id", "/posts"], ["/1", "/1"]],
    [{ "/posts/": "/all" }, ["/posts", "/all"], ["/posts/", "/all"]],
    [{ "/": "/posts" }, ["/", "/posts"], ["/a", "/a"]],
  ];
  for (const [rules, ...pairs] of table) {
    const rewrite = parseRules(rules);
    for (const [typed, path] of pairs) {
      assertEquals(rewrite(typed), path, `${Object.keys(rules)} ${typed}`);
    }
  }
});

Deno.test("a query that a value takes along counts where it goes", () => {
  const table: [source: string, target: string, typed: string, path: string][] =
    [
      ["/p/:c", "/posts?c=:c", "/p/js?_page=2", "/posts?c=js&_page=2"],
      ["/p/:id", "/posts/:id/comments", "/p/1?a=b", "/posts/1/comments?a=b"],
      ["/a\\?id=:id", "/p/:id", "/a?id=1&_embed=c", "/p/1?_embed=c"],
      ["/a/*", "/$1/", "/a/posts?x=1", "/posts/?x=1"],
      ["/a/*", "/$1?y=$1", "/a/b?x=1", "/b?y=b&x=1"],
    ];
  for (const [source, target, typed, path] of table) {
    assertEquals(parseRules({ [source]: target })(typed), path, source);
  }
});

Deno.test("a rule that is not understood is refused", () => {
  const table: [rules: unknown, reason: RegExp][] = [
    [[], /^expected an object like/],
    [null, /^expected an object like/],
    [{ "/a": 1 }, /^the rule "\/a" is not understood: expected a path as a /],
    [{ "/a": "http://localhost/" }, /"http:\/\/localhost\/" is no path of /],
    [{ "/a": "//elsewhere.example/" }, /is no path of this api/],
    [{ "/a": "posts" }, /is no path of this api/],
    [{ "/a": "" }, /is no path of this api/],
    [{ "/a": "/:x" }, /it has no :x for "\/:x"/],
    [{ "/:a": "/$2" }, /it has no \$2 for "\/\$2"/],
    [{ "a": "/b" }, /expected a path like \/api\/\*/],
    [{ "/@me": "/b" }, /a path of \/@ is one of a sandbox/],
    [{ "/:a(+)": "/$1" }, /"\(\+\)" is not understood from "\+" on/],
    [{ "/:a(\\b)": "/$1" }, /not understood from/],
    [{ "/:a(x{1000})": "/$1" }, /not understood from/],
    [{ "/:a([z-a])": "/$1" }, /out of order/],
  ];
  for (const [rules, reason] of table) {
    try {
      parseRules(rules);
    } catch (error) {
      assert(error instanceof SyntaxError);
      assertMatch(error.message, reason);
      continue;
    }
    assert(false, JSON.stringify(rules));
  }
});

Deno.test("ReDoS: a rule takes no longer than its URL is long", () => {
  const hostile = [
    "/:a-:b-:c-:d",
    "/*a*a*a*a*b",
    "/(a*)(a*)(a*)(a*)(a*)b",
    "/:a(\\w+)+/end",
  ];
  for (const source of hostile) {
    const { match } = parsePattern(source);
    const started = performance.now();
    assertEquals(match(`/${"a-".repeat(16_000)}/`), undefined, source);
    assertEquals(match(`/${"a".repeat(32_000)}!`), undefined, source);
    assert(performance.now() - started < 5000, source);
  }
});

Deno.test("rules that make a URL longer and longer are 414", async () => {
  const rules = Object.fromEntries(
    Array.from({ length: 20 }, (_, at) => [`/(a{${at + 1},})`, "/$1$1"]),
  );
  using api = openApi({ middleware: [rewriteBy(rules)] });
  assertEquals((await api.ask(`GET /${"a".repeat(99)}`)).status, 414);
});

Deno.test("what is asked for by a rule is answered as by its own path", async () => {
  using api = openApi({
    middleware: [rewriteBy({ "/api/*": "/$1", "/all": "/db" })],
  });
  const [own, ruled] = await Promise.all(
    ["/posts/1", "/api/posts/1"].map((path) => api.ask(`GET ${path}`)),
  );
  assertEquals(ruled?.text, own?.text);
  assertEquals((await api.ask("HEAD /api/posts")).status, 200);
  assertEquals(
    Object.keys(JSON.parse((await api.ask("GET /all")).text)).length,
    6,
  );
  const body = '{"title":"a"}';
  const created = await api.ask("POST /api/posts", { body });
  assertEquals(created.status, 201);
  const location = created.headers.get("location");
  assertEquals(location, `${origin}/api/posts/101`);
  const changed = await api.ask(`PATCH ${location}`, { body: '{"x":1}' });
  assertEquals(JSON.parse(changed.text), { title: "a", x: 1, id: 101 });
  assertEquals((await api.ask(`DELETE ${location}`)).status, 200);
  assertEquals((await api.ask("GET /posts/101")).status, 404);
});

Deno.test("Link and Location keep what was typed, where that leads to the same", async () => {
  using api = openApi({
    middleware: [rewriteBy({
      "/api/*": "/$1",
      "/page/:n": "/posts?_page=:n&_limit=40",
      "/new": "/posts",
      "/of/:id\\?*": "/posts?userId=:id&$2",
    })],
  });
  const table: [typed: string, next: string][] = [
    ["/api/posts?_page=1&_limit=40", "/api/posts?_page=2&_limit=40"],
    ["/@s/api/posts?_limit=40&_page=1", "/@s/api/posts?_limit=40&_page=2"],
    ["/page/1", "/posts?_page=2&_limit=40"],
    ["/of/1?_page=1&_limit=4", "/of/1?_page=2&_limit=4"],
    ["/posts?_page=1&_limit=40", "/posts?_page=2&_limit=40"],
  ];
  for (const [typed, next] of table) {
    const { headers } = await api.ask(`GET ${typed}`);
    const [, found] = headers.get("link")?.match(/<([^>]*)>; rel="next"/) ?? [];
    assertEquals(found, origin + next);
    assertEquals((await api.ask(`GET ${found}`)).status, 200, typed);
    const proxied = await api.ask(`GET ${typed}`, {
      headers: { via: "1.1 a" },
    });
    const [, to = ""] =
      proxied.headers.get("link")?.match(/<([^>]*)>; rel="next"/) ?? [];
    assertEquals(new URL(to, origin + typed).href, origin + next);
    assert(!to.startsWith("/") && !to.includes(":"), to);
  }
  const inSandbox = await api.ask("POST /@s/api/posts/", { body: "{}" });
  const location = inSandbox.headers.get("location");
  assertEquals(location, `${origin}/@s/api/posts/101`);
  // it would not lead there
  const renamed = await api.ask("POST /new", { body: "{}" });
  assertEquals(renamed.headers.get("location"), `${origin}/posts/101`);
});

Deno.test("rules are shown at /__rules, and hold in sandboxes", async () => {
  const rules = { "/api/*": "/$1", "/test/*": "/@test/$1" };
  using api = openApi({ middleware: [rewriteBy(rules)] });
  const shown = await api.ask("GET /__rules");
  assertEquals([shown.status, JSON.parse(shown.text)], [200, rules]);
  assertEquals((await api.ask("HEAD /__rules")).status, 200);
  assertEquals((await api.ask("POST /__rules", { body: "{}" })).status, 404);
  await api.ask("POST /@a/api/posts", { body: "{}" });
  assertEquals((await api.ask("GET /@a/posts/101")).status, 200);
  await api.ask("POST /test/posts", { body: "{}" });
  assertEquals((await api.ask("GET /@test/posts/101")).status, 200);
  assertEquals((await api.ask("GET /posts/101")).status, 404);
  assertEquals((await api.ask("DELETE /test/")).status, 200);
  assertEquals((await api.ask("GET /@test/posts/101")).status, 404);
});

Deno.test("what comes before rules sees the path that was typed", async () => {
  const seen: string[] = [];
  using api = openApi();
  const handler = createHandler(api.store, {
    middleware: [
      (request, next) => {
        seen.push(new URL(request.url).pathname);
        return next(request);
      },
      rewriteBy({ "/api/*": "/$1" }),
    ],
    onResponse: ({ path }) => seen.push(path),
  });
  await send(handler, "GET /api/posts/1");
  assertEquals(seen, ["/api/posts/1", "/api/posts/1"]);
});

Deno.test("api --routes reads a file at its start", () =>
  withFolder(async (folder) => {
    const file = `${folder}/routes.json`;
    await Deno.writeTextFile(file, '\uFEFF{"/api/*": "/$1"}');
    const args = ["--memory", "--port", "0", "--routes", file];
    const api = start(main, args);
    const response = await fetch(`${await baseOf(api.stdout)}/api/posts/1`);
    assertEquals((await response.json()).id, 1);
    api.interrupt();
    await api.result;
    const table: [text: string, reason: RegExp][] = [
      ['{"/a": "/b"', /: Expected .* \(line 1 column \d+\)\n$/],
      ['{"/a": "b"}', /: the rule "\/a" is not understood: .*\n$/],
    ];
    for (const [text, reason] of table) {
      await Deno.writeTextFile(file, text);
      const { code, stderr } = await run(main, args);
      assertMatch(stderr, /^api: Cannot read the rules of ".*routes\.json": /);
      assertMatch(stderr, reason);
      assertEquals(code, 1);
    }
    await Deno.remove(file);
    const { stderr } = await run(main, args);
    assertMatch(stderr, /^api: Cannot read the rules of ".*": no such file\n$/);
  }));
