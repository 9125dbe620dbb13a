import { assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { COMMAND } from "../../tasks/get/get.ts";
import { main } from "../../tasks/get.ts";
import { splitUrls } from "../../tasks/get/url.ts";
import { parseCommandLine } from "../../lib/cli/options.ts";
import { serveHttp, serveRaw } from "../http/server.ts";
import { ROOT, run, spawn, spawnDeno } from "../support.ts";
import { filesIn, withFiles } from "./support.ts";

Deno.test("URLs that follow a URL are calls of their own, and the items after them are in each", () => {
  for (
    const [typed, ...calls] of [
      ["", ""],
      [":1", ":1"],
      [":1 a:b", ":1 a:b"],
      [":1 :2/x? :3", ":1", ":2/x?", ":3"],
      [":1 :2 a:b c==d", ":1 a:b c==d", ":2 a:b c==d"],
      ["a.example b.example/c?d=e", "a.example", "b.example/c?d=e"],
      ["a.example b-c.example:81", "a.example", "b-c.example:81"],
      ["a.example HTTPS://b/", "a.example", "HTTPS://b/"],
      [":1 localhost localhost:2/x", ":1", "localhost", "localhost:2/x"],
      [":1 [::1]:2 127.0.0.1", ":1", "[::1]:2", "127.0.0.1"],
      [":1 x.localhost:2", ":1", "x.localhost:2"],
      // what may be an item is one
      [":1 localhost:=2 :3", ":1 localhost:=2 :3"],
      [":1 X.Y:z", ":1 X.Y:z"],
      [":1 a.b==c", ":1 a.b==c"],
      [":1 a.txt=b", ":1 a.txt=b"],
      [":1 1.5", ":1 1.5"],
      [":1 host /x", ":1 host /x"],
      // what is refused later stays as it is
      ["GET :1", "GET :1"],
      ["page.html :1", "page.html :1"],
      [":1 page.html", ":1 page.html"],
      ["a=b :1", "a=b :1"],
      ["localhost 3000", "localhost 3000"],
    ] as const
  ) {
    const words = (text: string) => text.split(" ").filter((word) => word);
    assertEquals(splitUrls(words(typed)), calls.map(words), typed);
  }
});

Deno.test("get asks several URLs in their order, and says of each what came", async () => {
  await using server = serveHttp((request) =>
    new Response(new URL(request.url).pathname + request.headers.get("x"))
  );
  const [a, b] = [`${server.url}/a`, `${server.url}/b`];
  const shown = await run(main, [a, b, "x:1"]);
  assertEquals([shown.code, shown.stdout], [0, "/a1/b1"]);
  assertEquals(shown.stderr, `${a}\n200 OK\n${b}\n200 OK\n`);
  const quiet = await run(main, [b, a, "-q"]);
  assertEquals([quiet.stdout, quiet.stderr], ["/bnull/anull", ""]);
});

Deno.test("whatever becomes of one URL, the next one is asked, and the highest exit code counts", async () => {
  await using server = serveHttp((request) => {
    const status = Number(new URL(request.url).pathname.slice(1));
    return new Response(`${status} `, { status });
  });
  await using broken = serveRaw(() => [
    "HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\ncut ",
  ]);
  for (
    const [paths, code, stdout] of [
      [["200", "404", "201"], 4, "200 404 201 "],
      [["503", "404"], 5, "503 404 "],
      [["", "200"], 18, "cut 200 "],
      [["404", "", "200"], 18, "404 cut 200 "],
    ] as const
  ) {
    const urls = paths.map((path) =>
      path ? `${server.url}/${path}` : broken.url
    );
    const result = await run(main, ["-q", "--retry=0", ...urls]);
    assertEquals([result.code, result.stdout], [code, stdout]);
  }
});

Deno.test("what cannot be sent at all is refused before the first URL is asked", async () => {
  let asked = 0;
  await using server = serveHttp(() => new Response(`${++asked}`));
  const { url } = server;
  for (
    const [args, message] of [
      [[url, url, "-o", "x"], "Cannot save several URLs to one file"],
      [[url, url, "a=b"], 'Cannot send "a=b": get has no body'],
      [[url, "https://a:b:c/"], "Cannot parse URL"],
      [[url, url, "a b:c"], 'Cannot use header name "a b"'],
      [[url, "a:b", url], "Cannot use a URL after an item"],
    ] as const
  ) {
    const { code, stderr, stdout } = await run(main, args);
    assertEquals([code, stdout], [2, ""]);
    assertStringIncludes(stderr, message);
  }
  assertEquals(asked, 0);
});

Deno.test("what is secret goes to the origin of the first URL alone, and whoever typed it is told", async () => {
  const seen: (string | null)[][] = [];
  const serve = () =>
    serveHttp(({ headers, url }) => {
      const names = ["authorization", "cookie", "x-api-key", "x-plain"];
      seen.push([
        ...names.map((name) => headers.get(name)),
        new URL(url).search,
      ]);
      return new Response();
    });
  await using here = serve();
  await using there = serve();
  const urls = [`${here.url}/a`, `${here.url}/b`, `${there.url}/c`];
  const items = ["Cookie:a=b", "X-Api-Key:k", "X-Plain:p", "token==t", "q==1"];
  const { code, stderr } = await run(main, [
    "--auth=me:pw",
    ...urls,
    ...items,
  ]);
  const own = ["Basic bWU6cHc=", "a=b", "k", "p", "?token=t&q=1"];
  assertEquals(code, 0);
  assertEquals(seen, [own, own, [null, null, null, "p", "?q=1"]]);
  assertStringIncludes(
    stderr,
    `/c\nNot sent there: --auth, Cookie, X-Api-Key, token, for ${here.url}\n`,
  );
  seen.length = 0;
  const digest = ["--auth=me:pw", "--digest", here.url, there.url];
  assertEquals((await run(main, digest)).code, 0);
  assertEquals(seen.map(([login]) => login), [null, null]);
});

Deno.test("-O saves each of several URLs under its own name", async () => {
  await using server = serveHttp(({ url }) =>
    new Response(new URL(url).pathname)
  );
  await withFiles({}, async (folder) => {
    const urls = ["a", "b", "x/a"].map((path) => `${server.url}/${path}`);
    const { code, stderr } = await spawn("get", ["-O", ...urls], {
      cwd: folder,
    }).result;
    // the task may write nothing: one hint grants it all
    assertEquals(code, 1);
    assertMatch(stderr, /--allow-read=a,a\.part,.* --allow-write=a,.*b/);
    assertEquals(filesIn(folder), {});
    const command = ["run", "-A", `${ROOT}tasks/get.ts`, "-O", ...urls];
    const saved = await spawnDeno(command, { cwd: folder }).result;
    // the last one has the name of the first, and replaces nothing
    assertEquals(saved.code, 1);
    assertMatch(saved.stderr, /a": it exists already/);
    assertEquals(filesIn(folder), { a: "/a", b: "/b" });
  });
});

Deno.test("the hosts and files of several URLs are asked for together, and no password is shown", async () => {
  const line = parseCommandLine(COMMAND.options, [
    "-O",
    "http://a.example/x",
    "https://b.example/y",
    "--ca=ca.pem",
  ]);
  const files = ["x", "x.part", "x.part.json"];
  const others = ["y", "y.part", "y.part.json"];
  assertEquals(await COMMAND.permissions(line), {
    net: ["a.example:80", "b.example:443"],
    read: ["ca.pem", ...files, ...others],
    write: [...files, ...others],
  });
  assertEquals(
    await COMMAND.redact("https://u:pw@b.example/y", 1),
    "https://***@b.example/y",
  );
});

Deno.test("a password is asked for once, whatever number of URLs it is for", async () => {
  await using server = serveHttp(({ headers }) =>
    new Response(headers.get("authorization"))
  );
  const urls = [server.url, server.url];
  const result = await run(main, ["-q", "--auth=me", ...urls], {
    secret: "pw",
  });
  assertEquals(result.stdout, "Basic bWU6cHc=".repeat(2));
  assertEquals(result.stderr.match(/Password/g)?.length, 1);
});

Deno.test("a cookie that would go with a later URL, were there a session, is told of once", async () => {
  await using server = serveHttp((request) => {
    const { pathname, searchParams } = new URL(request.url);
    const to = searchParams.get("to");
    const set = searchParams.get("set");
    return new Response(`${pathname} ${request.headers.get("cookie")}\n`, {
      status: to ? 302 : 200,
      headers: {
        ...to && { location: to },
        ...set && { "set-cookie": set },
      },
    });
  });
  await using other = serveHttp(() => new Response());
  const [a, b] = [`${server.url}/a`, `${server.url}/b`];
  const note =
    "Not sent there: cookies that came before; --session FILE keeps them\n";
  for (
    const [args, count] of [
      [[`${a}?set=s=1`, b, a], 1],
      [[`${a}?set=s=1&to=/c`, b], 1],
      [[`${a}?set=s=1`], 0],
      [[a, b], 0],
      [[a, `${b}?set=s=1`], 0],
      [[`${a}?set=s=1;path=/c`, b], 0],
      [[`${a}?set=s=1;max-age=0`, b], 0],
      [[`${a}?set=s=1`, other.url.replace("127.0.0.1", "localhost")], 0],
      [["-q", `${a}?set=s=1`, b], 0],
      [["-b", `${a}?set=s=1`, b], 0],
    ] as const
  ) {
    const { code, stderr } = await run(main, args);
    assertEquals([code, stderr.split(note).length - 1], [0, count], `${args}`);
    if (count > 0) assertStringIncludes(stderr, `${b}\n${note}200 OK\n`);
  }
  await withFiles({}, async (folder) => {
    const session = ["--session", `${folder}/s.json`];
    const { stderr, stdout } = await run(main, [...session, `${a}?set=s=1`, b]);
    assertEquals(stderr.includes(note), false);
    assertEquals(stdout, "/a null\n/b s=1\n");
  });
});
