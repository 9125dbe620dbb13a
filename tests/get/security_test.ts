import {
  assert,
  assertEquals,
  assertMatch,
  assertStringIncludes,
} from "@std/assert";
import fc from "fast-check";
import { main as get } from "../../tasks/get.ts";
import { main as post } from "../../tasks/post.ts";
import { main as posts } from "../../tasks/posts.ts";
import { closedUrl, serveHttp, serveRaw } from "../http/server.ts";
import { type Main, ROOT, run, spawn, spawnDeno } from "../support.ts";
import { withFiles } from "./support.ts";

/** A server that tells what it was asked, and redirects to wherever it is told to. */
function serveEcho() {
  const heads: string[] = [];
  const server = serveHttp(async (request) => {
    const url = new URL(request.url);
    const body = await request.text();
    heads.push(
      [request.method, url.pathname, JSON.stringify([...request.headers]), body]
        .join(" "),
    );
    const to = url.searchParams.get("to");
    if (to === null) return new Response("arrived");
    return new Response(null, {
      status: Number(url.searchParams.get("status") ?? "302"),
      headers: { location: to },
    });
  });
  return {
    ...server,
    heads,
    [Symbol.asyncDispose]: server[Symbol.asyncDispose],
  };
}

const SECRETS = [
  "Authorization:Bearer s3cret",
  "Cookie:sid=s3cret",
  "X-Api-Key:s3cret",
  "Proxy-Authorization:s3cret",
];

Deno.test("credentials on a redirect to another port: no header that was typed goes along", async () => {
  await using other = serveEcho();
  await using first = serveEcho();
  const { code } = await run(get, [
    `${first.url}/?to=${other.url}/b`,
    ...SECRETS,
  ]);
  assertEquals(code, 0);
  assertStringIncludes(first.heads.join(), "s3cret");
  assertEquals(other.heads.length, 1);
  assert(!other.heads.join().includes("s3cret"), other.heads.join());
});

Deno.test("credentials on a redirect to another name of the same host: none goes along", async () => {
  await using server = serveEcho();
  const { port } = new URL(server.url);
  await run(get, [
    `${server.url}/?to=http://localhost:${port}/b`,
    ...SECRETS,
    "-a",
    "me:s3cret",
  ]);
  const [, second = ""] = server.heads;
  assert(second !== "" && !second.includes("s3cret"), second);
});

Deno.test("credentials on the same origin: they stay", async () => {
  await using server = serveEcho();
  await run(get, [`${server.url}/?to=/b`, "X-Api-Key:s3cret"]);
  assertStringIncludes(server.heads[1] ?? "", "s3cret");
});

Deno.test("body replay to another origin: 307 and 308 are refused unless all is asked for", async () => {
  for (const status of [307, 308]) {
    await using other = serveEcho();
    await using first = serveEcho();
    const url = `${first.url}/?status=${status}&to=${
      encodeURIComponent(`${other.url}/b`)
    }`;
    const { code, stderr } = await run(post, [url, "password=s3cret"]);
    assertEquals([code, other.heads.length], [3, 0]);
    assertMatch(stderr, /Not followed: /);
    assertEquals((await run(post, ["--follow=all", url, "a=1"])).code, 0);
    assertStringIncludes(other.heads.join(), '{"a":"1"}');
  }
});

Deno.test("SSRF by redirect: only http and https are followed, whatever is allowed", async () => {
  await using server = serveEcho();
  for (
    const to of [
      "file:///etc/passwd",
      "ftp://127.0.0.1/x",
      "data:text/plain,x",
      "gopher://127.0.0.1/",
    ]
  ) {
    for (const follow of ["safe", "all"]) {
      const { code, stdout, stderr } = await run(get, [
        `--follow=${follow}`,
        `${server.url}/?to=${encodeURIComponent(to)}`,
      ]);
      assertEquals([code, stdout], [3, ""], stderr);
    }
  }
});

Deno.test("SSRF by URL: file: and data: are no URLs of get", async () => {
  for (const url of ["file:///etc/passwd", "data:text/plain,x"]) {
    const { code, stdout } = await run(get, [url]);
    assertEquals([code, stdout], [2, ""]);
  }
});

