/** The six binaries, as `deno task compile` makes them: HARK_BINARIES names their folder. */
import {
  assert,
  assertEquals,
  assertLess,
  assertMatch,
  assertStringIncludes,
} from "@std/assert";
import { encodeHex } from "@std/encoding/hex";
import { getAvailablePort } from "@std/net/get-available-port";
import config from "../../deno.json" with { type: "json" };
import { PERMISSIONS } from "../../tasks/compile.ts";
import {
  type Child,
  hasCommand,
  type SpawnOptions,
  spawnProgram,
} from "../support.ts";

const folder = Deno.env.get("HARK_BINARIES");
const NAMES = Object.keys(PERMISSIONS);

/** A test of the binaries: where there are none it is skipped, and its name says why. */
function testBinaries(
  name: string,
  fn: () => Promise<void>,
  lacking?: string,
): void {
  const why = folder === undefined ? "HARK_BINARIES is not set" : lacking;
  const reason = why === undefined ? "" : ` (skipped: ${why})`;
  Deno.test({ name: name + reason, ignore: why !== undefined, fn });
}

function spawn(
  name: string,
  args: readonly string[],
  options?: SpawnOptions,
): Child {
  return spawnProgram(`${folder}/${name}`, args, options);
}

/** Starts a server, and gives the port that it prints. */
async function listen(name: string, args: readonly string[]) {
  const child = spawn(name, ["--port", "0", ...args]);
  await child.stdout.waitFor("127.0.0.1:");
  await child.stdout.waitFor("[::1]:");
  const port = child.stdout.text.match(/127\.0\.0\.1:(\d+)/)?.[1] ?? "";
  return {
    child,
    port,
    stop: async (signal: Deno.Signal = "SIGINT") => {
      child.kill(signal);
      return (await child.result).code;
    },
  };
}

const version = folder === undefined
  ? ""
  : (await spawn("get", ["--version"]).result).stdout;
