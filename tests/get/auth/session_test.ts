import {
  assert,
  assertEquals,
  assertMatch,
  assertStringIncludes,
} from "@std/assert";
import fc from "fast-check";
import type { Cookie } from "tough-cookie";
import { createCookies } from "../../../lib/http/cookies.ts";
import { main as get } from "../../../tasks/get.ts";
import {
  formatEntry,
  parseEntry,
  parseSession,
} from "../../../tasks/get/auth/session.ts";
import { main as post } from "../../../tasks/post.ts";
import { main as posts } from "../../../tasks/posts.ts";
import { makeCertificate } from "../../../tasks/server/tls/certificate.ts";
import { response, serveHttp, serveRaw } from "../../http/server.ts";
import { type Main, run, spawn, spawnDeno, withFolder } from "../../support.ts";
import { filesIn, withFiles } from "../support.ts";

/** Sets what `c` of the query says, redirects to what `to` says, answers as `status` says, and else tells who asks. */
function answer({ url, headers }: Request): Response {
  const { searchParams } = new URL(url);
  const to = searchParams.get("to");
  const status = Number(searchParams.get("status") ?? (to ? 302 : 200));
  const who = ["cookie", "authorization"].map((name) => headers.get(name));
  return new Response(who.filter((each) => each !== null).join(" | "), {
    status,
    headers: [
      ...searchParams.getAll("c").map((line): [string, string] => [
        "set-cookie",
        line,
      ]),
      ...to ? [["location", to] as [string, string]] : [],
    ],
  });
}

/** A URL that sets cookies. */
const setting = (url: string, ...lines: string[]) =>
  `${url}?${new URLSearchParams(lines.map((line) => ["c", line]))}`;

/** Serves over TLS what {@linkcode answer} says. */
async function serveTls() {
  const { cert, key } = await makeCertificate();
  const server = Deno.serve(
    { hostname: "127.0.0.1", port: 0, cert, key, onListen() {} },
    answer,
  );
  return {
    port: server.addr.port,
    [Symbol.asyncDispose]: () => server.shutdown(),
  };
}

/** Runs a command with a session, and gives what the server was told. */
async function told(
  file: string,
  args: readonly string[],
  command: Main = get,
): Promise<string> {
  const { code, stdout, stderr } = await run(command, [
    ...["-b", "--session", file],
    ...args,
  ]);
  assertEquals([code, stderr], [0, ""]);
  return stdout;
}

const read = (file: string) => JSON.parse(Deno.readTextFileSync(file));

Deno.test("who logs in once with a session is known in the next calls, until the server says else", async () => {
  await using server = serveHttp(async (request) => {
    const { pathname } = new URL(request.url);
    const isIn = /\bsid=s3cret\b/.test(request.headers.get("cookie") ?? "");
    const { user, password } = pathname === "/login"
      ? await request.json()
      : {};
    if (user) {
      return new Response("in", {
        status: password === "b" ? 200 : 403,
        headers: password === "b"
          ? { "set-cookie": "sid=s3cret; Path=/; HttpOnly; SameSite=Lax" }
          : {},
      });
    }
    return pathname === "/logout"
      ? new Response("out", { headers: { "set-cookie": "sid=; Max-Age=0" } })
      : new Response(isIn ? "a" : "nobody", { status: isIn ? 200 : 401 });
  });
  await withFolder(async (folder) => {
    const file = `${folder}/me.json`;
    const ask = async (command: Main, ...args: string[]) => {
      const { code, stdout } = await run(command, [
        ...["--session", file],
        ...args,
      ]);
      return [code, stdout];
    };
    const login = `${server.url}/login`;
    assertEquals(await ask(get, `${server.url}/me`), [4, "nobody"]);
    // a call that changes nothing writes nothing
    assertEquals(filesIn(folder), {});
    assertEquals((await ask(post, login, "user=a", "password=c"))[0], 4);
    assertEquals(await ask(post, login, "user=a", "password=b"), [0, "in"]);
    const text = Deno.readTextFileSync(file);
    assertEquals(await ask(get, `${server.url}/me`), [0, "a"]);
    assertEquals(Deno.readTextFileSync(file), text);
    assertEquals(await ask(get, `${server.url}/logout`), [0, "out"]);
    assertEquals(await ask(get, `${server.url}/me`), [4, "nobody"]);
    assertEquals(Object.keys(filesIn(folder)), ["me.json"]);
    assertEquals(read(file).cookies, []);
  });
});

