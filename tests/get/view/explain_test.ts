import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { createServer } from "node:net";
import { main as get } from "../../../tasks/get.ts";
import { main as post } from "../../../tasks/post.ts";
import { type Language, SENTENCES } from "../../../tasks/get/view/explain.ts";
import { fingerprintOf } from "../../../tasks/server/tls/certificate.ts";
import {
  closedUrl,
  listenFreely,
  response,
  serveHttp,
  serveRaw,
} from "../../http/server.ts";
import { certificates } from "../../net/openssl.ts";
import {
  type Main,
  type MemoryOptions,
  readPages,
  run,
  spawn,
  start,
  testWith,
  withFolder,
} from "../../support.ts";
import { namesIn, said } from "./sentences.ts";

const FOLDER = await certificates();
const pem = (name: string) => `${FOLDER}/${name}.pem`;
const keyOf = (name: string) => `${FOLDER}/${name}.key`;

/** Runs a command in both languages, of which each says the same facts; gives their names. */
async function explain(
  args: readonly string[],
  { main = get, ...options }: MemoryOptions & { readonly main?: Main } = {},
): Promise<string[]> {
  const names: string[][] = [];
  for (const language of ["en", "ko"] as const) {
    const { stderr } = await run(
      main,
      [`--explain=${language}`, ...args],
      options,
    );
    names.push(namesIn(stderr, language));
  }
  const [english = [], korean] = names;
  assertEquals(korean, english);
  return english;
}

function assertSays(names: readonly string[], expected: string): void {
  for (const name of expected.split(" ")) {
    assert(names.includes(name), `${name} is not in ${names.join(" ")}`);
  }
}

/** Sends what is on stdin as it comes. */
const CHUNKED = "Transfer-Encoding:chunked";

