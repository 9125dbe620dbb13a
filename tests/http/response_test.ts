import { assert, assertEquals, assertMatch } from "@std/assert";
import fc from "fast-check";
import {
  brotliCompressSync,
  deflateRawSync,
  deflateSync,
  gzipSync,
  zstdCompressSync,
} from "node:zlib";
import {
  createReader,
  readResponseBody,
  readResponseHead,
} from "../../lib/http/http1/response.ts";
import { streamOf } from "../../lib/http/request.ts";
import { main as get } from "../../tasks/get.ts";
import { main as post } from "../../tasks/post.ts";
import { encode, run } from "../support.ts";
import { response, serveRaw } from "./server.ts";

type Sends = readonly (string | Uint8Array)[];

const OK = "HTTP/1.1 200 OK\r\n";
const LENGTH = "Content-Length: 2\r\n\r\n";
const HI = gzipSync("hi");
const bytesOf = (buffer: Uint8Array) => new Uint8Array(buffer);

/** A body in chunks, with all that stands between them. */
const chunked = (...body: Sends): Sends => [
  `${OK}Transfer-Encoding: chunked\r\n\r\n`,
  ...body,
];

/** A body with its encoding, that ends with the connection. */
const encoded = (coding: string, ...body: Uint8Array[]): Sends => [
  `${OK}Content-Encoding: ${coding}\r\n\r\n`,
  ...body.map(bytesOf),
];

/** The same with another header in front. */
const withHeader = (header: string): Sends => [`${OK}${header}\r\n${LENGTH}hi`];
const framed = (coding: string, ...body: Sends): Sends => [
  `${OK}Transfer-Encoding: ${coding}\r\n\r\n`,
  ...body,
];
const status = (line: string): Sends => [`${line}\r\n${LENGTH}hi`];

/** A gzip head with a comment and an extra field, as long as they like (RFC 1952, section 2.3). */
function withComment(): Uint8Array {
  return new Uint8Array([
    ...HI.subarray(0, 3),
    4 | 16,
    ...HI.subarray(4, 10),
    ...[44, 1],
    ...new Uint8Array(300).fill(0x78),
    ...new Uint8Array(300).fill(0x63),
    0,
    ...HI.subarray(10),
  ]);
}

/** gzip of nothing, which keeps the name of a file. */
function emptyWithName(): Uint8Array {
  const empty = gzipSync("");
  return new Uint8Array([
    ...empty.subarray(0, 3),
    8,
    ...empty.subarray(4, 10),
    ...encode("a-file-with-a-long-name.txt\0"),
    ...empty.subarray(10),
  ]);
}

const NOT_HTTP = (what: string) =>
  new RegExp(`is not HTTP \\(invalid ${what}\\)$`);
const CUT = /: cut short$/;
const CLOSED = /: closed without an answer$/;
const HEADER = NOT_HTTP("HTTP header");
const LENGTHS = NOT_HTTP("content-length");
const STATUS = NOT_HTTP("HTTP status-code");
const VERSION = NOT_HTTP("HTTP version");
const CODING = /: cannot decode its transfer-encoding "/;
const BROKEN = /: the compressed body cannot be decoded$/;

