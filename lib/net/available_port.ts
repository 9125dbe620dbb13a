/**
 * A free port, as `@std/net/get-available-port` finds one: the npm build of std lacks it.
 *
 * @module
 */

/** Finds a TCP port on 127.0.0.1 that nothing listens on just now; it can be taken before it is used. */
export function getAvailablePort(): number {
  using listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  return listener.addr.port;
}
