import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { speaksTls } from "../../lib/http/failure.ts";
import { main as get } from "../../tasks/get.ts";
import { main as post } from "../../tasks/post.ts";
import { fingerprintOf } from "../../tasks/server/tls/certificate.ts";
import { serve } from "../../tasks/server/serve.ts";
import { certificates } from "../net/openssl.ts";
import { run, spawnProgram, testWith } from "../support.ts";
import { serveHttp, serveRaw, type TestServer } from "./server.ts";

const FOLDER = await certificates();

const pem = (name: string) => `${FOLDER}/${name}.pem`;
const key = (name: string) => `${FOLDER}/${name}.key`;
const CA = ["--ca", pem("ca")];
const CLIENT = ["--cert", pem("client"), "--key", key("client")];

/** Serves https by the rules with a certificate, under the name localhost. */
function serveTls(
  name: string,
  handler: (request: Request) => Response | Promise<Response> = () =>
    new Response("hi"),
): TestServer {
  const server = Deno.serve({
    hostname: "127.0.0.1",
    port: 0,
    cert: Deno.readTextFileSync(pem(name)),
    key: Deno.readTextFileSync(key(name)),
    onListen() {},
  }, handler);
  return {
    url: `https://localhost:${server.addr.port}`,
    [Symbol.asyncDispose]: () => server.shutdown(),
  };
}

/** openssl's own server, which answers every path with a page about the connection. */
async function serveOpenssl(...args: string[]): Promise<TestServer> {
  const child = spawnProgram("openssl", [
    ..."s_server -accept 127.0.0.1:0 -www".split(" "),
    ...["-cert", pem("good"), "-key", key("good"), ...args],
  ]);
  const said = await child.stdout.waitFor(/ACCEPT .*?(\d+)\n/);
  return {
    url: `https://localhost:${said.match(/ACCEPT .*?(\d+)\n/)?.[1]}`,
    async [Symbol.asyncDispose]() {
      child.kill("SIGTERM");
      await child.result;
    },
  };
}

/** A server's certificate, options, the exit code, why, and the next step. */
const CASES: readonly (readonly [
  certificate: string,
  options: readonly string[],
  code: number,
  why?: RegExp,
  step?: RegExp,
])[] = [
  ["good", CA, 0],
  [
    "good",
    [],
    60,
    /certificate of an unknown issuer/,
    /trust its issuer with --ca FILE/,
  ],
  ["self", ["--ca", `${FOLDER}/self.pem`], 0],
  [
    "other",
    CA,
    60,
    /certificate is not for localhost, only for b\.example/,
    /--resolve b\.example:\d+:ADDRESS/,
  ],
  ["expired", CA, 60, /certificate expired/, /-k/],
  ["ca", CA, 0],
  [
    "ca",
    ["--ca", `${FOLDER}/self.pem`],
    60,
    /it is a CA certificate/,
    /trust it with --ca FILE or --pin SHA256$/,
  ],
  [
    "foreign",
    ["--ca", `${FOLDER}/foreign.pem`],
    60,
    /only for b\.example/,
    /--resolve b\.example:/,
  ],
  ["wild", CA, 60, /only for \*\.b\.example/, /--resolve www\.b\.example:/],
  ["address", CA, 60, /only for 10\.0\.0\.1/, /: https:\/\/10\.0\.0\.1:\d+\/$/],
];

for (const [name, options, code, why, step] of CASES) {
  testWith(
    "openssl",
    `get verifies ${name} ${options.join(" ").replace(FOLDER, "")}: ${code}`,
    async () => {
      await using server = serveTls(name);
      const { host } = new URL(server.url);
      // over fetch, and over a socket of our own
      for (const more of [[], ["--time"]]) {
        const result = await run(get, [...options, ...more, server.url]);
        assertEquals(result.code, code, result.stderr);
        if (why === undefined) {
          assertEquals(result.stdout, "hi");
          continue;
        }
        assertEquals(result.stdout, "");
        const [said = "", hint = "", ...rest] = result.stderr.split("\n");
        assert(said.startsWith(`get: Cannot verify ${host}: `), said);
        assert(why.test(said), said);
        assert(step?.test(hint), hint);
        assertEquals(rest, [""]);
      }
    },
  );
}

