import { assert, assertEquals } from "@std/assert";
import { createLineWriter, formatEntry } from "../../tasks/api/log.ts";

const entry = { time: "t", method: "GET", path: "/", status: 400, ms: 1 };

Deno.test("a reason stays on its line", () => {
  const line = formatEntry({ ...entry, reason: "a\nb\r\n c" });
  assertEquals(line, "GET / 400 1.0 ms: a b c\n");
});

Deno.test("lines wait for a slow reader, up to 1 MB, and it is said how many were lost", async () => {
  const written: string[] = [];
  const release = Promise.withResolvers<void>();
  const started = Promise.withResolvers<void>();
  const lines = createLineWriter(async (bytes) => {
    written.push(new TextDecoder().decode(bytes));
    started.resolve();
    await release.promise;
  });
  lines.add("first\n");
  await started.promise;
  for (let n = 0; n < 3000; n++) lines.add(`${"x".repeat(999)}\n`);
  release.resolve();
  await lines.flush();
  assertEquals([written.length, written[0]], [2, "first\n"]);
  const kept = written[1]?.match(/x\n/g)?.length ?? 0;
  assert(kept > 1000 && kept < 1100, `${kept}`);
  assert(written[1]?.endsWith(`(${3000 - kept} lines left out)\n`));
  lines.add("later\n");
  await lines.flush();
  assertEquals(written[2], "later\n");
});

Deno.test("when nobody reads any more, nothing is written again", async () => {
  let writes = 0;
  const lines = createLineWriter(() => {
    writes++;
    return Promise.reject(new Error("closed"));
  });
  for (let n = 0; n < 3; n++) {
    lines.add("a\n");
    await lines.flush();
  }
  assertEquals(writes, 1);
});
