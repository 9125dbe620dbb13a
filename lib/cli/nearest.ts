/**
 * What a mistyped name most likely means.
 *
 * @module
 */

import { levenshteinDistance } from "@std/text/levenshtein-distance";

/**
 * Finds the known name that a mistyped one most likely means: at most half of its letters may differ, or it begins the
 * known name. One of more than 100 letters is not mistyped, and only the first 1,000 are known: others may choose both.
 */
export function nearest(
  typed: string,
  known: readonly string[],
): string | undefined {
  const most = Math.max(1, Math.floor(typed.replace(/^-+/, "").length / 2));
  const [best] = known.slice(0, typed.length > 100 ? 0 : 1000)
    .map((name) => ({ name, begin: name.slice(0, 200) }))
    .map(({ name, begin }) => ({
      name,
      changes: name.startsWith(typed) ? 0 : levenshteinDistance(typed, begin),
    }))
    .filter(({ changes }) => changes <= most)
    .sort((a, b) => a.changes - b.changes);
  return best?.name;
}
