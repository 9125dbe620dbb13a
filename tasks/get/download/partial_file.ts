/**
 * The file that a download is written to until it is whole: `FILE.part`, and beside it, in `FILE.part.json`, a note of
 * what it is a part of, for a later run to go on. Both are files of our own: what else has their names is left alone.
 *
 * @module
 */

import { Failure } from "../../../lib/cli/errors.ts";
import { absolutePath, hintForHome } from "../../../lib/cli/values.ts";
import { writeAll } from "../../../lib/net/connection.ts";
import { type Destination, filesOf, followLinks } from "./destination.ts";
import { formatNote, readNote } from "./note.ts";
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
  /** Whether nobody noted anything: what is there is not emptied. */
  readonly isForeign?: boolean;
  /** Starts it from its first byte, and notes what it is a part of. */
  readonly start: (known: Known) => Promise<void>;
  /** Notes what the bytes that are there are a part of. */
  readonly keep: (known: Known) => Promise<void>;
  /** How many bytes are there by now. */
  readonly measure: () => Promise<number>;
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

const cannotWrite = (path: string, why: string, hint?: string) =>
  new Failure(`Cannot write "${absolutePath(path)}": ${why}`, { hint });

/** Undefined where there is nothing. */
function ifThere<T>(step: Promise<T>): Promise<T | undefined> {
  return step.catch((error) => {
    if (error instanceof Deno.errors.NotFound) return undefined;
    throw error;
  });
}

const statOf = (path: string) =>
  doing("look at", path, ifThere(Deno.stat(path)));

/** The same of a link itself. */
const lstatOf = (path: string) =>
  doing("look at", path, ifThere(Deno.lstat(path)));

/** Looks at a file of our own; what else has its name is not touched, least of all what a link leads to. */
async function ownFile(path: string): Promise<Deno.FileInfo | undefined> {
  const info = await lstatOf(path);
  if (info === undefined || info.isFile && (info.nlink ?? 1) === 1) return info;
  const what = info.isSymlink || info.isFile
    ? "it is a link"
    : info.isDirectory
    ? "it is a directory"
    : "it is not a regular file";
  throw cannotWrite(path, what);
}

type Place = Pick<Deno.FileInfo, "ino" | "dev">;

function isSame(one: Place | undefined, other: Place): boolean {
  // Windows does not always number its files
  return one !== undefined && (Deno.build.os === "windows" ||
    one.ino === other.ino && one.dev === other.dev);
}

/** Whether another process holds a file. On Windows a lock would keep this one from writing, too. */
async function isHeld(file: Deno.FsFile): Promise<boolean> {
  if (Deno.build.os === "windows") return false;
  // not every file system knows locks
  return !await file.tryLock(true).catch(() => true);
}

/**
 * Opens a partial file, and holds it: no other download writes to it before it is closed.
 *
 * @param how To make it, with who may read it; else it is there.
 */
async function hold(
  path: string,
  // for reading too: a pipe that was put there meanwhile then does not block
  how: Deno.OpenOptions = { read: true, write: true },
): Promise<Deno.FsFile> {
  const open = Deno.open(path, how).catch((error) => {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
    // it would be made; to look at its folder may not be permitted
    throw new Failure("its folder is missing, or takes no files");
  });
  const file = await doing("write", path, open);
  try {
    // who had it may have finished it, and given it its name
    const isMine = !await isHeld(file) &&
      isSame(await ownFile(path), await file.stat());
    if (!isMine) throw cannotWrite(path, "another download writes to it");
    return file;
  } catch (error) {
    file.close();
    throw error;
  }
}

const nothing = () => Promise.resolve();

/** Nothing to rename, nothing to go on with. */
const DEVICE = {
  isDevice: true,
  size: 0,
  start: nothing,
  keep: nothing,
  measure: () => Promise.resolve(0),
  finish: nothing,
  [Symbol.asyncDispose]: nothing,
};

