/**
 * A body on its way into a file: through `FILE.part`, which goes on by itself when the connection drops.
 *
 * @module
 */

import { ExitCode, Failure, UsageError } from "../../../lib/cli/errors.ts";
import type { Io } from "../../../lib/cli/io.ts";
import { redactUrl } from "../../../lib/cli/redact.ts";
import { absolutePath } from "../../../lib/cli/values.ts";
import { cutShort } from "../../../lib/http/failure.ts";
import {
  type ByteSource,
  type HttpRequest,
  parseDate,
} from "../../../lib/http/request.ts";
import { isRepeatable, sleep } from "../../../lib/http/retry.ts";
import type { HttpResponse } from "../../../lib/http/transport.ts";
import { writeAll } from "../../../lib/net/connection.ts";
import { orAborted } from "../../../lib/net/pause.ts";
import { printBody, printHead } from "../view/body.ts";
import {
  decodesFor,
  type Destination,
  destinationOf,
  dispositionName,
  fileNameOf,
  safeName,
} from "./destination.ts";
import {
  findWhole,
  mustStay,
  openPartialFile,
  type PartialFile,
  tryFolder,
} from "./partial_file.ts";
import { formatBytes, watch } from "./progress.ts";
import {
  holdToRange,
  isUnasked,
  judge,
  type Known,
  knownOf,
  partAlone,
  rangeOf,
  requestPlain,
  requestRest,
} from "./range.ts";
import {
  canResume,
  type Download,
  isLost,
  PAUSE_MS,
  resumedBody,
} from "./resume.ts";

/** Writes a body that is looked at on its way, by hand: `writable` loses the last error of a file, such as a full disk. */
async function writeChunks(
  { body }: HttpResponse,
  file: Deno.FsFile,
): Promise<void> {
  for await (const chunk of body) await writeAll(file, chunk);
}

/** Writes a body to a device, a pipe, or a file that is named as what is open already. */
async function writeToPath(
  response: HttpResponse,
  path: string,
  options: Deno.OpenOptions,
  signal: AbortSignal,
): Promise<void> {
  // a pipe is open when somebody reads it
  using file = await orAborted(signal, Deno.open(path, options));
  await writeChunks(response, file);
}

/** Writes a stream of fetch's own, which does not pass through JavaScript. */
async function pipeStream(
  stream: ReadableStream<Uint8Array>,
  file: Deno.FsFile,
  signal: AbortSignal,
): Promise<void> {
  try {
    await stream.pipeTo(file.writable, {
      signal,
      preventClose: true,
      preventAbort: true,
    });
  } catch (error) {
    // what is aborted fails with less than its reason
    signal.throwIfAborted();
    throw error;
  }
}

const BUFFER_BYTES = 1 << 19;

/** Writes what our own socket reads, through two buffers: while one is written the other is filled. */
async function writeSource(
  source: ByteSource,
  file: Deno.FsFile,
  signal: AbortSignal,
): Promise<void> {
  const stop = () => void source.close?.();
  signal.addEventListener("abort", stop);
  if (signal.aborted) stop();
  let full = new Uint8Array(BUFFER_BYTES);
  let free = new Uint8Array(BUFFER_BYTES);
  try {
    for (let count = await source.read(full); count !== null;) {
      const writing = writeAll(file, full.subarray(0, count));
      // a reader that waits has nothing to wait for any more
      writing.catch(stop);
      const [written, read] = await Promise.allSettled([
        writing,
        source.read(free),
      ]);
      if (written.status === "rejected") throw written.reason;
      if (read.status === "rejected") throw read.reason;
      [full, free, count] = [free, full, read.value];
    }
  } catch (error) {
    // what was closed fails with less than its reason
    signal.throwIfAborted();
    throw error;
  } finally {
    signal.removeEventListener("abort", stop);
    stop();
  }
}

/**
 * Writes a response's body to a file, and shows progress on a terminal.
 *
 * @param at How many bytes are there before it.
 * @param total The length of the whole file, in bytes.
 * @throws {Failure} When the body ends too early, or the file cannot be written.
 */
