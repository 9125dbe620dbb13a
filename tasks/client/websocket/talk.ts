/**
 * What `client ws://` does: its messages, and what is printed of those that come.
 *
 * @module
 */

import { concat } from "@std/bytes/concat";
import { encodeBase64 } from "@std/encoding/base64";
import { ExitCode, Failure, UsageError } from "../../../lib/cli/errors.ts";
import {
  ClosedOutput,
  escapeControls,
  type Io,
  printSafe,
} from "../../../lib/cli/io.ts";
import { CONTROL, TOKEN } from "../../../lib/http/request.ts";
import type { Address } from "../../../lib/net/address.ts";
import {
  type Connection,
  copy,
  isCut,
  type TlsFacts,
  within,
} from "../../../lib/net/connection.ts";
import { atMost, pause } from "../../../lib/net/pause.ts";
import { type Close, isNormal, type Message } from "./frames.ts";
import { createLineSender, type WebSocketLink } from "./socket.ts";
import { openWebSocket, shownUrl, type Upgrade } from "./upgrade.ts";
import { type ClientOptions, TLS_OPTIONS, typedOf } from "../options.ts";

/** What the handshake says by itself. */
const OWN_HEADER = /^(connection|upgrade|content-length|sec-websocket-.*)$/i;

/** Reads a header: `Name:value`, one line, which is sent as UTF-8. */
function parseHeader(text: string): readonly [name: string, value: string] {
  const colon = text.indexOf(":");
  const name = text.slice(0, Math.max(colon, 0)).trim();
  const value = text.slice(colon + 1).trim();
  if (!TOKEN.test(name) || CONTROL.test(value)) {
    // it may hold a password
    throw new UsageError("Cannot parse a header: expected NAME:VALUE");
  }
  if (OWN_HEADER.test(name)) {
    const hint = /-protocol$/i.test(name)
      ? "hark client --subprotocol NAME ws://HOST:PORT/PATH"
      : undefined;
    const why = "the handshake says it by itself";
    throw new UsageError(`Cannot send the header "${name}": ${why}`, { hint });
  }
  return [name, value];
}

function parseSubprotocol(text: string): string {
  if (TOKEN.test(text)) return text;
  const expected = "expected one word";
  throw new UsageError(
    `Cannot ask for the subprotocol "${text}": ${expected}`,
  );
}

/** Refuses options that a WebSocket has no use for, and those that nothing else has. */
function refuseOptions(
  url: URL | undefined,
  options: ClientOptions,
): asserts url is URL {
  if (url === undefined) {
    const own = ["binary", "header", "subprotocol", "unix"] as const;
    const [name] = typedOf(options, own);
    throw new UsageError(`Cannot use ${name} without ws://HOST:PORT/PATH`, {
      hint: options.unix === undefined ? undefined : "hark client unix:PATH",
    });
  }
  const [name] = typedOf(options, ["crlf", "starttls"]);
  if (name) {
    const why = options.crlf ? "its messages are no lines" : "TLS is wss://";
    throw new UsageError(`Cannot use ${name} with a WebSocket: ${why}`);
  }
  const [secure] = typedOf(options, TLS_OPTIONS);
  if (secure === undefined || url.protocol === "wss:") return;
  throw new UsageError(`Cannot use ${secure} with ws://`, {
    hint: "over TLS it is wss://HOST:PORT/PATH",
  });
}

/** What is known of its connection, and who hears that it is open, and at last the code that it is closed with. */
interface Known extends TlsFacts {
  readonly onMessages?: ((code?: number) => void) | undefined;
}

/** Where a WebSocket is, and what is said over it. */
interface Target {
  readonly address: Address;
  readonly options: ClientOptions;
  readonly talk: (
    connection: Connection,
    known: Known,
    begun: number,
    io: Io,
  ) => Promise<boolean>;
  /** Gives an error of the way there the hint that leads to a WebSocket. */
  readonly withHint: (error: unknown) => unknown;
}

