import { assert, assertEquals, assertMatch, assertThrows } from "@std/assert";
import fc from "fast-check";
import { seed } from "../lib/api/seed.ts";
import { openStore } from "../lib/api/sqlite.ts";
import type { Store, Write } from "../lib/api/store.ts";

const all = { filters: [] };
const notes = {
  notes: () => [
    { id: 7, text: "seven", tag: { name: "a", size: 1.5 }, done: true },
    { id: "7b", text: 'quo"te', tag: { name: "b" }, done: false },
    { id: 3, text: "1", size: null, list: [1, 2] },
  ],
};

Deno.test("a new store holds the seed, pretty and in its order", async () => {
  using store = openStore(":memory:", seed);
  assertEquals(await store.kinds(), Object.keys(seed));
  assertEquals(await store.list("posts", all), {
    json: pretty(seed.posts()),
    total: 100,
  });
  assertEquals(await store.get("photos", "5000"), pretty(seed.photos().at(-1)));
  const world = Object.entries(seed).map(([kind, make]) => [kind, make()]);
  assertEquals(await store.dump(), pretty(Object.fromEntries(world)));
});

Deno.test("ids keep their type and are found as a URL writes them", async () => {
  using store = openStore(":memory:", notes);
  const found = ["7", "7b", "3", "07", "7.0", " 7", "", "NaN", "8", "1e1"];
  const texts = await Promise.all(found.map((id) => store.get("notes", id)));
  assertEquals(
    texts.map((text) => text && JSON.parse(text).id),
    [7, "7b", 3, ...Array(7)],
  );
  const ids: unknown[] = [];
  const keep: Write = (id) => void ids.push(id);
  for (const id of ["7", 7, "7b", 9, "9"]) await store.put("notes", id, keep);
  assertEquals(ids, [7, 7, "7b", 9, "9"]);
});

Deno.test("a new document's id is the highest plus 1, or random among texts", async () => {
  using store = openStore(":memory:", {
    numbers: () => [{ id: 7 }, { id: 2 }],
    texts: () => [{ id: 7 }, { id: "a" }],
    empty: () => [],
  });
  const add = async (kind: string) =>
    (await store.put(kind, undefined, withId))?.id;
  assertEquals([await add("numbers"), await add("numbers")], [8, 9]);
  assertEquals([await add("empty"), await add("empty")], [1, 2]);
  assertEquals(await add("nope"), undefined);
  assertMatch(String(await add("texts")), /^[0-9a-f-]{36}$/);
  assertEquals(await store.delete("numbers", "9"), true);
  assertEquals(await add("numbers"), 9);
});

Deno.test("a document is changed in its place, or left as it is", async () => {
  using store = openStore(":memory:", notes);
  const before = await store.dump();
  assertEquals(await store.put("notes", "7", () => undefined), undefined);
  assertEquals(await store.put("nope", "7", withId), undefined);
  assertEquals(await store.dump(), before);
  assertEquals(await store.put("notes", "7", withId), {
    id: 7,
    json: pretty({ id: 7 }),
  });
  assertEquals(await idsOf(store), [7, "7b", 3]);
  await store.put("notes", 4, withId);
  assertEquals(await idsOf(store), [7, "7b", 3, 4]);
});

Deno.test("a write that throws changes nothing", async () => {
  using store = openStore(":memory:", notes);
  const before = await store.dump();
  const fail = () => {
    throw new RangeError("no");
  };
  assertThrows(() => store.put("notes", "7", fail), RangeError);
  assertThrows(() => store.put("notes", undefined, () => "{not json"), Error);
  assertThrows(
    () => store.load({ a: [{ id: 1 }], b: [{ id: 1 }, { id: null }] }),
    TypeError,
    'Cannot load "b[1]": expected an object whose id is a number or a text',
  );
  assertThrows(() => store.load({ a: [[]] }), TypeError, "a[0]");
  assertEquals(await store.dump(), before);
});

Deno.test("deleting tells whether the document was there", async () => {
  using store = openStore(":memory:", notes);
  assertEquals(await store.delete("notes", "7b"), true);
  assertEquals(await store.delete("notes", "7b"), false);
  assertEquals(await store.delete("nope", "7"), false);
  assertEquals(await idsOf(store), [7, 3]);
});

