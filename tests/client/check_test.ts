import {
  assert,
  assertEquals,
  assertLess,
  assertMatch,
  assertThrows,
} from "@std/assert";
import { getAvailablePort } from "@std/net/get-available-port";
import fc from "fast-check";
import { main } from "../../tasks/client.ts";
import { check } from "../../tasks/client/check.ts";
import type { ExitCode } from "../../lib/cli/errors.ts";
import { parseCommandLine } from "../../lib/cli/options.ts";
import { CLIENT_OPTIONS } from "../../tasks/client/options.ts";
import { clientPermissions, parsePorts } from "../../tasks/client/targets.ts";
import { makeCertificate } from "../../tasks/server/tls/certificate.ts";
import { echo } from "../../tasks/server/handlers.ts";
import { serve } from "../../tasks/server/serve.ts";
import { encode, listening, run, sleep, withoutInvalid } from "../support.ts";

/** Neighbouring ports of which the one in the middle alone is open. */
function openOne(): { listener: Deno.TcpListener; port: number } {
  for (;;) {
    const listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
    const { port } = listener.addr;
    try {
      for (const near of [port - 1, port + 1]) {
        Deno.listen({ hostname: "127.0.0.1", port: near }).close();
      }
      return { listener, port };
    } catch {
      listener.close();
    }
  }
}

const VALID: [string, number[]][] = [
  ["80", [80]],
  ["1-3", [1, 2, 3]],
  ["443,80,80", [80, 443]],
  ["20-22,21-23,65535", [20, 21, 22, 23, 65535]],
  ["7-7", [7]],
];

for (const [text, ports] of VALID) {
  Deno.test(`parsePorts() reads "${text}"`, () => {
    assertEquals(parsePorts(text), ports);
  });
}

for (
  const text of [
    "",
    "a",
    "0",
    "1-",
    "-1",
    "3-1",
    "1-2-3",
    "1,,2",
    "65536",
    "1 2",
  ]
) {
  Deno.test(`parsePorts() refuses "${text}"`, () => {
    assertThrows(() => parsePorts(text), Error, "Cannot parse port");
  });
}

Deno.test("parsePorts() reads every port of any list once and in order", () => {
  const port = fc.integer({ min: 1, max: 65535 });
  fc.assert(fc.property(fc.array(port, { minLength: 1 }), (ports) => {
    assertEquals(
      parsePorts(ports.join()),
      [...new Set(ports)].sort((a, b) => a - b),
    );
  }));
});

Deno.test("client --check says of each port whether it is open, in order, and exits with 7 if one is not", async () => {
  const { listener, port } = openOne();
  using _listener = listener;
  const host = "127.0.0.1";
  const { code, stdout, stderr } = await run(main, [
    "--check",
    `${port + 1},${port - 1}-${port}`,
    host,
  ]);
  assertEquals(
    stdout,
    `${host}:${
      port - 1
    } closed: connection refused\n${host}:${port} open\n${host}:${
      port + 1
    } closed: connection refused\n`,
  );
  assertEquals([code, stderr], [7, ""]);
});

Deno.test("client --check tells by its exit code what it has found when nobody reads on", async () => {
  const { listener, port } = openOne();
  using _listener = listener;
  for (const [ports, expected] of [[`${port}`, 0], [`${port + 1}`, 7]]) {
    const args = ["--check", `${ports}`, "127.0.0.1"];
    const { code, stderr } = await run(main, args, { closedStdout: 0 });
    assertEquals([code, stderr], [expected, ""]);
  }
});

Deno.test("client --check without ports checks the address's own", async () => {
  const { listener, port } = openOne();
  using _listener = listener;
  for (const args of [[`127.0.0.1:${port}`], ["127.0.0.1", `${port}`]]) {
    const { code, stdout } = await run(main, [...args, "--check"]);
    assertEquals([code, stdout], [0, `127.0.0.1:${port} open\n`]);
  }
});

Deno.test("client --check --json prints one object per port", async () => {
  const { listener, port } = openOne();
  using _listener = listener;
  const { code, stdout } = await run(main, [
    "--json",
    "--check",
    `${port}-${port + 1}`,
    "127.0.0.1",
  ]);
  const findings = stdout.trim().split("\n").map((line) => {
    const { ms, ...finding } = JSON.parse(line);
    assertEquals(typeof ms, "number");
    return finding;
  });
  assertEquals([code, findings], [7, [
    { address: `127.0.0.1:${port}`, open: true },
    {
      address: `127.0.0.1:${port + 1}`,
      open: false,
      reason: "connection refused",
    },
  ]]);
});