Deno.test("a redirect to a host that was not granted: stopped before a packet leaves", async () => {
  await using server = serveEcho();
  const { code, stderr } = await spawn("get", [
    `${server.url}/?to=http://example.com/`,
  ]).result;
  assertEquals(code, 1);
  assertMatch(
    stderr,
    /net access to example\.com:80 is not permitted\nhint: deno run --allow-net=127\.0\.0\.1:\d+,example\.com:80 /,
  );
});

Deno.test("file names from the server: the URL's own, never a path, a dot file or an existing one", () =>
  withFiles({}, async (folder) => {
    await using server = serveHttp((request) =>
      new URL(request.url).pathname === "/go"
        ? new Response(null, { status: 302, headers: { location: "/evil.sh" } })
        : new Response("body", {
          headers: { "content-disposition": 'attachment; filename=".bashrc"' },
        })
    );
    const save = (url: string) =>
      spawnDeno([
        "run",
        "--no-prompt",
        "--allow-net",
        `--allow-read=${folder}`,
        `--allow-write=${folder}`,
        `${ROOT}tasks/get.ts`,
        "-q",
        "-O",
        url,
      ], { cwd: folder }).result;
    for (
      const path of [
        "/go",
        "/.bashrc",
        "/..%2f..%2fescape",
        "/a%1b%5bb",
        "/%e2%80%aegpj.exe",
        "/",
      ]
    ) {
      await save(server.url + path);
    }
    const names = [...Deno.readDirSync(folder)].map(({ name }) => name);
    for (const name of names) {
      assert(
        !name.startsWith(".") && !name.includes("/") &&
          !/\p{Cc}|\u202e/u.test(name),
        name,
      );
    }
    assert(!names.includes("evil.sh"), names.join());
    await Deno.writeTextFile(`${folder}/taken`, "mine");
    const again = await save(`${server.url}/taken`);
    assertEquals([again.code, await Deno.readTextFile(`${folder}/taken`)], [
      1,
      "mine",
    ]);
  }));

Deno.test("terminal escapes: nothing that a terminal obeys gets through, in bodies, headers and errors", async () => {
  const evil = "\x1b]0;owned\x07\x1b[2J\x9b2J\u202e\x7f";
  await using server = serveRaw((head) =>
    head.startsWith("GET /header")
      ? [
        `HTTP/1.1 200 \x1b]0;x\x07\r\nX-Evil: a\x01b\r\nContent-Length: 0\r\n\r\n`,
      ]
      : [
        `HTTP/1.1 200 OK\r\nContent-Length: ${
          new TextEncoder().encode(evil).length
        }\r\n\r\n`,
        evil,
      ]
  );
  for (
    const args of [[server.url], ["-i", `${server.url}/header`], [
      "-v",
      `${server.url}/header`,
    ], [`${server.url}/${encodeURIComponent(evil)}`]]
  ) {
    const { stdout, stderr } = await run(get, args, { terminal: true });
    const shown = (stdout + stderr).split("\x1b[").map((part, at) =>
      at === 0 ? part : part.replace(/^\d+m/, "")
    ).join("");
    const controls = shown.replace(/[\n\t]/g, "").match(/\p{Cc}|\u202e/u);
    assertEquals(controls, null, JSON.stringify(shown));
  }
  const piped = await run(get, [server.url]);
  assertEquals(piped.stdout, evil);
});

Deno.test("header injection: no line break gets into a header, a method or a multipart name", async () => {
  await using server = serveEcho();
  for (const item of ["X:a\r\nY: b", "X:a\nY: b", "X:a\0b"]) {
    const { code } = await run(get, [server.url, item]);
    assertEquals(code, 2, JSON.stringify(item));
  }
  assertEquals(
    (await run(get, ["-X", "GET / HTTP/1.1\r\nX:", server.url])).code,
    2,
  );
  assertEquals(server.heads.length, 0);
  await withFiles({ file: "" }, async (folder) => {
    await run(post, ["-f", server.url, `a"\r\nX: y@${folder}/file`]);
    assert(!/\nX: y/.test(server.heads.join()), server.heads.join());
  });
});

