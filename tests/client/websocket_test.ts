import { assert, assertEquals, assertLess, assertMatch } from "@std/assert";
import { fingerprintOf } from "../../tasks/server/tls/certificate.ts";
import { main } from "../../tasks/client.ts";
import { main as serverMain } from "../../tasks/server.ts";
import { acceptKeyFor } from "../../tasks/client/websocket/upgrade.ts";
import { writeIdentity } from "../net/identity.ts";
import { portIn } from "../net/peers.ts";
import {
  encode,
  listening,
  openAfter,
  receiveText,
  run,
  start,
  withFolder,
} from "../support.ts";

const typed = { terminal: { stdin: true } };

/** What a client says first to Deno's own server of WebSocket, and how that ends: by its path. */
const TALKS: Readonly<Record<string, (socket: WebSocket) => void>> = {
  "/echo": (socket) => socket.onmessage = ({ data }) => socket.send(data),
  // many a server has no answer left once it hears of the end
  "/late": (socket) =>
    socket.onmessage = ({ data }) =>
      setTimeout(() => {
        if (socket.readyState === WebSocket.OPEN) socket.send(`late ${data}`);
      }, 50),
  "/hello": (socket) =>
    socket.onopen = () => {
      socket.send("Hello, Client!");
      socket.send("é\u001b[31m\nred");
      socket.send(Uint8Array.of(0xff, 0x41));
      socket.close();
    },
  "/4000": (socket) => socket.onopen = () => socket.close(4000, "go away"),
  "/1001": (socket) => socket.onopen = () => socket.close(1000, "bye"),
};

interface Peer extends AsyncDisposable {
  readonly at: string;
  readonly requests: { readonly search: string; readonly headers: Headers }[];
}

function servePeer(): Peer {
  const requests: Peer["requests"] = [];
  const server = Deno.serve(
    { hostname: "127.0.0.1", port: 0, onListen: () => {} },
    (request) => {
      const { search } = new URL(request.url);
      requests.push({ search, headers: new Headers(request.headers) });
      const { pathname } = new URL(request.url);
      const talk = TALKS[pathname];
      if (!talk) {
        return new Response("no", {
          status: Number(pathname.slice(1)),
          headers: { location: "/echo" },
        });
      }
      const [protocol] = request.headers.get("sec-websocket-protocol")
        ?.split(", ") ?? [];
      const { socket, response } = Deno.upgradeWebSocket(
        request,
        protocol === undefined ? {} : { protocol },
      );
      socket.binaryType = "arraybuffer";
      talk(socket);
      return response;
    },
  );
  return {
    at: `ws://127.0.0.1:${server.addr.port}`,
    requests,
    [Symbol.asyncDispose]: () => server.shutdown(),
  };
}

