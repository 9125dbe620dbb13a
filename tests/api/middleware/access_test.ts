import {
  assert,
  assertEquals,
  assertMatch,
  assertStringIncludes,
  assertThrows,
} from "@std/assert";
import { UsageError } from "../../../lib/cli/errors.ts";
import { main } from "../../../tasks/api.ts";
import { createHandler } from "../../../tasks/api/handler.ts";
import {
  isOwnHost,
  parseHostName,
} from "../../../tasks/api/middleware/access.ts";
import { serveHttp } from "../../../tasks/api/serve.ts";
import { seed } from "../../../tasks/api/store/seed.ts";
import { openStore } from "../../../tasks/api/store/sqlite.ts";
import { encode, receiveText, start, testWith } from "../../support.ts";
import { openBrowser } from "../page/browser.ts";
import { baseOf, openApi } from "../support.ts";

const listed = ["https://app.example", "capacitor://localhost"];

/** What a page may do: send cookies too, only read and write, or nothing. */
type May = "all" | "ask" | "nothing";

const PAGES: readonly [origin: string, alone: May, listed: May, open: May][] = [
  ["http://localhost:5173", "all", "all", "all"],
  ["https://LOCALHOST", "all", "all", "all"],
  ["http://localhost.:1", "all", "all", "all"],
  ["http://a.b.localhost:8080", "all", "all", "all"],
  ["http://127.0.0.1:80", "all", "all", "all"],
  ["https://127.9.9.9", "all", "all", "all"],
  ["http://[::1]:3000", "all", "all", "all"],
  ["https://app.example", "nothing", "all", "all"],
  ["capacitor://localhost", "nothing", "all", "all"],
  ["http://app.example", "nothing", "nothing", "ask"],
  ["https://app.example:8443", "nothing", "nothing", "ask"],
  ["https://x.app.example", "nothing", "nothing", "ask"],
  ["https://evil.example", "nothing", "nothing", "ask"],
  ["http://localhost.evil.example", "nothing", "nothing", "ask"],
  ["http://evillocalhost", "nothing", "nothing", "ask"],
  ["http://127.0.0.1.evil.example", "nothing", "nothing", "ask"],
  ["http://127.evil.example", "nothing", "nothing", "ask"],
  ["http://evil.example/.localhost", "nothing", "nothing", "ask"],
  ["http://evil.example:1@localhost", "nothing", "nothing", "ask"],
  ["http://192.168.1.5:3000", "nothing", "nothing", "ask"],
  ["http://10.0.2.2", "nothing", "nothing", "ask"],
  ["http://[::1].evil.example", "nothing", "nothing", "ask"],
  ["file://", "nothing", "nothing", "ask"],
  ["chrome-extension://abc", "nothing", "nothing", "ask"],
  ["localhost", "nothing", "nothing", "ask"],
  ["null", "nothing", "nothing", "ask"],
];

Deno.test("cross-site requests: pages of this machine, and of listed sites, may ask", async () => {
  const bodies = { body: "{}", headers: {} };
  for (
    const [at, origins] of [[1, []], [2, listed], [3, [
      "*",
      ...listed,
    ]]] as const
  ) {
    using api = openApi({ origin: origins });
    for (const page of PAGES) {
      const [origin, may] = [page[0], page[at]];
      const asks = async (line: string, init: RequestInit = {}) => {
        const headers = { origin, ...init.headers };
        const response = await api.ask(line, { ...init, headers });
        const place = `${line} of ${origin}, ${origins}`;
        const named = response.headers.get("access-control-allow-origin");
        const credentials = response.headers.get(
          "access-control-allow-credentials",
        );
        const shown = may === "all" || origin === "null" ? origin : "*";
        assertEquals(named, may === "nothing" ? null : shown, place);
        assertEquals(credentials, may === "all" ? "true" : null, place);
        assertMatch(response.headers.get("vary") ?? "", /\bOrigin\b/, place);
        assertEquals(response.status === 403, may === "nothing", place);
        return response;
      };
      const before = api.store.version();
      // the second comes from the cache, which a site that may ask has filled
      await api.ask("GET /posts/1");
      await asks("GET /posts/1");
      await asks("HEAD /posts");
      await asks("GET /nope");
      await asks("POST /posts", bodies);
      await asks("PUT /posts/1", bodies);
      await asks("GET /posts", { headers: { accept: "application/json" } });
      const preflight = await asks("OPTIONS /posts/1", {
        headers: {
          "access-control-request-method": "PUT",
          "access-control-request-headers": "x-a",
        },
      });
      assertEquals(
        preflight.headers.get("access-control-allow-headers"),
        may === "nothing" ? null : "x-a",
      );
      assertEquals(api.store.version() === before, may === "nothing");
    }
  }
});

