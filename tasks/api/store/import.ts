/**
 * Dumps: a json-server db.json, or what an api answers to `GET /db`.
 *
 * @module
 */

import { Failure } from "../../../lib/cli/errors.ts";
import { absolutePath } from "../../../lib/cli/values.ts";
import { parseJson } from "./document.ts";
import { toData } from "./schema.ts";
import type { Data } from "./store.ts";

/**
 * Reads a dump from a file or an api.
 *
 * @param source A file's path, or a URL; that of an api without a path means its `/db`.
 * @param signal Ends the wait for a response.
 * @throws {Failure} When it cannot be read, or is not JSON.
 * @throws {TypeError} When it is not an object of lists and objects.
 */
export async function readDump(
  source: string,
  signal: AbortSignal,
): Promise<Data> {
  const text = isUrl(source)
    ? await fetchText(source, signal)
    : await Deno.readTextFile(source).catch((cause) => {
      throw new Failure(`Cannot load "${absolutePath(source)}"`, { cause });
    });
  try {
    return toData(parseJson(text));
  } catch (error) {
    if (!(error instanceof SyntaxError)) throw error;
    throw new Failure(`Cannot load "${source}": ${error.message}`);
  }
}

/** Tells whether the source of a dump is a URL: `http://...`, `:3000`. */
export function isUrl(source: string): boolean {
  return /^(https?:\/\/|:\d)/i.test(source);
}

async function fetchText(source: string, signal: AbortSignal): Promise<string> {
  const { send } = await import("../../../lib/http/send.ts");
  const { parseUrl } = await import("../../get/url.ts");
  const url = parseUrl(source);
  if (url.pathname === "/") url.pathname = "/db";
  await using response = await send(
    { method: "GET", url, headers: [], typed: [] },
    { signal },
  );
  if (response.status !== 200) {
    throw new Failure(
      `Cannot load "${url}": the answer was ${response.status}`,
    );
  }
  return await new Response(ReadableStream.from(response.body)).text();
}
