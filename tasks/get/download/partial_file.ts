/**
 * The file that a download is written to until it is whole: `FILE.part`, and beside it, in `FILE.part.json`, a note of
 * what it is a part of, for a later run to go on.
 *
 * @module
 */

import { Failure } from "../../../lib/cli/errors.ts";
import { absolutePath, hintForHome } from "../../../lib/cli/values.ts";
import { type Destination, filesOf } from "./destination.ts";
import type { Known } from "./range.ts";

/** A file of which a part may be there. Disposing of it removes it where there is nothing in it. */
export interface PartialFile extends AsyncDisposable {
  readonly path: string;
  /** Whether it is a device or a pipe, which is written to as it is. */
  readonly isDevice: boolean;
  /** How many bytes are there. */
  readonly size: number;
  /** What they are a part of; nothing when nobody noted that. */
  readonly known?: Known | undefined;
  /** When they were written. */
  readonly modified?: Date | undefined;
  /** Starts it from its first byte, and notes what it is a part of. */
  readonly start: (known: Known) => Promise<void>;
  /** Gives it its name when it is whole; a {@linkcode Failure} when that must stay as it is and is there by now. */
  readonly finish: () => Promise<void>;
}

/** Words what fails with a file. */
async function doing<T>(
  what: string,
  path: string,
  step: Promise<T>,
): Promise<T> {
  try {
    return await step;
  } catch (cause) {
    const hint = hintForHome(path.replace(/\.part$/, ""));
    throw new Failure(`Cannot ${what} "${absolutePath(path)}"`, {
      cause,
      hint,
    });
  }
}

function statOf(path: string): Promise<Deno.FileInfo | undefined> {
  const missing = (error: unknown) => {
    if (error instanceof Deno.errors.NotFound) return undefined;
    throw error;
  };
  return doing("look at", path, Deno.stat(path).catch(missing));
}

/** A validator that nothing has: what the bytes are of is not known, or it is something else. */
const OTHER = '""';

/** Reads what was noted; a note about another URL is of no use. */
async function readNote(path: string, url: string): Promise<Known | undefined> {
  let note: Readonly<Record<string, unknown>>;
  try {
    note = Object(JSON.parse(await Deno.readTextFile(path)));
  } catch {
    return undefined;
  }
  const { validator, total } = note;
  if (!("url" in note)) return undefined;
  if (note.url !== url) return { validator: OTHER };
  return {
    validator: typeof validator === "string" ? validator : OTHER,
    total: typeof total === "number" ? total : undefined,
  };
}

const nothing = () => Promise.resolve();

/** Nothing to rename, nothing to go on with. */
const DEVICE = {
  isDevice: true,
  size: 0,
  start: nothing,
  finish: nothing,
  [Symbol.asyncDispose]: nothing,
};

/**
 * Looks at what is there before anything is sent, and makes sure that the partial file can be written.
 *
 * @param url What is downloaded, without its secrets.
 * @throws {Failure} When the file must stay as it is, or cannot be written.
 */
export async function openPartialFile(
  { path: whole, isNew, resume }: Destination,
  url: string,
): Promise<PartialFile> {
  const [, path, note] = filesOf(whole);
  const there = await statOf(whole);
  if (there?.isDirectory) {
    throw new Failure(`Cannot write "${absolutePath(whole)}"`, {
      cause: new Deno.errors.IsADirectory(),
    });
  }
  if (there !== undefined && !there.isFile) return { ...DEVICE, path: whole };
  const before = await statOf(path);
  const isLeft = resume && before !== undefined && before.size > 0;
  if (there !== undefined && (isNew || resume && !isLeft)) {
    throw new Failure(`Cannot save "${absolutePath(whole)}"`, {
      cause: new Deno.errors.AlreadyExists(),
      hint: resume ? "it has no part to go on with" : "-o FILE replaces it",
    });
  }
  const open = Deno.open(path, { append: true, create: true })
    .catch((error) => {
      if (!(error instanceof Deno.errors.NotFound)) throw error;
      // it would be made; to look at its folder may not be permitted
      throw new Failure("its folder is missing, or takes no files");
    });
  (await doing("write", path, open)).close();
  return {
    path,
    isDevice: false,
    size: isLeft ? before.size : 0,
    known: isLeft ? await readNote(note, url) : undefined,
    modified: isLeft ? before.mtime ?? undefined : undefined,
    start: async ({ validator, total }) => {
      // emptied first: a note must never be about bytes of something else
      await doing("write", path, Deno.writeFile(path, new Uint8Array()));
      const text = `${JSON.stringify({ url, validator, total })}\n`;
      await doing("write", note, Deno.writeTextFile(note, text));
    },
    finish: async () => {
      if (isNew) {
        // two downloads may end at once: only one of them makes the file
        const made = Deno.open(whole, { write: true, createNew: true });
        (await doing("save", whole, made)).close();
      }
      await doing("save", whole, Deno.rename(path, whole));
      await Deno.remove(note).catch(() => {});
    },
    [Symbol.asyncDispose]: async () => {
      const { size } = await Deno.stat(path).catch(() => ({ size: NaN }));
      if (size !== 0) return;
      await Deno.remove(path).catch(() => {});
      await Deno.remove(note).catch(() => {});
    },
  };
}
