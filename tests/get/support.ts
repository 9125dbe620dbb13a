// deno-coverage-ignore-file
/**
 * What the tests of `get` and `post` share.
 *
 * @module
 */

import { encode, withFolder } from "../support.ts";

/** Runs a test in a folder of its own, which is removed, with these files. */
export function withFiles(
  files: Readonly<Record<string, string | Uint8Array>>,
  test: (folder: string) => Promise<void>,
): Promise<void> {
  return withFolder(async (folder) => {
    for (const [name, content] of Object.entries(files)) {
      const bytes = typeof content === "string" ? encode(content) : content;
      await Deno.writeFile(`${folder}/${name}`, bytes);
    }
    await test(folder);
  });
}

/** A text without the colours that a terminal shows. */
export function stripColors(text: string): string {
  // deno-lint-ignore no-control-regex
  return text.replace(/\x1b\[\d+m/g, "");
}

/** The files of a folder and what is in them. */
export function filesIn(folder: string): Record<string, string> {
  return Object.fromEntries(
    [...Deno.readDirSync(folder)].map(({ name }) => name).sort().map((name) => [
      name,
      Deno.readTextFileSync(`${folder}/${name}`),
    ]),
  );
}
