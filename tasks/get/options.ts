/**
 * The options that `get` and `post` share.
 *
 * @module
 */

import type { Hints } from "../../lib/cli/definition.ts";
import { UsageError } from "../../lib/cli/errors.ts";
import type { Options, OptionTable } from "../../lib/cli/options.ts";
import { parseSize, parseWhole } from "../../lib/cli/values.ts";
import { DEFAULT_TIMEOUTS, parseTimeouts } from "../../lib/http/deadline.ts";
import type { Follow } from "../../lib/http/redirect.ts";
import { parseMethod } from "../../lib/http/request.ts";

const FOLLOWS: readonly Follow[] = ["same", "safe", "all", "none"];

function parseFollow(text: string): Follow {
  const follow = FOLLOWS.find((name) => name === text);
  if (follow !== undefined) return follow;
  throw new UsageError(
    `Cannot follow "${text}": expected ${FOLLOWS.join(", ")}`,
  );
}

function parseVersion(text: string): "1.1" | "2" {
  if (text === "1.1" || text === "2") return text;
  throw new UsageError(`Cannot use HTTP "${text}": expected 1.1 or 2`);
}

/** What HTTP/2, which is fetch's alone, cannot go over. */
const NOT_HTTP2 = [
  "proxy",
  "unix",
  "insecure",
  "resolve",
  "ipv4",
  "ipv6",
  "time",
  "verbose",
];

/** What prints on stderr alone. */
const ON_STDERR = ["verbose", "time"];

/** The options of `get` and `post`. */
export const EXCHANGE_OPTIONS = {
  method: {
    short: "X",
    value: "METHOD",
    parse: parseMethod,
    help: "Use this method",
  },
  form: { short: "f", help: "Send fields as a form; files make it multipart" },
  auth: {
    short: "a",
    value: "USER[:PW]",
    parse: String,
    secret: /^(?!@)[^]*:/,
    conflicts: ["bearer"],
    help: "Log in; asks for a missing PW",
  },
  bearer: {
    value: "T|@FILE",
    parse: String,
    secret: /^(?!@)/,
    help: "Log in with a token",
  },
  follow: {
    value: "POLICY",
    parse: parseFollow,
    help: "same, safe, all or none [default: safe]",
  },
  maxRedirects: { value: "N", parse: parseWhole },
  timeout: {
    short: "t",
    value: "SECONDS",
    parse: parseTimeouts,
    default: DEFAULT_TIMEOUTS,
    help: "HEAD[,IDLE[,TOTAL]], 0: no limit [default: 30,60]",
  },
  retry: {
    value: "N",
    parse: parseWhole,
    help: "Try again [get: 2, post: 0]; refuse more bytes",
  },
  maxSize: { value: "BYTES", parse: parseSize },
  output: {
    short: "o",
    value: "FILE",
    parse: String,
    conflicts: ["remoteName"],
    help: "Save to FILE",
  },
  remoteName: { short: "O", help: "Save under the name in the URL" },
  continue: {
    short: "c",
    needs: {
      oneOf: ["output", "remoteName"],
      what: "a file",
      hint: "add -o FILE or -O",
    },
    help: "Go on with the part of an earlier download",
  },
  include: { short: "i", help: "Show status and headers before the body" },
  verbose: { short: "v", help: "Show the request and the head of the answer" },
  body: {
    short: "b",
    conflicts: ["include", ...ON_STDERR],
    help: "Show the body alone; say nothing but errors",
  },
  quiet: { short: "q", conflicts: ON_STDERR },
  pretty: { help: "View as on a terminal; the bytes as they are" },
  raw: { conflicts: ["pretty"] },
  json: {
    conflicts: ["include", "raw", "output", "remoteName"],
    help: "Show one object: request, response, timings",
  },
  time: { help: "Show how long each phase took" },
  offline: {
    conflicts: ["curl"],
    help: "Show the request, or curl's command; send nothing",
  },
  curl: {},
  showSecrets: { help: "Show what is hidden as *** otherwise" },
  insecure: { short: "k", help: "Take any certificate; trust this CA" },
  ca: { value: "FILE", parse: String },
  cert: { value: "FILE", parse: String, help: "Show this certificate" },
  key: { value: "FILE", parse: String, needs: { oneOf: ["cert"] } },
  proxy: {
    value: "URL",
    parse: String,
    secret: "url",
    conflicts: ["unix", "resolve", "ipv4", "ipv6"],
    help: "Go through a proxy or a socket",
  },
  unix: { value: "PATH", parse: String },
  resolve: {
    value: "H:P:IP",
    parse: String,
    repeat: true,
    help: "Choose the way there",
  },
  ipv4: { short: "4", conflicts: ["ipv6"] },
  ipv6: { short: "6" },
  http: {
    value: "1.1|2",
    parse: parseVersion,
    conflicts: (version) => version === "2" ? NOT_HTTP2 : [],
  },
} satisfies OptionTable;

