import {
  assert,
  assertEquals,
  assertRejects,
  assertStringIncludes,
  assertThrows,
} from "@std/assert";
import {
  brotliCompressSync,
  deflateRawSync,
  deflateSync,
  gzipSync,
  zstdCompressSync,
} from "node:zlib";
import { ExitCode, Failure } from "../../lib/cli/errors.ts";
import { describe, exitCodeOf } from "../../lib/cli/reasons.ts";
import { parseSize } from "../../lib/cli/values.ts";
import { formatRequestHead } from "../../lib/http/http1/request.ts";
import { followRedirect } from "../../lib/http/redirect.ts";
import type { Body, Follow, HttpRequest } from "../../lib/http/request.ts";
import { isRepeatable, pauseAfter, sleep } from "../../lib/http/retry.ts";
import { send, type SendOptions } from "../../lib/http/send.ts";
import { main as get } from "../../tasks/get.ts";
import { bodyOf } from "../../tasks/get/body/request_body.ts";
import { parseWhole } from "../../tasks/get/options.ts";
import { readNetwork } from "../../tasks/get/send/network.ts";
import { main as post } from "../../tasks/post.ts";
import { encode, run } from "../support.ts";
import { read, request } from "./request.ts";
import { closedUrl, response, serveHttp, serveRaw } from "./server.ts";

/** Sends a request that must fail; its exit code, what is said, and the hint. */
async function fail(
  request: HttpRequest,
  options?: SendOptions,
): Promise<[code: ExitCode, said: string, hint?: string | undefined]> {
  const error = await assertRejects(() => read(request, options), Failure);
  return [exitCodeOf(error), describe(error), error.hint];
}

/** A body that is no bytes in memory. */
function bodyFrom(chunks: AsyncIterator<string>, length?: number): Body {
  const open = () =>
    new ReadableStream({
      type: "bytes",
      async pull(controller) {
        const { done, value } = await chunks.next();
        if (!done) return controller.enqueue(encode(value));
        controller.close();
        controller.byobRequest?.respond(0);
      },
    });
  return { length, open, again: length !== undefined };
}

function streamOf(chunks: readonly string[], length?: number): Body {
  return bodyFrom(ReadableStream.from(chunks).values(), length);
}

/** Over a socket of our own. */
const rawHeaders = { network: { rawHeaders: true } };

Deno.test("a pause before an attempt ends at once when nobody wants it any more", async () => {
  const reason = new Error("stopped before the pause");
  await assertRejects(
    () => sleep(60_000, AbortSignal.abort(reason)),
    Error,
    reason.message,
  );
});

Deno.test("a request is sent again when its answer may pass", async () => {
  for (const status of [408, 429, 502, 503, 504]) {
    let count = 0;
    const said: string[] = [];
    await using server = serveHttp(() =>
      ++count < 3
        ? new Response("busy", { status, headers: { "retry-after": "0" } })
        : new Response("done")
    );
    const notice = (text: string) => void said.push(text);
    assertEquals(await read(request(server.url), { retry: 2, notice }), "done");
    assertEquals(said, Array(2).fill(`${status}: trying again in 0.0 s`));
  }
});

Deno.test("the last answer is shown, whatever it is", async () => {
  let count = 0;
  await using server = serveHttp(() => {
    count++;
    return new Response("busy", {
      status: 503,
      headers: { "retry-after": "0" },
    });
  });
  assertEquals(await read(request(server.url), { retry: 1 }), "busy");
  assertEquals(count, 2);
});

Deno.test("what cannot pass, or must not be done twice, is not sent again", async () => {
  for (
    const [status, retryAfter, more] of [
      [404, "0", {}],
      [500, "0", {}],
      [503, "31", {}],
      [503, "0", { method: "POST" }],
      [503, "0", { method: "PUT", body: streamOf(["once"]) }],
    ] as const
  ) {
    let count = 0;
    await using server = serveHttp(async (request) => {
      await request.text();
      count++;
      return new Response("no", {
        status,
        headers: { "retry-after": retryAfter },
      });
    });
    assertEquals(await read(request(server.url, more), { retry: 2 }), "no");
    assertEquals(count, 1, `${status} ${retryAfter}`);
  }
});

