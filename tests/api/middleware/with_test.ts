import {
  assert,
  assertEquals,
  assertInstanceOf,
  assertMatch,
  assertRejects,
  assertStringIncludes,
} from "@std/assert";
import { Failure, UsageError } from "../../../lib/cli/errors.ts";
import { main } from "../../../tasks/api.ts";
import { createHandler } from "../../../tasks/api/handler.ts";
import { waitFor } from "../../../tasks/api/middleware/chain.ts";
import type { Middleware } from "../../../tasks/api/middleware/middleware.ts";
import { loadHandler, toReason } from "../../../tasks/api/middleware/with.ts";
import {
  readSources,
  run,
  spawnDeno,
  start,
  withFolder,
} from "../../support.ts";
import { type Api, baseOf, openApi } from "../support.ts";

/** Puts a module of this text before an api, and collects why it fails. */
async function withModule(
  text: string,
  test: (api: Api, reasons: unknown[]) => Promise<void>,
): Promise<void> {
  await withFolder(async (folder) => {
    const file = `${folder}/own.ts`;
    await Deno.writeTextFile(file, text);
    const reasons: unknown[] = [];
    const own = await loadHandler(file, (error) => reasons.push(error));
    using api = openApi({ middleware: [own] });
    await test(api, reasons);
  });
}

Deno.test("a module responds itself, or changes what the api responds, and keeps its state", () =>
  withModule(
    `let count = 0;
    export default async (request: Request, next: (r?: Request) => Promise<Response>) => {
      const { pathname } = new URL(request.url);
      count++;
      if (pathname === "/count") return Response.json(count);
      if (pathname === "/mine") return next(new Request(new URL("/posts/2", request.url)));
      if (pathname === "/copy") {
        const { title } = await request.clone().json();
        const response = await next(new Request("http://localhost/posts", request));
        response.headers.set("x-title", title);
        return response;
      }
      if (pathname === "/list") {
        const response = await next(new Request("http://localhost/posts", request));
        return Response.json((await response.json()).length);
      }
      return next();
    };`,
    async (api, reasons) => {
      assertEquals((await api.ask("GET /count")).text, "1");
      assertEquals(JSON.parse((await api.ask("GET /posts/1")).text).id, 1);
      assertEquals(JSON.parse((await api.ask("GET /mine")).text).id, 2);
      const body = '{"title":"a"}';
      const copied = await api.ask("POST /copy", { body });
      assertEquals(JSON.parse(copied.text), { title: "a", id: 101 });
      assertEquals(copied.headers.get("x-title"), "a");
      // it reads what no gzip has gone over
      const headers = { "accept-encoding": "gzip" };
      assertEquals((await api.ask("GET /list", { headers })).text, "101");
      assertEquals((await api.ask("GET /count")).text, "6");
      assertEquals(reasons, []);
    },
  ));

Deno.test("a module that fails is a 500 that does not tell why, and a reason that does", () =>
  withModule(
    `const used = new Response("a");
    await used.text();
    export default async (request: Request, next: (r: unknown) => Promise<Response>) => {
      switch (new URL(request.url).pathname) {
        case "/throw": throw new Error("the SECRET");
        case "/text": throw "a text";
        case "/problem": throw { status: 401 };
        case "/response": throw new Response("no", { status: 401 });
        case "/nothing": return;
        case "/object": return { status: 200 };
        case "/error": return Response.error();
        case "/used": return used;
        case "/next": return next("/posts");
        case "/read": await request.text(); return next(request);
        case "/twice": await next(request); return next(request);
      }
    };`,
    async (api, reasons) => {
      const table: [line: string, reason: RegExp][] = [
        ["GET /throw", /^the SECRET$/],
        ["GET /text", /^it threw "a text", no Error$/],
        ["GET /problem", /^it threw \{ status: 401 \}, no Error$/],
        ["GET /response", /^it threw a Response, no Error$/],
        ["GET /nothing", /^it gave undefined, no Response$/],
        ["GET /object", /^it gave \{ status: 200 \}, no Response$/],
        ["GET /error", /^it gave Response\.error\(\), no Response$/],
        ["GET /used", /^it gave a Response whose body was read already$/],
        ["GET /next", /^next was given "\/posts", no Request$/],
        ["POST /read", /body was read already: read that of request\.clone/],
        ["POST /twice", /body was read already/],
      ];
      for (const [line, reason] of table) {
        const init = line.startsWith("POST") ? { body: "{}" } : {};
        const { status, headers, text } = await api.ask(line, init);
        assertEquals(status, 500, line);
        assertMatch(headers.get("content-type") ?? "", /^application\/problem/);
        assertMatch(JSON.parse(text).detail, /^Cannot answer: ".*" failed$/);
        assert(!text.includes("SECRET"));
        const error = reasons.pop();
        assertMatch(
          error instanceof Error ? error.message : `${error}`,
          reason,
        );
        assertEquals(reasons, []);
      }
    },
  ));

