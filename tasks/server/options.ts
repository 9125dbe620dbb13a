/**
 * The command line of `server`: its options, its operands, and what they reach.
 *
 * @module
 */

import { UsageError } from "../../lib/cli/errors.ts";
import type { Permissions } from "../../lib/cli/io.ts";
import type {
  CommandLine,
  Options,
  OptionTable,
} from "../../lib/cli/options.ts";
import {
  hideMalformed,
  parseCount,
  parseLimit,
  parseOrigin,
  parseSeconds,
  parseSocketPath,
} from "../../lib/cli/values.ts";
import {
  type Address,
  DEFAULT_ADDRESS,
  endsOf,
  familyOf,
  isLoopback,
  parseAddress,
  parseHost,
  parsePort,
  permissionsFor,
  type TcpAddress,
} from "../../lib/net/address.ts";
import { parseCidr } from "../../lib/net/cidr.ts";

/** The options of `server`. */
export const SERVER_OPTIONS = {
  host: {
    group: "Listen",
    value: "HOST",
    parse: parseHost,
    conflicts: { unix: "" },
    help: "Listen on this host [default: localhost]",
  },
  port: {
    short: "p",
    value: "PORT",
    parse: (text: string) => parsePort(text),
    conflicts: { unix: "" },
    help: "Listen here; 0: any free [default: 12345]",
  },
  ipv4: {
    short: "4",
    conflicts: { ipv6: "", unix: "" },
    help: "Listen on IPv4 alone",
  },
  ipv6: {
    short: "6",
    conflicts: { unix: "" },
    help: "Listen on IPv6 alone",
  },
  unix: {
    value: "PATH",
    parse: parseSocketPath,
    help: "Listen on a Unix socket, not on Windows",
  },
  udp: {
    conflicts: {
      ...{ unix: "", tls: "", cert: "", clientCa: "", ws: "" },
      file: ": a message is sent as one datagram",
    },
    help: "Take datagrams: greet, echo, discard or pipe",
  },
  message: {
    group: "Serve",
    value: "TEXT",
    parse: String,
    default: "Hello, Client!",
    conflicts: { file: ": one of them is sent" },
    help: "What greet sends",
  },
  file: { value: "FILE", parse: String, help: "Send this file instead" },
  ws: { help: "Speak WebSocket: modes are for messages" },
  origin: {
    value: "ORIGIN",
    parse: parseOrigin,
    repeat: true,
    needs: { oneOf: ["ws"] },
    help: "With --ws: let pages of this site in; *: all",
  },
  once: { help: "End after one client" },
  maxClients: {
    value: "N",
    parse: parseCount,
    default: 1000,
    help: "Serve so many at a time; others wait",
  },
  idleTimeout: {
    value: "SECONDS",
    parse: parseLimit,
    help: "Close a client that is silent",
  },
  grace: {
    value: "SECONDS",
    parse: parseSeconds,
    default: 5,
    help: "On Ctrl-C, let clients finish",
  },
  allow: {
    value: "CIDR",
    parse: parseCidr,
    repeat: true,
    help: "Serve only these addresses, as 10.0.0.0/8",
  },
  deny: {
    value: "CIDR",
    parse: parseCidr,
    repeat: true,
    help: "Do not serve these addresses",
  },
  tls: { group: "TLS", help: "Speak TLS; makes a certificate for localhost" },
  cert: {
    value: "FILE",
    parse: String,
    help: "Show clients this, or the target of relay tls:",
  },
  key: {
    value: "FILE",
    parse: String,
    needs: { oneOf: ["cert"] },
    help: "Its key, where the certificate's file has none",
  },
  clientCa: {
    value: "FILE",
    parse: String,
    help: "Serve only clients that it certified",
  },
  wait: {
    group: "Relay",
    value: "SECONDS",
    parse: parseSeconds,
    help: "Wait so long for the target to come up",
  },
  proxyProtocol: {
    help: "Tell the target who its client is: PROXY, version 1",
  },
  ca: {
    value: "FILE",
    parse: String,
    help: "Trust this authority, with tls:",
  },
  pin: {
    value: "SHA256",
    parse: String,
    help: "Trust this one certificate, with tls:",
  },
  sni: {
    value: "NAME",
    parse: String,
    help: "Ask for this name, with tls:",
  },
  targetCert: {
    value: "FILE",
    parse: String,
    help: "Show the target this certificate, not --cert",
  },
  targetKey: {
    value: "FILE",
    parse: String,
    needs: { oneOf: ["targetCert"] },
    help: "Its key, where the certificate's file has none",
  },
  dump: { group: "Log", help: "Show all bytes in hex" },
  json: { help: "Log one JSON object per line" },
} satisfies OptionTable;

