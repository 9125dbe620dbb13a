/**
 * The handshake of WebSocket, and the client's side of it (RFC 6455 section 4).
 *
 * @module
 */

import { encodeBase64 } from "@std/encoding/base64";
import {
  ExitCode,
  exitCodeForStatus,
  Failure,
} from "../../../lib/cli/errors.ts";
import { percentDecode } from "../../../lib/cli/values.ts";
import { CONTROL, TOKEN } from "../../../lib/http/request.ts";
import { type Connection, receive, send } from "../../../lib/net/connection.ts";
import { formatBasic } from "../../../lib/net/proxy.ts";
import { createWebSocket, type WebSocketLink } from "./socket.ts";

/** How long the head of a request or of a response may be, in bytes. */
const LONGEST_HEAD = 16 * 1024;

/** A head as it came: its first line, and its headers by their names in lower case; those of one name are joined. */
export interface Head {
  readonly start: string;
  readonly headers: ReadonlyMap<string, string>;
  /** What came behind it. */
  readonly rest: Uint8Array;
}

/** Reads the head of a request or of a response, whose first bytes must be as they are there; throws what is wrong with it. */
export async function readHead(
  connection: Connection,
  begin: RegExp,
): Promise<Head> {
  const bytes = new Uint8Array(LONGEST_HEAD);
  let text = "";
  for (let size = 0; size < LONGEST_HEAD;) {
    const count = await receive(connection, bytes.subarray(size));
    if (count === null) {
      const code = ExitCode.CutShort;
      throw new Failure("it ended before the handshake", { code });
    }
    const chunk = bytes.subarray(size, size += count);
    for (const byte of chunk) text += String.fromCharCode(byte);
    // deno-lint-ignore no-control-regex -- a record of TLS, a handshake's or an alert (RFC 8446 section 5.1)
    if (/^[\x15\x16]/.test(text)) throw new Failure("it speaks TLS");
    if (!begin.test(text)) throw new Failure("it does not speak HTTP");
    const end = text.match(/\r?\n\r?\n/);
    if (!end) continue;
    const length = (end.index ?? 0) + end[0].length;
    const [start = "", ...lines] = text.slice(0, end.index).split(/\r?\n/);
    const rest = bytes.slice(length, size);
    return { start, headers: parseHeaders(lines), rest };
  }
  throw new Failure("its head is too long");
}

function parseHeaders(lines: readonly string[]): Map<string, string> {
  const headers = new Map<string, string>();
  for (const line of lines) {
    const colon = line.indexOf(":");
    const name = line.slice(0, Math.max(colon, 0)).toLowerCase();
    const value = line.slice(colon + 1).trim();
    if (!TOKEN.test(name) || CONTROL.test(value)) {
      throw new Failure("a header of its is malformed");
    }
    const before = headers.get(name);
    headers.set(name, before === undefined ? value : `${before}, ${value}`);
  }
  return headers;
}

/** The words of a header that is a list. */
export const wordsOf = (head: Head, name: string): string[] =>
  (head.headers.get(name) ?? "").split(",").map((word) => word.trim())
    .filter((word) => word !== "");

/** Whether a head has a word in a header, in whatever case. */
export const hasWord = (head: Head, name: string, word: string): boolean =>
  wordsOf(head, name).some((each) => each.toLowerCase() === word);

/** What a server answers to the key of a client. */
export async function acceptKeyFor(key: string): Promise<string> {
  const text = key + "258EAFA5-E914-47DA-95CA-C5AB0DC85B11";
  const bytes = new TextEncoder().encode(text);
  return encodeBase64(await crypto.subtle.digest("SHA-1", bytes));
}

/** What a client asks for. */
export interface Upgrade {
  readonly url: URL;
  readonly headers?: readonly (readonly [name: string, value: string])[];
  readonly subprotocols?: readonly string[];
}

