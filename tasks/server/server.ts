/**
 * The command `server`: from its options to a server that logs what happens.
 *
 * @module
 */

import { ExitCode } from "../../lib/cli/errors.ts";
import type { Io } from "../../lib/cli/io.ts";
import type { CommandLine } from "../../lib/cli/options.ts";
import { asStarted } from "../../lib/cli/start.ts";
import {
  type Address,
  DEFAULT_ADDRESS,
  familyOf,
  formatAddress,
} from "../../lib/net/address.ts";
import { formatEvent, type ServerEvent } from "./log/events.ts";
import { createLogWriter } from "./log/log_writer.ts";
import { createMode } from "./mode.ts";
import {
  addressFor,
  asksForTls,
  type SERVER_OPTIONS,
  splitSides,
} from "./options.ts";
import { serve } from "./serve.ts";

/** Where this machine's own clients reach a server; who listens on all its addresses is on localhost too. */
function reachable([address = DEFAULT_ADDRESS]: readonly Address[]): string {
  const isLocal = "port" in address &&
    /^(127\.0\.0\.1|::1|0\.0\.0\.0|::)$/.test(address.host);
  return formatAddress(isLocal ? { ...address, host: "localhost" } : address);
}

/** Who sends no datagram for so long is forgotten. */
const PEER_SECONDS = 60;

/**
 * Runs `server`: serves in the mode that the operands name until a signal or, with `--once`, for one client, and logs
 * one line per event: on stdout, in pipe and chat mode on stderr.
 *
 * @throws {UsageError} When options or operands do not go together.
 * @throws {Failure} When it cannot listen, a file cannot be read, or nobody reads the log any more.
 */
export async function runServer(
  { options, operands }: CommandLine<typeof SERVER_OPTIONS>,
  io: Io,
): Promise<ExitCode> {
  const { unix, grace, udp } = options;
  const { host, port } = addressFor(options);
  const family = familyOf(host, options);
  const mode = await createMode(operands, options, io);
  const { own } = splitSides(operands, options);
  const tls = asksForTls(own)
    ? await (await import("./tls/certificate.ts")).findTls(own)
    : undefined;
  const stopped = Promise.withResolvers<void>();
  // it may be rejected before anybody waits for it
  stopped.promise.catch(() => {});
  const output = mode.ownsStdout ? io.stderr : io.stdout;
  const { reject: onError } = stopped;
  // a dump is whole: it waits for its reader, and what happens stands where it did
  const waits = options.dump;
  await using lines = createLogWriter(output, {
    json: options.json,
    waits,
    onError,
  });
  const log = (event: ServerEvent) =>
    lines.add(formatEvent(
      udp && event.event === "listening"
        ? { ...event, address: `udp:${event.address}` }
        : event,
      options,
    ));
  // a peer of UDP has no end of its own; that of pipe is stdin's
  const { idleTimeout = udp && !mode.ownsStdout ? PEER_SECONDS : undefined } =
    options;
  const dump = waits
    ? (await import("../../lib/net/hexdump.ts")).createDumper(
      createLogWriter(io.stderr, { waits, onError }).add,
    )
    : undefined;
  io.drain();
  io.signal.addEventListener("abort", () => stopped.resolve());
  await using server = await serve({
    ...unix === undefined ? { host, port, family } : { path: unix },
    ...mode,
    tls,
    upgrade: options.ws
      ? (await import("./websocket/accept.ts")).createUpgrade(options.origin)
      : undefined,
    maxClients: options.maxClients,
    once: options.once || mode.once === true,
    idleTimeout: idleTimeout === undefined ? undefined : idleTimeout * 1000,
    allow: options.allow,
    deny: options.deny,
    onEvent: log,
    udp,
    onBytes: udp && options.json
      ? (direction, bytes, connection) => {
        const { peer } = connection;
        log({ event: "datagram", peer, direction, bytes: bytes.length });
        dump?.(direction, bytes, connection);
      }
      : dump,
  });
  if (tls) {
    log({
      event: "certificate",
      sha256: tls.sha256,
      ...tls.isOwn && {
        client: asStarted(
          options.ws
            ? `hark client --pin ${tls.sha256} wss://${
              reachable(server.addresses)
            }/`
            : `hark client --tls --pin ${tls.sha256} ${
              reachable(server.addresses)
            }`,
        ),
      },
    });
  }
  const ends = [server.finished, stopped.promise];
  if (mode.background) ends.push(mode.background());
  await Promise.race(ends);
  await server.shutdown(udp ? 0 : grace * 1000);
  // a Ctrl-C ends the reader too
  if (!io.signal.aborted) await lines.end();
  return ExitCode.Ok;
}
