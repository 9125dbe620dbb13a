/**
 * The way to a server: its address, a proxy before it, TLS on top, and patience.
 *
 * @module
 */

import { ExitCode, Failure, RUNNER, UsageError } from "../cli/errors.ts";
import {
  type Address,
  formatAddress,
  isLoopback,
  LOOPBACKS,
} from "./address.ts";
import type { Socket } from "./connection.ts";
import { within } from "./connection.ts";
import type { Proxy } from "./proxy.ts";
import type { TlsClient } from "./tls/trust.ts";

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
      throw "port" in address && address.port === 0
        ? new UsageError(`${message}: expected a port from 1 to 65535`)
        : new UsageError(message, { cause });
    }
    if ("host" in address && address.host === "localhost" && !limit?.aborted) {
      // the hosts file may know one of them alone
      const { conn } = await askLoopbacks(address.port);
      if (conn !== undefined) return conn;
    }
    throw await refusalOf(address, cause);
  }
}

async function openThrough(
  proxy: Proxy,
  address: Address,
  limit?: AbortSignal,
): Promise<Conn> {
  const { formatProxy } = await import("./proxy.ts");
  const where = `${formatAddress(address)} through ${formatProxy(proxy)}`;
  if ("path" in address) throw new UsageError(`Cannot connect to ${where}`);
  const fail = (cause: unknown, hint?: string) =>
    new Failure(`Cannot connect to ${where}`, { cause, hint });
  const { askProxy } = await import("./tunnel.ts");
  const conn = await open(proxy.address, limit).catch((cause) => {
    // its own hint is to start a server, which would be no proxy
    throw fail(cause);
  });
  try {
    await within(limit, conn, () => askProxy(conn, proxy, address));
    return conn;
  } catch (cause) {
    throw fail(cause, cause instanceof Failure ? cause.hint : undefined);
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
  const { startTls } = await import("./tls/client.ts");
  return await startTls(conn, {
    ...tls,
    host: "host" in address ? address.host : "localhost",
    peer: formatAddress(address),
    limit,
  });
}

/** The first loopback that accepts, or else which refuse; one that may not be asked is left out. */
async function askLoopbacks(
  port: number,
): Promise<{ readonly conn?: Conn; readonly refusing: readonly string[] }> {
  const refusing: string[] = [];
  const { isPermitted } = await import("./permission.ts");
  for (const hostname of LOOPBACKS) {
    if (!isPermitted({ host: hostname, port })) continue;
    try {
      return { conn: await Deno.connect({ hostname, port }), refusing };
    } catch (error) {
      if (error instanceof Deno.errors.ConnectionRefused) {
        refusing.push(hostname);
      }
    }
  }
  return { refusing };
}

/** Below it are the ports of well-known services, which only root may listen on. */
const FIRST_FREE_PORT = 1024;

/** Whether this machine has no way to an address, as where it lacks the one or the other kind of IP. */
function isMissing(error: unknown): boolean {
  return error instanceof Deno.errors.NetworkUnreachable ||
    error instanceof Deno.errors.AddrNotAvailable;
}

/**
 * Says why an address could not be connected to: who refused, and what would listen there.
 *
 * @param address Where to.
 * @param cause What the attempt threw.
 */
export async function refusalOf(
  address: Address,
  cause: unknown,
): Promise<Failure> {
  const message = `Cannot connect to ${formatAddress(address)}`;
  if ("path" in address) {
    if (
      !(cause instanceof Deno.errors.ConnectionRefused ||
        cause instanceof Deno.errors.NotFound)
    ) return new Failure(message, { cause });
    return new Failure(message, {
      cause,
      code: ExitCode.Unreachable,
      hint:
        `nothing listens there; start it with: ${RUNNER}server --unix ${address.path}`,
    });
  }
  const { host, port } = address;
  const isRefused = cause instanceof Deno.errors.ConnectionRefused;
  // where one loopback is missing, the other one says more
  const { conn, refusing } =
    host === "localhost" && (isRefused || isMissing(cause))
      ? await askLoopbacks(port)
      : { refusing: [] };
  conn?.close();
  if (!(isRefused && isLoopback(host)) && refusing.length === 0) {
    return new Failure(message, {
      cause,
      ...isMissing(cause) && { code: ExitCode.Unreachable },
    });
  }
  return new Failure(message, {
    cause: refusing.length === 0
      ? cause
      : new Failure(`connection refused by ${refusing.join(" and ")}`),
    code: ExitCode.Unreachable,
    hint: "nothing listens there" +
      (port < FIRST_FREE_PORT
        ? ""
        : `; start it with: ${RUNNER}server --port ${port}`),
  });
}

/** How long to wait before the next attempt, in ms. */
const PAUSE_MS = 100;

/** What may be otherwise at the next attempt: a name, a listener, a slow start. */
const PASSING: readonly ExitCode[] = [
  ExitCode.Unresolved,
  ExitCode.Unreachable,
  ExitCode.CutShort,
  ExitCode.TimedOut,
];

/**
 * Tries until it works: a server that is not up yet, or not yet in the DNS, has until the end of the wait.
 *
 * @param wait How long to go on, in ms.
 * @param attempt One attempt, which gives up after so many ms.
 * @returns What the first attempt gives that works.
 * @throws {Failure} What the last attempt threw, with exit code 28; at once what time does not heal, as a refused
 * certificate.
 */
export async function keepTrying<T>(
  wait: number,
  attempt: (left: number) => Promise<T>,
): Promise<T> {
  const end = performance.now() + wait;
  let last: unknown;
  for (;;) {
    try {
      return await attempt(Math.max(1, end - performance.now()));
    } catch (error) {
      const { exitCodeOf } = await import("../cli/reasons.ts");
      const code = exitCodeOf(error);
      if (!PASSING.includes(code)) throw error;
      // an attempt that the end of the wait cut off says less than the one before
      if (last === undefined || code !== ExitCode.TimedOut) last = error;
    }
    const left = end - performance.now();
    if (left <= PAUSE_MS) throw giveUp(last, wait);
    await new Promise((resolve) => setTimeout(resolve, PAUSE_MS));
  }
}

function giveUp(error: unknown, wait: number): Failure {
  const { message, cause, hint } = error instanceof Failure
    ? error
    : new Failure("Cannot connect", { cause: error });
  return new Failure(`${message} within ${wait / 1000} s`, {
    ...cause !== undefined && { cause },
    hint,
    code: ExitCode.TimedOut,
  });
}
