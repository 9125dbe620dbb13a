/**
 * What `get` and `post` share: the way from operands to an exit code.
 *
 * @module
 */

import {
  ExitCode,
  exitCodeForStatus,
  UsageError,
} from "../../lib/cli/errors.ts";
import { ClosedOutput, type Io, printSafe } from "../../lib/cli/io.ts";
import {
  type CommandLine,
  formatOptionName,
  isGiven,
  type OptionTable,
} from "../../lib/cli/options.ts";
import type { Timeouts } from "../../lib/http/deadline.ts";
import type { HttpRequest } from "../../lib/http/request.ts";
import { send, type SendOptions } from "../../lib/http/send.ts";
import type { HttpResponse } from "../../lib/http/transport.ts";
import type { Login } from "./auth/login.ts";
import type { Session } from "./auth/session.ts";
import type { Download, SendNextOptions } from "./download/resume.ts";
import {
  EXCHANGE_OPTIONS,
  type ExchangeOptions,
  NAMING,
  SENDING,
} from "./options.ts";
import type { RequestOptions, TypedRequest } from "./request.ts";
import {
  type Asked,
  DEFAULT_URL,
  type Operands,
  parseOperands,
  refuseGarbled,
  splitUrls,
  WRITES,
} from "./url.ts";
import { printBody, printHead } from "./view/body.ts";
import type { Tunnel } from "./view/head.ts";

/** What the commands `get` and `post` have in common; what is rarely asked for is loaded then. */
export const COMMAND = {
  options: EXCHANGE_OPTIONS,
  hints: async (name: string) => {
    const { EXCHANGE_HINTS, FORM_HINTS } = await import("./hints.ts");
    const hints = { ...EXCHANGE_HINTS, ...name === "get" && FORM_HINTS };
    // several URLs, or a query alone, are not for post
    const own = (hint: string) =>
      hint.replace(/hark get(?!.* URL (URL|name==))/, `hark ${name}`);
    return Object.fromEntries(
      Object.entries(hints).map(([typed, hint]) => [typed, own(hint)]),
    );
  },
  // --userId=1 stands for a part of the query, or for a field
  meant: (typed: string, command: string) => {
    const [, name, text = ""] = typed.match(/^--(\w+)(?:=(.*))?$/s) ?? [];
    const isPlain = /^[\w.-]{1,40}$/.test(text);
    const value = isPlain ? text : "VALUE";
    const field = command === "post" ? `; as a field: ${name}=${value}` : "";
    return name && `if it is meant for the query: ${name}==${value}${field}`;
  },
  permissions: async (
    { operands, options }: CommandLine<typeof EXCHANGE_OPTIONS>,
  ) => {
    if (operands.length === 0) refuseTakenUrl(options);
    const calls = splitUrls(operands);
    if (calls.length > 1) {
      const { joinPermissions } = await import("./send/network.ts");
      return await joinPermissions(calls, options);
    }
    const [typed = DEFAULT_URL, ...items] = operands;
    if (items.length === 0 && !has(options, NAMING)) {
      const { addressOfUrl } = await import("../../lib/http/request.ts");
      const { permissionsFor } = await import("../../lib/net/address.ts");
      // what is most likely mistyped is refused, not asked for
      const { url } = await parseOperands([typed]);
      return permissionsFor([addressOfUrl(url)], []);
    }
    const { requiredPermissions } = await import("./send/network.ts");
    return await requiredPermissions(operands, options);
  },
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
): Promise<TypedRequest> {
  const { method, url, items, fields, raw } = operands;
  const { auth, bearer, netrc, digest, pathAsIs, kept } = options;
  const isMore = (auth ?? bearer ?? netrc ?? kept) !== undefined || digest ||
    url.username + url.password !== "" || pathAsIs;
  if (items.length + fields.length === 0 && raw === undefined && !isMore) {
    return { method, url, headers: [], typed: [] };
  }
  const { buildRequest } = await import("./request.ts");
  return await buildRequest(operands, io, options);
}

/** Whether one of these options was given. */
const has = (
  options: Partial<ExchangeOptions>,
  names: readonly (keyof ExchangeOptions)[],
) => names.some((name) => isGiven(undefined, options[name]));