Deno.test("client --check --wait waits until a port is open", async () => {
  const { listener, port } = openOne();
  listener.close();
  const checking = run(main, ["--wait", "10", "--check", `127.0.0.1:${port}`]);
  // longer than from one attempt to the next; of an attempt that failed nothing tells
  await sleep(150);
  using _later = Deno.listen({ hostname: "127.0.0.1", port });
  const { code, stdout } = await checking;
  assertEquals([code, stdout], [0, `127.0.0.1:${port} open\n`]);
});

Deno.test("client --check fails as a whole where no port is at fault", async () => {
  const unknown = await run(main, ["--check", "1-3", "nowhere.invalid"]);
  assertEquals([unknown.code, unknown.stdout, unknown.stderr], [
    6,
    "",
    "client: Cannot connect to nowhere.invalid:1: unknown host\n",
  ]);
  const unix = await run(main, ["--check", "1-3", "unix:/run/a.sock"]);
  assertEquals([unix.code, unix.stderr], [
    2,
    "client: Cannot check ports of unix:/run/a.sock\nhint: see deno task client --help\n",
  ]);
});

Deno.test("client --check tells of a Unix socket too", async () => {
  const { code, stdout } = await run(main, ["--check", "unix:/nowhere/a.sock"]);
  assertEquals([code, stdout], [
    7,
    "unix:/nowhere/a.sock closed: no such file\n",
  ]);
});

Deno.test("check() looks at many ports at a time", async () => {
  const ways = Array.from({ length: 300 }, (_, at) => ({
    address: { host: "127.0.0.1", port: at + 1 },
    route: { timeout: 5000 },
  }));
  const begun = performance.now();
  const findings = await Array.fromAsync(check(ways));
  assertEquals(
    findings.map(({ address }) => address),
    ways.map(({ address: { host, port } }) => `${host}:${port}`),
  );
  assertLess(performance.now() - begun, 5000);
});

Deno.test("client --check --tls says of an open port that its certificate is refused, and exits with 60; with 7 where another is closed", async () => {
  await using server = await serve({
    tls: await makeCertificate(),
    handler: echo,
  });
  const { port } = server;
  const why = `localhost:${port} open, but certificate of an unknown issuer\n`;
  const one = await run(main, ["--check", "--tls", `localhost:${port}`]);
  assertEquals([one.code, one.stderr], [60, ""]);
  assert(one.stdout.startsWith(why), one.stdout);
  const json = await run(main, ["--check", "--json", "--tls", `:${port}`]);
  const { open, reason } = JSON.parse(json.stdout);
  assertEquals([json.code, open, reason], [
    60,
    true,
    "certificate of an unknown issuer",
  ]);
  const two = await run(main, ["--check", `${port},1`, "--tls", "localhost"]);
  assertEquals(two.code, 7);
  assert(two.stdout.includes(why), two.stdout);
});

Deno.test("client --check --tls says of an open port that it has no TLS, and exits with 7; with --wait it must last", async () => {
  for (
    const [says, args, found] of [
      ["220 a\r\n", [], "open, but the peer does not speak TLS"],
      [undefined, [], "open, but timed out"],
      ["", [], "open, but cut short"],
      ["220 a\r\n", ["--wait", "5"], "open, but the peer does not speak TLS"],
      ["", ["--wait", "0.3"], "closed: cut short"],
    ] as const
  ) {
    const ended = Promise.withResolvers<void>();
    await using server = listening(async (conn) => {
      await conn.read(new Uint8Array(4096));
      if (says === undefined) await ended.promise;
      else await conn.write(encode(says));
    });
    const at = `localhost:${server.port}`;
    const result = await run(main, [
      ...["--check", "--tls", "-t", "0.5", at],
      ...args,
    ]);
    ended.resolve();
    assertEquals([result.code, result.stdout, result.stderr], [
      7,
      `${at} ${found}\n`,
      "",
    ]);
  }
});

