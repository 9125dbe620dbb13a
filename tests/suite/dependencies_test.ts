import {
  assert,
  assertEquals,
  assertMatch,
  assertStringIncludes,
} from "@std/assert";
import ci from "../../.ci/package.json" with { type: "json" };
import config from "../../deno.json" with { type: "json" };
import jsr from "../../deno.jsr.json" with { type: "json" };
import { warningOf } from "../../lib/cli/process.ts";
import { readSources, ROOT } from "../support.ts";

const NAMES = Object.keys(config.imports);

/** What a source imports, in its doc comments too. */
const importsOf = (source: string) =>
  [...source.matchAll(
    /(?:^(?: \* )?import (?:type )?(?:[\w$]+|\{[^}]*\}) from\s*|^(?: \* )?\} from\s*|^export [^;"`]*? from\s*|^import\s*|\bimport\(\s*)"([^"`$]+)"/gm,
  )]
    .map(([, name = ""]) => name);

const IMPORTS = (await readSources())
  .filter(([path]) => path.endsWith(".ts"))
  .flatMap(([path, source]) =>
    importsOf(source).map((name) => [path, name] as const)
  );

Deno.test("both configuration files name the same modules and compiler options", () => {
  assertEquals(Object.keys(jsr.imports), NAMES);
  const { types, ...options } = config.compilerOptions;
  assertEquals(types, ["./std.d.ts", "./tests/assert.d.ts"]);
  assertEquals(jsr.compilerOptions, options);
});

Deno.test("the JSR configuration takes std from JSR, and every other package as it is", () => {
  for (const [name, target] of Object.entries(jsr.imports)) {
    const [, scope, path] = name.match(/^(@std\/[^/]+)(.*)$/) ?? [];
    if (scope === undefined) {
      assertEquals(target, new Map(Object.entries(config.imports)).get(name));
    } else {
      const [start = "", version = ""] = target.split("@^");
      assertEquals(start, `jsr:${scope}`);
      assertMatch(version, /^1\.\d+\.\d+/);
      assertEquals(version.replace(/^[\d.]+/, ""), path);
    }
  }
});

for (const name of NAMES) {
  Deno.test(`${name} is where deno.json says`, async () => {
    const module: unknown = await import(name);
    assertMatch(Deno.inspect(module), /^\[Module: null prototype\] \{\n? +\S/);
  });

  Deno.test(`${name} is imported somewhere`, () => {
    assertEquals(IMPORTS.some(([, imported]) => imported === name), true);
  });
}

Deno.test("packages are pinned to one version, and the lock knows their integrity", async () => {
  const lock = await Deno.readTextFile(`${ROOT}deno.lock`);
  for (const target of Object.values(config.imports)) {
    if (target.startsWith("./")) continue;
    const [, pinned = ""] =
      target.match(/^npm:([\w-]+@\d+\.\d+\.\d+)(?:\/|$)/) ?? [];
    assert(
      lock.includes(`"${pinned}": {\n      "integrity": "sha512-`),
      target,
    );
  }
});

Deno.test("sources import by name: no registry, no version, no unknown package", () => {
  const strange = IMPORTS.filter(([, name]) =>
    !/^\.{1,2}\//.test(name) && !name.startsWith("node:") &&
    !NAMES.includes(name)
  );
  assertEquals(strange, []);
});

Deno.test("deno.json, CI and the commands agree on the Deno that is needed", () => {
  const { deno } = ci.dependencies;
  assertEquals(config.engines.deno, `>=${deno}`);
  assertEquals(Object.keys(ci.allowScripts), [`deno@${deno}`]);
  assertEquals(warningOf(deno), "");
  assertStringIncludes(warningOf("2.9.0"), ` Deno ${deno} or later; `);
});
