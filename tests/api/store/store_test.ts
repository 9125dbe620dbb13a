import {
  assert,
  assertEquals,
  assertMatch,
  assertRejects,
  assertThrows,
} from "@std/assert";
import fc from "fast-check";
import { DatabaseSync } from "node:sqlite";
import { Problem } from "../../../tasks/api/store/problem.ts";
import { parseQuery } from "../../../tasks/api/store/query.ts";
import { seed } from "../../../tasks/api/store/seed.ts";
import { openStore } from "../../../tasks/api/store/sqlite.ts";
import type { Naming } from "../../../tasks/api/store/naming.ts";
import {
  type Data,
  type Store,
  StoreError,
} from "../../../tasks/api/store/store.ts";
import { codePoint } from "../../code_point.ts";
import { withFolder } from "../../support.ts";

const notes = {
  notes: () => [
    { id: 7, text: "seven", tag: { name: "a", size: 1.5 }, done: true },
    { id: "7b", text: 'quo"te', tag: { name: "b" }, done: false },
    { id: 3, text: "1", size: null, list: [1, 2] },
  ],
};

const queryOf = (text: string) => parseQuery(new URLSearchParams(text));

function pretty(value: unknown): string {
  return JSON.stringify(value, null, 2);
}

async function idsOf(store: Store, query = ""): Promise<unknown[]> {
  const list = await store.list("notes", queryOf(query));
  const documents: { id: unknown }[] = JSON.parse(list?.json ?? "");
  if (!query.includes("_")) assertEquals(list?.total, documents.length);
  return documents.map(({ id }) => id);
}

Deno.test("a new store holds the seed, pretty and in its order", async () => {
  using store = openStore(":memory:", seed);
  const resources = (await store.resources()).map(({ name }) => name);
  assertEquals(resources, Object.keys(seed));
  assertEquals(await store.list("posts"), {
    json: pretty(seed.posts()),
    total: 100,
    ignored: [],
  });
  assertEquals(await store.get("photos", "5000"), pretty(seed.photos().at(-1)));
  const data = Object.entries(seed).map((
    [resource, make],
  ) => [resource, make()]);
  assertEquals(await store.dump(), pretty(Object.fromEntries(data)));
});

Deno.test("ids keep their type and are found as a URL writes them", async () => {
  using store = openStore(":memory:", {
    notes: [{ id: 7 }, { id: "7b" }, { id: 1.5 }, { id: 1e21 }, { id: "01" }],
  });
  const table = { "7": 7, "7b": "7b", "1.5": 1.5, "1e+21": 1e21, "01": "01" };
  for (const [id, found] of Object.entries(table)) {
    assertEquals(await store.get("notes", id), pretty({ id: found }), id);
    assertEquals(await idsOf(store, `id=${encodeURIComponent(id)}`), [found]);
  }
  for (const id of ["07", "7.0", " 7", "", "NaN", "8", "1e21", "null"]) {
    assertEquals(await store.get("notes", id), undefined, id);
  }
});

Deno.test("a new document's id is the highest number plus 1, or random where all ids are texts", async () => {
  using store = openStore(":memory:", {
    numbers: [{ id: 7 }, { id: 2 }],
    mixed: [{ id: 7 }, { id: "x" }, { id: 2 }, { id: "9" }, { id: "11" }],
    parts: [{ id: 1.5 }, { id: "2.5" }],
    below: [{ id: -5 }],
    none: [{ a: 1 }],
    empty: [],
    texts: [{ id: "7" }, { id: "a" }],
    most: [{ id: Number.MAX_SAFE_INTEGER }],
    single: {},
  });
  const table:
    readonly (readonly [resource: string, ids: readonly unknown[]])[] = [
      ["numbers", [8, 9]],
      ["mixed", [8, 10, 12]],
      ["parts", [3.5]],
      ["below", [-4]],
      ["none", [1, 2]],
      ["empty", [1, 2]],
      ["nope", [undefined]],
      ["single", [undefined]],
    ];
  const add = async (resource: string) =>
    (await store.insert(resource, [{ a: 1 }]))?.[0]?.id;
  for (const [resource, ids] of table) {
    const added = [];
    for (const _ of ids) added.push(await add(resource));
    assertEquals(added, ids, resource);
  }
  for (const resource of ["texts", "most"]) {
    assertMatch(String(await add(resource)), /^[0-9a-f-]{36}$/);
  }
  await store.delete("numbers", "9");
  const both = await Promise.all([add("numbers"), add("numbers")]);
  assertEquals(both, [9, 10]);
});

