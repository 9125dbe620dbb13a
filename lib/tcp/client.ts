/**
 * What `client` does: connects, sends, receives, and shows what it received.
 *
 * @module
 */

import { ExitCode, Failure, UsageError } from "../cli/errors.ts";
import { type Io, print } from "../cli/io.ts";
import type { CommandLine } from "../cli/options.ts";
import {
  type Address,
  DEFAULT_ADDRESS,
  formatAddress,
  parseAddress,
} from "./address.ts";
import { type Answer, createAnswer, type Show } from "./answer.ts";
import {
  type CLIENT_OPTIONS,
  type ClientOptions,
  findRoute,
} from "./client_route.ts";
import { connect, type ConnectOptions } from "./connect.ts";
import { type Connection, receive, track } from "./connection.ts";

const BUFFER_BYTES = 256 * 1024;

/** What the tutorial's client prints. */
const TUTORIAL = { before: "Received from server: ", after: "\n" };

/** The options that say more about the way to the server than how long it may take. */
const ROUTE_OPTIONS = [
  "wait",
  "proxy",
  "tls",
  "ca",
  "pin",
  "sni",
  "cert",
  "key",
] as const;

/**
 * The address that operands name: `HOST:PORT`, `HOST PORT`, `unix:PATH`, or none for the tutorial's.
 *
 * @throws {UsageError} On anything else.
 *
 * @example Two operands
 * ```ts
 * import { assertEquals } from "@std/assert";
 *
 * assertEquals(addressFrom(["::1", "7000"]), { host: "::1", port: 7000 });
 * ```
 */
export function addressFrom(operands: readonly string[]): Address {
  if (operands.length > 2) {
    throw new UsageError(
      `Cannot connect to ${operands.length} operands: expected HOST:PORT`,
    );
  }
  const [host, port] = operands;
  if (host === undefined) return DEFAULT_ADDRESS;
  if (port === undefined) return parseAddress(host);
  return parseAddress(
    /^[\da-f:]+:/i.test(host) ? `[${host}]:${port}` : `${host}:${port}`,
  );
}

async function createAnswerFor(
  connection: Connection,
  options: Partial<ClientOptions>,
  io: Io,
): Promise<Answer> {
  if (!options.json) return createAnswer(io, options.pipe ? {} : TUTORIAL);
  const { createEventAnswer } = await import("./event_answer.ts");
  return createEventAnswer(io, connection);
}

async function receiveAll(connection: Connection, show: Show): Promise<void> {
  const buffer = new Uint8Array(BUFFER_BYTES);
  for (let count; (count = await receive(connection, buffer)) !== null;) {
    await show(buffer.subarray(0, count), false);
  }
}

/** What a server that speaks TLS says to a client that does not: an alert (RFC 8446 section 6), and no more. */
function isTlsAlert(bytes: Uint8Array): boolean {
  return bytes.length === 7 && bytes[0] === 21 && bytes[1] === 3 &&
    bytes[4] === 2;
}

async function talk(
  connection: Connection,
  answer: Answer,
  options: Partial<ClientOptions>,
  io: Io,
): Promise<void> {
  const { pipe = false, send, crlf = false } = options;
  let alert = false;
  const show: Show = (bytes, later) => {
    alert = connection.received === bytes.length && isTlsAlert(bytes);
    return answer.show(bytes, later);
  };
  if (pipe || send !== undefined) {
    const { exchange } = await import("./exchange.ts");
    const input = pipe ? io.stdin : undefined;
    await exchange(connection, show, { text: send, input, crlf });
  } else {
    if (!io.stdin.isTerminal) {
      void print(
        io.stderr,
        "hint: stdin is not sent; to send it, add --pipe\n",
      );
    }
    await receiveAll(connection, show);
  }
  await answer.end();
  if (alert) {
    throw new Failure(`Cannot talk to ${connection.peer}: it speaks TLS`, {
      hint: "add --tls",
    });
  }
}

async function converse(
  address: Address,
  route: ConnectOptions,
  options: Partial<ClientOptions>,
  io: Io,
): Promise<void> {
  using socket = await connect(address, route);
  const dump = options.dump
    ? (await import("./hexdump.ts")).createDumper((text) =>
      void print(io.stderr, text)
    )
    : undefined;
  const connection = track(socket, formatAddress(address), dump);
  const answer = await createAnswerFor(connection, options, io);
  const { idleTimeout } = options;
  try {
    const work = talk(connection, answer, options, io);
    if (idleTimeout === undefined) return await work;
    const { whileActive } = await import("./idle.ts");
    await whileActive(connection, idleTimeout * 1000, work);
  } catch (error) {
    await answer.fail?.(error);
    if (!route.tls) throw error;
    throw (await import("./tls_client.ts")).withTlsHint(error);
  }
}

/**
 * Runs `client` as its command line says.
 *
 * @param line The command line.
 * @param io The streams.
 * @returns The exit code.
 * @throws {UsageError} When an address or a value is none.
 * @throws {Failure} When it cannot connect, be sure of the server, send or receive.
 *
 * @example Too many operands
 * ```ts
 * import { assertRejects } from "@std/assert";
 * import { parseCommandLine } from "../cli/options.ts";
 * import { createMemoryIo } from "../cli/memory.ts";
 * import { CLIENT_OPTIONS } from "./client_route.ts";
 *
 * const line = await parseCommandLine(CLIENT_OPTIONS, ["a", "1", "2"]);
 * await assertRejects(() => runClient(line, createMemoryIo().io), Error, "Cannot connect to 3 operands");
 * ```
 */
export async function runClient(
  { options, operands }: CommandLine<typeof CLIENT_OPTIONS>,
  io: Io,
): Promise<ExitCode> {
  const address = addressFrom(operands);
  const route = ROUTE_OPTIONS.some((name) => options[name])
    ? await findRoute(options)
    : { timeout: options.timeout * 1000 };
  if (options.check !== undefined) {
    const { runCheck } = await import("./check.ts");
    return await runCheck(address, route, { ...options, io });
  }
  await converse(address, route, options, io);
  return ExitCode.Ok;
}
