import { assertEquals, assertMatch } from "@std/assert";
import { quote } from "../../lib/cli/values.ts";
import { send } from "../../lib/net/connection.ts";
import { main as client } from "../../tasks/client.ts";
import { serve } from "../../tasks/server/serve.ts";
import { until } from "../daemon.ts";
import { hashThrough, makeRandomFile } from "../net/big_transfer.ts";
import { makeIdentity } from "../net/identity.ts";
import { type Command, inProcess, listening, portIn } from "../net/peers.ts";
import { run as runProgram } from "../program.ts";
import { encode, ROOT, run, spawnProgram, testWith } from "../support.ts";
import {
  pickPort,
  type RunningServer,
  spawnServer,
  startServer,
  withServerFiles,
} from "./servers.ts";

/** Lends a relay of ours to a target. */
async function withRelay(
  args: readonly string[],
  use: (port: number, server: Command) => Promise<void>,
): Promise<void> {
  const { port, server } = await listening(inProcess, ["relay", ...args]);
  try {
    await use(port, server);
  } finally {
    server.stop();
  }
  assertEquals((await server.result).code, 0);
}

/** Runs a program that must end well, and gives what it prints. */
async function outputOf(
  [program = "", ...args]: readonly string[],
  stdin?: Uint8Array,
): Promise<string> {
  const options = stdin === undefined ? {} : { stdin };
  const { code, stdout, stderr } = await spawnProgram(program, args, options)
    .result;
  assertEquals([code, stderr], [0, ""], stdout);
  return stdout;
}

/** Lends a redis that listens on a port and, in a path with a space, on a Unix socket. */
function withRedis(
  use: (redis: {
    readonly port: number;
    readonly socket: string;
    readonly folder: string;
    readonly start: () => Promise<RunningServer>;
  }) => Promise<void>,
): Promise<void> {
  return withServerFiles({}, async (folder) => {
    const port = pickPort();
    const socket = `${folder}/redis server.sock`;
    const command = [
      ...["redis-server", "--port", `${port}`, "--bind", "127.0.0.1"],
      ...["--unixsocket", socket, "--save", "", "--dir", folder],
    ];
    await use({
      ...{ port, socket, folder },
      start: () => startServer(command, { folder, ready: socket }),
    });
  });
}

const ping = (port: number, ...args: readonly string[]) =>
  outputOf(["redis-cli", "-h", "localhost", "-p", `${port}`, ...args, "ping"]);

testWith(
  ["redis-server", "openssl"],
  "server relay before redis passes on TCP, a Unix socket and what came with TLS",
  () =>
    withRedis(async ({ port, socket, folder, start }) => {
      await using _ = await start();
      const { cert, key } = await makeIdentity(folder);
      await withRelay([`127.0.0.1:${port}`], async (relay) => {
        assertEquals(await ping(relay), "PONG\n");
      });
      await withRelay(
        [`unix:${socket}`, "--cert", cert, "--key", key],
        async (relay) => {
          assertEquals(await ping(relay, "--tls", "--cacert", cert), "PONG\n");
        },
      );
    }),
);

testWith(
  "redis-server",
  "client asks redis one thing, and 20,000 things at once",
  () =>
    withRedis(async ({ port, socket, start }) => {
      await using _ = await start();
      for (const target of [`127.0.0.1:${port}`, `unix:${socket}`]) {
        const one = await run(client, ["--pipe", "--send", "PING\r\n", target]);
        assertEquals([one.code, one.stdout], [0, "+PONG\r\n"], one.stderr);
      }
      const commands = Array.from(
        { length: 20_000 },
        (_, at) => `SET k${at} ${at}\r\n`,
      );
      await withRelay([`127.0.0.1:${port}`], async (relay) => {
        const all = await run(client, ["--pipe", `127.0.0.1:${relay}`], {
          stdin: commands.join(""),
        });
        assertEquals(all.code, 0, all.stderr);
        assertEquals(all.stdout, "+OK\r\n".repeat(20_000));
      });
      const size = await run(client, [
        "--pipe",
        "--send",
        "DBSIZE\r\n",
        `127.0.0.1:${port}`,
      ]);
      assertEquals(size.stdout, ":20000\r\n");
    }),
);