Deno.test("a client's id is kept, also 0, unless it is taken or can be none", async () => {
  using store = openStore(":memory:", notes);
  const ids = [4, "x/y", 1.5, 0, "a\0b", "", null, false];
  const stored = await store.insert("notes", ids.map((id) => ({ id, a: 1 })));
  assertEquals(stored?.map(({ id }) => id), [
    ...[4, "x/y", 1.5, 0, "a\0b"],
    ...[8, 9, 10],
  ]);
  assertEquals(stored?.[0]?.json, pretty({ id: 4, a: 1 }));
  const put = await store.put("notes", "a\0b", (id) => pretty({ id }));
  assertEquals(put?.json, pretty({ id: "a\0b" }));
  const before = await store.dump();
  const table:
    readonly (readonly [id: unknown, reason: string, taken?: unknown])[] = [
      [7, "conflict", 7],
      ["7", "conflict", 7],
      ["7b", "conflict", "7b"],
      ["0", "conflict", 0],
      [0, "conflict", 0],
      [true, "invalid"],
      [[1], "invalid"],
      [{}, "invalid"],
    ];
  for (const [id, reason, taken] of table) {
    const insert = async () =>
      await store.insert("notes", [{ id: 99 }, { id }]);
    const error = await assertRejects(insert, StoreError);
    assertEquals([error.reason, error.id], [reason, taken]);
  }
  assertEquals(await store.dump(), before);
});

Deno.test("a document is changed in its place, or not at all", async () => {
  using store = openStore(":memory:", { ...notes, profile: { name: "Ada" } });
  const write = (id: unknown) => pretty({ id });
  const before = await store.dump();
  for (
    const [resource, id] of [["notes", "8"], ["nope", "7"], ["notes"], [
      "profile",
      "1",
    ]]
  ) {
    assertEquals(await store.put(resource ?? "", id, write), undefined);
  }
  assertEquals(await store.dump(), before);
  assertEquals(await store.put("notes", "7", write), {
    id: 7,
    json: pretty({ id: 7 }),
  });
  assertEquals(await idsOf(store), [7, "7b", 3]);
  const renamed = await store.put("profile", undefined, (id, json) => {
    assertEquals([id, json], [null, pretty({ name: "Ada" })]);
    return pretty({ name: "Bo" });
  });
  assertEquals(renamed, { id: null, json: pretty({ name: "Bo" }) });
  assertEquals((await store.list("profile"))?.json, pretty({ name: "Bo" }));
  assertEquals(await store.get("profile", "1"), undefined);
  assertEquals(await store.delete("profile", "null"), []);
});

Deno.test("a write that throws changes nothing", async () => {
  using store = openStore(":memory:", notes);
  const before = await store.dump();
  const fail = () => {
    throw new RangeError("no");
  };
  await assertRejects(
    async () => await store.put("notes", "7", fail),
    RangeError,
  );
  await assertRejects(
    async () => await store.delete("notes", "7", fail),
    RangeError,
  );
  const deep = JSON.parse(`${"[".repeat(1001)}${"]".repeat(1001)}`);
  const insert = async () => await store.insert("notes", [{ a: 1 }, { deep }]);
  assertEquals((await assertRejects(insert, StoreError)).reason, "invalid");
  assertEquals(await store.dump(), before);
});

