/** Documents that come with a document: `_embed` and `_expand`. */
import type { Document } from "./document.ts";
import type { Relations } from "./query.ts";
import { foreignKeyOf } from "./schema.ts";

/** Where the documents of a world are found. */
export interface Relatives {
  /** Gives a resource's documents in which a field has this very value. */
  readonly children: (
    kind: string,
    field: string,
    value: unknown,
  ) => readonly Document[];
  /** Gives the document of a resource by its id; nothing when it is not there. */
  readonly parent: (kind: string, id: string) => Document | undefined;
  /** The names of the resources. */
  readonly kinds: readonly string[];
}

/**
 * Adds to a document those that refer to it and those that it refers to, after its own fields.
 *
 * @param kind The document's resource.
 */
export function relate(
  kind: string,
  document: Document,
  relations: Relations,
  relatives: Relatives,
): Document {
  const { id } = document;
  const embedded = relations.embed.map((child) =>
    [child, relatives.children(child, foreignKeyOf(kind), id)] as const
  );
  const expanded = relations.expand.flatMap((name) => {
    const parentKind = parentOf(`${name}Id`, relatives.kinds);
    const reference = document[`${name}Id`];
    if (parentKind === undefined || reference === undefined) return [];
    const parent = relatives.parent(parentKind, String(reference));
    return parent === undefined ? [] : [[name, parent] as const];
  });
  return { ...document, ...Object.fromEntries([...embedded, ...expanded]) };
}

/**
 * Finds the resource to which a field refers.
 *
 * @param field The field's name: `postId`.
 * @param kinds The names of the resources.
 */
export function parentOf(
  field: string,
  kinds: readonly string[],
): string | undefined {
  return kinds.find((kind) => foreignKeyOf(kind) === field);
}
