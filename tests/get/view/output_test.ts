import {
  assert,
  assertEquals,
  assertLess,
  assertMatch,
  assertStringIncludes,
} from "@std/assert";
import fc from "fast-check";
import { latin1 } from "../../../lib/http/request.ts";
import { main as get } from "../../../tasks/get.ts";
import { redactBody, redactHeader } from "../../../tasks/get/redact.ts";
import { readNetwork } from "../../../tasks/get/send/network.ts";
import { main as post } from "../../../tasks/post.ts";
import { codePoint } from "../../code_point.ts";
import { closedUrl, response, serveHttp, serveRaw } from "../../http/server.ts";
import { encode, run, spawnProgram, testWith } from "../../support.ts";
import { stripColors, withFiles } from "../support.ts";

const ESCAPES = "\x1b]0;t\x07\u009b2J\u202e";

/** Whether a terminal would obey nothing of it but colours. */
function assertSafe(text: string): void {
  const rest = stripColors(text);
  // deno-lint-ignore no-control-regex
  assert(!/[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e]/.test(rest), rest);
}

/** A server that keeps the bytes of each request, whose body has a length. */
function serveRecorder() {
  const requests: string[] = [];
  const listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const read = async (conn: Deno.Conn) => {
    using _ = conn;
    const buffer = new Uint8Array(65_536);
    let text = "";
    for (let missing = 1; missing > 0;) {
      const count = await conn.read(buffer);
      if (count === null) return;
      text += String.fromCharCode(...buffer.subarray(0, count));
      const end = text.indexOf("\r\n\r\n");
      const length = Number(text.match(/^content-length: (\d+)/im)?.[1] ?? 0);
      if (end !== -1) missing = end + 4 + length - text.length;
    }
    requests.push(text);
    await conn.write(latin1(response("ok")));
  };
  const all = (async () => {
    for await (const conn of listener) await read(conn).catch(() => {});
  })();
  return {
    url: `http://127.0.0.1:${listener.addr.port}`,
    requests,
    async [Symbol.asyncDispose]() {
      listener.close();
      await all;
    },
  };
}

Deno.test("--offline shows the very bytes that would be sent, and sends none", async () => {
  await using server = serveRecorder();
  const { url, requests } = server;
  for (
    const [main, args] of [
      [get, [`${url}/a%20b?c=d#e`]],
      [get, [url, "X-B:1", "X-A:2", "X-B:3", "Accept:text/x", "q==1 2"]],
      [get, [url, "Range:bytes=1-", "User-Agent:me", "X-E: caf\u00e9"]],
      [get, ["-X", "options", url]],
      [get, ["-X", "HEAD", url]],
      [get, [url, "User-Agent:", "Accept:"]],
      [get, [url, "Host:a.example"]],
      [post, [url]],
      [post, ["-X", "PUT", url]],
      [post, ["-X", "PATCH", url]],
      [post, ["-X", "DELETE", url]],
      [post, [url, "title=caf\u00e9", "n:=1.10"]],
      [post, ["-f", url, "a=b c", "d=&"]],
      [post, [url, "a=b", "Content-Type:a/b", "X-Token:secret"]],
      [post, ["-a", "me:pw", url, "password=x"]],
    ] as const
  ) {
    const before = requests.length;
    const shown = await run(main, ["--offline", "--show-secrets", ...args]);
    assertEquals([shown.code, shown.stderr], [0, ""]);
    assertEquals(requests.length, before);
    await run(main, args);
    const text = String.fromCharCode(...shown.stdoutBytes);
    assertEquals(text, requests.at(-1), args.join(" "));
  }
});

Deno.test("--offline reaches nothing, and hides secrets unless it is told not to", async () => {
  const args = [
    "--offline",
    `${closedUrl()}/?api_key=k1`,
    "password=k2",
    "title=a",
    "X-Token:k3",
    "Authorization:Bearer k4",
  ];
  const { code, stdout } = await run(post, args);
  assertEquals(code, 0);
  assertEquals(stdout.match(/k\d/g), null);
  assertStringIncludes(stdout, "POST /?api_key=*** HTTP/1.1\r\n");
  assertStringIncludes(stdout, "x-token: ***\r\nauthorization: Bearer ***\r\n");
  assertStringIncludes(stdout, '\r\n\r\n{"password":"***","title":"a"}');
  const all = await run(post, ["--show-secrets", ...args]);
  assertEquals(all.stdout.match(/k\d/g), ["k1", "k3", "k4", "k2"]);
});

Deno.test("--offline is safe on a terminal", async () => {
  const args = ["--offline", closedUrl(), `a=${ESCAPES}`, "X-A:\u009b2J\u202e"];
  const { stdout } = await run(post, args, { terminal: true });
  assertSafe(stdout);
  assertStringIncludes(stdout, "x-a: \\x9b2J\\u202e");
});

