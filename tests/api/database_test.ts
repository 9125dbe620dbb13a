/**
 * What api says of its database, and what it does when the file is taken from under it.
 *
 * @module
 */

import { fileURLToPath } from "node:url";
import {
  assert,
  assertEquals,
  assertMatch,
  assertRejects,
  assertStringIncludes,
} from "@std/assert";
import { main } from "../../tasks/api.ts";
import { seed } from "../../tasks/api/store/seed.ts";
import { openStore } from "../../tasks/api/store/sqlite.ts";
import { type Place, StoreError } from "../../tasks/api/store/store.ts";
import { run, spawnDeno, start, withFolder } from "../support.ts";
import { baseOf } from "./support.ts";

const isWindows = Deno.build.os === "windows";

/** What an api prints after its addresses, before it is asked. */
async function saidBy(...args: string[]): Promise<string> {
  const api = start(main, [...args, "--host", "127.0.0.1", "--port", "0"]);
  const said = await api.stdout.waitFor(
    /("listening".*|Listening on .*)\n.*\n/,
  );
  api.interrupt();
  assertEquals((await api.result).code, 0);
  return said.match(/istening.*\n(.*)\n/)?.[1] ?? "";
}

Deno.test("api says which database it serves, whether it was there, what it holds and where that came from", () =>
  withFolder(async (folder) => {
    const [db, json] = [`${folder}/a.db`, `${folder}/b.json`];
    await Deno.writeTextFile(json, '{"notes":[{"id":1}]}');
    const when = String.raw`\d{4}-\d\d-\d\d \d\d:\d\d:\d\d`;
    const sample = "5910 sample documents in 6 resources";
    const one = "1 document in 1 resource";
    const table: [args: string[], line: RegExp][] = [
      [[db], RegExp(`^Made ${db}: ${sample}$`)],
      [[db], RegExp(`^Found ${db}: 5910 documents in 6 resources$`)],
      [[db, "--reset"], RegExp(`^Reset ${db}: ${sample}$`)],
      [["--memory"], RegExp(`^Kept nowhere: ${sample}$`)],
      [["--memory", json], RegExp(`^Kept nowhere: ${one}$`)],
      [[json], RegExp(`^Made ${folder}/b.db: ${one}$`)],
      [[json], RegExp(`^Found ${folder}/b.db: ${one}$`)],
      [
        [`${folder}/b.db`],
        RegExp(
          `^Found ${folder}/b.db: ${one}; imported from b.json on ${when}$`,
        ),
      ],
      [
        [`${folder}/n.db`, "--reset"],
        RegExp(`^Made ${folder}/n.db: ${sample}$`),
      ],
      [[db, "--from", json, "--reset"], RegExp(`^Reset ${db}: ${one}$`)],
    ];
    for (const [args, line] of table) assertMatch(await saidBy(...args), line);
    const event = JSON.parse(await saidBy(`${folder}/b.db`, "--json"));
    assertMatch(event.imported, /^\d{4}-.*Z$/);
    assertEquals({ ...event, imported: "" }, {
      event: "database",
      file: `${folder}/b.db`,
      state: "found",
      documents: 1,
      resources: 1,
      from: "b.json",
      imported: "",
    });
  }));

Deno.test("to count documents makes none of those that nobody asked for", () =>
  withFolder((folder) => {
    for (const isNew of [true, false]) {
      using store = openStore(`${folder}/a.db`, seed);
      const before = store.size();
      assertEquals([store.isNew, store.count()], [isNew, 5910]);
      assertEquals(store.size(), before);
    }
    using own = openStore(":memory:", { a: () => [{}, {}], b: {}, c: [{}] });
    assertEquals(own.count(), 4);
    return Promise.resolve();
  }));

Deno.test("api keeps the sample that a database was made with when a db.json of its name comes later", () =>
  withFolder(async (folder) => {
    await saidBy(`${folder}/a.db`);
    await Deno.writeTextFile(`${folder}/a.json`, "{}");
    const api = start(main, [`${folder}/a.json`, "--port", "0"]);
    const posts = await fetch(`${await baseOf(api.stdout)}/posts`);
    assertEquals((await posts.json()).length, 100);
    api.interrupt();
    assertEquals((await api.result).code, 0);
  }));

