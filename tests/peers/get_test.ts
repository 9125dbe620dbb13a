import { assert, assertEquals } from "@std/assert";
import { main as get } from "../../tasks/get.ts";
import { main as post } from "../../tasks/post.ts";
import { startDaemon } from "../daemon.ts";
import { withFiles } from "../get/support.ts";
import { serveHttp, serveRaw } from "../http/server.ts";
import {
  encode,
  hasCommand,
  run,
  spawnProgram,
  testWith,
  withFolder,
} from "../support.ts";

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

/** Odd netrc files, HOST being the server's. */
const NETRC_FILES: readonly string[] = [
  "machine HOST login a password p",
  "machine\nHOST\nlogin\na\npassword\np",
  "machine HOST\r\n\tlogin a\r\n\tpassword p\r\n",
  "MACHINE HOST LOGIN a PASSWORD p",
  "machine HOST password p login a",
  "machine HOST login a account x password p",
  "machine HOST login a password p\nmachine HOST login b password q",
  "machine HOST login a\nmachine HOST login b password q",
  "machine HOST login a",
  "machine x login a password p\ndefault login d password q",
  "default login d password q\nmachine HOST login a password p",
  "default",
  "machine x login a password p",
  "machine HOST:80 login a password p",
  "# machine HOST login x password y\nmachine HOST login a password p",
  "machine HOST login a # x\npassword p",
  "machine HOST login a password p#q",
  "machine HOST# x\nlogin a password p",
  'machine HOST login "a b" password "p\\"q\\\\r\\x"',
  'machine HOST login a"b password p"q',
  'machine HOST login a password "#p"',
  "machine HOST login a password p\\q",
  "macdef m\nmachine HOST login x password y\n\nmachine HOST login a password p",
  "machine x login x password y\nmacdef m\n ls\n\nmachine HOST login a password p",
  "x machine HOST port 21 login a password p",
  "machine HOST login machine password default",
  'machine HOST login a password p\nmachine x login "',
  "",
];

testWith(
  "curl",
  `of ${NETRC_FILES.length} odd netrc files get takes the login that curl takes`,
  () =>
    withFiles({ rc: "" }, async (folder) => {
      await using server = serveHttp((request) =>
        new Response(request.headers.get("authorization"))
      );
      const rc = `${folder}/rc`;
      await Deno.chmod(rc, 0o600);
      for (const text of NETRC_FILES) {
        await Deno.writeTextFile(rc, text.replaceAll("HOST", "127.0.0.1"));
        const args = ["-sS", "--netrc-file", rc, server.url];
        const theirs = await spawnProgram("curl", args).result;
        const ours = await run(get, ["--netrc", rc, server.url]);
        assertEquals([ours.code, ours.stdout], [0, theirs.stdout], text);
      }
      // what is no netrc file is an error for both
      await Deno.writeTextFile(rc, 'machine 127.0.0.1 login "a');
      assertEquals((await run(get, ["--netrc", rc, server.url])).code, 1);
    }),
);

/** Checks logins of Digest with hashlib: the path has the algorithm, the quality of protection and what else is said. */
const DIGEST_SERVER = String.raw`
import hashlib, http.server, re, secrets
HASHES = {"MD5": "md5", "SHA-256": "sha256", "SHA-512-256": "sha512_256"}
REALM, USERS = 'a "b", c', {"ada": "s3cret", "J\u00e4s\u00f8n": "p\u00e4 \u00df", 'a"b': 'p"'}
class Handler(http.server.BaseHTTPRequestHandler):
    def do_POST(self):
        _, algorithm, qop, more = self.path.split("?")[0].split("/")[:4]
        body = self.rfile.read(int(self.headers.get("content-length") or 0))
        def h(data):
            data = data if isinstance(data, bytes) else data.encode()
            return hashlib.new(HASHES[algorithm.removesuffix("-sess")], data).hexdigest()
        value = self.headers.get("authorization", "").encode("latin1").decode()
        found = re.findall(r'(\w+)=(?:"((?:[^"\\]|\\.)*)"|([^",]*))', value)
        sent = {name: plain or re.sub(r"\\(.)", r"\1", quoted) for name, quoted, plain in found}
        of = lambda name: sent.get(name, "")
        user = next((u for u in USERS if of("username") == (h(f"{u}:{REALM}") if "h" in more else u)), None)
        key = h(f"{user}:{REALM}:{USERS.get(user)}")
        if algorithm.endswith("-sess"): key = h(f'{key}:{of("nonce")}:{of("cnonce")}')
        asked = h(f"{self.command}:{self.path}" + (":" + h(body) if of("qop") == "auth-int" else ""))
        middle = f':{of("nc")}:{of("cnonce")}:{of("qop")}' if of("qop") else ""
        good = user and of("uri") == self.path and h(f'{key}:{of("nonce")}{middle}:{asked}') == of("response")
        self.send_response(200 if good else 401)
        if not good:
            if "b" in more: self.send_header("WWW-Authenticate", 'Basic realm="b"')
            parts = [r'realm="a \"b\", c"', f'nonce="{secrets.token_hex(8)}"', 'opaque="o"']
            if "d" not in more: parts.append(f"algorithm={algorithm}")
            if qop != "none": parts.append(f'qop="{qop}"')
            if "h" in more: parts.append("userhash=true")
            self.send_header("WWW-Authenticate", "Digest " + ", ".join(parts))
        out = user.encode() + b" " + body if good else b""
        self.send_header("Content-Length", str(len(out)))
        self.end_headers()
        self.wfile.write(out)
    do_GET = do_PUT = do_POST
    def log_message(self, *_): pass
server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
print(server.server_port, flush=True)
server.serve_forever()
`;

