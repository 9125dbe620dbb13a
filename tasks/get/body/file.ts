/**
 * Files as bodies of requests, or as values in them.
 *
 * @module
 */

import { typeByExtension } from "@std/media-types/type-by-extension";
import { Failure } from "../../../lib/cli/errors.ts";
import { absolutePath, reading } from "../../../lib/cli/values.ts";
import type { ByteSource } from "../../../lib/http/request.ts";
import { decodeText } from "../view/charset.ts";
import {
  bodyOfSource,
  createBody,
  MAX_HELD,
  type PartBody,
} from "./request_body.ts";

function sourceOf(path: string, file: Deno.FsFile): ByteSource {
  return {
    read: (buffer) => reading(path, file.read(buffer)),
    close: () => file.close(),
  };
}

/** As many bytes as were promised: what the file has gained since is not sent, and one that has lost some cannot be. */
export function exactly(
  name: string,
  source: ByteSource,
  length: number,
): ByteSource {
  let left = length;
  return {
    ...source,
    read: async (buffer) => {
      if (left === 0) return null;
      const count = await source.read(buffer.subarray(0, left));
      if (count === null) {
        throw new Failure(
          `Cannot send ${name}: it has shrunk from ${length} to ${
            length - left
          } bytes`,
        );
      }
      left -= count;
      return count;
    },
  };
}

/**
 * Opens a file as a body: up to 1 MiB in memory, as it is now; more as a stream with its length. What has no length,
 * a pipe or a device, is a stream that can be sent once.
 *
 * @throws {Failure} When it cannot be read.
 */
export async function bodyOfFile(path: string): Promise<PartBody> {
  const file = await reading(path, Deno.open(path));
  const { isFile, size } = await file.stat();
  if (!isFile || size <= MAX_HELD) {
    return { ...await bodyOfSource(sourceOf(path, file)), path };
  }
  file.close();
  const open = async () => {
    const source = sourceOf(path, await reading(path, Deno.open(path)));
    return exactly(`"${absolutePath(path)}"`, source, size);
  };
  return createBody(open, {
    length: size,
    again: true,
    path,
  });
}

/**
 * Reads a file's text, without a byte order mark.
 *
 * @throws {Failure} When it cannot be read, or is not UTF-8: other bytes could not be sent as they are.
 */
export async function readText(path: string): Promise<string> {
  const text = decodeText(await reading(path, Deno.readFile(path)));
  if (text !== undefined) return text;
  throw new Failure(
    `Cannot send the text of "${absolutePath(path)}": it is not UTF-8`,
  );
}

/** What a file holds, but for the ends of its last lines. */
export async function readValue(path: string): Promise<string> {
  const text = await readText(path);
  let end = text.length;
  while (text[end - 1] === "\n") end -= text[end - 2] === "\r" ? 2 : 1;
  return text.slice(0, end);
}

/** Types that std's table lacks, or has under an older name (RFC 9512). */
const TYPES: ReadonlyMap<string, string> = new Map([
  ["ndjson", "application/x-ndjson"],
  ["yaml", "application/yaml"],
  ["yml", "application/yaml"],
]);

/** The media type of a file, by the ending of its name; application/octet-stream, which says nothing, for any other. */
function mediaTypeOf(path: string): string {
  const ending = /\.(\w+)$/.exec(path)?.[1]?.toLowerCase() ?? "";
  return TYPES.get(ending) ?? typeByExtension(ending) ??
    "application/octet-stream";
}

/** A media type with its parameters (RFC 9110, section 8.3.1), all of it ASCII on one line. */
const TYPE =
  /^(.+);type=([\w!#$&^.+-]+\/[\w!#$&^.+*-]+(?:[ \t]*;(?:[ \t]*[\w!#$%&'*+.^`|~-]+=(?:[\w!#$%&'*+.^`|~-]+|"(?:[\t !#-[\]-~]|\\[\t -~])*"))?)*)[ \t]*$/s;

/** Splits `FILE;type=TYPE`, at the last type that is one; without a type the ending of the name tells it. */
export function splitType(text: string): { path: string; type: string } {
  const [, path = text, type] = text.match(TYPE) ?? [];
  return { path, type: type ?? mediaTypeOf(path) };
}