Deno.test("of writes at the same time each is done, or not, by itself", async () => {
  using store = openStore(":memory:", { notes: [{ id: 7 }] });
  const lists = [[{}], [{}, { id: 7 }], [{}, {}]];
  const settled = await Promise.allSettled(
    lists.map(async (list) => (await store.insert("notes", list)) ?? []),
  );
  const ids = settled.map((each) =>
    each.status === "fulfilled" && each.value.map(({ id }) => id)
  );
  assertEquals(ids, [[8], false, [9, 10]]);
  assertEquals(await idsOf(store), [7, 8, 9, 10]);
});

Deno.test("what waits to be written is kept when a store is closed", async () => {
  const path = await Deno.makeTempFile();
  const insert = () => {
    using store = openStore(path, notes);
    return store.insert("notes", [{}]);
  };
  const [{ id } = { id: null }] = await insert() ?? [];
  {
    using store = openStore(path, notes);
    assertEquals(await store.get("notes", `${id}`), pretty({ id }));
  }
  await Deno.remove(path);
});

Deno.test("a write that is taken back leaves no key without its index", async () => {
  using store = openStore(":memory:", { users: [{ id: 1 }], notes: [] });
  const taken = [{ id: 1, userId: 1 }, { id: 1 }];
  await assertRejects(
    async () => await store.insert("notes", taken),
    StoreError,
  );
  await store.insert("notes", [{ userId: 1 }]);
  assertEquals(await store.delete("users", "1"), [
    { resource: "users", id: 1, json: pretty({ id: 1 }) },
    { resource: "notes", id: 1, json: pretty({ userId: 1, id: 1 }) },
  ]);
});

Deno.test("a store that is opened again makes no more indexes than one that was not", async () => {
  const path = await Deno.makeTempFile();
  for (const letter of ["a", "b"]) {
    using store = openStore(path, notes);
    const many = Array.from({ length: 60 }, (_, at) => [`${letter}${at}Id`, 1]);
    await store.insert("notes", [Object.fromEntries(many)]);
  }
  {
    using db = new DatabaseSync(path);
    const keys = db.prepare(
      "select * from sqlite_schema where name glob 'key *'",
    );
    assertEquals(keys.all().length, 64);
  }
  await Deno.remove(path);
});

Deno.test("data that cannot be loaded is refused with the place and the reason", async () => {
  using store = openStore(":memory:", notes);
  const before = await store.dump();
  const ok = [{ id: 1 }];
  const table: readonly (readonly [data: string, message: string])[] = [
    ['{"b":[{"id":null}]}', '"b[0].id": expected a number or a text'],
    ['{"b":[{"id":"1"},{"id":1},{"id":"1"}]}', '"b[2].id": "1" is taken'],
    ['{"b":"text"}', '"b": expected a list or an object'],
    ['{"b":null}', '"b": expected a list or an object'],
  ];
  for (const [data, message] of table) {
    const load = async () => await store.load({ ok, ...JSON.parse(data) });
    await assertRejects(load, TypeError, `Cannot load ${message}`);
  }
  assertEquals(await store.dump(), before);
});

function countOf(data: Data): number {
  return Object.values(data).flat().length;
}

/** Deletes a document, and gives what goes with it and what stays. */
async function deleteFrom(data: Data, path: string, naming?: Naming) {
  using store = openStore(":memory:", data, naming && { naming });
  const [resource = "", id = ""] = path.split("/").map(decodeURIComponent);
  const [meant, ...others] = await store.delete(resource, id);
  assertEquals(`${meant?.id}`, id, path);
  const gone = others.map(({ resource, id }) => `${resource}/${id}`).sort();
  return { gone, left: JSON.parse(store.dump()) };
}

