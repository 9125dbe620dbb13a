import {
  assert,
  assertEquals,
  assertMatch,
  assertStringIncludes,
} from "@std/assert";
import { getAvailablePort } from "@std/net/get-available-port";
import { dirname } from "node:path";
import config from "../../deno.json" with { type: "json" };
import { quote } from "../../lib/cli/values.ts";
import { makeCertificate } from "../../tasks/server/tls/certificate.ts";
import { withFiles } from "../get/support.ts";
import { serveHttp } from "../http/server.ts";
import {
  type Child,
  flagsOf,
  ROOT,
  spawnDeno,
  spawnProgram,
  testWith,
} from "../support.ts";

const LOOPBACK = "localhost,127.0.0.1,[::1]";
const TUTORIAL = `${LOOPBACK},jsonplaceholder.typicode.com`;

/** Which task may what: the table that is promised to users. */
const FLAGS: Readonly<Record<string, readonly string[]>> = {
  server: [`--allow-net=${LOOPBACK}`],
  client: [`--allow-net=${LOOPBACK}`],
  get: [`--allow-net=${TUTORIAL}`],
  post: [`--allow-net=${TUTORIAL}`],
  posts: [`--allow-net=${TUTORIAL}`],
  api: [
    `--allow-net=${LOOPBACK}`,
    "--allow-read=hark.db",
    "--allow-write=hark.db",
  ],
  demo: [`--allow-net=${LOOPBACK}`],
};

const DENIED = [
  // another host, by name and by address, as client and as server, and another door to this machine
  'fetch("http://a.example/")',
  'fetch("http://192.0.2.1/")',
  'fetch("http://127.0.0.2/")',
  'Deno.connect({ hostname: "192.0.2.1", port: 9 })',
  'Deno.connectTls({ hostname: "a.example", port: 443 })',
  "Deno.listen({ port: 0 })",
  'Deno.resolveDns("a.example", "A")',
  'Deno.connect({ transport: "unix", path: "/run/x.sock" })',
  // the environment
  'Deno.env.get("HOME")',
  "Deno.env.toObject()",
  'Deno.env.set("HARK", "1")',
  // another file
  'Deno.readTextFile("deno.json")',
  'Deno.readTextFile("/etc/hostname")',
  'Deno.writeTextFile("deno.json", "{}")',
  'Deno.writeTextFile("hark.db.txt", "")',
  'Deno.remove("README.md")',
  'Deno.readDir(".")[Symbol.asyncIterator]().next()',
  "Deno.makeTempFile()",
  // another process, a foreign library, facts of the system
  'new Deno.Command("ls").output()',
  "new Deno.Command(Deno.execPath()).output()",
  "Deno.kill(1, 'SIGCONT')",
  'Deno.dlopen("./x.so", {})',
  "Deno.osRelease()",
  "Deno.hostname()",
  "Deno.networkInterfaces()",
];

/** Runs code in a process with the flags of a task; it prints JSON. */
async function probe(task: string, code: string): Promise<unknown> {
  const args = ["run", "--no-prompt", ...flagsOf(task), "-"];
  const { stdout, stderr } = await spawnDeno(args, { stdin: code }).result;
  assertEquals(stderr, "");
  return JSON.parse(stdout);
}

