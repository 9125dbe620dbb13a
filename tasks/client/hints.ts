/**
 * What users of nc, ncat and openssl s_client type, what to type here, and what to try where a server is silent.
 *
 * @module
 */

import { ExitCode, Failure, UsageError } from "../../lib/cli/errors.ts";
import {
  CLUSTER,
  type Hints,
  UnknownOptionError,
  wordsBeforeEnd,
} from "../../lib/cli/options.ts";
import { reasonOf } from "../../lib/cli/reasons.ts";
import { asStarted } from "../../lib/cli/start.ts";
import { quote } from "../../lib/cli/values.ts";
import {
  type Address,
  formatAddress,
  parseAddress,
} from "../../lib/net/address.ts";
import type { Connection } from "../../lib/net/connection.ts";
import {
  type ClientOptions,
  STARTTLS,
  type Starttls,
  TLS_OPTIONS,
  typedOf,
} from "./options.ts";
import { hasPort, isPort, parsePorts } from "./targets.ts";

const LISTEN = "to listen: hark server --port PORT";
const BY_ITSELF =
  "what happens, step by step: hark client --explain; events for programs: --json";
const NO_PROGRAMS = "client runs no programs; pipe to one: hark client --pipe";
const OWN_PORT =
  "the port is an operand: hark client HOST:PORT; to listen on it: hark server --port PORT; to come from it: --bind :PORT";
const OWN_ADDRESS = "hark client --bind ADDRESS HOST:PORT";
const NUMBERS = "a host may be an address: hark client 127.0.0.1:PORT";
const DATAGRAMS = "hark client udp:HOST:PORT";
const ONLY_THESE = "client speaks TCP, UDP and Unix sockets alone";
const INTO_FILE =
  "hark client --pipe HOST:PORT > FILE; all bytes in hex: hark client --dump 2> FILE";
const PAIR = "hark client --cert FILE --key FILE";
const AUTHORITY = "hark client --ca FILE";
const VERIFIED = "hark client --tls, which always verifies";
const PROTOCOLS = "hark client --alpn LIST, as h2,http/1.1";
const OWN_CIPHERS = "TLS 1.2 and 1.3 are spoken already: hark client --tls";
const ALL_BYTES = "what goes over the connection: hark client --dump";
const QUIET = "only what the server says: hark client --pipe";