/** What is typed behind the URL, what a server writes, and what is said of it. */
const ANSWERS: readonly (readonly [
  typed: string,
  answer: string | readonly string[],
  says: string,
])[] = [
  [
    "",
    response("hi", [
      "Content-Type: text/html; charset=EUC-KR",
      "Content-Length: 2",
      "Cache-Control: max-age=60",
      "Age: 5",
      'ETag: "a"',
      "Set-Cookie: sid=hunter2; Path=/",
      'Link: </a?page=2>; rel="next"',
    ]),
    "connected plain safe >accept 200 <content-type <content-length <cache-control.max-age <age <etag <set-cookie <link end-length",
  ],
  [
    "",
    response("2\r\nhi\r\n0\r\n\r\n", [
      "Transfer-Encoding: chunked",
      "Cache-Control: no-store",
    ]),
    "<transfer-encoding <cache-control.no-store end-chunk",
  ],
  [
    "",
    response("hi", ["Cache-Control: no-cache"]),
    "until-close <cache-control.no-cache end-close",
  ],
  [
    "--raw",
    response("hi", ["Content-Encoding: gzip", "Content-Length: 2"]),
    "<content-encoding",
  ],
  [
    "-X HEAD",
    response("", ["Content-Length: 5"]),
    "<content-length/only end-none",
  ],
  [
    "",
    ["HTTP/1.1 103 Early Hints\r\n\r\n", response("hi")],
    "1xx 200 end-length",
  ],
  [
    "Authorization:Bearer+hunter2 Cookie:a=hunter2",
    response("", undefined, "401 Unauthorized"),
    ">authorization >cookie 401-login",
  ],
  [
    "",
    response(
      "",
      ['WWW-Authenticate: Basic realm="a", Digest nonce="b"'],
      "401 Unauthorized",
    ),
    "401 <www-authenticate",
  ],
  [
    "Range:bytes=0-1",
    response(
      "hi",
      ["Content-Range: bytes 0-1/9", "Content-Length: 2"],
      "206 Partial Content",
    ),
    ">range 206 <content-range",
  ],
  [
    'If-None-Match:"a"',
    response("", [], "304 Not Modified"),
    ">if-none-match 304 end-none",
  ],
  ["", response("", [], "304 Not Modified"), "304 end-none"],
  ["Range:bytes=0-1", response("hi"), "200-range"],
  [
    "",
    response("hi", ["Content-Length: 2", "Content-Length: 2"]),
    "<content-length end-length",
  ],
  [
    'If-Match:"a" -X PUT',
    response("", undefined, "412 Precondition Failed"),
    "idempotent >if-match 412",
  ],
  [
    "Range:bytes=9-",
    response("", ["Content-Range: bytes */2"], "416 Range Not Satisfiable"),
    "416 <content-range",
  ],
  [
    'Range:bytes=0-1 If-Range:"a"',
    response("hi", ['ETag: "b"', "Content-Length: 2"]),
    ">if-range 200-range",
  ],
  [
    "-X DELETE If-Unmodified-Since:Wed,+21+Oct+2015+07:28:00+GMT",
    response("", undefined, "412 Precondition Failed"),
    ">if-unmodified-since 412",
  ],
  [
    "If-Modified-Since:Wed,+21+Oct+2015+07:28:00+GMT Authorization:hunter2",
    response("", [], "304 Not Modified"),
    ">if-modified-since >authorization.other 304",
  ],
  [
    "",
    response("", [
      "Content-Length: 0",
      "Set-Cookie: a=; Max-Age=0",
      "Retry-After: Wed, 21 Oct 2015 07:28:00 GMT",
    ], "503 No"),
    "<set-cookie/over <retry-after.date",
  ],
  ["", response("", ["Upgrade: h9"], "101 Switching Protocols"), "101"],
  ["", response("", undefined, "300 Multiple Choices"), "3xx"],
  ["", response("", undefined, "302 Found"), "redirect refused-nowhere"],
  ["", response("", undefined, "410 Gone"), "410"],
  ["", response("", undefined, "413 Content Too Large"), "413"],
  ["", response("", undefined, "415 Unsupported Media Type"), "415"],
  ["", response("", undefined, "422 Unprocessable Content"), "422"],
  ["", response("", undefined, "428 Precondition Required"), "428"],
  ["", response("", undefined, "203 Other"), "2xx"],
  ["", response("", undefined, "202 Accepted"), "202"],
  ["", response("", [], "204 No Content"), "204 end-none"],
  ["", response("", undefined, "403 Forbidden"), "403"],
  ["", response("", undefined, "404 Not Found"), "404"],
  [
    "",
    response("", ["Allow: PUT"], "405 Method Not Allowed"),
    "405 <allow",
  ],
  ["", response("", undefined, "421 Misdirected Request"), "421"],
  [
    "",
    response("", ["Retry-After: 120"], "429 Too Many Requests"),
    "429 <retry-after",
  ],
  ["", response("", undefined, "418 I'm a teapot"), "4xx"],
  ["", response("", undefined, "500 Oh"), "5xx"],
  ["", response("", undefined, "407 Oh"), "407"],
  ["", response("", undefined, "501 Oh"), "501"],
  ["", response("", undefined, "502 Oh"), "502"],
  ["", response("", undefined, "503 Oh"), "503"],
  ["", response("", undefined, "504 Oh"), "504"],
  [
    "",
    response("", ["Location: ftp://a.test/"], "302 Found"),
    "<location redirect refused-url",
  ],
  [
    "",
    response("", ["Location: /a", "Location: /b"], "302 Found"),
    "refused-many",
  ],
  [
    "--follow=none",
    response("", ["Location: /a"], "302 Found"),
    "refused-none",
  ],
  [
    "--follow=same",
    response("", ["Location: http://a.test/"], "302 Found"),
    "refused-origin",
  ],
  [
    "--max-redirects=2",
    response("", ["Location: /a"], "302 Found"),
    "followed too-many",
  ],
  ["", "SSH-2.0-a\r\n", "not-http"],
  ["", [], "unanswered"],
  ["", response("hi", ["Content-Length: 9"]), "cut"],
  ["--max-size=1", response("hi"), "too-large"],
];

for (const [typed, answer, says] of ANSWERS) {
  const [line = "no answer"] = [answer].flat();
  const shown = line.split("\r\n").filter((part) => !/^Conn/.test(part))
    .join(" ").trim();
  Deno.test(`--explain says ${says} of ${typed} ${shown}`, async () => {
    await using server = serveRaw(() => [answer].flat());
    const words = typed.split(" ").filter((word) => word !== "")
      .map((word) => word.replace("+", " "));
    const names = await explain(["--retry=0", `${server.url}/a`, ...words]);
    assertSays(names, says);
  });
}

/** What is typed behind the URL, what a server writes, and what must not be said of it. */
const SILENT: readonly (readonly [
  typed: string,
  lines: readonly string[],
  not: string,
  status?: string,
])[] = [
  ["-X HEAD", ["Transfer-Encoding: chunked"], "The body comes in chunks"],
  ["", ["Content-Length: 5"], "Content-Length says", "204 No Content"],
  ["", ["Location: /b"], "Location says"],
  ["", ["Content-Type:"], "Content-Type says"],
  ["", ["ETag:"], "ETag names"],
  ["", ["Set-Cookie: hunter2"], "Set-Cookie asks"],
  ["", ['Link: </a>; title="; rel=next"; rel=prev'], "Link says"],
  ["", ["Link: </a>; rel=next-archive"], "Link says"],
  ["", ["Refused: a"], "refuses the connection"],
];