Deno.test("client --check takes its ports wherever they stand", async () => {
  await using server = await serve({ handler: echo });
  const { port } = server;
  const ports = `${port},${port}`;
  const cases = [
    ["--json", "--check", ports],
    ["--check", "--json", ports],
    ["--check", "--json", ports, "localhost"],
    ["--check", "--timeout", "5", ports, "--json"],
    [ports, "--json", "--check"],
  ];
  for (const args of cases) {
    const { code, stdout } = await run(main, args);
    const { address, open } = JSON.parse(stdout);
    assertEquals([code, address, open], [0, `localhost:${port}`, true]);
  }
  const closed = getAvailablePort();
  for (
    const args of [
      ["--check", `${port}`, `${closed}`],
      ["--check", `${port},`, `${closed}`],
      ["--check", `:${port}`, `:${closed}`],
      ["--check", `${port}`, `localhost:${closed}`],
      ["--check", `localhost:${port}`, `localhost:${closed}`],
      ["--check", `${port}`, "localhost", `${closed}`],
    ]
  ) {
    const { code, stdout } = await run(main, args);
    assertEquals(code, 7, args.join());
    assertMatch(stdout, new RegExp(`^localhost:${port} open$`, "m"));
    assertMatch(stdout, new RegExp(`^localhost:${closed} closed: `, "m"));
  }
  const two = await run(main, ["localhost", `${port}`, "--check"]);
  assertEquals(two.stdout, `localhost:${port} open\n`);
});

Deno.test("client --check says to a person what would listen on the one port that is closed", async () => {
  const port = getAvailablePort();
  const closed = /^localhost:\d+ closed: connection refused by .*\n$/;
  const cases: [string[], boolean, RegExp][] = [
    [[`${port}`], true, /^hint: nothing listens there; start it with: deno /],
    [[`${port}`], false, /^$/],
    [[`${port}`, "--wait", "0.1"], true, /^hint: nothing listens there/],
  ];
  for (const [args, stderr, hint] of cases) {
    const found = await run(main, ["--check", ...args], {
      terminal: { stderr },
    });
    assertEquals(found.code, 7);
    assertMatch(found.stdout, closed);
    assertMatch(found.stderr, hint);
  }
  for (
    const args of [["--json", "--check", `${port}`], ["--check", `${port},1`]]
  ) {
    const found = await run(main, args, { terminal: { stderr: true } });
    assertEquals(found.stderr, "");
  }
});

Deno.test("client --check looks at several targets at once, a line for each in the order typed", async () => {
  const { listener, port } = openOne();
  using _listener = listener;
  await using server = await serve({
    tls: await makeCertificate(),
    handler: echo,
  });
  const closed = port + 1;
  const unknown = "certificate of an unknown issuer";
  const cases: [string[], ExitCode, string[]][] = [
    [[`127.0.0.1:${port}`, `:${port}`], 0, [
      `127.0.0.1:${port} open`,
      `localhost:${port} open`,
    ]],
    [[`127.0.0.1:${port}`, `${port}`], 0, [
      `127.0.0.1:${port} open`,
      `localhost:${port} open`,
    ]],
    [[`ws://127.0.0.1:${port}/a?b`], 0, [`127.0.0.1:${port} open`]],
    [[`127.0.0.1:${closed}`, `http://127.0.0.1:${port}/a?b#c`], 7, [
      `127.0.0.1:${closed} closed: connection refused`,
      `127.0.0.1:${port} open`,
    ]],
    [["nowhere.invalid:1", "unix:/nowhere/a", `127.0.0.1:${port}`], 7, [
      "nowhere.invalid:1 closed: unknown host",
      "unix:/nowhere/a closed: no such file",
      `127.0.0.1:${port} open`,
    ]],
    // TLS for the URL alone
    [[`127.0.0.1:${port}`, `https://localhost:${server.port}/`], 60, [
      `127.0.0.1:${port} open`,
      `localhost:${server.port} open, but ${unknown}`,
    ]],
    [[`HTTPS://localhost:${server.port}`, `127.0.0.1:${closed}`], 7, [
      `localhost:${server.port} open, but ${unknown}`,
      `127.0.0.1:${closed} closed: connection refused`,
    ]],
    [["--tls", `localhost:${server.port}`, `http://127.0.0.1:${port}`], 60, [
      `localhost:${server.port} open, but ${unknown}`,
      `127.0.0.1:${port} open`,
    ]],
    [[`ws://127.0.0.1:${port}/a`, `wss://localhost:${server.port}`], 60, [
      `127.0.0.1:${port} open`,
      `localhost:${server.port} open, but ${unknown}`,
    ]],
  ];
  for (const [args, expected, lines] of cases) {
    const { code, stdout, stderr } = await run(main, ["--check", ...args]);
    assertEquals([code, stdout, stderr], [
      expected,
      lines.map((line) => `${line}\n`).join(""),
      "",
    ]);
    const json = await run(main, [...args, "--json", "--check"]);
    assertEquals(json.code, expected);
    const found = json.stdout.trim().split("\n").map((line) =>
      JSON.parse(line)
    );
    assertEquals(
      found.map(({ address }) => address),
      lines.map((line) => line.split(" ")[0]),
    );
  }
});