Deno.test("secrets are hidden in headers and bodies, whatever is around them", () => {
  for (
    const [text, shown] of [
      ['{"a":1,"token":"x","b":[]}', '{"a":1,"token":"***","b":[]}'],
      ['{"by":{"apiKey":12}}', '{"by":{"apiKey":"***"}}'],
      ['{"secrets":["a","b"]}', '{"secrets":"***"}'],
      ['{"token":{"value":"x"},"a":1}', '{"token":"***","a":1}'],
      ['{"keys":[{"a":["]"]}, {}],"b":[]}', '{"keys":"***","b":[]}'],
      ['{"a":"b\\","token\\":1"}', '{"a":"b\\","token\\":1"}'],
      ['{"token": }', '{"token": }'],
      ['{"a\\"password":"a\\"b"}', '{"a\\"password":"***"}'],
      ["a=1&access_token=x&b=2", "a=1&access_token=***&b=2"],
      [
        '--b\r\nContent-Disposition: form-data; name="password"\r\n\r\nx\r\n--b--\r\n',
        '--b\r\nContent-Disposition: form-data; name="password"\r\n\r\n***\r\n--b--\r\n',
      ],
      ["plain text", "plain text"],
      ['{"\\u0074oken":"x"}', '{"\\u0074oken":"***"}'],
      ['{"design":"x","zipcode":1}', '{"design":"x","zipcode":1}'],
      ['{"a":"http://b/?sig=x","c":1}', '{"a":"http://b/?sig=***","c":1}'],
      [
        '{"a":"http:\\/\\/me:x@b\\/?c\\u0026code=x"}',
        '{"a":"http://***@b/?c&code=***"}',
      ],
      ['{"a":"{\\"jwt\\":\\"x\\"}"}', '{"a":"{\\"jwt\\":\\"***\\"}"}'],
      ["pass%77ord=x&b=2&otp=x y", "pass%77ord=***&b=2&otp=***"],
      [
        "a=http%3A%2F%2Fb%2F%3Fsig%3Dx&c=2",
        "a=http%3A%2F%2Fb%2F%3Fsig%3D***&c=2",
      ],
      [
        '--b\r\nContent-Disposition: form-data; name="pin"\r\n\r\nx\r\n--x\r\n--b\r\n' +
        'Content-Disposition: form-data; name="a"; filename="pin=x"\r\n\r\npin=x\r\n--b--\r\n',
        '--b\r\nContent-Disposition: form-data; name="pin"\r\n\r\n***\r\n--b\r\n' +
        'Content-Disposition: form-data; name="a"; filename="pin=x"\r\n\r\npin=x\r\n--b--\r\n',
      ],
      ["see http://me:x@a/?token=x, or b", "see http://***@a/?token=***, or b"],
    ] as const
  ) assertEquals(redactBody(text), shown);
  for (
    const [header, value] of [
      [["Authorization", "Basic eDp5"], "Basic ***"],
      [["Authorization", "x"], "***"],
      [["Proxy-Authorization", "Digest a"], "Digest ***"],
      [["Cookie", "a=b"], "***"],
      [["X-Api-Key", "k"], "***"],
      [
        ["Location", "http://u:p@a.example/?token=x"],
        "http://***@a.example/?token=***",
      ],
      [["Accept", "text/plain"], "text/plain"],
      [
        ["X-Data", '{"a":[{"secret":"x"}],"b":1}'],
        '{"a":[{"secret":"***"}],"b":1}',
      ],
      [["X-Data", "a=1, token=x"], "a=1, token=***"],
      [["X-Data", "a=1; token=x"], "a=1; token=***"],
      [["Refresh", "0;url=/a?code=x"], "0;url=/a?code=***"],
      [["Link", "</a?sig=x>; rel=next"], "</a?sig=***"],
      [["Set-Cookie", "a=b; Path=/"], "***"],
      [["WWW-Authenticate", 'Basic realm="a"'], 'Basic realm="a"'],
      [["X-Signal", "x"], "x"],
    ] as const
  ) assertEquals(redactHeader(header)[1], value);
});

Deno.test("ReDoS: a hostile header of 64 KB is redacted in less than two seconds", () => {
  const parts = [
    '"',
    '\\"',
    '"a":',
    '{"token":',
    "[",
    "{",
    "a=",
    ",",
    "\\",
    " ",
  ];
  for (const part of [...parts, "token=", '"\\"', '"a', "//", '"token":"\\"']) {
    for (const start of ["", '"', '{"token":"', "--", "a=", "{"]) {
      const value = start + part.repeat(65_536 / part.length);
      const begun = performance.now();
      redactHeader(["X-A", value]);
      assertLess(performance.now() - begun, 2000, start + part);
    }
  }
});