/** What the system opens for whoever names it; where it leads to may be a file by another name. */
const STREAM = /^\/(dev\/(stderr|fd\/\d+)|proc\/(self|\d+)\/fd\/\d+)$/;

/** Writes what is in a file into another, by hand: `writable` loses the last error, such as a full disk. */
async function copyInto(to: Deno.FsFile, path: string): Promise<void> {
  const { readable } = await Deno.open(path);
  let size = 0;
  for await (const chunk of readable) {
    await writeAll(to, chunk);
    size += chunk.length;
  }
  await to.truncate(size);
}

/** Writes a finished part into a file that is more than its name: it has other names, or another owner. */
async function writeInto(part: string, whole: string): Promise<void> {
  using to = await Deno.open(whole, { write: true });
  await copyInto(to, part);
  await Deno.remove(part);
}

/** Gives a part its name, where nothing has that: of two downloads that end at once only one does. */
async function renameNew(part: string, whole: string): Promise<void> {
  const isNamed = await Deno.link(part, whole).then(() => true, (error) => {
    if (error instanceof Deno.errors.AlreadyExists) throw error;
    // not every file system knows a second name
    return false;
  });
  if (isNamed) return await Deno.remove(part);
  (await Deno.open(whole, { write: true, createNew: true })).close();
  await Deno.rename(part, whole).catch(async (error) => {
    await Deno.remove(whole);
    throw error;
  });
}

/** Gives a part its name, and what the file that has that name has beside its bytes. */
async function replace(part: string, whole: string): Promise<void> {
  const there = await ifThere(Deno.stat(whole));
  if (there !== undefined) {
    const { uid, gid } = await Deno.stat(part);
    if ((there.nlink ?? 1) > 1 || there.uid !== uid || there.gid !== gid) {
      return await writeInto(part, whole);
    }
    if (there.mode !== null && Deno.build.os !== "windows") {
      await Deno.chmod(part, there.mode & 0o777);
    }
  }
  await Deno.rename(part, whole);
}

/** Why a file stays as it is. */
export function mustStay(path: string, why: string, hint: string): Failure {
  return new Failure(`Cannot save "${absolutePath(path)}": ${why}`, { hint });
}

/** Finds a file to go on with: one that is there, and no part of it. */
export async function findWhole(
  { path: named, isNew, resume }: Destination,
): Promise<(Deno.FileInfo & { readonly path: string }) | undefined> {
  if (!resume || STREAM.test(named)) return undefined;
  const there = isNew ? await lstatOf(named) : await statOf(named);
  if (!there?.isFile || there.size === 0) return undefined;
  const [path, part] = filesOf(isNew ? named : await followLinks(named));
  const before = await ownFile(part);
  return before !== undefined && before.size > 0
    ? undefined
    : { ...there, path };
}

/**
 * Looks at what is there before anything is sent, and makes sure that the file and its part can be written.
 *
 * @param url What is downloaded, without its secrets.
 * @param adopt What the file that is there is a part of: the partial file starts with its bytes, and it stays until the
 * rest is there.
 * @throws {Failure} When the file must stay as it is, or cannot be written.
 */