Deno.test("cross-site requests: a refused page is told why, and the log names the option that lets it", async () => {
  const reasons: unknown[] = [];
  using api = openApi({ onResponse: ({ reason }) => reasons.push(reason) });
  const table = [
    ["https://evil.example", '"https://evil.example"', "https://evil.example"],
    ["null", "a page without an origin", "null"],
    // what a shell would run is quoted
    [
      "http://$(id).evil.example",
      '"http://$(id)',
      "'http://$(id).evil.example'",
    ],
  ];
  for (const [origin = "", who = "", option] of table) {
    const { status, headers, text } = await api.ask("GET /posts/1", {
      headers: { origin },
    });
    assertEquals(status, 403);
    assertMatch(headers.get("content-type") ?? "", /^application\/problem/);
    const { detail } = JSON.parse(text);
    assert(detail.startsWith(`Cannot answer ${who}`), detail);
    assert(detail.endsWith(`: --origin ${option}`), detail);
    assertEquals(reasons.at(-1), detail);
  }
});

const site = (name: string, mode = "no-cors", more: HeadersInit = {}) => ({
  "sec-fetch-site": name,
  "sec-fetch-mode": mode,
  ...more,
});

Deno.test("cross-site requests: scripts and pictures of other sites are refused, links to the api are not", async () => {
  const table: readonly [
    line: string,
    HeadersInit,
    alone: number,
    open: number,
  ][] = [
    ["GET /posts/1", {}, 200, 200],
    ["GET /posts/1", site("none", "navigate"), 200, 200],
    ["GET /posts/1", site("same-origin"), 200, 200],
    ["GET /posts/1", site("same-site"), 200, 200],
    ["GET /posts/1", site("cross-site", "navigate"), 200, 200],
    ["GET /posts/1", site("cross-site"), 403, 200],
    ["GET /posts/1?callback=f", site("cross-site"), 403, 200],
    ["GET /@a/posts/1", site("cross-site"), 403, 200],
    ["HEAD /posts/1", site("cross-site"), 403, 200],
    ["POST /posts", site("cross-site", "navigate"), 403, 201],
    [
      "GET /posts/1",
      site("cross-site", "no-cors", { referer: "http://127.0.0.1:5173/a" }),
      200,
      200,
    ],
    [
      "GET /posts/1",
      site("cross-site", "no-cors", { referer: "https://app.example/" }),
      403,
      200,
    ],
    [
      "GET /posts/1",
      site("cross-site", "no-cors", { referer: "nonsense" }),
      403,
      200,
    ],
    ["POST /posts", { origin: "" }, 201, 201],
    // behind a proxy that does not pass on the name by which its page was opened
    [
      "POST /posts",
      site("same-origin", "cors", { origin: "https://proxy.example" }),
      201,
      201,
    ],
    // a form of the page's own, which hides where it is
    [
      "POST /posts",
      site("same-origin", "navigate", { origin: "null" }),
      201,
      201,
    ],
    [
      "POST /posts",
      site("cross-site", "navigate", { origin: "null" }),
      403,
      201,
    ],
  ];
  for (const [at, origins] of [[2, []], [3, ["*"]]] as const) {
    using api = openApi({ origin: origins });
    for (const row of table) {
      await api.ask("GET /posts/1");
      const { status } = await api.ask(row[0], { headers: row[1] });
      assertEquals(status, row[at], `${JSON.stringify(row)} ${origins}`);
    }
  }
  using api = openApi({ origin: listed });
  const headers = site("cross-site", "no-cors", {
    referer: "https://app.example/",
  });
  assertEquals((await api.ask("GET /posts/1", { headers })).status, 200);
});

