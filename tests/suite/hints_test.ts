import {
  assert,
  assertEquals,
  assertMatch,
  assertStringIncludes,
} from "@std/assert";
import { getAvailablePort } from "@std/net/get-available-port";
import { dirname } from "node:path";
import config from "../../deno.json" with { type: "json" };
import { ExitCode } from "../../lib/cli/errors.ts";
import { asStarted, startOf } from "../../lib/cli/start.ts";
import { quote } from "../../lib/cli/values.ts";
import { main as api } from "../../tasks/api.ts";
import { main as client } from "../../tasks/client.ts";
import type { Main } from "../../tasks/demo/memory.ts";
import { main as demo } from "../../tasks/demo.ts";
import { main as get } from "../../tasks/get.ts";
import { main as post } from "../../tasks/post.ts";
import { main as posts } from "../../tasks/posts.ts";
import { main as server } from "../../tasks/server.ts";
import {
  encode,
  listening,
  readSources,
  ROOT,
  run,
  spawnProgram,
  start,
  testWith,
  withFolder,
} from "../support.ts";

const MAINS: Readonly<Record<string, Main>> = {
  server,
  client,
  get,
  post,
  posts,
  api,
  demo,
};
const NAMES = Object.keys(MAINS);
const TASKS = Object.keys(config.tasks);

/** A string in the code, without what is a comment, or an example in a help, which is named as the commands are. */
function* literalsOf(source: string): Generator<string> {
  const code = source.replace(/^\s*(\/\*|\*|\/\/).*$/gm, "")
    .replace(/^ *examples: \[[^]*?^ {2}\],$/gm, "")
    // a long one stands in several lines
    .replace(/" \+\n\s*"/g, "");
  const literals =
    /"(?:[^"\\\n]|\\.)*"|`(?:[^`\\$]|\\.|\$\{(?:[^{}`]|`[^`]*`)*\}|\$)*`/g;
  for (const [text] of code.matchAll(literals)) {
    yield text.slice(1, -1).replaceAll("\\\\", "\\").replaceAll('\\"', '"')
      .replaceAll("\\n", "\n");
  }
}

/** What the scripts and lib may print. */
const LITERALS = (await readSources(["lib", "tasks"]))
  .filter(([path]) => !/^tasks\/(bench|soak|api\/(page|openapi))/.test(path))
  .flatMap(([path, source]) =>
    [...literalsOf(source)].map((text) => ({ path, text }))
  );

/** A command as the source names it, which nobody can type. */
const NAMED = new RegExp(String.raw`\bhark (${TASKS.join("|")})\b`);

/** What stands for a value in a template. */
const CODE = String.raw`\$\{((?:[^{}]|\{[^{}]*\})*)\}`;

/** A command line in a text, up to where the sentence goes on: with `;`, a colon, a comma, a bracket or "or". */
const LINE = new RegExp(
  String.raw`\b(?:hark|deno task(?: -q)?) (?:${TASKS.join("|")})\b` +
    String
      .raw`(?:\\.|'[^']*'|"[^"]*"|${CODE}|(?! or | {2})(?![;,:)](?:[\s"']|$))[^\n"'\`])*`,
  "g",
);

const linesOf = (text: string) => text.match(LINE) ?? [];