testWith(
  "openssl",
  "get -k takes any certificate, and warns in red",
  async () => {
    for (const name of ["good", "self", "other", "expired"]) {
      await using server = serveTls(name);
      const { code, stdout, stderr } = await run(get, ["-k", server.url], {
        terminal: { stderr: true },
      });
      assertEquals([code, stdout], [0, "hi"], stderr);
      assertStringIncludes(
        stderr,
        `\x1b[31mWarning: with --insecure anyone can pose as ${
          new URL(server.url).host
        }\x1b[39m\n`,
      );
    }
  },
);

testWith("openssl", "get -k says nothing with -q", async () => {
  await using server = serveTls("self");
  const { code, stdout, stderr } = await run(get, ["-k", "-q", server.url]);
  assertEquals([code, stdout, stderr], [0, "hi", ""]);
});

testWith("openssl", "get -k ends where another origin begins", async () => {
  await using other = serveTls("self");
  await using server = serveTls("self", () => Response.redirect(other.url));
  const { code, stderr } = await run(get, ["-k", server.url]);
  assertEquals(code, 60);
  assertStringIncludes(
    stderr,
    `Cannot verify ${
      new URL(other.url).host
    }: certificate of an unknown issuer`,
  );
});

testWith(
  "openssl",
  "a client's certificate is shown to the first origin alone",
  async () => {
    const args = ["-Verify", "1", "-verify_return_error", "-CAfile", pem("ca")];
    await using wants = await serveOpenssl(...args);
    const without = await run(get, [...CA, wants.url]);
    assertEquals(without.code, 60, without.stderr);
    assertStringIncludes(
      without.stderr,
      "the server wants a client certificate",
    );
    assertStringIncludes(
      without.stderr,
      "hint: give it one with --cert FILE --key FILE\n",
    );
    for (const more of [[], ["--time"], ["-k"]]) {
      const { code, stdout, stderr } = await run(get, [
        ...[...CA, ...CLIENT, ...more, wants.url],
      ]);
      assertEquals(code, 0, stderr);
      assertStringIncludes(stdout, "Subject: CN=client");
    }
    await using leads = serveTls("good", () => Response.redirect(wants.url));
    const { code, stderr } = await run(get, [...CA, ...CLIENT, leads.url]);
    assertEquals(code, 60, stderr);
  },
);

testWith("openssl", "a certificate and its key may share a file", async () => {
  const both = await Deno.readTextFile(pem("client")) +
    await Deno.readTextFile(key("client"));
  await Deno.writeTextFile(`${FOLDER}/both.pem`, both);
  await using server = await serveOpenssl("-Verify", "1", "-CAfile", pem("ca"));
  const cert = ["--cert", `${FOLDER}/both.pem`];
  const { code, stderr } = await run(get, [...CA, ...cert, server.url]);
  assertEquals(code, 0, stderr);
});

testWith(
  "openssl",
  "a file that is no certificate is not passed over",
  async () => {
    await using server = serveTls("good");
    for (
      const [args, said] of [
        [
          ["--ca", key("ca")],
          "it holds no PEM of a CERTIFICATE, but of a PRIVATE KEY\n",
        ],
        ...[[], ["--key", pem("client")]].map((more) =>
          [
            ["--cert", pem("client"), ...more],
            "it holds no PEM of a PRIVATE KEY, but of a CERTIFICATE\nhint: a certificate is --cert FILE, its key --key FILE\n",
          ] as const
        ),
        [["--ca", `${FOLDER}/none.pem`], "no such file"],
      ] as const
    ) {
      const { code, stderr } = await run(get, [...args, server.url]);
      assertEquals(code, 1);
      assertStringIncludes(stderr, said);
    }
  },
);

testWith(
  "openssl",
  "an encrypted key is named, with the command that decrypts it",
  async () => {
    for (const form of [["-traditional"], []]) {
      const file = `${FOLDER}/encrypted${form.length}.key`;
      const args = ["-aes256", "-passout", "pass:x", "-out", file];
      const from = ["pkey", "-in", key("client"), ...form, ...args];
      assertEquals((await spawnProgram("openssl", from).result).code, 0);
      for (const main of [get, post]) {
        const { code, stderr } = await run(main, [
          ...["--cert", pem("client"), "--key", file],
          "https://127.0.0.1:9/",
        ]);
        assertEquals(code, 1);
        assertStringIncludes(
          stderr,
          `Cannot use "${file}": it is encrypted\nhint: decrypt it: openssl pkey -in ${file} -out FILE\n`,
        );
      }
    }
  },
);

