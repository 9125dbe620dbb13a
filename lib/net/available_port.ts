/**
 * A free port, as `@std/net/get-available-port` finds one: the npm build of std lacks it.
 *
 * @module
 */

/**
 * Finds a TCP port on 127.0.0.1 that nothing listens on just now: the preferred one where it is free, else one that the
 * system picks. It can be taken before it is used: to listen, ask for port 0 instead.
 */
export function getAvailablePort(
  options: { readonly preferredPort?: number } = {},
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