Deno.test("what the api itself cannot do is no fault of a module", () =>
  withFolder(async (folder) => {
    await Deno.writeTextFile(
      `${folder}/own.js`,
      "export default (request, next) => next(request);",
    );
    const fail = (error: unknown) => assert(false, `${error}`);
    const own = await loadHandler(`${folder}/own.js`, fail);
    const broken = () => Promise.reject(new Error("broken"));
    await assertRejects(
      async () => await own(new Request("http://localhost/"), broken),
      Error,
      "broken",
    );
  }));

Deno.test("the headers of what comes back can be changed, whatever made it", async () => {
  await using other = Deno.serve(
    { hostname: "127.0.0.1", port: 0, onListen() {} },
    () => new Response("fetched"),
  );
  const url = `http://127.0.0.1:${other.addr.port}/`;
  const made: Record<string, () => Response | Promise<Response>> = {
    "/fetched": () => fetch(url),
    "/moved": () => Response.redirect(url),
    "/own": () => new Response("own"),
  };
  const hello: Middleware = async (request, next) => {
    const response = await next(request);
    response.headers.set("x-hello", "World");
    return response;
  };
  const make: Middleware = (request, next) =>
    made[new URL(request.url).pathname]?.() ?? next(request);
  using api = openApi({ middleware: [hello, make] });
  const table: [path: string, status: number, text: string][] = [
    ["/fetched", 200, "fetched"],
    ["/moved", 302, ""],
    ["/own", 200, "own"],
    ["/nope", 404, "{}"],
  ];
  for (const [path, status, text] of table) {
    const found = await api.ask(`GET ${path}`);
    assertEquals([found.status, found.text], [status, text], path);
    assertEquals(found.headers.get("x-hello"), "World", path);
  }
});

Deno.test("modules and the rest come in their order", () =>
  withFolder(async (folder) => {
    for (const name of ["a", "b"]) {
      await Deno.writeTextFile(
        `${folder}/${name}.mjs`,
        `export default async (request, next) => {
          const { pathname } = new URL(request.url);
          if (pathname === "/api/${name}") return new Response("${name}");
          const response = await next(request);
          response.headers.append("x-through", "${name}");
          return response;
        };`,
      );
    }
    await Deno.mkdir(`${folder}/public/api`, { recursive: true });
    await Deno.writeTextFile(`${folder}/public/api/b`, "a file");
    await Deno.writeTextFile(`${folder}/public/api/users`, "a file");
    await Deno.writeTextFile(
      `${folder}/routes.json`,
      '{"/to": "/api/a", "/api/*": "/$1"}',
    );
    const api = start(main, [
      ...["--memory", "--port", "0", "--delay", "1-2"],
      ...["--with", `${folder}/a.mjs`, "--with", `${folder}/b.mjs`],
      ...["--static", `${folder}/public`, "--routes", `${folder}/routes.json`],
    ]);
    const base = await baseOf(api.stdout);
    const ask = async (path: string) => {
      const response = await fetch(base + path);
      const through = response.headers.get("x-through");
      return [through, (await response.text()).slice(0, 6).trim()];
    };
    assertEquals(await ask("/api/b"), ["a", "b"]);
    assertEquals(await ask("/api/users"), ["b, a", "a file"]);
    assertEquals((await ask("/api/users/1"))[1]?.at(0), "{");
    // rules come last
    assertEquals(await ask("/to"), ["b, a", "{}"]);
    api.interrupt();
    assertEquals((await api.result).code, 0);
  }));

