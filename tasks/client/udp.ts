/**
 * A client of UDP: a socket to one peer, whose end is its own decision.
 *
 * @module
 */

import { ExitCode, Failure, UsageError } from "../../lib/cli/errors.ts";
import {
  findAddresses,
  formatAddress,
  groupsOf,
  isLoopback,
  type TcpAddress,
} from "../../lib/net/address.ts";
import type { Socket } from "../../lib/net/connection.ts";
import {
  createPeer,
  MOST_BYTES,
  openDatagrams,
} from "../../lib/net/datagrams.ts";
import { atMost } from "../../lib/net/pause.ts";
import { type ClientOptions, TLS_OPTIONS, typedOf } from "./options.ts";

/** What needs a connection. */
const OF_TCP = [...TLS_OPTIONS, "proxy", "wait", "keepOpen"] as const;

/** One spelling for each address. */
const normal = ({ host, port }: TcpAddress) =>
  `${host.includes(":") ? groupsOf(host) : host} ${port}`;

const SILENT = "UDP does not say whether anybody listens there";

/**
 * Opens a socket for one peer's datagrams. Its end comes when nothing has come or gone for `idleTimeout`; without that,
 * for what is typed with the end of that, and for what is not piped either with the first answer.
 *
 * @param isTyped Whether a person types what is sent.
 */
export async function openUdp(
  address: TcpAddress,
  family: 4 | 6 | undefined,
  options: ClientOptions,
  isTyped: boolean,
): Promise<Socket & Disposable> {
  const { bind, timeout, idleTimeout, pipe, send } = options;
  const name = `udp:${formatAddress(address)}`;
  const [odd] = typedOf(options, OF_TCP);
  if (odd !== undefined) {
    throw new UsageError(
      `Cannot use ${odd} with ${name}: UDP has no connection`,
    );
  }
  const { length } = new TextEncoder().encode(send);
  if (length > MOST_BYTES) {
    throw new UsageError(
      `Cannot send ${length} bytes in one datagram: ${MOST_BYTES} at most`,
      { hint: "hark client --pipe, which sends several" },
    );
  }
  const isOne = !pipe && !isTyped && idleTimeout === undefined;
  const limit = (idleTimeout ?? (isOne ? timeout : undefined) ?? Infinity) *
    1000;
  let active = performance.now();
  let received = 0;
  try {
    const [host] = await findAddresses(address, undefined, family) ??
      [address.host];
    if (host === undefined) throw new Error("No address associated");
    const to = { host, port: address.port };
    const any = host.includes(":") ? "::" : "0.0.0.0";
    const own = bind?.host || (isLoopback(host) ? host : any);
    const datagrams = await openDatagrams(
      { host: own, port: bind?.port ?? 0 },
      (bytes, from) => normal(from) === normal(to) && peer.push(bytes),
    );
    const peer = createPeer(datagrams, to, datagrams.close);
    // who says nothing is not known to a server
    if (!pipe && !isTyped && send === undefined) {
      await datagrams.send(new Uint8Array(), to);
    }
    return {
      ...peer,
      async read(into) {
        if (isOne && received > 0) return null;
        for (const reading = peer.read(into);;) {
          const left = active + limit - performance.now();
          if (left <= 0 && !isOne) return null;
          if (left <= 0) {
            const start = isLoopback(host)
              ? `; start it with: hark server --udp --port ${to.port}`
              : "";
            const say = send ? "" : "; or send something: --send TEXT";
            throw new Failure(`nothing came within ${timeout} s`, {
              code: ExitCode.TimedOut,
              hint: start + say && `${SILENT}${start}${say}`,
            });
          }
          const count =
            await (left === Infinity ? reading : atMost(left, reading));
          if (count === undefined) continue;
          active = performance.now();
          received++;
          return count;
        }
      },
      async write(bytes) {
        active = performance.now();
        return await peer.write(bytes);
      },
      async closeWrite() {
        if (isTyped) await peer.close();
      },
      [Symbol.dispose]: peer.close,
    };
  } catch (cause) {
    throw new Failure(`Cannot use ${name}`, { cause });
  }
}
