/**
 * A body on its way into a file: through `FILE.part`, which goes on by itself when the connection drops.
 *
 * @module
 */

import { ExitCode, Failure, UsageError } from "../../../lib/cli/errors.ts";
import { redactUrl } from "../../../lib/cli/redact.ts";
import { absolutePath } from "../../../lib/cli/values.ts";
import { cutShort } from "../../../lib/http/failure.ts";
import type { HttpResponse } from "../../../lib/http/transport.ts";
import { writeAll } from "../../../lib/net/connection.ts";
import { printBody, printHead } from "../view/body.ts";
import { destinationOf } from "./destination.ts";
import { openPartialFile, type PartialFile } from "./partial_file.ts";
import { formatBytes, watch } from "./progress.ts";
import {
  judge,
  type Known,
  knownOf,
  requestPlain,
  requestRest,
} from "./range.ts";
import { canResume, type Download, isLost } from "./resume.ts";

/** Writes a body that is looked at on its way, by hand: `writable` loses the last error of a file, such as a full disk. */
async function writeChunks(
  { body }: HttpResponse,
  path: string,
  options: Deno.OpenOptions,
): Promise<void> {
  using file = await Deno.open(path, options);
  for await (const chunk of body) await writeAll(file, chunk);
}

/** Writes a stream of fetch's own, which does not pass through JavaScript. */
async function pipeStream(
  stream: ReadableStream<Uint8Array>,
  path: string,
  signal: AbortSignal,
): Promise<void> {
  const file = await Deno.open(path, { append: true });
  try {
    await stream.pipeTo(file.writable, { signal });
  } catch (error) {
    // what is aborted fails with less than its reason
    signal.throwIfAborted();
    throw error;
  }
}

/**
 * Appends a response's body to a file, and shows progress on a terminal.
 *
 * @param path The file; a device or a pipe takes the bytes as well.
 * @param total The length of the whole file, in bytes.
 * @throws {Failure} When the body ends too early, or the file cannot be written.
 */
async function writeBody(
  response: HttpResponse,
  path: string,
  total: number | undefined,
  { options, io: { stderr } }: Download,
): Promise<void> {
  const { isFile } = await Deno.stat(path);
  const { stream, signal } = response;
  const isPiped = isFile && stream;
  const controller = new AbortController();
  const isSilent = !stderr.isTerminal || options.quiet || options.body;
  using _ = isFile
    ? watch(path, {
      total,
      progress: isSilent ? undefined : stderr,
      // a body that is read by hand has a limit of its own
      idle: isPiped ? options.timeout.idle : 0,
      late: (failure) => controller.abort(failure),
    })
    // a device does not grow
    : undefined;
  const signals = [controller.signal, ...signal ? [signal] : []];
  const how = isFile ? { append: true } : { write: true };
  try {
    await (isPiped
      ? pipeStream(stream, path, AbortSignal.any(signals))
      : writeChunks(response, path, how));
  } catch (cause) {
    const isOfBody = cause instanceof TypeError || cause instanceof Failure;
    if (!isOfBody && !isLost(cause)) {
      throw new Failure(`Cannot write "${absolutePath(path)}"`, { cause });
    }
    const { size } = await Deno.stat(path);
    throw cutShort(response.request.url, cause, { at: size, total });
  }
}

/** Where a download stands. */
interface State {
  /** How many bytes are there. */
  readonly size: number;
  /** What they are of. */
  readonly known?: Known | undefined;
  /** Whether nothing is missing. */
  readonly isWhole?: boolean;
  /** The status of a response that was printed, not saved. */
  readonly other?: number;
  /** Why the body ended too early. */
  readonly error?: unknown;
}

/** What a partial file is of where nobody noted it: of what has not been modified since it was written. */
function guess({ modified }: PartialFile, { headers }: HttpResponse): Known {
  const changed = Date.parse(headers.get("last-modified") ?? "");
  return modified !== undefined && changed < modified.getTime()
    ? { validator: headers.get("etag") ?? undefined }
    : { total: -1 };
}

/** Asks once for what is missing, and saves what comes of it. */
async function saveMissing(
  file: PartialFile,
  { size, known, error }: State,
  exchange: Download,
): Promise<State> {
  const { request, options, io } = exchange;
  const rest = size > 0
    ? requestRest(request, size, known ?? {})
    : requestPlain(request);
  // when the way is lost, what cut the body short says more
  await using response = await exchange.sendNext(rest).catch((cause) => {
    throw error ?? cause;
  });
  const expected = known ?? guess(file, response);
  const step = judge(response, size, expected);
  if (step === "whole") return { size, isWhole: true };
  if (step === "again") return { size: 0, error };
  if (step === "other" && error !== undefined) throw error;
  if (error === undefined) await printHead(response, io, options);
  if (step === "other") {
    await printBody(response, io.stdout, options);
    return { size, other: response.status };
  }
  // the length in the head is that of a body that does not come, or of more than comes
  const isLess = request.method === "HEAD" || response.status === 204 ||
    request.typed.includes("range");
  const found = isLess ? {} : knownOf(response);
  const now = step === "start" ? found : {
    validator: expected.validator ?? found.validator,
    total: expected.total ?? found.total,
  };
  if (step === "start") await file.start(now);
  const sizeNow = async () => (await Deno.stat(file.path)).size;
  try {
    await writeBody(response, file.path, now.total, exchange);
    const size = await sizeNow();
    if (file.isDevice || size === (now.total ?? size)) {
      return { size, isWhole: true };
    }
    const early = new Failure("it ended", { code: ExitCode.CutShort });
    throw cutShort(request.url, early, { at: size, total: now.total });
  } catch (error) {
    return { size: await sizeNow(), known: now, error };
  }
}

/**
 * Gets a body into a file; a response that is not that body, such as a 404, is printed instead.
 *
 * @returns The status that counts: 200 when the file is whole, else that of the response that was printed; undefined
 * where no file was asked for.
 * @throws {UsageError} When a part of the body is asked for already.
 * @throws {Failure} When the body cannot be read to its end, or the file not be written; a partial file stays.
 */
export async function download(
  exchange: Download,
): Promise<number | undefined> {
  const { request, options, retry, printNote } = exchange;
  const destination = destinationOf(request.url, options);
  if (destination === undefined) return undefined;
  if (options.continue && request.typed.includes("range")) {
    throw new UsageError("Cannot use --continue and a Range header together");
  }
  const url = redactUrl(request.url.href);
  await using file = await openPartialFile(destination, url);
  let state: State = file;
  for (let [tries, most] = [0, file.size]; !state.isWhole;) {
    state = await saveMissing(file, state, exchange);
    const { size, known, error, other } = state;
    if (other !== undefined) return other;
    if (error === undefined) continue;
    // as long as there is progress there is hope; the first bytes need nothing to be told by
    tries = size > most ? 0 : tries + 1;
    most = Math.max(most, size);
    const has = size > 0 ? known ?? {} : { validator: "any" };
    if (tries >= retry || !canResume(request, has, error)) {
      const isLeft = !file.isDevice && known?.validator !== undefined;
      if (!isLeft || !isLost(error) || !(error instanceof Failure)) throw error;
      throw new Failure(error.message, {
        cause: error.cause,
        hint: "what is there stays: -c goes on with it",
      });
    }
    await printNote(`Cut short after ${size} bytes, going on\n`);
  }
  if (file.isDevice) return 200;
  await file.finish();
  const path = redactUrl(destination.path);
  await printNote(`Saved ${path} (${formatBytes(state.size)})\n`);
  return 200;
}
