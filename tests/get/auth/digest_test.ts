import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import * as fc from "fast-check";
import { createHash } from "node:crypto";
import type { HttpRequest } from "../../../lib/http/request.ts";
import { main as get } from "../../../tasks/get.ts";
import { main as post } from "../../../tasks/post.ts";
import { main as posts } from "../../../tasks/posts.ts";
import {
  type Challenge,
  type DigestSession,
  formatDigest,
  md5,
  parseChallenges,
} from "../../../tasks/get/auth/digest.ts";
import {
  response,
  serveHttp,
  serveRaw,
  type TestServer,
} from "../../http/server.ts";
import { createMemoryIo, run, withFolder } from "../../support.ts";

const hex = (algorithm: string, text: string | Uint8Array) =>
  createHash(algorithm).update(text).digest("hex");

Deno.test("challenges are read from one header or several, in the forms that servers send", () => {
  for (
    const [text, expected] of [
      ["", []],
      [" , ,", []],
      ["Basic", [["basic"]]],
      ['Basic realm="x"', [["basic", "realm=x"]]],
      ["Digest nonce=a, qop=auth", [["digest", "nonce=a", "qop=auth"]]],
      ['DIGEST NONCE="a"', [["digest", "nonce=a"]]],
      ['Digest realm="a, Basic b", nonce="c"', [[
        "digest",
        "realm=a, Basic b",
        "nonce=c",
      ]]],
      ['Digest realm="say \\"a\\\\b\\"", a=b', [[
        "digest",
        'realm=say "a\\b"',
        "a=b",
      ]]],
      ['Digest a = "b" , c= d', [["digest", "a=b", "c=d"]]],
      // curl takes them without commas
      ['Digest realm="a" nonce="b" qop=auth', [[
        "digest",
        "realm=a",
        "nonce=b",
        "qop=auth",
      ]]],
      ['Negotiate abc==, Digest nonce="a"', [["negotiate"], [
        "digest",
        "nonce=a",
      ]]],
      ['Negotiate a+/=, Digest nonce="a", Basic realm="b"', [
        ["negotiate"],
        ["digest", "nonce=a"],
        ["basic", "realm=b"],
      ]],
      ["Digest opaque=, nonce=a", [["digest", "nonce=a"]]],
      ['Digest opaque="", nonce=a', [["digest", "opaque=", "nonce=a"]]],
      ['Digest nonce="a', [["digest", "nonce=a"]]],
      ['Digest nonce="a\\', [["digest", "nonce=a"]]],
      ["nonce=a", []],
      ['"Digest" nonce="a"', []],
    ] as const
  ) {
    const read = parseChallenges(text).map(({ scheme, parameters }) => [
      scheme,
      ...parameters.entries().map(([name, value]) => `${name}=${value}`),
    ]);
    assertEquals(read, expected.map((each) => [...each]), text);
  }
});