testWith(
  ["curl", "python3"],
  "a server in Python takes each login of Digest that it takes of curl",
  async () => {
    await using server = startDaemon(["python3", "-c", DIGEST_SERVER], "lines");
    const base = `http://127.0.0.1:${await server.line()}`;
    for (
      const [path, user, isTaken, isCurls = isTaken] of [
        ["MD5/auth/d", "ada:s3cret", true],
        ["MD5/none/d", "ada:s3cret", true],
        ["MD5/auth/b", "ada:s3cret", true],
        ["MD5/auth/?a=b%22&c", "ada:s3cret", true],
        ["MD5/auth,auth-int/", "ada:s3cret", true],
        ["MD5-sess/auth/", "ada:s3cret", true],
        ["SHA-256/auth/", "ada:s3cret", true],
        ["SHA-256/none/", "ada:s3cret", true],
        ["SHA-256-sess/auth/", "ada:s3cret", true],
        ["SHA-256/auth/h", "ada:s3cret", true],
        ["MD5/auth/", "J\u00e4s\u00f8n:p\u00e4 \u00df", true],
        ["MD5/auth/", 'a"b:p"', true],
        ["MD5/auth/", "ada:wrong", false],
        ["MD5/auth/", "bob:s3cret", false],
        // what curl knows in some versions alone, or nowhere
        ["SHA-512-256/auth/", "ada:s3cret", true, null],
        ["SHA-512-256-sess/auth/h", "ada:s3cret", true, null],
        ["MD5/auth-int/", "ada:s3cret", true, null],
      ] as const
    ) {
      const url = `${base}/${path}`;
      const ours = await run(get, ["--digest", "-a", user, url]);
      const sent = await run(post, ["--digest", "-a", user, url, "a=b"]);
      const said = `${path} ${user}`;
      assertEquals(ours.code, isTaken ? 0 : 4, said);
      const [name] = user.split(":");
      const body = isTaken ? `${name} {"a":"b"}` : "";
      assertEquals([sent.code, sent.stdout], [ours.code, body], said);
      if (isCurls === null) continue;
      const args = ["-sS", "--digest", "-u", user, "-d", '{"a":"b"}', url];
      const theirs = await spawnProgram("curl", args).result;
      assertEquals(theirs.stdout, sent.stdout, said);
    }
  },
);

/** Sets what `c` of the query says, and tells which cookies it got. */
function serveCookies() {
  return serveHttp(({ url, headers }) =>
    new Response(headers.get("cookie") ?? "", {
      headers: new URL(url).searchParams.getAll("c").map((
        line,
      ): [string, string] => ["set-cookie", line]),
    })
  );
}

const setting = (url: string, lines: readonly string[]) =>
  `${url}?${new URLSearchParams(lines.map((line) => ["c", line]))}`;

async function ask(program: string, ...args: string[]): Promise<string> {
  const { code, stdout, stderr } = await spawnProgram(program, args).result;
  assertEquals(code, 0, stderr);
  return stdout;
}

async function askUs(...args: string[]): Promise<string> {
  const { code, stdout, stderr } = await run(get, ["-b", ...args]);
  assertEquals(code, 0, stderr);
  return stdout;
}

