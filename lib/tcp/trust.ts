import { Failure } from "../cli/errors.ts";
import { absolutePath } from "../cli/value.ts";

/** Whom a client trusts, and who it is itself. Certificates and keys are PEM. */
export interface TlsClient {
  /** Authorities to trust beside those that Deno knows. */
  readonly ca?: string | undefined;
  /** The SHA-256 of the one certificate to trust, whoever made it, for whatever name and time; 64 hex digits. */
  readonly pin?: string | undefined;
  /** The name to ask for (SNI) and to find in the certificate, where it is not the host's. */
  readonly name?: string | undefined;
  /** The client's own certificate, for servers that want one. */
  readonly cert?: string | undefined;
  /** The key of that certificate. */
  readonly key?: string | undefined;
}

/** What a PEM file may hold, in the words of its first line. */
export type PemKind = "CERTIFICATE" | "PRIVATE KEY";

/**
 * Reads a file of PEM (RFC 7468).
 *
 * @param path The file.
 * @param kind What it must hold; for a key, of whatever algorithm.
 * @returns Its text.
 * @throws {Failure} `Cannot read "PATH"`, with the cause, or `Cannot use "PATH"` when it holds something else.
 *
 * @example Something else
 * ```ts
 * import { assertRejects } from "@std/assert";
 *
 * const path = await Deno.makeTempFile();
 * await assertRejects(() => readPem(path, "CERTIFICATE"), Error, `Cannot use "${path}": it holds no PEM of a CERTIFICATE`);
 * ```
 */
export async function readPem(path: string, kind: PemKind): Promise<string> {
  let text: string;
  try {
    text = await Deno.readTextFile(path);
  } catch (cause) {
    throw new Failure(`Cannot read "${absolutePath(path)}"`, { cause });
  }
  // as in BEGIN EC PRIVATE KEY
  if (new RegExp(`^-----BEGIN (\\w+ )?${kind}-----`, "m").test(text)) {
    return text;
  }
  throw new Failure(
    `Cannot use "${absolutePath(path)}": it holds no PEM of a ${kind}`,
  );
}
