import { assert, assertEquals } from "@std/assert";
import { getAvailablePort } from "@std/net/get-available-port";
import { openApi } from "../api/support.ts";
import { connect, until } from "../daemon.ts";
import { serveHttp, type TestServer } from "../http/server.ts";
import { encode, flagsOf, listening, ROOT, withFolder } from "../support.ts";

/** What becomes of a reader of stderr. */
const READERS = ["stays", "goes after a line", "goes at once"] as const;

type Reader = (typeof READERS)[number];

/** More than any pipe holds. */
const MANY = new Uint8Array(3_000_000).map((_, at) => at % 251);

/** What a run is given. */
interface World {
  readonly folder: string;
  /** An api with the seed. */
  readonly api: string;
  /** A server whose one body is {@linkcode MANY}; it has nothing at `/none`. */
  readonly web: string;
  /** A port of a server of its own. */
  readonly port: number;
  /** A port that sends back what comes. */
  readonly echo: number;
  /** A port on which nobody listens. */
  readonly closed: number;
}

interface Case {
  readonly args: (world: World) => readonly string[];
  readonly code: number;
  readonly stdin?: Uint8Array<ArrayBuffer>;
  /** What a client of it sends; what the client gets is held to be the same too. */
  readonly sends?: Uint8Array<ArrayBuffer>;
  /** What a client of it asks for instead, over HTTP. */
  readonly asks?: string;
  /** Whether it goes on until a signal. */
  readonly serves?: boolean;
}

const HELLO = encode("hello\n");

const CASES: Readonly<Record<string, Case>> = {
  "server greet --dump": {
    args: ({ port }) => [`-p${port}`, "--once", "--dump"],
    code: 0,
    // what it does not read would reset the connection
    sends: new Uint8Array(),
  },
  "server echo --dump": {
    args: ({ port }) => ["echo", `-p${port}`, "--once", "--dump"],
    code: 0,
    sends: MANY.slice(0, 300_000),
  },
  "server discard --dump": {
    args: ({ port }) => ["discard", `-p${port}`, "--once", "--dump"],
    code: 0,
    sends: MANY.slice(0, 300_000),
  },
  "server relay --dump": {
    args: (
      { port, echo },
    ) => ["relay", `127.0.0.1:${echo}`, `-p${port}`, "--once", "--dump"],
    code: 0,
    sends: MANY.slice(0, 300_000),
  },
  "server pipe": {
    args: ({ port }) => ["pipe", `-p${port}`],
    code: 0,
    stdin: MANY,
    sends: MANY,
  },
  "server chat": {
    args: ({ port }) => ["chat", `-p${port}`],
    code: 0,
    sends: HELLO,
    serves: true,
  },
  "client": { args: ({ echo }) => [`:${echo}`, "--send=hi"], code: 0 },
  "client, without --pipe": {
    args: ({ echo }) => [`:${echo}`, "--idle-timeout=0.3"],
    code: 28,
  },
  "client --pipe --dump": {
    args: ({ echo }) => ["--pipe", "--dump", `:${echo}`],
    code: 0,
    stdin: MANY.slice(0, 300_000),
  },
  "client, refused": { args: ({ closed }) => [`:${closed}`], code: 7 },
  "client, used wrongly": { args: () => ["--baffle"], code: 2 },
  "get": { args: ({ web }) => [web], code: 0 },
  "get, not found": { args: ({ web }) => [`${web}/none`], code: 4 },
  "get -v -o": { args: ({ web }) => ["-v", "-o", "f", web], code: 0 },
  "get -O": { args: ({ web }) => ["--time", "-O", `${web}/many`], code: 0 },
  "get --json": { args: ({ web }) => ["--json", `${web}/none`], code: 4 },
  "post": { args: ({ api }) => [`${api}/posts`, "title=kept"], code: 0 },
  "posts create": {
    args: ({ api }) => ["--url", api, "create", "title=kept"],
    code: 0,
  },
  "posts, not found": { args: ({ api }) => ["--url", api, "9999"], code: 4 },
  "posts, with a key that is ignored": {
    args: ({ api }) => ["--url", api, "titel=x", "--limit=3"],
    code: 0,
  },
  "api": {
    args: ({ port }) => ["--memory", `-p${port}`],
    code: 0,
    asks: "/posts/1",
    serves: true,
  },
  "api, used wrongly": { args: () => ["--baffle"], code: 2 },
  "demo": { args: () => [], code: 0 },
  "demo, used wrongly": { args: () => ["--baffle"], code: 2 },
};