/** What stands for something else in a hint, and what a user may put there. */
const VALUES: readonly (readonly [placeholder: RegExp, value: string])[] = [
  // nobody's api is to be written to
  [/(?<=[\s"'])(localhost)?:(3000|12345)\b/g, "localhost:9"],
  [/\bUSER:PASSWORD@HOST:PORT\b/g, "ada:pw@localhost:9"],
  [/\bNAME:PORT:ADDRESS%ZONE\b/g, "localhost:9:fe80::1%lo"],
  [/\bhttp:\/\/NAME:PORT\//g, "http://localhost:9/"],
  [/(?<=--bind )ADDRESS\b/g, "127.0.0.1"],
  [/\b(HOST|NAME):PORT\b/g, "localhost:9"],
  [/\bhttps:\/\/HOST\/PATH\b/g, "https://localhost:9/x"],
  [/\bReferer:URL\b/g, "Referer:x"],
  [/(--proxy |^)URL\b/g, "$1http://localhost:9"],
  [/\b(FOLDER\/FILE|FILE|PATH)\b/g, "file"],
  [/\bURL\b/g, "http://localhost:9/"],
  [/\b(HOST|NAME)\b/g, "localhost"],
  [/\bPORTS?\b/g, "9"],
  [/\b(SECONDS|N|TEXT)\b/g, "1"],
  [/\bCIDR\b/g, "127.0.0.0/8"],
  [/\bSHA256\b/g, "0".repeat(64)],
  [/\bMETHOD\b/g, "PUT"],
  [/\bDATE\b/g, "now"],
  [/\bETAG\b/g, "x"],
];

/** The same of what a hint is made of, in the code. */
const PARTS: Readonly<Record<string, string>> = {
  'check ? `${check} ` : ""': "",
  'words.map(quote).join(" ")': "5 title=x",
  at: " --port 9",
  args: "file.db",
  "tls.sha256": "0".repeat(64),
  "quote(address.path)": "file",
  "operand(file)": "file",
  "operand(from)": "file",
  'port ?? "PORT"': "9",
  'pipe ? " --pipe" : ""': " --pipe",
  'OVER_TLS.test(name) ? "--tls " : ""': "--tls ",
  "quote(meant)": "unix:file",
  'isUdp ? "--udp " : ""': "--udp ",
  'isCheck ? " --check" : ""': " --check",
  "quote(address)": "localhost:9",
  pin: `--pin ${"0".repeat(64)}`,
  tls: "--tls",
  way: "--udp ",
  home: "unix:",
  "quote(path)": "file",
  options: "--check",
  services: "9",
  ports: "9",
  list: "9",
  port: "9",
  protocol: "smtp",
  socket: "file",
  method: "PUT",
  url: "http://localhost:9/",
  module: "data.js",
};

const fill = (line: string) =>
  VALUES.reduce(
    (line, [placeholder, value]) => line.replace(placeholder, value),
    line.replace(
      RegExp(CODE, "g"),
      (_, code) => PARTS[code.replace(/\s+/g, " ").trim()] ?? "localhost:9",
    ),
  );

/** What a shell makes of command lines: for each the words of the commands of hark in it. */
async function split(
  lines: readonly string[],
  cwd: string,
): Promise<string[][][]> {
  const script = [
    `record() { { printf '%s\\0' "$@"; printf '\\n\\0'; } >&3; }`,
    `hark() { record "$@"; }`,
    `deno() { shift; [ "$1" = -q ] && shift; record "$@"; }`,
    "cat() { :; }; sleep() { :; }; jq() { :; }",
    ...lines.flatMap((line) => [
      `( eval "$(printf %b '${
        Array.from(
          new TextEncoder().encode(line),
          (byte) => `\\0${byte.toString(8).padStart(3, "0")}`,
        ).join("")
      }')" 3>>words 1>/dev/null 2>errors < /dev/null; wait )`,
      `[ -s errors ] && cat errors > refused`,
      `printf '\\n\\n\\0' >> words`,
    ]),
  ].join("\n");
  const { code } = await spawnProgram("sh", ["-c", script], { cwd }).result;
  assertEquals([code, await Deno.readTextFile(`${cwd}/errors`)], [0, ""]);
  const words = await Deno.readTextFile(`${cwd}/words`);
  return words.split("\n\n\0").slice(0, -1).map((line) =>
    line.split("\0\n\0").slice(0, -1).map((words) => words.split("\0"))
      .map((words) => words.at(-1) === "\n" ? words.slice(0, -1) : words)
  );
}

/** What would open what is there, or what everybody opens, opens what is free. */
function harmless([name = "", ...args]: readonly string[]): string[] {
  if (args.includes("--help")) return args;
  const isPlain = !args.some((arg) => /^(-p|--port|--unix)/.test(arg));
  // the launcher takes what is granted for itself
  return args.filter((arg) => !arg.startsWith("--allow-net="))
    .map((arg, at, all) =>
      all[at - 1] === "--port" ? "0" : all[at - 1] === "--wait" ? "0.1" : arg
    )
    .concat(
      isPlain && /^(server|api)$/.test(name) ? ["--port", "0"] : [],
      name === "get" ? ["--retry", "0"] : [],
      // nobody answers a datagram
      name === "client" && !args.some((arg) => /^(-t|--timeout)/.test(arg))
        ? ["--timeout", "0.2"]
        : [],
      name === "api" && !args.some((arg) => /\bfile$|\.(db|js|json)$/.test(arg))
        ? ["--memory"]
        : [],
    );
}

/** Runs a command that is interrupted as soon as it listens: what it reports is what it thinks of how it was called. */
async function judge(words: readonly string[]): Promise<string | undefined> {
  const [name = ""] = words;
  const main = MAINS[name];
  if (main === undefined) return TASKS.includes(name) ? undefined : "unknown";
  const { stdout, stderr, result, interrupt } = start(main, harmless(words));
  const heard = [stdout, stderr].map((output) =>
    output.waitFor("Listening on").catch(() => {})
  );
  await Promise.race([...heard, result]);
  interrupt();
  const { code } = await result;
  return code === ExitCode.Usage ? stderr.text : undefined;
}

/** The words of the commands of hark in a line, as a shell splits it. */
async function withWords(line: string): Promise<string[][]> {
  let words: string[][] | undefined;
  await withFolder(async (folder) => {
    [words] = await split([line], folder);
  });
  return words ?? [];
}

/** Fails where a command line of these texts is not accepted by its command. */
async function assertAccepted(texts: readonly string[]): Promise<number> {
  const lines = [...new Set(texts.flatMap(linesOf))];
  await withFolder(async (folder) => {
    await Deno.writeTextFile(`${folder}/file`, "{}");
    await Deno.writeTextFile(`${folder}/db.json`, "{}");
    await Deno.writeTextFile(`${folder}/data.js`, "export default {};");
    // all tests share one working directory
    const inFolder = (word: string) =>
      word.replace(
        /^([@:=\w]*[@:=])?(file|[\w ]+\.(?:db|js|json))$/,
        `$1${folder}/$2`,
      );
    const found = await split(lines.map(fill), folder);
    assertEquals(found.length, lines.length);
    const refused: string[] = [];
    for (const [at, commands] of found.entries()) {
      if (commands.length === 0) refused.push(`${lines[at]}: no command`);
      for (const words of commands) {
        const why = await judge(words.map(inFolder));
        if (why !== undefined) refused.push(`${lines[at]}\n  ${why}`);
      }
    }
    assertEquals(refused, []);
  });
  return lines.length;
}

Deno.test("every command that a hint names is written so that it is shown as it is started here", () => {
  const bare = new RegExp(
    String.raw`(?<!hark |deno task |[\w./-])(?<!Cannot )\b(${
      NAMES.join("|")
    }) ` +
      String.raw`(--?[a-z]|[A-Z]{3,}\b|:\d|unix:|tls:|localhost|@FILE|\w+=)`,
  );
  const found = LITERALS.filter(({ text }) => bare.test(text))
    .map(({ path, text }) => `${path}: ${text}`);
  assertEquals(found, []);
});

testWith(
  "sh",
  "every command line that is named in the code is accepted by its command",
  async () => {
    const count = await assertAccepted(LITERALS.map(({ text }) => text));
    assert(count > 100, `${count}`);
  },
);

testWith(
  "sh",
  "every command line in a help is accepted by its command",
  async () => {
    const helps = await Promise.all(
      NAMES.flatMap((name) =>
        [["--help"], ["--help", "all"]].map(async (args) =>
          (await run(MAINS[name] ?? demo, args)).stdout.replace(
            /^Usage: .*/m,
            "",
          )
        )
      ),
    );
    for (const help of helps) assertEquals(NAMED.exec(help), null);
    const count = await assertAccepted(helps);
    assert(count > 20, `${count}`);
  },
);

/** Mistakes, each with what is refused at `:REFUSED`, and answered by a server that says no HTTP at `:GREETER`. */
const MISTAKES: readonly string[] = [
  "get localhost:REFUSED",
  "get http://127.0.0.2:REFUSED/",
  "get :GREETER",
  "get :REFUSED title=foo",
  "get :REFUSED -",
  "get {title:foo}",
  "get 'http://[fe80::1%lo]/'",
  "get -d a=1 :REFUSED",
  "get -H 'X: y' :REFUSED",
  "get --hlep",
  "get --port 3000",
  "post :REFUSED a=1",
  "post -H 'X: y' :REFUSED",
  "post -e x :REFUSED",
  "post -I :REFUSED",
  "post --download :REFUSED",
  "post '{\"a\":1}'",
  "posts --url :REFUSED",
  "posts --url http://127.0.0.2:REFUSED/api",
  "posts --url :GREETER",
  "posts create",
  "posts create -",
  "posts update 1",
  "posts --jq .",
  "client localhost:REFUSED",
  "client 127.0.0.2:REFUSED",
  "client --check localhost http",
  "client unix:/nowhere/it\\'s.sock",
  "client localhost:http",
  "client http://localhost:REFUSED",
  "client tls://localhost:REFUSED",
  "client 'it is/here'",
  "client /nowhere/'a b'",
  "client a b",
  "client localhost:9 80",
  "client localhost 80 443",
  "client --check http localhost",
  "client --wait 1 localhost:9 echo hi",
  "client -zv localhost 20-25",
  "client -lvp 9000",
  "client -connect 'it is:443'",
  "client -connect localhost:443 -starttls imap",
  "client -u localhost 53",
  "client -zvu localhost 53",
  "client udp://localhost:53",
  "client --check localhost:9 udp:localhost:53",
  "client --check ftp://localhost:9",
  "client -alpn h2 -connect localhost:443",
  "client -checkend 3600 localhost:443",
  "client -p 7000 localhost:9",
  "client ws:localhost:9",
  "client --pin 0 ws://localhost:9",
  "client ws://locahost:9/feed",
  "client --header Sec-WebSocket-Protocol:a ws://localhost:9",
  "client ws://localhost:REFUSED",
  "client ws://localhost:GREETER",
  "get ws://localhost:9/",
  "server -lu 9000",
  "client -x socks5://localhost:9",
  "server 9000",
  "server echo 0.0.0.0:9000",
  "server localhost 9000",
  "server '/tmp/a b'",
  "server relay http://localhost",
  "server relay '/tmp/a b'",
  "server relay tls://localhost:443",
  "server tcp-listen:9000",
  "server -lvp 9000",
  "server eco",
  "api --watch",
  "api 'my data.json5'",
  "api --snapshots",
  "api :3000",
];

testWith(
  "sh",
  "every command line in what is said to mistakes is accepted by its command",
  async () => {
    await using greeter = listening(async (conn) => {
      await conn.write(encode("220 ready\r\n"));
    });
    const lines = MISTAKES.map((line) =>
      line.replace("REFUSED", `${getAvailablePort()}`)
        .replace("GREETER", `${greeter.port}`)
    );
    const hints = await Promise.all(lines.map(async (line) => {
      const [words] = await withWords(`hark ${line}`);
      const [name = "", ...args] = words ?? [];
      const { code, stderr } = await run(MAINS[name] ?? demo, args);
      assert(code !== ExitCode.Ok, line);
      // one line on what is wrong, and one hint
      assertMatch(stderr, /^\w+: .*\n(hint: .*\n)?$/, line);
      assertEquals(NAMED.exec(stderr), null, line);
      const whole = await run(MAINS[name] ?? demo, [...args, "--debug"]);
      assertEquals(NAMED.exec(whole.stderr), null, line);
      return stderr;
    }));
    const count = await assertAccepted(hints);
    assert(count > 40, `${count}`);
  },
);

/** What was started, and the folder from which that was. */
interface Way {
  readonly name: string;
  readonly start: (name: string) => readonly string[];
  readonly module: (name: string) => string;
  readonly cwd: (folder: string) => string;
}

const urlOf = (script: string) =>
  new URL(`../../tasks/${script}`, import.meta.url).href;

const WAYS: readonly Way[] = [
  {
    name: "a task, in a folder of the clone",
    start: (name) => ["deno", "task", "-q", name],
    module: (name) => urlOf(`${name}.ts`),
    cwd: () => `${ROOT}docs`,
  },
  {
    name: "a script by its path, in another folder",
    start: (name) => ["deno", "run", `${ROOT}tasks/${name}.ts`],
    module: (name) => urlOf(`${name}.ts`),
    cwd: (folder) => folder,
  },
  {
    name: "a launcher",
    start: (name) => ["hark", name],
    module: (name) => urlOf(`${name}.ts?as=hark`),
    cwd: (folder) => folder,
  },
];

for (const way of WAYS) {
  testWith(
    "sh",
    `every command is named as it runs by ${way.name}`,
    async () => {
      await withFolder(async (folder) => {
        await Deno.writeTextFile(
          `${folder}/hark`,
          `#!/bin/sh\nname=$1; shift\nexec deno run "${
            urlOf("$name.ts?as=hark")
          }" "$@"\n`,
          { mode: 0o755 },
        );
        const bin = dirname(Deno.execPath());
        const env = { PATH: `${folder}:${bin}:${Deno.env.get("PATH") ?? ""}` };
        const cwd = way.cwd(folder);
        const shell = (line: string) =>
          spawnProgram("sh", ["-c", line], { cwd, env }).result;
        const typed = (name: string) => way.start(name).map(quote).join(" ");
        // how one names another is seen by what it says to a mistake
        const [{ stderr }, helps] = await Promise.all([
          shell(`${typed("get")} a title=foo`),
          Promise.all(NAMES.map(async (name) => {
            const start = startOf(name, [], {
              module: way.module("get"),
              folder: way.name.startsWith("a task")
                ? ROOT.slice(0, -1)
                : folder,
            }).map(quote).join(" ");
            const { code, stdout, stderr } = await shell(`${start} --help`);
            assertEquals([code, stderr.replace(/^Task .*\n/, "")], [0, ""]);
            return { name, start, stdout };
          })),
        ]);
        for (const { start, stdout } of helps) {
          assertStringIncludes(stdout, `\nUsage: ${start} [OPTIONS]`);
        }
        const post = helps.find(({ name }) => name === "post");
        assertStringIncludes(stderr, `; for a body: ${post?.start} URL\n`);
      });
    },
  );
}

Deno.test("a binary names its siblings beside it", () => {
  const start = {
    module: "file:///x",
    folder: "/home/ada",
    binary: "/home/ada/bin/get",
  };
  const named = NAMES.map((name) => asStarted(`hark ${name} --help`, start));
  assertEquals(named, NAMES.map((name) => `./bin/${name} --help`));
});
