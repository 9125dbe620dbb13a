/**
 * Values in DER, the encoding of certificates and keys (ITU-T X.690).
 *
 * @module
 */

import { concat } from "@std/bytes/concat";

/** Bytes in DER. */
export type Der = Uint8Array<ArrayBuffer>;

/** The tags in use: X.690 section 8, and those that RFC 5280 gives a meaning of its own. */
export const Tag = {
  /** True or false. */
  Boolean: 1,
  /** A whole number. */
  Integer: 2,
  /** Bits, after a byte that says how many of the last ones are none. */
  BitString: 3,
  /** Bytes. */
  OctetString: 4,
  /** What something is. */
  Oid: 6,
  /** Text. */
  Utf8: 12,
  /** A time up to 2049. */
  UtcTime: 23,
  /** A time from 2050 on. */
  GeneralizedTime: 24,
  /** A list. */
  Sequence: 48,
  /** A set. */
  Set: 49,
  /** A name among a certificate's names. */
  SanDns: 0x82,
  /** An IP address among them. */
  SanIp: 0x87,
  /** A certificate's version. */
  Version: 0xa0,
  /** A certificate's extensions. */
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

/** Encodes a list. */
export function sequence(...parts: Uint8Array[]): Der {
  return der(Tag.Sequence, ...parts);
}

/** Encodes a text under a tag. */
export function text(tag: number, value: string): Der {
  return der(tag, new TextEncoder().encode(value));
}

/** Encodes the identifier of what something is, from its bytes. */
export function oid(...bytes: number[]): Der {
  return der(Tag.Oid, Uint8Array.of(...bytes));
}

/**
 * Encodes a number that is not negative: without needless zeros in front, with one where the first bit is set.
 *
 * @param bytes The number, the highest byte first.
 */
export function integer(bytes: Uint8Array): Der {
  const start = bytes.findIndex((byte) => byte !== 0);
  const digits = start === -1 ? Uint8Array.of(0) : bytes.subarray(start);
  const sign = (digits[0] ?? 0) < 0x80 ? [] : [0];
  return der(Tag.Integer, Uint8Array.of(...sign), digits);
}

/**
 * Encodes a time in whole seconds; years from 2050 on have four digits (RFC 5280 section 4.1.2.5).
 *
 * @param ms The time, in ms since 1970.
 */
export function time(ms: number): Der {
  const digits = new Date(ms).toISOString().replace(/\..*|[-T:]/g, "") + "Z";
  return digits < "205"
    ? text(Tag.UtcTime, digits.slice(2))
    : text(Tag.GeneralizedTime, digits);
}
