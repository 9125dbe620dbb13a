import { UsageError } from "../cli/errors.ts";
import { parsePort } from "./address.ts";

/**
 * Reads ports: one, or more with commas between them, each a number or a range as `20-25`.
 *
 * @returns The ports in order, each once.
 * @throws {UsageError} On anything else.
 *
 * @example Two and a range
 * ```ts
 * import { assertEquals } from "@std/assert";
 *
 * assertEquals(parsePorts("80,20-22,443"), [20, 21, 22, 80, 443]);
 * ```
 */
export function parsePorts(text: string): number[] {
  const ports = new Set<number>();
  for (const part of text.split(",")) {
    const [first = "", last = first, ...more] = part.split("-");
    const [from, to] = [parsePort(first), parsePort(last)];
    if (more.length > 0 || from > to || from === 0) {
      throw new UsageError(
        `Cannot parse ports "${text}": expected ports like 80 or 20-25,443`,
      );
    }
    for (let port = from; port <= to; port++) ports.add(port);
  }
  return [...ports].sort((a, b) => a - b);
}
