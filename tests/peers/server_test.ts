import { assertEquals } from "@std/assert";
import { hashThrough, makeRandomFile } from "../net/big_transfer.ts";
import {
  lossesAtEcho,
  lossesAtPipe,
  lossesAtRelay,
  lossesFromServer,
  type Rounds,
} from "../net/half_close.ts";
import { type Identity, makeIdentity } from "../net/identity.ts";
import { main as client } from "../../tasks/client.ts";
import { main as server } from "../../tasks/server.ts";
import { until } from "../daemon.ts";
import {
  asProcess,
  inProcess,
  listening,
  PATIENT_CLIENTS,
  PEER_CLIENTS,
  PEER_SERVERS,
} from "../net/peers.ts";
import {
  hasCommand,
  ROOT,
  run,
  spawnProgram,
  start,
  testWith,
  withFolder,
} from "../support.ts";
import { pickPort } from "./servers.ts";

const ROUNDS = 10;

/** Lends a certificate of openssl's making, where there is openssl. */
function withIdentity(
  use: (identity: Identity) => Promise<void>,
): Promise<void> {
  const none = { cert: "none", key: "none" };
  return withFolder(async (folder) =>
    use(hasCommand("openssl") ? await makeIdentity(folder) : none)
  );
}

const rounds = (identity: Identity): Rounds => ({
  count: ROUNDS,
  launch: inProcess,
  identity,
});

for (const peer of PEER_SERVERS) {
  testWith(
    peer.program,
    `client --pipe loses no reply of ${peer.name} in ${ROUNDS} half-closes`,
    () =>
      withIdentity(async (identity) => {
        assertEquals(await lossesFromServer(peer, rounds(identity)), []);
      }),
  );
}

for (const peer of PEER_CLIENTS) {
  testWith(
    peer.program,
    `server echo loses no reply to ${peer.name} in ${ROUNDS} half-closes`,
    () =>
      withIdentity(async (identity) => {
        assertEquals(await lossesAtEcho(peer, rounds(identity)), []);
      }),
  );
}

for (const peer of PATIENT_CLIENTS) {
  // it takes long to start, and was asked above
  if (peer.program === "python3") continue;
  testWith(
    peer.program,
    `server pipe answers ${peer.name} after its end in ${ROUNDS} half-closes`,
    () =>
      withIdentity(async (identity) => {
        assertEquals(await lossesAtPipe(peer, rounds(identity)), []);
      }),
  );
  testWith(
    peer.program,
    `server relay passes ${peer.name}'s end on and the reply back in ${ROUNDS} half-closes`,
    () =>
      withIdentity(async (identity) => {
        for (const behind of PEER_SERVERS) {
          if (behind.tls || behind.answers !== "after") continue;
          if (!hasCommand(behind.program)) continue;
          const losses = await lossesAtRelay(peer, behind, rounds(identity));
          assertEquals(losses, [], behind.name);
        }
      }),
  );
}

const BIG = 64 << 20;

for (const tls of [false, true]) {
  const how = tls ? "with TLS" : "plain";
  testWith(
    "openssl",
    `client --pipe and server echo pass 64 MiB both ways ${how}, byte for byte`,
    () =>
      withIdentity(async ({ cert, key }) => {
        const path = `${cert}.random`;
        const sent = await makeRandomFile(path, BIG);
        const { port, server } = await listening(asProcess, [
          "echo",
          ...tls ? ["--tls", "--cert", cert, "--key", key] : [],
        ]);
        const command = [
          ...[Deno.execPath(), "run", "-A", `${ROOT}tasks/client.ts`],
          ...["--pipe", `localhost:${port}`],
          ...tls ? ["--tls", "--ca", cert] : [],
        ];
        assertEquals(await hashThrough(command, path), sent);
        server.stop();
        assertEquals((await server.result).code, 0);
      }),
  );
}

testWith(
  "ncat",
  "server echo returns 64 MiB to ncat, socat and nc, byte for byte",
  () =>
    withIdentity(async (identity) => {
      const path = `${identity.cert}.random`;
      const sent = await makeRandomFile(path, BIG);
      const { port, server } = await listening(asProcess, ["echo"]);
      for (const { tls, program, args } of PATIENT_CLIENTS) {
        if (tls || program === "python3" || !hasCommand(program)) continue;
        const command = [program, ...args(port, identity)];
        assertEquals(await hashThrough(command, path), sent, program);
      }
      server.stop();
      assertEquals((await server.result).code, 0);
    }),
);

/** How others speak UDP: to a port, and as who waits there. */
const UDP: readonly (readonly [
  to: (port: number) => string,
  at: (port: number) => string,
])[] = [
  [(port) => `nc -u -w1 127.0.0.1 ${port}`, (port) => `nc -u -l ${port}`],
  [
    (port) => `ncat -u 127.0.0.1 ${port}`,
    (port) => `ncat -u -l 127.0.0.1 ${port}`,
  ],
  [
    (port) => `socat -t1 - UDP:127.0.0.1:${port}`,
    (port) => `socat - UDP-LISTEN:${port},bind=127.0.0.1`,
  ],
];

/** Runs a program that says something, and says no end of it before it is ended. */
function speaking(line: string, text: string) {
  const [program = "", ...args] = line.split(" ");
  const over = Promise.withResolvers<void>();
  const stdin = (async function* () {
    yield text;
    await over.promise;
  })();
  const peer = spawnProgram(program, args, { stdin });
  const end = async () => {
    over.resolve();
    peer.kill("SIGKILL");
    await peer.result;
  };
  return { stdout: peer.stdout, [Symbol.asyncDispose]: end };
}

for (const [to, at] of UDP) {
  const [program = ""] = to(0).split(" ");

  testWith(program, `server --udp answers ${to(0)}`, async () => {
    for (
      const [mode, answer] of [["greet", "Hello, Client!"], ["echo", "hi\n"]]
    ) {
      const { stdout, interrupt, result } = start(server, [
        ...[mode ?? "", "--udp", "-p0", "--host", "127.0.0.1"],
      ]);
      const said = await stdout.waitFor(/Listening on udp:.*\n/);
      const [port] = said.match(/\d+$/m) ?? [];
      await using peer = speaking(to(Number(port)), "hi\n");
      assertEquals(await peer.stdout.waitFor(answer ?? ""), answer);
      interrupt();
      assertEquals((await result).code, 0);
    }
  });

  testWith(program, `client udp: talks with ${at(0)}`, async () => {
    const port = pickPort();
    await using peer = speaking(at(port), "answer");
    // of UDP no connection says that somebody listens
    const line = ` 0100007F:${
      port.toString(16).toUpperCase().padStart(4, "0")
    } `;
    const any = line.replace("0100007F", "00000000");
    await until(`${program} to listen`, async () => {
      const all = await Deno.readTextFile("/proc/net/udp");
      return all.includes(line) || all.includes(any);
    });
    const asked = ["--send", "question", `udp:127.0.0.1:${port}`];
    const { code, stdout, stderr } = await run(client, asked);
    assertEquals(stdout, "Received from server: answer\n", stderr);
    assertEquals(code, 0);
    assertEquals(await peer.stdout.waitFor("question"), "question");
  });
}
