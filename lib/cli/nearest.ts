/**
 * What a mistyped name most likely means.
 *
 * @module
 */

import { levenshteinDistance } from "@std/text/levenshtein-distance";
import { isSecret } from "./redact.ts";
import {
  asks,
  type Described,
  formatOptionName,
  UnknownOptionError,
} from "./options.ts";

/** The known name that is meant: at most half of the letters differ, or they begin it. Others may choose both, so that both have limits. */
export function nearest(
  typed: string,
  known: readonly string[],
): string | undefined {
  const most = Math.max(1, Math.floor(typed.replace(/^-+/, "").length / 2));
  const [best] = known.slice(0, typed.length > 100 ? 0 : 1000)
    .map((name) => ({
      name,
      changes: name.startsWith(typed)
        ? 0
        : levenshteinDistance(typed, name.slice(0, 200)),
    }))
    .filter(({ changes }) => changes <= most)
    .sort((a, b) => a.changes - b.changes);
  return best?.name;
}

/** What each of the options most likely means; by its name, where there are more. */
export async function hintForUnknown(
  command: Described,
  args: readonly string[],
  { options: unknown }: UnknownOptionError,
): Promise<string | undefined> {
  // of two that are as near, what everybody looks for
  const names = ["help", "version", ...Object.keys(command.options)];
  const others = await hintsOf(command);
  const hints = Map.groupBy(unknown, (option) => {
    const typed = args.find((arg) => arg.startsWith(`${option}=`)) ?? option;
    // what has a value is no flag
    const known = names.filter((name) =>
      typed === option || command.options[name]?.parse
    );
    const near = nearest(option, known.map(formatOptionName));
    return others.get(option) ??
      (near && `did you mean ${near}? see hark ${command.name} --help`) ??
      (isSecret(option) ? undefined : command.meant?.(typed, command.name));
  });
  const texts = [...hints].flatMap(([hint, typed]) =>
    hint ? [unknown.length > 1 ? `${typed.join(", ")}: ${hint}` : hint] : []
  );
  return texts.join("; ") || undefined;
}

/** What to type here, by each name that other tools have for it. */
async function hintsOf(
  { name, hints = {} }: Described,
): Promise<ReadonlyMap<string, string>> {
  const table = typeof hints === "function" ? await hints(name) : hints;
  return new Map(
    Object.entries(table).flatMap(([names, hint]) =>
      names.split(" ").map((name) => [name, hint] as const)
    ),
  );
}

/** What other tools write with one dash, as `-connect`, was read letter by letter: where it is known it is the error. */
export async function nameWords(
  command: Described,
  args: readonly string[],
): Promise<UnknownOptionError | undefined> {
  const known = Object.keys(command.options).map(formatOptionName);
  const others = await hintsOf(command);
  const words = args.filter((arg) => /^-\w\w/.test(arg) && asks(args, arg))
    .map((arg) => arg.replace(/=.*/s, ""))
    .filter((word) => others.has(word) || known.includes(`-${word}`));
  return words.length === 0 ? undefined : new UnknownOptionError(...words);
}
