/**
 * Why something failed: the one place that knows the error texts of Deno, the system, hyper, rustls and SQLite.
 *
 * @module
 */

import { ExitCode, Failure } from "./errors.ts";
import { redactText } from "./redact.ts";
import { formatList } from "./values.ts";

/** Words an error in one line: a failure as what could not be done and why, or why alone where `peer` is named already; another as its reason. */
export function describe(error: unknown, peer?: string): string {
  if (!(error instanceof Failure)) return reasonOf(error).message;
  const { message, cause } = error;
  if (cause === undefined) return message;
  const why = describe(cause).replace(/^Cannot /, "could not ");
  const isKnown = peer !== undefined && message.endsWith(` ${peer}`);
  return isKnown ? why : `${message}: ${why}`;
}

/** The exit code of an error: the failure's own, else that of its cause, else 1. */
export function exitCodeOf(error: unknown): ExitCode {
  if (!(error instanceof Failure)) return reasonOf(error).code;
  return error.code ??
    (error.cause === undefined ? ExitCode.Failed : exitCodeOf(error.cause));
}

/** Why something failed, in a few words, and its exit code. What is not known keeps its own words, but for what is secret in its URLs. */
export function reasonOf(error: unknown): { message: string; code: ExitCode } {
  const { message: unloaded } = unloadedOf(error) ?? {};
  if (unloaded) return { message: unloaded, code: ExitCode.Failed };
  const texts = chainOf(error);
  for (const text of texts) {
    for (const [test, message, code = ExitCode.Failed] of WORDINGS) {
      const match = text.match(test);
      if (match === null) continue;
      return typeof message === "string"
        ? { message: match[0].replace(test, message), code }
        : { message: message(match), code };
    }
  }
  const message = (texts.at(-1) ?? "").replace(/^\w*Error: /, "")
    .replace(/ \(os error \d+\).*/, "").replace(/\.$/, "");
  return { message: redactText(message), code: ExitCode.Failed };
}

/** What the sandbox denied: of net, read or write; of all where nothing less will do. */
export type Denial = Readonly<Record<"kind" | "what", string>>;

/** Finds what was denied in an error or its causes, where it was a denial. */
export function denialOf(error: unknown): Denial | undefined {
  for (const text of chainOf(error)) {
    const [, kind, what] = text.match(DENIAL) ?? [];
    if (kind !== undefined && what !== undefined) return { kind, what };
  }
}

/** Finds a module that could not be loaded in an error or its causes: whatever it was for, that alone has failed. */
export function unloadedOf(error: unknown): Failure | undefined {
  for (const text of chainOf(error)) {
    const [, why] = text.match(UNLOADED) ?? [];
    if (why === undefined) continue;
    const [, name] = why.match(/npm package '([^']+)'/) ?? [];
    const what = name === undefined
      ? "a module"
      : `npm:${name}: the first run needs the registry`;
    // Deno numbers the causes, and shows what the registry said
    const [cause] = why.split(/\n +\d+: /).at(-1)?.split("\n") ?? [];
    return new Failure(`Cannot load ${what} (${reasonOf(cause).message})`, {
      hint: name &&
        "run it once with a network, or set DENO_DIR to that of a run that had one",
    });
  }
}

const UNLOADED =
  /^TypeError: (?:\[ERR_MODULE_NOT_FOUND\] )?([^]+?)(?:\n? +at file:[^]*)? ERR_MODULE_NOT_FOUND$/;

/** The whole chain of causes as text, the outermost first, in the form that {@linkcode WORDINGS} tests. */
function chainOf(error: unknown): string[] {
  if (!(error instanceof Error)) return [String(error)];
  const code = "code" in error && typeof error.code === "string"
    ? ` ${error.code}`
    : "";
  const text = `${error.name}: ${error.message}${code}`;
  return error.cause === undefined ? [text] : [text, ...chainOf(error.cause)];
}

