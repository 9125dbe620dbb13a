/**
 * The modes of a server whose clients speak WebSocket: what they do with bytes, done with messages.
 *
 * @module
 */

import { Failure } from "../../../lib/cli/errors.ts";
import {
  closeSocket,
  type Sink,
  type Socket,
  type Source,
  track,
} from "../../../lib/net/connection.ts";
import { atMost } from "../../../lib/net/pause.ts";
import { isNormal, type Message } from "../../client/websocket/frames.ts";
import {
  createLineSender,
  createWebSocket,
  type WebSocketLink,
} from "../../client/websocket/socket.ts";
import type { Handler, OpenTarget, Served } from "../serve.ts";

/** How long a client may take to close in its turn, or a target to end once a client has closed, in ms. */
const LINGER_MS = 1000;

const NEWLINE = 10;
/** What stands for a newline within a message of a chat, whose lines are messages: UTF-8 has no such byte. */
const INNER = 0xff;

const replaced = (bytes: Uint8Array, from: number, to: number) =>
  bytes.includes(from) ? bytes.map((byte) => byte === from ? to : byte) : bytes;

/** How messages and bytes are made of one another. */
interface Mapping {
  readonly toBytes: (message: Message) => readonly Uint8Array[];
  readonly write: (bytes: Uint8Array) => Promise<void>;
  readonly end?: () => Promise<void>;
}

/** Each text is a line; bytes are bytes. */
function asLines(link: WebSocketLink): Mapping {
  const lines = createLineSender(link);
  return {
    toBytes: ({ isText, bytes }) =>
      isText ? [bytes, Uint8Array.of(NEWLINE)] : [bytes],
    ...lines,
  };
}

/** Each text is one line, whatever it holds: a chat passes on lines. */
function asChat(link: WebSocketLink): Mapping {
  return {
    toBytes: ({ isText, bytes }) => {
      if (!isText) {
        link.close(1003, "a chat takes text alone").catch(() => {});
        throw new Failure("it sent bytes, a chat takes text alone");
      }
      return [replaced(bytes, NEWLINE, INNER), Uint8Array.of(NEWLINE)];
    },
    write: (bytes) => {
      const texts: Message[] = [];
      let at = 0;
      while (at < bytes.length) {
        const end = bytes.indexOf(NEWLINE, at);
        const isPart = end === -1;
        const line = bytes.subarray(at, isPart ? bytes.length : end);
        const text = replaced(line, INNER, NEWLINE);
        texts.push({ isText: true, bytes: text, isPart });
        at += line.length + 1;
      }
      return link.send(texts);
    },
  };
}

/** What is said in a chat by its host, and what it hears. */
export function asHost(
  source: Source,
  sink: Sink,
): readonly [source: Source, sink: Sink] {
  const decoder = new TextDecoder("utf-8", { ignoreBOM: true });
  const encoder = new TextEncoder();
  // what is no UTF-8 must not end its hearers, and may be three times as long when it is replaced
  const read: Source = async (buffer) => {
    const raw = new Uint8Array(Math.max(1, Math.floor(buffer.length / 3) - 4));
    for (let count; (count = await source(raw)) !== null;) {
      const text = decoder.decode(raw.subarray(0, count), { stream: true });
      if (text !== "") return encoder.encodeInto(text, buffer).written;
    }
    return null;
  };
  return [read, (bytes) => sink(replaced(bytes, INNER, NEWLINE))];
}

/** Messages are pieces of a stream of bytes. */
const asBytes = (link: WebSocketLink): Mapping => ({
  toBytes: ({ bytes }) => [bytes],
  write: (bytes) => link.send([{ isText: false, bytes }]),
});

/** Whoever reads or writes a stream says of whom it is. */
function unwrap(error: unknown): never {
  throw error instanceof Failure ? error.cause ?? error : error;
}