for (const [task, flags] of Object.entries(FLAGS)) {
  Deno.test(`${task} is granted what the contract says, and nothing else`, () => {
    const tasks = new Map(Object.entries(config.tasks));
    assertEquals(
      tasks.get(task)?.command,
      // an older Deno takes brackets for a pattern of files, as zsh does
      ["deno", "run", ...flags.map(quote), `tasks/${task}.ts`].join(" "),
    );
  });

  Deno.test(`${task} is denied other hosts, files, processes, libraries, the environment and the system`, async () => {
    const outcomes = await probe(
      task,
      `const outcomes = {};
      for (const [code, action] of [${
        DENIED.map((code) => `[${JSON.stringify(code)}, () => ${code}]`).join()
      }]) {
        try {
          await action();
          outcomes[code] = "done";
        } catch (error) {
          outcomes[code] = (error.cause ?? error).name + ": " + (error.cause ?? error).message;
        }
      }
      console.log(JSON.stringify(outcomes));`,
    );
    const permitted = Object.entries(Object(outcomes)).filter(([, outcome]) =>
      !/Requires \w+ access/.test(String(outcome))
    );
    assertEquals(permitted, []);
    assertEquals(Object.keys(Object(outcomes)).length, DENIED.length);
  });

  Deno.test(`${task} may reach loopback, and its file and host where it has one`, async () => {
    const states = await probe(
      task,
      `const state = async (descriptor) => (await Deno.permissions.query(descriptor)).state === "granted";
      Deno.listen({ hostname: "127.0.0.1", port: 0 }).close();
      console.log(JSON.stringify([
        await state({ name: "net", host: "localhost" }),
        await state({ name: "net", host: "[::1]" }),
        await state({ name: "net", host: "jsonplaceholder.typicode.com" }),
        await state({ name: "read", path: "hark.db" }),
        await state({ name: "write", path: "hark.db" }),
      ]));`,
    );
    const has = (text: string) => flags.some((flag) => flag.includes(text));
    const file = has("hark.db");
    assertEquals(states, [true, true, has("jsonplaceholder"), file, file]);
  });
}

Deno.test("a task that may do all is a developer's, never a command", () => {
  const broad = Object.entries(config.tasks)
    .filter(([, { command }]) =>
      /(?: -A\b|--allow-all|--allow-(?:run|ffi|sys|env|import)|-P|--permission-set)/
        .test(command)
    )
    .map(([name]) => name);
  assertEquals(broad.filter((name) => name in FLAGS), []);
  assertEquals(Object.keys(config.tasks).slice(0, 7), Object.keys(FLAGS));
});

/** Runs a script in a folder, with these grants and no other. */
function runWith(
  folder: string,
  task: string,
  flags: readonly string[],
  args: readonly string[],
): Child {
  const script = `${ROOT}tasks/${task}.ts`;
  const words = ["run", "--no-prompt", ...flags, script, ...args];
  return spawnDeno(words, { cwd: folder });
}

/** The command of a hint, run by a shell in a folder. */
function runHint(folder: string, stderr: string): Child {
  const [, line = ""] = stderr.match(/\nhint: (deno run .*)\n$/) ?? [];
  assert(line !== "", stderr);
  const path = `${dirname(Deno.execPath())}:${Deno.env.get("PATH")}`;
  return spawnProgram("sh", ["-c", `exec ${line}`], {
    cwd: folder,
    env: { PATH: path },
  });
}

/** The grants in a hint: plain, since nothing in them needs quotes but brackets. */
function grantsIn(stderr: string): string[] {
  const [, line = ""] = stderr.match(/\nhint: deno run (.*)\n$/) ?? [];
  return [...line.matchAll(/'?(--allow-\w+)=([^' ]+)'?/g)]
    .flatMap(([, flag, list = ""]) =>
      list.split(",").map((each) => `${flag}=${each}`)
    );
}

/** Each is denied without grants; what runs then is the hint, as it stands. */
const CALLS: [name: string, task: string, args: string[]][] = [
  ["a URL", "get", ["URL/a?b=c&d"]],
  ["a URL by its name", "get", [":PORT/a"]],
  ["a URL over a socket of our own", "get", ["-v", "URL/a"]],
  ["IPv4 alone", "get", ["-4", ":PORT/a"]],
  ["a redirect", "get", ["URL/to?localhost"]],
  ["a redirect after a redirect", "get", ["URL/to?localhost/to?127.1"]],
  ["a download", "get", ["-O", "URL/a"]],
  ["a download that goes on", "get", ["-c", "-o", "a b", "URL/a"]],
  ["a download that the server names", "get", ["-O", "-J", "URL/a"]],
  ["a proxy, which resolves the name", "get", [
    "--proxy",
    "http://127.0.0.1:PORT",
    "http://nowhere.example/",
  ]],
  ["a told address", "get", [
    "--resolve",
    "nowhere.example:PORT:127.0.0.1",
    "http://nowhere.example:PORT/",
  ]],
  ["an authority", "get", ["--ca", "ca.pem", "URL/a"]],
  ["a certificate", "get", ["--cert", "ca.pem", "--key", "key.pem", "URL/a"]],
  ["a file of fields", "post", ["URL/a", "x=@ca.pem", "password=@key.pem"]],
  ["a file as the body", "post", ["URL/a", "@ca.pem"]],
  ["a form with a file", "post", ["-f", "URL/a", "x@ca.pem"]],
  ["a login in a file", "get", ["-a", "@login.pem", "URL/a"]],
  ["a Unix socket", "client", ["unix:s.sock"]],
  ["a server", "client", ["localhost:TCP"]],
  ["a server over IPv4 alone", "client", ["-4", "localhost:TCP"]],
  ["ports", "client", ["--check", "TCP,PORT", "127.0.0.1"]],
  ["an API", "posts", ["--url", "URL", "--limit", "1"]],
  ["a change", "posts", ["--url", "URL", "create", "title=a"]],
];

