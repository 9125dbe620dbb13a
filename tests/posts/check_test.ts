import { foreignKeyOf } from "../../tasks/api/store/naming.ts";
import { assertEquals } from "@std/assert";
import { findMismatch, resources } from "../../tasks/api/store/schema.ts";
import { makeItems } from "../../tasks/api/store/seed.ts";

const [user] = makeItems("users");

Deno.test("what is not an item is refused with the place and the reason", () => {
  const table: readonly (readonly [value: unknown, message: string])[] = [
    [null, "users[0]: expected object, got null"],
    [[], "users[0]: expected object, got array"],
    ["a", "users[0]: expected object, got string"],
    [{ ...user, id: 1.5 }, "users[0].id: expected integer, got number"],
    [{ ...user, id: "1" }, "users[0].id: expected integer, got string"],
    [
      { ...user, name: undefined },
      "users[0].name: expected string, got nothing",
    ],
    [{ ...user, address: 1 }, "users[0].address: expected object, got integer"],
    [
      { ...user, address: { ...user?.address, geo: { lat: "1" } } },
      "users[0].address.geo.lng: expected string, got nothing",
    ],
    [Object.create({ ...user }), "users[0].id: expected integer, got nothing"],
  ];
  for (const [value, message] of table) {
    const { fields } = resources.users;
    assertEquals(findMismatch(value, fields, "users[0]"), message);
  }
});

Deno.test("fields that the table does not name may hold anything", () => {
  const { fields } = resources.users;
  assertEquals(
    findMismatch({ ...user, extra: null }, fields, "user"),
    undefined,
  );
});

Deno.test("foreign keys are the English singular and Id", () => {
  const kinds = [
    "posts",
    "albums",
    "users",
    "todos",
    "categories",
    "boxes",
    "classes",
    "news",
  ];
  assertEquals(kinds.map((kind) => foreignKeyOf(kind)), [
    "postId",
    "albumId",
    "userId",
    "todoId",
    "categoryId",
    "boxId",
    "classId",
    "newsId",
  ]);
});
