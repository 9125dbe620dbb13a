import { assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { send } from "../../lib/net/connection.ts";
import { main as client } from "../../tasks/client.ts";
import { main as get } from "../../tasks/get.ts";
import { main as post } from "../../tasks/post.ts";
import { serve } from "../../tasks/server/serve.ts";
import { serveHttp } from "../http/server.ts";
import { makeIdentity } from "../net/identity.ts";
import { inProcess, listening } from "../net/peers.ts";
import { encode, run, testWith } from "../support.ts";
import {
  pickPort,
  SECRET_HASH,
  startApache,
  startServer,
  withServerFiles,
} from "./servers.ts";

const CLOSED = 1;

const squidConfig = (folder: string, port: number) => `
http_port 127.0.0.1:${port}
pid_filename none
access_log none
cache_log stdio:${folder}/cache.log
cache deny all
cache_mem 0
coredump_dir ${folder}
netdb_filename none
pinger_enable off
unlinkd_program /bin/true
shutdown_lifetime 0 seconds
visible_hostname localhost
max_filedescriptors 1024
auth_param basic program /usr/lib/squid/basic_ncsa_auth ${folder}/passwords
auth_param basic children 1 startup=1 idle=1
acl closed port ${CLOSED}
acl known proxy_auth REQUIRED
http_access deny closed
http_access allow known
http_access deny all
`;

/** Lends a squid that asks for the password `secret` of `ada`. */
function withSquid(
  use: (proxy: (user: string) => string, folder: string) => Promise<void>,
): Promise<void> {
  const files = { passwords: `ada:${SECRET_HASH}\n` };
  return withServerFiles(files, async (folder) => {
    const port = pickPort();
    const config = `${folder}/squid.conf`;
    await Deno.writeTextFile(config, squidConfig(folder, port));
    // two of one name would share memory
    const command = ["squid", "-N", "-n", `hark${port}`, "-f", config];
    await using _ = await startServer(command, { folder, ready: port });
    await use((user) => `http://${user}127.0.0.1:${port}`, folder);
  });
}

const ADA = "ada:secret@";

/** How a proxy refuses: who comes, where to, and what is said of it. */
const REFUSALS: readonly (readonly [string, number, RegExp])[] = [
  ["", 80, /the proxy wants a user and a password\nhint: --proxy /],
  ["ada:wrong@", 80, /the proxy refused the user or the password\nhint: /],
  [ADA, CLOSED, /the proxy says: 403 Forbidden/],
];

/** A client at a terminal where nobody types: its half of the connection stays open. */
const AT_TERMINAL = { terminal: { stdin: true } };

testWith(
  "squid",
  "client goes through squid with a user and a password, and says why squid refuses",
  () =>
    withSquid(async (proxy) => {
      await using server = await serve({
        handler: async (connection) => await send(connection, encode("hello")),
      });
      const target = `127.0.0.1:${server.port}`;
      const reached = await run(
        client,
        ["--proxy", proxy(ADA), target],
        AT_TERMINAL,
      );
      assertEquals([reached.code, reached.stdout], [
        0,
        "Received from server: hello\n",
      ], reached.stderr);
      for (const [user, port, words] of REFUSALS) {
        const refused = await run(client, [
          "--proxy",
          proxy(user),
          `127.0.0.1:${port}`,
        ]);
        assertEquals([refused.code, refused.stdout], [7, ""]);
        assertMatch(refused.stderr, words);
      }
    }),
);

testWith(
  ["squid", "openssl"],
  "get and post go through squid, as HTTP and over TLS",
  () =>
    withSquid(async (proxy, folder) => {
      const handler = async (request: Request) => {
        const { length } = await request.bytes();
        const via = request.headers.get("via") ?? "";
        return Response.json([request.method, length, via]);
      };
      await using plain = serveHttp(handler);
      const { cert, key } = await makeIdentity(folder);
      await using secure = Deno.serve({
        ...{ hostname: "127.0.0.1", port: 0, onListen() {} },
        cert: await Deno.readTextFile(cert),
        key: await Deno.readTextFile(key),
      }, handler);
      const tlsUrl = `https://localhost:${secure.addr.port}/`;
      const ways = [
        [plain.url, "1.1 localhost (squid/", 4, /^407 Proxy Auth/],
        [tlsUrl, "", 7, /the proxy refused the user or the password/],
      ] as const;
      for (const [url, via, code, words] of ways) {
        const through = ["--raw", "--ca", cert, "--proxy", proxy(ADA)];
        const got = await run(get, [...through, url]);
        assertEquals(got.code, 0, got.stderr);
        assertStringIncludes(got.stdout, `["GET",0,"${via}`);
        const posted = await run(post, [...through, url, "-"], {
          stdin: new Uint8Array(3 << 20),
        });
        assertEquals(posted.code, 0, posted.stderr);
        assertStringIncludes(posted.stdout, `["POST",${3 << 20},"${via}`);
        const wrong = await run(get, ["--proxy", proxy("ada:wrong@"), url]);
        assertEquals(wrong.code, code, wrong.stderr);
        assertMatch(wrong.stderr, words);
      }
    }),
);

const haproxyConfig = (ports: HaproxyPorts) => `
defaults
  mode http
  timeout connect 5s
  timeout client 10s
  timeout server 10s
frontend web
  bind 127.0.0.1:${ports.web}
  timeout tarpit 10s
  http-request reject if { path /rejects }
  http-request tarpit if { path /stalls }
  http-request return status 429 if { path /busy }
  use_backend silent if { path /silent }
  use_backend odd if { path /odd }
  default_backend none
backend none
backend silent
  timeout server 300ms
  server a 127.0.0.1:${ports.silent}
backend odd
  server a 127.0.0.1:${ports.greet}
listen passed
  mode tcp
  bind 127.0.0.1:${ports.tcp}
  server a 127.0.0.1:${ports.echo}
`;

/** Where haproxy listens, and who is behind it. */
type HaproxyPorts = Readonly<
  Record<"web" | "tcp" | "echo" | "greet" | "silent", number>
>;

/** Lends a haproxy before three servers of ours. */
async function withHaproxy(
  use: (ports: HaproxyPorts) => Promise<void>,
): Promise<void> {
  const echo = await listening(inProcess, ["echo"]);
  const greet = await listening(inProcess, []);
  const silent = await listening(inProcess, ["discard"]);
  const all = [echo, greet, silent];
  await withServerFiles({}, async (folder) => {
    const ports = {
      ...{ web: pickPort(), tcp: pickPort() },
      ...{ echo: echo.port, greet: greet.port, silent: silent.port },
    };
    const config = `${folder}/haproxy.cfg`;
    await Deno.writeTextFile(config, haproxyConfig(ports));
    await using _ = await startServer(["haproxy", "-db", "-f", config], {
      folder,
      ready: ports.tcp,
    });
    await use(ports);
  }).finally(() => all.forEach(({ server }) => server.stop()));
  for (const { server } of all) assertEquals((await server.result).code, 0);
}

/** What haproxy does at a path, and how get ends. */
const FATES: readonly (readonly [string, number, RegExp])[] = [
  ["none", 5, /^503 /],
  ["odd", 5, /^502 /],
  ["silent", 5, /^504 /],
  ["busy", 4, /^429 /],
  ["rejects", 18, /Cannot get /],
  ["stalls", 28, /Cannot get .* within 0\.5 s/],
];

testWith(
  "haproxy",
  "get tells by its exit code what haproxy does instead of an answer",
  () =>
    withHaproxy(async ({ web }) => {
      for (const [path, code, words] of FATES) {
        for (const way of [[], ["--http=1.1"]]) {
          const result = await run(get, [
            ...[...way, "--retry=0", path === "stalls" ? "-t0.5" : "-t10"],
            `http://127.0.0.1:${web}/${path}`,
          ]);
          assertEquals(result.code, code, `${path}: ${result.stderr}`);
          assertMatch(result.stderr, words);
        }
      }
    }),
);

testWith(
  "haproxy",
  "client and server echo pass megabytes through haproxy, byte for byte",
  () =>
    withHaproxy(async ({ tcp }) => {
      const sent = new Uint8Array(8 << 20).map((_, at) => at % 251);
      const { code, stdoutBytes, stderr } = await run(
        client,
        ["--pipe", `127.0.0.1:${tcp}`],
        { stdin: sent },
      );
      assertEquals(code, 0, stderr);
      assertEquals(stdoutBytes, sent);
    }),
);

const apacheProxy = (folder: string, open: number, digest: number) => `
ProxyRequests On
AllowCONNECT 1-65535
Listen 127.0.0.1:${open}
Listen 127.0.0.1:${digest}
<VirtualHost 127.0.0.1:${digest}>
  <Proxy *>
    AuthType Digest
    AuthName proxy
    AuthUserFile ${folder}/digests
    Require valid-user
  </Proxy>
</VirtualHost>
`;

testWith(
  "apache2",
  "client goes through an open Apache, and not through one that wants Digest",
  () => {
    // of ada:proxy:secret
    const digests = "ada:proxy:034eef521b89f4c58596e3634ebe6910\n";
    return withServerFiles({ digests }, async (folder) => {
      const [open, digest] = [pickPort(), pickPort()];
      await using _ = await startApache(
        folder,
        apacheProxy(folder, open, digest),
      );
      await using server = await serve({
        handler: async (connection) => await send(connection, encode("hello")),
      });
      const target = `127.0.0.1:${server.port}`;
      const through = await run(client, [
        "--proxy",
        `http://127.0.0.1:${open}`,
        target,
      ], AT_TERMINAL);
      assertEquals([through.code, through.stdout], [
        0,
        "Received from server: hello\n",
      ], through.stderr);
      const refused = await run(client, [
        "--proxy",
        `http://${ADA}127.0.0.1:${digest}`,
        target,
      ], AT_TERMINAL);
      assertEquals([refused.code, refused.stdout], [7, ""]);
      assertMatch(
        refused.stderr,
        /^client: Cannot connect to .* through http:.*: the proxy /,
      );
    });
  },
);
