/**
 * What `client` does: connects, sends, receives, and prints what it received.
 *
 * @module
 */

import { ExitCode, Failure } from "../../lib/cli/errors.ts";
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
  receive,
  track,
} from "../../lib/net/connection.ts";
import {
  addressFrom,
  type CLIENT_OPTIONS,
  type ClientOptions,
  familyFor,
  webSocketOf,
  withPorts,
} from "./options.ts";
import type { Print, Printer } from "./transfer.ts";
import type { PatientOptions } from "./wait.ts";

/** What the tutorial's client prints. */
const TUTORIAL = { before: "Received from server: ", after: "\n" };

/** Some servers and proxies take a half-close for the end of both ways. */
const UNANSWERED =
  "hint: nothing came back; if the server leaves at the end of what is sent, add --keep-open\n";

/** Each of them asks for TLS, with an empty value too, which is refused. */
const TLS_OPTIONS = ["tls", "starttls", "ca", "pin", "sni", "cert"] as const;

/** Everything is read and checked before anything is connected. */
async function findRoute(
  address: Address,
  options: ClientOptions,
): Promise<PatientOptions> {
  const { timeout, wait, proxy, starttls } = options;
  return {
    family: familyFor(address, options),
    timeout: timeout === undefined ? undefined : timeout * 1000,
    wait: wait ? wait * 1000 : undefined,
    proxy: proxy === undefined
      ? undefined
      : (await import("../../lib/net/proxy.ts")).parseProxy(proxy),
    tls: TLS_OPTIONS.some((name) => (options[name] ?? false) !== false)
      ? await (await import("../../lib/net/tls/trust.ts")).findTrust(options)
      : undefined,
    prepare: starttls &&
      (await import("./starttls.ts")).createRequest(starttls),
  };
}