/** Options of other tools by their names there, each with what to type here, or that it is not there. */
const CLIENT_HINTS: Hints = {
  // nc's and ncat's
  "-z": "hark client --check PORTS HOST",
  "-w":
    "hark client --timeout SECONDS, and --idle-timeout SECONDS once connected",
  "-i": "hark client --idle-timeout SECONDS",
  "-C": "hark client --pipe --crlf",
  "-d --recv-only":
    "what is no terminal is not sent without --pipe: hark client HOST:PORT < /dev/null",
  "-N":
    "the end of stdin is sent on already: hark client --pipe; not to: --keep-open",
  "--no-shutdown": "hark client --pipe --keep-open",
  "-q": "hark client --pipe --keep-open --idle-timeout SECONDS",
  "--send-only": "to end when the server does: hark client --pipe",
  "-x": "hark client --proxy socks5://HOST:PORT; to see the bytes, --dump",
  "-X --proxy-type":
    "hark client --proxy socks5://HOST:PORT, or http://HOST:PORT",
  "-P --proxy-auth -proxy_user -proxy_pass":
    "hark client --proxy socks5://USER:PASSWORD@HOST:PORT",
  "--proxy-dns": "the proxy resolves the name: hark client --proxy URL",
  "-U --unixsock -unix": "hark client unix:PATH",
  "-l --listen -L": LISTEN,
  // curl's, too
  "-k": `to trust one certificate: hark client --pin SHA256; ${LISTEN}`,
  "-m --max-conns --allow --deny":
    "that is for who listens: hark server --help",
  "--broker --chat": "that is for who listens: hark server chat",
  "-u --udp": DATAGRAMS,
  "-Z --sctp --vsock -dtls -dtls1 -dtls1_2": ONLY_THESE,
  "-v --verbose": BY_ITSELF,
  "-n --nodns": NUMBERS,
  "-p --source-port": OWN_PORT,
  "--port --host --address":
    "the address is an operand: hark client HOST:PORT; to listen on it: hark server --port PORT",
  "-s --source -bind": OWN_ADDRESS,
  "-o --output": INTO_FILE,
  "--hex-dump": "hark client --dump",
  "-e -c --exec --sh-exec --lua-exec": NO_PROGRAMS,
  "-F": "client passes no descriptors; for ssh: hark client --pipe HOST:PORT",
  "--ssl": "hark client --tls",
  "--ssl-verify": VERIFIED,
  "--ssl-trustfile": AUTHORITY,
  "--ssl-servername": "hark client --sni NAME",
  "--ssl-cert --ssl-key": PAIR,
  "--ssl-alpn": PROTOCOLS,
  "--ssl-ciphers": OWN_CIPHERS,
  "--insecure":
    "to trust one certificate, whoever made it: hark client --pin SHA256",
  // those of websocat and wscat
  "--ws --wss --websocket": "hark client ws://HOST:PORT/PATH, or wss://",
  "-H": "hark client --header NAME:VALUE ws://HOST:PORT/PATH",
  "--protocol": "hark client --subprotocol NAME ws://HOST:PORT/PATH",
  "--origin": "hark client --header Origin:URL ws://HOST:PORT/PATH",
  // those of get
  "--session --session-read-only --session-auth --netrc --digest --pick":
    "HTTP is spoken by get: hark get URL",
  // those of openssl s_client
  "-host -port": "the address is an operand: hark client --tls HOST:PORT",
  "-CAfile -CApath -CAstore -chainCAfile -verifyCAfile": AUTHORITY,
  "-servername -verify_hostname -verify_ip": "hark client --sni NAME",
  "-noservername -verify -verify_return_error -verify_quiet": VERIFIED,
  "-cert -certform -cert_chain -key -keyform": PAIR,
  "-pass": "the key must not be encrypted: hark client --cert FILE --key FILE",
  "-xmpphost -name": "client has no name to say: hark client --starttls smtp",
  "-showcerts -status -ct -text -subject -issuer -dates -enddate -fingerprint":
    "hark client --check --tls HOST:PORT",
  "-checkend": "hark client --check --min-days N HOST:PORT",
  "-alpn -nextprotoneg": PROTOCOLS,
  "-tls1 -tls1_1 -tls1_2 -tls1_3 -ssl3 -no_ssl3 -no_tls1 -no_tls1_1 -no_tls1_2 -no_tls1_3 -cipher -ciphersuites -curves -groups -sigalgs -min_protocol -max_protocol -legacy_renegotiation -legacy_server_connect":
    OWN_CIPHERS,
  "-debug -msg -state -trace -tlsextdebug -security_debug -keylogfile":
    ALL_BYTES,
  "-quiet -brief -nocommands -ign_eof -no_ign_eof": QUIET,
  "-prexit -reconnect -sess_in -sess_out -ignore_unexpected_eof -early_data":
    "it is not there: hark client --tls HOST:PORT",
};

/** A letter that takes the next word for its value, alone or at the end of a cluster. */
const WITH_VALUE = /^-[46CdklNnrtUuvz]*[wisqpxXPoe]$/;

/** What a cluster of nc's letters means as a whole, as `-zv HOST PORT` and `-lvp PORT`. */
function hintForCluster(
  letters: string,
  value: string | undefined,
  [host = "HOST", ...ports]: readonly string[],
): string | undefined {
  const isUdp = letters.includes("u");
  if (/[lk]/.test(letters)) {
    const port = [letters.endsWith("p") ? value : undefined, host, ...ports]
      .find((text) => text !== undefined && isPort(text)) ?? "PORT";
    return `to listen: hark server ${isUdp ? "--udp " : ""}--port ${port}`;
  }
  if (isUdp) {
    const [port = ""] = ports;
    return isPort(port)
      ? `hark client udp:${addressed(host, port)}`
      : DATAGRAMS;
  }
  if (letters.includes("z")) {
    const list = numbered(ports.join()) ?? "PORTS";
    return `hark client --check ${list} ${quote(host)}`;
  }
  return CLIENT_HINTS[`-${letters[0]}`];
}

