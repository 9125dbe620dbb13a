/**
 * The server's side of the handshake of WebSocket, and who may open one (RFC 6455 sections 4.2 and 10.2).
 *
 * @module
 */

import { Failure } from "../../../lib/cli/errors.ts";
import { isLocalhost, isLoopback } from "../../../lib/net/address.ts";
import { TOKEN } from "../../../lib/http/request.ts";
import {
  closeWrite,
  type Connection,
  send,
} from "../../../lib/net/connection.ts";
import {
  formatClose,
  formatFrames,
  Op,
} from "../../client/websocket/frames.ts";
import {
  acceptKeyFor,
  hasWord,
  type Head,
  readHead,
  wordsOf,
} from "../../client/websocket/upgrade.ts";
import { abortSocket, type Acceptor, type Incoming } from "../acceptor.ts";

/** The origins of pages that may open a WebSocket beside those of this machine, and of what is no page; `*` is all. */
type Origins = readonly string[];

/** Whether a page may: one of elsewhere that a browser has loaded must not reach a server of this machine unseen. */
function isPermitted(origin: string | undefined, origins: Origins): boolean {
  if (origin === undefined || origins.includes("*")) return true;
  const url = URL.parse(origin);
  // no page sends a path, which two headers in one would have
  const isOrigin = url?.origin === origin.toLowerCase();
  const host = isOrigin ? url.hostname.replace(/^\[(.*)\]$/, "$1") : "";
  return isLoopback(host) || isLocalhost(host) ||
    origins.some((each) => each.toLowerCase() === origin.toLowerCase());
}

/** Why a request opens no WebSocket: the status that says so, and what is said of it here. */
function objectionTo(
  head: Head,
  origins: Origins,
): readonly [status: string, why: string] | undefined {
  const { start, headers } = head;
  const [, method, version] = start.match(/^([A-Z]+) [!-~]+ HTTP\/(\d\.\d)$/) ??
    [];
  const origin = headers.get("origin");
  const key = headers.get("sec-websocket-key") ?? "";
  const bad = "400 Bad Request";
  const upgrade = "426 Upgrade Required";
  if (method === undefined) return [bad, "it does not speak HTTP"];
  if (!hasWord(head, "upgrade", "websocket")) {
    return [upgrade, "it does not ask for a WebSocket"];
  }
  if (method !== "GET" || version !== "1.1" || !headers.has("host")) {
    return [bad, "it asks for a WebSocket in another way than by GET"];
  }
  if (headers.get("sec-websocket-version") !== "13") {
    return [upgrade, "it asks for another version of WebSocket"];
  }
  if (
    !hasWord(head, "connection", "upgrade") || !/^[\w+/]{22}==$/.test(key)
  ) {
    return [bad, "its handshake is malformed"];
  }
  if (!isPermitted(origin, origins)) {
    return ["403 Forbidden", `its origin is not allowed: ${origin}`];
  }
  // who is not answered yet must not go on
  return head.rest.length > 0 ? [bad, "it sends too early"] : undefined;
}

/** What is asked for: the path alone, as what follows may be a secret. */
const pathOf = ({ start }: Head) =>
  (start.split(" ")[1] ?? "/").replace(/^\w+:\/\/[^/]*/, "")
    .replace(/[?#].*/, "") || "/";

async function shakeHands(client: Connection, origins: Origins) {
  const respond = (lines: readonly string[], body = "") =>
    send(
      client,
      new TextEncoder().encode(
        `HTTP/1.1 ${lines.join("\r\n")}\r\n\r\n${body}`,
      ),
    );
  const refuse = async (status: string, why: string) => {
    const body = `${status.slice(4)}: ${why.replace(/:.*/s, "")}\n`;
    await respond([
      status,
      "Connection: close",
      "Content-Type: text/plain",
      `Content-Length: ${body.length}`,
      ...status.startsWith("426")
        ? ["Upgrade: websocket", "Sec-WebSocket-Version: 13"]
        : [],
    ], body);
    await closeWrite(client);
    throw new Failure(why);
  };
  const head = await readHead(client, /^[A-Z]/).catch((error) => {
    const isHeads = error instanceof Failure && error.cause === undefined &&
      error.code === undefined && error.message !== "it speaks TLS";
    return isHeads ? refuse("400 Bad Request", error.message) : error;
  });
  if (!("headers" in head)) throw head;
  const objection = objectionTo(head, origins);
  if (objection) await refuse(...objection);
  // modes do not care: whoever asks for some has its first
  const [subprotocol] = wordsOf(head, "sec-websocket-protocol")
    .filter((word) => TOKEN.test(word));
  const key = await acceptKeyFor(head.headers.get("sec-websocket-key") ?? "");
  await respond([
    "101 Switching Protocols",
    "Upgrade: websocket",
    "Connection: Upgrade",
    `Sec-WebSocket-Accept: ${key}`,
    ...subprotocol === undefined
      ? []
      : [`Sec-WebSocket-Protocol: ${subprotocol}`],
  ]);
  return { path: pathOf(head), subprotocol };
}

/** A client that speaks WebSocket once it has shaken hands; one that is cut off is told that the server goes away. */
function upgraded(client: Incoming, origins: Origins): Incoming {
  let isOpen = false;
  let isClosed = false;
  let written: Promise<number | undefined> = Promise.resolve(0);
  return {
    remoteAddr: client.remoteAddr,
    localAddr: client.localAddr,
    read: (buffer) => client.read(buffer),
    write: (bytes) => {
      // a close is always written alone
      isClosed ||= bytes[0] === (0x80 | Op.Close) &&
        bytes[1] === bytes.length - 2;
      const writing = client.write(bytes);
      written = writing;
      return writing;
    },
    closeWrite: () => client.closeWrite(),
    close: () => client.close(),
    abort: () => {
      if (!isOpen || isClosed) return abortSocket(client);
      const bytes = formatClose({ code: 1001, reason: "" });
      const frame = formatFrames([{ opcode: Op.Close, bytes }], false);
      // within a frame, which is still being written, there is nothing to say
      Promise.race([written, undefined]).then(async (size) => {
        if (size !== undefined) await client.write(frame);
      }).catch(() => {}).finally(() => abortSocket(client));
    },
    setNoDelay: () => client.setNoDelay?.(),
    setKeepAlive: () => client.setKeepAlive?.(),
    async handshake(connection) {
      const agreed = await client.handshake?.(connection);
      client.setNoDelay?.();
      const asked = await shakeHands(connection, origins);
      isOpen = true;
      const isPlain = agreed === undefined;
      return { isPlain, alpnProtocol: null, ...agreed, ...asked };
    },
  };
}

/** Makes of what accepts clients what accepts those of WebSocket. */
export function createUpgrade(
  origins: Origins,
): (acceptor: Acceptor) => Acceptor {
  return (acceptor) => ({
    addr: acceptor.addr,
    accept: async () => upgraded(await acceptor.accept(), origins),
    close: () => acceptor.close(),
  });
}
