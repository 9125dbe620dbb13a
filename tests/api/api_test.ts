import {
  assert,
  assertEquals,
  assertMatch,
  assertStringIncludes,
} from "@std/assert";
import { quote } from "../../lib/cli/values.ts";
import { main } from "../../tasks/api.ts";
import { openStore } from "../../tasks/api/store/sqlite.ts";
import { serveHttp } from "../http/server.ts";
import {
  encode,
  ROOT,
  run,
  sleep,
  spawn,
  spawnDeno,
  start,
  withFolder,
} from "../support.ts";
import { baseOf } from "./support.ts";

Deno.test("api serves the six resources and keeps what is posted", async () => {
  const api = start(main, ["--memory", "--port", "0"]);
  const base = await baseOf(api.stdout);
  const created = await fetch(`${base}/posts`, {
    method: "POST",
    body: '{"title":"foo"}',
  });
  assertEquals([created.status, await created.json()], [201, {
    title: "foo",
    id: 101,
  }]);
  const kept = await fetch(`${base}/posts/101`);
  assertEquals(await kept.json(), { title: "foo", id: 101 });
  api.interrupt();
  assertEquals((await api.result).code, 0);
});

Deno.test("api keeps its data in the file it is given, over a restart and a kill -9", () =>
  withFolder(async (folder) => {
    const flags = [
      "run",
      "--no-prompt",
      "--allow-net=127.0.0.1",
      `--allow-read=${folder}/a.db`,
      `--allow-write=${folder}/a.db`,
    ];
    const args = [
      ...flags,
      "tasks/api.ts",
      `${folder}/a.db`,
      "--host",
      "127.0.0.1",
      "--port",
      "0",
    ];
    const first = spawnDeno(args);
    const url = await baseOf(first.stdout);
    await (await fetch(`${url}/posts/1`, {
      method: "PATCH",
      body: '{"title":"kept"}',
    })).body?.cancel();
    first.kill("SIGKILL");
    await first.result;
    const second = spawnDeno(args);
    const post: { title: string } =
      await (await fetch(`${await baseOf(second.stdout)}/posts/1`)).json();
    assertEquals(post.title, "kept");
    second.kill("SIGTERM");
    assertEquals((await second.result).code, 0);
  }));

