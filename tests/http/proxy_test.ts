import {
  assert,
  assertEquals,
  assertMatch,
  assertStringIncludes,
  assertThrows,
} from "@std/assert";
import { UsageError } from "../../lib/cli/errors.ts";
import { formatProxy, parseProxy } from "../../lib/net/proxy.ts";
import { main as get } from "../../tasks/get.ts";
import { certificates } from "../net/openssl.ts";
import { encode, run, spawn, testWith } from "../support.ts";
import { closedUrl, serveHttp, type TestServer } from "./server.ts";

const FOLDER = await certificates();
const pem = (name: string) => Deno.readTextFileSync(`${FOLDER}/${name}`);
const CA = ["--ca", `${FOLDER}/ca.pem`];

const SECRET = "s3cret";
const CREDENTIALS = `Basic ${btoa(`ada:${SECRET}`)}`;

/** A proxy that notes all that it is told. */
interface TestProxy extends AsyncDisposable {
  readonly host: string;
  /** All bytes that clients sent to the proxy itself, and through it. */
  readonly seen: string[];
}

type Talk = (
  conn: Deno.Conn,
  read: () => Promise<Uint8Array>,
) => Promise<{ port: number; first?: Uint8Array }>;

/** Leads clients where their talk with it says, always on 127.0.0.1. */
function serveProxy(
  talk: Talk,
  listener: Deno.Listener<Deno.TcpConn | Deno.TlsConn> = Deno.listen({
    hostname: "127.0.0.1",
    port: 0,
  }),
): TestProxy {
  const seen: string[] = [];
  const serve = async (conn: Deno.Conn) => {
    using _ = conn;
    const read = async (from: Deno.Conn = conn) => {
      const buffer = new Uint8Array(16_384);
      const count = await from.read(buffer) ?? 0;
      const bytes = buffer.subarray(0, count);
      seen.push(new TextDecoder("latin1").decode(bytes));
      return bytes;
    };
    try {
      const { port, first } = await talk(conn, read);
      using target = await Deno.connect({ hostname: "127.0.0.1", port });
      if (first !== undefined) await target.write(first);
      const back = target.readable.pipeTo(conn.writable).catch(() => {});
      for (let bytes = await read(); bytes.length > 0; bytes = await read()) {
        await target.write(bytes);
      }
      target.close();
      await back;
    } catch {
      // either side has gone
    }
  };
  const all = (async () => {
    const clients: Promise<void>[] = [];
    for await (const conn of listener) clients.push(serve(conn));
    await Promise.all(clients);
  })();
  const { addr } = listener;
  return {
    host: `127.0.0.1:${addr.transport === "tcp" ? addr.port : ""}`,
    seen,
    async [Symbol.asyncDispose]() {
      listener.close();
      await all;
    },
  };
}

/** An HTTP proxy: tunnels by CONNECT, and passes plain requests on. */
const talkHttp: Talk = async (conn, read) => {
  const head = new TextDecoder().decode(await read());
  const [, port] = head.match(/^CONNECT \S+:(\d+) /) ?? [];
  const [line = "", ...rest] = head.split("\r\n");
  if (port !== undefined) {
    await conn.write(encode("HTTP/1.1 200 OK\r\n\r\n"));
    return { port: Number(port) };
  }
  const url = new URL(line.split(" ")[1] ?? "");
  const own = [
    line.replace(url.origin, ""),
    ...rest.filter((line) => !line.startsWith("proxy-")),
  ];
  return {
    port: Number(url.port),
    first: encode(own.join("\r\n")),
  };
};

/** A SOCKS5 proxy that knows one user. */
const talkSocks: Talk = async (conn, read) => {
  const methods = await read();
  if (methods.includes(2, 2)) {
    await conn.write(Uint8Array.of(5, 2));
    await read();
    await conn.write(Uint8Array.of(1, 0));
  } else await conn.write(Uint8Array.of(5, 0));
  const asked = await read();
  await conn.write(Uint8Array.of(5, 0, 0, 1, 0, 0, 0, 0, 0, 0));
  const [high = 0, low = 0] = asked.subarray(-2);
  return { port: high << 8 | low };
};

/** A server that tells what it sees: the request line's URL and all headers. */
function serveEcho(secure = false): TestServer & { readonly seen: string[] } {
  const seen: string[] = [];
  const handler = ({ url, headers }: Request) => {
    seen.push(JSON.stringify([url, ...headers]));
    return new Response("hi");
  };
  if (!secure) return { ...serveHttp(handler), seen };
  const server = Deno.serve({
    hostname: "127.0.0.1",
    port: 0,
    cert: pem("good.pem"),
    key: pem("good.key"),
    onListen() {},
  }, handler);
  return {
    url: `https://localhost:${server.addr.port}`,
    seen,
    [Symbol.asyncDispose]: () => server.shutdown(),
  };
}

const PROXIES: readonly (readonly [protocol: string, talk: Talk])[] = [
  ["http", talkHttp],
  ["socks5", talkSocks],
];

