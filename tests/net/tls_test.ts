import { assert, assertEquals, assertMatch, assertRejects } from "@std/assert";
import { setImmediate } from "node:timers/promises";
import { createSecureContext, TLSSocket } from "node:tls";
import {
  closeWrite,
  type KeyPair,
  receive,
  send,
  type Socket,
  within,
  withRead,
} from "../../lib/net/connection.ts";
import {
  fingerprintOf,
  makeCertificate,
} from "../../tasks/server/tls/certificate.ts";
import { shakeHands, startNodeTls } from "../../lib/net/tls/node.ts";
import { main } from "../../tasks/client.ts";
import { echo, greet } from "../../tasks/server/handlers.ts";
import { serve } from "../../tasks/server/serve.ts";
import {
  createMemoryIo,
  encode,
  hasCommand,
  listening,
  ROOT,
  run,
  sleep,
  spawnDeno,
  spawnProgram,
  testWith,
  withFolder,
} from "../support.ts";
import { certificates, openssl } from "./openssl.ts";

const terminal = { terminal: { stdin: true } };

const FOLDER = await certificates();

const fileOf = (name: string) => `${FOLDER}/${name}`;
const textOf = (name: string) => Deno.readTextFile(fileOf(name));
const pinOf = async (name: string) => await fingerprintOf(await textOf(name));
const pairOf = async (name: string) => ({
  cert: await textOf(`${name}.pem`),
  key: await textOf(`${name}.key`),
});
const own = (name: string) => [
  ...["--cert", fileOf(`${name}.pem`)],
  ...["--key", fileOf(`${name}.key`)],
];
const ca = (name: string) => ["--ca", fileOf(`${name}.pem`)];

const UNKNOWN = "certificate of an unknown issuer";
const OTHER_NAME = "certificate is not for localhost, only for b.example";
const TRUST =
  "trust its issuer with --ca FILE, or this one certificate with --pin SHA256; where its issuer is known, the server leaves out the intermediate certificate";
const ASK =
  "if it is the right server, ask for the name it has: --sni b.example";

Deno.test("what is late before it begins is not begun, and its socket is closed", async () => {
  const done: string[] = [];
  const late = AbortSignal.abort(new Error("late"));
  const socket = { close: () => void done.push("closed") };
  const work = () => Promise.resolve(done.push("begun"));
  await assertRejects(() => within(late, socket, work), Error, "late");
  assertEquals(done, ["closed"]);
});

Deno.test("TLS's own end goes out before its socket is closed, whoever has ended first", async () => {
  const { cert, key } = await makeCertificate();
  using listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const done: string[] = [];
  const answer = async () => {
    const conn = await listener.accept();
    const room = Promise.withResolvers<void>();
    let isLast = false;
    const socket: Socket = {
      read: (buffer) => conn.read(buffer),
      write: async (bytes) => {
        if (isLast) await room.promise;
        if (isLast) done.push("written");
        return await conn.write(bytes);
      },
      closeWrite: () => conn.closeWrite(),
      close: () => {
        if (isLast) done.push("closed");
        conn.close();
      },
    };
    const secured = await shakeHands(socket, (duplex, begin, fail) => {
      const secureContext = createSecureContext({ cert, key });
      const stream = new TLSSocket(duplex, { isServer: true, secureContext });
      stream.on("error", fail);
      stream.on("secure", () => begin(stream));
    });
    while (await secured.read(new Uint8Array(99)) !== null);
    isLast = true;
    const ending = secured.closeWrite();
    for (let turn = 0; turn < 20; turn++) await setImmediate();
    room.resolve();
    await ending;
    secured.close();
  };
  const answered = answer();
  const { hostname, port } = listener.addr;
  const caCerts = [cert];
  const plain = await Deno.connect({ hostname, port });
  using conn = await Deno.startTls(plain, { hostname: "localhost", caCerts });
  await conn.closeWrite();
  assertEquals(await conn.read(new Uint8Array(9)), null);
  await answered;
  assertEquals(done.slice(0, 2), ["written", "closed"]);
});

