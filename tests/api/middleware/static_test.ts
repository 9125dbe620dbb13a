import { assert, assertEquals, assertMatch, assertRejects } from "@std/assert";
import { main } from "../../../tasks/api.ts";
import {
  isPlainName,
  serveFolder,
} from "../../../tasks/api/middleware/static.ts";
import { run, start, withFolder } from "../../support.ts";
import { type Api, baseOf, openApi } from "../support.ts";

/** A folder of files with an api behind it; beside it is what must not be seen. */
function withFiles(
  test: (api: Api, folder: string) => Promise<void>,
): Promise<void> {
  return withFolder(async (above) => {
    const folder = `${above}/public`;
    await Deno.mkdir(`${folder}/sub`, { recursive: true });
    await Deno.mkdir(`${folder}/.git`);
    await Deno.mkdir(`${folder}/empty`);
    await Deno.mkdir(`${above}/public-not`);
    const files = {
      "index.html": "<h1>hi</h1>",
      "sub/index.html": "sub",
      "a b.txt": "ü",
      "app.js": "let a;",
      "users": "a file",
      "none.txt": "",
      ".env": "SECRET",
      ".git/config": "SECRET",
      "../outside.txt": "SECRET",
      "../public-not/a.txt": "SECRET",
    };
    for (const [name, text] of Object.entries(files)) {
      await Deno.writeTextFile(`${folder}/${name}`, text);
    }
    using api = openApi({ middleware: [await serveFolder(folder)] });
    await test(api, folder);
  });
}

Deno.test("the files of a folder come before resources", () =>
  withFiles(async (api) => {
    const table: [path: string, type: string, text: string][] = [
      ["/", "text/html; charset=utf-8", "<h1>hi</h1>"],
      ["/index.html", "text/html; charset=utf-8", "<h1>hi</h1>"],
      ["/sub/", "text/html; charset=utf-8", "sub"],
      ["/a%20b.txt?x=1", "text/plain; charset=utf-8", "ü"],
      ["/app.js", "text/javascript; charset=utf-8", "let a;"],
      ["/users", "application/octet-stream", "a file"],
      ["/none.txt", "text/plain; charset=utf-8", ""],
    ];
    for (const [path, type, text] of table) {
      const found = await api.ask(`GET ${path}`);
      const length = new TextEncoder().encode(text).length;
      assertEquals([found.status, found.text], [200, text], path);
      assertEquals(found.headers.get("content-type"), type);
      assertEquals(found.headers.get("content-length"), `${length}`);
      assertEquals(found.headers.get("x-content-type-options"), "nosniff");
      const head = await api.ask(`HEAD ${path}`);
      assertEquals([head.status, head.text], [200, ""]);
      assertEquals(head.headers.get("content-length"), `${length}`);
    }
    const posted = await api.ask("POST /users", { body: '{"name":"a"}' });
    assertEquals(posted.status, 201);
    assertEquals((await api.ask("GET /posts/1")).status, 200);
    assertEquals((await api.ask("GET /users/1")).status, 200);
    assertEquals((await api.ask("GET /empty/")).status, 404);
    assertEquals((await api.ask("GET /empty")).status, 404);
  }));

Deno.test("a folder with an index is found without its slash", () =>
  withFiles(async (api) => {
    const { status, headers } = await api.ask("GET /sub?a=b");
    assertEquals([status, headers.get("location")], [301, "./sub/?a=b"]);
    assertEquals((await api.ask("GET //sub")).status, 404);
  }));

Deno.test("path traversal: nothing outside of the folder is seen, and nothing that begins with a dot", () =>
  withFiles(async (api, folder) => {
    const inside = async (from: string, to: string) => {
      await Deno.symlink(to, `${folder}/${from}`);
    };
    if (Deno.build.os !== "windows") {
      await inside("link.txt", "../outside.txt");
      await inside("absolute.txt", `${folder}/../outside.txt`);
      await inside("linked", "..");
      await inside("next", "../public-not");
      await inside("env.txt", ".env");
      await inside("good.txt", "a b.txt");
      await inside("loop.txt", "loop.txt");
      assertEquals((await api.ask("GET /good.txt")).text, "ü");
    }
    const paths = [
      "/../outside.txt",
      "/%2e%2e/outside.txt",
      "/sub/..%2f..%2foutside.txt",
      "/..%2foutside.txt",
      "/..%5coutside.txt",
      "/sub/%2e%2e%2f%2e%2e%2foutside.txt",
      "/../public-not/a.txt",
      "/..%2fpublic-not/a.txt",
      `/${encodeURIComponent(`${folder}/../outside.txt`)}`,
      `/${folder}/../outside.txt`,
      "//outside.txt",
      "/.env",
      "/%2eenv",
      "/.git/config",
      "/sub/../.env",
      "/app.js%00",
      "/app.js%00.txt",
      "/app.js/",
      "/app.js/x",
      "/%ff",
      "/%zz",
      "/link.txt",
      "/absolute.txt",
      "/linked/outside.txt",
      "/next/a.txt",
      "/env.txt",
      "/loop.txt",
      `/${"a".repeat(5000)}`,
    ];
    for (const path of paths) {
      const { status, text } = await api.ask(`GET ${path}`);
      assertMatch(`${status}`, /^40[04]$/, path);
      assert(!text.includes("SECRET"), path);
    }
  }));

