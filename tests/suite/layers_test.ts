import { assert, assertEquals } from "@std/assert";
import { basename, dirname, relative, resolve } from "node:path/posix";
import config from "../../deno.json" with { type: "json" };
import { readSources } from "../support.ts";

/** Source texts by their paths from the root. */
type Sources = ReadonlyMap<string, string>;

/** What each room may import besides itself; a path that ends with a slash is a room, any other a file. */
const MAY: readonly (readonly [room: string, ...others: string[]])[] = [
  ["lib/cli/"],
  ["lib/net/", "lib/cli/"],
  ["lib/http/", "lib/cli/", "lib/net/"],
  // a relay to a WebSocket is a client of it, and frames and messages are the same at both ends
  ["tasks/server/", "lib/", "tasks/client/websocket/"],
  // the words for an exchange are the same, and so is the way to it
  [
    "tasks/client/",
    "lib/",
    "tasks/get/view/explain.ts",
    "tasks/get/view/way.ts",
  ],
  ["tasks/get/", "lib/"],
  // its log goes on as that of server does
  ["tasks/api/", "lib/", "tasks/get/url.ts", "tasks/server/log/log_writer.ts"],
  // the operands of `posts create` are those of post, what comes is text and a session is kept as for get, and --offline is a store in memory
  [
    "tasks/posts/",
    "lib/",
    "tasks/api/store/",
    "tasks/get/view/charset.ts",
    "tasks/get/auth/session.ts",
    "tasks/get/auth/session_file.ts",
    "tasks/get/items.ts",
    "tasks/get/redact.ts",
    "tasks/get/request.ts",
    "tasks/get/url.ts",
    "tasks/get/view/reason.ts",
  ],
  ["tasks/server.ts", "lib/", "tasks/server/"],
  ["tasks/client.ts", "lib/", "tasks/client/"],
  ["tasks/get.ts", "lib/", "tasks/get/"],
  ["tasks/post.ts", "lib/", "tasks/get/"],
  ["tasks/posts.ts", "lib/", "tasks/posts/"],
  ["tasks/api.ts", "lib/", "tasks/api/"],
  ["tasks/demo/", "lib/"],
  ["tasks/demo.ts", "lib/", "tasks/"],
];

/** What ships and judges the suite stands outside of it: it may import what it likes, helpers of the tests too. */
const OUTSIDE = /^tasks\/(bench|soak|compile|bundle|pack)(\/|\.ts$)/;

/** A command itself. */
const SCRIPT = /^tasks\/\w+\.ts$/;

/** What there may be at most. */
const MOST = {
  /** The files and folders of one folder of lib, tasks or tests. */
  entries: 13,
  /** Of lib: lines that are neither blank nor comment, and all lines. */
  libCode: 5000,
  libLines: 6500,
  /** Of lib and tasks: the part of all lines that is comment. */
  comments: 0.22,
  /** Of bench and soak, with their folders: all lines. */
  judges: 1900,
  /** Files of lib and tasks that one other alone imports; what it loads only when it is needed has its reason. */
  lonely: 20,
  /** From a script down to what imports nothing, both counted. */
  chain: 12,
};

/** The folders that hold a room for each command, which may be more. */
const HALLS = ["lib", "tasks", "tests"];

/** Names that several files of lib and tasks may have, and why. */
const SHARED: Readonly<Record<string, string>> = {
  "api.ts": "the script, and its room's own",
  "get.ts": "the script, and its room's own",
  "posts.ts": "the script, and its room's own",
  "server.ts": "the script, and its room's own",
  "client.ts":
    "the script, and its room's own; and the clients of TLS, HTTP/1.1 and an API",
  "options.ts": "how options are read, and those of each command",
  "hints.ts": "one each: what users of other tools type to get, client, server",
  "request.ts":
    "one each: of HTTP, over a socket, as get makes it, as api takes it",
  "serve.ts": "over TCP, and over HTTP",
  "events.ts": "one each: of a server, in a stream that get prints, of api",
  "json.ts": "a body that is sent, and a view of one that came",
  "response.ts": "one each: as it comes over a socket, as api gives it",
  "redact.ts": "of names, URLs and texts, and of what get prints",
  "check.ts": "of ports, and of what an API answers",
  "schema.ts": "of resources, and of OpenAPI",
};

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
      ...path === "lib/cli/process.ts" ? [] : code.match(edge) ?? [],
      ...code.match(/Deno\.args\b/g) ?? [],
    ].map((name) => `${path} names ${name}`);
  });
}

