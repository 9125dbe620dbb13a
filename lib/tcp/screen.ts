import type { Output } from "../cli/io.ts";
import type { Sink } from "./pump.ts";

/**
 * Makes a sink of an output for what peers sent: a pipe gets the very bytes, a terminal safe text. It does not block,
 * so that a slow reader holds up nothing else.
 *
 * @param output Where to write.
 *
 * @example A terminal shows controls
 * ```ts
 * import { assertEquals } from "@std/assert";
 * import { createMemoryIo } from "../cli/memory.ts";
 *
 * const { io, stdout } = createMemoryIo({ terminal: true });
 * const screen = await createScreen(io.stdout);
 * await screen(new TextEncoder().encode("\u0007\n"));
 * assertEquals(stdout.text, "\\x07\n");
 * ```
 */
export async function createScreen(
  output: Pick<Output, "isTerminal" | "writeLater">,
): Promise<Sink> {
  if (!output.isTerminal) return output.writeLater;
  const { createSafeDecoder } = await import("../cli/terminal.ts");
  const text = createSafeDecoder();
  const encoder = new TextEncoder();
  return (bytes) => output.writeLater(encoder.encode(text.decode(bytes)));
}
