/**
 * How documents name themselves and each other: the field of an id, and `postId` for one of `posts`.
 *
 * @module
 */

import { UsageError } from "../../../lib/cli/errors.ts";

/** How documents name themselves and each other. */
export interface Naming {
  /** The field that holds a document's id. */
  readonly id: string;
  /** What follows the singular of a resource in the name of a field that refers to it. */
  readonly suffix: string;
}

/** As in `{ "id": 1, "postId": 1 }`. */
export const usualNaming: Naming = { id: "id", suffix: "Id" };

/**
 * Reads what names an id, or ends a foreign key.
 *
 * @throws {UsageError} When it is empty, or holds what JSON writes in another way.
 */
export function parseFieldName(text: string): string {
  if (text !== "" && JSON.stringify(text) === `"${text}"`) return text;
  throw new UsageError(
    `Cannot use "${text}" in a field's name: expected letters, digits or _`,
  );
}

/** Names the fields of our own documents, or of their types, as others are named: `id` and `userId` become `_id` and `user_id`. */
export function rename<Value>(
  fields: { readonly [field: string]: Value },
  { id, suffix }: Naming,
): { readonly [field: string]: Value } {
  const renamed = (field: string) =>
    field === "id" ? id : field.replace(/Id$/, () => suffix);
  return Object.fromEntries(
    Object.entries(fields).map(([field, own]) => [renamed(field), own]),
  );
}

// The last word of a name: `People` in `salesPeople`, `stories` in `user_stories`.
const lastWord = /(?:[A-Z]?[^A-Z\W_]+|[A-Z]+)$/;
// No word is longer, and to look for the last one takes the square of this.
const longest = 40;

const uncountable =
  /^(?:agenda|analytics|athletics|chassis|corps|debris|diabetes|gallows|genus|headquarters|herpes|highjinks|jeans|kudos|media|mews|news|pliers|premises|scissors|series|shambles|species|yes)$|[^aeiou]ese$|(?:fish|measles|o[iu]s|pox)$/;

// What the end of a plural is in the singular, the first that fits: those of the npm package "pluralize", which json-server
// asks. The group is kept.
const endings: readonly (readonly [plural: RegExp, end: string])[] = [
  [/^(f)eet$/, "oot"],
  [/^(t)eeth$/, "ooth"],
  [/^(g)eese$/, "oose"],
  [/^(d)ice$/, "ie"],
  [/^(ox)en$/, ""],
  [/^(quiz)zes$/, ""],
  [/^(thie)ves$/, "f"],
  [/^(eave|carve|valve|groove|axe|pickaxe)s$/, ""],
  [/^(echo|dingo|volcano|tornado|torpedo|yes)es$/, ""],
  [/^(stigma|stoma|dogma|lemma|schema|anathema)ta$/, ""],
  [/^(gen)era$/, "us"],
  [/^(passer)sby$/, "by"],
  [/(m)en$/, "an"],
  [/(eau)x?$/, ""],
  [/(child)ren$/, ""],
  [/(pe)ople$/, "rson"],
  [/(matr|append)ices$/, "ix"],
  [/(cod|mur|sil|vert|ind)ices$/, "ex"],
  [/(alumn|alg|vertebr)ae$/, "a"],
  [/(phenomen|criteri|noumen|periheli|apheli|hedr|organ|automat)a$/, "on"],
  [/(addend|millenni|dat|extrem|bacteri|strat|errat|ov|symposi)a$/, "um"],
  [/(curricul|quor|desiderat|candelabr)a$/, "um"],
  [/(alumn|syllab|vir|radi|nucle|fung|cact|stimul)(?:us|i)$/, "us"],
  [/(termin|bacill|foc|uter|loc|strat)(?:us|i)$/, "us"],
  [/(test)(?:is|es)$/, "is"],
  [/(movie|twelve|abuse|e[mn]u)s$/, ""],
  [/(analy|diagno|parenthe|progno|synop|the|empha|cri|ne)s[ie]s$/, "sis"],
  [/(x|ch|ss|sh|zz|tto|go|cho|alias|[^aou]us|t[lm]as|gas)(?:es)?$/, ""],
  [/((?:her|at|gr)o|[aeiou]ris)(?:es)?$/, ""],
  [/(seraph|cherub)im$/, ""],
  [/^((?:tit)?m|l)ice$/, "ouse"],
  [/^(mon|smil)ies$/, "ey"],
  [/^([pl]|zomb|(?:neck|cross)?t|coll|faer|food|gen|goon)ies$/, "ie"],
  [/^(group|lass|talk|goal|cut)ies$/, "ie"],
  [/()ies$/, "y"],
  [/(ar|(?:wo|[ae])l|[eo][ao])ves$/, "f"],
  [/(wi|kni|(?:after|half|high|low|mid|non|night|^)li)ves$/, "fe"],
  [/(?<!s)()s$/, ""],
];

function singularOf(word: string): string {
  const lower = word.toLowerCase();
  if (uncountable.test(lower)) return word;
  const [plural, end = ""] = endings.find(([plural]) => plural.test(lower)) ??
    [];
  if (plural === undefined) return word;
  const isUpper = word.length > 1 && word === word.toUpperCase();
  const singular = lower.replace(plural, `$1${end}`);
  if (isUpper) return singular.toUpperCase();
  // all before the end is as it was
  return word.slice(0, 1) + singular.slice(1);
}

// Names come from URLs too: short ones are kept, and not for ever.
const maxKept = 10_000;
const singulars = new Map<string, string>();

/**
 * Names the field by which children refer to an item of a resource, as json-server does: the
 * English singular and the suffix.
 */
export function foreignKeyOf(
  resource: string,
  { suffix } = usualNaming,
): string {
  let singular = singulars.get(resource);
  if (singular === undefined) {
    const end = resource.slice(-longest).replace(lastWord, singularOf);
    singular = resource.slice(0, -longest) + end;
    if (singulars.size >= maxKept) singulars.clear();
    if (resource.length <= longest) singulars.set(resource, singular);
  }
  return singular + suffix;
}

/**
 * Finds the resource, of these names, to which a field like `postId` refers: `posts`, also where there is a `post`
 * too.
 */
export function parentOf(
  field: string,
  names: readonly string[],
  naming = usualNaming,
): string | undefined {
  const found = names.filter((name) => foreignKeyOf(name, naming) === field);
  return found.find((name) => `${name}${naming.suffix}` !== field) ?? found[0];
}
