/**
 * The options that `get` and `post` share.
 *
 * @module
 */

import { UsageError } from "../../lib/cli/errors.ts";
import type { Options, OptionTable } from "../../lib/cli/options.ts";
import {
  oneOf,
  parseSeconds,
  parseSize,
  parseSocketPath,
} from "../../lib/cli/values.ts";
import { DEFAULT_TIMEOUTS, type Timeouts } from "../../lib/http/deadline.ts";
import { type Follow, TOKEN } from "../../lib/http/request.ts";

const FOLLOWED = "redirects are followed already: leave out --follow";

const FOLLOWS: readonly Follow[] = ["same", "safe", "all", "none"];

function parseFollow(text: string): Follow {
  const follow = FOLLOWS.find((name) => name === text);
  if (follow !== undefined) return follow;
  // a URL may have secrets in it
  const shown = /[:/.]/.test(text) ? "a URL" : `"${text}"`;
  throw new UsageError(
    `Cannot follow ${shown}: expected ${FOLLOWS.join(", ")}`,
    { hint: FOLLOWED },
  );
}

/** Reads a whole number, 0 included. */
export function parseWhole(text: string, of = ""): number {
  if (!/^\d{1,15}$/.test(text)) {
    throw new UsageError(
      `Cannot parse number "${text}"${of}: expected 0 or more`,
    );
  }
  return Number(text);
}

/** What HTTP/2, which is fetch's alone, cannot go over. */
export const NOT_HTTP2 = [
  ...["proxy", "unix", "insecure", "pin", "resolve"] as const,
  ...["ipv4", "ipv6", "pathAsIs"] as const,
];

/** What prints on stderr alone. */
const ON_STDERR = ["verbose", "time", "explain"];

/** The options of `get` and `post`. */
export const EXCHANGE_OPTIONS = {
  method: {
    group: "Request",
    short: "X",
    value: "METHOD",
    parse: parseMethod,
    help: "Use this method, such as PUT, PATCH or DELETE",
  },
  auth: {
    short: "a",
    value: "USER[:PW]",
    parse: String,
    secret: /^(?!@)[^]*:/,
    conflicts: ["bearer"],
    help: "Log in; asks for the password that is missing",
  },
  bearer: {
    value: "T|@FILE",
    parse: String,
    secret: /^(?!@)/,
    help: "Log in with a token",
  },
  netrc: {
    value: "FILE",
    parse: String,
    implied: {
      text: "~/.netrc",
      accepts: /^([/.~]|[a-z]:[\\/])|^[^:]*netrc$/i,
    },
    help: "Log in as a netrc file says, ~/.netrc unless named",
  },
  digest: {
    conflicts: ["bearer"],
    help: "Log in without showing the password (RFC 7616)",
  },
  session: {
    value: "FILE",
    parse: String,
    conflicts: ["sessionReadOnly"],
    help: "Keep cookies in FILE from call to call",
  },
  sessionReadOnly: {
    value: "FILE",
    parse: String,
    help: "Send the cookies of FILE, and keep none",
  },
  sessionAuth: {
    needs: { oneOf: ["session"], hint: "add --session FILE" },
    help: "Keep the login in the session, too",
  },
  pathAsIs: { help: "Send the path as it is typed, /../ too" },
  offline: {
    conflicts: ["curl"],
    help: "Show the request; send nothing",
  },
  curl: {
    conflicts: ["pin"],
    help: "Show a command of curl that sends it; send nothing",
  },
  include: {
    group: "Output",
    short: "i",
    help: "Print status and headers before the body",
  },
  verbose: { short: "v", help: "Show the request and the head of the answer" },
  explain: {
    value: "en|ko",
    parse: oneOf("explain in", "en", "ko"),
    implied: { text: "en", accepts: /^(en|ko)$/ },
    help: "Say what happens, a sentence for each fact",
  },
  body: {
    short: "b",
    conflicts: ["include", ...ON_STDERR],
    help: "Print the body alone: as -q, without -i",
  },
  quiet: {
    short: "q",
    conflicts: ON_STDERR,
    help: "Say nothing but errors; the body is printed",
  },
  pretty: { help: "Format in a pipe too, as on a terminal" },
  raw: {
    conflicts: ["pretty"],
    help: "Print the bytes as they are, on a terminal too",
  },
  pick: {
    value: "PATH",
    parse: String,
    repeat: true,
    conflicts: [
      ...["json", "raw", "output", "remoteName", "offline", "curl"],
    ],
    hint: "the path to a part of JSON, as .items[].name or /items/0",
    help: "Print this part of JSON alone: .a[0].b, .a[].b, /a/0/b",
  },
  json: {
    conflicts: ["include", "raw", "output", "remoteName"],
    help: "Print request, response and timings as JSON",
  },
  time: { help: "Show how long each phase took" },
  showSecrets: { help: "Show what is hidden as *** otherwise" },
  output: {
    group: "Download",
    short: "o",
    value: "FILE",
    parse: String,
    conflicts: ["remoteName"],
    help: "Save to FILE",
  },
  remoteName: { short: "O", help: "Save under the last name in the URL" },
  remoteHeaderName: {
    short: "J",
    needs: { oneOf: ["remoteName"], hint: "add -O" },
    conflicts: ["continue"],
    help: "With -O: under the name that the server gives",
  },
  continue: {
    short: "c",
    needs: {
      oneOf: ["output", "remoteName"],
      what: "a file",
      hint: "add -o FILE or -O; cookies are kept with --session FILE",
    },
    help: "Go on with the part of an earlier download",
  },
  maxSize: {
    value: "BYTES",
    parse: parseSize,
    help: "Refuse a larger body: 500K, 10M or 2G",
  },
  timeout: {
    group: "Connection",
    short: "t",
    value: "SECONDS",
    parse: parseTimeouts,
    default: DEFAULT_TIMEOUTS,
    help: "HEAD[,IDLE[,TOTAL]], 0: no limit [default: 30,60]",
  },
  retry: {
    value: "N",
    parse: parseWhole,
    help: "Try again up to N times [default: GET 2, else 0]",
  },
  follow: {
    value: "same|safe|all|none",
    parse: parseFollow,
    hint: FOLLOWED,
    help: "Which redirects to follow [default: safe]",
  },
  maxRedirects: {
    value: "N",
    parse: parseWhole,
    help: "Follow at most N redirects [default: 10]",
  },
  insecure: { short: "k", help: "Take any certificate" },
  ca: {
    value: "FILE",
    parse: String,
    help: "Trust this authority, or this certificate",
  },
  pin: {
    value: "SHA256",
    parse: String,
    conflicts: ["insecure"],
    help: "Trust this one certificate alone",
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
    help: "The key of --cert, where its file has none",
  },
  proxy: {
    value: "URL",
    parse: String,
    secret: "url",
    conflicts: (url) => url === "" ? [] : ["unix", "resolve", "ipv4", "ipv6"],
    help: "Go through this proxy; '': through none",
  },
  unix: {
    value: "PATH",
    parse: parseSocketPath,
    help: "Go through this socket, not on Windows",
  },
  resolve: {
    value: "HOST:PORT:IP",
    parse: String,
    repeat: true,
    help: "Use this address for the name",
  },
  ipv4: {
    short: "4",
    conflicts: ["ipv6"],
    help: "Use IPv4 alone",
  },
  ipv6: { short: "6", help: "Use IPv6 alone" },
  http: {
    value: "1.1|2",
    parse: oneOf("use HTTP", "1.1", "2"),
    conflicts: (version) =>
      version === "2" ? [...NOT_HTTP2, "time", "verbose"] : [],
    help: "Use this version of HTTP alone",
  },
} satisfies OptionTable;