async function writeBody(
  response: HttpResponse,
  { path, file, measure }: PartialFile,
  at: number,
  total: number | undefined,
  { options, io: { stderr } }: Download,
): Promise<void> {
  const isFile = file !== undefined || (await Deno.stat(path)).isFile;
  const { stream, source, signal } = response;
  const isPiped = file !== undefined && (stream || source);
  const controller = new AbortController();
  const isSilent = !stderr.isTerminal || options.quiet || options.body;
  using _ = isFile
    ? watch(file ?? path, {
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
    const either = AbortSignal.any(signals);
    // what an attempt that was aborted may still have written; a file that is made empty is slow to close
    if (file && (await file.stat()).size > at) await file.truncate(at);
    await file?.seek(at, Deno.SeekMode.Start);
    await (file === undefined
      ? writeToPath(response, path, how, either)
      : source
      ? writeSource(source, file, either)
      : stream
      ? pipeStream(stream, file, either)
      : writeChunks(response, file));
  } catch (cause) {
    const isOfBody = cause instanceof TypeError || cause instanceof Failure;
    if (!isOfBody && !isLost(cause)) {
      throw new Failure(`Cannot write "${absolutePath(path)}"`, { cause });
    }
    // a device does not tell how many it took
    const counts = file && { at: await measure(), total };
    throw cutShort(response.request.url, cause, counts);
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
  /** How it goes on, for a person. */
  readonly note?: string;
}

const REPLACE = "without -c, -o FILE replaces it";

const CHANGED = "The body has changed, starting again";

/** What a partial file is of where nobody noted it: of what has not been modified since it was written. */
function guess({ modified }: PartialFile, response: HttpResponse): Known {
  const changed = parseDate(response.headers.get("last-modified") ?? "");
  return modified !== undefined && changed !== undefined &&
      changed < modified.getTime()
    ? knownOf(response)
    : { total: -1 };
}

/** Says of a body that it is not saved as it came, though that was asked for. */
async function noteDecoded(
  { status, headers, isKept, unknownCoding }: HttpResponse,
  { printNote }: Download,
): Promise<void> {
  const coding = headers.get("content-encoding") ?? "";
  const isAsItCame = isKept || unknownCoding !== undefined || status === 206;
  if (isAsItCame || /^(identity)?$/i.test(coding)) return;
  await printNote(`Decoded: it came as ${coding}; --raw keeps that\n`);
}

/** Asks once for what is missing, and saves what comes of it. */
async function saveMissing(
  file: PartialFile,
  { size, known, error }: State,
  exchange: Download & Pick<Destination, "isNew">,
): Promise<State> {
  const { request, options, io, printNote, isNew } = exchange;
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
  const isStranger = size > 0 && known === undefined;
  const isAgain = step === "again" || step === "start";
  if (isStranger && isAgain && file.isForeign) {
    throw new Failure(
      `Cannot go on with "${
        absolutePath(file.path)
      }": nothing tells that it is a part of this`,
      { hint: "move it away to start again" },
    );
  }
  const note = isStranger
    ? `Nothing tells what ${redactUrl(file.path)} is a part of, starting again`
    : CHANGED;
  if (step === "again") return { size: 0, error, note };
  if (step === "other" && error !== undefined) throw error;
  if (error === undefined) await printHead(response, io, options);
  if (step === "part") throw partAlone(response);
  if (step === "other") {
    await printBody(response, io, options);
    return { size, other: response.status };
  }
  const found = foundOf(response, exchange);
  const isOther = isStranger || size > 0 &&
      (found.validator !== known?.validator || found.etag !== known?.etag ||
        found.total !== known?.total);
  if (step === "start" && isOther) await printNote(`${note}\n`);
  const now = step === "start" ? found : {
    ...expected,
    validator: expected.validator ?? found.validator,
    total: expected.total ?? found.total,
  };
  const { status } = response;
  if (step === "start" && isNew && (status === 204 || status === 205)) {
    await printNote("Saved nothing: there is no body\n");
    return { size, other: status };
  }
  if (error === undefined) await noteDecoded(response, exchange);
  if (step === "start") await file.start(now);
  // what is noted nowhere could not be told from a file of somebody else's
  else if (isStranger) await file.keep(now);
  const { part, isExact } = step === "append"
    ? holdToRange(response)
    : { part: response, isExact: () => true };
  const at = step === "start" ? 0 : size;
  try {
    await writeBody(part, file, at, now.total, exchange);
    const size = await file.measure();
    const early = new Failure("it ended", { code: ExitCode.CutShort });
    const counts = { at: size, total: now.total };
    if (!isExact()) {
      const error = cutShort(request.url, early, counts);
      return { size: 0, error, note: CHANGED };
    }
    if (size === (now.total ?? size)) return { size, isWhole: true };
    throw cutShort(request.url, early, counts);
  } catch (error) {
    const size = await file.measure();
    const note = `Cut short after ${size} bytes, going on`;
    return { size, known: now, error, note };
  }
}

/** Asks for what is missing until nothing is, or another response has come. */
async function saveAll(
  file: PartialFile,
  exchange: Download & Pick<Destination, "isNew">,
): Promise<State> {
  const { request, retry, printNote } = exchange;
  let state: State = file;
  // as long as there is progress there is hope
  for (let [tries, most] = [-1, file.size]; !state.isWhole;) {
    const before = state;
    state = await saveMissing(file, before, exchange).catch((error) => {
      throw error === before.error ? withHint(error, before, file) : error;
    });
    const { size, known, error, other } = state;
    if (other !== undefined) return state;
    let { note } = state;
    if (error !== undefined) {
      const goesOn = size > 0 && canResume(request, known ?? {}, error);
      tries = goesOn && size > most ? 0 : tries + 1;
      most = Math.max(most, size);
      if (tries >= retry || !isLost(error) || !isRepeatable(request)) {
        throw withHint(error, state, file);
      }
      if (!goesOn && size > 0) {
        note = `Cut short after ${size} bytes, starting again`;
        state = { size: 0, error };
      }
      await sleep(PAUSE_MS, exchange.io.signal);
    }
    if (note !== undefined) await printNote(`${note}\n`);
  }
  return state;
}

/** Rejects on a first signal. */
function interruption({ signal, drain }: Io): Promise<never> {
  drain();
  const { promise, reject } = Promise.withResolvers<never>();
  signal.onabort = () => {
    const code = signal.reason === ExitCode.Terminated
      ? ExitCode.Terminated
      : ExitCode.Interrupted;
    reject(new Failure("Interrupted", { code }));
  };
  return promise;
}

/** What the head of a response to a request for all of a body tells about the file. */
function foundOf(response: HttpResponse, { request }: Download): Known {
  // the length in the head is that of a body that does not come, or of more than comes
  const isLess = response.status === 204 || request.typed.includes("range");
  return isLess ? {} : knownOf(response);
}

/** Writes a body to a device or a pipe, which cannot give back what it has. */
async function writeToDevice(
  file: PartialFile,
  exchange: Download,
): Promise<number> {
  const { request, options, io, sendNext } = exchange;
  await using response = await sendNext(requestPlain(request));
  await printHead(response, io, options);
  if (judge(response, 0, {}) === "other") {
    await printBody(response, io, options);
    return response.status;
  }
  await noteDecoded(response, exchange);
  const body = resumedBody(exchange, response);
  const { total } = foundOf(response, exchange);
  await writeBody(
    { ...response, stream: null, source: undefined, body },
    file,
    0,
    total,
    exchange,
  );
  if (isUnasked(response)) throw partAlone(response);
  return response.status;
}

/**
 * Asks by its last byte whether a file that is there is whole.
 *
 * @returns What it is a part of, where it lacks its end; `whole`, or the status of a response that was printed.
 * @throws {Failure} When it is something else, or may be.
 */
async function checkWhole(
  { path, size, mtime }: Pick<Deno.FileInfo, "size" | "mtime"> & {
    readonly path: string;
  },
  { request, options, io, sendNext }: Download,
): Promise<Known | "whole" | number> {
  const last = size - 1;
  const asked = requestRest(request, last, {}, last);
  await using response = await sendNext(asked);
  const { status, headers } = response;
  if (status !== 416 && (status < 200 || status > 299)) {
    await printHead(response, io, options);
    await printBody(response, io, options);
    return status;
  }
  const { start, total: length } = rangeOf(headers);
  const known = knownOf(response);
  const isFit = status !== 206 || start === last;
  const total = status === 416 ? length : known.total;
  const changed = parseDate(known.modified ?? "");
  const written = mtime?.getTime() ?? 0;
  const isOlder = changed !== undefined && changed > written;
  if (isFit && total === size && !isOlder) return "whole";
  if (
    status === 206 && isFit && total !== undefined && total > size &&
    changed !== undefined && changed < written
  ) return known;
  const why = isOlder
    ? "it is older than what is there now"
    : total !== undefined && total < size
    ? `it has more than the ${total} bytes that are there now`
    : status === 206
    ? "nothing tells that it is a part of what is there now"
    : "the server gives no part of it";
  throw mustStay(path, why, REPLACE);
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
  asked: Download,
): Promise<number | undefined> {
  const { request, options, printNote } = asked;
  const named = destinationOf(request.url, options);
  if (options.method === "HEAD" && options.output !== "-") {
    await printNote("Saved nothing: there is no body\n");
  }
  if (named === undefined) return undefined;
  if (options.continue && request.typed.includes("range")) {
    throw new UsageError("Cannot use --continue and a Range header together");
  }
  const url = redactUrl(request.url.href);
  const whole = await findWhole(named);
  if (whole !== undefined && request.method !== "GET") {
    throw mustStay(whole.path, "it exists already", REPLACE);
  }
  const names = options.remoteHeaderName ? [] : [named.path];
  const decodes = decodesFor(request, names, options.raw);
  const plain: Download = {
    ...asked,
    sendNext: (request) => asked.sendNext(request, { decodes }),
  };
  const found = whole && await checkWhole(whole, plain);
  if (typeof found === "number") return found;
  if (found === "whole") {
    await printNote(`${redactUrl(named.path)} is whole already\n`);
    return 200;
  }
  if (options.remoteHeaderName) await tryFolder(".");
  await using first = options.remoteHeaderName
    ? await plain.sendNext(requestPlain(request))
    : undefined;
  if (first && judge(first, 0, {}) === "other") {
    await printHead(first, plain.io, options);
    await printBody(first, plain.io, options);
    return first.status;
  }
  const destination = first ? nameOf(first, request.url) : named;
  await using file = await openPartialFile(destination, url, found);
  let isFirst = first !== undefined;
  const exchange = {
    ...plain,
    isNew: destination.isNew,
    sendNext: (request: HttpRequest) => {
      if (!isFirst || first === undefined) return plain.sendNext(request);
      isFirst = false;
      return Promise.resolve(first);
    },
  };
  if (file.isDevice) return await writeToDevice(file, exchange);
  const saving = saveAll(file, exchange);
  // a part that has no note would be found by nobody
  const end =
    await (file.isNoted
      ? saving
      : Promise.race([saving, interruption(exchange.io)]));
  if (end.other !== undefined) return end.other;
  await file.finish();
  const path = redactUrl(
    isTaskFolder() ? absolutePath(destination.path) : destination.path,
  );
  await printNote(`Saved ${path} (${formatBytes(end.size)})\n`);
  return 200;
}

/** Whether this is the folder that `deno task` starts in, wherever the user stands. */
function isTaskFolder(): boolean {
  const own = import.meta.dirname?.replaceAll("\\", "/");
  return own === `${Deno.cwd().replaceAll("\\", "/")}/tasks/get/download`;
}

/** `-J`: where a response is saved by the name that it gives, else by that of the URL; never over a file. */
function nameOf({ headers }: HttpResponse, url: URL): Destination {
  const given = dispositionName(headers.get("content-disposition") ?? "");
  const path = safeName(given ?? "") ?? fileNameOf(url);
  return { path, isNew: true, resume: false };
}

/** What ends a download, with how to go on where what is there can be gone on with. */
function withHint(
  error: unknown,
  { size, known = {} }: State,
  { isNoted }: PartialFile,
): unknown {
  const { validator, since } = known;
  const isLeft = size > 0 && isNoted && isLost(error) &&
    (validator ?? since) !== undefined;
  return isLeft && error instanceof Failure
    ? new Failure(error.message, {
      cause: error.cause,
      hint: "what is there stays: -c goes on with it",
    })
    : error;
}
