import { assertEquals, assertMatch } from "@std/assert";
import { main } from "../../tasks/client.ts";
import {
  fingerprintOf,
  makeCertificate,
} from "../../tasks/server/tls/certificate.ts";
import { createHandshakes } from "../../tasks/server/tls/handshake.ts";
import { encode, listening, receiveText, run, start } from "../support.ts";
import { withFolder } from "../support.ts";

const terminal = { terminal: { stdin: true } };

const PAIR = await makeCertificate();
const PIN = await fingerprintOf(PAIR.cert);

/** What a client is to say, nothing at first, and what it then hears. */
type Script = readonly (readonly [said: string, reply: string])[];

const SSL_REQUEST = String.fromCharCode(0, 0, 0, 8, 4, 210, 22, 47);

/** What leads to TLS, with replies as servers write them. */
const SCRIPTS = {
  smtp: [
    ["", "220-mail.example ESMTP\r\n220 ready\r\n"],
    [
      "EHLO [127.0.0.1]\r\n",
      "250-mail.example\r\n250-Starttls\r\n250 HELP\r\n",
    ],
    ["STARTTLS\r\n", "220 2.0.0 go ahead\r\n"],
  ],
  imap: [
    ["", "* OK [CAPABILITY IMAP4rev1 STARTTLS] ready\r\n"],
    ["a STARTTLS\r\n", "* OK still here\r\na OK begin\r\n"],
  ],
  pop3: [["", "+OK ready\r\n"], ["STLS\r\n", "+OK begin\r\n"]],
  postgres: [[SSL_REQUEST, "S"]],
} satisfies Record<string, Script>;

const bytesOf = (text: string) =>
  Uint8Array.from(text, (char) => char.charCodeAt(0));

/** Reads exactly what a client says; a byte more or another one is an error. */
async function hear(conn: Deno.Conn, said: string): Promise<void> {
  const buffer = new Uint8Array(1024);
  let heard = "";
  while (heard.length < said.length) {
    const count = await conn.read(buffer);
    if (count === null) break;
    heard += String.fromCharCode(...buffer.subarray(0, count));
  }
  assertEquals(heard, said);
}

/** Plays a script in plain, byte by byte where that is wanted. */
async function play(
  conn: Deno.Conn,
  script: Script,
  isSlow = false,
): Promise<void> {
  for (const [said, reply] of script) {
    await hear(conn, said);
    const pieces = isSlow ? [...reply] : [reply];
    for (const piece of pieces) await conn.write(bytesOf(piece));
  }
}

const shakeHands = createHandshakes(PAIR);

/** Plays a script, speaks TLS, and says what came over that, to its end. */
async function answer(
  conn: Deno.Conn,
  script: Script,
  isSlow = false,
): Promise<void> {
  await play(conn, script, isSlow);
  const { socket } = await shakeHands(conn);
  const buffer = new Uint8Array(1024);
  let text = "over TLS: ";
  for (let count; (count = await socket.read(buffer)) !== null;) {
    text += new TextDecoder().decode(buffer.subarray(0, count));
  }
  await socket.write(encode(text));
  await socket.closeWrite();
}

