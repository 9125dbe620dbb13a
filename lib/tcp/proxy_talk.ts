/**
 * What the talks with all proxies have in common: exact reads, whole writes, refusals.
 *
 * @module
 */

import { Failure } from "../cli/errors.ts";
import { ExitCode } from "../cli/exit_code.ts";
import type { Socket } from "./connection.ts";
import type { Proxy } from "./proxy.ts";

/** What a proxy is talked to with. */
export type Talk = Pick<Socket, "read" | "write">;

/**
 * A refusal: exit code 7, as nothing can be connected to.
 *
 * @param why In words.
 * @param hint What to do about it.
 *
 * @example Its words and its code
 * ```ts
 * import { assertEquals } from "@std/assert";
 *
 * assertEquals(refused("the proxy closed the connection").code, 7);
 * ```
 */
export function refused(why: string, hint?: string): Failure {
  return new Failure(why, { code: ExitCode.Unreachable, hint });
}

/**
 * Reads so many bytes and not one more: what follows is the target's.
 *
 * @throws {Failure} When the proxy closes before that.
 *
 * @example Two of three
 * ```ts
 * import { assertEquals } from "@std/assert";
 *
 * const talk = { read: (buffer: Uint8Array) => Promise.resolve(buffer.length), write: () => Promise.resolve(0) };
 * assertEquals(await take(talk, 2), new Uint8Array(2));
 * ```
 */
export async function take(talk: Talk, length: number): Promise<Uint8Array> {
  const bytes = new Uint8Array(length);
  for (let done = 0; done < length;) {
    const count = await talk.read(bytes.subarray(done));
    if (count === null) throw refused("the proxy closed the connection");
    done += count;
  }
  return bytes;
}

/**
 * Writes all bytes.
 *
 * @example One byte at a time
 * ```ts
 * import { assertEquals } from "@std/assert";
 *
 * let count = 0;
 * const talk = { read: () => Promise.resolve(null), write: () => Promise.resolve(Math.sign(++count)) };
 * await say(talk, new Uint8Array(3));
 * assertEquals(count, 3);
 * ```
 */
export async function say(talk: Talk, bytes: Uint8Array): Promise<void> {
  for (let done = 0; done < bytes.length;) {
    done += await talk.write(bytes.subarray(done));
  }
}

/**
 * A refusal for want of credentials; the hint says how to give them.
 *
 * @example None were given
 * ```ts
 * import { assertEquals } from "@std/assert";
 * import { parseProxy } from "./proxy.ts";
 *
 * const failure = wantsCredentials(parseProxy("http://localhost:3128"));
 * assertEquals(failure.message, "the proxy wants a user and a password");
 * ```
 */
export function wantsCredentials({ protocol, username }: Proxy): Failure {
  return refused(
    username === ""
      ? "the proxy wants a user and a password"
      : "the proxy refused the user or the password",
    `--proxy ${protocol}://USER:PASSWORD@HOST:PORT`,
  );
}
