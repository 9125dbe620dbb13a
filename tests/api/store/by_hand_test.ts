import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { DatabaseSync } from "node:sqlite";
import { createHandler } from "../../../tasks/api/handler.ts";
import { seed } from "../../../tasks/api/store/seed.ts";
import { openStore } from "../../../tasks/api/store/sqlite.ts";
import { until } from "../../daemon.ts";
import { ROOT, testWith, withFolder } from "../../support.ts";
import { run } from "../../program.ts";
import { send } from "../support.ts";

const page = await Deno.readTextFile(`${ROOT}docs/api_database.md`);
const blocksOf = (language: string) =>
  [...page.matchAll(RegExp(`\`\`\`${language}\n([^]*?)\`\`\``, "g"))]
    .map(([, text = ""]) => text.trim());
const sql = blocksOf("sql");

Deno.test("the page on the database: an api that runs sees what its SQL changes", () =>
  withFolder(async (folder) => {
    using store = openStore(`${folder}/hark.db`, seed);
    const handler = createHandler(store);
    const get = async (path: string) => {
      const response = await send(handler, `GET ${path}`);
      return { status: response.status, json: await response.json() };
    };
    const sees = (what: string, path: string, wanted: unknown) =>
      until(what, async () => {
        const { json, status } = await get(path);
        return status === wanted ||
          JSON.stringify(json).includes(JSON.stringify(wanted).slice(1, -1));
      });
    assertEquals((await get("/posts/1/comments")).json.length, 5);
    assertEquals((await get("/posts")).json.length, 100);
    using db = new DatabaseSync(`${folder}/hark.db`);
    const [count = "", titles = "", update = "", ...rest] = sql;
    const [insert = "", remove = "", list = "", copy = ""] = rest;
    assertEquals(
      db.prepare(count).all().find(({ kind }) => kind === "posts"),
      Object.assign(Object.create(null), {
        kind: "posts",
        single: 0,
        "count(place)": 100,
      }),
    );
    assertEquals(db.prepare(titles).all().length, 10);

    db.exec(update);
    await sees("the new title", "/posts/1", { title: "by hand" });
    db.exec(insert);
    await sees("the new post", "/posts/900", { id: 900, title: "new" });
    const next = await send(handler, "POST /posts", { body: "{}" });
    assertEquals(await next.json(), { id: 901 });
    db.exec(remove);
    await sees("the lack of a post", "/posts/2", 404);
    const comments = await get("/comments?postId=2");
    assertEquals(comments.json.length, 5);

    const [kind = "", document = ""] = list.split(/(?<=;)\n/);
    db.exec(document);
    assertEquals((await get("/notes")).status, 404);
    db.exec(kind);
    await sees("the new list", "/notes", { id: 1, text: "a" });

    db.exec(copy.replace("copy.db", `${folder}/copy.db`));
    using copied = openStore(`${folder}/copy.db`, undefined);
    for (const path of ["/posts", "/notes"]) {
      const other = await send(createHandler(copied), `GET ${path}`);
      assertEquals(await other.json(), (await get(path)).json);
    }
  }));

Deno.test("the page on the database names the tables and columns that there are", () =>
  withFolder((folder) => {
    openStore(`${folder}/a.db`, {})[Symbol.dispose]();
    using db = new DatabaseSync(`${folder}/a.db`);
    const columns = db.prepare(
      "select m.name kind, c.name name from sqlite_schema m, pragma_table_info(m.name) c where m.type = 'table'",
    ).all();
    const rows = Map.groupBy(columns, ({ kind }) => `${kind}`);
    for (const [name, all] of rows) {
      const row = page.match(RegExp(`\\| \`${name}\` +\\| (.*?) +\\|`))?.[1];
      assertEquals(row, all.map(({ name }) => `\`${name}\``).join(", "));
    }
    assertEquals([...rows.keys()], ["kinds", "documents", "sources"]);
    const { application_id: id } = db.prepare("pragma application_id").get() ??
      {};
    assertStringIncludes(page, `0x${Number(id).toString(16)}`);
    return Promise.resolve();
  }));

testWith(
  "sqlite3",
  "the page on the database: sqlite3 makes a copy that is whole, while an api runs",
  () =>
    withFolder(async (folder) => {
      using store = openStore(`${folder}/hark.db`, { notes: [{ id: 1 }] });
      await store.insert("notes", [{}]);
      const [command = ""] = blocksOf("sh");
      const [program = "", file = "", line = ""] =
        command.match(/"[^"]*"|\S+/g)?.map((word) =>
          word.replaceAll('"', "")
        ) ??
          [];
      const place = (text: string) => text.replace(/\w+\.db/, `${folder}/$&`);
      const { code, stderr } = await run([program, place(file), place(line)]);
      assertEquals([code, stderr], [0, ""]);
      using copied = openStore(`${folder}/copy.db`, undefined);
      assert((await copied.get("notes", "2")) !== undefined);
    }),
);