for (const [typed, lines, not, status] of SILENT) {
  Deno.test(`--explain does not say "${not}" of ${typed} ${status ?? ""} ${lines}`, async () => {
    await using server = serveRaw(() => [response("", lines, status)]);
    const words = typed.split(" ").filter((word) => word !== "");
    const { stderr } = await run(get, ["--explain", server.url, ...words]);
    assertStringIncludes(stderr, "TCP is connected");
    assert(!stderr.includes(not), stderr);
  });
}

Deno.test("--explain says the next page behind what else Link has", async () => {
  await using server = serveRaw(() => [
    response("", ['Link: </a>; rel=prev, </b>; title="a, b"; rel="last next"']),
  ]);
  const { stderr } = await run(get, ["--explain", server.url]);
  assertStringIncludes(stderr, "Link says where the next page is: /b.\n");
});

Deno.test("--explain says why a request is sent again: a status, or how the connection ended", async () => {
  let count = 0;
  await using server = serveRaw(() =>
    count++ % 3 === 0
      ? [response("", ["Retry-After: 0", "Content-Length: 0"], "503 No")]
      : count % 3 === 2
      ? []
      : [response("hi")]
  );
  const names = await explain(["--retry=2", server.url]);
  assertSays(names, "503 unanswered again 200");
});

Deno.test("--explain says of a cookie that is typed no more than that", async () => {
  await using server = serveRaw(() => [response("")]);
  const { stderr } = await run(get, ["--explain", server.url, "Cookie:a=b"]);
  assertStringIncludes(stderr, "Cookie carries cookies; their values");
});

Deno.test("--explain tells methods apart by what repeating them does, and what a body is sent with", async () => {
  await using server = serveRaw(() => [
    response("", ["Location: /a/1", "Content-Length: 0"], "201 Created"),
  ]);
  assertSays(
    await explain([server.url, "a=1"], { main: post }),
    "sent >content-type >content-length 201 <location",
  );
  assertSays(
    await explain([server.url, "-", CHUNKED], { main: post, stdin: "hi" }),
    ">transfer-encoding",
  );
});

Deno.test("--explain says how a redirect turns the method, and which headers another origin does not get", async () => {
  await using other = serveHttp(() => new Response("hi"));
  await using server = serveHttp((request) =>
    request.method === "POST"
      ? new Response(null, { status: 303, headers: { location: "/a" } })
      : Response.redirect(`${other.url}/b`)
  );
  const names = await explain(
    [server.url, "a=1", "X-Api-Key:hunter2", "-a", "ada:hunter2"],
    { main: post },
  );
  assertSays(names, "followed-get followed dropped");
  const { stderr } = await run(get, [
    ...["--explain", server.url, "X-Api-Key:hunter2", "-a", "ada:hunter2"],
  ]);
  assertStringIncludes(
    stderr,
    `To another origin these headers do not go: Authorization, X-Api-Key.\n`,
  );
});

Deno.test("--explain says why a body is not sent on", async () => {
  await using other = serveHttp(() => new Response("hi"));
  await using server = serveHttp(() => Response.redirect(other.url, 307));
  assertSays(
    await explain([server.url, "a=1"], { main: post }),
    "refused-body",
  );
  assertSays(
    await explain([server.url, "-", CHUNKED], { main: post, stdin: "a" }),
    "refused-once",
  );
});

Deno.test("--explain says which addresses refuse, which is next, and when it is tried again", async () => {
  const { port } = new URL(closedUrl());
  const { stderr } = await run(get, [
    ...["--explain", "--retry=1", `http://localhost:${port}/`],
  ]);
  const text = stderr.replaceAll(port, "80").replace(/in [\d.]+ s/, "in 1 s");
  assertEquals(text.split("\n").slice(0, 6), [
    "The name localhost has the addresses 127.0.0.1, ::1; they are tried in this order.",
    "127.0.0.1:80 refuses the connection (TCP reset): no program listens there, or a firewall refuses in its place.",
    "[::1]:80 is tried next.",
    "[::1]:80 refuses the connection (TCP reset): no program listens there, or a firewall refuses in its place.",
    "GET is sent again in 1 s, as what went wrong may pass.",
    "Nothing of the request was sent.",
  ]);
  assertSays(
    await explain(["--retry=1", `http://localhost:${port}/`]),
    "addresses refused next again unsent",
  );
});

