/**
 * Whom TLS trusts and what it shows: what the options name is read and checked before anything is connected.
 *
 * @module
 */

import { Failure, UsageError } from "../../cli/errors.ts";
import { absolutePath, reading } from "../../cli/values.ts";
import { parseHost } from "../address.ts";
import type { KeyPair, TlsClient } from "../connection.ts";

/** The options that say whom a client trusts: `pin` and `sni` as they were typed, the others as paths. */
export type TrustOptions = {
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
  if (/^-----BEGIN ENCRYPTED |^Proc-Type: 4,ENCRYPTED/m.test(text)) {
    const { quote } = await import("../../cli/permissions.ts");
    throw new Failure(`Cannot use "${absolutePath(path)}": it is encrypted`, {
      hint: `decrypt it: openssl pkey -in ${quote(path)} -out FILE`,
    });
  }
  // as in BEGIN EC PRIVATE KEY
  if (!new RegExp(`^-----BEGIN (\\w+ )?${kind}-----`, "m").test(text)) {
    throw new Failure(
      `Cannot use "${absolutePath(path)}": it holds no PEM of a ${kind}`,
    );
  }
  try {
    if (kind === "CERTIFICATE") {
      Deno.createHttpClient({ caCerts: [text] }).close();
    }
  } catch {
    const why = "a certificate in it cannot be read";
    throw new Failure(`Cannot use "${absolutePath(path)}": ${why}`);
  }
  return text;
}

/** Reads a certificate and its key, from one file where only that is named: both of them, and that belong together. */
export async function readPair(
  { cert, key = cert }: Pick<TrustOptions, "cert" | "key">,
): Promise<KeyPair | undefined> {
  if (cert === undefined || key === undefined) return undefined;
  const pair = {
    cert: await readPem(cert, "CERTIFICATE"),
    key: await readPem(key, "PRIVATE KEY"),
  };
  try {
    // whether they belong together is something that only a client of HTTP is told before it connects
    Deno.createHttpClient(pair).close();
  } catch (cause) {
    const files = [...new Set([cert, key])].map((path) =>
      `"${absolutePath(path)}"`
    );
    throw new Failure(`Cannot use ${files.join(" with ")}`, { cause });
  }
  return pair;
}

/**
 * Finds whom a client trusts, and who it is itself.
 *
 * @throws {Failure} When a value is none, or a file cannot be read, or holds something else.
 */
export async function findTrust(options: TrustOptions): Promise<TlsClient> {
  const { ca, pin, sni } = options;
  return {
    ...await readPair(options),
    name: sni === undefined ? undefined : parseHost(sni),
    pin: pin === undefined ? undefined : parsePin(pin),
    ca: ca === undefined ? undefined : await readPem(ca, "CERTIFICATE"),
  };
}
