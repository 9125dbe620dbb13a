import { assertEquals, assertMatch } from "@std/assert";
import { main as client } from "../../tasks/client.ts";
import { main } from "../../tasks/server.ts";
import { greet } from "../../tasks/server/handlers.ts";
import { serve, type Server } from "../../tasks/server/serve.ts";
import { certificates } from "../net/openssl.ts";
import { portIn } from "../net/peers.ts";
import { receiveFrom, run, spawnProgram, start, testWith } from "../support.ts";

const FOLDER = await certificates();

const pem = (name: string) => `${FOLDER}/${name}.pem`;
const key = (name: string) => `${FOLDER}/${name}.key`;
const text = (path: string) => Deno.readTextFile(path);

/** A certificate and its key in one file, in either order. */
async function writeBoth(name: string, order: "cert" | "key"): Promise<string> {
  const parts = [await text(pem(name)), await text(key(name))];
  const path = `${FOLDER}/${name}_${order}_first.both`;
  const ordered = order === "cert" ? parts : parts.reverse();
  await Deno.writeTextFile(path, ordered.join(""));
  return path;
}

/** A server for b.example alone, and for clients of the authority alone. */
async function serveTarget(): Promise<Server> {
  return await serve({
    tls: {
      cert: await text(pem("other")),
      key: await text(key("other")),
      clientCa: await text(pem("ca")),
    },
    handler: greet("inside"),
  });
}

const NAME = ["--ca", pem("ca"), "--sni", "b.example"];
const LISTENING = /Listening on 127.0.0.1:\d+\n/;

/** What a relay to a target gives one client who is told nothing of TLS, or speaks it, and the relay's log. */
async function relayTo(
  port: number,
  args: readonly string[],
  trust?: readonly string[],
): Promise<{ said: string; log: string; code: number }> {
  const { stdout, result } = start(main, [
    ...["relay", `tls:127.0.0.1:${port}`, ...args],
    ...["--host", "127.0.0.1", "-p0", "--once"],
  ]);
  const own = portIn(await stdout.waitFor(LISTENING));
  if (trust) await stdout.waitFor(/Certificate SHA-256/);
  const said = trust
    ? (await run(client, ["--pipe", ...trust, `localhost:${own}`])).stdout
    : await receiveFrom(own).catch(() => "");
  const { code, stdout: log } = await result;
  return { said, log, code };
}

testWith(
  "openssl",
  "server relay tls: asks its target for the name of --sni, and shows it --cert",
  async () => {
    await using target = await serveTarget();
    for (
      const pair of [
        ["--cert", pem("client"), "--key", key("client")],
        ["--cert", await writeBoth("client", "cert")],
        ["--cert", await writeBoth("client", "key")],
        ["--target-cert", pem("client"), "--target-key", key("client")],
        ["--target-cert", await writeBoth("client", "key")],
      ]
    ) {
      const { said, log } = await relayTo(target.port, [...NAME, ...pair]);
      assertEquals(said, "inside", log);
      // its clients are served in plain
      assertEquals(log.includes("Certificate SHA-256"), false);
    }
  },
);

testWith(
  "openssl",
  "server relay tls: has a certificate for each side where clients are served TLS too",
  async () => {
    await using target = await serveTarget();
    const other = ["--target-cert", await writeBoth("client", "cert")];
    const own = ["--cert", pem("good"), "--key", key("good")];
    const trust = ["--ca", pem("ca")];
    const shown = [...trust, ...["--cert", await writeBoth("client", "cert")]];
    const cases: [string[], string[]][] = [
      [own, trust],
      [[...own, "--tls"], trust],
      [["--cert", await writeBoth("good", "key"), "--tls"], trust],
      [[...own, "--client-ca", pem("ca")], shown],
    ];
    for (const [args, trust] of cases) {
      const all = [...NAME, ...other, ...args];
      const { said, log } = await relayTo(target.port, all, trust);
      assertEquals(said, "inside", log);
    }
    // without one for the target it is shown none
    const { said } = await relayTo(
      target.port,
      [...NAME, ...own, "--tls"],
      trust,
    );
    assertEquals(said, "");
  },
);

testWith(
  "openssl",
  "server relay tls: refuses a target of another name, and is refused without a certificate",
  async () => {
    await using target = await serveTarget();
    const unnamed = await relayTo(target.port, ["--ca", pem("ca")]);
    assertMatch(
      unnamed.log,
      /certificate is not for 127\.0\.0\.1, only for b\.example\n/,
    );
    const unknown = await relayTo(target.port, NAME);
    assertMatch(unknown.log, /ended after 0 bytes in, 0 out: Cannot receive/);
    assertEquals([unnamed.said, unknown.said], ["", ""]);
  },
);