Deno.test("client ws:// prints each message in the tutorial's words, safe on a terminal", async () => {
  await using peer = servePeer();
  const piped = await run(main, [`${peer.at}/hello`], typed);
  const before = "Received from server: ";
  assertEquals([piped.code, piped.stdout, piped.stderr], [
    0,
    `${before}Hello, Client!\n${before}é\u001b[31m\nred\n${before}\ufffdA\n`,
    "",
  ]);
  const shown = await run(main, [`${peer.at}/hello`], { terminal: true });
  assertMatch(shown.stdout, /é\\x1b\[31m\nred\n.*\ufffdA/);
  assertMatch(shown.stderr, /^Connected to ws:\/\/127\.0\.0\.1:\d+\/hello\n$/);
});

Deno.test("client ws:// --pipe sends a message for each line, and prints one line for each text", async () => {
  await using peer = servePeer();
  const stdin = ["a\n\nb", "c\nlas", "t"];
  const { code, stdout } = await run(main, ["--pipe", `${peer.at}/echo`], {
    stdin,
  });
  assertEquals([code, stdout], [0, "a\n\nbc\nlast\n"]);
  const hello = await run(main, ["--pipe", `${peer.at}/hello`]);
  assertEquals(
    hello.stdoutBytes,
    new Uint8Array([
      ...encode("Hello, Client!\né\u001b[31m\nred\n"),
      0xff,
      0x41,
    ]),
  );
});

Deno.test("client ws:// --pipe --binary sends bytes, and prints them as they are", async () => {
  await using peer = servePeer();
  const bytes = crypto.getRandomValues(new Uint8Array(60_000));
  const { code, stdoutBytes } = await run(
    main,
    ["--pipe", "--binary", `${peer.at}/echo`],
    { stdin: [bytes, encode("\n"), bytes] },
  );
  assertEquals(code, 0);
  assertEquals(stdoutBytes, new Uint8Array([...bytes, 10, ...bytes]));
});

Deno.test("client ws:// waits for the answer to what it said last, and no longer than it must", async () => {
  await using peer = servePeer();
  const begun = performance.now();
  const sent = await run(main, ["--send", "x", `${peer.at}/late`]);
  assertEquals(sent.stdout, "Received from server: late x\n");
  const piped = await run(main, ["--pipe", `${peer.at}/late`], {
    stdin: ["y\n"],
  });
  assertEquals(piped.stdout, "late y\n");
  assertLess(performance.now() - begun, 1900);
});

Deno.test("client ws:// --keep-open ends with the server, or when nothing comes", async () => {
  await using peer = servePeer();
  const args = ["--keep-open", "--idle-timeout", "0.3", "--send", "x"];
  const { code, stdout } = await run(main, [...args, `${peer.at}/echo`]);
  assertEquals([code, stdout], [28, "Received from server: x\n"]);
});

Deno.test("client ws:// --pipe fails where the server closes before it has taken stdin", async () => {
  await using peer = servePeer();
  const stdin = Array.from({ length: 20_000 }, () => "line\n");
  const result = await run(main, ["--pipe", `${peer.at}/1001`], { stdin });
  assertEquals(result.code, 1);
  assertMatch(result.stderr, /^client: Cannot send to .*: it is closed\n/);
});

Deno.test("client ws:// sends what is typed, and ends when the server closes", async () => {
  await using peer = servePeer();
  const { code, stdout } = await run(main, [`${peer.at}/echo`], {
    ...typed,
    stdin: ["one\n", "two\n"],
  });
  const before = "Received from server: ";
  assertEquals([code, stdout], [0, `${before}one\n${before}two\n`]);
  const closed = await run(main, [`${peer.at}/1001`], {
    ...typed,
    stdin: openAfter("one\n"),
  });
  assertEquals(closed.code, 0);
});

Deno.test("client ws:// --json tells the subprotocol, each message, and how it closed", async () => {
  await using peer = servePeer();
  const args = ["--json", "--subprotocol", "v2", "--subprotocol", "v1"];
  const { code, stdout } = await run(main, [...args, `${peer.at}/hello`]);
  const events = stdout.trim().split("\n").map((line) => JSON.parse(line));
  const { ms, bytesIn, bytesOut, ...close } = events.at(-1);
  assert(ms >= 0 && bytesIn > 100 && bytesOut > 100);
  const name = new URL(peer.at).host;
  assertEquals(code, 0);
  assertEquals([...events.slice(0, -1), close], [
    { event: "open", peer: name, subprotocol: "v2" },
    { event: "data", text: "Hello, Client!" },
    { event: "data", text: "é\u001b[31m\nred" },
    { event: "data", base64: "/0E=" },
    { event: "close", peer: name, code: 1005, reason: "" },
  ]);
});

Deno.test("client ws:// exits as the server closes, or answers the handshake", async () => {
  await using peer = servePeer();
  const cases: [string, number, RegExp][] = [
    ["/1001", 0, /^$/],
    ["/4000", 1, /: the server closed with 4000 "go away"\n/],
    ["/404", 4, /^client: Cannot open ws:.*\/404: the server says 404 Not Fo/],
    ["/503?token=s3cret", 5, /^(?!.*s3cret).*says 503 Service Unavailable\n/],
    ["/302", 3, /says 302 Found\nhint: it leads to \/echo; redirects are not/],
    ["/200", 1, /says 200 OK\n/],
  ];
  for (const [path, expected, text] of cases) {
    const { code, stderr } = await run(main, [peer.at + path], typed);
    assertEquals(code, expected, path);
    assertMatch(stderr, text);
  }
});

Deno.test("client ws:// sends headers, a login, and what is asked for", async () => {
  await using peer = servePeer();
  const url = `${peer.at.replace("//", "//me:p%40ss@")}/hello?a=b#c`;
  const args = ["--header", "Origin: http://a", "--header", "X-Y:z가"];
  const { code, stderr } = await run(main, [...args, url], typed);
  assertEquals([code, stderr], [0, ""]);
  const [request] = peer.requests;
  const sent = ["origin", "x-y", "authorization"]
    .map((name) => request?.headers.get(name));
  assertEquals([request?.search, ...sent], [
    "?a=b",
    "http://a",
    // the bytes of UTF-8, each as a character
    String.fromCharCode(...encode("z가")),
    `Basic ${btoa("me:p@ss")}`,
  ]);
});

/** A server that answers a handshake with this, and then says no more. */
const answering = (text: string) =>
  listening(async (conn) => {
    await receiveText(conn, 50);
    await conn.write(encode(text));
    await receiveText(conn);
  });

const UPGRADE =
  "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n";

Deno.test("client ws:// believes no server that cannot prove that it speaks WebSocket", async () => {
  const cases: [string, RegExp][] = [
    [`${UPGRADE}\r\n`, /its Sec-WebSocket-Accept is not that of the key/],
    [
      "HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\n\r\n",
      /it does not switch to WebSocket/,
    ],
    ["SSH-2.0-x\r\n", /it does not speak HTTP/],
    ["HTTP/2 101\r\n\r\n", /it does not speak HTTP/],
    [`HTTP/1.1 101 x\r\nno header\r\n\r\n`, /malformed/],
    [`HTTP/1.1 101 x\r\na: ${"b".repeat(17_000)}`, /its head is too long/],
    ["\x15\x03\x03\x00\x02\x02\x0a", /it speaks TLS\nhint: add TLS: wss:/],
  ];
  for (const [text, expected] of cases) {
    await using server = answering(text);
    const { code, stderr } = await run(
      main,
      [`ws://127.0.0.1:${server.port}/`],
      typed,
    );
    assertEquals(code, 1, text);
    assertMatch(stderr, expected);
  }
});

Deno.test("client ws:// gives up a server that does not answer the handshake in time", async () => {
  await using server = answering("");
  const { code, stderr } = await run(
    main,
    ["--timeout", "0.2", `ws://127.0.0.1:${server.port}/x`],
    typed,
  );
  assertEquals(code, 28);
  assertMatch(
    stderr,
    /^client: Cannot open ws:\/\/127\.0\.0\.1:\d+\/x: .*time/,
  );
});

Deno.test("client ws:// says that a connection was cut, with the code for that", async () => {
  await using server = listening(async (conn) => {
    const head = await receiveText(conn, 150);
    const [, key = ""] = head.match(/Key: (.*)\r/) ?? [];
    const accept = `Sec-WebSocket-Accept: ${await acceptKeyFor(key)}`;
    await conn.write(encode(`${UPGRADE}${accept}\r\n\r\n`));
    await conn.write(Uint8Array.of(0x81, 2, 0x68, 0x69));
  });
  const { code, stdout, stderr } = await run(
    main,
    [`ws://127.0.0.1:${server.port}/`],
    typed,
  );
  assertEquals([code, stdout], [18, "Received from server: hi\n"]);
  assertMatch(
    stderr,
    /^client: Cannot receive from .*: it ended without a clo/,
  );
});

Deno.test("client refuses what goes with WebSocket alone, or not with it", async () => {
  const cases: [string[], RegExp][] = [
    [["--subprotocol", "a", "h:1"], /--subprotocol without ws:/],
    [["--header", "a:b", "h:1"], /--header without ws:/],
    [["--binary", "--pipe", "h:1"], /--binary without ws:/],
    [["--unix", "a", "h:1"], /--unix without ws:.*\nhint: .*unix:PATH/],
    [["--binary", "ws://h/"], /--binary without --send or --pipe/],
    // what the target excludes comes first
    [["--binary", "h:1"], /--binary without ws:/],
    [["--crlf", "ws://h/"], /--crlf with a WebSocket/],
    [["--crlf", "--check", "h:1"], /--crlf without --send or --pipe/],
    [["--crlf", "--pipe", "ws://h/"], /--crlf with a WebSocket/],
    [["--starttls", "smtp", "wss://h/"], /--starttls with a WebSocket/],
    [["--pin", "a", "ws://h/"], /--pin with ws:\/\/\nhint: .*wss:/],
    [["--header", "x", "ws://h/"], /Cannot parse a header/],
    [["--header", "a:b\nc", "ws://h/"], /Cannot parse a header/],
    [["--header", "upgrade:b", "ws://h/"], /Cannot send the header "upgrade"/],
    [
      ["--header", "Sec-WebSocket-Protocol:b", "ws://h/"],
      /hint: .* --subprotocol NAME/,
    ],
    [["--subprotocol", "a b", "ws://h/"], /Cannot ask for the subprotocol/],
    [["ws://h/", "80"], /2 operands: expected one URL/],
    [["--alpn", "h2", "ws://h/"], /--alpn with ws:\/\/\nhint: .*wss:/],
    [["--bind", "::1", "ws://127.0.0.1/"], /--bind \[::1\]: 127\.0\.0\.1 is/],
    [["--check", "80", "ws://h/"], /Cannot check ports of a URL/],
    [["--check", "--header", "a:s3cret", "ws://h/"], /--header with --check,/],
    [["--check", "--unix", "a", "ws://h/"], /--check, which has unix:PATH/],
    [
      ["ws://me@locahost:1/feed?token=s3cret"],
      /^(?!.*s3cret).*mean ws:\/\/localhost:1\/feed\? .* ws:\/\/locahost\.:1\/f/s,
    ],
    [["udp:locahost:1"], /did you mean udp:localhost:1\?/],
    [["ws://me:s3cret@h:x/"], /^(?!.*s3cret).*Cannot parse URL/],
  ];
  for (const [args, expected] of cases) {
    const { code, stderr } = await run(main, args);
    assertEquals(code, 2, args.join(" "));
    assertMatch(stderr, expected);
  }
});

Deno.test("client refuses to send a line that is not UTF-8", async () => {
  await using peer = servePeer();
  const { code, stderr } = await run(main, ["--pipe", `${peer.at}/echo`], {
    stdin: [Uint8Array.of(0xff, 10)],
  });
  assertEquals(code, 1);
  assertMatch(
    stderr,
    /Cannot send a line to \S+: it is not UTF-8\nhint: .*--binary/,
  );
});

Deno.test("client wss:// trusts a pinned certificate or a named one, and no other", () =>
  withFolder(async (folder) => {
    const { cert: certFile, key: keyFile } = await writeIdentity(folder);
    const args = ["--ws", "echo", "--port", "0", "--cert", certFile];
    const server = start(serverMain, [...args, "--key", keyFile]);
    const port = portIn(await server.stdout.waitFor(/Listening.*\n.*Listen/));
    const pin = await fingerprintOf(await Deno.readTextFile(certFile));
    const url = `wss://localhost:${port}/`;
    const pinned = await run(main, ["--pin", pin, "--send", "hi", url]);
    assertEquals([pinned.code, pinned.stdout], [
      0,
      "Received from server: hi\n",
    ]);
    const ca = await run(main, ["--ca", certFile, "--send", "hi", url]);
    assertEquals(ca.code, 0);
    const unknown = await run(main, ["--send", "hi", url]);
    assertEquals(unknown.code, 60);
    const json = await run(main, ["--json", "--pin", pin, "--send", "a", url]);
    const [open = ""] = json.stdout.split("\n");
    const { tls, certificate } = JSON.parse(open);
    assertEquals([tls, certificate.sha256], ["TLSv1.3", pin]);
    const alpn = await run(main, ["--alpn", "h2", "--pin", pin, url], typed);
    assertEquals(alpn.code, 1);
    assertMatch(alpn.stderr, /no protocol in common: it takes none of h2\n/);
    server.interrupt();
    await server.result;
  }));

Deno.test("client wss:// names ws:// where a server that speaks no TLS just closes", async () => {
  await using server = listening(async (conn) => {
    await conn.read(new Uint8Array(9999));
  });
  const url = `wss://127.0.0.1:${server.port}/`;
  const { code, stderr } = await run(main, [url]);
  assertEquals(code, 18);
  assertMatch(
    stderr,
    /Cannot start TLS .*: cut short\nhint: without TLS it is ws:\/\/HOST:PORT\/PATH\n$/,
  );
});

Deno.test("client wss:// says that a server may want a client certificate", () =>
  withFolder(async (folder) => {
    const { cert: certFile, key: keyFile } = await writeIdentity(folder);
    const pair = ["--cert", certFile, "--key", keyFile];
    const args = ["--ws", "--port", "0", "--client-ca", certFile, ...pair];
    const server = start(serverMain, args);
    const port = portIn(await server.stdout.waitFor(/Listening.*\n.*Listen/));
    const target = ["--ca", certFile, `wss://localhost:${port}/`];
    const refused = await run(main, target, typed);
    assertEquals(refused.code, 18);
    assertMatch(refused.stderr, /\nhint: it may want a client certificate: /);
    const { code, stdout } = await run(main, [...pair, ...target], typed);
    assertEquals([code, stdout], [0, "Received from server: Hello, Client!\n"]);
    server.interrupt();
    await server.result;
  }));

Deno.test({
  name: "client ws:// --bind comes from an address of its own",
  // every address of 127.0.0.0/8 is this machine's on Linux alone
  ignore: Deno.build.os !== "linux",
  async fn() {
    const server = start(serverMain, ["--ws", "--port", "0", "--once"]);
    const port = portIn(await server.stdout.waitFor(/Listening.*\n.*Listen/));
    const args = ["--bind", "127.0.0.2", `ws://localhost:${port}/`];
    assertEquals((await run(main, args, typed)).code, 0);
    const log = (await server.result).stdout;
    assertMatch(log, /Connection from 127\.0\.0\.2:\d+ to \/ has/);
  },
});

Deno.test("client ws:// --unix goes to a socket, with the URL's host and path", () =>
  withFolder(async (folder) => {
    const path = `${folder}/a.sock`;
    const server = start(serverMain, ["--ws", "--json", "--unix", path]);
    await server.stdout.waitFor(/listening/);
    const { code, stdout } = await run(
      main,
      ["--unix", path, "ws://example.com/x"],
      typed,
    );
    assertEquals([code, stdout], [0, "Received from server: Hello, Client!\n"]);
    await server.stdout.waitFor(/"path":"\/x"/);
    server.interrupt();
    await server.result;
  }));
