/**
 * A request and its options as a command of curl.
 *
 * @module
 */

import { Failure } from "../../lib/cli/errors.ts";
import { quote } from "../../lib/cli/permissions.ts";
import type { Timeouts } from "../../lib/http/deadline.ts";
import { redactUrl } from "../../lib/http/redact.ts";
import {
  fromByteString,
  type Header,
  type HttpRequest,
  latin1,
} from "../../lib/http/request.ts";
import type { NetworkOptions } from "./network.ts";
import { redactBody, redactHeader } from "./redact.ts";
import { type RecordOptions, recordRequest } from "./view/record.ts";

/** What else than the request goes into the command. */
export interface CurlOptions extends RecordOptions {
  /** Arguments for what is not in the request: where it goes through, whom it trusts, how long it waits. */
  readonly extra?: readonly string[];
}

/** A header as -H takes it: one without a value ends in a semicolon. */
function headerArgs([name, value]: Header): string[] {
  return [
    "-H",
    value === "" ? `${name};` : `${name}: ${fromByteString(value)}`,
  ];
}

/** What makes curl use the method, where the body does not. */
function methodArgs({ method, body }: HttpRequest): string[] {
  if (method === "HEAD" && body === undefined) return ["-I"];
  const own = body === undefined ? "GET" : "POST";
  return method === own ? [] : ["-X", method];
}

/** What curl would add or leave out of its own accord. */
function corrections(
  { headers, body, method, unset = [] }: HttpRequest,
): string[] {
  const isTyped = headers.some(([name]) => /^content-type$/i.test(name));
  const names = new Set(unset);
  if (body !== undefined && !isTyped) names.add("content-type");
  const isEmpty = body === undefined && /^(POST|PUT)$/.test(method);
  return [
    ...Array.from(names, (name) => `${name}:`),
    ...isEmpty ? ["content-length: 0"] : [],
  ].flatMap((header) => ["-H", header]);
}

/** Bytes as printf takes them. */
function octal(bytes: Uint8Array): string {
  return Array.from(
    bytes,
    (byte) => `\\${byte.toString(8).padStart(3, "0")}`,
  ).join("");
}

/**
 * Formats a command of curl that sends the same request, for a POSIX shell. A body that is not text is piped into it;
 * one that is not in memory is to be given on its standard input.
 *
 * @param request The request.
 * @param options Whether secrets are shown, and what else curl must be told.
 * @throws {Failure} When its body is a form of more than 1 MiB.
 */
export function formatCurl(
  request: HttpRequest,
  { extra = [], showSecrets = false }: CurlOptions = {},
): string {
  const { body } = request;
  const { url, body: text } = recordRequest(request, { showSecrets });
  const headers = showSecrets
    ? request.headers
    : request.headers.map(redactHeader);
  // no argument can hold a NUL
  const isText = text !== undefined && !text.includes("\0");
  if (body?.again && body.bytes === undefined && body.path === undefined) {
    throw new Failure("Cannot show a large form as a command of curl", {
      hint: "--offline shows the request",
    });
  }
  const piped = isText || body?.path !== undefined ? undefined : body?.bytes;
  const shown = (bytes: Uint8Array) => {
    const text = Array.from(bytes, (byte) => String.fromCharCode(byte)).join(
      "",
    );
    return latin1(showSecrets ? text : redactBody(text));
  };
  const words = [
    "curl",
    "-sS",
    "--compressed",
    ...extra,
    ...methodArgs(request),
    ...headers.flatMap(headerArgs),
    ...corrections(request),
    ...body === undefined
      ? []
      : body.path !== undefined
      ? ["--data-binary", `@${body.path}`]
      : isText
      ? ["--data-raw", text]
      : ["--data-binary", "@-"],
    url.href,
  ];
  const command = words.map(quote).join(" ");
  return piped === undefined
    ? command
    : `printf '${octal(shown(piped))}' | ${command}`;
}

/** What curl is told beside the request. */
export interface CurlNetwork extends NetworkOptions {
  /** Which redirects are followed. */
  readonly follow?: string | undefined;
  /** How many redirects are followed. */
  readonly maxRedirects?: number | undefined;
  /** How often it is tried again. */
  readonly retry?: number | undefined;
  /** How many bytes a body may have. */
  readonly maxSize?: number | undefined;
  /** How long all of it may take, in ms. */
  readonly timeout?: Timeouts;
  /** The file that the body is saved to. */
  readonly output?: string | undefined;
  /** Whether the URL names that file. */
  readonly remoteName?: boolean;
  /** Whether to go on with a part. */
  readonly continue?: boolean;
  /** Whether the head is shown before the body. */
  readonly include?: boolean;
  /** Whether secrets are shown. */
  readonly showSecrets?: boolean;
}

/** The arguments of curl for what is not in the request itself. */
export function curlArgs(
  { method, url }: HttpRequest,
  options: CurlNetwork,
): string[] {
  const { follow, maxRedirects = 10, proxy, resolve = [] } = options;
  const value = (flag: string, of: string | number | undefined) =>
    of === undefined ? [] : [flag, `${of}`];
  const flag = (flag: string, of = false) => of ? [flag] : [];
  const { total }: Timeouts = options.timeout ?? {};
  return [
    // with a method of its own, curl would repeat that after a redirect
    ...follow === "none" || !/^(GET|HEAD)$/.test(method)
      ? []
      : ["-L", "--max-redirs", `${maxRedirects}`],
    ...value("--retry", options.retry),
    ...value("--max-filesize", options.maxSize),
    ...value("--max-time", total ? total / 1000 : undefined),
    ...value("-o", options.output),
    ...flag("-O", options.remoteName),
    ...options.continue ? ["-C", "-"] : [],
    ...flag("-i", options.include),
    ...flag("-k", options.insecure),
    ...value("--cacert", options.ca),
    ...value("--cert", options.cert),
    ...value("--key", options.key),
    ...value("-x", proxy && !options.showSecrets ? redactUrl(proxy) : proxy),
    ...value("--unix-socket", options.unix),
    ...resolve.flatMap((text) => ["--resolve", text]),
    ...flag("-4", options.ipv4),
    ...flag("-6", options.ipv6),
    ...flag(`--http${options.http}`, options.http !== undefined),
    ...flag("-g", /[[\]{}]/.test(url.href)),
  ];
}
