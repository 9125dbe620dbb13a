import { createHash } from "node:crypto";
import { gzipSync } from "node:zlib";
import { assert, assertEquals, assertMatch } from "@std/assert";
import { send } from "../../lib/http/send.ts";
import { main as get } from "../../tasks/get.ts";
import { createDigest } from "../../tasks/get/auth/digest.ts";
import { main as post } from "../../tasks/post.ts";
import { sleep, until } from "../daemon.ts";
import { type Identity, makeIdentity } from "../net/identity.ts";
import { inProcess, listening, portIn } from "../net/peers.ts";
import { hasCommand, run, spawnProgram, start, testWith } from "../support.ts";
import {
  formatNginx,
  pickPort,
  type RunningServer,
  SECRET_HASH,
  startApache,
  startServer,
  withServerFiles,
} from "./servers.ts";

const BIG = 8 << 20;
const big = Uint8Array.from({ length: BIG }, (_, at) => at % 251);
const json = JSON.stringify({ text: "é".repeat(5000) });

const nginxConfig = (folder: string, port: number, tls: string) =>
  formatNginx(
    folder,
    `  access_log ${folder}/access.log;
  types { application/json json; }
  client_max_body_size 0;
  gzip on;
  gzip_types application/json;
  server {
    listen 127.0.0.1:${port};
    listen unix:${socketIn(folder)};
    ${tls}
    root ${folder};
    location /slow/ { alias ${folder}/; limit_rate 4m; }
    location /small/ { alias ${folder}/; dav_methods PUT; client_max_body_size 1m; }
    location /dav/ { dav_methods PUT DELETE; create_full_put_path on; }
    location /gone { return 444; }
  }`,
  );

const NGINX = ["nginx", "openssl"];

/** Where a test's nginx is. */
interface Nginx {
  readonly folder: string;
  readonly url: string;
  readonly port: number;
  readonly tlsPort: number;
  readonly identity: Identity;
  readonly start: () => Promise<RunningServer>;
}

/** Lends a folder where nginx can serve and store, plain and with TLS. */
function withNginx(
  use: (nginx: Nginx) => Promise<void>,
): Promise<void> {
  return withServerFiles({ "big.bin": big, "a.json": json }, async (folder) => {
    const identity = await makeIdentity(folder);
    await Deno.chmod(identity.key, 0o644);
    const [port, tlsPort] = [pickPort(), pickPort()];
    const tls = `listen 127.0.0.1:${tlsPort} ssl http2;
      ssl_certificate ${identity.cert};
      ssl_certificate_key ${identity.key};`;
    const config = `${folder}/nginx.conf`;
    await Deno.writeTextFile(config, nginxConfig(folder, port, tls));
    const command = ["nginx", "-e", "stderr", "-p", folder, "-c", config];
    await use({
      folder,
      url: `http://127.0.0.1:${port}`,
      port,
      tlsPort,
      identity,
      start: async () => {
        // one that was killed has left it, and the next one stumbles over it
        await Deno.remove(socketIn(folder)).catch(() => {});
        return await startServer(command, { folder, ready: port });
      },
    });
  });
}

const socketIn = (folder: string) => `${folder}/nginx.sock`;

/** How get reaches a server: over fetch, over its own connection, and through a Unix socket. */
const WAYS = (folder: string): readonly (readonly string[])[] => [
  [],
  ["--http=1.1"],
  ["--unix", socketIn(folder)],
];

testWith(
  NGINX,
  "get decodes and saves what nginx serves, each way",
  () =>
    withNginx(async ({ folder, url, start }) => {
      await using _ = await start();
      for (const way of WAYS(folder)) {
        const shown = await run(get, [...way, "-i", `${url}/a.json`]);
        assertMatch(shown.stdout, /^content-encoding: gzip\r?$/im);
        assert(shown.stdout.endsWith(json), `${way}: ${shown.stdout}`);
        const file = `${folder}/saved.bin`;
        const saved = await run(get, [...way, "-o", file, `${url}/big.bin`]);
        assertEquals(saved.code, 0, saved.stderr);
        assertEquals(await Deno.readFile(file), big);
        const none = await run(get, [...way, `${url}/none`]);
        assertEquals(none.code, 4);
        await Deno.remove(file);
      }
    }),
);

