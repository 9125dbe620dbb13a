import { assert, assertEquals, assertRejects, assertThrows } from "@std/assert";
import * as fc from "fast-check";
import { Failure } from "../../../lib/cli/errors.ts";
import { describe, exitCodeOf } from "../../../lib/cli/reasons.ts";
import { main } from "../../../tasks/get.ts";
import {
  findLogin,
  locateNetrc,
  readNetrc,
} from "../../../tasks/get/auth/netrc.ts";
import { EXCHANGE_OPTIONS } from "../../../tasks/get/options.ts";
import { requiredPermissions } from "../../../tasks/get/send/network.ts";
import { parseCommandLine } from "../../../lib/cli/options.ts";
import { serveHttp } from "../../http/server.ts";
import {
  createMemoryIo,
  flagsOf,
  ROOT,
  run,
  spawnDeno,
} from "../../support.ts";
import { withFiles } from "../support.ts";

/** `user:password` of what is found. */
function find(text: string, host?: string, user?: string): string | undefined {
  const found = findLogin(text, host ?? "h", user);
  return found && `${found.user}:${found.password}`;
}

Deno.test("a netrc file with a fault is refused by its line, without what it says", () => {
  for (
    const [text, message] of [
      ['machine h login "a b password s3c', "line 1: a quote is not closed"],
      ['machine h\nlogin a\npassword "s3c\n"', "line 3: a quote is not closed"],
      ['machine h login a password "s3c\\', "line 1: a quote is not closed"],
      ['machine s3c login "\r\nmachine h login a', "line 1: a quote is not"],
      ["machine h login a password", "line 1: password has no value"],
      ["machine h\nlogin # s3c", "line 2: login has no value"],
      ["machine x login s3c\nmachine", "line 2: machine has no value"],
    ] as const
  ) {
    const error = assertThrows(() => find(text), Failure, message);
    assert(!error.message.includes("s3c"), error.message);
  }
});

Deno.test("a netrc file gives the login that curl and ftp take", () => {
  for (
    const [text, expected] of [
      ["", undefined],
      ["machine x login a password p", undefined],
      ["machine h login a password p", "a:p"],
      ["machine\nh\nlogin\na\npassword\np", "a:p"],
      ["machine h\r\n\tlogin a\r\n\tpassword p\r\n", "a:p"],
      ["\tmachine\th login a\x0bpassword p", "a:p"],
      ["MACHINE H LOGIN a PASSWORD p", "a:p"],
      ["machine h password p login a", "a:p"],
      ["machine h login a account x password p", "a:p"],
      ["machine h login a account machine password p", "a:p"],
      // the first entry that is whole; without one the first that is not
      ["machine h login a password p\nmachine h login b password q", "a:p"],
      ["machine h login a\nmachine h login b password q", "b:q"],
      ["machine h login a\nmachine x login b password q", "a:"],
      ["machine h password p\nmachine h login b", ":p"],
      ["machine h\nmachine h", undefined],
      // what is said twice counts as it was said last, up to where the entry is whole
      ["machine h login a login b password p", "b:p"],
      ["machine h password p password q login a", "a:q"],
      ["machine h login a password p login b", "a:p"],
      // default is for any host, where it stands
      ["machine x login a password p\ndefault login d password q", "d:q"],
      ["default login d password q\nmachine h login a password p", "d:q"],
      ["default login d\nmachine h login a password p", "a:p"],
      ["default", undefined],
      // comments
      ["# machine h login x password y\nmachine h login a password p", "a:p"],
      ["machine h login a # x\npassword p", "a:p"],
      ["machine h login a password p#q", "a:p#q"],
      ['machine h login a password "#p"', "a:#p"],
      ["machine h# x\nlogin a password p", undefined],
      // quotes
      ['machine h login "a b" password "p\\"q\\\\r\\ns"', 'a b:p"q\\r\ns'],
      ['machine h login a password "\\t\\r\\x"', "a:\t\rx"],
      ['"machine" "h" "login" a "password" p', "a:p"],
      ['machine h login a password ""', "a:"],
      ['machine h login "" password p', ":p"],
      ['machine h login a"b password p"q', 'a"b:p"q'],
      ['machine h login "a"b password p', "a:p"],
      ["machine h login a password p\\q", "a:p\\q"],
      // macros end at an empty line
      [
        "macdef m\nmachine h login x password y\n\nmachine h login a password p",
        "a:p",
      ],
      [
        "machine x login x password y\nmacdef m\nmachine h login x password y\n\nmachine h login a password p",
        "a:p",
      ],
      [
        "macdef m\r\nmachine h login x password y\r\n\r\nmachine h login a password p",
        "a:p",
      ],
      [
        "macdef m\n \nmachine h login x password y\n\nmachine h login a password p",
        "a:p",
      ],
      ["machine h login a\nmacdef m\n ls\n\npassword p", "a:p"],
      ["macdef m\nmachine h login x password y", undefined],
      // what nobody knows is passed over, and words that stand for values are values
      ["x machine h port 21 login a password p", "a:p"],
      ["machine h login machine password default", "machine:default"],
      ["machine machine h login a password p", undefined],
      [
        "machine x login machine password h\nmachine h login a password p",
        "a:p",
      ],
      [
        "machine x login macdef password x\nmachine h login a password p",
        "a:p",
      ],
      // no port, no part of a name
      ["machine h:80 login a password p", undefined],
      ["machine h. login a password p", undefined],
      ["machine .h login a password p", undefined],
      // what comes after a login is not looked at
      ['machine h login a password p\nmachine x login "', "a:p"],
    ] as const
  ) assertEquals(find(text), expected, text);
});

