import { assert, assertEquals, assertRejects, assertThrows } from "@std/assert";
import { DatabaseSync } from "node:sqlite";
import { Failure } from "../../../lib/cli/errors.ts";
import { describe } from "../../../lib/cli/reasons.ts";
import { seed } from "../../../tasks/api/store/seed.ts";
import { openStore } from "../../../tasks/api/store/sqlite.ts";
import { type Store, StoreError } from "../../../tasks/api/store/store.ts";
import { toStoreError } from "../../../tasks/api/store/transaction.ts";
import { createHandler } from "../../../tasks/api/handler.ts";
import { send } from "../support.ts";
import { until } from "../../daemon.ts";
import { ROOT, spawnProgram, withFolder } from "../../support.ts";

const notes = { notes: [{ id: 7, text: "seven" }] };
const note7 = JSON.stringify({ id: 7, text: "seven" }, null, 2);

/** The names of a folder's files with their bytes, for "nothing was touched". */
async function contentOf(folder: string): Promise<Map<string, Uint8Array>> {
  const files = new Map<string, Uint8Array>();
  for await (const { name } of Deno.readDir(folder)) {
    files.set(name, await Deno.readFile(`${folder}/${name}`));
  }
  return files;
}

Deno.test("a file that is no database of ours is refused with its path and left alone", () =>
  withFolder(async (folder) => {
    const [text, other, damaged] = ["text", "other", "damaged"]
      .map((name) => `${folder}/${name}.db`);
    assert(text && other && damaged);
    await Deno.writeTextFile(text, "not a database ".repeat(100));
    {
      using db = new DatabaseSync(other);
      db.exec("create table people (name text)");
    }
    {
      using store = openStore(damaged, seed);
      await store.list("posts");
    }
    const bytes = await Deno.readFile(damaged);
    await Deno.writeFile(damaged, bytes.fill(170, 4096 * 3, 4096 * 6));

    const before = await contentOf(folder);
    const table: readonly (readonly [path: string, why: string])[] = [
      [text, "file is not a database"],
      [other, "it is another program's database"],
      [damaged, "it is damaged: "],
      [folder, "it is a directory"],
      [`${folder}/no/such.db`, "there is no such directory"],
      [`${text}/such.db`, "it is not in a directory"],
    ];
    for (const [path, why] of table) {
      const failure = assertThrows(() => openStore(path, seed), Failure);
      assertEquals(failure.message, `Cannot open "${path}"`);
      const reason = describe(failure.cause);
      assert(reason.includes(why), reason);
      assert(!/ERR_|os error/.test(reason), reason);
      assertEquals(failure.hint, "give the path of another file, or --memory");
    }
    assertEquals(await contentOf(folder), before);
  }));

Deno.test("an import goes into a new database only, unless it is to take the place of all", () =>
  withFolder(async (folder) => {
    const path = `${folder}/a.db`;
    const source = { name: "a.json", hash: "1f", time: "2026-01-01" };
    {
      using store = openStore(path, undefined);
      assertEquals([store.resources(), store.source()], [[], undefined]);
      assertEquals(await store.import(notes, source), true);
      const other = { ...source, name: "b.json" };
      assertEquals(await store.import({ others: [] }, other), false);
    }
    using store = openStore(path, {});
    assertEquals(store.resources(), [{ name: "notes", single: false }]);
    assertEquals(store.source(), source);
    assertEquals(await store.import({ others: [] }, undefined, true), true);
    assertEquals(store.resources(), [{ name: "others", single: false }]);
    assertEquals(store.source(), undefined);
  }));

Deno.test("what cannot be imported leaves a database that is still new", () =>
  withFolder(async (folder) => {
    const path = `${folder}/a.db`;
    const bad = { a: [{ id: 1 }], b: [{ id: 1 }, { id: 1 }] };
    {
      using store = openStore(path, undefined);
      await assertRejects(
        async () => await store.import(bad),
        TypeError,
        'Cannot load "b[1].id": 1 is taken',
      );
    }
    using store = openStore(path, notes);
    assertEquals(await store.get("notes", "7"), note7);
  }));

Deno.test("a database that was emptied stays empty, and may be imported into", () =>
  withFolder(async (folder) => {
    const path = `${folder}/a.db`;
    {
      using store = openStore(path, notes);
      await store.load({});
      using copy = store.copy();
      assertEquals(await copy.dump(), "{}");
    }
    {
      using store = openStore(path, notes);
      assertEquals(await store.dump(), "{}");
    }
    using store = openStore(path, undefined);
    assertEquals(await store.import(notes), true);
    assertEquals(await store.get("notes", "7"), note7);
  }));