for (const [protocol, talk] of PROXIES) {
  for (const secure of [false, true]) {
    const target = secure ? "https" : "http";
    testWith(
      "openssl",
      `credentials of a ${protocol} proxy never reach an ${target} origin`,
      async () => {
        await using server = serveEcho(secure);
        await using proxy = serveProxy(talk);
        const option = `--proxy=${protocol}://ada:${SECRET}@${proxy.host}`;
        const { code, stdout, stderr } = await run(get, [
          ...[...CA, option, `${server.url}/a?b`, "X-Own:mine"],
        ]);
        assertEquals([code, stdout], [0, "hi"], stderr);
        const [told = ""] = server.seen;
        assertStringIncludes(told, "/a?b");
        assertStringIncludes(told, "mine");
        assert(!/proxy-|s3cret/i.test(told), told);
        assert(!told.includes(CREDENTIALS));
        // the proxy was asked by who it was told
        const asked = proxy.seen.join("");
        assert(
          asked.includes(CREDENTIALS) || asked.includes(`\x03ada\x06${SECRET}`),
          asked,
        );
        // and of https it sees nothing but the host
        assertEquals(
          asked.includes("X-Own") || asked.includes("mine"),
          !secure,
        );
      },
    );
  }
}

/** An HTTP proxy that is spoken to over TLS. */
const serveTlsProxy = () =>
  serveProxy(
    talkHttp,
    Deno.listenTls({
      hostname: "127.0.0.1",
      port: 0,
      cert: pem("good.pem"),
      key: pem("good.key"),
    }),
  );

testWith(
  "openssl",
  "a proxy that is spoken to over TLS sees both kinds of URL",
  async () => {
    await using proxy = serveTlsProxy();
    for (const secure of [false, true]) {
      await using server = serveEcho(secure);
      const option = `--proxy=https://ada:${SECRET}@${proxy.host}`;
      const { code, stdout, stderr } = await run(get, [
        ...[...CA, option, server.url],
      ]);
      assertEquals([code, stdout], [0, "hi"], stderr);
      assert(!/proxy-|s3cret/i.test(server.seen.join()));
    }
    assertEquals(
      proxy.seen.filter((text) => text.includes(CREDENTIALS)).length,
      2,
    );
  },
);

testWith("openssl", "a proxy over TLS is verified", async () => {
  await using proxy = serveTlsProxy();
  const option = `--proxy=https://ada:${SECRET}@${proxy.host}`;
  for (const more of [[], ["-k"]]) {
    const { code, stderr } = await run(get, [option, ...more, closedUrl()]);
    assertEquals(code, 60, stderr);
    assertStringIncludes(stderr, "certificate of an unknown issuer");
    assert(!stderr.includes(SECRET));
  }
  assert(!proxy.seen.join("").includes(CREDENTIALS));
});

Deno.test("a redirect through a proxy takes no credential to the next origin", async () => {
  await using other = serveEcho();
  await using server = serveHttp(() => Response.redirect(other.url, 302));
  await using proxy = serveProxy(talkHttp);
  const option = `--proxy=http://ada:${SECRET}@${proxy.host}`;
  const { code, stderr } = await run(get, [option, server.url, "X-Api-Key:1"]);
  assertEquals(code, 0, stderr);
  assert(!/s3cret|proxy-|x-api-key/i.test(other.seen.join()));
  assertEquals(
    proxy.seen.filter((text) => text.includes(CREDENTIALS)).length,
    2,
  );
});

Deno.test("a proxy that cannot be reached, or refuses, is named without its secrets", async () => {
  const { host } = new URL(closedUrl());
  const refuses = serveProxy(async (conn, read) => {
    await read();
    const text = "HTTP/1.1 407 Proxy Authentication Required\r\n\r\n";
    await conn.write(encode(text));
    throw new Error("done");
  });
  await using proxy = refuses;
  for (
    const [option, url, code, said] of [
      [
        `http://ada:${SECRET}@${host}`,
        "http://a.example/",
        7,
        `Cannot connect to the proxy http://${host}: connection refused`,
      ],
      [
        `socks5://ada:${SECRET}@${host}`,
        "https://a.example/",
        7,
        `Cannot connect to the proxy socks5://${host}: connection refused`,
      ],
      [
        `http://ada:${SECRET}@${proxy.host}`,
        "https://a.example/",
        7,
        `Cannot connect to a.example:443 through http://${proxy.host}: the proxy refused the user or the password`,
      ],
      [
        `http://${proxy.host}`,
        "https://a.example/",
        7,
        `Cannot connect to a.example:443 through http://${proxy.host}: the proxy wants a user and a password\nhint: --proxy http://USER:PASSWORD@HOST:PORT`,
      ],
      [
        `http://${proxy.host}`,
        "http://a.example/",
        4,
        "407 Proxy Authentication Required",
      ],
    ] as const
  ) {
    const result = await run(get, ["--retry=0", "--proxy", option, url]);
    assertEquals(result.code, code, result.stderr);
    assertStringIncludes(result.stderr, said);
    assert(!result.stderr.includes(SECRET), result.stderr);
  }
});

