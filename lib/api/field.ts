/**
 * Reads a field of a document.
 *
 * @param path Its name; dots and brackets lead into objects and lists: `geo.lat`, `tags[0]`. A name
 * that holds a dot itself is found too.
 * @returns Its value; undefined when it is missing. What objects inherit is not a field.
 *
 * @example
 * ```ts
 * import { assertEquals } from "@std/assert";
 *
 * const user = { name: "Ada", geo: { lat: 1 }, tags: ["a"], "a.b": 2 };
 * const paths = ["name", "geo.lat", "tags[0]", "a.b", "geo.lng", "toString"];
 * assertEquals(paths.map((path) => readField(user, path)), ["Ada", 1, "a", 2, undefined, undefined]);
 * ```
 */
export function readField(value: unknown, path: string): unknown {
  return readOwn(value, path) ??
    path.replace(/\[(\w+)\]/g, ".$1").split(".").reduce(readOwn, value);
}

function readOwn(value: unknown, name: string): unknown {
  if (value === undefined || value === null) return;
  return Object.hasOwn(Object(value), name)
    ? Reflect.get(Object(value), name)
    : undefined;
}