Deno.test("secrets in output: hidden in what is shown, unless asked for", async () => {
  await using server = serveEcho();
  const line = [
    server.url.replace("//", "//me:s3cret@") + "/?api_key=s3cret",
    "Authorization:Bearer s3cret",
    "Cookie:a=s3cret",
    "X-Token:s3cret",
  ];
  for (const option of ["-v", "--curl", "--offline", "--json"]) {
    const { stdout, stderr } = await run(get, [option, ...line]);
    assert(
      !(stdout + stderr).includes("s3cret"),
      `${option}: ${stdout}${stderr}`,
    );
  }
  const shown = await run(get, ["--offline", "--show-secrets", ...line]);
  assertStringIncludes(shown.stdout, "Bearer s3cret");
  const failed = await run(get, ["http://me:s3cret@127.0.0.1:1/"]);
  assert(!failed.stderr.includes("s3cret"), failed.stderr);
});

Deno.test("secrets in a hint: the command to run does not show them", async () => {
  const { stderr } = await spawn("get", [
    "http://me:s3cret@example.com/",
    "-a",
    "me:s3cret",
    "Authorization:s3cret",
  ]).result;
  assertMatch(stderr, /hint: deno run /);
  assert(!stderr.includes("s3cret"), stderr);
});

/** A part of every secret: wherever it is shown, something is. */
const MARK = "S3CRET";

/** Words of a command line with a secret in them, from a URL without a path on. */
type Words = (url: string, secret: string) => string[];

