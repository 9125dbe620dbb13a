/**
 * How far a download is: bytes, rate and the time that is left, on a terminal.
 *
 * @module
 */

import { ExitCode, Failure } from "../../../lib/cli/errors.ts";
import { type Output, print } from "../../../lib/cli/io.ts";

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
  const hours = Math.floor(whole / 3600);
  const minutes = Math.floor(whole / 60) % 60;
  const digits = (part: number) => `${part}`.padStart(2, "0");
  const before = hours === 0 ? `${minutes}` : `${hours}:${digits(minutes)}`;
  return `${before}:${digits(whole % 60)}`;
}

/** Formats how many bytes are there, of all where that is known, and how fast they come, in bytes per second. */
export function formatProgress(
  done: number,
  total: number | undefined,
  rate: number,
): string {
  const speed = `${formatBytes(rate)}/s`;
  if (total === undefined) return `${formatBytes(done)}  ${speed}`;
  const percent = total === 0 ? 100 : Math.floor(100 * done / total);
  const left = rate > 0
    ? `  ${formatSeconds(Math.max(0, total - done) / rate)} left`
    : "";
  const bytes = `${formatBytes(done)} of ${formatBytes(total)}`;
  return `${percent}%  ${bytes}  ${speed}${left}`;
}

/** Makes a meter of the rate, in bytes per second: that of the last seconds, so that it follows a change. Times are in ms. */
function createMeter(done: number, now: number) {
  const marks = [{ done, now }];
  return (done: number, now: number): number => {
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

interface WatchOptions {
  /** How large the file becomes, in bytes. */
  readonly total?: number | undefined;
  /** The terminal that shows how far it is. */
  readonly progress?: Output | undefined;
  /** How long it may stay as it is, in ms; 0 for ever. */
  readonly idle?: number | undefined;
  /** Called when it stayed so for too long. */
  readonly late: (failure: Failure) => void;
}

/** Watches a file, or what has its name, until the watch is disposed of. */
export function watch(
  file: string | Deno.FsFile,
  { total, progress, idle = 0, late }: WatchOptions,
): Disposable {
  let size = 0;
  // what is removed is missed by whoever gives it its name
  const sizeOf = () => {
    try {
      return (typeof file === "string" ? Deno.statSync(file) : file.statSync())
        .size;
    } catch {
      return size;
    }
  };
  size = sizeOf();
  let since = performance.now();
  const rateOf = createMeter(size, since);
  const printLine = async (text: string) => {
    if (progress !== undefined) await print(progress, `\r${text}\x1b[K`);
  };
  // the line is a courtesy: a terminal that is gone must not end the download
  const ignore = () => {};
  const tick = () => {
    const [done, now] = [sizeOf(), performance.now()];
    const line = formatProgress(done, total, rateOf(done, now));
    printLine(line.slice(0, (progress?.columns ?? 80) - 1)).catch(ignore);
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
  const schedule = () => {
    AbortSignal.timeout(Math.ceil(pause)).onabort = () => {
      if (ended) return;
      tick();
      schedule();
    };
  };
  schedule();
  return {
    [Symbol.dispose]() {
      ended = true;
      printLine("").catch(ignore);
    },
  };
}