const isOwn = (path: string) =>
  /^(lib|tasks)\//.test(path) && !OUTSIDE.test(path);

/** The folders with more files and folders than they may have, as many as they have. */
function crowded(sources: Sources, most: number): string[] {
  const entries = new Map<string, Set<string>>();
  for (const path of sources.keys()) {
    for (let entry = path; entry !== "."; entry = dirname(entry)) {
      const folder = dirname(entry);
      entries.set(folder, (entries.get(folder) ?? new Set()).add(entry));
    }
  }
  return [...entries].filter(([folder, { size }]) =>
    size > most && folder !== "." && !HALLS.includes(folder)
  ).map(([folder, { size }]) => `${folder} has ${size} entries`);
}

/** How many lines are neither blank nor comment; comments have lines of their own here. */
function countCode(source: string): number {
  let isComment = false;
  return source.split("\n").map((line) => line.trim()).filter((line) => {
    const isCode = line !== "" && !isComment && !/^\/[/*]/.test(line);
    if (line.startsWith("/*")) isComment = true;
    if (line.includes("*/")) isComment = false;
    return isCode;
  }).length;
}

/** The files of rooms that one file alone imports, at its start. */
function lonely(sources: Sources): string[] {
  const importers = new Map<string, string[]>();
  for (const [path, source] of sources) {
    const atStart = importsOf(path, source.replaceAll(/import\(\s*"/g, ""));
    for (const target of new Set(importsOf(path, source))) {
      const kind = atStart.includes(target) ? "start" : "later";
      importers.set(target, [...importers.get(target) ?? [], kind]);
    }
  }
  return [...importers].filter(([path, kinds]) =>
    kinds.length === 1 && kinds[0] === "start" && !SCRIPT.test(path)
  ).map(([path]) => path);
}

/** The longest way down from a script; that of demo would be one longer, as it runs the others. */
function longestChain(sources: Sources): readonly string[] {
  const chains = new Map<string, readonly string[]>();
  const longer = (one: readonly string[], other: readonly string[]) =>
    other.length > one.length ? other : one;
  const chainFrom = (path: string): readonly string[] => {
    const known = chains.get(path);
    if (known !== undefined) return known;
    // where imports run in a circle the way ends
    chains.set(path, []);
    const rest = importsOf(path, sources.get(path) ?? "").map(chainFrom);
    const chain = [path, ...rest.reduce(longer, [])];
    chains.set(path, chain);
    return chain;
  };
  return [...sources.keys()]
    .filter((path) => SCRIPT.test(path) && path !== "tasks/demo.ts")
    .map(chainFrom).reduce(longer, []);
}

/** The names that several files have, and that no reason is given for. */
function ambiguous(sources: Sources): string[] {
  const paths = Map.groupBy(sources.keys(), (path) => basename(path));
  return [...paths].filter(([name, { length }]) =>
    length > 1 && !Object.hasOwn(SHARED, name)
  ).map(([name, all]) => `${name}: ${all.join(", ")}`);
}

const ALL: Sources = new Map(await readSources());
const OWN = new Map([...ALL].filter(([path]) => isOwn(path)));
const HOUSE = new Map([...OWN].filter(([path]) => /(?<!\.d)\.ts$/.test(path)));
const LIB = new Map([...OWN].filter(([path]) => path.startsWith("lib/")));

Deno.test("every file is in a room, and imports only what that room may", () => {
  assertEquals(crossing(HOUSE), []);
});

Deno.test("imports run in no circle", () => {
  assertEquals(circular(HOUSE), []);
});

Deno.test("streams, signals, arguments and the exit belong to the edge of the process", () => {
  assertEquals(misplaced(HOUSE), []);
});

Deno.test("no folder is crowded", () => {
  assertEquals(crowded(ALL, MOST.entries), []);
});

const linesOf = (sources: Sources) =>
  [...sources.values()].join("").split("\n").length - 1;
const codeLinesOf = (sources: Sources) =>
  [...sources.values()].map(countCode).reduce((sum, count) => sum + count);

Deno.test("lib is small", () => {
  const [code, lines] = [codeLinesOf(LIB), linesOf(LIB)];
  assert(code <= MOST.libCode, `${code} lines of code`);
  assert(lines <= MOST.libLines, `${lines} lines`);
});

Deno.test("comments are a small part of lib and tasks", () => {
  const blank = [...HOUSE.values()].join("").match(/^\s*?\n/gm)?.length ?? 0;
  const lines = linesOf(HOUSE);
  const share = (lines - blank - codeLinesOf(HOUSE)) / lines;
  assert(share > 0 && share <= MOST.comments, `${share}`);
});

Deno.test("bench and soak are smaller than what they judge", () => {
  const judges = /^tasks\/(bench|soak)(\/|\.ts$)/;
  const lines = linesOf(
    new Map([...ALL].filter(([path]) => judges.test(path))),
  );
  assert(lines <= MOST.judges, `${lines} lines`);
});

Deno.test("few files have one importer alone", () => {
  const paths = lonely(HOUSE);
  assert(paths.length <= MOST.lonely, `${paths.length}: ${paths.join(" ")}`);
});

Deno.test("no chain of imports is long", () => {
  const chain = longestChain(HOUSE);
  assert(chain.length <= MOST.chain, `${chain.length}: ${chain.join(" > ")}`);
});

Deno.test("no two files share a name without a reason", () => {
  assertEquals(ambiguous(OWN), []);
  for (const name of Object.keys(SHARED)) {
    const all = [...OWN.keys()].filter((path) => basename(path) === name);
    assert(all.length > 1, `${name} is the name of ${all}`);
  }
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

Deno.test("a house that is too large is found out", () => {
  const sources = new Map([
    ["lib/cli/a.ts", "/**\n * a\n */\n\na; // a\n  // a\n/* a */\n"],
    ["lib/net/b.ts", 'import type { A } from "../cli/a.ts";'],
    ["lib/net/c.ts", 'import "./b.ts";\nimport "../cli/a.ts";'],
    ["tasks/get/a.ts", 'await import("../../lib/net/c.ts");'],
    ["tasks/get/d.ts", 'import "../../lib/net/c.ts";\nimport "./a.ts";'],
    ["tasks/get/options.ts", ""],
    ["tasks/api/options.ts", ""],
    ["tasks/get.ts", 'import "./get/d.ts";'],
    ["tasks/demo.ts", 'import "./get.ts";'],
    ["tasks/bench/e.ts", ""],
    ["tasks/bench/f.ts", ""],
    ["tasks/bench/g.ts", ""],
  ]);
  assertEquals(crowded(sources, 2), [
    "tasks/get has 3 entries",
    "tasks/bench has 3 entries",
  ]);
  assertEquals([...sources.values()].map(countCode).slice(0, 3), [1, 1, 2]);
  assertEquals(lonely(sources), [
    "lib/net/b.ts",
    "tasks/get/a.ts",
    "tasks/get/d.ts",
  ]);
  sources.set("tasks/get.ts", 'await import("./get/d.ts");');
  assertEquals(lonely(sources), ["lib/net/b.ts", "tasks/get/a.ts"]);
  assertEquals(longestChain(sources), [
    "tasks/get.ts",
    "tasks/get/d.ts",
    "tasks/get/a.ts",
    "lib/net/c.ts",
    "lib/net/b.ts",
    "lib/cli/a.ts",
  ]);
  assertEquals(ambiguous(sources), ["a.ts: lib/cli/a.ts, tasks/get/a.ts"]);
});
