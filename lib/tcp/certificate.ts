/**
 * Certificates for TLS: a throw-away one for this machine, and the fingerprint of any.
 *
 * @module
 */

import { Failure } from "../cli/errors.ts";

/** A certificate and its private key, as PEM. */
export interface KeyPair {
  /** The certificate, or the chain with the server's own first. */
  readonly cert: string;
  /** The private key in PKCS #8. */
  readonly key: string;
}

/** How a server speaks TLS. */
export interface TlsServer extends KeyPair {
  /** As PEM, the certificates whose clients are served, and no others. */
  readonly clientCa?: string | undefined;
}

const DAY_MS = 86_400_000;
const DAYS = 365;

/** The tags of DER in use (ITU-T X.690 section 8). */
const Tag = {
  Boolean: 1,
  Integer: 2,
  BitString: 3,
  OctetString: 4,
  Oid: 6,
  Utf8: 12,
  UtcTime: 23,
  GeneralizedTime: 24,
  Sequence: 48,
  Set: 49,
  SanDns: 0x82,
  SanIp: 0x87,
  Version: 0xa0,
  Extensions: 0xa3,
} as const;

type Der = Uint8Array<ArrayBuffer>;

function join(parts: readonly Uint8Array[]): Der {
  const all = new Uint8Array(
    parts.reduce((sum, { length }) => sum + length, 0),
  );
  let at = 0;
  for (const part of parts) {
    all.set(part, at);
    at += part.length;
  }
  return all;
}

function der(tag: number, ...parts: Uint8Array[]): Der {
  const body = join(parts);
  const { length } = body;
  const head = length < 0x80
    ? [length]
    : length < 0x100
    ? [0x81, length]
    : [0x82, length >> 8, length & 0xff];
  return join([Uint8Array.of(tag, ...head), body]);
}

const sequence = (...parts: Uint8Array[]) => der(Tag.Sequence, ...parts);
const text = (tag: number, value: string) =>
  der(tag, new TextEncoder().encode(value));
const oid = (...bytes: number[]) => der(Tag.Oid, Uint8Array.of(...bytes));

/** A positive integer: no needless zeros in front, one where the first bit is set. */
function integer(bytes: Uint8Array): Der {
  const start = bytes.findIndex((byte) => byte !== 0);
  const digits = start === -1 ? Uint8Array.of(0) : bytes.subarray(start);
  const sign = (digits[0] ?? 0) < 0x80 ? [] : [0];
  return der(Tag.Integer, Uint8Array.of(...sign), digits);
}

/** RFC 5280 section 4.1.2.5: years from 2050 on have four digits. */
function time(ms: number): Der {
  const digits = new Date(ms).toISOString().replace(/\..*|[-T:]/g, "") + "Z";
  return digits < "205"
    ? text(Tag.UtcTime, digits.slice(2))
    : text(Tag.GeneralizedTime, digits);
}

function extension(id: number, critical: boolean, value: Uint8Array): Der {
  const flag = critical ? [der(Tag.Boolean, Uint8Array.of(0xff))] : [];
  return sequence(oid(0x55, 0x1d, id), ...flag, der(Tag.OctetString, value));
}

/** CA:FALSE, so that a client can pin it; for signatures and servers alone; localhost and both its addresses. */
function extensions(): Der {
  return sequence(
    extension(0x13, true, sequence()),
    extension(0x0f, true, der(Tag.BitString, Uint8Array.of(7, 0x80))),
    extension(0x25, false, sequence(oid(0x2b, 6, 1, 5, 5, 7, 3, 1))),
    extension(
      0x11,
      false,
      sequence(
        text(Tag.SanDns, "localhost"),
        der(Tag.SanIp, Uint8Array.of(127, 0, 0, 1)),
        der(Tag.SanIp, Uint8Array.of(...Array(15).fill(0), 1)),
      ),
    ),
  );
}

function pem(label: string, bytes: Uint8Array): string {
  const lines = btoa(String.fromCharCode(...bytes)).match(/.{1,64}/g) ?? [];
  return `-----BEGIN ${label}-----\n${
    lines.join("\n")
  }\n-----END ${label}-----\n`;
}

/**
 * Makes a throw-away certificate for localhost, 127.0.0.1 and ::1 with a new P-256 key, signed by itself and valid
 * for a year (RFC 5280). It is no CA, so that a client can trust this one certificate alone.
 *
 * @example What a server needs
 * ```ts
 * import { assertMatch } from "@std/assert";
 *
 * const { cert, key } = await makeCertificate();
 * assertMatch(await fingerprintOf(cert), /^[0-9a-f]{64}$/);
 * using listener = Deno.listenTls({ hostname: "127.0.0.1", port: 0, cert, key });
 * ```
 */
export async function makeCertificate(): Promise<KeyPair> {
  const { privateKey, publicKey } = await crypto.subtle.generateKey(
    { name: "ECDSA", namedCurve: "P-256" },
    true,
    ["sign", "verify"],
  );
  // ecdsa-with-SHA256, RFC 5758 section 3.2
  const algorithm = sequence(oid(0x2a, 0x86, 0x48, 0xce, 0x3d, 4, 3, 2));
  const name = sequence(
    der(Tag.Set, sequence(oid(0x55, 4, 3), text(Tag.Utf8, "localhost"))),
  );
  const now = Date.now();
  const content = sequence(
    der(Tag.Version, integer(Uint8Array.of(2))),
    integer(crypto.getRandomValues(new Uint8Array(16))),
    algorithm,
    name,
    // a client whose clock is behind can use it too
    sequence(time(now - DAY_MS), time(now + DAYS * DAY_MS)),
    name,
    new Uint8Array(await crypto.subtle.exportKey("spki", publicKey)),
    der(Tag.Extensions, extensions()),
  );
  const signature = new Uint8Array(
    await crypto.subtle.sign(
      { name: "ECDSA", hash: "SHA-256" },
      privateKey,
      content,
    ),
  );
  const signed = sequence(
    integer(signature.subarray(0, 32)),
    integer(signature.subarray(32)),
  );
  const certificate = sequence(
    content,
    algorithm,
    der(Tag.BitString, Uint8Array.of(0), signed),
  );
  const pkcs8 = await crypto.subtle.exportKey("pkcs8", privateKey);
  return {
    cert: pem("CERTIFICATE", certificate),
    key: pem("PRIVATE KEY", new Uint8Array(pkcs8)),
  };
}

/**
 * The SHA-256 of a certificate, of the first where there are more: what `client --pin` takes.
 *
 * @param cert The certificate as PEM.
 * @returns 64 hex digits.
 * @throws {Failure} When there is no certificate in it.
 *
 * @example No certificate
 * ```ts
 * import { assertRejects } from "@std/assert";
 *
 * await assertRejects(() => fingerprintOf("hello"), Error, "Cannot read the certificate: it is not PEM");
 * ```
 */
export async function fingerprintOf(cert: string): Promise<string> {
  const [, base64] =
    cert.match(/-----BEGIN CERTIFICATE-----([A-Za-z\d+/=\s]+)-----END/) ?? [];
  if (base64 === undefined) {
    throw new Failure("Cannot read the certificate: it is not PEM");
  }
  const bytes = Uint8Array.from(
    atob(base64),
    (character) => character.charCodeAt(0),
  );
  const hash = new Uint8Array(await crypto.subtle.digest("SHA-256", bytes));
  return Array.from(hash, (byte) => byte.toString(16).padStart(2, "0")).join(
    "",
  );
}