/** The values of {@linkcode SERVER_OPTIONS}. */
export type ServerOptions = Options<typeof SERVER_OPTIONS>;

/** Where it listens, where that is no Unix socket. */
export const addressFor = (
  { host = DEFAULT_ADDRESS.host, port = DEFAULT_ADDRESS.port }: Partial<
    ServerOptions
  >,
): TcpAddress => ({ host, port });

/** What a first operand may be. */
export const MODES: readonly string[] = [
  "greet",
  "echo",
  "discard",
  "pipe",
  "chat",
  "relay",
];

/** Whether options ask for TLS; with an empty name of a file too, which is refused. */
export function asksForTls(
  { tls, cert, clientCa }: Partial<ServerOptions>,
): boolean {
  return tls === true || (cert ?? clientCa) !== undefined;
}

/**
 * Whose certificates are whose: a relay shows --cert to a target that speaks TLS, where nothing else asks for TLS with
 * its clients or names another one for the target.
 */
export function splitSides(
  [mode, target = ""]: readonly string[],
  options: Partial<ServerOptions>,
): {
  readonly own: Partial<ServerOptions>;
  readonly target: Pick<ServerOptions, "cert" | "key" | "ca" | "pin" | "sni">;
} {
  const { cert, key, ca, pin, sni, targetCert, targetKey } = options;
  const isOwn = mode !== "relay" || !isSecureTarget(target) ||
    options.tls || (options.clientCa ?? targetCert) !== undefined;
  const pair = isOwn ? { cert: targetCert, key: targetKey } : { cert, key };
  return {
    own: isOwn ? options : { ...options, cert: undefined, key: undefined },
    target: { ca, pin, sni, ...pair },
  };
}

/** Where a relay leads. */
export interface Target {
  readonly address: Address;
  readonly tls: boolean;
  /** The URL of the WebSocket that it leads to. */
  readonly url?: URL;
}

/** A relay to the default port would lead back to itself. */
const NO_PORT = -1;

/**
 * Reads a target: `HOST:PORT`, `PORT` (on localhost) or `unix:PATH`, and with `tls:` in front of `HOST:PORT` one that
 * speaks TLS.
 *
 * @throws {UsageError} On anything else, as a host without its port.
 */
export function parseTarget(text: string): Target {
  if (/^wss?:\/\//i.test(text)) return parseWebSocket(text);
  if (/^udp:/i.test(text)) {
    throw new UsageError(`Cannot relay to "${text}": relay has no UDP`);
  }
  const tls = text.startsWith("tls:");
  const where = tls ? text.slice("tls:".length) : text;
  const defaults = { ...DEFAULT_ADDRESS, port: NO_PORT };
  const address = where === "" ? defaults : parseAddress(where, defaults);
  if ("path" in address ? tls : address.port <= 0) {
    throw new UsageError(
      `Cannot relay to "${text}": expected HOST:PORT, tls:HOST:PORT, unix:PATH or ws://`,
    );
  }
  return { address, tls };
}

function parseWebSocket(text: string): Target {
  const url = URL.parse(text);
  const tls = url?.protocol === "wss:";
  const port = Number(url?.port || (tls ? 443 : 80));
  if (!url?.hostname || port === 0) {
    throw new UsageError(
      `Cannot relay to "${hideMalformed(text)}": expected ws://HOST:PORT/PATH`,
    );
  }
  return { address: { host: parseHost(url.hostname), port }, tls, url };
}

/** Whether the target of a relay is one that speaks TLS. */
export const isSecureTarget = (target: string): boolean =>
  /^(tls:|wss:\/\/)/i.test(target);

/** The hosts and files that a command line of `server` needs. */
export async function serverPermissions(
  { options, operands: [mode, target = ""] }: CommandLine<
    typeof SERVER_OPTIONS
  >,
): Promise<Permissions> {
  const { unix, udp, file, cert, key, clientCa, ca } = options;
  const { targetCert, targetKey } = options;
  const address = addressFor(options);
  const own = unix === undefined
    ? await endsOf(address, familyOf(address.host, options))
    : [{ path: unix }];
  const goal = mode === "relay" ? [parseTarget(target).address] : [];
  const needed = permissionsFor([...own, ...goal], [
    ...[file, cert, key, clientCa, ca, targetCert, targetKey],
  ]);
  // an answer needs its peer's address too; of IPv6 Deno takes no range
  const isV4Open = own.some((end) =>
    "host" in end && /^[\d.]+$/.test(end.host) && !isLoopback(end.host)
  );
  return udp && isV4Open
    ? { ...needed, net: [...needed.net, "0.0.0.0/0"] }
    : needed;
}
