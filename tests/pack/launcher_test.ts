import { assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { dirname } from "node:path";
import { describeCommands, MANIFEST } from "../../tasks/pack.ts";
import {
  type Child,
  encode,
  hasCommand,
  ROOT,
  type SpawnOptions,
  spawnProgram,
} from "../support.ts";

const isHere = Deno.build.os === "linux" && hasCommand("node") &&
  hasCommand("python3");

/** A test that starts the launcher; where it cannot be it is skipped, and its name says why. */
function testLauncher(name: string, fn: () => Promise<void>): void {
  const reason = isHere ? "" : " (skipped: no Linux, node or python3)";
  Deno.test({ name: name + reason, ignore: !isHere, fn });
}

/** A command that prints what reaches it, and does what its first argument says. */
const PROBE = `
const [what, ...rest] = Deno.args;
const state = (name, of) => Deno.permissions.querySync({ name, ...of }).state;
if (what === "exit") Deno.exit(Number(rest[0]));
if (what === "stdin") {
  await Deno.stdin.readable.pipeTo(Deno.stdout.writable);
  Deno.exit(0);
}
if (what === "wait") {
  let count = 0;
  for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"]) {
    Deno.addSignalListener(signal, () => {
      console.log(signal);
      if (signal === "SIGTERM") Deno.exit(143);
      if (++count === 2) Deno.exit(130);
    });
  }
  console.log("ready");
  setInterval(() => {}, 1000);
} else if (what === "die") {
  console.log("ready");
  setInterval(() => {}, 1000);
} else {
  console.log(JSON.stringify({
    args: Deno.args,
    isMain: import.meta.main,
    as: new URL(Deno.mainModule).searchParams.getAll("as"),
    noColor: Deno.noColor,
    net: ["localhost", "127.0.0.1:1", "jsonplaceholder.typicode.com", "a.example"]
      .filter((host) => state("net", { host }) === "granted"),
    read: ["hark.db", "x"].filter((path) => state("read", { path }) === "granted"),
    write: ["hark.db", "x"].filter((path) => state("write", { path }) === "granted"),
    env: state("env"),
    size: Deno.stdout.isTerminal() ? Deno.consoleSize() : null,
  }));
}
`;

/** The package as npm lays it out in a folder: commands that print what reaches them, and Deno beside them. */
async function layOut(folder: string): Promise<string> {
  const modules = `${folder}/node_modules`;
  const own = `${modules}/hark`;
  const arch = Deno.build.arch === "x86_64" ? "x64" : "arm64";
  const program = `${modules}/@deno/linux-${arch}-glibc`;
  for (const path of [`${own}/js`, `${modules}/.bin`, `${modules}/deno`]) {
    await Deno.mkdir(path, { recursive: true });
  }
  await Deno.mkdir(program, { recursive: true });
  for (const place of [`${modules}/deno`, program]) {
    await Deno.writeTextFile(`${place}/package.json`, "{}");
  }
  await Deno.symlink(Deno.execPath(), `${program}/deno`);
  await Deno.writeTextFile(`${own}/package.json`, JSON.stringify(MANIFEST));
  const { grants, help } = describeCommands();
  const commands = JSON.stringify({ grants, help });
  await Deno.writeTextFile(`${own}/commands.json`, commands);
  await Deno.copyFile(`${ROOT}tasks/pack/hark.mjs`, `${own}/hark.mjs`);
  await Deno.chmod(`${own}/hark.mjs`, 0o755);
  await Deno.symlink("../hark/hark.mjs", `${modules}/.bin/hark`);
  for (const name of Object.keys(grants)) {
    await Deno.writeTextFile(`${own}/js/${name}.js`, PROBE);
  }
  return `${modules}/.bin/hark`;
}

const scratch = await Deno.realPath(
  await Deno.makeTempDir({ prefix: "hark pack " }),
);
addEventListener("unload", () => Deno.removeSync(scratch, { recursive: true }));
const project = `${scratch}/my project`;
const hark = await layOut(project);

/** Starts the launcher in the folder of its project, where nothing else is said. */
function start(
  args: readonly string[],
  { program = hark, ...options }: SpawnOptions & { program?: string } = {},
): Child {
  // the coverage of what goes when the test ends is nobody's
  const env = { DENO_COVERAGE_DIR: `${scratch}/coverage`, ...options.env };
  return spawnProgram(program, args, { cwd: project, ...options, env });
}

/** What a command got that the launcher started. */
async function probe(
  args: readonly string[],
  options: Parameters<typeof start>[1] = {},
) {
  const { code, stdout, stderr } = await start(args, options).result;
  assertEquals([code, stderr], [0, ""]);
  return JSON.parse(stdout);
}

const LOCAL = ["localhost", "127.0.0.1:1"];
const TUTORIAL = "jsonplaceholder.typicode.com";

/** What was given, after the command, and what it may reach, read and write then. */
const GRANTS: [string[], string[], string[], string[]][] = [
  [["server"], LOCAL, [], []],
  [["get"], [...LOCAL, TUTORIAL], [], []],
  [["api"], LOCAL, ["hark.db"], ["hark.db"]],
  [["client", "--allow-net=a.example"], [...LOCAL, "a.example"], [], []],
  [
    ["client", "--allow-net=a.example:1", "-N=a.example"],
    [...LOCAL, "a.example"],
    [],
    [],
  ],
  // without a list it stands for all, also beside one
  [["client", "--allow-net"], [...LOCAL, TUTORIAL, "a.example"], [], []],
  [["client", "-N", "-R=x"], [...LOCAL, TUTORIAL, "a.example"], ["x"], []],
  [
    ["client", "--allow-net=x", "--allow-net"],
    [...LOCAL, TUTORIAL, "a.example"],
    [],
    [],
  ],
  [["api", "--allow-read=x", "-W"], LOCAL, ["hark.db", "x"], ["hark.db", "x"]],
  [["client", "--deny-net=127.0.0.1"], ["localhost"], [], []],
  [
    ["api", "-A"],
    [...LOCAL, TUTORIAL, "a.example"],
    ["hark.db", "x"],
    ["hark.db", "x"],
  ],
  [
    ["client", "--allow-net=x", "--allow-all", "--no-prompt", "--deny-read"],
    [...LOCAL, TUTORIAL, "a.example"],
    [],
    ["hark.db", "x"],
  ],
];

for (const [args, net, read, write] of GRANTS) {
  testLauncher(
    `hark ${args.join(" ")} has the command's permissions and those`,
    async () => {
      const got = await probe(args);
      assertEquals([got.args, got.net, got.read, got.write], [
        [],
        net,
        read,
        write,
      ]);
      const isAll = args.some((arg) => arg === "-A" || arg === "--allow-all");
      assertEquals(got.env, isAll ? "granted" : "prompt");
    },
  );
}

testLauncher(
  "hark takes permissions before the first argument alone, and passes the rest as it is",
  async () => {
    const args = ["a b", "--allow-net", "-A", "", "--", "$HOME", "'\"*", "\\"];
    const got = await probe(["client", ...args]);
    assertEquals([got.args, got.net, got.isMain], [args, LOCAL, true]);
    // these are options of commands, and no permissions
    for (const own of ["--allow", "--allow-host=x", "--deny", "-O", "-NR"]) {
      assertEquals((await probe(["api", own, "-A"])).args, [own, "-A"]);
    }
  },
);

testLauncher(
  "hark keeps away from the configuration and packages of the folder it is called in",
  async () => {
    const folder = `${scratch}/other`;
    await Deno.mkdir(folder);
    await Deno.writeTextFile(`${folder}/deno.json`, "{ not json");
    await Deno.writeTextFile(`${folder}/package.json`, "{ not json");
    assertEquals((await probe(["client"], { cwd: folder })).isMain, true);
  },
);

/** A folder, what PATH begins with, and the words by which the launcher is called there. */
const CALLS: [string, string | undefined, string[]][] = [
  [project, undefined, ["npx", "hark"]],
  [`${project}/node_modules`, undefined, ["npx", "hark"]],
  [scratch, undefined, ["./my project/node_modules/.bin/hark"]],
  [dirname(scratch), `${project}/node_modules/.bin`, [
    `./${scratch.split("/").at(-1)}/my project/node_modules/.bin/hark`,
  ]],
  [scratch, `${scratch}/bin`, ["hark"]],
];

for (const [cwd, first, as] of CALLS) {
  const where = cwd.replace(scratch, "");
  testLauncher(`hark is called ${as.join(" ")} in "${where}"`, async () => {
    await Deno.mkdir(`${scratch}/bin`, { recursive: true });
    await Deno.remove(`${scratch}/bin/hark`).catch(() => {});
    await Deno.symlink(hark, `${scratch}/bin/hark`);
    const path = [...first === undefined ? [] : [first], Deno.env.get("PATH")];
    const env = { PATH: path.join(":") };
    assertEquals((await probe(["get"], { cwd, env })).as, as);
  });
}

/** What npx was asked for, as it notes it; the folder of the user, and the words that ask for it from there. */
const FETCHED: [string, string, string, string[]][] = [
  ["hark@0.2.0", "^0.2.0", scratch, ["npx", "hark@0.2.0"]],
  ["./hark.tgz", "file:../../t/hark.tgz", `${scratch}/t`, [
    "npx",
    "./hark.tgz",
  ]],
  ["./hark.tgz", "file:../../t/hark.tgz", scratch, ["npx", "./t/hark.tgz"]],
  // npx takes a path from the root for a program
  ["../hark.tgz", "file:../../t/hark.tgz", `${project}`, [
    "npx",
    `file:${scratch}/t/hark.tgz`,
  ]],
];

for (const [asked, dependency, cwd, as] of FETCHED) {
  testLauncher(
    `hark that npx fetched as ${asked} is called ${
      as.join(" ").replace(scratch, "")
    }`,
    async () => {
      const folder = `${scratch}/_npx/${crypto.randomUUID()}`;
      await Deno.mkdir(`${scratch}/t`, { recursive: true });
      const program = await layOut(folder);
      const note = {
        dependencies: { hark: dependency },
        _npx: { packages: [asked] },
      };
      await Deno.writeTextFile(`${folder}/package.json`, JSON.stringify(note));
      assertEquals((await probe(["get"], { program, cwd })).as, as);
    },
  );
}

testLauncher(
  "hark exits with the code of its command, and passes stdin on",
  async () => {
    for (const code of [0, 1, 2, 60]) {
      const result = await start(["get", "exit", `${code}`]).result;
      assertEquals([result.code, result.stderr], [code, ""]);
    }
    const text = "h\u00e9llo\n".repeat(20_000);
    const { stdout } = await start(["post", "stdin"], {
      stdin: [encode(text)],
    }).result;
    assertEquals(stdout, text);
  },
);

testLauncher(
  "signals reach the command, and hark ends when it does, with its code",
  async () => {
    for (
      const [signals, code] of [
        [["SIGTERM"], 143],
        [["SIGINT", "SIGINT"], 130],
        [["SIGHUP", "SIGTERM"], 143],
      ] satisfies [Deno.Signal[], number][]
    ) {
      const child = start(["server", "wait"]);
      await child.stdout.waitFor("ready");
      for (const [at, signal] of signals.entries()) {
        child.kill(signal);
        const count = signals.slice(0, at + 1).filter((one) => one === signal);
        await child.stdout.waitFor(`${signal}\n`.repeat(count.length));
      }
      // the output ends when the last process that has it ends
      assertEquals((await child.result).code, code);
    }
  },
);

testLauncher(
  "a command that a signal ends makes the code that a shell gives",
  async () => {
    for (
      const [signal, code] of [["SIGTERM", 143], ["SIGINT", 130], [
        "SIGHUP",
        129,
      ], ["SIGQUIT", 131]] satisfies [Deno.Signal, number][]
    ) {
      const child = start(["server", "die"]);
      await child.stdout.waitFor("ready");
      child.kill(signal);
      assertEquals((await child.result).code, code, signal);
    }
  },
);

testLauncher(
  "a command of npx ends when npx is ended, which tells its shell alone",
  async () => {
    const child = start(["-c", '"$0" server die; true', hark], {
      program: "sh",
      env: { "npm_command": "exec" },
    });
    await child.stdout.waitFor("ready");
    child.kill("SIGTERM");
    // the output ends when the last process that has it ends
    assertEquals((await child.result).code, 143);
  },
);

testLauncher("a terminal and its size reach the command", async () => {
  const program = `import fcntl, os, pty, struct, sys, termios
pid, fd = pty.fork()
if pid == 0: os.execv(sys.argv[1], sys.argv[1:])
fcntl.ioctl(fd, termios.TIOCSWINSZ, struct.pack("HHHH", 33, 77, 0, 0))
try:
  while chunk := os.read(fd, 4096): os.write(1, chunk)
except OSError: pass
sys.exit(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]))`;
  const { code, stdout } = await start(["-c", program, hark, "get"], {
    program: "python3",
  }).result;
  assertEquals(code, 0, stdout);
  assertStringIncludes(stdout, '"size":{"columns":77,"rows":33}');
});

testLauncher(
  "a terminal that shows no colour is no terminal for colours",
  async () => {
    const of = async (TERM: string) =>
      (await probe(["get"], { env: { TERM, NO_COLOR: "" } })).noColor;
    assertEquals([await of("dumb"), await of("xterm")], [true, false]);
  },
);

const HELP = `Network commands for the terminal, run by Deno.

Usage: npx hark COMMAND [PERMISSIONS] [ARGUMENTS]

  server  Serve clients over TCP, UDP or WebSocket
  client  Connect to a TCP, UDP or WebSocket server
  get     Get a URL: status on stderr, body on stdout
  post    Post JSON to a URL, print the answer
  posts   List an API's posts
  api     Serve a JSONPlaceholder that keeps its data

The options of one: npx hark get --help
Permissions come first: npx hark get --allow-net=example.com https://example.com/
`;

const unknown = (name: string, near?: string) =>
  `hark: Unknown command "${name}"\nhint: ${
    near ? `did you mean ${near}? ` : ""
  }see npx hark --help\n`;

const LINES: [string[], number, string, string][] = [
  [[], 0, HELP, ""],
  [["--help"], 0, HELP, ""],
  [["-h"], 0, HELP, ""],
  [["help"], 0, HELP, ""],
  [["gte"], 2, "", unknown("gte", "get")],
  [["gett", ":1"], 2, "", unknown("gett", "get")],
  [["sever"], 2, "", unknown("sever", "server")],
  [["SERVER"], 2, "", unknown("SERVER", "server")],
  [["help", "gte"], 2, "", unknown("gte", "get")],
  [
    [":3000/posts"],
    2,
    "",
    'hark: Unknown command ":3000/posts"\nhint: for a URL: npx hark get URL; see npx hark --help\n',
  ],
  [
    ["--allow-net=a.example", "get"],
    2,
    "",
    "hark: Permissions come after the command\nhint: as npx hark get --allow-net=example.com https://example.com/\n",
  ],
  [["toString"], 2, "", unknown("toString")],
  [["x".repeat(5000)], 2, "", unknown("x".repeat(5000))],
  [["get\x1b[31m"], 2, "", unknown("get\\u001b[31m")],
  [
    ["--get"],
    2,
    "",
    'hark: Unknown option "--get"\nhint: see npx hark --help\n',
  ],
];

for (const [args, code, stdout, stderr] of LINES) {
  testLauncher(
    `hark ${args.join(" ").slice(0, 20)} ends with ${code}`,
    async () => {
      const result = await start(args).result;
      assertEquals([result.code, result.stdout, result.stderr], [
        code,
        stdout,
        stderr,
      ]);
    },
  );
}

testLauncher("hark --version is that of its commands", async () => {
  assertEquals((await probe(["--version"])).args, ["--version"]);
  assertEquals((await probe(["-V"])).args, ["--version"]);
});

testLauncher("hark help NAME is the help of that command", async () => {
  assertEquals((await probe(["help", "posts"])).args, ["--help"]);
});

testLauncher(
  "hark ends without a crash when its terminal is closed",
  async () => {
    const program = `import os, pty, sys
pid, fd = pty.fork()
if pid == 0: os.execv(sys.argv[1], sys.argv[1:])
while b"ready" not in os.read(fd, 4096): pass
os.close(fd)
print(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]))`;
    const { stdout } = await start(["-c", program, hark, "server", "die"], {
      program: "python3",
    }).result;
    assertEquals(stdout, "-1\n");
  },
);

testLauncher("hark says in a line that there is no Deno", async () => {
  const folder = `${scratch}/bare`;
  const program = await layOut(folder);
  await Deno.remove(`${folder}/node_modules/deno`, { recursive: true });
  const { code, stdout, stderr } = await start(["get"], { program }).result;
  assertEquals([code, stdout], [1, ""]);
  assertMatch(
    stderr,
    /^hark: Cannot start Deno: Cannot find module 'deno\/package.json'\nhint: install the package once more: npm install -g \.\/hark-\d+\.\d+\.\d+\.tgz\n$/,
  );
});

testLauncher(
  "hark takes npm's own script where the program of Deno is not where npm puts it",
  async () => {
    const folder = `${scratch}/script`;
    const program = await layOut(folder);
    const modules = `${folder}/node_modules`;
    await Deno.remove(`${modules}/@deno`, { recursive: true });
    const script = `console.log(process.argv.slice(2, 5).join(" "))`;
    await Deno.writeTextFile(`${modules}/deno/bin.cjs`, script);
    const { code, stdout } = await start(["get"], { program }).result;
    assertEquals([code, stdout], [0, "run --no-config --no-lock\n"]);
  },
);
