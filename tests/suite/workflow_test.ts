import { assert, assertEquals, assertMatch } from "@std/assert";
import config from "../../deno.json" with { type: "json" };
import { ROOT, testWith } from "../support.ts";
import { run } from "../program.ts";

const FILE = `${ROOT}.github/workflows/ci.yml`;
const TEXT = await Deno.readTextFile(FILE);

/** The values of a key, wherever it stands. */
const valuesOf = (key: string) =>
  [...TEXT.matchAll(new RegExp(`^[ -]*${key}: (.*)$`, "gm"))]
    .map(([, value = ""]) => value);

Deno.test("the workflow runs the tests on three systems, and all of CI on one", () => {
  assertEquals(valuesOf("os"), [
    "[ubuntu-latest, macos-latest, windows-latest]",
  ]);
  assertEquals(valuesOf("runs-on"), ["${{ matrix.os }}", "ubuntu-latest"]);
  assertEquals(
    valuesOf("run").filter((line) => !line.startsWith("echo ")),
    ["npm ci --prefix .ci", "deno ci", "deno task test", "bash .ci/run"],
  );
});

Deno.test("the workflow names tasks, scripts and folders that are there, and no Deno but that of .ci", async () => {
  const tasks = valuesOf("run").flatMap((line) =>
    line.match(/deno task (\S+)/)?.[1] ?? []
  );
  assert(tasks.length > 0);
  assertEquals(tasks.filter((task) => !(task in config.tasks)), []);
  const paths = TEXT.match(/(?<![\w/])\.ci(\/\w+)?(?=[ \n])/g) ?? [];
  for (const path of paths) await Deno.stat(ROOT + path);
  assertEquals(paths, [".ci", ".ci/run"]);
  // what says which Deno is .ci/package.json alone
  assertEquals(TEXT.match(/\d+\.\d+\.\d+|setup-deno|https?:/), null);
});

Deno.test("the workflow may read alone, and takes others' steps by their major version", () => {
  assertMatch(TEXT, /^permissions:\n {2}contents: read\n\n/m);
  assertEquals(TEXT.match(/\b(write|secrets|token)\b/i), null);
  for (const action of valuesOf("uses")) {
    assertMatch(action, /^actions\/[a-z-]+@v\d+$/);
  }
});

testWith("python3", "the workflow is YAML", async () => {
  const { code, stdout, stderr } = await run([
    "python3",
    "-c",
    `try:
  import yaml, sys
except ImportError:
  raise SystemExit
print(sorted(yaml.safe_load(open(sys.argv[1]))["jobs"]))`,
    FILE,
  ]);
  assertEquals([code, stderr], [0, ""]);
  assert(["", "['run', 'test']"].includes(stdout.trim()), stdout);
});