Deno.test("for any challenges what is read is what was written", () => {
  const token = fc.stringMatching(/^[a-z][a-z0-9-]{0,9}$/);
  const value = fc.stringMatching(/^[ -~]*$/);
  const challenge = fc.record({
    scheme: token,
    parameters: fc.array(fc.tuple(token, value), { minLength: 1 })
      .map((all) => new Map(all)),
  });
  fc.assert(fc.property(
    fc.array(challenge),
    fc.constantFrom(", ", ",", " , ,"),
    (challenges, comma) => {
      const text = challenges.map(({ scheme, parameters }) =>
        `${scheme} ${
          Array.from(parameters, ([name, value]) =>
            `${name}="${value.replace(/["\\]/g, "\\$&")}"`).join(comma)
        }`
      ).join(comma);
      assertEquals(parseChallenges(text), challenges);
    },
  ));
});

Deno.test("a long challenge is read in a time that grows with its length", () => {
  const start = performance.now();
  for (
    const text of ["a", " ", "a ", "a=", '"', "a=\\", 'a="\\', ",", "=", "a ="]
  ) {
    parseChallenges(`Digest ${text.repeat(200_000)}`);
  }
  assert(performance.now() - start < 20_000);
});

Deno.test("for any bytes MD5 is that of node:crypto", () => {
  for (const length of [0, 1, 55, 56, 63, 64, 65, 119, 120, 100_000]) {
    const bytes = new Uint8Array(length).fill(0xa5);
    assertEquals(md5(bytes), hex("md5", bytes));
  }
  fc.assert(fc.property(
    fc.uint8Array({ maxLength: 300 }),
    (bytes) => assertEquals(md5(bytes), hex("md5", bytes)),
  ));
});

/** A session of a challenge, as it is in the examples of RFCs. */
function sessionOf(
  challenge: string,
  { algorithm = "md5", qop, cnonce = "" }: {
    algorithm?: string;
    qop?: string;
    cnonce?: string;
  },
): DigestSession {
  const parameters: Challenge["parameters"] =
    parseChallenges(challenge)[0]?.parameters ?? new Map();
  const hash = (bytes: Uint8Array) => hex(algorithm, bytes);
  const nonce = parameters.get("nonce") ?? "";
  return { parameters, hash, qop, nonce, cnonce, count: 1 };
}

const requestOf = (path: string, body = ""): HttpRequest => ({
  method: "GET",
  url: new URL(path, "http://www.example.org"),
  headers: [],
  typed: [],
  body: {
    length: body.length,
    bytes: new TextEncoder().encode(body),
    open: () => new Blob([body]).stream(),
    again: true,
  },
});

const RFC7616 =
  'Digest realm="http-auth@example.org", qop="auth, auth-int", nonce="7ypf/xlj9XXwfDPEoM4URrv/xwf94BcCAzFZH4GiTo0v", opaque="FQhe/qaU925kfnzjCev0ciny7QMkPqMAFRtzCUYo5tdS"';

Deno.test("the examples of RFC 2069, RFC 2617 and RFC 7616 come out byte for byte", async () => {
  const cnonce = "f2/wE4q74E6zIJEtWaHKaf5wv/H5QzzpXusqGemxURZJ";
  const common = 'username="Mufasa", realm="http-auth@example.org", ' +
    'uri="/dir/index.html"';
  const rest = 'nonce="7ypf/xlj9XXwfDPEoM4URrv/xwf94BcCAzFZH4GiTo0v", ' +
    `nc=00000001, cnonce="${cnonce}", qop=auth`;
  const opaque = 'opaque="FQhe/qaU925kfnzjCev0ciny7QMkPqMAFRtzCUYo5tdS"';
  const old = 'nonce="dcd98b7102dd2f0e8b11d0f600bfb0c093"';
  const ends = 'opaque="5ccc069c403ebaf9f0171e9517f40e41"';
  for (
    const [password, challenge, how, expected] of [
      // RFC 7616, section 3.9.1
      [
        "Circle of Life",
        `${RFC7616}, algorithm=MD5`,
        { qop: "auth", cnonce },
        `Digest ${common}, algorithm=MD5, ${rest}, response="8ca523f5e9506fed4657c9700eebdbec", ${opaque}`,
      ],
      [
        "Circle of Life",
        `${RFC7616}, algorithm=SHA-256`,
        { algorithm: "sha256", qop: "auth", cnonce },
        `Digest ${common}, algorithm=SHA-256, ${rest}, response="753927fa0e85d155564e2e272a28d1802ca10daf4496794697cf8db5856cb6c1", ${opaque}`,
      ],
      // RFC 2617, section 3.5
      [
        "Circle Of Life",
        `Digest realm="testrealm@host.com", qop="auth,auth-int", ${old}, ${ends}`,
        { qop: "auth", cnonce: "0a4f113b" },
        `Digest username="Mufasa", realm="testrealm@host.com", uri="/dir/index.html", ${old}, nc=00000001, cnonce="0a4f113b", qop=auth, response="6629fae49393a05397450978507c4ef1", ${ends}`,
      ],
      // RFC 2069, section 2.4, as its erratum 749 has it
      [
        "CircleOfLife",
        `Digest realm="testrealm@host.com", ${old}, ${ends}`,
        {},
        `Digest username="Mufasa", realm="testrealm@host.com", uri="/dir/index.html", ${old}, response="1949323746fe6a43ef61f9606e7febea", ${ends}`,
      ],
    ] as const
  ) {
    const login = { user: "Mufasa", password };
    const request = requestOf("/dir/index.html");
    const session = sessionOf(challenge, how);
    assertEquals(await formatDigest(login, request, session), expected);
  }
});

Deno.test("a user is hashed as in RFC 7616, section 3.9.2, with the real SHA-512/256", async () => {
  const challenge =
    'Digest realm="api@example.org", qop="auth", algorithm=SHA-512-256, nonce="5TsQWLVdgBdmrQ0XsxbDODV+57QdFR34I9HAbC/RVvkK", opaque="HRPCssKJSGjCrkzDg8OhwpzCiGPChXYjwrI2QmXDnsOS", charset=UTF-8, userhash=true';
  const cnonce = "NTg6RKcb9boFIAS3KrFK9BGeh+niz/sm";
  const login = { user: "J\u00e4s\u00f8n Doe", password: "Secret, or not?" };
  const how = { algorithm: "sha512-256", qop: "auth", cnonce };
  assertEquals(
    await formatDigest(
      login,
      requestOf("/doe.json"),
      sessionOf(challenge, how),
    ),
    'Digest username="793263caabb707a56211940d90411ea4a575adeccb7e360aeb624ed06ece9b0b", realm="api@example.org", uri="/doe.json", algorithm=SHA-512-256, nonce="5TsQWLVdgBdmrQ0XsxbDODV+57QdFR34I9HAbC/RVvkK", nc=00000001, ' +
      `cnonce="${cnonce}", qop=auth, response="7a4e1192babbba02e91182d2895bfdbf7adafc6e48d4e517ca301974843d840c", opaque="HRPCssKJSGjCrkzDg8OhwpzCiGPChXYjwrI2QmXDnsOS", userhash=true`,
  );
});

Deno.test("names, realms and paths with quotes and beyond ASCII are written as servers read them", async () => {
  for (
    const [user, challenge, target, expected] of [
      ['a"b\\c', 'Digest realm="x", nonce="n"', "/", 'username="a\\"b\\\\c"'],
      ["a", 'Digest realm="\\"x\\", y", nonce="n"', "/", 'realm="\\"x\\", y"'],
      ["a", 'Digest nonce="a\\"b"', "/", 'nonce="a\\"b"'],
      ["\u00e4", 'Digest nonce="n"', "/", 'username="\u00c3\u00a4"'],
      [
        "\u00e4",
        "Digest nonce=n, charset=UTF-8",
        "/",
        "username*=UTF-8''%C3%A4",
      ],
      // as it is composed in RFC 7616, section 4
      [
        "a\u0308",
        "Digest nonce=n, charset=utf-8",
        "/",
        "username*=UTF-8''%C3%A4",
      ],
      [
        "(\u00e4)'",
        "Digest nonce=n, charset=UTF-8",
        "/",
        "username*=UTF-8''%28%C3%A4%29%27",
      ],
      ["a", "Digest nonce=n, charset=UTF-8", "/", 'username="a"'],
      ["a", "Digest nonce=n", '/a/../"?b\\c', 'uri="/a/../\\"?b\\\\c"'],
    ] as const
  ) {
    const request = { ...requestOf("/"), target };
    const login = { user, password: "p" };
    const value = await formatDigest(login, request, sessionOf(challenge, {}));
    assert(value.includes(expected), value);
    assert(/^[ -~\x80-\xff]*$/.test(value), value);
  }
});

Deno.test("auth-int proves the body too", async () => {
  const session = sessionOf('Digest realm="r", nonce="n", qop=auth-int', {
    qop: "auth-int",
    cnonce: "c",
  });
  const login = { user: "a", password: "p" };
  const a2 = hex("md5", `GET:/:${hex("md5", "body")}`);
  const expected = hex(
    "md5",
    `${hex("md5", "a:r:p")}:n:00000001:c:auth-int:${a2}`,
  );
  const value = await formatDigest(login, requestOf("/", "body"), session);
  assert(value.includes(`response="${expected}"`), value);
});

/** A server with one user, ada, whose password is s3cret; what a request is answered with is the test's. */
interface Digesting extends TestServer {
  /** The method, the path, the body and what of the login counts, of each request. */
  readonly seen: string[];
}

type Params = ReadonlyMap<string, string>;

/** Whether a login is ada's, by what node:crypto makes of it. */
function isRight(parameters: Params, method: string, body: string): boolean {
  const of = (name: string) => parameters.get(name) ?? "";
  const name = of("algorithm").toLowerCase() || "md5";
  const algorithm = name.replace(/-sess$/, "").replace("sha-256", "sha256");
  const h = (...parts: string[]) => hex(algorithm, parts.join(":"));
  const secret = h("ada", of("realm"), "s3cret");
  const key = name.endsWith("-sess")
    ? h(secret, of("nonce"), of("cnonce"))
    : secret;
  const asked = h(
    ...[method, of("uri")],
    ...of("qop") === "auth-int" ? [h(body)] : [],
  );
  const proof = of("qop") === ""
    ? h(key, of("nonce"), asked)
    : h(key, of("nonce"), of("nc"), of("cnonce"), of("qop"), asked);
  return of("username") === "ada" && proof === of("response");
}

/**
 * Serves Digest. The handler gives what is answered to a right login, or to none at all; undefined leads to a 401
 * with the challenge, whose nonces are `n1`, `n2`, ...
 */
function serveDigest(
  {
    challenge = "qop=auth",
    handle = (isIn) => isIn ? new Response("in") : undefined,
  }: {
    challenge?: string | ((count: number) => string);
    handle?: (isIn: boolean, request: Request, params: Params) =>
      | Response
      | undefined;
  } = {},
): Digesting {
  const seen: string[] = [];
  let count = 0;
  const server = serveHttp(async (request) => {
    const { pathname, search } = new URL(request.url);
    const body = await request.text();
    const value = request.headers.get("authorization") ?? "";
    const parameters = parseChallenges(value)[0]?.parameters ?? new Map();
    const isIn = value.startsWith("Digest ") &&
      parameters.get("uri") === pathname + search &&
      isRight(parameters, request.method, body);
    const { nonce, nc } = Object.fromEntries(parameters);
    seen.push([
      ...[request.method, pathname + search, body || "-"],
      value === "" ? "none" : isIn ? `${nonce}/${Number(`0x${nc}`)}` : "wrong",
    ].join(" "));
    const answer = handle(isIn, request, parameters);
    if (answer !== undefined) return answer;
    count++;
    const more = typeof challenge === "string" ? challenge : challenge(count);
    const headers = {
      "www-authenticate": `Digest realm="r", nonce="n${count}", ${more}`,
    };
    return new Response("no", { status: 401, headers });
  });
  return { ...server, seen };
}

const ADA = ["--digest", "-a", "ada:s3cret"];

Deno.test("a wrong password ends after one login, whatever the server says of it", async () => {
  for (
    const [challenge, most] of [
      ["qop=auth", 2],
      ["qop=auth, stale=false", 2],
      // for ever: once more
      ["qop=auth, stale=true", 3],
      ["qop=auth, stale=TRUE", 3],
      ["stale=true", 3],
    ] as const
  ) {
    await using server = serveDigest({ challenge, handle: () => undefined });
    const args = ["--digest", "-a", "ada:wrong", `${server.url}/`];
    const { code, stdout, stderr } = await run(get, args);
    assertEquals([code, stdout, stderr], [4, "no", "401 Unauthorized\n"]);
    assertEquals(server.seen.length, most, challenge);
  }
});

Deno.test("a server that gives the same nonce for ever is asked no more than twice", async () => {
  let count = 0;
  await using server = serveHttp(() => {
    count++;
    const value = 'Digest realm="r", nonce="n", qop=auth, stale=true';
    return new Response("", {
      status: 401,
      headers: { "www-authenticate": value },
    });
  });
  assertEquals((await run(get, [...ADA, server.url])).code, 4);
  assertEquals(count, 2);
});

Deno.test("a challenge that cannot be answered sends no login at all, Basic neither", async () => {
  for (
    const [challenge, hint] of [
      ['Basic realm="b"', "the server wants Basic: leave out --digest"],
      [
        'Digest realm="r", nonce="n", algorithm=MD6',
        "the server wants Digest in a way that hark does not know",
      ],
      [
        'Digest realm="r", nonce="n", qop=other',
        "the server wants Digest in a way that hark does not know",
      ],
      [
        'Digest realm="r"',
        "the server wants Digest in a way that hark does not know",
      ],
      ["", undefined],
    ] as const
  ) {
    const seen: (string | null)[] = [];
    await using server = serveHttp((request) => {
      seen.push(request.headers.get("authorization"));
      return new Response("no", {
        status: 401,
        headers: { "www-authenticate": challenge },
      });
    });
    const { code, stderr } = await run(get, [...ADA, server.url]);
    assertEquals([code, seen], [4, [null]]);
    assertEquals(stderr.match(/^hint: (.*)$/m)?.[1], hint);
  }
});

Deno.test("--digest without a login is refused before anything is sent", async () => {
  const { code, stderr } = await run(get, ["--digest", ":9"]);
  assertEquals([code, stderr], [
    2,
    "get: Cannot use --digest without a login\n" +
    "hint: add --auth USER, or --netrc\n",
  ]);
  const both = await run(get, ["--digest", "--bearer", "T", ":9"]);
  assertEquals(both.code, 2);
  const odd = await run(get, ["--digest", "-a", "a\u0007:p", ":9"]);
  assertEquals(odd.code, 1);
});

Deno.test("the strongest challenge that is known is answered", async () => {
  const value = [
    'Basic realm="b"',
    'Digest realm="r", nonce="a", algorithm=MD5, qop="auth"',
    'Digest realm="r", nonce="b", algorithm=SHA-1, qop="auth"',
    'Digest realm="r", nonce="c", algorithm=SHA-256-sess, qop="auth-int,auth"',
    'Digest realm="r", nonce="d", algorithm=SHA-256, qop="auth"',
  ];
  for (const all of [value, value.toReversed(), [value.join(", ")]]) {
    await using server = serveHttp((request) => {
      const sent = request.headers.get("authorization");
      if (sent !== null) return new Response(sent);
      const headers = new Headers();
      for (const each of all) headers.append("www-authenticate", each);
      return new Response("", { status: 401, headers });
    });
    const { stdout } = await run(get, [...ADA, server.url]);
    assert(
      /algorithm=SHA-256(-sess)?, nonce="[cd]".* qop=auth,/.test(stdout),
      stdout,
    );
  }
});

Deno.test("get logs in with each algorithm and each quality of protection", async () => {
  for (
    const algorithm of ["", "MD5", "md5", "MD5-sess", "SHA-256", "SHA-256-sess"]
  ) {
    for (const qop of ["", "auth", '"auth"', '"auth,auth-int"', "auth-int"]) {
      const challenge = [
        'opaque="o"',
        ...algorithm === "" ? [] : [`algorithm=${algorithm}`],
        ...qop === "" ? [] : [`qop=${qop}`],
      ].join(", ");
      await using server = serveDigest({ challenge });
      const { code, stdout } = await run(get, [...ADA, `${server.url}/a?b=c`]);
      assertEquals([code, stdout], [0, "in"], challenge);
      const [, seen] = server.seen;
      assertEquals(seen?.startsWith("GET /a?b=c - n1/"), true, challenge);
    }
  }
});

Deno.test("a body goes out once, after the challenge", async () => {
  const pieces = ["he", "llo"];
  for (
    const [args, stdin, body] of [
      [["a=b"], undefined, '{"a":"b"}'],
      [["-"], pieces, "hello"],
      [["-", "Transfer-Encoding:chunked"], pieces, "hello"],
    ] as const
  ) {
    await using server = serveDigest();
    const { code } = await run(post, [...ADA, `${server.url}/`, ...args], {
      ...stdin && { stdin: [...stdin] },
    });
    assertEquals([code, server.seen], [0, [
      "POST / - none",
      `POST / ${body} n1/1`,
    ]]);
  }
});

Deno.test("a body goes out once where no login is wanted, or where what is refused is that it is missing", async () => {
  for (const status of [200, 204, 400, 411, 415, 422]) {
    await using server = serveDigest({
      handle: (_, request) =>
        new Response(null, {
          status: request.headers.get("content-length") === "0" ? status : 200,
        }),
    });
    const { code } = await run(post, [...ADA, `${server.url}/`, "-"], {
      stdin: ["hello"],
    });
    assertEquals([code, server.seen], [0, [
      "POST / - none",
      "POST / hello none",
    ]], `${status}`);
  }
});

Deno.test("a refusal that no body would change is shown, and no body is sent", async () => {
  for (const status of [403, 404, 405, 429, 500, 503]) {
    await using server = serveDigest({
      handle: () => new Response(null, { status }),
    });
    const ended = await run(post, [...ADA, `${server.url}/`, "a=b"]);
    const code = status < 500 ? 4 : 5;
    assertEquals([ended.code, server.seen], [code, ["POST / - none"]]);
  }
});

Deno.test("a body that was refused without a login goes out again with one, if it can", async () => {
  for (
    const [args, stdin, last] of [
      [["a=b"], undefined, ['POST / {"a":"b"} n1/1']],
      [["-", "Transfer-Encoding:chunked"], ["x"], []],
    ] as const
  ) {
    let count = 0;
    await using server = serveDigest({
      handle: (isIn) => isIn || count++ === 0 ? new Response("") : undefined,
    });
    const typed = [...ADA, `${server.url}/`, ...args];
    const { code, stderr } = await run(post, typed, {
      ...stdin && { stdin: [...stdin] },
    });
    assertEquals(server.seen.slice(2), [...last]);
    assertEquals(code, last.length === 0 ? 4 : 0);
    assertEquals(
      stderr.match(/^hint: .*$/m)?.[0],
      last.length === 0
        ? "hint: its body can be sent only once, and was: @FILE can be sent again"
        : undefined,
    );
  }
});

/** Redirects `/STATUS?TO` without a login, and asks for one elsewhere. */
function serveRedirects(): Digesting {
  return serveDigest({
    handle: (isIn, request) => {
      const { pathname, search } = new URL(request.url);
      const status = Number(pathname.slice(1));
      return status > 0
        ? new Response(null, { status, headers: { location: search.slice(1) } })
        : isIn
        ? new Response("in")
        : undefined;
    },
  });
}

Deno.test("a redirect that keeps the body leads the empty one on, any other follows the whole one", async () => {
  for (
    const [method, status, expected] of [
      ["POST", 307, ["POST /a - none", 'POST /a {"a":"b"} n1/1']],
      ["POST", 308, ["POST /a - none", 'POST /a {"a":"b"} n1/1']],
      ["PUT", 301, ["PUT /a - none", 'PUT /a {"a":"b"} n1/1']],
      ["POST", 302, [
        'POST /302?/a {"a":"b"} none',
        "GET /a - none",
        "GET /a - n1/1",
      ]],
      ["POST", 303, [
        'POST /303?/a {"a":"b"} none',
        "GET /a - none",
        "GET /a - n1/1",
      ]],
    ] as const
  ) {
    await using server = serveRedirects();
    const { code, stdout } = await run(post, [
      ...[...ADA, "-X", method, `${server.url}/${status}?/a`, "a=b"],
    ]);
    assertEquals([code, stdout], [0, "in"]);
    assertEquals(server.seen.slice(1), [...expected]);
  }
});

Deno.test("a redirect within the origin has a digest of its own, with the next count", async () => {
  await using server = serveDigest({
    handle: (isIn, request) =>
      !isIn
        ? undefined
        : new URL(request.url).pathname === "/b"
        ? new Response("in")
        : new Response(null, { status: 302, headers: { location: "/b?c" } }),
  });
  const { stdout } = await run(get, [...ADA, `${server.url}/a`]);
  assertEquals(stdout, "in");
  assertEquals(server.seen, [
    "GET /a - none",
    "GET /a - n1/1",
    "GET /b?c - n1/2",
  ]);
});

Deno.test("another origin gets no login, nor does the first one after it", async () => {
  await using first = serveRedirects();
  await using second = serveRedirects();
  const away = `${first.url}/307?${second.url}/a`;
  const { code, stderr } = await run(get, [...ADA, "--follow=all", away]);
  assertEquals([code, stderr], [4, "401 Unauthorized\n"]);
  assertEquals(second.seen, ["GET /a - none"]);
  const back = `${second.url}/307?${first.url}/b`;
  const there = `${first.url}/307?${back}`;
  assertEquals((await run(get, [...ADA, "--follow=all", there])).code, 4);
  assertEquals(first.seen.at(-1), "GET /b - none");
});

Deno.test("a body is not led to another origin, empty or whole, unless all is followed", async () => {
  await using first = serveRedirects();
  await using second = serveHttp(async (request) =>
    new Response(await request.text())
  );
  const args = [...ADA, `${first.url}/307?${second.url}/a`, "a=b"];
  const { code, stderr } = await run(post, args);
  assertEquals(code, 3);
  assert(stderr.includes("it would send the body to another origin"), stderr);
  const all = await run(post, ["--follow=all", ...args]);
  assertEquals([all.code, all.stdout], [0, '{"a":"b"}']);
});

Deno.test("a nonce that is too old is renewed once, and the next one is taken where it is told", async () => {
  for (
    const [challenge, headers, expected] of [
      [() => "qop=auth, stale=true", {}, "n2/1"],
      // a nonce that was taken before may be refused without a word
      [() => "qop=auth", {}, "n2/1"],
      [() => "qop=auth", { "authentication-info": 'nextnonce="m"' }, "m/1"],
      [() => "qop=auth, algorithm=MD5-sess", {
        "authentication-info": 'nextnonce="m"',
      }, "n2/1"],
    ] as const
  ) {
    await using server = serveDigest({
      challenge,
      handle: (isIn, request, parameters) =>
        !isIn || parameters.get("nc") === "00000002"
          ? undefined
          : new URL(request.url).pathname === "/b"
          ? new Response("in")
          : new Response(null, {
            status: 302,
            headers: { ...headers, location: "/b" },
          }),
    });
    const { code, stdout } = await run(get, [...ADA, `${server.url}/a`]);
    assertEquals([code, stdout], [0, "in"]);
    assertEquals(server.seen.at(-1), `GET /b - ${expected}`);
  }
});

Deno.test("a download that goes on logs in with the nonce that it has", async () => {
  const counts: (string | undefined)[] = [];
  await using server = serveRaw((head) => {
    const count = head.match(/, nc=(\d+)/)?.[1];
    counts.push(count);
    if (count === undefined) {
      const challenge = 'WWW-Authenticate: Digest nonce="n", qop=auth';
      return [response("", [challenge, "Content-Length: 0"], "401 No")];
    }
    return [
      /range: bytes=2-/i.test(head)
        ? response("cd", [
          ...["Content-Range: bytes 2-3/4", 'ETag: "e"', "Content-Length: 2"],
        ], "206 Partial Content")
        : response("ab", ['ETag: "e"', "Content-Length: 4"]),
    ];
  });
  const { code, stdout } = await run(get, [...ADA, "--raw", `${server.url}/`]);
  assertEquals([code, stdout], [0, "abcd"]);
  assertEquals(counts, [undefined, "00000001", "00000002"]);
});

Deno.test("each way to a server carries both exchanges", async () => {
  await using server = serveDigest();
  const { port } = new URL(server.url);
  const there = `http://a.example:${port}/a?b`;
  for (
    const [way, url] of [
      [["--http=1.1"], `${server.url}/a?b`],
      [["--http=2"], `${server.url}/a?b`],
      [["--time"], `${server.url}/a?b`],
      [["--raw"], `${server.url}/a?b`],
      [["-4"], `http://localhost:${port}/a?b`],
      [["--resolve", `a.example:${port}:127.0.0.1`], there],
      [["--proxy", server.url], there],
      [["--path-as-is"], `${server.url}/a?b`],
    ] as const
  ) {
    server.seen.length = 0;
    const { code, stdout } = await run(post, [...ADA, ...way, url, "c=d"]);
    assertEquals([code, stdout], [0, "in"], way.join(" "));
    assertEquals(server.seen.map((line) => line.replace(/\S+$/, "")), [
      "POST /a?b - ",
      'POST /a?b {"c":"d"} ',
    ]);
  }
});