Deno.test("no value of a secret field is left, for any value", () => {
  fc.assert(
    fc.property(fc.string({ unit: codePoint, minLength: 1 }), (value) => {
      const text = `${value}~unlikely~`;
      const body = JSON.stringify({ a: 1, password: text });
      assertEquals(redactBody(body), '{"a":1,"password":"***"}');
    }),
  );
});

Deno.test("-v says what is sent and what comes, without secrets", async () => {
  await using server = serveRaw(() => [
    response(
      "ok",
      ["Content-Length: 2", "Set-Cookie: sid=s3cret", "X-B: 1"],
      "200 Fine",
    ),
  ]);
  const args = ["-v", `${server.url}/?token=s3cret`, "X-Key:s3cret"];
  const { code, stdout, stderr } = await run(get, args);
  assertEquals([code, stdout], [0, "ok"]);
  assertEquals(stderr.includes("s3cret"), false);
  assertStringIncludes(stderr, "> GET /?token=*** HTTP/1.1\n> x-key: ***\n");
  assertStringIncludes(
    stderr,
    "< HTTP/1.1 200 Fine\n< Connection: close\n< Content-Length: 2\n< Set-Cookie: ***\n< X-B: 1\n<\n",
  );
  const all = await run(get, ["--show-secrets", ...args]);
  assertEquals(all.stderr.match(/s3cret/g)?.length, 3);
});

Deno.test("-v says every redirect, and the body of a request that is text", async () => {
  await using server = serveHttp((request) =>
    new URL(request.url).pathname === "/"
      ? new Response(null, {
        status: 303,
        headers: { location: "/next?session=s3cret" },
      })
      : new Response("done")
  );
  const { code, stderr } = await run(post, ["-v", server.url, "a=b"]);
  assertEquals(code, 0);
  assertMatch(
    stderr,
    /^> POST \/ HTTP\/1\.1\n[^]*\n>\n\{"a":"b"\}\n< HTTP\/1\.1 303 See Other\n< location: \/next\?session=\*\*\*\n(?:< .*\n)*<\n> GET \/next\?session=\*\*\* HTTP\/1\.1\n[^]*\n>\n< HTTP\/1\.1 200 OK\n/,
  );
  const binary = await run(post, ["-v", server.url, "-"], {
    stdin: new Uint8Array([0xff, 0xfe]),
  });
  assertStringIncludes(binary.stderr, ">\n(2 bytes)\n<");
});

Deno.test("-v says what was sent when nothing comes back", async () => {
  const { code, stderr } = await run(get, ["-v", closedUrl()]);
  assertEquals(code, 7);
  assertMatch(stderr, /^> GET \/ HTTP\/1\.1\n[^]*\nget: Cannot connect to /);
});

Deno.test("-i shows the very lines that came, once, and safely on a terminal", async () => {
  const head = [
    "HTTP/1.1 404 Introuvable \xc3\xa9 \xc2\x9b2J",
    "X-Zed: 1",
    "Content-Length: 2",
    "x-A: \xc2\x9b2J\xe9",
    "Set-Cookie: a=1",
    "Set-Cookie: b=2",
    "",
    "ok",
  ].join("\r\n");
  await using server = serveRaw(() => [latin1(head)]);
  for (const args of [["-i"], ["-i", "--time"]]) {
    const piped = await run(get, [...args, server.url]);
    assertEquals(piped.code, 4);
    assertEquals(String.fromCharCode(...piped.stdoutBytes), head);
    assert(!piped.stderr.includes("404"), piped.stderr);
  }
  const shown = await run(get, ["-i", server.url], { terminal: true });
  assertSafe(shown.stdout);
  assertEquals([shown.stderr, shown.stdout], [
    "",
    "HTTP/1.1 404 Introuvable é \\x9b2J\nX-Zed: 1\nContent-Length: 2\n" +
    "x-A: \\x9b2J\ufffd\nSet-Cookie: a=1\nSet-Cookie: b=2\n\nok\n",
  ]);
});

Deno.test("-i shows the head of the last answer alone, and of a HEAD nothing else", async () => {
  await using server = serveRaw((request) => [
    request.startsWith("GET / ")
      ? response("", ["Location: /b", "Content-Length: 0"], "302 Found")
      : response("", ["X-B: 1", "Content-Length: 7"]),
  ]);
  const lines = "HTTP/1.1 200 OK\r\nConnection: close\r\nX-B: 1\r\n" +
    "Content-Length: 7\r\n\r\n";
  const last = await run(get, ["-i", server.url]);
  assertEquals([last.code, last.stdout], [18, lines]);
  for (const terminal of [false, true]) {
    const args = ["-X", "HEAD", "-i", `${server.url}/b`];
    const { code, stdout, stderr } = await run(get, args, { terminal });
    const shown = terminal ? lines.replaceAll("\r\n", "\n") : lines;
    assertEquals([code, stdout, stderr], [0, shown, ""]);
  }
});

