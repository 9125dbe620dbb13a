import { assertEquals, assertMatch } from "@std/assert";
import { getAvailablePort } from "@std/net/get-available-port";
import { main as client } from "../../tasks/client.ts";
import { main as server } from "../../tasks/server.ts";
import { makeIdentity } from "../net/identity.ts";
import { certificates } from "../net/openssl.ts";
import { portIn } from "../net/peers.ts";
import {
  hasCommand,
  receiveText,
  run,
  spawnProgram,
  start,
  testWith,
  withFolder,
} from "../support.ts";
import { formatNginx } from "./servers.ts";

const nginx = hasCommand("openssl") ? "nginx" : "openssl";

/** Two servers by their names on one port, of which one wants a certificate of its clients. */
const formatConfig = (folder: string, certificates: string, port: number) =>
  formatNginx(
    folder,
    `  access_log off;
  ssl_certificate_key ${certificates}/good.key;
  server {
    listen 127.0.0.1:${port} ssl;
    server_name localhost;
    ssl_certificate ${certificates}/good.pem;
    return 200 "the default\\n";
  }
  server {
    listen 127.0.0.1:${port} ssl;
    server_name b.example;
    ssl_certificate ${certificates}/other.pem;
    ssl_certificate_key ${certificates}/other.key;
    ssl_client_certificate ${certificates}/ca.pem;
    ssl_verify_client on;
    return 200 "for $ssl_client_s_dn\\n";
  }`,
  );

function startNginx(config: string, folder: string): AsyncDisposable {
  const child = spawnProgram("nginx", ["-c", config, "-p", folder]);
  return {
    async [Symbol.asyncDispose]() {
      child.kill("SIGTERM");
      await child.result;
    },
  };
}

testWith(
  nginx,
  "server relay tls: reaches a server of nginx by --sni, with --cert, and no other way",
  () =>
    withFolder(async (folder) => {
      const from = await certificates();
      const port = getAvailablePort();
      const config = `${folder}/nginx.conf`;
      await Deno.writeTextFile(config, formatConfig(folder, from, port));
      await using _nginx = startNginx(config, folder);
      await run(client, ["--wait", "20", "--check", `127.0.0.1:${port}`]);
      const trust = ["--ca", `${from}/ca.pem`];
      const name = [...trust, "--sni", "b.example"];
      const pair = [
        ...["--cert", `${from}/client.pem`, "--key", `${from}/client.key`],
      ];
      const cases: [string[], string, RegExp][] = [
        [trust, "localhost", /\n\nthe default\n$/],
        [
          name,
          "b.example",
          /^HTTP\/1\.1 400 .*No required SSL certificate was sent/s,
        ],
        [[...name, ...pair], "b.example", /\n\nfor CN=client\n$/],
      ];
      for (const [args, host, answer] of cases) {
        const { stdout, result } = start(server, [
          ...["relay", `tls:127.0.0.1:${port}`, ...args],
          ...["--host", "127.0.0.1", "-p0", "--once"],
        ]);
        const own = portIn(await stdout.waitFor(/Listening on .*\n/));
        const conn = await Deno.connect({ hostname: "127.0.0.1", port: own });
        await conn.write(new TextEncoder().encode(
          `GET / HTTP/1.1\r\nHost: ${host}\r\nConnection: close\r\n\r\n`,
        ));
        const text = await receiveText(conn);
        assertMatch(text.replaceAll("\r", ""), answer);
        // it waits for the end of its client
        conn.close();
        await result;
      }
    }),
);

/** The folder of PostgreSQL's programs, which Debian does not put on the PATH. */
function findPostgres(): string {
  try {
    for (const { name } of Deno.readDirSync("/usr/lib/postgresql")) {
      const folder = `/usr/lib/postgresql/${name}/bin`;
      if (Deno.statSync(`${folder}/initdb`).isFile) return folder;
    }
  } catch {
    // it is not installed
  }
  return "";
}

const POSTGRES = findPostgres();
/** It does not run as root. */
const AS_POSTGRES = Deno.build.os === "linux" && Deno.uid() === 0
  ? ["runuser", "-u", "postgres", "--"]
  : [];

async function runAsPostgres(...words: string[]): Promise<void> {
  const [program = "", ...args] = [...AS_POSTGRES, ...words];
  const { code, stderr } = await spawnProgram(program, args).result;
  assertEquals(code, 0, stderr);
}

/** What PostgreSQL's protocol says: a letter but for the first message, a length, and texts that end with 0. */
function message(letter: string, head: number[], ...texts: string[]) {
  const text = texts.map((text) => `${text}\0`).join("");
  const length = 4 + head.length + text.length;
  return letter + String.fromCharCode(0, 0, length >> 8, length & 0xff) +
    String.fromCharCode(...head) + text;
}

/** Logs in, asks one thing, and leaves. */
const QUERY = message("", [0, 3, 0, 0], "user", "postgres", "") +
  message(
    "Q",
    [],
    "select 'TLS: ' || ssl from pg_stat_ssl where pid = pg_backend_pid()",
  ) + message("X", []);

Deno.test({
  name: "client --starttls postgres talks to PostgreSQL over TLS" +
    (POSTGRES ? "" : " (skipped: PostgreSQL is not installed)"),
  ignore: POSTGRES === "" || !hasCommand("openssl"),
  fn: () =>
    withFolder(async (folder) => {
      const identity = await makeIdentity(folder);
      if (AS_POSTGRES.length > 0) {
        const { code } = await spawnProgram("chown", [
          ...["-R", "postgres", folder],
        ]).result;
        assertEquals(code, 0);
      }
      const data = `${folder}/data`;
      const port = getAvailablePort();
      const to = `127.0.0.1:${port}`;
      const trust = ["--starttls", "postgres", "--ca", identity.cert];
      await runAsPostgres(
        ...[`${POSTGRES}/initdb`, "-D", data, "-A", "trust", "-U", "postgres"],
      );
      for (const isOn of [true, false]) {
        await runAsPostgres(
          ...[`${POSTGRES}/pg_ctl`, "-D", data, "-w", "-l", `${folder}/log`],
          ...["start", "-o"],
          [
            ...[`-p ${port} -h 127.0.0.1 -k ${folder} -c fsync=off`],
            `-c ssl=${isOn ? "on" : "off"}`,
            `-c ssl_cert_file=${identity.cert} -c ssl_key_file=${identity.key}`,
          ].join(" "),
        );
        try {
          const check = await run(client, ["--check", ...trust, to]);
          const asked = await run(client, ["--pipe", ...trust, to], {
            stdin: QUERY,
          });
          if (isOn) {
            assertEquals([check.code, check.stdout.split("\n")[0]], [
              0,
              `${to} open`,
            ]);
            assertEquals([asked.code, asked.stderr], [0, ""]);
            assertMatch(asked.stdout, /TLS: true/);
            continue;
          }
          assertEquals([check.code, asked.code, asked.stdout], [7, 1, ""]);
          assertMatch(asked.stderr, /: the server does not offer STARTTLS\n$/);
        } finally {
          await runAsPostgres(
            ...[`${POSTGRES}/pg_ctl`, "-D", data, "-w", "-m", "fast", "stop"],
          );
        }
      }
    }),
});
