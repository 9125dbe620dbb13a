import { assertEquals, assertMatch } from "@std/assert";
import { closedUrl } from "../http/server.ts";
import { listening, ROOT, spawnDeno, withFolder } from "../support.ts";

/** What loads a package, at a port that is open. */
const COMMANDS: (readonly [name: string, ...args: string[]])[] = [
  ["client", "--check", "--tls", `--pin=${"a".repeat(64)}`, ":PORT"],
  ["client", "--check", "--wait=9", `--pin=${"a".repeat(64)}`, ":PORT"],
  ["client", "--json", ":PORT"],
  ["server", "--tls", "-p0"],
  ["server", "chat", "-p0"],
  ["get", "--json", ":PORT"],
  ["post", "--form", ":PORT", "a@deno.json"],
  ["posts", "--offline"],
];

Deno.test("a package that cannot be loaded is what failed, and no port is judged by it", async () => {
  await using server = listening(async (conn) => {
    await conn.write(
      new TextEncoder().encode("HTTP/1.1 204 No Content\r\n\r\n"),
    );
  });
  await withFolder(async (folder) => {
    const ends = COMMANDS.map(async ([name, ...args], at) => {
      const words = args.map((word) => word.replace("PORT", `${server.port}`));
      const script = `${ROOT}tasks/${name}.ts`;
      const env = {
        DENO_DIR: `${folder}/${at}`,
        NPM_CONFIG_REGISTRY: closedUrl(),
        NO_PROXY: "127.0.0.1",
      };
      const run = ["run", "-q", "-A", "--no-prompt", script, ...words];
      const { code, stdout, stderr } = await spawnDeno(run, { env }).result;
      assertEquals([code, stdout], [1, ""], stderr);
      assertMatch(
        stderr,
        RegExp(
          `^${name}: Cannot load npm:\\S+: the first run needs the registry \\(.*\\)\nhint: .* DENO_DIR .*\n$`,
        ),
      );
    });
    await Promise.all(ends);
  });
});

Deno.test("help and plain work need no package", async () => {
  await using server = listening(async (conn) => {
    await conn.write(
      new TextEncoder().encode("HTTP/1.1 204 No Content\r\n\r\n"),
    );
  });
  const url = `:${server.port}`;
  await withFolder(async (folder) => {
    for (
      const args of [
        ["server", "--help"],
        ["client", url],
        ["client", "--check", url],
        ["get", "-v", url],
        ["get", "--proxy", `http://a:b@127.0.0.1${url}`, "http://a.example/"],
        ["post", url, "a=1"],
      ]
    ) {
      const [name = "", ...words] = args;
      const env = { DENO_DIR: folder, NPM_CONFIG_REGISTRY: closedUrl() };
      const script = `${ROOT}tasks/${name}.ts`;
      const run = ["run", "-q", "-A", "--no-prompt", script, ...words];
      const { code, stderr } = await spawnDeno(run, { env }).result;
      assertEquals(code, 0, `${args.join(" ")}: ${stderr}`);
    }
  });
});