Deno.test("-i sees the lines over a socket of its own, but for HTTP/2", async () => {
  const sees = async (options: Parameters<typeof readNetwork>[0]) =>
    (await readNetwork(options)).rawHeaders === true;
  assertEquals(await sees({ include: true }), true);
  assertEquals(await sees({ include: true, http: "1.1" }), true);
  assertEquals(await sees({ include: true, http: "2" }), false);
  assertEquals(await sees({}), false);
});

/** A redirect whose head says much, and in UTF-8, and what comes after it. */
function serveRedirect() {
  return serveRaw((request) => [
    request.startsWith("GET / ")
      ? response("", [
        "Location: /é?token=s3cret",
        "Set-Cookie: sid=s3cret",
        "X-D: 1",
        "x-d: 2",
        "Content-Length: 0",
      ], "302 Gefunden é")
      : response("ok", undefined, "200 Très bien"),
  ]);
}

Deno.test("-v shows the head of every redirect as it came, without secrets", async () => {
  await using server = serveRedirect();
  const { code, stderr } = await run(get, ["-v", server.url], {
    terminal: { stderr: true },
  });
  assertEquals([code, stderr.includes("s3cret")], [0, false]);
  assertStringIncludes(
    stripColors(stderr),
    [
      "< HTTP/1.1 302 Gefunden é",
      "< Connection: close",
      "< Location: /é?token=***",
      "< Set-Cookie: ***",
      "< X-D: 1",
      "< x-d: 2",
      "< Content-Length: 0",
      "<",
      "> GET /%C3%A9?token=*** HTTP/1.1",
      "> cookie: ***",
      "",
    ].join("\n"),
  );
  assertStringIncludes(stripColors(stderr), "\n< HTTP/1.1 200 Très bien\n");
  const args = ["-v", "--show-secrets", server.url];
  const all = await run(get, args);
  assertEquals(all.stderr.match(/s3cret/g)?.length, 4);
});

Deno.test("--json has the head of every redirect, without secrets", async () => {
  await using server = serveRedirect();
  const { stdout } = await run(get, ["--json", server.url]);
  const { redirects, response } = JSON.parse(stdout);
  assertEquals(redirects, [{
    status: 302,
    statusText: "Gefunden é",
    version: "1.1",
    location: "/é?token=***",
    headers: {
      connection: "close",
      location: "/é?token=***",
      "set-cookie": "***",
      "x-d": ["1", "2"],
      "content-length": "0",
    },
  }]);
  assertEquals(response.statusText, "Très bien");
  const all = await run(get, ["--json", "--show-secrets", server.url]);
  assertEquals(all.stdout.match(/s3cret/g)?.length, 3);
});

Deno.test("a status text in UTF-8 is shown as text", async () => {
  await using server = serveRaw(() => [
    response("", ["Content-Length: 0"], "404 Introuvable é"),
  ]);
  for (const terminal of [false, true]) {
    const { stderr } = await run(get, ["--time", server.url], { terminal });
    assertStringIncludes(stripColors(stderr), "404 Introuvable é\n");
  }
});

Deno.test("--time says how long each phase took", async () => {
  await using server = serveHttp(() => new Response("ok"));
  const { stdout, stderr } = await run(get, ["--time", server.url]);
  assertEquals(stdout, "ok");
  const ms = "\\d+\\.\\d (?:ms|s)";
  assertMatch(
    stderr,
    new RegExp(
      `^200 OK\\n(?:dns ${ms}, )?connect ${ms}, first byte ${ms}, body ${ms}, total ${ms}\\n$`,
    ),
  );
});

Deno.test("--json shows one object: request, response and timings", async () => {
  await using server = serveHttp(() =>
    new Response('{"10":1,"2":12345678901234567890,"dup":1,"dup":2}', {
      headers: [
        ["content-type", "application/json"],
        ["set-cookie", "a=1"],
        ["set-cookie", "b=2"],
      ],
    })
  );
  const { code, stdout, stderr } = await run(post, [
    "--json",
    server.url,
    "title=a",
    "X-Key:k",
  ]);
  assertEquals([code, stderr], [0, "200 OK\n"]);
  assertMatch(stdout, /^\{.*\}\n$/);
  assertStringIncludes(
    stdout,
    '"body":{"10":1,"2":12345678901234567890,"dup":1,"dup":2}',
  );
  const { request, response, timings } = JSON.parse(stdout);
  assertEquals(
    [request.method, request.url, request.headers["x-key"], request.body],
    ["POST", `${server.url}/`, "***", '{"title":"a"}'],
  );
  assertEquals(
    [response.status, response.statusText, response.size],
    [200, "OK", 49],
  );
  assertEquals(response.headers["set-cookie"], ["***", "***"]);
  for (const phase of ["firstByte", "body", "total"]) {
    assert(timings[phase] >= 0 && timings[phase] < 60_000, phase);
  }
});