/** A server's certificate, the client's options, the exit code, why, and the hint. */
const CASES: [
  string,
  string[],
  number,
  (string | undefined)?,
  (string | undefined)?,
][] = [
  ["self", ca("self"), 0],
  ["ca", ca("ca"), 0],
  ["ca", [...ca("ca"), ...own("client")], 0],
  ["good", ca("ca"), 0],
  ["good", [...ca("ca"), "--sni", "127.0.0.1"], 0],
  ["good", [...ca("ca"), "--sni", "127.0.0.1", ...own("client")], 0],
  ["stranger", [...ca("stranger"), "--sni", "b.example"], 0],
  ["self", ["--tls"], 60, UNKNOWN, TRUST],
];

/** What is wrong with a server's certificate, whom the client trusts, the exit code's 60 words, and the hint. */
const REFUSALS: [string, string[], string, string?][] = [
  ["good", ca("self"), UNKNOWN, TRUST],
  ["self", ca("ca"), UNKNOWN, TRUST],
  ["other", ca("ca"), OTHER_NAME, ASK],
  ["stranger", ca("stranger"), OTHER_NAME, ASK],
  [
    "stranger",
    [...ca("stranger"), "--sni", "::1"],
    "certificate is not for ::1, only for b.example",
    ASK,
  ],
  [
    "address",
    ca("ca"),
    "certificate is not for localhost, only for 10.0.0.1",
    "if it is the right server, ask for the name it has: --sni 10.0.0.1",
  ],
  ["nameless", ca("ca"), "certificate is not for localhost"],
  ["expired", ca("ca"), "certificate expired"],
  ["future", ca("ca"), "certificate is not valid yet"],
  ["purpose", ca("ca"), "it is not a server's certificate"],
  [
    "ca",
    ca("self"),
    "it is a CA certificate, not a server's",
    "if it is the right server's own, trust it with --ca FILE or --pin SHA256",
  ],
  [
    "foreign",
    ca("foreign"),
    OTHER_NAME,
    ASK,
  ],
  [
    "wild",
    ca("ca"),
    "certificate is not for localhost, only for *.b.example",
    "if it is the right server, ask for the name it has: --sni www.b.example",
  ],
];

for (const [name, args, why, hint] of REFUSALS) {
  // Deno's TLS, and Node's
  for (const pair of [[], own("client")]) {
    CASES.push([name, [...args, ...pair], 60, why, hint]);
  }
}

for (const [name, args, code, why, hint] of CASES) {
  const shown = args.join(" ").replaceAll(`${FOLDER}/`, "");
  testWith(
    "openssl",
    `client ${shown} with a certificate that is ${name}: ${why ?? "welcome"}`,
    async () => {
      await using server = await serve({
        tls: await pairOf(name),
        handler: greet("Hello, Client!"),
      });
      const peer = `localhost:${server.port}`;
      const result = await run(main, [...args, peer], terminal);
      assertEquals(
        result.stdout,
        code === 0 ? "Received from server: Hello, Client!\n" : "",
      );
      const [line = "", said = ""] = result.stderr.split("\n");
      assertEquals(
        line.replace(/ \d+ (minute|hour|day)s? ago$/, ""),
        why === undefined
          ? ""
          : `client: Cannot start TLS with ${peer}: ${why}`,
      );
      assertEquals(
        [result.code, said.replace(/: openssl .*/, "")],
        [code, hint ? `hint: ${hint}` : ""],
      );
    },
  );
}

