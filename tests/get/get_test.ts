import {
  assert,
  assertEquals,
  assertMatch,
  assertStringIncludes,
} from "@std/assert";
import { formatOptionName } from "../../lib/cli/options.ts";
import { quote } from "../../lib/cli/values.ts";
import { main as client } from "../../tasks/client.ts";
import { main } from "../../tasks/get.ts";
import { EXCHANGE_HINTS } from "../../tasks/get/hints.ts";
import { EXCHANGE_OPTIONS, FORM_OPTIONS } from "../../tasks/get/options.ts";
import { main as post } from "../../tasks/post.ts";
import { main as posts } from "../../tasks/posts.ts";
import { main as server } from "../../tasks/server.ts";
import { makeCertificate } from "../../tasks/server/tls/certificate.ts";
import { closedUrl, response, serveHttp, serveRaw } from "../http/server.ts";
import {
  encode,
  flagsOf,
  listening,
  ROOT,
  run,
  settled,
  spawn,
} from "../support.ts";
import { stripColors, withFiles } from "./support.ts";

const JSON_BODY = '{"id":12345678901234567890,"f":1.10, "l":[]}';
const PRETTY = '{\n  "id": 12345678901234567890,\n  "f": 1.10,\n  "l": []\n}\n';

function serveJson(body = JSON_BODY, status = 200) {
  return serveHttp(() =>
    new Response(body, {
      status,
      headers: { "content-type": "application/json; charset=utf-8" },
    })
  );
}

Deno.test("get passes the very bytes on into a pipe, the status goes to stderr", async () => {
  const bytes = new Uint8Array([
    0xff,
    0x00,
    0x1b,
    0x5b,
    0x32,
    0x4a,
    0x0d,
    0x0a,
    0xc3,
  ]);
  await using server = serveHttp(() => new Response(bytes));
  const { code, stdoutBytes, stderr } = await run(main, [server.url]);
  assertEquals([code, stdoutBytes, stderr], [0, bytes, "200 OK\n"]);
});

Deno.test("get shows JSON pretty and coloured on a terminal", async () => {
  await using server = serveJson();
  const { code, stdout, stderr } = await run(main, [server.url], {
    terminal: true,
  });
  assertEquals([code, stripColors(stdout), stderr], [
    0,
    PRETTY,
    "\x1b[32m200 OK\x1b[39m\n",
  ]);
  assertStringIncludes(
    stdout,
    '\x1b[34m"id"\x1b[39m: \x1b[36m12345678901234567890\x1b[39m',
  );
});