Deno.test("--json shows any body: text, bytes, what is not quite JSON, nothing", async () => {
  for (
    const [bytes, type, body] of [
      ["hi\n\u0000", "text/plain", "hi\n\u0000"],
      [new Uint8Array([0, 255]), "image/png", { base64: "AP8=" }],
      ['{"a":1,}', "application/json", '{"a":1,}'],
      ["[1]", "text/plain", [1]],
      ["", "text/plain", ""],
    ] as const
  ) {
    await using server = serveHttp(() =>
      new Response(bytes, { headers: { "content-type": type } })
    );
    const { stdout } = await run(get, ["--json", server.url]);
    assertEquals(JSON.parse(stdout).response.body, body);
  }
});

Deno.test("--json tells of redirects, and of a body that is cut short nothing", async () => {
  await using server = serveHttp(({ url }) =>
    new URL(url).pathname === "/"
      ? Response.redirect(`${url}next`, 302)
      : new Response("done", { status: 404 })
  );
  const { code, stdout } = await run(get, ["--json", server.url]);
  const { request, redirects, response } = JSON.parse(stdout);
  assertEquals([code, request.url], [4, `${server.url}/`]);
  assertEquals([redirects.length, redirects[0].status, redirects[0].location], [
    1,
    302,
    `${server.url}/next`,
  ]);
  assertEquals(response.body, "done");
  await using cut = serveRaw(() => [response("x", ["Content-Length: 2"])]);
  const result = await run(get, ["--json", cut.url]);
  assertEquals([result.code, result.stdout], [18, ""]);
});

Deno.test("--json is pretty and safe on a terminal", async () => {
  await using server = serveHttp(() => new Response(`a${ESCAPES}`));
  const { stdout } = await run(get, ["--json", server.url], { terminal: true });
  assertSafe(stdout);
  assertStringIncludes(stripColors(stdout), '\n    "status": 200,\n');
});

Deno.test("--curl shows a command, and sends nothing", async () => {
  const url = closedUrl();
  for (
    const [main, args, command, hidden = ""] of [
      [get, [url], `-L --max-redirs 10 ${url}/`],
      [get, ["-k", "--follow", "none", url], `-k ${url}/`],
      [
        get,
        ["-X", "HEAD", `${url}/[a]`],
        `-L --max-redirs 10 -g -I '${url}/[a]'`,
      ],
      [post, [url], `-X POST -H 'content-length: 0' ${url}/`],
      [
        post,
        [url, "password=x", "a=it's"],
        `-H 'content-type: application/json' -H 'accept: application/json, */*;q=0.5' --data-raw '{"password":"***","a":"it'\\''s"}' ${url}/`,
        "hidden: password; --show-secrets\n",
      ],
      [
        post,
        [url, "-"],
        `-H 'content-type: application/json' -H 'accept: application/json, */*;q=0.5' --data-raw hi ${url}/`,
      ],
      [
        post,
        ["-X", "PUT", "--proxy", "http://u:p@localhost:1", url, "a:=1"],
        `-x 'http://***@localhost:1' -X PUT -H 'content-type: application/json' -H 'accept: application/json, */*;q=0.5' --data-raw '{"a":1}' ${url}/`,
        "hidden: the password of --proxy; --show-secrets\n",
      ],
    ] as const
  ) {
    const { code, stdout, stderr } = await run(main, ["--curl", ...args], {
      stdin: "hi",
    });
    assertEquals([code, stdout, stderr], [
      0,
      `curl -sS --compressed ${command}\n`,
      hidden,
    ]);
  }
});

Deno.test("--curl asks for bytes as they are where get does", async () => {
  const url = closedUrl();
  for (
    const [args, command] of [
      [["-o", "it's", url], `-o 'it'\\''s' ${url}/`],
      [["-O", `${url}/a`], `-O ${url}/a`],
      [["--raw", url], `${url}/`],
      [[url, "range:bytes=0-4"], `-H 'range: bytes=0-4' ${url}/`],
    ] as const
  ) {
    const { stdout } = await run(get, ["--curl", ...args]);
    assertEquals(stdout, `curl -sS -L --max-redirs 10 ${command}\n`);
  }
});

Deno.test("--curl names the files of a form of any size, and shows no secret field", async () => {
  await withFiles(
    { 'a "b",;': "x", c: new Uint8Array(2 << 20) },
    async (at) => {
      const url = closedUrl();
      for (
        const [args, form] of [
          [
            ["-f", `f@${at}/c`],
            `-F 'f=@${at}/c;type=application/octet-stream'`,
          ],
          [
            ["-f", `f@${at}/a "b",;;type=a/b; c=d`, "password=1", "t=<c"],
            `-F 'f=@"${at}/a \\"b\\",;";type=a/b; c=d' --form-string 'password=***' --form-string 't=<c'`,
          ],
          [
            [
              "--multipart",
              "a=1",
              "b=?token=x",
              "n:=1.10",
              "Content-Type:multipart/form-data",
            ],
            `--form-string a=1 --form-string 'b=?token=***' --form-string n=1.10`,
          ],
        ] as const
      ) {
        const { code, stdout } = await run(post, ["--curl", url, ...args]);
        assertEquals([code, stdout], [
          0,
          `curl -sS --compressed ${form} ${url}/\n`,
        ]);
      }
    },
  );
});

