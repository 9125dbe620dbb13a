import { assert, assertEquals, assertMatch } from "@std/assert";
import { brotliCompressSync, deflateSync, gzipSync } from "node:zlib";
import { main as get } from "../../tasks/get.ts";
import { main as post } from "../../tasks/post.ts";
import { encode, run } from "../support.ts";
import { serveRaw } from "./server.ts";

const OK = "HTTP/1.1 200 OK\r\n";
const bytesOf = (buffer: Uint8Array) => new Uint8Array(buffer);

/** A body with its encoding and length. */
function encoded(coding: string, body: Uint8Array): (string | Uint8Array)[] {
  return [
    `${OK}Content-Encoding: ${coding}\r\nContent-Length: ${body.length}\r\n\r\n`,
    body,
  ];
}

const text = "hello ".repeat(100);
const plain = encode(text);
/** What a server sends, the arguments, and what must come of it. */
type Case = readonly [
  name: string,
  sends: readonly (string | Uint8Array)[],
  expected: {
    readonly code: number;
    readonly stdout?: string;
    readonly stderr?: RegExp;
    readonly args?: readonly string[];
    readonly hold?: boolean;
  },
];

const CASES: readonly Case[] = [
  ["a truncated body", [`${OK}Content-Length: 100\r\n\r\nonly nine`], {
    code: 18,
    stdout: "only nine",
    stderr: /cut short after 9 of 100 bytes/,
  }],
  ["a truncated chunk", [`${OK}Transfer-Encoding: chunked\r\n\r\n9\r\nonly`], {
    code: 18,
    stderr: /cut short/,
  }],
  ["a chunked body without its end", [
    `${OK}Transfer-Encoding: chunked\r\n\r\n4\r\nonly\r\n`,
  ], { code: 18, stdout: "only", stderr: /cut short/ }],
  ["a chunk whose size is no number", [
    `${OK}Transfer-Encoding: chunked\r\n\r\nxyz\r\nonly\r\n0\r\n\r\n`,
  ], { code: 18, stdout: "" }],
  ["an empty reply", [], { code: 18, stderr: /^get: Cannot get / }],
  ["HTTP/0.9", ["<html>hello</html>"], { code: 1, stderr: /not HTTP/ }],
  ["an SSH banner", ["SSH-2.0-OpenSSH_9.2\r\n"], {
    code: 1,
    stderr: /not HTTP/,
  }],
  ["garbage", [new Uint8Array(2000).fill(0xfe)], { code: 1 }],
  ["two lengths that differ", [
    `${OK}Content-Length: 5\r\nContent-Length: 6\r\n\r\nhello!`,
  ], { code: 1 }],
  ["two lengths that agree", [
    `${OK}Content-Length: 5\r\nContent-Length: 5\r\n\r\nhello`,
  ], { code: 0, stdout: "hello" }],
  ["100 Continue, then the answer", [
    `HTTP/1.1 100 Continue\r\n\r\n${OK}Content-Length: 2\r\n\r\nhi`,
  ], { code: 0, stdout: "hi" }],
  ["103 Early Hints, then the answer", [
    `HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n${OK}Content-Length: 2\r\n\r\nhi`,
  ], { code: 0, stdout: "hi" }],
  ["trailers", [
    `${OK}Transfer-Encoding: chunked\r\n\r\n2\r\nhi\r\n0\r\nX-Sum: 1\r\n\r\n`,
  ], { code: 0, stdout: "hi" }],
  ["no length at all", [`${OK}\r\nhi`], { code: 0, stdout: "hi" }],
  ["204 without a body", ["HTTP/1.1 204 No Content\r\n\r\n"], {
    code: 0,
    stdout: "",
  }],
  ["a status without a name", ["HTTP/1.1 299 \r\nContent-Length: 0\r\n\r\n"], {
    code: 0,
    stdout: "",
  }],
  ["404 with a body", [
    "HTTP/1.1 404 Not Found\r\nContent-Length: 4\r\n\r\nnone",
  ], { code: 4, stdout: "none", stderr: /^404 Not Found\n$/ }],
  ["500 with a body", ["HTTP/1.1 500 Oops\r\nContent-Length: 4\r\n\r\noops"], {
    code: 5,
    stdout: "oops",
  }],
  ["a silent head", [], {
    code: 28,
    hold: true,
    args: ["-t", "0.2"],
    stderr: /no answer within 0\.2 s/,
  }],
  ["a stalled body", [`${OK}Content-Length: 9\r\n\r\nhalf`], {
    code: 28,
    hold: true,
    args: ["-t", "5,0.2"],
    stdout: "half",
    stderr: /no more bytes within 0\.2 s/,
  }],
  ["an answer that takes too long in all", [
    `${OK}Content-Length: 9\r\n\r\nhalf`,
  ], {
    code: 28,
    hold: true,
    args: ["-t", "5,5,0.3"],
    stderr: /within 0\.3 s/,
  }],
  ["gzip", encoded("gzip", bytesOf(gzipSync(plain))), {
    code: 0,
    stdout: text,
  }],
  ["deflate", encoded("deflate", bytesOf(deflateSync(plain))), {
    code: 0,
    stdout: text,
  }],
  ["brotli", encoded("br", bytesOf(brotliCompressSync(plain))), {
    code: 0,
    stdout: text,
  }],
  ["gzip that is none", encoded("gzip", plain), { code: 1 }],
  ["a body that is too large", [`${OK}Content-Length: 600\r\n\r\n${text}`], {
    code: 1,
    args: ["--max-size", "100"],
  }],
  ["latin1 in a header", [
    `${OK}X-Name: caf`,
    new Uint8Array([0xe9]),
    "\r\nContent-Length: 0\r\n\r\n",
  ], { code: 0 }],
];

