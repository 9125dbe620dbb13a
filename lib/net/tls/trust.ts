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

/** Reads the SHA-256 of a certificate: 64 hex digits, with or without colons, or openssl's line of `-fingerprint -sha256`. */
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

/** What openssl's command makes PEM of a file, told by how it begins: PKCS #7, the version of PKCS #12, of a key, else a certificate. */
function conversionOf(start: string): string | undefined {
  if (start.startsWith("-----BEGIN PKCS7")) return "pkcs7 -print_certs";
  const [begin] = boundsOf(start);
  const is = (bytes: string) => start.startsWith(bytes, begin);
  if (!start.startsWith("0") || begin === 2 && !is("\x02\x01")) return;
  if (is("\x06")) return "pkcs7 -inform der -print_certs";
  if (is("\x02\x01\x03")) return "pkcs12 -nodes";
  return is("\x02") ? "pkey -inform der" : "x509 -inform der";
}

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

/** Reads a file of PEM (RFC 7468) that must hold a thing, as Deno reads it, without anything else in the file. */
export async function readPem(
  path: string,
  kind: keyof typeof HEADINGS,
): Promise<string> {
  const bytes = await reading(path, Deno.readFile(path));
  const refuse = (why: string, hint?: string) =>
    new Failure(`Cannot use "${absolutePath(path)}": ${why}`, { hint });
  const by = (openssl: string, to: string) =>
    `openssl ${openssl} -in ${quote(path)} -out ${quote(to)}`;
  // Windows writes either, each with a BOM, which is dropped
  const encoding = bytes[0] === 0xff ? "utf-16le" : "utf-8";
  const text = new TextDecoder(encoding).decode(bytes);
  if (/^-----BEGIN ENCRYPTED |^Proc-Type: 4,ENCRYPTED/m.test(text)) {
    throw refuse("it is encrypted", `decrypt it: ${by("pkey", "FILE")}`);
  }
  const pattern = `^-----BEGIN ${HEADINGS[kind]}-----([^-]*)(?:-----END )?`;
  const found = [...text.matchAll(new RegExp(pattern, "gm"))];
  if (found.length === 0) {
    const command = conversionOf(String.fromCharCode(...bytes.subarray(0, 16)));
    const [, other] = text.match(/BEGIN .*(CERTIFICATE|PRIVATE KEY)-/) ?? [];
    throw refuse(
      `it holds no PEM of a ${kind}${other ? `, but of a ${other}` : ""}`,
      command
        ? `make PEM of it: ${by(command, `${path}.pem`)}`
        : other === "CERTIFICATE"
        ? "a certificate is --cert FILE, its key --key FILE"
        : undefined,
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
    const files = [...new Set([cert, key])].map(absolutePath);
    throw new Failure(`Cannot use "${files.join('" with "')}"`, { cause });
  }
  return pair;
}

/** Finds whom a client trusts, and who it is itself; a Failure where a value is none, or a file holds something else. */
export async function findTrust(options: TrustOptions): Promise<TlsClient> {
  const { ca, pin, sni } = options;
  return {
    ...await readPair(options),
    name: sni === undefined ? undefined : parseHost(sni),
    pin: pin === undefined ? undefined : parsePin(pin),
    ca: ca === undefined ? undefined : await readPem(ca, "CERTIFICATE"),
  };
}
