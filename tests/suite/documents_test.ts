import { assert, assertEquals, assertMatch, assertRejects } from "@std/assert";
import { dirname } from "node:path/posix";
import ci from "../../.ci/package.json" with { type: "json" };
import config from "../../deno.json" with { type: "json" };
import { main as api, openStore } from "../../tasks/api.ts";
import { main as server } from "../../tasks/server.ts";
import {
  type Child,
  flagsOf,
  hasCommand,
  readPages,
  readSources,
  ROOT,
  spawnProgram,
  start,
  testWith,
  withFolder,
} from "../support.ts";

/** A block of commands as it stands in a page, from the line after its fence on. */
interface Block {
  readonly line: number;
  /** A console shows what the commands print; its commands begin with `$ `. */
  readonly isConsole: boolean;
  readonly lines: readonly string[];
}

/** A command line, and what the page says that it gives. */
interface Example {
  readonly text: string;
  /** What a console shows below it. */
  readonly output?: string | undefined;
}

/** Where the lines of a page are run. */
interface Setting {
  readonly folder: string;
  /** The ports that 3000 and 12345 stand for: those of servers of the test, then of what the block itself started. */
  readonly ports: { api: string; server: string };
  /** What the block has started. */
  readonly started: Child[];
}

interface Rule {
  readonly fits: RegExp;
  readonly check: (
    example: Example,
    setting: Setting,
    match: RegExpMatchArray,
  ) => Promise<void> | void;
}

const isTask = (name: string) => name in config.tasks;

/** Where the clone of the pages is. */
const HOME = "/home/ada/hark/";

/** A block of a page: its language, and what is in it. */
const FENCES = /^```(.*)\n([^]*?)^```$/gm;

/** What takes minutes, other machines or programs that nobody has: it is looked at, not run. */
const LOOKED_AT: readonly Rule[] = [
  {
    // minutes each; what is typed after their names is refused with 2 before they begin, as far as it is wrong
    fits: /^deno task (bench|compile|soak)\b(.*)/,
    check: async (_, { folder }, [, name = "", args = ""]) => {
      const script = `deno run --no-prompt tasks/${name}.ts${args}`;
      const { code, stderr } = await shell(script, folder);
      assert(code !== 2, stderr);
    },
  },
  {
    fits: /^deno task (test|test:coverage|test:peers|examples|bundle|pack)$/,
    check: (_, __, [, name = ""]) => assert(isTask(name), name),
  },
  {
    // what continuous integration does, too
    fits: /^(deno fmt --check|deno lint|deno check --doc)$/,
    check: async ({ text }) =>
      assert((await Deno.readTextFile(`${ROOT}.ci/run`)).includes(text)),
  },
  {
    fits: /^deno (?:test|run) -A (?:.* )?((?:tests|docs)\/\S+\.ts)$/,
    check: async (_, __, [, file = ""]) => void await Deno.stat(ROOT + file),
  },
  {
    fits: /^deno test -A --config (\S+) --no-lock$/,
    check: async (_, __, [, file = ""]) => void await Deno.stat(ROOT + file),
  },
  {
    // where pack puts it
    fits: /^npm install -g \.\/(dist\/hark-\d+\.\d+\.\d+\.tgz)$/,
    check: (_, __, [, file]) =>
      assertEquals(file, `dist/hark-${config.version}.tgz`),
  },
  {
    // the runtime of binaries is downloaded; the same permissions are tried in a script
    fits: /^deno compile (.*) -o (\w+) tasks\/\2\.ts$/,
    check: async (_, { folder }, [, flags = "", name = ""]) => {
      const script = `deno run ${flags} tasks/${name}.ts --version`;
      assertEquals((await shell(script, folder)).code, 0);
    },
  },
  {
    fits: /^\.\/get (https:\S+)$/,
    check: ({ output = "" }, _, [, url = ""]) =>
      assertMatch(output, RegExp(`^get: Cannot get ${url}: this binary was `)),
  },
];

/** A line that starts a server, which goes on until its block ends. */
const SERVERS =
  /^(?:deno task (?:-q )?|deno run [^|]*tasks\/|hark )(server|api)(?:\.ts)?\b/;

const RULES: readonly Rule[] = [
  ...LOOKED_AT,
  { fits: SERVERS, check: startLine },
  {
    // other machines are not asked: the request is shown instead
    fits: /\bexample\.com\b(?!.*< \/dev\/null)/,
    check: ({ text }, setting) =>
      runLine({ text: `${text} --offline` }, setting),
  },
  {
    fits: /^(?:curl|sqlite3) /,
    check: ({ text }, setting) => {
      const [program = ""] = text.split(" ");
      return hasCommand(program) ? runLine({ text }, setting) : undefined;
    },
  },
  {
    fits: /^(?:deno(?: task| run| install| uninstall)?|hark|echo|printf|rm)\b/,
    check: runLine,
  },
];