Deno.test("a page of the api itself may ask, whatever name it was opened by", async () => {
  using api = openApi({ host: "0.0.0.0", allowHost: [".tunnel.example"] });
  const table: readonly [host: string, origin: string, status: number][] = [
    ["192.168.1.5:3000", "http://192.168.1.5:3000", 201],
    ["192.168.1.5:3000", "http://192.168.1.5:5173", 403],
    ["192.168.1.5:3000", "http://192.168.1.6:3000", 403],
    ["box:3000", "http://box:3000", 201],
    // the tunnel speaks https
    ["a.tunnel.example", "https://a.tunnel.example", 201],
    ["a.tunnel.example", "https://b.tunnel.example", 403],
    ["a.tunnel.example", "ftp://a.tunnel.example", 403],
    ["evil.example", "http://evil.example", 421],
  ];
  for (const [host, origin, status] of table) {
    const response = await api.ask(`POST http://${host}/posts`, {
      headers: { origin },
    });
    assertEquals(response.status, status, `${origin} of ${host}`);
  }
});

Deno.test("a preflight is answered before middleware, and what that responds can be read", async () => {
  const asked: string[] = [];
  using api = openApi({
    middleware: [(request, next) => {
      asked.push(request.method);
      const { pathname } = new URL(request.url);
      if (pathname === "/moved") {
        return Response.redirect("http://localhost:3000/posts/1", 302);
      }
      if (pathname === "/own") {
        return new Response("x", {
          headers: { "access-control-allow-origin": "*", vary: "Accept" },
        });
      }
      return next(request);
    }],
  });
  const headers = { origin: "http://localhost:5173" };
  const preflight = await api.ask("OPTIONS /posts", {
    headers: {
      ...headers,
      "access-control-request-method": "POST",
      "access-control-request-private-network": "true",
    },
  });
  assertEquals([preflight.status, asked.length], [204, 0]);
  assertEquals(
    preflight.headers.get("access-control-allow-private-network"),
    "true",
  );
  assertEquals((await api.ask("OPTIONS /posts")).status, 204);
  assertEquals(asked, ["OPTIONS"]);
  const moved = await api.ask("GET /moved", { headers });
  assertEquals(
    moved.headers.get("access-control-allow-origin"),
    headers.origin,
  );
  const own = await api.ask("GET /own", { headers });
  assertEquals(own.headers.get("access-control-allow-origin"), "*");
  assertEquals(own.headers.get("vary"), "Accept, Origin");
});

Deno.test("names of hosts are read as URLs have them", () => {
  const table = [
    ["Api.Example", "api.example"],
    ["api.example.", "api.example"],
    [".Example", ".example"],
    ["*.ngrok-free.app", ".ngrok-free.app"],
    ["bücher.example", "xn--bcher-kva.example"],
    ["box", "box"],
  ];
  for (const [text = "", name] of table) {
    assertEquals(parseHostName(text), name);
  }
  for (
    const text of [
      "",
      ".",
      "*",
      "a.example:80",
      "https://a.example",
      "a.example/",
      "a b",
      "::1",
      "[::1]",
      "..example",
      "a*.example",
    ]
  ) {
    assertThrows(() => parseHostName(text), UsageError, "Cannot parse host");
  }
});

Deno.test("DNS rebinding: names of others are refused, addresses and allowed names are not", () => {
  const allowed = [".ngrok-free.app", "api.example"];
  const table: readonly [asked: string, alone: boolean, open: boolean][] = [
    ["localhost", true, true],
    ["LOCALHOST.", true, true],
    ["a.localhost", true, true],
    ["127.9.9.9", true, true],
    ["[::1]", true, true],
    ["10.0.2.2", true, true],
    ["192.168.1.5", true, true],
    ["[fe80::1]", true, true],
    ["box", false, true],
    ["host.docker.internal", false, true],
    ["Host.Docker.Internal.", false, true],
    ["host.containers.internal", false, true],
    ["x.host.docker.internal", false, false],
    ["api.example", true, true],
    ["API.EXAMPLE.", true, true],
    ["x.api.example", false, false],
    ["ngrok-free.app", true, true],
    ["a.b.ngrok-free.app", true, true],
    ["evilngrok-free.app", false, false],
    ["ngrok-free.app.evil.example", false, false],
    ["evil.example", false, false],
    ["localhost.evil.example", false, false],
    ["127.0.0.1.nip.io", false, false],
    ["printer.local", false, false],
  ];
  for (const [asked, alone, open] of table) {
    for (const host of ["localhost", "127.0.0.1", "::1"]) {
      assertEquals(isOwnHost(asked, host, allowed), alone, `${asked} ${host}`);
    }
    for (const host of ["0.0.0.0", "::", "192.168.1.9"]) {
      assertEquals(isOwnHost(asked, host, allowed), open, `${asked} ${host}`);
    }
  }
  assert(isOwnHost("my.box.example", "My.Box.Example."));
});