Deno.test("a netrc file gives a user that is known nobody else's password", () => {
  const two = "machine h login a password p machine h login b password q";
  for (
    const [text, user, expected] of [
      [two, "a", "a:p"],
      [two, "b", "b:q"],
      [two, "c", undefined],
      [two, "A", undefined],
      [`${two}\ndefault login c password r`, "c", "c:r"],
      [`default login c password r\n${two}`, "b", "b:q"],
      ["machine h password p", "a", undefined],
      ["machine h login a", "a", undefined],
    ] as const
  ) assertEquals(find(text, "h", user), expected, text);
});

Deno.test("a netrc file names hosts as URLs have them", () => {
  const text = "machine bücher.example login a password p\n" +
    "machine ::1 login b password q\nmachine 10.0.0.1 login c password r";
  assertEquals(find(text, "xn--bcher-kva.example"), "a:p");
  assertEquals(find(text, "::1"), "b:q");
  assertEquals(find(text, "10.0.0.1"), "c:r");
});

Deno.test("for any logins a netrc file that is written with them gives each one", () => {
  const quote = (text: string) =>
    `"${
      text.replace(/["\\]/g, "\\$&").replace(/\n/g, "\\n").replace(/\r/g, "\\r")
    }"`;
  const entry = fc.record({ user: fc.string(), password: fc.string() });
  const gap = fc.constantFrom(" ", "\n", "\t", "\r\n", " # machine\n");
  fc.assert(fc.property(fc.array(entry), gap, (entries, gap) => {
    const text = entries.flatMap(({ user, password }, at) => [
      ...["machine", `h${at}`, "login", quote(user)],
      ...["password", quote(password)],
    ]).join(gap);
    for (const [at, entry] of entries.entries()) {
      assertEquals(findLogin(text, `h${at}`), entry);
      assertEquals(findLogin(text, `H${at}`.toLowerCase(), entry.user), entry);
    }
    assertEquals(findLogin(text, `h${entries.length}`), undefined);
  }));
});

Deno.test("a long netrc file is read in a time that grows with its length", () => {
  const start = performance.now();
  for (const text of [" ", '"a', "a", "machine x ", "\\", "# ", "\n"]) {
    try {
      findLogin(text.repeat(300_000), "h");
    } catch (error) {
      assert(error instanceof Failure);
    }
  }
  assert(performance.now() - start < 20_000);
});