/** The options of `post` alone. */
export const FORM_OPTIONS = {
  form: {
    group: "Request",
    short: "f",
    help: "Send fields as a form, not JSON",
  },
  multipart: {
    help: "Send a multipart form, with or without files",
  },
} satisfies OptionTable;

/** The options of a command line of `get` or `post`. */
export type ExchangeOptions =
  & Options<typeof EXCHANGE_OPTIONS>
  & Partial<Options<typeof FORM_OPTIONS>>;

/** Those that name a host or a file: what alone counts for what has to be permitted. */
export const NAMING = [
  ...["auth", "bearer", "netrc", "session", "sessionReadOnly"] as const,
  ...["output", "remoteName", "remoteHeaderName", "ca", "cert", "key"] as const,
  ...["proxy", "unix", "resolve", "ipv4", "ipv6"] as const,
];

/** Those that say how a request is sent: without them it goes as `send` sends it by itself. */
export const SENDING = [
  ...["follow", "maxRedirects", "retry", "maxSize", "http", "proxy"] as const,
  ...["unix", "resolve", "ipv4", "ipv6", "insecure", "ca", "pin"] as const,
  ...["cert", "key", "include", "verbose", "time"] as const,
];

/**
 * Reads timeouts in seconds: `HEAD[,IDLE[,TOTAL]]`, 0 for none; what is left out keeps its default.
 *
 * @throws {UsageError} When a part is not a number of seconds.
 *
 * @example A head within 2.5 s, a body for as long as it takes
 * ```ts
 * import { assertEquals } from "@std/assert";
 *
 * assertEquals(parseTimeouts("2.5,0"), { head: 2500, idle: 0, total: undefined });
 * ```
 */
export function parseTimeouts(text: string, of = ""): Timeouts {
  const [
    head = DEFAULT_TIMEOUTS.head,
    idle = DEFAULT_TIMEOUTS.idle,
    total,
    ...rest
  ] = text.split(",").map((part) => parseSeconds(part, of) * 1000);
  if (rest.length > 0) {
    throw new UsageError(
      `Cannot parse timeouts "${text}": expected HEAD[,IDLE[,TOTAL]]`,
    );
  }
  return { head, idle, total };
}

/** Reads a method's name; throws a {@linkcode UsageError} when it is no {@linkcode TOKEN}. */
export function parseMethod(text: string): string {
  return parseToken("method", text).toUpperCase();
}

/** The same of what else has to be a token. */
export function parseToken(what: string, text: string, hint?: string): string {
  if (!TOKEN.test(text)) {
    throw new UsageError(
      `Cannot use ${what} "${text}": expected letters, digits and - _ . ! # $ % & ' * + ^ \` | ~`,
      { hint },
    );
  }
  return text;
}
