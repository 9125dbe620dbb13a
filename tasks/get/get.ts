/**
 * What `get` and `post` share: the way from operands to an exit code.
 *
 * @module
 */

import { ExitCode, exitCodeForStatus } from "../../lib/cli/errors.ts";
import { ClosedOutput, type Io, printSafe } from "../../lib/cli/io.ts";
import type { CommandLine } from "../../lib/cli/options.ts";
import type { Timeouts } from "../../lib/http/deadline.ts";
import type { HttpRequest } from "../../lib/http/request.ts";
import { send, type SendOptions } from "../../lib/http/send.ts";
import type { HttpResponse, Network } from "../../lib/http/transport.ts";
import type { Download, SendNextOptions } from "./download/resume.ts";
import { EXCHANGE_OPTIONS, type ExchangeOptions } from "./options.ts";
import type { RequestOptions } from "./request.ts";
import type { Operands } from "./url.ts";
import { printBody, printHead } from "./view/body.ts";
import type { Tunnel } from "./view/head.ts";

/** What the commands `get` and `post` have in common; what is rarely asked for is loaded then. */
export const COMMAND = {
  options: EXCHANGE_OPTIONS,
  hints: async () => (await import("./hints.ts")).EXCHANGE_HINTS,
  permissions: async (
    { operands, options }: CommandLine<typeof EXCHANGE_OPTIONS>,
  ) =>
    (await import("./send_options.ts")).requiredPermissions(operands, options),
  redact: async (operand: string, at: number) =>
    (await import("./redact.ts")).redactOperand(operand, at),
};

/**
 * Makes a request; for one that is but a method and a URL nothing more is loaded.
 *
 * @throws {UsageError} When something cannot be sent.
 * @throws {Failure} When a file cannot be read.
 */
export async function createRequest(
  operands: Operands & Pick<HttpRequest, "method">,
  io: Pick<Io, "stdin" | "askSecret">,
  options: RequestOptions,
): Promise<HttpRequest> {
  const { method, url, items, fields, raw } = operands;
  const login = options.auth !== undefined || options.bearer !== undefined ||
    url.username + url.password !== "" || options.pathAsIs;
  if (items.length + fields.length === 0 && raw === undefined && !login) {
    return { method, url, headers: [], typed: [] };
  }
  const { buildRequest } = await import("./request.ts");
  return await buildRequest(operands, io, options);
}

/** `--curl` and `--offline`: prints the request instead of sending it. */
async function printUnsent(
  request: HttpRequest,
  { fields }: Operands,
  options: ExchangeOptions,
  { stdout }: Io,
): Promise<void> {
  if (options.curl) {
    const { formatCurl } = await import("./curl.ts");
    const command = await formatCurl(request, options, fields);
    return await printSafe(stdout, `${command}\n`);
  }
  const { printOffline } = await import("./view/head.ts");
  const { parseProxy } = await import("../../lib/net/proxy.ts");
  const proxy = options.proxy ? parseProxy(options.proxy, true) : undefined;
  await printOffline(request, stdout, options.showSecrets, proxy);
}

/** What a person hears who has piped a body into a command that reads none. */
const UNSENT = "stdin is not sent: add -\n";

/** What `get` and `post` ask for. */
export interface Asked extends Operands {
  readonly method: string;
  /** Whether a body could be meant, so that one on stdin that is not sent is worth a word. */
  readonly mayHaveBody?: boolean;
}

/** The options that change nothing of how a request is sent: one that is missing here loads a module in vain, no more. */
const OTHER_OPTIONS = [
  ...["method", "form", "multipart", "auth", "bearer", "timeout", "output"],
  ...["remoteName", "remoteHeaderName", "continue", "body", "quiet", "pretty"],
  ...["raw", "offline"],
  ...["curl", "showSecrets", "pathAsIs"],
];

/** Reads how a request is sent; where no option says more than the defaults nothing more is loaded. */
async function loadSendOptions(
  request: HttpRequest,
  options: ExchangeOptions,
  { stderr }: Io,
): Promise<SendOptions & { readonly tunnels?: readonly Tunnel[] }> {
  const isPlain = Object.entries(options).every(([name, value]) =>
    OTHER_OPTIONS.includes(name) || value === undefined || value === false ||
    Array.isArray(value) && value.length === 0
  );
  if (isPlain) return {};
  const { readSendOptions } = await import("./send_options.ts");
  const time = options.time || options.json && options.http !== "2";
  const read = await readSendOptions({ ...options, time }, request, stderr);
  const { network } = read;
  if (!options.verbose && !options.json) return read;
  const { createTrace, listenTo } = await import("./view/head.ts");
  const proxy = network?.proxy;
  if (options.verbose) {
    const trace = createTrace(stderr, options.showSecrets === true, proxy);
    return { ...read, network: { ...network, ...trace } };
  }
  if (proxy?.protocol !== "http") return read;
  const tunnels: Tunnel[] = [];
  const watch: Network["watch"] = (socket) => {
    const tunnel = { sent: "", received: "" };
    tunnels.push(tunnel);
    return listenTo(socket, tunnel);
  };
  return { ...read, tunnels, network: { ...network, watch } };
}

/** The exit code for a status; 304 is what a conditional request hopes for. */
function exitCodeFor({ headers }: HttpRequest, status: number): ExitCode {
  const conditional = headers.some(([name]) => /^if-/i.test(name));
  return exitCodeForStatus(status === 304 && conditional ? 200 : status);
}

