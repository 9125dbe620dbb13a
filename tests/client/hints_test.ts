import { assert, assertEquals } from "@std/assert";
import { parseCommandLine, refuseConflicts } from "../../lib/cli/options.ts";
import { main } from "../../tasks/client.ts";
import { clientHints } from "../../tasks/client/hints.ts";
import { addressFrom, CLIENT_OPTIONS } from "../../tasks/client/options.ts";
import { run } from "../support.ts";

const LISTEN = "to listen: deno task server --port";

/** What users of nc, ncat, openssl and others type, and the hint that leads to what they mean. */
const HABITS: readonly (readonly [args: string[], hint: string])[] = [
  // openssl s_client: words with one dash
  [["-connect", "h:443"], "deno task client --tls h:443"],
  [["-connect"], "deno task client --tls HOST:PORT"],
  [["-CAfile", "ca.pem", "h:1"], "deno task client --ca FILE"],
  [["-servername", "a", "h:1"], "deno task client --sni NAME"],
  [["-starttls", "imap", "h:1"], "deno task client --starttls imap HOST:PORT"],
  [
    ["-connect", "h:25", "-starttls", "smtp"],
    "-connect, -starttls: deno task client --starttls smtp h:25",
  ],
  [
    ["-starttls", "xmpp"],
    "TLS is asked for in smtp, imap, pop3 and postgres alone: deno task client --starttls smtp HOST:PORT",
  ],
  [
    ["-showcerts", "h:1"],
    "deno task client --check --tls HOST:PORT",
  ],
  [
    ["-alpn", "h2", "h:1"],
    "deno task client --alpn LIST, as h2,http/1.1",
  ],
  [["-verify", "4", "h:1"], "deno task client --tls, which always verifies"],
  [
    ["-tls1_2", "h:1"],
    "TLS 1.2 and 1.3 are spoken already: deno task client --tls",
  ],
  [
    ["-cert", "f", "-key", "k"],
    "-cert, -key: deno task client --cert FILE --key FILE",
  ],
  [["-pipe", "h:1"], "did you mean --pipe? see deno task client --help"],
  [["--session", "h:1"], "HTTP is spoken by get: deno task get URL"],
  // nc: clusters of letters
  [["-zv", "h", "80"], "deno task client --check 80 h"],
  [["-vz", "h", "20-25"], "deno task client --check 20-25 h"],
  [["-zvw3", "h", "80", "443"], "deno task client --check 80,443 h"],
  [["-zvw", "3", "h", "http"], "deno task client --check 80 h"],
  [["-w", "3", "-zv", "h"], "deno task client --check PORTS h"],
  [["-zv", "h;x", "80"], "deno task client --check 80 'h;x'"],
  [
    ["-zv", "http://me:s3cret@h/", "80"],
    "deno task client --check 80 http://***@h/",
  ],
  [["-4zv", "h", "80"], "deno task client --check 80 h"],
  [
    ["-4nv", "h", "80"],
    "-n: a host may be an address: deno task client 127.0.0.1:PORT; -v: what happens, step by step: deno task client --explain; events for programs: --json",
  ],
  [["-lvp", "80"], `${LISTEN} 80`],
  [["-nlvp80"], `${LISTEN} 80`],
  [["-lvnp", "80", "-e", "/bin/sh"], `${LISTEN} 80`],
  [["-lk", "5000"], `${LISTEN} 5000`],
  [["-lk"], `${LISTEN} PORT`],
  [["-zvu", "h", "53"], "deno task client udp:h:53"],
  [["-lup", "53"], "to listen: deno task server --udp --port 53"],
  [
    ["-nv", "h", "80"],
    "-n: a host may be an address: deno task client 127.0.0.1:PORT; -v: what happens, step by step: deno task client --explain; events for programs: --json",
  ],
  // nc and ncat: one by one
  [["-z"], "deno task client --check PORTS HOST"],
  [["-n", "h"], "a host may be an address: deno task client 127.0.0.1:PORT"],
  [
    ["-p", "5000", "h"],
    "the port is an operand: deno task client HOST:PORT; to listen on it: deno task server --port PORT; to come from it: --bind :PORT",
  ],
  [
    ["-s", "1.2.3.4", "h"],
    "deno task client --bind ADDRESS HOST:PORT",
  ],
  [
    ["-o", "f", "h"],
    "deno task client --pipe HOST:PORT > FILE; all bytes in hex: deno task client --dump 2> FILE",
  ],
  [
    ["--sh-exec", "cat"],
    "client runs no programs; pipe to one: deno task client --pipe",
  ],
  [
    ["--ssl-alpn", "h2"],
    "deno task client --alpn LIST, as h2,http/1.1",
  ],
  [
    ["--no-shutdown"],
    "deno task client --pipe --keep-open",
  ],
  // addresses in other words
  [["tls:h:443"], "deno task client --tls h:443"],
  [["ssl://h:443/x"], "deno task client --tls h:443"],
  [["tls://me:s3cret@h:443"], "deno task client --tls h:443"],
  [["tls://h"], "deno task client --tls HOST:PORT"],
  [["tcp://h:80"], "deno task client h:80"],
  [["TCP4:h:80"], "deno task client h:80"],
  [["OPENSSL:h:443"], "deno task client --tls h:443"],
  [["UNIX-CONNECT:/run/x.sock"], "deno task client unix:/run/x.sock"],
  [["udp://h:53"], "deno task client udp:h:53"],
  [["UDP4:h:53"], "deno task client udp:h:53"],
  [["-u", "h", "53"], "deno task client udp:HOST:PORT"],
  [["--sctp", "h:53"], "client speaks TCP, UDP and Unix sockets alone"],
  [["ws:h/x"], "deno task client ws://HOST:PORT/PATH, or wss:// over TLS"],
  [["-c", "ws://h/x"], "deno task client ws://h/x"],
  [["--connect", "wss://h:1/x"], "deno task client wss://h:1/x"],
  [
    ["-H", "a:b", "ws://h/"],
    "deno task client --header NAME:VALUE ws://HOST:PORT/PATH",
  ],
  [["https://h/"], "for HTTP: deno task get URL"],
  [["socks5://h:1"], "deno task client --proxy socks5://HOST:PORT HOST:PORT"],
  [["/run/x.sock"], "deno task client unix:/run/x.sock"],
  [["./a b.sock"], "deno task client unix:'./a b.sock'"],
  [["~/x.sock"], 'deno task client unix:"$HOME"/x.sock'],
  [["h:80/"], "deno task client h:80"],
  // names of services
  [["h", "http"], "deno task client h:80"],
  [["h:ssh"], "deno task client h:22"],
  [["::1", "https"], "deno task client '[::1]:443'"],
  [["h", "foo"], "see deno task client --help"],
  // ports to check
  [["--check", "http", "h"], "deno task client --check 80 h"],
  [["--check", "h", "http,ssh"], "deno task client --check 80,22 h"],
  [["--check", "h", "20-25"], "deno task client --check 20-25 h"],
  [["--check", "h", "22", "80"], "deno task client --check 22,80 h"],
  [["h", "22", "80"], "deno task client --check 22,80 h"],
  [
    ["--wait", "5", "--check", "h", "1-2"],
    "deno task client --wait 5 --check 1-2 h",
  ],
  // a program to run when they are open
  [
    ["--check", "h:80", "--", "make", "a b"],
    "deno task client --check h:80 && make 'a b'",
  ],
  [
    ["--check", "80", "h", "--", "make"],
    "deno task client --check 80 h && make",
  ],
  [
    ["--wait", "9", "h:80", "--", "make"],
    "deno task client --wait 9 --check h:80 && make",
  ],
  [["h:80", "x"], "deno task client h:80"],
  [
    ["--port", "80"],
    "the address is an operand: deno task client HOST:PORT; to listen on it: deno task server --port PORT",
  ],
];

