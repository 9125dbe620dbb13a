import { assertEquals } from "@std/assert";
import { main as get } from "../../tasks/get.ts";
import { main as post } from "../../tasks/post.ts";
import { serveHttp, serveRaw } from "../http/server.ts";
import { encode, hasCommand, run, spawnProgram, testWith } from "../support.ts";

/** A request as a server sees it; what names the client and the connection is left out. */
interface Seen {
  readonly method: string;
  readonly target: string;
  readonly headers: readonly string[];
  readonly body: string;
}

const OWN =
  /^(user-agent|accept|accept-encoding|accept-language|connection|host|expect)$/;

function serveSeen() {
  let last: Seen | undefined;
  const server = serveHttp(async (request) => {
    const url = new URL(request.url);
    const boundary =
      request.headers.get("content-type")?.match(/boundary=(\S+)/)?.[1] ?? "\0";
    const body = new TextDecoder("latin1").decode(await request.arrayBuffer());
    const chunked = request.headers.has("transfer-encoding");
    last = {
      method: request.method,
      target: url.pathname + url.search,
      headers: [...request.headers].filter(([name]) =>
        !OWN.test(name) &&
        (name !== "content-length" || !chunked && boundary === "\0")
      )
        .map(([name, value]) =>
          `${name}: ${value.replace(boundary, "BOUNDARY")}`
        ).toSorted(),
      body: body.replaceAll(boundary, "BOUNDARY"),
    };
    return new Response("ok");
  });
  return {
    url: server.url,
    take: () => last,
    [Symbol.asyncDispose]: server[Symbol.asyncDispose],
  };
}

/** Our command line, and the same request in the other tool's words; URL stands for the server's. */
type Pair = readonly [ours: readonly string[], theirs: readonly string[]];