Deno.test("nothing of a session goes where RFC 6265 does not send it", async () => {
  await using server = serveHttp(answer);
  await using tls = await serveTls();
  const { port } = new URL(server.url);
  const at = (host: string, path = "/x/a") => `http://${host}:${port}${path}`;
  const names = ["a.test", "b.a.test", "b.test", "a.co.uk", "b.co.uk", "test"];
  const resolve = names.flatMap((name) => [
    "--resolve",
    `${name}:${port}:127.0.0.1`,
  ]);
  // what must not happen, who sets which cookie, who is asked then, and what that hears
  const table: readonly (readonly [string, string, string, string, string])[] =
    [
      ["(it goes to its host)", at("a.test"), "s=1", at("a.test"), "s=1"],
      ["(also to one named test)", at("test"), "s=1", at("test"), "s=1"],
      ["to another site", at("a.test"), "s=1", at("b.test"), ""],
      ["to a host below", at("a.test"), "s=1", at("b.a.test"), ""],
      ["to a host above", at("b.a.test"), "s=1", at("a.test"), ""],
      [
        "(with a Domain it goes below)",
        ...[at("a.test"), "s=1; Domain=a.test", at("b.a.test"), "s=1"] as const,
      ],
      [
        "to who was named in a forged Domain",
        ...[at("a.test"), "s=1; Domain=b.test", at("b.test"), ""] as const,
      ],
      [
        "to all of a public suffix",
        ...[at("a.co.uk"), "s=1; Domain=co.uk", at("b.co.uk"), ""] as const,
      ],
      [
        "from one IP address to another",
        ...[at("127.0.0.1"), "s=1; Domain=0.0.1", at("127.0.0.1"), ""] as const,
      ],
      [
        "to another path",
        ...[at("a.test"), "s=1", at("a.test", "/y"), ""] as const,
      ],
      [
        "to a path that only begins so",
        ...[at("a.test"), "s=1; Path=/x", at("a.test", "/xy"), ""] as const,
      ],
      ["after its end", at("a.test"), "s=1; Max-Age=0", at("a.test"), ""],
      [
        "from http, where it is Secure",
        ...[at("127.0.0.1"), "s=1; Secure", at("127.0.0.1"), ""] as const,
      ],
      [
        "from https to http, where it is Secure",
        ...[
          `https://127.0.0.1:${tls.port}/x/a`,
          "s=1; Secure",
          at("127.0.0.1"),
          "",
        ] as const,
      ],
      [
        "without what __Secure- says",
        ...[
          `https://127.0.0.1:${tls.port}/x/a`,
          "__Secure-s=1",
          `https://127.0.0.1:${tls.port}/x/a`,
          "",
        ] as const,
      ],
      [
        "without what __Host- says",
        ...[
          `https://localhost:${tls.port}/x/a`,
          "__Host-s=1; Secure; Path=/; Domain=localhost",
          `https://localhost:${tls.port}/x/a`,
          "",
        ] as const,
      ],
      [
        "(with it, it goes)",
        ...[
          `https://127.0.0.1:${tls.port}/x/a`,
          "__Host-s=1; Secure; Path=/",
          `https://127.0.0.1:${tls.port}/x/a`,
          "__Host-s=1",
        ] as const,
      ],
      [
        "where it is longer than 4096 bytes",
        ...[at("a.test"), `s=${"x".repeat(4096)}`, at("a.test"), ""] as const,
      ],
    ];
  for (const [name, from, line, to, expected] of table) {
    await withFolder(async (folder) => {
      const file = `${folder}/s.json`;
      const way = ["-k", ...resolve];
      await told(file, [...way, setting(from, line)]);
      assertEquals(await told(file, [...way, to]), expected, name);
      // the same in one call, over a redirect
      const both = await told(`${folder}/t.json`, [
        ...[...way, "--follow", "all"],
        `${setting(from, line)}&to=${encodeURIComponent(to)}`,
      ]);
      assertEquals(both, expected, `${name}, on a redirect`);
    });
  }
});

Deno.test("a session's cookie for one path does not go along on a redirect to another", async () => {
  await using server = serveHttp(answer);
  await withFolder(async (folder) => {
    const file = `${folder}/s.json`;
    const lines = ["a=1; Path=/a", "b=2; Path=/b"];
    await told(file, [setting(`${server.url}/`, ...lines)]);
    for (const way of [[], ["-4"]]) {
      const url = `${server.url}/a?to=/b`;
      assertEquals(await told(file, [...way, url]), "b=2");
      assertEquals(
        await told(file, [...way, url, "Cookie:t=3; a=4"]),
        "t=3; a=4; b=2",
      );
    }
  });
});

Deno.test("a cookie that was typed wins over that of the session, goes to the first origin alone, and is not kept", async () => {
  await using server = serveHttp(answer);
  await using other = serveHttp(answer);
  await withFolder(async (folder) => {
    const file = `${folder}/s.json`;
    await told(file, [setting(`${server.url}/`, "a=1", "b=2")]);
    const text = Deno.readTextFileSync(file);
    const typed = "Cookie:a=9; c=3";
    assertEquals(await told(file, [server.url, typed]), "a=9; c=3; b=2");
    const far = other.url.replace("127.0.0.1", "localhost");
    const url = `${server.url}/?to=${far}/`;
    assertEquals(await told(file, [url, typed]), "");
    assertEquals(Deno.readTextFileSync(file), text);
  });
});