Deno.test("a module that cannot be loaded is one line before anything is served", async (t) => {
  const table: [name: string, text: string, reason: RegExp][] = [
    [
      "none.ts",
      "",
      /: it has no default export: expected \(request, next\) => Response$/,
    ],
    ["one.ts", "export default 1;", /: its default export is no function /],
    [
      "common.cjs",
      "module.exports = 1;",
      /: its default export is no function /,
    ],
    ["syntax.ts", "export default (a => ;", /: .* \(.*syntax\.ts:1:\d+\)$/],
    [
      "a b.ts",
      'import "./no ne.ts";',
      /: there is no ".*\/no ne\.ts" \(.*\/a b\.ts:1:8\)$/,
    ],
    [
      "name.ts",
      'import { x } from "./one.ts";\nx;',
      /: .*'x' \(.*name\.ts:1:10\)$/,
    ],
    [
      "bare.ts",
      'import "left-pad";',
      /: it imports "left-pad": of npm that is "npm:left-pad", .*bare\.ts:1:8\)$/,
    ],
    ["throws.ts", 'throw new Error("a\\nb");', /: a b$/],
    ["number.ts", "throw 42;", /: it threw 42, no Error$/],
    ["data.json", "{}", /: Attempted to load JSON module/],
  ];
  await withFolder(async (folder) => {
    for (const [name, text] of table) {
      await Deno.writeTextFile(`${folder}/${name}`, text);
    }
    await Deno.mkdir(`${folder}/folder.ts`);
    const whole = [
      ...table.map(([name, , reason]) => [name, reason] as const),
      ["folder.ts", /: it is a directory$/] as const,
      ["missing.ts", /: no such file$/] as const,
    ];
    for (const [name, reason] of whole) {
      await t.step(name, async () => {
        const file = `${folder}/${name}`;
        const args = ["--memory", "--port", "0", "--with", file];
        const { code, stdout, stderr } = await run(main, args);
        const lines = stderr.trimEnd().split("\n")
          .filter((line) => !line.startsWith("hint: "));
        assertEquals([code, stdout, lines.length], [1, "", 1], stderr);
        assertStringIncludes(stderr, `api: Cannot load "${file}": `);
        assertMatch(lines[0] ?? "", reason);
      });
    }
  });
});

Deno.test("middleware of express is told what form it has to have", () =>
  withFolder(async (folder) => {
    const express = `(req, res, next) => {
      res.header("X-Hello", "World");
      next();
    }`;
    const form = "export default (request, next) => Response";
    const table: [name: string, text: string, reason: string][] = [
      [
        "hello.js",
        `module.exports = ${express}`,
        'it uses "module", which is CommonJS',
      ],
      ["hello.cjs", `module.exports = ${express}`, "(req, res, next)"],
      ["module.js", `export default ${express}`, "(req, res, next)"],
      ["error.mjs", `export default (e, q, s, n) => n(e)`, "of express"],
      [
        "exports.js",
        `exports.default = ${express}`,
        'it uses "exports", which is CommonJS',
      ],
      [
        "require.js",
        `const path = require("node:path"); path;`,
        'it uses "require", which is CommonJS',
      ],
      [
        "dirname.js",
        `export default __dirname`,
        'it uses "__dirname", which is CommonJS',
      ],
    ];
    for (const [name, text, what] of table) {
      await Deno.writeTextFile(`${folder}/${name}`, text);
      const args = ["--memory", "--port", "0", "--with", `${folder}/${name}`];
      const { code, stdout, stderr } = await run(main, args);
      const why = what.endsWith("CommonJS") ? what : `its function is ${what}`;
      assertEquals(
        stderr,
        `api: Cannot load "${folder}/${name}": ${why}: expected ${form}\n` +
          "hint: examples: docs/api_handlers.md\n",
      );
      assertEquals([code, stdout], [1, ""]);
    }
  }));

