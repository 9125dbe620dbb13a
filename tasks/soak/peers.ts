/**
 * Full-size checks with other programs: replies after a half-close, and a gibibyte both ways.
 *
 * @module
 */

import { fileURLToPath } from "node:url";
import { hashThrough, makeRandomFile } from "../../tests/net/big_transfer.ts";
import {
  lossesAtEcho,
  lossesAtPipe,
  lossesAtRelay,
  lossesFromServer,
  type Rounds,
} from "../../tests/net/half_close.ts";
import { makeIdentity } from "../../tests/net/identity.ts";
import {
  asProcess,
  listening,
  PATIENT_CLIENTS,
  PEER_CLIENTS,
  PEER_SERVERS,
} from "../../tests/net/peers.ts";
import { type Check, demand } from "./check.ts";

const COUNT = 100;
const GIB = 2 ** 30;

/** A check that counts what was lost in many half-closes. */
function halfCloses(
  name: string,
  program: string,
  count: (rounds: Rounds) => Promise<string[]>,
): Check {
  return {
    name: `half-close: ${name}`,
    needs: [program, "openssl"],
    run: async (folder) => {
      const identity = await makeIdentity(folder);
      const losses = await count({ count: COUNT, launch: asProcess, identity });
      const [first = ""] = losses;
      demand(losses.length === 0, `${losses.length} replies lost: ${first}`);
      return `0 of ${COUNT} replies lost`;
    },
  };
}

const script = fileURLToPath(new URL("../client.ts", import.meta.url));

/** A check that sends a gibibyte of random bytes to our echo and back. */
function gibibyte(tls: boolean): Check {
  return {
    name: `1 GiB both ways, ${tls ? "with TLS" : "plain"}`,
    needs: ["openssl", "sha256sum"],
    run: async (folder) => {
      const { cert, key } = await makeIdentity(folder);
      const path = `${folder}/random`;
      const sent = await makeRandomFile(path, GIB);
      const { port, server } = await listening(asProcess, [
        "echo",
        ...tls ? ["--tls", "--cert", cert, "--key", key] : [],
      ]);
      const command = [
        ...[Deno.execPath(), "run", "-A", script],
        ...[
          "--pipe",
          `localhost:${port}`,
          ...tls ? ["--tls", "--ca", cert] : [],
        ],
      ];
      const begun = performance.now();
      const came = await hashThrough(command, path);
      const seconds = (performance.now() - begun) / 1000;
      server.stop();
      await server.result;
      demand(came === sent, `SHA-256 of what came is ${came}, not ${sent}`);
      return `SHA-256 equal, ${(GIB / 1e9 / seconds).toFixed(2)} GB/s`;
    },
  };
}

/** Every peer, both ways. */
export const PEER_CHECKS: readonly Check[] = [
  gibibyte(false),
  gibibyte(true),
  ...PEER_SERVERS.map((peer) =>
    halfCloses(
      `client --pipe to ${peer.name}`,
      peer.program,
      (rounds) => lossesFromServer(peer, rounds),
    )
  ),
  ...PEER_CLIENTS.map((peer) =>
    halfCloses(
      `${peer.name} to server echo`,
      peer.program,
      (rounds) => lossesAtEcho(peer, rounds),
    )
  ),
  ...PATIENT_CLIENTS.map((peer) =>
    halfCloses(
      `${peer.name} to server pipe`,
      peer.program,
      (rounds) => lossesAtPipe(peer, rounds),
    )
  ),
  ...PATIENT_CLIENTS.flatMap((peer) =>
    PEER_SERVERS.filter(({ answers, tls }) => answers === "after" && !tls)
      .map((behind) =>
        halfCloses(
          `${peer.name} to server relay to ${behind.name}`,
          peer.program,
          (rounds) => lossesAtRelay(peer, behind, rounds),
        )
      )
  ),
];
