import type { Acceptor } from "./accept.ts";
import { listen } from "./listen.ts";
import type { ServeOptions } from "./serve_options.ts";

/**
 * Opens what a server accepts its clients with, and loads nothing for what it does not.
 *
 * @param options Where, and whether with TLS.
 * @returns What accepts; for `localhost` one on each loopback.
 * @throws {Failure} When it cannot listen there.
 *
 * @example A free port
 * ```ts
 * import { assertEquals } from "@std/assert";
 *
 * const [acceptor] = await openAcceptors({ port: 0 });
 * assertEquals(acceptor?.addr.transport, "tcp");
 * acceptor?.close();
 * ```
 */
export async function openAcceptors(
  options: Pick<ServeOptions, "host" | "port" | "path" | "tls">,
): Promise<Acceptor[]> {
  const { host = "127.0.0.1", port = 0, path, tls } = options;
  const address = path === undefined ? { host, port } : { path };
  if (tls) {
    const { listenTls } = await import("./tls_listen.ts");
    return await listenTls(address, tls);
  }
  if ("host" in address) return await listen(address);
  const { listenUnix } = await import("./unix_listen.ts");
  return [await listenUnix(address.path)];
}
