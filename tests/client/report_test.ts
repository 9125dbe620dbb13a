import { assert, assertEquals, assertMatch } from "@std/assert";
import type { KeyPair } from "../../lib/net/connection.ts";
import { main as get } from "../../tasks/get.ts";
import { main } from "../../tasks/client.ts";
import { echo } from "../../tasks/server/handlers.ts";
import { serve } from "../../tasks/server/serve.ts";
import { certificates, openssl } from "../net/openssl.ts";
import { run, spawnProgram } from "../support.ts";

const FOLDER = await certificates();
const IS_OFF = FOLDER === "";

const fileOf = (name: string) => `${FOLDER}/${name}`;
const ca = (name: string) => ["--ca", fileOf(`${name}.pem`)];
const pairOf = async (name: string): Promise<KeyPair> => ({
  cert: await Deno.readTextFile(fileOf(`${name}.pem`)),
  key: await Deno.readTextFile(fileOf(`${name}.key`)),
});

/** What hides in names: controls, a line that poses as one of ours, what turns the text round, another name. */
const HOSTILE = "x\x1b[31mred\\nlocalhost:1 open\u202egnp\\, DNS:c.example";

/** Makes those that other tests do not need. */
async function makeMore(): Promise<void> {
  const names = "subjectAltName=DNS:localhost";
  for (
    const [name, key, days] of [
      ["rsa", "rsa:2048", 40],
      ["ed", "ed25519", 40],
      ["leaf", "rsa:2048", 40],
      ["between", "ec -pkeyopt ec_paramgen_curve:P-256", 400],
    ] as const
  ) {
    await openssl(
      FOLDER,
      `req -newkey ${key} -nodes -subj /O=hark/CN=${name} -keyout ${name}.key -out ${name}.csr`,
    );
    const issuer = name === "leaf" ? "between" : "ca";
    await Deno.writeTextFile(
      fileOf(`${name}.ext`),
      name === "between" ? "basicConstraints=critical,CA:TRUE\n" : names,
    );
    if (name === "leaf") continue;
    await openssl(
      FOLDER,
      `x509 -req -CA ${issuer}.pem -CAkey ${issuer}.key -CAcreateserial -in ${name}.csr -extfile ${name}.ext -days ${days} -out ${name}.pem`,
    );
  }
  await openssl(
    FOLDER,
    "x509 -req -CA between.pem -CAkey between.key -CAcreateserial -in leaf.csr -extfile leaf.ext -days 40 -out chain.pem",
  );
  const chain = ["chain", "between", "ca"].map((name) =>
    Deno.readTextFileSync(fileOf(`${name}.pem`))
  );
  await Deno.writeTextFile(fileOf("chain.pem"), chain.join(""));
  await Deno.copyFile(fileOf("leaf.key"), fileOf("chain.key"));
  const many = Array.from({ length: 1000 }, (_, at) => `DNS.${at}=n${at}.a\n`);
  for (const [name, san] of [["hostile", ""], ["many", many.join("")]]) {
    await Deno.writeTextFile(
      fileOf(`${name}.cnf`),
      `[req]\ndistinguished_name=dn\nx509_extensions=e\nprompt=no\nutf8=yes\nstring_mask=utf8only\n[dn]\nCN=${HOSTILE}\n` +
        `[e]\nbasicConstraints=CA:FALSE\nsubjectAltName=@names\n[names]\n${san}DNS.x=${HOSTILE}\nDNS.y=localhost\n`,
    );
    await openssl(
      FOLDER,
      `req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 2 -config ${name}.cnf -keyout ${name}.key -out ${name}.pem`,
    );
  }
}

if (!IS_OFF) await makeMore();

const testHere = (name: string, fn: () => Promise<void>) =>
  Deno.test({ name, ignore: IS_OFF, fn });

const served = async (name: string) =>
  await serve({ tls: await pairOf(name), handler: echo });