for (const name of ["self", "ca", "stranger", "expired"]) {
  testWith(
    "openssl",
    `client --pin trusts the one certificate, though it is ${name}, and no other`,
    async () => {
      await using server = await serve({
        tls: await pairOf(name),
        handler: greet("Hello, Client!"),
      });
      const peer = `localhost:${server.port}`;
      const pin = await pinOf(`${name}.pem`);
      const right = await run(main, ["--pin", pin, peer], terminal);
      assertEquals([right.code, right.stderr], [0, ""]);
      const pins = pin.replace(/..(?!$)/g, "$&:").toUpperCase();
      const colons = await run(main, ["--pin", pins, peer], terminal);
      assertEquals(colons.code, 0);
      const wrong = await run(main, [
        "--pin",
        await pinOf("good.pem"),
        peer,
      ], terminal);
      assertEquals([wrong.code, wrong.stdout, wrong.stderr], [
        60,
        "",
        `client: Cannot start TLS with ${peer}: certificate is not the pinned one, its SHA-256 is ${pin}\n`,
      ]);
    },
  );
}

testWith("openssl", "client --pin and --ca must both be content", async () => {
  await using server = await serve({
    tls: await pairOf("good"),
    handler: greet("hi"),
  });
  const peer = `localhost:${server.port}`;
  const pin = ["--pin", await pinOf("good.pem")];
  const both = await run(main, [...pin, ...ca("ca"), peer], terminal);
  assertEquals(both.code, 0);
  const one = await run(main, [...pin, ...ca("self"), peer], terminal);
  assertEquals(one.code, 60);
});

const UNPROVEN =
  "Deno's TLS cannot verify that the peer has this certificate's key: it has not, or Deno cannot read the certificate";

/** A key with its secret half replaced: whoever has it has only the certificate. */
async function forgedKey(name = "self"): Promise<string> {
  const pem = await textOf(`${name}.key`);
  const [, base64 = ""] = pem.match(/-----\n([^]*)\n-----/) ?? [];
  const der = Uint8Array.from(atob(base64), (sign) => sign.charCodeAt(0));
  // PKCS #8 holds version 1, then the 32 bytes of the secret (RFC 5915)
  const at = der.findIndex((_, place) =>
    [2, 1, 1, 4, 32].every((byte, next) => der[place + next] === byte)
  );
  assert(at > 0);
  der.fill(1, at + 5, at + 37);
  const path = fileOf("forged.key");
  const text = btoa(String.fromCharCode(...der)).replace(/.{64}/g, "$&\n");
  await Deno.writeTextFile(
    path,
    `-----BEGIN PRIVATE KEY-----\n${text}\n-----END PRIVATE KEY-----\n`,
  );
  return path;
}

for (const version of ["-tls1_3", "-tls1_2"]) {
  testWith(
    "openssl",
    `client --pin refuses who shows the pinned certificate and has not its key (${version})`,
    async () => {
      const ended = Promise.withResolvers<string>();
      // it closes its connection at the end of stdin
      const stdin = (async function* () {
        yield await ended.promise;
      })();
      const server = spawnProgram("openssl", [
        ..."s_server -accept 127.0.0.1:0 -naccept 2".split(" "),
        ...[version, "-cert", fileOf("self.pem"), "-key", await forgedKey()],
      ], { stdin });
      const said = await server.stdout.waitFor(/ACCEPT \S+:\d+\n/);
      const port = said.match(/:(\d+)\n/)?.[1] ?? "";
      const peer = `localhost:${port}`;
      const pin = ["--pin", await pinOf("self.pem")];
      const forged = await run(main, [...pin, peer], terminal);
      assertEquals([forged.code, forged.stdout, forged.stderr], [
        60,
        "",
        `client: Cannot start TLS with ${peer}: ${UNPROVEN}\n`,
      ]);
      const other = await run(main, [...ca("self"), peer], terminal);
      assertEquals(other.stdout, "");
      assertMatch(other.stderr, /BadSignature|bad signature/i);
      ended.resolve("");
      await server.result;
    },
  );
}

/** What openssl makes of a certificate for localhost: its key, and what else is in it. */
const ODD: Readonly<Record<string, string>> = {
  critical:
    "ec -pkeyopt ec_paramgen_curve:P-256 -addext 1.2.3.4.5=critical,ASN1:UTF8String:x",
  rsa1024: "rsa:1024",
  p521: "ec -pkeyopt ec_paramgen_curve:P-521",
  sha1: "rsa:2048 -sha1",
  broken:
    "ec -pkeyopt ec_paramgen_curve:P-256 -addext 1.2.3.4=DER:0500 -addext subjectAltName=DER:3000ff",
};

