// deno-coverage-ignore-file
/**
 * Which sentences a command has said.
 *
 * @module
 */

import { type Language, SENTENCES } from "../../../tasks/get/view/explain.ts";

/** The names of those that were said since this file was loaded. */
export const said: Readonly<Record<Language, Set<string>>> = {
  en: new Set(),
  ko: new Set(),
};

/** A sentence as a pattern, whatever its values are. */
function patternOf(text: string): RegExp {
  const parts = text.split(/\{\w+\}/).map((part) =>
    part.replace(/[.*+?^${}()|[\]\\]/g, "\\$&")
  );
  return new RegExp(`^${parts.join("(.+)")}$`);
}

/** The names of the sentences in what a command has said, in their order. */
export function namesIn(text: string, language: Language): string[] {
  const patterns = [...SENTENCES].map(([name, both]) =>
    [name, patternOf(both[language])] as const
  );
  const names = text.split("\n").flatMap((line) => {
    const [found] = patterns.filter(([, pattern]) => pattern.test(line))
      // of several the one that says most of it itself
      .sort(([one], [other]) => wordsOf(other) - wordsOf(one));
    return found ? [found[0]] : [];
  });
  for (const name of names) said[language].add(name);
  return names;

  function wordsOf(name: string): number {
    return SENTENCES.get(name)?.[language].replace(/\{\w+\}/g, "").length ?? 0;
  }
}