/** What openssl says of a certificate: its SHA-256, serial number, end and subject. */
async function opensslOn(name: string): Promise<Record<string, string>> {
  const args =
    `x509 -in ${name}.pem -noout -fingerprint -sha256 -serial -dates -dateopt iso_8601 -subject -nameopt RFC2253`;
  const { stdout } = await spawnProgram("openssl", args.split(" "), {
    cwd: FOLDER,
  }).result;
  return Object.fromEntries(
    stdout.trim().split("\n").map((line) => {
      const [, key = "", value = ""] = line.match(/^([^=]+)=(.*)$/) ?? [];
      return [key.toLowerCase().split(" ")[0], value];
    }),
  );
}

const isoOf = (openssl = "") =>
  new Date(openssl.replace(" ", "T")).toISOString();

for (
  const [name, trust, code, key, reason, chain = []] of [
    ["rsa", ca("ca"), 0, "RSA 2048"],
    ["good", ca("ca"), 0, "P-256"],
    ["ed", ca("ca"), 0, "ed25519"],
    ["chain", ca("ca"), 0, "RSA 2048", undefined, [
      "CN=between, O=hark",
      "CN=ca",
    ]],
    ["ca", ca("ca"), 0, "P-256"],
    ["self", ["--tls"], 60, "P-256", "certificate of an unknown issuer"],
    ["expired", ca("ca"), 60, "P-256", "certificate expired"],
    ["future", ca("ca"), 60, "P-256", "certificate is not valid yet"],
    [
      "other",
      ca("ca"),
      60,
      "P-256",
      "certificate is not for localhost, only for b.example",
    ],
  ] as const
) {
  testHere(
    `client --check --json shows the certificate "${name}" as openssl does, trusted or not`,
    async () => {
      await using server = await served(name);
      const at = `localhost:${server.port}`;
      const args = ["--check", "--json", ...trust, at];
      const found = await run(main, args);
      assertEquals([found.code, found.stderr], [code, ""]);
      const { address, open, tls, cipher, trusted, certificate, ...rest } = JSON
        .parse(found.stdout);
      assertEquals([address, open, tls], [at, true, "TLSv1.3"]);
      assertMatch(cipher, /^TLS_[A-Z0-9_]+$/);
      assertEquals(trusted, code === 0);
      assert(
        reason === undefined
          ? !("reason" in rest)
          : rest.reason.startsWith(reason),
        rest.reason,
      );
      const theirs = await opensslOn(name);
      assertEquals(
        certificate.sha256,
        theirs.sha256?.replaceAll(":", "").toLowerCase(),
      );
      assertEquals(certificate.serial, theirs.serial);
      assertEquals(certificate.subject.replaceAll(", ", ","), theirs.subject);
      assertEquals(certificate.notBefore, isoOf(theirs.notbefore));
      assertEquals(certificate.notAfter, isoOf(theirs.notafter));
      const end = Date.parse(certificate.notAfter);
      assertEquals(
        certificate.days,
        Math.floor((end - Date.now()) / 86_400_000),
      );
      assertEquals(certificate.key, key);
      if (chain.length > 0) {
        const subjects = certificate.chain.map((
          { subject }: { subject: string },
        ) => subject);
        assertEquals(subjects, chain);
      }
    },
  );
}

testHere(
  "client --check --tls shows a person what it found, and the line to copy that pins it",
  async () => {
    await using server = await served("chain");
    const at = `localhost:${server.port}`;
    const { code, stdout } = await run(main, ["--check", "--tls", at]);
    assertEquals(code, 60);
    const lines = stdout.split("\n");
    assertEquals(lines[0], `${at} open, but certificate of an unknown issuer`);
    assertEquals(
      lines.slice(1).map((line) => line.slice(2, 10).trim()),
      [
        ...["subject", "names", "issuer", "valid", "key", "chain", "TLS"],
        ...["SHA-256", "trusted", "pin", ""],
      ],
    );
    assertMatch(stdout, /^ {2}names {3}localhost$/m);
    assertMatch(stdout, /, 39 days left$/m);
    assertMatch(stdout, /^ {2}trusted no$/m);
    const [, copied = ""] = stdout.match(/pin +deno task client (.*)/) ?? [];
    const pinned = await run(main, ["--check", ...copied.split(" ")]);
    assertEquals([pinned.code, pinned.stdout.split("\n")[0]], [
      0,
      `${at} open`,
    ]);
    assertMatch(pinned.stdout, /^ {2}trusted yes$/m);
  },
);