testWith(
  "redis-server",
  "server relay outlives a redis that is killed and comes again",
  () =>
    withRedis(async ({ port, start }) => {
      await withRelay([`127.0.0.1:${port}`], async (relay, server) => {
        const first = await start();
        using held = await Deno.connect({ hostname: "127.0.0.1", port: relay });
        await held.write(encode("PING\r\n"));
        await held.read(new Uint8Array(7));
        await first.crash();
        assertEquals(
          await held.read(new Uint8Array(1)).catch(() => null),
          null,
        );
        const lost = await run(client, ["--pipe", `127.0.0.1:${relay}`]);
        assertEquals(lost.stdout, "");
        await server.stdout.waitFor("connection refused");
        await using _ = await start();
        assertEquals(await ping(relay), "PONG\n");
      });
    }),
);

/** Where Debian keeps the programs of its newest PostgreSQL; elsewhere they are in PATH. */
function findPostgres(): string {
  try {
    const versions = [...Deno.readDirSync("/usr/lib/postgresql")]
      .map(({ name }) => Number(name)).sort((a, b) => a - b);
    const newest = versions.at(-1);
    return newest === undefined ? "" : `/usr/lib/postgresql/${newest}/bin/`;
  } catch {
    return "";
  }
}

const POSTGRES = findPostgres();

testWith(
  [`${POSTGRES}postgres`, "psql"],
  "client waits for PostgreSQL, and server relay passes psql and its copies on",
  () =>
    withServerFiles({}, async (folder) => {
      const data = `${folder}/data`;
      const made = await spawnServer([
        ...[`${POSTGRES}initdb`, "-D", data, "-A", "trust", "-U", "ada"],
        ...["--no-sync", "--no-locale", "-E", "UTF8"],
      ], folder).result;
      assertEquals(made.code, 0, made.stderr);
      const port = pickPort();
      const waiting = run(client, [
        "--wait",
        "30",
        "--check",
        `127.0.0.1:${port}`,
      ]);
      await using _ = await startServer([
        ...[`${POSTGRES}postgres`, "-D", data, "-p", `${port}`, "-k", folder],
        ...["-c", "listen_addresses=127.0.0.1", "-c", "fsync=off"],
      ], { folder, ready: port, signal: "SIGINT" });
      const { code, stderr } = await waiting;
      assertEquals(code, 0, stderr);
      const psql = (relay: number, command: string, stdin?: Uint8Array) =>
        outputOf([
          ...["psql", "-X", "-qAt", "-v", "ON_ERROR_STOP=1", "-h", "127.0.0.1"],
          ...["-p", `${relay}`, "-U", "ada", "-c", command, "postgres"],
        ], stdin);
      await until("PostgreSQL to be ready", async () =>
        (await runProgram([
          "pg_isready",
          "-q",
          "-h",
          "127.0.0.1",
          "-p",
          `${port}`,
        ])).code === 0);
      for (
        const target of [`127.0.0.1:${port}`, `unix:${folder}/.s.PGSQL.${port}`]
      ) {
        await withRelay([target], async (relay) => {
          await psql(
            relay,
            "create table sent as select n, md5(n::text) from generate_series(1, 100000) n",
          );
          const rows = await psql(relay, "copy sent to stdout");
          await psql(relay, "create table taken (like sent)");
          await psql(relay, "copy taken from stdin", encode(rows));
          const both = "select count(*) from sent natural join taken";
          assertEquals(await psql(relay, both), "100000\n");
          await psql(relay, "drop table sent, taken");
        });
      }
    }),
);

/** What tells Deno where its cache is, which a login may see otherwise. */
const CACHE = ["HOME", "XDG_CACHE_HOME", "DENO_DIR"];

/** The command line of a task of ours, for a shell. */
function commandOf(task: string, ...args: readonly string[]): string {
  const env = CACHE.flatMap((name) => {
    const value = Deno.env.get(name);
    return value === undefined ? [] : [`${name}=${quote(value)}`];
  });
  return [
    ...["env", ...env, quote(Deno.execPath()), "run", "-A"],
    ...[quote(`${ROOT}tasks/${task}.ts`), ...args],
  ].join(" ");
}