/** What a server sends, and what it comes to over fetch and over a socket of our own: exit code, body, and the last line of stderr. */
const ANSWERS: readonly (readonly [
  name: string,
  sends: Sends,
  code: number,
  stdout: string,
  stderr?: RegExp,
])[] = [
  ["a body with its length", [response("abc")], 0, "abc"],
  ["a body that ends with the connection", [`${OK}\r\nhi`], 0, "hi"],
  ["HTTP/1.0 with bare line ends", ["HTTP/1.0 200 OK\n\nhi"], 0, "hi"],
  ["no answer", [], 18, "", CLOSED],
  ["half a head", [`${OK}A: b\r\n`], 18, "", CLOSED],
  [
    "less than its length",
    [`${OK}Content-Length: 9\r\n\r\nhi`],
    18,
    "hi",
    /: cut short after 2 of 9 bytes$/,
  ],
  ["more than its length", [`${OK}Content-Length: 1\r\n\r\nhi`], 0, "h"],
  [
    "heads before the answer",
    [
      "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\n",
      ...status("HTTP/1.1 200 OK"),
    ],
    0,
    "hi",
  ],
  [
    "an empty line before the answer",
    ["\r\n\n", ...status("HTTP/1.1 200 OK")],
    0,
    "hi",
  ],
  ["204 with a body", status("HTTP/1.1 204 No Content"), 0, ""],
  ["205 with a body", status("HTTP/1.1 205 Reset Content"), 0, ""],
  // the encodings of a body
  ["gzip", encoded("gzip", HI), 0, "hi"],
  ["x-gzip", encoded("x-gzip", HI), 0, "hi"],
  ["deflate", encoded("deflate", deflateSync("hi")), 0, "hi"],
  [
    "deflate without its head",
    encoded("deflate", deflateRawSync("hi")),
    0,
    "hi",
  ],
  ["Brotli", encoded("br", brotliCompressSync("hi")), 0, "hi"],
  [
    "Brotli with bytes after its end",
    encoded("br", brotliCompressSync("hi"), encode("more")),
    0,
    "hi",
  ],
  ["zstd", encoded("zstd", zstdCompressSync("hi")), 0, "hi"],
  ["gzip twice, in one line", encoded("gzip, gzip", gzipSync(HI)), 0, "hi"],
  [
    "gzip twice, in two lines",
    encoded("gzip\r\nContent-Encoding: gzip", gzipSync(HI)),
    0,
    "hi",
  ],
  ["gzip without bytes", encoded("gzip"), 0, ""],
  [
    "gzip without bytes, in chunks",
    chunked("0\r\n\r\n").map((part) =>
      `${part}`.replace("\r\n\r\n", "\r\nContent-Encoding: gzip\r\n\r\n")
        .replace("0\r\nContent-Encoding: gzip", "0")
    ),
    0,
    "",
  ],
  ["Brotli without bytes", encoded("br"), 0, ""],
  ["zstd without bytes", encoded("zstd"), 0, ""],
  ["gzip of nothing", encoded("gzip", gzipSync("")), 0, ""],
  ["gzip of nothing, with a name", encoded("gzip", emptyWithName()), 0, ""],
  [
    "gzip of nothing, twice",
    encoded("gzip", gzipSync(""), gzipSync("")),
    0,
    "",
  ],
  [
    "gzip with a comment and an extra field",
    encoded("gzip", withComment()),
    0,
    "hi",
  ],
  ["gzip padded with NUL", encoded("gzip", HI, new Uint8Array(16)), 0, "hi"],
  ["gzip without its end", encoded("gzip", HI.subarray(0, 15)), 18, "hi", CUT],
  ["half a gzip head", encoded("gzip", HI.subarray(0, 5)), 18, "", CUT],
  [
    "gzip that is none",
    encoded("gzip", encode("no gzip at all")),
    1,
    "",
    BROKEN,
  ],
  [
    "Brotli that is none",
    encoded("br", new Uint8Array(2000).fill(0xfe)),
    1,
    "",
    BROKEN,
  ],
  [
    "Brotli without its end",
    encoded("br", brotliCompressSync("hi".repeat(999)).subarray(0, -1)),
    18,
    "h",
    CUT,
  ],
  [
    "encodings without an end",
    encoded("gzip,".repeat(9999), HI),
    1,
    "",
    /: it is encoded more than 5 times$/,
  ],
  // what only the transfer is encoded in
  ["identity", framed("identity", "hi"), 0, "hi"],
  [
    "identity, with a length",
    [`${OK}Transfer-Encoding: identity\r\n${LENGTH}hi`],
    0,
    "hi",
  ],
  [
    "identity, then chunks",
    framed("identity, chunked", "2\r\nhi\r\n0\r\n\r\n"),
    0,
    "hi",
  ],
  [
    "chunks, then identity",
    framed("chunked, identity", "2\r\nhi\r\n0\r\n\r\n"),
    0,
    "hi",
  ],
  [
    "gzip in chunks",
    framed(
      "gzip, chunked",
      `${HI.length.toString(16)}\r\n`,
      bytesOf(HI),
      "\r\n0\r\n\r\n",
    ),
    0,
    "hi",
  ],
  [
    "gzip in chunks, in two lines",
    framed(
      "gzip\r\nTransfer-Encoding: chunked",
      `${HI.length.toString(16)}\r\n`,
      bytesOf(HI),
      "\r\n0\r\n\r\n",
    ),
    0,
    "hi",
  ],
  [
    "chunks in gzip",
    framed("chunked, gzip", "2\r\nhi\r\n0\r\n\r\n"),
    1,
    "",
    CODING,
  ],
  [
    "chunks in chunks",
    framed("chunked, chunked", "2\r\nhi\r\n0\r\n\r\n"),
    1,
    "",
    CODING,
  ],
  [
    "a framing that nobody knows",
    framed("xchunked", "2\r\nhi\r\n0\r\n\r\n"),
    1,
    "",
    CODING,
  ],
  [
    "chunks over HTTP/1.0",
    ["HTTP/1.0 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nhi\r\n0\r\n\r\n"],
    0,
    "hi",
  ],
  [
    "chunks and a length",
    [
      `${OK}Transfer-Encoding: chunked\r\n`,
      "Content-Length: 1\r\n\r\n2\r\nhi\r\n0\r\n\r\n",
    ],
    0,
    "hi",
  ],
  // chunks
  [
    "a chunk's size with zeros",
    chunked("0000000000000002\r\nhi\r\n00000000000000000000\r\n\r\n"),
    0,
    "hi",
  ],
  [
    "a chunk's size that nobody can send",
    chunked("ffffffffffffffff\r\nhi"),
    18,
    "hi",
    CUT,
  ],
  [
    "a chunk's size that is no number",
    chunked("1ffffffffffffffff\r\nhi"),
    18,
    "",
    CUT,
  ],
  ["a chunk without a size", chunked("xyz\r\nhi\r\n0\r\n\r\n"), 18, "", CUT],
  [
    "a chunk's size in the style of C",
    chunked("0x2\r\nhi\r\n0\r\n\r\n"),
    18,
    "",
    CUT,
  ],
  [
    "a space before a chunk's size",
    chunked(" 2\r\nhi\r\n0\r\n\r\n"),
    18,
    "",
    CUT,
  ],
  [
    "a chunk that is longer than its size",
    chunked("2\r\nhiho\r\n0\r\n\r\n"),
    18,
    "hi",
    CUT,
  ],
  ["a chunk's extension", chunked("2 ;a=b\r\nhi\r\n0\r\n\r\n"), 0, "hi"],
  [
    "a chunk's long extension",
    chunked(`2;${"x".repeat(5000)}\r\nhi\r\n0\r\n\r\n`),
    0,
    "hi",
  ],
  [
    "a chunk's extension without an end",
    chunked(`2;${"x".repeat(20_000)}\r\nhi\r\n0\r\n\r\n`),
    18,
    "",
    CUT,
  ],
  [
    "an extension in each chunk",
    chunked(`1;${"x".repeat(4000)}\r\nh\r\n`.repeat(10), "0\r\n\r\n"),
    18,
    "hhhh",
    CUT,
  ],
  [
    "a bare line end after an extension",
    chunked("2;a\nhi\r\n0\r\n\r\n"),
    18,
    "",
    CUT,
  ],
  [
    "a bare line end after a chunk's size",
    chunked("2\nhi\r\n0\r\n\r\n"),
    18,
    "",
    CUT,
  ],
  [
    "a bare line end after a chunk",
    chunked("2\r\nhi\n0\r\n\r\n"),
    18,
    "hi",
    CUT,
  ],
  ["chunks without a last one", chunked("2\r\nhi\r\n"), 18, "hi", CUT],
  ["a last chunk without an end", chunked("2\r\nhi\r\n0\r\n"), 18, "hi", CUT],
  ["trailers", chunked("2\r\nhi\r\n0\r\nX-T: 1\r\n\r\n"), 0, "hi"],
  [
    "bare line ends after trailers",
    chunked("2\r\nhi\r\n0\r\nX-T: 1\n\n"),
    18,
    "hi",
    CUT,
  ],
  [
    "a bare line end after the last chunk",
    chunked("2\r\nhi\r\n0\r\n\n"),
    18,
    "hi",
    CUT,
  ],
  [
    "a trailer without a colon",
    chunked("2\r\nhi\r\n0\r\nnothing\r\n\r\n"),
    18,
    "hi",
    CUT,
  ],
  [
    "a trailer without an end",
    chunked(`2\r\nhi\r\n0\r\nX-T: ${"x".repeat(20_000)}\r\n\r\n`),
    18,
    "hi",
    CUT,
  ],
  [
    "trailers without an end",
    chunked("2\r\nhi\r\n0\r\n", "X-T: 1\r\n".repeat(2000), "\r\n"),
    18,
    "hi",
    CUT,
  ],
  // lengths
  ["a length twice", [`${OK}Content-Length: 2\r\n${LENGTH}hi`], 0, "hi"],
  ["a length in a list", [`${OK}Content-Length: 2,02, 2\r\n\r\nhi`], 0, "hi"],
  ["two lengths", [`${OK}Content-Length: 3\r\n${LENGTH}hi`], 1, "", LENGTHS],
  [
    "a length that is negative",
    [`${OK}Content-Length: -2\r\n\r\nhi`],
    1,
    "",
    LENGTHS,
  ],
  [
    "a length that is empty",
    [`${OK}Content-Length: \r\n\r\nhi`],
    1,
    "",
    LENGTHS,
  ],
  [
    "a length that nobody can send",
    [`${OK}Content-Length: 99999999999999999999\r\n\r\nhi`],
    1,
    "",
    LENGTHS,
  ],
  // heads
  ["a folded header", withHeader("X-A: one\r\n two\r\n\tthree"), 0, "hi"],
  ["a fold at the start", withHeader(" X-A: one"), 1, "", HEADER],
  ["a blank before a colon", withHeader("X-A : one"), 1, "", HEADER],
  ["a header without a colon", withHeader("nothing"), 1, "", HEADER],
  ["a header without a name", withHeader(": one"), 1, "", HEADER],
  ["NUL in a header", withHeader("X-A: a\0b"), 1, "", HEADER],
  ["ESC in a header", withHeader("X-A: a\x1bb"), 1, "", HEADER],
  ["DEL in a header", withHeader("X-A: a\x7fb"), 1, "", HEADER],
  ["CR in a header", withHeader("X-A: a\rb"), 1, "", HEADER],
  ["a tab in a header", withHeader("X-A: a\tb"), 0, "hi"],
  [
    "a header of 500,000 letters",
    withHeader(`X-A: ${"x".repeat(500_000)}`),
    0,
    "hi",
  ],
  [
    "a header of 600,000 letters",
    withHeader(`X-A: ${"x".repeat(600_000)}`),
    1,
    "",
    /: the head of the answer is too large$/,
  ],
  ["150 headers", withHeader("X-A: 1\r\n".repeat(150) + "X-B: 1"), 0, "hi"],
  ["ESC in a status", status("HTTP/1.1 200 O\x1bK"), 1, "", STATUS],
  ["NUL in a status", status("HTTP/1.1 200 O\0K"), 1, "", STATUS],
  ["a status that is no number", status("HTTP/1.1 2x OK"), 1, "", STATUS],
  ["a status of four digits", status("HTTP/1.1 2000 OK"), 1, "", STATUS],
  ["HTTP/1.2", status("HTTP/1.2 200 OK"), 1, "", VERSION],
  ["HTTP/2 without a word before", status("HTTP/2 200 OK"), 1, "", VERSION],
  ["HTTP/0.9", ["<html>hello</html>\n"], 1, "", VERSION],
  ["an SSH banner", ["SSH-2.0-OpenSSH_9\r\n"], 1, "", VERSION],
  ["junk without a line", ["junk"], 1, "", VERSION],
  // redirects
  [
    "a Location that is empty",
    status("HTTP/1.1 302 Found\r\nLocation:"),
    3,
    "hi",
  ],
  [
    "Locations that differ",
    status("HTTP/1.1 302 Found\r\nLocation: /a\r\nLocation: /b"),
    3,
    "hi",
    /^Not followed: it has more than one Location$/,
  ],
];