Deno.test("a request is sent again after a silent server", async () => {
  let count = 0;
  await using server = serveRaw(
    () => ++count === 1 ? [] : [response("there")],
    { hold: true },
  );
  const timeouts = { head: 50 };
  assertEquals(
    await read(request(server.url), { retry: 1, timeouts }),
    "there",
  );
  assertEquals(count, 2);
});

Deno.test("a total deadline holds for all attempts", async () => {
  await using server = serveRaw(() => [], { hold: true });
  const timeouts = { head: 40, total: 60 };
  assertEquals(await fail(request(server.url), { retry: 9, timeouts }), [
    ExitCode.TimedOut,
    `Cannot get ${server.url}/: not done within 0.06 s`,
    "to wait longer: --timeout HEAD,IDLE,TOTAL, in seconds",
  ]);
});

Deno.test("the pause before an attempt has full jitter, and is what the server says", () => {
  const refused = { error: new Deno.errors.ConnectionRefused() };
  const pause = (attempt: number, random: number) =>
    pauseAfter(refused, attempt, () => random)?.ms;
  assertEquals([0, 1, 2, 9].map((count) => pause(count, 1)), [
    500,
    1000,
    2000,
    30_000,
  ]);
  assertEquals(pause(5, 0), 0);
  const told = (value: string) =>
    pauseAfter(
      { status: 429, headers: new Headers({ "retry-after": value }) },
      0,
      () => 0.5,
    )?.ms;
  assertEquals([told("30"), told("31")], [30_000, 31_000]);
  // the same twice, as some servers send it, is once
  assertEquals([told("5, 5"), told("5, 6")], [5000, 250]);
  assertEquals(told("Thu, 01 Jan 1970 00:00:00 GMT"), 0);
  // what is in no form of HTTP is no date, whatever Date.parse makes of it
  for (const text of ["soon", "-5", "1.5", "2s", "May 2001", ""]) {
    assertEquals(told(text), 250, text);
  }
  for (
    const error of [
      new Deno.errors.ConnectionReset(),
      new DOMException("", "TimeoutError"),
    ]
  ) assert(pauseAfter({ error }, 0) !== undefined);
  for (
    const error of [
      new Deno.errors.NotCapable('Requires net access to "a:1"'),
      new Error("invalid peer certificate: UnknownIssuer"),
    ]
  ) assertEquals(pauseAfter({ error }, 0), undefined);
  assert(isRepeatable(request("http://a/", { method: "DELETE" })));
});

/** Names that lead to where everyone may go. */
const PUBLIC = ["a", "b"].flatMap((host) =>
  [80, 443].map((port) => ({ host, port, addresses: ["198.51.100.1"] }))
);

Deno.test("a server that asks for a long pause is not asked again, and a person is told", async () => {
  let count = 0;
  await using server = serveHttp(() => {
    count++;
    return new Response("busy", {
      status: 503,
      headers: { "retry-after": "40" },
    });
  });
  const { code, stdout, stderr } = await run(
    get,
    ["--retry", "1", server.url],
    {
      terminal: { stderr: true },
    },
  );
  assertEquals([code, stdout, count], [5, "busy", 1]);
  assertStringIncludes(stderr, "503: not tried again, it asks for 40 s\n");
});

