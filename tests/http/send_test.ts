import {
  assert,
  assertEquals,
  assertMatch,
  assertRejects,
  assertStringIncludes,
  assertThrows,
} from "@std/assert";
import { ExitCode } from "../../lib/cli/errors.ts";
import { describe, exitCodeOf } from "../../lib/cli/reasons.ts";
import { followRedirect } from "../../lib/http/redirect.ts";
import type { HttpRequest } from "../../lib/http/request.ts";
import { send, type SendOptions } from "../../lib/http/send.ts";
import { bodyOf } from "../../tasks/get/body/request_body.ts";
import { parseTimeouts } from "../../tasks/get/options.ts";
import { encode, ROOT, spawnDeno } from "../support.ts";
import { read, request } from "./request.ts";
import { closedUrl, response, serveHttp, serveRaw } from "./server.ts";

/** Sends a request that must fail; its exit code and what is said. */
async function fail(
  request: HttpRequest,
  options?: SendOptions,
): Promise<[ExitCode, string]> {
  const error = await assertRejects(() => read(request, options), Error);
  return [exitCodeOf(error), describe(error)];
}

Deno.test("send gives the answer's head, then its body", async () => {
  await using server = serveHttp(async (request) =>
    Response.json({
      method: request.method,
      header: request.headers.get("x-a"),
      body: await request.text(),
    }, { status: 201 })
  );
  const body = bodyOf(encode("é"));
  await using response = await send(
    request(server.url, { method: "POST", headers: [["x-a", "1"]], body }),
  );
  assertEquals([response.status, response.statusText], [201, "Created"]);
  assertEquals(
    await new Response(ReadableStream.from(response.body)).json(),
    { method: "POST", header: "1", body: "é" },
  );
});

Deno.test("an answer whose body is not read leaves nothing behind", async () => {
  await using server = serveHttp(() => new Response("x".repeat(1_000_000)));
  await using response = await send(request(server.url));
  assertEquals(response.status, 200);
});

Deno.test("send names what it could not reach", async () => {
  const url = closedUrl();
  assertEquals(await fail(request(url)), [
    ExitCode.Unreachable,
    `Cannot connect to ${url.slice(7)}: connection refused`,
  ]);
  assertEquals(await fail(request("http://nowhere.invalid/")), [
    ExitCode.Unresolved,
    "Cannot resolve nowhere.invalid: unknown host",
  ]);
});

Deno.test("a silent server is cut at the head's deadline", async () => {
  await using server = serveRaw(() => [], { hold: true });
  for (const url of [server.url, server.url.replace("http", "https")]) {
    assertEquals(await fail(request(url), { timeouts: { head: 50 } }), [
      ExitCode.TimedOut,
      `Cannot get ${url}/: no answer within 0.05 s`,
    ]);
  }
});

Deno.test("a stalled body is cut at the idle deadline", async () => {
  await using server = serveRaw(
    () => [response("123456789", ["Content-Length: 100"])],
    { hold: true },
  );
  assertEquals(await fail(request(server.url), { timeouts: { idle: 50 } }), [
    ExitCode.TimedOut,
    `Cannot read ${server.url}/: no more bytes within 0.05 s`,
  ]);
});

Deno.test("the total deadline counts redirects and the body", async () => {
  await using server = serveRaw(
    (head) =>
      head.startsWith("GET /a ")
        ? [response("", ["Location: /b", "Content-Length: 0"], "302 Found")]
        : [response("1", ["Content-Length: 100"])],
    { hold: true },
  );
  const timeouts = { head: 5000, idle: 5000, total: 100 };
  assertEquals(await fail(request(`${server.url}/a`), { timeouts }), [
    ExitCode.TimedOut,
    `Cannot read ${server.url}/b: not done within 0.1 s`,
  ]);
});

Deno.test("a slow reader is not a slow server", async () => {
  await using server = serveHttp(() => new Response("x".repeat(3_000_000)));
  await using response = await send(request(server.url), {
    timeouts: { idle: 40 },
  });
  let size = 0;
  for await (const chunk of response.body) {
    if (size === 0) {
      const { promise, resolve } = Promise.withResolvers<void>();
      AbortSignal.timeout(100).onabort = () => resolve();
      await promise;
    }
    size += chunk.length;
  }
  assertEquals(size, 3_000_000);
});

