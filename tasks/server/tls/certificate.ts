/**
 * The certificate of a server: the one that was named, or a throw-away one for this machine, and its fingerprint.
 *
 * @module
 */

import { concat } from "@std/bytes/concat";
import { decodeBase64, encodeBase64 } from "@std/encoding/base64";
import { decodeBase64Url } from "@std/encoding/base64url";
import { encodeHex } from "@std/encoding/hex";
import { Failure } from "../../../lib/cli/errors.ts";
import type { KeyPair } from "../../../lib/net/connection.ts";
import {
  readPair,
  readPem,
  type TrustOptions,
} from "../../../lib/net/tls/trust.ts";
import type { TlsServer } from "../acceptor.ts";

const DAY_MS = 86_400_000;
const DAYS = 365;

function extension(id: number, critical: boolean, value: Uint8Array): Der {
  const flag = critical ? [der(Tag.Boolean, Uint8Array.of(0xff))] : [];
  return sequence(oid(0x55, 0x1d, id), ...flag, der(Tag.OctetString, value));
}

/** id-ecPublicKey on P-256, RFC 5480 section 2.1.1. */
const keyAlgorithm = () =>
  sequence(
    oid(0x2a, 0x86, 0x48, 0xce, 0x3d, 2, 1),
    oid(0x2a, 0x86, 0x48, 0xce, 0x3d, 3, 1, 7),
  );

/**
 * Makes a P-256 key out of 32 random bytes: WebCrypto's own way takes 40 ms the first time, this takes 2. It refuses a
 * number that is no key, which is one in 2^32.
 */
function makeKey(): Promise<CryptoKey> {
  const secret = crypto.getRandomValues(new Uint8Array(32));
  // RFC 5208 section 5 around RFC 5915 section 3
  const pkcs8 = sequence(
    integer(Uint8Array.of(0)),
    keyAlgorithm(),
    der(
      Tag.OctetString,
      sequence(integer(Uint8Array.of(1)), der(Tag.OctetString, secret)),
    ),
  );
  const algorithm = { name: "ECDSA", namedCurve: "P-256" };
  return crypto.subtle.importKey("pkcs8", pkcs8, algorithm, true, ["sign"]);
}

/** The public half of a key as SubjectPublicKeyInfo, RFC 5480 section 2: an uncompressed point. */
async function publicKeyOf(key: CryptoKey): Promise<Der> {
  const { x = "", y = "" } = await crypto.subtle.exportKey("jwk", key);
  const point = [Uint8Array.of(0, 4), decodeBase64Url(x), decodeBase64Url(y)];
  return sequence(keyAlgorithm(), der(Tag.BitString, ...point));
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
  const lines = encodeBase64(bytes).match(/.{1,64}/g) ?? [];
  return `-----BEGIN ${label}-----\n${
    lines.join("\n")
  }\n-----END ${label}-----\n`;
}

/**
 * Makes a throw-away certificate for localhost, 127.0.0.1 and ::1 with a new P-256 key, signed by itself and valid
 * for a year (RFC 5280). It is no CA, so that a client can trust this one certificate alone.
 */
export async function makeCertificate(): Promise<KeyPair> {
  const key = await makeKey();
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
    await publicKeyOf(key),
    der(Tag.Extensions, extensions()),
  );
  const signature = new Uint8Array(
    await crypto.subtle.sign(
      { name: "ECDSA", hash: "SHA-256" },
      key,
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
  const pkcs8 = await crypto.subtle.exportKey("pkcs8", key);
  return {
    cert: pem("CERTIFICATE", certificate),
    key: pem("PRIVATE KEY", new Uint8Array(pkcs8)),
  };
}

/**
 * The SHA-256 in hex of a certificate in PEM, the first where there are more: what `client --pin` takes.
 *
 * @throws {Failure} When there is no certificate in it.
 */
export async function fingerprintOf(cert: string): Promise<string> {
  const [, base64] =
    cert.match(/-----BEGIN CERTIFICATE-----([A-Za-z\d+/=\s]+)-----END/) ?? [];
  if (base64 === undefined) {
    throw new Failure("Cannot read the certificate: it is not PEM");
  }
  const bytes = decodeBase64(base64.replace(/\s/g, ""));
  return encodeHex(await crypto.subtle.digest("SHA-256", bytes));
}

type Der = Uint8Array<ArrayBuffer>;

/** The tags in use: X.690 section 8, and those that RFC 5280 gives a meaning of its own. */
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
  // among the names of a certificate
  SanDns: 0x82,
  SanIp: 0x87,
  // parts of a certificate
  Version: 0xa0,
  Extensions: 0xa3,
} as const;

/** Encodes a value: its tag, its length, its parts. It can be up to 65,535 bytes long. */
export function der(tag: number, ...parts: Uint8Array[]): Der {
  const body = concat(parts);
  const { length } = body;
  const head = length < 0x80
    ? [length]
    : length < 0x100
    ? [0x81, length]
    : [0x82, length >> 8, length & 0xff];
  return concat([Uint8Array.of(tag, ...head), body]);
}

function sequence(...parts: Uint8Array[]): Der {
  return der(Tag.Sequence, ...parts);
}

export function text(tag: number, value: string): Der {
  return der(tag, new TextEncoder().encode(value));
}

/** Encodes the identifier of what something is, from its bytes. */
function oid(...bytes: number[]): Der {
  return der(Tag.Oid, Uint8Array.of(...bytes));
}

/** Encodes a number, the highest byte first: without needless zeros in front, with one where the first bit is set. */
export function integer(bytes: Uint8Array): Der {
  const start = bytes.findIndex((byte) => byte !== 0);
  const digits = start === -1 ? Uint8Array.of(0) : bytes.subarray(start);
  const sign = (digits[0] ?? 0) < 0x80 ? [] : [0];
  return der(Tag.Integer, Uint8Array.of(...sign), digits);
}

/** Encodes a time, in ms since 1970, in whole seconds; years from 2050 on have four digits (RFC 5280 section 4.1.2.5). */
export function time(ms: number): Der {
  const digits = new Date(ms).toISOString().replace(/\..*|[-T:]/g, "") + "Z";
  return digits < "205"
    ? text(Tag.UtcTime, digits.slice(2))
    : text(Tag.GeneralizedTime, digits);
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
