import {
  assertEquals,
  assertMatch,
  assertRejects,
  assertThrows,
} from "@std/assert";
import { getAvailablePort } from "@std/net/get-available-port";
import fc from "fast-check";
import { askSocks, formatProxy, parseProxy } from "../../lib/net/proxy.ts";
import { makeCertificate } from "../../tasks/server/tls/certificate.ts";
import { UsageError } from "../../lib/cli/errors.ts";
import { main } from "../../tasks/client.ts";
import { main as get } from "../../tasks/get.ts";
import { main as post } from "../../tasks/post.ts";
import { main as posts } from "../../tasks/posts.ts";
import { main as server } from "../../tasks/server.ts";
import { echo } from "../../tasks/server/handlers.ts";
import { serve } from "../../tasks/server/serve.ts";
import {
  encode,
  listening as proxy,
  type Main,
  run,
  withFolder,
} from "../support.ts";

const client = main;

const terminal = { terminal: { stdin: true } };

/** Reads exactly so many bytes. */
async function take(conn: Deno.Conn, length: number): Promise<Uint8Array> {
  const bytes = new Uint8Array(length);
  for (let done = 0; done < length;) {
    const count = await conn.read(bytes.subarray(done));
    if (count === null) throw new Error("too short");
    done += count;
  }
  return bytes;
}

async function copy(from: Deno.Conn, to: Deno.Conn): Promise<void> {
  const buffer = new Uint8Array(1024);
  for (let count; (count = await from.read(buffer)) !== null;) {
    for (let done = 0; done < count;) {
      done += await to.write(buffer.subarray(done, count));
    }
  }
  await to.closeWrite();
}

/** Everything after the handshake: both ways, to a port of this machine. */
async function join(conn: Deno.Conn, port: number): Promise<void> {
  using target = await Deno.connect({ hostname: "127.0.0.1", port });
  await Promise.all([copy(conn, target), copy(target, conn)]);
}

/** A SOCKS5 proxy that notes what it was asked for, and leads to one port whatever that was. */
function socks(port: number, asked: string[], login?: string) {
  return proxy(async (conn) => {
    const [, count = 0] = await take(conn, 2);
    const methods = await take(conn, count);
    const method = login === undefined ? 0 : methods.includes(2) ? 2 : 0xff;
    await conn.write(Uint8Array.of(5, method));
    if (method === 2) {
      const [, nameLength = 0] = await take(conn, 2);
      const name = new TextDecoder().decode(await take(conn, nameLength));
      const [length = 0] = await take(conn, 1);
      const secret = new TextDecoder().decode(await take(conn, length));
      await conn.write(Uint8Array.of(1, `${name}:${secret}` === login ? 0 : 1));
    }
    const [, , , kind] = await take(conn, 4);
    const [named = 0] = kind === 3 ? await take(conn, 1) : [];
    const host = await take(conn, kind === 1 ? 4 : kind === 4 ? 16 : named);
    const [high = 0, low = 0] = await take(conn, 2);
    asked.push(
      `${kind === 3 ? new TextDecoder().decode(host) : host.join(".")} ${
        high * 256 + low
      }`,
    );
    // an answer with a name in it, which is allowed and rare
    await conn.write(Uint8Array.of(5, 0, 0, 3, 1, 97, 0, 80));
    await join(conn, port);
  });
}

/** An HTTP proxy of the same kind, whose answer may come with the target's first bytes. */
function http(port: number, heads: string[], login?: string) {
  return proxy(async (conn) => {
    let head = "";
    while (!head.endsWith("\r\n\r\n")) {
      head += new TextDecoder().decode(await take(conn, 1));
    }
    heads.push(head);
    const wanted = login === undefined
      ? ""
      : `Proxy-Authorization: Basic ${btoa(login)}\r\n`;
    if (!head.includes(wanted)) {
      await conn.write(
        encode("HTTP/1.1 407 Proxy Authentication Required\r\n\r\n"),
      );
      return;
    }
    await conn.write(encode("HTTP/1.1 200 OK\r\nVia: test\r\n\r\n>"));
    await join(conn, port);
  });
}