/** A WebSocket as a stream of bytes, which ends when the peer closes. */
function asSocket(
  link: WebSocketLink,
  { toBytes, write, end }: Mapping,
  onClose: () => void = () => {},
): Socket {
  const { socket } = link.connection;
  let pieces: Uint8Array[] = [];
  return {
    async read(buffer) {
      while (pieces.length === 0) {
        const messages = await link.next().catch(unwrap);
        if (messages === undefined) {
          onClose();
          return null;
        }
        pieces = messages.flatMap(toBytes).filter(({ length }) => length > 0);
      }
      let size = 0;
      for (
        let [piece] = pieces;
        piece && size < buffer.length;
        [piece] = pieces
      ) {
        const part = piece.subarray(0, buffer.length - size);
        buffer.set(part, size);
        size += part.length;
        if (part.length === piece.length) pieces.shift();
        else pieces[0] = piece.subarray(part.length);
      }
      return size;
    },
    write: async (bytes) => {
      if (bytes.length > 0) await write(bytes).catch(unwrap);
      return bytes.length;
    },
    closeWrite: async () => {
      await end?.();
      await link.close();
    },
    close: () => closeSocket(socket),
    setNoDelay: () => socket.setNoDelay?.(),
  };
}

/** A connection to a server of WebSocket as a stream of bytes. */
export const streamOfBytes = (link: WebSocketLink): Socket =>
  asSocket(link, asBytes(link));

/** Passes on messages as they are, and how it closed. */
async function forward(from: WebSocketLink, to: WebSocketLink): Promise<void> {
  for (let messages; (messages = await from.next()) !== undefined;) {
    await to.send(messages);
  }
  const { code = 1005, reason } = from.closed() ?? {};
  await to.close(code, reason);
}

/** Relays to what speaks WebSocket too: both ways, until both have closed. */
function join(open: OpenTarget): MessageHandler {
  return async (link, client) => {
    const ended = new AbortController();
    client.onEnd = () => ended.abort();
    const target = await open(client, ended.signal);
    const { socket } = target.connection;
    client.onEnd = () => closeSocket(socket);
    try {
      await Promise.all([forward(link, target), forward(target, link)]);
    } finally {
      closeSocket(socket);
    }
  };
}

type MessageHandler = (link: WebSocketLink, client: Served) => Promise<void>;

const echo: MessageHandler = async (link) => {
  for (let messages; (messages = await link.next()) !== undefined;) {
    await link.send(messages);
  }
};

async function discard(link: WebSocketLink): Promise<void> {
  while (await link.next() !== undefined);
}

/** Says one text, and closes. */
function greet(message: string): MessageHandler {
  const bytes = new TextEncoder().encode(message);
  return async (link) => {
    await link.send([{ isText: true, bytes }]);
    await link.close();
    await atMost(LINGER_MS, discard(link));
  };
}

/** Has a handler of bytes do its work with a client of WebSocket. */
function over(
  handler: Handler,
  mapping: (link: WebSocketLink) => Mapping,
): MessageHandler {
  return async (link, client) => {
    const closed = Promise.withResolvers<void>();
    const stream = asSocket(link, mapping(link), closed.resolve);
    const served: Served = {
      ...track(stream, client.peer),
      incoming: client.incoming,
      onEnd: undefined,
    };
    client.onEnd = () => served.onEnd?.();
    const work = handler(served);
    // who has closed hears no more: what it was joined to has a moment to end
    const late = closed.promise.then(() => atMost(LINGER_MS, work));
    await Promise.race([work, late]).finally(() => served.onEnd?.());
  };
}

/** What a mode does with clients of WebSocket. */
export function handlerFor(
  name: string,
  { handler, open }: { handler: Handler; open?: OpenTarget | undefined },
  message: string | undefined,
): Handler {
  const work = open
    ? join(open)
    : name === "echo"
    ? echo
    : name === "discard"
    ? discard
    : message !== undefined
    ? greet(message)
    : over(
      handler,
      name === "chat" ? asChat : name === "pipe" ? asLines : asBytes,
    );
  return async (client) => {
    const link = createWebSocket(client, false);
    try {
      await work(link, client);
      await link.close();
    } catch (error) {
      if (!link.closed()) {
        await atMost(LINGER_MS, link.close(1011)).catch(() => {});
        throw error;
      }
    } finally {
      client.code = link.closed()?.code;
    }
    const { code = 1000, reason = "" } = link.closed() ?? {};
    if (isNormal(code)) return;
    return `it closed with ${code}${reason === "" ? "" : ` "${reason}"`}`;
  };
}