Deno.test("client --check trusts the certificate of an https target as it is told, and says how long it holds", async () => {
  await using server = await serve({
    tls: await makeCertificate(),
    handler: echo,
  });
  const { listener, port } = openOne();
  using _listener = listener;
  const url = `https://localhost:${server.port}/`;
  const one = await run(main, ["--check", "--json", url]);
  const { certificate } = JSON.parse(one.stdout);
  const args = ["--check", "--pin", certificate.sha256, url, `:${port}`];
  const two = await run(main, args);
  assertEquals([two.code, two.stdout], [
    0,
    `localhost:${server.port} open, its certificate has ${certificate.days} days left\n` +
    `localhost:${port} open\n`,
  ]);
});

Deno.test("client --wait --check waits for several targets together", async () => {
  using _names = withoutInvalid();
  const { listener, port } = openOne();
  listener.close();
  const begun = performance.now();
  const checking = run(main, [
    ...["--wait", "0.6", "--check"],
    ...[`127.0.0.1:${port}`, `127.0.0.1:${port + 1}`, "nowhere.invalid:1"],
  ]);
  await sleep(150);
  using _later = Deno.listen({ hostname: "127.0.0.1", port });
  const { code, stdout } = await checking;
  assertLess(performance.now() - begun, 1500);
  assertEquals([code, stdout], [
    7,
    `127.0.0.1:${port} open\n127.0.0.1:${
      port + 1
    } closed: connection refused\nnowhere.invalid:1 closed: unknown host\n`,
  ]);
});

Deno.test("client --check confuses no ports with targets, and shows no password of a URL", async () => {
  const cases: [string[], string, string][] = [
    [
      ["8080", "db:5432"],
      'ports 8080 of "db:5432": it has a port',
      "client --check :8080 db:5432",
    ],
    [["db:1", "20-25"], '"20-25": expected HOST:PORT', "see "],
    [["[::1]:1", "::1"], '"::1": expected HOST:PORT', "see "],
    [
      ["db:1,cache:2"],
      '"db:1,cache:2": expected HOST:PORT',
      "client --check db:1 cache:2",
    ],
    [
      ["db:1 cache:2"],
      '"db:1 cache:2": expected HOST:PORT',
      "client --check db:1 cache:2",
    ],
    [["db:1", "cache", "x:1"], '"cache": expected HOST:PORT', "see "],
    [
      ["db:1", "cache"],
      '"cache": expected HOST:PORT',
      "client --check db:1 && cache",
    ],
    [
      ["https://u:s3cret@web/", "a:1"],
      "a URL that is not as https://HOST:PORT",
      "see ",
    ],
    [
      ["postgres://u:s3cret@db:5432/x"],
      '"postgres://db:5432"',
      "client --check db:5432",
    ],
    [["a:1", "redis://u:s3cret@db:1/x"], '"redis://db:1"', "client --check"],
  ];
  for (const [args, why, hint] of cases) {
    const { code, stdout, stderr } = await run(main, ["--check", ...args]);
    assertEquals([code, stdout], [2, ""]);
    assert(stderr.includes(why), stderr);
    const [, told = ""] = stderr.split("hint: ");
    assert(told.replace("deno task ", "").startsWith(hint), stderr);
    assert(!stderr.includes("s3cret"), stderr);
  }
});

Deno.test("client --check asks for the permission of all its targets", async () => {
  const line = parseCommandLine(CLIENT_OPTIONS, [
    ...["--check", "db:5432", "https://web/", "http://10.0.0.1/", "unix:/a"],
    ...["ws://feed/", "wss://feed/"],
  ]);
  const { net, read } = await clientPermissions(line);
  assertEquals(net, [
    ...["db:5432", "web:443", "10.0.0.1:80", "unix:/a"],
    ...["feed:80", "feed:443"],
  ]);
  assertEquals(read, ["/a"]);
});
