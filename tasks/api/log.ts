/**
 * What the api was asked, as lines for a person or as JSON.
 *
 * @module
 */

/** A request that was responded to. */
export interface LogEntry {
  /** When, as `Date.toISOString` writes it. */
  readonly time: string;
  readonly method: string;
  /** The path and the query. */
  readonly path: string;
  readonly status: number;
  /** How long it took until the response began. */
  readonly ms: number;
  /** Why it was refused, or failed. */
  readonly reason?: string;
}

const maxWaiting = 2 ** 20;
// A write costs as much as a request: those of so many ms go together, which nobody who reads along sees.
const gatherMs = 10;
const encoder = new TextEncoder();
let lastMs = 0;
let lastTime = "";

/** Gives the time as `Date.toISOString` writes it; many requests of one ms share the text. */
export function formatNow(): string {
  const now = Date.now();
  if (now !== lastMs) {
    lastMs = now;
    lastTime = new Date(now).toISOString();
  }
  return lastTime;
}

/** Formats a request as a line: of text, or of JSON. */
export function formatEntry(entry: LogEntry, json = false): string {
  if (json) return JSON.stringify({ event: "request", ...entry }) + "\n";
  const { method, path, status, ms, reason } = entry;
  const why = reason === undefined ? "" : `: ${reason.replace(/\s+/g, " ")}`;
  return `${method} ${path} ${status} ${ms.toFixed(1)} ms${why}\n`;
}

/**
 * Creates a writer of lines that never waits for who reads them, but for `flush`. What comes while a write is under
 * way is written together next; more than 1 MB of it is left out, and a line says how many lines that were.
 *
 * @param write Writes bytes; when it fails, nobody reads any more and nothing is written again.
 */
export function createLineWriter(
  write: (bytes: Uint8Array<ArrayBuffer>) => Promise<void>,
): { add(line: string): void; flush(): Promise<void> } {
  let waiting = "";
  let lost = 0;
  let writing: Promise<void> | undefined;

  async function run(): Promise<void> {
    await new Promise((resolve) => setTimeout(resolve, gatherMs));
    while (waiting !== "") {
      const text = waiting + (lost > 0 ? `(${lost} lines left out)\n` : "");
      waiting = "";
      lost = 0;
      await write(encoder.encode(text));
    }
  }

  return {
    add(line) {
      if (waiting.length > maxWaiting) {
        lost++;
        return;
      }
      waiting += line;
      writing ??= run().then(
        () => writing = undefined,
        () => {}, // nobody reads: `writing` stays, and so nothing starts again
      );
    },
    flush: async () => await writing,
  };
}
