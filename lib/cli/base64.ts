/**
 * Bytes as base64 (RFC 4648).
 *
 * @module
 */

/** Writes bytes in base64, with its padding. */
export function encodeBase64(bytes: Uint8Array): string {
  // Deno 2.4 has no toBase64, and a call takes no more than some 100,000 arguments
  return btoa(
    Array.from(bytes, (byte) => String.fromCharCode(byte)).join(""),
  );
}