/** Prints what is received on stdout, with something around it: safe text on a terminal; a pipe gets the very bytes. */
function createPrinter(
  { stdout }: Pick<Io, "stdout">,
  { before = "", after = "" },
): Printer {
  const text = stdout.isTerminal ? createSafeDecoder() : undefined;
  const encoder = new TextEncoder();
  const end = () => {
    const rest = before + (text?.flush() ?? "") + after;
    if (rest !== "") return print(stdout, rest);
  };
  return {
    async print(bytes, later) {
      if (before !== "") await print(stdout, before);
      before = "";
      const shown = text ? encoder.encode(text.decode(bytes)) : bytes;
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
): Promise<Printer> {
  if (!options.json) return createPrinter(io, options.pipe ? {} : TUTORIAL);
  const { createEventPrinter } = await import("./json_events.ts");
  return createEventPrinter(io, connection);
}

/** What a server that speaks TLS says to a client that does not: an alert (RFC 8446 section 6), and no more. */
function isTlsAlert(bytes: Uint8Array): boolean {
  return bytes.length === 7 && bytes[0] === 21 && bytes[1] === 3 &&
    bytes[4] === 2;
}

/** Says that what is piped is not sent. To look whether anything is takes 25 ms: that is for a person. */
async function tellUnsent({ stdin, stderr }: Io): Promise<void> {
  const unread = stderr.isTerminal ? await stdin.look?.() : {};
  if (unread === undefined || unread.size === 0) return;
  await print(stderr, "hint: stdin is not sent; to send it, add --pipe\n");
}

async function sendAndReceive(
  connection: Connection,
  printer: Printer,
  options: ClientOptions,
  io: Io,
): Promise<void> {
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
      (input !== undefined || connection.sent > 0);
  } else {
    const told = tellUnsent(io);
    await copy(
      (buffer) => receive(connection, buffer),
      (bytes) => show(bytes, false),
    );
    await told;
  }
  await printer.end();
  if (isUnanswered) await print(io.stderr, UNANSWERED);
  if (alert) {
    throw new Failure(`Cannot talk to ${connection.peer}: it speaks TLS`, {
      hint: "add --tls",
    });
  }
}

/** Waits for work on a connection, but no longer than something goes over it, either way, every `limit` ms. */
async function whileActive(
  connection: Connection,
  limit: number,
  work: Promise<void>,
): Promise<void> {
  const { watchIdle } = await import("../../lib/net/pause.ts");
  const { promise, reject } = Promise.withResolvers<never>();
  const failure = new Failure(
    `Cannot go on with ${connection.peer}: idle for ${limit / 1000} s`,
    { code: ExitCode.TimedOut },
  );
  // what fails after that, as its socket is closed, is nobody's concern any more
  work.catch(() => {});
  const stop = watchIdle(() => [connection], limit, () => reject(failure));
  await Promise.race([work, promise]).finally(stop);
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

/** Tells a person that a connection stands and, where nothing comes over it, once what may be wrong; gives what ends that. */
async function attend(
  connection: Connection,
  address: Address,
  { tls }: Pick<PatientOptions, "tls">,
  options: ClientOptions,
  { stderr }: Pick<Io, "stderr">,
): Promise<() => unknown> {
  const trust = tls?.pin === undefined ? "verified" : "the pinned one";
  const over = tls ? ` over TLS, its certificate is ${trust}` : "";
  await printSafe(stderr, `Connected to ${connection.peer}${over}\n`);
  let isEnded = false;
  const look = async () => {
    if (isEnded || connection.received > 0) return;
    const left = connection.active + SILENCE_MS - performance.now();
    // the first use of setTimeout costs 7 ms
    if (left > 0) return void (AbortSignal.timeout(left).onabort = look);
    const { explainSilence } = await import("./hints.ts");
    const isTls = tls !== undefined;
    const hint = explainSilence(connection, address, isTls, options);
    await printSafe(stderr, hint);
  };
  void look();
  return () => isEnded = true;
}

/** What goes over a WebSocket, once it is connected; it was begun at a time. */
type Messages = (connection: Connection, begun: number) => Promise<void>;

async function converse(
  address: Address,
  route: PatientOptions,
  options: ClientOptions,
  io: Io,
  messages?: Messages,
): Promise<void> {
  const begun = performance.now();
  const connecting = route.wait === undefined
    ? connect(address, route)
    : (await import("./wait.ts")).connectPatiently(address, route);
  using socket = await connecting.catch(async (error) => {
    if (!route.tls) throw error;
    const { withStarttlsHint } = await import("./hints.ts");
    throw withStarttlsHint(error, address, options);
  });
  const dump = options.dump
    ? (await import("../../lib/net/hexdump.ts")).createDumper((text) =>
      void print(io.stderr, text)
    )
    : undefined;
  const connection = track(socket, formatAddress(address), dump);
  const printer = messages
    ? undefined
    : await choosePrinter(connection, options, io);
  const { idleTimeout } = options;
  const isPersons = io.stdin.isTerminal && io.stderr.isTerminal;
  const rest = isPersons && printer && !options.json
    ? await attend(connection, address, route, options, io)
    : undefined;
  try {
    const work = printer
      ? sendAndReceive(connection, printer, options, io)
      : messages?.(connection, begun) ?? Promise.resolve();
    if (idleTimeout === undefined) await work;
    else await whileActive(connection, idleTimeout * 1000, work);
    // TLS's own end must be out before the process is at its own
    if (route.tls) await closeWrite(connection);
  } catch (error) {
    await printer?.fail?.(error);
    if (!route.tls) throw error;
    throw await withTlsHint(error);
  } finally {
    rest?.();
  }
}

async function readAddress(
  operands: readonly string[],
  options: ClientOptions,
): Promise<Address> {
  try {
    return addressFrom(operands);
  } catch (error) {
    throw (await import("./hints.ts")).withHint(error, operands, options);
  }
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
  const { options: given, operands } = withPorts(line);
  const target = await readAddress(operands, given);
  const { unix, header, subprotocol, binary } = given;
  const url = webSocketOf(operands);
  const isAsked = url || binary || unix !== undefined ||
    header.length + subprotocol.length > 0;
  const web = isAsked
    ? (await import("./websocket/talk.ts")).readTarget(url, target, given)
    : undefined;
  const { address, options } = web ?? { address: target, options: given };
  const route = await findRoute(address, options);
  if (options.check !== undefined) {
    const { runCheck } = await import("./check.ts");
    return await runCheck(address, route, options, io);
  }
  const messages = web &&
    ((connection: Connection, begun: number) =>
      web.talk(connection, begun, io, tellUnsent));
  await converse(address, route, options, io, messages).catch((error) => {
    throw web ? web.withHint(error) : error;
  });
  return ExitCode.Ok;
}