async function makeOdd(name: string): Promise<void> {
  const files = `-keyout ${name}.key -out ${name}`;
  if (name !== "v1") {
    const line = `req -x509 -nodes -days 2 -subj /CN=localhost ${files}.pem`;
    return await openssl(FOLDER, `${line} -newkey ${ODD[name]}`);
  }
  await openssl(
    FOLDER,
    `req -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -subj /CN=localhost ${files}.csr`,
  );
  await openssl(
    FOLDER,
    `x509 -req -in ${name}.csr -signkey ${name}.key -days 2 -out ${name}.pem`,
  );
}

/** openssl's own server, which holds its connections until it is disposed of. */
async function serveOpenssl(name: string, key: string) {
  const server = spawnProgram("openssl", [
    ..."s_server -accept 127.0.0.1:0 -www -cipher DEFAULT@SECLEVEL=0 -tls1_3"
      .split(" "),
    ...["-cert", fileOf(`${name}.pem`), "-key", key],
  ]);
  const said = await server.stdout.waitFor(/ACCEPT \S+:\d+\n/);
  return {
    peer: `localhost:${said.match(/:(\d+)\n/)?.[1]}`,
    async [Symbol.asyncDispose]() {
      server.kill("SIGTERM");
      await server.result;
    },
  };
}

for (
  const [name, isTaken] of [
    ["p521", true],
    ["sha1", true],
    ["critical", false],
    ["rsa1024", false],
    ["v1", false],
    ["broken", false],
  ] as const
) {
  testWith(
    "openssl",
    `client --pin ${
      isTaken ? "takes" : "calls nobody a forger, and refuses,"
    } a certificate that is odd: ${name}`,
    async () => {
      await makeOdd(name);
      await using server = await serveOpenssl(name, fileOf(`${name}.key`));
      const { code, stdout, stderr } = await run(main, [
        ...["--pin", await pinOf(`${name}.pem`), "--send"],
        ...["GET / HTTP/1.0\r\n\r\n", server.peer],
      ]);
      assertEquals(
        [code, stdout.includes("HTTP/1.0 200"), stderr],
        isTaken ? [0, true, ""] : [
          60,
          false,
          `client: Cannot start TLS with ${server.peer}: ${UNPROVEN}\n`,
        ],
      );
    },
  );
}

for (const name of ["v1", "broken"]) {
  testWith(
    "openssl",
    `impersonation: client --pin does not believe who has a ${name} certificate without its key, which Node's TLS does not verify`,
    async () => {
      await makeOdd(name);
      await using server = await serveOpenssl(name, await forgedKey(name));
      const pin = ["--pin", await pinOf(`${name}.pem`)];
      const { code, stdout } = await run(main, [...pin, server.peer], terminal);
      assertEquals([code, stdout], [60, ""]);
    },
  );
}

const PYTHON = `
import socket, ssl, sys
certificate, key, mode, *authority = sys.argv[1:]
context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
context.load_cert_chain(certificate, key)
if authority:
    context.load_verify_locations(authority[0])
    context.verify_mode = ssl.CERT_REQUIRED
server = socket.create_server(("127.0.0.1", 0))
print(server.getsockname()[1], flush=True)
while True:
    client, _ = server.accept()
    try:
        client = context.wrap_socket(client, server_side=True)
        client.sendall(b"Hello, Client!")
        if mode == "cut":
            socket.socket(fileno=client.detach()).close()
        else:
            client.unwrap().close()
    except OSError:
        client.close()
`;

