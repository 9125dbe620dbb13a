/**
 * Standard input as a body: with its length and as often as it is wanted, where that can be.
 *
 * @module
 */

import { Failure } from "../../../lib/cli/errors.ts";
import type { Input } from "../../../lib/cli/io.ts";
import {
  bodyOfSource,
  createBody,
  MAX_HELD,
  type PartBody,
} from "./request_body.ts";

/** How many bytes of a pipe are waited for and held, 8 MiB: some servers take what comes in chunks for nothing. */
const MAX_PIPED = 8 << 20;

const READ_BYTES = 1 << 20;

type Look = Awaited<ReturnType<NonNullable<Input["look"]>>>;

/** Whether it can be read again: what is a file for its system need not be one for Node. */
function canReadAgain(stdin: Look): stdin is Required<NonNullable<Look>> {
  try {
    return stdin?.size !== undefined &&
      stdin.readAt?.(new Uint8Array(1), 0) !== undefined;
  } catch {
    return false;
  }
}

/**
 * What is left of a file, from where whoever had it before has stopped. That place nobody tells without a permission:
 * the bytes are counted to the end, whose place is known.
 *
 * @param length How many were read before.
 */
async function measure(stdin: Input, length: number) {
  const buffer = new Uint8Array(READ_BYTES);
  let size: number | undefined;
  for (let isEnd = false; !isEnd;) {
    const count = await stdin.read(buffer);
    length += count ?? 0;
    if (count !== null) size = undefined;
    // it may have grown: the end is one when nothing comes after it was measured
    isEnd = count === null && size !== undefined;
    if (count === null) size = (await stdin.look?.())?.size;
  }
  return { start: (size ?? length) - length, length };
}

/** What is held of a pipe is sent as a large file is: slowly, where the way is slow. */
function withoutBytes(body: PartBody): PartBody {
  const { bytes, ...rest } = body;
  return bytes === undefined || bytes.length <= MAX_HELD
    ? body
    : { ...rest, path: "-" };
}

/**
 * Makes a body of standard input. Up to 8 MiB are held, to be sent with their length and as often as it is wanted; a
 * file that has more is read where it is for that, and a pipe that has more is sent once, in chunks.
 *
 * @param live Whether it is sent as it comes.
 * @throws {Failure} When it cannot be read.
 */
export async function bodyOfStdin(
  stdin: Input,
  live: boolean,
): Promise<PartBody> {
  let held = 0;
  const read: Input["read"] = async (buffer) => {
    const count = await stdin.read(buffer);
    held += count ?? 0;
    return count;
  };
  const body = await bodyOfSource({ read }, live ? 0 : MAX_PIPED);
  if (live || body.length !== undefined) return withoutBytes(body);
  // costs 40 ms: what is small does without
  const found = await stdin.look?.();
  if (!canReadAgain(found)) return body;
  const { readAt } = found;
  const { exactly } = await import("./file.ts");
  const { start, length } = await measure(stdin, held);
  const open = () => {
    let at = start;
    const read = (buffer: Uint8Array) => {
      try {
        const count = readAt(buffer, at);
        at += count;
        return Promise.resolve(count === 0 ? null : count);
      } catch (cause) {
        throw new Failure("Cannot read stdin", { cause });
      }
    };
    return Promise.resolve(exactly("stdin", { read }, length));
  };
  return createBody(open, { length, again: true, path: "-" });
}
