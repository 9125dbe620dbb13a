import {
  assert,
  assertEquals,
  assertMatch,
  assertStringIncludes,
} from "@std/assert";
import { main } from "../../tasks/api.ts";
import { serveHttp } from "../http/server.ts";
import { ROOT, run, spawn, spawnDeno, start, withFolder } from "../support.ts";
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
    /^api: .*\/nowhere\/other\.db.* not permitted\nhint: deno run '--allow-net=127\.0\.0\.1,\[::1\]' --allow-read=\/nowhere\/other\.db --allow-write=\/nowhere\/other\.db \S+api\.ts \/nowhere\/other\.db --port 0\n$/,
  );
});
