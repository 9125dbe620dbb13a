import { UsageError } from "../cli/errors.ts";
import {
  fingerprintOf,
  makeCertificate,
  type TlsServer,
} from "./certificate.ts";
import { readPem } from "./pem.ts";
import type { ServerOptions } from "./server_options.ts";

/** What `server` says about its certificate. */
export interface ServerTls extends TlsServer {
  /** The certificate's SHA-256, in hex. */
  readonly sha256: string;
  /** Whether it was made for this run. */
  readonly isOwn: boolean;
}

/**
 * Finds the certificate that a server is to speak TLS with: the one that was named, or a new one.
 *
 * @param options The options of the command line.
 * @returns The certificate, its key, and what to say about it.
 * @throws {UsageError} When only one of certificate and key was named.
 * @throws {Failure} When a file cannot be read.
 *
 * @example A throw-away certificate
 * ```ts
 * import { assertEquals } from "@std/assert";
 *
 * assertEquals((await findTls({})).isOwn, true);
 * ```
 */
export async function findTls(
  options: Partial<Pick<ServerOptions, "cert" | "key" | "clientCa">>,
): Promise<ServerTls> {
  const { cert, key, clientCa } = options;
  if ((cert === undefined) !== (key === undefined)) {
    throw new UsageError("Cannot use --cert or --key alone: expected both");
  }
  const pair = cert === undefined || key === undefined
    ? await makeCertificate()
    : {
      cert: await readPem(cert, "CERTIFICATE"),
      key: await readPem(key, "PRIVATE KEY"),
    };
  return {
    ...pair,
    ...clientCa !== undefined &&
      { clientCa: await readPem(clientCa, "CERTIFICATE") },
    sha256: await fingerprintOf(pair.cert),
    isOwn: cert === undefined,
  };
}
