import { assert, assertEquals } from "@std/assert";
import { parseCommandLine, refuseConflicts } from "../../lib/cli/options.ts";
import { main } from "../../tasks/server.ts";
import { serverHints } from "../../tasks/server/hints.ts";
import {
  MODES,
  parseTarget,
  SERVER_OPTIONS,
} from "../../tasks/server/options.ts";
import { run } from "../support.ts";

const LISTENS = "server always listens: deno task server --port";
const PAIR = "deno task server --cert FILE --key FILE";
const SEE_HELP = "see deno task server --help";

/** What users of nc, ncat, socat and openssl type, and the hint that leads to what they mean. */
const HABITS: readonly (readonly [args: string[], hint: string])[] = [
  // an address for an operand
  [["9000"], "deno task server --port 9000"],
  [[":9000"], "deno task server --port 9000"],
  [["0.0.0.0:9000"], "deno task server --host 0.0.0.0 --port 9000"],
  [
    ["0.0.0.0:9000", "--file", "x"],
    "deno task server --host 0.0.0.0 --port 9000",
  ],
  [["[::]:9000"], "deno task server --host :: --port 9000"],
  [["::", "9000"], "deno task server --host :: --port 9000"],
  [["localhost", "9000"], "deno task server --host localhost --port 9000"],
  [["localhost"], "deno task server --host localhost"],
  [["echo", "9000"], "deno task server echo --port 9000"],
  [["9000", "echo"], "deno task server echo --port 9000"],
  [["tcp://0.0.0.0:80"], "deno task server --host 0.0.0.0 --port 80"],
  [["tls://0.0.0.0:443"], "deno task server --tls --host 0.0.0.0 --port 443"],
  [["TCP-LISTEN:80,fork"], "deno task server --port 80"],
  [["udp:9000"], "deno task server --udp --port 9000"],
  [["echo", "udp::9000"], "deno task server echo --udp --port 9000"],
  [["UDP-LISTEN:80,fork"], "deno task server --udp --port 80"],
  [["ws://h:80/x"], "deno task server --ws --host h --port 80"],
  [["wss://:443"], "deno task server --ws --tls --port 443"],
  [["unix:a.sock"], "deno task server --unix a.sock"],
  [["/run/my app.sock"], "deno task server --unix '/run/my app.sock'"],
  [["dance"], SEE_HELP],
  [
    ["--explain"],
    "server logs every client by itself; step by step: deno task client --explain",
  ],
  [["ehco"], "did you mean echo? see deno task server --help"],
  [["echo", "x"], SEE_HELP],
  // a target in other words
  [["relay", "h", "80"], "deno task server relay h:80"],
  [["relay", "::1", "80"], "deno task server relay '[::1]:80'"],
  [["relay", "tcp://h:80"], "deno task server relay h:80"],
  [["relay", "ssl://h:443"], "deno task server relay tls:h:443"],
  [["relay", "http://h/x"], "deno task server relay h:80"],
  [["relay", "https://h:8443"], "deno task server relay tls:h:8443"],
  [["relay", "/run/x.sock"], "deno task server relay unix:/run/x.sock"],
  [["relay", "h"], SEE_HELP],
  [
    ["relay", "7001", "7002"],
    "a relay has one target; its own port is --port: deno task server relay 7002 --port 7001",
  ],
  [["udp"], "deno task server --udp echo"],
  [["ws"], "deno task server --ws echo"],
  [["tcp"], "deno task server echo"],
  [["discard", "udp", "9000"], "deno task server --udp discard --port 9000"],
  [["udp", "chat"], "deno task server --udp echo"],
  // other words for what it is
  [["http"], "for HTTP: deno task api"],
  [["tls"], "deno task server --tls"],
  [["echo", "ssl"], "deno task server echo --tls"],
  [
    ["--echo"],
    "the mode is a word: deno task server echo; see deno task server --help",
  ],
  // nc: clusters of letters
  [["-lvp", "9000"], `${LISTENS} 9000`],
  [["-nlvp9000"], `${LISTENS} 9000`],
  [["-lk", "9000"], `${LISTENS} 9000`],
  [["-lk"], `${LISTENS} PORT`],
  [["-4l", "9000"], `${LISTENS} 9000`],
  [["-lvu"], "server always listens: deno task server --udp --port PORT"],
  [["-u"], "deno task server --udp"],
  [["--sctp"], "server speaks TCP, UDP and Unix sockets alone"],
  // nc and ncat: one by one
  [["-n"], "server shows clients by their addresses already"],
  [["-s", "1.2.3.4"], "deno task server --host HOST"],
  [
    ["--sh-exec", "x"],
    "server runs no programs; pipe to one: deno task server pipe",
  ],
  [
    ["-o", "f"],
    "what a client sends: deno task server pipe > FILE; all bytes in hex: deno task server --dump 2> FILE",
  ],
  [
    ["--proxy-type", "http"],
    "server is no proxy; to pass all on to one target: deno task server relay HOST:PORT",
  ],
  [
    ["--ssl-alpn", "h2"],
    "deno task server --tls, without ALPN: it is not there",
  ],
  [
    ["--no-shutdown"],
    "what comes after the end of stdin is received already; to put that end off: (cat; sleep 60) | deno task server pipe",
  ],
  [["--send-only"], "deno task server --file PATH, or --message TEXT"],
  // openssl s_server: words with one dash
  [["-accept", "4433"], "deno task server --tls --port PORT"],
  [["-port", "80"], "did you mean --port? see deno task server --help"],
  [["-cert", "f", "-key", "k"], `-cert, -key: ${PAIR}`],
  [
    ["-CAfile", "f"],
    "to serve only clients that it certified: deno task server --client-ca FILE",
  ],
  [["-www"], "for HTTP: deno task api"],
  [["-once"], "did you mean --once? see deno task server --help"],
];

for (const [args, hint] of HABITS) {
  Deno.test(`server ${args.join(" ")} is told what to type here`, async () => {
    const { code, stdout, stderr } = await run(main, args);
    const [first = "", second] = stderr.split("\n");
    assertEquals([code, stdout, second], [2, "", `hint: ${hint}`]);
    // what is wrong is named as it was typed
    const named = args.filter((arg) => first.includes(arg));
    assert(named.length > 0 || args.includes("http://h/x"), first);
  });
}

Deno.test("every command of server in a hint can be typed", () => {
  const hints = [
    ...Object.values(serverHints([])),
    ...HABITS.map(([, hint]) => hint),
  ].filter((hint) => !/--help|'\/run/.test(hint));
  const commands = hints.flatMap((hint) =>
    hint.match(/\bserver(?= -| (echo|pipe|relay|chat|discard))[^;,&<>|]*/g) ??
      []
  );
  assert(commands.length > 60, `${commands.length}`);
  for (const command of new Set(commands)) {
    const args = command
      .replace(/ (2 ?$|or .*|serves.*|sends.*|ends.*|receives.*)/, "")
      .replaceAll("'", "").replace("HOST", "localhost").replace("PORT", "9")
      .replace("CIDR", "::1/128").replace(/\b(SECONDS|N)\b/, "1")
      .trim().split(" ").slice(1);
    const { options, operands: [mode = "greet", target, ...rest] } =
      parseCommandLine(SERVER_OPTIONS, args);
    refuseConflicts(SERVER_OPTIONS, options);
    assert(MODES.includes(mode) && rest.length === 0, command);
    if (mode === "relay") parseTarget(target ?? "");
  }
});