const [, deno = ""] = version.match(/\(deno (\S+),/) ?? [];
const lacking = deno.startsWith("2.4.") ? `Deno ${deno} cannot` : undefined;

for (const name of NAMES) {
  testBinaries(
    `the binary ${name} tells its version and how it is started`,
    async () => {
      const { code, stdout } = await spawn(name, ["--version"]).result;
      assertEquals(code, 0);
      assertStringIncludes(stdout, `hark ${config.version} (deno ${deno}, v8 `);
      const help = await spawn(name, ["--help"]).result;
      assertEquals([help.code, help.stderr], [0, ""]);
      assertStringIncludes(help.stdout, `Usage: ${folder}/${name} [OPTIONS]`);
    },
  );

  testBinaries(
    `the binary ${name} refuses an unknown option with 2`,
    async () => {
      const { code, stderr } = await spawn(name, ["--nosuchthing"]).result;
      assertEquals(code, 2);
      assertMatch(stderr, /^\w+: Unknown option "--nosuchthing"\nhint: /);
    },
  );
}

testBinaries("SHA256SUMS has the sum of each binary", async () => {
  const sums = await Deno.readTextFile(`${folder}/SHA256SUMS`);
  const files = sums.trimEnd().split("\n").map((line) => line.split("  "));
  assertEquals(files.map(([, file]) => file), [...NAMES].sort());
  for (const [sum, file] of files) {
    const bytes = await Deno.readFile(`${folder}/${file}`);
    const digest = await crypto.subtle.digest("SHA-256", bytes);
    assertEquals(encodeHex(digest), sum);
  }
});

testBinaries(
  "the binaries server and client greet as the tutorial's",
  async () => {
    const { child, port, stop } = await listen("server", []);
    const { code, stdout } = await spawn("client", [`127.0.0.1:${port}`])
      .result;
    assertEquals([code, stdout], [0, "Received from server: Hello, Client!\n"]);
    assertEquals(await stop(), 0);
    assertMatch(
      child.stdout.text,
      /^Server is waiting for a connection\.\.\.\n[^]*Connection from 127\.0\.0\.1:\d+ has been established!\n/,
    );
  },
);

testBinaries(
  "the binary client passes stdin and stdout on, byte for byte",
  async () => {
    const { port, stop } = await listen("server", ["echo"]);
    const stdin = new Uint8Array(100_000).map((_, at) => at * 7 % 256);
    const result = await spawn("client", ["--pipe", `:${port}`], { stdin })
      .result;
    assertEquals([result.code, result.stdoutBytes], [0, stdin]);
    assertEquals(await stop("SIGTERM"), 0);
  },
);

testBinaries(
  "the binaries get, post and posts do the tutorial's rows against api",
  async () => {
    const { port, stop } = await listen("api", ["--memory"]);
    const [got, raw, made, listed, missing] = await Promise.all([
      spawn("get", ["-a", "me:é", `:${port}/posts/1`]).result,
      spawn("get", ["--raw", `:${port}/users`]).result,
      spawn("post", [`:${port}/posts`, "title=foo", "userId:=1"]).result,
      spawn("posts", ["--url", `:${port}`, "--limit", "2"]).result,
      spawn("get", [`:${port}/posts/999`]).result,
    ]);
    assertEquals([got.code, got.stderr], [0, "200 OK\n"]);
    assertEquals(JSON.parse(got.stdout).id, 1);
    assertEquals([raw.code, JSON.parse(raw.stdout).length], [0, 10]);
    assertEquals([made.code, made.stderr], [0, "201 Created\n"]);
    assertEquals(JSON.parse(made.stdout), { title: "foo", userId: 1, id: 101 });
    assertMatch(listed.stdout, /^(Title: .*\nBody: [^]*?\n-{40}\n){2}$/);
    assertEquals([missing.code, missing.stdout], [4, "{}"]);
    assertEquals(await stop("SIGTERM"), 0);
  },
);

testBinaries(
  "the binary get logs in, keeps a session, saves, picks and explains",
  async () => {
    const folder = await Deno.makeTempDir();
    await using server = Deno.serve(
      { hostname: "127.0.0.1", port: 0, onListen() {} },
      ({ headers }) =>
        headers.get("authorization")?.startsWith("Digest ")
          ? Response.json({ cookie: headers.get("cookie") }, {
            headers: { "set-cookie": "a=1" },
          })
          : new Response("", {
            status: 401,
            headers: { "www-authenticate": 'Digest realm="r", nonce="n"' },
          }),
    );
    const url = `http://127.0.0.1:${server.addr.port}/saved`;
    const login = ["--digest", "-a", "ada:secret", url];
    const session = ["--session", `${folder}/s.json`];
    const saved = await spawn("get", ["-O", ...session, ...login], {
      cwd: folder,
    }).result;
    assertEquals(saved.code, 0, saved.stderr);
    assertEquals(
      await Deno.readTextFile(`${folder}/saved`),
      '{"cookie":null}',
    );
    const picked = ["--pick", ".cookie", "--explain=ko"];
    const { stdout, stderr } = await spawn("get", [
      ...[...picked, ...session, ...login],
    ]).result;
    assertEquals(stdout, "a=1\n");
    assertStringIncludes(stderr, "TCP");
    await Deno.remove(folder, { recursive: true });
  },
);

testBinaries("the binary api keeps its data in a file", async () => {
  const folder = await Deno.makeTempDir();
  const first = await listen("api", [`${folder}/a.db`]);
  await spawn("post", [`:${first.port}/posts`, "title=kept"]).result;
  assertEquals(await first.stop(), 0);
  const second = await listen("api", [`${folder}/a.db`]);
  const { stdout } = await spawn("get", [`:${second.port}/posts/101`]).result;
  assertEquals(JSON.parse(stdout).title, "kept");
  assertEquals(await second.stop(), 0);
  await Deno.remove(folder, { recursive: true });
});

testBinaries("the binary api carries its page, script and style", async () => {
  const { port, stop } = await listen("api", ["--memory"]);
  const response = await fetch(`http://localhost:${port}/`, {
    headers: { accept: "text/html" },
  });
  const page = await response.text();
  assertEquals([response.status, await stop()], [200, 0]);
  for (const part of ["<style>", "<script>"]) assert(page.includes(part), part);
});

testBinaries("the binary api makes sandboxes", async () => {
  const { port, stop } = await listen("api", ["--memory"]);
  const { code } = await spawn("get", [`:${port}/@me/posts/1`]).result;
  assertEquals([code, await stop()], [0, 0]);
}, lacking);

testBinaries("the binary get decodes brotli", async () => {
  const coded = Uint8Array.from(atob("CwGAaGkKAw=="), (c) => c.charCodeAt(0));
  await using server = Deno.serve(
    { hostname: "127.0.0.1", port: 0, onListen() {} },
    () => new Response(coded, { headers: { "content-encoding": "br" } }),
  );
  const url = `http://127.0.0.1:${server.addr.port}/`;
  const { code, stdout } = await spawn("get", [url]).result;
  assertEquals([code, stdout], [0, "hi\n"]);
}, lacking);

testBinaries("the binary get names what fails by its exit code", async () => {
  const port = getAvailablePort();
  const refused = await spawn("get", [`:${port}/`, "--retry", "0"]).result;
  assertEquals([refused.code, refused.stderr], [
    7,
    `get: Cannot connect to localhost:${port}: connection refused
hint: nothing listens there; start it with: ${folder}/server --port ${port}, or for HTTP: ${folder}/api --port ${port}
`,
  ]);
  using silent = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const late = await spawn("get", [
    `http://127.0.0.1:${silent.addr.port}/`,
    "-t",
    "0.2",
    "--retry",
    "0",
  ]).result;
  assertEquals(late.code, 28);
});

for (const [signal, code] of [["SIGINT", 130], ["SIGTERM", 143]] as const) {
  testBinaries(`the binary client ends on ${signal} with ${code}`, async () => {
    using listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
    const child = spawn("client", [`127.0.0.1:${listener.addr.port}`]);
    using _conn = await listener.accept();
    child.kill(signal);
    // a shell's number: ended by the signal itself, or by the command
    assertEquals((await child.result).code, code);
  });
}

testBinaries("the binary posts ends quietly when nobody reads on", async () => {
  const { port, stop } = await listen("api", ["--memory"]);
  const { code, stdout, stderr } = await spawnProgram("bash", [
    "-o",
    "pipefail",
    "-c",
    `"$0" --url :${port} | head -1`,
    `${folder}/posts`,
  ]).result;
  assertEquals([code, stdout.split("\n").length, stderr], [0, 2, ""]);
  assertEquals(await stop(), 0);
});

testBinaries(
  "the binaries write no file but what they are asked for",
  async () => {
    const empty = await Deno.makeTempDir();
    const options = { cwd: empty, env: { TMPDIR: empty, HOME: empty } };
    for (const name of NAMES) {
      await spawn(name, ["--help"], options).result;
    }
    const port = getAvailablePort();
    await spawn("get", [`:${port}/`, "--retry", "0"], options).result;
    assertEquals([...Deno.readDirSync(empty)], []);
    await Deno.remove(empty);
  },
);

/** Made by `deno compile --no-prompt --allow-net=localhost`. */
const NARROW = "narrow/get";

/** An empty script, compiled. */
const EMPTY = "narrow/empty";

/** Why tests with one of these are skipped. */
async function whyNo(file: string): Promise<string | undefined> {
  if (folder === undefined) return undefined;
  const isThere = await Deno.stat(`${folder}/${file}`)
    .then(() => true, () => false);
  return isThere ? undefined : `there is no ${file}`;
}

const noNarrow = await whyNo(NARROW);

testBinaries(
  "no binary is more than 9 MB larger than an empty script's",
  async () => {
    const { size } = await Deno.stat(`${folder}/${EMPTY}`);
    for (const name of NAMES) {
      assertLess((await Deno.stat(`${folder}/${name}`)).size, size + 9e6, name);
    }
  },
  await whyNo(EMPTY),
);

testBinaries(
  "a binary that may reach one host reaches no other, and says how to compile one that may",
  async () => {
    const { port, stop } = await listen("api", ["--memory"]);
    const url = `http://localhost:${port}/posts/1`;
    assertEquals((await spawn(NARROW, [url]).result).code, 0);
    const other = await spawn(NARROW, [`http://127.0.0.1:${port}/`]).result;
    assertEquals([other.code, other.stdout, other.stderr], [
      1,
      "",
      `get: Cannot get http://127.0.0.1:${port}/: this binary was compiled without net access to 127.0.0.1:${port}\n` +
      `hint: deno compile --no-prompt --allow-net=127.0.0.1:${port} -o get tasks/get.ts\n`,
    ]);
    const save = await spawn(NARROW, ["-o", "/nowhere/x", url]).result;
    assertEquals(save.code, 1);
    assertStringIncludes(save.stderr, "was compiled without read access to ");
    assertEquals(await stop(), 0);
  },
  noNarrow,
);

testBinaries(
  "a binary asks nothing on a terminal",
  async () => {
    const program = `import os, pty, sys
code = pty.spawn(sys.argv[1:])
sys.exit(os.waitstatus_to_exitcode(code))`;
    const { code, stdout } = await spawnProgram("python3", [
      "-c",
      program,
      `${folder}/${NARROW}`,
      "http://127.0.0.1:9/",
    ]).result;
    assertEquals(code, 1);
    assertStringIncludes(stdout, "was compiled without net access");
  },
  noNarrow ?? (hasCommand("python3") ? undefined : "python3 is not installed"),
);
