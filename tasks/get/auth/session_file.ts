/**
 * The file of a session in its folder: how it is written while other calls write to it.
 *
 * @module
 */

import { Failure, unless, UsageError } from "../../../lib/cli/errors.ts";
import { absolutePath } from "../../../lib/cli/values.ts";
import { writeAll } from "../../../lib/net/connection.ts";
import { redactUrl } from "../../../lib/cli/redact.ts";
import { followLinks, savedFiles } from "../download/destination.ts";
import type { ExchangeOptions } from "../options.ts";

/** The options of a session. */
export interface SessionOptions {
  readonly session?: string | undefined;
  readonly sessionReadOnly?: string | undefined;
  readonly sessionAuth?: boolean;
  /** Whether the password is proven, not sent. */
  readonly digest?: boolean;
}

const { AlreadyExists, NotCapable, NotFound } = Deno.errors;

/** The file that is written beside another to take its place. */
const besideOf = (path: string) => `${path}.hark`;

/** The files that a session reads, and those that it writes, with what a link leads to. */
export async function sessionFiles(
  { session, sessionReadOnly }: SessionOptions,
): Promise<{ readonly read: readonly string[]; write: readonly string[] }> {
  const path = session ?? sessionReadOnly;
  if (path === undefined) return { read: [], write: [] };
  // to look at a link would ask for it alone, before all is asked for at once
  const { state } = Deno.permissions.querySync({ name: "read", path });
  const whole = state === "granted" ? await followLinks(path) : path;
  const named = path === whole ? [path] : [path, whole];
  const all = [...named, besideOf(whole)];
  return session === undefined
    ? { read: named, write: [] }
    : { read: all, write: all };
}

/**
 * Refuses to save a body where a session is.
 *
 * @throws {UsageError} `Cannot save to "me.json": the session is there`.
 */
export async function refuseSaved(
  url: URL,
  options: Partial<ExchangeOptions>,
): Promise<void> {
  const realOf = (path: string) =>
    Deno.realPath(absolutePath(path)).catch(() => absolutePath(path));
  const saved = await savedFiles(new URL(redactUrl(url.href)), options);
  const kept = await Promise.all(
    (await sessionFiles(options)).read.map(realOf),
  );
  for (const path of saved) {
    if (!kept.includes(await realOf(path))) continue;
    throw new UsageError(`Cannot save to "${path}": the session is there`, {
      hint: "name another file for one of them",
    });
  }
}

/**
 * Makes the file that is to take the place of another, and holds it: who comes second waits until the first has given
 * it its name, and makes one of his own. A process that is killed leaves one that nobody holds.
 */
async function hold(path: string): Promise<Deno.FsFile> {
  for (;;) {
    const there = await unless(NotFound, Deno.lstat(path));
    if (there && !there.isFile) {
      throw new Failure(`"${absolutePath(path)}" is in the way`);
    }
    const how = { write: true, createNew: true, mode: 0o600 };
    const own = await unless(AlreadyExists, Deno.open(path, how));
    const file = own ??
      await unless(NotFound, Deno.open(path, { read: true, write: true }));
    if (file === undefined) continue;
    try {
      // not every file system knows locks
      await file.lock(true).catch(() => {});
      const [named, held] = [
        await unless(NotFound, Deno.lstat(path)),
        await file.stat(),
      ];
      const isSame = named?.ino === held.ino && named?.dev === held.dev;
      if (isSame && own) return own;
      if (isSame) await unless(NotFound, Deno.remove(path));
    } catch (error) {
      file.close();
      throw error;
    }
    file.close();
  }
}

/** Lets a step fill a file, and gives it the place of another; where it fails, that stays as it is. */
export async function replace(
  path: string,
  format: () => Promise<string>,
): Promise<void> {
  const beside = besideOf(path);
  using file = await hold(beside);
  try {
    await writeAll(file, new TextEncoder().encode(await format()));
    await file.sync();
    await Deno.rename(beside, path);
  } catch (error) {
    await Deno.remove(beside).catch(() => {});
    throw error;
  }
}

/** Makes sure, before anything is sent, that what comes can be kept, as far as that can be known. */
export async function tryPlace(path: string, isThere: boolean): Promise<void> {
  const beside = besideOf(path);
  for (const name of [path, beside]) {
    const { state } = Deno.permissions.querySync({ name: "write", path: name });
    if (state === "granted") continue;
    throw new NotCapable(`Requires write access to "${name}"`);
  }
  if (isThere) return;
  try {
    using _ = await hold(beside);
    await Deno.remove(beside);
  } catch (error) {
    if (error instanceof NotFound) throw new Failure("its folder is missing");
  }
}