Deno.test("a file keeps what was written, and two stores see each other's writes", () =>
  withFolder(async (folder) => {
    const path = `${folder}/a.db`;
    {
      using store = openStore(path, notes);
      await store.insert("notes", [{ text: "eight" }]);
    }
    using store = openStore(path, { others: [{ id: 1 }] });
    using second = openStore(path, notes);
    assertEquals((await store.list("notes"))?.total, 2);
    const before = store.version();
    await second.put("notes", "7", () => '{\n  "id": 7\n}');
    assertEquals(await store.get("notes", "7"), '{\n  "id": 7\n}');
    while (store.version() === before) await Promise.resolve();
    const after = store.version();
    await store.delete("notes", "8");
    assert(store.version() !== after);
    assert((await Deno.stat(`${path}-wal`)).isFile);
  }));

Deno.test("a database that another process holds is busy, and can be read", () =>
  withFolder(async (folder) => {
    const path = `${folder}/a.db`;
    using store = openStore(path, notes, { busyTimeout: 10 });
    using other = new DatabaseSync(path);
    other.exec("begin immediate");
    const writes: readonly ((store: Store) => unknown)[] = [
      (store) => store.insert("notes", [{}]),
      (store) => store.put("notes", "7", (_, json) => json),
      (store) => store.delete("notes", "7"),
      (store) => store.load({}),
    ];
    for (const write of writes) {
      const error = await assertRejects(
        async () => await write(store),
        StoreError,
      );
      assertEquals(error.reason, "busy");
    }
    assertEquals(await store.get("notes", "7"), note7);
    other.exec("rollback");
    assertEquals((await store.insert("notes", [{}]))?.[0]?.id, 8);
  }));

const isWhole = (path: string) =>
  until(
    "the log to be empty",
    async () => (await Deno.stat(`${path}-wal`)).size === 0,
  );

/** What a copy of the file alone holds. */
async function copied(path: string): Promise<string> {
  await Deno.copyFile(path, `${path}.copy`);
  using store = openStore(`${path}.copy`, seed);
  return store.dump();
}

Deno.test("a copy of the file alone has all that was written until a moment ago", () =>
  withFolder(async (folder) => {
    const path = `${folder}/a.db`;
    using store = openStore(path, notes);
    await store.insert("notes", [{ text: "eight" }]);
    await isWhole(path);
    assertEquals(await copied(path), store.dump());
    const written = Array.from({ length: 100 }, async () => {
      await store.insert("notes", [{}]);
    });
    await Promise.all(written);
    await store.delete("notes", "7");
    await isWhole(path);
    assertEquals(await copied(path), store.dump());
    await store.import({ others: [{ id: 1 }] }, undefined, true);
    assertEquals(await copied(path), store.dump());
    using other = new DatabaseSync(path);
    const before = store.version();
    other.exec("update documents set json = '{}'");
    await until(
      "the other's write",
      () => Promise.resolve(store.version() !== before),
    );
    await isWhole(path);
    assertEquals(await copied(path), '{\n  "others": [\n    {}\n  ]\n}');
  }));

Deno.test("what an earlier process left in the log comes into the file without a write", () =>
  withFolder(async (folder) => {
    const path = `${folder}/a.db`;
    openStore(path, notes)[Symbol.dispose]();
    using other = new DatabaseSync(path);
    other.exec("update documents set json = '{}'");
    assert((await Deno.stat(`${path}-wal`)).size > 0);
    using store = openStore(path, undefined);
    await isWhole(path);
    assertEquals(await copied(path), store.dump());
  }));

Deno.test("who reads the file keeps nobody from writing, and all is in it once that has ended", () =>
  withFolder(async (folder) => {
    const path = `${folder}/a.db`;
    using store = openStore(path, notes);
    await store.insert("notes", [{}]);
    using other = new DatabaseSync(path);
    other.exec("begin");
    other.prepare("select * from documents").all();
    await store.insert("notes", [{}]);
    assert(await copied(path) !== store.dump());
    const begun = performance.now();
    for (let n = 0; performance.now() - begun < 1000; n++) {
      await store.put("notes", "7", () => `{\n  "id": 7,\n  "n": ${n}\n}`);
    }
    other.exec("commit");
    await isWhole(path);
    assertEquals(await copied(path), store.dump());
  }));

Deno.test("a store that is closed leaves a whole file, also where another process has it open", () =>
  withFolder(async (folder) => {
    const path = `${folder}/a.db`;
    openStore(path, notes)[Symbol.dispose]();
    using _other = openStore(path, undefined);
    let dump: string;
    {
      using store = openStore(path, undefined);
      await store.insert("notes", [{}]);
      dump = store.dump();
    }
    assertEquals(await copied(path), dump);
  }));