Deno.test("a DELETE takes along what refers to the document, all the way down, and nothing else", async () => {
  const table: readonly (readonly [
    why: string,
    data: Data,
    path: string,
    gone: readonly string[],
  ])[] = [
    [
      "what dangled before stays",
      {
        todos: [{ id: 1 }, { id: 2 }],
        tasks: [{ id: 1, userId: "" }, { id: 2, userId: 7 }],
        layers: [{ id: "7d", componentId: "aaa" }, { id: 1, todoId: null }],
        components: [{ id: "K8" }],
        users: [{ id: 1 }],
      },
      "todos/1",
      [],
    ],
    [
      "number or text alike, as a URL writes it",
      {
        users: [{ id: 1 }, { id: "u" }],
        posts: [
          ...[1, "1", "01", 1.5, true, [1], { id: 1 }, null, "u"]
            .map((userId, id) => ({ id, userId })),
        ],
      },
      "users/1",
      ["posts/0", "posts/1"],
    ],
    [
      "a text that is a number",
      { users: [{ id: "1" }], posts: [{ id: 1, userId: 1 }] },
      "users/1",
      ["posts/1"],
    ],
    [
      'not what refers to a twin, 1 beside "1"',
      {
        users: [{ id: 1 }, { id: "1" }, { id: 2 }],
        posts: [{ id: 1, userId: 1 }, { id: 2, userId: "1" }],
      },
      "users/1",
      [],
    ],
    [
      "what refers to twins that both go",
      {
        users: [{ id: 1 }],
        posts: [{ id: 5, userId: 1 }, { id: "5", userId: 1 }],
        likes: [{ id: 1, postId: 5 }],
      },
      "users/1",
      ["likes/1", "posts/5", "posts/5"],
    ],
    [
      "down to grandchildren, and those without an id",
      {
        users: [{ id: 1 }],
        posts: [{ id: 1, userId: 1 }, { id: 2, userId: 2 }],
        comments: [{ postId: 1 }, { id: 5, postId: "1" }, { postId: 2 }],
        likes: [{ id: 1, commentId: 5 }, { id: 2, commentId: null }],
      },
      "users/1",
      ["comments/5", "comments/null", "likes/1", "posts/1"],
    ],
    [
      "a resource that refers to itself, and a circle",
      {
        comments: [
          { id: 1, commentId: 3 },
          { id: 2, commentId: 1 },
          { id: 3, commentId: 2 },
          { id: 4, commentId: 4 },
        ],
      },
      "comments/2",
      ["comments/1", "comments/3"],
    ],
    [
      "a circle of two resources",
      { a: [{ id: 1, bId: 1 }], b: [{ id: 1, aId: 1 }, { id: 2, aId: 2 }] },
      "a/1",
      ["b/1"],
    ],
    [
      "two names of one key: what leads to the other stays",
      {
        post: [{ id: 1 }],
        posts: [{ id: 1 }, { id: 2 }],
        notes: [{ id: 1, postId: 1 }],
      },
      "posts/1",
      [],
    ],
    [
      "two names of one key: what leads nowhere goes",
      {
        post: [{ id: 1 }],
        posts: [{ id: 1 }, { id: 2 }],
        notes: [{ id: 1, postId: 2 }],
      },
      "posts/2",
      ["notes/1"],
    ],
    [
      "one object is no dependent",
      { users: [{ id: 1 }], profile: { userId: 1, id: 1 } },
      "users/1",
      [],
    ],
    [
      "only the first level of fields refers",
      { users: [{ id: 1 }], posts: [{ id: 1, by: { userId: 1 } }] },
      "users/1",
      [],
    ],
    [
      "irregular plurals",
      {
        people: [{ id: 1 }],
        children: [{ id: 1, personId: 1 }],
        toys: [{ id: 1, childId: 1 }],
      },
      "people/1",
      ["children/1", "toys/1"],
    ],
    [
      "names and ids with any character",
      {
        'a"b\\c': [{ id: "x'\"\\\0é" }],
        "blog-posts": [{ id: "1\0", 'a"b\\cId': "x'\"\\\0é" }],
        words: [{ id: 1, "blog-postId": "1\0" }, { id: 2, "blog-postId": 1 }],
      },
      `${encodeURIComponent('a"b\\c')}/${encodeURIComponent("x'\"\\\0é")}`,
      ["blog-posts/1\0", "words/1"],
    ],
  ];
  for (const [why, data, path, wanted] of table) {
    const { gone, left } = await deleteFrom(data, path);
    assertEquals(gone, wanted, why);
    assertEquals(countOf(left), countOf(data) - 1 - wanted.length, why);
  }
});

