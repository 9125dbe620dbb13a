/**
 * What a client receives as events: one JSON object per line.
 *
 * @module
 */

import { concat } from "@std/bytes/concat";
import { encodeBase64 } from "@std/encoding/base64";
import { type Io, printSafe } from "../../lib/cli/io.ts";
import type { Connection, TlsFacts } from "../../lib/net/connection.ts";
import type { Printer } from "./transfer.ts";

/** What happens on a client's connection; the names are those of the server's events. */
type ClientEvent =
  | TlsFacts & { readonly event: "open"; readonly peer: string }
  | DataEvent
  | {
    readonly event: "close";
    readonly peer: string;
    readonly bytesIn: number;
    readonly bytesOut: number;
    readonly ms: number;
    /** `done`, or why it ended before that. */
    readonly reason: string;
  };

/** Prints what is received as events: `open`, then `data` as it comes, then `close` with the bytes both ways and why. */
export async function createEventPrinter(
  { stdout }: Pick<Io, "stdout">,
  connection: Connection,
  facts: TlsFacts = {},
): Promise<Printer> {
  const { peer, socket: { message } } = connection;
  const opened = performance.now();
  const data = createDataEvents();
  async function write(event: ClientEvent | undefined): Promise<void> {
    if (event) await printSafe(stdout, JSON.stringify(event) + "\n");
  }
  async function close(reason: string): Promise<void> {
    await write(data.flush());
    await write({
      event: "close",
      peer,
      bytesIn: connection.received,
      bytesOut: connection.sent,
      ms: Math.round(performance.now() - opened),
      reason,
    });
  }
  await write({ event: "open", peer, ...facts });
  return {
    print: (bytes) => write(message ? eventOf(bytes) : data.add(bytes)),
    end: () => close("done"),
    fail: async (error) => {
      const { describe } = await import("../../lib/cli/reasons.ts");
      await close(describe(error, peer));
    },
  };
}

/** Bytes that were received: as text, or in base64 where they are none. */
interface DataEvent {
  readonly event: "data";
  readonly text?: string;
  readonly base64?: string;
}

/** Turns chunks of bytes into events. */
interface DataEvents {
  /** The event for all that is complete after this chunk, if anything is. */
  readonly add: (chunk: Uint8Array) => DataEvent | undefined;
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

const decoder = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

function eventOf(bytes: Uint8Array): DataEvent {
  try {
    return { event: "data", text: decoder.decode(bytes) };
  } catch {
    return { event: "data", base64: encodeBase64(bytes) };
  }
}

/**
 * Makes what turns chunks into events, so that a character that is split over chunks stays whole, and so that the bytes
 * of all events together are those of all chunks.
 */
export function createDataEvents(): DataEvents {
  let held = new Uint8Array();
  return {
    add(chunk) {
      const bytes = concat([held, chunk]);
      const end = bytes.length - unfinished(bytes);
      held = bytes.slice(end);
      return end > 0 ? eventOf(bytes.subarray(0, end)) : undefined;
    },
    flush: () => held.length > 0 ? eventOf(held) : undefined,
  };
}