const json = ["-H", "Content-Type: application/json"];
const CURL: readonly Pair[] = [
  [["get", "URL/"], ["URL/"]],
  [["get", "URL/a/b?c=d"], ["URL/a/b?c=d"]],
  [["get", "URL/a", "x==1"], ["-G", "--data-urlencode", "x=1", "URL/a"]],
  [["get", "URL/a", "x==1", "y==2"], ["URL/a?x=1&y=2"]],
  [["get", "URL/a?z=0", "x==1"], ["URL/a?z=0&x=1"]],
  [["get", "URL/a", "x==a b"], ["URL/a?x=a+b"]],
  [["get", "URL/a", "x=="], ["URL/a?x="]],
  [["get", "URL/é"], ["URL/%C3%A9"]],
  [["get", "URL/a%20b"], ["URL/a%20b"]],
  [["get", "URL/", "X-A:1"], ["-H", "X-A: 1", "URL/"]],
  [["get", "URL/", "X-A:1", "X-B:2"], ["-H", "X-A: 1", "-H", "X-B: 2", "URL/"]],
  [["get", "URL/", "X-A:a:b"], ["-H", "X-A: a:b", "URL/"]],
  [["get", "URL/", "Cookie:a=b"], ["-b", "a=b", "URL/"]],
  [["get", "URL/", "Referer:http://x/"], ["-e", "http://x/", "URL/"]],
  [["get", "URL/", "Range:bytes=0-1"], ["-r", "0-1", "URL/"]],
  [["get", "-a", "me:pw", "URL/"], ["-u", "me:pw", "URL/"]],
  [["get", "-a", "me:", "URL/"], ["-u", "me:", "URL/"]],
  [["get", "-a", "mé:pß", "URL/"], ["-u", "mé:pß", "URL/"]],
  [["get", "--bearer", "tok", "URL/"], ["--oauth2-bearer", "tok", "URL/"]],
  [["get", "-X", "HEAD", "URL/"], ["-I", "URL/"]],
  [["get", "-X", "OPTIONS", "URL/"], ["-X", "OPTIONS", "URL/"]],
  [["get", "-X", "DELETE", "URL/"], ["-X", "DELETE", "URL/"]],
  [["get", "-X", "PURGE", "URL/"], ["-X", "PURGE", "URL/"]],
  [["get", "-X", "patch", "URL/"], ["-X", "PATCH", "URL/"]],
  [["post", "URL/", "a=b"], [...json, "-d", '{"a":"b"}', "URL/"]],
  [["post", "URL/", "a:=1"], [...json, "-d", '{"a":1}', "URL/"]],
  [["post", "URL/", "a:=12345678901234567890"], [
    ...json,
    "-d",
    '{"a":12345678901234567890}',
    "URL/",
  ]],
  [["post", "URL/", "a:=null", "b:=true"], [
    ...json,
    "-d",
    '{"a":null,"b":true}',
    "URL/",
  ]],
  [["post", "URL/", 'a="'], [...json, "-d", '{"a":"\\""}', "URL/"]],
  [["post", "URL/", "a=é"], [...json, "-d", '{"a":"é"}', "URL/"]],
  [["post", "URL/", "a[b]=c"], [...json, "-d", '{"a":{"b":"c"}}', "URL/"]],
  [["post", "URL/", "a[]=1", "a[]=2"], [
    ...json,
    "-d",
    '{"a":["1","2"]}',
    "URL/",
  ]],
  [["post", "URL/", "a=b", "Content-Type:text/x"], [
    "-H",
    "Content-Type: text/x",
    "-d",
    '{"a":"b"}',
    "URL/",
  ]],
  [["post", "-X", "PUT", "URL/", "a=b"], [
    "-X",
    "PUT",
    ...json,
    "-d",
    '{"a":"b"}',
    "URL/",
  ]],
  [["post", "-X", "PATCH", "URL/", "a=b"], [
    "-X",
    "PATCH",
    ...json,
    "-d",
    '{"a":"b"}',
    "URL/",
  ]],
  [["post", "-f", "URL/", "a=b"], ["-d", "a=b", "URL/"]],
  [["post", "-f", "URL/", "a=b", "c=d"], ["-d", "a=b", "-d", "c=d", "URL/"]],
  [["post", "-f", "URL/", "a=b c"], ["-d", "a=b+c", "URL/"]],
  [["post", "-f", "URL/", "a=&="], ["--data-urlencode", "a=&=", "URL/"]],
  [["post", "URL/", "x==1", "a=b"], [...json, "-d", '{"a":"b"}', "URL/?x=1"]],
];

const HTTPIE: readonly Pair[] = [
  [["get", "URL/"], ["GET", "URL/"]],
  [["get", "URL/", "x==1", "y==2"], ["GET", "URL/", "x==1", "y==2"]],
  [["get", "URL/", "x==a b"], ["GET", "URL/", "x==a b"]],
  [["get", "URL/", "X-A:1"], ["GET", "URL/", "X-A:1"]],
  [["get", "-a", "me:pw", "URL/"], ["-a", "me:pw", "GET", "URL/"]],
  [["get", "-X", "DELETE", "URL/"], ["DELETE", "URL/"]],
  [["post", "URL/", "a=b"], ["POST", "URL/", "a=b"]],
  [["post", "-X", "PUT", "URL/", "a=b"], ["PUT", "URL/", "a=b"]],
  [["post", "URL/", "a:=[1,2]"], ["POST", "URL/", "a:=[1,2]"]],
  [["post", "URL/", 'a:={"b":1}'], ["POST", "URL/", 'a:={"b":1}']],
  [["post", "URL/", "a[b]=c"], ["POST", "URL/", "a[b]=c"]],
  [["post", "URL/", "a[b][c]=d", "a[e]:=1"], [
    "POST",
    "URL/",
    "a[b][c]=d",
    "a[e]:=1",
  ]],
  [["post", "URL/", "a[]=1", "a[]=2"], ["POST", "URL/", "a[]=1", "a[]=2"]],
  [["post", "URL/", "a\\=b=c"], ["POST", "URL/", "a\\=b=c"]],
  [["post", "URL/", "a\\:b=c"], ["POST", "URL/", "a\\:b=c"]],
  [["post", "URL/", "a=b=c"], ["POST", "URL/", "a=b=c"]],
  [["post", "URL/", "a=x:y"], ["POST", "URL/", "a=x:y"]],
  [["post", "-f", "URL/", "a=b"], ["-f", "POST", "URL/", "a=b"]],
  [["post", "-f", "URL/", "a=b c", "d=é"], [
    "-f",
    "POST",
    "URL/",
    "a=b c",
    "d=é",
  ]],
  [["post", "-f", "URL/", "x==1", "a=b"], [
    "-f",
    "POST",
    "URL/",
    "x==1",
    "a=b",
  ]],
  [["post", "URL/", "a=b", "X-A:1", "x==1"], [
    "POST",
    "URL/",
    "a=b",
    "X-A:1",
    "x==1",
  ]],
];

