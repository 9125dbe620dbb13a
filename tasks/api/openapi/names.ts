/**
 * Names in an OpenAPI document that generators of code can make types and functions of.
 *
 * @module
 */

// What is called as a type of JavaScript or TypeScript, or as a field that all objects have, hides it.
const taken = new Set([
  ...Object.getOwnPropertyNames(globalThis),
  ...Object.getOwnPropertyNames(Object.prototype),
  ..."any unknown never void null undefined Record Partial Required Readonly Pick Omit Exclude Extract Parameters"
    .split(" "),
  ..."ReturnType Awaited Client Config Options Problem NotFound NotModified Page"
    .split(" "),
].map(toCanonical));

/** Names that differ only so become one name in code. */
function toCanonical(name: string): string {
  return name.replace(/[^a-zA-Z0-9]/g, "").toLowerCase();
}

const longest = 60;

/** Writes a name with letters, digits and `_` alone, a letter first: `my_notes` for `my {notes}`. */
export function toIdentifier(name: string): string {
  const text = name.normalize("NFKD").replace(/\p{M}/gu, "")
    .replace(/[^a-zA-Z0-9]+/g, "_").replace(/^_|_$/g, "").slice(0, longest);
  if (/^\d/.test(text)) return `resource_${text}`;
  if (text === "") return "resource";
  return taken.has(toCanonical(text)) ? `${text}_resource` : text;
}

/**
 * Makes what gives each name once: those after the first have a number.
 *
 * @param endings What else each name is used with.
 */
export function createNamer(
  endings: readonly string[] = [""],
): (name: string) => string {
  const used = new Set<string>();
  const counts = new Map<string, number>();
  return (name) => {
    for (let count = counts.get(name) ?? 1;; count++) {
      const numbered = count === 1 ? name : `${name}_${count}`;
      const all = endings.map((ending) => toCanonical(numbered + ending));
      if (all.some((each) => used.has(each))) continue;
      for (const each of all) used.add(each);
      counts.set(name, count + 1);
      return numbered;
    }
  };
}