Deno.test("--curl names a file, and cannot show a large form whose name has an =", async () => {
  const files = { "a b": "hi", c: new Uint8Array(2 << 20) };
  await withFiles(files, async (folder) => {
    const [small, large] = [`${folder}/a b`, `${folder}/c`];
    for (const path of [small, large]) {
      const args = ["--curl", closedUrl(), `@${path}`, "Content-Type:a/b"];
      const { stdout } = await run(post, args);
      assertStringIncludes(stdout, " --data-binary ");
      assertStringIncludes(stdout, `@${path}`);
    }
    const form = ["--curl", "-f", closedUrl(), `a\\=b@${large}`];
    const { code, stdout, stderr } = await run(post, form);
    assertEquals([code, stdout], [1, ""]);
    assertStringIncludes(
      stderr,
      "Cannot show a large form as a command of curl\nhint: --offline",
    );
  });
});

Deno.test("--offline sends a large form and standard input as they would go out", async () => {
  await withFiles({ a: new Uint8Array(2 << 20) }, async (folder) => {
    const args = ["--offline", "-f", closedUrl(), `file@${folder}/a`];
    const { stdoutBytes, stdout } = await run(post, args);
    const [head = "", ...body] = stdout.split("\r\n\r\n");
    const length = Number(head.match(/^content-length: (\d+)$/m)?.[1]);
    assertEquals(stdoutBytes.length, head.length + 4 + length);
    assertStringIncludes(body.join(""), 'name="file"');
    const chunked = [
      "--offline",
      closedUrl(),
      "-",
      "Transfer-Encoding:chunked",
    ];
    const live = await run(post, chunked, { stdin: ["a", "bc"] });
    assertMatch(
      live.stdout,
      /\r\ntransfer-encoding: chunked\r\n\r\n1\r\na\r\n2\r\nbc\r\n0\r\n\r\n$/,
    );
  });
});

Deno.test("a body in an unknown encoding is told of, and shown as it came", async () => {
  await using server = serveRaw(() => [
    response("ok", ["Content-Length: 2", "Content-Encoding: x-odd"]),
  ]);
  for (const args of [[], ["-v"]]) {
    const { stdout, stderr } = await run(get, [...args, server.url]);
    assertEquals(stdout, "ok");
    assertStringIncludes(stderr, "\nNot decoded: x-odd\n");
  }
  const { stderr } = await run(get, [server.url], { terminal: true });
  assertStringIncludes(stderr, "Not decoded: x-odd\n");
});

testWith("curl", "the form that --curl shows has the same parts", async () => {
  await using server = serveRecorder();
  const { url, requests } = server;
  const isWindows = Deno.build.os === "windows";
  const odd = isWindows ? "odd" : ' b\\"c";,é';
  const blank = isWindows ? "blank" : "blank ";
  const bytes = new Uint8Array([0, 255, 13, 10]);
  const files = { "a.bin": bytes, [odd]: "hi", [blank]: "" };
  await withFiles(files, async (at) => {
    for (
      const args of [
        ["-f", `f@${at}/a.bin`, "a=b"],
        ["-f", `f@${at}/${odd}`, `g@${at}/a.bin;type=a/b; c="d;e"`],
        ["--multipart", "a=<b", "c=\\@d;type=e", "f= it's\n", 'q"[]=1'],
        ["--multipart", `t=@${at}/${odd}`, "n:=1.10", "o[\\1]="],
        ["-f", `a\\=b@${at}/a.bin`],
        ["-f", "=1", `f@${at}/a.bin`],
        ["-f", "a=b\0c", `f@${at}/${blank}`],
        ["-f", `f@${at}/${blank}`],
        ["-f", `f@${at}/a.bin`, "Content-Type:"],
      ]
    ) {
      await run(post, [url, ...args]);
      const shown = ["--curl", "--show-secrets", url, ...args];
      const { stdout } = await run(post, shown);
      const { code, stderr } = await spawnProgram("sh", ["-c", stdout]).result;
      assertEquals(code, 0, `${stdout}${stderr}`);
      const [ours, theirs] = requests.splice(0).map((text) => {
        const [, boundary = ""] = text.match(/\r\n--(.*)\r/) ?? [];
        const body = text.slice(text.indexOf("\r\n\r\n"));
        return body.replaceAll(boundary, "B");
      });
      assert(ours?.includes("\r\n--B\r\n"), ours);
      assertEquals(theirs, ours, stdout);
    }
  });
});

