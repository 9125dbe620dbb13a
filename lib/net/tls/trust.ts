/**
 * Whom TLS trusts and what it shows: what the options name is read and checked before anything is connected.
 *
 * @module
 */

import { Failure, UsageError } from "../../cli/errors.ts";
import { absolutePath, reading } from "../../cli/values.ts";
import { parseHost } from "../address.ts";
import type { TlsClient, TlsServer } from "./certificate.ts";

/** The options that say whom a client trusts: `pin` and `sni` as they were typed, the others as paths. */
type TrustOptions = {
  readonly [Name in "ca" | "pin" | "sni" | "cert" | "key"]?: string | undefined;
};

/**
 * Reads the SHA-256 of a certificate: 64 hex digits, with or without colons, or the line of
 * `openssl x509 -fingerprint -sha256`.
 */
function parsePin(text: string): string {
  const digits = text.replace(/^sha256( fingerprint=|:)/i, "")
    .replaceAll(":", "").toLowerCase();
  if (!/^[\da-f]{64}$/.test(digits)) {
    throw new UsageError(
      `Cannot parse pin "${text}": expected a certificate's SHA-256, 64 hex digits`,
    );
  }
  return digits;
}

/** Reads a file of PEM (RFC 7468) that must hold a thing, in the words of its first line; a key of whatever algorithm. */
export async function readPem(
  path: string,
  kind: "CERTIFICATE" | "PRIVATE KEY",
): Promise<string> {
  const text = await reading(path, Deno.readTextFile(path));
  // as in BEGIN EC PRIVATE KEY
  if (new RegExp(`^-----BEGIN (\\w+ )?${kind}-----`, "m").test(text)) {
    return text;
  }
  throw new Failure(
    `Cannot use "${absolutePath(path)}": it holds no PEM of a ${kind}`,
  );
}

async function readPair(
  { cert, key }: Pick<TrustOptions, "cert" | "key">,
): Promise<{ readonly cert: string; readonly key: string } | undefined> {
  if (cert === undefined && key === undefined) return undefined;
  if (cert === undefined || key === undefined) {
    throw new UsageError("Cannot use --cert or --key alone: expected both");
  }
  return {
    cert: await readPem(cert, "CERTIFICATE"),
    key: await readPem(key, "PRIVATE KEY"),
  };
}

/**
 * Finds whom a client trusts, and who it is itself.
 *
 * @throws {Failure} When a value is none, or a file cannot be read, or holds something else.
 */
export async function findTrust(options: TrustOptions): Promise<TlsClient> {
  const { ca, pin, sni } = options;
  const pair = await readPair(options);
  try {
    // whether they belong together is something that only a client of HTTP is told before it connects
    if (pair) Deno.createHttpClient(pair).close();
  } catch (cause) {
    throw new Failure("Cannot use --cert with --key", { cause });
  }
  return {
    ...pair,
    name: sni === undefined ? undefined : parseHost(sni),
    pin: pin === undefined ? undefined : parsePin(pin),
    ca: ca === undefined ? undefined : await readPem(ca, "CERTIFICATE"),
  };
}

interface ServerTls extends TlsServer {
  readonly sha256: string;
  /** Whether it was made for this run. */
  readonly isOwn: boolean;
}

/**
 * Finds the certificate that a server is to speak TLS with: the one that was named, or a new one.
 *
 * @throws {Failure} When a file cannot be read, or only one of certificate and key was named.
 */
export async function findTls(
  options: Pick<TrustOptions, "cert" | "key"> & {
    readonly clientCa?: string | undefined;
  },
): Promise<ServerTls> {
  const { clientCa } = options;
  const { fingerprintOf, makeCertificate } = await import("./certificate.ts");
  const named = await readPair(options);
  const pair = named ?? await makeCertificate();
  return {
    ...pair,
    ...clientCa !== undefined &&
      { clientCa: await readPem(clientCa, "CERTIFICATE") },
    sha256: await fingerprintOf(pair.cert),
    isOwn: named === undefined,
  };
}
