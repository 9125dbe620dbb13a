import { assert, assertEquals, assertMatch } from "@std/assert";
import {
  findMismatch,
  type Item,
  type ResourceName,
  resources,
} from "../../../tasks/api/store/schema.ts";
import { makeItems, seed } from "../../../tasks/api/store/seed.ts";

const names = [
  "posts",
  "comments",
  "albums",
  "photos",
  "users",
  "todos",
] as const;

Deno.test("the table holds the six resources in JSONPlaceholder's order", () => {
  assertEquals(Object.keys(resources), [...names]);
  assertEquals(Object.keys(seed), [...names]);
  assertEquals(names.map((name) => seed[name]().length), [
    100,
    500,
    100,
    5000,
    10,
    200,
  ]);
});

for (const name of names) {
  Deno.test(`every seed item of ${name} has the table's fields in the table's order`, () => {
    const items: readonly object[] = makeItems(name);
    items.forEach((item, index) => {
      const { fields } = resources[name];
      assertEquals(findMismatch(item, fields, `${name}[${index}]`), undefined);
      assertEquals(shapeOf(item), shapeOf(resources[name].fields));
    });
    assertEquals(
      makeItems(name).map(({ id }) => id),
      Array.from(items, (_, index) => index + 1),
    );
  });
}

Deno.test("the seed is the same on every call", () => {
  for (const name of names) assertEquals(makeItems(name), makeItems(name));
  assertEquals(makeItems("albums").at(-1), {
    userId: 10,
    id: 100,
    title: "what the librarian repaired on the first warm day",
  });
});

Deno.test("children are dealt out to their parents as JSONPlaceholder deals them", () => {
  const cases: [number[], number, number][] = [
    [makeItems("posts").map((item) => item.userId), 10, 10],
    [makeItems("comments").map((item) => item.postId), 100, 5],
    [makeItems("albums").map((item) => item.userId), 10, 10],
    [makeItems("photos").map((item) => item.albumId), 100, 50],
    [makeItems("todos").map((item) => item.userId), 10, 20],
  ];
  for (const [keys, parents, each] of cases) {
    assertEquals(
      keys,
      Array.from(keys, (_, index) => Math.floor(index / each) + 1),
    );
    assertEquals(keys.length, parents * each);
  }
});

Deno.test("90 todos are completed, 9 of each user", () => {
  const completed = makeItems("todos").filter((todo) => todo.completed);
  assertEquals(completed.length, 90);
  for (let userId = 1; userId <= 10; userId++) {
    assertEquals(completed.filter((todo) => todo.userId === userId).length, 9);
  }
});

Deno.test("the seed's texts are plain sentences and its addresses are reserved ones", () => {
  for (const { title, body } of makeItems("posts")) {
    assertMatch(title, /^[a-z][A-Za-z ]+$/);
    assertMatch(body, /^([A-Z][A-Za-z, ]+\.(\n|$)){3}/);
  }
  for (const { email } of makeItems("comments")) {
    assertMatch(email, /^[a-z]+\.[a-z]+@example\.com$/);
  }
  for (const { url, thumbnailUrl } of makeItems("photos")) {
    assertMatch(url, /^http:\/\/localhost:3000\/600\/[0-9a-f]{6}$/);
    assertEquals(thumbnailUrl, url.replace("/600/", "/150/"));
  }
  const users = makeItems("users");
  assertEquals(new Set(users.map(({ username }) => username)).size, 10);
  assert(users.every(({ website }) => website.endsWith(".example.com")));
});

Deno.test("items have the types that the table says", () => {
  type Equal<A, B> = (<T>() => T extends A ? 1 : 2) extends
    (<T>() => T extends B ? 1 : 2) ? true : false;
  true satisfies Equal<
    Item<"posts">,
    {
      readonly userId: number;
      readonly id: number;
      readonly title: string;
      readonly body: string;
    }
  >;
  true satisfies Equal<Item<"users">["address"]["geo"]["lat"], string>;
  true satisfies Equal<Item<"todos">["completed"], boolean>;
  true satisfies Equal<ResourceName, (typeof names)[number]>;
});

/** The names of an object's fields, in their order and depth. */
function shapeOf(value: object): unknown[] {
  return Object.entries(value).map(([field, inner]) =>
    typeof inner === "object" ? [field, shapeOf(inner)] : [field]
  );
}