Deno.test("each policy follows what it says", async () => {
  const body = streamOf(["x"], 1);
  for (
    const [follow, from, to, more, expected] of [
      ["none", "http://a/", "/b", {}, "no redirect is, by --follow=none"],
      ["same", "http://a/", "/b", {}, "http://a/b"],
      ["same", "http://a/", "http://b/", {}, "it leads to another origin"],
      ["safe", "http://a/", "https://a/", {}, "https://a/"],
      ["safe", "https://a/", "http://a/", {}, "it leaves https"],
      ["all", "https://a/", "http://a/", {}, "http://a/"],
      ["all", "https://a/", "file:///a", {}, "file is neither http nor https"],
      [
        "safe",
        "http://a/",
        "http://169.254.169.254/",
        {},
        "169.254.169.254 is a private address",
      ],
      ["safe", "http://a/", "http://[::1]/", {}, "[::1] is a private address"],
      [
        "safe",
        "http://10.0.0.1/",
        "http://127.0.0.1/",
        {},
        "http://127.0.0.1/",
      ],
      ["all", "http://a/", "http://127.0.0.1/", {}, "http://127.0.0.1/"],
      [
        "safe",
        "http://a/",
        "http://b/",
        { method: "PUT", body },
        "it would send the body to another origin",
      ],
      ["all", "http://a/", "http://b/", { method: "PUT", body }, "http://b/"],
      [
        "all",
        "http://a/",
        "/b",
        { method: "PUT", body: streamOf(["x"]) },
        "its body can be sent only once",
      ],
    ] as const satisfies [
      Follow,
      string,
      string,
      Partial<HttpRequest>,
      string,
    ][]
  ) {
    const headers = [["X-Api-Key", "1"], ["Accept", "a/b"]] as const;
    const hop = await followRedirect(
      request(from, { ...more, headers }),
      { status: 307, locations: [to] },
      follow,
      { resolve: PUBLIC },
    );
    assert(hop !== undefined);
    if ("refused" in hop) {
      assertEquals(hop.refused, expected);
      continue;
    }
    const isSame = hop.next.url.origin === new URL(from).origin;
    assertEquals(hop.next.url.href, expected);
    assertEquals(hop.next.headers.length, isSame ? 2 : 1);
  }
});

Deno.test("the redirects that were followed are told", async () => {
  await using server = serveHttp(({ url }) =>
    url.endsWith("/a")
      ? new Response(null, { status: 301, headers: { location: "/b" } })
      : new Response("b")
  );
  await using response = await send(request(`${server.url}/a`));
  assertEquals(
    response.hops?.map(({ request, status, location }) => [
      request.url.pathname,
      status,
      location,
    ]),
    [["/a", 301, "/b"]],
  );
});

Deno.test("a body that is larger than allowed is an error", async () => {
  await using server = serveHttp(({ url }) => {
    const text = "x".repeat(100);
    return new Response(url.endsWith("/l") ? text : streamOf([text]).open());
  });
  for (const path of ["/l", "/chunked"]) {
    const url = server.url + path;
    assertEquals(await fail(request(url), { maxSize: 99 }), [
      ExitCode.Failed,
      `Cannot read ${url}: it is larger than 99 bytes`,
      "to take more: --max-size BYTES",
    ]);
    assertEquals((await read(request(url), { maxSize: 100 })).length, 100);
    await using response = await send(request(url), { maxSize: 99 });
    // nothing may flow into a file without being counted
    assertEquals(response.stream, null);
  }
});

Deno.test("a bomb is stopped, whether the server says how large it is or not", async () => {
  const bomb = new Uint8Array(gzipSync(new Uint8Array(100 * 1024 ** 2)));
  await using server = serveRaw((head) => [
    response("", [
      "Content-Encoding: gzip",
      ...head.includes(" /l ") ? [`Content-Length: ${bomb.length}`] : [],
    ]),
    bomb,
  ]);
  for (const options of [{}, rawHeaders]) {
    for (const path of ["/l", "/unknown"]) {
      const [code, said] = await fail(request(server.url + path), options);
      assertEquals(code, ExitCode.Failed);
      assertStringIncludes(said, "become more than 200 times as many");
    }
  }
});

const HELLO = encode("hello hello hello");