testWith(
  NGINX,
  "get -c goes on where a killed nginx left off",
  () =>
    withNginx(async ({ folder, url, start: serve }) => {
      const file = `${folder}/saved.bin`;
      const first = await serve();
      const getting = start(get, [
        ...["--retry", "0", "-o", file, `${url}/slow/big.bin`],
      ]);
      await until("a part of it", () => hasPart(folder));
      await first.crash();
      const cut = await getting.result;
      assertEquals(cut.code, 18, cut.stderr);
      await using _ = await serve();
      const rest = await run(get, ["-c", "-o", file, `${url}/slow/big.bin`]);
      assertEquals(rest.code, 0, rest.stderr);
      assertEquals(await Deno.readFile(file), big);
      const log = await Deno.readTextFile(`${folder}/access.log`);
      assertMatch(log, / 206 \d+ /);
    }),
);

testWith(
  NGINX,
  "get outlives an nginx that is killed and comes again",
  () =>
    withNginx(async ({ folder, url, start: serve }) => {
      const file = `${folder}/saved.bin`;
      const first = await serve();
      const getting = start(get, [
        ...["--retry", "8", "-o", file, `${url}/slow/big.bin`],
      ]);
      await until("a part of it", () => hasPart(folder));
      await first.crash();
      await using _ = await serve();
      const { code, stderr } = await getting.result;
      assertEquals(code, 0, stderr);
      assertEquals(await Deno.readFile(file), big);
    }),
);

/** Whether a megabyte of a download has been saved. */
async function hasPart(folder: string): Promise<boolean> {
  for await (const { name } of Deno.readDir(folder)) {
    if (!/^saved\.bin.*part$/.test(name)) continue;
    const { size } = await Deno.stat(`${folder}/${name}`);
    if (size > 1 << 20) return true;
  }
  return false;
}

testWith(
  NGINX,
  "post puts megabytes into nginx, with a length and in chunks",
  () =>
    withNginx(async ({ folder, url, start }) => {
      await using _ = await start();
      const made = await run(post, [
        ...["-X", "PUT", `${url}/dav/a/b.bin`, `@${folder}/big.bin`],
      ]);
      assertEquals(made.code, 0, made.stderr);
      assertMatch(made.stderr, /201 Created/);
      assertEquals(await Deno.readFile(`${folder}/dav/a/b.bin`), big);
      const stdin = [big, new Uint8Array([1])];
      const replaced = await run(
        post,
        ["-X", "PUT", `${url}/dav/a/b.bin`, "-"],
        { stdin },
      );
      assertMatch(replaced.stderr, /204 No Content/);
      const { size } = await Deno.stat(`${folder}/dav/a/b.bin`);
      assertEquals(size, BIG + 1);
      const gone = await run(get, ["-X", "DELETE", `${url}/dav/a/b.bin`]);
      assertEquals(gone.code, 0, gone.stderr);
    }),
);

testWith(
  NGINX,
  "an answer in the middle of an upload is shown, and none at all is told",
  () =>
    withNginx(async ({ folder, url, start }) => {
      await using _ = await start();
      const refused = await run(post, [
        ...["-X", "PUT", `${url}/small/b.bin`, `@${folder}/big.bin`],
      ]);
      assertEquals(refused.code, 4, refused.stderr);
      assertMatch(refused.stderr, /413/);
      for (const way of WAYS(folder)) {
        const closed = await run(get, [...way, "--retry=0", `${url}/gone`]);
        assertEquals([closed.code, closed.stdout], [18, ""], closed.stderr);
      }
    }),
);