export async function openPartialFile(
  { path: named, isNew, resume }: Destination,
  url: string,
  adopt?: Known,
): Promise<PartialFile> {
  const linked = isNew ? await lstatOf(named) : await statOf(named);
  if (isNew && linked !== undefined && !(resume && linked.isFile)) {
    throw mustStay(named, "it exists already", "-o FILE replaces it");
  }
  if (linked?.isDirectory) throw cannotWrite(named, "it is a directory");
  if (STREAM.test(named) || linked !== undefined && !linked.isFile) {
    return { ...DEVICE, path: named };
  }
  const [whole, path, note] = filesOf(isNew ? named : await followLinks(named));
  const there = await statOf(whole);
  if (there !== undefined) {
    const open = Deno.open(whole, { write: true });
    (await doing("write", whole, open)).close();
  }
  const before = await ownFile(path);
  const noted = await ownFile(note);
  const ours = noted && await readNote(note, noted);
  const isLeft = before !== undefined && before.size > 0;
  if (isLeft && !resume && ours === undefined) {
    throw cannotWrite(
      path,
      "it exists already, and nothing tells that it is of a download",
      "move it away, or go on with it: -c",
    );
  }
  // one that was made and not written yet when its process was ended
  const isEmpty = noted?.size === 0;
  if (!isLeft && noted !== undefined && ours === undefined && !isEmpty) {
    throw cannotWrite(
      note,
      "it exists already, and is no note of a download",
      "move it away",
    );
  }
  const mine = ours?.url === url ? ours : undefined;
  const isBare = noted === undefined || ours === undefined ||
    mine?.isDamaged === true;
  const isNext = isLeft && resume && (isBare || mine?.known !== undefined);
  let adopted = mine?.adopted ?? false;
  if (isNew && isLeft && there !== undefined && there.size > 0 && !adopted) {
    throw mustStay(named, "it exists already", "-o FILE replaces it");
  }
  // while it is written, nobody may read it who may not read the file
  const mode = there === undefined || there.mode === null
    ? {}
    : { mode: there.mode & 0o777 | 0o600 };
  const fresh = { write: true, createNew: true, ...mode };
  let file = await hold(path, before === undefined ? fresh : undefined);
  let isFresh = before === undefined;
  const keep = async (known: Known) => {
    await doing("write", note, ifThere(Deno.remove(note)));
    const text = formatNote(url, known, adopted);
    const written = Deno.writeTextFile(note, text, {
      createNew: true,
      ...mode,
    });
    await doing("write", note, written);
  };
  // Deno tells nobody who he is: the note, made anew, does
  const refuseStranger = async ({ uid }: Deno.FileInfo, known?: Known) => {
    if (known === undefined && noted !== undefined) return;
    await keep(known ?? {});
    const own = await Deno.stat(note);
    if (known === undefined) await Deno.remove(note);
    if (own.uid === uid) return;
    throw cannotWrite(path, "it is of another user", "move it away");
  };
  if (isNext) {
    await refuseStranger(before, mine?.known).catch((error) => {
      file.close();
      throw error;
    });
  }
  const start = async (known: Known) => {
    if (!isFresh) {
      // emptied first: a note must never be about bytes of something else
      await doing("write", path, ifThere(Deno.remove(path)));
      file.close();
      file = await hold(path, fresh);
    }
    isFresh = false;
    await keep(known);
  };
  const measure = async () => {
    const { size, ...held } = await file.stat();
    if (isSame(await lstatOf(path), held)) return size;
    throw cannotWrite(path, "it is there no more");
  };
  const partial: PartialFile = {
    path,
    isDevice: false,
    size: isNext ? before.size : 0,
    known: isNext ? mine?.known : undefined,
    modified: isNext ? before.mtime ?? undefined : undefined,
    isForeign: isNext && noted === undefined,
    start,
    keep,
    measure,
    finish: async () => {
      const isFirst = isNew && there === undefined;
      const step = isFirst ? renameNew(path, whole) : replace(path, whole);
      await doing("save", whole, step);
      await Deno.remove(note).catch(() => {});
    },
    async [Symbol.asyncDispose]() {
      using held = file;
      const { size, ...info } = await held.stat();
      const named = await Deno.lstat(path).catch(() => undefined);
      if (size > 0 || !isSame(named, info)) return;
      await Deno.remove(path).catch(() => {});
      await Deno.remove(note).catch(() => {});
    },
  };
  if (adopt === undefined) return partial;
  adopted = true;
  try {
    await start(adopt);
    await doing("write", path, copyInto(file, whole));
    return { ...partial, size: await measure(), known: adopt };
  } catch (error) {
    // nothing is lost: the file is as it was
    await file.truncate().catch(() => {});
    await partial[Symbol.asyncDispose]();
    throw error;
  }
}
