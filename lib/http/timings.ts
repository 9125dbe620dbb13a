import type { Timings } from "./transport.ts";

/**
 * Formats timings in one line.
 *
 * @example Of a connection that was there already
 * ```ts
 * import { assertEquals } from "@std/assert";
 *
 * assertEquals(formatTimings({ firstByte: 1.26, total: 2345 }), "first byte 1.3 ms, total 2.35 s");
 * ```
 */
export function formatTimings(timings: Partial<Timings>): string {
  const { dns, connect, tls, firstByte, body, total } = timings;
  return Object.entries({
    dns,
    connect,
    tls,
    "first byte": firstByte,
    body,
    total,
  })
    .flatMap(([name, ms]) =>
      ms === undefined
        ? []
        : ms < 1000
        ? [`${name} ${ms.toFixed(1)} ms`]
        : [`${name} ${(ms / 1000).toFixed(2)} s`]
    ).join(", ");
}