Deno.test("CORS: what a module responds is for the pages that may ask, and no other page comes to it", () =>
  withFolder(async (folder) => {
    const file = `${folder}/own.js`;
    await Deno.writeTextFile(
      file,
      `let asked = 0;
      export default (request) => {
        asked++;
        const headers = { "x-asked": asked };
        return new URL(request.url).pathname === "/moved"
          ? Response.redirect("http://localhost/posts")
          : Response.json({ error: "log in" }, { status: 401, headers });
      };`,
    );
    const fail = (error: unknown) => assert(false, `${error}`);
    using api = openApi({ middleware: [await loadHandler(file, fail)] });
    const own = "http://localhost:5173";
    const wanted = {
      "access-control-request-method": "PUT",
      "access-control-request-headers": "authorization",
    };
    const ask = async (line: string, headers: Record<string, string>) => {
      const { status, headers: got } = await api.ask(line, { headers });
      const [reader, asked] = ["access-control-allow-origin", "x-asked"]
        .map((name) => got.get(name));
      return [status, reader, asked];
    };
    const evil = "https://evil.example";
    // the module is not asked whether a page may ask
    const preflight = { origin: own, ...wanted };
    assertEquals(await ask("OPTIONS /posts", preflight), [204, own, null]);
    assertEquals(await ask("GET /posts", { origin: own }), [401, own, "1"]);
    assertEquals(await ask("GET /moved", { origin: own }), [302, own, null]);
    assertEquals(await ask("GET /posts", { origin: evil }), [403, null, null]);
    const refused = await ask("OPTIONS /posts", { origin: evil, ...wanted });
    assertEquals(refused, [403, null, null]);
    const image = { "sec-fetch-site": "cross-site" };
    assertEquals(await ask("GET /posts", image), [403, null, null]);
    assertEquals(await ask("GET /posts", {}), [401, null, "3"]);
  }));

Deno.test("a binary says that it runs no module", async () => {
  const error = await assertRejects(
    () => loadHandler("my own.ts", () => {}, true),
    UsageError,
    'Cannot load "my own.ts": a binary runs no module but its own',
  );
  assertMatch(error.hint ?? "", / deno task api --with 'my own\.ts'$/);
});

Deno.test("api says why a module failed in one line, with a stack for --debug", () =>
  withFolder(async (folder) => {
    const file = `${folder}/own.ts`;
    await Deno.writeTextFile(
      file,
      'export default () => { throw new Error("a\\n  b"); };',
    );
    const args = ["--memory", "--port", "0", "--with", file];
    for (const debug of [false, true]) {
      const api = start(main, debug ? ["--debug", ...args] : args);
      const base = await baseOf(api.stdout);
      const response = await fetch(`${base}/posts`);
      await response.body?.cancel();
      assertEquals(response.status, 500);
      await api.stdout.waitFor(/ 500 .*: Cannot answer: ".*own\.ts" failed\n/);
      api.interrupt();
      const { stderr } = await api.result;
      const [first, ...rest] = stderr.trimEnd().split("\n");
      assertEquals(first, `api: Cannot answer with "${file}": a b`);
      assertEquals(/own\.ts:1:\d+/.test(rest.join("\n")), debug);
    }
  }));

Deno.test("what a module does not wait for is a line when it fails, and does not end the api", () =>
  withFolder(async (folder) => {
    const file = `${folder}/own.js`;
    await Deno.writeTextFile(
      file,
      `export default (request, next) => {
        Promise.reject(new Error("not awaited"));
        setTimeout(() => { throw "later"; });
        return next(request);
      };`,
    );
    const args = ["--memory", "--port", "0", "--with", file];
    const api = spawnDeno(["run", "-A", "-q", "tasks/api.ts", ...args]);
    const base = await baseOf(api.stdout);
    for (let round = 0; round < 2; round++) {
      const response = await fetch(`${base}/posts/1`);
      assertEquals((await response.json()).id, 1);
    }
    await api.stderr.waitFor(/(later[^]*){2}/);
    api.kill("SIGTERM");
    const { code, stderr } = await api.result;
    const lines = stderr.trimEnd().split("\n").toSorted();
    const what = `api: Cannot answer with "${file}":`;
    assertEquals(lines, [
      ...Array(2).fill(`${what} it threw "later", no Error`),
      ...Array(2).fill(`${what} not awaited`),
    ]);
    assertEquals(code, 0);
  }));