Deno.test("a DELETE knows the fields by the names that the store was opened with", async () => {
  const data = {
    posts: [{ _id: 1, id: 9 }],
    comments: [{ _id: 4, post_id: 1 }, { _id: 5, postId: 1 }],
  };
  const naming = { id: "_id", suffix: "_id" };
  assertEquals((await deleteFrom(data, "posts/1", naming)).gone, [
    "comments/4",
  ]);
  const odd = { id: "a.b'", suffix: ".*$" };
  const other = {
    posts: [{ "a.b'": 1 }],
    comments: [{ "a.b'": 4, "post.*$": 1 }, { "a.b'": 5, postId: 1 }],
  };
  assertEquals((await deleteFrom(other, "posts/1", odd)).gone, ["comments/4"]);
});

Deno.test("a DELETE is right also where a key has no index", async () => {
  const junk = Array.from({ length: 70 }, (_, at) => [`k${at}Id`, at]);
  using store = openStore(":memory:", {
    junk: [{ id: 1, ...Object.fromEntries(junk) }],
    nodes: Array.from({ length: 50 }, (_, at) => ({ id: at + 1, nodeId: at })),
    users: [{ id: 1 }],
  });
  assertEquals((await store.delete("users", "1")).length, 1);
  assertEquals((await store.delete("nodes", "2")).length, 49);
  await store.load({ users: [{ id: 1 }], notes: [] });
  assertEquals((await store.delete("users", "x")).length, 0);
  await store.insert("users", [{ id: 2 }]);
  assertEquals((await store.delete("users", "2")).length, 1);
  await store.insert("notes", [{ userId: 1 }]);
  assertEquals((await store.delete("users", "1")).length, 2);
});

Deno.test("a DELETE that is refused, or whose transaction fails, takes nothing along", async () => {
  using store = openStore(":memory:", {
    users: [{ id: 1 }],
    posts: [{ id: 1, userId: 1 }],
  });
  const before = store.dump();
  const settled = await Promise.allSettled([
    store.delete("users", "1", () => {
      throw new RangeError("no");
    }),
    store.delete("users", "7"),
  ]);
  assertEquals(settled.map(({ status }) => status), ["rejected", "fulfilled"]);
  assertEquals(store.dump(), before);
});

Deno.test("100,000 dependents, and a chain of 20,000, are deleted without a deep stack", async () => {
  const list = (length: number, key: string, from: (at: number) => number) =>
    Array.from({ length }, (_, at) => ({ id: at + 1, [key]: from(at) }));
  using store = openStore(":memory:", {
    users: [{ id: 1 }, { id: 2 }],
    posts: list(50_000, "userId", () => 1),
    comments: list(50_000, "postId", (at) => at + 1),
    nodes: list(20_000, "nodeId", (at) => at),
  });
  const before = store.dump();
  assertEquals((await store.delete("users", "1")).length, 100_001);
  assertEquals((await store.delete("nodes", "1")).length, 20_000);
  assertEquals(store.list("users")?.total, 1);
  assert(store.dump().length < 200 && before.length > 1e6);
});

Deno.test("lists hold any values, which are read as they are and have no ids", async () => {
  const tags = ["a", "bc", 1, null, [1, [2]], true, { b: 1 }];
  using store = openStore(":memory:", { tags, posts: [{ id: 1, tagId: 0 }] });
  assertEquals(store.list("tags")?.json, pretty(tags));
  assertEquals(store.get("tags", "0"), undefined);
  assertEquals(await store.delete("tags", "a"), []);
  const queries:
    readonly (readonly [query: string, found: readonly unknown[]])[] = [
      ["q=bc", ["bc"]],
      ["b=1", [{ b: 1 }]],
      ["_embed=posts&_limit=2", ["a", "bc"]],
      ["_expand=post&_limit=2", ["a", "bc"]],
      ["nope=1", tags],
    ];
  for (const [query, found] of queries) {
    const list = store.list("tags", queryOf(query));
    assertEquals(list?.json, pretty(found), query);
  }
  const added = await store.insert("tags", [{ x: 1 }, { id: 7 }]);
  assertEquals(added?.map(({ id }) => id), [1, 7]);
  using copy = store.copy();
  assertEquals(copy.dump(), store.dump());
});

