/**
 * The way to a server: its addresses, a proxy before it, and TLS on top.
 *
 * @module
 */

import { ExitCode, Failure, UsageError } from "../cli/errors.ts";
import {
  type Address,
  addressOf,
  findAddresses,
  formatAddress,
  hintToListen,
  isLocalhost,
  isLoopback,
  isMissing,
  LOOPBACKS,
  type TcpAddress,
  toldOf,
} from "./address.ts";
import { type Socket, type TlsClient, tune, within } from "./connection.ts";
import type { Proxy, Way } from "./proxy.ts";

/** A connection, however it was made. */
export type Opened = Socket & Disposable & Pick<Deno.Conn, "remoteAddr">;

/** A way to a target, and what is done on it. */
export interface Route extends Way {
  /** How to trust a proxy that speaks TLS. */
  readonly proxyTls?: TlsClient | undefined;
  /** Whether the proxy is the end of the way: it passes on requests by itself. */
  readonly forward?: boolean | undefined;
  /** How to trust the target: it speaks TLS then. */
  readonly tls?: TlsClient | undefined;
  /** Connects in another way than Deno does by itself. */
  readonly openAt?: typeof openAt | undefined;
  /** Asks the target for TLS in plain, and takes no byte that is TLS's. */
  readonly prepare?: ((socket: Socket) => Promise<void>) | undefined;
  /** Ends it. */
  readonly signal?: AbortSignal | undefined;
  /** Hears what is begun: what fails is that. */
  readonly onStep?: ((step: Step) => void) | undefined;
}

/** A part of the way: to connect, to a proxy or to the target; to get through the proxy; to start TLS with the target. */
export type Step = "connect" | "proxy" | "tunnel" | "tls";

/** Where a way has led; times are in ms. */
export interface Connected {
  /** Closed with the scope that has it. */
  readonly socket: Socket & Disposable;
  /** The address at its other end: the target's or the proxy's. */
  readonly remote: string;
  /** How long it took to resolve the name, where that was done apart. */
  readonly dns: number | undefined;
  /** How long it took to connect, through a proxy too. */
  readonly connect: number;
  /** How long it took to shake hands. */
  readonly tls: number | undefined;
}

function isPermitted(address: TcpAddress): boolean {
  const permission = { name: "net", host: formatAddress(address) } as const;
  return Deno.permissions.querySync(permission).state === "granted";
}

/** Connects, but not to itself, as TCP may where nobody listens (RFC 9293 section 3.5) and it comes by chance from the port that it goes to. */
async function openAt(
  hostname: string,
  port: number,
  signal?: AbortSignal,
): Promise<Opened> {
  const conn = await Deno.connect({ hostname, port, ...signal && { signal } });
  tune(conn);
  const { localAddr: here, remoteAddr: there } = conn;
  if (here.port !== there.port || here.hostname !== there.hostname) return conn;
  conn.close();
  throw new Deno.errors.ConnectionRefused(
    "Connection refused: it is one's own",
  );
}

/** The first address that accepts, or else which refuse, and what the last one has against it. */
async function openFirst(
  hosts: readonly string[],
  port: number,
  signal?: AbortSignal,
  open = openAt,
  onTry: Way["onTry"] = undefined,
) {
  const refusing: string[] = [];
  let error: unknown = new Error("No address associated with the name");
  for (const [at, host] of hosts.entries()) {
    onTry?.(hosts.slice(at));
    try {
      return { conn: await open(host, port, signal), refusing };
    } catch (cause) {
      error = cause;
      onTry?.([host], cause);
      if (error instanceof Deno.errors.ConnectionRefused) refusing.push(host);
    }
  }
  return { error, refusing };
}

/** The same of both loopbacks; one that may not be asked is left out. */
function askLoopbacks(port: number, signal?: AbortSignal) {
  const hosts = LOOPBACKS.filter((host) => isPermitted({ host, port }));
  return openFirst(hosts, port, signal);
}

/** Connects to a name on all its addresses, in turn and overlapping (RFC 8305). */
async function openTcp(
  { host, port }: TcpAddress,
  signal?: AbortSignal,
): Promise<Opened> {
  try {
    return await openAt(host, port, signal);
  } catch (error) {
    if (host !== "localhost" || signal?.aborted) throw error;
    // the hosts file may know one of them alone
    const { conn } = await askLoopbacks(port, signal);
    if (conn === undefined) throw error;
    return conn;
  }
}