/** A Python server; \`cut\` ends without close_notify, an authority wants certificates of its clients. */
async function python(mode: "end" | "cut", authority?: string) {
  const server = spawnProgram("python3", [
    "-c",
    PYTHON,
    fileOf("good.pem"),
    fileOf("good.key"),
    mode,
    ...authority === undefined ? [] : [fileOf(authority)],
  ]);
  const port = Number(await server.stdout.waitFor("\n"));
  return {
    peer: `localhost:${port}`,
    async [Symbol.asyncDispose]() {
      server.kill("SIGKILL");
      await server.result;
    },
  };
}

const both = hasCommand("python3") ? "openssl" : "python3";

/** Asks a server of Python's, trusting it in each way, and holds the outcome to what is expected. */
async function askPython(
  mode: "end" | "cut",
  expected: (peer: string) => readonly [code: number, stderr: string],
): Promise<void> {
  await using server = await python(mode);
  for (const args of [ca("ca"), ["--pin", await pinOf("good.pem")]]) {
    const line = [...args, server.peer];
    const { code, stdout, stderr } = await run(main, line, terminal);
    assertEquals(stdout, "Received from server: Hello, Client!\n");
    assertEquals([code, stderr], expected(server.peer));
  }
}

testWith(
  both,
  "client understands a TLS server of Python's",
  () => askPython("end", () => [0, ""]),
);

testWith(
  both,
  "client says that the connection was cut before TLS's own end, with 18",
  () =>
    askPython("cut", (peer) => [
      18,
      `client: Cannot receive from ${peer}: cut short: the connection ended before TLS close_notify\n`,
    ]),
);

testWith(
  both,
  "client shows its certificate to a server that wants one, and says what is wrong without",
  async () => {
    await using server = await python("end", "ca.pem");
    const cases: [string[], number, string][] = [
      [own("client"), 0, ""],
      [[], 60, "the server wants a client certificate"],
      [
        own("self"),
        60,
        "the server does not know the issuer of the client certificate",
      ],
    ];
    for (const [args, code, why] of cases) {
      const result = await run(
        main,
        [...ca("ca"), ...args, server.peer],
        terminal,
      );
      assertEquals(result.code, code, result.stderr);
      assertEquals(
        result.stderr,
        why &&
          `client: Cannot receive from ${server.peer}: ${why}\nhint: give it one with --cert FILE --key FILE\n`,
      );
    }
  },
);

testWith(
  "openssl",
  "client does not connect with a key of another certificate",
  async () => {
    const { code, stderr } = await run(main, [
      ...["--cert", fileOf("client.pem"), "--key", fileOf("self.key")],
      "localhost:1",
    ], terminal);
    assertEquals([code, stderr], [
      1,
      `client: Cannot use "${fileOf("client.pem")}" with "${
        fileOf("self.key")
      }": the key does not belong to the certificate\n`,
    ]);
  },
);

/** Both implementations of TLS: Deno's, and Node's behind a pin. */
async function trusts(): Promise<(KeyPair & { args: string[] })[]> {
  const pair = await makeCertificate();
  const path = await Deno.makeTempFile();
  await Deno.writeTextFile(path, pair.cert);
  globalThis.addEventListener("unload", () => Deno.removeSync(path));
  return [
    { ...pair, args: ["--ca", path] },
    { ...pair, args: ["--pin", await fingerprintOf(pair.cert)] },
  ];
}

const TRUSTS = await trusts();

