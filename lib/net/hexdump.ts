/**
 * What goes over a connection, in hexadecimal: with time, direction, peer and place.
 *
 * @module
 */

import type { Listener } from "./connection.ts";

/**
 * A listener that writes a hex dump of all that it hears: of each chunk a head line, `TIME < PEER N bytes` (`<` received,
 * `>` sent), then 16 bytes a line as `hexdump -C` shows them, the places counted for each direction.
 */
export function createDumper(write: (text: string) => void): Listener {
  return (direction, bytes, { peer, received, sent }) => {
    const { length } = bytes;
    // what was received is counted before it is heard, what is sent after that
    const [way, offset] = direction === "received"
      ? ["<", received - length]
      : [">", sent];
    const unit = length === 1 ? "byte" : "bytes";
    let text = `${new Date().toISOString()} ${way} ${peer} ${length} ${unit}\n`;
    for (let at = 0; at < length; at += LINE_BYTES) {
      text += formatLine(bytes.subarray(at, at + LINE_BYTES), offset + at);
    }
    write(text);
  };
}

const LINE_BYTES = 16;

/** A byte in hex, and as a character; a dot stands for what is not printable ASCII. */
const HEX = Array.from(
  { length: 256 },
  (_, byte) => byte.toString(16).padStart(2, "0"),
);
const SIGN = HEX.map((_, byte) =>
  byte >= 0x20 && byte < 0x7f ? String.fromCharCode(byte) : "."
);

function formatLine(bytes: Uint8Array, offset: number): string {
  let hex = "";
  let signs = "";
  for (const [at, byte] of bytes.entries()) {
    hex += (at === LINE_BYTES / 2 ? "  " : " ") + HEX[byte];
    signs += SIGN[byte];
  }
  const place = offset.toString(16).padStart(8, "0");
  return `${place} ${hex.padEnd(LINE_BYTES * 3 + 1)}  |${signs}|\n`;
}
