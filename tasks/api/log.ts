/**
 * What the api was asked, as lines for a person or as JSON.
 *
 * @module
 */

import { foreignKeyOf } from "./store/naming.ts";

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
  /** How many documents were deleted with the one that was meant, by resource. */
  readonly deleted?: Readonly<Record<string, number>>;
}

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
  const { method, path, status, ms, reason, deleted } = entry;
  const note = reason ?? (deleted && formatDeleted(deleted));
  const why = note === undefined ? "" : `: ${note.replace(/\s+/g, " ")}`;
  return `${method} ${path} ${status} ${ms.toFixed(1)} ms${why}\n`;
}

// The key that refers to a document, without its end, is what one is called.
const singular = { id: "", suffix: "" };

function formatDeleted(deleted: Readonly<Record<string, number>>): string {
  const counts = Object.entries(deleted)
    .map(([resource, count]) =>
      `${count} ${count === 1 ? foreignKeyOf(resource, singular) : resource}`
    );
  return `and ${counts.join(", ")}`;
}