Deno.test("who is between http and a server does not replace a cookie of https", async () => {
  await using server = serveHttp(answer);
  await using tls = await serveTls();
  const secure = `https://127.0.0.1:${tls.port}/`;
  await withFolder(async (folder) => {
    const file = `${folder}/s.json`;
    await told(file, ["-k", setting(secure, "s=1; Secure")]);
    for (const line of ["s=evil", "s=evil; Path=/x", "s=; Max-Age=0"]) {
      await told(file, [setting(`${server.url}/`, line)]);
      assertEquals(await told(file, ["-k", `${secure}x/y`]), "s=1", line);
    }
  });
});

/** Makes a tunnel for who asks, and sets a cookie with its answer. */
function serveTunnel(port: number) {
  const listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const serve = async (conn: Deno.Conn) => {
    await conn.read(new Uint8Array(4096));
    const answer = "HTTP/1.1 200 OK\r\nSet-Cookie: s=proxy\r\n\r\n";
    await conn.write(new TextEncoder().encode(answer));
    const to = await Deno.connect({ hostname: "127.0.0.1", port });
    await Promise.all([
      conn.readable.pipeTo(to.writable),
      to.readable.pipeTo(conn.writable),
    ]).catch(() => {});
  };
  const served = (async () => {
    const all: Promise<void>[] = [];
    for await (const conn of listener) all.push(serve(conn));
    await Promise.all(all);
  })();
  return {
    url: `http://127.0.0.1:${listener.addr.port}`,
    [Symbol.asyncDispose]: () => {
      listener.close();
      return served;
    },
  };
}

Deno.test("what a proxy sets is not the server's", async () => {
  await using tls = await serveTls();
  await using refusing = serveRaw(() => [
    "HTTP/1.1 407 No\r\nSet-Cookie: s=proxy\r\nContent-Length: 0\r\n\r\n",
  ]);
  await withFolder(async (folder) => {
    const file = `${folder}/s.json`;
    for (const url of ["http://a.test/", "https://a.test/"]) {
      const args = ["--session", file, "--proxy", refusing.url, url];
      assert((await run(get, args)).code !== 0, url);
      assertEquals(filesIn(folder), {}, url);
    }
    await using tunnel = serveTunnel(tls.port);
    const way = ["-k", "--proxy", tunnel.url];
    const url = `https://127.0.0.1:${tls.port}/`;
    const { code, stderr } = await run(get, [
      ...["-b", "--session", file, ...way, setting(url, "a=1")],
    ]);
    assertEquals([code, stderr], [0, ""]);
    assertEquals(await told(file, ["-k", url]), "a=1");
  });
});

Deno.test("no secret of a session is shown, and what is only shown writes nothing", async () => {
  await using server = serveHttp((request) => {
    const { headers } = answer(request);
    return new Response("ok", { headers });
  });
  await withFolder(async (folder) => {
    const file = `${folder}/s.json`;
    const login = ["--session-auth", "-a", "me:s3cretpw"];
    await told(file, [...login, setting(`${server.url}/`, "sid=s3cret")]);
    const text = Deno.readTextFileSync(file);
    const url = `${server.url}/`;
    for (
      const option of ["-v", "--json", "--curl", "--offline", "--debug"]
    ) {
      const args = ["--session", file, option];
      const { code, stdout, stderr } = await run(get, [...args, url]);
      assertEquals(code, 0, stderr);
      assert(!/s3cret|bWU6/.test(stdout + stderr), stdout + stderr);
      assertEquals(/\*\*\*/.test(stdout + stderr), option !== "--debug");
      const shown = await run(get, [...args, "--show-secrets", url]);
      const all = shown.stdout + shown.stderr;
      if (option === "--debug") continue;
      assertMatch(all, /cookie(: |":")sid=s3cret/i);
    }
    assertEquals(Deno.readTextFileSync(file), text);
    Deno.writeTextFileSync(file, text.slice(0, -20));
    const { stderr } = await run(get, ["--debug", "--session", file, url]);
    assert(!stderr.includes("s3cret"), stderr);
  });
});