Deno.test("documents have the ids and references that the store was opened with", async () => {
  const naming = { id: "_id", suffix: "_id" };
  using store = openStore(":memory:", {
    posts: [{ _id: 1 }, { _id: "a", id: 1 }],
    comments: [{ _id: 1, post_id: 1 }],
  }, { naming });
  const ask = (resource: string, query: string) =>
    JSON.parse(
      store.list(resource, queryOf(query))?.json ?? "",
    );
  const added = await store.insert("posts", [{ id: 5 }, { _id: 8 }]);
  assertEquals(added?.map(({ id }) => id), [2, 8]);
  assertEquals(added?.[0]?.json, pretty({ id: 5, _id: 2 }));
  assertEquals(ask("posts", "_id=a"), [{ _id: "a", id: 1 }]);
  assertEquals(ask("posts", "_id=1&_embed=comments"), [
    { _id: 1, comments: [{ _id: 1, post_id: 1 }] },
  ]);
  assertEquals(ask("comments", "_expand=post"), [
    { _id: 1, post_id: 1, post: { _id: 1 } },
  ]);
  await assertRejects(
    async () => await store.load({ n: [{ _id: 1 }, { _id: 1 }] }),
    TypeError,
    'Cannot load "n[1]._id": 1 is taken',
  );
  await store.load({ n: [{ _id: 4, id: [] }] });
  using copy = store.copy();
  assertEquals(copy.get("n", "4"), pretty({ _id: 4, id: [] }));
});

Deno.test("filters find what they name, and those on fields that nobody has are left out", async () => {
  using store = openStore(":memory:", notes);
  const table: [query: string, ids: unknown[]][] = [
    ["id=7", [7]],
    ["id=7b&id=3", ["7b", 3]],
    ["id=9", []],
    ["id=7&done=false", []],
    ["text=1", [3]],
    ["text=quo%22te", ["7b"]],
    ["done=true", [7]],
    ["tag.name=b", ["7b"]],
    ["list=1,2", [3]],
    ["nope=1", [7, "7b", 3]],
    ["te%22xt=1", [7, "7b", 3]],
    ["te%00xt=1", [7, "7b", 3]],
    ["=1", [7, "7b", 3]],
    ["q=QUO", ["7b"]],
    ["tag.size_gte=1.5", [7]],
    ["_sort=text", [3, "7b", 7]],
    ["_start=1&_end=2", ["7b"]],
    ["_end=0", []],
    ["_page=2&_limit=2", [3]],
    ["_page=99999999999999999999", []],
    ["_limit=-1", [7, "7b"]],
  ];
  for (const [query, ids] of table) {
    assertEquals(await idsOf(store, query), ids, query);
  }
  assertEquals(await store.list("nope"), undefined);
  const { total } = await store.list("notes", queryOf("_limit=1")) ?? {};
  assertEquals(total, 3);
});

Deno.test("fields that refer to documents have an index, and are searched as others", async () => {
  using store = openStore(":memory:", {
    users: [{ id: 1 }],
    notes: [{ id: 1, userId: 1 }, { id: 2, userId: "1" }, { id: 3 }],
    others: [{ id: 1, postId: 1 }],
  });
  assertEquals(await idsOf(store, "userId=1"), [1, 2]);
  assertEquals(await idsOf(store, "userId=9"), []);
  assertEquals(await idsOf(store, "userId=1&id=2"), [2]);
  assertEquals(await idsOf(store, "postId=9"), [1, 2, 3]);
  await store.insert("others", [{ postId: [2, 3] }, { postId: "3" }]);
  const others = await store.list("others", queryOf("postId=3"));
  assertEquals(others?.total, 2);
  // More fields than are indexed, in one document and over many.
  const many = Array.from({ length: 100 }, (_, at) => [`a${at}Id`, at]);
  await store.insert("notes", [Object.fromEntries(many)]);
  assertEquals(await idsOf(store, "a0Id=0"), [4]);
  assertEquals(await idsOf(store, "a99Id=99&a98Id=98"), [4]);
  assertEquals(await idsOf(store, "a99Id=1"), []);
});