for (const [name, script] of Object.entries(SCRIPTS)) {
  const trust = ["--starttls", name, "--pin", PIN];

  Deno.test(`client --starttls ${name} asks for TLS in plain, and sends what it has over that`, async () => {
    for (const isSlow of [false, true]) {
      await using server = listening((conn) => answer(conn, script, isSlow));
      const to = `localhost:${server.port}`;
      const piped = await run(main, ["--pipe", ...trust, to], { stdin: "in" });
      assertEquals([piped.code, piped.stdout, piped.stderr], [
        0,
        "over TLS: in",
        "",
      ]);
      const sent = await run(main, ["--send", "it", ...trust, to], terminal);
      assertEquals(sent.stdout, "Received from server: over TLS: it\n");
    }
  });

  Deno.test(`client --starttls ${name} verifies the server as --tls does`, async () => {
    await using server = listening((conn) => answer(conn, script));
    const args = ["--starttls", name, "--send", "secret"];
    const { code, stdout, stderr } = await run(
      main,
      [...args, `localhost:${server.port}`],
      terminal,
    );
    assertEquals([code, stdout], [60, ""]);
    assertMatch(stderr, /: certificate of an unknown issuer\nhint: trust its/);
  });

  Deno.test(`client --check --starttls ${name} says open when TLS is spoken there`, async () => {
    await using server = listening((conn) => answer(conn, script));
    const to = `localhost:${server.port}`;
    const { code, stdout } = await run(main, ["--check", ...trust, to]);
    assertEquals([code, stdout.split("\n")[0]], [0, `${to} open`]);
  });

  Deno.test(`client --starttls ${name} refuses plain bytes behind the reply, with it or after it (plaintext injection)`, async () => {
    for (const extra of ["250 injected\r\n", "\x16\x03\x01", "\r\n", "x"]) {
      for (const isTogether of [true, false]) {
        await using server = listening(async (conn) => {
          const [last = ["", ""]] = script.slice(-1);
          await play(conn, [
            ...script.slice(0, -1),
            [last[0], last[1] + (isTogether ? extra : "")],
          ]);
          if (!isTogether) await conn.write(bytesOf(extra));
          await conn.closeWrite();
          await receiveText(conn);
        });
        const { code, stdout, stderr } = await run(
          main,
          [...trust, "--send", "secret", `localhost:${server.port}`],
          terminal,
        );
        assertEquals(stdout, "");
        // those that came later may be there already
        const how = isTogether
          ? /bytes came before TLS that nobody had asked for\n$/
          : /Cannot start TLS with localhost:\d+: .*\n$/;
        assertMatch(stderr, how);
        assertEquals(isTogether ? code : code > 0, isTogether ? 1 : true);
      }
    }
  });
}

Deno.test("client --starttls takes no reply that came before it was asked for (response injection)", async () => {
  const cases: [string, Script][] = [
    ["smtp", [["", "220 ready\r\n250 STARTTLS\r\n"]]],
    ["smtp", [["", "220 a\r\n"], ["", "250 STARTTLS\r\n220 go\r\n"]]],
    ["imap", [["", "* OK ready\r\na OK begin\r\n"]]],
    ["pop3", [["", "+OK ready\r\n+OK begin\r\n"]]],
  ];
  for (const [name, script] of cases) {
    await using server = listening(async (conn) => {
      await play(conn, script);
      await receiveText(conn);
    });
    const { code, stderr } = await run(
      main,
      ["--starttls", name, `localhost:${server.port}`],
      terminal,
    );
    assertEquals([code, stderr], [
      1,
      `client: Cannot start TLS with localhost:${server.port}: bytes came before TLS that nobody had asked for\n`,
    ]);
  }
});

const EHLO = "EHLO [127.0.0.1]\r\n";
const NO = "the server does not offer STARTTLS";