Deno.test("information exposure: the files that the api reads and keeps are not those of a folder", () =>
  withFolder(async (folder) => {
    const files = {
      "db.json": '{"posts":[{"id":1}]}',
      "own.js": "export default (request, next) => next(request);",
      "routes.json": '{"/api/*": "/$1"}',
      "page.html": "a page",
      "other.json": "[]",
    };
    for (const [name, text] of Object.entries(files)) {
      await Deno.writeTextFile(`${folder}/${name}`, text);
    }
    if (Deno.build.os !== "windows") {
      await Deno.symlink("db.db", `${folder}/link.db`);
      await Deno.symlink(folder, `${folder}/again`);
    }
    const api = start(main, [
      ...[`${folder}/db.json`, "--port", "0", "--static", folder],
      ...["--routes", `${folder}/routes.json`, "--with", `${folder}/own.js`],
    ]);
    const base = await baseOf(api.stdout);
    const statusOf = async (path: string) => {
      const response = await fetch(`${base}/${path}`);
      await response.body?.cancel();
      return response.status;
    };
    const database = ["db.db", "db.db-wal", "db.db-shm", "db%2edb"];
    for (const name of [...database, "db.json", "own.js", "routes.json"]) {
      assertEquals(await statusOf(name), 404, name);
      assertEquals(await statusOf(`again/${name}`), 404, name);
    }
    assert((await Deno.stat(`${folder}/db.db-wal`)).isFile);
    assertEquals(await statusOf("link.db"), 404);
    for (const name of ["page.html", "other.json", "posts/1", "api/posts/1"]) {
      assertEquals(await statusOf(name), 200, name);
    }
    api.interrupt();
    assertEquals((await api.result).code, 0);
  }));

Deno.test("a name that Windows takes for another is none there", () => {
  const table: [name: string, windows: boolean, other: boolean][] = [
    ["a.txt", true, true],
    ["a b.txt", true, true],
    ["console.txt", true, true],
    ["a.txt::$DATA", false, true],
    ["C:", false, true],
    ["a.txt.", false, true],
    ["a.txt ", false, true],
    ["con", false, true],
    ["NUL.txt", false, true],
    ["com1", false, true],
    ["*", false, true],
    ["a\\b", false, false],
    ["a/b", false, false],
    ["..", false, false],
    [".env", false, false],
    ["a\0", false, false],
    ["", false, false],
  ];
  for (const [name, windows, other] of table) {
    assertEquals(isPlainName(name, true), windows, name);
    assertEquals(isPlainName(name, false), other, name);
  }
});

Deno.test("a file that is known is not sent again", () =>
  withFiles(async (api, folder) => {
    const first = await api.ask("GET /app.js");
    const etag = first.headers.get("etag") ?? "";
    const modified = first.headers.get("last-modified") ?? "";
    const earlier = new Date(Date.parse(modified) - 1000).toUTCString();
    const table: [headers: HeadersInit, status: number][] = [
      [{ "if-none-match": etag }, 304],
      [{ "if-none-match": "*" }, 304],
      [{ "if-none-match": '"x"' }, 200],
      [{ "if-modified-since": modified }, 304],
      [{ "if-modified-since": earlier }, 200],
      [{ "if-modified-since": "x" }, 200],
      [{ "if-none-match": '"x"', "if-modified-since": modified }, 200],
    ];
    for (const [headers, status] of table) {
      const again = await api.ask("GET /app.js", { headers });
      assertEquals(again.status, status, JSON.stringify(headers));
      assertEquals(again.text, status === 304 ? "" : "let a;");
    }
    await Deno.writeTextFile(`${folder}/app.js`, "let abc;");
    const headers = { "if-none-match": etag };
    const changed = await api.ask("GET /app.js", { headers });
    assertEquals(changed.text, "let abc;");
  }));

