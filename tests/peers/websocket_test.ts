import { assert, assertEquals, assertLess, assertMatch } from "@std/assert";
import { main as client } from "../../tasks/client.ts";
import { main as server } from "../../tasks/server.ts";
import { openBrowser } from "../api/page/browser.ts";
import { memoryOf } from "../daemon.ts";
import { hashThrough, makeRandomFile } from "../net/big_transfer.ts";
import { portIn } from "../net/peers.ts";
import { run as runProgram } from "../program.ts";
import {
  hasCommand,
  ROOT,
  run,
  spawnProgram,
  start,
  testWith,
  withFolder,
} from "../support.ts";

const folder = await Deno.makeTempDir({ prefix: "hark-websocket-" });
addEventListener("unload", () => Deno.removeSync(folder, { recursive: true }));

/** Puts ws of npm in a folder, and tells whether npm gave it. */
async function installWs(): Promise<boolean> {
  const flags = ["--ignore-scripts", "--no-audit", "--no-fund"];
  const more = ["--no-package-lock", "--prefer-offline", "ws@8.23.0"];
  const { code } = await runProgram([
    ...["npm", "install", "--prefix", folder, ...flags, ...more],
  ]);
  return code === 0;
}

/** Where Debian's Python is: others have no package of its. */
const PYTHON = "/usr/bin/python3";
const hasWebsockets = hasCommand(PYTHON) &&
  (await runProgram([PYTHON, "-c", "import websockets"])).code === 0;
const hasWs = hasCommand("node") && hasCommand("npm") && await installWs();

/** A peer: its echo server, which says where it listens, and its client, which says what comes back for what it sends. */
interface Peer {
  readonly name: string;
  readonly isThere: boolean;
  readonly server: readonly string[];
  readonly client: (url: string) => readonly string[];
}

const NODE_SERVER = `const { WebSocketServer } = require("ws");
const server = new WebSocketServer({ port: 0, host: "127.0.0.1" });
server.on("listening", () => console.log("Listening on :" + server.address().port));
server.on("connection", (socket, request) => {
  if (request.url === "/4001") return socket.close(4001, "not here");
  socket.ping("x");
  socket.on("pong", (data) => socket.send("pong " + data));
  socket.on("message", (data, binary) => socket.send(data, { binary }));
});`;
const NODE_CLIENT = `const { WebSocket } = require("ws");
const socket = new WebSocket(process.argv[1], ["v1"], { perMessageDeflate: true });
const sizes = [0, 5, 125, 126, 65535, 65536, 1048576];
let at = 0;
socket.on("open", () => { socket.ping("p"); socket.send("x".repeat(sizes[0])); });
socket.on("pong", (data) => console.log("pong " + data));
socket.on("message", (data, binary) => {
  console.log(data.length, binary);
  at++;
  if (at < sizes.length) socket.send("x".repeat(sizes[at]));
  else if (at === sizes.length) {
    // a message in parts
    socket.send(Buffer.from("ab"), { binary: true, fin: false });
    socket.send(Buffer.from("cd"), { binary: true, fin: true });
  } else socket.close(4000, "done");
});
socket.on("close", (code, reason) => console.log(socket.protocol, code));`;
const PYTHON_SERVER = `import asyncio, websockets
async def echo(socket, path):
    if path == "/4001":
        return await socket.close(4001, "not here")
    await (await socket.ping("x"))
    await socket.send("pong x")
    async for message in socket:
        await socket.send(message)
async def main():
    async with websockets.serve(echo, "127.0.0.1", 0) as server:
        print("Listening on :%d" % server.sockets[0].getsockname()[1], flush=True)
        await asyncio.Future()
asyncio.run(main())`;
const PYTHON_CLIENT = `import asyncio, sys, websockets
async def main():
    async with websockets.connect(sys.argv[1], subprotocols=["v1"], max_size=None) as socket:
        await (await socket.ping("p"))
        print("pong p")
        for size in (0, 5, 125, 126, 65535, 65536, 1048576):
            await socket.send("x" * size)
            message = await socket.recv()
            print(len(message), "false" if isinstance(message, str) else "true")
        await socket.send([b"ab", b"cd"])
        print(len(await socket.recv()), "true")
        await socket.close(4000, "done")
        print(socket.subprotocol, socket.close_code)
asyncio.run(main())`;

const PEERS: readonly Peer[] = [
  {
    name: "npm's ws",
    isThere: hasWs,
    server: ["node", "-e", NODE_SERVER],
    client: (url) => ["node", "-e", NODE_CLIENT, url],
  },
  {
    name: "python3-websockets",
    isThere: hasWebsockets,
    server: [PYTHON, "-c", PYTHON_SERVER],
    client: (url) => [PYTHON, "-c", PYTHON_CLIENT, url],
  },
];

