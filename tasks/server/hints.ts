/**
 * What users of nc, ncat, socat and openssl s_server type, and what to type here.
 *
 * @module
 */

import { nearest } from "../../lib/cli/nearest.ts";
import { CLUSTER, type Hints, wordsBeforeEnd } from "../../lib/cli/options.ts";
import { quote } from "../../lib/cli/values.ts";
import { parseAddress } from "../../lib/net/address.ts";
import { MODES, parseTarget } from "./options.ts";

const LISTENS = "server always listens: hark server --port PORT";
const DATAGRAMS = "hark server --udp";
const ONLY_THESE = "server speaks TCP, UDP and Unix sockets alone";
const NO_PROGRAMS = "server runs no programs; pipe to one: hark server pipe";
const HOST = "hark server --host HOST";
const PAIR = "hark server --cert FILE --key FILE";
const CLIENTS =
  "to serve only clients that it certified: hark server --client-ca FILE";
const NO_ALPN = "hark server --tls, without ALPN: it is not there";
const TLS_ONLY = "TLS 1.2 and 1.3 are spoken already: hark server --tls";

/** Options of other tools by their names there, each with what to type here, or that it is not there. */
const SERVER_HINTS: Hints = {
  // nc's and ncat's
  "-l --listen -L": LISTENS,
  "-k --keep-open": "server goes on by itself; --once ends it after one",
  "-v --verbose": "server logs every client by itself",
  "--explain":
    "server logs every client by itself; step by step: hark client --explain",
  "-n --nodns": "server shows clients by their addresses already",
  "-u": DATAGRAMS,
  "--sctp --vsock -Z -dtls": ONLY_THESE,
  "-U --unixsock -unix": "hark server --unix PATH",
  "-s --source --bind --address": HOST,
  "--source-port": "hark server --port PORT",
  "-e -c --exec --sh-exec --lua-exec": NO_PROGRAMS,
  "-m --max-conns": "hark server --max-clients N",
  "-w -i": "hark server --idle-timeout SECONDS",
  "-x --hex-dump": "hark server --dump",
  "-o --output":
    "what a client sends: hark server pipe > FILE; all bytes in hex: hark server --dump 2> FILE",
  "-C --crlf": "server sends bytes as they are",
  "-z": "to check ports: hark client --check PORTS HOST",
  "-N -q": "the end of stdin is sent on already: hark server pipe",
  "--no-shutdown":
    "what comes after the end of stdin is received already; to put that end off: (cat; sleep 60) | hark server pipe",
  "--send-only": "hark server --file PATH, or --message TEXT",
  "-d --recv-only":
    "hark server discard; into a file: hark server pipe < /dev/null > FILE",
  "--allowfile": "hark server --allow CIDR, more than once",
  "--denyfile": "hark server --deny CIDR, more than once",
  "--broker --chat": "hark server chat",
  "--proxy --proxy-type --proxy-auth --proxy-dns":
    "server is no proxy; to pass all on to one target: hark server relay HOST:PORT",
  "--ssl": "hark server --tls",
  "--ssl-cert --ssl-key": PAIR,
  "--ssl-verify --ssl-trustfile": CLIENTS,
  "--ssl-servername -servername -cert2 -key2":
    "names are those of the certificate: hark server --cert FILE --key FILE",
  "--ssl-alpn -alpn -nextprotoneg": NO_ALPN,
  "--ssl-ciphers": TLS_ONLY,
  "--echo --greet --discard --relay":
    "the mode is a word: hark server echo; see hark server --help",
  // those of openssl s_server
  "-accept": "hark server --tls --port PORT",
  "-cert -certform -cert_chain -dcert -key -keyform -dkey": PAIR,
  "-pass": "the key must not be encrypted: hark server --cert FILE --key FILE",
  "-CAfile -CApath -CAstore -chainCAfile -verifyCAfile -verify -Verify -verify_return_error":
    CLIENTS,
  "-naccept": "to end after one client: hark server --once",
  "-rev": "to send back what comes: hark server echo",
  "-www -WWW -HTTP": "for HTTP: hark api",
  "-tls1 -tls1_1 -tls1_2 -tls1_3 -no_ssl3 -no_tls1 -no_tls1_1 -no_tls1_2 -no_tls1_3 -cipher -ciphersuites -curves -groups -serverpref -dhparam":
    TLS_ONLY,
  "-debug -msg -state -trace -tlsextdebug": "hark server --dump",
  "-quiet -brief": "for the bytes alone: hark server pipe 2> /dev/null",
};

/** What a command line of other tools means here. */
export function serverHints(args: readonly string[]): Hints {
  const own = wordsBeforeEnd(args);
  const clusters = own.flatMap((arg, at) => {
    const [, letters = "", attached] = arg.match(CLUSTER) ?? [];
    const isUdp = letters.includes("u");
    const port = attached ||
      own.slice(at + 1).find((word) => /^\d+$/.test(word));
    if (!letters.includes("l") && !isUdp) return [];
    const way = isUdp ? "--udp " : "";
    const hint = `server always listens: hark server ${way}--port ${
      port ?? "PORT"
    }`;
    return [[arg, hint] as const];
  });
  return { ...SERVER_HINTS, ...Object.fromEntries(clusters) };
}