for (const { args, ...tls } of TRUSTS) {
  const [option = ""] = args;

  Deno.test(`client --pipe ${option} sends, half-closes and receives to the end: binary, exact`, async () => {
    await using server = await serve({ tls, handler: echo });
    const stdin = Uint8Array.from({ length: 2_000_001 }, (_, at) => at * 7);
    const { code, stdoutBytes, stderr } = await run(main, [
      "--pipe",
      ...args,
      `localhost:${server.port}`,
    ], { stdin });
    assertEquals([code, stderr], [0, ""]);
    assertEquals(stdoutBytes, stdin);
  });

  Deno.test(`client --pipe ${option} ends well ten times out of ten, whatever waits behind a slow reader`, async () => {
    await using server = await serve({ tls, handler: echo });
    for (let round = 1; round <= 10; round++) {
      const stdin = crypto.getRandomValues(new Uint8Array(65_536));
      const pieces = Array.from({ length: 8 * round }, () => stdin);
      let count = 0;
      const { io, stderr } = createMemoryIo({ stdin: pieces });
      const slowly = async (bytes: Uint8Array) => {
        count += bytes.length;
        await sleep(1);
      };
      const stdout = { ...io.stdout, write: slowly, writeLater: slowly };
      const line = ["--pipe", ...args, `localhost:${server.port}`];
      const code = await main(line, { ...io, stdout });
      const sent = pieces.length * stdin.length;
      assertEquals([code, stderr.text, count], [0, "", sent]);
    }
  });

  Deno.test(`client --pipe ${option} receives what the server sends after both half-closes, in small pieces`, async () => {
    await using server = await serve({
      tls,
      handler: async (connection) => {
        while (await receive(connection, new Uint8Array(99)) !== null);
        for (let piece = 0; piece < 50; piece++) {
          await send(connection, Uint8Array.of(48 + piece % 10));
        }
        await closeWrite(connection);
      },
    });
    const { code, stdout } = await run(main, [
      "--pipe",
      ...args,
      `localhost:${server.port}`,
    ], { stdin: "request" });
    assertEquals([code, stdout], [0, "0123456789".repeat(5)]);
  });

  Deno.test(`client ${option} says that the server does not speak TLS`, async () => {
    await using server = await serve({ handler: greet("Hello, Client!") });
    const { code, stderr } = await run(main, [
      ...args,
      `localhost:${server.port}`,
    ], terminal);
    assertEquals([code, stderr], [
      1,
      `client: Cannot start TLS with localhost:${server.port}: the peer does not speak TLS\nhint: leave out ${option}\n`,
    ]);
  });

  Deno.test(`client ${option} gives up on a server that says nothing after --timeout, with 28`, async () => {
    await using server = await serve({
      handler: async ({ socket }) => {
        while (await socket.read(new Uint8Array(1024)) !== null);
      },
    });
    const { code, stderr } = await run(main, [
      ...["--timeout", "0.2", ...args],
      `localhost:${server.port}`,
    ], terminal);
    assertEquals([code, stderr], [
      28,
      `client: Cannot start TLS with localhost:${server.port}: timed out\n`,
    ]);
  });

  Deno.test(`client ${option} says that the server ended the handshake`, async () => {
    await using server = await serve({ handler: () => Promise.resolve() });
    const { code, stderr } = await run(main, [
      ...args,
      `127.0.0.1:${server.port}`,
    ], terminal);
    assertMatch(
      stderr,
      /^client: Cannot start TLS with 127\.0\.0\.1:\d+: (cut short|connection reset by peer)\n$/,
    );
    assert(code === 18 || code === 1);
  });
}

Deno.test("startNodeTls() gives all that came before a reset, though what is sent is refused", async () => {
  const { cert, key } = await makeCertificate();
  const pin = await fingerprintOf(cert);
  await using server = await serve({
    tls: { cert, key },
    handler: greet("hello"),
  });
  const conn = await Deno.connect({ port: server.port });
  let isReset = false;
  const socket = {
    read: async (buffer: Uint8Array) => {
      const count = await conn.read(buffer);
      if (count === null) throw new Deno.errors.ConnectionReset();
      return count;
    },
    write: (bytes: Uint8Array) =>
      isReset
        ? Promise.reject(new Deno.errors.BrokenPipe())
        : conn.write(bytes),
    closeWrite: () => conn.closeWrite(),
    close: () => conn.close(),
  };
  using secure = await startNodeTls(socket, { name: "localhost", pin });
  isReset = true;
  await assertRejects(
    () => secure.write(new Uint8Array(9)),
    Deno.errors.BrokenPipe,
  );
  assertEquals(await secure.read(new Uint8Array(99)), "hello".length);
});