Deno.test("an abort ends the exchange", async () => {
  await using server = serveRaw(() => [], { hold: true });
  const controller = new AbortController();
  const sent = fail(request(server.url), { signal: controller.signal });
  controller.abort(new DOMException("", "AbortError"));
  assertStringIncludes((await sent)[1], "interrupted");
});

Deno.test("a body that is cut short is a failure that counts", async () => {
  await using counted = serveRaw(() => [
    response("123456789", ["Content-Length: 100"]),
  ]);
  assertEquals(await fail(request(counted.url)), [
    ExitCode.CutShort,
    `Cannot read ${counted.url}/: cut short after 9 of 100 bytes`,
  ]);
  await using chunked = serveRaw(() => [
    response("5\r\nhello\r\n5\r\nwo", ["Transfer-Encoding: chunked"]),
  ]);
  assertEquals(await fail(request(chunked.url)), [
    ExitCode.CutShort,
    `Cannot read ${chunked.url}/: cut short`,
  ]);
  await using empty = serveRaw(() => []);
  assertEquals(await fail(request(empty.url, { method: "PUT" })), [
    ExitCode.CutShort,
    `Cannot send PUT to ${empty.url}/: closed without an answer`,
  ]);
});

Deno.test("redirects are followed, up to ten", async () => {
  await using server = serveHttp(({ url }) => {
    const count = Number(new URL(url).pathname.slice(1));
    return count === 0 ? new Response("there") : new Response("on", {
      status: 302,
      headers: { location: `/${count - 1}` },
    });
  });
  assertEquals(await read(request(`${server.url}/10`)), "there");
  assertEquals(await fail(request(`${server.url}/11`)), [
    ExitCode.TooManyRedirects,
    `Cannot get ${server.url}/1: more than 10 redirects`,
  ]);
});

Deno.test("a redirect to another origin takes no secret along", async () => {
  const seen: (string | null)[] = [];
  await using other = serveHttp(({ headers }) => {
    seen.push(
      ...["authorization", "x-api-key", "cookie", "accept"].map((name) =>
        headers.get(name)
      ),
    );
    return new Response("other");
  });
  await using server = serveHttp(() => Response.redirect(other.url, 302));
  const headers = [
    ["Authorization", "a"],
    ["X-Api-Key", "b"],
    ["Cookie", "c"],
    ["Accept", "d/e"],
  ] as const;
  assertEquals(await read(request(server.url, { headers })), "other");
  assertEquals(seen, [null, null, null, "d/e"]);
});

Deno.test("a redirect leads where the policy allows", async () => {
  const body = bodyOf(encode("x"));
  const headers = [["X-A", "1"], ["Content-Type", "a/b"]] as const;
  const post = request("https://a.example/x#top", {
    method: "POST",
    headers,
    body,
  });
  for (
    const [status, location, expected] of [
      [200, "/y", undefined],
      [302, null, undefined],
      [304, "/y", undefined],
      [301, "/y", "GET https://a.example/y#top X-A"],
      [303, "y?z#w", "GET https://a.example/y?z#w X-A"],
      [307, "/y", "POST https://a.example/y#top X-A Content-Type body"],
      [
        308,
        "https://me:pw@a.example/",
        "POST https://a.example/#top X-A Content-Type body",
      ],
      [302, "https://b.example/", "GET https://b.example/#top"],
      [302, "https://a.example:444/", "GET https://a.example:444/#top"],
      [307, "https://b.example/", "it would send the body to another origin"],
      [302, "http://a.example/", "it leaves https"],
      [302, "ftp://a.example/", "ftp is neither http nor https"],
      [302, "file:///etc/passwd", "file is neither http nor https"],
      [302, "https://[", "its Location is not a URL"],
      [302, "", undefined],
    ] as const
  ) {
    const locations = location === null ? [] : [location];
    const hop = await followRedirect(post, { status, locations });
    const said = hop === undefined || "refused" in hop ? hop?.refused : [
      hop.next.method,
      hop.next.url.href,
      ...hop.next.headers.map(([name]) => name),
      ...hop.next.body === undefined ? [] : ["body"],
    ].join(" ");
    assertEquals(said, expected);
  }
  const put = await followRedirect({ ...post, method: "PUT" }, {
    status: 302,
    locations: ["/y"],
  });
  assert(put !== undefined && "next" in put && put.next.method === "PUT");
  const head = await followRedirect(request("http://a/", { method: "HEAD" }), {
    status: 303,
    locations: ["/y"],
  });
  assert(head !== undefined && "next" in head && head.next.method === "HEAD");
});