testWith("curl", "what --curl shows sends the same request", async () => {
  await using server = serveRecorder();
  const { url, requests } = server;
  const own =
    /^(host|user-agent|accept|accept-language|accept-encoding): .*\r\n/gim;
  for (
    const [main, args, stdin] of [
      [get, [`${url}/a%20b?c=d&e[]=f`], ""],
      [get, [url, "X-B:1", "x-a: caf\u00e9 $HOME `id` 'x'", "X-E;:"], ""],
      [get, ["-X", "OPTIONS", url], ""],
      [get, ["-X", "HEAD", url], ""],
      [post, [url], ""],
      [post, ["-X", "PUT", url], ""],
      [post, ["-X", "DELETE", url], ""],
      [post, [url, "a=it's\n$x\\", "b:=[1, 2]"], ""],
      [post, ["-f", url, "a=b c", "@d=e"], ""],
      [post, [url, "-", "Content-Type:a/b"], "@x"],
      [post, [url, "-"], new Uint8Array([0, 255, 10, 39, 92])],
      [post, ["-a", "me:p'w", url, "a=b"], ""],
    ] as const
  ) {
    const piped = stdin === "" ? {} : { stdin };
    await run(main, args, piped);
    const shown = ["--curl", "--show-secrets", ...args];
    const { stdout } = await run(main, shown, piped);
    const { code, stderr } = await spawnProgram("sh", ["-c", stdout]).result;
    assertEquals(code, 0, `${stdout}${stderr}`);
    const [ours = "", theirs = ""] = requests.splice(0).map((text) =>
      text.replace(own, "").replace(
        /^[\w-]+(?=: .*\r$)/gm,
        (name) => name.toLowerCase(),
      )
    );
    const sorted = (text: string) => {
      const [head = "", ...body] = text.split("\r\n\r\n");
      const [line, ...headers] = head.split("\r\n");
      return [line, headers.sort(), body.join("\r\n\r\n")];
    };
    assertEquals(sorted(theirs), sorted(ours), stdout);
  }
});

Deno.test("options that say two things at once are a usage error", async () => {
  for (
    const [args, said] of [
      [["-o", "a", "-O"], "Cannot use --output and --remote-name together"],
      [["-q", "-v"], "Cannot use --quiet and --verbose together"],
      [["-q", "--time"], "Cannot use --quiet and --time together"],
      [["-b", "-v"], "Cannot use --body and --verbose together"],
      [["-b", "--time"], "Cannot use --body and --time together"],
      [["--offline", "--curl"], "Cannot use --offline and --curl together"],
      [["--json", "-i"], "Cannot use --json and --include together"],
      [["--json", "--raw"], "Cannot use --json and --raw together"],
      [["--json", "-o", "a"], "Cannot use --json and --output together"],
      [
        ["-a", "me:s3cret", "--bearer=s3cret"],
        "Cannot use --auth and --bearer together",
      ],
      [["-c"], "Cannot use --continue without a file\nhint: add -o FILE or -O"],
      [
        ["-c", "-o", "a", "x", "Range:bytes=0-"],
        "Cannot use --continue and a Range header together",
      ],
    ] as const
  ) {
    const { code, stderr } = await run(get, [
      ...args.slice(0, 3),
      closedUrl(),
      ...args.slice(4),
    ]);
    assertEquals(code, 2, said);
    assertStringIncludes(stderr, said);
  }
});

Deno.test("what users of curl, HTTPie and wget type gets a hint", async () => {
  for (
    const [option, said] of [
      ["-C", "get -c -O URL"],
      ["--content-disposition", "get -O -J URL"],
      ["--download", "get -O URL"],
      ["-w", "--time"],
      ["-s", "-q"],
      ["--print", "-i, -b or -v"],
      ["--no-check-certificate", "-k"],
      ["-x", "--proxy URL"],
      ["--stream", "as it comes already"],
    ] as const
  ) {
    const { code, stderr } = await run(get, [option, closedUrl()]);
    assertEquals(code, 2);
    assertStringIncludes(stderr, `Unknown option "${option}"\nhint: `);
    assertStringIncludes(stderr, said);
  }
});

Deno.test("the limit of all of it holds while lines and events pour in", async () => {
  for (
    const [type, text] of [
      ["application/x-ndjson", "1\n"],
      ["text/event-stream", "a\n\n"],
      ["text/event-stream", "retry\n\n"],
      ["text/plain", "a\n"],
    ] as const
  ) {
    const part = encode(text.repeat(20_000));
    await using server = serveHttp(() =>
      new Response(
        new ReadableStream({ pull: (controller) => controller.enqueue(part) }),
        { headers: { "content-type": type } },
      )
    );
    for (const args of [["--json"], ["--pretty"], ["-4", "--pretty"]]) {
      const all = [...args, "-t", "5,5,0.15", server.url];
      if (type === "text/plain" && args.includes("--json")) continue;
      const { code, stderr } = await run(get, all);
      assertEquals(code, 28, `${type} ${args} ${stderr}`);
    }
  }
});