Deno.test("--explain tells a name without an address from one without a way to it", async () => {
  const named = (ip: string) => ["--resolve", `a.test:80:${ip}`, "a.test:80"];
  const away = await explain(["-6", ...named("127.0.0.1")]);
  assertEquals(away, ["unknown-host", "unsent"]);
  assertEquals(
    await explain(["--retry=0", ...named("255.255.255.255")]),
    ["address", "unreachable", "unsent"],
  );
});

Deno.test("--explain tells a reset from an end without an answer", async () => {
  const server = createServer((socket) =>
    socket.on("error", () => {}).once("data", () => socket.resetAndDestroy())
  );
  const url = `http://127.0.0.1:${await listenFreely(server)}`;
  const names = await explain(["--retry=0", url]);
  assertEquals(names, ["connected", "plain", "safe", ">accept", "reset"]);
  server.close();
});

Deno.test("--explain says that a TLS handshake has failed, with nothing sent", async () => {
  // handshake_failure, as of who knows no cipher of ours
  const alert = Uint8Array.of(21, 3, 3, 0, 2, 2, 40);
  const server = createServer((socket) =>
    socket.on("error", () => {}).once("data", () => socket.end(alert))
  );
  const url = `https://127.0.0.1:${await listenFreely(server)}`;
  const names = await explain(["--retry=0", url]);
  assertEquals(names, ["connected", "tls-failed", "unsent"]);
  server.close();
});

Deno.test("--explain says in which phase the time was over", async () => {
  await using silent = serveRaw(() => [], { hold: true });
  const late = ["--retry=0", "-t", "1,1"];
  assertSays(await explain([...late, silent.url]), "safe late-head");
  const secure = silent.url.replace("http", "https");
  assertEquals(
    await explain([...late, secure]),
    ["connected", "late-tls", "unsent"],
  );
  assertEquals(
    await explain([...late, "--proxy", silent.url, "https://a.test"]),
    ["late-connect", "unsent"],
  );
  const start = "HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhi";
  await using slow = serveRaw(() => [start], { hold: true });
  assertSays(await explain([...late, slow.url]), "200 late-body");
});

Deno.test("--explain says that the rest is not read, where nobody wants it", async () => {
  await using server = serveRaw(
    () => ["HTTP/1.1 200 OK\r\nContent-Length: 900000\r\n\r\n", "a".repeat(2)],
    { hold: true },
  );
  const names = await explain([server.url], { closedStdout: 1 });
  assertSays(names, "200 end-unread");
});

Deno.test("--explain says that a signal has stopped it, with the exit code of that", async () => {
  await using server = serveRaw(
    () => ["HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhi"],
    { hold: true },
  );
  for (const language of ["en", "ko"] as const) {
    const command = start(get, [`--explain=${language}`, server.url]);
    await command.stdout.waitFor(/hi/);
    assert(command.drains());
    command.interrupt();
    const { code, stderr } = await command.result;
    assertEquals(code, 130);
    assertSays(namesIn(stderr, language), "200 end-signal");
  }
});

Deno.test("--explain says what a proxy does, or that it gives no connection", async () => {
  await using proxy = serveRaw((head) =>
    head.startsWith("CONNECT")
      ? ["HTTP/1.1 502 No\r\n\r\n"]
      : [response("", ["Location: http://127.0.0.1/"], "302 Found")]
  );
  const through = ["--retry=0", "--proxy", proxy.url];
  assertSays(
    await explain([...through, "http://public.test/"]),
    "proxy-reads plain safe redirect refused-private",
  );
  await using failing = serveRaw(() => [response("", [], "503 No")]);
  assertSays(
    await explain(["--retry=0", "--proxy", failing.url, "http://a.test/"]),
    "503 proxy-answers",
  );
  assertEquals(
    await explain([...through, "https://public.test/"]),
    ["proxy-fails", "unsent"],
  );
});

Deno.test("--explain says that a Unix socket is on this machine", async () => {
  await withFolder(async (folder) => {
    const path = `${folder}/a`;
    const server = Deno.serve({ path, onListen() {} }, () => new Response());
    const names = await explain(["--unix", path, "http://a.test/"]);
    assertSays(names, "unix safe 200");
    assert(!names.includes("plain"));
    await server.shutdown();
  });
});