/** Where the two differ only in how they write the same JSON or the same header value. */
function settle(seen: Seen | undefined): unknown {
  if (seen === undefined) return undefined;
  const type = seen.headers.find((line) => line.startsWith("content-type:"));
  const isJson = type?.includes("json") ?? false;
  return {
    ...seen,
    headers: seen.headers.filter((line) =>
      line !== "content-length: 0" &&
      !(isJson && line.startsWith("content-length:"))
    )
      .map((line) => line.replace("; charset=utf-8", "")),
    body: isJson && !/\d{16}/.test(seen.body)
      ? JSON.stringify(JSON.parse(seen.body))
      : seen.body,
  };
}

for (const [tool, pairs] of [["curl", CURL], ["http", HTTPIE]] as const) {
  const fixed = tool === "curl"
    ? ["-sS", "-o", "/dev/null"]
    : ["--ignore-stdin", "--quiet"];
  Deno.test({
    name:
      `${pairs.length} command lines send what ${tool} sends (needs ${tool})`,
    ignore: !hasCommand(tool),
    fn: async (t) => {
      await using server = serveSeen();
      const fill = (words: readonly string[]) =>
        words.map((word) => word.replace("URL", server.url));
      for (const [[command, ...ours], theirs] of pairs) {
        await t.step([command, ...ours].join(" "), async () => {
          const result = await run(command === "get" ? get : post, fill(ours));
          assertEquals(result.code, 0, result.stderr);
          const mine = settle(server.take());
          const other = await spawnProgram(tool, [...fixed, ...fill(theirs)])
            .result;
          assertEquals(other.code, 0, other.stderr);
          assertEquals(mine, settle(server.take()));
        });
      }
    },
  });
}

const bytes = Uint8Array.from({ length: 256 }, (_, at) => at);
const chunked = (
  ...parts: string[]
) => [
  ...parts.map((part) => `${part.length.toString(16)}\r\n${part}\r\n`),
  "0\r\n\r\n",
];
const OK = "HTTP/1.1 200 OK\r\n";
const sized = (
  body: string | Uint8Array,
  type = "text/plain",
) => [
  `${OK}Content-Type: ${type}\r\nContent-Length: ${body.length}\r\n\r\n`,
  body,
];