Deno.test("a module upgrades to a WebSocket", () =>
  withFolder(async (folder) => {
    const file = `${folder}/own.ts`;
    await Deno.writeTextFile(
      file,
      `export default (request: Request) => {
        const { socket, response } = Deno.upgradeWebSocket(request);
        socket.onmessage = ({ data }) => socket.send(data);
        return response;
      };`,
    );
    const api = start(main, ["--memory", "--port", "0", "--with", file]);
    const socket = new WebSocket(await baseOf(api.stdout));
    const { promise, resolve } = Promise.withResolvers<unknown>();
    const closed = Promise.withResolvers<void>();
    socket.onopen = () => socket.send("hello");
    socket.onmessage = ({ data }) => resolve(data);
    socket.onclose = () => closed.resolve();
    assertEquals(await promise, "hello");
    socket.close();
    await closed.promise;
    api.interrupt();
    assertEquals((await api.result).code, 0);
  }));

Deno.test("responses wait for --delay, until the api ends", async () => {
  const api = start(main, ["--memory", "--port", "0", "--delay", "60000"]);
  const response = fetch(`${await baseOf(api.stdout)}/posts/1`);
  const ending = new AbortController();
  using open = openApi();
  const handler = createHandler(open.store, {
    middleware: [waitFor([60_000, 60_000], ending.signal)],
  });
  const late = handler(new Request("http://localhost:3000/posts/1"));
  ending.abort();
  assertEquals((await late).status, 200);
  const quick = createHandler(open.store, {
    middleware: [waitFor([50, 60], new AbortController().signal)],
  });
  const started = performance.now();
  const headers = { prefer: "delay=50" };
  await quick(new Request("http://localhost:3000/posts/1", { headers }));
  assert(performance.now() - started >= 99, "both are waited for");
  api.interrupt();
  await response.then((answer) => answer.body?.cancel(), () => {});
  assertEquals((await api.result).code, 0);
});

Deno.test("what is not asked for is not loaded", async () => {
  const atStart =
    /^import (?!type )[^;]* from "[^"]*\/middleware\/(chain|middleware|pattern|routes|static|with)\./m;
  for (const [path, source] of await readSources(["tasks"])) {
    if (path.startsWith("tasks/api/middleware/")) continue;
    assert(!atStart.test(source), path);
  }
});

Deno.test("the hint permits the modules, the folder and the rules, and no more", () =>
  withFolder(async (folder) => {
    const own = `${folder}/a b.ts`;
    await Deno.writeTextFile(own, 'import "./other.ts";\nexport default 1;');
    await Deno.writeTextFile(`${folder}/other.ts`, "");
    const flags = ["run", "-q", "--no-prompt", "--allow-net=127.0.0.1"];
    const plain = ["--memory", "--port", "0", "--host", "127.0.0.1"];
    const script = ["tasks/api.ts", ...plain];
    const extra = ["--with", own, "--static", folder, "--routes", "r.json"];
    const denied = await spawnDeno([...flags, ...script, ...extra]).result;
    assertEquals(denied.code, 1);
    assertStringIncludes(
      denied.stderr,
      `api: Cannot load "${own}": read access to ${own} is not permitted\nhint: deno run `,
    );
    assertStringIncludes(
      denied.stderr,
      ` '--allow-read=${own},${folder},r.json' `,
    );
    const one = [...flags, `--allow-read=${own}`, ...script, "--with", own];
    const other = await spawnDeno(one).result;
    assertMatch(
      other.stderr,
      /: read access to .*\/other\.ts is not permitted\n/,
    );
    assertStringIncludes(
      other.stderr,
      ` '--allow-read=${own},${await Deno.realPath(folder)}/other.ts' `,
    );
  }));

Deno.test({
  name:
    "the place of what is missing is told, whatever colours Deno paints it with",
  ignore: Deno.build.os === "windows",
  fn: () => {
    const paint = (text: string) => `\x1b[0m\x1b[36m${text}\x1b[0m`;
    const place = ["file:///a/b.ts", "1", "8"].map(paint).join(":");
    const message = `Module not found "file:///a/no.ts".\n    at ${place}`;
    const reason = toReason(new TypeError(message));
    assertInstanceOf(reason, Failure);
    assertEquals(reason.message, 'there is no "/a/no.ts" (/a/b.ts:1:8)');
  },
});