testHere(
  "client --check --min-days exits with 60 where fewer days are left",
  async () => {
    await using server = await served("chain");
    const at = `localhost:${server.port}`;
    for (
      const [days, expected, told] of [
        ["39", 0, `${at} open`],
        [
          "40",
          60,
          `${at} open, but its certificate has 39 days left, 40 are wanted`,
        ],
      ] as const
    ) {
      const args = ["--check", "--min-days", days, ...ca("ca"), at];
      const { code, stdout } = await run(main, args);
      assertEquals([code, stdout.split("\n")[0]], [expected, told]);
    }
    const pair = await run(main, [
      "--check",
      "--min-days",
      "9",
      `http://${at}/`,
    ]);
    assertEquals([pair.code, pair.stderr.split("\n")[0]], [
      2,
      "client: Cannot use --min-days: nothing here has TLS",
    ]);
    const alone = await run(main, ["--min-days", "9", at]);
    assertMatch(alone.stderr, /Cannot use --min-days without --check/);
  },
);

/** Does something with the address of a server of openssl's. */
async function withOpenssl(
  options: string,
  work: (at: string) => Promise<void>,
): Promise<void> {
  const args =
    `s_server -www -accept localhost:0 -cert good.pem -key good.key ${options}`;
  const server = spawnProgram("openssl", args.trim().split(" "), {
    cwd: FOLDER,
  });
  const place = /ACCEPT \S+:(\d+)/;
  try {
    const [, port] = (await server.stdout.waitFor(place)).match(place) ?? [];
    await work(`localhost:${port}`);
  } finally {
    server.kill("SIGTERM");
    await server.result;
  }
}

testHere(
  "client --check says that a server wants a client certificate, and what it shows itself",
  () =>
    withOpenssl("-Verify 1 -CAfile ca.pem", async (at) => {
      const found = await run(main, ["--check", "--json", ...ca("ca"), at]);
      const { trusted, reason, certificate } = JSON.parse(found.stdout);
      assertEquals([found.code, trusted, reason, certificate.names], [
        60,
        true,
        "the server wants a client certificate",
        ["localhost", "127.0.0.1"],
      ]);
    }),
);