const ANYWHERE: Words[] = [
  (url, secret) => [`${url}/a?token=${secret}&x=1`],
  (url, secret) => [`${url}/a?x=1&%74oken=${secret}`],
  (url, secret) => [`${url}/a;jsessionid=${secret}/b?x=1`],
  (url, secret) => [`${url}/a#access_token=${secret}&state=1`],
  (url, secret) => [`${url}/?to=http%3A%2F%2Fa%2F%3Fsig%3D${secret}`],
  (url, secret) => [`${url}/?to=http%3A%2F%2Fa:${secret}%40b%2F`],
  (url, secret) => [`${url}/?f={"token":"${secret}"}`],
  (url, secret) => [`${url.replace("//", `//me:${secret}@`)}/`],
  (url, secret) => [url, `api_key==${secret}`],
  (url, secret) => [url, `Authorization:Bearer ${secret}`],
  (url, secret) => [url, `Proxy-Authorization:${secret}`],
  (url, secret) => [url, `Cookie:a=${secret}`],
  (url, secret) => [url, `X-Api-Key:${secret}`],
  (url, secret) => [url, `X-Data:{"a":[{"pass\\u0077ord":"${secret}"}]}`],
  (url, secret) => [url, `X-Data:token=${secret}`],
  (url, secret) => [url, `Referer:http://me:${secret}@a/?token=${secret}`],
  (url, secret) => ["-a", `me:${secret}`, url],
  (url, secret) => [`-ame:${secret}`, url],
  (url, secret) => ["--bearer", secret, url],
  (url, secret) => [`--bearer=${secret}`, url],
  (url, secret) => ["--proxy", url.replace("//", `//me:${secret}@`), url],
];

const IN_BODIES: Words[] = [
  (url, secret) => [url, `password=${secret}`],
  (url, secret) => [url, `user[client_secret]=${secret}`],
  (url, secret) => [url, `pin:="${secret}"`],
  (url, secret) => [url, `pin:=${secret}`],
  (url, secret) => [url, `x:={"a":{"jwt":["${secret}"]}}`],
  (url, secret) => [url, `x={"jwt":"${secret}"}`],
  (url, secret) => [url, `x=http://a/?code=${secret}`],
  (url, secret) => ["-f", url, "a=1", `pass word=${secret}`, `otp=${secret}`],
  (url, secret) => ["-f", url, `x@${ROOT}LICENSE`, `password=${secret}`],
];

const OF_POSTS: Words[] = [
  (url, secret) => ["--url", `${url.replace("//", `//me:${secret}@`)}/`],
  (url, secret) => [`--url=${url}/?token=${secret}`],
  (url, secret) => ["--url", url, `token=${secret}`],
  (url, secret) => ["--url", url, "create", `password=${secret}`],
  (url, secret) => ["--url", url, "update", "1", `password=${secret}`],
];

/** Where a secret may stand on a command line, with its command. */
const PLACES: [Main, Words][] = [
  ...ANYWHERE.map((words): [Main, Words] => [get, words]),
  ...[...ANYWHERE, ...IN_BODIES].map((words): [Main, Words] => [post, words]),
  ...OF_POSTS.map((words): [Main, Words] => [posts, words]),
];

/** What else is typed: all that prints more than a body, and what is wrong. */
const WAYS: string[][] = [
  ...[[], ["-v"], ["--json"], ["--offline"], ["--curl"], ["-v", "--debug"]],
  ...[["--nosuch"], ["-t", "soon"], ["--json", "-i"], ["--offline", "--curl"]],
  ...[["x"], ["http://two.example/"], ["a[=1"], ["=1", "--debug"]],
];

const secrets = fc.string({
  unit: fc.constantFrom(..."aZ09._~!$*()-;:,"),
  maxLength: 5,
}).map((text) => `${MARK}${text}${MARK}`);

/** Runs command lines with secrets that come by chance: no stream may show one. */
async function assertHidden(url: string): Promise<void> {
  const places = fc.constantFrom(...PLACES);
  const ways = fc.constantFrom(...WAYS);
  await fc.assert(
    fc.asyncProperty(
      places,
      ways,
      secrets,
      fc.boolean(),
      async ([main, words], way, secret, terminal) => {
        const retry = main === posts ? [] : ["--retry", "0"];
        const typed = [...retry, ...words(url, secret)];
        const isOption = way[0]?.startsWith("-");
        const args = isOption ? [...way, ...typed] : [...typed, ...way];
        const { stdout, stderr } = await run(main, args, { terminal });
        assert(
          !`${stdout}${stderr}`.includes(MARK),
          `${args.join(" ")}\n${stdout}${stderr}`,
        );
      },
    ),
    { numRuns: 300 },
  );
}

Deno.test("secrets in output: none is shown of any command line, whatever comes back", async () => {
  await using server = serveHttp(() => Response.json([]));
  await assertHidden(server.url);
});

Deno.test("secrets in output: none is shown where nothing listens", async () => {
  await assertHidden(closedUrl());
});

Deno.test("secrets in output: none is shown where the answer is no HTTP", async () => {
  await using server = serveRaw(
    () => ["HTTP/1.0 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"],
  );
  await assertHidden(server.url);
});

Deno.test("secrets in output: none is shown of redirects, followed or not", async () => {
  await using server = serveHttp(({ url }) => {
    const { pathname } = new URL(url);
    if (pathname === "/end") return new Response("end", { status: 404 });
    const location = pathname === "/on" ? "file:///end" : "/on";
    return new Response(null, {
      status: 307,
      headers: {
        location: `${location}?token=${MARK}#access_token=${MARK}`,
        link: `<http://a/?sig=${MARK}>; rel="next"`,
        "set-cookie": `sid=${MARK}`,
        "x-auth-token": MARK,
      },
    });
  });
  await assertHidden(server.url);
});

Deno.test({
  name: "secrets in a hint: none is shown where nothing is permitted",
  permissions: { net: false, read: [ROOT] },
  fn: () => assertHidden("http://127.0.0.1:9"),
});

Deno.test("secrets in output: a large form and one that is not text show none of their secret fields", () =>
  withFiles(
    { big: new Uint8Array(2 << 20), odd: Uint8Array.of(0xff, 0) },
    async (folder) => {
      for (const file of ["big", "odd"]) {
        for (const way of ["--offline", "--curl", "-v"]) {
          const args = [
            "-f",
            way,
            closedUrl(),
            `token=${MARK}`,
            `x@${folder}/${file}`,
          ];
          const { stdout, stderr } = await run(post, [...args, `otp=${MARK}`]);
          assert(!(stdout + stderr).includes(MARK), way);
          // as printf of a shell has it
          assert(!stdout.includes("\\123\\063\\103"), way);
        }
      }
    },
  ));

Deno.test("header floods: thousands of headers end in a response or one line", async () => {
  const flood = Array.from({ length: 20_000 }, (_, at) => `X-${at}: ${at}\r\n`)
    .join("");
  await using server = serveRaw(
    () => [`HTTP/1.1 200 OK\r\n${flood}Content-Length: 0\r\n\r\n`],
  );
  const { stderr } = await run(get, ["--retry", "0", server.url]);
  assert(stderr.split("\n").length <= 3, stderr);
});
