/** Worlds that come from outside: what of them a store can hold. */
import { isDocument } from "./document.ts";
import type { Id, Stored } from "./store.ts";

/**
 * Reads a list of documents. A document may lack an id: then it is in the list, but has no URL.
 *
 * @param kind The name of the resource, for the error.
 * @throws {TypeError} When one is no object, or its id is neither a number nor a text, or is taken.
 *
 * @example
 * ```ts
 * import { assertEquals, assertThrows } from "@std/assert";
 *
 * assertEquals(readList("notes", [{ id: 7 }]), [{ id: 7, json: '{\n  "id": 7\n}' }]);
 * assertThrows(() => readList("notes", [{ id: 7 }, { id: 7 }]), TypeError, "notes[1].id");
 * ```
 */
export function readList(
  kind: string,
  documents: readonly unknown[],
): Stored[] {
  const ids = new Set<Id>();
  return documents.map((document, index) => {
    const path = `${kind}[${index}]`;
    if (!isDocument(document)) throw unloadable(path, "expected an object");
    const { id } = document;
    const json = JSON.stringify(document, null, 2);
    if (id === undefined) return { id: null, json };
    if (!isId(id)) {
      throw unloadable(`${path}.id`, "expected a number or a text");
    }
    if (ids.has(id)) {
      throw unloadable(`${path}.id`, `${JSON.stringify(id)} is taken`);
    }
    ids.add(id);
    return { id, json };
  });
}

/**
 * Tells whether a value can be a document's id.
 *
 * @example
 * ```ts
 * import { assertEquals } from "@std/assert";
 *
 * assertEquals([7, "7b", null, true].map(isId), [true, true, false, false]);
 * ```
 */
export function isId(value: unknown): value is Id {
  return typeof value === "number" || typeof value === "string";
}

/**
 * Makes the error of what cannot be loaded.
 *
 * @param path Where it is: `posts[3].id`.
 *
 * @example
 * ```ts
 * import { assertEquals } from "@std/assert";
 *
 * assertEquals(unloadable("notes", "expected a list").message, 'Cannot load "notes": expected a list');
 * ```
 */
export function unloadable(path: string, why: string): TypeError {
  return new TypeError(`Cannot load "${path}": ${why}`);
}
