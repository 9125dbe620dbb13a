import { assertEquals, assertMatch } from "@std/assert";
import type { Io } from "../../lib/cli/io.ts";
import { print } from "../../lib/cli/io.ts";
import { main as api } from "../../tasks/api.ts";
import { main as client } from "../../tasks/client.ts";
import { main, rehearse } from "../../tasks/demo.ts";
import { main as get } from "../../tasks/get.ts";
import { main as post } from "../../tasks/post.ts";
import { main as posts } from "../../tasks/posts.ts";
import { main as server } from "../../tasks/server.ts";
import {
  createMemoryIo,
  flagsOf,
  ROOT,
  run,
  spawnDeno,
  spawnProgram,
  testWith,
} from "../support.ts";

/** Where Deno keeps what it has loaded: without a home it cannot know. */
const DENO_DIR: string = JSON.parse(
  (await spawnDeno(["info", "--json"]).result).stdout,
).denoDir;

Deno.test("demo runs every command and counts six", async () => {
  const { code, stdout, stderr } = await run(main, []);
  assertEquals([code, stderr], [0, ""]);
  assertMatch(
    stdout,
    /\$ deno task server --port 0 --once\n[^$]*\n\n\$ deno task client localhost:\d+\nReceived from server: Hello, Client!\n\n\$ deno task api --memory --port 0\n(Listening .*\n)+Kept nowhere: .*\n\n\$ deno task get http/,
  );
  assertMatch(
    stdout,
    /\$ deno task post \S+ title=foo body=bar userId:=1\n201 Created\n/,
  );
  assertMatch(
    stdout,
    /\$ deno task get --raw --explain \S+\/posts\/1\nTCP is connected to .*\n(.*\n)*200: the server did what GET asks\.\n(.*\n)*200 OK\nThe end: as many bytes have come as Content-Length says\.\n/,
  );
  assertMatch(
    stdout,
    /\nBy hand, in two terminals: deno task api, .* deno task get :3000\/posts\ndemo: 6 passed, 0 failed\n$/,
  );
});

testWith("env", "every command runs without a home and a locale", async () => {
  const { code, stdout, stderr } = await spawnProgram("env", [
    ...["-i", "LANG=C", `DENO_DIR=${DENO_DIR}`, Deno.execPath(), "run"],
    ...[...flagsOf("demo"), `${ROOT}tasks/demo.ts`],
  ]).result;
  assertEquals([code, stderr], [0, ""]);
  assertMatch(stdout, /demo: 6 passed, 0 failed\n$/);
});

Deno.test("every command runs in any year", async () => {
  const { Date } = globalThis;
  try {
    for (const year of [2010, 2035, 2099]) {
      const now = Date.UTC(year, 1);
      globalThis.Date = new Proxy(Date, {
        construct: (target, args) =>
          Reflect.construct(target, args.length === 0 ? [now] : args),
        get: (target, name) =>
          name === "now" ? () => now : Reflect.get(target, name),
      });
      const { code, stdout } = await run(main, []);
      assertEquals(code, 0, stdout);
    }
  } finally {
    globalThis.Date = Date;
  }
});

Deno.test("demo refuses operands", async () => {
  const { code, stdout, stderr } = await run(main, ["get"]);
  assertEquals([code, stdout], [2, ""]);
  assertMatch(stderr, /^demo: Cannot run "get": the demo runs all\n/);
});

/** A command that prints a text and exits with a code. */
function pretend(text: string, code = 0) {
  return async (_: readonly string[], io: Io) => {
    await print(io.stdout, text);
    return code;
  };
}

Deno.test("demo names a step that fails, with what was expected and what came", async () => {
  const { io, stdout } = createMemoryIo();
  const commands = {
    api,
    server,
    client: pretend("Hello"),
    get,
    post: pretend("<html>"),
    posts: pretend("", 5),
  };
  assertEquals(await rehearse(commands, io), 4);
  const { text } = stdout;
  assertMatch(
    text,
    /\$ deno task client \S+\nHello\nFAILED: expected "Received from server: Hello, Client!\\n" on stdout, got "Hello"\n/,
  );
  assertMatch(text, /\$ deno task server \S+[^$]*FAILED: expected \/\^Server/);
  assertMatch(
    text,
    /\$ deno task posts \S+ \S+\n+FAILED: expected exit code 0, got 5/,
  );
  assertMatch(
    text,
    /\$ deno task post [^$]*FAILED: expected "201 Created\\n" on stderr, got ""\n/,
  );
  assertMatch(text, /demo: 2 passed, 4 failed\n$/);
});

Deno.test("demo says what came where JSON was expected", async () => {
  const { io, stdout } = createMemoryIo();
  const getHtml = async (_: readonly string[], io: Io) => {
    await print(io.stderr, "200 OK\n");
    await print(io.stdout, "<html>");
    return 0;
  };
  assertEquals(
    await rehearse({ api, server, client, get: getHtml, post, posts }, io),
    2,
  );
  assertMatch(stdout.text, /FAILED: expected \[\{.*, got <html>\n/);
});

Deno.test("demo says what it may not do, as any other command does", async () => {
  const { code, stdout, stderr } = await spawnDeno([
    "run",
    "--no-prompt",
    `${ROOT}tasks/demo.ts`,
  ]).result;
  assertEquals([code, stdout], [1, ""]);
  assertMatch(
    stderr,
    /^demo: Cannot listen on localhost:0: net access to \S+ is not permitted\nhint: deno run '--allow-net=localhost,127\.0\.0\.1,\[::1\]' .+demo\.ts'?\n$/,
  );
});