const TEXTS: [string, string][] = [
  ["socks5://localhost:1080", "socks5://localhost:1080"],
  ["socks5h://a.example", "socks5://a.example:1080"],
  ["http://ada:secret@[::1]:3128/", "http://[::1]:3128"],
  ["http://a.example", "http://a.example:80"],
  ["http://127.0.0.1:3128/", "http://127.0.0.1:3128"],
  ["http://ada:secret@localhost/path", "http://localhost:80"],
  ["socks5://localhost/a@b:c", "socks5://localhost:1080"],
];

for (const [text, shown] of TEXTS) {
  Deno.test(`parseProxy() reads ${text.replace("ada:secret", "***")}`, () => {
    assertEquals(formatProxy(parseProxy(text)), shown);
  });
}

Deno.test("parseProxy() reads any user and password, and formatProxy() shows neither", () => {
  const part = fc.string({
    minLength: 1,
    maxLength: 60,
    unit: "grapheme-ascii",
  });
  fc.assert(fc.property(part, part, (username, password) => {
    const text = `socks5://${encodeURIComponent(username)}:${
      encodeURIComponent(password)
    }@localhost`;
    const proxy = parseProxy(text);
    assertEquals([proxy.username, proxy.password], [username, password]);
    assertEquals(formatProxy(proxy), "socks5://localhost:1080");
  }));
});

Deno.test("parseProxy() takes a user and a password of any length for HTTP", () => {
  const [user, password] = ["x".repeat(300), "é".repeat(300)];
  const proxy = parseProxy(`http://${user}:${password}@localhost`);
  assertEquals([proxy.username, proxy.password], [user, password]);
});

Deno.test("parseProxy() refuses what is no proxy, and shows no secret", () => {
  for (
    const text of [
      "",
      "localhost:1080",
      "ftp://ada:secret@localhost",
      "ada:secret@localhost",
      "socks5://ada:secret@localhost:99999",
      "socks5://ada:secret@",
      "socks5://ada:secret@a b",
      "http://ada:%ff-secret@localhost",
      `socks5://${"x".repeat(256)}:secret@localhost`,
      `socks5://ada:${"secret".repeat(50)}@localhost`,
    ]
  ) {
    const { message } = assertThrows(() => parseProxy(text), Error, "Cannot");
    assertEquals(/secret/.test(message), false, message);
  }
});

for (const kind of ["socks5", "http"] as const) {
  const start = kind === "socks5" ? socks : http;
  // the HTTP proxy sends the first byte of the target with its own answer
  const first = kind === "socks5" ? "" : ">";

  Deno.test(`client --proxy ${kind}:// lets the proxy find the name, and then speaks with the target`, async () => {
    await using target = await serve({ handler: echo });
    const asked: string[] = [];
    await using proxy = start(target.port, asked);
    const { code, stdout, stderr } = await run(main, [
      "--pipe",
      "--proxy",
      `${kind}://127.0.0.1:${proxy.port}`,
      "nowhere.invalid:80",
    ], { stdin: "hello" });
    assertEquals([code, stdout, stderr], [0, `${first}hello`, ""]);
    assertMatch(asked.join(), /nowhere\.invalid[: ]80/);
  });

  Deno.test(`client --proxy ${kind}:// says who it is, and says what to do when that is refused`, async () => {
    await using target = await serve({ handler: echo });
    await using proxy = start(target.port, [], "ada:s3:cr@t");
    const at = `127.0.0.1:${proxy.port}`;
    const cases: [string, number, string][] = [
      ["ada:s3%3Acr%40t@", 0, ""],
      ["ada:guess@", 7, "the proxy refused the user or the password"],
      ["", 7, "the proxy wants a user and a password"],
    ];
    for (const [login, code, why] of cases) {
      const result = await run(main, [
        "--send",
        "hi",
        "--proxy",
        `${kind}://${login}${at}`,
        "a.example:80",
      ], terminal);
      assertEquals(result.code, code);
      assertEquals(
        result.stderr,
        code === 0
          ? ""
          : `client: Cannot connect to a.example:80 through ${kind}://${at}: ${why}\nhint: --proxy ${kind}://USER:PASSWORD@HOST:PORT\n`,
      );
    }
  });
}