const DENIAL =
  /Requires (\w+) access to "?([^]+?)"?(?:, (?:run again|specify) [^"]*)?$/;

const { Certificate: REFUSED, Unreachable: AWAY, CutShort: CUT } = ExitCode;

/** The first match wins, whose groups a message may name: what is told from a text of Deno, the system, hyper, rustls or SQLite. */
const WORDINGS: readonly (readonly [
  test: RegExp,
  message: string | ((match: RegExpMatchArray) => string),
  code?: ExitCode,
])[] = [
  [
    DENIAL,
    Deno.build.standalone
      ? "this binary was compiled without $1 access to $2"
      : "$1 access to $2 is not permitted",
  ],
  [/^NotCapable/, "not permitted"],
  [/CaUsedAsEndEntity/, "it is a CA certificate, not a server's", REFUSED],
  [
    /certificate expired: verification time (\d+)[^,]*, but certificate is not valid after (\d+)/,
    ([, now, end]) =>
      `certificate expired ${formatAgo(Number(now) - Number(end))} ago`,
    REFUSED,
  ],
  [/certificate (has )?expired|: Expired/, "certificate expired", REFUSED],
  [/not valid yet|NotValidYet/, "certificate is not valid yet", REFUSED],
  [
    /certificate not valid for name "?([^";]+)"?(?:; certificate is (only valid for .*|not valid for any names.*))?/,
    ([, name, names]) => `certificate is not for ${name}` + formatNames(names),
    REFUSED,
  ],
  [/cannot decrypt peer/, "what the peer sent cannot be decrypted"],
  [/^Error: BER error/, "a certificate cannot be read", REFUSED],
  [/extended key usage for/, "it is not a server's certificate", REFUSED],
  [/UnknownIssuer/, "certificate of an unknown issuer", REFUSED],
  [/CertificateRequired/, "the server wants a client certificate", REFUSED],
  [
    /received fatal alert: UnknownCA/,
    "the server does not know the issuer of the client certificate",
    REFUSED,
  ],
  [
    /Unsupported(?:Cert)?(CriticalExtension|Version|SignatureAlgorithm)/,
    ([, part = ""]) =>
      "Deno's TLS does not know the certificate's" +
      part.replace(/[A-Z]/g, " $&").toLowerCase(),
    REFUSED,
  ],
  [
    // of what is nested, as in Other(OtherError(Why)), the innermost
    /invalid peer certificate: ?(?:\w+\()*([\w ]*)/,
    "certificate refused ($1)",
    REFUSED,
  ],
  [/KeyMismatch/, "the key does not belong to the certificate"],
  [
    /failed to parse private key/,
    "Deno's TLS cannot use its kind: expected RSA from 2048 bits on, P-256, P-384, P-521 or Ed25519",
  ],
  [
    /InvalidContentType|unexpected handshake message|wrong version number/,
    "the peer does not speak TLS",
  ],
  [/ProtocolVersion|AlgorithmsExtension/, "no TLS version in common"],
  [/no.?application.?protocol/i, "no version of HTTP in common"],
  [/received fatal alert: (\w+)/, "the peer ended TLS ($1)"],
  [
    /peer (?:is incompatible|misbehaved): (\w+)/,
    "the peer's TLS does not fit ($1)",
  ],
  [
    /without sending TLS close_notify/,
    "cut short: the connection ended before TLS close_notify",
    CUT,
  ],
  // what a proxy of the environment says to fetch, in the words of lib/net/proxy.ts
  [
    /proxy authentication required|No acceptable auth methods/,
    "the proxy wants a user and a password",
    AWAY,
  ],
  [/Password auth failure/, "the proxy refused the user or the password", AWAY],
  [/not allowed by ruleset/, "the proxy says: its rules do not allow it", AWAY],
  [/General SOCKS server failure/, "the proxy says: it failed", AWAY],
  [/unsuccessful tunnel/, "the proxy refused to connect", AWAY],
  [/unexpected eof while tunneling/, "the proxy closed the connection", AWAY],
  [/\(Connect\): Invalid response version/, "it is not a SOCKS5 proxy", AWAY],
  [/Proxy server unreachable/, "the proxy cannot be reached", AWAY],
  [
    /failed to lookup address|dns error|ENOTFOUND|EAI_|No address associated/,
    "unknown host",
    ExitCode.Unresolved,
  ],
  [/invalid host '|invalid dns name/, "it is no name of a host"],
  [/Connection ?[Rr]efused|ECONNREFUSED/, "connection refused", AWAY],
  [/Network is unreachable|ENETUNREACH/, "network is unreachable", AWAY],
  [/No route to host|EHOSTUNREACH/, "no route to host", AWAY],
  [/TimeoutError|TimedOut|timed out|ETIMEDOUT/, "timed out", ExitCode.TimedOut],
  // "is not connected": the reset came before Deno had asked for the peer's address
  [
    /ConnectionReset|Connection reset|ECONNRESET|is not connected/,
    "connection reset by peer",
  ],
  [/ConnectionAborted|ECONNABORTED/, "connection aborted"],
  [/BrokenPipe|Broken pipe|EPIPE/, "the peer closed the connection"],
  [/AddrInUse|Address already in use|EADDRINUSE/, "the address is in use"],
  [/AddrNotAvailable|EADDRNOTAVAIL/, "this machine does not have that address"],
  [/^Error: closed without an answer/, "closed without an answer", CUT],
  [
    /error reading a body|connection closed before message completed|stream closed because of a broken pipe|: connection closed$|unexpected end of file|reached unexpected EOF|tls handshake eof/,
    "cut short",
    CUT,
  ],
  [
    /client error \(SendRequest\): ((?:invalid|unexpected) .*?)(?: parsed)?$/,
    "the answer is not HTTP ($1)",
  ],
  [/message head is too large/, "the head of the answer is too large"],
  [
    /client error \(SendRequest\): received unexpected message/,
    "the answer is not HTTP (it came before the request)",
  ],
  [/connection error detected: frame/, "the answer is not HTTP/2"],
  // of fetch, of Node's zlib and zstd, and of DecompressionStream
  [
    /deflate decompression error|ERR_+ERROR_FORMAT|invalid gzip header|CRC computed does not match|amount of bytes read does not match|Z_DATA_ERROR|Zstd decompress error|^TypeError: (brotli (error|decompression failed)|Invalid Data$|failed to write whole buffer)/i,
    "the compressed body cannot be decoded",
  ],
  [/EMFILE|Too many open files/, "too many open files"],
  [/ENOSPC|No space left/, "no space left on device"],
  [/^NotFound|ENOENT/, "no such file"],
  [/^IsADirectory|EISDIR/, "it is a directory"],
  [/^NotADirectory|ENOTDIR/, "it is not in a directory"],
  [/^AlreadyExists|EEXIST/, "it exists already"],
  [/^PermissionDenied|EACCES|EPERM/, "permission denied"],
  [/SUN_LEN/, "the path is too long for a Unix socket"],
  [/^AbortError|^Interrupted/, "interrupted"],
];

function formatAgo(seconds: number): string {
  const units = { day: 86_400, hour: 3600 };
  const [unit, size] =
    Object.entries(units).find(([, size]) => seconds >= size) ?? ["minute", 60];
  const count = Math.max(1, Math.floor(seconds / size));
  return `${count} ${unit}${count === 1 ? "" : "s"}`;
}

/** The first name that a certificate has, out of the reason that it is not for the one that was asked for; one that fits a wildcard. */
export function nameInstead(reason: string): string | undefined {
  return reason.match(/^certificate is not for .*, only for ([*\w.:-]+)/)?.[1]
    ?.replace("*", "www");
}

function formatNames(text = ""): string {
  const names = text.match(/(?<=\w\("?)[^")]+(?="?\))/g);
  return names ? `, only for ${formatList(names)}` : "";
}