Deno.test("a range of a file is sent alone", () =>
  withFiles(async (api) => {
    const { headers } = await api.ask("GET /app.js");
    const modified = headers.get("last-modified") ?? "";
    const table: [range: string, status: number, text: string, of: string][] = [
      ["bytes=0-2", 206, "let", "bytes 0-2/6"],
      ["bytes=4-", 206, "a;", "bytes 4-5/6"],
      ["bytes=-1", 206, ";", "bytes 5-5/6"],
      ["bytes=-99", 206, "let a;", "bytes 0-5/6"],
      ["bytes=2-99", 206, "t a;", "bytes 2-5/6"],
      ["bytes=6-", 416, "", "bytes */6"],
      ["bytes=-0", 416, "", "bytes */6"],
      // what is not a range, or more than one, is the whole
      ["bytes=2-1", 200, "let a;", ""],
      ["bytes=-", 200, "let a;", ""],
      ["bytes=0-1,3-4", 200, "let a;", ""],
      ["lines=0-1", 200, "let a;", ""],
    ];
    for (const [range, status, text, of] of table) {
      const part = await api.ask("GET /app.js", { headers: { range } });
      assertEquals([part.status, part.text], [status, text], range);
      assertEquals(part.headers.get("content-range") ?? "", of, range);
    }
    for (const [validator, status] of [[modified, 206], ['W/"x"', 200]]) {
      const asked = { range: "bytes=0-2", "if-range": `${validator}` };
      const part = await api.ask("GET /app.js", { headers: asked });
      assertEquals(part.status, status);
    }
    const head = await api.ask("HEAD /app.js", {
      headers: { range: "bytes=0-2" },
    });
    assertEquals(head.status, 200);
  }));

Deno.test("a big file is sent by pieces, and is open only meanwhile", () =>
  withFiles(async (api, folder) => {
    const bytes = crypto.getRandomValues(new Uint8Array(65_536));
    const whole = await new Blob(Array(40).fill(bytes)).bytes();
    await Deno.writeFile(`${folder}/big.mp4`, whole);
    const sent = await api.send("GET /big.mp4");
    assertEquals(sent.headers.get("content-type"), "video/mp4");
    assertEquals(await sent.bytes(), whole);
    const range = "bytes=100000-1999999";
    const part = await api.send("GET /big.mp4", { headers: { range } });
    assertEquals(await part.bytes(), whole.slice(100_000, 2_000_000));
    // neither who leaves nor who does not want it leaves it open
    const left = await api.send("GET /big.mp4");
    const reader = left.body?.getReader();
    await reader?.read();
    await reader?.cancel();
    await api.send("GET /big.mp4");
    const cut = await api.send("GET /big.mp4");
    await Deno.truncate(`${folder}/big.mp4`, 10);
    await assertRejects(() => cut.bytes(), Error, "has become shorter");
  }));

Deno.test("api --static serves a folder, and says what is none", () =>
  withFolder(async (folder) => {
    await Deno.writeTextFile(`${folder}/index.html`, "mine");
    await Deno.mkdir(`${folder}/more`);
    await Deno.writeTextFile(`${folder}/more/index.html`, "no");
    await Deno.writeTextFile(`${folder}/more/a.txt`, "more");
    const args = ["--memory", "--port", "0", "--static"];
    const api = start(main, [...args, folder, "-s", `${folder}/more`]);
    const base = await baseOf(api.stdout);
    const headers = { accept: "text/html" };
    const page = await fetch(base, { headers });
    assertEquals(await page.text(), "mine");
    assertEquals(await (await fetch(`${base}/a.txt`)).text(), "more");
    const head = await fetch(`${base}/index.html`, { method: "HEAD" });
    assertEquals(head.headers.get("content-length"), "4");
    api.interrupt();
    await api.result;
    const table: [path: string, reason: string][] = [
      [`${folder}/none`, "no such file"],
      [`${folder}/index.html`, "it is no folder"],
    ];
    for (const [path, reason] of table) {
      const { code, stderr } = await run(main, [...args, path]);
      assertEquals(
        stderr,
        `api: Cannot serve the files of "${path}": ${reason}\n`,
      );
      assertEquals(code, 1);
    }
  }));
