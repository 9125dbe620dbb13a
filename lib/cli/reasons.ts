/**
 * Why something failed: the one place that knows the error texts of Deno, the system, hyper, rustls and SQLite.
 *
 * @module
 */

import { ExitCode, Failure } from "./errors.ts";

/** Why something failed: in words, and as an exit code. */
export interface Reason {
  /** The reason in a few words, without a period. */
  readonly message: string;
  /** The exit code that goes with it. */
  readonly code: ExitCode;
}

interface Wording {
  readonly test: RegExp;
  readonly message: string | ((match: RegExpMatchArray) => string);
  readonly code?: ExitCode;
}

const DENIAL =
  /Requires (\w+) access to "?(.+?)"?(?:, (?:run again|specify) [^"]*)?$/;

/** Deno's error classes and texts, the first match wins. Texts come from the system, hyper, rustls and SQLite. */
const WORDINGS: readonly Wording[] = [
  {
    test: DENIAL,
    message: ([, kind, what]) =>
      Deno.build.standalone
        ? `this binary was compiled without ${kind} access to ${what}`
        : `${kind} access to ${what} is not permitted`,
  },
  { test: /^NotCapable/, message: "not permitted" },
  {
    test: /CaUsedAsEndEntity/,
    message: "it is a CA certificate, not a server's",
    code: ExitCode.Certificate,
  },
  {
    test:
      /certificate expired: verification time (\d+)[^,]*, but certificate is not valid after (\d+)/,
    message: ([, now, end]) =>
      `certificate expired ${formatAgo(Number(now) - Number(end))} ago`,
    code: ExitCode.Certificate,
  },
  {
    test: /certificate (has )?expired|invalid peer certificate: Expired/,
    message: "certificate expired",
    code: ExitCode.Certificate,
  },
  {
    test: /certificate not valid yet|NotValidYet/,
    message: "certificate is not valid yet",
    code: ExitCode.Certificate,
  },
  {
    test:
      /certificate not valid for name "?([^";]+)"?(?:; certificate is (only valid for .*|not valid for any names.*))?/,
    message: ([, name, names]) =>
      `certificate is not for ${name}` + formatNames(names),
    code: ExitCode.Certificate,
  },
  {
    test: /is not in the cert's (?:altnames|list): (?<names>.*?)(?: ERR_\w+)?$/,
    message: ({ input = "", groups }) =>
      `certificate is not for ${
        input.match(/(?:Host|IP): (\S+?)\.? is not in/)?.[1]
      }` + formatAltNames(groups?.names ?? ""),
    code: ExitCode.Certificate,
  },
  {
    test:
      /UnknownIssuer|unable to (?:get local issuer|verify the first certificate)|self.signed certificate/i,
    message: "certificate of an unknown issuer",
    code: ExitCode.Certificate,
  },
  {
    test: /CertificateRequired/,
    message: "the server wants a client certificate",
    code: ExitCode.Certificate,
  },
  {
    test: /received fatal alert: UnknownCA/,
    message: "the server does not know the issuer of the client certificate",
    code: ExitCode.Certificate,
  },
  {
    test: /invalid peer certificate: ?(.*)/,
    message: ([, why]) => `certificate refused (${why})`,
    code: ExitCode.Certificate,
  },
  {
    test: /KeyMismatch/,
    message: "the key does not belong to the certificate",
  },
  {
    test:
      /InvalidContentType|unexpected handshake message|wrong version number/,
    message: "the peer does not speak TLS",
    code: ExitCode.Failed,
  },
  {
    test: /ProtocolVersion/,
    message: "no TLS version in common",
    code: ExitCode.Failed,
  },
  {
    test: /received fatal alert: (\w+)/,
    message: ([, alert]) => `the peer ended TLS (${alert})`,
  },
  {
    test: /peer (?:is incompatible|misbehaved): (\w+)/,
    message: ([, why]) => `the peer's TLS does not fit (${why})`,
  },
  {
    test: /without sending TLS close_notify/,
    message: "cut short: the connection ended before TLS close_notify",
    code: ExitCode.CutShort,
  },
  {
    test:
      /failed to lookup address|dns error|ENOTFOUND|EAI_|No address associated/,
    message: "unknown host",
    code: ExitCode.Unresolved,
  },
  {
    test: /ConnectionRefused|Connection refused|ECONNREFUSED/,
    message: "connection refused",
    code: ExitCode.Unreachable,
  },
  {
    test: /Network is unreachable|ENETUNREACH/,
    message: "network is unreachable",
    code: ExitCode.Unreachable,
  },
  {
    test: /No route to host|EHOSTUNREACH/,
    message: "no route to host",
    code: ExitCode.Unreachable,
  },
  {
    test: /TimeoutError|TimedOut|timed out|ETIMEDOUT/,
    message: "timed out",
    code: ExitCode.TimedOut,
  },
  {
    // the last one came before Deno had asked for the peer's address
    test: /ConnectionReset|Connection reset|ECONNRESET|is not connected/,
    message: "connection reset by peer",
  },
  { test: /ConnectionAborted|ECONNABORTED/, message: "connection aborted" },
  {
    test: /BrokenPipe|Broken pipe|EPIPE/,
    message: "the peer closed the connection",
  },
  {
    test: /AddrInUse|Address already in use|EADDRINUSE/,
    message: "the address is in use",
  },
  {
    test: /AddrNotAvailable|EADDRNOTAVAIL/,
    message: "this machine does not have that address",
  },
  {
    test:
      /error reading a body|connection closed before message completed|stream closed because of a broken pipe|: connection closed$|unexpected end of file|reached unexpected EOF|tls handshake eof/,
    message: "cut short",
    code: ExitCode.CutShort,
  },
  {
    test: /client error \(SendRequest\): (invalid .*?)(?: parsed)?$/,
    message: ([, why]) => `the answer is not HTTP (${why})`,
  },
  {
    test: /client error \(SendRequest\): received unexpected message/,
    message: "the answer is not HTTP (it came before the request)",
  },
  {
    test: /connection error detected: frame/,
    message: "the answer is not HTTP/2",
  },
  {
    // of fetch, of Node's zlib and zstd, and of DecompressionStream
    test:
      /deflate decompression error|invalid gzip header|CRC computed does not match|Z_DATA_ERROR|Zstd decompress error|^TypeError: (brotli (error|decompression failed)|Invalid Data$|failed to write whole buffer)/i,
    message: "the compressed body cannot be decoded",
  },
  { test: /EMFILE|Too many open files/, message: "too many open files" },
  { test: /ENOSPC|No space left/, message: "no space left on device" },
  { test: /^NotFound|ENOENT/, message: "no such file" },
  { test: /^IsADirectory|EISDIR/, message: "it is a directory" },
  { test: /^NotADirectory|ENOTDIR/, message: "it is not in a directory" },
  { test: /^AlreadyExists|EEXIST/, message: "it exists already" },
  { test: /^PermissionDenied|EACCES|EPERM/, message: "the system denies it" },
  { test: /SUN_LEN/, message: "the path is too long for a Unix socket" },
  { test: /^AbortError|^Interrupted/, message: "interrupted" },
];

