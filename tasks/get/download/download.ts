/**
 * A body on its way into a file: through `FILE.part`, which goes on by itself when the connection drops.
 *
 * @module
 */

import { ExitCode, Failure } from "../../../lib/cli/errors.ts";
import { cutShort } from "../../../lib/http/failure.ts";
import { redactUrl } from "../../../lib/http/redact.ts";
import type { HttpResponse } from "../../../lib/http/transport.ts";
import {
  dropEmpty,
  finishPart,
  openPart,
  type Part,
  startPart,
  type Target,
} from "./partial_file.ts";
import { writeBody, type WriteBodyOptions } from "./pour.ts";
import { formatBytes } from "./progress.ts";
import {
  judge,
  type Known,
  knownOf,
  requestPlain,
  requestRest,
} from "./range.ts";
import { canResume, isLost, type Tools } from "./resume.ts";

/** What a download takes besides what it takes to go on. */
export interface DownloadTools extends Tools, Omit<WriteBodyOptions, "total"> {
  /** Shows the head of the response whose body is saved. */
  readonly printHead: (response: HttpResponse) => Promise<void>;
  /** Shows a response that is not saved, such as a 404. */
  readonly showOther: (response: HttpResponse) => Promise<void>;
}

/** Where a download stands. */
interface State {
  /** How many bytes are there. */
  readonly size: number;
  /** What they are of. */
  readonly known?: Known | undefined;
  /** Whether nothing is missing. */
  readonly isWhole?: boolean;
  /** The status of a response that was shown, not saved. */
  readonly other?: number;
  /** Why the body ended too early. */
  readonly error?: unknown;
}

/** An error that says how to go on in another run. */
function withHint(error: unknown): unknown {
  return error instanceof Failure && isLost(error)
    ? new Failure(error.message, {
      cause: error.cause,
      hint: "what is there stays: -c goes on with it",
    })
    : error;
}

/** What a part is of where nobody noted it: of what has not been modified since the part was written. */
function guess({ modified }: Part, { headers }: HttpResponse): Known {
  const changed = Date.parse(headers.get("last-modified") ?? "");
  return modified !== undefined && changed < modified.getTime()
    ? { validator: headers.get("etag") ?? undefined }
    : { total: -1 };
}

/** Asks once for what is missing, and saves what comes of it. */
async function attempt(
  part: Part,
  { size, known, error }: State,
  tools: DownloadTools,
): Promise<State> {
  const { request, send } = tools;
  const rest = size > 0
    ? requestRest(request, size, known ?? {})
    : requestPlain(request);
  // when the way is lost, what cut the body short says more
  await using response = await send(rest).catch((cause) => {
    throw error ?? cause;
  });
  const expected = known ?? guess(part, response);
  const step = judge(response, size, expected);
  if (step === "whole") return { size, isWhole: true };
  if (step === "again") return { size: 0, error };
  if (step === "other") {
    if (error !== undefined) throw error;
    await tools.showOther(response);
    return { size, other: response.status };
  }
  if (error === undefined) await tools.printHead(response);
  // the length in the head is that of a body that does not come, or of more than comes
  const isLess = request.method === "HEAD" || response.status === 204 ||
    request.typed.includes("range");
  const found = isLess ? {} : knownOf(response);
  const now = step === "start" ? found : {
    validator: expected.validator ?? found.validator,
    total: expected.total ?? found.total,
  };
  if (step === "start") await startPart(part, now);
  const sizeNow = async () => (await Deno.stat(part.path)).size;
  try {
    await writeBody(response, part.path, { ...tools, total: now.total });
    const size = await sizeNow();
    if (part.note === undefined || size === (now.total ?? size)) {
      return { size, isWhole: true };
    }
    const early = new Failure("it ended", { code: ExitCode.CutShort });
    throw cutShort(request.url, early, { at: size, total: now.total });
  } catch (error) {
    return { size: await sizeNow(), known: now, error };
  }
}

/**
 * Downloads a body into a file.
 *
 * @param target Where to.
 * @param tools What it takes.
 * @returns The status that counts: 200 when the file is whole, else that of the response that was shown instead.
 * @throws {Failure} When the body cannot be read to its end, or the file not be written; what is there stays as a part.
 */
export async function download(
  target: Target,
  tools: DownloadTools,
): Promise<number> {
  const { request, retry, say } = tools;
  const part = await openPart(target, redactUrl(request.url.href));
  try {
    let state: State = part;
    for (let [tries, most] = [0, part.size]; !state.isWhole;) {
      state = await attempt(part, state, tools);
      const { size, known, error, other } = state;
      if (other !== undefined) return other;
      if (error === undefined) continue;
      // as long as there is progress there is hope; the first bytes need nothing to be told by
      tries = size > most ? 0 : tries + 1;
      most = Math.max(most, size);
      const has = size > 0 ? known ?? {} : { validator: "any" };
      if (tries >= retry || !canResume(request, has, error)) {
        throw part.note === undefined || known?.validator === undefined
          ? error
          : withHint(error);
      }
      await say(`Cut short after ${size} bytes, going on\n`);
    }
    if (part.note === undefined) return 200;
    await finishPart(target);
    await say(`Saved ${target.path} (${formatBytes(state.size)})\n`);
    return 200;
  } finally {
    await dropEmpty(part);
  }
}