const ENCODED: readonly (readonly [string, Uint8Array])[] = [
  ["gzip", gzipSync(HELLO)],
  ["GZip", gzipSync(HELLO)],
  ["x-gzip", gzipSync(HELLO)],
  ["deflate", deflateSync(HELLO)],
  ["deflate", deflateRawSync(HELLO)],
  ["br", brotliCompressSync(HELLO)],
  ["zstd", zstdCompressSync(HELLO)],
  ["gzip, br", brotliCompressSync(gzipSync(HELLO))],
  ["identity, gzip", gzipSync(HELLO)],
  [", gzip,", gzipSync(HELLO)],
  ["", HELLO],
];

Deno.test("every encoding is decoded, over fetch and over a socket of our own", async () => {
  for (const [coding, bytes] of ENCODED) {
    await using server = serveRaw(() => [
      response("", [
        `Content-Encoding: ${coding}`,
        `Content-Length: ${bytes.length}`,
      ]),
      bytes,
    ]);
    for (const options of [{}, rawHeaders]) {
      assertEquals(
        await read(request(server.url), options),
        "hello hello hello",
        `${coding} ${Object.keys(options)}`,
      );
    }
  }
});

Deno.test("an encoding that nobody knows is named, and its bytes are shown", async () => {
  for (const coding of ["compress", "__proto__", "constructor"]) {
    await using server = serveRaw(() => [
      response("abc", [`Content-Encoding: ${coding}`, "Content-Length: 3"]),
    ]);
    await using answered = await send(request(server.url));
    assertEquals(answered.unknownCoding, coding);
    assertEquals(await new Response(answered.stream).text(), "abc");
  }
});

Deno.test("an encoded body without bytes is empty, over fetch and over a socket of our own", async () => {
  for (const coding of ["gzip", "deflate", "br", "zstd"]) {
    await using server = serveRaw(() => [
      response("", [`Content-Encoding: ${coding}`, "Content-Length: 0"]),
    ]);
    for (const options of [{}, rawHeaders]) {
      assertEquals(await read(request(server.url), options), "", coding);
    }
  }
});

Deno.test("an encoded body that is broken or cut short is an error", async () => {
  const whole = gzipSync(HELLO);
  for (
    const [bytes, code] of [
      [whole.subarray(0, 15), ExitCode.CutShort],
      [encode("no gzip at all"), ExitCode.Failed],
    ] as const
  ) {
    await using server = serveRaw(() => [
      response("", [
        "Content-Encoding: gzip",
        `Content-Length: ${bytes.length}`,
      ]),
      new Uint8Array(bytes),
    ]);
    for (const options of [{}, rawHeaders]) {
      const [is, said] = await fail(request(server.url), options);
      assertEquals(is, code, said);
    }
  }
});

Deno.test("a body of Brotli or zstd without its end is cut short", async () => {
  const text = encode(
    Array.from({ length: 5000 }, (_, at) => at * 7919 % 5003).join("\n"),
  );
  for (
    const [coding, whole] of [
      ["br", brotliCompressSync(text)],
      ["zstd", zstdCompressSync(text)],
    ] as const
  ) {
    for (const missing of [1, 100]) {
      // nothing but the encoding tells its end
      await using server = serveRaw(() => [
        `HTTP/1.1 200 OK\r\nContent-Encoding: ${coding}\r\n\r\n`,
        new Uint8Array(whole.subarray(0, -missing)),
      ]);
      for (const options of [{}, rawHeaders]) {
        const [is, said] = await fail(request(server.url), options);
        assertEquals([is, /: cut short$/.test(said)], [18, true], said);
      }
    }
  }
});

Deno.test("more headers than fetch takes are taken", async () => {
  const headers = Array.from({ length: 150 }, (_, at) => `X-${at}: ${at}`);
  await using server = serveRaw(() => [
    response("many", [...headers, "Content-Length: 4"]),
  ]);
  assertEquals(await read(request(server.url)), "many");
});

Deno.test("a port that fetch blocks is asked all the same", async () => {
  assertEquals(await fail(request("http://127.0.0.1:10080/")), [
    ExitCode.Unreachable,
    "Cannot connect to 127.0.0.1:10080: connection refused",
    "nothing listens there; start it with: hark server --port 10080, or for HTTP: hark api --port 10080",
  ]);
});

