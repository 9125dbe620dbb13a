import { assertEquals } from "@std/assert";
import { relative, resolve } from "node:path/posix";
import config from "../../deno.json" with { type: "json" };
import { ROOT } from "../support.ts";

/** Source texts by their paths from the root. */
type Sources = ReadonlyMap<string, string>;

/** What each room may import besides itself; a path that ends with a slash is a room, any other a file. */
const MAY: readonly (readonly [room: string, ...others: string[]])[] = [
  ["lib/cli/"],
  ["lib/net/", "lib/cli/"],
  ["lib/http/", "lib/cli/", "lib/net/"],
  ["tasks/server/", "lib/"],
  ["tasks/client/", "lib/"],
  ["tasks/get/", "lib/"],
  ["tasks/api/", "lib/", "tasks/get/url.ts"],
  // the operands of `posts create` are those of post, and --offline is a store in memory
  [
    "tasks/posts/",
    "lib/",
    "tasks/api/store/",
    "tasks/get/items.ts",
    "tasks/get/request.ts",
    "tasks/get/url.ts",
  ],
  ["tasks/server.ts", "lib/", "tasks/server/"],
  ["tasks/client.ts", "lib/", "tasks/client/"],
  ["tasks/get.ts", "lib/", "tasks/get/"],
  ["tasks/post.ts", "lib/", "tasks/get/"],
  ["tasks/posts.ts", "lib/", "tasks/posts/"],
  ["tasks/api.ts", "lib/", "tasks/api/"],
  ["tasks/demo.ts", "lib/", "tasks/"],
];

/** What ships and judges the suite stands outside of it. */
const OUTSIDE = /^tasks\/(bench|soak|compile)(\/|\.ts$)/;

/** A source without its doc comments: examples may import and name what they like. */
const codeOf = (source: string) => source.replace(/\/\*\*[^]*?\*\//g, "");

/** The files of the house that a file imports, for types too. */
function importsOf(path: string, source: string): string[] {
  const imports = new Map<string, string>(Object.entries(config.imports));
  return [...codeOf(source).matchAll(/(?:from|import)[\s(]*"([^"]+)"/g)]
    .flatMap(([, name = ""]) => {
      const mapped = imports.get(name);
      if (mapped?.startsWith("./")) return [mapped.slice(2)];
      if (!name.startsWith(".")) return [];
      return [relative("/", resolve(`/${path}`, "..", name))];
    })
    .filter((target) => /^(lib|tasks)\//.test(target));
}

const isIn = (path: string, place: string) =>
  place.endsWith("/") ? path.startsWith(place) : path === place;

function crossing(sources: Sources): string[] {
  return [...sources].flatMap(([path, source]) => {
    const may = MAY.find(([room]) => isIn(path, room));
    return may === undefined
      ? [`${path} is in no room`]
      : importsOf(path, source)
        .filter((target) => !may.some((place) => isIn(target, place)))
        .map((target) => `${path} imports ${target}`);
  });
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
    if (OUTSIDE.test(isDirectory ? `${path}/` : path)) continue;
    if (isDirectory) {
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

Deno.test("every file is in a room, and imports only what that room may", () => {
  assertEquals(crossing(HOUSE), []);
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
    ["lib/cli/a.ts", 'import { b } from "../net/b.ts";\nDeno.exit(1);'],
    ["lib/net/b.ts", 'await import("../cli/a.ts");\nDeno.args;'],
    ["lib/cli/c.ts", 'import "@std/net/get-available-port";'],
    ["lib/http/d.ts", 'import {\n  e,\n} from "./e.ts";'],
    ["lib/http/e.ts", 'export type { D } from "./d.ts";\nDeno.stdout;'],
    ["lib/http/f.ts", '/** import "../../tasks/get.ts" */\nDeno.stdoutish;'],
    ["lib/g.ts", ""],
    ["tasks/api/h.ts", 'import "../get/url.ts";\nimport "../get/items.ts";'],
    ["tasks/get.ts", `import "./post.ts";\nDeno.args;\n${LAST}`],
    [
      "tasks/demo.ts",
      `import "./get.ts";\nif (import.meta.main) {\n  ${LAST.slice(22)}\n}`,
    ],
  ]);
  assertEquals(crossing(sources), [
    "lib/cli/a.ts imports lib/net/b.ts",
    "lib/cli/c.ts imports lib/net/available_port.ts",
    "lib/g.ts is in no room",
    "tasks/api/h.ts imports tasks/get/items.ts",
    "tasks/get.ts imports tasks/post.ts",
  ]);
  assertEquals(circular(sources), [
    "lib/cli/a.ts",
    "lib/net/b.ts",
    "lib/http/d.ts",
    "lib/http/e.ts",
  ]);
  assertEquals(misplaced(sources), [
    "lib/cli/a.ts names Deno.exit",
    "lib/net/b.ts names Deno.args",
    "lib/http/e.ts names Deno.stdout",
    "tasks/get.ts names Deno.args",
  ]);
});
