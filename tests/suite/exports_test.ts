import { assertEquals } from "@std/assert";
import config from "../../deno.json" with { type: "json" };
import { ROOT, spawnDeno, withFolder } from "../support.ts";

/** The public modules, and what each is for. */
const PUBLIC: Readonly<Record<string, readonly string[]>> = {
  "./connect": ["connect"],
  "./serve": ["serve"],
  "./send": ["send"],
  "./api": ["createHandler", "openStore", "main"],
  "./server": ["main"],
  "./client": ["main"],
  "./get": ["main"],
  "./post": ["main"],
  "./posts": ["main"],
};

Deno.test("deno.json exports the public modules, and nothing else", () => {
  assertEquals(Object.keys(config.exports), Object.keys(PUBLIC));
});

for (const [name, path] of Object.entries(config.exports)) {
  Deno.test(`${name} has what it is imported for`, async () => {
    const module: object = await import(`../../${path}`);
    for (const wanted of PUBLIC[name] ?? []) {
      assertEquals(typeof Reflect.get(module, wanted), "function", wanted);
    }
  });
}

Deno.test("a script whose folder has compiler options of its own passes its check", () =>
  withFolder(async (cwd) => {
    const imports = Object.values(config.exports)
      .map((path) =>
        `import ${JSON.stringify(import.meta.resolve(`../../${path}`))};\n`
      );
    await Deno.writeTextFile(`${cwd}/script.ts`, imports.join(""));
    await Deno.writeTextFile(`${cwd}/deno.json`, '{"compilerOptions":{}}');
    const args = [
      "check",
      "-q",
      "--import-map",
      `${ROOT}deno.json`,
      "script.ts",
    ];
    const { code, stderr } = await spawnDeno(args, { cwd }).result;
    assertEquals([code, stderr], [0, ""]);
  }));

Deno.test("what is published is lib, and each command with its folder", () => {
  const commands = Object.keys(config.tasks).slice(0, 7);
  const there = [...Deno.readDirSync(`${ROOT}tasks`)].map(({ name }) => name);
  const own = commands.flatMap((name) => [`${name}.ts`, name])
    .filter((name) => there.includes(name)).map((name) => `tasks/${name}`);
  const rest = ["LICENSE", "README.md", "deno.json", "lib"];
  assertEquals(config.publish.include, [...rest, ...own]);
});