Deno.test("a request is the same over fetch and over a socket of our own, but for its order", async () => {
  const heads: string[] = [];
  await using server = serveRaw((head) => {
    heads.push(head);
    return [response("")];
  });
  const headers = [["X-A", "1"], ["X-A", "2"], ["Cookie", "a=b"]] as const;
  for (
    const more of [
      {},
      { headers },
      { headers: [["Range", "bytes=1-"]] as const },
      { headers: [["Accept", "a/b"], ["User-Agent", "me"]] as const },
      { method: "POST" },
      { method: "DELETE" },
      {
        method: "POST",
        body: bodyOf(encode("ab")),
      },
    ]
  ) {
    await read(request(`${server.url}/a?b=c#d`, more));
    await read(request(`${server.url}/a?b=c#d`, more), rawHeaders);
    const [fetched, ours] = heads.splice(0).map((head) => {
      const [line, ...lines] = head.split("\r\n");
      return [line, ...lines.sort()];
    });
    assertEquals(ours, fetched);
  }
});

Deno.test("what fetch cannot send goes over a socket of our own", async () => {
  const heads: string[] = [];
  await using server = serveRaw((head) => {
    heads.push(head);
    return [response("ok")];
  });
  const body = bodyOf(encode("q"));
  await read(request(server.url, { body }));
  await read(request(server.url, { headers: [["Host", "a.example"]] }));
  await read(request(server.url, { unset: ["user-agent", "accept"] }));
  const [withBody = "", withHost = "", without = ""] = heads;
  assertStringIncludes(withBody, "content-length: 1\r\n");
  assert(withBody.endsWith("\r\n\r\nq"));
  assertStringIncludes(withHost, "host: a.example\r\n");
  assert(!/^(user-agent|accept):/m.test(without), without);
});

Deno.test("no header can be more than one line, or say how long a body is", () => {
  for (const value of ["a\r\nb: c", "a\nb", "a\0", "\u010ab", "\u{1f600}"]) {
    const headers = [["X-A", value]] as const;
    assertThrows(
      () => formatRequestHead(request("http://a/", { headers })),
      TypeError,
      "not one line of bytes",
    );
  }
  const head = formatRequestHead(request("http://a/", {
    method: "PUT",
    body: bodyOf(encode("ab")),
    headers: [["Content-Length", "9"], ["Transfer-Encoding", "chunked"]],
    unset: ["content-length"],
  }));
  assertStringIncludes(head, "content-length: 2\r\n");
  assert(!/chunked|: 9/.test(head));
});

Deno.test("a stream goes out with its length, or in chunks where nobody knows it", async () => {
  await using server = serveHttp(async (request) => {
    const { headers } = request;
    const text = await request.text();
    return Response.json([
      headers.get("content-length"),
      headers.get("transfer-encoding"),
      text.length,
    ]);
  });
  const chunks = Array.from({ length: 50 }, () => "x".repeat(70_000));
  const sent = async (body: Body) =>
    JSON.parse(await read(request(server.url, { method: "PUT", body })));
  assertEquals(await sent(streamOf(chunks, 3_500_000)), [
    "3500000",
    null,
    3_500_000,
  ]);
  assertEquals(await sent(streamOf(chunks)), [
    null,
    "chunked",
    3_500_000,
  ]);
});

Deno.test("a source that fails ends the upload, and says why", async () => {
  await using server = serveHttp(async (request) => {
    await request.text().catch(() => {});
    return new Response();
  });
  const half = async function* () {
    yield "half";
    await Promise.resolve();
    throw new Error("it has shrunk");
  };
  const body = bodyFrom(half(), 9);
  const [code, said] = await fail(request(server.url, { method: "PUT", body }));
  assertEquals([code, said], [
    ExitCode.Failed,
    `Cannot send PUT to ${server.url}/: it has shrunk`,
  ]);
});

