/**
 * Bytes that are put together.
 *
 * @module
 */

/** Bytes that are put together, copied: a small chunk may hold a large buffer. */
interface Buffer {
  /** Adds bytes, or those between two places of them. */
  readonly add: (bytes: Uint8Array, from?: number, to?: number) => void;
  /** How many there are. */
  readonly size: () => number;
  /** What there is, until more is added. */
  readonly bytes: () => Uint8Array<ArrayBuffer>;
  /** The same, and begins anew. */
  readonly take: () => Uint8Array<ArrayBuffer>;
}

/** So many are copied one by one. */
const FEW = 64;

/** Makes a place for them. */
export function createBuffer(): Buffer {
  let buffer = new Uint8Array(1024);
  let size = 0;
  return {
    add: (bytes, from = 0, to = bytes.length) => {
      const length = to - from;
      if (size + length > buffer.length) {
        const larger = new Uint8Array(2 * (size + length));
        larger.set(buffer.subarray(0, size));
        buffer = larger;
      }
      // a view of a few bytes would cost more than they do
      if (length > FEW) buffer.set(bytes.subarray(from, to), size);
      else {for (let at = 0; at < length; at++) {
          buffer[size + at] = bytes[from + at] ?? 0;
        }}
      size += length;
    },
    size: () => size,
    bytes: () => buffer.subarray(0, size),
    take: () => {
      const taken = buffer.subarray(0, size);
      size = 0;
      return taken;
    },
  };
}
