import { assert, assertEquals, assertMatch } from "@std/assert";
import { parseDate } from "../../lib/http/request.ts";
import { followRedirect } from "../../lib/http/redirect.ts";
import { main as get } from "../../tasks/get.ts";
import { main as post } from "../../tasks/post.ts";
import { run, spawn } from "../support.ts";
import { request } from "./request.ts";
import { response, serveHttp, serveRaw } from "./server.ts";

/** A redirect that sets cookies. */
const redirect = (location: string, ...cookies: string[]) =>
  new Response(null, {
    status: 302,
    headers: [
      ["location", location],
      ...cookies.map((cookie): [string, string] => ["set-cookie", cookie]),
    ],
  });

Deno.test("a cookie that a redirect sets goes with the next request, and ends with the call", async () => {
  await using server = serveHttp(({ url, headers }) => {
    const cookie = headers.get("cookie");
    return cookie?.includes("sid=1")
      ? new Response(`welcome ${cookie}`)
      : redirect(url, "sid=1; Path=/");
  });
  for (const args of [[], ["-4"], ["-4"]]) {
    const url = `${server.url}/login`;
    assertEquals((await run(get, [...args, url])).stdout, "welcome sid=1");
    // what was typed stays, but for what the server sets anew
    const typed = await run(get, [...args, url, "Cookie:a=b; sid=0"]);
    assertEquals(typed.stdout, "welcome a=b; sid=1");
  }
  const shown = await run(get, ["-v", server.url]);
  assertMatch(shown.stderr, /^> cookie: \*\*\*$/m);
  assert(!shown.stderr.includes("sid=1"), shown.stderr);
  const answer = await run(post, [`${server.url}/login`, "a=1"]);
  assertEquals([answer.code, answer.stdout], [0, "welcome sid=1"]);
});

Deno.test("a cookie of a redirect goes where RFC 6265 sends it, and never to another site", async () => {
  await using other = serveHttp(({ headers }) =>
    new Response(`${headers.get("cookie")}`)
  );
  const far = other.url.replace("127.0.0.1", "localhost");
  for (
    const [cookie, path, expected] of [
      ["a=1", "/x/y", "a=1"],
      ["a=1; Path=/x", "/x/y", "a=1"],
      ["a=1; Path=/z", "/x/y", "null"],
      ["a=1; Secure", "/x/y", "null"],
      ["a=1; HttpOnly; SameSite=Strict", "/x/y", "a=1"],
      ["a=1; Max-Age=0", "/x/y", "null"],
      ["a=1; Expires=Thu, 01 Jan 1970 00:00:00 GMT", "/x/y", "null"],
      ["a=1; Domain=com", "/x/y", "null"],
      ["a=1; Domain=example.org", "/x/y", "null"],
      ["__Host-a=1; Path=/", "/x/y", "null"],
      ["__Secure-a=1", "/x/y", "null"],
      ["a=1", `${far}/`, "null"],
      ["a=1; Domain=localhost", `${far}/`, "null"],
    ] as const
  ) {
    await using server = serveHttp(({ url, headers }) =>
      url.endsWith("/x/a")
        ? redirect(path, cookie)
        : new Response(`${headers.get("cookie")}`)
    );
    const { stdout, stderr } = await run(get, [`${server.url}/x/a`]);
    assertEquals(stdout, expected, `${cookie} ${stderr}`);
  }
});

Deno.test("a cookie for a public suffix is nobody's", async () => {
  // one site under co.uk, and github.io, sets a cookie for all of them
  for (const suffix of ["co.uk", "github.io"]) {
    await using server = serveHttp(({ url, headers }) =>
      new URL(url).hostname.startsWith("a.")
        ? redirect(
          `http://b.${suffix}:${new URL(url).port}/`,
          `a=1; Domain=${suffix}`,
        )
        : new Response(`${headers.get("cookie")}`)
    );
    const { port } = new URL(server.url);
    const to = ["a", "b"].flatMap((host) => [
      "--resolve",
      `${host}.${suffix}:${port}:127.0.0.1`,
    ]);
    const from = `http://a.${suffix}:${port}/`;
    const { stdout, stderr } = await run(get, [...to, from]);
    assertEquals(stdout, "null", stderr);
  }
});

Deno.test("cookies that were typed go on, but for what the server sets or takes away", async () => {
  for (
    const [typed, set, expected] of [
      [["a=1", "b=2"], "c=3; Path=/", "a=1; b=2; c=3"],
      [["a=1; b=2"], "a=3; Path=/", "b=2; a=3"],
      [["sid=0; k=1"], "sid=; Max-Age=0; Path=/", "k=1"],
      [["sid=0"], "sid=; Max-Age=0; Path=/", "null"],
      [["a=1"], "a=2; Domain=example.org", "a=1"],
    ] as const
  ) {
    await using server = serveHttp(({ url, headers }) =>
      url.endsWith("/x")
        ? new Response(`${headers.get("cookie")}`)
        : redirect("/x", set)
    );
    const items = typed.map((value) => `Cookie:${value}`);
    for (const args of [[], ["-4"]]) {
      const { stdout } = await run(get, [...args, server.url, ...items]);
      assertEquals(stdout.replace(/, (?=\w=)/g, "; "), expected);
    }
  }
});