/** What a command line of other tools means here. */
export function clientHints(args: readonly string[]): Hints {
  const own = wordsBeforeEnd(args);
  const operands = own.filter((arg, at) =>
    !arg.startsWith("-") && !WITH_VALUE.test(own[at - 1] ?? "")
  );
  const clusters = own.flatMap((arg, at) => {
    const [, letters = "", value] = arg.match(CLUSTER) ?? [];
    if (!/[lkuz46]/.test(letters)) return [];
    const hint = hintForCluster(letters, value || own[at + 1], operands);
    return hint ? [[arg, hint] as const] : [];
  });
  const valueOf = (name: string) =>
    own.includes(name) ? own[own.indexOf(name) + 1] ?? "" : "";
  const url = valueOf("-c") || valueOf("--connect");
  const connect: Hints = /^wss?:\/\/[^@?]+$/i.test(url)
    ? {
      "-c": `hark client ${quote(url)}`,
      "--connect": `hark client ${quote(url)}`,
    }
    : {};
  const target = addressed(valueOf("-connect") || "HOST:PORT") ?? "HOST:PORT";
  const protocol = valueOf("-starttls") || "smtp";
  const inPlain = STARTTLS.some((name) => name === protocol)
    ? `hark client --starttls ${protocol} ${target}`
    : "TLS is asked for in smtp, imap, pop3 and postgres alone: hark client --starttls smtp HOST:PORT";
  return {
    ...CLIENT_HINTS,
    "-connect": own.includes("-starttls")
      ? inPlain
      : `hark client --tls ${target}`,
    "-starttls": inPlain,
    ...connect,
    ...Object.fromEntries(clusters),
  };
}

/** The ports of services that are known by name. */
const SERVICES: Readonly<Record<string, number>> = {
  domain: 53,
  ftp: 21,
  http: 80,
  https: 443,
  imap: 143,
  imaps: 993,
  ldap: 389,
  ldaps: 636,
  mongodb: 27017,
  mysql: 3306,
  ntp: 123,
  pop3: 110,
  pop3s: 995,
  postgres: 5432,
  postgresql: 5432,
  redis: 6379,
  smtp: 25,
  smtps: 465,
  ssh: 22,
  submission: 587,
  telnet: 23,
};

const numberOf = (service: string): number | undefined =>
  Object.hasOwn(SERVICES, service) ? SERVICES[service] : undefined;

/** Ports with numbers for names; undefined where they are none. */
function numbered(text: string): string | undefined {
  const numbers = text.split(",").map((name) => numberOf(name) ?? name).join();
  try {
    return parsePorts(numbers).length > 0 ? numbers : undefined;
  } catch {
    return undefined;
  }
}

/** An address as it is typed here, where a text is one; with the port, where that is told apart. */
function addressed(text: string, port?: string): string | undefined {
  try {
    const address = parseAddress(text);
    if ("path" in address || port === undefined) return quote(text);
    return quote(formatAddress({ ...address, port: Number(port) }));
  } catch {
    return undefined;
  }
}

/** What was meant by an operand whose port is a name, or has a path behind it. */
function hintForPort(operand: string): string | undefined {
  const [, host = "", name = ""] = operand.match(/^(.*):([^:/]*)(\/.*)?$/s) ??
    [];
  const port = numbered(name);
  const address = port && isPort(port) ? addressed(host, port) : undefined;
  return address && `hark client ${address}`;
}

/** What a scheme or socat's word before an address asks for; undefined where client speaks it. */
const SCHEMES: readonly (readonly [RegExp, string])[] = [
  [/^https?$/, "for HTTP: hark get URL"],
  [/^wss?$/, "hark client ws://HOST:PORT/PATH, or wss:// over TLS"],
  [/^(socks\w*|proxy)$/, "hark client --proxy socks5://HOST:PORT HOST:PORT"],
];

