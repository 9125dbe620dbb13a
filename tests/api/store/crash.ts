/**
 * The api killed in the middle of its work: what it said was written must be there.
 *
 * @module
 */

import { DatabaseSync } from "node:sqlite";
import { startDaemon } from "../../daemon.ts";
import { ROOT } from "../../support.ts";

const WRITERS = 8;

/** What is left after some crashes. */
export interface Remains {
  /** How many writes were acknowledged. */
  readonly acknowledged: number;
  /** How many of them are not there. */
  readonly lost: number;
  /** What SQLite says of the file: `ok`. */
  readonly integrity: string;
}

/**
 * Lets 8 writers post at once, kills the api with SIGKILL, and does so again with the same file.
 *
 * @param path The database's file.
 * @param rounds How many times.
 */
export async function crash(path: string, rounds: number): Promise<Remains> {
  const acknowledged = new Map<number, string>();
  for (let round = 0; round < rounds; round++) {
    const wanted = acknowledged.size + 100 + round * 37;
    await using api = startDaemon([
      ...[Deno.execPath(), "run", "-A"],
      `${ROOT}tasks/api.ts`,
      ...[path, "--host", "127.0.0.1", "--port", "0"],
    ], "lines");
    let url: string | undefined;
    while (url === undefined) {
      const line = await api.line();
      if (line === undefined) throw new Error("Cannot start the api: it ended");
      url = line.match(/http:\S+?(?=\/?$)/)?.[0];
    }
    const drained = (async () => {
      while (await api.line() !== undefined);
    })();
    const write = async (writer: number) => {
      for (let n = 0;; n++) {
        const title = `${round} ${writer} ${n}`;
        const response = await fetch(`${url}/posts`, {
          method: "POST",
          body: JSON.stringify({ title }),
        });
        const { id } = await response.json();
        if (response.status !== 201) {
          throw new Error(`Cannot post: ${response.status}`);
        }
        acknowledged.set(id, title);
        if (acknowledged.size === wanted) Deno.kill(api.pid, "SIGKILL");
      }
    };
    const writers = Array.from(
      { length: WRITERS },
      (_, writer) => write(writer),
    );
    await Promise.allSettled(writers);
    await Promise.all([api.ended, drained]);
    if (acknowledged.size < wanted) {
      throw new Error("Cannot post: the api stopped answering");
    }
  }
  return examine(path, acknowledged);
}

/** Looks for what was acknowledged, titles by id, in the database's file. */
export function examine(
  path: string,
  acknowledged: ReadonlyMap<number, string>,
): Remains {
  using db = new DatabaseSync(path);
  const find = db.prepare(
    "select json from documents where kind = 'posts' and id = ?",
  );
  const isLost = ([id, title]: [number, string]) =>
    JSON.parse(String(find.get(id)?.json ?? "{}")).title !== title;
  return {
    acknowledged: acknowledged.size,
    lost: [...acknowledged].filter(isLost).length,
    integrity: String(
      db.prepare("pragma integrity_check").get()?.integrity_check,
    ),
  };
}