Deno.test("startNodeTls() waits until TLS's own end is written", async () => {
  const pair = await makeCertificate();
  await using server = await serve({ tls: pair, handler: echo });
  using conn = await Deno.connect({ port: server.port });
  let gate = Promise.resolve();
  const socket = {
    ...withRead(conn, (buffer) => conn.read(buffer)),
    write: async (bytes: Uint8Array) => {
      await gate;
      return await conn.write(bytes);
    },
  };
  const pin = await fingerprintOf(pair.cert);
  const secure = await startNodeTls(socket, { name: "localhost", pin });
  const { promise, resolve } = Promise.withResolvers<void>();
  gate = promise;
  let isWritten = false;
  const closing = secure.closeWrite().then(() => isWritten = true);
  // of what does not happen no event tells
  await sleep(50);
  assertEquals(isWritten, false);
  resolve();
  await closing;
  assertEquals(await secure.read(new Uint8Array(1)), null);
  secure.abort?.();
});

Deno.test("client speaks TLS on a Unix socket", () =>
  withFolder(async (folder) => {
    const path = `${folder}/tls.sock`;
    const [trust] = TRUSTS;
    assert(trust);
    await using inner = await serve({
      tls: trust,
      handler: greet("through a file"),
    });
    // TLS arrives on the file and goes on to the port
    await using outer = await serve({
      path,
      handler: async (connection) => {
        using conn = await Deno.connect({
          hostname: "127.0.0.1",
          port: inner.port,
        });
        const back = (async () => {
          const buffer = new Uint8Array(4096);
          for (let count; (count = await conn.read(buffer)) !== null;) {
            await send(connection, buffer.subarray(0, count));
          }
        })();
        const buffer = new Uint8Array(4096);
        for (let count; (count = await receive(connection, buffer)) !== null;) {
          await conn.write(buffer.subarray(0, count));
        }
        await conn.closeWrite().catch(() => {});
        await back;
      },
    });
    const { code, stdout, stderr } = await run(main, [
      ...trust.args,
      `unix:${path}`,
    ], terminal);
    assertEquals([code, stdout, stderr], [
      0,
      "Received from server: through a file\n",
      "",
    ]);
    await outer.shutdown();
  }));

Deno.test("client shows its certificate with no permission but the network and its files", () =>
  withFolder(async (folder) => {
    const [own, other] = [await makeCertificate(), await makeCertificate()];
    for (
      const [name, text] of [["ca", other.cert], ["cert", own.cert], [
        "key",
        own.key,
      ]] as const
    ) {
      await Deno.writeTextFile(`${folder}/${name}`, text);
    }
    const hello = encode("hi");
    await using server = await serve({
      tls: { ...other, clientCa: own.cert },
      handler: (connection) => send(connection, hello),
    });
    const { stdout, stderr } = await spawnDeno([
      ...[
        "run",
        "--no-prompt",
        "--allow-net=localhost,127.0.0.1",
        `--allow-read=${folder}`,
      ],
      ...[
        `${ROOT}tasks/client.ts`,
        "--ca",
        `${folder}/ca`,
        "--cert",
        `${folder}/cert`,
      ],
      ...[
        "--key",
        `${folder}/key`,
        "--sni",
        "localhost",
        `127.0.0.1:${server.port}`,
      ],
    ]).result;
    assertEquals(stdout, "Received from server: hi\n", stderr);
  }));

Deno.test("downgrade: client does not speak plain where an option of TLS has an empty value, as of a variable that is not set", async () => {
  let clients = 0;
  await using server = listening(async (conn) => {
    clients++;
    await conn.closeWrite();
  });
  for (const option of ["ca", "pin", "sni", "cert"]) {
    for (const more of [[], ["--check"]]) {
      const args = [`--${option}=`, ...more, `localhost:${server.port}`];
      const { code, stdout } = await run(main, args, terminal);
      assertEquals([code === 1 || code === 2, stdout], [true, ""], option);
    }
  }
  assertEquals(clients, 0);
});