Deno.test("a password is asked for once, and the URL's own is taken", async () => {
  await using server = serveDigest();
  const { io, stdout, stderr } = createMemoryIo({ secret: "s3cret" });
  assertEquals(await post(["--digest", "-a", "ada", server.url, "a=b"], io), 0);
  assertEquals([stdout.text, stderr.text.match(/Password/g)?.length], [
    "in",
    1,
  ]);
  const url = server.url.replace("//", "//ada:s3cret@");
  assertEquals((await run(get, ["--digest", url])).stdout, "in");
});

Deno.test("both exchanges are shown, and nothing of the login", async () => {
  await using server = serveDigest();
  const { stdout, stderr } = await run(post, [...ADA, "-v", server.url, "a=b"]);
  assertEquals(stdout, "in");
  const sent = stderr.match(/^> (POST|content-length|authorization|\{).*$/gm);
  assertEquals(sent, [
    ...["> POST / HTTP/1.1", "> content-length: 0"],
    ...[
      "> POST / HTTP/1.1",
      "> content-length: 9",
      "> authorization: Digest ***",
    ],
  ]);
  const json = await run(get, [...ADA, "--json", server.url]);
  const { request } = JSON.parse(json.stdout);
  assertEquals(request.headers.authorization, "Digest ***");
  for (const text of [stderr, json.stdout]) {
    assert(!/s3cret|ada/.test(text), text);
  }
});

Deno.test("--curl logs in as --digest does, and --offline says what it cannot show", async () => {
  const curl = await run(get, [...ADA, "--curl", ":9/"]);
  assertEquals([curl.code, curl.stdout, curl.stderr], [
    0,
    "curl -sS --compressed -L --max-redirs 10 --digest -u '***' http://localhost:9/\n",
    "hidden: the login; --show-secrets\n",
  ]);
  const shown = await run(get, [...ADA, "--curl", "--show-secrets", ":9/"]);
  assert(shown.stdout.includes(" --digest -u ada:s3cret "), shown.stdout);
  const offline = await run(post, [...ADA, "--offline", ":9/", "a=b"]);
  assert(offline.stdout.endsWith('\r\n\r\n{"a":"b"}'), offline.stdout);
  assert(!/authorization/i.test(offline.stdout), offline.stdout);
  assertEquals(
    offline.stderr,
    "not shown: the login, which the server's challenge makes\n",
  );
});

Deno.test("an attempt after another has the next count", async () => {
  let busy = 1;
  const counts = new Set<string>();
  await using server = serveDigest({
    handle: (isIn, _, parameters) => {
      const count = `${parameters.get("nonce")} ${parameters.get("nc")}`;
      // as a server that takes no request twice
      if (!isIn || counts.has(count)) return undefined;
      counts.add(count);
      const status = busy-- > 0 ? 503 : 200;
      return new Response("in", { status, headers: { "retry-after": "0" } });
    },
  });
  const put = [...ADA, "--retry=1", "-X", "PUT", `${server.url}/`, "a=b"];
  const { code, stdout } = await run(post, put);
  assertEquals([code, stdout], [0, "in"]);
  assertEquals(server.seen, [
    "PUT / - none",
    'PUT / {"a":"b"} n1/1',
    'PUT / {"a":"b"} n1/2',
  ]);
});

Deno.test("with several URLs no password is sent where --digest is to prove it", async () => {
  await using here = serveDigest();
  await using there = serveDigest();
  const other = `${there.url.replace("//", "//ada:s3cret@")}/`;
  const urls = [`${here.url}/`, other, `${there.url}/`];
  const { code, stdout } = await run(get, ["-q", ...ADA, ...urls]);
  assertEquals([code, stdout], [4, "ininno"]);
  const login = ["GET / - none", "GET / - n1/1"];
  assertEquals(here.seen, login);
  assertEquals(there.seen, [...login, "GET / - none"]);
});

Deno.test("--digest with a session that has a token is refused", async () => {
  await using server = serveDigest();
  await withFolder(async (folder) => {
    const file = `${folder}/s.json`;
    const logins = { [server.url]: { token: "t" } };
    Deno.writeTextFileSync(file, JSON.stringify({ cookies: [], logins }));
    const args = ["--session", file, "--digest", `${server.url}/`];
    const { code, stderr } = await run(get, args);
    assertEquals([code, server.seen], [2, []]);
    assertStringIncludes(
      stderr,
      "Cannot use --digest: the session has a token",
    );
  });
});

Deno.test("a cookie that comes with the challenge goes back with the login", async () => {
  const cookies: (string | null)[] = [];
  const headers = {
    "set-cookie": "node=1",
    "www-authenticate": 'Digest realm="r", nonce="n", qop=auth',
  };
  await using server = serveHttp((request) => {
    cookies.push(request.headers.get("cookie"));
    return new Response("", {
      status: cookies.length > 1 ? 200 : 401,
      headers,
    });
  });
  assertEquals((await run(get, [...ADA, server.url])).code, 0);
  assertEquals(cookies, [null, "node=1"]);
});

Deno.test("a session keeps how its login was proven, and proves it again", async () => {
  await using server = serveDigest({ challenge: "qop=auth" });
  await withFolder(async (folder) => {
    const session = ["--session", `${folder}/s.json`, `${server.url}/`];
    const first = await run(get, ["--session-auth", ...ADA, ...session]);
    const text = await Deno.readTextFile(`${folder}/s.json`);
    const login = { user: "ada", password: "s3cret", digest: true };
    assertEquals(JSON.parse(text).logins, { [server.url]: login });
    const again = await run(get, session);
    assertEquals([first.code, again.code], [0, 0]);
    const args = ["--session-read-only", `${folder}/s.json`];
    const shown = await run(get, [...args, "--curl", `${server.url}/`]);
    assertStringIncludes(shown.stdout, "--digest");
    // one that sends logins at once must not send this one
    const listed = await run(posts, [...args, "--url", server.url]);
    assertEquals(listed.code, 4);
  });
});
