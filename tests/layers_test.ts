import { assertEquals } from "@std/assert";
import config from "../deno.json" with { type: "json" };
import { ROOT } from "./support.ts";

/** Source texts by their paths from the root. */
type Sources = ReadonlyMap<string, string>;

/** The floors of the house, the lowest first: imports run only downward. */
const FLOORS = ["lib/cli/", "lib/tcp/", "lib/http/", "lib/api/", "tasks/"];

const floorOf = (path: string) =>
  FLOORS.findIndex((floor) => path.startsWith(floor));

/** A source without its doc comments: examples may import and name what they like. */
const codeOf = (source: string) => source.replace(/\/\*\*[^]*?\*\//g, "");

/** The files of the house that a file imports, for types too. */
function importsOf(path: string, source: string): string[] {
  const imports = new Map<string, string>(Object.entries(config.imports));
  return [...codeOf(source).matchAll(/(?:from|import)[\s(]*"([^"]+)"/g)]
    .flatMap(([, name = ""]) => {
      const mapped = imports.get(name);
      if (mapped !== undefined) {
        return mapped.startsWith("./") ? [mapped.slice(2)] : [];
      }
      return new URL(name, `file:///${path}`).pathname.slice(1);
    })
    .filter((target) => floorOf(target) >= 0);
}

function upward(sources: Sources): string[] {
  return [...sources].flatMap(([path, source]) =>
    importsOf(path, source)
      .filter((target) =>
        floorOf(target) > floorOf(path) ||
        (floorOf(target) === FLOORS.length - 1 && path !== "tasks/demo.ts")
      )
      .map((target) => `${path} imports ${target}`)
  );
}

/** The files that can be reached from themselves. */
function circular(sources: Sources): string[] {
  const reaches = (path: string): Set<string> => {
    const seen = new Set<string>();
    const open = [path];
    for (let at = open.pop(); at !== undefined; at = open.pop()) {
      for (const target of importsOf(at, sources.get(at) ?? "")) {
        if (!seen.has(target)) open.push(target);
        seen.add(target);
      }
    }
    return seen;
  };
  return [...sources.keys()].filter((path) => reaches(path).has(path));
}

/** The last line of a task, the one place for arguments and the exit. */
const END =
  /if \(import\.meta\.main\) \{?\s*Deno\.exit\(await main\(Deno\.args, processIo\(\)\)\);?\s*\}?\s*$/;

/** Names that belong to the process, in files where they do not belong. */
function misplaced(sources: Sources): string[] {
  const edge = /Deno\.(?:stdin|stdout|stderr|addSignalListener|exit)\b/g;
  return [...sources].flatMap(([path, source]) => {
    const code = codeOf(source).replace(
      path.startsWith("tasks/") ? END : "",
      "",
    );
    return [
      .../^lib\/cli\/(process|output|prompt)\.ts$/.test(path)
        ? []
        : code.match(edge) ?? [],
      ...code.match(/Deno\.args\b/g) ?? [],
    ].map((name) => `${path} names ${name}`);
  });
}

async function readSources(folder: string): Promise<Map<string, string>> {
  const sources = new Map<string, string>();
  for await (const { name, isDirectory } of Deno.readDir(ROOT + folder)) {
    const path = `${folder}/${name}`;
    if (isDirectory && path !== "tasks/dev") {
      for (const entry of await readSources(path)) sources.set(...entry);
    } else if (/(?<!\.d)\.ts$/.test(name)) {
      sources.set(path, await Deno.readTextFile(ROOT + path));
    }
  }
  return sources;
}

const HOUSE: Sources = new Map([
  ...await readSources("lib"),
  ...await readSources("tasks"),
]);

Deno.test("every file stands on a floor of the house", () => {
  const homeless = [...HOUSE.keys()].filter((path) => floorOf(path) < 0);
  assertEquals(homeless, []);
});

Deno.test("imports run only downward, and no task but demo imports a task", () => {
  assertEquals(upward(HOUSE), []);
});

Deno.test("imports run in no circle", () => {
  assertEquals(circular(HOUSE), []);
});

Deno.test("streams, signals, arguments and the exit belong to the edge of the process", () => {
  assertEquals(misplaced(HOUSE), []);
});

const LAST =
  "if (import.meta.main) Deno.exit(await main(Deno.args, processIo()));";

Deno.test("a house with every mistake is found out", () => {
  const sources = new Map([
    ["lib/cli/a.ts", 'import { b } from "../tcp/b.ts";\nDeno.exit(1);'],
    ["lib/tcp/b.ts", 'await import("../cli/a.ts");\nDeno.args;'],
    ["lib/cli/c.ts", 'import "@std/net/get-available-port";'],
    ["lib/http/d.ts", 'import {\n  e,\n} from "./e.ts";'],
    ["lib/http/e.ts", 'export type { D } from "./d.ts";\nDeno.stdout;'],
    ["lib/api/f.ts", '/** import "../../tasks/get.ts" */\nDeno.stdoutish;'],
    ["tasks/get.ts", `import "./post.ts";\nDeno.args;\n${LAST}`],
    [
      "tasks/demo.ts",
      `import "./get.ts";\nif (import.meta.main) {\n  ${LAST.slice(22)}\n}`,
    ],
  ]);
  assertEquals(upward(sources), [
    "lib/cli/a.ts imports lib/tcp/b.ts",
    "lib/cli/c.ts imports lib/tcp/available_port.ts",
    "tasks/get.ts imports tasks/post.ts",
  ]);
  assertEquals(circular(sources), [
    "lib/cli/a.ts",
    "lib/tcp/b.ts",
    "lib/http/d.ts",
    "lib/http/e.ts",
  ]);
  assertEquals(misplaced(sources), [
    "lib/cli/a.ts names Deno.exit",
    "lib/tcp/b.ts names Deno.args",
    "lib/http/e.ts names Deno.stdout",
    "tasks/get.ts names Deno.args",
  ]);
});