/** Lends an sshd that lets in who runs the tests, and the start of ssh's command line. */
function withSshd(
  use: (ssh: readonly string[], folder: string) => Promise<void>,
): Promise<void> {
  return withServerFiles({}, async (folder) => {
    const port = pickPort();
    for (const name of ["host", "user"]) {
      await outputOf([
        ..."ssh-keygen -q -t ed25519 -N".split(" "),
        ...["", "-f", `${folder}/${name}`],
      ]);
    }
    const config = [
      ...[`Port ${port}`, "ListenAddress 127.0.0.1", `HostKey ${folder}/host`],
      ...[`AuthorizedKeysFile ${folder}/user.pub`, "StrictModes no"],
      ...["PidFile none", "UsePAM no", "PermitRootLogin yes"],
    ];
    await Deno.writeTextFile(`${folder}/sshd.conf`, config.join("\n"));
    // the system makes it when it starts sshd
    if (Deno.uid() === 0) {
      await Deno.mkdir("/run/sshd", { recursive: true, mode: 0o755 });
    }
    const command = ["sshd", "-D", "-e", "-f", `${folder}/sshd.conf`];
    await using _ = await startServer(command, {
      ...{ folder, ready: port, privileged: true },
    });
    await use([
      ...["ssh", "-F", "none", "-T", "-i", `${folder}/user`, "-p", `${port}`],
      ..."-o BatchMode=yes -o LogLevel=ERROR -o StrictHostKeyChecking=no -o UserKnownHostsFile=/dev/null"
        .split(" "),
    ], folder);
  });
}

const SSH = ["sshd", "ssh"];

testWith(
  SSH,
  "ssh logs in through client --pipe, and passes 10 MB both ways",
  () =>
    withSshd(async (ssh, folder) => {
      const through = [
        ...ssh,
        "-o",
        `ProxyCommand=${commandOf("client", "--pipe", "%h", "%p")}`,
        "127.0.0.1",
      ];
      const path = `${folder}/random`;
      const sent = await makeRandomFile(path, 10 << 20);
      assertEquals(await hashThrough([...through, "cat"], path), sent);
      const failed = await spawnProgram("ssh", [...through.slice(1), "exit 3"])
        .result;
      assertEquals([failed.code, failed.stderr], [3, ""]);
    }),
);

testWith(
  SSH,
  "server pipe over ssh passes on what a client sends, and ends with it",
  () =>
    withSshd(async (ssh) => {
      const [program = "", ...args] = [
        ...ssh,
        "127.0.0.1",
        commandOf("server", "pipe", "--host", "127.0.0.1", "-p", "0"),
      ];
      const remote = spawnProgram(program, args);
      const port = portIn(await remote.stderr.waitFor(/Listening on .*\n/));
      const sent = new Uint8Array(5 << 20).map((_, at) => at % 251);
      const local = await run(client, ["--pipe", `127.0.0.1:${port}`], {
        stdin: sent,
      });
      assertEquals(local.code, 0, local.stderr);
      const { code, stdoutBytes, stderr } = await remote.result;
      assertEquals(code, 0, stderr);
      assertEquals(stdoutBytes, sent);
    }),
);

testWith(
  SSH,
  "client goes through the SOCKS proxy of ssh -D",
  () =>
    withSshd(async (ssh, folder) => {
      const port = pickPort();
      const command = [...ssh, "-N", "-D", `127.0.0.1:${port}`, "127.0.0.1"];
      await using _ = await startServer(command, {
        ...{ folder, ready: port, privileged: true },
      });
      await using server = await serve({
        handler: async (connection) => await send(connection, encode("hello")),
      });
      const proxy = `socks5://127.0.0.1:${port}`;
      for (const host of ["127.0.0.1", "localhost"]) {
        const reached = await run(client, [
          "--proxy",
          proxy,
          `${host}:${server.port}`,
        ]);
        assertEquals([reached.code, reached.stdout], [
          0,
          "Received from server: hello\n",
        ], reached.stderr);
      }
      const refused = await run(client, ["--proxy", proxy, "127.0.0.1:1"]);
      assertEquals([refused.code, refused.stdout], [7, ""]);
      assertMatch(
        refused.stderr,
        /^client: Cannot connect to 127\.0\.0\.1:1 through socks5:/,
      );
    }),
);
