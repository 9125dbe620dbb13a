/**
 * A way through a proxy: it is asked for a connection to somewhere else, in the protocol that it speaks.
 *
 * @module
 */

import { ExitCode, Failure } from "../cli/errors.ts";
import { formatAddress, groupsOf, type TcpAddress } from "./address.ts";
import { type Socket, writeAll } from "./connection.ts";
import { formatBasic, type Proxy } from "./proxy.ts";

/** What a proxy is talked to with. */
export type ReadWriter = Pick<Socket, "read" | "write">;

/** A refusal: nothing can be connected to. */
function refused(why: string, hint?: string): Failure {
  return new Failure(why, { code: ExitCode.Unreachable, hint });
}

/** A refusal for want of credentials; the hint says how to give them. */
function wantsCredentials({ protocol, username }: Proxy): Failure {
  return refused(
    username === ""
      ? "the proxy wants a user and a password"
      : "the proxy refused the user or the password",
    `--proxy ${protocol}://USER:PASSWORD@HOST:PORT`,
  );
}

/** Reads so many bytes and not one more: what follows is the target's. */
async function take(talk: ReadWriter, length: number): Promise<Uint8Array> {
  const bytes = new Uint8Array(length);
  for (let done = 0; done < length;) {
    const count = await talk.read(bytes.subarray(done));
    if (count === null) throw refused("the proxy closed the connection");
    done += count;
  }
  return bytes;
}

/** RFC 1928 section 6. */
const SOCKS_REPLIES = [
  "",
  "it failed",
  "its rules do not allow it",
  "network is unreachable",
  "host is unreachable",
  "connection refused",
  "timed out on the way",
  "it cannot connect",
  "it does not know this kind of address",
];

const encoder = new TextEncoder();

/** A host as SOCKS5 writes it (RFC 1928 section 5): IPv4 or IPv6 in binary, a name as it is. */
function socksHost(host: string): number[] {
  if (/^\d+(\.\d+){3}$/.test(host)) return [1, ...host.split(".").map(Number)];
  if (!host.includes(":")) {
    return [3, ...withLength(host)];
  }
  const groups = groupsOf(host);
  return [4, ...groups.flatMap((group) => [group >> 8, group & 0xff])];
}

function withLength(text: string): number[] {
  const bytes = encoder.encode(text);
  return [bytes.length, ...bytes];
}

/** Says who asks (RFC 1929). */
async function authenticate(talk: ReadWriter, proxy: Proxy): Promise<void> {
  const { username, password } = proxy;
  await writeAll(
    talk,
    Uint8Array.of(1, ...withLength(username), ...withLength(password)),
  );
  const [, status] = await take(talk, 2);
  if (status !== 0) throw wantsCredentials(proxy);
}

/**
 * Asks a SOCKS5 proxy for a connection to somewhere else (RFC 1928); after that the socket is that connection. A name
 * is the proxy's to resolve.
 *
 * @param talk A socket that is connected to the proxy.
 * @param proxy Who asks.
 * @param target Where to.
 * @throws {Failure} What the proxy says, where it refuses.
 */
export async function askSocks(
  talk: ReadWriter,
  proxy: Proxy,
  { host, port }: TcpAddress,
): Promise<void> {
  const methods = proxy.username === "" ? [0] : [0, 2];
  await writeAll(talk, Uint8Array.of(5, methods.length, ...methods));
  const [version, method = 0xff] = await take(talk, 2);
  if (version !== 5) throw refused("it is not a SOCKS5 proxy");
  if (!methods.includes(method)) throw wantsCredentials(proxy);
  if (method === 2) await authenticate(talk, proxy);
  await writeAll(
    talk,
    Uint8Array.of(5, 1, 0, ...socksHost(host), port >> 8, port & 0xff),
  );
  const [, reply = 1, , kind] = await take(talk, 4);
  if (reply !== 0) {
    throw refused(
      `the proxy says: ${SOCKS_REPLIES[reply] ?? `error ${reply}`}`,
    );
  }
  // the address that the proxy sends from is of no use, but it has to be read
  const [named = 0] = kind === 3 ? await take(talk, 1) : [];
  await take(talk, (kind === 1 ? 4 : kind === 4 ? 16 : named) + 2);
}

const LONGEST_HEAD = 16 * 1024;

/**
 * Asks an HTTP proxy for a connection to somewhere else with CONNECT (RFC 9110 section 9.3.6); after that the socket
 * is that connection.
 *
 * @param talk A socket that is connected to the proxy.
 * @param proxy Who asks.
 * @param target Where to.
 * @throws {Failure} What the proxy says, where it refuses.
 */
export async function askHttp(
  talk: ReadWriter,
  proxy: Proxy,
  target: TcpAddress,
): Promise<void> {
  const { username, password } = proxy;
  const host = formatAddress(target);
  const head = [
    `CONNECT ${host} HTTP/1.1`,
    `Host: ${host}`,
    ...username === ""
      ? []
      : [`Proxy-Authorization: ${formatBasic(username, password)}`],
  ];
  await writeAll(talk, encoder.encode(head.join("\r\n") + "\r\n\r\n"));
  let answer = "";
  // byte by byte: what follows the head is the target's
  while (!answer.endsWith("\r\n\r\n")) {
    answer += String.fromCharCode(...await take(talk, 1));
    if (answer.length > LONGEST_HEAD) throw refused("it is not an HTTP proxy");
  }
  const [, status, text = ""] =
    answer.match(/^HTTP\/1\.\d (\d{3})(?: ([^\r\n]*))?\r\n/) ?? [];
  if (status === undefined) throw refused("it is not an HTTP proxy");
  if (status === "407") throw wantsCredentials(proxy);
  if (!status.startsWith("2")) {
    throw refused(`the proxy says: ${`${status} ${text}`.trimEnd()}`);
  }
}

/**
 * Asks a proxy for a connection to somewhere else in the protocol that it speaks.
 *
 * @param talk A socket that is connected to the proxy.
 * @param proxy Who asks.
 * @param target Where to.
 * @throws {Failure} What the proxy says, where it refuses.
 */
export function askProxy(
  talk: ReadWriter,
  proxy: Proxy,
  target: TcpAddress,
): Promise<void> {
  return proxy.protocol === "socks5"
    ? askSocks(talk, proxy, target)
    : askHttp(talk, proxy, target);
}
