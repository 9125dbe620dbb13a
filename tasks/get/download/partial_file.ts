/**
 * The file that a download is written to until it is whole: `FILE.part`, and beside it, in `FILE.part.json`, what it is
 * a part of, for a later run to go on.
 *
 * @module
 */

import { Failure } from "../../../lib/cli/errors.ts";
import { absolutePath } from "../../../lib/cli/values.ts";
import { readNote, writeNote } from "./part_note.ts";
import type { Known } from "./range.ts";

/** Where a download goes. */
export interface Target {
  /** The file. */
  readonly path: string;
  /** Whether a file that is there must stay as it is. */
  readonly isNew: boolean;
  /** Whether to go on with the part of an earlier download. */
  readonly resume: boolean;
}

/** A part of a file. */
export interface Part {
  /** What is downloaded, without its secrets. */
  readonly url: string;
  /** Where it is written. */
  readonly path: string;
  /** Where it is noted what it is a part of; nowhere for a device or a pipe, which is written to as it is. */
  readonly note?: string;
  /** How many bytes of it are there. */
  readonly size: number;
  /** What it is a part of; nothing when nobody noted that. */
  readonly known?: Known | undefined;
  /** When it was written last. */
  readonly modified?: Date | undefined;
}

/** The files that a download touches. */
export function filesOf(
  path: string,
): readonly [path: string, part: string, note: string] {
  return [path, `${path}.part`, `${path}.part.json`];
}

/**
 * Words what fails with a file.
 *
 * @param what What is done.
 * @param path With which file.
 * @param step Does it.
 * @throws {Failure} When it fails.
 */
export async function doing<T>(
  what: string,
  path: string,
  step: Promise<T>,
): Promise<T> {
  try {
    return await step;
  } catch (cause) {
    throw new Failure(`Cannot ${what} "${absolutePath(path)}"`, { cause });
  }
}

function statOf(path: string): Promise<Deno.FileInfo | undefined> {
  const missing = (error: unknown) => {
    if (error instanceof Deno.errors.NotFound) return undefined;
    throw error;
  };
  return doing("look at", path, Deno.stat(path).catch(missing));
}

/**
 * Looks at what is there before anything is sent, and makes sure that the part can be written.
 *
 * @param target Where the download goes.
 * @param url What is downloaded.
 * @throws {Failure} When the file must stay as it is, or cannot be written.
 */
export async function openPart(target: Target, url: string): Promise<Part> {
  const [path, part, note] = filesOf(target.path);
  const there = await statOf(path);
  if (there?.isDirectory) {
    throw new Failure(`Cannot write "${absolutePath(path)}"`, {
      cause: new Deno.errors.IsADirectory(),
    });
  }
  // a device, a pipe: nothing to rename, nothing to go on with
  if (there !== undefined && !there.isFile) return { url, path, size: 0 };
  const before = await statOf(part);
  const isLeft = target.resume && before !== undefined && before.size > 0;
  if (there !== undefined && (target.isNew || target.resume && !isLeft)) {
    throw new Failure(`Cannot save "${absolutePath(path)}"`, {
      cause: new Deno.errors.AlreadyExists(),
      hint: target.resume
        ? "it has no part to go on with"
        : "-o FILE replaces it",
    });
  }
  const open = Deno.open(part, { append: true, create: true })
    .catch((error) => {
      if (!(error instanceof Deno.errors.NotFound)) throw error;
      // it would be made; to look at its folder may not be permitted
      throw new Failure("its folder is missing, or takes no files");
    });
  (await doing("write", part, open)).close();
  if (!isLeft) return { url, path: part, note, size: 0 };
  return {
    url,
    path: part,
    note,
    size: before.size,
    known: await readNote(note, url),
    modified: before.mtime ?? undefined,
  };
}

/** Starts a part from its first byte, and notes what it is a part of. */
export async function startPart(
  { url, path, note }: Part,
  known: Known,
): Promise<void> {
  if (note === undefined) return;
  // emptied first: a note must never be about bytes of something else
  await doing("write", path, Deno.writeFile(path, new Uint8Array()));
  await doing("write", note, writeNote(note, { url, known }));
}

/**
 * Gives a whole part its name.
 *
 * @throws {Failure} When the file must stay as it is and is there by now: the part stays.
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

/** Forgets a part of which nothing is there. */
export async function dropEmpty({ path, note }: Part): Promise<void> {
  if (note === undefined) return;
  const { size } = await Deno.stat(path).catch(() => ({ size: NaN }));
  if (size !== 0) return;
  await Deno.remove(path).catch(() => {});
  await Deno.remove(note).catch(() => {});
}
