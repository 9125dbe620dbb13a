import { assertEquals } from "@std/assert";
import { columnsOf, createTable } from "../../tasks/posts/table.ts";

Deno.test("columnsOf() counts what a terminal shows", () => {
  const cases: [string, number][] = [
    ["", 0],
    ["abc", 3],
    ["日本", 4],
    ["ｆ", 2],
    ["ﾊﾝ", 2],
    ["한글", 4],
    ["\u1112\u1161\u11ab", 2],
    ["é", 1],
    ["e\u0301\u0302", 1],
    ["a\u200bb", 2],
    ["a\xadb", 3],
    ["👍", 2],
    ["👍🏽", 2],
    ["a🏽", 3],
    ["👨\u200d👩\u200d👧", 2],
    ["❤", 1],
    ["❤\ufe0f", 2],
    ["1\ufe0f\u20e3", 2],
    ["🇰🇷🇫🇷", 4],
    ["\u0301", 0],
  ];
  for (const [text, columns] of cases) assertEquals(columnsOf(text), columns);
});

/** The rows of a table, without its names. */
function print(
  rows: readonly (readonly string[])[],
  most = Infinity,
): string[] {
  const { add, end } = createTable(most);
  const text = [["a", "b"], ...rows].map(add).join("") + end();
  return text.split("\n").slice(1, -1);
}

Deno.test("a table aligns letters of all widths, each row on one line", () => {
  assertEquals(
    print([["日本", "x"], ["👍🏽", "x"], ["e\u0301", "x"], ["a\n b", ""]]),
    ["日本  x", "👍🏽    x", "e\u0301     x", "a b"],
  );
});

Deno.test("a terminal's edge cuts a table between letters, by its columns", () => {
  for (
    const [cell, line] of [
      ["xyz", "1  xyz"],
      ["xyzz", "1  xy…"],
      ["日本", "1  日…"],
      ["x日本", "1  x…"],
      ["xy👍🏽", "1  xy…"],
      ["x\u0301y\u0301z\u0301", "1  x\u0301y\u0301z\u0301"],
      ["\x1bz", "1  \\x…"],
    ] as const
  ) assertEquals(print([["1", cell]], 6), [line]);
});

Deno.test("a table is printed as it comes after 1,000 rows: no number is cut, and a text shows that it is", () => {
  const known = Array.from({ length: 1000 }, (_, at) => [`${at}`, "b"]);
  const { add } = createTable(Infinity);
  const before = [["a", "b"], ...known.slice(1)].map(add).join("");
  assertEquals(before, "");
  assertEquals(add(["日本人", "x"]).split("\n").length, 1002);
  assertEquals(add(["日本人日本人", "x"]), "日本人日…  x\n");
  assertEquals(add(["1234567890123", "x"]), "1234567890123  x\n");
  assertEquals(
    add(["1", "last ".repeat(9)]),
    `1              ${"last ".repeat(9).trim()}\n`,
  );
});