/** How an exchange is sent, and what was said to a proxy meanwhile. */
interface Sent extends SendOptions {
  readonly tunnels?: readonly Tunnel[];
  /** Says it in sentences. */
  readonly explainer?: import("./view/exchange.ts").Explainer;
}

/** Reads how a request is sent; where no option says more than the defaults nothing more is loaded. */
async function loadSendOptions(
  request: HttpRequest,
  options: ExchangeOptions,
  io: Io,
): Promise<Sent> {
  const { stderr } = io;
  const { explain, http } = options;
  if (!has(options, SENDING) && !options.json && !explain) return {};
  const { readSendOptions } = await import("./send/network.ts");
  const isTimed = options.json || explain !== undefined;
  const time = options.time || isTimed && http !== "2";
  const read = await readSendOptions({ ...options, time }, request, stderr);
  if (!options.verbose && !isTimed) return read;
  const { createTrace } = await import("./view/head.ts");
  const { network } = read;
  const explainer = explain && (await import("./view/exchange.ts"))
    .createExplainer(explain, request, io, network);
  const { tunnels, ...heard } = createTrace(
    options,
    stderr,
    network?.proxy,
    explainer,
  );
  return {
    ...read,
    tunnels,
    network: { ...network, ...heard },
    ...explainer && { explainer, signal: io.signal },
  };
}

/** The exit code for a status; 304 is what a conditional request hopes for. */
function exitCodeFor({ headers }: HttpRequest, status: number): ExitCode {
  const conditional = headers.some(([name]) => /^if-/i.test(name));
  return exitCodeForStatus(status === 304 && conditional ? 200 : status);
}

/** Whether a pipe or a file gets the bytes of a body as they come. */
function keepsBytes({ raw }: ExchangeOptions, { stdout }: Io): boolean {
  return raw && !stdout.isTerminal;
}

/** Whether an encoding of the body is asked for, which fetch would take off. */
function wantsCoding({ headers }: HttpRequest): boolean {
  return headers.some(([name, value]) =>
    /^accept-encoding$/i.test(name) && !/^identity$/i.test(value)
  );
}

/** An exchange, and what is known of it while it goes on. */
interface Exchange extends Download {
  readonly sent: Sent;
  /** When it began, as `performance.now()` tells it. */
  readonly start: number;
  /** The response that came last. */
  readonly last: () => HttpResponse | undefined;
}

/** Makes what sends the requests of an exchange, each in the same way, all together in the time of one. */
async function createExchange(
  request: HttpRequest,
  options: ExchangeOptions,
  io: Io,
  printNote: Download["printNote"],
  login?: Login,
  session?: Session,
): Promise<Exchange> {
  const start = performance.now();
  // what changes nothing is tried again by itself
  const isSafe = ["GET", "HEAD", "OPTIONS"].includes(request.method);
  const retry = options.retry ?? (isSafe ? 2 : 0);
  const sent = await loadSendOptions(request, options, io);
  const digest = options.digest && login && "user" in login
    ? (await import("./auth/digest.ts"))
      .createDigest(login, request.url.origin)
    : undefined;
  // a server may know by a cookie to whom it gave a challenge
  const cookies = session?.cookies ?? (digest &&
    (await import("../../lib/http/cookies.ts")).createCookies());
  const { explainer } = sent;
  const notice = (text: string, isLast = false) => {
    explainer?.again(text);
    void ((isLast || io.stderr.isTerminal) && printNote(`${text}\n`));
  };
  const isKept = keepsBytes(options, io);
  let { network } = sent;
  let isFirst = true;
  let last: HttpResponse | undefined;
  const sendOver = async (
    request: HttpRequest,
    { retry: times = retry, decodes = isKept ? () => "" : undefined }:
      SendNextOptions,
  ) => {
    const { total, ...timeouts }: Timeouts = options.timeout;
    const left = total && !isFirst
      ? Math.max(1, start + total - performance.now())
      : total;
    isFirst = false;
    // fetch alone speaks HTTP/2
    const isOwn = decodes && wantsCoding(request) &&
      (options.raw || network?.http !== "2");
    const sending = send(request, {
      ...sent,
      ...digest?.(),
      cookies,
      decodes,
      network: isOwn ? { ...network, rawHeaders: true } : network,
      timeouts: { ...timeouts, total: left },
      retry: times,
      notice,
    });
    // what comes is kept when the head is there, whatever becomes of the body
    if (session) {
      sending.then(({ status }) => session.save(status), () => session.save());
    }
    last = await sending;
    explainer?.answered(last);
    return last;
  };
  const sendNext: Download["sendNext"] = async (request, how = {}) => {
    try {
      return await sendOver(request, how);
    } catch (error) {
      const { otherVersion } = await import("./send/versions.ts");
      const raw = isKept && wantsCoding(request);
      const asked = { ...options, raw };
      network = await otherVersion(error, request, asked, network);
      await printNote("Sent again over HTTP/2, which is all that it speaks\n");
      return await sendOver(request, how);
    }
  };
  return {
    ...{ request, options, io, retry, sendNext, printNote },
    ...{ sent, start, last: () => last },
  };
}