/** What a server says in plain, the exit code, and why there is no TLS. */
const REFUSALS: [string, Script, number, string][] = [
  ["smtp", [["", "220 a\r\n"], [EHLO, "250 a\r\n"]], 1, NO],
  [
    "smtp",
    [["", "220 a\r\n"], [EHLO, "250-a\r\n250-XSTARTTLS\r\n250 STARTTLSX\r\n"]],
    1,
    NO,
  ],
  [
    "smtp",
    [["", "220 a\r\n"], [EHLO, "502 what\r\n"]],
    1,
    `${NO}: 502 what`,
  ],
  [
    "smtp",
    [...SCRIPTS.smtp.slice(0, 2), ["STARTTLS\r\n", "454 later\r\n"]],
    1,
    `${NO}: 454 later`,
  ],
  [
    "smtp",
    [["", "554 go away\r\n"]],
    1,
    "the server does not greet as smtp does: 554 go away",
  ],
  [
    "smtp",
    [["", "SSH-2.0-x\x1b[2J\r\n"]],
    1,
    "the server does not greet as smtp does: SSH-2.0-x\\x1b[2J",
  ],
  [
    "smtp",
    [["", "220-a\r\n554 no\r\n"]],
    1,
    "the server does not greet as smtp does: 220-a",
  ],
  ["smtp", [["", "220 a\r\n"], [EHLO, "250-a\r\n"]], 18, "the server closed"],
  ["smtp", [["", ""]], 18, "the server closed the connection before TLS"],
  ["smtp", [["", "220-a\r\n".repeat(3000)]], 1, "the server says too much"],
  [
    "imap",
    [["", "* OK a\r\n"], ["a STARTTLS\r\n", "a BAD b\r\n"]],
    1,
    `${NO}: a BAD b`,
  ],
  [
    "imap",
    [["", "* OK a\r\n"], ["a STARTTLS\r\n", "a NO b\r\n"]],
    1,
    `${NO}: a NO b`,
  ],
  [
    "imap",
    [["", "* OK a\r\n"], ["a STARTTLS\r\n", "b OK c\r\n"]],
    1,
    `${NO}: b OK c`,
  ],
  [
    "imap",
    [["", "* PREAUTH in\r\n"]],
    1,
    "the server does not greet as imap does: * PREAUTH in",
  ],
  [
    "imap",
    [["", "* BYE\r\n"]],
    1,
    "the server does not greet as imap does: * BYE",
  ],
  ["imap", [["", "* OK " + "a".repeat(20_000)]], 1, "the server says too much"],
  ["pop3", [["", "+OK\r\n"], ["STLS\r\n", "-ERR no\r\n"]], 1, `${NO}: -ERR no`],
  [
    "pop3",
    [["", "-ERR busy\r\n"]],
    1,
    "the server does not greet as pop3 does: -ERR busy",
  ],
  ["postgres", [[SSL_REQUEST, "N"]], 1, NO],
  [
    "postgres",
    [[SSL_REQUEST, "HTTP/1.1 400 no\r\n"]],
    1,
    `${NO}: HTTP/1.1 400 no`,
  ],
  ["postgres", [["", ""]], 18, "the server closed the connection before TLS"],
];

for (const [at, [name, script, code, why]] of REFUSALS.entries()) {
  Deno.test(`client --starttls ${name} ends with ${code} (${at}): ${why}`, async () => {
    await using server = listening(async (conn) => {
      await play(conn, script);
      await conn.closeWrite();
      await receiveText(conn);
    });
    const to = `localhost:${server.port}`;
    const args = ["--starttls", name, "--pin", PIN, to];
    const result = await run(main, args, { terminal: true });
    assertEquals([result.code, result.stdout], [code, ""]);
    const [line = "", rest] = result.stderr.split("\n");
    const start = `client: Cannot start TLS with ${to}: ${why}`;
    assertEquals([line.slice(0, start.length), rest], [start, ""]);
  });
}

Deno.test("client --starttls gives up after --timeout on a server that says nothing, with 28", async () => {
  for (const name of Object.keys(SCRIPTS)) {
    await using server = listening(async (conn) => {
      await receiveText(conn);
    });
    const args = ["--starttls", name, "-t", "0.2", `localhost:${server.port}`];
    const { code, stderr } = await run(main, args, terminal);
    assertEquals(code, 28);
    assertMatch(
      stderr,
      /^client: Cannot start TLS with .*: timed out\nhint: if it speaks TLS from the start: --tls, not --starttls\n$/,
    );
  }
});

Deno.test("client --check --starttls says why a port has no TLS", async () => {
  await using server = listening(async (conn) => {
    await play(conn, [["", "+OK\r\n"], ["STLS\r\n", "-ERR no\r\n"]]);
  });
  const args = ["--check", "--starttls", "pop3", `localhost:${server.port}`];
  const { code, stdout } = await run(main, args);
  assertEquals([code, stdout], [
    7,
    `localhost:${server.port} open, but the server does not offer STARTTLS: -ERR no\n`,
  ]);
});

Deno.test("client --starttls --wait tries again while the server is not up yet", async () => {
  let clients = 0;
  await using server = listening(async (conn) => {
    if (clients++ > 0) await answer(conn, SCRIPTS.pop3);
  });
  const args = ["--wait", "20", "--starttls", "pop3", "--pin", PIN];
  const { code, stdout } = await run(
    main,
    [...args, "--pipe", `localhost:${server.port}`],
    { stdin: "x" },
  );
  assertEquals([code, stdout, clients], [0, "over TLS: x", 2]);
});

