import { UsageError } from "../cli/errors.ts";
import { type Address, DEFAULT_ADDRESS, parseAddress } from "./address.ts";

/** Where a relay leads. */
export interface Target {
  /** The address. */
  readonly address: Address;
  /** Whether to speak TLS there. */
  readonly tls: boolean;
}

/** A relay to the default port would lead back to itself. */
const NO_PORT = -1;

/**
 * Reads a target: `HOST:PORT`, `PORT` (on localhost) or `unix:PATH`, and with `tls:` in front of `HOST:PORT` one that
 * speaks TLS.
 *
 * @throws {UsageError} On anything else, as a host without its port.
 *
 * @example Two targets
 * ```ts
 * import { assertEquals } from "@std/assert";
 *
 * assertEquals(parseTarget("7000"), { address: { host: "localhost", port: 7000 }, tls: false });
 * assertEquals(parseTarget("tls:a.example:443"), { address: { host: "a.example", port: 443 }, tls: true });
 * ```
 */
export function parseTarget(text: string): Target {
  const tls = text.startsWith("tls:");
  const where = tls ? text.slice("tls:".length) : text;
  const defaults = { ...DEFAULT_ADDRESS, port: NO_PORT };
  const address = where === "" ? defaults : parseAddress(where, defaults);
  if ("path" in address ? tls : address.port === NO_PORT) {
    throw new UsageError(
      `Cannot relay to "${text}": expected HOST:PORT, tls:HOST:PORT or unix:PATH`,
    );
  }
  return { address, tls };
}
