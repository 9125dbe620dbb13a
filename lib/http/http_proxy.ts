import { parseProxy } from "../tcp/proxy.ts";
import type { HttpProxy } from "./transport.ts";

/**
 * Reads a proxy: `http://`, `https://` or `socks5://`, with `USER:PASSWORD@` where it wants one.
 *
 * @throws {UsageError} On anything else.
 *
 * @example One that is spoken to over TLS
 * ```ts
 * import { assertEquals } from "@std/assert";
 *
 * const { secure, address } = parseHttpProxy("https://ada:pw@proxy.example");
 * assertEquals([secure, address], [true, { host: "proxy.example", port: 443 }]);
 * ```
 */
export function parseHttpProxy(text: string): HttpProxy {
  const secure = /^https:/i.test(text);
  const proxy = parseProxy(secure ? text.replace(/^https/i, "http") : text);
  const hasPort = /:\d+\/?$/.test(text);
  return {
    ...proxy,
    address: secure && !hasPort
      ? { ...proxy.address, port: 443 }
      : proxy.address,
    secure,
  };
}
