/**
 * Options of a command line as what `send` takes, the hosts and files that they need permission for, and which of them
 * are in the way of a server that speaks another version of HTTP.
 *
 * @module
 */

import { ExitCode, Failure, UsageError } from "../../lib/cli/errors.ts";
import { type Output, type Permissions, print } from "../../lib/cli/io.ts";
import { denialOf, describe, exitCodeOf } from "../../lib/cli/reasons.ts";
import { redactUrl } from "../../lib/cli/redact.ts";
import { quote } from "../../lib/cli/values.ts";
import {
  addressOfUrl,
  type HttpRequest,
  isBeyondFetch,
} from "../../lib/http/request.ts";
import { isRepeatable } from "../../lib/http/retry.ts";
import type { SendOptions } from "../../lib/http/send.ts";
import type { Network } from "../../lib/http/transport.ts";
import {
  type Address,
  familyOf,
  formatAddress,
  isLocalhost,
  parseHost,
  parsePort,
  permissionsFor,
  type Resolved,
} from "../../lib/net/address.ts";
import { parseCidr } from "../../lib/net/cidr.ts";
import { within } from "../../lib/net/connection.ts";
import { parseProxy } from "../../lib/net/proxy.ts";
import type { ExchangeOptions } from "./options.ts";
import { parseOperands, PUBLIC_API } from "./url.ts";
import { paint } from "./view/paint.ts";

/**
 * Reads how a request is sent, and warns on stderr where that is not safe.
 *
 * @throws {UsageError} When an option is malformed, or cannot be used for this request.
 * @throws {Failure} When a file that an option names cannot be used.
 */
export async function readSendOptions(
  options: Partial<ExchangeOptions>,
  request: HttpRequest,
  stderr: Output,
): Promise<SendOptions> {
  const { follow, maxRedirects, retry, maxSize, insecure } = options;
  if (retry && request.body?.again === false) {
    throw new UsageError(
      `Cannot retry ${request.method}: its body can be sent only once`,
      { hint: "a file can be sent again: @FILE, or - < FILE" },
    );
  }
  if (retry && !isRepeatable(request)) {
    throw new UsageError(
      `Cannot retry ${request.method}: it could be carried out twice`,
      {
        hint: "give it a key that the server knows it by: Idempotency-Key:KEY",
      },
    );
  }
  familyOf(request.url.hostname, options);
  if (options.pin !== undefined && request.url.protocol !== "https:") {
    throw new UsageError("Cannot use --pin without https");
  }
  const network = await readNetwork(options);
  const isSilent = options.quiet || options.body;
  if (insecure && !isSilent && request.url.protocol === "https:") {
    const text =
      `Warning: anyone can pose as ${request.url.host}, by --insecure`;
    await print(stderr, `${paint(text, "red", stderr)}\n`);
  }
  return { follow, maxRedirects, maxSize, network };
}

/**
 * Reads the options about the way to a server, and the files that they name.
 *
 * @throws {UsageError} When one of them is malformed: before any file is read.
 * @throws {Failure} When a file cannot be read, or is not what it should be.
 */
export async function readNetwork(
  options: Partial<ExchangeOptions>,
): Promise<Network> {
  const { proxy, resolve = [], ca, pin, cert, key } = options;
  const network = {
    http: options.http,
    proxy: proxy ? parseProxy(proxy, true) : undefined,
    resolve: resolve.length > 0 ? resolve.map(parseResolve) : undefined,
    family: options.ipv4 ? 4 : options.ipv6 ? 6 : undefined,
    unix: options.unix,
    insecure: options.insecure,
    // a socket of our own knows no proxy of the environment either
    timed: options.time || proxy === "",
    // fetch alone speaks HTTP/2
    rawHeaders: options.verbose || options.include && options.http !== "2",
  } as const;
  if ((ca ?? pin ?? cert) === undefined) return network;
  const { findTrust } = await import("../../lib/net/tls/trust.ts");
  return { ...network, ...await findTrust({ ca, pin, cert, key }) };
}

/**
 * Reads the addresses of a name: `HOST:PORT:ADDRESS`, with commas between more than one; IPv6 in brackets or not.
 *
 * @throws {UsageError} On anything else.
 */