Deno.test("what api cannot import it names by its file, and what is no path it refuses", () =>
  withFolder(async (folder) => {
    const json = `${folder}/a b.json`;
    const table: [text: string, why: string][] = [
      ["[1]", 'expected an object of resources, as {"posts": []}'],
      ['{"a":1}', '"a": expected a list or an object'],
      ['{"db":[]}', "/db is the api's own path"],
      ['{"a":[{"id":1},{"id":1}]}', '"a[1].id": 1 is taken'],
      ['{"a":[{"id":{}}]}', '"a[0].id": expected a number or a text'],
    ];
    for (const [text, why] of table) {
      await Deno.writeTextFile(json, text);
      const { code, stderr } = await run(main, [json, "--port", "0"]);
      assertEquals(code, 1);
      assertStringIncludes(stderr, `api: Cannot load "${json}": ${why}`);
    }
    for (const option of ["", "--from=", "--with=", "--static=", "--routes="]) {
      const { code, stderr } = await run(main, [option]);
      assertEquals(code, 2);
      assertMatch(
        stderr,
        /^api: Cannot use ""( as a file)?: expected .*\nhint: /,
      );
    }
  }));

Deno.test("the commands in hints of api quote the paths that they name", () =>
  withFolder(async (folder) => {
    const [db, json] = [`${folder}/a $b.db`, `${folder}/it's.json`];
    await Deno.writeTextFile(json, '{"a":[]}');
    await saidBy(db);
    const { stderr } = await run(main, [db, "--from", json, "--port", "0"]);
    const quoted = json.replace("'", String.raw`'\''`);
    assertStringIncludes(stderr, `api '${db}'; to replace that: --reset; `);
    assertStringIncludes(stderr, `, then serve: deno task api '${quoted}'\n`);
  }));

Deno.test("two api on one database write without a clash, and each reads what the other wrote", () =>
  withFolder(async (folder) => {
    const db = `${folder}/a.db`;
    const args = ["-A", "tasks/api.ts", db, "--host", "127.0.0.1", "--port=0"];
    const both = [1, 2].map(() => spawnDeno(["run", ...args]));
    const bases = await Promise.all(both.map(({ stdout }) => baseOf(stdout)));
    const all = Array.from({ length: 40 }, (_, at) => bases[at % 2] ?? "");
    const answers = await Promise.all(all.map(write));
    assertEquals(new Set(answers.map(({ status }) => status)), new Set([201]));
    assertEquals(new Set(answers.map(({ id }) => id)).size, 40);
    for (const { kill, result } of both) {
      kill("SIGTERM");
      assertEquals((await result).code, 0);
    }
    using store = openStore(db, undefined);
    assertEquals(store.list("posts")?.total, 140);
  }));

Deno.test({
  name: "a terminal that is closed ends api, and takes no write with it",
  ignore: isWindows,
  fn: () =>
    withFolder(async (folder) => {
      const db = `${folder}/a.db`;
      const args = ["-A", "tasks/api.ts", db, "--host", "127.0.0.1"];
      const api = spawnDeno(["run", ...args, "--port", "0"]);
      const base = await baseOf(api.stdout);
      assertEquals((await write(base)).status, 201);
      api.kill("SIGHUP");
      assertEquals((await api.result).stderr, "");
      using store = openStore(db, undefined);
      assertEquals(store.list("posts")?.total, 101);
    }),
});

async function write(base: string) {
  const response = await fetch(`${base}/posts`, { method: "POST", body: "{}" });
  const { status, headers } = response;
  const { id, detail = "" } = await response.json();
  return { status, type: headers.get("content-type"), id, detail };
}

Deno.test({
  name:
    "api refuses writes while its file is moved, says so within a second, reads on, and goes on when it is back",
  // there no file that is open can be moved
  ignore: isWindows,
  fn: () =>
    withFolder(async (folder) => {
      const [db, moved] = [`${folder}/a.db`, `${folder}/b.db`];
      const api = start(main, [db, "--host", "127.0.0.1", "--port", "0"]);
      const base = await baseOf(api.stdout);
      const count = async () =>
        (await (await fetch(`${base}/posts`)).json()).length;
      assertEquals((await write(base)).status, 201);
      for (const name of ["gone", "here"]) {
        const isGone = name === "gone";
        await (isGone ? Deno.rename(db, moved) : Deno.rename(moved, db));
        // not at once: nobody asks before it is said
        await api.stdout.waitFor(
          isGone
            ? /a\.db: it was moved or removed; writes are refused until it is back; to save what it held: deno task get http:\S+\/db > saved\.json\n/
            : /a\.db is back in its place: writes go on\n/,
        );
        const { status, type, detail } = await write(base);
        assertEquals(status, isGone ? 507 : 201);
        if (isGone) {
          assertMatch(type ?? "", /^application\/problem\+json/);
          assertMatch(
            detail,
            /^Cannot write: the database.s file was moved, removed or re/,
          );
        }
        assertEquals(await count(), isGone ? 101 : 102);
      }
      api.interrupt();
      const { code, stderr } = await api.result;
      assertEquals([code, stderr], [0, ""]);
      using store = openStore(db, undefined);
      assertEquals(store.list("posts")?.total, 102);
    }),
});