/** Connects to a Unix socket, which takes no signal: one that comes too late is closed. */
async function openUnix(
  path: string,
  signal?: AbortSignal,
): Promise<Deno.UnixConn> {
  const opening = Deno.connect({ transport: "unix", path });
  if (!signal) return await opening;
  const { orAborted } = await import("./pause.ts");
  return await orAborted(signal, opening).catch((error) => {
    opening.then((conn) => conn.close(), () => {});
    throw error;
  });
}

async function openAddress(
  address: Address,
  { resolve, family, timed, signal, openAt, onTry }: Route,
): Promise<{ conn: Opened; dns?: number }> {
  if ("path" in address) return { conn: await openUnix(address.path, signal) };
  const { port } = address;
  const host = isLocalhost(address.host) ? "localhost" : address.host;
  const isOdd = family !== undefined || openAt !== undefined;
  const isChosen = isOdd || toldOf(address, resolve);
  if (isChosen || timed) {
    const start = performance.now();
    const ips = await findAddresses(address, resolve, family);
    const dns = performance.now() - start;
    // to time a name must not need more rights than to connect to it
    const mayEach = ips?.every((ip) => isPermitted({ host: ip, port }));
    if (!ips && isOdd) {
      throw new Deno.errors.NotCapable(`Requires net access to "${host}"`);
    }
    if (ips && (isChosen || mayEach)) {
      const { conn, error } = await openFirst(ips, port, signal, openAt, onTry);
      if (conn === undefined) throw error;
      return { conn, dns };
    }
  }
  return { conn: await openTcp({ host, port }, signal) };
}

/** Goes a way to its end; throws what is against it as it is. A peer whose issuer is not found is asked again: whether it is a trusted authority itself, or of one that only Deno's TLS knows. */
export async function open(address: Address, route: Route): Promise<Connected> {
  const { tls, proxyTls } = route;
  const isShown = tls?.onFacts !== undefined && tls.ca !== undefined;
  const own = { ...route, tls: tls && { ...tls, isOwn: true } };
  try {
    return await openOnce(address, isShown ? own : route);
  } catch (error) {
    const ca = tls?.ca ?? proxyTls?.ca;
    const isOther = isShown
      ? /UnknownIssuer/.test(String(error))
      : ca !== undefined && isAuthority(error);
    if (!isOther) throw error;
    const again = isShown
      ? { ...route, tls: { ...tls, onFacts: undefined } }
      : { ...own, proxyTls: { ...proxyTls, isOwn: true } };
    return await openOnce(address, again).catch((second) => {
      // it has served its one connection
      throw second instanceof Deno.errors.ConnectionRefused ? error : second;
    });
  }
}

/** Whether Deno's own TLS refused a certificate as it is an authority's. */
export function isAuthority(error: unknown): boolean {
  return error instanceof Error &&
    /CaUsedAsEndEntity/.test(`${error.message}${error.cause}`);
}

async function openOnce(address: Address, route: Route): Promise<Connected> {
  const { proxy, tls, prepare, signal, onStep } = route;
  const start = performance.now();
  let socket: Socket & Disposable;
  let remote: string;
  let dns: number | undefined;
  if (proxy === undefined) {
    onStep?.("connect");
    const opened = await openAddress(address, route);
    socket = opened.conn;
    dns = opened.dns;
    remote = "path" in address
      ? formatAddress(address)
      : formatAddress(addressOf(opened.conn.remoteAddr));
  } else {
    onStep?.("proxy");
    const { openAt, family } = route;
    const own = openAt && { openAt, family };
    socket = (await openAddress(proxy.address, { signal, ...own })).conn;
    remote = formatAddress(proxy.address);
    if (proxy.secure) {
      const { startTls } = await import("./tls/client.ts");
      const { host } = proxy.address;
      socket = await startTls(socket, host, route.proxyTls ?? {}, signal);
    }
    if (!route.forward && !("path" in address)) {
      onStep?.("tunnel");
      const { askProxy } = await import("./proxy.ts");
      const conn = socket;
      const heard = route.watch?.(conn) ?? conn;
      await within(signal, conn, () => askProxy(heard, proxy, address));
    }
  }
  route.onTry?.([]);
  const connected = performance.now();
  if (tls) {
    onStep?.("tls");
    if (prepare) await within(signal, socket, () => prepare(socket));
    const { startTls } = await import("./tls/client.ts");
    const host = "host" in address ? address.host : "localhost";
    socket = await startTls(socket, host, tls, signal);
  }
  return {
    socket,
    remote,
    dns,
    connect: connected - start - (dns ?? 0),
    tls: tls && performance.now() - connected,
  };
}