testHere(
  "what a certificate says is shown in one line each, bounded and without controls, in a pipe too",
  async () => {
    for (const name of ["hostile", "many"]) {
      await using server = await served(name);
      const at = `localhost:${server.port}`;
      const asked = ["--check", "--sni", "b.example", ...ca(name), at];
      const lines = [
        (await run(main, asked)).stdout,
        (await run(main, ["--check", ...ca(name), at])).stdout,
        (await run(main, [...asked, at])).stdout,
        (await run(get, ["-v", ...ca(name), `https://${at}/`])).stderr
          .replace(/^get: .*/ms, ""),
      ].join("").trim().split("\n");
      for (const line of lines) {
        // deno-lint-ignore no-control-regex
        assert(!/[\x00-\x1f\x7f-\x9f\u202e]/.test(line), line);
        assert(line.length < 2500, `${line.length}`);
        assert(!line.startsWith("localhost:1 "), line);
      }
      const text = lines.join("\n");
      if (name === "many") assertMatch(text, /n9\.a and 99\d more$/m);
      else assertMatch(text, /CN=x\\x1b\[31mred\\nlocalhost:1 open\\u202egnp/);
    }
  },
);

testHere(
  "client --check asks for h2 and http/1.1, and again without them where the server has others alone",
  async () => {
    let count = 0;
    const { cert, key } = await pairOf("good");
    const listener = Deno.listenTls({
      hostname: "localhost",
      port: 0,
      cert,
      key,
      alpnProtocols: ["mqtt"],
    });
    const { port } = listener.addr;
    const accepting = (async () => {
      for await (const conn of listener) {
        count++;
        await conn.handshake().catch(() => {});
        await conn.read(new Uint8Array(1)).catch(() => {});
        conn.close();
      }
    })();
    const args = ["--check", "--json", ...ca("ca"), `localhost:${port}`];
    const { code, stdout } = await run(main, args);
    listener.close();
    await accepting;
    const { alpn, trusted } = JSON.parse(stdout);
    assertEquals([code, alpn, trusted, count], [0, undefined, true, 2]);
  },
);

testHere(
  "what refuses a certificate of a thousand names tells ten of them",
  async () => {
    await using server = await served("many");
    const at = `localhost:${server.port}`;
    const args = ["--sni", "b.example", ...ca("many"), at];
    const { code, stderr } = await run(main, args);
    assertEquals(code, 60);
    assertMatch(stderr, /only for n0\.a, .*n9\.a and 99\d more\n/);
  },
);

testHere(
  "client --check tells of TLS 1.2",
  () =>
    withOpenssl("-tls1_2", async (at) => {
      const args = ["--check", "--json", ...ca("ca"), at];
      const { code, stdout } = await run(main, args);
      const { tls, cipher, certificate } = JSON.parse(stdout);
      assertEquals([code, tls, certificate.names.length], [0, "TLSv1.2", 2]);
      assertMatch(cipher, /^TLS_ECDHE_ECDSA_WITH_/);
    }),
);

testHere(
  "client --check knows an authority of Deno's own beside those of --ca",
  () =>
    withOpenssl("", async (at) => {
      const { code, stdout } = await spawnProgram(Deno.execPath(), [
        ...["run", "-q", "--no-check", "-A", "tasks/client.ts", "--check"],
        ...["--json", ...ca("self"), at],
      ], { env: { DENO_CERT: fileOf("ca.pem") } }).result;
      assertEquals([code, JSON.parse(stdout).trusted], [0, true]);
    }),
);

testHere(
  "events of client and server tell what TLS is spoken, and whose certificate was shown",
  async () => {
    const events: unknown[] = [];
    const tls = {
      ...await pairOf("good"),
      clientCa: await Deno.readTextFile(fileOf("ca.pem")),
    };
    await using server = await serve({
      tls,
      handler: echo,
      onEvent: (event) => event.event === "open" && events.push(event),
    });
    const [cert, key] = [fileOf("client.pem"), fileOf("client.key")];
    const { code, stdout } = await run(main, [
      ...["--json", "--pipe", ...ca("ca"), "--cert", cert, "--key", key],
      `localhost:${server.port}`,
    ], { stdin: "a" });
    const open = JSON.parse(stdout.split("\n")[0] ?? "");
    assertEquals([code, open.event, open.tls, open.certificate.names], [
      0,
      "open",
      "TLSv1.3",
      ["localhost", "127.0.0.1"],
    ]);
    const [accepted] = JSON.parse(JSON.stringify(events));
    assertEquals([accepted.tls, accepted.cipher], ["TLSv1.3", open.cipher]);
    assertEquals(accepted.certificate.names, ["client.example"]);
  },
);

testHere(
  "get -v tells what TLS is spoken and whose certificate it is, a refused one's too",
  async () => {
    await using https = Deno.serve({
      ...await pairOf("good"),
      hostname: "localhost",
      port: 0,
      onListen() {},
    }, () => new Response("hi"));
    const url = `https://localhost:${https.addr.port}/`;
    const { sha256 = "" } = await opensslOn("good");
    const pin = sha256.replaceAll(":", "").toLowerCase();
    for (const [args, expected] of [[ca("ca"), 0], [[], 60]] as const) {
      const { code, stderr } = await run(get, ["-v", ...args, url]);
      assertEquals(code, expected);
      assertMatch(stderr, /^\* TLS {5}TLSv1\.3, TLS_\w+, ALPN http\/1\.1$/m);
      assertMatch(stderr, /^\* names {3}localhost, 127\.0\.0\.1$/m);
      assert(stderr.includes(`* SHA-256 ${pin}\n`), stderr);
    }
  },
);
