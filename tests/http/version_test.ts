import {
  assert,
  assertEquals,
  assertMatch,
  assertStringIncludes,
} from "@std/assert";
import http2 from "node:http2";
import { main as get } from "../../tasks/get.ts";
import { main as post } from "../../tasks/post.ts";
import { withFiles } from "../get/support.ts";
import { certificates } from "../net/openssl.ts";
import { run, spawnProgram, testWith } from "../support.ts";
import { listenFreely, type TestServer } from "./server.ts";

const FOLDER = await certificates();
const CA = ["--ca", `${FOLDER}/ca.pem`];
const identityOf = (name: string) => ({
  cert: Deno.readTextFileSync(`${FOLDER}/${name}.pem`),
  key: Deno.readTextFileSync(`${FOLDER}/${name}.key`),
});
const IDENTITY = identityOf("good");

/** A server that tells how each request came, or refuses it over HTTP/2. */
async function serveHttp2(
  { only = true, secure = true, refuses = false, identity = IDENTITY }: {
    /** Whether it speaks nothing else. */
    readonly only?: boolean;
    readonly secure?: boolean;
    /** Whether it wants HTTP/1.1 for each request (RFC 9113, section 7). */
    readonly refuses?: boolean;
    readonly identity?: typeof IDENTITY;
  } = {},
): Promise<TestServer & { readonly seen: string[] }> {
  const seen: string[] = [];
  const server = secure
    ? http2.createSecureServer({ ...identity, allowHTTP1: !only })
    : http2.createServer();
  const sessions = new Set<http2.ServerHttp2Session>();
  server.on("session", (session) => {
    sessions.add(session);
    session.on("error", () => {});
  });
  server.on("request", (request, response) => {
    if (refuses && request.httpVersion === "2.0") return;
    seen.push(`${request.method} over ${request.httpVersion}`);
    let size = 0;
    request.on("data", (bytes: Uint8Array) => size += bytes.length);
    request.on("end", () => response.end(`${size} bytes`));
  });
  server.on("stream", (stream) => {
    stream.on("error", () => {});
    if (refuses) stream.close(http2.constants.NGHTTP2_HTTP_1_1_REQUIRED);
  });
  server.on("sessionError", () => {});
  const port = await listenFreely(server);
  return {
    url: `http${secure ? "s" : ""}://localhost:${port}/`,
    seen,
    [Symbol.asyncDispose]: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        for (const session of sessions) session.destroy();
      }),
  };
}

Deno.test({
  name:
    "a server that speaks HTTP/2 alone is asked over it, whatever is to be shown or sent",
  sanitizeResources: false,
  sanitizeOps: false,
  fn: () =>
    withFiles({ large: new Uint8Array(3_000_000) }, async (folder) => {
      await using server = await serveHttp2();
      const again = "Sent again over HTTP/2, which is all that it speaks\n";
      for (
        const [main, args, said] of [
          [get, [], /^200 OK\n$/],
          [get, ["-v"], /\n> GET \/ HTTP\/2\n[^]*\n< HTTP\/2 200 OK\n/],
          [get, ["--time"], /\ntotal \d+(\.\d+)? m?s\n$/],
          [get, ["-i"], /again/],
          [get, ["-q", "--json"], /^$/],
          [post, [`@${folder}/large`], /\n200 OK\n$/],
        ] as const
      ) {
        const result = await run(main, [...CA, server.url, ...args]);
        assertMatch(result.stderr, said);
        assertStringIncludes(
          result.stdout,
          main === post ? "3000000 bytes" : "0 bytes",
        );
        assertEquals(result.code, 0);
        const isPlain = args.length === 0 || args[0] === "-q";
        assertEquals(result.stderr.includes(again), !isPlain);
      }
      assertEquals(server.seen, [
        ...Array(5).fill("GET over 2.0"),
        "POST over 2.0",
      ]);
      for (
        const args of [
          ...[["-4"], ["--http=1.1"], ["--path-as-is"], ["-k"]],
          ["--raw", "Accept-Encoding:gzip"],
        ]
      ) {
        const { code, stderr } = await run(get, [...CA, server.url, ...args]);
        assertEquals(code, 1);
        assertMatch(stderr, /: no version of HTTP in common\n/);
        assertStringIncludes(
          stderr,
          `\nhint: it speaks HTTP/2 alone: leave out ${args[0]}\n`,
        );
      }
      assertEquals(server.seen.length, 6);
    }),
});