Deno.test("a login is kept when that is asked for, for its origin alone, and not where it was refused", async () => {
  const guard = (request: Request) => {
    if (new URL(request.url).pathname === "/posts") {
      const isIn = request.headers.get("authorization") === "Basic bWU6cHc=";
      return Response.json([], { status: isIn ? 200 : 401 });
    }
    const login = request.headers.get("authorization") ?? "";
    return new URL(request.url).pathname === "/free" ||
        /^(Basic bWU6cHc=|Bearer tok)$/.test(login)
      ? answer(request)
      : new Response("who?", { status: 401 });
  };
  await using server = serveHttp(guard);
  await using other = serveHttp(guard);
  await withFolder(async (folder) => {
    const file = `${folder}/s.json`;
    const code = async (...args: string[]) =>
      (await run(get, ["-q", "--session", file, ...args])).code;
    assertEquals(await code("-a", "me:pw", server.url), 0);
    assertEquals(await code(server.url), 4);
    assertEquals(await code("--session-auth", "-a", "me:no", server.url), 4);
    assertEquals(filesIn(folder), {});
    assertEquals(await code("--session-auth", "-a", "me:pw", server.url), 0);
    const [entry] = Object.entries(read(file).logins);
    assertEquals(entry, [server.url, { user: "me", password: "pw" }]);
    assertEquals(await code(server.url), 0);
    // another port is another origin, and so is the same host by another name
    assertEquals(await code(other.url), 4);
    const far = server.url.replace("127.0.0.1", "localhost");
    assertEquals(await code(far), 4);
    assertEquals(await code(`${server.url}/?to=${other.url}/`), 4);
    // what the call says itself counts, on its URL too
    assertEquals(await code("-a", "me:no", server.url), 4);
    assertEquals(await code("--bearer", "no", server.url), 4);
    assertEquals(await code(server.url.replace("//", "//me:no@")), 4);
    assertEquals(await code(server.url, "Authorization:"), 4);
    assertEquals(await code("--session-auth", "--bearer", "tok", far), 0);
    assertEquals([await code(far), await code(server.url)], [0, 0]);
    for (const [url, expected] of [[server.url, 0], [other.url, 4]] as const) {
      const args = ["--url", url, "--session-read-only", file];
      assertEquals((await run(posts, args)).code, expected);
    }
    // what was only proven to know is not sent
    const data = read(file);
    data.logins[server.url].digest = true;
    Deno.writeTextFileSync(file, JSON.stringify(data));
    assertEquals(await code(server.url), 4);
    const { code: usage, stderr } = await run(get, [
      ...["--session", file, "--session-auth", `${other.url}/free`],
    ]);
    assertEquals(usage, 2);
    assertMatch(stderr, /^get: Cannot keep a login: there is none\nhint: /);
  });
});

Deno.test("what is no session is refused in one line before anything is sent, and stays as it is", async () => {
  let asked = 0;
  await using server = serveHttp(() => {
    asked++;
    return new Response("", { headers: { "set-cookie": "a=1" } });
  });
  const bad = [
    ...["{", "[]", "null", "1", '"a"', "{}", '{"cookies":1}', "\0"],
    ...['{"cookies":[1]}', '{"cookies":{"a":1}}', '{"name":"package"}'],
    `{"cookies":[],"deep":${"[".repeat(1e5)}${"]".repeat(1e5)}}`,
  ];
  await withFiles({ "wide.json": '{"cookies":[]}' }, async (folder) => {
    for (const text of bad) {
      const file = `${folder}/bad.json`;
      Deno.writeTextFileSync(file, text);
      for (const option of ["--session", "--session-read-only"]) {
        for (const command of [get, post, posts]) {
          const { code, stdout, stderr } = await run(command, [
            ...[option, file],
            ...command === posts ? ["--url", server.url] : [server.url],
          ]);
          assertEquals([code, stdout], [1, ""], text);
          assertMatch(stderr, /^\w+: Cannot use session "\S+bad.json": .*\n$/);
        }
      }
      assertEquals(Deno.readTextFileSync(file), text);
    }
    const table = [
      ["--session-read-only", `${folder}/none.json`, "no such file"],
      ["--session", `${folder}/none/s.json`, "its folder is missing"],
      ["--session", folder, "it is not a regular file"],
      ["--session", "/dev/null", "it is not a regular file"],
      ["--session", "/dev/stdout", "it is not a regular file"],
    ] as const;
    for (const [option, file, why] of table) {
      const { code, stderr } = await run(get, [option, file, server.url]);
      assertEquals(code, 1);
      assertStringIncludes(stderr, why);
      assertEquals(stderr.split("\n").length, 2);
    }
    const both = ["--session", "a", "--session-read-only", "b", server.url];
    assertEquals((await run(get, both)).code, 2);
    assertEquals((await run(get, ["--session-auth", server.url])).code, 2);
    assertEquals(asked, 0);
    assertEquals(Object.keys(filesIn(folder)), ["bad.json", "wide.json"]);
  });
});

Deno.test("a session that is only read is used in one call, and never written", async () => {
  await using server = serveHttp(answer);
  await withFolder(async (folder) => {
    const file = `${folder}/s.json`;
    await told(file, [setting(`${server.url}/`, "a=1")]);
    const text = Deno.readTextFileSync(file);
    const url = `${setting(`${server.url}/`, "b=2", "a=; Max-Age=0")}&to=/`;
    const { stdout } = await run(get, ["--session-read-only", file, url]);
    assertEquals(stdout, "b=2");
    assertEquals(filesIn(folder), { "s.json": text });
  });
});

