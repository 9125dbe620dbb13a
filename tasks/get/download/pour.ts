/**
 * A body that flows into a file.
 *
 * @module
 */

import { Failure } from "../../../lib/cli/errors.ts";
import type { Output } from "../../../lib/cli/io.ts";
import { absolutePath } from "../../../lib/cli/values.ts";
import { cutShort } from "../../../lib/http/failure.ts";
import type { HttpResponse } from "../../../lib/http/transport.ts";
import { watch } from "./progress.ts";
import { isLost } from "./resume.ts";

/** How a body flows. */
export interface WriteBodyOptions {
  /** The length of the whole file, in bytes. */
  readonly total?: number | undefined;
  /** Where progress is shown, if it is. */
  readonly progress?: Output | undefined;
  /** How long to wait for the next bytes, in ms. */
  readonly idle?: number | undefined;
}

/** Words what ended a body too early: the file or the connection. */
async function wordEnd(
  cause: unknown,
  path: string,
  { request: { url } }: HttpResponse,
  total: number | undefined,
): Promise<Failure> {
  if (cause instanceof TypeError || cause instanceof Failure || isLost(cause)) {
    const { size } = await Deno.stat(path);
    return cutShort(url, cause, { at: size, total });
  }
  return new Failure(`Cannot write "${absolutePath(path)}"`, { cause });
}

/** A body that is looked at on its way is written by hand: `writable` loses the last error of a file, such as a full disk. */
async function drain(
  { body }: HttpResponse,
  path: string,
  options: Deno.OpenOptions,
): Promise<void> {
  using file = await Deno.open(path, options);
  for await (const chunk of body) {
    for (let at = 0; at < chunk.length;) {
      at += await file.write(chunk.subarray(at));
    }
  }
}

/** A stream of fetch's own flows into a file without passing through JavaScript. */
async function flow(
  stream: ReadableStream<Uint8Array>,
  path: string,
  signals: readonly AbortSignal[],
): Promise<void> {
  const file = await Deno.open(path, { append: true });
  try {
    await stream.pipeTo(file.writable, {
      signal: AbortSignal.any([...signals]),
    });
  } catch (error) {
    // what is aborted fails with less than its reason
    throw signals.find(({ aborted }) => aborted)?.reason ?? error;
  }
}

/**
 * Appends a response's body to a file.
 *
 * @param response The response.
 * @param path The file; a device or a pipe takes the bytes as well.
 * @param options What is known and shown meanwhile.
 * @throws {Failure} When the body ends too early, or the file cannot be written.
 */
export async function writeBody(
  response: HttpResponse,
  path: string,
  { total, progress, idle }: WriteBodyOptions = {},
): Promise<void> {
  const { isFile } = await Deno.stat(path);
  const { stream, signal } = response;
  const isFlow = isFile && stream;
  const controller = new AbortController();
  const late = (failure: Failure) => controller.abort(failure);
  // a body that is read by hand has a limit of its own; a device does not grow
  using _ = isFile
    ? watch(path, { total, progress, idle: isFlow ? idle : 0, late })
    : undefined;
  const signals = [controller.signal, ...signal ? [signal] : []];
  try {
    await (isFlow
      ? flow(stream, path, signals)
      : drain(response, path, isFile ? { append: true } : { write: true }));
  } catch (cause) {
    throw await wordEnd(cause, path, response, total);
  }
}
