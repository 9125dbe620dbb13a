/** The package as npm installs it, in folders with a space and with an empty home: HARK_PACKAGE names its file. */
import { assertEquals, assertStringIncludes } from "@std/assert";
import { basename } from "node:path";
import config from "../../deno.json" with { type: "json" };
import { spawnProgram } from "../support.ts";

const packed = Deno.env.get("HARK_PACKAGE");
const scratch = await Deno.makeTempDir({ prefix: "hark npm " });
addEventListener("unload", () => Deno.removeSync(scratch, { recursive: true }));
const project = `${scratch}/my project`;
const file = basename(packed ?? "hark.tgz");
await Deno.mkdir(`${scratch}/home`);
await Deno.mkdir(project);

// neither this Deno nor what it has cached
const env = {
  HOME: `${scratch}/home`,
  DENO_DIR: `${scratch}/home/deno`,
  PATH: "/usr/local/bin:/usr/bin:/bin",
  "npm_config_update_notifier": "false",
};
const start = (words: readonly string[], cwd = project) =>
  spawnProgram("env", words, { env, cwd });

/** Why the package cannot be tried here. */
async function whyNot(): Promise<string | undefined> {
  if (packed === undefined) return "HARK_PACKAGE is not set";
  await Deno.copyFile(packed, `${project}/${file}`);
  const { code, stderr } = await start(["npm", "install", `./${file}`]).result;
  if (code === 127) return "npm is not installed";
  const isOffline = /ENOTFOUND|ECONNREFUSED|ETIMEDOUT|EAI_AGAIN|E404/;
  if (isOffline.test(stderr)) return "npm's registry is absent";
  assertEquals(code, 0, stderr);
}

const why = await whyNot();

/** A test of the package as it is installed; where it cannot be it is skipped, and its name says why. */
function testPackage(name: string, fn: () => Promise<void>): void {
  const reason = why === undefined ? "" : ` (skipped: ${why})`;
  Deno.test({ name: name + reason, ignore: why !== undefined, fn });
}

const URL_DENIED = "https://a.example/x?y=1";

/** Each way to call hark, and the folder to be in. */
const WAYS: [string[], string][] = [
  [["npx", "hark"], project],
  [["./my project/node_modules/.bin/hark"], scratch],
  [["npx", "--yes", `./${file}`], project],
];

for (const [words, cwd] of WAYS) {
  const called = words.filter((word) => word !== "--yes");
  testPackage(
    `${called.join(" ")} gets, and names itself in what it hints`,
    async () => {
      const server = start([...words, "api", "--memory", "--port", "0"], cwd);
      await server.stdout.waitFor("127.0.0.1:");
      const port = server.stdout.text.match(/127\.0\.0\.1:(\d+)/)?.[1] ?? "";
      const url = `http://127.0.0.1:${port}/posts/1`;
      const got = await start([...words, "get", url], cwd).result;
      assertEquals([got.code, JSON.parse(got.stdout).id], [0, 1]);
      server.kill("SIGTERM");
      // npx itself ends at once; the output ends when the api does, too
      assertEquals((await server.result).code, words[0] === "npx" ? 143 : 0);
      const denied = await start([...words, "get", URL_DENIED], cwd).result;
      assertEquals(denied.code, 1);
      const shown = called.map((word) =>
        word.includes(" ") ? `'${word}'` : word
      );
      assertStringIncludes(
        denied.stderr,
        `hint: ${
          shown.join(" ")
        } get --allow-net=a.example:443 '${URL_DENIED}'\n`,
      );
      const wrong = await start([...words, "gte"], cwd).result;
      assertEquals([wrong.code, wrong.stderr.includes("did you mean get?")], [
        2,
        true,
      ]);
    },
  );
}

testPackage("hark that is installed for all names itself so", async () => {
  const prefix = `${scratch}/all`;
  const all = ["npm", "install", "--global", "--prefix", prefix, `./${file}`];
  const { code, stderr } = await start([...all]).result;
  assertEquals(code, 0, stderr);
  const path = `PATH=${prefix}/bin:${env.PATH}`;
  const version = await start([path, "hark", "--version"]).result;
  const { deno } = Deno.version;
  assertStringIncludes(version.stdout, `hark ${config.version} (deno ${deno},`);
  const denied = await start([path, "hark", "get", URL_DENIED]).result;
  assertStringIncludes(denied.stderr, "hint: hark get --allow-net=a.example:");
});