const RESPONSES: readonly (readonly (string | Uint8Array)[])[] = [
  sized(""),
  sized("a"),
  sized("no newline"),
  sized("newline\n"),
  sized("crlf\r\n"),
  sized(bytes),
  sized(bytes, "application/octet-stream"),
  sized('{"a":1.10,"a":1e400}', "application/json"),
  sized("{not json", "application/json"),
  sized(
    "\ufeff{}".length === 3 ? encode("\ufeff{}") : "",
    "application/json",
  ),
  sized("<p>x</p>", "text/html"),
  sized(new Uint8Array([0xe9]), "text/plain; charset=latin1"),
  sized("\x1b[31mred"),
  sized("x".repeat(100_000)),
  sized("data: 1\n\ndata: 2\n\n", "text/event-stream"),
  sized('{"a":1}\n{"b":2}\n', "application/x-ndjson"),
  sized("", "application/json"),
  [`${OK}\r\nuntil the end`],
  [`${OK}Connection: close\r\n\r\nuntil the end`],
  [`${OK}Transfer-Encoding: chunked\r\n\r\n`, ...chunked("a")],
  [`${OK}Transfer-Encoding: chunked\r\n\r\n`, ...chunked("a", "bc", "def")],
  [`${OK}Transfer-Encoding: chunked\r\n\r\n`, ...chunked("x".repeat(70_000))],
  [`${OK}Transfer-Encoding: chunked\r\n\r\n4;ext=1\r\nabcd\r\n0\r\n\r\n`],
  [`${OK}Transfer-Encoding: chunked\r\nTrailer: X\r\n\r\n2\r\nhi\r\n0\r\nX: 1\r\n\r\n`],
  ["HTTP/1.1 204 No Content\r\n\r\n"],
  ["HTTP/1.1 201 Created\r\nContent-Length: 2\r\n\r\nhi"],
  ["HTTP/1.1 404 Not Found\r\nContent-Length: 4\r\n\r\nnone"],
  ["HTTP/1.1 500 Oops\r\nContent-Length: 4\r\n\r\noops"],
  ["HTTP/1.0 200 OK\r\n\r\nold"],
  [`HTTP/1.1 100 Continue\r\n\r\n${OK}Content-Length: 2\r\n\r\nhi`],
  [`HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n${OK}Content-Length: 2\r\n\r\nhi`],
];

Deno.test({
  name:
    `${RESPONSES.length} answers give the bytes that curl gives (needs curl)`,
  ignore: !hasCommand("curl"),
  fn: async () => {
    for (const [at, response] of RESPONSES.entries()) {
      await using server = serveRaw(() => response);
      const ours = await run(get, ["--retry", "0", server.url]);
      const theirs = await spawnProgram("curl", ["-sS", server.url]).result;
      assertEquals(
        ours.stdoutBytes,
        theirs.stdoutBytes,
        `answer ${at}: ${ours.stderr}${theirs.stderr}`,
      );
    }
  },
});

const PICKED = JSON.stringify({
  id: 7,
  text: 'a "b"\n\t\u00e9\ud83d\ude00\\',
  "a b": { c: [[1, 2], [], [3]], d: null, e: true },
  list: [{ id: 1, name: "x\ty\\" }, { id: 2, name: "\n\r" }],
});

testWith("jq", "--pick prints what jq -r prints", async () => {
  await using server = serveHttp(() => new Response(PICKED));
  for (
    const [paths, filter] of [
      [["."], "."],
      [[".id"], ".id"],
      [[".text"], ".text"],
      [['."a b".c'], '."a b".c'],
      [['.["a b"].c[]'], '.["a b"].c[]'],
      [['."a b".c[][]'], '."a b".c[][]'],
      [['."a b"[]'], '."a b"[]'],
      [["/a b/c/0/1"], '."a b".c[0][1]'],
      [[".list[1].id"], ".list[1].id"],
      [[".list.[].name"], ".list[].name"],
      [[".list[].id", ".list[].name"], ".list[] | [.id, .name] | @tsv"],
      [[".id", ".text"], "[.id, .text] | @tsv"],
    ] as const
  ) {
    const picks = paths.flatMap((path) => ["--pick", path]);
    const ours = await run(get, [server.url, ...picks]);
    const theirs = await spawnProgram("jq", ["-rc", filter], {
      stdin: PICKED,
    }).result;
    assertEquals([ours.code, ours.stdout], [0, theirs.stdout], filter);
  }
});