Deno.test("client --proxy takes TLS to the target, verified by the target's name", () =>
  withFolder(async (folder) => {
    const pair = await makeCertificate();
    await using target = await serve({ tls: pair, handler: echo });
    await Deno.writeTextFile(`${folder}/ca.pem`, pair.cert);
    await using proxy = socks(target.port, []);
    const args = [
      "--pipe",
      "--ca",
      `${folder}/ca.pem`,
      "--proxy",
      `socks5://127.0.0.1:${proxy.port}`,
    ];
    const { code, stdout } = await run(main, [...args, "localhost:443"], {
      stdin: "secret",
    });
    assertEquals([code, stdout], [0, "secret"]);
    const other = await run(main, [...args, "a.example:443"], { stdin: "" });
    assertEquals(other.code, 60);
  }));

Deno.test("askSocks() writes addresses as RFC 1928 wants them", async () => {
  const cases: [string, number[]][] = [
    ["127.0.0.1", [1, 127, 0, 0, 1]],
    ["::1", [4, ...Array(15).fill(0), 1]],
    ["2001:db8::ff00:42:8329", [
      4,
      0x20,
      1,
      0xd,
      0xb8,
      0,
      0,
      0,
      0,
      0,
      0,
      0xff,
      0,
      0,
      0x42,
      0x83,
      0x29,
    ]],
    ["::ffff:1.2.3.4", [4, ...Array(10).fill(0), 0xff, 0xff, 1, 2, 3, 4]],
    ["1:2:3:4:5:6:7:8", [4, 0, 1, 0, 2, 0, 3, 0, 4, 0, 5, 0, 6, 0, 7, 0, 8]],
    ["a.b", [3, 3, 97, 46, 98]],
  ];
  for (const [host, expected] of cases) {
    const answer = [5, 0, 5, 0, 0, 4, ...Array(18).fill(0)];
    const said: number[] = [];
    await askSocks(
      {
        read: (buffer) => {
          const part = answer.splice(0, buffer.length);
          buffer.set(part);
          return Promise.resolve(part.length);
        },
        // one byte at a time
        write: (bytes) => Promise.resolve(said.push(bytes[0] ?? 0) && 1),
      },
      parseProxy("socks5://localhost"),
      { host, port: 258 },
    );
    assertEquals(said, [5, 1, 0, 5, 1, 0, ...expected, 1, 2]);
    assertEquals(answer, []);
  }
});

Deno.test("askSocks() writes nothing where a name does not fit its length (CVE-2023-38545)", async () => {
  let written = 0;
  const socket = {
    read: () => Promise.resolve(null),
    write: (bytes: Uint8Array) => Promise.resolve(written += bytes.length),
  };
  const at = (host: string) =>
    askSocks(socket, parseProxy("socks5://localhost"), { host, port: 80 });
  for (const host of ["a".repeat(256), "é".repeat(128), "a".repeat(65_792)]) {
    await assertRejects(() => at(host), UsageError, "expected at most 255");
  }
  assertEquals(written, 0);
  // what fits is asked for
  await assertRejects(() => at("a".repeat(255)), Error, "proxy closed");
  assertEquals(written, 3);
});

/** A name that 0.1.0 gave SOCKS5 cut after its length, and the rest as a port and data. */
const LONG_NAME = `localhostaa${".pad".repeat(40)}`.padEnd(265, "b");
const LONG_USER = "u".repeat(256);
const LONG_PATH = `/${"x".repeat(120)}`;

