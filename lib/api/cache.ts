/** Answers by URL, good until the next write. */

/** Texts by URL. */
export interface Cache {
  /** Gets what was kept for a URL since the last write. */
  get(url: string): string | undefined;
  /**
   * Starts a read of the store. The function it gives keeps the text that was read, unless a write
   * came in between.
   */
  read(url: string): (text: string) => void;
  /** Forgets everything: something was written. */
  clear(): void;
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
 * const cache = createCache(1000);
 * const keep = cache.read("/posts");
 * cache.clear();
 * keep("stale");
 * assertEquals(cache.get("/posts"), undefined);
 * ```
 */
export function createCache(maxLength: number): Cache {
  let texts = new Map<string, string>();
  let length = 0;

  function clear(): void {
    texts = new Map();
    length = 0;
  }

  return {
    get: (url) => texts.get(url),
    read(url) {
      const current = texts;
      return (text) => {
        if (current !== texts) return;
        length += url.length + text.length;
        if (length > maxLength) clear();
        else texts.set(url, text);
      };
    },
    clear,
  };
}
