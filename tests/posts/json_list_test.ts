import { assertEquals } from "@std/assert";
import fc from "fast-check";
import { splitList } from "../../tasks/posts/json_list.ts";

function split(...texts: string[]): Promise<string[]> {
  return Array.fromAsync(splitList(ReadableStream.from(texts)));
}

Deno.test("splitList() gives a list in parts of a million letters, and what is none as it is", async () => {
  const long = `"${"x".repeat(1 << 20)}"`;
  const cases: [texts: string[], parts: string[]][] = [
    [["[1", ",2]\n"], ["[1,2]\n"]],
    [[" \n", " [", "]"], ["[]"]],
    [[`[${long},2`, ",3]"], [`[${long}]`, "[2,3]"]],
    [[`[1,${long}`, ",3", "]"], [`[1,${long}]`, "[3]"]],
    [[`[${long},`, "]"], [`[${long}]`, "[,]"]],
    [[`[,${long}`, ",1]"], [`[,${long},1]`]],
    [["[1", "] x"], ["[1] x"]],
    [["[1", ",2"], ["[1,2"]],
    [["{", '"a":[1,2]}'], ['{"a":[1,2]}']],
    [["<html>"], ["<html>"]],
    [["", " "], [""]],
  ];
  for (const [texts, parts] of cases) {
    assertEquals(await split(...texts), parts);
  }
});

Deno.test("splitList() finds the elements of any list, wherever its text is cut", async () => {
  const lists = fc.array(fc.jsonValue(), { minLength: 1 });
  const cuts = fc.array(fc.nat(300));
  await fc.assert(
    fc.asyncProperty(lists, cuts, async (list, cuts) => {
      const pad = "x".repeat(1 << 20);
      const whole = JSON.stringify([pad, ...list, pad, ...list]);
      const places = [...cuts, ...cuts.map((at) => (1 << 20) + at)]
        .toSorted((a, b) => a - b);
      const texts = [0, ...places].map((from, at) =>
        whole.slice(from, places[at])
      );
      const parts = await split(...texts);
      const found: unknown[] = parts.flatMap((part) => JSON.parse(part));
      assertEquals(JSON.stringify(found), whole);
    }),
    { numRuns: 30 },
  );
});