/** The options of a command line of `get` or `post`. */
export type ExchangeOptions = Options<typeof EXCHANGE_OPTIONS>;

/** What the users of other tools type, and what to type here. */
export const EXCHANGE_HINTS: Hints = {
  "-d --data --data-raw": "fields are operands: post URL title=foo userId:=1",
  "--data-urlencode --post-data": "fields are operands: post -f URL title=foo",
  "--data-binary": "a body is an operand: post URL @FILE, or - for stdin",
  "-F --multipart": "a form with a file: post -f URL title=foo picture@FILE",
  "-j": "JSON is what post sends already: post URL title=foo",
  "-T --upload-file": "a file is an operand: post -X PUT URL @FILE",
  "--request": "the method: -X METHOD",
  "-u --user -n": "credentials are --auth USER, or --auth @FILE",
  "-G": "the query is operands: get URL name==value",
  "-H --header": "headers are operands: get URL Accept:text/plain",
  "--headers -I --head": "for the headers alone: get -X HEAD -i URL",
  "-A --user-agent": "headers are operands: get URL User-Agent:me",
  "-e": "headers are operands: get URL Referer:URL",
  "--cookie": "headers are operands: get URL Cookie:name=value",
  "--cookie-jar --session --session-read-only --load-cookies --save-cookies":
    "no cookies are kept: get URL Cookie:name=value",
  "-r": "headers are operands: get URL Range:bytes=0-99",
  "-S -D": "headers and body: get -i URL",
  "-p --print": "parts of it: -i, -b or -v",
  "-L --location": "safe redirects are followed already",
  "--max-redirs": "at most N: --max-redirects N",
  "--fail --check-status": "a status of 400 or more exits 4 or 5 already",
  "-s --silent": "there is nothing to silence but the status line: -q",
  "-N --no-buffer --stream": "what comes is shown as it comes already",
  "--compressed": "compressed bodies are asked for and decoded already",
  "--download": "into a file of the URL's name: get -O URL",
  "-C --continue-at": "after what is there: get -c -O URL",
  "-J --content-disposition": "the name comes from the URL alone: get -O URL",
  "--output-document": "into a file: get -o FILE URL",
  "-P": "into a file: get -o FOLDER/FILE URL",
  "--url": "the URL is an operand: get URL",
  "-w --write-out": "how long it took: --time, or --json",
  "-m --max-time": "for all of it: --timeout HEAD,IDLE,TOTAL",
  "--connect-timeout": "up to the head of the answer: --timeout HEAD",
  "--max-filesize": "at most so many bytes: --max-size BYTES",
  "--tries": "try again N times: --retry N",
  "-x": "through a proxy: --proxy URL",
  "-E": "a certificate: --cert FILE --key FILE",
  "--cacert --ca-certificate": "an authority: --ca FILE",
  "--verify": "an authority: --ca FILE; none at all: -k",
  "--no-check-certificate": "any certificate: -k",
  "--unix-socket": "a socket: --unix PATH",
  "--http1.1": "the version: --http=1.1",
  "--http2": "the version: --http=2",
  "--trace": "what is sent and what comes: -v",
};
