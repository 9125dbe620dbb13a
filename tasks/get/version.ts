/**
 * A version of HTTP that does not fit a server: the way that does, or what to leave out.
 *
 * @module
 */

import { Failure } from "../../lib/cli/errors.ts";
import { describe } from "../../lib/cli/reasons.ts";
import {
  addressOfUrl,
  type HttpRequest,
  isBeyondFetch,
} from "../../lib/http/request.ts";
import type { Network } from "../../lib/http/transport.ts";
import { within } from "../../lib/net/connection.ts";
import type { ExchangeOptions } from "./options.ts";

/** How long a server has for a handshake, or for its first frame, in ms. */
const PATIENCE_MS = 1000;

/** The protocol that a server chooses of one. */
async function chosen(
  url: URL,
  protocol: string,
  ca: string | undefined,
): Promise<string | null> {
  const { host, port } = addressOfUrl(url);
  using conn = await Deno.connectTls({
    hostname: host,
    port,
    caCerts: ca === undefined ? [] : [ca],
    alpnProtocols: [protocol],
  });
  const signal = AbortSignal.timeout(PATIENCE_MS);
  const { alpnProtocol } = await within(signal, conn, () => conn.handshake());
  return alpnProtocol;
}

/** Whether a server takes HTTP/2, and does not take HTTP/1.1: what it was sent in that it has not read. */
async function isHttp2Alone(url: URL, ca?: string): Promise<boolean> {
  try {
    return await chosen(url, "h2", ca) === "h2" &&
      await chosen(url, "http/1.1", ca) === null;
  } catch {
    return false;
  }
}

/** How HTTP/2 begins, with a frame of no settings (RFC 9113, section 3.4). */
const PREFACE = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0";
const SETTINGS = 4;

/** Whether a port answers HTTP/2 without TLS: its first frame has its settings. */
async function speaksHttp2(url: URL): Promise<boolean> {
  const { host, port } = addressOfUrl(url);
  const signal = AbortSignal.timeout(PATIENCE_MS);
  const frame = new Uint8Array(4);
  try {
    using conn = await Deno.connect({ hostname: host, port, signal });
    await within(signal, conn, async () => {
      await conn.write(new TextEncoder().encode(PREFACE));
      for (let at = 0; at < frame.length;) {
        at += await conn.read(frame.subarray(at)) ?? frame.length;
      }
    });
    return frame[0] === 0 && frame[3] === SETTINGS;
  } catch {
    return false;
  }
}

/** What HTTP/2 cannot go over, of what was asked for. */
function obstaclesOf(options: ExchangeOptions): string[] {
  const { http, proxy, unix, insecure, resolve, ipv4, ipv6 } = options;
  return [
    ...http === "1.1" ? ["--http=1.1"] : [],
    ...proxy === undefined ? [] : ["--proxy"],
    ...unix === undefined ? [] : ["--unix"],
    ...insecure ? ["-k"] : [],
    ...resolve.length > 0 ? ["--resolve"] : [],
    ...ipv4 ? ["-4"] : [],
    ...ipv6 ? ["-6"] : [],
    ...options.pathAsIs ? ["--path-as-is"] : [],
  ];
}

const leaveOut = (options: readonly string[]) =>
  options.length === 0 ? "" : `, and leave out ${options.join(", ")}`;

/**
 * Finds the way to a server that speaks HTTP/2 alone, where nothing that it was sent so far can have been carried out.
 *
 * @throws The error, with a hint where the version of HTTP is why and another one is to be chosen.
 */
export async function otherVersion(
  error: unknown,
  request: HttpRequest,
  options: ExchangeOptions,
  network: Network = {},
): Promise<Network> {
  // after a redirect, the first request would be sent again too
  if (!(error instanceof Failure) || error.reached.length > 0) throw error;
  const { url, body } = request;
  const text = describe(error);
  const withHint = (hint: string) =>
    new Failure(error.message, {
      cause: error.cause,
      code: error.code,
      hint,
    });
  const isRefused = /no version of HTTP in common$/.test(text);
  if (options.http === "2") {
    const isOld = isRefused ||
      /endpoint requires HTTP\/1\.1|not HTTP\/2$/.test(text);
    throw isOld
      ? withHint("it does not speak HTTP/2 here: leave out --http=2")
      : error;
  }
  const isClosed = /closed without an answer$/.test(text);
  const obstacles = obstaclesOf(options);
  if (url.protocol === "http:") {
    const isOdd = isClosed || /invalid HTTP version\)$/.test(text);
    if (!isOdd || network.proxy || !await speaksHttp2(url)) throw error;
    const others = [
      ...options.verbose ? ["-v"] : [],
      ...options.time ? ["--time"] : [],
      ...obstacles,
    ];
    throw withHint(`it speaks HTTP/2: add --http=2${leaveOut(others)}`);
  }
  const isAlone = isRefused ||
    isClosed && await isHttp2Alone(url, network.ca);
  if (!isAlone) throw error;
  if (isClosed && body?.again === false) {
    throw withHint("it speaks HTTP/2 alone: add --http=2");
  }
  if (obstacles.length > 0) {
    throw withHint(
      `it speaks HTTP/2 alone: leave out ${obstacles.join(", ")}`,
    );
  }
  // a Host header, a body of GET
  if (isBeyondFetch(request, "2")) {
    throw withHint("it speaks HTTP/2 alone, which cannot send this request");
  }
  return { ...network, http: "2", timed: false, rawHeaders: false };
}