Deno.test("a long list comes with the same documents as a short one, and not with too much", () => {
  const ids = Array.from({ length: 300 }, (_, at) => at);
  using store = openStore(":memory:", {
    users: [{ id: 1, text: "x".repeat(900_000) }, { id: 2 }],
    posts: ids.map((id) => ({ id, userId: id % 3 })),
    comments: ids.map((id) => ({
      id,
      postId: id % 7 === 0 ? `${id}` : id % 9,
    })),
  });
  const listOf = (resource: string, query: string): unknown[] =>
    JSON.parse(store.list(resource, queryOf(query))?.json ?? "");
  const all = listOf("posts", "_embed=comments&_sort=id");
  const short = listOf("posts", "_embed=comments&_sort=id&_limit=20");
  assertEquals(all.slice(0, 20), short);
  assertEquals(
    listOf("posts", "_limit=3&_embed=user").slice(2),
    [{ id: 2, userId: 2, user: { id: 2 } }],
  );
  const { status, message } = assertThrows(
    () => listOf("posts", "_expand=user"),
    Problem,
  );
  assertEquals(status, 400);
  assertMatch(message, /^Cannot answer the query: what it expands is longer /);
});

Deno.test("documents come with those that refer to them and those they refer to", async () => {
  using store = openStore(":memory:", {
    users: [{ id: 1, name: "Ada" }],
    posts: () => [{ id: 1, userId: 1 }, { id: 2, userId: 9 }, { userId: "1" }],
    comments: () => [{ id: 1, postId: 1 }, { id: 2, postId: "1" }],
    'odd"s': [{ id: 1 }],
    profile: { postId: 1 },
  });
  const table:
    readonly (readonly [path: string, query: string, related: unknown])[] = [
      ["posts/1", "_embed=comments&_expand=user", {
        id: 1,
        userId: 1,
        comments: [{ id: 1, postId: 1 }],
        user: { id: 1, name: "Ada" },
      }],
      ["posts/2", "_embed=nope&_expand=user&_expand=nope&_expand=posts", {
        id: 2,
        userId: 9,
        nope: [],
      }],
      [
        "posts/1",
        "_embed=__proto__",
        JSON.parse('{"id":1,"userId":1,"__proto__":[]}'),
      ],
      ['odd"s/1', "_embed=posts", { id: 1, posts: [] }],
      ["users/9", "_embed=posts", undefined],
    ];
  for (const [path, query, related] of table) {
    const [resource = "", id = ""] = path.split("/");
    const json = await store.get(resource, id, queryOf(query));
    assertEquals(json, related && pretty(related), `${path} ${query}`);
  }
  const list = await store.list("posts", queryOf("_expand=user&_limit=1"));
  assertEquals(JSON.parse(list?.json ?? ""), [
    { id: 1, userId: 1, user: { id: 1, name: "Ada" } },
  ]);
  assertEquals(list?.total, 3);
});

Deno.test("a copy is on its own", async () => {
  const profile = { name: "Ada" };
  using store = openStore(":memory:", { ...notes, profile }, { fake: true });
  const before = await store.dump();
  using copy = store.copy();
  assertEquals(await copy.dump(), before);
  await copy.insert("notes", [{ id: 8 }]);
  assertEquals(await idsOf(copy), [7, "7b", 3, 8]);
  using second = store.copy();
  using ofCopy = copy.copy();
  assertEquals(await idsOf(ofCopy), [7, "7b", 3, 8]);
  assertEquals([await second.dump(), await store.dump()], [before, before]);
});

