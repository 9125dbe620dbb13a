import { assertEquals } from "@std/assert";
import config from "../../deno.json" with { type: "json" };
import { ROOT } from "../support.ts";

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

Deno.test("what is published is lib and the commands, without what ships and judges them", async () => {
  const { include, exclude } = config.publish;
  for (const path of [...include, ...exclude]) await Deno.stat(ROOT + path);
  const scripts = [...Deno.readDirSync(`${ROOT}tasks`)]
    .map(({ name }) => name)
    .filter((name) =>
      name.endsWith(".ts") && !exclude.includes(`tasks/${name}`)
    );
  assertEquals(
    scripts.sort(),
    Object.keys(config.tasks).slice(0, 7).map((name) => `${name}.ts`).sort(),
  );
  assertEquals(include.filter((path) => /^(tests|docs|\.)/.test(path)), []);
});
