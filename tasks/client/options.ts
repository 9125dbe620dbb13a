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
  oneOf,
  parseCount,
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
  isLocalhost,
  isLoopback,
  parseAddress,
  parseHost,
  parsePort,
  permissionsFor,
  type TcpAddress,
} from "../../lib/net/address.ts";

/** The protocols that begin in plain, and in which TLS can be asked for. */
export const STARTTLS = ["smtp", "imap", "pop3", "postgres"] as const;

export type Starttls = typeof STARTTLS[number];

function parseAlpn(text: string): readonly string[] {
  const names = text.split(",");
  // RFC 7301 section 3.1
  if (names.every((name) => /^[\x21-\x7e]{1,255}$/.test(name))) return names;
  throw new UsageError(
    `Cannot parse protocols "${text}": expected names like h2,http/1.1`,
  );
}

/** Reads where to come from: an IP address, a port after a colon, or both. */
function parseBind(text: string): TcpAddress {
  const address = parseAddress(text, { host: "", port: 0 });
  if ("host" in address && /^$|:|^\d+(\.\d+){3}$/.test(address.host)) {
    return address;
  }
  throw new UsageError(
    `Cannot come from "${text}": expected an IP address, :PORT, or both`,
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
    help: "Keep trying until it accepts; exits 28 if it does not",
  },
  check: {
    value: "PORTS",
    parse: String,
    implied: { text: "", accepts: PORTS },
    help: "Are they open? As 20-25,443; exits 7 if not",
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
  bind: {
    value: "ADDRESS[:PORT]",
    parse: parseBind,
    help: "Come from this address of this machine, or :PORT",
  },
  tls: { group: "TLS", help: "Speak TLS; the server is always verified" },
  starttls: {
    value: "smtp|imap|pop3|postgres",
    parse: oneOf("start TLS in", ...STARTTLS),
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
  minDays: {
    value: "N",
    parse: parseCount,
    needs: { oneOf: ["check"] },
    help: "Is the certificate valid as long? Else exits 60",
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
  alpn: {
    value: "LIST",
    parse: parseAlpn,
    help: "Offer these protocols, as h2,http/1.1; one must be agreed on",
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
    conflicts: { check: ", which sends nothing" },
    secret: true,
    help: "Send this header with the handshake",
  },
  subprotocol: {
    value: "NAME",
    parse: String,
    repeat: true,
    conflicts: { check: ", which sends nothing" },
    help: "Ask for this subprotocol",
  },
  unix: {
    value: "PATH",
    parse: parseSocketPath,
    conflicts: { proxy: "", check: ", which has unix:PATH" },
    help: "Connect to this Unix socket",
  },
  dump: { group: "Show", help: "Show all bytes in hex on stderr" },
  json: { help: "Print one JSON object per event" },
} satisfies OptionTable;

/** The options of `client` as they were given. */
export type ClientOptions = Options<typeof CLIENT_OPTIONS>;

type ClientLine = CommandLine<typeof CLIENT_OPTIONS>;

/** Whether operands name an address of UDP. */
export const isUdp = ([first = ""]: readonly string[]): boolean =>
  /^udp:(?!\/\/)/.test(first);

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

/** How operands name another address: as they do their own, without what may be secret. */
export function formFor(
  operands: readonly string[],
): (address: Address) => string {
  const { protocol = "", pathname = "" } = webSocketOf(operands) ?? {};
  const before = isUdp(operands) ? "udp:" : protocol && `${protocol}//`;
  return (address) => `${before}${formatAddress(address)}${pathname}`;
}

/**
 * The address that operands name: `HOST:PORT`, `HOST PORT`, `unix:PATH`, each of the first two with `udp:` before it too,
 * `ws://HOST/`, or none for the tutorial's.
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
  const [first, port] = operands;
  if (first === undefined) return DEFAULT_ADDRESS;
  const host = isUdp(operands) ? first.slice("udp:".length) : first;
  if (port === undefined) return parseAddress(host);
  return {
    host: host === "" ? DEFAULT_ADDRESS.host : parseHost(host),
    port: parsePort(port),
  };
}

/** So many letters of `localhost` may be wrong. */
const MOST_WRONG = 2;

/**
 * Refuses a host that is most likely a mistyped `localhost`, before anybody is asked for it.
 *
 * @throws {UsageError} With what is meant as its hint.
 */
export async function refuseNearLocalhost(
  address: Address,
  form: (address: Address) => string = formatAddress,
): Promise<void> {
  if ("path" in address || !/^[a-z\d-]{7,11}$/i.test(address.host)) return;
  const { host } = address;
  if (host.toLowerCase() === DEFAULT_ADDRESS.host) return;
  const { levenshteinDistance } = await import(
    "@std/text/levenshtein-distance"
  );
  const wrong = levenshteinDistance(host.toLowerCase(), DEFAULT_ADDRESS.host);
  if (wrong > MOST_WRONG) return;
  throw new UsageError(`Cannot use the host "${host}"`, {
    hint: `did you mean ${form({ ...address, host: DEFAULT_ADDRESS.host })}? ` +
      `if it is a host: with a dot, as in ${
        form({ ...address, host: `${host}.` })
      }`,
  });
}

/** What --check looks at. */
export interface Target {
  readonly address: Address;
  /** Whether over TLS, where that is told: as `https://` and `http://` do. */
  readonly isTls?: boolean;
}

const hasPort = (text: string) => /^[^:]*:\d+$|\]:\d+$/.test(text);

/** Reads one of several targets: `HOST:PORT`, a port, `unix:PATH`, or a URL, whose path does not count. */
function parseTarget(text: string): Target {
  const [scheme] = text.match(/^(https?|wss?)(?=:\/\/)/i) ?? [];
  if (scheme === undefined) {
    const isWhole = hasPort(text) || isPort(text) || text.startsWith("unix:");
    // what is no URL here may hold a password: it has its own error, as a bad port has
    if (isWhole || text.includes(":")) {
      const address = addressFrom([text]);
      if (isWhole) return { address };
    }
    throw new UsageError(`Cannot check "${text}": expected HOST:PORT`);
  }
  if (!URL.canParse(text) || /^[^/]*\/\/[^/?#]*@/.test(text)) {
    throw new UsageError("Cannot check a URL that is not as https://HOST:PORT");
  }
  const { hostname, port } = new URL(text);
  const isTls = /^(https|wss)$/i.test(scheme);
  const host = parseHost(hostname);
  return {
    address: { host, port: port === "" ? isTls ? 443 : 80 : parsePort(port) },
    isTls,
  };
}

const isPort = (text: string) => /^\d+$/.test(text);

/**
 * What --check looks at: one host where its PORTS are told, or where the operands are an address; else each operand.
 *
 * @throws {UsageError} When it is neither, or could be both.
 */
export function targetsFrom(
  operands: readonly string[],
  { check = "" }: Pick<ClientOptions, "check">,
): readonly Target[] {
  const datagrams = operands.find((text) => isUdp([text]));
  if (datagrams !== undefined) {
    throw new UsageError(
      `Cannot check "${datagrams}": UDP does not say whether anybody listens`,
    );
  }
  const [first = "", second = ""] = operands;
  const list = operands.length === 1 ? first.split(/[,\s]+/) : [];
  if (list.length > 1 && list.every(hasPort)) {
    throw new UsageError(`Cannot check "${first}": expected HOST:PORT`, {
      hint: `hark client --check ${list.join(" ")}`,
    });
  }
  if (check === "") {
    const isPair = operands.length === 2 && !hasPort(first) &&
      !second.includes(":");
    const isUrl = operands.length === 1 && /^(https?|wss?):\/\//i.test(first);
    return operands.length > 1 && !isPair || isUrl
      ? operands.map(parseTarget)
      : [{ address: addressFrom(operands) }];
  }
  const ports = [check, ...operands.filter((text) => PORTS.test(text))];
  const hosts = operands.filter((text) => !PORTS.test(text));
  if (ports.length > 1 && hosts.length < 2) {
    throw new UsageError(`Cannot check ports "${ports.join(" ")}"`, {
      hint: `hark client ${["--check", ports.join(), ...hosts].join(" ")}`,
    });
  }
  if (operands.some(hasPort)) {
    const all = [isPort(check) ? `:${check}` : check, ...operands].join(" ");
    throw new UsageError(
      `Cannot check ports ${check} of "${operands.join(" ")}": it has a port`,
      { hint: isPort(check) ? `hark client --check ${all}` : undefined },
    );
  }
  if (webSocketOf(operands)) {
    throw new UsageError("Cannot check ports of a URL: expected HOST");
  }
  const address = addressFrom(operands);
  if ("path" in address) {
    throw new UsageError(`Cannot check ports of ${formatAddress(address)}`);
  }
  return parsePorts(check).map((port) => ({ address: { ...address, port } }));
}

/** The one version of IP that is asked for; a UsageError where the address is not of it. */
export function familyFor(
  address: Address,
  options: Pick<ClientOptions, "ipv4" | "ipv6" | "bind" | "proxy">,
): 4 | 6 | undefined {
  const host = "path" in address ? formatAddress(address) : address.host;
  const family = familyOf(host, options);
  const { bind, proxy } = options;
  if (bind === undefined || bind.host === "" && "host" in address) {
    return family;
  }
  const own = bind.host.includes(":") ? 6 : 4;
  const other = own === 4 ? /:/ : /^[\d.]+$/;
  if (
    "path" in address || (family ?? own) !== own ||
    proxy === undefined && other.test(host)
  ) {
    const from = formatAddress(bind).replace(/:0$/, "");
    throw new UsageError(
      `Cannot come from ${from} to ${
        family === undefined ? host : `${host} over IPv${family}`
      }`,
    );
  }
  return own;
}

/** Where a connection comes from, as permissions name it: a port alone is one of the same loopback, or of any address. */
function originsOf(bind: TcpAddress, target: TcpAddress): TcpAddress[] {
  const { host, port } = bind;
  if (host !== "") return [bind];
  const isLocal = isLoopback(target.host) || isLocalhost(target.host);
  const hosts = isLocal ? [target.host] : ["0.0.0.0", "::"];
  return hosts.map((host) => ({ host, port }));
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

/** A host, or none, and ports behind a colon. */
const WITH_PORTS = /^(\[[^\]]*\]|[^:]*):(\d[\d,-]*)$/;

/**
 * Ports that other options or blanks stand before, and those of an address, are the value of --check all the same:
 * `3000 3001`, `:3000 :3001`, `3000 localhost:3001`.
 */
export function withPorts(line: ClientLine): ClientLine {
  const { options, operands } = line;
  const { check } = options;
  if (check === undefined) return line;
  const words = operands.map((word) =>
    PORTS.test(word) ? ["", word] : word.match(WITH_PORTS)?.slice(1) ?? [word]
  );
  const [host, ...others] = new Set(words.flatMap(([host]) => host || []));
  const ports = words.flatMap(([, ports]) => ports ?? []);
  // a port with a host of its own is a target; one of localhost means the same either way
  const isTarget = words.some(([host, ports]) =>
    host && host !== DEFAULT_ADDRESS.host && ports
  );
  // one address alone is whole; a host and its port apart are an address, too
  const isAddress = check === "" && host !== undefined &&
    (words.length === 1 || words.some((word) => word.length === 1));
  if (ports.length === 0 || others.length > 0 || isAddress || isTarget) {
    const [first = "", ...rest] = operands;
    return check === "" && PORTS.test(first)
      ? { options: { ...options, check: first }, operands: rest }
      : line;
  }
  const all = [check, ...ports].map((text) => text.replace(/,+$/, ""))
    .filter((text) => text !== "").join();
  return {
    options: { ...options, check: all },
    operands: host === undefined ? [] : [host],
  };
}

/** More ports than these are granted as all ports of their host. */
const MOST_PORTS = 64;

/** The hosts and files that a command line of `client` needs. */
export async function clientPermissions(
  line: ClientLine,
): Promise<Permissions> {
  const { options, operands } = withPorts(line);
  const { proxy, ca, cert, key, check = "" } = options;
  const { unix } = options;
  const bind = options.bind ??
    (isUdp(operands) ? { host: "", port: 0 } : undefined);
  const targets = options.check !== undefined
    ? targetsFrom(operands, options).map(({ address }) => address)
    : [unix === undefined ? addressFrom(operands) : { path: unix }];
  for (const address of targets) {
    await refuseNearLocalhost(
      address,
      options.check === undefined ? formFor(operands) : formatAddress,
    );
  }
  // ports are all of one host
  const addresses = check === "" ? targets : targets.slice(0, 1);
  const families = addresses.map((address) => familyFor(address, options));
  const goals = proxy === undefined
    ? addresses
    : [(await import("../../lib/net/proxy.ts")).parseProxy(proxy).address];
  const ends: Address[] = [];
  const origins: TcpAddress[] = [];
  for (const [at, goal] of goals.entries()) {
    const isOdd = (families[at] ?? bind) && "host" in goal;
    ends.push(...isOdd ? await endsOf(goal, families[at]) : [goal]);
    if (bind && "host" in goal) origins.push(...originsOf(bind, goal));
  }
  const ports = check === "" || proxy !== undefined ? [] : parsePorts(check);
  const shown = ports.length > MOST_PORTS ? [0] : ports;
  const each = (end: Address) =>
    "path" in end || end.port === 0 || ports.length === 0
      ? [end]
      : shown.map((port) => ({ ...end, port }));
  return permissionsFor([...ends.flatMap(each), ...origins], [ca, cert, key]);
}