Deno.test({
  name:
    "the line that saves what a database held runs in any folder, wherever api listens, and writes over no db.json",
  ignore: isWindows,
  fn: () =>
    withFolder(async (folder) => {
      const script = fileURLToPath(
        new URL("../../tasks/api.ts", import.meta.url),
      );
      const args = ["run", "-A", script, "--host", "0.0.0.0", "--port", "0"];
      const api = spawnDeno(args, { cwd: folder });
      await api.stdout.waitFor(/Made hark\.db/);
      await Deno.remove(`${folder}/hark.db`);
      await api.stdout.waitFor(
        /to save what it held: deno run --allow-net=(localhost:\d+) .+tasks\/get\.ts'? http:\/\/\1\/db > saved\.json\n/,
      );
      api.kill("SIGINT");
      assertEquals((await api.result).code, 1);
    }),
});

Deno.test({
  name:
    "api that ends while its file is not in its place says that it keeps nothing there, and fails",
  ignore: isWindows,
  fn: () =>
    withFolder(async (folder) => {
      const db = `${folder}/a.db`;
      const table: [take: () => Promise<void>, why: string][] = [
        [() => Deno.remove(db), "it was moved or removed"],
        [() => Deno.truncate(db), "it was replaced or emptied"],
        [async () => {
          openStore(`${folder}/new.db`, { a: [] })[Symbol.dispose]();
          await Deno.rename(`${folder}/new.db`, db);
        }, "it was replaced or emptied"],
      ];
      for (const [take, why] of table) {
        const api = start(main, [db, "--host", "127.0.0.1", "--port", "0"]);
        const base = await baseOf(api.stdout);
        await write(base);
        await take();
        const [first, second] = [await write(base), await write(base)];
        assertEquals([first.status, second.status], [507, 507], why);
        api.interrupt();
        const { code, stderr } = await api.result;
        assertEquals(code, 1);
        assertStringIncludes(
          stderr,
          `api: Cannot keep what was written in "${db}": ${why}\nhint: if the file `,
        );
        for await (const { name } of Deno.readDir(folder)) {
          await Deno.remove(`${folder}/${name}`);
        }
      }
    }),
});

Deno.test({
  name:
    "api says that what a file held is lost where that was emptied, and names the damage to who asks",
  ignore: isWindows,
  fn: () =>
    withFolder(async (folder) => {
      const db = `${folder}/a.db`;
      // more than SQLite keeps in memory
      const filled = openStore(db, {
        posts: Array.from(
          { length: 20_000 },
          (_, id) => ({ id: id + 1, text: "x".repeat(500) }),
        ),
      });
      filled.list("posts");
      filled[Symbol.dispose]();
      const api = start(main, [db, "--host", "127.0.0.1", "--port", "0"]);
      const base = await baseOf(api.stdout);
      await Deno.truncate(db);
      await api.stdout.waitFor(
        /a\.db: it was replaced or emptied; what it held cannot be read any more: start the api anew\n/,
      );
      assert(!api.stdout.text.includes("to save what it held"));
      for (const method of ["GET", "POST"]) {
        const response = await fetch(`${base}/posts`, {
          method,
          ...method === "POST" && { body: "{}" },
        });
        const { detail } = await response.json();
        assertMatch(detail, /^Cannot (read|write): the database/);
      }
      api.interrupt();
      const { code, stderr } = await api.result;
      assertEquals(code, 1);
      assertMatch(stderr, /^api: Cannot keep what was written in /);
    }),
});

