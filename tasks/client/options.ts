/**
 * The command line of `client`: its options, its operands, and what they reach.
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
  parseLimit,
  parseSeconds,
  parseSocketPath,
} from "../../lib/cli/values.ts";
import {
  type Address,
  DEFAULT_ADDRESS,
  endsOf,
  familyOf,
  formatAddress,
  parseAddress,
  parseHost,
  parsePort,
  permissionsFor,
} from "../../lib/net/address.ts";

/** The protocols that begin in plain, and in which TLS can be asked for. */
export const STARTTLS = ["smtp", "imap", "pop3", "postgres"] as const;

export type Starttls = typeof STARTTLS[number];

function parseStarttls(text: string): Starttls {
  const name = STARTTLS.find((name) => name === text);
  if (name !== undefined) return name;
  throw new UsageError(
    `Cannot start TLS in "${text}": expected smtp, imap, pop3 or postgres`,
  );
}

/** What can be nothing but ports, where they may be left out. */
const PORTS = /^\d[\d,-]*$/;

/** The options of `client`. */
export const CLIENT_OPTIONS = {
  pipe: {
    group: "Send",
    conflicts: { check: ", which sends nothing" },
    help: "Join stdin and stdout to the server, as nc does",
  },
  send: {
    value: "TEXT",
    parse: String,
    conflicts: { check: ", which sends nothing" },
    help: "Send this first",
  },
  binary: {
    needs: { oneOf: ["send", "pipe"] },
    help: "To ws://: send frames of bytes, not lines of text",
  },
  crlf: {
    needs: { oneOf: ["send", "pipe"] },
    help: "End the lines that are sent with CRLF",
  },
  keepOpen: {
    conflicts: { check: ", which sends nothing" },
    help: "Do not half-close after what is sent",
  },
  timeout: {
    group: "Connect",
    short: "t",
    value: "SECONDS",
    parse: parseLimit,
    default: 10,
    help: "For resolving, connecting, TLS; 0: none",
  },
  idleTimeout: {
    value: "SECONDS",
    parse: parseLimit,
    help: "Give up when nothing comes or goes",
  },
  wait: {
    value: "SECONDS",
    parse: parseSeconds,
    help: "Keep trying until it accepts; else 28, of --check 7",
  },
  check: {
    value: "PORTS",
    parse: String,
    implied: { text: "", accepts: PORTS },
    help: "Are they open? As 80 or 20-25,443; exits 7 if not",
  },
  ipv4: {
    short: "4",
    conflicts: { ipv6: "", proxy: ": the proxy resolves the name" },
    help: "Use IPv4 alone",
  },
  ipv6: {
    short: "6",
    conflicts: { proxy: ": the proxy resolves the name" },
    help: "Use IPv6 alone",
  },
  tls: { group: "TLS", help: "Speak TLS; the server is always verified" },
  starttls: {
    value: "smtp|imap|pop3|postgres",
    parse: parseStarttls,
    help: "Ask for TLS in plain first",
  },
  ca: { value: "FILE", parse: String, help: "Trust this authority too" },
  pin: {
    value: "SHA256",
    parse: String,
    help: "Trust this one certificate",
  },
  sni: {
    value: "NAME",
    parse: String,
    help: "Ask for this name, and expect it in the certificate",
  },
  cert: {
    value: "FILE",
    parse: String,
    help: "Show this certificate of yours",
  },
  key: {
    value: "FILE",
    parse: String,
    needs: { oneOf: ["cert"] },
    help: "Its key, where the certificate's file has none",
  },
  proxy: {
    group: "Connect",
    value: "URL",
    parse: String,
    secret: "url",
    help: "Go through socks5:// or http://HOST:PORT",
  },
  header: {
    group: "WebSocket",
    value: "NAME:VALUE",
    parse: String,
    repeat: true,
    secret: true,
    help: "Send this header with the handshake",
  },
  subprotocol: {
    value: "NAME",
    parse: String,
    repeat: true,
    help: "Ask for this subprotocol",
  },
  unix: {
    value: "PATH",
    parse: parseSocketPath,
    conflicts: { proxy: "" },
    help: "Connect to this Unix socket",
  },
  dump: { group: "Show", help: "Show all bytes in hex on stderr" },
  json: { help: "Print one JSON object per event" },
} satisfies OptionTable;