/** What fetch refuses before anybody sees it: a GET is sent once more, anything else cannot be. */
const REFUSED =
  /^(a folded header|chunks over HTTP\/1.0|150 headers|.*without bytes|half a gzip head)/;

for (const [name, sends, code, stdout, stderr = /^\d{3} [\w ]+$/] of ANSWERS) {
  Deno.test(`get and post say the same of ${name} over fetch and over a socket of our own`, async () => {
    await using server = serveRaw(() => sends);
    const args = ["--retry", "0", "-t", "5", server.url];
    const byFetch = await run(get, args);
    assertEquals(
      [byFetch.code, byFetch.stdout],
      [code, stdout],
      byFetch.stderr,
    );
    const [last = ""] = byFetch.stderr.trimEnd().split("\n")
      .filter((line) => !line.startsWith("hint: ")).slice(-1);
    assertMatch(last, stderr);
    assertEquals(await run(get, ["-4", ...args]), byFetch);
    if (REFUSED.test(name)) return;
    const posted = await run(post, [...args, "a=1"]);
    assertEquals([posted.code, posted.stdout], [code, stdout], posted.stderr);
    assertEquals(await run(post, ["-4", ...args, "a=1"]), posted);
  });
}

Deno.test("a GET is sent once, whatever its answer is, but for what fetch refuses", async () => {
  for (
    const [sends, most] of [
      [status("HTTP/1.1 302 Found\r\nLocation: /a,b"), 2],
      [encoded("gzip, identity", HI), 1],
      [encoded("gzip\r\nContent-Encoding: gzip", gzipSync(HI)), 1],
      [framed("gzip, chunked", "0\r\n\r\n"), 1],
      [framed("identity", "hi"), 1],
      [encoded("gzip", encode("no gzip at all")), 1],
      [encoded("gzip"), 2],
      [withHeader("X-A: one\r\n two"), 2],
    ] as const
  ) {
    let count = 0;
    await using server = serveRaw((head) => {
      count++;
      return head.startsWith("GET /a,b ") ? [response("there")] : sends;
    });
    await run(get, ["--retry", "0", server.url]);
    assertEquals(count, most, `${sends[0]}`);
  }
});

