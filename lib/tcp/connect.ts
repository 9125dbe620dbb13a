import { Failure, UsageError } from "../cli/errors.ts";
import { type Address, formatAddress } from "./address.ts";
import type { Socket } from "./connection.ts";
import type { Proxy } from "./proxy.ts";
import type { TlsClient } from "./trust.ts";

/** Options for {@linkcode connect}. */
export interface ConnectOptions {
  /** How long to resolve, connect and shake hands, in ms; for ever where it is not given. */
  readonly timeout?: number | undefined;
  /** Gives up at once when it is aborted. */
  readonly signal?: AbortSignal | undefined;
  /** Goes on trying for so many ms until something accepts. */
  readonly wait?: number | undefined;
  /** Goes through this proxy, which resolves the name. */
  readonly proxy?: Proxy | undefined;
  /** Speaks TLS there, with this trust. */
  readonly tls?: TlsClient | undefined;
}

type Conn = Deno.TcpConn | Deno.UnixConn;

/** Connects to a Unix socket, which takes no signal: one that comes too late is closed. */
async function openUnix(path: string, limit?: AbortSignal): Promise<Conn> {
  const opening = Deno.connect({ transport: "unix", path });
  if (!limit) return await opening;
  const { promise, reject } = Promise.withResolvers<never>();
  const stop = () => {
    opening.then((conn) => conn.close(), () => {});
    reject(limit.reason);
  };
  limit.addEventListener("abort", stop);
  try {
    return await Promise.race([opening, promise]);
  } finally {
    limit.removeEventListener("abort", stop);
  }
}

async function open(address: Address, limit?: AbortSignal): Promise<Conn> {
  try {
    if ("path" in address) return await openUnix(address.path, limit);
    return await Deno.connect({
      hostname: address.host,
      port: address.port,
      ...limit && { signal: limit },
    });
  } catch (cause) {
    if (cause instanceof RangeError || cause instanceof URIError) {
      const message = `Cannot connect to ${formatAddress(address)}`;
      throw new UsageError(message, { cause });
    }
    const { refusalOf } = await import("./refusal.ts");
    throw await refusalOf(address, cause);
  }
}

async function openThrough(
  proxy: Proxy,
  address: Address,
  limit?: AbortSignal,
): Promise<Conn> {
  const { formatProxy } = await import("./proxy.ts");
  const { within } = await import("./within.ts");
  const where = `${formatAddress(address)} through ${formatProxy(proxy)}`;
  if ("path" in address) throw new UsageError(`Cannot connect to ${where}`);
  try {
    const ask = proxy.protocol === "socks5"
      ? (await import("./socks5.ts")).askSocks
      : (await import("./http_connect.ts")).askHttp;
    const conn = await open(proxy.address, limit);
    await within(limit, conn, () => ask(conn, proxy, address));
    return conn;
  } catch (cause) {
    throw new Failure(`Cannot connect to ${where}`, {
      cause,
      hint: cause instanceof Failure ? cause.hint : undefined,
    });
  }
}

/**
 * Connects to an address: a name is tried on all its addresses, in turn and overlapping (RFC 8305).
 *
 * @param address Where to.
 * @param options The deadline, and what else stands between here and there.
 * @throws {Failure} `Cannot connect to host:port`, with the cause: refused, unknown host, timed out, not permitted; or
 * `Cannot start TLS with host:port`.
 *
 * @example Nothing listens on port 9
 * ```ts
 * import { assertRejects } from "@std/assert";
 *
 * await assertRejects(
 *   () => connect({ host: "127.0.0.1", port: 9 }, { timeout: 1000 }),
 *   Error,
 *   "Cannot connect to 127.0.0.1:9",
 * );
 * ```
 */
export async function connect(
  address: Address,
  options: ConnectOptions = {},
): Promise<Socket & Disposable> {
  const { wait, ...once } = options;
  const { timeout, signal, proxy, tls } = once;
  if (wait !== undefined) {
    const { keepTrying } = await import("./wait.ts");
    return await keepTrying(
      wait,
      (left) =>
        connect(address, {
          ...once,
          timeout: Math.min(left, timeout ?? left),
        }),
    );
  }
  // setTimeout would do as well, but its first use costs 7 ms
  const deadline = timeout === undefined
    ? undefined
    : AbortSignal.timeout(timeout);
  const limit = signal && deadline
    ? AbortSignal.any([signal, deadline])
    : signal ?? deadline;
  const conn = proxy
    ? await openThrough(proxy, address, limit)
    : await open(address, limit);
  if (!tls) return conn;
  const { startTls } = await import("./tls_client.ts");
  return await startTls(conn, {
    ...tls,
    host: "host" in address ? address.host : "localhost",
    peer: formatAddress(address),
    limit,
  });
}