Deno.test("a file of ours without its tables, as one whose log was left behind, is refused and not filled", () =>
  withFolder(async (folder) => {
    const path = `${folder}/a.db`;
    const empties = [
      "pragma application_id = 0x6861726b",
      "pragma journal_mode = wal",
      "pragma application_id = 0x6861726b; pragma journal_mode = wal",
    ];
    for (const sql of empties) {
      {
        using db = new DatabaseSync(path);
        db.exec(sql);
      }
      const before = await Deno.readFile(path);
      const failure = assertThrows(() => openStore(path, seed), Failure);
      assertEquals(describe(failure.cause), "it has no tables", sql);
      assert(failure.hint?.includes('"a.db-wal"'), failure.hint);
      assertEquals(await Deno.readFile(path), before, sql);
      await Deno.remove(path);
    }
    {
      using db = new DatabaseSync(path);
      db.exec("create table a (b); drop table a");
    }
    using store = openStore(path, notes);
    assertEquals(store.get("notes", "7"), note7);
  }));

Deno.test("while another process holds the database reads are answered, and writes wait in their order", () =>
  withFolder(async (folder) => {
    const path = `${folder}/a.db`;
    const filled = { ...notes, later: () => [{ id: 1 }], last: () => [{}] };
    for (const lock of ["immediate", "exclusive"]) {
      openStore(path, filled)[Symbol.dispose]();
      using other = new DatabaseSync(path);
      other.exec(`begin ${lock}`);
      // to open it is no write, either
      using store = openStore(path, filled);
      const texts: string[] = [];
      const insert = async (resource: string, text: string) => {
        const added = await store.insert(resource, [{ text }]);
        texts.push(`${resource}/${added?.[0]?.id} ${text}`);
      };
      const begun = performance.now();
      const inserts = [insert("notes", "a"), insert("later", "b")];
      let reads = 0;
      await until("some turns", () => {
        assertEquals(store.get("notes", "7"), note7);
        assertEquals(store.list("later")?.total, 1);
        assertEquals(JSON.parse(store.dump()).last.length, 1);
        return Promise.resolve(++reads === 100);
      });
      inserts.push(insert("notes", "c"));
      assert(performance.now() - begun < 4000);
      assertEquals(texts, []);
      other.exec("rollback");
      await Promise.all(inserts);
      assertEquals(texts, ["notes/8 a", "later/2 b", "notes/9 c"]);
      assertEquals(store.list("later")?.total, 2);
      await Deno.remove(path);
    }
  }));

Deno.test("what is only pretended to be written waits for another process, too", () =>
  withFolder(async (folder) => {
    const path = `${folder}/a.db`;
    const store = openStore(path, notes, { fake: true });
    using other = new DatabaseSync(path);
    other.exec("begin immediate");
    const inserted = store.insert("notes", [{}]);
    const turns = performance.now() + 100;
    await until("some turns", () => Promise.resolve(performance.now() > turns));
    other.exec("rollback");
    assertEquals((await inserted)?.[0]?.id, 8);
    assertEquals(store.list("notes")?.total, 1);
    other.exec("begin immediate");
    const refused = assertRejects(
      () => store.delete("notes", "7"),
      StoreError,
      "another process holds the database",
    );
    store[Symbol.dispose]();
    await refused;
    openStore(path, notes)[Symbol.dispose]();
  }));

Deno.test("a store that is closed while another process holds the database refuses what waits", () =>
  withFolder(async (folder) => {
    const path = `${folder}/a.db`;
    const store = openStore(path, notes);
    using other = new DatabaseSync(path);
    other.exec("begin immediate");
    const refused = Promise.all(
      [{ id: 1 }, { id: 2 }].map((document) =>
        assertRejects(
          async () => await store.insert("notes", [document]),
          StoreError,
          "another process holds the database",
        )
      ),
    );
    const turns = performance.now() + 100;
    await until("some turns", () => Promise.resolve(performance.now() > turns));
    store[Symbol.dispose]();
    await refused;
    other.exec("rollback");
    using again = openStore(path, undefined);
    assertEquals(again.list("notes")?.total, 1);
  }));