for (
  const [what, location, target] of [
    ["two equal Locations lead", "/b\r\nLocation: /b", "/b"],
    ["a Location with a blank in it leads", "/a, b.pdf", "/a,%20b.pdf"],
  ]
) {
  Deno.test(`${what} where it says, over fetch and over a socket of our own`, async () => {
    await using server = serveRaw((head) =>
      head.startsWith(`GET ${target} `) ? [response("there")] : [
        `HTTP/1.1 302 Found\r\nLocation: ${location}\r\nContent-Length: 0\r\n\r\n`,
      ]
    );
    for (const args of [[], ["-4"]]) {
      const { code, stdout } = await run(get, [...args, server.url]);
      assertEquals([code, stdout], [0, "there"]);
    }
  });
}

Deno.test("a gzip body of several parts is whole over a socket of our own; fetch hides all but the first", async () => {
  await using server = serveRaw(() => encoded("gzip", HI, HI, HI));
  assertEquals((await run(get, ["-4", server.url])).stdout, "hihihi");
  assertEquals((await run(get, [server.url])).stdout, "hi");
});

/** A source of bytes that come in pieces of these sizes, or 7 bytes. */
function readPieces(bytes: Uint8Array, sizes: number[]) {
  let at = 0;
  return (buffer: Uint8Array) => {
    if (at === bytes.length) return Promise.resolve(null);
    const most = Math.min(buffer.length, sizes.shift() ?? 7);
    const part = bytes.subarray(at, at + most);
    buffer.set(part);
    at += part.length;
    return Promise.resolve(part.length);
  };
}