for (const [args, hint] of HABITS) {
  Deno.test(`client ${args.join(" ")} is told what to type here`, async () => {
    const { code, stdout, stderr } = await run(main, args);
    const [first = "", second] = stderr.split("\n");
    assertEquals([code, stdout, second], [2, "", `hint: ${hint}`]);
    assert(!stderr.includes("s3cret"), stderr);
    // what is wrong is named as it was typed
    if (first.includes("Unknown option") && !/^-4?nv$/.test(args[0] ?? "")) {
      assert(args.some((arg) => first.includes(`"${arg}"`)), first);
    }
  });
}

const EXPECTED = "expected HOST:PORT, unix:, udp:, ws:// or wss://";

Deno.test("client says what is wrong with operands, not what came of joining them", async () => {
  const cases: [string[], string][] = [
    [["--check", "http", "h"], 'Cannot check ports "http": expected numbers'],
    [["--check", "h", "1-2"], 'Cannot parse port "1-2": expected 1 to 65535'],
    [
      ["--check", "h:80", "--", "make", "x"],
      'Cannot run "make x": client runs no programs',
    ],
    [["h:80", "x"], "Cannot connect to 2 operands: expected HOST:PORT"],
    [["h", "x"], 'Cannot parse port "x": expected 1 to 65535'],
    [["tls://h:1"], `Cannot connect to "tls://h:1": ${EXPECTED}`],
    [["ftp://u:s3@h/p?q"], `Cannot connect to "ftp://h": ${EXPECTED}`],
    [
      ["http://u:s3@h:7001/p"],
      'Cannot connect to "http://h:7001": client speaks no HTTP',
    ],
    // a password with a sign in it, of which a part would be the port
    ...["http://u:12#34@h/", "http://u:12/34@h/", "https://u:12?34@h"].map((
      url,
    ): [string[], string] => [
      [url],
      "Cannot connect to a URL: client speaks no HTTP",
    ]),
  ];
  for (const [args, message] of cases) {
    const { stderr } = await run(main, args);
    assertEquals(stderr.split("\n")[0], `client: ${message}`);
  }
});

Deno.test("every command of client in a hint can be typed", () => {
  const hints = [
    ...Object.values(clientHints([])),
    ...HABITS.map(([, hint]) => hint),
  ].filter((hint) => !/--help|'h;x'|'\.\/a b|\*\*\*/.test(hint));
  const commands = hints.flatMap((hint) =>
    hint.match(/\bclient(?= -| [A-Z']| unix:| \S+:\d)[^;,&<>|]*/g) ?? []
  );
  assert(commands.length > 60, `${commands.length}`);
  for (const command of new Set(commands)) {
    const args = command.replace(
      / (2 ?$|or http.*|sends.*|speaks.*|ends.*|receives.*|trusts.*)/,
      "",
    )
      .replace(/: write.*/, "").replaceAll(/['"]/g, "").replace("PORTS", "80")
      .replaceAll("HOST", "localhost").replaceAll("PORT", "9")
      .replace("ADDRESS", "::1").replace("SHA256", "0".repeat(64)).replace(
        /\b(SECONDS|N)\b/,
        "1",
      )
      .trim().split(" ").slice(1);
    const { options, operands } = parseCommandLine(CLIENT_OPTIONS, args);
    refuseConflicts(CLIENT_OPTIONS, options);
    addressFrom(operands);
  }
});