Deno.test("a store's refusals are told by SQLite's result codes", () => {
  const table:
    readonly (readonly [errcode: unknown, reason: string | undefined])[] = [
      [5, "busy"],
      [517, "busy"],
      [6, "busy"],
      [8, "read-only"],
      [1032, "read-only"],
      [13, "full"],
      [778, "full"],
      [275, "invalid"],
      [266, "damaged"],
      [11, "damaged"],
      [267, "damaged"],
      [26, "damaged"],
      [2067, undefined],
      ["13", undefined],
    ];
  for (const [errcode, reason] of table) {
    const error = Object.assign(new Error("no"), { errcode });
    const refusal = toStoreError(error);
    assertEquals(
      refusal instanceof StoreError ? refusal.reason : undefined,
      reason,
    );
    if (reason === undefined) assertEquals(refusal, error);
  }
});

Deno.test("a store's refusals are told where SQLite gives no code, too", () =>
  withFolder(async (folder) => {
    const path = `${folder}/a.db`;
    using store = openStore(path, { notes: [{ id: 1 }] });
    store.list("notes");
    using other = new DatabaseSync(path);
    other.exec("pragma wal_checkpoint(truncate)");
    const bytes = await Deno.readFile(path);
    await Deno.writeFile(path, bytes.fill(170, 100));
    for (
      const work of [() => store.load({}), () => store.copy(), store.resources]
    ) {
      const error = await assertRejects(
        async () => await work(),
        StoreError,
        "the database is damaged",
      );
      assertEquals(error.reason, "damaged");
    }
  }));

Deno.test("when no space is left a write is 507, reads go on, and nothing is torn", () =>
  withFolder(async (folder) => {
    const path = `${folder}/a.db`;
    // In blocks of 512 bytes, for every file that the process writes.
    const limit = "trap '' XFSZ; ulimit -f 4000; exec \"$@\"";
    const api = spawnProgram("sh", [
      ...["-c", limit, "sh", Deno.execPath(), "run", "-A"],
      ...[`${ROOT}tasks/api.ts`, path, "--host", "127.0.0.1", "--port", "0"],
    ]);
    const output = await api.stdout.waitFor(/http:\S+\n/);
    const url = output.match(/(http:\S+?)\/?\n/)?.[1] ?? "";
    const body = JSON.stringify({ text: "x".repeat(100_000) });
    const statuses: number[] = [];
    while (statuses.at(-1) !== 507 && statuses.length < 100) {
      const response = await fetch(`${url}/posts`, { method: "POST", body });
      await response.body?.cancel();
      statuses.push(response.status);
    }
    const created = statuses.filter((status) => status === 201).length;
    assertEquals(statuses, [...Array(created).fill(201), 507]);
    const response = await fetch(`${url}/posts?_limit=1`);
    await response.body?.cancel();
    assertEquals(response.status, 200);
    assertEquals(response.headers.get("x-total-count"), `${100 + created}`);
    api.kill("SIGTERM");
    assertEquals((await api.result).code, 0);
    using store = openStore(path, seed);
    assertEquals((await store.list("posts"))?.total, 100 + created);
  }));

Deno.test("untrusted file: what could change our writes is refused, tables of others are left alone", () =>
  withFolder(async (folder) => {
    const table: readonly (readonly [sql: string, why?: string])[] = [
      [
        "create trigger t after insert on documents begin delete from documents; end",
        "it has a trigger, which hark did not make",
      ],
      [
        "create table own (a); create trigger t after insert on own begin delete from documents; end",
        "it has a trigger, which hark did not make",
      ],
      [
        "create view v as select * from documents",
        "it has a view, which hark did not make",
      ],
      [
        "drop table kinds; create view kinds as select 1 kind",
        "it has a view, which hark did not make",
      ],
      [
        "drop table kinds; create table kinds (kind text unique)",
        'its table "kinds" is not as hark makes it',
      ],
      [
        "alter table documents add column more text default 1",
        'its table "documents" is not as hark makes it',
      ],
      [
        "drop table documents; create table Documents (place integer primary key, kind, id, json)",
        'its table "Documents" is not as hark makes it',
      ],
      [
        "create unique index one on documents (kind)",
        "it has a unique index, which hark did not make",
      ],
      ...[
        "insert into documents values (9, 'notes', 9007199254740993, '{}')",
        "insert into documents values (9, 'notes', -9007199254740993, '{}')",
        "insert into documents values (9, 'notes', x'00ff', '{}')",
        "insert into documents values (9007199254740993, 'notes', 9, '{}')",
        "insert into documents values (9, 'notes', 9, cast('{}' as blob))",
        "insert into documents values (9, 'others', 9, '{}')",
        "insert into kinds values ('others', 2, 1)",
        "insert into kinds values ('others', 0, 9223372036854775807)",
        "insert into kinds values (cast(x'61ff' as text), 0, 1)",
        "delete from kinds; insert into documents values (9, 'notes', 9, '{}')",
      ].map((sql) => [sql, "it holds what hark did not write"] as const),
      ["create table own (a references kinds (kind)); insert into own select kind from kinds"],
      ["create table own (a); create unique index one on own (a)"],
      ["create index mine on documents (json)"],
      ["drop table documents", 'its table "documents" is missing'],
      ["drop table kinds", 'its table "kinds" is missing'],
      ["drop table sources"],
      ["vacuum"],
      ["analyze"],
      ["insert into kinds values (null, 0, 1), (x'00ff', 0, 1)"],
      ["insert into documents values (9, 'notes', 1e300, '{}'), (8, 'notes', 9007199254740991, '{}')"],
    ];
    for (const [index, [sql, why]] of table.entries()) {
      const path = `${folder}/${index}.db`;
      openStore(path, notes)[Symbol.dispose]();
      {
        using db = new DatabaseSync(path, {
          enableForeignKeyConstraints: false,
        });
        db.exec(sql);
      }
      if (why !== undefined) {
        const failure = assertThrows(() => openStore(path, notes), Failure);
        assertEquals(failure.message, `Cannot open "${path}"`);
        assertEquals(describe(failure.cause), why, sql);
        continue;
      }
      using store = openStore(path, notes);
      assertEquals((await store.insert("notes", [{ id: 70 }]))?.length, 1, sql);
      assertEquals((await store.delete("notes", "70")).length, 1, sql);
      await store.load({ others: [] });
      assertEquals(store.dump(), '{\n  "others": []\n}', sql);
    }
  }));

