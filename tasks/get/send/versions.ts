/**
 * A server that speaks another version of HTTP: how that is found out, and which options are in the way of it.
 *
 * @module
 */

import { ExitCode, Failure } from "../../../lib/cli/errors.ts";
import { formatOptionName, isGiven } from "../../../lib/cli/options.ts";
import { denialOf, describe, exitCodeOf } from "../../../lib/cli/reasons.ts";
import { quote } from "../../../lib/cli/values.ts";
import {
  addressOfUrl,
  type HttpRequest,
  isBeyondFetch,
} from "../../../lib/http/request.ts";
import type { Network } from "../../../lib/http/transport.ts";
import { formatAddress } from "../../../lib/net/address.ts";
import { within } from "../../../lib/net/connection.ts";
import {
  EXCHANGE_OPTIONS,
  type ExchangeOptions,
  NOT_HTTP2,
} from "../options.ts";
import { PUBLIC_API } from "../url.ts";

/** How long a server has for a handshake, or for its first frame, in ms. */
const PATIENCE_MS = 1000;

/** Whether a server takes one protocol over TLS. Nothing is sent, so that any certificate will do. */
async function takes(url: URL, protocol: string): Promise<boolean> {
  const { connect } = await import("node:tls");
  const { host, port } = addressOfUrl(url);
  const { promise, resolve } = Promise.withResolvers<boolean>();
  const socket = connect({
    ...{ host, port, rejectUnauthorized: false, timeout: PATIENCE_MS },
    ...!/^[\d.]+$|:/.test(host) && { servername: host },
    ALPNProtocols: [protocol],
  }, () => resolve(socket.alpnProtocol === protocol));
  for (const event of ["error", "close", "timeout"]) {
    socket.on(event, () => resolve(false));
  }
  try {
    return await promise;
  } finally {
    socket.destroy();
  }
}

/** Whether fetch, which alone speaks HTTP/2, trusts a server. */
async function isTrusted(url: URL, ca?: string): Promise<boolean> {
  const { host, port } = addressOfUrl(url);
  const caCerts = ca === undefined ? [] : [ca];
  const signal = AbortSignal.timeout(PATIENCE_MS);
  try {
    const to = { hostname: host, port, caCerts, alpnProtocols: ["h2"] };
    using conn = await Deno.connectTls(to);
    await within(signal, conn, () => conn.handshake());
    return true;
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
  const given = NOT_HTTP2.filter((name) => isGiven(undefined, options[name]));
  const typed = given.map((name) => {
    const option = EXCHANGE_OPTIONS[name];
    return "short" in option ? `-${option.short}` : formatOptionName(name);
  });
  return [
    ...options.http === "1.1" ? ["--http=1.1"] : [],
    ...typed,
    // fetch would decode what is to be kept
    ...options.raw ? ["--raw"] : [],
  ];
}

/** Whether nobody can be asked for it: without a network. */
function isAway(error: Failure): boolean {
  const code = exitCodeOf(error);
  return error.hint === undefined && denialOf(error) === undefined &&
    (code === ExitCode.Unresolved || code === ExitCode.Unreachable);
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
  if (url.hostname === new URL(PUBLIC_API).hostname && isAway(error)) {
    throw withHint(
      "start an API of your own with: hark api, and ask it with: :3000/posts",
    );
  }
  if (
    url.protocol === "http:" && url.port === "" &&
    /needs root$/.test(error.hint ?? "")
  ) {
    const typed = quote(`:3000${url.pathname}${url.search}`);
    throw withHint(
      `without a port it is 80; the api listens on 3000: ${typed}`,
    );
  }
  const isRefused = /no version of HTTP in common$/.test(text);
  if (options.http === "2") {
    const isOld = isRefused ||
      /endpoint requires HTTP\/1\.1|not HTTP\/2$/.test(text);
    if (isOld) {
      throw withHint("it does not speak HTTP/2 here: leave out --http=2");
    }
    // a socket of our own takes what --ca has for the server's own too
    throw network.ca !== undefined && /: it is a CA certificate/.test(text)
      ? withHint("over HTTP/1.1 it is trusted: leave out --http=2")
      : error;
  }
  const obstacles = obstaclesOf(options);
  if (url.protocol === "http:") {
    // what answers HTTP/1.1 may take HTTP/2 too, and close for another reason
    const isOdd = /\((invalid HTTP version|it came before the request)\)$/
      .test(text);
    if (!isOdd || network.proxy) throw error;
    if (!await speaksHttp2(url)) {
      if (error.hint !== undefined) throw error;
      const address = options.unix
        ? quote(`unix:${options.unix}`)
        : formatAddress(addressOfUrl(url));
      throw withHint(`to talk to it without HTTP: hark client ${address}`);
    }
    const others = [
      ...options.verbose ? ["-v"] : [],
      ...options.time ? ["--time"] : [],
      ...obstacles,
    ];
    throw withHint(`it speaks HTTP/2: add --http=2${leaveOut(others)}`);
  }
  const isClosed = /closed without an answer$/.test(text);
  // what it was sent in HTTP/1.1, which it does not take, it has not read
  const isAlone = isRefused || isClosed && await takes(url, "h2") &&
      !await takes(url, "http/1.1");
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
  if (!await isTrusted(url, network.ca)) {
    throw withHint(
      "it speaks HTTP/2 alone, over which its certificate is not trusted: it may be a CA's",
    );
  }
  return { ...network, http: "2", timed: false, rawHeaders: false };
}
