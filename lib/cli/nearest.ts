/** The number of single-letter changes that turn one text into another (Levenshtein's distance). */
function distance(from: string, to: string): number {
  let row = Array.from({ length: to.length + 1 }, (_, at) => at);
  for (const [done, letter] of [...from].entries()) {
    const next = [done + 1];
    for (const [at, other] of [...to].entries()) {
      const [left = 0, above = 0, corner = 0] = [
        next[at],
        row[at + 1],
        row[at],
      ];
      next.push(
        Math.min(left + 1, above + 1, corner + (letter === other ? 0 : 1)),
      );
    }
    row = next;
  }
  return row.at(-1) ?? 0;
}

/**
 * Finds the known name that a mistyped one most likely means: at most half of its letters may differ, or it
 * begins the known name.
 *
 * @param typed What was typed.
 * @param known The names that exist.
 * @returns The nearest of them, or undefined when none is near.
 *
 * @example A slip and a stranger
 * ```ts
 * import { assertEquals } from "@std/assert";
 *
 * assertEquals(nearest("--prot", ["--port", "--host"]), "--port");
 * assertEquals(nearest("--zzz", ["--port", "--host"]), undefined);
 * ```
 */
export function nearest(
  typed: string,
  known: readonly string[],
): string | undefined {
  const [best] = known
    .map((name) => ({
      name,
      changes: name.startsWith(typed) ? 0 : distance(typed, name),
    }))
    .filter(({ changes }) =>
      changes <= Math.max(1, Math.floor(typed.replace(/^-+/, "").length / 2))
    )
    .sort((a, b) => a.changes - b.changes);
  return best?.name;
}