Deno.test("a store that pretends answers as if, and keeps nothing", async () => {
  using store = openStore(":memory:", { ...notes, profile: {} }, {
    fake: true,
  });
  const before = await store.dump();
  assertEquals((await store.insert("notes", [{ id: 8 }]))?.[0]?.id, 8);
  assertEquals((await store.put("notes", "7", () => "{}"))?.json, "{}");
  assertEquals((await store.delete("notes", "7")).length, 1);
  await store.load({});
  assertEquals(await store.dump(), before);
});

Deno.test("the version is another one after each write", async () => {
  using store = openStore(":memory:", notes);
  await store.list("notes");
  const versions = [store.version(), store.version()];
  await store.insert("notes", [{}]);
  versions.push(store.version());
  await store.put("notes", "7", (_, json) => json);
  versions.push(store.version());
  await store.delete("notes", "7");
  versions.push(store.version());
  await store.load({});
  versions.push(store.version());
  assertEquals(new Set(versions).size, 5);
  assertEquals(versions[0], versions[1]);
});

Deno.test("what is read after a write is never what was before", async () => {
  using store = openStore(":memory:", notes);
  assertEquals(await idsOf(store, "text_ne=x"), [7, "7b", 3]);
  await store.delete("notes", "7b");
  assertEquals(await idsOf(store, "text_ne=x"), [7, 3]);
});

Deno.test("any data comes back as it was loaded", async () => {
  using store = openStore(":memory:", {});
  const text = fc.string({ unit: codePoint });
  const fields = fc.dictionary(text, fc.jsonValue({ maxDepth: 2 }));
  const resource = fc.oneof(fc.array(fields), fields);
  await fc.assert(
    fc.asyncProperty(
      fc.dictionary(fc.string(), resource),
      async (resources) => {
        const data = Object.fromEntries(
          Object.entries(resources).map(([name, value]) => [
            name,
            Array.isArray(value)
              ? value.map((each, id) => ({ ...each, id }))
              : value,
          ]),
        );
        await store.load(data);
        assertEquals(await store.dump(), pretty(data));
      },
    ),
    { numRuns: 30 },
  );
});

Deno.test("a resource that was never used is filled on first use after a restart", () =>
  withFolder(async (folder) => {
    const path = `${folder}/hark.db`;
    openStore(path, seed)[Symbol.dispose]();
    using store = openStore(path, seed);
    using copy = store.copy();
    for (const each of [copy, store]) {
      assertEquals((await each.insert("users", [{}]))?.[0]?.id, 11);
      assertEquals((await each.list("users"))?.total, 11);
    }
  }));

Deno.test("a sandbox is made within 3 ms, and reset within 1 ms", async () => {
  using store = openStore(":memory:", seed);
  await store.dump();
  const made: number[] = [];
  const reset: number[] = [];
  for (let round = 0; round < 20; round++) {
    await store.put("posts", "1", (_, json) => json);
    const begun = performance.now();
    const copy = store.copy();
    await copy.get("posts", "1");
    const done = performance.now();
    copy[Symbol.dispose]();
    made.push(done - begun);
    reset.push(performance.now() - done);
  }
  const best = (times: number[]) => Math.min(...times);
  assert(best(made) <= 3, `made in ${best(made)} ms`);
  assert(best(reset) <= 1, `reset in ${best(reset)} ms`);
});

Deno.test("what is reset while another process serves it is whole for that one, too", async () => {
  await withFolder(async (folder) => {
    const path = `${folder}/a.db`;
    using serving = openStore(path, notes);
    await serving.insert("notes", [{ text: "more" }]);
    {
      using resetting = openStore(path, notes);
      await resetting.import(notes, undefined, true);
    }
    assertEquals(serving.list("notes")?.total, 3);
    await serving.insert("notes", [{ id: 9 }]);
    using next = openStore(path, notes);
    assertEquals(next.list("notes")?.total, 4);
  });
});