/** A scheme, or socat's word, before an address: `tls://`, `TCP-LISTEN:`. */
const SCHEME =
  /^(tcp|tls|ssl|openssl|https?)[46]?(?:-l(?:isten)?|-connect)?:(?:\/\/)?(?=.)/i;

/** What is no plain TCP, before an address: `udp:`, `UDP-LISTEN:`, `ws://`. */
const WAY = /^(udp|wss?)[46]?(?:-l(?:isten)?|-recv(?:from)?)?:(?:\/\/)?(?=.)/i;

/** Takes a scheme off a text, and what is no address behind that. */
function split(text: string): { readonly rest: string; readonly tls: boolean } {
  const [start = "", scheme = ""] = text.match(SCHEME) ?? [];
  const rest = text.slice(start.length);
  return {
    rest: start === "" ? rest : rest.replace(/[/?#,].*$/s, ""),
    tls: /^(tls|ssl|openssl|https)$/i.test(scheme),
  };
}

const isPath = (text: string) => /^\.{0,2}\//.test(text);

/** A host and a port that were typed apart; IPv6 in brackets. */
const join = (host: string, port: string) =>
  /^[^[]*:[^[]*:/.test(host) ? `[${host}]:${port}` : `${host}:${port}`;

/** The options that stand for an address that was typed as an operand, as `0.0.0.0:9000`. */
function optionsFor(words: readonly string[]): string | undefined {
  const [first = "", port] = words;
  if (isPath(first)) return `--unix ${quote(first)}`;
  const [start = "", way = ""] = first.toLowerCase().match(WAY) ?? [];
  const bare = first.slice(start.length);
  const { rest, tls } = split(
    start && `${way === "wss" ? "tls" : "tcp"}:${bare}` || first,
  );
  const isSingle = port === undefined;
  // a word alone is rather a mode that was mistyped
  const isAddress = /^\d+$|[:.]|^localhost$/.test(rest) || !isSingle;
  if (!isAddress || words.length > 2) return undefined;
  const text = isSingle ? rest : join(rest, port);
  try {
    const address = parseAddress(text, { host: "", port: -1 });
    if ("path" in address) return `--unix ${quote(address.path)}`;
    return [
      ...way ? [way === "udp" ? "--udp" : "--ws"] : [],
      ...tls ? ["--tls"] : [],
      ...address.host === "" ? [] : [`--host ${quote(address.host)}`],
      ...address.port === -1 ? [] : [`--port ${address.port}`],
    ].join(" ");
  } catch {
    return undefined;
  }
}

/** The target of a relay as it is typed here, where a text is one in other words. */
function targetFor([first = "", port]: readonly string[]): string | undefined {
  if (isPath(first)) return quote(`unix:${first}`);
  const { rest, tls } = split(first);
  const scheme = first.match(/^https?:/i)?.[0].toLowerCase();
  const implied = scheme && (scheme === "http:" ? "80" : "443");
  const isWhole = port === undefined && implied === undefined ||
    /^[^:]+:\d+$|\]:\d+$/.test(rest);
  const text = isWhole ? rest : join(rest, port ?? implied ?? "");
  try {
    parseTarget(text);
    return quote(tls ? `tls:${text}` : text);
  } catch {
    return undefined;
  }
}

/** What was meant by operands that are none of server's. */
export function hintForOperands(
  operands: readonly string[],
): string | undefined {
  const mode = operands.find((operand) => MODES.includes(operand));
  const others = operands.filter((operand) => operand !== mode);
  const ports = others.filter((operand) => /^\d+$/.test(operand));
  if (mode === "relay" && ports.length === 2 && others.length === 2) {
    const [own, target] = ports;
    return `a relay has one target; its own port is --port: hark server relay ${target} --port ${own}`;
  }
  if (mode === "relay") {
    const target = targetFor(others);
    return target && `hark server relay ${target}`;
  }
  if (/^(https?|web|rest|api)$/i.test(operands[0] ?? "")) {
    return "for HTTP: hark api";
  }
  if (/^(tls|ssl)$/i.test(others[0] ?? "")) {
    return ["hark server", ...mode ? [mode] : [], "--tls"].join(" ");
  }
  const [way] = others[0]?.toLowerCase().match(/^(tcp|udp|ws)$/) ?? [];
  if (way) {
    const [port] = ports;
    return [
      "hark server",
      ...way === "tcp" ? [] : [`--${way}`],
      mode === "chat" && way === "udp" ? "echo" : mode ?? "echo",
      ...port ? [`--port ${port}`] : [],
    ].join(" ");
  }
  const options = optionsFor(others);
  if (options) return ["hark server", ...mode ? [mode] : [], options].join(" ");
  const near = nearest(operands[0] ?? "", MODES);
  return near && mode === undefined
    ? `did you mean ${near}? see hark server --help`
    : undefined;
}