/** Reads what a WebSocket is to be opened with; a UsageError where something is against it. */
export function readTarget(
  url: URL | undefined,
  target: Address,
  given: ClientOptions,
): Target {
  refuseOptions(url, given);
  const { unix, timeout } = given;
  const upgrade = {
    url,
    headers: given.header.map(parseHeader),
    subprotocols: given.subprotocol.map(parseSubprotocol),
  };
  const isSecure = url.protocol === "wss:";
  // a path has no name that a certificate could have
  const sni = given.sni ?? (isSecure && unix ? url.hostname : undefined);
  const options = isSecure ? { ...given, tls: true, sni } : given;
  return {
    address: unix === undefined ? target : { path: unix },
    options,
    talk: async (connection, known, begun, io) => {
      const { onMessages, ...facts } = known;
      const limit = timeout === undefined ? undefined : AbortSignal.timeout(
        Math.max(1, timeout * 1000 - (performance.now() - begun)),
      );
      const link = await within(
        limit,
        connection.socket,
        () => openWebSocket(connection, upgrade),
      ).catch((cause) => {
        throw limit?.aborted
          ? new Failure(`Cannot open ${shownUrl(url)}`, { cause })
          : cause;
      });
      onMessages?.();
      const opened = { ...link, facts, onClose: onMessages };
      return await talk(opened, upgrade, options, io);
    },
    withHint: (error) => withHint(error, isSecure),
  };
}

type Opened = Awaited<ReturnType<typeof openWebSocket>> & {
  readonly facts: TlsFacts;
  readonly onClose?: ((code: number) => void) | undefined;
};

function withHint(error: unknown, isSecure: boolean): unknown {
  if (!(error instanceof Failure)) return error;
  const { message, cause, code } = error;
  // many a server that speaks no TLS just closes
  const isMute = isSecure && message.startsWith("Cannot start TLS ") &&
    isCut(error);
  const hint = error.hint ?? (isMute ? "leave out --tls" : undefined);
  if (hint === undefined) return error;
  return new Failure(message, {
    cause,
    code,
    hint: hint
      .replace("leave out --tls", "without TLS it is ws://HOST:PORT/PATH")
      .replace(/(?<=hark server)(?=( --host \S+)? --port)/, " --ws"),
  });
}

/** Prints what happens. */
interface Screen {
  readonly open: () => Promise<void> | void;
  readonly messages: (
    messages: readonly Message[],
    later: boolean,
  ) => Promise<void> | void;
  readonly close: (close: Partial<Close>) => Promise<void> | void;
}

const decoder = new TextDecoder("utf-8", { ignoreBOM: true });
const encoder = new TextEncoder();
const NEWLINE = Uint8Array.of(10);

/** Messages as one piece of bytes: each text ends with a newline, but where all are bytes. */
function createPrinter(
  { stdout }: Pick<Io, "stdout">,
  { pipe, binary }: Pick<ClientOptions, "pipe" | "binary">,
): Screen {
  const before = encoder.encode(pipe ? "" : "Received from server: ");
  const shown = (bytes: Uint8Array) =>
    stdout.isTerminal
      ? encoder.encode(escapeControls(decoder.decode(bytes)))
      : bytes;
  return {
    open: () => {},
    messages: (messages, later) => {
      const pieces = messages.flatMap(({ isText, bytes }) => [
        before,
        shown(bytes),
        ...!pipe || isText && !binary ? [NEWLINE] : [],
      ]);
      const all = concat(pieces);
      return later ? stdout.writeLater(all) : stdout.write(all);
    },
    close: () => {},
  };
}

/** The same as one JSON object per line; the events are those of TCP. */
function createJsonPrinter(
  { stdout }: Pick<Io, "stdout">,
  { connection, facts, subprotocol }: Opened,
): Screen {
  const opened = performance.now();
  const { peer } = connection;
  const write = (...events: readonly unknown[]) =>
    printSafe(
      stdout,
      events.map((event) => JSON.stringify(event) + "\n").join(""),
    );
  return {
    open: () => write({ event: "open", peer, ...facts, subprotocol }),
    messages: (messages) =>
      write(...messages.map(({ isText, bytes }) => ({
        event: "data",
        ...isText
          ? { text: decoder.decode(bytes) }
          : { base64: encodeBase64(bytes) },
      }))),
    close: ({ code, reason }) =>
      write({
        event: "close",
        peer,
        bytesIn: connection.received,
        bytesOut: connection.sent,
        ms: Math.round(performance.now() - opened),
        code,
        reason,
      }),
  };
}

