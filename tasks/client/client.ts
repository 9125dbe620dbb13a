/**
 * What `client` does: connects, sends, receives, and prints what it received.
 *
 * @module
 */

import { ExitCode, Failure, UsageError } from "../../lib/cli/errors.ts";
import {
  createSafeDecoder,
  type Io,
  print,
  printSafe,
} from "../../lib/cli/io.ts";
import type { CommandLine } from "../../lib/cli/options.ts";
import { type Address, formatAddress } from "../../lib/net/address.ts";
import { connect } from "../../lib/net/connect.ts";
import {
  closeWrite,
  type Connection,
  copy,
  isCut,
  isGone,
  type TlsClient,
  type TlsFacts,
  track,
} from "../../lib/net/connection.ts";
import {
  addressFrom,
  type CLIENT_OPTIONS,
  type ClientOptions,
  familyFor,
  formFor,
  isUdp,
  refuseNearLocalhost,
  TLS_OPTIONS,
  typedOf,
  webSocketOf,
} from "./options.ts";
import type { Print, Printer } from "./transfer.ts";
import type { PatientOptions } from "./wait.ts";

/** What the tutorial's client prints. */
const TUTORIAL = { before: "Received from server: ", after: "\n" };

/** Some servers and proxies take a half-close for the end of both ways. */
const UNANSWERED =
  "hint: nothing came back; if the server leaves at the end of what is sent, add --keep-open\n";

/** Whom to trust, and what to offer: one of that must be agreed on, whatever a server that knows no ALPN would make of it. */
async function findTls(options: ClientOptions): Promise<TlsClient> {
  const { alpn } = options;
  const { findTrust } = await import("../../lib/net/tls/trust.ts");
  const trust = await findTrust(options);
  return alpn === undefined ? trust : { ...trust, alpn, mustAgree: true };
}

/** Everything is read and checked before anything is connected. */
async function findRoute(options: ClientOptions): Promise<PatientOptions> {
  const { timeout, wait, bind, proxy, starttls } = options;
  return {
    timeout: timeout === undefined ? undefined : timeout * 1000,
    wait: wait ? wait * 1000 : undefined,
    proxy: proxy === undefined
      ? undefined
      : (await import("../../lib/net/proxy.ts")).parseProxy(proxy),
    openAt: bind && (await import("./bind.ts")).connectFrom(bind),
    tls: typedOf(options, TLS_OPTIONS).length > 0
      ? await findTls(options)
      : undefined,
    prepare: starttls &&
      (await import("./starttls.ts")).createRequest(starttls),
  };
}

/** Prints what is received on stdout, with something around it: safe text on a terminal; a pipe gets the very bytes. */
function createPrinter(
  { stdout, stderr }: Pick<Io, "stdout" | "stderr">,
  { before = "", after = "" },
): Printer {
  const decode = stdout.isTerminal ? createSafeDecoder() : undefined;
  const encoder = new TextEncoder();
  // there stderr ends the line, if nothing that was said has ended it
  const isShared = stdout.isTerminal && stderr.isTerminal;
  const end = async () => {
    const rest = before + (decode?.() ?? "") + (isShared ? "" : after);
    if (rest !== "") await print(stdout, rest);
    if (isShared) await print(stderr, "");
  };
  return {
    async print(bytes, later) {
      if (before !== "") await print(stdout, before);
      before = "";
      const shown = decode ? encoder.encode(decode(bytes)) : bytes;
      await (later ? stdout.writeLater(shown) : stdout.write(shown));
    },
    end,
    // what was shown ends its line before the error is said
    fail: () => before === "" ? end() : undefined,
  };
}

async function choosePrinter(
  connection: Connection,
  options: ClientOptions,
  io: Io,
  facts: TlsFacts,
): Promise<Printer> {
  if (!options.json) return createPrinter(io, options.pipe ? {} : TUTORIAL);
  const { createEventPrinter } = await import("./json_events.ts");
  return createEventPrinter(io, connection, facts);
}

