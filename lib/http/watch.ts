/**
 * A watch over a file that grows: it costs the bytes nothing, they need not pass by here.
 *
 * @module
 */

import { Failure } from "../cli/errors.ts";
import { ExitCode } from "../cli/exit_code.ts";
import { type Output, print } from "../cli/io.ts";
import { createMeter, formatProgress } from "./progress.ts";

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
 *
 * @example A file that does not grow
 * ```ts
 * import { assertEquals } from "@std/assert";
 *
 * const path = await Deno.makeTempFile();
 * const { promise, resolve } = Promise.withResolvers<Error>();
 * using _ = watch(path, { idle: 20, late: resolve });
 * assertEquals((await promise).message, "no more bytes within 0.02 s");
 * await Deno.remove(path);
 * ```
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