/** Who reads no more of a response has its head all the same: what the head says counts. */
function stopped(error: unknown): void {
  if (!(error instanceof ClosedOutput)) throw error;
}

/** Prints what is known of an exchange at its end alone, where that was asked for. */
async function printRest({ options, io, last, start }: Exchange) {
  const { trailers, timings } = last() ?? {};
  const isShown = options.verbose || options.include;
  if (!options.time && !(isShown && trailers?.length)) return;
  const { printEnd } = await import("./view/head.ts");
  await printEnd({ trailers, timings }, io, options, start);
}

/** Saves the body to a file. Returns the exit code; undefined where there is no file to save it to. */
async function save(exchange: Exchange): Promise<ExitCode | undefined> {
  const { download } = await import("./download/download.ts");
  const status = await download(exchange).catch((error) => {
    stopped(error);
    return exchange.last()?.status;
  });
  if (status === undefined) return undefined;
  await printRest(exchange);
  return exitCodeFor(exchange.request, status);
}

/** Whether a response is a stream of events that may be asked for again. */
function isStream({ request, status, headers }: HttpResponse): boolean {
  return request.method === "GET" && status === 200 &&
    /^text\/event-stream\s*([;,]|$)/i.test(headers.get("content-type") ?? "");
}

/** The same response with a body that goes on where it ends. */
async function withReconnect(
  exchange: Exchange,
  response: HttpResponse,
): Promise<HttpResponse> {
  const { options, start } = exchange;
  const { total }: Timeouts = options.timeout;
  const { reconnect } = await import("./view/reconnect.ts");
  const until = total ? start + total : Infinity;
  return { ...response, body: reconnect(exchange, response, until) };
}

/** Prints the response, its body as it comes or parts of it. Returns the exit code. */
async function show(
  exchange: Exchange,
  printShown = printBody,
): Promise<ExitCode> {
  const { request, options, io, sent, start } = exchange;
  // what cannot be loaded must not fail after something was sent
  const json = options.json && await import("./view/json/json_output.ts");
  await using response = await exchange.sendNext(request);
  const isReconnecting = options.retry && isStream(response);
  const shown = isReconnecting
    ? await withReconnect(exchange, response)
    : response;
  const print = async () => {
    await printHead(response, io, options);
    if (json) {
      const { tunnels, network } = sent;
      const exchanged = { response: shown, tunnels, proxy: network?.proxy };
      return await json.printJson(exchanged, io.stdout, options, start);
    }
    const goOn = async (error: unknown, received: number) => {
      if (isReconnecting) throw error;
      const { resume } = await import("./download/resume.ts");
      return resume(exchange, response, received, error);
    };
    await printShown(shown, io, options, goOn);
  };
  await print().catch(stopped);
  await printRest(exchange);
  if (response.status === 206) {
    const { isUnasked, partAlone } = await import("./download/range.ts");
    if (isUnasked(response)) throw partAlone(response);
  }
  return exitCodeFor(response.request, response.status);
}