Deno.test("a chain that leads in a circle says so, and proposes no more of it", async () => {
  await using server = serveHttp(({ url }) =>
    redirect(url.endsWith("/a") ? "/b" : "/a", "sid=1; Secure")
  );
  const { code, stderr } = await run(get, [`${server.url}/a`]);
  assertEquals(code, 47);
  assertMatch(
    stderr,
    /more than 10 redirects\nhint: they lead in a circle, to \S+\/[ab]\n$/,
  );
});

/** Names, and the addresses that they have. */
const NAMES = Object.entries({
  "public.example": "198.51.100.1",
  "inside.example": "10.0.0.7",
  "loopback.example": "127.0.0.1",
  "both.example": "198.51.100.1,::1",
}).map(([host, list]) => ({ host, port: 80, addresses: list.split(",") }));

Deno.test("SSRF: no public host leads to a private address, however it is spelt", async () => {
  const leads = async (from: string, to: string) => {
    const hop = await followRedirect(
      request(`http://${from}/`),
      { status: 302, locations: [`http://${to}/`] },
      "safe",
      { resolve: NAMES },
    );
    assert(hop !== undefined);
    return "next" in hop ? "there" : hop.refused;
  };
  for (
    const to of [
      ...["127.0.0.1", "127.1", "0x7f000001", "2130706433", "0.0.0.0"],
      ...["10.1.2.3", "172.16.0.1", "192.168.0.1", "169.254.169.254"],
      ...["100.64.0.1", "192.0.0.8", "198.18.0.1", "224.0.0.1", "240.0.0.1"],
      ...["[::1]", "[::]", "[::127.0.0.1]", "[::ffff:127.0.0.1]", "[fc00::1]"],
      ...["[fe80::1]", "[fec0::1]", "[ff02::1]", "[64:ff9b::7f00:1]"],
      ...[
        "[64:ff9b::a01:203]",
        "[64:ff9b:1::1]",
        "[2002:7f00:1::]",
        "[2002:a00:1::]",
        "[2001:0:7f00:1::]",
        "[::ffff:0:7f00:1]",
      ],
      ...["localhost", "a.localhost", "localhost."],
      ...["inside.example", "loopback.example", "both.example"],
    ]
  ) {
    const { hostname } = new URL(`http://${to}/`);
    assertEquals(
      await leads("public.example", to),
      `${hostname} is a private address`,
    );
    // from inside it leads nowhere new
    assertEquals(await leads("inside.example", to), "there");
  }
  for (
    const to of [
      ...["198.51.100.2", "public.example", "[2001:db8::1]"],
      ...["[64:ff9b::c633:6401]", "[2002:c633:6401::]"],
    ]
  ) assertEquals(await leads("public.example", to), "there", to);
});

Deno.test("a name that nobody knows leads nowhere, and is not refused", async () => {
  const hop = await followRedirect(
    request("http://198.51.100.1/"),
    { status: 302, locations: ["http://nothing.invalid/"] },
  );
  assert(hop !== undefined && "next" in hop);
});

Deno.test("get asks the loopback for every name below localhost, and no name server", async () => {
  await using server = serveRaw((head) => [
    response(head.match(/^host: .*$/mi)?.[0] ?? ""),
  ]);
  const { port } = new URL(server.url);
  for (const host of ["app.localhost", "a.b.localhost", "localhost."]) {
    const { code, stdout, stderr } = await spawn("get", [
      `http://${host}:${port}/`,
    ])
      .result;
    assertEquals([code, stdout], [0, `host: ${host}:${port}`], stderr);
  }
});

Deno.test("get says of a reset by a port that speaks TLS which URL to try", async () => {
  using listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const served = (async () => {
    for await (const conn of listener) {
      const buffer = new Uint8Array(1);
      await conn.read(buffer);
      // an alert is what TLS says to a hello that it does not like
      if (buffer[0] === 22) {
        await conn.write(Uint8Array.of(21, 3, 3, 0, 2, 2, 40));
      }
      conn.close();
    }
  })();
  const { host } = new URL(`http://127.0.0.1:${listener.addr.port}`);
  for (const args of [[], ["-4"]]) {
    const { stderr } = await run(get, [
      ...args,
      "--retry",
      "0",
      `http://${host}/`,
    ]);
    assertMatch(
      stderr,
      new RegExp(`\nhint: this port speaks TLS, try https://${host}/\n$`),
    );
  }
  listener.close();
  await served;
});

Deno.test("parseDate() reads the three forms of HTTP, in GMT", () => {
  const time = Date.UTC(1994, 10, 6, 8, 49, 37);
  for (
    const [text, expected] of [
      ["Sun, 06 Nov 1994 08:49:37 GMT", time],
      ["Sunday, 06-Nov-94 08:49:37 GMT", time],
      ["Sun Nov  6 08:49:37 1994", time],
      ["Sun Nov 06 08:49:37 1994", time],
      ["Tuesday, 01-Jan-30 00:00:00 GMT", Date.UTC(2030, 0, 1)],
      ["Sun, 06 Nov 1994 08:49:37 +0200", undefined],
      ["Sun, 6 Nov 1994 08:49:37 GMT", undefined],
      ["Sun, 06 Foo 1994 08:49:37 GMT", undefined],
      ["Sun, 06 Nov 1994 8:49:37 GMT", undefined],
      ["Sun, 31 Feb 1994 08:49:37 GMT", undefined],
      ["Sun, 06 Nov 1994 25:61:61 GMT", undefined],
      ["1994-11-06T08:49:37Z", undefined],
      ["1994", undefined],
      ["-5", undefined],
      ["0", undefined],
      ["", undefined],
    ] as const
  ) assertEquals(parseDate(text), expected, text);
});
