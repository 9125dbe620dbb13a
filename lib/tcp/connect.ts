import { Failure, UsageError } from "../cli/errors.ts";
import { type Address, formatAddress, isLoopback } from "./address.ts";

/** Options for {@linkcode connect}. */
export interface ConnectOptions {
  /** How long to resolve and connect, in ms; for ever where it is not given. */
  readonly timeout?: number;
  /** Gives up at once when it is aborted. */
  readonly signal?: AbortSignal;
}

/** Says what to do about an address where nothing listens. */
function hintFor(address: Address, error: unknown): string | undefined {
  if (
    !(error instanceof Deno.errors.ConnectionRefused ||
      error instanceof Deno.errors.NotFound)
  ) return undefined;
  if ("path" in address) {
    return `nothing listens there; start it with: deno task server --unix ${address.path}`;
  }
  if (!isLoopback(address.host)) return undefined;
  return `nothing listens there; start it with: deno task server --port ${address.port}`;
}

/**
 * Connects to an address: a name is tried on all its addresses, in turn and overlapping (RFC 8305).
 *
 * @param address Where to.
 * @param options The deadline and the signal.
 * @throws {Failure} `Cannot connect to host:port`, with the cause: refused, unknown host, timed out, not permitted.
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
): Promise<Deno.Conn> {
  const { timeout, signal } = options;
  // setTimeout would do as well, but its first use costs 7 ms
  const deadline = timeout === undefined
    ? undefined
    : AbortSignal.timeout(timeout);
  const limit = signal && deadline
    ? AbortSignal.any([signal, deadline])
    : signal ?? deadline;
  try {
    if ("path" in address) {
      return await Deno.connect({ transport: "unix", path: address.path });
    }
    return await Deno.connect({
      hostname: address.host,
      port: address.port,
      ...limit && { signal: limit },
    });
  } catch (error) {
    if (error instanceof RangeError || error instanceof URIError) {
      throw new UsageError(
        `Cannot connect to ${formatAddress(address)}`,
        { cause: error },
      );
    }
    throw new Failure(`Cannot connect to ${formatAddress(address)}`, {
      cause: error,
      hint: hintFor(address, error),
    });
  }
}
