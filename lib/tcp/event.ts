import type { ServerEvent } from "./serve.ts";

/** Options for {@linkcode formatEvent}. */
export interface EventFormat {
  /** Whether to write JSON, one object per line. @default {false} */
  readonly json?: boolean;
}

/**
 * Formats what happened to a server as a line for a person, the tutorial's own where it has one, or as JSON.
 *
 * @param event What happened.
 * @param format How to write it.
 * @returns The line with its newline; for a person, nothing where there is nothing to say.
 *
 * @example A client in the tutorial's words
 * ```ts
 * import { assertEquals } from "@std/assert";
 *
 * assertEquals(
 *   formatEvent({ event: "open", peer: "127.0.0.1:54321" }),
 *   "Connection from 127.0.0.1:54321 has been established!\n",
 * );
 * ```
 */
export function formatEvent(
  event: ServerEvent,
  format: EventFormat = {},
): string {
  if (format.json) return JSON.stringify(event) + "\n";
  switch (event.event) {
    case "waiting":
      return "Server is waiting for a connection...\n";
    case "listening":
      return `Listening on ${event.address}\n`;
    case "open":
      return `Connection from ${event.peer} has been established!\n`;
    case "close":
      return event.reason === "done"
        ? ""
        : `Connection from ${event.peer} ended: ${event.reason}\n`;
    case "warning":
      return `Warning: ${event.message}\n`;
  }
}
