/**
 * The api killed in the middle of its work: what it acknowledged must be there.
 *
 * @module
 */

import { DatabaseSync } from "node:sqlite";
import { startListener } from "../../daemon.ts";
import { ROOT } from "../../support.ts";

const WRITERS = 8;

/** What is left after some crashes. */
interface Remains {
  /** How many writes were acknowledged, and how many of them are not there. */
  readonly acknowledged: number;
  readonly lost: number;
  /** SQLite's verdict on the file: `ok`. */
  readonly integrity: string;
}

/** Lets 8 writers post at once, kills the api with SIGKILL, and does so again and again with the same file. */
export async function crash(path: string, rounds: number): Promise<Remains> {
  const acknowledged = new Map<number, string>();
  for (let round = 0; round < rounds; round++) {
    const wanted = acknowledged.size + 100 + round * 37;
    await using api = await startListener([
      ...[Deno.execPath(), "run", "-A", `${ROOT}tasks/api.ts`],
      ...[path, "--host", "127.0.0.1", "--port", "PORT"],
    ]);
    const write = async (_: unknown, writer: number) => {
      for (let n = 0;; n++) {
        const title = `${round} ${writer} ${n}`;
        const response = await fetch(`http://127.0.0.1:${api.port}/posts`, {
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
    await Promise.allSettled(Array.from({ length: WRITERS }, write));
    await api.ended;
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
  const [check] = db.prepare("pragma integrity_check").all();
  return {
    acknowledged: acknowledged.size,
    lost: [...acknowledged].filter(isLost).length,
    integrity: String(check?.integrity_check),
  };
}
