import { assert, assertEquals } from "@std/assert";
import {
  type Child,
  flagsOf,
  ROOT,
  spawnDeno,
  withFolder,
} from "../support.ts";

/** One use of a permission, as Deno notes it: `net` of `localhost:80`, `read` of `hark.db`; what is denied too. */
interface Access {
  readonly permission: string;
  readonly value: string;
}

/** Runs a task with its own flags in a folder of its own, and gives what it has made use of. */
type Audit = (
  task: string,
  args: readonly string[],
  use?: (child: Child) => Promise<void>,
) => Promise<Access[]>;

const PUBLIC = "jsonplaceholder.typicode.com";

/** The host of an access to the network: of `https://a.example/b`, of `a.example:443`, of `[::1]:0`. */
function hostOf(value: string): string {
  return value.includes("://")
    ? new URL(value).hostname
    : value.replace(/:\d+$/, "");
}

/** What a task is granted of a kind. */
function grantsOf(task: string, kind: string): readonly string[] {
  const flag = flagsOf(task).find((flag) =>
    flag.startsWith(`--allow-${kind}=`)
  );
  return flag?.replace(/^.*=/, "").split(",") ?? [];
}

/** What a task has made use of, each once, as the table of deno.json would name it: `net localhost`. */
function usesOf(accesses: readonly Access[]): string[] {
  const names = accesses.map(({ permission, value }) =>
    `${permission} ${permission === "net" ? hostOf(value) : value}`
  );
  return [...new Set(names)].sort();
}

/** Of these uses those that deno.json does not grant. */
function strange(task: string, uses: readonly string[]): string[] {
  const granted = ["net", "read", "write"].flatMap((kind) =>
    grantsOf(task, kind).map((value) => `${kind} ${value}`)
  );
  return uses.filter((use) => !granted.includes(use));
}

async function withAudit(test: (audit: Audit) => Promise<void>): Promise<void> {
  await withFolder(async (folder) => {
    let count = 0;
    await test(async (task, args, use) => {
      const file = `${folder}/${++count}.jsonl`;
      const script = `${ROOT}tasks/${task}.ts`;
      const child = spawnDeno(
        // who would ask the public host is noted, and does not
        ["run", `--deny-net=${PUBLIC}`, ...flagsOf(task), script, ...args],
        { cwd: folder, env: { DENO_AUDIT_PERMISSIONS: file } },
      );
      try {
        await use?.(child);
      } finally {
        if (use !== undefined) child.kill("SIGTERM");
        await child.result;
      }
      const lines = (await Deno.readTextFile(file)).trim().split("\n");
      return lines.map((line): Access => JSON.parse(line));
    });
  });
}

/** Calls of an api that runs at PORT. */
const CALLS: readonly [task: string, ...args: string[]][] = [
  ["get", ":PORT/posts/1"],
  ["get", "--raw", ":PORT/posts"],
  ["get", "-v", "http://127.0.0.1:PORT/posts/1"],
  ["post", ":PORT/posts", "title=foo", "body=bar", "userId:=1"],
  ["posts", "--url", ":PORT", "--limit", "3"],
  ["posts", "--url", ":PORT", "create", "title=foo"],
];

Deno.test("api opens hark.db and listens on loopback alone; who asks it reaches loopback, and no file", () =>
  withAudit(async (audit) => {
    const served = await audit("api", ["--port", "0"], async (child) => {
      const text = await child.stdout.waitFor(/127\.0\.0\.1:\d+/);
      const [, port = ""] = text.match(/127\.0\.0\.1:(\d+)/) ?? [];
      for (const [task, ...args] of CALLS) {
        const words = args.map((word) => word.replace("PORT", port));
        const uses = usesOf(await audit(task, words));
        assert(uses.length > 0, task);
        assertEquals(uses.filter((use) => use.includes(PUBLIC)), []);
        assertEquals(strange(task, uses), []);
      }
    });
    assertEquals(usesOf(served), [
      "net 127.0.0.1",
      "net [::1]",
      "read hark.db",
      "write hark.db",
    ]);
  }));

Deno.test("server and client reach loopback, and no file", () =>
  withAudit(async (audit) => {
    const served = await audit("server", ["-p", "0"], async (child) => {
      const text = await child.stdout.waitFor(/127\.0\.0\.1:\d+/);
      const [, port = ""] = text.match(/127\.0\.0\.1:(\d+)/) ?? [];
      const uses = usesOf(await audit("client", [`localhost:${port}`]));
      assert(uses.includes("net localhost"), uses.join());
      assertEquals(strange("client", uses), []);
    });
    assertEquals(usesOf(served), ["net 127.0.0.1", "net [::1]"]);
  }));

Deno.test("demo reaches loopback, and no file", () =>
  withAudit(async (audit) => {
    const uses = usesOf(await audit("demo", []));
    assert(uses.includes("net 127.0.0.1"), uses.join());
    assertEquals(strange("demo", uses), []);
  }));

for (
  const [task, ...args] of [["get"], ["get", "--raw"], ["post"], ["posts"]]
) {
  Deno.test(`${[task, ...args].join(" ")} as in the tutorial reaches the public host, and nothing else`, () =>
    withAudit(async (audit) => {
      assertEquals(usesOf(await audit(task ?? "", args)), [`net ${PUBLIC}`]);
    }));
}

Deno.test("an access that deno.json does not grant is found out", () => {
  const accesses = [
    { permission: "net", value: "[::1]:80" },
    { permission: "net", value: "https://a.example/b" },
    { permission: "net", value: "localhost:1" },
    { permission: "read", value: "hark.db" },
    { permission: "env", value: "HOME" },
  ];
  const uses = usesOf(accesses);
  assertEquals(strange("api", uses), ["env HOME", "net a.example"]);
  assertEquals(strange("get", uses), [
    "env HOME",
    "net a.example",
    "read hark.db",
  ]);
});