testWith(
  NGINX,
  "server relay before nginx ends TLS, begins TLS and passes TLS on",
  () =>
    withNginx(async ({ tlsPort, port, identity, start }) => {
      await using _ = await start();
      const { cert, key } = identity;
      const ends = await listening(inProcess, [
        ...["relay", `127.0.0.1:${port}`, "--cert", cert, "--key", key],
      ]);
      const begins = await listening(inProcess, [
        ...["relay", `tls:localhost:${tlsPort}`, "--ca", cert],
      ]);
      const passes = await listening(inProcess, [
        ...["relay", `127.0.0.1:${tlsPort}`],
      ]);
      const ways = [
        [ends.port, "https", "1.1"],
        [begins.port, "http", "1.1"],
        [passes.port, "https", "2"],
      ] as const;
      for (const [port, scheme, version] of ways) {
        const url = `${scheme}://localhost:${port}/big.bin`;
        const ours = await run(get, ["--ca", cert, url]);
        assertEquals(ours.code, 0, ours.stderr);
        assertEquals(ours.stdoutBytes, big);
        if (!hasCommand("curl")) continue;
        const curl = await spawnProgram("curl", [
          ...["-sS", "--cacert", cert, "-o", "/dev/null"],
          ...["-w", "%{http_version} %{size_download}", url],
        ]).result;
        assertEquals(curl.stdout, `${version} ${BIG}`, curl.stderr);
      }
      for (const { server } of [ends, begins, passes]) {
        server.stop();
        assertEquals((await server.result).code, 0);
      }
    }),
);

const PASSWORDS = [
  `ada:${SECRET_HASH}`,
  "zoë:$apr1$harkhark$aqoDq9wUr2tbnoNXzYvDh.",
].join("\n");

/** What get is told of its user, and the exit code. */
const USERS: readonly (readonly [readonly string[], number])[] = [
  [[], 4],
  [["-a", "ada:secret"], 0],
  [["-a", "zoë:pä:ss"], 0],
  [["-a", "ada:wrong"], 4],
  [["-a", "eve:secret"], 4],
];

const text = Array.from({ length: 20_000 }, (_, at) => `${at}\n`).join("");

const packed = new Uint8Array(gzipSync(text));

const apacheConfig = (folder: string, port: number) => `
Listen 127.0.0.1:${port}
AddType text/plain .txt
AddType application/gzip .gz
AddOutputFilterByType DEFLATE text/plain
DocumentRoot ${folder}
Alias /coded ${folder}
<Location /coded>
  RemoveType .gz
  AddEncoding x-gzip .gz
</Location>
Alias /secret ${folder}
<Location /secret>
  AuthType Basic
  AuthName secret
  AuthUserFile ${folder}/passwords
  Require valid-user
</Location>
`;

testWith(
  "apache2",
  "get and post do without and with a password what Apache allows",
  () => {
    const files = {
      "a.txt": text,
      "a.txt.gz": packed,
      passwords: PASSWORDS,
    };
    return withServerFiles(files, async (folder) => {
      const port = pickPort();
      await using _ = await startApache(folder, apacheConfig(folder, port));
      const url = `http://127.0.0.1:${port}`;
      for (const way of [[], ["--http=1.1"]]) {
        const decoded = await run(get, [...way, "-i", `${url}/a.txt`]);
        assertMatch(
          decoded.stdout,
          /^content-encoding: gzip\r?$/im,
          decoded.stderr,
        );
        assert(decoded.stdout.endsWith(text));
        const coded = await run(get, [...way, "--raw", `${url}/a.txt.gz`]);
        assertEquals(coded.stdoutBytes, packed);
        const published = `${folder}/saved`;
        const saved = await run(get, [
          ...[...way, "-o", published, `${url}/coded/a.txt.gz`],
        ]);
        assertEquals(saved.code, 0, saved.stderr);
        assertEquals(await Deno.readFile(published), packed);
        await Deno.remove(published);
        const secret = `${url}/secret/a.txt`;
        for (const [user, code] of USERS) {
          const result = await run(get, [...way, ...user, secret]);
          assertEquals(result.code, code, `${user}: ${result.stderr}`);
        }
        const denied = await run(post, [...way, secret, "a=b"]);
        assertEquals(denied.code, 4);
        assertMatch(denied.stderr, /401 Unauthorized/);
      }
    });
  },
);