Deno.test("a proxy's URL is read", () => {
  const { secure, protocol, address } = parseProxy("https://[::1]", true);
  assertEquals([secure, protocol, address], [true, "http", {
    host: "::1",
    port: 443,
  }]);
  const named = parseProxy("https://ada:pw@a:8/", true);
  assertEquals([named.address.port, formatProxy(named)], [8, "https://a:8"]);
  assertEquals(parseProxy("socks5h://a", true).secure, false);
  assertEquals(parseProxy("HTTPS://a", true).address.port, 443);
  assertThrows(() => parseProxy("https://a"), UsageError);
  assertThrows(() => parseProxy("httpsh://a", true), UsageError);
});

Deno.test("a proxy of the environment that is not there is suspected, where the server itself is", async () => {
  await using server = serveHttp(() => new Response("hi"));
  const env = { HTTP_PROXY: closedUrl() };
  const args = ["--retry=0", server.url];
  const { code, stderr } = await spawn("get", args, { env }).result;
  const { host } = new URL(server.url);
  assertEquals([code, stderr], [
    7,
    `get: Cannot connect to ${host}: connection refused\nhint: a proxy of the environment (HTTP_PROXY, HTTPS_PROXY, ALL_PROXY) may be in the way; NO_PROXY=127.0.0.1 goes past it\n`,
  ]);
  const past = { ...env, NO_PROXY: "127.0.0.1" };
  const { stdout } = await spawn("get", args, { env: past }).result;
  assertEquals(stdout, "hi");
});

/** What a command shows as sent, without its marks. */
const shownIn = (stderr: string) =>
  [...stderr.matchAll(/^> ?(.*)\n/gm)].map(([, line]) => `${line}\r\n`).join(
    "",
  );

Deno.test("what is shown of a request is what the proxy gets, byte for byte", async () => {
  await using echo = serveEcho();
  for (const login of [`ada:${SECRET}@`, `:${SECRET}@`, ""]) {
    await using proxy = serveProxy(talkHttp);
    const url = `${echo.url}/a?b=c`;
    const args = ["--proxy", `http://${login}${proxy.host}`, url];
    const { stderr } = await run(get, ["-v", "--show-secrets", ...args]);
    const [seen = ""] = proxy.seen;
    assertEquals(shownIn(stderr), seen);
    assertStringIncludes(seen, `GET ${url} HTTP/1.1\r\n`);
    assertEquals(seen.includes("proxy-authorization: Basic "), login !== "");
    const offline = await run(get, ["--offline", "--show-secrets", ...args]);
    assertEquals(offline.stdout, seen);
    for (const way of ["-v", "--offline", "--json"]) {
      const { stdout, stderr } = await run(get, [way, ...args]);
      assert(!(stdout + stderr).includes(btoa(login.slice(0, -1)) || SECRET));
      if (login !== "") assertStringIncludes(stdout + stderr, "Basic ***");
    }
  }
});

Deno.test("a tunnel is shown as it was asked for and granted, before what goes through it", async () => {
  await using echo = serveEcho(true);
  await using proxy = serveProxy(talkHttp);
  const args = [...CA, "--proxy", `http://ada:${SECRET}@${proxy.host}`];
  const { stderr } = await run(get, ["-v", ...args, echo.url]);
  const { host } = new URL(echo.url);
  // the certificate at its end stands between the two
  assertMatch(stderr, /\n<\n(\* .*\n)+\* SHA-256 \w{64}\n> GET /);
  assertStringIncludes(
    stderr.replace(/^\* .*\n/gm, ""),
    `> CONNECT ${host} HTTP/1.1\n> Host: ${host}\n> Proxy-Authorization: Basic ***\n>\n< HTTP/1.1 200 OK\n<\n> GET / HTTP/1.1\n`,
  );
  const json = await run(get, ["--json", ...args, echo.url]);
  const { tunnels, request } = JSON.parse(json.stdout);
  assertEquals(tunnels, [{
    request: {
      method: "CONNECT",
      target: host,
      headers: { host, "proxy-authorization": "Basic ***" },
    },
    response: { version: "1.1", status: 200, statusText: "OK", headers: {} },
  }]);
  assertEquals(request.headers["proxy-authorization"], undefined);
  // a person sees why there is none
  await using refusing = serveProxy(async (conn, read) => {
    await read();
    await conn.write(encode("HTTP/1.1 403 No\r\nX-Why: because\r\n\r\n"));
    throw new Error("refused");
  });
  const refused = await run(get, [
    ...["-v", "--retry", "0", ...CA, "--proxy", `http://${refusing.host}`],
    echo.url,
  ]);
  assertEquals(refused.code, 7);
  assertStringIncludes(
    refused.stderr,
    "< HTTP/1.1 403 No\n< X-Why: because\n<\n",
  );
  assert(!refused.stderr.includes("> GET"), refused.stderr);
});