Deno.test("a netrc file that cannot be read is named, with why", async () => {
  const url = new URL("http://h/");
  await withFiles({
    latin1: Uint8Array.of(109, 0xe4),
    fault: 'machine h login a password "s3c',
  }, async (folder) => {
    for (
      const [name, why] of [
        ["none", "no such file"],
        ["latin1", "it is not UTF-8"],
        ["fault", "line 1: a quote is not closed"],
      ]
    ) {
      const error = await assertRejects(
        () => readNetrc(`${folder}/${name}`, url),
        Failure,
      );
      assertEquals(describe(error), `Cannot read "${folder}/${name}": ${why}`);
      assertEquals(exitCodeOf(error), 1);
    }
  });
});

Deno.test("--netrc takes what looks like a file, and no URL", () => {
  for (
    const [args, netrc, operands] of [
      [["--netrc", ":3000"], "~/.netrc", [":3000"]],
      [["--netrc", "example.com/a"], "~/.netrc", ["example.com/a"]],
      [["--netrc", "http://h/.netrc"], "~/.netrc", ["http://h/.netrc"]],
      [["--netrc", "-q", ":1"], "~/.netrc", [":1"]],
      [[":1", "--netrc"], "~/.netrc", [":1"]],
      [["--netrc", "/home/a/b", ":1"], "/home/a/b", [":1"]],
      [["--netrc", "./b", ":1"], "./b", [":1"]],
      [["--netrc", "../b", ":1"], "../b", [":1"]],
      [["--netrc", ".netrc", ":1"], ".netrc", [":1"]],
      [["--netrc", "~/b", ":1"], "~/b", [":1"]],
      [["--netrc", "my.netrc", ":1"], "my.netrc", [":1"]],
      [["--netrc", "C:\\Users\\a\\_netrc", ":1"], "C:\\Users\\a\\_netrc", [
        ":1",
      ]],
      [["--netrc=logins", ":1"], "logins", [":1"]],
    ] as const
  ) {
    const line = parseCommandLine(EXCHANGE_OPTIONS, args);
    assertEquals([line.options.netrc, line.operands], [netrc, operands]);
  }
});

Deno.test("a home that may not be read is asked for by no permission: the hint names the file", async () => {
  const args = ["run", ...flagsOf("get"), `${ROOT}tasks/get.ts`, "--netrc"];
  const { code, stderr } = await spawnDeno([...args, ":9"]).result;
  assertEquals([code, stderr], [
    1,
    'get: Cannot read "~/.netrc": HOME is not known here\n' +
    "hint: the shell knows it: --netrc ~/.netrc\n",
  ]);
});

Deno.test("a home that may be read has the netrc file, whose permission is asked for", async () => {
  const home = Deno.env.get("HOME") ?? Deno.env.get("USERPROFILE") ?? "";
  assertEquals(locateNetrc("~/.netrc"), `${home}/.netrc`);
  const typed = { netrc: "~/.netrc" };
  const { read } = await requiredPermissions([":1"], typed);
  assertEquals(read, [`${home}/.netrc`]);
  const named = await requiredPermissions([":1"], { netrc: "/a/b" });
  assertEquals(named.read, ["/a/b"]);
});

const LOGIN = "machine 127.0.0.1 login ada password s3c\n";

/** Answers with the Authorization header; `/to?URL` redirects. */
function serveLogin() {
  return serveHttp((request) => {
    const { pathname, search } = new URL(request.url);
    if (pathname === "/to") return Response.redirect(search.slice(1));
    if (pathname === "/401") return new Response("no", { status: 401 });
    const value = request.headers.get("authorization") ?? "";
    return new Response(value.replace(/^Basic (.*)/, (_, text) => atob(text)));
  });
}

/** Lets nobody else use a file, where files have modes. */
async function makePrivate(path: string): Promise<void> {
  if (Deno.build.os !== "windows") await Deno.chmod(path, 0o600);
}

