import { formatAddress, type TcpAddress } from "./address.ts";
import type { Proxy } from "./proxy.ts";
import {
  refused,
  say,
  take,
  type Talk,
  wantsCredentials,
} from "./proxy_talk.ts";

const LONGEST_HEAD = 16 * 1024;

/**
 * Asks an HTTP proxy for a connection to somewhere else with CONNECT (RFC 9110 section 9.3.6); after that the socket
 * is that connection.
 *
 * @param talk A socket that is connected to the proxy.
 * @param proxy Who asks.
 * @param target Where to.
 * @throws {Failure} What the proxy says, where it refuses.
 *
 * @example A proxy that agrees at once
 * ```ts
 * import { assertEquals } from "@std/assert";
 * import { parseProxy } from "./proxy.ts";
 *
 * const answer = [...new TextEncoder().encode("HTTP/1.1 200 OK\r\n\r\nHello")];
 * let asked = "";
 * const talk = {
 *   read: (buffer: Uint8Array) => {
 *     const part = answer.splice(0, buffer.length);
 *     buffer.set(part);
 *     return Promise.resolve(part.length);
 *   },
 *   write: (bytes: Uint8Array) => {
 *     asked += new TextDecoder().decode(bytes);
 *     return Promise.resolve(bytes.length);
 *   },
 * };
 * await askHttp(talk, parseProxy("http://localhost:3128"), { host: "a.example", port: 80 });
 * assertEquals(asked, "CONNECT a.example:80 HTTP/1.1\r\nHost: a.example:80\r\n\r\n");
 * assertEquals(answer.length, "Hello".length);
 * ```
 */
export async function askHttp(
  talk: Talk,
  proxy: Proxy,
  target: TcpAddress,
): Promise<void> {
  const { username, password } = proxy;
  const host = formatAddress(target);
  const encoder = new TextEncoder();
  const credentials = btoa(
    String.fromCharCode(...encoder.encode(`${username}:${password}`)),
  );
  const head = [
    `CONNECT ${host} HTTP/1.1`,
    `Host: ${host}`,
    ...username === "" ? [] : [`Proxy-Authorization: Basic ${credentials}`],
  ];
  await say(talk, encoder.encode(head.join("\r\n") + "\r\n\r\n"));
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
