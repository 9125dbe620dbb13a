import { assertEquals, assertMatch } from "@std/assert";
import { DatabaseSync } from "node:sqlite";
import { describe } from "../../../lib/cli/reasons.ts";
import { follow } from "../../../tasks/api/store/import.ts";
import { openStore } from "../../../tasks/api/store/sqlite.ts";
import { until } from "../../daemon.ts";
import { withFolder } from "../../support.ts";

Deno.test("an edit that is followed is taken once another process lets go of the database", () =>
  withFolder(async (folder) => {
    const [file, from] = [`${folder}/a.db`, `${folder}/a.json`];
    await Deno.writeTextFile(from, '{"a":[{"id":2}]}');
    using store = openStore(file, { a: [{ id: 1 }] }, { busyTimeout: 10 });
    using other = new DatabaseSync(file);
    other.exec("begin immediate");
    const errors: string[] = [];
    let loads = 0;
    let looks = 0;
    const asked = openings(from, () => looks++);
    try {
      await using _following = follow(
        store,
        { file, from, isUrl: false, isKept: true },
        undefined,
        {
          onLoad: () => void loads++,
          onError: (error) => errors.push(describe(error)),
        },
      );
      await until("two tries", () => Promise.resolve(looks > 1));
      assertEquals(store.list("a")?.total, 1);
      other.exec("rollback");
      await until("a load", () => Promise.resolve(loads > 0));
    } finally {
      asked();
    }
    assertMatch(store.list("a")?.json ?? "", /"id": 2\n/);
    assertEquals(errors, ["Cannot write: another process holds the database"]);
  }));

Deno.test("a module that is followed and never gives its data gives way to the next text", () =>
  withFolder(async (folder) => {
    const from = `${folder}/a.ts`;
    const errors: string[] = [];
    using store = openStore(":memory:", { a: [{ id: 1 }] });
    let looks = 0;
    const asked = openings(from, () => looks++);
    let loads = 0;
    try {
      await Deno.writeTextFile(
        from,
        "export default () => new Promise(() => {});",
      );
      await using _following = follow(
        store,
        { file: ":memory:", from, isUrl: false, isKept: true },
        undefined,
        {
          onLoad: () => void loads++,
          onError: (error) => errors.push(describe(error)),
        },
      );
      await until("a look", () => Promise.resolve(looks > 0));
      await Deno.writeTextFile(from, "export default { a: [{ id: 2 }] };");
      await until("a load", () => Promise.resolve(loads > 0));
    } finally {
      asked();
    }
    assertMatch(store.list("a")?.json ?? "", /"id": 2\n/);
    assertEquals(errors, []);
  }));

/** Hears of each time that a file is opened, until what it gives is called. */
function openings(path: string, hear: () => void): () => void {
  const { open } = Deno;
  Reflect.set(Deno, "open", (...args: Parameters<typeof open>) => {
    if (args[0] === path) hear();
    return open(...args);
  });
  return () => void Reflect.set(Deno, "open", open);
}