/** Those over TLS, by the port where none is given. */
const OVER_TLS = /^(tls|ssl|openssl(-connect)?|https|imaps|ldaps|pop3s|smtps)$/;

const OVER_TCP = /^(tcp[46]?(-connect)?|telnet|redis|mysql|postgres(ql)?)$/;

/** What was meant by an operand with a scheme, as `tls://HOST:PORT` or socat's `TCP:HOST:PORT`. */
function hintForScheme(operand: string, isCheck = false): string | undefined {
  const [, scheme = "", rest = ""] =
    operand.match(/^([a-z][\w+.-]*):(?:\/\/)?(.*)$/is) ?? [];
  const name = scheme.toLowerCase();
  const known = SCHEMES.find(([test]) => test.test(name));
  const isUrl = isCheck && /^(https?|wss?)$/.test(name);
  if (known && !isUrl) return known[1];
  if (/^udp[46]?(-connect|-sendto)?$/.test(name)) {
    const address = hasPort(rest) ? addressed(rest) : undefined;
    return address && operand !== `udp:${rest}`
      ? `hark client udp:${address}`
      : DATAGRAMS;
  }
  const start = `hark client${isCheck ? " --check" : ""}`;
  if (isUrl) return `${start} ${name}://HOST:PORT`;
  if (/^unix(-connect|-client)?$/.test(name)) {
    const meant = `unix:${rest}`;
    return operand === meant ? undefined : `${start} ${quote(meant)}`;
  }
  if (!OVER_TLS.test(name) && !OVER_TCP.test(name)) return undefined;
  // a user and a password are not shown, and a path is nobody's here
  const host = rest.replace(/^[^/]*@/, "").replace(/[/?#,].*$/s, "");
  const address = host.includes(":") && addressed(host) || "HOST:PORT";
  return `${start} ${OVER_TLS.test(name) ? "--tls " : ""}${address}`;
}

/** What was meant by operands that are no address, and how to say that, where the error itself misleads. */
function readOperands(
  operands: readonly string[],
  { check, wait }: Pick<ClientOptions, "check" | "wait">,
): { readonly message?: string; readonly hint?: string | undefined } {
  const [first = "", ...rest] = operands;
  const [second] = rest;
  const options = wait === undefined ? "--check" : `--wait ${wait} --check`;
  if (/^(~|\.{0,2})\//.test(first)) {
    // nobody expands a ~ inside a word
    const [path, home] = first.startsWith("~")
      ? [first.slice(1), 'unix:"$HOME"']
      : [first, "unix:"];
    return { hint: `hark client ${home}${quote(path)}` };
  }
  if (second === undefined) {
    const isCheck = check !== undefined;
    return { hint: hintForPort(first) ?? hintForScheme(first, isCheck) };
  }
  const services = numbered(first);
  if (check !== undefined && services && rest.length === 1) {
    return {
      message: `Cannot check ports "${first}": expected numbers`,
      hint: `hark client ${options} ${services} ${quote(second)}`,
    };
  }
  const host = addressed(first);
  const isUrl = check !== undefined && /:\/\//.test(operands.join(" "));
  if (isUrl) {
    const odd = operands.find((text) =>
      /:\/\//.test(text) && !/^(https?|wss?):/i.test(text)
    );
    return { hint: odd && hintForScheme(odd, true) };
  }
  if (host === undefined) return { hint: hintForScheme(first) };
  const ports = numbered(rest.join());
  if (ports && !hasPort(first)) {
    if (check === undefined && isPort(ports)) {
      return { hint: `hark client ${addressed(first, ports)}` };
    }
    return { hint: `hark client ${options} ${ports} ${host}` };
  }
  if (check === undefined && wait === undefined) {
    const message =
      `Cannot connect to ${operands.length} operands: expected HOST:PORT`;
    return hasPort(first) ? { message, hint: `hark client ${host}` } : {};
  }
  const isOthers = check !== undefined && rest.some((text) => /:/.test(text));
  if (isOthers || check === "" && (ports || !hasPort(first))) return {};
  const program = rest.map(quote).join(" ");
  return {
    // one word more may be a target without its port
    ...check === "" && rest.length === 1
      ? {}
      : { message: `Cannot run "${rest.join(" ")}": client runs no programs` },
    hint: `hark client ${options} ${
      check ? `${check} ` : ""
    }${host} && ${program}`,
  };
}

/** Gives an error about operands the hint that leads to what was meant. */
export function withHint(
  error: unknown,
  operands: readonly string[],
  options: Pick<ClientOptions, "check" | "wait">,
): unknown {
  if (!(error instanceof UsageError) || error instanceof UnknownOptionError) {
    return error;
  }
  const { message = error.message, hint } = readOperands(operands, options);
  return new UsageError(message, { hint: error.hint ?? hint });
}

/** Where TLS is asked for in plain, by the ports of the services that do. */
const IN_PLAIN: ReadonlyMap<number, Starttls> = new Map([
  [25, "smtp"],
  [110, "pop3"],
  [143, "imap"],
  [587, "smtp"],
  [5432, "postgres"],
]);

/** Gives an error of TLS the hint that it can be asked for in plain, and where it was no hint that leads away from it. */
export function withStarttlsHint(
  error: unknown,
  address: Address,
  options: Partial<ClientOptions>,
): unknown {
  if (!(error instanceof Failure)) return error;
  const { message, cause, code } = error;
  if (options.starttls && reasonOf(cause).code === ExitCode.TimedOut) {
    const hint = "if it speaks TLS from the start: --tls, not --starttls";
    return new Failure(message, { cause, code, hint });
  }
  const isPlain = message.startsWith("Cannot start TLS") &&
    /does not speak TLS|cut short/.test(reasonOf(cause).message);
  if (!isPlain) return error;
  const name = "port" in address ? IN_PLAIN.get(address.port) : undefined;
  const given = typedOf(options, [...TLS_OPTIONS, "key"]);
  const hint = name
    ? `ask for TLS first: --starttls ${name}`
    : error.hint === undefined || given.length === 0
    ? error.hint
    : `leave out ${given.join(" and ")}`;
  return new Failure(message, {
    cause,
    code,
    hint: options.starttls ? undefined : hint,
  });
}

/** Gives the end of a connection over which nothing had come the hint at what TLS 1.3 does not say to who is refused. */
export function withCutHint(
  error: Failure,
  { cert }: Pick<ClientOptions, "cert">,
): Failure {
  const { message, cause, code } = error;
  const hint = cert === undefined
    ? "it may want a client certificate: --cert FILE --key FILE"
    : "it may not accept the client certificate";
  return new Failure(message, { cause, code, hint });
}

/** What to try where a server says nothing: each line can be typed as it stands. */
function waysOn(
  address: Address,
  isTls: boolean,
  { pipe, proxy }: Pick<ClientOptions, "pipe" | "proxy">,
): string[] {
  // what goes through a proxy does so with words that may be secret
  if (proxy !== undefined) return isTls ? [] : ["if it speaks TLS, add --tls"];
  const at = quote(formatAddress(address));
  if ("path" in address) {
    const socket = quote(address.path);
    return [`if it speaks HTTP: hark get --unix ${socket} http://localhost/`];
  }
  const url = quote(`http${isTls ? "s" : ""}://${formatAddress(address)}/`);
  const start = `hark client --tls${pipe ? " --pipe" : ""}`;
  return [
    ...isTls ? [] : [`if it speaks TLS: ${start} ${at}`],
    `if it speaks HTTP: hark get ${url}`,
  ];
}

/** What may be wrong where nothing came over a connection, in one line. */
export function explainSilence(
  { sent }: Connection,
  address: Address,
  isTls: boolean,
  options: ClientOptions,
): string {
  const silence = sent > 0 || options.send !== undefined
    ? "no answer yet"
    : "nothing came yet; the server may wait for what you type";
  const ways = waysOn(address, isTls, options);
  return asStarted(`hint: ${[silence, ...ways].join("; ")}\n`);
}
