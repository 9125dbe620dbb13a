import { assertEquals, assertNotMatch } from "@std/assert";
import fc from "fast-check";
import { Failure } from "../../lib/cli/errors.ts";
import { denialOf, reasonOf, unloadedOf } from "../../lib/cli/reasons.ts";
import { encode, spawnDeno } from "../support.ts";

/** What an action fails with. */
async function errorOf(action: () => unknown): Promise<unknown> {
  try {
    await action();
  } catch (error) {
    return error;
  }
  throw new Error("Cannot test the error: nothing failed");
}

/** Why a client fails at a peer that reads something, answers with these bytes and closes. */
async function withPeer(
  answer: string,
  action: (port: number) => unknown,
): Promise<unknown> {
  using listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const peer = (async () => {
    using conn = await listener.accept();
    await conn.read(new Uint8Array(4096));
    await conn.write(encode(answer)).catch(() => {});
  })();
  const error = await errorOf(() => action(listener.addr.port));
  await peer;
  return error;
}

// no label of a host name is longer than 63 letters: it is refused without asking a name server
const NOBODY = "x".repeat(64);

const fetchText = (port: number) =>
  fetch(`http://127.0.0.1:${port}/`).then((response) => response.text());

async function handshake(port: number): Promise<void> {
  using conn = await Deno.connectTls({ hostname: "127.0.0.1", port });
  await conn.handshake();
}

/** A free port may be taken by another test meanwhile, or TCP connects it to itself; on this one nobody listens. */
const NOBODYS_PORT = 2;

const REAL: [string, () => unknown, string, number][] = [
  [
    "connect to a closed port",
    () => Deno.connect({ hostname: "127.0.0.1", port: NOBODYS_PORT }),
    "connection refused",
    7,
  ],
  [
    "fetch from a closed port",
    () => fetchText(NOBODYS_PORT),
    "connection refused",
    7,
  ],
  [
    "connect to a name without address",
    () => Deno.connect({ hostname: NOBODY, port: 1 }),
    "unknown host",
    6,
  ],
  [
    "fetch from a name without address",
    () => fetch(`http://${NOBODY}/`),
    "unknown host",
    6,
  ],
  [
    "listen on a port in use",
    () => {
      using listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
      Deno.listen({ hostname: "127.0.0.1", port: listener.addr.port });
    },
    "the address is in use",
    1,
  ],
  [
    "listen on another machine's address",
    () => Deno.listen({ hostname: "192.0.2.1", port: 0 }),
    "this machine does not have that address",
    1,
  ],
  [
    "connect to a path longer than sockets have",
    () => Deno.connect({ transport: "unix", path: "/" + "x".repeat(200) }),
    "the path is too long for a Unix socket",
    1,
  ],
  [
    "an operation after its deadline",
    () =>
      AbortSignal.abort(new DOMException("", "TimeoutError")).throwIfAborted(),
    "timed out",
    28,
  ],
  ["an abort", () => AbortSignal.abort().throwIfAborted(), "interrupted", 1],
  ["no file", () => Deno.readTextFile("/none/x"), "no such file", 1],
  ["a directory", () => Deno.readTextFile("/"), "it is a directory", 1],
  ["a directory exists", () => Deno.mkdir("/"), "it exists already", 1],
  [
    "a file below a file",
    () => Deno.readTextFile("/dev/null/x"),
    "it is not in a directory",
    1,
  ],
  [
    "a full device",
    () => Deno.writeTextFile("/dev/full", "x"),
    "no space left on device",
    1,
  ],
  [
    "an error of no known kind",
    () => JSON.parse("{"),
    "Expected property name or '}' in JSON at position 1 (line 1 column 2)",
    1,
  ],
];

for (const [name, action, message, code] of REAL) {
  Deno.test(`reasonOf() words what Deno throws: ${name}`, async () => {
    assertEquals(reasonOf(await errorOf(action)), { message, code });
  });
}

const HTTP = "HTTP/1.1 200 OK\r\n";