/** What a server that speaks TLS says to a client that does not: an alert (RFC 8446 section 6), and no more. */
function isTlsAlert(bytes: Uint8Array): boolean {
  return bytes.length === 7 && bytes[0] === 21 && bytes[1] === 3 &&
    bytes[4] === 2;
}

/** Whether an error says that nothing came in time over what stood. */
function isSilence(error: unknown): error is Failure {
  return error instanceof Failure && error.cause instanceof Failure &&
    error.cause.code === ExitCode.TimedOut;
}

/** Makes what finds, once, the hint that what may be piped is not sent. To read it would take it from who else reads it; to look takes 40 ms. */
function createUnsent(
  { stdin }: Pick<Io, "stdin">,
  { pipe, send }: Pick<ClientOptions, "pipe" | "send">,
): () => Promise<string | undefined> {
  let isFound = pipe || send !== undefined || stdin.isTerminal;
  return async () => {
    if (isFound) return undefined;
    isFound = true;
    const unread = await stdin.look?.();
    return unread === undefined || unread.size === 0 || unread.isSocket
      ? undefined
      : "stdin is not sent without --pipe; in a loop, give it < /dev/null";
  };
}

async function sendAndReceive(
  connection: Connection,
  printer: Printer,
  options: ClientOptions,
  io: Io,
): Promise<boolean> {
  const { pipe = false, send, crlf = false, keepOpen } = options;
  let alert = false;
  const show: Print = (bytes, later) => {
    alert = connection.received === bytes.length && isTlsAlert(bytes);
    return printer.print(bytes, later);
  };
  // a person types to the server, as in nc
  const isTyped = send === undefined && io.stdin.isTerminal;
  let isUnanswered = false;
  if (pipe || isTyped || send !== undefined) {
    const { transfer } = await import("./transfer.ts");
    const input = pipe || isTyped ? io.stdin : undefined;
    const sending = { text: send, input, crlf, keepOpen };
    const isAllSent = await transfer(connection, show, sending);
    isUnanswered = isAllSent && !keepOpen && connection.received === 0 &&
      connection.socket.message === undefined &&
      (input !== undefined || connection.sent > 0);
  } else {
    await copy(
      connection,
      (bytes) => show(bytes, false),
      connection.socket.message,
    );
  }
  await printer.end();
  if (isUnanswered) await print(io.stderr, UNANSWERED);
  if (alert) {
    throw new Failure(`Cannot talk to ${connection.peer}: it speaks TLS`, {
      hint: "add --tls",
    });
  }
  return connection.received > 0;
}

/** Waits for work on a connection, but no longer than something goes over it, either way, every `limit` ms. */
async function whileActive<T>(
  connection: Connection,
  limit: number,
  work: Promise<T>,
): Promise<T> {
  const { watchIdle } = await import("../../lib/net/pause.ts");
  const { promise, reject } = Promise.withResolvers<never>();
  const failure = new Failure(`Cannot go on with ${connection.peer}`, {
    cause: new Failure(`idle for ${limit / 1000} s`, {
      code: ExitCode.TimedOut,
    }),
  });
  // what fails after that, as its socket is closed, is nobody's concern any more
  work.catch(() => {});
  const stop = watchIdle(() => [connection], limit, () => reject(failure));
  return await Promise.race([work, promise]).finally(stop);
}

/** Adds what to do to a failure of a TLS connection: some refusals of the handshake come with the first bytes. */
async function withTlsHint(error: unknown): Promise<unknown> {
  if (!(error instanceof Failure) || error.hint !== undefined) return error;
  const { message, cause, code } = error;
  const { hintForTls } = await import("../../lib/net/tls/client.ts");
  const hint = hintForTls(cause);
  return hint === undefined
    ? error
    : new Failure(message, { cause, code, hint });
}

/** How long nothing may come before a person is told what may be wrong, in ms. */
const SILENCE_MS = 3000;

/** Tells something where nothing comes over a connection for that long; gives what ends that. */
function afterSilence(
  connection: Connection,
  tell: () => Promise<void>,
): () => unknown {
  const { received } = connection;
  let isEnded = false;
  const look = () => {
    if (isEnded || connection.received > received) return;
    const left = connection.active + SILENCE_MS - performance.now();
    if (left <= 0) return void tell();
    // the first use of setTimeout costs 7 ms
    AbortSignal.timeout(left).onabort = look;
  };
  look();
  return () => isEnded = true;
}