/** The blocks of a page that are typed into a shell. */
function blocksOf(text: string): Block[] {
  const blocks: Block[] = [];
  for (const match of text.matchAll(FENCES)) {
    const [, language, body = ""] = match;
    if (language !== "sh" && language !== "console") continue;
    const line = text.slice(0, match.index).split("\n").length + 1;
    const lines = body.trimEnd().replaceAll("\\\n", "").split("\n");
    blocks.push({ line, isConsole: language === "console", lines });
  }
  return blocks;
}

/** The command lines of a block, without comments. */
function examplesOf({ isConsole, lines }: Block): Example[] {
  if (!isConsole) {
    return lines.map((line) => ({ text: line.replace(/(^|\s+)#.*/, "") }))
      .filter(({ text }) => text !== "");
  }
  return lines.join("\n").split(/^\$ /m).slice(1).map((part) => {
    const [text = "", ...output] = part.trimEnd().split("\n");
    return { text, output: output.map((line) => `${line}\n`).join("") };
  });
}

/** The files that a page shows: blocks whose first line is their name. */
function filesOf(text: string): [name: string, content: string][] {
  return [...text.matchAll(/^```ts.*\n(\/\/ (\w+\.ts)\n[^]*?)^```$/gm)]
    .map(([, content = "", name = ""]) => [name, content]);
}

/** A line as it is run here: on other ports, by this Deno, from this clone. */
function hereOf(text: string, { ports }: Setting): string {
  const quoted = (task: string) =>
    flagsOf(task).map((flag) => `'${flag.replaceAll("'", "")}'`).join(" ");
  return text
    .replace(/^npx -y deno@(\S+)/, (_, version) => {
      assertEquals(version, ci.dependencies.deno);
      return "deno";
    })
    .replace(
      /^(?:npx \.\/dist\/hark-[\d.]+\.tgz|hark) (\w+)((?: --allow\S+)*)/,
      (_, name, flags) => `deno run ${quoted(name)}${flags} tasks/${name}.ts`,
    )
    .replace(/jsr:(@\w+\/\w+)\/(\w+)/, (_, name, path) => {
      assertEquals(name, config.name);
      assert(`./${path}` in config.exports, path);
      return `tasks/${path}.ts`;
    })
    .replace(/\bdist\/js\/(\w+)\.js/, "tasks/$1.ts")
    .replace(/^(deno task (?:-q )?client)$/, "$1 :12345")
    .replace(/^(deno task (?:-q )?posts)$/, "$1 --url :3000")
    .replace("https://jsonplaceholder.typicode.com", "http://localhost:3000")
    .replaceAll(/\b3000\b/g, ports.api)
    .replaceAll(/\b12345\b/g, ports.server);
}

/** Runs a line in a shell in which `deno` is this one. */
function shell(line: string, folder: string): Child["result"] {
  return spawn(`${line}`, folder).result;
}

function spawn(line: string, folder: string): Child {
  const bin = Deno.execPath().replace(/\/[^/]+$/, "");
  const PATH = `${bin}:${Deno.env.get("PATH")}`;
  const env = { PATH, DENO_INSTALL_ROOT: `${folder}/installed` };
  return spawnProgram("bash", ["-c", line], { cwd: folder, env });
}

/** Runs a line to its end; a console shows all that it prints. */
async function runLine(
  { text, output }: Example,
  setting: Setting,
): Promise<void> {
  const line = hereOf(text, setting);
  const { code, stdout, stderr } = await shell(
    output === undefined ? line : `{ ${line}; } 2>&1`,
    setting.folder,
  );
  if (output === undefined) assertEquals(code, 0, `${line}\n${stderr}`);
  else assertEquals(stdout, output.replaceAll(HOME, `${setting.folder}/`));
}

/** Starts a server, and has the lines after it ask it. */
async function startLine(
  { text }: Example,
  setting: Setting,
  [, name]: RegExpMatchArray,
): Promise<void> {
  const isOnPort = !/--(?:port|unix) /.test(text);
  const line = hereOf(text + (isOnPort ? " --port 0" : ""), setting);
  const child = spawn(`exec ${line}`, setting.folder);
  setting.started.push(child);
  const ended = child.result.then(({ stderr }) => {
    throw new Error(`Cannot start "${line}": ${stderr}`);
  });
  const place = /(?:127\.0\.0\.1:(\d+)|unix:\S+)/;
  const log = await Promise.race([child.stdout.waitFor(place), ended]);
  const [, port] = log.match(place) ?? [];
  if (port !== undefined) {
    setting.ports[name === "api" ? "api" : "server"] = port;
  }
  ended.catch(() => {});
}

/** Runs the lines of a block, one after the other, and ends what they have started with Ctrl-C. */
async function runBlock(block: Block, setting: Setting): Promise<void> {
  try {
    for (const example of examplesOf(block)) {
      const { text } = example;
      const rule = RULES.find(({ fits }) => fits.test(plain(text)));
      assert(rule !== undefined, `no rule of this test covers: ${text}`);
      const match = plain(text).match(rule.fits);
      if (match) await rule.check(example, setting, match);
    }
  } finally {
    for (const child of setting.started) child.kill("SIGINT");
    const ends = await Promise.all(setting.started.map((it) => it.result));
    for (const { code, stderr } of ends) assertEquals(code, 0, stderr);
  }
}

/** A line as rules see it: what npm's programs start is started by Deno. */
const plain = (text: string) =>
  text.replace(/^npx -y deno@\S+/, "deno")
    .replace(/^npx \.\/dist\/hark-[\d.]+\.tgz/, "hark");

/** Makes a clone of what a user has. */
async function withClone(
  use: (folder: string) => Promise<void>,
): Promise<void> {
  await withFolder(async (folder) => {
    for (const name of ["deno.json", "deno.lock"]) {
      await Deno.copyFile(ROOT + name, `${folder}/${name}`);
    }
    for (const [path, source] of await readSources(["lib", "tasks"])) {
      await Deno.mkdir(dirname(`${folder}/${path}`), { recursive: true });
      await Deno.writeTextFile(`${folder}/${path}`, source);
    }
    await Deno.symlink(folder, `${folder}/hark`);
    await use(folder);
  });
}

/** Starts api and server in process, on free ports. */
async function withServers(
  use: (ports: Setting["ports"]) => Promise<void>,
): Promise<void> {
  const all = [
    start(api, ["--memory", "--port", "0"]),
    start(server, ["--port", "0"]),
  ];
  try {
    const ports = await Promise.all(all.map(async ({ stdout }) => {
      const place = /127\.0\.0\.1:(\d+)/;
      return (await stdout.waitFor(place)).match(place)?.[1] ?? "";
    }));
    await use({ api: ports[0] ?? "", server: ports[1] ?? "" });
  } finally {
    for (const { interrupt } of all) interrupt();
    for (const { result } of all) assertEquals((await result).code, 0);
  }
}

const PAGES = await readPages();

Deno.test("a command line that no rule covers fails", async () => {
  const block = { line: 1, isConsole: false, lines: ["make install"] };
  const setting = {
    folder: ROOT,
    ports: { api: "1", server: "1" },
    started: [],
  };
  await assertRejects(
    () => runBlock(block, setting),
    Error,
    "no rule of this test covers: make install",
  );
});

Deno.test("a page shows command lines in blocks for a shell alone", () => {
  for (const [page, text] of PAGES) {
    for (const [, language = "", body = ""] of text.matchAll(FENCES)) {
      assert(
        /^(sh|console|sql|json|ts( ignore)?|)$/.test(language),
        `${page}: ${language}`,
      );
      if (/^(sh|console)$/.test(language)) continue;
      assert(!/^(\$ |deno |npx |hark )/m.test(body), `${page}: ${body}`);
    }
  }
});

Deno.test("a page names no task that is not in deno.json", () => {
  for (const [page, text] of PAGES) {
    for (const [, name = ""] of text.matchAll(/deno task (?:-q )?([a-z:]+)/g)) {
      assert(isTask(name), `${page}: deno task ${name}`);
    }
  }
});

/** What the programs of all lines are given by a shell, line by line. */
async function wordsIn(shell: string, folder: string): Promise<string> {
  const lines = [...PAGES.values()].flatMap(blocksOf).flatMap(examplesOf)
    .map(({ text }) => text);
  const stubs = [...PROGRAMS].map((name) =>
    shell === "fish"
      ? `function ${name}; printf '<%s>' $argv; echo; end`
      : `${name}() { printf '<%s>' "$@"; echo; }`
  );
  const script = [...stubs, ...lines].join("\n");
  await Deno.writeTextFile(`${folder}/script`, script);
  const { result } = spawnProgram(shell, ["script"], {
    cwd: folder,
    env: { HOME: folder },
  });
  return (await result).stdout;
}

const PROGRAMS = "bash curl deno hark less npm npx sqlite3".split(" ");

testWith(
  ["bash", "zsh", "fish"],
  "each command line means the same in bash, zsh and fish",
  () =>
    withFolder(async (folder) => {
      const inBash = await wordsIn("bash", folder);
      assert(inBash.split("\n").length > 100);
      assertEquals(await wordsIn("zsh", folder), inBash);
      assertEquals(await wordsIn("fish", folder), inBash);
    }),
);

for (const [page, text] of PAGES) {
  const blocks = blocksOf(text);
  if (blocks.length === 0) continue;

  testWith(
    "bash",
    `each command line of ${page} runs as it stands`,
    () =>
      withClone((folder) =>
        withServers(async (ports) => {
          openStore(`${folder}/hark.db`, undefined)[Symbol.dispose]();
          for (const [name, content] of filesOf(text)) {
            const { api, server } = ports;
            const here = content.replaceAll("3000", api).replaceAll(
              "12345",
              server,
            );
            await Deno.writeTextFile(`${folder}/${name}`, here);
          }
          for (const block of blocks) {
            const setting = { folder, ports: { ...ports }, started: [] };
            await runBlock(block, setting).catch((error) => {
              throw new Error(`${page}:${block.line}: ${error.message}`);
            });
          }
        })
      ),
  );
}
