import { assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { dirname } from "node:path";
import { pathToFileURL } from "node:url";
import config from "../../deno.json" with { type: "json" };
import { COMMANDS } from "../../lib/cli/start.ts";
import { main } from "../../tasks/bundle.ts";
import { type Child, ROOT, run, spawnDeno, spawnProgram } from "../support.ts";

const scratch = await Deno.makeTempDir({ prefix: "hark bundle " });
addEventListener("unload", () => Deno.removeSync(scratch, { recursive: true }));
const folder = `${scratch}/a folder`;
const empty = `${scratch}/empty`;

/** No cache, an empty home, and no report on the coverage of files that go when the test ends. */
const env = {
  HOME: empty,
  DENO_DIR: `${empty}/cache`,
  DENO_COVERAGE_DIR: `${scratch}/coverage`,
};
await Deno.mkdir(empty);

const made = await run(main, ["--out", folder]);
const isAbsent = made.stderr.includes("cannot be downloaded");

/** A test of the bundle; where Deno's bundler is not to be had it is skipped, and its name says why. */
function testBundle(name: string, fn: () => Promise<void>): void {
  const reason = isAbsent ? " (skipped: Deno's bundler is absent)" : "";
  Deno.test({ name: name + reason, ignore: isAbsent, fn });
}

/** Runs what was bundled with no cache, no configuration and no lock. */
function start(
  script: string,
  args: readonly string[],
  flags: readonly string[] = [],
  cwd = empty,
): Child {
  return spawnDeno(
    ["run", "--no-config", "--no-lock", ...flags, script, ...args],
    { env, cwd },
  );
}

/** Starts the bundled api, and gives its port. */
async function startApi(...args: readonly string[]) {
  const child = start(`${folder}/api.js`, ["--port", "0", ...args], [
    "--allow-net",
    "--allow-read",
  ]);
  await child.stdout.waitFor("[::1]:");
  const port = child.stdout.text.match(/127\.0\.0\.1:(\d+)/)?.[1] ?? "";
  return { port, [Symbol.asyncDispose]: () => stop(child) };
}

async function stop(child: Child): Promise<void> {
  child.kill("SIGTERM");
  await child.result;
}

testBundle(
  "bundle makes a module of each command, and says where",
  async () => {
    assertEquals(made.code, 0, made.stderr);
    const [last, ...files] = made.stdout.trim().split("\n").reverse();
    assertMatch(last ?? "", /^\d\.\d MiB in all$/);
    assertEquals(
      files.reverse(),
      COMMANDS.map((name) => `${folder}/${name}.js`),
    );
    for (const name of COMMANDS) {
      const script = `${folder}/${name}.js`;
      const { code, stdout } = await start(script, ["--version"]).result;
      assertEquals(code, 0);
      assertStringIncludes(stdout, `hark ${config.version} (deno `);
    }
  },
);

testBundle(
  "a bundle names no folder of the machine that made it, and has the terms of its packages",
  async () => {
    const terms = await Deno.readTextFile(`${folder}/LICENSES.txt`);
    for (const name of ["deno-std", "eventsource-parser", "tough-cookie"]) {
      assertStringIncludes(terms, `${name}@`);
    }
    for (const { name } of Deno.readDirSync(folder)) {
      const text = await Deno.readTextFile(`${folder}/${name}`);
      assertEquals(/^\/\/ .*registry\..*/m.exec(text)?.[0], undefined, name);
      assertEquals(text.includes(ROOT), false, name);
    }
  },
);

testBundle(
  "a bundle that is made again replaces its own files, and no other",
  async () => {
    const names = () => [...Deno.readDirSync(folder)].map(({ name }) => name);
    const before = names().sort();
    await Deno.writeTextFile(`${folder}/old-ABCDEFGH.js`, "");
    await Deno.writeTextFile(`${folder}/mine.js`, "");
    assertEquals((await run(main, ["--out", folder])).code, 0);
    assertEquals(names().sort(), [...before, "mine.js"].sort());
    await Deno.remove(`${folder}/mine.js`);
  },
);

testBundle("a bundle leaves a file alone that it has not made", async () => {
  const out = `${scratch}/mine`;
  await Deno.mkdir(out);
  await Deno.writeTextFile(`${out}/server.js`, "mine");
  const { code, stderr } = await run(main, ["--out", out]);
  assertEquals([code, stderr], [
    1,
    `bundle: Cannot write into "${out}": the server.js there is not of a bundle
hint: --out FOLDER takes another folder
`,
  ]);
  assertEquals(await Deno.readTextFile(`${out}/server.js`), "mine");
  assertEquals([...Deno.readDirSync(out)].length, 1);
});

testBundle(
  "what a bundle loads only when it is needed is in it: cookies, JSON views, events, the page, a seed",
  async () => {
    await Deno.writeTextFile(
      `${empty}/data.ts`,
      "export default { posts: [] };",
    );
    await using api = await startApi("--memory");
    const get = async (...args: string[]) =>
      await start(`${folder}/get.js`, args, ["--allow-net", "--allow-read"])
        .result;
    const url = `127.0.0.1:${api.port}`;
    const one = await get(`${url}/posts/1`);
    assertEquals([one.code, JSON.parse(one.stdout).id], [0, 1]);
    const page = await get(`${url}/`, "Accept:text/html");
    assertStringIncludes(page.stdout, "<title>hark api</title>");
    const document = await get(`${url}/openapi.json`);
    assertEquals(JSON.parse(document.stdout).info.version, config.version);
    const wrong = await get(`${url}/`, "--raww");
    assertStringIncludes(wrong.stderr, "did you mean --raw?");
    await using server = Deno.serve(
      { hostname: "127.0.0.1", port: 0, onListen: () => {} },
      ({ url, headers }) => {
        const cookie = { Location: "/there", "Set-Cookie": "a=b" };
        const type = { "Content-Type": "text/event-stream" };
        return url.endsWith("/there")
          ? Response.json(headers.get("cookie"))
          : url.endsWith("/events")
          ? new Response("data: [1]\n\n", { headers: type })
          : new Response(null, { status: 302, headers: cookie });
      },
    );
    const other = `127.0.0.1:${server.addr.port}`;
    assertEquals((await get(`${other}/`)).stdout, '"a=b"');
    assertStringIncludes((await get(`${other}/events`)).stdout, "1");
    const posts = await start(`${folder}/posts.js`, ["--offline"]).result;
    assertEquals([posts.code, posts.stderr], [0, ""]);
    await using own = await startApi("--memory", "data.ts");
    assertEquals((await get(`:${own.port}/posts`)).stdout, "[]");
  },
);

testBundle(
  "a bundle says how to permit what was denied: as it is called from where the user is",
  async () => {
    const url = "http://127.0.0.1:9/";
    const hint = async (script: string, cwd: string) =>
      (await start(script, [url], [], cwd).result).stderr.split("\n")[1];
    const flag = "deno run --allow-net=127.0.0.1:9";
    assertEquals(
      await hint("a folder/get.js", scratch),
      `hint: ${flag} 'a folder/get.js' ${url}`,
    );
    assertEquals(await hint("get.js", folder), `hint: ${flag} get.js ${url}`);
    assertEquals(
      await hint("../a folder/post.js", empty),
      `hint: ${flag} '${folder}/post.js' ${url}`,
    );
    // a launcher says how it is called, and that is not changed again
    assertEquals(
      await hint(`${pathToFileURL(`${folder}/get.js`)}?as=npx&as=hark`, empty),
      `hint: npx hark get --allow-net=127.0.0.1:9 ${url}`,
    );
  },
);

testBundle(
  "a bundle is installed from its file and from a URL, and runs from there",
  async () => {
    const server = Deno.serve(
      { hostname: "127.0.0.1", port: 0, onListen: () => {} },
      async ({ url }) =>
        new Response(
          await Deno.readFile(folder + new URL(url).pathname),
          { headers: { "Content-Type": "text/javascript" } },
        ),
    );
    const from = `http://127.0.0.1:${server.addr.port}/get.js`;
    for (const source of [`${folder}/get.js`, from]) {
      const home = await Deno.makeTempDir({ dir: scratch });
      const own = {
        ...env,
        HOME: home,
        DENO_DIR: `${home}/cache`,
        PATH: `${dirname(Deno.execPath())}:/usr/bin:/bin`,
      };
      const install = await spawnDeno([
        ...["install", "-q", "--global", "--name", "get", "--root", home],
        ...["--allow-net=127.0.0.1", source],
      ], { env: own, cwd: empty }).result;
      assertEquals(install.code, 0, install.stderr);
      const { code, stderr } = await spawnProgram(`${home}/bin/get`, [
        "http://localhost:9/",
      ], { env: own, cwd: empty }).result;
      assertEquals(code, 1);
      const shown = source === from ? from : `'${folder}/get.js'`;
      assertStringIncludes(stderr, `${shown} http://localhost:9/`);
    }
    await server.shutdown();
  },
);

Deno.test("bundle says that it makes all or nothing", async () => {
  const { code, stderr } = await run(main, ["get"]);
  assertEquals([code, stderr], [
    2,
    'bundle: Cannot bundle "get": all six are one bundle\nhint: see deno task bundle --help\n',
  ]);
});

Deno.test("bundle names the folder that it cannot write into", async () => {
  const { code, stderr } = await run(main, ["--out", "/dev/null/js"]);
  assertEquals([code, stderr], [
    1,
    'bundle: Cannot write into "/dev/null/js": it is not in a directory\n',
  ]);
});

Deno.test("bundle says in one line that Deno's bundler cannot be had, and leaves nothing behind", async () => {
  const out = `${scratch}/none`;
  const cache = `${scratch}/bare`;
  const { stdout } = await spawnDeno(["info", "--json"]).result;
  const { npmCache } = JSON.parse(stdout);
  // all packages but the bundler, and no way to fetch it
  for (const { name: registry } of Deno.readDirSync(npmCache)) {
    await Deno.mkdir(`${cache}/npm/${registry}`, { recursive: true });
    for (const { name } of Deno.readDirSync(`${npmCache}/${registry}`)) {
      if (name === "@esbuild") continue;
      const path = `npm/${registry}/${name}`;
      await Deno.symlink(`${npmCache}/${registry}/${name}`, `${cache}/${path}`);
    }
  }
  const { code, stderr } = await spawnDeno([
    ...["run", "-A", "--no-check", `${ROOT}tasks/bundle.ts`, "--out", out],
  ], { env: { DENO_DIR: cache, HTTPS_PROXY: "http://127.0.0.1:1" } }).result;
  assertEquals(code, 1);
  assertMatch(
    stderr,
    /^bundle: Cannot bundle the commands: Deno's bundler @esbuild\/\S+ cannot be downloaded\nhint: it comes from npm's registry, once\n$/,
  );
  assertEquals([...Deno.readDirSync(out)], []);
});