/** How long an answer to the last message may take to come, and to go on, in ms. */
const ANSWER_MS = 1000;
const QUIET_MS = 100;

/** Says messages, and prints those that come, until the server closes; gives whether one came after the last. */
async function talk(
  link: Opened,
  { url }: Upgrade,
  options: ClientOptions,
  io: Io,
): Promise<boolean> {
  const { pipe = false, send, binary, keepOpen, json } = options;
  const { connection, subprotocol, facts } = link;
  const screen = json
    ? createJsonPrinter(io, link)
    : createPrinter(io, options);
  await screen.open();
  if (io.stdin.isTerminal && io.stderr.isTerminal && !json) {
    const chosen = subprotocol ? `, subprotocol ${subprotocol}` : "";
    const agreed = facts.alpn ? `, the protocol is ${facts.alpn}` : "";
    const told = `Connected to ${shownUrl(url)}${agreed}${chosen}\n`;
    await printSafe(io.stderr, told);
  }
  const isTyped = send === undefined && io.stdin.isTerminal;
  const isSilent = !pipe && !isTyped && send === undefined;
  const isText = !binary;
  let isEnded = false;
  let wake = () => {};
  let uploading = true;
  let isAnswered = false;
  let active = 0;

  const say: WebSocketLink["send"] = (messages) => {
    isAnswered = false;
    return link.send(messages);
  };

  async function upload(): Promise<void> {
    if (send !== undefined) {
      await say([{ isText, bytes: encoder.encode(send) }]);
    }
    if (pipe || isTyped) {
      const lines = createLineSender(
        { connection, send: say },
        "bytes are sent with --binary",
      );
      await copy(
        io.stdin.read,
        (bytes) => isText ? lines.write(bytes) : say([{ isText, bytes }]),
      );
      await lines.end();
    }
    if (keepOpen || isSilent) return;
    // many a server says no more once it hears of the end: the answer to the last message comes first
    active = performance.now();
    while (!isEnded) {
      const limit = isAnswered ? QUIET_MS : ANSWER_MS;
      const left = active + limit - performance.now();
      if (left <= 0) break;
      const woken = new AbortController();
      wake = () => woken.abort();
      await pause(left, woken.signal);
    }
    await link.close();
  }

  async function download(): Promise<Close> {
    for (let messages; (messages = await link.next()) !== undefined;) {
      await screen.messages(messages, uploading);
      active = performance.now();
      if (!isAnswered) wake();
      isAnswered = true;
    }
    return link.closed() ?? { code: 1005, reason: "" };
  }

  const sending = upload().finally(() => uploading = false);
  const broken = Promise.withResolvers<never>();
  // why it takes no more it may still say
  sending.catch((error) => isOfPeer(error, connection) || broken.reject(error));
  const receiving = download().finally(() => {
    isEnded = true;
    wake();
  });
  receiving.catch(() => {});
  try {
    const close = await Promise.race([receiving, broken.promise]);
    link.onClose?.(close.code);
    await screen.close(close);
    await link.close();
    refuseClose(close, url);
    // what stdin still has to say is not lost unseen
    if (!io.stdin.isTerminal) await atMost(QUIET_MS, sending);
    return isAnswered;
  } catch (error) {
    if (error instanceof ClosedOutput) throw error;
    if (!link.closed()) {
      const { describe } = await import("../../../lib/cli/reasons.ts");
      await screen.close({ reason: describe(error, connection.peer) });
    }
    throw error;
  }
}

/** Whether an error says that the peer takes nothing more. */
const isOfPeer = (error: unknown, { peer }: Connection) =>
  error instanceof Failure && error.message === `Cannot send to ${peer}`;

/** Fails where a server closed for another reason than that it was done. */
function refuseClose({ code, reason }: Close, url: URL): void {
  if (isNormal(code)) return;
  const why = reason === "" ? "" : ` "${reason}"`;
  throw new Failure(
    `Cannot go on with ${shownUrl(url)}: the server closed with ${code}${why}`,
    { code: ExitCode.Failed },
  );
}
