/**
 * Options of a command line as what `send` takes, and the hosts and files that they need permission for.
 *
 * @module
 */

import { UsageError } from "../../../lib/cli/errors.ts";
import { type Output, type Permissions, print } from "../../../lib/cli/io.ts";
import { redactUrl } from "../../../lib/cli/redact.ts";
import { addressOfUrl, type HttpRequest } from "../../../lib/http/request.ts";
import { isRepeatable } from "../../../lib/http/retry.ts";
import type { SendOptions } from "../../../lib/http/send.ts";
import type { Network } from "../../../lib/http/transport.ts";
import {
  type Address,
  familyOf,
  isLocalhost,
  parseHost,
  parsePort,
  permissionsFor,
  type Resolved,
} from "../../../lib/net/address.ts";
import { parseCidr } from "../../../lib/net/cidr.ts";
import { parseProxy } from "../../../lib/net/proxy.ts";
import type { ExchangeOptions, NAMING, SENDING } from "../options.ts";
import { parseOperands } from "../url.ts";
import { paint } from "../view/paint.ts";

// what another option says is not seen here: it must join its list
type Sending = Partial<Pick<ExchangeOptions, typeof SENDING[number]>>;
type Naming = Partial<Pick<ExchangeOptions, typeof NAMING[number]>>;

/**
 * Reads how a request is sent, and warns on stderr where that is not safe.
 *
 * @throws {UsageError} When an option is malformed, or cannot be used for this request.
 * @throws {Failure} When a file that an option names cannot be used.
 */
export async function readSendOptions(
  options: Sending & Partial<Pick<ExchangeOptions, "quiet" | "body">>,
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
      `Warning: with --insecure anyone can pose as ${request.url.host}`;
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
export async function readNetwork(options: Sending): Promise<Network> {
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
  const { findTrust } = await import("../../../lib/net/tls/trust.ts");
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
  { proxy, unix, resolve = [], ipv4, ipv6 }: Naming,
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
  options: Naming = {},
): Promise<Permissions> {
  const { url, items, fields, raw } = await parseOperands(operands);
  const { isFile } = await import("../items.ts");
  const { splitType } = await import("../body/file.ts");
  const { savedFiles } = await import("../download/destination.ts");
  const { sessionFiles } = await import("../auth/session_file.ts");
  const { ca, cert, key, netrc } = options;
  const locateNetrc = netrc === undefined
    ? undefined
    : (await import("../auth/netrc.ts")).locateNetrc;
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
  options: Naming,
): Promise<Permissions> {
  const each = await Promise.all(
    calls.map((operands) => requiredPermissions(operands, options)),
  );
  const join = (name: keyof Permissions) => [
    ...new Set(each.flatMap((permissions) => permissions[name] ?? [])),
  ];
  return { net: join("net"), read: join("read"), write: join("write") };
}