Deno.test("api says in one line what is wrong, and exits as the table says", async (t) => {
  using taken = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const inUse = String(taken.addr.port);
  const cases: [string[], number, RegExp][] = [
    [
      ["--memory", "--port", inUse],
      1,
      new RegExp(
        `^api: Cannot listen on localhost:${inUse}: the address is in use\nhint: a free port: --port \\d+`,
      ),
    ],
    [["--port", "x"], 2, /Cannot parse port "x"/],
    [["a.db", "b.db"], 2, /Cannot serve 2 files: expected one/],
    [
      ["3001"],
      2,
      /^api: Cannot serve "3001": expected .*\nhint: --port 3001; for a file of this name: \.\/3001\n/,
    ],
    [
      ["posts", "--port", inUse],
      2,
      /^api: Cannot serve "posts": expected .*\nhint: a new database ends in \.db: posts\.db\n$/,
    ],
    [
      ["deno.jsn", "--port", inUse],
      2,
      /^api: Cannot serve "deno\.jsn": expected .*\nhint: did you mean deno\.json\?\n$/,
    ],
    [["--fake", "--read-only", "--port", inUse], 2, /^api: Cannot use --fake /],
    [
      ["--https"],
      2,
      /\nhint: .*: deno task server relay --tls localhost:3000\n/,
    ],
    [["help"], 2, /^api: Cannot serve "help": .*\nhint: for help: --help; /],
    [["start"], 2, /^api: Cannot serve "start": .*\nhint: api serves by /],
    [
      // were it not refused, it would end at the port
      ["--memory", "--port", inUse, "a.db"],
      2,
      /^api: Cannot use "a\.db" with --memory\nhint: /,
    ],
    [
      ["--memory", "--from=none.json", "a.db"],
      2,
      /^api: Cannot use "a\.db" with --memory\n/,
    ],
    // it is imported, and kept nowhere
    [
      ["--memory", "none.json"],
      1,
      /^api: Cannot load "[^"]+\/none\.json": no such file/,
    ],
    [["--watch"], 2, /^api: Cannot use --watch without a db\.json to follow\n/],
    [["--watch", "--from=a.json"], 2, /^api: Cannot use --watch without /],
    [["--reset", "--memory"], 2, /^api: Cannot use --reset with --memory: /],
    [
      ["a b.json5"],
      2,
      /^api: Cannot load "a b\.json5": JSON5 is not read\nhint: with "export default" before all of it, it is a module: deno task api 'a b\.js'\n/,
    ],
    [["--memory", "a.json5"], 2, /^api: Cannot load "a\.json5": JSON5 is not /],
    [
      ["--memory", "--from=db.jsonc"],
      2,
      /^api: Cannot load "db\.jsonc": JSONC is not read\nhint: .*: deno task api db\.js\n/,
    ],
    [
      ["a.ts", "--from=b.ts"],
      2,
      /^api: Cannot use --from with "a\.ts": .*\nhint: .*: FILE\.db --from b\.ts\n/,
    ],
    [
      ["none.mjs"],
      1,
      /: no such file\nhint: .*, write export default \{\} into /,
    ],
    [
      ["http://a.b/db"],
      2,
      /^api: Cannot serve ".*": it is a URL\nhint: a copy of what it answers: --from http:\/\/a\.b\/db\n/,
    ],
    [
      ["--db", "a.db"],
      2,
      /\nhint: the file is an operand: deno task api FILE\.db/,
    ],
    [
      ["--foreignKeySuffix", "_id"],
      2,
      /Unknown option "--foreignKeySuffix"\nhint: here it is --foreign-key-suffix/,
    ],
    [["-i", "_id"], 2, /Unknown option "-i"\nhint: here it is --id/],
    [["--id", 'a"b'], 2, /Cannot use "a"b" in a field's name: expected /],
    [["--foreign-key-suffix="], 2, /^api: Cannot use "?/],
    [
      ["--memroy"],
      2,
      /Unknown option "--memroy"\nhint: did you mean --memory\?/,
    ],
  ];
  for (const [args, code, stderr] of cases) {
    await t.step(args.join(" "), async () => {
      const result = await run(main, args);
      assertMatch(result.stderr, stderr);
      assertEquals([result.code, result.stdout], [code, ""]);
    });
  }
});

Deno.test("api names ids and references as it is told, in a db.json and in its own data", () =>
  withFolder(async (folder) => {
    const path = `${folder}/db.json`;
    const data = { posts: [{ _id: 1 }], comments: [{ _id: 4, post_id: 1 }] };
    await Deno.writeTextFile(path, JSON.stringify(data));
    const options = ["--id", "_id", "--foreign-key-suffix", "_id"];
    const files = [[path], [`${folder}/db.db`], ["--memory"]];
    for (const [index, file] of files.entries()) {
      const api = start(main, [...file, ...options, "--port", "0"]);
      const base = await baseOf(api.stdout);
      const first = await fetch(`${base}/posts/1/comments?_limit=1`);
      const [comment] = await first.json();
      assertEquals([comment?._id, comment?.post_id], [[4, 4, 1][index], 1]);
      const created = await fetch(`${base}/@a/posts`, {
        method: "POST",
        body: "{}",
      });
      assertEquals(await created.json(), { _id: [2, 2, 101][index] });
      const deleted = await fetch(`${base}/@a/posts/1`, { method: "DELETE" });
      await deleted.body?.cancel();
      const count = [1, 1, 5][index];
      assertEquals(deleted.headers.get("x-deleted"), `comments=${count}`);
      api.interrupt();
      const { code, stdout } = await api.result;
      assertEquals(code, 0);
      assertMatch(
        stdout,
        /DELETE \/@a\/posts\/1 200 [\d.]+ ms: and \d comments?\n/,
      );
    }
  }));

Deno.test("api fails when nobody reads its log any more", async () => {
  const api = start(main, ["--memory", "--port", "0"], { closedStdout: 200 });
  const base = await baseOf(api.stdout);
  for (let requests = 0; requests < 9; requests++) {
    await fetch(`${base}/posts/1`).then((it) => it.text()).catch(() => {});
  }
  const { code, stderr } = await api.result;
  assertEquals([code, stderr], [
    1,
    "api: Cannot write to stdout: the reader is gone\n",
  ]);
});

Deno.test("secrets in output: api shows none of where it imported from, and none in a hint", async () => {
  await using other = serveHttp(() => Response.json({ a: [] }));
  const { host } = new URL(other.url);
  const from = `http://me:s3cret@${host}/db?token=s3cret`;
  const args = ["--memory", "--port", "0", "--from", from];
  const server = start(main, args);
  await server.stdout.waitFor(/Listening on .*\n/);
  server.interrupt();
  await withFolder(async (folder) => {
    await serveOnce(`${folder}/a.db`, "--from", from);
    const bytes = await Deno.readTextFile(`${folder}/a.db`);
    assertStringIncludes(bytes, host);
    assert(!bytes.includes("s3cret"), bytes);
    const refused = await run(main, [`${folder}/a.db`, "--from", from]);
    assert(!refused.stderr.includes("s3cret"), refused.stderr);
  });
  const { stdout } = await server.result;
  assertMatch(stdout, /^Imported http:\/\/\*\*\*@\S+\/db\?token=\*\*\* into /);
  const child = spawnDeno([
    "run",
    "--no-prompt",
    `${ROOT}tasks/api.ts`,
    ...args,
  ]);
  const { stderr } = await child.result;
  assertStringIncludes(
    stderr,
    `\nhint: deno run '--allow-net=127.0.0.1,[::1],${host}' `,
  );
  assert(!(stdout + stderr).includes("s3cret"), stdout + stderr);
});

Deno.test("api asks for permission to use another file, with the command to run", async () => {
  const { code, stderr } = await spawn("api", [
    "/nowhere/other.db",
    "--port",
    "0",
  ]).result;
  assertEquals(code, 1);
  assertMatch(
    stderr,
    /^api: .*\/nowhere\/other\.db.* not permitted\nhint: deno run '--allow-net=127\.0\.0\.1,\[::1\]' --allow-read=\/nowhere\/other\.db --allow-write=\/nowhere\/other\.db .+api\.ts'? \/nowhere\/other\.db --port 0\n$/,
  );
});

Deno.test("api names the resources of a db.json, as far as they have room", () =>
  withFolder(async (folder) => {
    const names = Array.from({ length: 14 }, (_, index) => `r${index}`);
    const table: [names: string[], line: string][] = [
      [[], "none"],
      [["a", "b"], "/a /b"],
      [names, `/${names.slice(0, 12).join(" /")} and 2 more`],
      [
        ["a\nListening on", "b\x1b[31m"],
        String.raw`/a Listening on /b\\x1b\[31m`,
      ],
    ];
    for (const [names, line] of table) {
      const data = Object.fromEntries(names.map((name) => [name, []]));
      await Deno.writeTextFile(`${folder}/db.json`, JSON.stringify(data));
      const args = ["--memory", `${folder}/db.json`, "--port", "0"];
      const api = start(main, args);
      await api.stdout.waitFor(RegExp(`]:.*\nKept .*\nResources: ${line}\n$`));
      api.interrupt();
      assertEquals((await api.result).code, 0);
    }
  }));

/** Runs the api on a free port until it listens, and gives its first line and its data. */
async function serveOnce(...args: string[]): Promise<[string, unknown]> {
  const api = start(main, [...args, "--port", "0"]);
  const base = await baseOf(api.stdout);
  const data = await (await fetch(`${base}/db`)).json();
  api.interrupt();
  const { code, stdout } = await api.result;
  assertEquals(code, 0);
  return [stdout.split("\n")[0] ?? "", data];
}

const date = String.raw`\d{4}-\d\d-\d\d \d\d:\d\d:\d\d`;

Deno.test("api serves a db.json on each start, keeps what is written, and says what it serves", () =>
  withFolder(async (folder) => {
    const [json, db] = [`${folder}/db.json`, `${folder}/db.db`];
    const first = { posts: [{ id: 1 }] };
    const second = { posts: [{ id: 2 }] };
    await Deno.writeTextFile(json, JSON.stringify(first));
    const stem = `^Serving ${db}, which ${json} was imported into on ${date}`;
    const offer = `: --reset puts it in place of all that ${db} holds$`;
    const kept = { posts: [{ id: 1 }, { by: "a request", id: 2 }] };
    const steps: [
      change: (() => Promise<void>) | undefined,
      args: string[],
      line: RegExp,
      data: unknown,
    ][] = [
      [undefined, [], RegExp(`^Imported ${json} into ${db}$`), first],
      [
        async () => {
          using store = openStore(db, undefined);
          await store.insert("posts", [{ by: "a request" }]);
        },
        [],
        RegExp(`${stem}$`),
        kept,
      ],
      [
        () => Deno.utime(json, new Date(), new Date()),
        [],
        RegExp(`${stem}$`),
        kept,
      ],
      [
        () => Deno.writeTextFile(json, JSON.stringify(second)),
        [],
        RegExp(`${stem}; ${json} has changed since${offer}`),
        kept,
      ],
      [undefined, ["--reset"], RegExp(`^Imported ${json} into ${db}$`), second],
      [undefined, [], RegExp(`${stem}$`), second],
      [
        () => Deno.remove(json),
        [],
        RegExp(`${stem}; ${json} is not there any more$`),
        second,
      ],
      [
        async () => {
          await Deno.writeTextFile(json, JSON.stringify(first));
          using store = openStore(db, undefined);
          const source = { name: "other.json", hash: "", time: "2026-01-01" };
          await store.import(second, source, true);
        },
        [],
        RegExp(
          `^Serving ${db}, which other.json was imported into on ${date}, not ${json}${offer}`,
        ),
        second,
      ],
      [
        async () => {
          await Deno.remove(db);
          openStore(db, second)[Symbol.dispose]();
        },
        [],
        RegExp(
          `^Serving ${db}, which ${json} was never imported into${offer}`,
        ),
        second,
      ],
    ];
    for (const [change, args, line, data] of steps) {
      await change?.();
      const [said, found] = await serveOnce(json, ...args);
      assertMatch(said, line);
      assertEquals(found, data);
    }
    const api = start(main, [json, "--json", "--port", "0"]);
    await api.stdout.waitFor(/listening/);
    api.interrupt();
    const [event = ""] = (await api.result).stdout.split("\n");
    assertEquals(JSON.parse(event), {
      event: "serving",
      file: db,
      from: "",
      imported: "",
      state: "other",
    });
  }));

Deno.test("api keeps the data of two db.json apart, and finds them where the folder was moved", () =>
  withFolder(async (folder) => {
    for (const name of ["a", "b"]) {
      await Deno.mkdir(`${folder}/${name}`);
      const text = JSON.stringify({ [name]: [] });
      await Deno.writeTextFile(`${folder}/${name}/db.json`, text);
      const [, data] = await serveOnce(`${folder}/${name}/db.json`);
      assertEquals(data, { [name]: [] });
    }
    await Deno.rename(`${folder}/a`, `${folder}/c`);
    const [said, data] = await serveOnce(`${folder}/c/db.json`);
    assertMatch(said, RegExp(`was imported into on ${date}$`));
    assertEquals(data, { a: [] });
  }));

Deno.test("api puts a dump, or the first data, in place of all when it is told to reset", () =>
  withFolder(async (folder) => {
    const [json, db] = [`${folder}/x.json`, `${folder}/a.db`];
    await Deno.writeTextFile(json, '{"notes":[]}');
    await serveOnce(db, "--from", json);
    const refused = await run(main, [db, "--from", json, "--port", "0"]);
    assertMatch(
      refused.stderr,
      /: it holds data already\nhint: to serve what it holds: deno task api \S+\/a\.db; to replace that: --reset; to import once, then serve: deno task api \S+\/x\.json\n$/,
    );
    await Deno.writeTextFile(json, '{"notes":[{"id":1}]}');
    const [, data] = await serveOnce(db, "--from", json, "--reset");
    assertEquals(data, { notes: [{ id: 1 }] });
    const kept = await run(main, [db, "--reset", "--port", "0"]);
    assertMatch(
      kept.stderr,
      /^api: Cannot reset "\S+\/a\.db" to the sample data: it holds what came from x\.json\nhint: to import that again: --reset --from \S+\/x\.json; for the sample data name another file\n$/,
    );
    assertEquals([kept.code, kept.stdout], [1, ""]);
    assertEquals((await serveOnce(db))[1], { notes: [{ id: 1 }] });
    openStore(`${folder}/own.db`, { notes: [] })[Symbol.dispose]();
    const other = await run(main, [`${folder}/own.db`, "--reset"]);
    assertMatch(
      other.stderr,
      /: it holds "notes"\nhint: for the sample data name another file\n$/,
    );
    const sample = `${folder}/sample.db`;
    await serveOnce(sample);
    const api = start(main, [sample, "--reset", "--port", "0"]);
    const posts = await fetch(`${await baseOf(api.stdout)}/posts`);
    assertEquals((await posts.json()).length, 100);
    api.interrupt();
    assertEquals((await api.result).code, 0);
  }));

Deno.test("api takes the db.json that editors and PowerShell write", () =>
  withFolder(async (folder) => {
    const text = '{"posts":[{"id":1,"t":"é한"}]}';
    const data: unknown = JSON.parse(text);
    const utf16 = (text: string, little: boolean) => {
      const view = new DataView(new ArrayBuffer(text.length * 2));
      for (let at = 0; at < text.length; at++) {
        view.setUint16(at * 2, text.charCodeAt(at), little);
      }
      return new Uint8Array(view.buffer);
    };
    const table: [name: string, bytes: Uint8Array, data: unknown][] = [
      ["plain", encode(text), data],
      ["UTF-8 with a mark", encode(`\ufeff${text}`), data],
      ["UTF-16 with a mark", utf16(`\ufeff${text}\r\n`, true), data],
      ["big-endian UTF-16 with a mark", utf16(`\ufeff${text}`, false), data],
      ["UTF-16", utf16(text, true), data],
      ["nothing", encode(""), {}],
      ["blanks", encode(" \r\n\t"), {}],
      ["a mark", encode("\ufeff"), {}],
      ["no resources", encode("{}"), {}],
      ["a schema's name", encode('{"$schema":"./x.json"}'), {}],
      ["a schema and lists", encode('{"$schema":"x","a":[],"b":{}}'), {
        a: [],
        b: {},
      }],
      ["a name twice", encode('{"a":[{"id":1}],"a":[{"id":2}]}'), {
        a: [{ id: 2 }],
      }],
      [
        "900 levels",
        encode(`{"a":{"b":${"[".repeat(900)}${"]".repeat(900)}}}`),
        {
          a: { b: JSON.parse("[".repeat(900) + "]".repeat(900)) },
        },
      ],
    ];
    for (const [name, bytes, data] of table) {
      await Deno.writeFile(`${folder}/${name}.json`, bytes);
      const [, found] = await serveOnce("--memory", `${folder}/${name}.json`);
      assertEquals(found, data, name);
    }
  }));

Deno.test("api says why a db.json cannot be taken, and where, and takes it when it is mended", () =>
  withFolder(async (folder) => {
    const deep = (levels: number) =>
      `{"a":[{"b":${"[".repeat(levels)}${"]".repeat(levels)}}]}`;
    const table: [text: string | Uint8Array, why: string][] = [
      [
        '{\r\n "a": [\r\n  {"id": 1},\r\n ]\r\n}',
        "Unexpected token ']' (line 4 column 2): JSON has no comma after the last one",
      ],
      [
        '{"a":[],\n}',
        "Expected double-quoted property name (line 2 column 1): JSON has no comma after the last one",
      ],
      [
        '{\n  // all\n "a": []}',
        "Expected property name or '}' (line 2 column 3): JSON has no comments",
      ],
      [
        "# a\n{}",
        "Unexpected token '#' (line 1 column 1): JSON has no comments",
      ],
      [
        "{'a': []}",
        "Expected property name or '}' (line 1 column 2): JSON has double quotes alone: \"a\"",
      ],
      [
        "{a: []}",
        "Expected property name or '}' (line 1 column 2): JSON has double quotes alone: \"a\"",
      ],
      ['{"a":[{"id":1},', "Unexpected end (line 1 column 16)"],
      ["<html>", "Unexpected token '<' (line 1 column 1)"],
      [
        new Uint8Array([
          ...encode('{\n"a":[{"t":"caf'),
          0xe9,
          ...encode('"}]}'),
        ]),
        "it is not UTF-8 (line 2)",
      ],
      [new Uint8Array([0xff, 0xfe, 0x7b]), "it is not UTF-16"],
      [deep(1100), "it is nested deeper than 1000 levels"],
      [deep(1e6), "it is nested deeper than 1000 levels"],
    ];
    const path = `${folder}/x.json`;
    for (const [content, why] of table) {
      const bytes = typeof content === "string" ? encode(content) : content;
      await Deno.writeFile(path, bytes);
      const { code, stdout, stderr } = await run(main, [path, "--port", "0"]);
      assertEquals([code, stdout, stderr], [
        1,
        "",
        `api: Cannot load "${path}": ${why}\n`,
      ]);
    }
    await Deno.writeTextFile(path, '{"a":[{"id":1},{"id":1}]}');
    const { stderr } = await run(main, [path, "--port", "0"]);
    assertEquals(stderr, `api: Cannot load "${path}": "a[1].id": 1 is taken\n`);
    await Deno.writeTextFile(path, '{"a":[{"id":1},{"id":2}]}');
    const [said, data] = await serveOnce(path);
    assertEquals(said, `Imported ${path} into ${folder}/x.db`);
    assertEquals(data, { a: [{ id: 1 }, { id: 2 }] });
  }));

Deno.test("denial of service: api imports no more than 256 MiB, whatever is announced", () =>
  withFolder(async (folder) => {
    const path = `${folder}/large.json`;
    await Deno.writeTextFile(path, "");
    await Deno.truncate(path, 2 ** 28 + 1); // takes no room
    const blanks = new Uint8Array(2 ** 20).fill(32);
    const pull = (stream: ReadableStreamDefaultController<Uint8Array>) =>
      stream.enqueue(blanks);
    await using other = serveHttp(({ url }) =>
      new Response(new ReadableStream({ pull }), {
        headers: url.endsWith("/long") ? {} : { "content-length": "900000000" },
      })
    );
    for (const from of [path, `${other.url}/announced`, `${other.url}/long`]) {
      const args = ["--memory", "--port", "0", "--from", from];
      const { code, stderr } = await run(main, args);
      assertEquals([code, stderr], [
        1,
        `api: Cannot load "${from}": it is larger than 256 MiB\n`,
      ]);
    }
  }));

Deno.test("api says what another api has instead of its data", async () => {
  await using other = serveHttp(({ url }) =>
    url.endsWith("/html")
      ? new Response("<html>")
      : url.endsWith("/list")
      ? new Response("[]")
      : new Response("{}", { status: 404 })
  );
  const { host } = new URL(other.url);
  const table: [from: string, stderr: RegExp][] = [
    [
      `${host}`,
      /^api: Cannot load "http:.*\/db": the answer was 404\nhint: json-server 1 has no \/db: give its file, as --from db\.json\n$/,
    ],
    [
      `${other.url}/list`,
      /^api: Cannot load "http:.*\/list": expected an object of resources, .*\n$/,
    ],
    [`${other.url}/x`, /^api: Cannot load "http:.*\/x": the answer was 404\n$/],
    [
      `${other.url}/html`,
      /^api: Cannot load "http:.*\/html": Unexpected token '<' \(line 1 column 1\)\n$/,
    ],
  ];
  for (const [from, stderr] of table) {
    const args = ["--memory", "--port", "0", "--from", from];
    const result = await run(main, args);
    assertMatch(result.stderr, stderr);
    const code = result.stderr.includes("404") ? 4 : 1;
    assertEquals([result.code, result.stdout], [code, ""]);
  }
  const from = `http://me:s3cret@${host}/x?token=s3cret`;
  const { stderr } = await run(main, ["--memory", "--from", from]);
  assertMatch(
    stderr,
    /^api: Cannot load "http:\/\/\*\*\*@.*\/x\?token=\*\*\*": /,
  );
  assert(!stderr.includes("s3cret"), stderr);
});

Deno.test("api that was killed while it imported a db.json imports it when it starts again", () =>
  withFolder(async (folder) => {
    const [json, db] = [`${folder}/db.json`, `${folder}/db.db`];
    const ids = Array.from({ length: 50_000 }, (_, id) => ({ id }));
    await Deno.writeTextFile(json, JSON.stringify({ a: [], b: ids }));
    const child = spawnDeno(["run", "-A", "tasks/api.ts", json, "--port", "0"]);
    // while its one transaction is written to the log
    const wrote = () => {
      try {
        return Deno.statSync(`${db}-wal`).size > 100_000;
      } catch {
        return false;
      }
    };
    while (!wrote() && !child.stdout.text.includes("Imported")) await sleep(1);
    child.kill("SIGKILL");
    await child.result;
    const api = start(main, [json, "--port", "0"]);
    const list = await fetch(`${await baseOf(api.stdout)}/b?_limit=1`);
    await list.body?.cancel();
    assertEquals(list.headers.get("x-total-count"), "50000");
    api.interrupt();
    assertEquals((await api.result).code, 0);
  }));

Deno.test("api serves one db.json from two processes that start at once", () =>
  withFolder(async (folder) => {
    const json = `${folder}/db.json`;
    await Deno.writeTextFile(json, '{"a":[{"id":1}]}');
    const starts = [1, 2].map(() =>
      spawnDeno(["run", "-A", "tasks/api.ts", json, "--port", "0"])
    );
    for (const api of starts) {
      const list = await fetch(`${await baseOf(api.stdout)}/a`);
      assertEquals(await list.json(), [{ id: 1 }]);
    }
    for (const api of starts) {
      api.kill("SIGTERM");
      assertEquals((await api.result).code, 0);
    }
  }));

Deno.test("api follows db.json as editors save it, and tells who listens", () =>
  withFolder(async (folder) => {
    const [json, other] = [`${folder}/db.json`, `${folder}/new.json`];
    const content = (id: number) => JSON.stringify({ posts: [{ id }] });
    await Deno.writeTextFile(json, content(1));
    const api = start(main, ["-w", json, "--port", "0"]);
    const base = await baseOf(api.stdout);
    const events = await fetch(`${base}/posts`, {
      headers: { accept: "text/event-stream" },
    });
    const text = events.text();
    const ids = async () => {
      const posts: { id: number }[] = await (await fetch(`${base}/posts`))
        .json();
      return posts.map(({ id }) => id);
    };
    let loads = 1;
    const loaded = () =>
      api.stdout.waitFor(RegExp(`(^|[^]*\n)(Imported [^]*?){${++loads}}`));
    await (await fetch(`${base}/posts`, { method: "POST", body: "{}" })).text();
    assertEquals(await ids(), [1, 2]);
    await Deno.writeTextFile(json, content(3));
    await loaded();
    assertEquals(await ids(), [3]);
    await Deno.writeTextFile(other, content(4));
    await Deno.rename(other, json);
    await loaded();
    assertEquals(await ids(), [4]);
    await Deno.rename(json, `${json}~`);
    await Deno.writeTextFile(json, content(5));
    await loaded();
    assertEquals(await ids(), [5]);
    const broken: [text: string, why: string][] = [
      ["", "it is empty: all stays as it was"],
      ['{"posts":[', "Unexpected end (line 1 column 11)"],
      ["[]", 'expected an object of resources, as {"posts": []}'],
    ];
    for (const [text, why] of broken) {
      await Deno.writeTextFile(json, text);
      const escaped = why.replace(/[(){}[\]]/g, "\\$&");
      await api.stderr.waitFor(RegExp(`api: Cannot load .*: ${escaped}\n$`));
      assertEquals(await ids(), [5]);
    }
    await Deno.writeTextFile(json, content(6));
    await loaded();
    assertEquals(await ids(), [6]);
    api.interrupt();
    const { code, stderr } = await api.result;
    assertEquals([code, stderr.trim().split("\n").length], [0, broken.length]);
    assertEquals((await text).match(/"loaded"/g)?.length, 4);
  }));

/** Does something, and resolves when Deno is then asked to do something to a file. */
async function untilAsked(
  verb: "open" | "stat",
  path: string,
  work: () => Promise<void>,
): Promise<void> {
  const original = Deno[verb];
  const asked = Promise.withResolvers<void>();
  const spy = (file: string | URL) => {
    if (file === path) asked.resolve();
    return original(file);
  };
  Reflect.set(Deno, verb, spy);
  try {
    await work();
    await asked.promise;
  } finally {
    Reflect.set(Deno, verb, original);
  }
}

Deno.test("api leaves an edit alone that it is not told to follow, and a save that changes nothing", () =>
  withFolder(async (folder) => {
    const json = `${folder}/db.json`;
    await Deno.writeTextFile(json, '{"a":[]}');
    const still = start(main, ["--memory", json, "--port", "0"]);
    const watching = start(main, ["-w", "--memory", json, "--port", "0"]);
    const bases = await Promise.all(
      [still, watching].map(({ stdout }) => baseOf(stdout)),
    );
    const [, base] = bases;
    await (await fetch(`${base}/a`, { method: "POST", body: "{}" })).text();
    // the file is looked into once without a change, too
    for (const time of [1, 2]) {
      await untilAsked("open", json, () => Deno.utime(json, time, time));
    }
    assertEquals(await (await fetch(`${base}/a`)).json(), [{ id: 1 }]);
    await Deno.writeTextFile(json, '{"b":[]}');
    await watching.stdout.waitFor(/(Imported [^]*){2}/);
    assertEquals(watching.stdout.text.match(/Imported /g)?.length, 2);
    assertEquals(await (await fetch(`${bases[0]}/db`)).json(), { a: [] });
    for (const api of [still, watching]) {
      api.interrupt();
      assertEquals((await api.result).code, 0);
    }
  }));

Deno.test({
  name:
    "api that follows db.json does not wait for who writes to a pipe of its name",
  ignore: Deno.build.os === "windows",
  fn: () =>
    withFolder(async (folder) => {
      const json = `${folder}/db.json`;
      await Deno.writeTextFile(json, '{"a":[]}');
      const api = start(main, ["-w", "--memory", json, "--port", "0"]);
      const base = await baseOf(api.stdout);
      await Deno.remove(json);
      await new Deno.Command("mkfifo", { args: [json] }).output();
      for (let looks = 0; looks < 3; looks++) {
        await untilAsked("stat", json, async () => {});
      }
      await Deno.remove(json);
      await Deno.writeTextFile(json, '{"b":[]}');
      await api.stdout.waitFor(/(Imported [^]*){2}/);
      assertEquals(await (await fetch(`${base}/db`)).json(), { b: [] });
      api.interrupt();
      assertEquals((await api.result).code, 0);
    }),
});

Deno.test("api needs no more than db.json and its database to follow it", () =>
  withFolder(async (folder) => {
    const json = `${folder}/db.json`;
    await Deno.writeTextFile(json, '{"a":[]}');
    const args = ["-w", json, "--host", "127.0.0.1", "--port", "0"];
    const denied = await spawnDeno(["run", "tasks/api.ts", ...args]).result;
    const script = quote(`${ROOT}tasks/api.ts`);
    const hint =
      `deno run --allow-net=127.0.0.1 --allow-read=${json},${folder}/db.db --allow-write=${folder}/db.db ${script} ${
        args.join(" ")
      }`;
    assertStringIncludes(denied.stderr, `\nhint: ${hint}\n`);
    const api = spawnDeno(
      hint.replace(script, "tasks/api.ts").split(" ").slice(1),
    );
    await baseOf(api.stdout);
    await Deno.writeTextFile(`${folder}/new`, '{"b":[]}');
    await Deno.rename(`${folder}/new`, json);
    await api.stdout.waitFor(/(Imported [^]*){2}/);
    api.kill("SIGTERM");
    const { code, stderr } = await api.result;
    assertEquals([code, stderr], [0, ""]);
  }));

Deno.test("api tells what stands here for json-server's options", async () => {
  const table: [args: string[], hint: RegExp][] = [
    [["--ro"], /here it is --read-only/],
    [["--middlewares", "a.js"], /here it is --with FILE: see docs\/api_handl/],
    [["-S", "."], /deno task get :3000\/db -o snapshot\.json/],
    [["--no-gzip"], /not needed/],
    [["-c", "json-server.json"], /no file is read for options/],
    [["-q"], /the log is what stdout gets/],
  ];
  for (const [args, hint] of table) {
    const { code, stderr } = await run(main, [...args, "db.json"]);
    assertEquals(code, 2);
    assertMatch(stderr, hint);
  }
});

Deno.test("api takes the data that a module gives, as those of a db.json, and keeps them", () =>
  withFolder(async (folder) => {
    const table: [name: string, text: string][] = [
      ["object.ts", "export default { posts: [{ id: 1 as number }] };"],
      ["function.js", "export default () => ({ posts: [{ id: 1 }] });"],
      [
        "async.mjs",
        "export default async () => ({ posts: await [{ id: 1 }] });",
      ],
      [
        "promise.mts",
        "export default Promise.resolve({ posts: [{ id: 1 }] });",
      ],
      ["common.cjs", "module.exports = () => ({ posts: [{ id: 1 }] });"],
      [
        "written as JSON.ts",
        "export default { posts: [{ id: 1, toJSON: () => ({ id: 1 }) }] };",
      ],
      [
        "imports.ts",
        'import { id } from "./id.ts";\nexport default { posts: [{ id }] };',
      ],
    ];
    await Deno.writeTextFile(`${folder}/id.ts`, "export const id = 1;");
    const data = { posts: [{ id: 1 }] };
    for (const [name, text] of table) {
      const file = `${folder}/${name}`;
      const db = file.replace(/\.\w+$/, ".db");
      await Deno.writeTextFile(file, text);
      assertEquals(await serveOnce(file), [
        `Imported ${file} into ${db}`,
        data,
      ]);
      const [again, kept] = await serveOnce(file);
      assertMatch(again, RegExp(`^Serving .*imported into on ${date}$`));
      assertEquals(kept, data);
      const other = `${folder}/other.db`;
      const [from] = await serveOnce(other, "--reset", "--from", file);
      assertEquals(from, `Imported ${file} into ${other}`);
    }
  }));

Deno.test("api runs a module again when its text has changed and it is told to", () =>
  withFolder(async (folder) => {
    const file = `${folder}/data.ts`;
    const text = (id: number) =>
      `export default () => ({ a: [{ id: ${id} }] });`;
    await Deno.writeTextFile(file, text(1));
    await serveOnce(file);
    await Deno.writeTextFile(file, text(2));
    const [said, kept] = await serveOnce(file);
    assertMatch(
      said,
      /; .*data\.ts has changed since: --reset puts it in place/,
    );
    assertEquals(kept, { a: [{ id: 1 }] });
    assertEquals((await serveOnce(file, "--reset"))[1], { a: [{ id: 2 }] });
    const refused = await run(main, [`${folder}/data.db`, "--from", file]);
    assertMatch(
      refused.stderr,
      /; to import once, then serve: deno task api \S+\/data\.ts\n/,
    );

    const api = start(main, ["--watch", "--memory", file, "--port", "0"]);
    const base = await baseOf(api.stdout);
    for (const id of [3, 2]) {
      await Deno.writeTextFile(file, text(id));
      await api.stdout.waitFor(
        RegExp(`(^|[^]*\n)(Imported [^]*?){${id === 3 ? 2 : 3}}`),
      );
      assertEquals(await (await fetch(`${base}/a`)).json(), [{ id }]);
    }
    await Deno.writeTextFile(file, "export default { a: [ };");
    await api.stderr.waitFor(
      /^api: Cannot load ".*data\.ts": .*\(.*:1:\d+\)\n$/,
    );
    assertEquals(await (await fetch(`${base}/a`)).json(), [{ id: 2 }]);
    api.interrupt();
    assertEquals((await api.result).code, 0);
  }));

Deno.test("api says in one line why a module gives no data", async (t) => {
  const table: [name: string, text: string, why: RegExp][] = [
    [
      "none.ts",
      "export const posts = [];",
      /: it has no default export: expected an object, or a function /,
    ],
    ["void.ts", "export default () => {};", /: its default export is neither /],
    ["list.ts", "export default [];", /: its default export is neither /],
    [
      "null.ts",
      "export default () => null;",
      /: its default export is neither/,
    ],
    ["throws.ts", 'export default () => { throw Error("a\\nb"); };', /: a b$/],
    [
      "text.ts",
      'export default async () => { throw "no"; };',
      /: it threw "no", no Error$/,
    ],
    [
      "rejects.ts",
      "export default Promise.reject(4);",
      /: it threw 4, no Error$/,
    ],
    ["syntax.ts", "export default { a: [ };", /: .* \(.*syntax\.ts:1:\d+\)$/],
    [
      "import.ts",
      'import "./no.ts";',
      /: there is no ".*\/no\.ts" \(.*:1:8\)$/,
    ],
    [
      "bare.ts",
      'import "@faker-js/faker";',
      /: it imports "@faker-js\/faker": of npm that is "npm:@faker-js\/faker", /,
    ],
    [
      "common.js",
      "module.exports = () => ({ posts: [] });",
      /: it uses "module", which is CommonJS: rename the file to \.cjs, or write export default$/,
    ],
    [
      "require.js",
      'const a = require("a");\nmodule.exports = {};',
      /: it uses "require", which is CommonJS: rename the file to \.cjs, or write export default$/,
    ],
    [
      "later.ts",
      "export default { a: () => [] };",
      / "a": expected a list or /,
    ],
    [
      "big.ts",
      "export default { a: [{ n: 1n }] };",
      /: Do not know how to .*$/,
    ],
    [
      "circle.ts",
      "const a: unknown[] = []; a.push(a); export default { a };",
      /: Converting circular structure to JSON$/,
    ],
    [
      "deep.ts",
      "let a = {}; for (let i = 0; i < 1e5; i++) a = { a }; export default { a };",
      /: it is nested deeper than 1000 levels$/,
    ],
    [
      "twice.ts",
      "export default { a: [{ id: 1 }, { id: 1 }] };",
      /1 is taken$/,
    ],
    [
      "large.ts",
      'const t = "a".repeat(2 ** 28); export default { a: [t] };',
      /: it is larger than 256 MiB$/,
    ],
    [
      "huge.ts",
      'const t = "a".repeat(2 ** 28); export default { a: [t, t] };',
      /: it is larger than 256 MiB$/,
    ],
  ];
  await withFolder(async (folder) => {
    for (const [name, text, why] of table) {
      await t.step(name, async () => {
        await Deno.writeTextFile(`${folder}/${name}`, text);
        const args = ["--memory", `${folder}/${name}`, "--port", "0"];
        const { code, stdout, stderr } = await run(main, args);
        assertEquals([code, stdout], [1, ""], stderr);
        assertMatch(stderr, /^api: Cannot load ".*"[^\n]*\n$/);
        assertMatch(stderr.trimEnd(), why);
      });
    }
  });
});

Deno.test("api waits for the data of a module until somebody ends it", () =>
  withFolder(async (folder) => {
    const file = `${folder}/never.ts`;
    await Deno.writeTextFile(
      file,
      'await Deno.writeTextFile(new URL("begun", import.meta.url), "");\n' +
        "export default new Promise(() => {});",
    );
    const api = spawnDeno(["run", "-A", "tasks/api.ts", "--memory", file]);
    const begun = async () => {
      const names = (await Array.fromAsync(Deno.readDir(folder))).map(
        ({ name }) => name,
      );
      return names.includes("begun");
    };
    while (!await begun()) await sleep(5);
    api.kill("SIGINT");
    const { code, stdout, stderr } = await api.result;
    assertEquals([code, stdout, stderr], [130, "", ""]);
  }));

Deno.test("the hint permits a module that gives the data, and what it imports", () =>
  withFolder(async (folder) => {
    const file = `${folder}/data.ts`;
    await Deno.writeTextFile(file, 'export { default } from "./other.ts";');
    const script = ["tasks/api.ts", file, "--host", "127.0.0.1", "--port", "0"];
    await Deno.writeTextFile(
      `${folder}/other.ts`,
      "export default { a: [] };",
    );
    const hintOf = async (command: readonly string[]) => {
      const { code, stderr } = await spawnDeno(command).result;
      assertEquals(code, 1);
      const [, line = ""] = stderr.match(/\nhint: deno (run .*)\n$/) ?? [];
      return line.replace(quote(`${ROOT}tasks/api.ts`), "tasks/api.ts").split(
        " ",
      );
    };
    const first = await hintOf(["run", "--no-prompt", ...script]);
    assertStringIncludes(first.join(" "), `--allow-read=${file},`);
    const second = await hintOf(["run", "--no-prompt", ...first.slice(1)]);
    assertStringIncludes(second.join(" "), "/other.ts ");
    const api = spawnDeno(["run", "--no-prompt", ...second.slice(1)]);
    await baseOf(api.stdout);
    api.kill("SIGTERM");
    assertEquals((await api.result).code, 0);

    await Deno.writeTextFile(file, 'Deno.env.get("X");');
    const granted = ["run", "--no-prompt", ...second.slice(1, -1), "0"];
    const { stderr } = await spawnDeno([...granted, "--reset"]).result;
    assertMatch(
      stderr,
      /: it needs env access to "X": start it with deno run --allow-env=X\n$/,
    );
  }));

Deno.test("api tells of a name that an object of a db.json has twice", () =>
  withFolder(async (folder) => {
    const file = `${folder}/db.json`;
    const table: [text: string, twice: string | undefined][] = [
      ['{"a":[{"id":1,"x y":2, "x y" :3}]}', "x y"],
      ['{"a":[],"b":{},"a":[]}', "a"],
      [
        '{"a":[{"id":1},{"id":2}],"b":{"a":{"a":"\\"a\\":","b":"}"},"c":1}}',
        undefined,
      ],
      [`{"a":["${'\\\\\\"'.repeat(2e5)}"]}`, undefined],
      [`{"a":[],"b":["${" ".repeat(2 ** 20)}"],"a":[]}`, undefined],
    ];
    for (const [text, twice] of table) {
      await Deno.writeTextFile(file, text);
      const [said] = await serveOnce("--memory", file);
      const more = twice === undefined
        ? ""
        : `; "${twice}" is there twice in one object: the last one counts`;
      assertEquals(said, `Imported ${file} into :memory:${more}`);
    }
  }));