for (const [name, task, args] of CALLS) {
  testWith(
    "sh",
    `the hint of ${task} works and grants no more than the call needs: ${name}`,
    () =>
      withCalls(async (folder, fill) => {
        const words = args.map(fill);
        const denied = await runWith(folder, task, [], words).result;
        assertEquals([denied.code, denied.stdout], [1, ""]);
        let { stderr } = denied;
        // only whoever asks the first host knows the next one
        for (let result = { code: 1 }; result.code !== 0;) {
          const again = await runHint(folder, stderr).result;
          if (again.code !== 0) {
            assert(grantsIn(again.stderr).length > grantsIn(stderr).length);
            stderr = again.stderr;
          }
          result = again;
          await clear(folder);
        }
        const grants = grantsIn(stderr);
        for (const grant of grants) {
          // one way to localhost is enough, and a note is read where a download goes on
          const isSpare =
            /-net=/.test(grant) && stderr.includes("localhost:") ||
            grant.endsWith("-read=a.part.json");
          if (isSpare) continue;
          const rest = grants.filter((each) => each !== grant);
          const result = await runWith(folder, task, rest, words).result;
          assertMatch(result.stderr, /is not permitted\nhint: /, grant);
          await clear(folder);
        }
      }),
  );
}

/** Removes what a call has made. */
async function clear(folder: string): Promise<void> {
  for (const { name } of [...Deno.readDirSync(folder)]) {
    if (!/pem$|sock$|^d\.json$/.test(name)) {
      await Deno.remove(`${folder}/${name}`);
    }
  }
}

const BODY = JSON.stringify([{ id: 1, userId: 1, title: "a", body: "b" }]);

/** A folder with files and sockets, and how words name the servers that are there. */
async function withCalls(
  test: (folder: string, fill: (word: string) => string) => Promise<void>,
): Promise<void> {
  const { cert, key } = await makeCertificate();
  await withFiles(
    { "ca.pem": cert, "key.pem": key, "login.pem": "a:b\n" },
    async (folder) => {
      await using http = serveHttp(({ url }) => {
        const { pathname, search, port } = new URL(url);
        if (pathname === "/db") return new Response(`{"a":${BODY}}`);
        if (pathname !== "/to") return new Response(BODY);
        const [, host, rest = "/a"] = search.match(/^\?([^/]*)(\/.*)?$/) ?? [];
        const location = `http://${host}:${port}${rest}`;
        return new Response(null, { status: 302, headers: { location } });
      });
      using tcp = Deno.listen({ hostname: "127.0.0.1", port: 0 });
      using unix = Deno.listen({ transport: "unix", path: `${folder}/s.sock` });
      const closing = [tcp, unix].map(async (listener: Deno.Listener) => {
        for await (const conn of listener) conn.close();
      });
      const { port } = new URL(http.url);
      await test(
        folder,
        (word) =>
          word.replace("URL", http.url).replaceAll("PORT", port)
            .replaceAll("TCP", `${tcp.addr.port}`),
      );
      tcp.close();
      unix.close();
      await Promise.all(closing);
    },
  );
}