Deno.test("an answer that comes before the end of an upload is shown", async () => {
  await using server = serveRaw(
    () => [response("too large", undefined, "413 Content Too Large")],
    { hold: true },
  );
  let count = 0;
  const endless = async function* () {
    for (;; count++) yield await Promise.resolve("x".repeat(1 << 16));
  };
  const body = bodyFrom(endless(), 2 ** 40);
  assertEquals(
    await read(request(server.url, { method: "PUT", body })),
    "too large",
  );
  assert(count < 1000, `${count}`);
});

Deno.test("a slow upload is no silent server", async () => {
  await using server = serveHttp(async (request) =>
    new Response(await request.text())
  );
  const slow = async function* () {
    for (let count = 0; count < 4; count++) {
      yield "x";
      const { promise, resolve } = Promise.withResolvers<void>();
      AbortSignal.timeout(40).onabort = () => resolve();
      await promise;
    }
  };
  for (const length of [4, undefined]) {
    const body = bodyFrom(slow(), length);
    const timeouts = { head: 60 };
    assertEquals(
      await read(request(server.url, { method: "PUT", body }), { timeouts }),
      "xxxx",
    );
  }
});

Deno.test("a socket of our own is cut at the same deadlines", async () => {
  await using silent = serveRaw(() => [], { hold: true });
  assertEquals(
    await fail(request(silent.url), { ...rawHeaders, timeouts: { head: 40 } }),
    [
      ExitCode.TimedOut,
      `Cannot get ${silent.url}/: no answer within 0.04 s`,
      "to wait longer: --timeout HEAD,IDLE,TOTAL, in seconds",
    ],
  );
  await using stalled = serveRaw(
    () => [response("123", ["Content-Length: 9"])],
    { hold: true },
  );
  const [code, said] = await fail(request(stalled.url), {
    ...rawHeaders,
    timeouts: { idle: 40 },
  });
  assertEquals([code, said], [
    ExitCode.TimedOut,
    `Cannot read ${stalled.url}/: no more bytes within 0.04 s`,
  ]);
});

Deno.test("the phases are timed, and the answer is shown as it came", async () => {
  await using server = serveRaw(() => [
    response(
      "abc",
      ["X-OnE: 1", "X-OnE: 2", "Content-Length: 3"],
      "200 Totally Fine",
    ),
  ]);
  const url = server.url.replace("127.0.0.1", "localhost");
  await using answered = await send(request(url), {
    network: { timed: true, family: 4 },
  });
  const { timings, rawHeaders, statusText, version, remote } = answered;
  assertEquals(timings?.total, undefined);
  for await (const _ of answered.body);
  for (
    const phase of ["dns", "connect", "firstByte", "body", "total"] as const
  ) {
    const ms = timings?.[phase] ?? -1;
    assert(ms >= 0 && ms < 5000, `${phase} ${ms}`);
  }
  assertEquals(timings?.tls, undefined);
  assertEquals(statusText, "Totally Fine");
  assertEquals([version, remote], ["1.1", new URL(server.url).host]);
  assertEquals(rawHeaders?.filter(([name]) => name === "X-OnE").length, 2);
});

Deno.test("an address takes the place of a name, for its port alone", async () => {
  await using server = serveHttp(({ url }) => new Response(url));
  const { port } = new URL(server.url);
  const url = `http://nowhere.invalid:${port}/`;
  const resolve = [`nowhere.invalid:${port}:::1,127.0.0.1`];
  const network = await readNetwork({ resolve, ipv4: true });
  assertEquals(await read(request(url), { network }), url);
  const [code] = await fail(request("http://nowhere.invalid:1/"), { network });
  assertEquals(code, ExitCode.Unresolved);
});

Deno.test("a version of IP that a name has not is an error", async () => {
  const [code, said] = await fail(request("http://127.0.0.1:1/"), {
    network: { family: 6 },
  });
  assertEquals([code, said], [
    ExitCode.Unresolved,
    "Cannot resolve 127.0.0.1: unknown host",
  ]);
});