const digestConfig = (folder: string, port: number) => `
Listen 127.0.0.1:${port}
DocumentRoot ${folder}
<Location />
  AuthType Digest
  AuthName "the inner, room"
  AuthDigestNonceLifetime 1
  AuthUserFile ${folder}/digests
  Require valid-user
</Location>
`;

testWith(
  "apache2",
  "get and post log in to Apache with Digest, and again when its nonce is too old",
  () => {
    const digestOf = (user: string, password: string) => {
      const whole = `${user}:the inner, room`;
      const hash = createHash("md5").update(`${whole}:${password}`);
      return `${whole}:${hash.digest("hex")}\n`;
    };
    const digests = digestOf("ada", "secret") + digestOf("zoë", "pä:ss");
    return withServerFiles({ "a.txt": text, digests }, async (folder) => {
      const port = pickPort();
      await using _ = await startApache(folder, digestConfig(folder, port));
      const url = `http://127.0.0.1:${port}/a.txt`;
      for (const way of [[], ["--http=1.1"], ["-v"]]) {
        for (const [user, code] of USERS.slice(1)) {
          const args = [...way, "--digest", ...user, `${url}?a="b"&c`];
          const result = await run(get, args);
          assertEquals(result.code, code, `${user}: ${result.stderr}`);
          assertEquals(result.stdout === text, code === 0);
        }
      }
      const refused = await run(get, ["-a", "ada:secret", url]);
      assertMatch(refused.stderr, /wants Digest: add --digest/);
      const sent = await run(post, [
        "--digest",
        "-a",
        "ada:secret",
        url,
        "a=b",
      ]);
      // a file takes no body: it is not the login that is refused
      assertMatch(sent.stderr, /^(200 OK|405 Method Not Allowed)/);
      // a nonce that is two seconds old, of a chain of requests
      const old = createDigest(
        { user: "ada", password: "secret" },
        new URL(url).origin,
      );
      const { sign, answer } = old();
      const statuses: number[] = [];
      for (const pause of [0, 2100]) {
        await sleep(pause);
        await using response = await send(
          { method: "GET", url: new URL(url), headers: [], typed: [] },
          {
            sign,
            answer: async (response, request) => {
              statuses.push(response.status);
              return await answer?.(response, request);
            },
          },
        );
        assertEquals(response.status, 200);
      }
      assertEquals(statuses, [401, 200, 401, 200]);
    });
  },
);

const DJANGO = `
import json
from django.conf import settings
from django.core.wsgi import get_wsgi_application
from django.http import JsonResponse
from django.urls import path

settings.configure(ALLOWED_HOSTS=["*"], ROOT_URLCONF=__name__, SECRET_KEY="none")

def query(request):
    return JsonResponse(request.GET.dict())

def echo(request):
    return JsonResponse(json.loads(request.body), status=201)

def upload(request):
    files = [[it.name, it.content_type, it.read().decode()] for it in request.FILES.getlist("file")]
    return JsonResponse({"files": files, "fields": request.POST.dict()})

def throw(request):
    raise RuntimeError("as it should")

urlpatterns = [path("query", query), path("echo", echo), path("upload", upload), path("throw", throw)]
application = get_wsgi_application()
`;

const PYTHON = "/usr/bin/python3";
const hasDjango = hasCommand(PYTHON) && new Deno.Command(PYTHON, {
  args: ["-c", "import django, gunicorn"],
  stderr: "null",
}).outputSync().success;
const reason = hasDjango
  ? ""
  : " (skipped: Django or gunicorn is not installed)";

