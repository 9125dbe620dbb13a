/**
 * The file that a download is written to until it is whole: `FILE.part`, and beside it, in `FILE.part.json`, a note of
 * what it is a part of, for a later run to go on. Both are files of our own: what else has their names is left alone.
 * While another download holds them, a part has a name that nobody else knows, and no note.
 *
 * @module
 */

import { Failure, unless } from "../../../lib/cli/errors.ts";
import { absolutePath, hintForHome } from "../../../lib/cli/values.ts";
import { writeAll } from "../../../lib/net/connection.ts";
import { pause } from "../../../lib/net/pause.ts";
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
  /** The file itself, to be written to; none where it is a device. */
  readonly file?: Deno.FsFile;
  /** Whether a later run finds it, and what it is a part of. */
  readonly isNoted: boolean;
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
const ifThere = <T>(step: Promise<T>) => unless(Deno.errors.NotFound, step);

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

/** What tells a file from any other; undefined where the system does not number it. */
function idOf({ dev, ino }: Place): string | undefined {
  return ino === null ? undefined : `${dev}:${ino}`;
}

/** Locks a file that nobody else holds; who is just ending, or lets go of it, has a moment. */
async function lock(file: Deno.FsFile): Promise<boolean> {
  for (let tries = 0; tries < 5; tries++) {
    if (tries > 0) await pause(10);
    // not every file system knows locks, nor does an old Deno
    if (await file.tryLock?.(true).catch(() => true) ?? true) return true;
  }
  return false;
}

/**
 * Opens a partial file, and holds it: no other download writes to it before it is closed.
 *
 * @param how To make it, with who may read it; else it is there.
 * @returns The file, or undefined where another download has it.
 */
async function hold(
  path: string,
  // for reading too: a pipe that was put there meanwhile then does not block
  how: Deno.OpenOptions = { read: true, write: true },
): Promise<Deno.FsFile | undefined> {
  const open = Deno.open(path, how).catch((error) => {
    const isNew = how.createNew === true;
    const isTaken = isNew
      ? error instanceof Deno.errors.AlreadyExists
      : error instanceof Deno.errors.NotFound;
    if (isTaken) return undefined;
    if (!(error instanceof Deno.errors.NotFound)) throw error;
    // it would be made; to look at its folder may not be permitted
    throw new Failure("its folder is missing, or takes no files");
  });
  const file = await doing("write", path, open);
  if (file === undefined) return undefined;
  try {
    // who had it may have finished it, and given it its name
    const isMine = await lock(file) &&
      isSame(await ownFile(path), await file.stat());
    if (isMine) return file;
  } catch (error) {
    file.close();
    throw error;
  }
  file.close();
}

const nothing = () => Promise.resolve();

/** Nothing to rename, nothing to go on with. */
const DEVICE = {
  isDevice: true,
  isNoted: false,
  size: 0,
  start: nothing,
  keep: nothing,
  measure: () => Promise.resolve(0),
  finish: nothing,
  [Symbol.asyncDispose]: nothing,
};

/** What the system opens for whoever names it; where it leads to may be a file by another name. */
const STREAM = /^\/(dev\/(stderr|fd\/\d+)|proc\/(self|\d+)\/fd\/\d+)$/;

/** Whether a file that is open and one that has a name have the same bytes. */
async function hasSameBytes(file: Deno.FsFile, path: string): Promise<boolean> {
  using other = await Deno.open(path);
  const [mine, its] = [await file.stat(), await other.stat()];
  if (!its.isFile || mine.size !== its.size) return false;
  const [one, two] = [new Uint8Array(1 << 20), new Uint8Array(1 << 20)];
  await file.seek(0, Deno.SeekMode.Start);
  for (let left = its.size; left > 0;) {
    const count = await file.read(one) ?? 0;
    let at = 0;
    while (at < count) {
      const read = await other.read(two.subarray(at, count));
      if (read === null) return false;
      at += read;
    }
    const isSame = one.subarray(0, count).every((byte, at) => byte === two[at]);
    if (count === 0 || !isSame) return false;
    left -= count;
  }
  return true;
}

/** Writes all that is in a file into another, by hand: `writable` loses the last error, such as a full disk. */
async function copyInto(to: Deno.FsFile, from: Deno.FsFile): Promise<void> {
  const buffer = new Uint8Array(1 << 20);
  let size = 0;
  await from.seek(0, Deno.SeekMode.Start);
  for (
    let count = await from.read(buffer);
    count !== null;
    count = await from.read(buffer)
  ) {
    await writeAll(to, buffer.subarray(0, count));
    size += count;
  }
  await to.truncate(size);
}