Deno.test("an answer is the same for any split of its bytes", async () => {
  const bytes = encode(
    response("3\r\nabc\r\n2\r\nde\r\n0\r\n\r\n", [
      "X-A: folded",
      "  twice",
      "Transfer-Encoding: chunked",
    ]),
  );
  await fc.assert(fc.asyncProperty(
    fc.array(fc.integer({ min: 1, max: 40 })),
    async (sizes) => {
      const reader = createReader(readPieces(bytes, sizes));
      const head = await readResponseHead(reader);
      const body = readResponseBody(reader, "GET", head);
      assertEquals(head.rawHeaders?.[1], ["X-A", "folded twice"]);
      assert(body !== undefined);
      assertEquals(
        await new Response(streamOf(body.source)).text(),
        "abcde",
      );
    },
  ));
});

Deno.test("any bytes come to an answer or to an error over a socket of our own", async () => {
  const start = encode(
    "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n",
  );
  await fc.assert(fc.asyncProperty(
    fc.uint8Array({ maxLength: 200 }),
    async (rest) => {
      const bytes = new Uint8Array([...start, ...rest]);
      const reader = createReader(readPieces(bytes, []));
      try {
        const head = await readResponseHead(reader);
        const body = readResponseBody(reader, "GET", head);
        if (body) await new Response(streamOf(body.source)).bytes();
      } catch (error) {
        assert(error instanceof Error && !(error instanceof RangeError));
      }
    },
  ));
});