Deno.test({
  name:
    "an api whose file was replaced leaves the new one, and who serves that, alone",
  ignore: isWindows,
  fn: () =>
    withFolder(async (folder) => {
      const db = `${folder}/a.db`;
      const args = [db, "--host", "127.0.0.1", "--port", "0"];
      const old = start(main, args);
      const base = await baseOf(old.stdout);
      await write(base);
      await Deno.remove(db);
      await old.stdout.waitFor(/moved or removed/);
      const child = spawnDeno(["run", "-A", "tasks/api.ts", ...args]);
      const other = await baseOf(child.stdout);
      for (let writes = 0; writes < 3; writes++) {
        assertEquals((await write(other)).status, 201);
        assertEquals((await write(base)).status, 507);
      }
      await old.stdout.waitFor(/replaced or emptied/);
      const posts = await (await fetch(`${base}/posts`)).json();
      assertEquals(posts.length, 101);
      old.interrupt();
      assertEquals((await old.result).code, 1);
      assertEquals((await write(other)).status, 201);
      child.kill("SIGTERM");
      assertEquals((await child.result).code, 0);
      using store = openStore(db, undefined);
      assertEquals(store.list("posts")?.total, 104);
    }),
});

Deno.test({
  name:
    "what a store had to write when its file left is refused, and its reads are never taken for those before",
  ignore: isWindows,
  fn: () =>
    withFolder(async (folder) => {
      const db = `${folder}/a.db`;
      const places: Place[] = [];
      using store = openStore(db, { a: [] }, {
        onPlace: (place) => places.push(place),
      });
      const versions = [store.version()];
      const late = store.insert("a", [{}]).catch((error) => error.reason);
      await Deno.remove(db);
      // between two looks
      while (store.place() === "here") await new Promise((r) => setTimeout(r));
      versions.push(store.version());
      assertEquals(["gone", undefined].includes((await late)?.reason), true);
      assertEquals([new Set(versions).size, places], [2, ["gone"]]);
      using copy = store.copy();
      assertEquals(copy.resources().length, 1);
    }),
});

Deno.test({
  name:
    "a database that comes back damaged is not taken, and writes stay refused",
  ignore: isWindows,
  fn: () =>
    withFolder(async (folder) => {
      const [db, moved] = [`${folder}/a.db`, `${folder}/b.db`];
      const places: Place[] = [];
      using store = openStore(db, { a: [{ id: 1 }] }, {
        onPlace: (place) => places.push(place),
      });
      await Deno.rename(db, moved);
      assertEquals(store.place(), "gone");
      const whole = await Deno.readFile(moved);
      await Deno.writeFile(moved, new Uint8Array(whole.length).fill(1));
      await Deno.rename(moved, db);
      assertEquals(store.place(), "gone");
      const { reason } = await assertRejects(
        () => store.insert("a", [{}]),
        StoreError,
      );
      assertEquals([reason, store.list("a")?.total], ["gone", 1]);
      await Deno.writeFile(db, whole);
      assertEquals(store.place(), "here");
      await store.insert("a", [{}]);
      assertEquals([store.list("a")?.total, places], [2, ["gone", "here"]]);
    }),
});

Deno.test({
  name:
    "an edit that is followed while the database is away is taken when that is back",
  ignore: isWindows,
  fn: () =>
    withFolder(async (folder) => {
      const [json, db] = [`${folder}/a.json`, `${folder}/a.db`];
      const moved = `${folder}/b.db`;
      await Deno.writeTextFile(json, '{"a":[]}');
      const args = ["--watch", json, "--host", "127.0.0.1", "--port", "0"];
      const api = start(main, args);
      const base = await baseOf(api.stdout);
      await Deno.rename(db, moved);
      await Deno.writeTextFile(json, '{"b":[]}');
      await api.stdout.waitFor(/moved or removed/);
      assertEquals(await (await fetch(`${base}/db`)).json(), { a: [] });
      await Deno.rename(moved, db);
      await api.stdout.waitFor(/back in its place[^]*Imported /);
      assertEquals(await (await fetch(`${base}/db`)).json(), { b: [] });
      api.interrupt();
      const { code, stderr } = await api.result;
      assertEquals([code, stderr], [0, ""]);
    }),
});

Deno.test("api says what it could not do where it may not read a file", async () => {
  for (const [file, what] of [["x.db", "open"], ["x.json", "look at"]]) {
    const args = [
      "run",
      "--no-prompt",
      "--allow-net",
      "tasks/api.ts",
      `/nowhere/${file}`,
    ];
    const { code, stderr } = await spawnDeno(args).result;
    assertEquals(code, 1);
    assertMatch(
      stderr,
      RegExp(
        `^api: Cannot ${what} "/nowhere/x.db": read access to /nowhere/x.db is not permitted\\nhint: deno run .*\\n$`,
      ),
    );
  }
});