testWith("openssl", "a server of TLS 1.1 alone is refused", async () => {
  await using server = await serveOpenssl(
    ..."-tls1_1 -cipher ALL:@SECLEVEL=0".split(" "),
  );
  const { host } = new URL(server.url);
  for (const more of [[], ["--time"], ["-k"]]) {
    const { code, stdout, stderr } = await run(get, [
      ...[...CA, ...more, server.url],
    ]);
    assertEquals([code, stdout], [1, ""], stderr);
    assertStringIncludes(
      stderr,
      `get: Cannot start TLS with ${host}: no TLS version in common\n`,
    );
  }
});

testWith(
  "openssl",
  "get speaks the version of HTTP that it is told",
  async () => {
    const versions: string[] = [];
    await using server = serveTls("good", ({ headers }) => {
      // HTTP/2 has no Host header
      versions.push(headers.has("host") ? "1.1" : "2");
      return new Response("hi");
    });
    for (const more of [[], ["--http=1.1"], ["--http=2"], ["--time"]]) {
      const { code, stderr } = await run(get, [...CA, ...more, server.url]);
      assertEquals(code, 0, stderr);
    }
    assertEquals(versions, ["2", "1.1", "2", "1.1"]);
  },
);

testWith(
  "openssl",
  "a port that speaks TLS is told apart from one that does not",
  async () => {
    await using secure = await serveOpenssl();
    await using plain = serveHttp(() => new Response("hi"));
    await using mute = serveRaw(() => [], { hold: true });
    assertEquals(await speaksTls(new URL(secure.url)), true);
    assertEquals(await speaksTls(new URL(plain.url)), false);
    assertEquals(await speaksTls(new URL(mute.url)), false);
    for (const more of [[], ["--time"]]) {
      const { code, stderr } = await run(get, [
        ...[...more, secure.url.replace("https", "http")],
      ]);
      assert(code === 18 || code === 1, stderr);
      assertStringIncludes(
        stderr,
        `hint: this port speaks TLS, try ${secure.url}/\n`,
      );
    }
    for (const more of [[], ["--time"], ["-k"]]) {
      const { code, stderr } = await run(get, [
        ...[...more, plain.url.replace("http", "https")],
      ]);
      const { host } = new URL(plain.url);
      assertEquals(code, 1, stderr);
      assertStringIncludes(
        stderr,
        `get: Cannot start TLS with ${host}: the peer does not speak TLS\nhint: this port does not speak TLS, try http://${host}/\n`,
      );
    }
  },
);

testWith(
  "openssl",
  "https over a Unix socket is TLS over a Unix socket",
  async () => {
    const path = `${FOLDER}/http.sock`;
    let seen = "";
    await using listener = await serve({
      path,
      handler: async ({ socket }) => {
        const buffer = new Uint8Array(4096);
        seen = new TextDecoder("latin1")
          .decode(buffer.subarray(0, await socket.read(buffer) ?? 0));
      },
    });
    const secret = "Authorization:Bearer-secret";
    const url = "https://localhost/a";
    const { code } = await run(get, ["--unix", path, url, secret]);
    assert(listener && code !== 0);
    assertEquals(seen.charCodeAt(0), 22);
    assert(!seen.includes("secret"));
  },
);

testWith(
  "openssl",
  "a body goes over a Unix socket, with its path and headers",
  async () => {
    const path = `${FOLDER}/plain.sock`;
    await using server = Deno.serve(
      { path, onListen() {} },
      async (request) => new Response(request.url + await request.text()),
    );
    const { code, stdout, stderr } = await run(post, [
      ...["--unix", path, "http://docker/a?b", "c=d"],
    ]);
    assertEquals(code, 0, stderr);
    assertStringIncludes(stdout, '/a?b{"c":"d"}');
    assert(server.addr.transport === "unix");
  },
);

