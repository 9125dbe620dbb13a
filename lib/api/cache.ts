/** Answers by URL, good until the next write. */

/** Something kept: what of it is counted is its text. */
export interface Cached {
  /** The text of an answer. */
  readonly text: string;
}

/** Answers by URL. */
export interface Cache<Answer extends Cached> {
  /** Gets what is kept for a URL, if it is still good. */
  get(url: string): Answer | undefined;
  /** Keeps an answer for as long as it is good. */
  set(url: string, answer: Answer, isGood: () => boolean): void;
}

/**
 * Creates a cache that forgets everything when it is full.
 *
 * @param maxLength How many characters it holds, over all URLs and texts.
 *
 * @example
 * ```ts
 * import { assertEquals } from "@std/assert";
 *
 * let version = 1;
 * const cache = createCache(1000);
 * cache.set("/posts", { text: "[]" }, () => version === 1);
 * assertEquals(cache.get("/posts"), { text: "[]" });
 * version = 2;
 * assertEquals(cache.get("/posts"), undefined);
 * ```
 */
export function createCache<Answer extends Cached>(
  maxLength: number,
): Cache<Answer> {
  const entries = new Map<string, { answer: Answer; isGood: () => boolean }>();
  let length = 0;
  return {
    get(url) {
      const entry = entries.get(url);
      return entry?.isGood() ? entry.answer : undefined;
    },
    set(url, answer, isGood) {
      const old = entries.get(url)?.answer.text.length ?? -url.length;
      length += answer.text.length - old;
      if (length > maxLength) {
        entries.clear();
        length = 0;
      } else {
        entries.set(url, { answer, isGood });
      }
    },
  };
}
