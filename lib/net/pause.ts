/**
 * How long to wait before a listener that failed is tried again.
 *
 * @module
 */

/** Between these are the pauses before a listener is tried again, each twice as long as the one before. */
export const SHORTEST_WAIT_MS = 5;
export const LONGEST_WAIT_MS = 1000;

/** Waits, in ms; the signal ends the wait at once. */
export function pause(ms: number, signal?: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const end = () => {
      clearTimeout(timer);
      signal?.removeEventListener("abort", end);
      resolve();
    };
    const timer = setTimeout(end, ms);
    if (signal?.aborted) end();
    signal?.addEventListener("abort", end);
  });
}