Deno.test("--explain says of HTTP/2 what fetch tells, and no more", async () => {
  await using server = serveHttp(() => new Response(new Blob(["hi"]).stream()));
  const names = await explain(["--http=2", server.url]);
  assertEquals(names.slice(0, 3), ["fetch", "plain", "safe"]);
  assert(!names.some((name) => /^(connected|until|end)/.test(name)));
});

/** Serves https with a certificate. */
function serveTls(name: string, location?: string) {
  const server = Deno.serve({
    ...{ hostname: "127.0.0.1", port: 0, onListen() {} },
    cert: Deno.readTextFileSync(pem(name)),
    key: Deno.readTextFileSync(keyOf(name)),
  }, () =>
    new Response("hi", {
      status: location ? 302 : 200,
      headers: {
        "strict-transport-security": "max-age=9",
        ...location && { location },
      },
    }));
  return {
    url: `https://localhost:${server.addr.port}`,
    [Symbol.asyncDispose]: () => server.shutdown(),
  };
}

/** Whose certificate is shown, what is typed, and what is said of it. */
const CERTIFICATES: readonly (readonly [
  name: string,
  typed: string,
  says: string,
])[] = [
  [
    "good",
    "--ca ca",
    "tls certificate trusted safe 200 <strict-transport-security",
  ],
  ["good", "-k", "tls certificate unchecked safe 200"],
  ["good", "--http=2", "fetch safe unknown-issuer unsent"],
  ["good", "--pin good", "trusted-pin 200"],
  ["good", "--pin self", "other-pin unsent"],
  ["good", "", "unknown-issuer unsent"],
  ["self", "", "self-signed unsent"],
  ["expired", "--ca ca", "expired unsent"],
  ["future", "--ca ca", "early unsent"],
  ["other", "--ca ca", "wrong-name unsent"],
  ["purpose", "--ca ca", "certificate-refused unsent"],
];

for (const [name, typed, says] of CERTIFICATES) {
  testWith(
    "openssl",
    `--explain says ${says} of a certificate that is ${name}, with ${typed}`,
    async () => {
      await using server = serveTls(name);
      const [option = "", file = ""] = typed.split(" ");
      const value = option === "--pin"
        ? await fingerprintOf(Deno.readTextFileSync(pem(file)))
        : pem(file);
      const words = file === "" ? [option] : [option, value];
      const names = await explain([
        ...["--retry=0", server.url],
        ...words.filter((word) => word !== ""),
      ]);
      assertSays(names, says);
      const isHeard = !names.includes("fetch");
      if (isHeard) {
        assertEquals(names.includes("safe"), names.includes("200"));
      }
    },
  );
}

testWith(
  "openssl",
  "--explain names whom anyone can pose as by the name that is asked for",
  async () => {
    await using server = serveTls("good");
    const { stderr } = await run(get, ["--explain", "-k", server.url]);
    const { host } = new URL(server.url);
    assertStringIncludes(stderr, `anyone can pose as ${host}.\n`);
  },
);

Deno.test("--explain blames no proxy where a file cannot be written", async () => {
  const args = ["--proxy", closedUrl(), "-o", "/nosuch/a", "http://a.test/"];
  assertEquals(await explain(args), ["unsent"]);
});

testWith(
  "openssl",
  "--explain says that https is not left, and whom Deno knows",
  async () => {
    await using plain = serveHttp(() => new Response("hi"));
    await using server = serveTls("good", plain.url);
    const names = await explain([server.url, "--ca", pem("ca")]);
    assertSays(names, "refused-plain");
    for (const language of ["en", "ko"] as const) {
      const args = [`--explain=${language}`, server.url];
      const env = { DENO_CERT: pem("ca") };
      const { stderr } = await spawn("get", args, { env }).result;
      assertSays(namesIn(stderr, language), "trusted safe redirect");
    }
  },
);

testWith(
  "openssl",
  "--explain says of a tunnel who makes the connection, before TLS and the request",
  async () => {
    await using server = serveTls("good");
    await using proxy = serveTunnel();
    const names = await explain([
      ...["--proxy", proxy.url, "--ca", pem("ca"), server.url],
    ]);
    assertEquals(names.slice(0, 5), [
      ...["proxy", "tls", "certificate", "trusted", "safe"],
    ]);
  },
);