Deno.test("get shows what asks for it: --pretty, --raw, -i, -b, -q", async () => {
  await using server = serveJson();
  const shows = async (
    args: string[],
    stdout: string,
    stderr: string,
    terminal = false,
  ) => {
    const result = await run(main, [...args, server.url], { terminal });
    assertEquals([
      result.code,
      stripColors(result.stdout),
      stripColors(result.stderr),
    ], [0, stdout, stderr]);
  };
  await shows([], JSON_BODY, "200 OK\n");
  await shows(["--pretty"], PRETTY, "200 OK\n");
  await shows(["--raw"], JSON_BODY, "200 OK\n", true);
  await shows(["-b"], JSON_BODY, "");
  await shows(["-q"], JSON_BODY, "");
  await shows(["-bq"], PRETTY, "", true);
  for (const terminal of [false, true]) {
    const { stdout, stderr } = await run(main, ["-i", server.url], {
      terminal,
    });
    assertEquals(stderr, "");
    assertMatch(
      stripColors(stdout).replaceAll("\r\n", "\n"),
      /^HTTP\/1\.1 200 OK\n([a-z-]+: .*\n)*content-type: application\/json; charset=utf-8\n([a-z-]+: .*\n)*\n\{/,
    );
  }
});

Deno.test("get makes remote bytes safe on a terminal: body, headers, JSON strings", async () => {
  const evil = "a\x1b]0;t\x07\u202eb\u009b\xff";
  await using text = serveRaw(
    () => [response("", []), evil, new Uint8Array([0xff])],
  );
  const shown = await run(main, [text.url], { terminal: true });
  assertEquals(shown.stdout, "a\\x1b]0;t\\x07\\u202eb\\x9b\u00ff\ufffd\n");
  const type = "Content-Type: application/json";
  await using json = serveRaw(() => [response('["\x7f\u009b\u202e"]', [type])]);
  const pretty = await run(main, [json.url], { terminal: true });
  assertEquals(stripColors(pretty.stdout), '[\n  "\\x7f\\x9b\\u202e"\n]\n');
  await using broken = serveRaw(() => [response('["\x1b[2J"', [type])]);
  const as = await run(main, [broken.url], { terminal: true });
  assertEquals(as.stdout, '["\\x1b[2J"\n');
  await using head = serveRaw(() => [
    response("", ["X-A: caf\u00e9 \u009b2J", "Content-Length: 0"]),
  ]);
  const headers = await run(main, ["-i", head.url], { terminal: true });
  assertStringIncludes(headers.stdout, "X-A: café \\x9b2J\n");
  const piped = await run(main, ["-i", head.url]);
  assertStringIncludes(piped.stdout, "X-A: café \u009b2J\r\n");
});

Deno.test("get shows JSON that is not JSON as it came", async () => {
  for (const body of ["", "oops", '{"a": 1,}', '{"a":  [']) {
    await using server = serveJson(body);
    const { code, stdout } = await run(main, ["--pretty", server.url]);
    assertEquals([code, stdout], [0, body]);
    const shown = await run(main, [server.url], { terminal: true });
    assertEquals([shown.code, shown.stdout], [0, body && `${body}\n`]);
  }
});

Deno.test("get exits by the class of the status, and shows the body", async () => {
  for (
    const [status, code] of [
      [200, 0],
      [204, 0],
      [299, 0],
      [300, 3],
      [304, 3],
      [404, 4],
      [500, 5],
      [599, 5],
    ] as const
  ) {
    const body = status === 204 || status === 304 ? "" : "body";
    await using server = serveHttp(() =>
      new Response(body || null, { status })
    );
    const result = await run(main, [server.url]);
    assertEquals([result.code, result.stdout], [code, body]);
    assertStringIncludes(result.stderr, `${status}`);
  }
  await using server = serveHttp(() => new Response(null, { status: 304 }));
  assertEquals((await run(main, [server.url, 'If-None-Match:"x"'])).code, 0);
});

Deno.test("get says why a redirect is not followed, and exits 3", async () => {
  await using server = serveHttp(() =>
    new Response("moved", { status: 302, headers: { location: "ftp://a/" } })
  );
  const { code, stdout, stderr } = await run(main, [server.url]);
  assertEquals([code, stdout, stderr], [
    3,
    "moved",
    "302 Found\nNot followed: ftp is neither http nor https\n",
  ]);
});

Deno.test("get sends its method, headers and query", async () => {
  await using server = serveHttp(({ method, url, headers }) =>
    new Response(`${method} ${new URL(url).search} ${headers.get("x-a")}`)
  );
  const { stdout } = await run(main, [
    "-X",
    "options",
    `${server.url}/?a=1`,
    "X-A:b",
    "q==c d",
  ]);
  assertEquals(stdout, "OPTIONS ?a=1&q=c+d b");
  assertEquals((await run(main, ["-XHEAD", server.url])).stdout, "");
});

Deno.test("get shows what came of a body that is cut short, and exits 18", async () => {
  await using server = serveRaw(() => [
    response('{"a":1', [
      "Content-Length: 99",
      "Content-Type: application/json",
    ]),
  ]);
  const said =
    `get: Cannot read ${server.url}/: cut short after 6 of 99 bytes\n`;
  const { code, stdout, stderr } = await run(main, [server.url]);
  assertEquals([code, stdout, stderr], [18, '{"a":1', `200 OK\n${said}`]);
  const shown = await run(main, [server.url], { terminal: true });
  assertEquals([shown.code, shown.stdout], [18, '{"a":1\n']);
});

Deno.test("get says in one line what is wrong, and exits as the table says", async () => {
  const closed = closedUrl();
  await using silent = serveRaw(() => [], { hold: true });
  for (
    const [args, code, said] of [
      [[closed], 7, `Cannot connect to ${closed.slice(7)}: connection refused`],
      [
        ["http://nowhere.invalid"],
        6,
        "Cannot resolve nowhere.invalid: unknown host",
      ],
      [
        ["-t", "0.05", silent.url],
        28,
        `Cannot get ${silent.url}/: no answer within 0.05 s`,
      ],
      [["http://[::1"], 2, 'Cannot parse URL "http://[::1"'],
      [["localhost:65536"], 2, 'Cannot parse URL "localhost:65536"'],
      [["name==x"], 2, 'Cannot parse URL "name==x"'],
      [["X-Key:v"], 2, 'Cannot parse URL "X-Key:***"'],
      [
        ["file:///etc/passwd"],
        2,
        'Cannot use URL "file:///etc/passwd": expected http or https',
      ],
      [[closed, "oops"], 2, 'Cannot parse item "oops"'],
      [[closed, "a=b"], 2, 'Cannot send "a=b": get has no body'],
      [["-X", "A B", closed], 2, 'Cannot use method "A B"'],
      [
        ["-t", "1,soon", closed],
        2,
        'Cannot parse seconds "soon" of --timeout: expected',
      ],
      [["-b", "-i", closed], 2, "Cannot use --body and --include together"],
      [
        ["--raw", "--pretty", closed],
        2,
        "Cannot use --raw and --pretty together",
      ],
      [
        ["-H", "a:b", closed],
        2,
        'Unknown option "-H"\nhint: headers are items',
      ],
      [
        ["--prety", closed],
        2,
        'Unknown option "--prety"\nhint: did you mean --pretty?',
      ],
    ] as const
  ) {
    const result = await run(main, args);
    assertEquals([result.code, result.stdout], [code, ""], said);
    assertStringIncludes(result.stderr, `get: ${said}`);
    assertMatch(result.stderr, /^get: .*\n(hint: .*\n)?$/);
  }
});

Deno.test("get ends quietly when nobody reads its output any more", async () => {
  await using server = serveHttp(() => new Response("x".repeat(1_000_000)));
  const { code, stderr } = await run(main, [server.url], { closedStdout: 10 });
  assertEquals([code, stderr], [0, "200 OK\n"]);
});

Deno.test("a status is not lost when nobody reads its body to the end", async () => {
  await using server = serveHttp(({ url }) =>
    Response.json({ text: "x".repeat(1_000_000) }, {
      status: Number(new URL(url).pathname.slice(1)),
    })
  );
  const ways = [[], ["--json"], ["--include"], ["--pretty"], ["-q"], ["-v"]];
  for (const [status, expected] of [[200, 0], [404, 4], [500, 5]] as const) {
    const url = `${server.url}/${status}`;
    for (const way of ways) {
      for (const [command, more] of [[main, []], [post, ["a=1"]]] as const) {
        const args = [...way, url, ...more];
        const { code } = await run(command, args, { closedStdout: 10 });
        assertEquals(code, expected, args.join(" "));
      }
    }
  }
});

Deno.test("get -o saves all of it when nobody reads stdout, and what is no file has its status' code", async () => {
  await using server = serveHttp(({ url }) =>
    new Response("x".repeat(100_000), {
      status: url.endsWith("/none") ? 404 : 200,
    })
  );
  await withFiles({}, async (folder) => {
    const args = ["-i", "-o", `${folder}/f`, server.url];
    const saved = await run(main, args, { closedStdout: 0 });
    assertEquals([saved.code, saved.stdout], [0, ""]);
    assertEquals(Deno.statSync(`${folder}/f`).size, 100_000);
    const none = ["-o", `${folder}/none`, `${server.url}/none`];
    assertEquals((await run(main, none, { closedStdout: 10 })).code, 4);
    assertEquals([...Deno.readDirSync(folder)].length, 1);
  });
});

Deno.test("get goes to the tutorial's URL when it is told nothing, where it may", async () => {
  const { code, stderr } = await spawn("get", [], {
    env: { HTTPS_PROXY: closedUrl() },
  }).result;
  assertEquals(code, 7, stderr);
  assertStringIncludes(stderr, "jsonplaceholder.typicode.com");
});

Deno.test("get names the command that would be permitted, without its secrets", async () => {
  const { code, stdout, stderr } = await spawn("get", [
    "https://a.example/?token=x",
    "Authorization:Bearer x",
  ]).result;
  assertEquals([code, stdout], [1, ""]);
  assertEquals(
    stderr,
    "get: Cannot get https://a.example/?token=***: net access to a.example:443 is not permitted\n" +
      `hint: deno run --allow-net=a.example:443 ${
        quote(`${ROOT}tasks/get.ts`)
      } ` +
      "'https://a.example/?token=***' 'Authorization:***'\n",
  );
});

Deno.test("get stops at a redirect to a host that it may not reach", async () => {
  await using server = serveHttp(() =>
    Response.redirect("http://a.example/", 302)
  );
  const { code, stderr } = await spawn("get", [server.url]).result;
  assertEquals(code, 1);
  assertStringIncludes(stderr, "a.example:80 is not permitted\nhint: deno run");
  assertStringIncludes(
    stderr,
    ` --allow-net=${new URL(server.url).host},a.example:80 `,
  );
});

Deno.test("a signal ends get while it waits, while it reads and while nobody reads it", async () => {
  await using stalled = serveRaw(
    () => [response("part", ["Content-Length: 100"])],
    { hold: true },
  );
  let sent = 0;
  await using endless = serveHttp(() =>
    new Response(ReadableStream.from((function* () {
      while (true) {
        sent++;
        yield new Uint8Array(65_536);
      }
    })()))
  );
  for (const [signal, code] of [["SIGINT", 130], ["SIGTERM", 143]] as const) {
    const asked = Promise.withResolvers<void>();
    await using silent = serveRaw(() => (asked.resolve(), []), { hold: true });
    const waiting = spawn("get", [silent.url]);
    // one that ends by itself has said why
    const early = await Promise.race([asked.promise, waiting.result]);
    assertEquals(early, undefined);
    waiting.kill(signal);
    assertEquals((await waiting.result).code, code);
    const reading = spawn("get", [stalled.url]);
    await reading.stdout.waitFor("part");
    reading.kill(signal);
    assertEquals((await reading.result).code, code);
    sent = 0;
    await using writing = new Deno.Command(Deno.execPath(), {
      args: ["run", ...flagsOf("get"), `${ROOT}tasks/get.ts`, endless.url],
      stdout: "piped",
      stderr: "null",
    }).spawn();
    await settled(() => sent);
    writing.kill(signal);
    // one that does not end by itself is killed by the guard, and exits 137
    const guard = setTimeout(() => writing.kill("SIGKILL"), 5000);
    assertEquals((await writing.status).code, code);
    clearTimeout(guard);
    await writing.stdout.cancel();
  }
});

/** What people type who know curl, wget or HTTPie, and a word of the answer to each. */
const HABITS: readonly (readonly [typed: string, ...said: string[]])[] = [
  ["-b a=b URL", "the URL comes first", "Cookie:name=value"],
  ["X:y URL", "the URL comes first"],
  ["POST URL a=b", "to post: deno task post URL title=foo"],
  ["-O - URL", 'Cannot use "-" as a URL', "stdout by itself, without -O -"],
  ["URL -O -", "on stdout already"],
  ["-qO- URL", "to stdout already: deno task get -q URL"],
  ["-O- URL", "to stdout already: deno task get -q URL"],
  ["-O page.html URL", "to save: -o FILE URL"],
  ["-c jar URL", "cookies are kept with --session FILE"],
  ["-sSL URL", '"-s", "-S", "-L"', "-s: ", "-S: errors", "-L: safe redirects"],
  ["-s -S -L URL", '"-s", "-S", "-L"', "-s: ", "-S: errors", "-L: safe"],
  ["-fsSLo x -w %{http_code} URL", '"-s", "-S", "-L", "-w"', "--json"],
  ["-w %{http_code} URL", "the status", "--json", "--time", "the exit code"],
  ["--follow URL", "Cannot follow a URL", "followed already"],
  ["URL --follow", "followed already"],
  ["-F URL", "-F: redirects are followed already"],
  ["-K x URL", "is not there: no file of options"],
  ["-# URL", "on a terminal already"],
  ["--progress-bar URL", "on a terminal already"],
  ["--retry-delay 1 URL", "Retry-After", "--retry N"],
  ["--retry-all-errors URL", "again already", "--retry N"],
  ["--fail-with-body URL", "exits 4 or 5 already, and its body is shown"],
  ["--create-dirs URL", "is not there", "get -o FOLDER/FILE URL"],
  ["--limit-rate 1k URL", "is not there"],
  ["-z x URL", "If-Modified-Since"],
  ["-R URL", "is not there"],
  ["--delete URL", "-X DELETE"],
  ["--save x URL", "get -o FILE URL"],
  ["--accept a/b URL", "get URL Accept:TYPE"],
  ["--content-type a/b URL", "post URL Content-Type:TYPE"],
  ["--no-ssl URL", "-k; without TLS: http://"],
  ["--file x URL", "post URL @FILE"],
  ["--redirect URL", "followed already; all of them: --follow all"],
  ["-d {} URL", "JSON as it is: echo '...' | deno task post URL -"],
  ["--ntlm URL", "is not there", "--auth USER, with --digest"],
  ["--anyauth URL", "Digest --digest --auth USER"],
  ["--auth-type basic URL", "--auth USER", "--bearer TOKEN"],
  ["--oauth2-bearer x URL", "--bearer TOKEN"],
  ["--ignore-stdin URL", "for - alone already"],
  ["--style x URL", "is not there", "--pretty"],
  ["--interface x URL", "is not there"],
  ["--tlsv1.2 URL", "TLS 1.2 and 1.3 alone are spoken already"],
  ["-Z URL", "one after the other: deno task get URL URL"],
  ["--remote-name-all URL", "deno task get -O URL URL"],
  ["-A digest URL", "--digest"],
  ["--netrc-file x URL", "--netrc FILE"],
  ["--ignore-netrc URL", "unless you say --netrc"],
  ["-n URL", "--netrc;", "wget's -nv is -q"],
  ["--noproxy x URL", "--proxy ''"],
  [
    "--data-urlencode q=x -G URL",
    "of a query: deno task get URL name==value",
    "-G: ",
  ],
  ["-d q=x -G URL", "-G: the query is items: deno task get URL name==value"],
  [
    "-f URL",
    "deno task post -f URL",
    "curl's -f: a status of 400 or more exits",
  ],
  ["--form URL", "deno task post -f URL"],
  ["--max-headers 9 URL", "is not there"],
  ["--keepalive-time 9 URL", "is not there"],
  ["--tcp-nodelay URL", "on already"],
  ["--skip-existing -O URL", "nothing that is there is written over"],
  ["--hsts x URL", "get https://HOST/PATH"],
  ["--https URL", "get https://HOST/PATH"],
  ["--proto x URL", "get https://HOST/PATH"],
  ["--crlfile x URL", "is not there", "--pin SHA256"],
  ["--request-target /x URL", "--path-as-is"],
  ["-0 URL", "--http=1.1"],
  ["-T x URL", "post -X PUT URL @FILE", "--timeout HEAD,IDLE,TOTAL"],
  ["--spider URL", "get -X HEAD -i URL"],
  ["--max-redirect 1 URL", "--max-redirects N"],
];

Deno.test("what is typed from habit is answered in one line and one hint, and nothing is sent", async () => {
  for (const [typed, ...said] of HABITS) {
    const args = typed.split(" ").map((word) => word === "URL" ? ":9/x" : word);
    const { code, stdout, stderr } = await run(main, args);
    assertEquals([code, stdout], [2, ""], typed);
    assertMatch(stderr, /^get: .*\nhint: (?!see).*\n$/);
    for (const text of said) assertStringIncludes(stderr, text, typed);
  }
});

Deno.test("every hint for a habit names options that are there", () => {
  const own = Object.entries({
    ...EXCHANGE_OPTIONS,
    ...FORM_OPTIONS,
    debug: {},
    help: {},
  });
  const names = new Set([
    ...own.flatMap(([name, option]) => [
      formatOptionName(name),
      ..."short" in option ? [`-${option.short}`] : [],
    ]),
    "--version",
  ]);
  const typed = Object.keys(EXCHANGE_HINTS).flatMap((key) => key.split(" "));
  assertEquals(typed.length, new Set(typed).size);
  for (const name of typed) assert(!names.has(name), name);
  for (const [key, hint] of Object.entries(EXCHANGE_HINTS)) {
    // what it says of another tool is in its name: wget's -nv
    const ours = hint.replace(/\w+'s -\w+/g, "").replace(/\bits -\w+/g, "");
    for (const [name] of ours.matchAll(/(?<![^\s(])--?[a-z][\w-]*/gi)) {
      assert(names.has(name), `${key}: ${name}`);
    }
  }
});

Deno.test("every command in a hint for a habit can be typed", async () => {
  const commands = Object.values(EXCHANGE_HINTS).flatMap((hint) =>
    [...hint.matchAll(/\b(get|post) (?=-|URL|https:)[^;,&]*/g)].map((
      [command],
    ) => command)
  );
  assert(commands.length > 30, `${commands.length}`);
  await withFiles({ FILE: "{}", "FOLDER-FILE": "" }, async (folder) => {
    for (const command of new Set(commands)) {
      const [name, ...words] = command.trim().replaceAll("'", "").split(" ");
      const args = words.map((word) =>
        word.replace(/^URL$/, ":9/").replace("HOST", "localhost")
          .replace("FILE", `${folder}/FILE`).replace("FOLDER/", "")
      );
      const { code, stderr } = await run(name === "get" ? main : post, [
        "--offline",
        ...args,
      ], { stdin: "{}" });
      // of several URLs each is named
      const said = stderr.replace(/^hidden: .*; --show-secrets\n$/, "")
        .replace(/^http:\/\/localhost:9\/$\n/gm, "");
      assertEquals([code, said], [0, ""], command);
    }
  });
});

Deno.test("secrets in output: a password in a URL without a scheme is in no hint", async () => {
  const { code, stderr } = await spawn("get", ["ada:pw1@a.example/x", "X:y"])
    .result;
  assertEquals(code, 1);
  assertStringIncludes(
    stderr,
    `${quote(`${ROOT}tasks/get.ts`)} '***@a.example/x' X:y\n`,
  );
  assert(!stderr.includes("pw1"), stderr);
});

const PROBLEM = "application/problem+json";

Deno.test("why a response is so is said in one line, from any server", async () => {
  const problem = (fields: object) => JSON.stringify(fields);
  for (
    const [headers, body, said] of [
      [["X-Reason: no such post"], "{}", "reason: no such post\n"],
      [["X-Reason: né"], "{}", "reason: né\n"],
      [["X-Reason: "], "{}", ""],
      [
        ["X-Ignored-Query: usrId;did-you-mean=userId, a%20b"],
        "[]",
        "ignored: usrId; did you mean userId?, a b\n",
      ],
      [
        ["X-Ignored-Query: a", "X-Reason: b"],
        "[]",
        "reason: b\nignored: a\n",
      ],
      [
        [`Content-Type: ${PROBLEM}`],
        problem({ title: "Gone", detail: "It\nwas  sold" }),
        "reason: Gone: It was sold\n",
      ],
      [
        [`content-type: ${PROBLEM};charset=utf-8`],
        problem({ title: "Gone" }),
        "reason: Gone\n",
      ],
      [[`Content-Type: ${PROBLEM}`], problem({ detail: 1 }), ""],
      [[`Content-Type: ${PROBLEM}`], "no JSON", ""],
      [[`Content-Type: ${PROBLEM}`], "[]", ""],
      [["Content-Type: application/json"], problem({ title: "Gone" }), ""],
      // once, where both say it
      [
        ["X-Reason: sold", `Content-Type: ${PROBLEM}`],
        problem({ title: "Gone", detail: "sold" }),
        "reason: sold\n",
      ],
    ] as const
  ) {
    const bytes = new TextEncoder().encode(body).length;
    await using server = serveRaw(() => [
      response(body, [...headers, `Content-Length: ${bytes}`], "410 Gone"),
    ]);
    for (const command of [main, post]) {
      const { code, stdout, stderr } = await run(command, [server.url]);
      assertEquals([code, stdout, stderr], [4, body, `410 Gone\n${said}`]);
    }
    for (const silent of ["-q", "-b"]) {
      const { stdout, stderr } = await run(main, [silent, server.url]);
      assertEquals([stdout, stderr], [body, ""]);
    }
  }
});

Deno.test("a reason is said once with -v and -i, and with posts", async () => {
  await using server = serveRaw(() => [
    response("[]", [
      "X-Reason: because",
      "X-Ignored-Query: a",
      "Content-Length: 2",
    ], "404 Not Found"),
  ]);
  for (const option of ["-v", "-i"]) {
    const { stdout, stderr } = await run(main, [option, server.url]);
    assertEquals((stdout + stderr).split("because").length, 2);
  }
  const { stderr } = await run(posts, ["--url", server.url]);
  assertEquals(stderr.split("because").length, 2);
});

Deno.test("no terminal obeys a reason, and a long one is cut", async () => {
  const detail = `\x1b]0;t\x07\u009b2J\u202e${"x".repeat(9000)}`;
  await using server = serveHttp(() =>
    new Response(JSON.stringify({ title: "a", detail }), {
      headers: { "content-type": PROBLEM },
    })
  );
  const { stderr } = await run(main, [server.url], {
    terminal: { stderr: true },
  });
  assertMatch(
    stderr,
    /\nreason: a: \\x1b\]0;t\\x07\\x9b2J\\u202ex{400,500}\n$/,
  );
  const long = JSON.stringify({ title: "a", detail: "y".repeat(100_000) });
  await using large = serveHttp(() =>
    new Response(long, { headers: { "content-type": PROBLEM } })
  );
  const result = await run(main, [large.url]);
  assertEquals([result.stdout, result.stderr], [long, "200 OK\n"]);
});

Deno.test("what answers without HTTP gets a hint at client", async () => {
  const greet = async (conn: Deno.Conn) => {
    await conn.write(encode("Hello, Client!"));
    // until it has gone: what it sent would be lost in a reset
    while (await conn.read(new Uint8Array(4096)) !== null);
  };
  const echo = async (conn: Deno.Conn) => {
    const buffer = new Uint8Array(4096);
    for (;;) {
      const count = await conn.read(buffer);
      if (count === null) return;
      await conn.write(buffer.subarray(0, count));
    }
  };
  for (const talk of [greet, echo]) {
    await using server = listening(talk);
    for (const command of [main, post]) {
      const { code, stderr } = await run(command, [`127.0.0.1:${server.port}`]);
      assertEquals(code, 1);
      assertStringIncludes(
        stderr,
        `hint: to talk to it without HTTP: deno task client 127.0.0.1:${server.port}\n`,
      );
    }
  }
});

const QUERY = "if it is meant for the query";
const ONE_BY_ONE = "are asked one after the other";

Deno.test("an option that nobody knows may be a part of the query, but not one that sounds secret", async () => {
  for (
    const [command, option, hint] of [
      [main, "--userId=1", `${QUERY}: userId==1`],
      [main, "--_limit=3", `${QUERY}: _limit==3`],
      [main, "--userId", `${QUERY}: userId==VALUE`],
      [main, "--apitoken=s3cret", "see deno task get --help"],
      [main, "--pwd=hunter2", "see deno task get --help"],
      [main, "--sig", "see deno task get --help"],
      [main, "--token=s3cret", "a token: --bearer TOKEN, or --bearer @FILE"],
      [post, "--title=foo", `${QUERY}: title==foo; as a field: title=foo`],
      [post, "-Z", `several URLs ${ONE_BY_ONE}: deno task get URL URL`],
      [post, "-G", "the query is items: deno task get URL name==value"],
      [post, "-I", "for the headers alone: deno task post -X HEAD -i URL"],
      [posts, "--userId=1", "if it is a filter or a field: userId=1"],
      [posts, "--pwd=hunter2", "see deno task posts --help"],
      [posts, "--format=yaml", "--json, --ndjson, --csv or --table"],
      [posts, "--page=2", "one page: deno task posts _page=2"],
      [posts, "--port=3000", "the API: --url :PORT"],
      [main, "--tiemout=1", "did you mean --timeout? see deno task get --help"],
      [main, "--hlep", "did you mean --help? see deno task get --help"],
    ] as const
  ) {
    const { code, stderr } = await run(command, [":9", option]);
    assertEquals([code, stderr.split("\n")[1]], [2, `hint: ${hint}`], option);
  }
});

Deno.test("--curl and --offline say what they hid, unless they are silent", () =>
  withFiles({ "f.json": '{"token":"s3cret"}' }, async (folder) => {
    const file = `${folder}/f.json`;
    for (
      const [args, said] of [
        [["--curl", ":9", "X-Api-Key:abc"], "hidden: X-Api-Key"],
        [["--offline", ":9", "X-Api-Key:abc"], "hidden: x-api-key"],
        [["--curl", ":9", "password=x", "a=b"], "hidden: password"],
        [
          ["--curl", "-f", ":9", "password=x", "a@deno.json"],
          "hidden: password",
        ],
        [["--curl", ":9?token=x"], "hidden: a part of the URL"],
        [["--curl", "--auth=a:b", ":9"], "hidden: authorization"],
        [
          ["--curl", "--proxy=http://a:b@h:1", ":9"],
          "hidden: the password of --proxy",
        ],
        [["--curl", "-q", ":9", "X-Api-Key:abc"], undefined],
        [["--curl", "--show-secrets", ":9", "X-Api-Key:abc"], undefined],
        [["--curl", ":9", "X-A:b"], undefined],
        // curl reads the file itself
        [["--curl", ":9", `@${file}`], undefined],
        [["--offline", ":9", `@${file}`], "hidden: a part of the body"],
      ] as const
    ) {
      const { code, stderr } = await run(post, args);
      const expected = said === undefined ? "" : `${said}; --show-secrets\n`;
      assertEquals([code, stderr.toLowerCase()], [0, expected.toLowerCase()]);
    }
  }));

Deno.test("an empty name is that of no file", async () => {
  for (const option of ["-o", "--ca", "--cert"]) {
    const { code, stderr } = await run(main, [option, "", ":9"]);
    assertEquals(code, 2);
    assertStringIncludes(stderr, 'Cannot use "" as a file: expected its name');
  }
  for (
    const [command, ...args] of [
      [posts, "--ca", "", "--url=:9"],
      [client, "--cert", "", ":9"],
      [server, "--file", ""],
    ] as const
  ) {
    const { code, stderr } = await run(command, args);
    assertEquals(code, 2);
    assertStringIncludes(stderr, 'Cannot use "" as a file: expected its name');
  }
});

Deno.test("without a network the tutorial's command names an API of one's own", async () => {
  const { fetch } = globalThis;
  globalThis.fetch = () =>
    Promise.reject(
      new TypeError("fetch failed", {
        cause: new Error("dns error: failed to lookup address information"),
      }),
    );
  try {
    const typed = ["http://jsonplaceholder.typicode.com/posts"];
    for (
      const [command, args] of [[main, []], [post, []], [main, typed]] as const
    ) {
      const { code, stderr } = await run(command, args);
      assertEquals(code, 6);
      assertStringIncludes(
        stderr,
        "hint: start an API of your own with: deno task api, and ask it with: :3000/posts\n",
      );
    }
  } finally {
    globalThis.fetch = fetch;
  }
});

Deno.test("a hint at http or https keeps path and query, so that it can be pasted", async () => {
  await using plain = serveHttp(() => new Response("x"));
  const { cert, key } = await makeCertificate();
  const tls = Deno.serve(
    { hostname: "127.0.0.1", port: 0, onListen() {}, cert, key },
    () => new Response("x"),
  );
  const { host } = new URL(plain.url);
  const secure = `127.0.0.1:${tls.addr.port}`;
  for (
    const [typed, meant] of [
      [`https://${host}/posts`, `http://${host}/posts`],
      [`https://${host}/a?b=1&c=2`, `'http://${host}/a?b=1&c=2'`],
      [
        `https://${host}/a?b=1&token=x`,
        `'http://${host}/a?b=1&token=***'`,
      ],
      [`http://${secure}/a/b?c`, `'https://${secure}/a/b?c'`],
    ] as const
  ) {
    const { code, stderr } = await run(main, [typed]);
    assert(code !== 0);
    assertStringIncludes(stderr, `, try ${meant}\n`);
  }
  await tls.shutdown();
});

Deno.test("an option that has taken the URL for its value sends nothing to anybody else", async () => {
  const { fetch } = globalThis;
  let asked = 0;
  globalThis.fetch = () => Promise.reject(new Error(`${++asked}`));
  try {
    for (
      const [option, url] of [
        ["--auth", ":3000/posts"],
        ["--bearer", "http://localhost:3000/"],
        ["--output", "localhost:3000"],
        ["--pin", "localhost:3000/posts"],
        ["--resolve", "https://localhost:3000/"],
      ] as const
    ) {
      const { code, stderr } = await run(main, [option, url]);
      assertEquals([code, stderr], [
        2,
        `get: Cannot use a URL as the value of ${option}\nhint: the value comes first: ${option} VALUE URL\n`,
      ]);
    }
    assertEquals(asked, 0);
  } finally {
    globalThis.fetch = fetch;
  }
});

Deno.test("a URL of this machine without a port is told the port of an API", async () => {
  const { fetch } = globalThis;
  const { connect } = Deno;
  const refused = new Error(
    "tcp connect error: Connection refused (os error 111)",
  );
  // something may listen on port 80 here
  globalThis.fetch = () =>
    Promise.reject(new TypeError("fetch failed", { cause: refused }));
  Object.assign(Deno, { connect: () => Promise.reject(refused) });
  try {
    for (const host of ["localhost", "127.0.0.1", "[::1]", "a.localhost"]) {
      const { code, stderr } = await run(main, ["--retry=0", `${host}/a?b`]);
      assertEquals(code, 7);
      assertStringIncludes(
        stderr,
        "hint: without a port it is 80; the api listens on 3000: ':3000/a?b'\n",
      );
    }
    const { stderr } = await run(main, ["--retry=0", "127.0.0.1:81"]);
    assertStringIncludes(stderr, "a server below port 1024 needs root\n");
  } finally {
    globalThis.fetch = fetch;
    Object.assign(Deno, { connect });
  }
});