Deno.test("filters compare as text, and those on fields that nobody has are left out", async () => {
  using store = openStore(":memory:", notes);
  const table: [path: string, values: string[], ids: unknown[]][] = [
    ["id", ["7"], [7]],
    ["id", ["7b", "3"], ["7b", 3]],
    ["text", ["1"], [3]],
    ["text", ['quo"te'], ["7b"]],
    ["text", [""], []],
    ["done", ["true"], [7]],
    ["done", ["1"], []],
    ["tag.name", ["b"], ["7b"]],
    ["tag.size", ["1.5"], [7]],
    ["size", ["null"], []],
    ["list", ["1"], []],
    ["nope", ["1"], [7, "7b", 3]],
    ['te"xt', ["1"], [7, "7b", 3]],
    ["te\0xt", ["1"], [7, "7b", 3]],
    ["", ["1"], [7, "7b", 3]],
  ];
  for (const [path, values, ids] of table) {
    assertEquals(await idsOf(store, [{ path, values }]), ids, path);
  }
  const both = [{ path: "done", values: ["true"] }, {
    path: "id",
    values: ["3"],
  }];
  assertEquals(await idsOf(store, both), []);
  assertEquals(await store.list("nope", all), undefined);
});

Deno.test("any world comes back as it was loaded", async () => {
  using store = openStore(":memory:", {});
  const document = fc.dictionary(fc.string({ unit: "binary" }), fc.jsonValue());
  await fc.assert(
    fc.asyncProperty(
      fc.dictionary(fc.string(), fc.array(document)),
      async (kinds) => {
        const world = Object.entries(kinds).map(([kind, documents]) =>
          [kind, documents.map((fields, id) => ({ ...fields, id }))] as const
        );
        await store.load(Object.fromEntries(world));
        const text = await store.dump();
        assertEquals(
          JSON.parse(text),
          JSON.parse(pretty(Object.fromEntries(world))),
        );
      },
    ),
    { numRuns: 30 },
  );
});

Deno.test("a file keeps what was written, also what another process writes", async () => {
  const folder = await Deno.makeTempDir();
  try {
    const path = `${folder}/hark.db`;
    {
      using store = openStore(path, notes);
      await store.put("notes", undefined, withId);
      await store.delete("notes", "3");
    }
    using store = openStore(path, { others: () => [{ id: 1 }] });
    using second = openStore(path, notes);
    const ids = (await idsOf(store)).slice(0, 2);
    assertEquals(ids, [7, "7b"]);
    await second.put("notes", "7", () => pretty({ id: 7, text: "new" }));
    assertEquals(await store.get("notes", "7"), pretty({ id: 7, text: "new" }));
    assert((await Deno.stat(`${path}-wal`)).isFile);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
});

Deno.test("a resource that was never used is filled on first use after a restart", async () => {
  const folder = await Deno.makeTempDir();
  try {
    const path = `${folder}/hark.db`;
    openStore(path, seed)[Symbol.dispose]();
    using store = openStore(path, seed);
    assertEquals((await store.put("users", undefined, withId))?.id, 11);
    assertEquals((await store.list("users", all))?.total, 11);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
});

Deno.test("a file that is no database is refused and left alone", async () => {
  const path = await Deno.makeTempFile();
  try {
    await Deno.writeTextFile(path, "not a database ".repeat(100));
    assertThrows(() => openStore(path, seed), Error, "not a database");
    assertEquals(await Deno.readTextFile(path), "not a database ".repeat(100));
  } finally {
    await Deno.remove(path);
  }
});

function withId(id: unknown): string {
  return pretty({ id });
}

function pretty(value: unknown): string {
  return JSON.stringify(value, null, 2);
}

async function idsOf(
  store: Store,
  filters: { path: string; values: string[] }[] = [],
): Promise<unknown[]> {
  const list = await store.list("notes", { filters });
  const documents: { id: unknown }[] = JSON.parse(list?.json ?? "");
  assertEquals(list?.total, documents.length);
  return documents.map(({ id }) => id);
}