/** A URL as it may be shown: without a user, a password or a query. */
export const shownUrl = ({ protocol, host, pathname }: URL): string =>
  `${protocol}//${host}${pathname}`;

function formatRequest(
  { url, headers = [], subprotocols = [] }: Upgrade,
  key: string,
): string {
  const isGiven = (name: string) =>
    headers.some(([given]) => given.toLowerCase() === name);
  const { username, password } = url;
  const [user = "", secret = ""] = [username, password]
    .map((text) => percentDecode(text) ?? text);
  const lines = [
    `GET ${url.pathname}${url.search} HTTP/1.1`,
    ...isGiven("host") ? [] : [`Host: ${url.host}`],
    "Upgrade: websocket",
    "Connection: Upgrade",
    `Sec-WebSocket-Key: ${key}`,
    "Sec-WebSocket-Version: 13",
    ...subprotocols.length === 0
      ? []
      : [`Sec-WebSocket-Protocol: ${subprotocols.join(", ")}`],
    ...user + secret === "" || isGiven("authorization")
      ? []
      : [`Authorization: ${formatBasic(user, secret)}`],
    ...headers.map(([name, value]) => `${name}: ${value}`),
  ];
  return lines.join("\r\n") + "\r\n\r\n";
}

/** Why a response opens no WebSocket; undefined where it does. */
function objectionTo(
  head: Head,
  accept: string,
  subprotocols: readonly string[],
): Failure | undefined {
  const [, digits = "", text = ""] =
    head.start.match(/^HTTP\/1\.[01] ([1-9]\d\d)(?: (.*))?$/) ?? [];
  const status = Number(digits);
  if (digits === "") return new Failure("it does not speak HTTP");
  if (status !== 101) {
    const location = head.headers.get("location");
    const isElsewhere = status >= 300 && status < 400 && location;
    return new Failure(`the server says ${`${digits} ${text}`.trim()}`, {
      code: exitCodeForStatus(status) || ExitCode.Failed,
      hint: isElsewhere
        ? `it leads to ${location}; redirects are not followed`
        : undefined,
    });
  }
  const chosen = head.headers.get("sec-websocket-protocol");
  const why = !hasWord(head, "upgrade", "websocket") ||
      !hasWord(head, "connection", "upgrade")
    ? "it does not switch to WebSocket"
    : head.headers.get("sec-websocket-accept") !== accept
    ? "its Sec-WebSocket-Accept is not that of the key"
    : wordsOf(head, "sec-websocket-extensions").length > 0
    ? "it uses an extension that was not asked for"
    : chosen !== undefined && !subprotocols.includes(chosen)
    ? `it chose the subprotocol "${chosen}", which was not asked for`
    : undefined;
  return why === undefined ? undefined : new Failure(why);
}

/** Opens a WebSocket over a connection: throws `Cannot open URL`, with the cause. */
export async function openWebSocket(
  connection: Connection,
  upgrade: Upgrade,
): Promise<WebSocketLink & { readonly subprotocol: string | undefined }> {
  const key = encodeBase64(crypto.getRandomValues(new Uint8Array(16)));
  try {
    const request = new TextEncoder().encode(formatRequest(upgrade, key));
    await send(connection, request);
    const head = await readHead(connection, /^H/);
    const { subprotocols = [] } = upgrade;
    const accept = await acceptKeyFor(key);
    const objection = objectionTo(head, accept, subprotocols);
    if (objection) throw objection;
    const link = createWebSocket(connection, true, head.rest);
    const subprotocol = head.headers.get("sec-websocket-protocol");
    return { ...link, subprotocol };
  } catch (error) {
    const { message, hint, cause = error } = error instanceof Failure
      ? error
      : new Failure("");
    throw new Failure(`Cannot open ${shownUrl(upgrade.url)}`, {
      cause,
      hint: message === "it speaks TLS" ? "add TLS: wss://" : hint,
    });
  }
}
