/** Answers by URL, good until the next write, and the tags by which others keep them. */
import { encodeBase64 } from "@std/encoding/base64";

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

/**
 * Makes the weak entity tag of a text as express does: its length in bytes, in hex, and the first 27 characters of
 * its SHA-1 in base64.
 */
export async function etagOf(text: string): Promise<string> {
  const bytes = new TextEncoder().encode(text);
  const digest = await crypto.subtle.digest("SHA-1", bytes);
  const hash = encodeBase64(digest).slice(0, 27);
  return `W/"${bytes.length.toString(16)}-${hash}"`;
}

/**
 * Tells whether a list of entity tags, the value of If-None-Match or If-Match, names one. Both are
 * compared weakly (RFC 9110, 8.8.3.2): all tags here are weak, so that If-Match could match nothing else.
 */
export function matchesEtag(list: string, etag: string): boolean {
  const opaque = etag.replace(/^W\//, "");
  return list.trim() === "*" ||
    (list.match(/"[^"]*"/g)?.includes(opaque) ?? false);
}