/** Lines that a server sets, from `/x/a`, and the path that is asked then. */
const COOKIES: readonly (readonly [lines: readonly string[], path: string])[] =
  [
    [["a=1"], "/x/b"],
    [["a=1"], "/y"],
    [["a=1; Path=/"], "/y"],
    [["a=1; Path=/x"], "/xy"],
    [["a=1; Path=/x"], "/x"],
    [["a=1; Path=y"], "/x/c"],
    [["a=1; Path="], "/x/c"],
    [["a=1; path=/z; PATH=/"], "/"],
    [["a=1", "b=2"], "/x/b"],
    [["a=1; Path=/", "b=2; Path=/x", "c=3; Path=/"], "/x/b"],
    [["a=1", "a=2"], "/x/b"],
    [["a=1", "a=; Max-Age=0"], "/x/b"],
    [["a=1", "a=; Max-Age=-5"], "/x/b"],
    [["a=1", "a=; Expires=Thu, 01 Jan 1970 00:00:01 GMT"], "/x/b"],
    [["a=1; Expires=Wed, 09 Jun 2100 10:18:14 GMT"], "/x/b"],
    [["a=1; Expires=Wednesday, 09-Jun-99 10:18:14 GMT"], "/x/b"],
    [["a=1; Expires=never"], "/x/b"],
    [["a=1; Max-Age=60; Expires=Thu, 01 Jan 1970 00:00:01 GMT"], "/x/b"],
    [["a=1; Max-Age=99999999999999999999"], "/x/b"],
    [["a=1; HttpOnly; SameSite=Strict; Partitioned; Priority=High"], "/x/b"],
    [["a=1; Domain=example.org"], "/x/b"],
    [["a=1; Domain=127.0.0.1"], "/x/b"],
    [["a=1; Domain=.127.0.0.1"], "/x/b"],
    [["a=1; Domain=0.0.1"], "/x/b"],
    [["a=1; Domain="], "/x/b"],
    [["__Secure-a=1", "__Host-a=1", "b=2"], "/x/b"],
    [['a="1 2"'], "/x/b"],
    [["a=1=2"], "/x/b"],
    [["a="], "/x/b"],
    [["  a  =  1  ;Path=/"], "/y"],
    [["a=1,b=2"], "/x/b"],
    [[""], "/x/b"],
    [[";"], "/x/b"],
    [["=1"], "/x/b"],
    [["a; Path=/"], "/y"],
    [[`a=${"x".repeat(4096)}`, "b=1"], "/x/b"],
    [["\u00e9=1; Path=/"], "/y"],
  ];

/** Where curl keeps to another rule than RFC 6265, why, and what is sent. */
const APART: readonly (readonly [
  why: string,
  line: string,
  path: string,
  ours: string,
  curl: string,
])[] = [
  // section 5.1.4: a path that ends in a slash does not match what lacks it
  ["curl cuts the slash off", "a=1; Path=/x/", "/x", "", "a=1"],
  // section 5.4: a secure protocol; whoever has a port of this machine is not the one who had it before
  ["curl takes the loopback for https", "a=1; Secure", "/x/b", "", "a=1"],
];

testWith(
  "curl",
  "a session sends back what curl -c jar -b jar does",
  async () => {
    await using server = serveCookies();
    const both = async (lines: readonly string[], path: string) => {
      let sent: [string, string] = ["", ""];
      await withFolder(async (folder) => {
        const from = setting(`${server.url}/x/a`, lines);
        const [file, jar] = [`${folder}/s.json`, `${folder}/jar`];
        await askUs("--session", file, from);
        await ask("curl", "-s", "-c", jar, "-b", jar, from);
        sent = [
          await askUs("--session", file, server.url + path),
          await ask("curl", "-s", "-c", jar, "-b", jar, server.url + path),
        ];
      });
      return sent;
    };
    for (const [lines, path] of COOKIES) {
      const [ours, theirs] = await both(lines, path);
      // of one length of path, curl has the newest first
      const sorted = [ours, theirs].map((text) =>
        text.split("; ").toSorted().join("; ")
      );
      assertEquals(sorted[0], sorted[1], lines.join(", "));
    }
    for (const [why, line, path, ...expected] of APART) {
      assertEquals(await both([line], path), expected, why);
    }
  },
);

testWith(
  "http",
  "HTTPie reads the session of hark, and hark that of HTTPie",
  async () => {
    await using server = serveCookies();
    const far = server.url.replace("127.0.0.1", "localhost");
    await withFolder(async (folder) => {
      const env = ["--ignore-stdin", "-b"];
      for (const url of [server.url, far]) {
        for (const isOurs of [true, false]) {
          const file = `${folder}/${isOurs}${url === far}.json`;
          const httpie = (...args: string[]) =>
            ask("http", ...env, `--session=${file}`, ...args);
          const lines = [
            "a=1; Path=/; HttpOnly; SameSite=Lax",
            "b=2; Max-Age=60; Path=/",
          ];
          const from = setting(`${url}/`, lines);
          await (isOurs ? askUs("--session", file, from) : httpie(from));
          const seen = async () => [
            (await httpie(`${url}/`)).trim(),
            await askUs("--session", file, `${url}/`),
          ];
          assertEquals(await seen(), ["a=1; b=2", "a=1; b=2"]);
          // what one takes away is gone for the other
          const away = setting(`${url}/`, ["a=; Max-Age=0; Path=/"]);
          await (isOurs ? httpie(away) : askUs("--session", file, away));
          assertEquals(await seen(), ["b=2", "b=2"]);
          // what HTTPie has of its own stays
          const text = Deno.readTextFileSync(file);
          assert(text.includes('"about": "HTTPie session file"'));
          // to a host elsewhere neither sends it
          const other = url === far ? server.url : far;
          assertEquals(await askUs("--session", file, `${other}/`), "");
        }
      }
    });
  },
);

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