/**
 * Refuses an option that has taken the URL for its value: nobody else is to be asked instead.
 *
 * @throws {UsageError} `Cannot use a URL as the value of --auth`.
 */
function refuseTakenUrl(options: Readonly<Record<string, unknown>>): void {
  const table: OptionTable = EXCHANGE_OPTIONS;
  const [name] =
    Object.entries(table).find(([name, { parse, value }]) =>
      parse === String && value !== "URL" &&
      /^(https?:\/\/|(localhost|127[\d.]+)?:\d+(\/|$))/i
        .test(`${options[name] ?? ""}`)
    ) ?? [];
  if (name === undefined) return;
  const typed = formatOptionName(name);
  throw new UsageError(`Cannot use a URL as the value of ${typed}`, {
    hint: `the value comes first: ${typed} VALUE URL`,
  });
}

/** Opens the session that the options name. */
async function openSession(url: URL, options: ExchangeOptions) {
  const { openSession } = await import("./auth/session.ts");
  const { refuseSaved } = await import("./auth/session_file.ts");
  await refuseSaved(url, options);
  return await openSession(url, options);
}

/**
 * Sends the request that the operands ask for, and prints its response or saves its body.
 *
 * @param hear Hears the response that came last, whatever became of it.
 * @returns The exit code: 0, or 3, 4 or 5 by the class of the status.
 * @throws {UsageError} When something cannot be sent.
 * @throws {Failure} When a file cannot be read, or there is no whole response.
 */
export async function runExchange(
  operands: Asked,
  options: ExchangeOptions,
  io: Io,
  hear?: (last?: HttpResponse) => void,
): Promise<ExitCode> {
  refuseGarbled(Object.values(options));
  if (operands.typed === DEFAULT_URL) refuseTakenUrl(options);
  const picked = options.pick.length > 0
    ? await (await import("./view/json/pick.ts"))
      .createPick(options.pick, operands)
    : undefined;
  const session = options.session ?? options.sessionReadOnly
    ? await openSession(operands.url, options)
    : undefined;
  const { login, ...typed } = await createRequest(operands, io, {
    ...options,
    kept: session,
    mayLack: operands.isElsewhere,
  });
  if (login && "user" in login && login.digest) {
    options = { ...options, digest: true };
  }
  const isSaved = options.output !== undefined || options.remoteName;
  // bytes that are kept as they come are asked for as they are
  const request = (isSaved || keepsBytes(options, io)) && !options.curl
    ? (await import("./download/range.ts")).requestPlain(typed)
    : typed;
  const printNote = async (text: string) => {
    if (!options.quiet && !options.body) await printSafe(io.stderr, text);
  };
  if (options.offline || options.curl) {
    const whole = await session?.cookies.add(request) ?? request;
    const { printUnsent } = await import("./view/unsent.ts");
    await printUnsent(whole, operands, options, io, printNote, login);
    return ExitCode.Ok;
  }
  if (login && "user" in login && login.warning !== undefined) {
    await printNote(`${login.warning}\n`);
  }
  const mayMiss = operands.mayHaveBody || WRITES.test(operands.method)
    ? await import("./request.ts")
    : undefined;
  const unsent = mayMiss?.findUnsent(operands, request, io);
  // to look costs 30 ms: with a body that can be while the request is on its way
  if (request.body === undefined) {
    await printNote(await unsent ?? "");
    await mayMiss?.refuseNoBody(operands, io.stdin);
  } else {
    const text = mayMiss?.explainHeader(operands.method, operands.items);
    if (text !== undefined) await printNote(`${text}\n`);
  }
  const exchange = await createExchange(
    ...[request, options, io, printNote, login, session] as const,
  );
  const work = async () =>
    (isSaved ? await save(exchange) : undefined) ??
      await show(exchange, picked);
  const { explainer } = exchange.sent;
  const told = () => explainer?.follow(work, exchange.last) ?? work();
  const code = await (session ? session.finish(told()) : told())
    .finally(() => hear?.(exchange.last()));
  if (request.body !== undefined) await printNote(await unsent ?? "");
  return code;
}