const PEERS: [string, string, (port: number) => unknown, string, number][] = [
  ["says nothing", "", fetchText, "cut short", 18],
  ["stops within the head", "HTTP/1.1 2", fetchText, "cut short", 18],
  [
    "stops within the body",
    HTTP + "Content-Length: 9\r\n\r\nabc",
    fetchText,
    "cut short",
    18,
  ],
  [
    "stops within a chunk",
    HTTP + "Transfer-Encoding: chunked\r\n\r\n5\r\nab",
    fetchText,
    "cut short",
    18,
  ],
  [
    "speaks SSH",
    "SSH-2.0-x\r\n",
    fetchText,
    "the answer is not HTTP (invalid HTTP version)",
    1,
  ],
  [
    "cannot count",
    HTTP + "Content-Length: x\r\n\r\n",
    fetchText,
    "the answer is not HTTP (invalid content-length)",
    1,
  ],
  [
    "has no gzip in what it calls gzip",
    HTTP + "Content-Encoding: gzip\r\n\r\nhello, hello, hello",
    fetchText,
    "the compressed body cannot be decoded",
    1,
  ],
  [
    "speaks no HTTP/2",
    "junk, junk, junk",
    async (port) => {
      using client = Deno.createHttpClient({ http1: false });
      await fetch(`http://127.0.0.1:${port}/`, { client });
    },
    "the answer is not HTTP/2",
    1,
  ],
  ["speaks no TLS", HTTP, handshake, "the peer does not speak TLS", 1],
  [
    "speaks no TLS to fetch",
    HTTP,
    (port) => fetch(`https://127.0.0.1:${port}/`),
    "the peer does not speak TLS",
    1,
  ],
  ["ends the TLS handshake", "", handshake, "cut short", 18],
  [
    "ends the TLS handshake of fetch",
    "",
    (port) => fetch(`https://127.0.0.1:${port}/`),
    "cut short",
    18,
  ],
];

for (const [name, answer, action, message, code] of PEERS) {
  Deno.test(`reasonOf() words what a peer does: it ${name}`, async () => {
    assertEquals(reasonOf(await withPeer(answer, action)), { message, code });
  });
}