Deno.test("get logs in with what a netrc file says, unless more was typed", async () => {
  await using server = serveLogin();
  const url = server.url;
  await withFiles({ rc: LOGIN, none: "machine x login a" }, async (folder) => {
    await makePrivate(`${folder}/rc`);
    const rc = `--netrc=${folder}/rc`;
    for (
      const [args, expected] of [
        [[rc, url], "ada:s3c"],
        [[rc, url.replace("//", "//ada@")], "ada:s3c"],
        [[rc, url.replace("//", "//bob@")], "bob:"],
        [[rc, url.replace("//", "//bob:x@")], "bob:x"],
        [[rc, url.replace("//", "//:x@")], ":x"],
        [[rc, "-a", "ada", url], "ada:s3c"],
        [[rc, "-a", "ada:x", url], "ada:x"],
        [[rc, "--bearer=T", url], "Bearer T"],
        [[rc, url, "Authorization:T"], "T"],
        [[rc, url, "Authorization:"], ""],
        [[`--netrc=${folder}/none`, url], ""],
      ] as const
    ) {
      const { code, stdout, stderr } = await run(main, args);
      assertEquals([code, stdout, stderr], [0, expected, "200 OK\n"]);
    }
    // whose password is in no file is asked for it
    const { io, stderr } = createMemoryIo({ secret: "x" });
    assertEquals(await main([rc, "-a", "bob", url], io), 0);
    assertEquals(stderr.text.split(":")[0], "Password of bob at 127.0.0.1");
  });
});

Deno.test("a redirect to another host takes no login along, and looks for none", async () => {
  await using first = serveLogin();
  await using second = serveLogin();
  const other = second.url.replace("127.0.0.1", "localhost");
  const login = `${LOGIN}machine localhost login bob password x`;
  await withFiles({ rc: login }, async (folder) => {
    await makePrivate(`${folder}/rc`);
    const rc = `--netrc=${folder}/rc`;
    for (
      const [target, expected] of [
        [`${first.url}/`, "ada:s3c"],
        [`${other}/`, ""],
        [`${second.url}/`, ""],
        [`${other}/to?${first.url}/`, ""],
      ]
    ) {
      const args = [rc, "--follow=all", `${first.url}/to?${target}`];
      const { stdout, stderr } = await run(main, args);
      assertEquals([stdout, stderr], [expected, "200 OK\n"]);
    }
  });
});

Deno.test("a netrc file that others may use is used, with a warning", async () => {
  if (Deno.build.os === "windows") return;
  await using server = serveLogin();
  await withFiles({ rc: LOGIN }, async (folder) => {
    const rc = `${folder}/rc`;
    const warning = `Warning: others may use "${rc}": chmod 600 ${rc}\n`;
    for (const [mode, said] of [[0o600, ""], [0o640, warning]] as const) {
      await Deno.chmod(rc, mode);
      const sent = await run(main, ["--netrc", rc, server.url]);
      assertEquals([sent.stdout, sent.stderr], ["ada:s3c", `${said}200 OK\n`]);
    }
    const { stderr } = await run(main, ["-q", `--netrc=${rc}`, server.url]);
    assertEquals(stderr, "");
  });
});

Deno.test("a host that is not in the netrc file is named when it wants a login", async () => {
  await using server = serveLogin();
  await withFiles({ rc: "machine x login a password s3c" }, async (folder) => {
    const rc = `--netrc=${folder}/rc`;
    const { code, stderr } = await run(main, [rc, `${server.url}/401`]);
    assertEquals([code, stderr], [
      4,
      "401 Unauthorized\nhint: the netrc file has no login for it: --auth USER\n",
    ]);
  });
});

Deno.test("what a netrc file says is hidden where a request is shown", async () => {
  await withFiles({ rc: LOGIN }, async (folder) => {
    const rc = ["--netrc", `${folder}/rc`, "127.0.0.1:9"];
    for (const how of ["--curl", "--offline"]) {
      const { stdout, stderr } = await run(main, [how, ...rc]);
      assert(/authorization: Basic \*\*\*/.test(stdout), stdout);
      assert(!(stdout + stderr).includes("s3c"), stdout + stderr);
    }
  });
});