/** Whether a response is a stream of events that may be asked for again. */
function isStream({ request, status, headers }: HttpResponse): boolean {
  return request.method === "GET" && status === 200 &&
    /^text\/event-stream\s*([;,]|$)/i.test(headers.get("content-type") ?? "");
}

/** The same response with a body that goes on where it ends. */
async function withReconnect(
  exchange: Download,
  response: HttpResponse,
  start: number,
): Promise<HttpResponse> {
  const { total = 0 }: Timeouts = exchange.options.timeout;
  const { reconnect } = await import("./view/reconnect.ts");
  const until = total > 0 ? start + total : Infinity;
  return { ...response, body: reconnect(exchange, response, until) };
}

/** Who reads no more of a response has its head all the same: what the head says counts. */
function stopped(error: unknown): void {
  if (!(error instanceof ClosedOutput)) throw error;
}

/**
 * Sends the request that the operands ask for, and prints its response or saves its body.
 *
 * @returns The exit code: 0, or 3, 4 or 5 by the class of the status.
 * @throws {UsageError} When something cannot be sent.
 * @throws {Failure} When a file cannot be read, or there is no whole response.
 */
export async function runExchange(
  operands: Asked,
  options: ExchangeOptions,
  io: Io,
): Promise<ExitCode> {
  const typed = await createRequest(operands, io, options);
  const isSaved = options.output !== undefined || options.remoteName;
  const isKept = options.raw && !io.stdout.isTerminal;
  // bytes that are kept as they come are asked for as they are
  const request = (isSaved || isKept) && !options.curl
    ? (await import("./download/range.ts")).requestPlain(typed)
    : typed;
  const printNote = async (text: string) => {
    if (!options.quiet && !options.body) await printSafe(io.stderr, text);
  };
  if (options.offline || options.curl) {
    await printUnsent(request, operands, options, io);
    return ExitCode.Ok;
  }
  const isUnread = operands.mayHaveBody && request.body === undefined &&
    !io.stdin.isTerminal;
  const unread = isUnread ? await io.stdin.look?.() : undefined;
  if (unread !== undefined && unread.size !== 0) await printNote(UNSENT);
  const start = performance.now();
  const notice = (text: string, isLast = false) =>
    void ((isLast || io.stderr.isTerminal) && printNote(`${text}\n`));
  // what changes nothing is tried again by itself
  const isSafe = ["GET", "HEAD", "OPTIONS"].includes(request.method);
  const retry = options.retry ?? (isSafe ? 2 : 0);
  const sendOptions = await loadSendOptions(request, options, io);
  let { network } = sendOptions;
  let last: HttpResponse | undefined;
  // all requests together may take as long as one
  const sendNext = async (
    request: HttpRequest,
    { retry: times = retry, decodes = isKept ? () => "" : undefined }:
      SendNextOptions = {},
  ) => {
    const { total, ...timeouts }: Timeouts = options.timeout;
    const left = last && total
      ? Math.max(1, start + total - performance.now())
      : total;
    // fetch would decode what was asked for so; it alone speaks HTTP/2
    const isCoded = decodes && (options.raw || options.http !== "2") &&
      request.headers.some(([name, value]) =>
        /^accept-encoding$/i.test(name) && !/^identity$/i.test(value)
      );
    const sendOver = (network?: Network) =>
      send(request, {
        ...sendOptions,
        decodes,
        network: isCoded ? { ...network, rawHeaders: true } : network,
        timeouts: { ...timeouts, total: left },
        retry: times,
        notice,
      });
    return last = await sendOver(network).catch(async (error) => {
      const { otherVersion } = await import("./send_options.ts");
      network = await otherVersion(error, request, options, network);
      await printNote("Sent again over HTTP/2, which is all that it speaks\n");
      return await sendOver(network);
    });
  };
  const exchange = { request, options, io, retry, sendNext, printNote };
  const printTimings = async () => {
    if (!options.time) return;
    const { formatTimings } = await import("./view/head.ts");
    const timings = last?.timings ?? { total: performance.now() - start };
    await printNote(`${formatTimings(timings)}\n`);
  };
  const printEnd = async () => {
    const { trailers = [] } = last ?? {};
    if (trailers.length > 0 && (options.verbose || options.include)) {
      const { printTrailers } = await import("./view/head.ts");
      await printTrailers(trailers, io, options);
    }
    await printTimings();
  };
  if (isSaved) {
    const { download } = await import("./download/download.ts");
    const status = await download(exchange).catch((error) => {
      stopped(error);
      return last?.status;
    });
    if (status !== undefined) {
      await printEnd();
      return exitCodeFor(request, status);
    }
  }
  // what cannot be loaded must not fail after something was sent
  const json = options.json && await import("./view/json_output.ts");
  await using response = await sendNext(request);
  const shown = options.retry && isStream(response)
    ? await withReconnect(
      { ...exchange, sendNext: (request) => sendNext(request, { retry: 0 }) },
      response,
      start,
    )
    : response;
  const print = async () => {
    await printHead(response, io, options);
    if (json) {
      const { tunnels } = sendOptions;
      const exchanged = { response: shown, tunnels, proxy: network?.proxy };
      return await json.printJson(exchanged, io.stdout, options, start);
    }
    await printBody(shown, io, options, async (error, received) => {
      // such a stream has gone on already
      if (shown !== response) throw error;
      const { resume } = await import("./download/resume.ts");
      return resume(exchange, response, received, error);
    });
  };
  await print().catch(stopped);
  await printEnd();
  if (response.status === 206) {
    const { isUnasked, partAlone } = await import("./download/range.ts");
    if (isUnasked(response)) throw partAlone(response);
  }
  return exitCodeFor(response.request, response.status);
}