function parseResolve(text: string): Resolved {
  const [, host = "", port = "", list = ""] =
    text.match(/^([^:]+):(\d+):([^/]+)$/) ?? [];
  const addresses = list.split(",").map((ip) => ip.replace(/^\[|\]$/g, ""));
  try {
    for (const ip of addresses) parseCidr(ip.replace(/%[\w.-]+$/, ""));
    return {
      host: parseHost(host).toLowerCase(),
      port: parsePort(port),
      addresses,
    };
  } catch {
    throw new UsageError(
      `Cannot parse "${text}" of --resolve: expected HOST:PORT:ADDRESS`,
    );
  }
}

/** The file of `@FILE`, as an option or a body has it. */
function fileOf(text: string | undefined = ""): string[] {
  return /^@./.test(text) ? [text.slice(1)] : [];
}

/** What is connected to, to reach a URL. */
function endsOf(
  url: URL,
  { proxy, unix, resolve = [], ipv4, ipv6 }: Partial<ExchangeOptions>,
): readonly Address[] {
  if (unix !== undefined) return [{ path: unix }];
  // it resolves the name
  if (proxy) return [parseProxy(proxy, true).address];
  const { host, port } = addressOfUrl(url);
  const told = resolve.map(parseResolve)
    .find((entry) => entry.host === host && entry.port === port);
  if (told) return told.addresses.map((host) => ({ host, port }));
  if (!ipv4 && !ipv6 || /^[\d.]+$|:/.test(host)) return [{ host, port }];
  const loopback = { host: ipv4 ? "127.0.0.1" : "::1", port };
  // Deno lets nobody look up a name who may not reach all its ports
  return [isLocalhost(host) ? loopback : { host, port: 0 }];
}

/**
 * Finds the hosts and files that a command line needs.
 *
 * @throws {UsageError} When an operand is malformed.
 */
export async function requiredPermissions(
  operands: readonly string[],
  options: Partial<ExchangeOptions> = {},
): Promise<Permissions> {
  const { url, items, fields, raw } = await parseOperands(operands);
  const { isFile } = await import("./items.ts");
  const { splitType } = await import("./body/file.ts");
  const { savedFiles } = await import("./download/destination.ts");
  const { sessionFiles } = await import("./auth/session_file.ts");
  const { ca, cert, key, netrc } = options;
  const locateNetrc = netrc === undefined
    ? undefined
    : (await import("./auth/netrc.ts")).locateNetrc;
  const ends = endsOf(url, options);
  const { net, read, write } = permissionsFor(ends, [ca, cert, key]);
  // a name out of the URL is that of the URL as it is shown
  const saved = await savedFiles(new URL(redactUrl(url.href)), options);
  const session = await sessionFiles(options);
  const sent = [...items, ...fields].filter(isFile).map(({ kind, value }) =>
    kind === "file" ? splitType(value).path : value
  );
  return {
    net,
    read: [
      ...fileOf(raw).map((text) => splitType(text).path),
      ...sent,
      ...[options.auth, options.bearer].flatMap(fileOf),
      ...[locateNetrc?.(netrc ?? "") ?? []].flat(),
      ...read,
      ...saved,
      ...session.read,
    ],
    write: [...write, ...saved, ...session.write],
  };
}

/** The same of several calls: each host and file once. */
export async function joinPermissions(
  calls: readonly (readonly string[])[],
  options: Partial<ExchangeOptions>,
): Promise<Permissions> {
  const each = await Promise.all(
    calls.map((operands) => requiredPermissions(operands, options)),
  );
  const join = (name: keyof Permissions) => [
    ...new Set(each.flatMap((permissions) => permissions[name] ?? [])),
  ];
  return { net: join("net"), read: join("read"), write: join("write") };
}

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
  const { http, proxy, unix, insecure, pin, resolve, ipv4, ipv6 } = options;
  return [
    ...http === "1.1" ? ["--http=1.1"] : [],
    ...proxy === undefined ? [] : ["--proxy"],
    ...unix === undefined ? [] : ["--unix"],
    ...insecure ? ["-k"] : [],
    ...pin === undefined ? [] : ["--pin"],
    ...resolve.length > 0 ? ["--resolve"] : [],
    ...ipv4 ? ["-4"] : [],
    ...ipv6 ? ["-6"] : [],
    ...options.pathAsIs ? ["--path-as-is"] : [],
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
    url.origin === "http://localhost" && error.hint !== undefined &&
    exitCodeOf(error) === ExitCode.Unreachable
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
