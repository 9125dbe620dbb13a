/**
 * A request and its options as a command of curl.
 *
 * @module
 */

import { Failure } from "../../lib/cli/errors.ts";
import { decodeName, isSecret, redactUrl } from "../../lib/cli/redact.ts";
import { quote } from "../../lib/cli/values.ts";
import type { Timeouts } from "../../lib/http/deadline.ts";
import {
  fromLatin1,
  type Header,
  type HttpRequest,
} from "../../lib/http/request.ts";
import { fromByteString } from "./view/charset.ts";
import type { Item } from "./items.ts";
import type { ExchangeOptions } from "./options.ts";
import {
  type PrintedRequest,
  redactBody,
  redactHeader,
  redactRequest,
} from "./redact.ts";

const isType = (name: string) => /^content-type$/i.test(name);

/** A header as -H takes it: one without a value ends in a semicolon. */
function headerArgs([name, value]: Header): string[] {
  return [
    "-H",
    value === "" ? `${name};` : `${name}: ${fromByteString(value)}`,
  ];
}

/** A name of a field or a file as -F takes it, where it is not all up to a sign that means more there. */
function quoteForm(text: string): string {
  return /[",;]|^\s|\s$/.test(text)
    ? `"${text.replace(/["\\]/g, "\\$&")}"`
    : text;
}

/**
 * A multipart form by its fields, each file by its name; undefined where -F has no words for one: it ends a name at
 * the first `=` and sends none that is empty, and no argument can hold a NUL.
 */
async function formArgs(
  fields: readonly Item[],
  { form = false, multipart = false, showSecrets }: ExchangeOptions,
): Promise<string[] | undefined> {
  const { isMultipart } = await import("./body/multipart.ts");
  if (!isMultipart(fields, { form, multipart })) return undefined;
  const { nameOf, textOf } = await import("./body/json.ts");
  const { splitType } = await import("./body/file.ts");
  const args = await Array.fromAsync(fields, async (field) => {
    const name = nameOf(field.path);
    if (field.kind === "file") {
      const { path, type } = splitType(field.value);
      // curl reads its standard input for -
      const file = quoteForm(path === "-" ? "./-" : path);
      return ["-F", `${name}=@${file};type=${type}`];
    }
    const text = await textOf(field);
    const isHidden = !showSecrets && isSecret(decodeName(name));
    const shown = isHidden ? "***" : showSecrets ? text : redactBody(text);
    return ["--form-string", `${name}=${shown}`];
  });
  const isOdd = fields.some(({ path }) => /^$|=/.test(nameOf(path))) ||
    args.flat().some((arg) => arg.includes("\0"));
  return isOdd ? undefined : args.flat();
}

/** Whether a body is to come as it is: a part of a coded one is of no use, and a file is not decoded. */
function isIdentity(
  { headers }: HttpRequest,
  { output, remoteName, raw }: ExchangeOptions,
): boolean {
  return output !== undefined || remoteName || raw ||
    headers.some(([name]) => /^range$/i.test(name));
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
  const isTyped = headers.some(([name]) => isType(name));
  const names = new Set(unset);
  if (body !== undefined && !isTyped) names.add("content-type");
  const isEmpty = body === undefined && /^(POST|PUT)$/.test(method);
  return [
    ...Array.from(names, (name) => `${name}:`),
    ...isEmpty ? ["content-length: 0"] : [],
  ].flatMap((header) => ["-H", header]);
}

/** The arguments for what is not in the request itself: its way, whom it trusts, how long it waits, where its body goes. */
function optionArgs(
  { method, url }: Pick<PrintedRequest, "method" | "url">,
  options: ExchangeOptions,
): string[] {
  const { follow, maxRedirects = 10, proxy, http } = options;
  const value = (flag: string, of: string | number | undefined) =>
    of === undefined ? [] : [flag, `${of}`];
  const flag = (flag: string, of: boolean) => of ? [flag] : [];
  const { total }: Timeouts = options.timeout;
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
    ...flag("-J", options.remoteHeaderName),
    ...options.continue ? ["-C", "-"] : [],
    ...flag("-i", options.include),
    ...flag("-k", options.insecure),
    ...value("--cacert", options.ca),
    ...value("--cert", options.cert),
    ...value("--key", options.key),
    ...value("-x", proxy && !options.showSecrets ? redactUrl(proxy) : proxy),
    ...value("--unix-socket", options.unix),
    ...options.resolve.flatMap((text) => ["--resolve", text]),
    ...flag("-4", options.ipv4),
    ...flag("-6", options.ipv6),
    ...flag(`--http${http}`, http !== undefined),
    ...flag("--path-as-is", options.pathAsIs),
    ...flag("-g", /[[\]{}]/.test(url)),
  ];
}

/** Bytes, as the characters that stand for them, as printf takes them. */
function octal(binary: string): string {
  const escape = (byte: string) =>
    `\\${byte.charCodeAt(0).toString(8).padStart(3, "0")}`;
  return binary.replace(/[^]/g, escape);
}

/**
 * Formats a command of curl that does the same, for a POSIX shell. A body that is not text is piped into it; one that
 * is not in memory is to be given on its standard input.
 *
 * @param fields What the body was made of.
 * @param user Who logs in with Digest, as -u takes it.
 * @throws {Failure} When its body is a form of more than 1 MiB that `-F` has no words for.
 */
export async function formatCurl(
  request: HttpRequest,
  options: ExchangeOptions,
  fields: readonly Item[] = [],
  user = "",
): Promise<string> {
  const { body } = request;
  const { showSecrets } = options;
  const printed = redactRequest(request, showSecrets);
  const { url, body: text, bytes } = printed;
  const headers = showSecrets
    ? request.headers
    : request.headers.map(redactHeader);
  // curl makes a boundary, and so the header, of its own
  const isForm = !request.unset?.some(isType) &&
    headers.every(([name, value]) =>
      !isType(name) || /^multipart\/form-data *(;|$)/i.test(value)
    );
  const form = isForm ? await formArgs(fields, options) : undefined;
  // no argument can hold a NUL
  const isText = text !== undefined && !text.includes("\0");
  const isInline = body?.bytes !== undefined && body.path === undefined &&
    form === undefined;
  if (body?.again && !isInline && !form && body.path === undefined) {
    throw new Failure("Cannot show a large form as a command of curl", {
      hint: "--offline shows the request",
    });
  }
  const bodyArgs = body === undefined
    ? []
    : body.path !== undefined
    ? ["--data-binary", `@${body.path}`]
    : isText
    ? ["--data-raw", text]
    : ["--data-binary", "@-"];
  const words = [
    "curl",
    "-sS",
    ...isIdentity(request, options) ? [] : ["--compressed"],
    ...optionArgs(printed, options),
    ...methodArgs(request),
    ...user === "" ? [] : ["--digest", "-u", user],
    ...headers.filter(([name]) => !(form && isType(name))).flatMap(headerArgs),
    ...corrections(request),
    ...form ?? bodyArgs,
    url,
  ];
  const command = words.map(quote).join(" ");
  if (isText || !isInline) return command;
  // a NUL makes it bytes, even where it is text
  const shown = bytes ?? new TextEncoder().encode(text);
  return `printf '${octal(fromLatin1(shown))}' | ${command}`;
}