Deno.test("localhost is found on the IPv6 loopback alone, whatever the hosts file says", async () => {
  await using server = Deno.serve(
    { hostname: "::1", port: 0, onListen() {} },
    async (request) => new Response(`six${await request.text()}`),
  );
  const url = `http://localhost:${server.addr.port}/`;
  for (const more of [[], ["-6"], ["-v"], ["--time"], ["--http=1.1"]]) {
    const { code, stdout, stderr } = await run(get, [...more, url]);
    assertEquals([code, stdout], [0, "six"], stderr);
  }
  const sent = await run(post, ["-f", url, "a=b"]);
  assertEquals([sent.code, sent.stdout], [0, "sixa=b"]);
  const { code, stderr } = await run(get, ["-4", "--retry=0", url]);
  assertEquals(code, 7);
  assertStringIncludes(stderr, ": connection refused\n");
});

Deno.test("a request that cannot go over HTTP/2 does not go over HTTP/1.1 instead", async () => {
  let count = 0;
  await using server = serveHttp(() => new Response(`${++count}`));
  const [code, said, hint] = await fail(
    request(server.url, { headers: [["host", "a.example"]] }),
    { network: { http: "2" } },
  );
  assertEquals([code, count], [1, 0]);
  assertStringIncludes(said, ": it cannot be sent over HTTP/2");
  assertEquals(hint, "HTTP/1.1 can: leave out --http=2");
});

Deno.test("options that contradict each other or themselves are usage", async () => {
  for (
    const [args, said] of [
      [
        ["--follow=some"],
        'Cannot follow "some": expected same, safe, all, none',
      ],
      [
        ["--max-redirects=x"],
        'Cannot parse number "x" of --max-redirects: expected 0 or more',
      ],
      [
        ["--retry=-1"],
        'Cannot parse number "-1" of --retry: expected 0 or more',
      ],
      [["--max-size=1T"], 'Cannot parse size "1T" of --max-size'],
      [["-4", "-6"], "Cannot use --ipv4 and --ipv6 together"],
      [["--http=3"], 'Cannot use HTTP "3": expected 1.1 or 2'],
      [["--http=2", "-k"], "Cannot use --http and --insecure together"],
      [["--http=2", "-v"], "Cannot use --http and --verbose together"],
      [["--key=x"], "Cannot use --key without --cert"],
      [["--proxy=ftp://me:pw@a"], 'Cannot parse proxy "ftp://***@a"'],
      [["--resolve=a:1"], 'Cannot parse "a:1" of --resolve'],
      [
        ["--resolve=a:1:10.0.0.0/8"],
        'Cannot parse "a:1:10.0.0.0/8" of --resolve',
      ],
      [
        ["-XPOST", "--retry=1"],
        "Cannot retry POST: it could be carried out twice",
      ],
    ] as const
  ) {
    const { code, stdout, stderr } = await run(get, [...args, closedUrl()]);
    assertEquals([code, stdout], [2, ""], stderr);
    assertStringIncludes(stderr, `get: ${said}`);
  }
});

Deno.test("an address of the other version of IP is usage", async () => {
  for (
    const [version, address] of [[4, "[::1]"], [6, "127.0.0.1"]] as const
  ) {
    const url = `http://${address}:9/`;
    const { code, stderr } = await run(get, [`-${version}`, url]);
    assertEquals([code, stderr], [
      2,
      `get: Cannot use --ipv${version}: ${address} is not an IPv${version} address\nhint: see deno task get --help\n`,
    ]);
  }
});

Deno.test("sizes and counts are read", () => {
  assertEquals(["7", "1k", "2M", "3g"].map((text) => parseSize(text)), [
    7,
    1024,
    2 * 1024 ** 2,
    3 * 1024 ** 3,
  ]);
  assertEquals(parseWhole("0"), 0);
  for (const text of ["", "-1", "1.5", "1KB", "K"]) {
    assertThrows(() => parseSize(text), Error, "Cannot parse size");
  }
});