Deno.test("a Unix socket that is not there is named", async () => {
  const { code, stderr } = await run(get, [
    "--retry=0",
    "--unix=/nowhere.sock",
    "http://a/",
  ]);
  assertEquals([code, stderr], [
    7,
    "get: Cannot connect to unix:/nowhere.sock: no such file\n",
  ]);
});

Deno.test("a file that is no Unix socket is told so, by its whole path", async () => {
  const { code, stderr } = await run(get, [
    "--retry=0",
    "--unix=deno.json",
    "http://a/",
  ]);
  assertEquals([code, stderr], [
    7,
    `get: Cannot connect to unix:${Deno.cwd()}/deno.json: it is not a socket\n`,
  ]);
});

Deno.test("a server that says nothing instead of a handshake is cut at the head's deadline", async () => {
  using listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const conns: Deno.Conn[] = [];
  const accepting = (async () => {
    for await (const conn of listener) conns.push(conn);
  })();
  const url = `https://127.0.0.1:${listener.addr.port}/`;
  for (const more of [[], ["--time"], ["-k"]]) {
    const args = ["--timeout=0.05", "--retry=0", ...more, url];
    const { code, stderr } = await run(get, args);
    assertEquals(code, 28, stderr);
    assertStringIncludes(stderr, `Cannot get ${url}: no answer within 0.05 s`);
  }
  listener.close();
  await accepting;
  for (const conn of conns) conn.close();
});

testWith(
  "openssl",
  "get and post --pin trust one certificate, whoever made it, and no other",
  async () => {
    for (const name of ["self", "ca", "expired"]) {
      await using server = serveTls(name);
      const pin = await fingerprintOf(await Deno.readTextFile(pem(name)));
      for (const [main, ...items] of [[get], [post, "a=b"]] as const) {
        const taken = await run(main, ["--pin", pin, server.url, ...items]);
        assertEquals([taken.code, taken.stdout], [0, "hi"], taken.stderr);
        const other = pin.replace(/.$/, (digit) => digit === "0" ? "1" : "0");
        const refused = await run(main, ["--pin", other, server.url, ...items]);
        assertEquals([refused.code, refused.stdout], [60, ""]);
        assert(
          refused.stderr.endsWith(
            `: certificate is not the pinned one, its SHA-256 is ${pin}\n`,
          ),
          refused.stderr,
        );
      }
    }
  },
);

testWith(
  "openssl",
  "a pin is for the first origin alone, for https, and instead of -k, HTTP/2 and curl",
  async () => {
    await using other = serveTls("self");
    await using server = serveTls("self", () => Response.redirect(other.url));
    const pin = await fingerprintOf(await Deno.readTextFile(pem("self")));
    const { code, stderr } = await run(get, ["--pin", pin, server.url]);
    assertEquals(code, 60, stderr);
    for (
      const args of [
        ["--pin", pin, "http://localhost:1/"],
        ["--pin", "12", server.url],
        ["--pin", pin, "-k", server.url],
        ["--pin", pin, "--http=2", server.url],
        ["--pin", pin, "--curl", server.url],
      ]
    ) assertEquals((await run(get, args)).code, 2, args.join(" "));
  },
);

testWith(
  "openssl",
  "get says of a certificate and a key that do not belong together which files they are, before it connects",
  async () => {
    await using server = serveTls("good");
    const pair = ["--cert", pem("client"), "--key", key("good")];
    const { code, stderr } = await run(get, [...CA, ...pair, server.url]);
    assertEquals([code, stderr], [
      1,
      `get: Cannot use "${pem("client")}" with "${
        key("good")
      }": the key does not belong to the certificate\n`,
    ]);
  },
);

testWith(
  "openssl",
  "get --http=2 of a server that shows an authority that is trusted says what is in the way",
  async () => {
    await using server = serveTls("ca");
    const { code, stderr } = await run(get, [...CA, "--http=2", server.url]);
    assertEquals(code, 60);
    assertStringIncludes(
      stderr,
      "hint: over HTTP/1.1 it is trusted: leave out --http=2\n",
    );
    const without = await run(get, [...CA, server.url]);
    assertEquals([without.code, without.stdout], [0, "hi"]);
  },
);