/** Heads before the one that counts, and trailers after a body; one of them sounds like a header that counts. */
const AROUND = [
  "HTTP/1.1 102 Processing\r\n\r\n",
  "HTTP/1.1 103 Early Hints\r\nLink: </a.css>\r\nX-Token: s3cret\r\n\r\n",
  "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n",
  "2\r\nhi\r\n0\r\nX-Sum: 123\r\nContent-Length: 9\r\nX-Key: s3cret\r\n\r\n",
] as const;

Deno.test("what comes before a head and after a body is shown by -v, -i and --json", async () => {
  await using server = serveRaw(() => [AROUND.join("")]);
  const verbose = await run(get, ["-v", server.url]);
  assertEquals([verbose.code, verbose.stdout], [0, "hi"]);
  assertStringIncludes(
    verbose.stderr,
    "< HTTP/1.1 102 Processing\n<\n< HTTP/1.1 103 Early Hints\n< Link: </a.css>\n< X-Token: ***\n<\n< HTTP/1.1 200 OK\n< Transfer-Encoding: chunked\n<\n< X-Sum: 123\n< Content-Length: 9\n< X-Key: ***\n",
  );
  const [processing, hints, head] = AROUND;
  const included = await run(get, ["-i", server.url]);
  assertEquals(
    included.stdout,
    `${processing}${hints}${head}hiX-Sum: 123\r\nContent-Length: 9\r\nX-Key: s3cret\r\n`,
  );
  const { response } = JSON.parse(
    (await run(get, ["--json", server.url])).stdout,
  );
  assertEquals(response, {
    interim: [
      { version: "1.1", status: 102, statusText: "Processing", headers: {} },
      {
        version: "1.1",
        status: 103,
        statusText: "Early Hints",
        headers: { link: "</a.css>", "x-token": "***" },
      },
    ],
    version: "1.1",
    status: 200,
    statusText: "OK",
    headers: { "transfer-encoding": "chunked" },
    size: 2,
    body: "hi",
    trailers: { "x-sum": "123", "content-length": "9", "x-key": "***" },
  });
  await withFiles({}, async (folder) => {
    const saved = await run(get, ["-v", "-o", `${folder}/f`, server.url]);
    assertStringIncludes(saved.stderr, "< X-Sum: 123\n");
    assertEquals(await Deno.readTextFile(`${folder}/f`), "hi");
  });
});

Deno.test("the trailers of a stream of lines are its last line", async () => {
  await using server = serveRaw(() => [
    "HTTP/1.1 200 OK\r\nContent-Type: application/x-ndjson\r\nTransfer-Encoding: chunked\r\n\r\n",
    "4\r\n{}\n1\r\n0\r\nX-Sum: 1\r\n\r\n",
  ]);
  const { stdout } = await run(get, ["--json", server.url]);
  assertEquals(stdout.split("\n").slice(1), [
    '{"data":{}}',
    '{"data":1}',
    '{"trailers":{"x-sum":"1"}}',
    "",
  ]);
});

Deno.test("header floods: heads before the answer and hostile trailers are bounded, and obeyed by nobody", async () => {
  const early = "HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n";
  const chunked =
    "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nhi\r\n0\r\n";
  await using many = serveRaw(() => [early.repeat(1000) + chunked + "\r\n"]);
  const shown = await run(get, ["-v", many.url]);
  assertEquals([shown.code, shown.stdout], [0, "hi"]);
  assertEquals(shown.stderr.match(/Early Hints/g)?.length, 10);
  await using evil = serveRaw((head) => [
    chunked,
    head.startsWith("GET /a")
      ? "X-A: \x1b[2J\r\n\r\n"
      : head.startsWith("GET /b")
      ? "X(: 1\r\n\r\n"
      : "Set-Cookie: a=s3cret\r\nLocation: /x\r\n\r\n",
  ]);
  for (const args of [["-v"], ["-i"], ["--json"]]) {
    const terminal = { stderr: true, stdout: args[0] === "-i" };
    for (const path of ["/a", "/b"]) {
      const url = evil.url + path;
      // what is no header is no trailer either, as for fetch
      const { code, stdout, stderr } = await run(get, [...args, url], {
        terminal,
      });
      assertEquals(code, 18);
      assert(!(stdout + stderr).includes("\x1b[2J"), stdout + stderr);
    }
    const { code, stdout, stderr } = await run(get, [...args, evil.url], {
      terminal,
    });
    assertEquals(code, 0);
    assertStringIncludes(
      stripColors(stdout + stderr).toLowerCase(),
      "location",
    );
  }
  const flood = "X-A: 1\r\n".repeat(10_000);
  await using large = serveRaw(() => [`${chunked}${flood}\r\n`]);
  assertEquals((await run(get, ["-v", large.url])).code, 18);
});