/** Tells a person that a connection stands and, where nothing comes over it, once what may be wrong; gives what ends that. */
async function attend(
  connection: Connection,
  address: Address,
  { tls }: Pick<PatientOptions, "tls">,
  { alpn }: Pick<TlsFacts, "alpn">,
  options: ClientOptions,
  { stderr }: Pick<Io, "stderr">,
): Promise<(() => unknown) | undefined> {
  if (connection.socket.message) {
    if (options.send !== undefined) return undefined;
    const what = "each line that you type is a datagram, Ctrl-D ends";
    await printSafe(stderr, `${connection.peer}: ${what}\n`);
    return undefined;
  }
  const trust = tls?.pin === undefined ? "verified" : "the pinned one";
  const agreed = alpn === undefined ? "" : `, the protocol is ${alpn}`;
  const over = tls ? ` over TLS, its certificate is ${trust}${agreed}` : "";
  await printSafe(stderr, `Connected to ${connection.peer}${over}\n`);
  return afterSilence(connection, async () => {
    const { explainSilence } = await import("./hints.ts");
    const isTls = tls !== undefined;
    const hint = explainSilence(connection, address, isTls, options);
    await printSafe(stderr, hint);
  });
}

/** What goes over a WebSocket, once it is connected; it was begun at a time. */
type Messages = (
  connection: Connection,
  facts: TlsFacts,
  begun: number,
  onMessages: (code?: number) => void,
) => Promise<boolean>;

async function converse(
  address: Address,
  route: PatientOptions,
  options: ClientOptions,
  io: Io,
  udp: boolean,
  messages?: Messages,
): Promise<void> {
  let facts: TlsFacts = {};
  if (route.tls && (options.json || options.alpn)) {
    const onFacts = (found: TlsFacts) => facts = found;
    route = { ...route, tls: { ...route.tls, onFacts } };
  }
  const isTyped = options.send === undefined && io.stdin.isTerminal;
  const observer = options.explain && (await import("./observe.ts"))
    .createObserver(options.explain, io.stderr, address, route);
  if (observer) route = observer.route;
  const { family } = route;
  const begun = performance.now();
  const connecting = udp && "port" in address
    ? (await import("./udp.ts")).openUdp(address, family, options, isTyped)
    : route.wait === undefined
    ? connect(address, route)
    : (await import("./wait.ts")).connectPatiently(address, route);
  using socket = await connecting.catch(async (error) => {
    if (observer) observer.fail(error);
    if (!route.tls) throw error;
    const { withStarttlsHint } = await import("./hints.ts");
    throw withStarttlsHint(error, address, options);
  });
  const dump = options.dump
    ? (await import("../../lib/net/hexdump.ts")).createDumper((text) =>
      void print(io.stderr, text)
    )
    : undefined;
  const { pipe, send } = options;
  const hasSent = udp && !pipe && !isTyped && send === undefined;
  if (observer) observer.watch(socket, hasSent);
  const name = `${udp ? "udp:" : ""}${formatAddress(address)}`;
  const connection = track(socket, name, dump);
  if (dump && facts.alpn !== undefined) {
    const time = new Date().toISOString();
    await print(io.stderr, `${time} = ${connection.peer} ALPN ${facts.alpn}\n`);
  }
  const printer = messages
    ? undefined
    : await choosePrinter(connection, options, io, facts);
  const { idleTimeout } = options;
  const findUnsent = createUnsent(io, options);
  const tellUnsent = async () => {
    const hint = await findUnsent();
    if (hint !== undefined) await print(io.stderr, `hint: ${hint}\n`);
  };
  const isTold = io.stderr.isTerminal;
  const watch = () =>
    isTold && !io.stdin.isTerminal
      ? afterSilence(connection, tellUnsent)
      : undefined;
  let rest = isTold && io.stdin.isTerminal && printer && !options.json
    ? await attend(connection, address, route, facts, options, io)
    : printer && watch();
  try {
    const work = printer
      ? sendAndReceive(connection, printer, options, io)
      : messages?.(connection, facts, begun, (code) => {
        observer?.onMessages(code);
        // the handshake is no silence
        if (code === undefined) rest = watch();
      }) ?? Promise.resolve(true);
    const isAnswered = idleTimeout === undefined || udp
      ? await work
      : await whileActive(connection, idleTimeout * 1000, work);
    // a script whose server has answered is spared the look
    if (isTold || !isAnswered) await tellUnsent();
    // TLS's own end must be out before the process is at its own
    if (route.tls) await closeWrite(connection);
  } catch (error) {
    if (observer) observer.fail(error);
    await printer?.fail?.(error);
    if (isSilence(error)) {
      const { message, cause, hint } = error;
      throw new Failure(message, { cause, hint: await findUnsent() ?? hint });
    }
    if (!route.tls) throw error;
    const hinted = await withTlsHint(error);
    if (!(hinted instanceof Failure) || connection.received > 0) throw hinted;
    // the handshake of a WebSocket says first what it was at
    const why = hinted.cause instanceof Failure ? hinted.cause : hinted;
    if (!isCut(why) && !isGone(why.cause)) throw hinted;
    throw (await import("./hints.ts")).withCutHint(hinted, options);
  } finally {
    rest?.();
  }
}