Deno.test({
  name:
    `get and post speak with Django on gunicorn, over TCP and a Unix socket${reason}`,
  ignore: !hasDjango,
  fn: () =>
    withServerFiles({
      "app.py": DJANGO,
      "résumé.txt": "é",
      "한글 보고서.csv": "a,b",
    }, async (folder) => {
      const port = pickPort();
      const socket = `${folder}/gunicorn.sock`;
      await using _ = await startServer([
        ...[PYTHON, "-m", "gunicorn", "-b", `127.0.0.1:${port}`],
        ...["-b", `unix:${socket}`, "--graceful-timeout", "1", "app"],
      ], { folder, ready: socket });
      const url = `http://127.0.0.1:${port}`;
      for (const way of [[], ["--http=1.1"], ["--unix", socket]]) {
        const words = [...way, "--raw"];
        const query = await run(get, [...words, `${url}/query`, "a==é b"]);
        assertEquals(JSON.parse(query.stdout), { a: "é b" });
        const echo = await run(post, [
          ...words,
          `${url}/echo`,
          "a=é",
          "b:=[1]",
        ]);
        assertEquals(JSON.parse(echo.stdout), { a: "é", b: [1] });
        const upload = await run(post, [
          ...[...words, "-f", `${url}/upload`, "name=Zoë"],
          ...[`file@${folder}/résumé.txt`, `file@${folder}/한글 보고서.csv`],
        ]);
        assertEquals(JSON.parse(upload.stdout), {
          files: [["résumé.txt", "text/plain", "é"], [
            "한글 보고서.csv",
            "text/csv",
            "a,b",
          ]],
          fields: { name: "Zoë" },
        });
        const none = await run(get, [...words, `${url}/none`]);
        assertEquals(none.code, 4, none.stderr);
        const thrown = await run(post, [...words, `${url}/throw`, "a=b"]);
        assertEquals(thrown.code, 5, thrown.stderr);
      }
    }),
});

/** Servers that say who their client is, by the PROXY protocol alone: in plain, and behind TLS. */
const TELLERS = {
  nginx: (folder: string, [plain, tls]: readonly number[]) =>
    formatNginx(
      folder,
      `  access_log off;
  ssl_certificate ${folder}/cert.pem;
  ssl_certificate_key ${folder}/key.pem;
  server {
    listen 127.0.0.1:${plain} proxy_protocol;
    listen 127.0.0.1:${tls} ssl proxy_protocol;
    return 200 "$proxy_protocol_addr $proxy_protocol_server_port";
  }`,
    ),
  haproxy: (folder: string, [plain, tls]: readonly number[]) => `
defaults
  mode http
  timeout client 10s
  timeout server 10s
  timeout connect 5s
frontend web
  bind 127.0.0.1:${plain} accept-proxy
  bind 127.0.0.1:${tls} accept-proxy ssl crt ${folder}/both.pem
  http-request return status 200 content-type text/plain lf-string "%[src] %[dst_port]"
`,
};

for (const [name, configFor] of Object.entries(TELLERS)) {
  testWith(
    [name, "openssl"],
    `server relay --proxy-protocol tells ${name} who its client is`,
    () =>
      withServerFiles({}, async (folder) => {
        const { cert, key } = await makeIdentity(folder);
        const texts = [cert, key].map((path) => Deno.readTextFile(path));
        const both = (await Promise.all(texts)).join("");
        await Deno.writeTextFile(`${folder}/both.pem`, both);
        await Deno.chmod(key, 0o644);
        const [plain, tls] = [pickPort(), pickPort()];
        const config = `${folder}/server.conf`;
        await Deno.writeTextFile(config, configFor(folder, [plain, tls]));
        const command = name === "nginx"
          ? ["nginx", "-e", "stderr", "-p", folder, "-c", config]
          : ["haproxy", "-db", "-f", config];
        await using _ = await startServer(command, { folder, ready: plain });
        const trust = ["--ca", cert, "--sni", "localhost"];
        for (
          const target of [[`127.0.0.1:${plain}`], [
            `tls:127.0.0.1:${tls}`,
            ...trust,
          ]]
        ) {
          const args = [
            "relay",
            ...target,
            "--proxy-protocol",
            "-p0",
            "--grace",
            "0",
          ];
          const server = inProcess("server", args);
          // both loopbacks
          const said = await server.stdout.waitFor(/(Listening on .*\n){2}/);
          const port = portIn(said);
          for (const host of ["127.0.0.1", "[::1]"]) {
            const told = await run(get, [`http://${host}:${port}/`]);
            const address = host.replace(/[[\]]/g, "");
            assertEquals(told.stdout, `${address} ${port}`, told.stderr);
          }
          server.stop();
          assertEquals((await server.result).code, 0);
        }
      }),
  );
}
