import { assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { main, PERMISSIONS } from "../../tasks/compile.ts";
import { ROOT, run, spawnProgram } from "../support.ts";

/** Runs `deno task compile` with a runtime file of its own, or none; what it leaves in its folder counts. */
async function compile(args: readonly string[], denort?: string) {
  const out = await Deno.makeTempDir();
  const { code, stdout, stderr } = await spawnProgram("env", [
    ...denort === undefined ? ["-u", "DENORT_BIN"] : [`DENORT_BIN=${denort}`],
    "HTTPS_PROXY=http://127.0.0.1:1",
    Deno.execPath(),
    "run",
    "-A",
    `${ROOT}tasks/compile.ts`,
    "--out",
    out,
    ...args,
  ]).result;
  const left = [...Deno.readDirSync(out)].map(({ name }) => name);
  await Deno.remove(out, { recursive: true });
  return { code, stdout, stderr, left };
}

Deno.test("compile grants each binary what the contract says", () => {
  const all = ["net", "read", "write"];
  assertEquals(PERMISSIONS, {
    server: all,
    client: all,
    get: all,
    post: all,
    posts: ["net"],
    api: all,
  });
});

const MISUSES: [string[], string][] = [
  [
    ["gett"],
    'Cannot compile "gett": expected server, client, get, post, posts, api\nhint: see deno task compile --help\n',
  ],
  [
    ["--target", "amiga"],
    'Cannot compile for "amiga": expected one of x86_64-unknown-linux-gnu, aarch64-unknown-linux-gnu, x86_64-pc-windows-msvc, aarch64-pc-windows-msvc, x86_64-apple-darwin, aarch64-apple-darwin\nhint: see deno task compile --help\n',
  ],
];

for (const [args, expected] of MISUSES) {
  Deno.test(`compile ${args.join(" ")} is a usage error`, async () => {
    const { code, stderr } = await run(main, args);
    assertEquals([code, stderr], [2, `compile: ${expected}`]);
  });
}

Deno.test("compile names the folder that it cannot write into", async () => {
  const { code, stderr } = await run(main, ["get", "--out", "/dev/null/dist"]);
  assertEquals([code, stderr], [
    1,
    'compile: Cannot write into "/dev/null/dist": it is not in a directory\n',
  ]);
});

Deno.test("compile says that a binary does not start, and leaves nothing behind", async () => {
  const { code, stdout, stderr, left } = await compile(["get"], "/bin/true");
  assertEquals([code, stdout, left], [1, "", []]);
  assertMatch(
    stderr,
    /^compile: Cannot compile get for \S+: it does not start: .*\nhint: DENORT_BIN must be the denort of Deno \S+ for \S+\n$/,
  );
});

Deno.test("compile says in one line what Deno does not accept, and leaves nothing behind", async () => {
  const { code, stderr, left } = await compile(["get"], "/nowhere/denort");
  assertEquals([code, left], [1, []]);
  assertMatch(
    stderr,
    /^compile: Cannot compile get for \S+: .*No such file.*\nhint: DENORT_BIN .*\n$/,
  );
});

const TARGET = "aarch64-apple-darwin";
const { denoDir } = JSON.parse(
  (await spawnProgram(Deno.execPath(), ["info", "--json"]).result).stdout,
);
const denort = `dl/release/v${Deno.version.deno}/denort-${TARGET}.zip`;
const isCached = await Deno.stat(`${denoDir}/${denort}`).then(
  () => true,
  () => false,
);

Deno.test({
  name: `compile says which runtime file it lacks, and where to put it${
    isCached ? " (skipped: it is there)" : ""
  }`,
  ignore: isCached,
  fn: async () => {
    const { code, stderr, left } = await compile(["posts", "--target", TARGET]);
    assertEquals([code, left], [1, []]);
    const [line, hint] = stderr.split("\n");
    assertEquals(
      line,
      `compile: Cannot compile posts for ${TARGET}: Deno's runtime file denort-${TARGET}.zip cannot be downloaded`,
    );
    assertStringIncludes(hint ?? "", denort);
  },
});
