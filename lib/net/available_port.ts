/**
 * A free port, as `@std/net` finds one.
 *
 * @module
 */

/** Options for {@linkcode getAvailablePort}: std's signature. */
export interface GetAvailablePortOptions {
  /** The port to try first. */
  readonly preferredPort?: number;
}

/**
 * Finds a TCP port that nothing listens on just now: the preferred one where it is free, else one
 * that the system picks. It has the signature of `@std/net/get-available-port`, which the npm build
 * of std lacks. The port can be taken before it is used: to listen, ask for port 0 instead.
 *
 * @returns A port on 127.0.0.1, from 1 to 65535.
 * @throws {Deno.errors.NotCapable} When 127.0.0.1 may not be listened on.
 */
export function getAvailablePort(
  options: GetAvailablePortOptions = {},
): number {
  try {
    using listener = Deno.listen({
      hostname: "127.0.0.1",
      port: options.preferredPort ?? 0,
    });
    return listener.addr.port;
  } catch (error) {
    if (options.preferredPort && error instanceof Deno.errors.AddrInUse) {
      return getAvailablePort();
    }
    throw error;
  }
}