Deno.test("DNS rebinding: a request over a socket is judged by the host that it names", async () => {
  using store = openStore(":memory:", seed);
  const handler = createHandler(store, { allowHost: ["api.example"] });
  await using server = await serveHttp(handler, { host: "127.0.0.1", port: 0 });
  const { port } = server;
  const get = "GET /posts/1 HTTP/1.1\r\nhost: ";
  const table: readonly [head: string, status: number][] = [
    [`${get}localhost:${port}`, 200],
    [`${get}LocalHost`, 200],
    [`${get}localhost.`, 200],
    [`${get}0x7f.1`, 200],
    [`${get}[::ffff:127.0.0.1]:1`, 200],
    [`${get}10.0.2.2:${port}`, 200],
    [`${get}API.example.:1`, 200],
    [`${get}[fe80::1%eth0]`, 400],
    [`${get}evil.example`, 421],
    [`${get}evil.example#localhost`, 421],
    [`${get}evil.example\\localhost`, 421],
    [`${get}localhost@evil.example`, 421],
    [`${get}localhost,evil.example`, 421],
    [`${get}localhost\r\nhost: evil.example`, 400],
    [`${get}localhost\r\nx-forwarded-host: evil.example`, 200],
    [`${get}evil.example\r\nx-forwarded-host: localhost`, 421],
    [`${get}evil.example\r\nforwarded: host=localhost`, 421],
    ["GET http://evil.example/posts/1 HTTP/1.1\r\nhost: localhost", 421],
    ["GET http://localhost/posts/1 HTTP/1.1\r\nhost: localhost", 200],
    ["GET /posts/1 HTTP/1.0", 200],
  ];
  for (const [head, status] of table) {
    using conn = await Deno.connect({ hostname: "127.0.0.1", port });
    await conn.write(encode(`${head}\r\nconnection: close\r\n\r\n`));
    const text = await receiveText(conn);
    assertMatch(text, new RegExp(`^HTTP/1.[01] ${status} `), head);
    if (status === 421) {
      assertMatch(text, /to answer for it too: --allow-host '?[\w.,]+/);
    }
  }
});

Deno.test("api takes --origin and --allow-host more than once, and refuses what is neither", async () => {
  const args = ["--memory", "--port", "0"];
  const api = start(main, [
    ...[...args, "--origin", "https://a.example", "--origin=https://b.example"],
    ...["--allow-host", "a.example", "--allow-host=.b.example"],
  ]);
  const url = await baseOf(api.stdout);
  for (const name of ["a", "b", "c"]) {
    const response = await fetch(`${url}/posts/1`, {
      headers: { origin: `https://${name}.example` },
    });
    assertEquals(response.status, name === "c" ? 403 : 200);
    await response.body?.cancel();
  }
  api.interrupt();
  assertStringIncludes((await api.result).stdout, "--origin https://c.example");
  for (
    const wrong of ["--origin=a.example", "--allow-host=https://a.example"]
  ) {
    const { code, stderr } = await start(main, [...args, wrong]).result;
    assertEquals(code, 2);
    assertMatch(stderr, /^api: Cannot parse (origin|host) "/);
  }
});

testWith(
  "chromium",
  "cross-site requests: a browser lets pages of this machine read and write, and others neither",
  async () => {
    const page = '<!doctype html><meta charset="utf-8"><title>a page</title>';
    const serve = () =>
      new Response(page, { headers: { "content-type": "text/html" } });
    await using other = await serveHttp(serve, { host: "localhost", port: 0 });
    using store = openStore(":memory:", seed);
    const origin = [`http://listed.example:${other.port}`];
    let refused = 0;
    const handler = createHandler(store, {
      origin,
      onResponse: ({ status }) => refused += status === 403 ? 1 : 0,
    });
    await using api = await serveHttp(handler, { host: "localhost", port: 0 });
    await using browser = await openBrowser(
      "--host-resolver-rules=MAP *.example 127.0.0.1",
    );
    const url = `http://localhost:${api.port}`;
    const fetching = (init: RequestInit) =>
      `fetch("${url}/posts/1", ${JSON.stringify(init)})
      .then((response) => response.json()).then(({ id }) => id, () => "refused")`;
    const loading = (tag: string) =>
      `new Promise((resolve) => {
      const element = document.createElement("${tag}");
      element.onload = () => resolve(window.told ?? "loaded");
      element.onerror = () => resolve("refused");
      window.tell = ({ id }) => { window.told = id; };
      element.src = "${url}/posts/1?callback=tell";
      document.body.append(element);
    })`;
    const put = {
      method: "PUT",
      body: "{}",
      headers: { "content-type": "application/json", "x-a": "1" },
    };
    const may = [1, 1, 1, 1, 1];
    const mayNot = may.map(() => "refused");
    for (
      const [host, expected] of [
        ["localhost", may],
        ["127.0.0.1", may],
        ["listed.example", may],
        ["evil.example", mayNot],
      ] as const
    ) {
      await browser.open(`http://${host}:${other.port}/`);
      const seen = [
        await browser.evaluate(fetching({})),
        await browser.evaluate(fetching({ credentials: "include" })),
        await browser.evaluate(fetching(put)),
        await browser.evaluate(fetching({ ...put, credentials: "include" })),
        await browser.evaluate(loading("script")),
      ];
      assertEquals(seen, expected, host);
      assertEquals(refused, expected === mayNot ? expected.length : 0);
    }
  },
);

Deno.test("a page may read the entity tag, and each header of the api's own", async () => {
  using api = openApi();
  const etag = (await api.ask("GET /posts/1")).headers.get("etag") ?? "";
  const stream = { accept: "text/event-stream" };
  const table: readonly (readonly [
    line: string,
    names: string,
    init?: { headers?: Record<string, string>; body?: string },
  ])[] = [
    ["GET /posts/1", "ETag"],
    ["GET /posts/1", "ETag", { headers: { "if-none-match": etag } }],
    ["GET /posts?_page=1", "X-Total-Count, Link, ETag"],
    ["GET /posts?_page=1", "X-Total-Count, Link, ETag"], // from the cache
    ["GET /posts?usrId=1", "X-Ignored-Query, ETag"],
    ["HEAD /posts", "ETag"],
    ["GET /nope", "X-Reason, ETag"],
    ["GET /posts?_status=503", "Retry-After, ETag"],
    ["POST /posts", "Location, ETag", { body: "{}" }],
    ["POST /posts", "Location, ETag", { body: '{"id":1}' }],
    ["DELETE /posts", "Allow, ETag"],
    ["PUT /posts/1", "ETag", { body: "{}", headers: { "if-match": '"x"' } }],
    ["DELETE /posts/2", "X-Deleted, ETag"],
    ["OPTIONS /posts", "Allow, ETag"],
    ["GET /posts", "ETag", { headers: stream }],
    ["GET /posts?usrId=1", "X-Ignored-Query, ETag", { headers: stream }],
  ];
  for (const [line, names, { headers, body = null } = {}] of table) {
    const asked = { ...headers, origin: "http://localhost:5173" };
    const response = await api.send(line, { headers: asked, body });
    const exposed = response.headers.get("access-control-expose-headers");
    assertEquals(exposed, names, line);
    for (const name of names.split(", ").slice(0, -1)) {
      assert(response.headers.has(name), `${line}: ${name}`);
    }
    await response.body?.cancel();
  }
  const plain = await api.ask("GET /posts/1");
  assertEquals(plain.headers.get("access-control-expose-headers"), null);
});
