/**
 * How far a download is: bytes, rate and the time that is left, on a terminal.
 *
 * @module
 */

import { ExitCode, Failure } from "../../../lib/cli/errors.ts";
import { type Output, print } from "../../../lib/cli/io.ts";

/** How far a download is. */
export interface Progress {
  /** Bytes that are there. */
  readonly done: number;
  /** Bytes of all of it, where that is known. */
  readonly total?: number | undefined;
  /** Bytes per second. */
  readonly rate: number;
}

/** Formats a number of bytes in three digits and powers of 1000. */
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

/** Formats how far a download is. */
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

/** How often the file is looked at, in ms. */
const TICK_MS = 200;

/** What {@linkcode watch} does. */
export interface WatchOptions {
  /** How large the file becomes, in bytes. */
  readonly total?: number | undefined;
  /** The terminal that shows how far it is. */
  readonly progress?: Output | undefined;
  /** How long it may stay as it is, in ms; 0 for ever. */
  readonly idle?: number | undefined;
  /** Called when it stayed so for too long. */
  readonly late: (failure: Failure) => void;
}

/**
 * Watches a file until the watch is disposed of.
 *
 * @param path The file.
 * @param options What is done.
 */
export function watch(path: string, options: WatchOptions): Disposable {
  const { total, progress, idle = 0, late } = options;
  const sizeOf = () => Deno.statSync(path).size;
  let size = sizeOf();
  let since = performance.now();
  const rateOf = createMeter(size, since);
  const show = async (text: string) => {
    if (progress !== undefined) await print(progress, `\r${text}\x1b[K`);
  };
  // the line is a courtesy: a terminal that is gone must not end the download
  const ignore = () => {};
  const tick = () => {
    const [done, now] = [sizeOf(), performance.now()];
    const line = formatProgress({ done, total, rate: rateOf(done, now) });
    show(line.slice(0, (progress?.columns ?? 80) - 1)).catch(ignore);
    if (done !== size) [size, since] = [done, now];
    else if (idle > 0 && now - since >= idle) {
      late(
        new Failure(`no more bytes within ${idle / 1000} s`, {
          code: ExitCode.TimedOut,
        }),
      );
    }
  };
  const pause = idle > 0 ? Math.min(idle, TICK_MS) : TICK_MS;
  let ended = false;
  // not setInterval: the first timer of that kind costs 7 ms and 5 MB
  const wind = () => {
    AbortSignal.timeout(Math.ceil(pause)).onabort = () => {
      if (ended) return;
      tick();
      wind();
    };
  };
  wind();
  return {
    [Symbol.dispose]() {
      ended = true;
      show("").catch(ignore);
    },
  };
}
