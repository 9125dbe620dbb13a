/**
 * What a mistyped name most likely means.
 *
 * @module
 */

import { levenshteinDistance } from "@std/text/levenshtein-distance";

/**
 * Finds the known name that a mistyped one most likely means: at most half of its letters may differ, or it begins the
 * known name.
 */
export function nearest(
  typed: string,
  known: readonly string[],
): string | undefined {
  const [best] = known
    .map((name) => ({
      name,
      changes: name.startsWith(typed) ? 0 : levenshteinDistance(typed, name),
    }))
    .filter(({ changes }) =>
      changes <= Math.max(1, Math.floor(typed.replace(/^-+/, "").length / 2))
    )
    .sort((a, b) => a.changes - b.changes);
  return best?.name;
}
