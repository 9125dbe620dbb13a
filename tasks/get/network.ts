/**
 * The way to a server as the command line names it.
 *
 * @module
 */

import type { Permissions } from "../../lib/cli/definition.ts";
import { Failure, UsageError } from "../../lib/cli/errors.ts";
import { absolutePath } from "../../lib/cli/values.ts";
import type { Network } from "../../lib/http/transport.ts";
import { parseHost, parsePort, permissionsFor } from "../../lib/net/address.ts";
import { parseCidr } from "../../lib/net/cidr.ts";
import type { Resolved } from "../../lib/net/connect.ts";
import { parseProxy } from "../../lib/net/proxy.ts";

/** The options about the way to a server. */
export interface NetworkOptions {
  /** `-k`. */
  readonly insecure?: boolean;
  /** A file of authorities. */
  readonly ca?: string | undefined;
  /** A file with the client's certificate. */
  readonly cert?: string | undefined;
  /** A file with its key; that of the certificate unless given. */
  readonly key?: string | undefined;
  /** A proxy's URL. */
  readonly proxy?: string | undefined;
  /** A Unix socket's path. */
  readonly unix?: string | undefined;
  /** `HOST:PORT:ADDRESS[,ADDRESS]`. */
  readonly resolve?: readonly string[];
  /** `-4`. */
  readonly ipv4?: boolean;
  /** `-6`. */
  readonly ipv6?: boolean;
  /** `1.1` or `2`. */
  readonly http?: "1.1" | "2" | undefined;
  /** Whether the phases are timed. */
  readonly time?: boolean;
  /** Whether header lines are shown as they came. */
  readonly verbose?: boolean;
}

async function readPem(
  path: string | undefined,
  what: string,
): Promise<string | undefined> {
  if (path === undefined) return undefined;
  const text = await Deno.readTextFile(path).catch((cause) => {
    throw new Failure(`Cannot read "${absolutePath(path)}"`, { cause });
  });
  if (text.includes(`${what}-----`)) return text;
  // Deno would pass over it in silence
  throw new Failure(
    `Cannot use "${absolutePath(path)}": it has no ${what} in PEM`,
  );
}

/**
 * Reads the options about the way to a server, and the files that they name.
 *
 * @param options As they were typed.
 * @throws {UsageError} When one of them is malformed: before any file is read.
 * @throws {Failure} When a file cannot be read, or is not what it should be.
 */
export async function readNetwork(options: NetworkOptions): Promise<Network> {
  const { unix, insecure, resolve = [], cert, key } = options;
  const network = {
    http: options.http,
    proxy: options.proxy === undefined
      ? undefined
      : parseProxy(options.proxy, true),
    resolve: resolve.length > 0 ? resolve.map(parseResolve) : undefined,
    family: options.ipv4 ? 4 as const : options.ipv6 ? 6 as const : undefined,
  };
  return {
    ...network,
    unix,
    insecure,
    timings: options.time,
    rawHeaders: options.verbose,
    ca: await readPem(options.ca, "CERTIFICATE"),
    cert: await readPem(cert, "CERTIFICATE"),
    key: await readPem(key ?? cert, "PRIVATE KEY"),
  };
}

/**
 * The hosts and files that the way to a server needs.
 *
 * @param options As they were typed.
 */
export function networkPermissions(
  options: NetworkOptions,
): Required<Permissions> {
  const { ca, cert, key, proxy, unix, resolve = [] } = options;
  return permissionsFor([
    ...unix === undefined ? [] : [{ path: unix }],
    ...proxy === undefined ? [] : [parseProxy(proxy, true).address],
    ...resolve.flatMap((text) => {
      const { addresses, port } = parseResolve(text);
      return addresses.map((host) => ({ host, port }));
    }),
  ], [ca, cert, key]);
}

/**
 * Reads the addresses of a name: `HOST:PORT:ADDRESS`, with commas between more than one; IPv6 in brackets or not.
 *
 * @throws {UsageError} On anything else.
 */
export function parseResolve(text: string): Resolved {
  const [, host, port, rest] = text.match(/^([^:]+):(\d+):(.+)$/) ?? [];
  try {
    if (host === undefined || port === undefined || rest === undefined) {
      throw new UsageError("its form");
    }
    const addresses = rest.split(",").map((ip) => ip.replace(/^\[|\]$/g, ""));
    for (const ip of addresses) {
      if (ip.includes("/")) throw new UsageError("a range");
      parseCidr(ip);
    }
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
