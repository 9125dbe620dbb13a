/**
 * The options that `get` and `post` share, and what the users of other tools call them.
 *
 * @module
 */

import { UsageError } from "../../lib/cli/errors.ts";
import {
  formatOptionName,
  type Options,
  type OptionTable,
} from "../../lib/cli/options.ts";
import { parseSize, parseWhole } from "../../lib/cli/values.ts";
import { DEFAULT_TIMEOUTS, parseTimeouts } from "../../lib/http/deadline.ts";
import { parseMethod } from "../../lib/http/request.ts";

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
    parse: String,
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
    help: "Save to FILE",
  },
  remoteName: { short: "O", help: "Save under the name in the URL" },
  continue: { short: "c", help: "Go on with the part of an earlier download" },
  include: { short: "i", help: "Show status and headers before the body" },
  verbose: { short: "v", help: "Show the request and the head of the answer" },
  body: { short: "b", help: "Show the body alone; say nothing but errors" },
  quiet: { short: "q" },
  pretty: { help: "View as on a terminal; the bytes as they are" },
  raw: {},
  json: { help: "Show one object: request, response, timings" },
  time: { help: "Show how long each phase took" },
  offline: { help: "Show the request, or curl's command; send nothing" },
  curl: {},
  showSecrets: { help: "Show what is hidden as *** otherwise" },
  insecure: { short: "k", help: "Take any certificate; trust this CA" },
  ca: { value: "FILE", parse: String },
  cert: { value: "FILE", parse: String, help: "Show this certificate" },
  key: { value: "FILE", parse: String },
  proxy: {
    value: "URL",
    parse: String,
    secret: true,
    help: "Go through a proxy or a socket",
  },
  unix: { value: "PATH", parse: String },
  resolve: {
    value: "H:P:IP",
    parse: String,
    repeat: true,
    help: "Choose the way there",
  },
  ipv4: { short: "4" },
  ipv6: { short: "6" },
  http: { value: "1.1|2", parse: String },
} satisfies OptionTable;

/** What a command line of `get` or `post` says. */
export type ExchangeOptions = Options<typeof EXCHANGE_OPTIONS>;

/** What cannot be asked for together. */
const CONTRADICTIONS = [
  ["body", "include"],
  ["raw", "pretty"],
  ["output", "remoteName"],
  ["offline", "curl"],
  ["json", "include"],
  ["json", "raw"],
  ["json", "output"],
  ["json", "remoteName"],
  // they speak on stderr alone
  ["quiet", "verbose"],
  ["quiet", "time"],
  ["body", "verbose"],
  ["body", "time"],
] as const;

/**
 * Refuses options that say two things at once, before anything is sent.
 *
 * @throws {UsageError} When it finds some.
 */
export function refuseContradictions(
  options: ExchangeOptions,
): void {
  for (const pair of CONTRADICTIONS) {
    if (pair.some((name) => !options[name])) continue;
    const [one, other] = pair.map(formatOptionName);
    throw new UsageError(`Cannot use ${one} and ${other} together`);
  }
  if (options.continue && options.output === undefined && !options.remoteName) {
    throw new UsageError("Cannot use --continue without a file", {
      hint: "add -o FILE or -O",
    });
  }
}