Deno.test("a session is its owner's alone, a link stays a link, and what is not ours stays in it", async () => {
  await using server = serveHttp(answer);
  const theirs = {
    "__meta__": { about: "HTTPie session file" },
    auth: { type: "basic", raw_auth: "u:p" },
    cookies: [{ name: "x", value: "1", domain: "b.test", odd: [1] }, { no: 1 }],
    headers: [{ name: "X-A", value: "1" }],
  };
  const text = JSON.stringify(theirs);
  await withFiles({ "s.json": text, "e.json": "" }, async (folder) => {
    const [file, link] = [`${folder}/s.json`, `${folder}/l.json`];
    await Deno.symlink("s.json", link);
    await Deno.symlink("new.json", `${folder}/d.json`);
    for (const name of ["l", "d", "e", "f"]) {
      const own = `${folder}/${name}.json`;
      assertEquals(await told(own, [setting(`${server.url}/`, "a=1")]), "");
      assertEquals(await told(own, [server.url]), "a=1");
      const { mode } = await Deno.stat(own);
      assertEquals((mode ?? 0) & 0o777, 0o600, name);
    }
    assert((await Deno.lstat(link)).isSymlink);
    assert((await Deno.lstat(`${folder}/d.json`)).isSymlink);
    const { cookies, ...rest } = read(file);
    const { cookies: before, ...expected } = theirs;
    assertEquals(rest, expected);
    assertEquals([cookies[0].odd, cookies[1]], [[1], before[1]]);
    assertEquals(cookies.length, 3);
  });
});

Deno.test("a session that cannot be written is one line after the response, and exit code 1", async () => {
  await using server = serveHttp(answer);
  await withFolder(async (folder) => {
    const file = `${folder}/s.json`;
    await told(file, [setting(`${server.url}/`, "a=1")]);
    // who runs the tests may be root, whom no mode stops
    await Deno.mkdir(`${file}.hark`);
    const url = setting(`${server.url}/`, "b=2");
    for (const status of [200, 404]) {
      const asked = `${url}&status=${status}`;
      const { code, stdout, stderr } = await run(get, [
        ...["-b", "--session", file, asked],
      ]);
      assertEquals([code, stdout], [1, "a=1"]);
      assertMatch(
        stderr,
        /^get: Cannot keep session "\S+s.json": "\S+" is in the way\n$/,
      );
    }
    // nothing is written to where a link leads that somebody else has put there
    await Deno.remove(`${file}.hark`);
    await Deno.writeTextFile(`${folder}/other`, "precious");
    for (const target of ["other", "nowhere"]) {
      await Deno.symlink(target, `${file}.hark`);
      assertEquals((await run(get, ["--session", file, url])).code, 1);
      await Deno.remove(`${file}.hark`);
    }
    assertEquals(Object.keys(filesIn(folder)), ["other", "s.json"]);
    assertEquals(filesIn(folder).other, "precious");
    assertEquals(read(file).cookies.length, 1);
  });
});

Deno.test("ten calls at once keep all that they were given, and leave nothing else behind", async () => {
  await using server = serveHttp(answer);
  await withFolder(async (folder) => {
    const file = `${folder}/s.json`;
    const call = (n: number) =>
      run(get, [
        ...["--session", file, setting(`${server.url}/`, `c${n}=1`)],
      ]);
    const start = (n: number) =>
      spawnDeno([
        ...["run", "-A", "tasks/get.ts", "--session", file],
        setting(`${server.url}/`, `p${n}=1`),
      ]).result;
    const numbers = [0, 1, 2, 3, 4, 5, 6, 7, 8, 9];
    // one that was killed has left half of a file that nobody holds
    Deno.writeTextFileSync(`${file}.hark`, '{"cookies":[');
    const all = [...numbers.map(call), ...numbers.slice(0, 4).map(start)];
    for (const { code, stderr } of await Promise.all(all)) {
      assertEquals(code, 0, stderr);
    }
    const names = read(file).cookies.map(({ name }: { name: string }) => name);
    assertEquals(
      names.sort(),
      [...numbers.map((n) => `c${n}`), "p0", "p1", "p2", "p3"],
    );
    assertEquals(Object.keys(filesIn(folder)), ["s.json"]);
  });
});

Deno.test("what comes is kept in each step: redirects, attempts, a 401, a body that is cut short, a download", async () => {
  let asked = 0;
  await using server = serveHttp((request) => {
    const { pathname } = new URL(request.url);
    const headers = { "set-cookie": `n${++asked}=1; Path=/` };
    if (pathname === "/busy" && asked % 2 === 1) {
      return new Response("", {
        status: 503,
        headers: { ...headers, "retry-after": "0" },
      });
    }
    const status = pathname === "/401" ? 401 : 200;
    const seen = request.headers.get("cookie") ?? "";
    return new Response(seen, { status, headers });
  });
  await using cut = serveRaw(() => [
    "HTTP/1.1 200 OK\r\nSet-Cookie: cut=1\r\nContent-Length: 9\r\n\r\nab",
  ]);
  await withFolder(async (folder) => {
    const file = `${folder}/s.json`;
    const names = () =>
      read(file).cookies.map(({ name }: { name: string }) => name).join();
    // the next attempt has what the one before it has set
    assertEquals(await told(file, [`${server.url}/busy`]), "n1=1");
    assertEquals(names(), "n1,n2");
    await run(get, ["--session", file, `${server.url}/401`]);
    await run(get, ["--session", file, "-o", `${folder}/o`, server.url]);
    assertEquals(names(), "n1,n2,n3,n4");
    const args = ["--session", file, "--retry", "0", cut.url];
    assertEquals((await run(get, args)).code, 18);
    assertEquals(names(), "n1,n2,n3,n4,cut");
  });
});

