import { assertEquals } from "@std/assert";
import config from "../../deno.json" with { type: "json" };

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
