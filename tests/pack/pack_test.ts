import { assertEquals, assertMatch } from "@std/assert";
import ci from "../../.ci/package.json" with { type: "json" };
import config from "../../deno.json" with { type: "json" };
import { COMMANDS } from "../../lib/cli/start.ts";
import { describeCommands, main, MANIFEST } from "../../tasks/pack.ts";
import {
  flagsOf,
  hasCommand,
  ROOT,
  run,
  spawnDeno,
  spawnProgram,
  withFolder,
} from "../support.ts";

Deno.test("the package grants each command what its task in deno.json does", () => {
  const { grants } = describeCommands();
  assertEquals(Object.keys(grants), [...COMMANDS]);
  for (const name of COMMANDS) assertEquals(grants[name], flagsOf(name));
});

Deno.test("the package has the version of hark, and the Deno that hark is tested with", () => {
  assertEquals(MANIFEST.version, config.version);
  assertEquals(MANIFEST.dependencies, ci.dependencies);
  assertMatch(MANIFEST.dependencies.deno, /^\d+\.\d+\.\d+$/);
});

Deno.test("pack says that it makes all or nothing", async () => {
  const { code, stderr } = await run(main, ["get"]);
  assertEquals([code, stderr], [
    2,
    'pack: Cannot pack "get": all six are one package\nhint: see deno task pack --help\n',
  ]);
});

Deno.test("pack names the folder that it cannot write into", async () => {
  const { code, stderr } = await run(main, ["--out", "/dev/null"]);
  assertEquals([code, stderr], [
    1,
    'pack: Cannot write into "/dev/null/npm/js": it is not in a directory\n',
  ]);
});

const made = await Deno.makeTempDir({ prefix: "hark npm " });
addEventListener("unload", () => Deno.removeSync(made, { recursive: true }));
const packed = hasCommand("npm")
  ? await run(main, ["--out", made])
  : { code: 0, stdout: "", stderr: "cannot be downloaded: npm" };
const isAbsent = packed.stderr.includes("cannot be downloaded");

Deno.test({
  name:
    `pack makes the folder of the package and a file of it, whose launcher can be started${
      isAbsent ? " (skipped: npm or Deno's bundler is absent)" : ""
    }`,
  ignore: isAbsent,
  fn: () =>
    withFolder(async (folder) => {
      const file = `hark-${config.version}.tgz`;
      assertEquals([packed.code, packed.stderr], [0, ""]);
      assertMatch(packed.stdout, /^\/.*\.tgz {2}\d+ kB\n$/);
      const tar = ["-xzf", `${made}/${file}`, "-C", folder];
      assertEquals((await spawnProgram("tar", tar).result).code, 0);
      const list = (path: string) =>
        [...Deno.readDirSync(path)].map(({ name }) => name).sort();
      assertEquals(list(`${folder}/package`), [
        "LICENSE",
        "README.md",
        "commands.json",
        "hark.mjs",
        "js",
        "package.json",
      ]);
      assertEquals(list(`${folder}/package/js`), list(`${made}/npm/js`));
      const { mode } = await Deno.stat(`${folder}/package/hark.mjs`);
      if (mode !== null) assertEquals(mode & 0o111, 0o111);
    }),
});

Deno.test({
  name: `pack says that npm is not installed${
    isAbsent ? " (skipped: npm or Deno's bundler is absent)" : ""
  }`,
  ignore: isAbsent,
  fn: () =>
    withFolder(async (out) => {
      const script = `${ROOT}tasks/pack.ts`;
      const { code, stderr } = await spawnDeno(
        ["run", "-A", "--no-check", script, "--out", out],
        { env: { PATH: "/nowhere" } },
      ).result;
      assertEquals([code, stderr], [
        1,
        `pack: Cannot pack "${out}/npm": npm is not installed\n`,
      ]);
    }),
});