/** Bytes as a failure may show them, where numbers are of this run alone. */
function show(bytes: Uint8Array): string {
  const text = new TextDecoder("latin1").decode(bytes);
  const sum = bytes.reduce((sum, byte) => (sum * 31 + byte) % 1e9, 0);
  return bytes.length > 9999
    ? `${bytes.length} bytes, ${sum}`
    : text.replace(/[\d.]+/g, "N");
}

async function readAll(
  stream: ReadableStream<Uint8Array<ArrayBuffer>>,
): Promise<Uint8Array> {
  return await new Response(stream).bytes();
}

/** Reads stderr as the reader does, until it goes. */
async function read(
  stderr: ReadableStream<Uint8Array>,
  reader: Reader,
): Promise<void> {
  if (reader === "goes at once") return await stderr.cancel();
  const decoder = new TextDecoder();
  for await (const bytes of stderr) {
    const isLine = decoder.decode(bytes, { stream: true }).includes("\n");
    if (isLine && reader === "goes after a line") return;
  }
}

async function connectTo(port: number): Promise<Deno.TcpConn> {
  const found: Deno.TcpConn[] = [];
  await until("a server to listen", async () => {
    await connect(port).then((conn) => found.push(conn), () => {});
    return found.length > 0;
  });
  const [conn] = found;
  assert(conn !== undefined);
  return conn;
}

async function exchange(port: number, bytes: Uint8Array): Promise<string> {
  const conn = await connectTo(port);
  const received = readAll(conn.readable).then(show, () => "cut");
  const writer = conn.writable.getWriter();
  // it may have said all, and be gone
  await writer.write(bytes).then(() => conn.closeWrite()).catch(() => {});
  return await received;
}

async function ask(port: number, path: string): Promise<string> {
  (await connectTo(port)).close();
  return await (await fetch(`http://127.0.0.1:${port}${path}`)).text();
}

async function runAs(
  reader: Reader,
  name: string,
  { args, stdin, sends, asks, serves }: Case,
  world: World,
) {
  const { folder, api, port } = world;
  const [task = ""] = name.match(/^\w+/) ?? [];
  const command = new Deno.Command(Deno.execPath(), {
    args: [
      "run",
      ...flagsOf(task).filter((flag) => !/^--allow-/.test(flag)),
      "--allow-all",
      `${ROOT}tasks/${task}.ts`,
      ...args(world),
    ],
    cwd: folder,
    env: { NO_COLOR: "1" },
    stdin: stdin || serves ? "piped" : "null",
    stdout: "piped",
    stderr: "piped",
  });
  const child = command.spawn();
  const [output] = [readAll(child.stdout), read(child.stderr, reader)];
  const input = stdin || serves ? child.stdin.getWriter() : undefined;
  // what it does not take shows in what comes of it
  const fed = stdin &&
    input?.write(stdin).then(() => input.close()).catch(() => {});
  const received = asks
    ? await ask(port, asks)
    : sends && await exchange(port, sends);
  if (serves) child.kill("SIGTERM");
  const [{ code }, stdout] = await Promise.all([child.status, output, fed]);
  if (serves) await input?.close().catch(() => {});
  const files: string[] = [];
  for (const { name } of Deno.readDirSync(folder)) {
    files.push(`${name}: ${show(Deno.readFileSync(`${folder}/${name}`))}`);
  }
  const kept = await (await fetch(`${api}/posts?title=kept`)).json();
  return {
    code,
    stdout: show(stdout),
    received,
    files,
    kept: kept.length,
  };
}

function serveWeb(): TestServer {
  return serveHttp(({ url }) =>
    url.endsWith("/none")
      ? new Response("nothing\n", { status: 404 })
      : new Response(MANY)
  );
}

for (const [name, test] of Object.entries(CASES)) {
  Deno.test({
    name: `a lost reader of stderr loses its messages alone: ${name}`,
    // a server that is told to end there is killed
    ignore: test.serves === true && Deno.build.os === "windows",
    fn: async () => {
      await using web = serveWeb();
      await using echo = listening(async (conn) => {
        const buffer = new Uint8Array(65_536);
        for (let count; (count = await conn.read(buffer)) !== null;) {
          for (let at = 0; at < count;) {
            at += await conn.write(buffer.subarray(at, count));
          }
        }
      });
      const results = READERS.map(async (reader) => {
        let result: Awaited<ReturnType<typeof runAs>> | undefined;
        using store = openApi();
        await using api = serveHttp(store.handler);
        await withFolder(async (folder) => {
          result = await runAs(reader, name, test, {
            folder,
            api: api.url,
            web: web.url,
            echo: echo.port,
            port: getAvailablePort(),
            closed: getAvailablePort(),
          });
        });
        return result;
      });
      const [open, ...lost] = await Promise.all(results);
      assertEquals(open?.code, test.code);
      for (const result of lost) assertEquals(result, open);
    },
  });
}