/** Names that a shell, Deno or a list could take for something else. */
const NAMES = [
  ...["a b", "it's", '"q"', "-x", "--allow-all", "a=b", "key=1", "$HOME"],
  ...["*", "~", "#a", "a;b", "a&b", "\\a", "%41", "@a", "a\nb", " a "],
  "\t%s\\\x1b'",
];

for (const name of NAMES) {
  testWith(
    "sh",
    `the hint of a download to ${
      JSON.stringify(name)
    } works and writes it alone`,
    () =>
      withCalls(async (folder, fill) => {
        const args = [`--output=${name}`, fill("URL/a")];
        const denied = await runWith(folder, "get", [], args).result;
        const { code, stderr } = await runHint(folder, denied.stderr).result;
        assertEquals(code, 0, stderr);
        await Deno.remove(`${folder}/${name}`);
        assertEquals([...Deno.readDirSync(folder)].length, 4);
      }),
  );
}

Deno.test("over-grant by injection: a comma in a file's name grants neither half of it", () =>
  withCalls(async (folder, fill) => {
    const denied = await runWith(folder, "get", [], ["-O", fill("URL/a,.b")])
      .result;
    assertStringIncludes(denied.stderr, "--allow-write=a,,.b,a,,.b.part,");
    // a Deno that does not know ,, starts nothing
    const { code } = await runHint(folder, denied.stderr).result;
    const made = [...Deno.readDirSync(folder)].map(({ name }) => name)
      .filter((name) => !/pem$|sock$/.test(name));
    assertEquals(made, code === 0 ? ["a,.b"] : []);
  }));

/** Servers, which end by a signal. */
const SERVERS: [name: string, task: string, args: string[]][] = [
  ["a port", "server", ["-p", "FREE"]],
  ["any port", "server", ["--host", "127.0.0.1", "-p", "0"]],
  ["any port of both loopbacks", "server", ["-p", "0"]],
  ["a relay", "server", ["relay", "localhost:PORT", "-p", "FREE"]],
  ["a relay with certificates of its own", "server", [
    ...["relay", "tls:localhost:PORT", "-p", "FREE", "--ca", "ca.pem"],
    ...["--cert", "ca.pem", "--key", "key.pem"],
  ]],
  ["a relay with certificates for both sides", "server", [
    ...["relay", "tls:localhost:PORT", "-p", "FREE", "--tls"],
    ...["--target-cert", "ca.pem", "--target-key", "key.pem"],
  ]],
  ["IPv4 alone", "server", ["-4", "-p", "FREE"]],
  ["a file", "server", ["--file", "ca.pem", "-p", "FREE"]],
  ["TLS", "server", ["--cert", "ca.pem", "--key", "key.pem", "-p", "FREE"]],
  ["a Unix socket", "server", ["--unix", "new s.sock"]],
  ["a database", "api", ["my.db", "--port", "FREE"]],
  ["memory", "api", ["--memory", "--port", "FREE"]],
  ["another API", "api", ["--memory", "--from", ":PORT", "--port", "FREE"]],
  ["a dump", "api", ["d.json", "--port", "FREE"]],
];

for (const [name, task, args] of SERVERS) {
  testWith(
    "sh",
    `the hint of ${task} works and grants no more than the call needs: ${name}`,
    () =>
      withCalls(async (folder, fill) => {
        await Deno.writeTextFile(`${folder}/d.json`, `{"a":${BODY}}`);
        const free = `${getAvailablePort()}`;
        const words = args.map((word) => fill(word).replace("FREE", free));
        const denied = await runWith(folder, task, [], words).result;
        const server = runHint(folder, denied.stderr);
        await server.stdout.waitFor(/istening on .*\n|waiting for .*\n.*\n/);
        server.kill("SIGTERM");
        assertEquals((await server.result).code, 0);
        const grants = grantsIn(denied.stderr);
        for (const grant of grants) {
          // one way to localhost is enough
          if (grants.includes(grant.replace(/=.*(?=:)/, "=localhost"))) {
            continue;
          }
          await clear(folder);
          const rest = grants.filter((each) => each !== grant);
          const result = await runWith(folder, task, rest, words).result;
          assertMatch(result.stderr, /is not permitted\nhint: /, grant);
        }
      }),
  );
}