testWith(
  "openssl",
  "server relay tls: says at the start that a certificate for its target is none",
  async () => {
    for (const side of ["", "target-"]) {
      const cases: [string[], RegExp][] = [
        [
          [`--${side}cert`, pem("client"), `--${side}key`, key("self")],
          /^server: Cannot use ".*client\.pem" with ".*self\.key": the key does not belong to the certificate\n$/,
        ],
        [
          [`--${side}cert`, pem("client")],
          /^server: Cannot use ".*client\.pem": it holds no PEM of a PRIVATE KEY, but of a CERTIFICATE\nhint: a certificate is --cert FILE, its key --key FILE\n$/,
        ],
        [
          [`--${side}cert`, key("client")],
          /^server: Cannot use ".*client\.key": it holds no PEM of a CERTIFICATE, but of a PRIVATE KEY\n$/,
        ],
      ];
      for (const [args, why] of cases) {
        const all = ["relay", "tls:127.0.0.1:1", ...args, "-p0"];
        const { code, stdout, stderr } = await run(main, all);
        assertEquals([code, stdout], [1, ""]);
        assertMatch(stderr, why);
      }
    }
  },
);

testWith(
  "openssl",
  "server relay tls: shows openssl s_server the certificate that it wants",
  async () => {
    const child = spawnProgram("openssl", [
      ..."s_server -accept 127.0.0.1:0 -naccept 1 -rev -Verify 1".split(" "),
      ..."-verify_return_error -CAfile".split(" "),
      ...[pem("ca"), "-cert", pem("other"), "-key", key("other")],
    ], { stdin: "" });
    const said = await child.stdout.waitFor(/ACCEPT .*?(\d+)\n/);
    const { result, stdout } = start(main, [
      ...["relay", `tls:127.0.0.1:${portIn(said)}`, ...NAME],
      ...["--cert", await writeBoth("client", "cert")],
      ...["--host", "127.0.0.1", "-p0", "--once"],
    ]);
    const own = portIn(await stdout.waitFor(LISTENING));
    const answer = await run(client, ["--send", "abc\n", `127.0.0.1:${own}`], {
      terminal: { stdin: true },
    });
    assertMatch(answer.stdout, /cba/);
    await result;
    await child.result;
  },
);

testWith(
  "openssl",
  "client and server take a certificate and its key from one file, and say when a key is missing or another's",
  async () => {
    for (const order of ["cert", "key"] as const) {
      const { stdout, result } = start(main, [
        ...["--cert", await writeBoth("good", order), "-p0", "--once"],
        ...["--client-ca", pem("ca"), "--host", "127.0.0.1"],
      ]);
      const port = portIn(await stdout.waitFor(LISTENING));
      const { stdout: said } = await run(client, [
        ...["--ca", pem("ca"), "--cert", await writeBoth("client", order)],
        ...["--pipe", `localhost:${port}`],
      ]);
      assertEquals(said, "Hello, Client!");
      await result;
    }
    const mixed = `${FOLDER}/mixed.both`;
    const parts = [await text(pem("client")), await text(key("good"))];
    await Deno.writeTextFile(mixed, parts.join(""));
    for (const command of [client, main]) {
      const none = await run(command, ["--cert", pem("client")]);
      assertEquals([none.code, none.stdout], [1, ""]);
      assertMatch(
        none.stderr,
        /client\.pem": it holds no PEM of a PRIVATE KEY/,
      );
      const other = await run(command, ["--cert", mixed]);
      assertEquals([other.code, other.stdout], [1, ""]);
      assertMatch(other.stderr, /mixed\.both": the key does not belong to/);
    }
  },
);

Deno.test("downgrade: server does not listen in plain where the file of a certificate has an empty name", async () => {
  for (const option of ["cert", "client-ca"]) {
    for (const mode of ["echo", "greet"]) {
      const { code, stdout, stderr } = await run(main, [
        ...[mode, `--${option}=`, "--port", "0"],
      ]);
      assertEquals([code, stdout], [2, ""]);
      assertMatch(stderr, /^server: Cannot use "" as a file: /);
    }
  }
});

testWith(
  "openssl",
  "client says what may be wrong where TLS ends before anything came",
  async () => {
    await using target = await serveTarget();
    const args = ["--send", "x", ...NAME, `127.0.0.1:${target.port}`];
    const pair = ["--cert", pem("self"), "--key", key("self")];
    for (
      const [more, hint] of [
        [[], "it may want a client certificate: --cert FILE --key FILE"],
        [pair, "it may not accept the client certificate"],
      ] as const
    ) {
      const { code, stderr } = await run(client, [...more, ...args]);
      assertMatch(`${code}`, /^(1|18)$/);
      assertMatch(stderr, new RegExp(`\nhint: ${hint}\n$`));
    }
  },
);
