import { assertEquals } from "@std/assert";
import config from "../../deno.json" with { type: "json" };
import { flagsOf, spawnDeno } from "../support.ts";

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
      ["deno", "run", ...flags, `tasks/${task}.ts`].join(" "),
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