Deno.test("client --starttls sends what a person types", async () => {
  await using server = listening((conn) => answer(conn, SCRIPTS.imap));
  const { code, stdout } = await run(
    main,
    ["--starttls", "imap", "--pin", PIN, `localhost:${server.port}`],
    { stdin: "typed\n", ...terminal },
  );
  assertEquals([code, stdout], [
    0,
    "Received from server: over TLS: typed\n\n",
  ]);
});

Deno.test("client --starttls goes through a proxy", async () => {
  await using server = listening((conn) => answer(conn, SCRIPTS.smtp));
  await using proxy = listening(async (conn) => {
    await hear(
      conn,
      `CONNECT localhost:${server.port} HTTP/1.1\r\nHost: localhost:${server.port}\r\n\r\n`,
    );
    using there = await Deno.connect({ port: server.port });
    await conn.write(encode("HTTP/1.1 200 OK\r\n\r\n"));
    await Promise.all([
      conn.readable.pipeTo(there.writable, { preventClose: true })
        .then(() => there.closeWrite()),
      there.readable.pipeTo(conn.writable),
    ]);
  });
  const { code, stdout, stderr } = await run(main, [
    ...["--pipe", "--starttls", "smtp", "--pin", PIN],
    ...["--proxy", `http://127.0.0.1:${proxy.port}`],
    `localhost:${server.port}`,
  ], { stdin: "x" });
  assertEquals([code, stdout, stderr], [0, "over TLS: x", ""]);
});

Deno.test({
  name: "client --starttls asks on a Unix socket too",
  ignore: Deno.build.os === "windows",
  fn: () =>
    withFolder(async (folder) => {
      const path = `${folder}/pg.sock`;
      using listener = Deno.listen({ transport: "unix", path });
      const { result } = start(
        main,
        ["--pipe", "--starttls", "postgres", "--pin", PIN, `unix:${path}`],
        { stdin: "x" },
      );
      using conn = await listener.accept();
      await answer(conn, SCRIPTS.postgres);
      const { code, stdout, stderr } = await result;
      assertEquals([code, stdout, stderr], [0, "over TLS: x", ""]);
    }),
});

Deno.test("client refuses a protocol in which it cannot ask for TLS", async () => {
  for (const name of ["ftp", "SMTP", "", "constructor"]) {
    const { code, stderr } = await run(main, [`--starttls=${name}`]);
    assertEquals(code, 2);
    assertMatch(stderr, /: expected smtp, imap, pop3 or postgres\n/);
  }
});

Deno.test("client leads from --tls to --starttls by the port, and never from --starttls to no TLS", async () => {
  const { withStarttlsHint } = await import("../../tasks/client/hints.ts");
  const { Failure } = await import("../../lib/cli/errors.ts");
  const cause = new Error(
    "received corrupt message of type InvalidContentType",
  );
  const error = new Failure("Cannot start TLS with a:1", {
    cause,
    hint: "leave out --tls",
  });
  const cases: [number, "smtp" | undefined, string | undefined][] = [
    [587, undefined, "ask for TLS first: --starttls smtp"],
    [5432, undefined, "ask for TLS first: --starttls postgres"],
    [7000, undefined, "leave out --tls"],
    [587, "smtp", undefined],
  ];
  for (const [port, starttls, hint] of cases) {
    const found = withStarttlsHint(error, { host: "a", port }, { starttls });
    assertEquals(found instanceof Failure && found.hint, hint);
  }
  const pinned = { tls: true, pin: "x" };
  const found = withStarttlsHint(error, { host: "a", port: 7000 }, pinned);
  assertEquals(
    found instanceof Failure && found.hint,
    "leave out --tls and --pin",
  );
  const offered = { alpn: ["h2"] };
  const unasked = withStarttlsHint(error, { host: "a", port: 7000 }, offered);
  assertEquals(
    unasked instanceof Failure && unasked.hint,
    "leave out --alpn",
  );
  const other = new Failure("Cannot connect to a:25", { cause });
  const address = { host: "a", port: 25 };
  const starttls = undefined;
  assertEquals(withStarttlsHint(other, address, { starttls }), other);
});