Deno.test({
  name: "a request that HTTP/2 will not do for is asked over HTTP/1.1, once",
  sanitizeResources: false,
  sanitizeOps: false,
  fn: async () => {
    await using server = await serveHttp2({ only: false, refuses: true });
    const got = await run(get, [...CA, server.url]);
    assertEquals([got.code, got.stdout], [0, "0 bytes"]);
    const sent = await run(post, [...CA, server.url, "a=1"]);
    assertEquals([sent.code, sent.stdout], [0, "9 bytes"]);
    assertEquals(server.seen, ["GET over 1.1", "POST over 1.1"]);
    const kept = await run(get, [...CA, "--http=2", server.url]);
    assertEquals(kept.code, 1);
    assertStringIncludes(
      kept.stderr,
      "\nhint: it does not speak HTTP/2 here: leave out --http=2\n",
    );
  },
});

Deno.test({
  name:
    "over HTTP/2 no authority's certificate is a server's own, and what can be done is said",
  sanitizeResources: false,
  sanitizeOps: false,
  fn: async () => {
    await using server = await serveHttp2({ identity: identityOf("ca") });
    for (
      const [args, code, hint] of [
        [[], 1, "it speaks HTTP/2 alone, over which its certificate is not"],
        [["--http=2"], 60, "over HTTP/1.1 it is trusted: leave out --http=2\n"],
      ] as const
    ) {
      const result = await run(get, [...CA, ...args, server.url]);
      assertEquals(result.code, code);
      assertStringIncludes(result.stderr, `\nhint: ${hint}`);
    }
  },
});

Deno.test({
  name: "HTTP/2 without TLS is found out, and how to ask for it is said",
  sanitizeResources: false,
  sanitizeOps: false,
  fn: async () => {
    await using server = await serveHttp2({ secure: false });
    for (
      const [args, hint] of [
        [[], "it speaks HTTP/2: add --http=2"],
        [["-v", "-4"], "it speaks HTTP/2: add --http=2, and leave out -v, -4"],
      ] as const
    ) {
      const { code, stderr } = await run(get, [
        ...args,
        "--retry",
        "0",
        server.url,
      ]);
      assert(code === 1 || code === 18);
      assertStringIncludes(stderr, `\nhint: ${hint}\n`);
    }
    const sent = await run(post, [server.url, "a=1"]);
    assertStringIncludes(
      sent.stderr,
      "\nhint: it speaks HTTP/2: add --http=2\n",
    );
    const { code, stdout } = await run(get, ["--http=2", server.url]);
    assertEquals([code, stdout], [0, "0 bytes"]);
  },
});

Deno.test("--http=2 says of a server that speaks HTTP/1.1 alone what to leave out", async () => {
  using listener = Deno.listenTls({
    hostname: "127.0.0.1",
    port: 0,
    ...IDENTITY,
    alpnProtocols: ["http/1.1"],
  });
  const served = (async () => {
    for (;;) {
      const conn = await listener.accept();
      await conn.handshake().catch(() => {});
      conn.close();
    }
  })().catch(() => {});
  const url = `https://localhost:${listener.addr.port}/`;
  const { code, stderr } = await run(get, [...CA, "--http=2", url]);
  listener.close();
  await served;
  assertEquals(code, 1);
  assertEquals(
    stderr,
    `get: Cannot get ${url}: no version of HTTP in common\nhint: it does not speak HTTP/2 here: leave out --http=2\n`,
  );
});

testWith(
  "nghttpd",
  "nghttpd, which knows no HTTP/1.1 and does not say so, is asked over HTTP/2",
  () =>
    withFiles(
      { "hi.txt": "hi", large: new Uint8Array(3_000_000) },
      async (folder) => {
        const listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
        const { port } = listener.addr;
        listener.close();
        const child = spawnProgram("nghttpd", [
          ...["-v", "-a", "127.0.0.1", "-d", folder, `${port}`],
          ...[`${FOLDER}/good.key`, `${FOLDER}/good.pem`],
        ]);
        await child.stdout.waitFor(/listen/);
        try {
          const url = `https://localhost:${port}/hi.txt`;
          for (const args of [["-v"], ["--time"], ["--json"]]) {
            const { code, stdout } = await run(get, [...CA, ...args, url]);
            assertStringIncludes(stdout, "hi");
            assertEquals(code, 0);
          }
          const sent = await run(post, [...CA, url, `@${folder}/large`]);
          assertEquals([sent.code, sent.stdout], [0, "hi"]);
        } finally {
          child.kill("SIGTERM");
          await child.result;
        }
      },
    ),
);
