/**
 * How a part ends: as a whole file, or as nothing.
 *
 * @module
 */

import { doing, filesOf, type Part, type Target } from "./part.ts";

/**
 * Gives a whole part its name.
 *
 * @throws {Failure} When the file must stay as it is and is there by now: the part stays.
 *
 * @example A download that is whole
 * ```ts
 * import { assertEquals } from "@std/assert";
 *
 * const folder = await Deno.makeTempDir();
 * await Deno.writeTextFile(`${folder}/a.part`, "hi");
 * await finishPart({ path: `${folder}/a`, isNew: true, goOn: false });
 * assertEquals(await Deno.readTextFile(`${folder}/a`), "hi");
 * await Deno.remove(folder, { recursive: true });
 * ```
 */
export async function finishPart(target: Target): Promise<void> {
  const [path, part, note] = filesOf(target.path);
  if (target.isNew) {
    // two downloads may end at once: only one of them makes the file
    const made = Deno.open(path, { write: true, createNew: true });
    (await doing("save", path, made)).close();
  }
  await doing("save", path, Deno.rename(part, path));
  await Deno.remove(note).catch(() => {});
}

/**
 * Forgets a part of which nothing is there.
 *
 * @example No trace is left
 * ```ts
 * import { assertEquals } from "@std/assert";
 *
 * const folder = await Deno.makeTempDir();
 * const { openPart } = await import("./part.ts");
 * const part = await openPart({ path: `${folder}/a`, isNew: true, goOn: false }, "http://a.example/");
 * await dropEmpty(part);
 * assertEquals([...Deno.readDirSync(folder)], []);
 * await Deno.remove(folder, { recursive: true });
 * ```
 */
export async function dropEmpty({ path, note }: Part): Promise<void> {
  if (note === undefined) return;
  const { size } = await Deno.stat(path).catch(() => ({ size: NaN }));
  if (size !== 0) return;
  await Deno.remove(path).catch(() => {});
  await Deno.remove(note).catch(() => {});
}
