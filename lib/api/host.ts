/** Which Host headers are ours: another site's name that was bent to this address is not. */

/**
 * Tells whether a request may name a host. A web page whose own name resolves to this machine (DNS
 * rebinding) reaches the port, but cannot pretend that it asked for localhost.
 *
 * @param asked The host in the request's URL, without its port: `localhost`, `[::1]`.
 * @param served The host that is listened on. When it is not a loopback, all addresses and all names
 * without a dot are this machine's too.
 *
 * @example
 * ```ts
 * import { assertEquals } from "@std/assert";
 *
 * assertEquals(isOwnHost("api.localhost", "localhost"), true);
 * assertEquals(isOwnHost("192.0.2.1", "localhost"), false);
 * assertEquals(isOwnHost("192.0.2.1", "0.0.0.0"), true);
 * assertEquals(isOwnHost("evil.example", "0.0.0.0"), false);
 * ```
 */
export function isOwnHost(asked: string, served: string): boolean {
  const name = asked.toLowerCase().replace(/\.$/, "");
  const loopback = /^(localhost|.*\.localhost|127\.[\d.]+|\[::1\])$/;
  if (loopback.test(name)) return true;
  const own = served.includes(":") ? `[${served}]` : served.toLowerCase();
  return name === own ||
    !loopback.test(own) && /^(\[.*\]|\d+(\.\d+){3}|[^.]+)$/.test(name);
}
