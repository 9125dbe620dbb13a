import type { TcpAddress } from "./address.ts";
import type { Proxy } from "./proxy.ts";
import {
  refused,
  say,
  take,
  type Talk,
  wantsCredentials,
} from "./proxy_talk.ts";

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
  // URL writes an IPv6 address without dots; the one :: left stands for all that is missing
  const whole = new URL(`http://[${host.replace(/%.*/, "")}]/`).hostname
    .slice(1, -1);
  const [head = [], tail = []] = whole.split("::").map((side) =>
    side === "" ? [] : side.split(":")
  );
  const groups = [
    ...head,
    ...Array(8 - head.length - tail.length).fill("0"),
    ...tail,
  ].map((group) => parseInt(group, 16));
  return [4, ...groups.flatMap((group) => [group >> 8, group & 0xff])];
}

function withLength(text: string): number[] {
  const bytes = encoder.encode(text);
  return [bytes.length, ...bytes];
}

/** Says who asks (RFC 1929). */
async function sayWho(talk: Talk, proxy: Proxy): Promise<void> {
  const { username, password } = proxy;
  await say(
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
 *
 * @example A proxy that agrees to everything
 * ```ts
 * import { assertEquals } from "@std/assert";
 * import { parseProxy } from "./proxy.ts";
 *
 * const answer = [5, 0, 5, 0, 0, 1, 0, 0, 0, 0, 0, 0];
 * const asked: number[] = [];
 * const talk = {
 *   read: (buffer: Uint8Array) => {
 *     const part = answer.splice(0, buffer.length);
 *     buffer.set(part);
 *     return Promise.resolve(part.length);
 *   },
 *   write: (bytes: Uint8Array) => {
 *     asked.push(...bytes);
 *     return Promise.resolve(bytes.length);
 *   },
 * };
 * await askSocks(talk, parseProxy("socks5://localhost"), { host: "127.0.0.1", port: 80 });
 * assertEquals(asked, [5, 1, 0, 5, 1, 0, 1, 127, 0, 0, 1, 0, 80]);
 * ```
 */
export async function askSocks(
  talk: Talk,
  proxy: Proxy,
  { host, port }: TcpAddress,
): Promise<void> {
  const methods = proxy.username === "" ? [0] : [0, 2];
  await say(talk, Uint8Array.of(5, methods.length, ...methods));
  const [version, method = 0xff] = await take(talk, 2);
  if (version !== 5) throw refused("it is not a SOCKS5 proxy");
  if (!methods.includes(method)) throw wantsCredentials(proxy);
  if (method === 2) await sayWho(talk, proxy);
  await say(
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
