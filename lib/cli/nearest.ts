/**
 * What a mistyped name most likely means.
 *
 * @module
 */

import { levenshteinDistance } from "@std/text/levenshtein-distance";

/** The known name that is meant: at most half of the letters differ, or they begin it. Others may choose both, so that both have limits. */
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
