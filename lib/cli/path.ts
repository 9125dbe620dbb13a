/**
 * A file's path from the root, for errors: under `deno task` relative names do not start where a person is.
 *
 * @param path As it was typed.
 *
 * @example A path from the root stays
 * ```ts
 * import { assertEquals } from "@std/assert";
 *
 * assertEquals(absolutePath("/etc/hosts"), "/etc/hosts");
 * assertEquals(absolutePath("./a.json"), `${Deno.cwd()}/a.json`);
 * ```
 */
export function absolutePath(path: string): string {
  const isAbsolute = /^([a-z]:)?[\\/]/i.test(path);
  return isAbsolute ? path : `${Deno.cwd()}/${path.replace(/^(\.\/+)+/, "")}`;
}
