/**
 * How documents name themselves and each other: the field of an id, and `postId` for one of `posts`.
 *
 * @module
 */

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
 * Names the field by which children refer to an item of a resource, as json-server does: the
 * English singular and the suffix.
 */
export function foreignKeyOf(
  resource: string,
  { suffix } = usualNaming,
): string {
  const singular = resource
    .replace(/ies$/, "y")
    .replace(/(x|ch|sh|ss)es$/, "$1")
    .replace(/(?<!s|new)s$/, "");
  return `${singular}${suffix}`;
}

/** Finds the resource, of these names, to which a field like `postId` refers. */
export function parentOf(
  field: string,
  names: readonly string[],
  naming = usualNaming,
): string | undefined {
  return names.find((name) => foreignKeyOf(name, naming) === field);
}
