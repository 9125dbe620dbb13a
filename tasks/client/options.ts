/**
 * The command line of `client`: its options and its operands.
 *
 * @module
 */

import { UsageError } from "../../lib/cli/errors.ts";
import {
  formatOptionName,
  isGiven,
  type Options,
  type OptionTable,
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
  familyOf,
  formatAddress,
  parseAddress,
  parseHost,
  parsePort,
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
    `Cannot use --bind "${text}": expected an IP address, :PORT, or both`,
  );
}

/** What can be nothing but ports, where they may be left out. */
export const PORTS = /^\d[\d,-]*$/;

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
    help: "To ws://: send frames of bytes, not lines of text",
  },
  crlf: {
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
    help: "Try until it accepts; else exits 28, with --check 7",
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
    help: "Connect from this address or :PORT of yours",
  },
  tls: { group: "TLS", help: "Speak TLS; the server is always verified" },
  starttls: {
    value: "smtp|imap|pop3|postgres",
    parse: oneOf("start TLS in", ...STARTTLS),
    help: "Begin in plain, then ask for TLS",
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
    help: "With --check: exit 60 if fewer days are left",
  },
  cert: {
    value: "FILE",
    parse: String,
    help: "Show the server this certificate",
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
  explain: {
    value: "en|ko",
    parse: oneOf("explain in", "en", "ko"),
    implied: { text: "en", accepts: /^(en|ko)$/ },
    conflicts: { check: ", which says what it finds" },
    help: "Say what happens, a sentence for each fact",
  },
} satisfies OptionTable;

/** The options of `client` as they were given. */
export type ClientOptions = Options<typeof CLIENT_OPTIONS>;

/** Each of them asks for TLS, with an empty value too, which is refused. */
export const TLS_OPTIONS = [
  ...["tls", "starttls", "ca", "pin", "sni", "cert"] as const,
  ...["alpn", "minDays"] as const,
];

/** Those of some options that were given, as they are typed. */
export const typedOf = (
  options: Partial<ClientOptions>,
  names: readonly (keyof ClientOptions)[],
): string[] =>
  names.filter((name) => isGiven(CLIENT_OPTIONS[name], options[name]))
    .map(formatOptionName);

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

/** Whether what stands before the host of a URL may have ended too early, so that the rest of a password is a host. */
const hasAt = (text: string): boolean =>
  /^[^@]*[/?#\\][^@]*@/.test(text.replace("://", ""));

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
    return { host: parseHost(url.hostname), port: parsePort(port, 1) };
  }
  const odd = operands
    .find((operand) => /^(?!unix:)[a-z][\w+.-]*:\/\//i.test(operand));
  if (odd !== undefined) {
    const { protocol = "", host = "" } = hasAt(odd) ? {} : URL.parse(odd) ?? {};
    const shown = host === "" ? "a URL" : `"${protocol}//${host}"`;
    throw new UsageError(
      `Cannot connect to ${shown}: ` +
        (/^https?:/i.test(odd)
          ? "client speaks no HTTP"
          : "expected HOST:PORT, unix:, udp:, ws:// or wss://"),
    );
  }
  if (operands.length > 2) {
    throw new UsageError(
      `Cannot connect to ${operands.length} operands: expected HOST:PORT`,
    );
  }
  const [first, port] = operands;
  if (first === undefined) return DEFAULT_ADDRESS;
  const host = isUdp(operands) ? first.slice("udp:".length) : first;
  if (port === undefined) return parseAddress(host, DEFAULT_ADDRESS, 1);
  return {
    host: host === "" ? DEFAULT_ADDRESS.host : parseHost(host),
    port: parsePort(port, 1),
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
  throw new UsageError(`Cannot use the host "${host}": it looks mistyped`, {
    hint: `did you mean ${form({ ...address, host: DEFAULT_ADDRESS.host })}? ` +
      `if it is a host: with a dot, as in ${
        form({ ...address, host: `${host}.` })
      }`,
  });
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
    const why = (family ?? own) === own
      ? `${host} is not an IPv${own} address`
      : `--ipv${family} asks for the other IP`;
    throw new UsageError(`Cannot use --bind ${from}: ${why}`);
  }
  return own;
}