// texts of rustls, the system and SQLite that a test cannot bring about on every machine
const TEXTS: [string, string, number][] = [
  [
    "invalid peer certificate: certificate expired: verification time 1800000000 (UNIX), but certificate is not valid after 1799999990 (10 seconds ago)",
    "certificate expired 1 minute ago",
    60,
  ],
  [
    "invalid peer certificate: certificate expired: verification time 1800000000 (UNIX), but certificate is not valid after 1799990000",
    "certificate expired 2 hours ago",
    60,
  ],
  [
    "invalid peer certificate: certificate expired: verification time 1800000000 (UNIX), but certificate is not valid after 1799000000",
    "certificate expired 11 days ago",
    60,
  ],
  ["invalid peer certificate: Expired", "certificate expired", 60],
  [
    "invalid peer certificate: Other(OtherError(UnsupportedCriticalExtension))",
    "Deno's TLS does not know the certificate's critical extension",
    60,
  ],
  [
    "invalid peer certificate: Other(OtherError(UnsupportedCertVersion))",
    "Deno's TLS does not know the certificate's version",
    60,
  ],
  [
    "invalid peer certificate: UnsupportedSignatureAlgorithmContext { signature_algorithm_id: [6, 9] }",
    "Deno's TLS does not know the certificate's signature algorithm",
    60,
  ],
  [
    "invalid peer certificate: Other(OtherError(PathLenConstraintViolated))",
    "certificate refused (PathLenConstraintViolated)",
    60,
  ],
  [
    "peer is incompatible: SignatureAlgorithmsExtensionRequired",
    "no TLS version in common",
    1,
  ],
  [
    "failed to parse private key as RSA, ECDSA, or EdDSA",
    "Deno's TLS cannot use its kind: expected RSA from 2048 bits on, P-256, P-384, P-521 or Ed25519",
    1,
  ],
  [
    "client error (Connect): proxy authentication required",
    "the proxy wants a user and a password",
    7,
  ],
  [
    "client error (Connect): Password auth failure, code: 1",
    "the proxy refused the user or the password",
    7,
  ],
  [
    "client error (Connect): unsuccessful tunnel",
    "the proxy refused to connect",
    7,
  ],
  [
    "invalid peer certificate: NotValidYet",
    "certificate is not valid yet",
    60,
  ],
  [
    'invalid peer certificate: certificate not valid for name "a.example"; certificate is only valid for DnsName("b.example") or DnsName("c.example")',
    "certificate is not for a.example, only for b.example, c.example",
    60,
  ],
  [
    'invalid peer certificate: certificate not valid for name "a.example"; certificate is not valid for any names (according to its subjectAltName extension)',
    "certificate is not for a.example",
    60,
  ],
  [
    "invalid peer certificate: UnknownIssuer",
    "certificate of an unknown issuer",
    60,
  ],
  [
    "invalid peer certificate: Other(OtherError(CaUsedAsEndEntity))",
    "it is a CA certificate, not a server's",
    60,
  ],
  ["invalid peer certificate: Revoked", "certificate refused (Revoked)", 60],
  [
    "received fatal alert: CertificateRequired",
    "the server wants a client certificate",
    60,
  ],
  [
    "peer closed connection without sending TLS close_notify: https://docs.rs/rustls",
    "cut short: the connection ended before TLS close_notify",
    18,
  ],
  [
    "received fatal alert: UnknownCA",
    "the server does not know the issuer of the client certificate",
    60,
  ],
  [
    "received fatal alert: HandshakeFailure",
    "the peer ended TLS (HandshakeFailure)",
    1,
  ],
  [
    'certificate not valid for name "::1"; certificate is only valid for DnsName("b.example") or IpAddress(127.0.0.1)',
    "certificate is not for ::1, only for b.example, 127.0.0.1",
    60,
  ],
  [
    "invalid peer certificate: certificate does not allow extended key usage for server authentication, allows client authentication",
    "it is not a server's certificate",
    60,
  ],
  ["certificate has expired", "certificate expired", 60],
  [
    "InvalidData: peer is incompatible: NoCertificateRequestSignatureSchemesInCommon",
    "the peer's TLS does not fit (NoCertificateRequestSignatureSchemesInCommon)",
    1,
  ],
  ["received fatal alert: ProtocolVersion", "no TLS version in common", 1],
  [
    "error sending request for url (http://a.example/): client error (SendRequest): received unexpected message from connection",
    "the answer is not HTTP (it came before the request)",
    1,
  ],
  [
    "incorrect header check Z_DATA_ERROR",
    "the compressed body cannot be decoded",
    1,
  ],
  [
    "Zstd decompress error: Unknown frame descriptor",
    "the compressed body cannot be decoded",
    1,
  ],
  ["stream closed because of a broken pipe", "cut short", 18],
  ["connection closed", "cut short", 18],
  ["KeyMismatch", "the key does not belong to the certificate", 1],
  ["Network is unreachable (os error 101)", "network is unreachable", 7],
  ["No route to host (os error 113)", "no route to host", 7],
  ["Connection timed out (os error 110)", "timed out", 28],
  ["Connection reset by peer (os error 104)", "connection reset by peer", 1],
  [
    "Transport endpoint is not connected (os error 107)",
    "connection reset by peer",
    1,
  ],
  ["Broken pipe (os error 32)", "the peer closed the connection", 1],
  ["ECONNABORTED", "connection aborted", 1],
  ["Too many open files (os error 24)", "too many open files", 1],
  [
    "URIError: invalid host 'a*b': invalid char found in FQDN",
    "it is no name of a host",
    1,
  ],
  [
    "error sending request for url (https://a*b/): client error (Connect): invalid dns name",
    "it is no name of a host",
    1,
  ],
  ["EACCES: permission denied", "permission denied", 1],
  ["database is locked", "database is locked", 1],
  ["Odd thing (os error 99999)", "Odd thing", 1],
  ["With a period.", "With a period", 1],
];

Deno.test("reasonOf() words texts alike, whether in an error or behind a failed fetch", () => {
  for (const [text, message, code] of TEXTS) {
    const error = new Error(text);
    assertEquals(reasonOf(error), { message, code });
    const behind = new TypeError("fetch failed", { cause: error });
    assertEquals(reasonOf(behind), { message, code });
  }
});

Deno.test("reasonOf() takes whatever is thrown, for any text, and never says a class or a number of the system", () => {
  assertEquals(reasonOf(undefined).message, "undefined");
  assertEquals(reasonOf({ toString: () => "odd" }).message, "odd");
  fc.assert(fc.property(fc.string(), (text) => {
    const { message } = reasonOf(new TypeError(`${text} (os error 5)`));
    assertNotMatch(message, /^TypeError|os error/);
  }));
});

const DENIED: [string, string, string][] = [
  ['Deno.connect({ hostname: "127.0.0.1", port: 80 })', "net", "127.0.0.1:80"],
  ['fetch("http://[::1]/")', "net", "[::1]:80"],
  ['fetch("https://a.example/")', "net", "a.example:443"],
  ['Deno.readTextFile("/a, run again")', "read", "/a, run again"],
  ['Deno.writeTextFile("/b", "")', "write", "/b"],
  ['Deno.env.get("HOME")', "env", "HOME"],
  ["new Deno.Command('ls').output()", "run", "ls"],
];