/** The way to an address, and how long it may take. */
export interface ConnectOptions extends
  Pick<
    Route,
    "proxy" | "family" | "tls" | "openAt" | "prepare" | "signal" | "onStep"
  > {
  /** How long to resolve, connect and shake hands, in ms; for ever where it is not given. */
  readonly timeout?: number | undefined;
}

/**
 * Connects to an address: a name is tried on all its addresses, `localhost` on both loopbacks.
 *
 * @throws {Failure} `Cannot connect to host:port`, or `Cannot start TLS with host:port`, with the cause.
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
  const { timeout, signal, proxy } = options;
  // setTimeout would do as well, but its first use costs 7 ms
  const deadline = timeout === undefined ? [] : [AbortSignal.timeout(timeout)];
  const limit = AbortSignal.any([...signal ? [signal] : [], ...deadline]);
  if (proxy && "path" in address) {
    throw new UsageError(await formatGoal(address, proxy));
  }
  let step: Step = "connect";
  try {
    const { socket } = await open(address, {
      ...options,
      signal: limit,
      onStep: (next) => {
        step = next;
        options.onStep?.(next);
      },
    });
    return socket;
  } catch (cause) {
    throw await wordStep(step, address, options, cause);
  }
}

async function formatGoal(address: Address, proxy?: Proxy): Promise<string> {
  const goal = `Cannot connect to ${formatAddress(address)}`;
  if (proxy === undefined) return goal;
  const { formatProxy } = await import("./proxy.ts");
  return `${goal} through ${formatProxy(proxy)}`;
}

async function wordStep(
  step: Step,
  address: Address,
  { proxy, family }: ConnectOptions,
  cause: unknown,
): Promise<Failure> {
  if (step === "connect") return await refusalOf(address, cause, family);
  if (step === "tls") {
    const { hintForTls } = await import("./tls/client.ts");
    const goal = `Cannot start TLS with ${formatAddress(address)}`;
    return new Failure(goal, { cause, hint: hintForTls(cause) });
  }
  const goal = await formatGoal(address, proxy);
  if (step === "proxy") {
    // without its hint to start a server, which would be no proxy
    const its = await refusalOf(proxy?.address ?? address, cause);
    const refusal = new Failure("the proxy cannot be reached", its);
    return new Failure(goal, { cause: refusal });
  }
  if (!(cause instanceof Failure)) return new Failure(goal, { cause });
  return new Failure(goal, { ...cause, cause, code: ExitCode.Unreachable });
}

/** Says why an address could not be connected to: who refused, and what would listen there. */
export async function refusalOf(
  address: Address,
  cause: unknown,
  family?: 4 | 6,
): Promise<Failure> {
  const message = `Cannot connect to ${formatAddress(address)}`;
  // it says from where it was to come
  if (cause instanceof Failure) return cause;
  if (cause instanceof RangeError || cause instanceof URIError) {
    return new UsageError(message, { cause });
  }
  const isRefused = cause instanceof Deno.errors.ConnectionRefused;
  const [host, port] = "path" in address ? [""] : [address.host, address.port];
  // where one loopback is missing, the other one says more
  const { conn, refusing } =
    port && isLocalhost(host) && !family && (isRefused || isMissing(cause))
      ? await askLoopbacks(port)
      : { refusing: [] };
  conn?.close();
  const isFree = port === undefined
    ? isRefused || cause instanceof Deno.errors.NotFound
    : isRefused && isLoopback(host) || refusing.length > 0;
  return new Failure(message, {
    cause: refusing.length === 0
      ? cause
      : new Failure(`connection refused by ${refusing.join(" and ")}`),
    code: isFree || isMissing(cause) ? ExitCode.Unreachable : undefined,
    hint: isFree ? hintToListen(address) : undefined,
  });
}