Deno.test("an interrupted call has kept what had come with the head", async () => {
  await using server = serveRaw(() => [
    "HTTP/1.1 200 OK\r\nSet-Cookie: a=1\r\nContent-Length: 9\r\n\r\nab",
  ], { hold: true });
  await withFolder(async (folder) => {
    const file = `${folder}/s.json`;
    const watcher = Deno.watchFs(folder);
    const child = spawnDeno([
      ...["run", "-A", "tasks/get.ts", "--session", file, server.url],
    ]);
    for await (const { paths, kind } of watcher) {
      if (kind === "rename" || paths.includes(file)) break;
    }
    child.kill("SIGINT");
    assertEquals((await child.result).code, 130);
    assertEquals(read(file).cookies.length, 1);
  });
});

Deno.test("posts keeps the cookies of each page, and says of a binary what it needs", async () => {
  await using server = serveHttp(({ url, headers }) => {
    const page = Number(new URL(url).searchParams.get("p") ?? 1);
    const id = headers.get("cookie") ?? "none";
    return Response.json([{ id, title: id, body: "b" }], {
      headers: [
        ["set-cookie", `p${page}=1; Path=/`],
        ...page < 3
          ? [
            [
              "link",
              `<${new URL(url).pathname}?p=${page + 1}>; rel="next"`,
            ] as [
              string,
              string,
            ],
          ]
          : [],
      ],
    });
  });
  await withFolder(async (folder) => {
    const file = `${folder}/s.json`;
    const args = ["--url", server.url, "--session", file, "--fields", "id"];
    const { code, stdout, stderr } = await run(posts, [...args, "--csv"]);
    assertEquals([code, stderr], [0, ""]);
    assertEquals(stdout.split(/\r?\n/).slice(1, 4), [
      ...["none", "p1=1", "p1=1; p2=1"],
    ]);
    assertEquals(read(file).cookies.length, 3);
    const offline = await run(posts, ["--offline", "--session", file]);
    assertEquals(offline.code, 2);
  });
});

Deno.test("a call without permission for its session names both files, to read and to write", async () => {
  await using server = serveHttp(answer);
  for (
    const [task, option, flags] of [
      ["get", "--session", [
        "--allow-read=s.json,s.json.hark",
        "--allow-write=s.json,s.json.hark",
      ]],
      ["get", "--session-read-only", ["--allow-read=s.json"]],
      ["posts", "--session", [
        "--allow-read=s.json,s.json.hark",
        "--allow-write=s.json,s.json.hark",
      ]],
    ] as const
  ) {
    const at = task === "posts" ? ["--url", server.url] : [server.url];
    const { code, stderr } = await spawn(task, [option, "s.json", ...at])
      .result;
    assertEquals(code, 1);
    const [, hint = ""] = stderr.split("\n");
    for (const flag of flags) assertStringIncludes(hint, flag);
    assertEquals(hint.includes("--allow-write"), flags.length > 1);
  }
});

Deno.test("a cookie that HTTPie has bound to no host is bound to that of the first call", async () => {
  await using server = serveHttp(answer);
  const far = server.url.replace("127.0.0.1", "localhost");
  for (
    const cookies of [
      [{ name: "a", value: "1", domain: "", path: "/" }],
      [{ name: "a", value: "1", domain: null, path: "/" }],
      { a: { value: "1", path: "/", expires: null, secure: false } },
    ]
  ) {
    const text = JSON.stringify({ cookies });
    await withFiles({ "s.json": text }, async (folder) => {
      const file = `${folder}/s.json`;
      // what could not be bound is not sent
      const args = ["--session-read-only", file, server.url];
      assertEquals((await run(get, args)).stdout, "");
      assertEquals(await told(file, [server.url]), "a=1");
      assertEquals(await told(file, [far]), "");
      assertEquals(read(file).cookies[0].domain, "127.0.0.1");
    });
  }
});

Deno.test("a file's cookies are bounded: of a domain, then of all, the oldest go first", async () => {
  await using server = serveHttp(answer);
  const list = (count: number, domain: (n: number) => string) =>
    Array.from({ length: count }, (_, n) => ({
      ...{ name: `n${n}`, value: "1", domain: domain(n), path: "/" },
      ...{ secure: false, expires: null },
    }));
  const cookies = [
    ...list(4000, (n) => `h${n % 40}.test`),
    ...list(300, () => "a.test"),
  ];
  const text = JSON.stringify({ cookies });
  await withFiles({ "s.json": text }, async (folder) => {
    const file = `${folder}/s.json`;
    await told(file, [setting(`${server.url}/`, "a=1")]);
    const kept: { name: string; domain: string }[] = read(file).cookies;
    assertEquals(kept.length, 3000);
    const own = kept.filter(({ domain }) => domain === "a.test");
    assertEquals([own.length, own[0]?.name], [180, "n120"]);
    assertEquals(kept.at(-1)?.name, "a");
  });
});