Deno.test("a file that is damaged while it is in use is said to be so, in reads and in writes", () =>
  withFolder(async (folder) => {
    const path = `${folder}/a.db`;
    const many = Array.from(
      { length: 5000 },
      (_, at) => ({ id: at, text: "x".repeat(500) }),
    );
    openStore(path, { notes: many })[Symbol.dispose]();
    using store = openStore(path, {});
    const { size } = await Deno.stat(path);
    {
      using file = await Deno.open(path, { write: true });
      const noise = new Uint8Array(size - 4096 * 4).fill(170);
      await file.seek(4096 * 4, Deno.SeekMode.Start);
      await file.write(noise);
    }
    const handler = createHandler(store);
    const reads = [
      "GET /notes",
      "GET /notes/4000",
      "GET /notes?text=y",
      "GET /db",
    ];
    for (const line of [...reads, "POST /notes", "DELETE /notes/4000"]) {
      const response = await send(handler, line);
      assertEquals(response.status, 500, line);
      const { detail } = await response.json();
      const verb = line.startsWith("GET") ? "read" : "write";
      assertEquals(detail, `Cannot ${verb}: the database is damaged`, line);
    }
  }));

Deno.test("a name with NUL, from a file of before, is whole in a dump", () =>
  withFolder(async (folder) => {
    const path = `${folder}/a.db`;
    const data = { "a\0b": [{ id: 1 }] };
    openStore(path, data)[Symbol.dispose]();
    using store = openStore(path, {});
    assertEquals((await store.insert("a\0b", [{}]))?.[0]?.id, 2);
    await store.delete("a\0b", "2");
    assertEquals(JSON.parse(store.dump()), data);
    assertEquals(store.get("a\0b", "1"), '{\n  "id": 1\n}');
    assertEquals(store.list("a"), undefined);
  }));

Deno.test("a file keeps the ids it was made with, and those without one get it from the field that is named now", () =>
  withFolder(async (folder) => {
    const path = `${folder}/a.db`;
    const data = {
      notes: [
        { id: 1, _id: 5 },
        { _id: "b" },
        { _id: 1 },
        { _id: null },
        {},
        { _id: -(10 ** 16) },
      ],
      profile: { _id: 9 },
    };
    openStore(path, data)[Symbol.dispose]();
    const naming = { id: "_id", suffix: "_id" };
    {
      using store = openStore(path, {}, { naming });
      const large = "-10000000000000000";
      const texts = ["1", "b", "5", "9", "null", large].map((id) =>
        JSON.parse(store.get("notes", id) ?? "null")
      );
      // that of the third document is taken
      assertEquals(texts, [
        ...data.notes.slice(0, 2),
        ...[null, null, null],
        { _id: -(10 ** 16) },
      ]);
      const [added] = await store.insert("notes", [{ id: 7 }]) ?? [];
      assertEquals(JSON.parse(added?.json ?? ""), { id: 7, _id: 2 });
    }
    using store = openStore(path, {});
    assertEquals(JSON.parse(store.get("notes", "2") ?? ""), { id: 7, _id: 2 });
    assertEquals(JSON.parse(store.dump()).profile, data.profile);
  }));
