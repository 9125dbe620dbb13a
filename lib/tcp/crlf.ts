const [LF, CR] = [10, 13];

/**
 * Makes a function that ends lines with CRLF: a CR is put before each LF that has none, also where a chunk ends between
 * the two.
 *
 * @example Two chunks
 * ```ts
 * import { assertEquals } from "@std/assert";
 *
 * const convert = createCrlf();
 * const bytes = new TextEncoder().encode("a\nb\r");
 * const text = new TextDecoder().decode(convert(bytes)) + new TextDecoder().decode(convert(new Uint8Array([10])));
 * assertEquals(text, "a\r\nb\r\n");
 * ```
 */
export function createCrlf(): (bytes: Uint8Array) => Uint8Array {
  let last = 0;
  return (bytes) => {
    const out = new Uint8Array(bytes.length * 2);
    let at = 0;
    for (const byte of bytes) {
      if (byte === LF && last !== CR) out[at++] = CR;
      out[at++] = byte;
      last = byte;
    }
    return out.subarray(0, at);
  };
}