async function readOperands<T>(
  read: (operands: readonly string[], options: ClientOptions) => T,
  { operands, options }: CommandLine<typeof CLIENT_OPTIONS>,
): Promise<T> {
  try {
    return read(operands, options);
  } catch (error) {
    throw (await import("./hints.ts")).withHint(error, operands, options);
  }
}

/** Refuses what is for what is sent, where nothing is; what the target excludes is said before that. */
function refuseUnused(options: ClientOptions): void {
  const isSent = options.pipe || options.send !== undefined;
  const [name] = isSent ? [] : typedOf(options, ["binary", "crlf"]);
  if (name === undefined) return;
  throw new UsageError(`Cannot use ${name} without --send or --pipe`);
}

async function checkTargets(
  line: CommandLine<typeof CLIENT_OPTIONS>,
  io: Io,
): Promise<ExitCode> {
  refuseUnused(line.options);
  const { targetsFrom, withPorts } = await import("./targets.ts");
  const whole = withPorts(line);
  const targets = await readOperands(targetsFrom, whole);
  for (const { address } of targets) await refuseNearLocalhost(address);
  const { runCheck, waysTo } = await import("./check.ts");
  const ways = await waysTo(targets, whole.options, findRoute);
  return await runCheck(ways, whole.options, io);
}

/**
 * Runs `client` as its command line says.
 *
 * @throws {UsageError} When an address or a value is none.
 * @throws {Failure} When it cannot connect, be sure of the server, send or receive.
 */
export async function runClient(
  line: CommandLine<typeof CLIENT_OPTIONS>,
  io: Io,
): Promise<ExitCode> {
  if (line.options.check !== undefined) return await checkTargets(line, io);
  const { options: given, operands } = line;
  const target = await readOperands(addressFrom, line);
  const udp = isUdp(operands);
  const { unix, header, subprotocol, binary } = given;
  const url = webSocketOf(operands);
  if (unix === undefined) await refuseNearLocalhost(target, formFor(operands));
  const isAsked = url || binary || unix !== undefined ||
    header.length + subprotocol.length > 0;
  const web = isAsked
    ? (await import("./websocket/talk.ts")).readTarget(url, target, given)
    : undefined;
  refuseUnused(given);
  const { address, options } = web ?? { address: target, options: given };
  const family = familyFor(address, options);
  const route = { ...await findRoute(options), family };
  const messages: Messages | undefined = web &&
    ((connection, facts, begun, onMessages) =>
      web.talk(connection, { ...facts, onMessages }, begun, io));
  await converse(address, route, options, io, udp, messages).catch((error) => {
    throw web ? web.withHint(error) : error;
  });
  return ExitCode.Ok;
}