const TOO_LONG: [Main, string[], RegExp][] = [
  ...[client, get, post].map((main): [Main, string[], RegExp] => [
    main,
    [
      "--proxy",
      "socks5://PROXY",
      `${main === client ? "" : "http://"}${LONG_NAME}:80`,
    ],
    /: Cannot use a host's name of 265 bytes: expected at most 253\n/,
  ]),
  [posts, ["--url", `http://${LONG_NAME}/`], /host's name of 265 bytes/],
  [get, [`http://${LONG_NAME}/`], /host's name of 265 bytes/],
  [client, [`${LONG_NAME}:80`], /host's name of 265 bytes/],
  [client, ["é".repeat(127)], /host's name of 254 bytes/],
  ...[client, get, post].flatMap((main) =>
    [`${LONG_USER}:p`, `u:${LONG_USER}`].map((
      login,
    ): [Main, string[], RegExp] => [
      main,
      ["--proxy", `socks5://${login}@PROXY`, "a.example:80"],
      /: Cannot use a proxy's user or password of 256 bytes: expected at most 255\n/,
    ])
  ),
  [
    client,
    [`unix:${LONG_PATH}`],
    /socket's path of 121 bytes: expected at most/,
  ],
  [get, ["--unix", LONG_PATH, "a.example"], /socket's path of 121 bytes/],
  [post, ["--unix", LONG_PATH, "a.example"], /socket's path of 121 bytes/],
  [server, ["--unix", LONG_PATH], /socket's path of 121 bytes/],
  [server, ["relay", `unix:${LONG_PATH}`], /socket's path of 121 bytes/],
];

Deno.test("a name, a user or a path that does not fit is refused with 2 before anything is sent", async (t) => {
  let connections = 0;
  await using never = proxy(() => Promise.resolve(void connections++));
  for (const [main, args, why] of TOO_LONG) {
    const typed = args.map((arg) =>
      arg.replace("PROXY", `127.0.0.1:${never.port}`)
    );
    await t.step(`${why.source} ${args.join(" ").slice(0, 50)}`, async () => {
      const { code, stdout, stderr } = await run(main, typed, terminal);
      assertMatch(stderr, why);
      assertEquals([code, stdout], [2, ""]);
    });
  }
  assertEquals(connections, 0);
});

Deno.test("client --proxy http:// takes an answer whose lines end with LF alone (RFC 9112 2.2)", async () => {
  await using lines = proxy(async (conn) => {
    await conn.read(new Uint8Array(1024));
    await conn.write(encode("HTTP/1.1 200 OK\nVia: test\n\n\nhello"));
  });
  const { code, stdout } = await run(main, [
    "--proxy",
    `http://127.0.0.1:${lines.port}`,
    "a.example:80",
  ], terminal);
  assertEquals([code, stdout], [0, "Received from server: \nhello\n"]);
});

for (const kind of ["socks5", "http"]) {
  Deno.test(`client asks a ${kind} proxy once that refuses its password, with --wait and for many ports (accounts lock)`, async () => {
    let asked = 0;
    await using refusing = proxy(async (conn) => {
      asked++;
      await conn.read(new Uint8Array(1024));
      await conn.write(
        kind === "http"
          ? encode("HTTP/1.1 407 no\r\n\r\n")
          : Uint8Array.of(5, 2, 1, 1),
      );
      while (await conn.read(new Uint8Array(1024)) !== null);
    });
    const through = `${kind}://ada:guess@127.0.0.1:${refusing.port}`;
    for (
      const [at, args] of [["--wait", "10"], ["--check", "1-300"]].entries()
    ) {
      const { code, stdout, stderr } = await run(main, [
        ...args,
        ...["--proxy", through, "a.example"],
      ], terminal);
      assertMatch(stderr, /: the proxy refused the user or the password\n/);
      assertEquals([asked, code, stdout], [at + 1, 7, ""]);
    }
  });
}

/** What a proxy does, and what --check may say of two ports behind it: nothing where the proxy is at fault. */
const BEHIND: [string, number[] | undefined, string, RegExp][] = [
  [
    "is not there",
    undefined,
    "",
    /^client: Cannot connect to a\.example:1 through socks5:\/\/\S+: the proxy cannot be reached: connection refused\n$/,
  ],
  ["closes at once", [5], "", /: the proxy closed the connection\n$/],
  ["is none", [83, 83], "", /: it is not a SOCKS5 proxy: it says SS\n$/],
  [
    "is refused by the target",
    [5, 0, 5, 5, 0, 1],
    "a.example:1 closed: the proxy says: connection refused\na.example:2 closed: the proxy says: connection refused\n",
    /^$/,
  ],
  [
    "is silent",
    [],
    "a.example:1 not known: the proxy says nothing: timed out\na.example:2 not known: the proxy says nothing: timed out\n",
    /^$/,
  ],
  [
    "does not try",
    [5, 0, 5, 2, 0, 1],
    "a.example:1 not known: the proxy says: its rules do not allow it\na.example:2 not known: the proxy says: its rules do not allow it\n",
    /^$/,
  ],
];

for (const [what, answer, found, why] of BEHIND) {
  Deno.test(`client --check says of ports behind a proxy only what the proxy knows: one that ${what}`, async () => {
    await using answering = proxy(async (conn) => {
      await conn.read(new Uint8Array(1024));
      await conn.write(Uint8Array.from(answer ?? []));
      if (answer?.length) await conn.closeWrite();
      while (await conn.read(new Uint8Array(1024)) !== null);
    });
    const port = answer ? answering.port : 2;
    const { code, stdout, stderr } = await run(main, [
      ...["--check", "1-2", "--timeout", "0.5"],
      ...["--proxy", `socks5://127.0.0.1:${port}`],
      "a.example",
    ], terminal);
    assertMatch(stderr, why);
    assertEquals([code, stdout], [7, found]);
  });
}

const REFUSALS: [string, string | number[], string][] = [
  ["socks5", [5, 0, 5, 5, 0, 1], "the proxy says: connection refused"],
  ["socks5", [5, 0, 5, 2, 0, 1], "the proxy says: its rules do not allow it"],
  ["socks5", [5, 0, 5, 99, 0, 1], "the proxy says: error 99"],
  ["socks5", [5], "the proxy closed the connection"],
  [
    "socks5",
    [5, 0, 5],
    "the proxy says: nothing, as ssh -D of a target that refuses",
  ],
  ["socks5", [5, 7], "the proxy wants a user and a password"],
  [
    "socks5",
    "HTTP/1.1 400 No\r\n\r\n",
    "it is not a SOCKS5 proxy: it says HTTP/1.1 400 No",
  ],
  [
    "http",
    "HTTP/1.1 502 Bad Gateway\r\n\r\n",
    "the proxy says: 502 Bad Gateway",
  ],
  ["http", "HTTP/1.1 403\r\n\r\n", "the proxy says: 403"],
  [
    "http",
    "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 502 No\r\n\r\n",
    "the proxy says: 502 No",
  ],
  ["socks5", [5, 0, 5, 0, 0, 7, 0, 0], "it is not a SOCKS5 proxy"],
  ["socks5", [5, 0, 4, 0, 0, 1, 0, 0], "it is not a SOCKS5 proxy"],
  ["http", "SSH-2.0-x\r\n\r\n", "it is not an HTTP proxy: it says SSH-2.0-x"],
  [
    "http",
    "x".repeat(20_000),
    `it is not an HTTP proxy: it says ${"x".repeat(65)}`,
  ],
  ["http", "HTTP/1.1 200 OK".padEnd(20_000, "x"), "it is not an HTTP proxy"],
  ["http", "HTTP/1.1 200", "the proxy closed the connection"],
];

for (const [kind, answer, why] of REFUSALS) {
  Deno.test(`client --proxy ${kind}:// says why it cannot: ${why}`, async () => {
    await using refusing = proxy(async (conn) => {
      await conn.read(new Uint8Array(1024));
      await conn.write(
        typeof answer === "string" ? encode(answer) : Uint8Array.from(answer),
      );
      await conn.closeWrite();
      while (await conn.read(new Uint8Array(1024)) !== null);
    });
    const { code, stderr } = await run(main, [
      "--proxy",
      `${kind}://127.0.0.1:${refusing.port}`,
      "a.example:80",
    ], terminal);
    assertEquals(
      stderr.split("\n")[0],
      `client: Cannot connect to a.example:80 through ${kind}://127.0.0.1:${refusing.port}: ${why}`,
    );
    assertEquals(code, 7);
  });
}

Deno.test("client --proxy gives up on a proxy that says nothing after --timeout, with 28", async () => {
  await using silent = proxy(async (conn) => {
    while (await conn.read(new Uint8Array(1024)) !== null);
  });
  for (const kind of ["socks5", "http"]) {
    const { code, stderr } = await run(main, [
      "--timeout",
      "0.1",
      "--proxy",
      `${kind}://127.0.0.1:${silent.port}`,
      "a.example:80",
    ], terminal);
    assertEquals([code, stderr], [
      28,
      `client: Cannot connect to a.example:80 through ${kind}://127.0.0.1:${silent.port}: timed out\n`,
    ]);
  }
});

Deno.test("client --proxy says that the proxy is not there, and that a Unix socket has none", async () => {
  const at = `socks5://127.0.0.1:${getAvailablePort()}`;
  const { code, stderr } = await run(
    main,
    ["--proxy", at, "a.example:80"],
    terminal,
  );
  assertEquals(code, 7);
  assertMatch(
    stderr,
    /through socks5:\/\/\S+: the proxy cannot be reached: connection refused\n/,
  );
  // a server of ours would be no proxy
  assertEquals(stderr.includes("hint:"), false);
  const unix = await run(main, ["--proxy", at, "unix:/run/a.sock"], terminal);
  assertEquals([unix.code, unix.stderr], [
    2,
    `client: Cannot connect to unix:/run/a.sock through ${at}\nhint: see deno task client --help\n`,
  ]);
});

/** What is asked as a proxy, the first bytes that it says, and what is told of it. */
const STRANGERS: readonly (readonly [
  protocol: string,
  says: string,
  why: string,
])[] = [
  ["http", "SSH-2.0-Open\r\n", "it is not an HTTP proxy: it says SSH-2.0-Open"],
  ["http", "<html>\n", "it is not an HTTP proxy: it says <html>"],
  ["http", "\x1b[31mred", "it is not an HTTP proxy"],
  ["http", "\x05\xff", "it is not an HTTP proxy: it speaks SOCKS5"],
  ["http", "\x15\x03\x01\0\x02\x02F", "it is not an HTTP proxy: it speaks TLS"],
  [
    "socks5",
    "HTTP/1.1 400 No\r\n",
    "it is not a SOCKS5 proxy: it says HTTP/1.1 400 No",
  ],
];

Deno.test("what is no proxy is told by its first bytes, though it stays open", async () => {
  for (const [protocol, says, why] of STRANGERS) {
    await using stranger = proxy(async (conn) => {
      await conn.read(new Uint8Array(512));
      await conn.write(
        Uint8Array.from(says, (sign) => sign.charCodeAt(0)),
      );
      // until the other end has had enough
      while (await conn.read(new Uint8Array(512)).catch(() => null));
    });
    const way = `${protocol}://127.0.0.1:${stranger.port}`;
    for (
      const [main, goal] of [[client, "a.example:443"], [
        get,
        "https://a.example/",
      ]] as const
    ) {
      const { code, stderr } = await run(
        main,
        ["--proxy", way, goal],
        terminal,
      );
      assertEquals([code, stderr.split("\n")[0]?.replace(/^\w+: /, "")], [
        7,
        `Cannot connect to a.example:443 through ${way}: ${why}`,
      ]);
    }
  }
});

/** How an HTTP proxy refuses whoever asks, with what schemes, and what is told of it. */
const LOGINS: readonly (readonly [head: string, why: string])[] = [
  [
    '407 No\r\nProxy-Authenticate: Digest realm="a, Basic b", nonce="c", algorithm=MD5',
    "the proxy wants Digest; hark speaks Basic",
  ],
  [
    "407 No\r\nProxy-Authenticate: Negotiate\r\nproxy-authenticate: NTLM",
    "the proxy wants Negotiate or NTLM; hark speaks Basic",
  ],
  [
    '407 No\r\nProxy-Authenticate: Digest realm="a", basic realm="b"',
    "the proxy refused the user or the password",
  ],
  [
    '407 No\r\nProxy-Authenticate: Digest realm="a", algorithm=SHA-256\r\nProxy-Authenticate: Digest realm="a"',
    "the proxy wants Digest; hark speaks Basic",
  ],
  ["407 No", "the proxy refused the user or the password"],
  ["401 Unauthorized", "the proxy refused the user or the password"],
];

Deno.test("a proxy that refuses a login is told what for, and asked once", async () => {
  for (const [head, why] of LOGINS) {
    let asked = 0;
    await using refusing = proxy(async (conn) => {
      asked++;
      await conn.read(new Uint8Array(512));
      await conn.write(encode(`HTTP/1.1 ${head}\r\n\r\n`));
    });
    const at = `127.0.0.1:${refusing.port}`;
    for (
      const [main, goal] of [[client, "a.example:443"], [
        get,
        "https://a.example/",
      ]] as const
    ) {
      asked = 0;
      const args = ["--proxy", `http://ada:secret@${at}`, goal];
      const { code, stderr } = await run(main, args, terminal);
      assertEquals(
        [code, asked, stderr.split("\n")[0]?.replace(/^\w+: /, "")],
        [
          7,
          1,
          `Cannot connect to a.example:443 through http://${at}: ${why}`,
        ],
      );
    }
  }
});

Deno.test("a proxy is told a password without a user too, but SOCKS5, which has none such", async () => {
  const heads: string[] = [];
  await using hearing = http(9, heads, ":never");
  const at = `127.0.0.1:${hearing.port}`;
  for (
    const [main, ...goal] of [
      [client, "a.example:443"],
      [get, "https://a.example/"],
      [get, "http://a.example/"],
      [post, "http://a.example/", "a=b"],
    ] as const
  ) {
    await run(main, ["--proxy", `http://:s%40@${at}`, ...goal], terminal);
    assertMatch(heads.pop() ?? "", /^proxy-authorization: Basic OnNA\r$/im);
    await run(main, ["--proxy", `http://@${at}`, ...goal], terminal);
    assertEquals(/proxy-auth/i.test(heads.pop() ?? ""), false);
    const { code, stderr } = await run(main, [
      ...["--proxy", `socks5://:secret@${at}`, ...goal],
    ], terminal);
    assertEquals([code, stderr.includes("secret")], [2, false]);
  }
});

/** A SOCKS5 proxy that has no word for a target that refuses, and closes or resets as `ssh -D`. */
function mute(port: number, isReset: boolean) {
  return proxy(async (conn) => {
    await take(conn, 3);
    await conn.write(Uint8Array.of(5, 0));
    const [, , , , , , , , high] = await take(conn, 9);
    // what is not read when it is closed resets
    if (high !== 0 || !isReset) await take(conn, 1);
    if (high === 0) return;
    await conn.write(Uint8Array.of(5, 0, 0, 1, 0, 0, 0, 0, 0, 0));
    await join(conn, port);
  });
}

Deno.test("a SOCKS5 proxy that closes without an answer says so of one target, and --check goes on", async () => {
  const why = "the proxy says: nothing, as ssh -D of a target that refuses";
  await using target = proxy((conn) => copy(conn, conn));
  for (const isReset of [false, true]) {
    await using way = mute(target.port, isReset);
    const through = ["--proxy", `socks5://127.0.0.1:${way.port}`];
    const one = await run(client, [...through, "127.0.0.1:1"], terminal);
    assertEquals(one.code, 7);
    assertMatch(one.stderr, new RegExp(`: ${why}\n$`));
    const ports = `1,${target.port}`;
    const all = await run(client, [...through, "--check", ports, "127.0.0.1"]);
    assertEquals([all.code, all.stdout, all.stderr], [
      7,
      `127.0.0.1:1 not known: ${why}\n127.0.0.1:${target.port} open\n`,
      "",
    ]);
  }
});