Deno.test("parseSession() reads lists and the names of old files, and refuses all else", () => {
  const one = { name: "a", value: "1" };
  for (
    const [text, list] of [
      ["", []],
      [" \n", []],
      ['{"cookies":[]}', []],
      ['{"cookies":[{"name":"a","value":"1"}]}', [one]],
      ['{"cookies":{"a":{"value":"1"}}}', [one]],
      ['{"cookies":{"a":{"name":"a","value":"1"}}}', [one]],
      ["{}", undefined],
      ['{"cookies":null}', undefined],
      ['{"cookies":[[]]}', undefined],
      ["[]", undefined],
      ["{", undefined],
    ] as const
  ) assertEquals(parseSession(text)?.list, list, text);
});

Deno.test("what is in a file and cannot be a cookie is none", () => {
  for (
    const entry of [
      { name: "a\r\nX: y", value: "1" },
      { name: "a=b", value: "1" },
      { name: "", value: "1" },
      { name: "a", value: "1; b=2" },
      { name: "a", value: "1\r\nX: y" },
      { name: "a", value: "\u{d55c}" },
      { name: "a", value: null },
      { name: 1, value: "1" },
      { name: "a", value: "1", domain: "a/b" },
      { name: "a", value: "1", domain: "a b" },
      { name: "a", value: "1", domain: "u@a.test" },
      { name: "a", value: "1", domain: "a.test:80" },
      { name: "a", value: "1", path: "/\n" },
      { name: { toString: 1 }, value: "1" },
    ]
  ) {
    const domain = "domain" in entry ? entry.domain : "a.test";
    assertEquals(parseEntry({ ...entry, domain }, ""), undefined);
  }
});

Deno.test("for any JSON in the place of any member a file's cookie is one or none", () => {
  const odd = fc.oneof(
    fc.jsonValue(),
    fc.constantFrom({ toString: 1 }, { toISOString: 1 }, 1e300, "__proto__"),
  );
  const members = ["name", "value", "domain", "path", "secure", "expires"];
  const cookie = { name: "a", value: "1", domain: "a.test", path: "/" };
  fc.assert(fc.property(
    fc.constantFrom(...members, "rest"),
    odd,
    (name, value) => {
      parseEntry({ ...cookie, [name]: value }, "");
      const rest = { SameSite: value, HttpOnly: value };
      assert(parseEntry({ ...cookie, rest }, ""));
    },
  ));
});

Deno.test("who has a name without a dot has its cookies alone", async () => {
  const table = [
    ["intranet", "intranet", "intranet", "s=1"],
    ["intranet", "intranet", "x.intranet", ""],
    ["localhost", "localhost", "localhost", "s=1"],
    ["localhost", "localhost", "a.localhost", ""],
    ["a.localhost", "localhost", "b.localhost", ""],
    ["a.localhost", "a.localhost", "b.a.localhost", "s=1"],
    ["[::1]", "[::1]", "[::1]", "s=1"],
    ["com", "COM", "com", "s=1"],
    ["a.com.", "com.", "b.com.", ""],
  ];
  for (const [from, domain, to, expected] of table) {
    const cookies = createCookies();
    const line = `s=1; Domain=${domain}`;
    await cookies.take(new URL(`http://${from}/`), [line]);
    const { headers } = await cookies.add({
      ...{ method: "GET", headers: [], typed: [] },
      url: new URL(`http://${to}/`),
    });
    const sent = headers.map(([, value]) => value).join();
    assertEquals(sent, expected, `${from}, ${line}: ${to}`);
  }
});

Deno.test("a cookie that was typed gives way to one that a response has set for that path alone", async () => {
  await using server = serveHttp(answer);
  const way = ["-b", `Cookie:a=typed; b=2`];
  for (
    const [line, expected] of [
      ["a=set; Path=/", "b=2; a=set"],
      ["a=set; Path=/away", "a=typed; b=2"],
      ["a=; Path=/; Max-Age=0", "b=2"],
      ["a=; Path=/away; Max-Age=0", "a=typed; b=2"],
    ] as const
  ) {
    const url = `${setting(`${server.url}/x/a`, line)}&to=/x/b`;
    const { stdout } = await run(get, [url, ...way]);
    assertEquals(stdout, expected, line);
  }
});

Deno.test("a cookie jar of curl is told from what is no session", async () => {
  const line = "127.0.0.1\tFALSE\t/\tFALSE\t0\ts\ts3cret\n";
  for (const head of ["# Netscape HTTP Cookie File\n", "", "\n"]) {
    await withFiles({ "jar.txt": head + line }, async (folder) => {
      const args = ["--session", `${folder}/jar.txt`, "http://127.0.0.1:9/"];
      const { code, stderr } = await run(get, args);
      assertEquals(code, 1);
      assertMatch(
        stderr,
        /it is no session of hark or HTTPie\nhint: it is a cookie jar as curl/,
      );
      assert(!stderr.includes("s3cret"));
    });
  }
});

