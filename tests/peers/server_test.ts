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
import {
  asProcess,
  inProcess,
  listening,
  PATIENT_CLIENTS,
  PEER_CLIENTS,
  PEER_SERVERS,
} from "../net/peers.ts";
import { hasCommand, ROOT, testWith, withFolder } from "../support.ts";

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
