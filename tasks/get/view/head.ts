/**
 * The heads of requests and responses, and how long they took, as they are printed.
 *
 * @module
 */

import {
  escapeControls,
  type Io,
  type Output,
  print,
  printSafe,
} from "../../../lib/cli/io.ts";
import {
  fromLatin1,
  type Header,
  type HttpRequest,
  latin1,
} from "../../../lib/http/request.ts";
import type {
  HttpResponse,
  Network,
  ResponseHead,
  Timings,
} from "../../../lib/http/transport.ts";
import type { Socket, TlsFacts } from "../../../lib/net/connection.ts";
import { type Proxy, schemesOf } from "../../../lib/net/proxy.ts";
import { formatFacts } from "../../../lib/net/tls/facts.ts";
import { fromByteString } from "./charset.ts";
import type { ExchangeOptions } from "../options.ts";
import {
  type PrintedRequest,
  redactHeader,
  redactRequest,
  redactResponseHeaders,
} from "../redact.ts";
import { paint } from "./paint.ts";

function formatHeaders(headers: readonly Header[]): string[] {
  return headers.map(([name, value]) => `${name}: ${value}`);
}

export function requestLines(
  { method, target, headers }: PrintedRequest,
  version = "1.1",
): string[] {
  return [`${method} ${target} HTTP/${version}`, ...formatHeaders(headers), ""];
}

function responseLines(
  response: ResponseHead,
  showSecrets?: boolean,
  told?: string,
): string[] {
  const { version = told, status, statusText } = response;
  const start = version === undefined ? "" : `HTTP/${version} `;
  return [
    `${start}${status} ${statusText}`.trimEnd(),
    ...formatHeaders(redactResponseHeaders(response, showSecrets)),
    "",
  ];
}

/** Writes a text whose characters stand for bytes: safe on a terminal, elsewhere the very bytes. */
async function writeBytes(output: Output, text: string): Promise<void> {
  if (!output.isTerminal) return await output.write(latin1(text));
  await print(output, escapeControls(fromByteString(text)));
}

/**
 * Prints the status line and the headers of a response, secrets too: as they came where the transport saw that, else as
 * Deno has them, in lower case and sorted.
 */
export async function printResponseHead(
  response: HttpResponse,
  output: Output,
): Promise<void> {
  for (const head of [...response.interim ?? [], response]) {
    const { lines } = head;
    const shown = lines ? [...lines, ""] : responseLines(head, true);
    await writeBytes(output, shown.join("\r\n") + "\r\n");
  }
}

/** Prints lines behind a mark. */
async function printLines(
  output: Output,
  mark: ">" | "<",
  lines: readonly string[],
): Promise<void> {
  const painted = paint(mark, mark === ">" ? "cyan" : "green", output);
  for (const line of lines) {
    await print(output, painted);
    await writeBytes(output, line === "" ? "\n" : ` ${line}\n`);
  }
}

/** A longer text is not printed. */
const MAX_TEXT = 64 * 1024;

/** The body's text, or how many bytes it has. */
function formatBody({ body, size }: PrintedRequest): string {
  if (body !== undefined && body.length <= MAX_TEXT) {
    return body === "" ? "" : `${body}\n`;
  }
  return size === undefined ? "(a body)\n" : `(${size} bytes)\n`;
}

/** The heads that a proxy was asked for a tunnel with, and answered. */
export interface Tunnel {
  sent: string;
  received: string;
}

/** Hears what is said to an HTTP proxy and by it, byte by byte, until there is a tunnel. */
function listenTo(
  socket: Pick<Socket, "read" | "write">,
  tunnel: Tunnel,
  onHead?: (mark: ">" | "<", head: string) => Promise<void>,
): Pick<Socket, "read" | "write"> {
  let head = "";
  return {
    write: async (bytes) => {
      const text = fromLatin1(bytes);
      tunnel.sent += text;
      await onHead?.(">", text);
      return await socket.write(bytes);
    },
    read: async (buffer) => {
      const count = await socket.read(buffer);
      head += fromLatin1(buffer.subarray(0, count ?? 0));
      if (/\n\r?\n$/.test(head.slice(-3))) {
        [tunnel.received, head] = [head, ""];
        await onHead?.("<", tunnel.received);
      }
      return count;
    },
  };
}

/** The first line of a head, and its headers. */
export function parseHead(head: string): [start: string, ...headers: Header[]] {
  const [start = "", ...lines] = head.split(/\r?\n/).slice(0, -2);
  return [
    start,
    ...lines.map((line): Header => {
      const [, name = line, value = ""] = line.match(/^([^:]*): *(.*)/) ?? [];
      return [name, value];
    }),
  ];
}

/** What else hears heads, TLS and tries of addresses. */
interface Listener {
  readonly onHead: (head: HttpRequest | ResponseHead, version?: string) => void;
  readonly onFacts: (facts: TlsFacts) => void;
  readonly onTry: (ips: readonly string[], why?: unknown) => void;
}

/**
 * Hears an exchange while it goes on: with `verbose` the head of each request is printed when it goes out, with a body
 * that is text, what TLS is spoken, and the head of each response when it is there. What is said to an HTTP proxy for a tunnel is kept too.
 */