/** Writes a finished part into a file that is more than its name: it has other names, or another owner. */
async function writeInto(
  file: Deno.FsFile,
  part: string,
  whole: string,
): Promise<void> {
  using to = await Deno.open(whole, { write: true });
  // of two downloads that end at once, one after the other
  await to.lock(true).catch(() => {});
  await copyInto(to, file);
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
async function replace(
  file: Deno.FsFile,
  part: string,
  whole: string,
): Promise<void> {
  const there = await ifThere(Deno.stat(whole));
  if (there !== undefined) {
    const { uid, gid } = await Deno.stat(part);
    if ((there.nlink ?? 1) > 1 || there.uid !== uid || there.gid !== gid) {
      return await writeInto(file, part, whole);
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

/** Makes sure that a folder takes files, before their names are known. */
export async function tryFolder(path: string): Promise<void> {
  const step = async () => {
    await Deno.lstat(path);
    await Deno.remove(await Deno.makeTempFile({ dir: path }));
  };
  await doing("write", path, step());
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
  const [whole, part, noteOf] = filesOf(
    isNew ? named : await followLinks(named),
  );
  const there = await statOf(whole);
  if (there !== undefined) {
    const open = Deno.open(whole, { write: true });
    (await doing("write", whole, open)).close();
  }
  const before = await ownFile(part);
  const early = await ownFile(noteOf);
  // while it is written, nobody may read it who may not read the file
  const mode = there === undefined || there.mode === null
    ? {}
    : { mode: there.mode & 0o777 | 0o600 };
  const fresh = { read: true, write: true, createNew: true, ...mode };
  let [path, note]: [string, string | undefined] = [part, noteOf];
  let other: Deno.FileInfo | undefined;
  // what another download holds already is left to it
  const openAnother = async () => {
    if (isNew && there !== undefined && adopt === undefined) {
      throw mustStay(named, "it exists already", "-o FILE replaces it");
    }
    other = await lstatOf(part);
    [path, note] = [`${part}.${crypto.randomUUID().slice(0, 8)}`, undefined];
    const open = Deno.open(path, fresh).catch((error) => {
      if (!(error instanceof Deno.errors.NotCapable)) throw error;
      return undefined;
    });
    const file = await doing("write", path, open);
    if (file !== undefined) return file;
    throw cannotWrite(
      part,
      "another download writes to it",
      "for a part of its own it needs the folder: --allow-read=FOLDER --allow-write=FOLDER",
    );
  };
  const found = before && await hold(part);
  let file = found ?? (before ? undefined : await hold(part, fresh)) ??
    await openAnother();
  let isFresh = found === undefined;
  // what is there now that nobody else writes to it
  const info = await found?.stat();
  const isLeft = info !== undefined && info.size > 0;
  const noted = found ? await ownFile(noteOf).catch(() => early) : early;
  const ours = noted && note && await readNote(note, noted);
  const mine = ours && ours.url === url ? ours : undefined;
  const isBare = !ours || mine?.isDamaged === true;
  const isNext = isLeft && resume && (isBare || mine?.known !== undefined);
  let adopted = mine?.adopted ?? false;
  const readSaved = async () => {
    const info = isNew ? await lstatOf(noteOf) : undefined;
    return info?.isFile ? (await readNote(noteOf, info))?.saved : undefined;
  };
  // what was saved before this download may be another file by now, of the same number
  const stale = (await readSaved())?.split(" ") ?? [];
  const write = async (text: string) => {
    await doing("write", noteOf, ifThere(Deno.remove(noteOf)));
    const options = { createNew: true, ...mode };
    await doing("write", noteOf, Deno.writeTextFile(noteOf, text, options));
  };
  const keep = async (known: Known) => {
    if (note === undefined) return;
    const saved = await readSaved();
    await write(formatNote(url, known, { adopted, saved }));
  };
  // Deno tells nobody who he is: the note, made anew, does
  const refuseStranger = async ({ uid }: Deno.FileInfo, known?: Known) => {
    if (known === undefined && noted !== undefined) return;
    await keep(known ?? {});
    const own = await Deno.stat(noteOf);
    if (known === undefined) await Deno.remove(noteOf);
    if (own.uid === uid) return;
    throw cannotWrite(path, "it is of another user", "move it away");
  };
  const refuseOthers = async () => {
    if (isLeft && !resume && !ours) {
      throw cannotWrite(
        path,
        "it exists already, and nothing tells that it is of a download",
        "move it away, or go on with it: -c",
      );
    }
    // one that was made and not written yet when its process was ended
    const isEmpty = noted?.size === 0;
    if (note && !isLeft && noted !== undefined && !ours && !isEmpty) {
      throw cannotWrite(
        note,
        "it exists already, and is no note of a download",
        "move it away",
      );
    }
    if (isNew && isLeft && there !== undefined && there.size > 0 && !adopted) {
      throw mustStay(named, "it exists already", "-o FILE replaces it");
    }
    if (isNext) await refuseStranger(info, mine?.known);
  };
  const start = async (known: Known) => {
    if (!isFresh) {
      // emptied first: a note must never be about bytes of something else
      if (isSame(await lstatOf(path), await file.stat())) {
        await doing("write", path, ifThere(Deno.remove(path)));
      }
      const next = await hold(path, fresh) ?? await openAnother();
      file.close();
      file = next;
    }
    isFresh = false;
    await keep(known);
  };
  const measure = async () => {
    const { size, ...held } = await file.stat();
    if (isSame(await lstatOf(path), held)) return size;
    throw cannotWrite(path, "it is there no more");
  };
  // the download that holds the part hears which file is saved before it has ended
  const tellOther = async () => {
    const now = await lstatOf(part);
    if (now === undefined || before && !isSame(now, before)) return false;
    const info = await ownFile(noteOf);
    const its = info && await readNote(noteOf, info);
    const saved = [its?.saved, idOf(await file.stat())].join(" ").trim();
    const { adopted = false, known = {} } = its ?? {};
    await write(formatNote(its?.url ?? url, known, { adopted, saved }));
    return true;
  };
  // over what another download has saved meanwhile, and over nothing else
  const saveNew = async () => {
    const saved = await readSaved() ?? "";
    const isTold = note === undefined && await tellOther().catch(() => false);
    await renameNew(path, whole).catch(async (error) => {
      if (!(error instanceof Deno.errors.AlreadyExists)) throw error;
      const id = idOf(await Deno.lstat(whole));
      const others = [...saved.split(" "), other && idOf(other)];
      const isOthers = others.includes(id) && !stale.includes(id ?? "");
      if (id !== undefined && isOthers) {
        return await replace(file, path, whole);
      }
      // of many at once not all hear of each other, but where they all save the same nothing is lost
      if (!await hasSameBytes(file, whole)) throw error;
      await Deno.remove(path);
    });
    const isOver = isTold && !await lstatOf(part);
    if (isOver) await Deno.remove(noteOf).catch(() => {});
  };
  const dropNote = async () => {
    if (note === undefined) return;
    // another download may have begun by now
    if (await ifThere(Deno.lstat(path)).catch(() => true)) return;
    await Deno.remove(note).catch(() => {});
  };
  const release = async () => {
    using held = file;
    const { size, ...info } = await held.stat();
    const named = await Deno.lstat(path).catch(() => undefined);
    // nobody would find what is noted nowhere
    const isEmpty = size === 0 || note === undefined;
    if (isEmpty && isSame(named, info)) {
      await Deno.remove(path).catch(() => {});
    }
    await dropNote();
  };
  await refuseOthers().catch(async (error) => {
    file.close();
    if (isFresh) await Deno.remove(path).catch(() => {});
    throw error;
  });
  let size = isNext ? info.size : 0;
  if (adopt !== undefined) {
    adopted = true;
    try {
      await start(adopt);
      using from = await doing("look at", whole, Deno.open(whole));
      await doing("write", path, copyInto(file, from));
      size = await measure();
    } catch (error) {
      // nothing is lost: the file is as it was
      await file.truncate().catch(() => {});
      await release();
      throw error;
    }
  }
  return {
    get path() {
      return path;
    },
    get file() {
      return file;
    },
    get isNoted() {
      return note !== undefined;
    },
    isDevice: false,
    size,
    known: adopt ?? (isNext ? mine?.known : undefined),
    modified: isNext ? info.mtime ?? undefined : undefined,
    isForeign: isNext && noted === undefined,
    start,
    keep,
    measure,
    finish: async () => {
      await measure();
      const isFirst = isNew && there === undefined;
      await doing(
        "save",
        whole,
        isFirst ? saveNew() : replace(file, path, whole),
      );
      await dropNote();
    },
    [Symbol.asyncDispose]: release,
  };
}
