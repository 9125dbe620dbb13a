/**
 * Bytes as JSON, chunk by chunk: text where they are UTF-8, else Base64.
 *
 * @module
 */

/** Some bytes that were received. */
export interface DataEvent {
  /** Its name. */
  readonly event: "data";
  /** The text. */
  readonly text?: string;
  /** The bytes, where they are not text. */
  readonly base64?: string;
}

/** Turns chunks of bytes into events. */
export interface DataEvents {
  /** The event for all that is complete after this chunk, if anything is. */
  readonly add: (chunk: Uint8Array) => DataEvent | undefined;
  /** The rest, at the end. */
  readonly flush: () => DataEvent | undefined;
}

/** The length of the start of a UTF-8 character at the end of some bytes, which waits for its rest (RFC 3629). */
function unfinished(bytes: Uint8Array): number {
  for (let back = 1; back <= Math.min(3, bytes.length); back++) {
    const byte = bytes[bytes.length - back] ?? 0;
    if (byte < 0x80) return 0;
    if (byte < 0xc0) continue;
    if (byte < 0xc2 || byte > 0xf4) return 0;
    const length = byte < 0xe0 ? 2 : byte < 0xf0 ? 3 : 4;
    return back < length ? back : 0;
  }
  return 0;
}

function toBase64(bytes: Uint8Array): string {
  return btoa(
    Array.from(bytes, (byte) => String.fromCharCode(byte)).join(""),
  );
}

/**
 * Makes what turns chunks into events, so that a character that is split over chunks stays whole, and so that the bytes
 * of all events together are those of all chunks.
 *
 * @example A character in two chunks, and what is no text
 * ```ts
 * import { assertEquals } from "@std/assert";
 *
 * const events = createDataEvents();
 * assertEquals(events.add(new Uint8Array([0x61, 0xc3])), { event: "data", text: "a" });
 * assertEquals(events.add(new Uint8Array([0xa9])), { event: "data", text: "é" });
 * assertEquals(events.add(new Uint8Array([0xff])), { event: "data", base64: "/w==" });
 * ```
 */
export function createDataEvents(): DataEvents {
  const decoder = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });
  let held = new Uint8Array();
  const eventOf = (bytes: Uint8Array): DataEvent | undefined => {
    if (bytes.length === 0) return undefined;
    try {
      return { event: "data", text: decoder.decode(bytes) };
    } catch {
      return { event: "data", base64: toBase64(bytes) };
    }
  };
  return {
    add(chunk) {
      const bytes = new Uint8Array(held.length + chunk.length);
      bytes.set(held);
      bytes.set(chunk, held.length);
      const end = bytes.length - unfinished(bytes);
      held = bytes.slice(end);
      return eventOf(bytes.subarray(0, end));
    },
    flush: () => eventOf(held),
  };
}