function formatAgo(seconds: number): string {
  const [unit, size] = seconds < 3600
    ? ["minute", 60] as const
    : seconds < 86_400
    ? ["hour", 3600] as const
    : ["day", 86_400] as const;
  const count = Math.max(1, Math.floor(seconds / size));
  return `${count} ${unit}${count === 1 ? "" : "s"}`;
}

function formatNames(text: string | undefined): string {
  const names = [...text?.matchAll(/\w+\("([^"]+)"\)/g) ?? []].map(([, name]) =>
    name
  );
  return names.length === 0 ? "" : `, only for ${names.join(", ")}`;
}

/** The names of a certificate as Node lists them: `DNS:a.example, IP Address:127.0.0.1`. */
function formatAltNames(text: string): string {
  const names = text.split(", ").map((name) => name.replace(/^[^:]*:/, ""));
  return text === "" ? "" : `, only for ${names.join(", ")}`;
}

/** The whole chain of causes as text, the outermost first, in the form that {@linkcode WORDINGS} tests. */
function chainOf(error: unknown): string[] {
  if (!(error instanceof Error)) return [String(error)];
  const code = "code" in error && typeof error.code === "string"
    ? ` ${error.code}`
    : "";
  const text = `${error.name}: ${error.message}${code}`;
  return error.cause === undefined ? [text] : [text, ...chainOf(error.cause)];
}

/** Finds why something failed, in the error or the causes behind it; what is not known keeps its own words. */
export function reasonOf(error: unknown): Reason {
  const texts = chainOf(error);
  for (const text of texts) {
    for (const { test, message, code = ExitCode.Failed } of WORDINGS) {
      const match = text.match(test);
      if (match) {
        return {
          message: typeof message === "string" ? message : message(match),
          code,
        };
      }
    }
  }
  const last = texts.at(-1) ?? "";
  const plain = last.replace(/^\w*Error: /, "").replace(
    / \(os error \d+\).*/,
    "",
  ).replace(/\.$/, "");
  return { message: plain, code: ExitCode.Failed };
}

/**
 * Words an error for a person, in one line: a failure as what could not be done and why, any other
 * error as its reason alone.
 *
 * @param error What was thrown.
 * @param peer Who is named beside it already: of a failure about it, only why is said.
 */
export function describe(error: unknown, peer?: string): string {
  if (!(error instanceof Failure)) return reasonOf(error).message;
  const { message, cause } = error;
  if (cause === undefined) return message;
  const why = describe(cause);
  const isKnown = peer !== undefined && message.endsWith(` ${peer}`);
  return isKnown ? why : `${message}: ${why}`;
}

/** The exit code of an error: the failure's own, else that of its cause, else 1. */
export function exitCodeOf(error: unknown): ExitCode {
  if (!(error instanceof Failure)) return reasonOf(error).code;
  return error.code ??
    (error.cause === undefined ? ExitCode.Failed : exitCodeOf(error.cause));
}

/** A thing that the sandbox denied: the kind of access, and to what. */
export interface Denial {
  /** The permission's name: net, read, write. */
  readonly kind: string;
  /** What was asked for, as Deno names it: `host:port` or a path. */
  readonly what: string;
}

/** Finds what the sandbox denied in an error or its causes, where it was a denial. */
export function denialOf(error: unknown): Denial | undefined {
  for (const text of chainOf(error)) {
    const [, kind, what] = text.match(DENIAL) ?? [];
    if (kind !== undefined && what !== undefined) return { kind, what };
  }
}
