/**
 * Whom TLS trusts and what it shows: what the options name is read and checked before anything is connected.
 *
 * @module
 */

import { Failure, UsageError } from "../../cli/errors.ts";
import { absolutePath, quote, reading } from "../../cli/values.ts";
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
export function parsePin(text: string): string {
  const digits = text.replace(/^sha256( fingerprint=|:)/i, "")
    .replaceAll(":", "").toLowerCase();
  if (!/^[\da-f]{64}$/.test(digits)) {
    throw new UsageError(
      `Cannot parse pin "${text}": expected a certificate's SHA-256, 64 hex digits`,
    );
  }
  return digits;
}

/** What of openssl makes PEM of DER, told by its first element: the version of PKCS #12 or a key, the type of PKCS #7. */
function conversionOf(der: string): string {
  const [begin] = boundsOf(der);
  if (der.startsWith("\x02\x01\x03", begin)) return "pkcs12 -nodes";
  if (der.startsWith("\x06", begin)) return "pkcs7 -inform der -print_certs";
  return der.startsWith("\x02", begin)
    ? "pkey -inform der"
    : "x509 -inform der";
}

/** Where what is in an element of DER begins, and where it ends. */
function boundsOf(der: string): [begin: number, end: number] {
  const length = der.charCodeAt(1);
  if (length < 0x80) return [2, 2 + length];
  const begin = 2 + (length & 0x7f);
  const bytes = Array.from(der.slice(2, begin), (byte) => byte.charCodeAt(0));
  return [begin, begin + bytes.reduce((sum, byte) => sum * 256 + byte, 0)];
}

/** How openssl heads each kind of thing, of which Deno knows the last words alone. */
const HEADINGS = {
  CERTIFICATE: "(?:X509 |TRUSTED )?(CERTIFICATE)",
  "PRIVATE KEY": "((?:RSA |EC )?PRIVATE KEY)",
} as const;

/**
 * Reads a file of PEM (RFC 7468) that must hold a thing: a certificate, or a key of whatever algorithm. It is given as
 * Deno reads it, without anything else.
 */
export async function readPem(
  path: string,
  kind: keyof typeof HEADINGS,
): Promise<string> {
  const bytes = await reading(path, Deno.readFile(path));
  const refuse = (why: string, openssl?: string, to = `${path}.pem`) => {
    const message = `Cannot use "${absolutePath(path)}": ${why}`;
    if (openssl === undefined) return new Failure(message);
    const hint = `${openssl} -in ${quote(path)} -out ${quote(to)}`;
    return new Failure(message, { hint });
  };
  // Windows writes either, each with a BOM, which is dropped
  const encoding = bytes[0] === 0xff ? "utf-16le" : "utf-8";
  const text = new TextDecoder(encoding).decode(bytes);
  if (/^-----BEGIN ENCRYPTED |^Proc-Type: 4,ENCRYPTED/m.test(text)) {
    throw refuse("it is encrypted", "decrypt it: openssl pkey", "FILE");
  }
  const pattern = `^-----BEGIN ${HEADINGS[kind]}-----([^-]*)(?:-----END )?`;
  const found = [...text.matchAll(new RegExp(pattern, "gm"))];
  if (found.length === 0) {
    const start = String.fromCharCode(...bytes.subarray(0, 16));
    const isDer = start.startsWith("0") &&
      (start.charCodeAt(1) > 0x7f || start.startsWith("\x02\x01", 2));
    throw refuse(
      `it holds no PEM of a ${kind}`,
      isDer ? `make PEM of it: openssl ${conversionOf(start)}` : undefined,
    );
  }
  try {
    const pem = found.map(([whole, heading, base64 = ""]) => {
      const der = atob(whole.endsWith("-----END ") ? base64 : "-");
      // behind a trusted certificate stands what it is trusted for
      const thing = btoa(der.slice(0, boundsOf(der)[1]));
      return `-----BEGIN ${heading}-----\n${thing}\n-----END ${heading}-----\n`;
    }).join("");
    if (kind === "CERTIFICATE") {
      Deno.createHttpClient({ caCerts: [pem] }).close();
    }
    return pem;
  } catch {
    throw refuse(`a ${kind.toLowerCase()} in it cannot be read`);
  }
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