for (const peer of PEERS) {
  const { name, isThere } = peer;
  const reason = isThere ? "" : " (skipped: it is not installed)";

  Deno.test({
    name: `client talks WebSocket with ${name}${reason}`,
    ignore: !isThere,
    fn: async () => {
      const [program = "", ...args] = peer.server;
      const child = spawnProgram(program, args, { cwd: folder });
      const port = portIn(await child.stdout.waitFor(/Listening on :\d+\n/));
      const url = `ws://127.0.0.1:${port}`;
      const long = "é".repeat(300_000);
      const { code, stdout } = await run(
        client,
        ["--pipe", `${url}/a`],
        { stdin: [`one\n\n${long}\n`] },
      );
      assertEquals(code, 0);
      const lines = stdout.split("\n");
      assertEquals(lines.toSorted().map((line) => line.length), [
        ...[0, 0, 3, 6, 300_000],
      ]);
      assert(lines.includes("pong x") && lines.includes(long));
      const closed = await run(client, [`${url}/4001`]);
      assertEquals(closed.code, 1);
      assertMatch(closed.stderr, /closed with 4001 "not here"/);
      child.kill("SIGTERM");
      await child.result;
    },
  });

  Deno.test({
    name: `server --ws echoes to ${name}${reason}`,
    ignore: !isThere,
    fn: async () => {
      const ours = start(server, ["--ws", "echo", "--port", "0"]);
      const port = portIn(await ours.stdout.waitFor(/Listening on.*\n/));
      const [program = "", ...args] = peer.client(`ws://127.0.0.1:${port}/`);
      const child = spawnProgram(program, args, { cwd: folder });
      const { code, stdout, stderr } = await child.result;
      assertEquals([code, stderr], [0, ""]);
      assertEquals(
        stdout.trim().split("\n"),
        [
          "pong p",
          ...[0, 5, 125, 126, 65_535, 65_536, 1_048_576].map((size) =>
            `${size} false`
          ),
          "4 true",
          "v1 4000",
        ],
      );
      await ours.stdout.waitFor(/closed with 4000 "done"/);
      ours.interrupt();
      await ours.result;
    },
  });
}

testWith(
  "chromium",
  "pages of this machine take part in server --ws chat, and no others",
  async () => {
    await using browser = await openBrowser(
      "--host-resolver-rules=MAP elsewhere.example 127.0.0.1",
    );
    const ours = start(server, ["--ws", "chat", "--port", "0"], {
      stdin: (async function* () {
        await new Promise(() => {});
        yield "";
      })(),
    });
    const port = portIn(await ours.stderr.waitFor(/Listening on.*\n/));
    const page = Deno.serve(
      { hostname: "127.0.0.1", port: 0, onListen: () => {} },
      () =>
        new Response("<title>page</title>", {
          headers: { "content-type": "text/html" },
        }),
    );
    const opening = `
      window.heard = [];
      window.socket = new WebSocket("ws://127.0.0.1:${port}/room", "v1");
      socket.onopen = () => { document.title = "open " + socket.protocol; socket.send("from the page\\nits second line"); };
      socket.onmessage = ({ data }) => { document.title = "heard " + data; };
      socket.onclose = ({ code }) => { document.title = "closed " + code; };
      0`;
    await browser.open(`http://127.0.0.1:${page.addr.port}/`);
    await browser.evaluate(opening);
    await browser.waitFor('document.title === "open v1"');
    await ours.stdout.waitFor("from the page\nits second line\n");
    const said = await run(client, [
      "--send",
      "hello, page",
      `ws://127.0.0.1:${port}/`,
    ]);
    assertEquals(said.code, 0);
    await browser.waitFor('document.title === "heard hello, page"');
    await browser.open(`http://elsewhere.example:${page.addr.port}/`);
    await browser.evaluate(opening);
    await browser.waitFor('document.title === "closed 1006"');
    await ours.stderr.waitFor(
      /was refused: its origin is not allowed: http:\/\/else/,
    );
    ours.interrupt();
    await ours.result;
    await page.shutdown();
  },
);

testWith(
  "sha256sum",
  "1 GiB goes through client ws:// and server --ws echo, whole and in flat memory",
  () =>
    withFolder(async (folder) => {
      const file = `${folder}/bytes`;
      const hash = await makeRandomFile(file, 2 ** 30);
      const process = new Deno.Command(Deno.execPath(), {
        args: [
          ...["run", "-A", `${ROOT}tasks/server.ts`],
          ...["--ws", "echo", "--host", "127.0.0.1", "--port", "0"],
        ],
        stdout: "piped",
      }).spawn();
      const reader = process.stdout.pipeThrough(new TextDecoderStream())
        .getReader();
      let said = "";
      while (!/Listening.*\n/.test(said)) said += (await reader.read()).value;
      const command = [
        ...[Deno.execPath(), "run", "-A", `${ROOT}tasks/client.ts`],
        ...["--pipe", "--binary", `ws://127.0.0.1:${portIn(said)}/`],
      ];
      assertEquals(await hashThrough(command, file), hash);
      assertLess(await memoryOf(process.pid, "VmHWM"), 250e6);
      await reader.cancel();
      process.kill("SIGTERM");
      await process.status;
    }),
);
