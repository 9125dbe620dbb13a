import { assertEquals, assertMatch } from "@std/assert";
import type { Result } from "../../tasks/demo/memory.ts";
import { closedUrl, serveHttp } from "../http/server.ts";
import { encode, listening, ROOT, spawnDeno, withFolder } from "../support.ts";

/** What loads a package, at a port that is open. */
const COMMANDS: (readonly [name: string, ...args: string[]])[] = [
  ["client", "--json", ":PORT"],
  ["server", "--tls", "-p0"],
  ["server", "chat", "-p0"],
  ["get", "--json", ":PORT"],
  ["post", "--json", ":PORT", "a=1"],
  ["post", "--form", ":PORT", "a@deno.json"],
  ["posts", "--offline"],
];

/** Runs a command where no package was ever loaded, and none can be. */
function runBare(
  cache: string,
  [name = "", ...args]: readonly string[],
): Promise<Result> {
  const env = {
    DENO_DIR: cache,
    NPM_CONFIG_REGISTRY: closedUrl(),
    NO_PROXY: "127.0.0.1",
  };
  const script = `${ROOT}tasks/${name}.ts`;
  const run = ["run", "-q", "-A", "--no-prompt", script, ...args];
  return spawnDeno(run, { env }).result;
}

Deno.test("a package that cannot be loaded is what failed, before anything is sent", async () => {
  let requests = 0;
  await using server = serveHttp(() => {
    requests++;
    return new Response();
  });
  const port = server.url.replace(/.*:/, "");
  await withFolder(async (folder) => {
    const results = await Promise.all(COMMANDS.map((words, at) =>
      runBare(
        `${folder}/${at}`,
        words.map((word) => word.replace("PORT", port)),
      )
    ));
    for (const [at, { code, stdout, stderr }] of results.entries()) {
      assertEquals([code, stdout], [1, ""], stderr);
      assertMatch(
        stderr,
        /^\w+: Cannot load npm:\S+: the first run needs the registry \(.*\)\nhint: .* DENO_DIR .*\n$/,
        COMMANDS[at]?.join(" "),
      );
    }
  });
  assertEquals(requests, 0);
});

Deno.test("help, and what is asked for most, need no package", async () => {
  await using web = serveHttp(() => new Response());
  await using server = listening(async (conn) => {
    await conn.write(encode("hello"));
  });
  const proxy = web.url.replace("//", "//user:password@");
  await withFolder(async (folder) => {
    const calls = [
      ["server", "--help"],
      ["client", `127.0.0.1:${server.port}`],
      ["client", "--check", `127.0.0.1:${server.port}`],
      ["get", "-v", web.url],
      ["get", "--proxy", proxy, "http://a.example/"],
      ["post", web.url, "a=1"],
    ];
    const results = await Promise.all(
      calls.map((words, at) => runBare(`${folder}/${at}`, words)),
    );
    for (const [at, { code, stderr }] of results.entries()) {
      assertEquals(code, 0, `${calls[at]?.join(" ")}: ${stderr}`);
    }
  });
});