export function createTrace(
  { verbose = false, showSecrets = false }: Partial<ExchangeOptions>,
  output: Output,
  proxy?: Proxy,
  explainer?: Listener,
): Pick<Network, "trace" | "watch" | "onFacts" | "onTry"> & {
  readonly tunnels: readonly Tunnel[];
} {
  const tunnels: Tunnel[] = [];
  const printHead = async (mark: ">" | "<", head: string) => {
    const [start, ...headers] = parseHead(head);
    const shown = showSecrets ? headers : headers.map(redactHeader);
    await printLines(output, mark, [start, ...formatHeaders(shown), ""]);
  };
  const trace: Network["trace"] = async (head, version) => {
    explainer?.onHead(head, version);
    if (!verbose) return;
    if ("status" in head) {
      for (const each of [...head.interim ?? [], head]) {
        const lines = responseLines(each, showSecrets, version);
        await printLines(output, "<", lines);
      }
      return;
    }
    const printed = redactRequest(head, showSecrets, proxy);
    await printLines(output, ">", requestLines(printed, version));
    if (head.body === undefined) return;
    await printSafe(output, formatBody(printed));
  };
  const watch: Network["watch"] = (socket) => {
    const tunnel = { sent: "", received: "" };
    tunnels.push(tunnel);
    return listenTo(socket, tunnel, verbose ? printHead : undefined);
  };
  const onFacts: Network["onFacts"] = (facts) => {
    explainer?.onFacts(facts);
    if (!verbose) return;
    const mark = paint("*", "dim", output);
    const lines = formatFacts(facts).map((line) => `${mark} ${line}\n`);
    void print(output, lines.join(""));
  };
  const isHeard = verbose || explainer !== undefined;
  return {
    tunnels,
    ...explainer && { onTry: explainer.onTry },
    trace: isHeard ? trace : undefined,
    onFacts: isHeard ? onFacts : undefined,
    watch: proxy?.protocol === "http" ? watch : undefined,
  };
}

/** Prints what came after a body: to a person, and with `include` behind the body, as it came. */
async function printTrailers(
  trailers: readonly Header[],
  { stdout, stderr }: Pick<Io, "stdout" | "stderr">,
  { verbose, include, showSecrets }: Partial<ExchangeOptions>,
): Promise<void> {
  const shown = showSecrets ? trailers : trailers.map(redactHeader);
  if (verbose) await printLines(stderr, "<", formatHeaders(shown));
  if (!include) return;
  for (const line of formatHeaders(trailers)) {
    await writeBytes(stdout, `${line}\r\n`);
  }
}

/**
 * Prints what is known at the end of an exchange alone: trailers, and with `time` how long it took.
 *
 * @param start When it began, as `performance.now()` tells it.
 */
export async function printEnd(
  { trailers = [], timings }: Pick<HttpResponse, "trailers" | "timings">,
  io: Pick<Io, "stdout" | "stderr">,
  options: Partial<ExchangeOptions>,
  start: number,
): Promise<void> {
  await printTrailers(trailers, io, options);
  if (!options.time) return;
  const total = performance.now() - start;
  await print(io.stderr, `${formatTimings(timings ?? { total })}\n`);
}

/**
 * What to say where a user and a password were refused in the one way in which they can be sent, as the server wants
 * another; or where the proxy that passes a request on wants them.
 */
export function loginHint(
  { status, request, headers, hops = [] }: HttpResponse,
  { netrc, digest }: Partial<Pick<ExchangeOptions, "netrc" | "digest">> = {},
): string | undefined {
  const isProxy = status === 407;
  const name = `${isProxy ? "proxy" : "www"}-authenticate`;
  const schemes = schemesOf(headers.get(name) ?? "");
  const has = (wanted: RegExp) => schemes.some((scheme) => wanted.test(scheme));
  const wanted = `the ${isProxy ? "proxy" : "server"} wants ${
    schemes.join(" or ")
  }`;
  const isMet = schemes.length === 0 || has(/^basic$/i);
  if (isProxy) {
    return isMet
      ? "the proxy refuses who asks: --proxy http://USER:PASSWORD@HOST:PORT"
      : `${wanted}; only Basic was tried`;
  }
  const [, sent] =
    request.headers.find(([name]) => /^authorization$/i.test(name)) ?? [];
  if (sent !== undefined) {
    return isMet || !/^basic /i.test(sent)
      ? undefined
      : has(/^digest$/i)
      ? `${wanted}: add --digest`
      : `${wanted}; only Basic was tried`;
  }
  const isAway = hops.some((hop) =>
    hop.request.url.origin !== request.url.origin
  );
  if (isAway) return undefined;
  if (!request.typed.includes("authorization")) {
    return netrc && "the netrc file has no login for it: --auth USER";
  }
  if (!digest || schemes.length === 0) return undefined;
  if (request.body?.again === false) {
    return "its body can be sent only once, and was: @FILE can be sent again";
  }
  return has(/^digest$/i)
    ? `${wanted} in a way that hark does not know`
    : `${wanted}: leave out --digest`;
}

/** Formats timings in one line. */
function formatTimings(timings: Partial<Timings>): string {
  const { dns, connect, tls, firstByte, body, total } = timings;
  const named = { dns, connect, tls, "first byte": firstByte, body, total };
  return Object.entries(named).flatMap(([name, ms]) =>
    ms === undefined
      ? []
      : ms < 1000
      ? [`${name} ${ms.toFixed(1)} ms`]
      : [`${name} ${(ms / 1000).toFixed(2)} s`]
  ).join(", ");
}