Deno.test("a redirect leads to the very bytes of its Location", async () => {
  for (
    const [location, expected] of [
      ["/z\xc3\xbcrich?q=\xc3\xa9", "/z%C3%BCrich?q=%C3%A9"],
      ["/caf\xe9", "/caf%E9"],
      ["//b\xc3\xbccher.example/", "//xn--bcher-kva.example/"],
      ["/%C3%A9", "/%C3%A9"],
    ] as const
  ) {
    const hop = await followRedirect(request("https://a.example/x"), {
      status: 302,
      locations: [location],
    });
    assert(hop !== undefined && "next" in hop);
    const { href } = hop.next.url;
    assertEquals(href, new URL(expected, "https://a.example").href);
  }
});

Deno.test("a redirect that was followed keeps its head", async () => {
  await using server = serveRaw((head) => [
    head.startsWith("GET / ")
      ? response("", ["Location: /b", "X-A: 1", "x-a: 2"], "302 Gone There")
      : response("b"),
  ]);
  for (const rawHeaders of [false, true]) {
    const options = { network: { rawHeaders } };
    await using response = await send(request(server.url), options);
    const [hop] = response.hops ?? [];
    assertEquals([hop?.status, hop?.headers.get("x-a")], [302, "1, 2"]);
    if (!rawHeaders) continue;
    assertEquals([hop?.version, hop?.statusText], ["1.1", "Gone There"]);
    assertEquals(hop?.rawHeaders?.slice(1), [
      ["Location", "/b"],
      ["X-A", "1"],
      ["x-a", "2"],
    ]);
  }
});

Deno.test("an error does not show the secrets of a URL", async () => {
  await using server = serveRaw(() => []);
  const [, said] = await fail(request(`${server.url}/?token=abc`));
  assertStringIncludes(said, "?token=***");
});

Deno.test("timeouts are read in seconds", () => {
  for (
    const [text, head, idle, total] of [
      ["1", 1000, 60_000, undefined],
      ["0.5,2", 500, 2000, undefined],
      ["0,0,10", 0, 0, 10_000],
    ] as const
  ) assertEquals(parseTimeouts(text), { head, idle, total });
  for (const text of ["", "a", "1,", "-1", "1,2,3,4", "1e3", "99999999"]) {
    assertThrows(() => parseTimeouts(text), Error, "Cannot parse ");
  }
});

Deno.test("a body has its limit though nobody keeps the response", async () => {
  const script = `${ROOT}tests/http/garbage_child.ts`;
  const { result } = spawnDeno(["run", "-A", "--v8-flags=--expose-gc", script]);
  const { code, stdout, stderr } = await result;
  assertEquals([code, stdout], [1, "3\n"]);
  assertMatch(stderr, /no more bytes within 0\.2 s/);
});

Deno.test("each request that goes out is signed, and a response can be answered with another one", async () => {
  await using server = serveHttp((request) => {
    const { pathname } = new URL(request.url);
    const signature = request.headers.get("x-signature");
    if (pathname === "/from") return Response.redirect(`${server.url}/to`);
    return new Response(signature, { status: signature === "3" ? 200 : 401 });
  });
  let count = 0;
  const text = await read(request(`${server.url}/from`), {
    sign: (request) =>
      Promise.resolve({
        ...request,
        headers: [["x-signature", `${++count}`]],
      }),
    answer: (response, request) =>
      Promise.resolve(response.status === 401 ? request : undefined),
  });
  assertEquals([count, text], [3, "3"]);
});