/** An HTTP proxy that makes one connection after the other. */
function serveTunnel() {
  const listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const served = (async () => {
    for await (const conn of listener) {
      const buffer = new Uint8Array(4096);
      const count = await conn.read(buffer) ?? 0;
      const head = new TextDecoder().decode(buffer.subarray(0, count));
      const port = Number(head.match(/:(\d+) HTTP/)?.[1]);
      const to = await Deno.connect({ hostname: "127.0.0.1", port });
      await conn.write(new TextEncoder().encode("HTTP/1.1 200 OK\r\n\r\n"));
      await Promise.allSettled([
        conn.readable.pipeTo(to.writable),
        to.readable.pipeTo(conn.writable),
      ]);
    }
  })();
  return {
    url: `http://127.0.0.1:${listener.addr.port}`,
    [Symbol.asyncDispose]: () => {
      listener.close();
      return served;
    },
  };
}

testWith(
  "openssl",
  "--explain says that what listens speaks no TLS",
  async () => {
    await using server = serveRaw(() => []);
    const url = server.url.replace("http", "https");
    assertSays(await explain(["--retry=0", url]), "no-tls unsent");
  },
);

Deno.test("--explain prints the body as it is on stdout, and shows no secret and no control character", async () => {
  await using server = serveRaw(() => [
    response("hi", [
      "Content-Length: 2",
      "Content-Type: text/\x9b31mhtml",
      "Set-Cookie: sid=hunter2",
      "Location: /?token=hunter2",
    ]),
  ]);
  const { stdout, stderr } = await run(get, [
    ...["--explain", "-a", "ada:hunter2", `${server.url}/?api_key=hunter2`],
    ...["Cookie:a=hunter2", "--show-secrets"],
  ]);
  assertEquals(stdout, "hi");
  assert(!stderr.includes("hunter2"), stderr);
  assert(!stderr.includes("\x9b"), stderr);
  assertStringIncludes(stderr, "Authorization (Basic) says who asks");
  assertStringIncludes(stderr, "the cookie sid with later requests");
});

Deno.test("--explain goes with -v, --json and -o, and neither with -q nor with -b", async () => {
  await using server = serveHttp(() => Response.json({ a: 1 }));
  for (const option of ["-v", "--json", "--time"]) {
    assertSays(await explain([option, server.url]), "connected safe 200");
  }
  for (const option of ["-q", "-b"]) {
    const { code } = await run(get, ["--explain", option, server.url]);
    assertEquals(code, 2);
  }
  const { code, stderr } = await run(get, ["--explain=de", server.url]);
  assertEquals(code, 2);
  assertStringIncludes(stderr, "expected en or ko");
});

/** What is put into a sentence, in any order. */
const placeholdersIn = (text: string) =>
  [...new Set(text.match(/\{\w+\}/g))].sort();

Deno.test("each sentence is there in both languages, with the same values, and ends", () => {
  for (const [name, { en, ko }] of SENTENCES) {
    assertEquals(placeholdersIn(ko), placeholdersIn(en), name);
    assert(en.endsWith(".") && !/n't|'ll|'re|it's/.test(en), en);
    assert(ko.endsWith(".") && /[가-힣]/.test(ko), ko);
    // of what is put in nobody knows which particle follows it
    assert(!/\}(은|는|이|가|을|를|와|과|로|으로)(?![가-힣])/.test(ko), ko);
  }
  const texts = (language: Language) =>
    new Set([...SENTENCES.values()].map((both) => both[language]));
  assertEquals(texts("en").size, SENTENCES.size);
  assertEquals(texts("ko").size, SENTENCES.size);
});

Deno.test("the page of get shows what --explain says", async () => {
  await using server = serveHttp(() => Response.json({}));
  const page = (await readPages()).get("docs/get.md") ?? "";
  const [, shown = ""] = page.match(/^```\n(The name [^]*?)^```$/m) ?? [];
  const lines = shown.trim().split("\n").filter((line) => line !== "200 OK");
  const names = namesIn(shown, "en");
  assertEquals(names.length, lines.length);
  const { port } = new URL(server.url);
  const now = await explain([`localhost:${port}`]);
  assertEquals(now.slice(0, 5), names.slice(0, 5));
});

testWith(
  "openssl",
  "every sentence of HTTP was said above, in both languages",
  () => {
    const isHttp = (name: string) =>
      !/^(half-close|server-first|client-first|datagram-|no-upgrade|close)/
        .test(name);
    for (const language of ["en", "ko"] as const) {
      const unsaid = [...SENTENCES.keys()].filter((name) =>
        isHttp(name) && !said[language].has(name)
      );
      assertEquals(unsaid, [], language);
    }
    return Promise.resolve();
  },
);