for (
  const [name, sends, { code, stdout, stderr, args = [], hold = false }]
    of CASES
) {
  Deno.test(`get comes to an end with ${name}`, async () => {
    await using server = serveRaw(() => sends, { hold });
    const result = await run(get, ["--retry", "0", ...args, server.url]);
    assertEquals(result.code, code, result.stderr);
    if (stdout !== undefined) assertEquals(result.stdout, stdout);
    if (stderr !== undefined) assertMatch(result.stderr, stderr);
    // one line for the status, one for what is wrong, one hint: never a stack
    assert(result.stderr.split("\n").length <= 4, result.stderr);
    assert(!/\n\s+at /.test(result.stderr), result.stderr);
  });
}

Deno.test("get says at once that a server which speaks first does not speak HTTP", async () => {
  using listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const conns: Deno.Conn[] = [];
  const served = (async () => {
    for await (const conn of listener) {
      conns.push(conn);
      // neither a line nor an end
      await conn.write(encode("Hello, Client!"));
    }
  })();
  const url = `http://127.0.0.1:${listener.addr.port}/`;
  for (const args of [[], ["-4"]]) {
    const { code, stderr } = await run(get, ["-t", "5", ...args, url]);
    assertMatch(stderr, /^get: Cannot get \S+: the answer is not HTTP \(/);
    assertEquals(code, 1);
  }
  listener.close();
  for (const conn of conns) conn.close();
  await served;
});

Deno.test("get shows 150 headers, or says in one line why not", async () => {
  const headers = Array.from({ length: 150 }, (_, at) => `X-${at}: ${at}\r\n`)
    .join("");
  await using server = serveRaw(
    () => [`${OK}${headers}Content-Length: 2\r\n\r\nhi`],
  );
  const { code, stdout, stderr } = await run(get, [server.url]);
  assert(code === 0 ? stdout === "hi" : stderr.split("\n").length <= 3, stderr);
});

Deno.test("get follows no loop and no chain without an end", async () => {
  await using loop = serveRaw((
    head,
  ) => [
    `HTTP/1.1 302 Found\r\nLocation: /${head.length}\r\nContent-Length: 0\r\n\r\n`,
  ]);
  const { code, stderr } = await run(get, [loop.url]);
  assertEquals(code, 47);
  assertMatch(stderr, /^get: Cannot get \S+: more than 10 redirects\nhint: /);
});

Deno.test("post sends its body again after 307 on the same origin, and not as GET", async () => {
  const heads: string[] = [];
  await using server = serveRaw((head) => {
    heads.push(head.split(" HTTP")[0] ?? "");
    return head.startsWith("POST /a ")
      ? [
        "HTTP/1.1 307 Temporary Redirect\r\nLocation: /b\r\nContent-Length: 0\r\nConnection: close\r\n\r\n",
      ]
      : [`${OK}Content-Length: 2\r\nConnection: close\r\n\r\nhi`];
  });
  const { code, stdout } = await run(post, [`${server.url}/a`, "x=1"]);
  assertEquals([code, stdout, heads], [0, "hi", ["POST /a", "POST /b"]]);
});

Deno.test("get shows escape codes in headers as text on a terminal", async () => {
  await using server = serveRaw(
    () => [
      `${OK}X-Evil: a`,
      new Uint8Array([0x9b]),
      `2J\r\nContent-Length: 4\r\n\r\n\x1b]0;`,
    ],
  );
  const { stdout } = await run(get, ["-i", server.url], { terminal: true });
  // deno-lint-ignore no-control-regex
  const visible = stdout.replace(/\x1b\[\d+m/g, "");
  assert(!visible.includes("\x1b") && !visible.includes("\x9b"), visible);
});

Deno.test("get gives up a TLS handshake that never comes", async () => {
  await using server = serveRaw(() => [], { hold: true });
  const { code, stderr } = await run(get, [
    server.url.replace("http:", "https:"),
    "-t",
    "0.3",
    "--retry",
    "0",
  ]);
  assertEquals(code, 28, stderr);
});

Deno.test("get says that a port speaks no TLS", async () => {
  await using server = serveRaw(() => []);
  const { code, stderr } = await run(get, [
    server.url.replace("http:", "https:"),
    "--retry",
    "0",
    "-t",
    "2",
  ]);
  assert(code !== 0);
  assert(stderr.split("\n").length <= 3, stderr);
});

/** Reads one byte of a request and lets go of the rest: the system resets the connection, and fetch tells no more than that it ended. */
async function resetAfter(
  listener: Deno.TcpListener,
  text: string,
): Promise<void> {
  for await (const conn of listener) {
    await conn.read(new Uint8Array(1));
    await conn.write(encode(text));
    conn.close();
  }
}

for (
  const [place, text, stderr] of [
    [
      "before the answer",
      "",
      /^get: Cannot get http\S+: closed without an answer\n/,
    ],
    [
      "in a head",
      "HTTP/1.1 200",
      /^get: Cannot get http\S+: closed without an answer\n/,
    ],
    [
      "in a body",
      `${OK}Content-Length: 100\r\n\r\nonly nine`,
      /get: Cannot (get http\S+: closed without an answer|read http\S+: cut short after \d of 100 bytes)\n/,
    ],
  ] as const
) {
  Deno.test(`get says in one line that it was reset ${place}`, async () => {
    using listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
    const served = resetAfter(listener, text);
    const url = `http://127.0.0.1:${listener.addr.port}/`;
    const ended = await run(get, ["--retry", "0", url]);
    listener.close();
    await served;
    assertMatch(ended.stderr, stderr);
    assertEquals(ended.code, 18);
  });
}