Deno.test("denialOf() and reasonOf() name what the sandbox denied", async () => {
  const script = `
    import { denialOf, reasonOf } from "./lib/cli/reasons.ts";
    const actions = [${DENIED.map(([code]) => `() => ${code}`).join()}];
    for (const action of actions) {
      try {
        await action();
      } catch (error) {
        console.log(JSON.stringify([denialOf(error), reasonOf(error).message]));
      }
    }`;
  const child = spawnDeno(["run", "--no-prompt", "-"], { stdin: script });
  const { stdout, stderr } = await child.result;
  assertEquals(stderr, "");
  assertEquals(
    stdout.trim().split("\n").map((line) => JSON.parse(line)),
    DENIED.map(([, kind, what]) => [
      { kind, what },
      `${kind} access to ${what} is not permitted`,
    ]),
  );
});

Deno.test("secrets in errors: reasonOf() hides those of URLs in what Deno says", async () => {
  const said = (url: string) =>
    reasonOf(new TypeError(`error sending request for url (${url}): odd`))
      .message;
  assertEquals(
    said("http://me:s3cret@a/?a=b&token=s3cret#code=s3cret"),
    "error sending request for url (http://***@a/?a=b&token=***#code=***): odd",
  );
  assertEquals(
    reasonOf(await errorOf(() => new URL("http://me:s3cret@:x"))).message,
    "Invalid URL: 'http://***@:x'",
  );
});

Deno.test("denialOf() finds nothing in any other error", () => {
  assertEquals(denialOf(new Error("fetch failed")), undefined);
  assertEquals(
    reasonOf(new Deno.errors.NotCapable("odd")).message,
    "not permitted",
  );
});

/** What Deno says of a module that it cannot load, and what a person hears; with a hint where it is a package. */
const UNLOADED: [string, string, boolean][] = [
  [
    "Failed caching npm package 'deno-std@1.4.0'\n    0: error sending request for url (https://registry.npmjs.org/deno-std/-/deno-std-1.4.0.tgz): client error (Connect): tcp connect error: Connection refused (os error 111)\n    1: client error (Connect)\n    2: tcp connect error\n    3: Connection refused (os error 111)\n    at file:///hark/lib/cli/help.ts:7:37",
    "npm:deno-std@1.4.0: the first run needs the registry (connection refused)",
    true,
  ],
  [
    "Failed caching npm package 'fast-check@4.10.2'\n    0: error sending request for url (https://registry.npmjs.org/): client error (Connect): invalid peer certificate: UnknownIssuer\n    1: client error (Connect)\n    2: invalid peer certificate: UnknownIssuer\n    at file:///hark/lib/cli/help.ts:7:37",
    "npm:fast-check@4.10.2: the first run needs the registry (certificate of an unknown issuer)",
    true,
  ],
  [
    "Failed caching npm package '@scope/name@1.0.0'\n    0: Bad response: 403\n       \n       no connection reset\n    at file:///hark/a.ts:7:37",
    "npm:@scope/name@1.0.0: the first run needs the registry (Bad response: 403)",
    true,
  ],
  [
    "[ERR_MODULE_NOT_FOUND] Cannot find module 'file:///cache/a.js' imported from 'file:///hark/b.ts'\n    at file:///hark/b.ts:7:37",
    "a module (Cannot find module 'file:///cache/a.js' imported from 'file:///hark/b.ts')",
    false,
  ],
  [
    'Module not found "file:///hark/lib/cli/help.ts".',
    'a module (Module not found "file:///hark/lib/cli/help.ts")',
    false,
  ],
];

Deno.test("unloadedOf() finds the module that could not be loaded, behind whatever it was for", () => {
  for (const [text, what, hasHint] of UNLOADED) {
    const code = "ERR_MODULE_NOT_FOUND";
    const cause = Object.assign(new TypeError(text), { code });
    const failure = new Failure("Cannot connect to a:1", { cause, code: 7 });
    for (const error of [cause, failure]) {
      const found = unloadedOf(error);
      assertEquals(found?.message, `Cannot load ${what}`);
      assertEquals(found?.hint !== undefined, hasHint);
      assertEquals(reasonOf(error), {
        message: `Cannot load ${what}`,
        code: 1,
      });
    }
  }
  const refused = new TypeError("Connection refused (os error 111)");
  assertEquals(unloadedOf(refused), undefined);
});
