/**
 * What may reach a terminal: remote text made safe.
 *
 * @module
 */

/** Shows controls as `\x1b` or `\u202e`: none moves a cursor or reorders what is read. Tabs and newlines stay; the CR of a CRLF is dropped. */
export function escapeControls(text: string): string {
  return text.replaceAll("\r\n", "\n").replace(CONTROLS, (control) => {
    const code = control.charCodeAt(0);
    return code < 0x100
      ? "\\x" + code.toString(16).padStart(2, "0")
      : "\\u" + code.toString(16).padStart(4, "0");
  });
}

// C0 but tab and newline, DEL, C1, and the bidi controls of Unicode TR 9 that can reorder what a person reads
const CONTROLS =
  // deno-lint-ignore no-control-regex
  /[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069]/g;

/** A decoder of UTF-8 for a terminal: split characters stay whole, bad bytes become U+FFFD, controls are shown; `flush` gives what was held back. */
export function createSafeDecoder(): {
  decode: (chunk: Uint8Array) => string;
  flush: () => string;
} {
  const decoder = new TextDecoder();
  let held = "";
  const pass = (text: string) => {
    const whole = held + text;
    // a CR waits for what follows it: only CRLF is a newline
    held = whole.endsWith("\r") ? "\r" : "";
    return escapeControls(held === "" ? whole : whole.slice(0, -1));
  };
  return {
    decode: (chunk) => pass(decoder.decode(chunk, { stream: true })),
    flush: () => pass(decoder.decode()) + escapeControls(held),
  };
}
