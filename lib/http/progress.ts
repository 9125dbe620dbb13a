/**
 * How far a download is: bytes, rate and the time that is left, on a terminal.
 *
 * @module
 */

/** How far a download is. */
export interface Progress {
  /** Bytes that are there. */
  readonly done: number;
  /** Bytes of all of it, where that is known. */
  readonly total?: number | undefined;
  /** Bytes per second. */
  readonly rate: number;
}

/**
 * Formats a number of bytes in three digits and powers of 1000.
 *
 * @example Small and large
 * ```ts
 * import { assertEquals } from "@std/assert";
 *
 * assertEquals([999, 1000, 45_250_000].map(formatBytes), ["999 B", "1.00 kB", "45.3 MB"]);
 * ```
 */
export function formatBytes(bytes: number): string {
  const units = ["B", "kB", "MB", "GB", "TB", "PB"];
  let at = 0;
  // 999.5 would be shown as 1000
  for (; bytes >= (at === 0 ? 1000 : 999.5) && at < units.length - 1; at++) {
    bytes /= 1000;
  }
  const digits = at === 0 || bytes >= 99.95 ? 0 : bytes >= 9.995 ? 1 : 2;
  return `${bytes.toFixed(digits)} ${units[at]}`;
}

/** `8 s`, `1:05`, `1:02:03`. */
function formatSeconds(seconds: number): string {
  const whole = Math.ceil(seconds);
  if (whole < 60) return `${whole} s`;
  const parts = [
    Math.floor(whole / 3600),
    Math.floor(whole / 60) % 60,
    whole % 60,
  ];
  return parts.slice(parts[0] === 0 ? 1 : 0).map((part, at) =>
    at === 0 ? `${part}` : `${part}`.padStart(2, "0")
  ).join(":");
}

/**
 * Formats how far a download is.
 *
 * @example With a total, and without
 * ```ts
 * import { assertEquals } from "@std/assert";
 *
 * assertEquals(
 *   formatProgress({ done: 25e6, total: 1e8, rate: 1e6 }),
 *   "25%  25.0 MB of 100 MB  1.00 MB/s  1:15 left",
 * );
 * assertEquals(formatProgress({ done: 25e6, rate: 1e6 }), "25.0 MB  1.00 MB/s");
 * ```
 */
export function formatProgress({ done, total, rate }: Progress): string {
  const speed = `${formatBytes(rate)}/s`;
  if (total === undefined) return `${formatBytes(done)}  ${speed}`;
  const percent = total === 0 ? 100 : Math.floor(100 * done / total);
  const left = rate > 0
    ? `  ${formatSeconds(Math.max(0, total - done) / rate)} left`
    : "";
  return `${percent}%  ${formatBytes(done)} of ${
    formatBytes(total)
  }  ${speed}${left}`;
}

/**
 * Makes a meter of the rate, in bytes per second: that of the last seconds, so that it follows a change.
 *
 * @param done Bytes that are there at the start.
 * @param now The time in ms.
 *
 * @example A steady rate
 * ```ts
 * import { assertEquals } from "@std/assert";
 *
 * const rate = createMeter(0, 0);
 * assertEquals([rate(500, 500), rate(1000, 1000)], [1000, 1000]);
 * ```
 */
export function createMeter(
  done: number,
  now: number,
): (done: number, now: number) => number {
  const marks = [{ done, now }];
  return (done, now) => {
    marks.push({ done, now });
    while (marks.length > 2 && now - (marks[1]?.now ?? now) > 3000) {
      marks.shift();
    }
    const [first = { done, now }] = marks;
    return now === first.now
      ? 0
      : 1000 * (done - first.done) / (now - first.now);
  };
}