Deno.test("no body is saved where the session is, by whatever name", async () => {
  let asked = 0;
  await using server = serveHttp(() => new Response(`${++asked}`));
  await withFiles({ "s.json": '{"cookies":[]}' }, async (folder) => {
    const file = `${folder}/s.json`;
    Deno.symlinkSync(file, `${folder}/link`);
    Deno.mkdirSync(`${folder}/sub`);
    const table = [
      ["--session", file, file],
      ["--session", file, `${folder}/sub/../s.json`],
      ["--session", file, `${folder}/link`],
      ["--session", `${folder}/link`, file],
      ["--session", file, `${file}.hark`],
      ["--session", `${folder}/new.part`, `${folder}/new`],
      ["--session-read-only", file, file],
    ] as const;
    for (const [option, session, output] of table) {
      const args = [option, session, "-o", output, server.url];
      const { code, stderr } = await run(get, args);
      assertEquals(code, 2, `${option} ${session} -o ${output}`);
      assertMatch(stderr, /^get: Cannot save to ".*": the session is there\n/);
    }
    assertEquals([asked, Deno.readTextFileSync(file)], [0, '{"cookies":[]}']);
    const other = ["--session", file, "-o", `${folder}/x`, server.url];
    assertEquals((await run(get, other)).code, 0);
  });
});

Deno.test("a login that is typed as a header cannot be kept, and says so before it is sent", async () => {
  let asked = 0;
  await using server = serveHttp(() => new Response(`${++asked}`));
  await withFolder(async (folder) => {
    const keep = ["--session", `${folder}/s.json`, "--session-auth"];
    for (
      const item of ["Authorization:x", "authorization:", "Authorization:@f"]
    ) {
      const { code, stderr } = await run(get, [...keep, server.url, item]);
      assertEquals(code, 2);
      assertStringIncludes(stderr, "Cannot keep the login of a header\nhint: ");
    }
    assertEquals([asked, filesIn(folder)], [0, {}]);
  });
});

Deno.test("with several URLs a login is kept for the first origin, and the others need none", async () => {
  await using here = serveHttp(answer);
  await using there = serveHttp(answer);
  await withFolder(async (folder) => {
    const file = `${folder}/s.json`;
    const login = ["--session-auth", "--auth=me:pw"];
    const out = await told(file, [...login, `${here.url}/`, `${there.url}/`]);
    assertEquals(out, "Basic bWU6cHc=");
    assertEquals(Object.keys(read(file).logins), [here.url]);
    // and a cookie of the first goes with the next
    const url = setting(`${here.url}/`, "a=1");
    assertEquals(await told(`${folder}/t.json`, [url, `${here.url}/`]), "a=1");
  });
});

Deno.test("a cookie goes through the file as it was set", async () => {
  const token = fc.stringMatching(/^[\w.-]{1,9}$/);
  const line = fc.record({
    name: token,
    value: fc.stringMatching(
      /^[\x21\x23-\x2b\x2d-\x3a\x3c-\x7e\xa0-\xff]{0,9}$/,
    ),
    more: fc.subarray([
      ...["Path=/", "Path=/a/b", "Secure", "HttpOnly", "SameSite=Lax"],
      ...["Domain=DOMAIN", "Max-Age=60", "SameSite=None"],
    ]),
    host: fc.constantFrom(
      ...["a.test", "localhost", "127.0.0.1", "[::1]", "printer"],
      ...["nas.local", "b.example.com"],
    ),
  });
  const shown = (cookie?: Cookie) => {
    const { lastAccessed: _, creation: __, pathIsDefault: ___, ...rest } =
      cookie?.toJSON() ?? {};
    return rest;
  };
  await fc.assert(fc.asyncProperty(line, async (each) => {
    const url = new URL(`https://${each.host}/a/c`);
    const more = each.more.map((text) =>
      text.replace("DOMAIN", /^[[1p]/.test(each.host) ? "x" : each.host)
    );
    const cookies = createCookies();
    await cookies.take(url, [
      [`${each.name}=${each.value}`, ...more].join("; "),
    ]);
    for (const cookie of cookies.changes.values()) {
      // a file has seconds
      const { expires } = cookie;
      if (expires instanceof Date) expires.setMilliseconds(0);
      const entry = formatEntry(cookie);
      const [back, from = ""] = parseEntry(entry, "elsewhere.test") ?? [];
      assert(back !== undefined, JSON.stringify(entry));
      const kept = await createCookies().keep(back, from);
      assertEquals(shown(kept), shown(cookie));
      assertEquals(kept && formatEntry(kept), entry);
    }
  }));
});

Deno.test("cookies of one path length go in the order in which they were made, over many calls", async () => {
  await using server = serveRaw((head) => {
    const [, n] = head.match(/^GET \/(\d)/) ?? [];
    const [, seen = ""] = head.match(/^cookie: (.*)$/mi) ?? [];
    return [response(seen, n ? [`Set-Cookie: c${n}=${n}; Path=/`] : [])];
  });
  await withFolder(async (folder) => {
    const file = `${folder}/s.json`;
    for (const n of [3, 1, 2, 3]) await told(file, [`${server.url}/${n}`]);
    assertEquals(await told(file, [server.url]), "c3=3; c1=1; c2=2");
  });
});
