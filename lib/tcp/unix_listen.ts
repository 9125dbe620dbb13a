import { Failure } from "../cli/errors.ts";
import type { Acceptor } from "./accept.ts";
import { listenFailure } from "./listen.ts";

/** What stands at a path where a socket shall be made. */
async function isDead(path: string): Promise<boolean> {
  if (!(await Deno.lstat(path)).isSocket) {
    throw new Failure(`Cannot listen on unix:${path}: it is not a socket`, {
      hint: "remove it, or listen on another path",
    });
  }
  try {
    (await Deno.connect({ transport: "unix", path })).close();
    return false;
  } catch (error) {
    return error instanceof Deno.errors.ConnectionRefused;
  }
}

/**
 * Listens on a Unix socket that only its owner may use. A socket that a killed server left behind is replaced; one
 * that a server listens on, or any other file, is left alone.
 *
 * @param path The path of the socket's file; it is removed when the listener is closed.
 * @throws {Failure} `Cannot listen on unix:PATH`, with the cause: in use, not a socket, not permitted.
 *
 * @example Its mode
 * ```ts
 * import { assertEquals } from "@std/assert";
 *
 * const path = `${await Deno.makeTempDir()}/a.sock`;
 * const listener = await listenUnix(path);
 * assertEquals(((await Deno.stat(path)).mode ?? 0) & 0o777, 0o600);
 * listener.close();
 * ```
 */
export async function listenUnix(path: string): Promise<Acceptor> {
  const open = async () => {
    const listener = Deno.listen({ transport: "unix", path });
    await Deno.chmod(path, 0o600);
    return listener;
  };
  try {
    return await open();
  } catch (error) {
    if (!(error instanceof Deno.errors.AddrInUse) || !await isDead(path)) {
      throw await listenFailure({ path }, error);
    }
    await Deno.remove(path);
    return await open();
  }
}