/** The options of `client` as they were given. */
export type ClientOptions = Options<typeof CLIENT_OPTIONS>;

type ClientLine = CommandLine<typeof CLIENT_OPTIONS>;

/** The URL of a WebSocket, where the operands are one; a UsageError where they are more than that, or it is malformed. */
export function webSocketOf(operands: readonly string[]): URL | undefined {
  const [text = "", ...others] = operands;
  if (!/^wss?:\/\//i.test(text)) return undefined;
  const url = URL.parse(text);
  if (url && url.hostname !== "" && others.length === 0) return url;
  throw new UsageError(
    url && others.length > 0
      ? `Cannot connect to ${operands.length} operands: expected one URL`
      : `Cannot parse URL "${
        hideMalformed(text)
      }": expected ws://HOST:PORT/PATH`,
  );
}

/**
 * The address that operands name: `HOST:PORT`, `HOST PORT`, `unix:PATH`, `ws://HOST/`, or none for the tutorial's.
 *
 * @throws {UsageError} On anything else.
 */
export function addressFrom(operands: readonly string[]): Address {
  const url = webSocketOf(operands);
  if (url) {
    const port = url.port || (url.protocol === "wss:" ? "443" : "80");
    return { host: parseHost(url.hostname), port: parsePort(port) };
  }
  if (
    operands.some((operand) => /^(?!unix:)[a-z][\w+.-]*:\/\//i.test(operand))
  ) {
    // it may hold a password
    throw new UsageError("Cannot connect to a URL: expected HOST:PORT");
  }
  if (operands.length > 2) {
    throw new UsageError(
      `Cannot connect to ${operands.length} operands: expected HOST:PORT`,
    );
  }
  const [host, port] = operands;
  if (host === undefined) return DEFAULT_ADDRESS;
  if (port === undefined) return parseAddress(host);
  return {
    host: host === "" ? DEFAULT_ADDRESS.host : parseHost(host),
    port: parsePort(port),
  };
}

/** The one version of IP that is asked for; a UsageError where the address is not of it. */
export function familyFor(
  address: Address,
  options: Pick<ClientOptions, "ipv4" | "ipv6">,
): 4 | 6 | undefined {
  const host = "path" in address ? formatAddress(address) : address.host;
  return familyOf(host, options);
}

/**
 * Reads ports: one, or more with commas between them, each a number or a range as `20-25`.
 *
 * @throws {UsageError} On anything else.
 */
export function parsePorts(text: string): number[] {
  const ports = new Set<number>();
  for (const part of text.split(",")) {
    const [first = "", last = first, ...more] = part.split("-");
    const [from, to] = [parsePort(first), parsePort(last)];
    if (more.length > 0 || from > to || from === 0) {
      throw new UsageError(
        `Cannot parse ports "${text}": expected ports like 80 or 20-25,443`,
      );
    }
    for (let port = from; port <= to; port++) ports.add(port);
  }
  return [...ports].sort((a, b) => a - b);
}

/** Ports that other options stand before are the value of --check all the same. */
export function withPorts(line: ClientLine): ClientLine {
  const { options, operands: [first = "", ...operands] } = line;
  return options.check === "" && PORTS.test(first)
    ? { options: { ...options, check: first }, operands }
    : line;
}

/** More ports than these are granted as all ports of their host. */
const MOST_PORTS = 64;

/** The hosts and files that a command line of `client` needs. */
export async function clientPermissions(
  line: ClientLine,
): Promise<Permissions> {
  const { options, operands } = withPorts(line);
  const { proxy, ca, cert, key, check = "" } = options;
  const address = options.unix === undefined
    ? addressFrom(operands)
    : { path: options.unix };
  const family = familyFor(address, options);
  const ends: readonly Address[] = proxy !== undefined
    ? [(await import("../../lib/net/proxy.ts")).parseProxy(proxy).address]
    : family && "host" in address
    ? await endsOf(address, family)
    : [address];
  const ports = check === "" || proxy !== undefined || "path" in address
    ? []
    : parsePorts(check);
  const shown = ports.length > MOST_PORTS ? [0] : ports;
  const each = (end: Address) =>
    "path" in end || end.port === 0 || ports.length === 0
      ? [end]
      : shown.map((port) => ({ ...end, port }));
  return permissionsFor(ends.flatMap(each), [ca, cert, key]);
}
