/**
 * How a stream of events goes on where it ends or is cut off: as EventSource does (WHATWG HTML, section 9.2).
 *
 * @module
 */

import {
  ExitCode,
  exitCodeForStatus,
  Failure,
} from "../../../lib/cli/errors.ts";
import { describe } from "../../../lib/cli/reasons.ts";
import { redactUrl } from "../../../lib/cli/redact.ts";
import { cutShort } from "../../../lib/http/failure.ts";
import {
  fromByteString,
  fromLatin1,
  type HttpRequest,
  trimBlanks,
} from "../../../lib/http/request.ts";
import { LONGEST_MS, pauseAfter, sleep } from "../../../lib/http/retry.ts";
import type { HttpResponse } from "../../../lib/http/transport.ts";
import { type Download, isLost, PAUSE_MS } from "../download/resume.ts";
import { createEventReader } from "./events.ts";
import { isEvents } from "./view.ts";

/** The pause until the server says another one, and the longest that a timer knows, in ms. */
const WAIT_MS = 3000;
const MAX_WAIT_MS = 2 ** 31 - 1;

/** An id that a header can hold; any other is none. */
// deno-lint-ignore no-control-regex
const ID = /^[^\x00-\x08\x0a-\x1f\x7f]{0,4096}$/;

type Bytes = Uint8Array<ArrayBuffer>;

/** What stays from one connection to the next. */
interface Stream {
  /** The origin that is asked: an id of any other is for that one alone. */
  readonly origin: string;
  id: string | undefined;
  wait: number;
  /** How many connections in a row have had no event. */
  tries: number;
  /** The beginning of an event that is not whole. */
  held: Bytes[];
}

/** Where the last blank line of a chunk ends, which may begin with the byte before it; 0 where there is none. */
function endOfBlank(chunk: Bytes, before: number): number {
  for (let at = chunk.length - 1; at >= 0; at--) {
    const byte = chunk[at];
    const last = at > 0 ? chunk[at - 1] : before;
    // two ends of lines, and not the two halves of one
    if (last === 0x0a && (byte === 0x0a || byte === 0x0d)) {
      return byte === 0x0d && chunk[at + 1] === 0x0a ? at + 2 : at + 1;
    }
    if (last === 0x0d && byte === 0x0d) return at + 1;
  }
  return 0;
}

function withoutMark(chunk: Bytes): Bytes {
  const isMarked = [0xef, 0xbb, 0xbf].every((byte, at) => chunk[at] === byte);
  return isMarked ? chunk.subarray(3) : chunk;
}

/** The whole events of one connection, as bytes: the rest of another never comes. Returns how the connection ended. */
async function* readEvents(
  { request, body }: HttpResponse,
  stream: Stream,
): AsyncGenerator<Bytes, unknown> {
  const read = createEventReader({
    onId: (id) => {
      const isOwn = request.url.origin === stream.origin;
      if (isOwn && ID.test(id)) stream.id = id;
    },
    onRetry: (ms) => {
      stream.wait = Math.min(Math.max(ms, PAUSE_MS), MAX_WAIT_MS);
    },
  });
  let last = 0;
  let isStart = true;
  try {
    for await (const part of body) {
      // in the middle of all that is given a mark would be a letter
      const chunk = isStart ? withoutMark(part) : part;
      isStart = false;
      if (read(chunk).length > 0) stream.tries = 0;
      const end = endOfBlank(chunk, last);
      last = chunk.at(-1) ?? last;
      if (end > 0) yield* [...stream.held.splice(0), chunk.subarray(0, end)];
      // a copy: a small chunk may hold a large buffer
      stream.held.push(chunk.slice(end));
    }
  } catch (error) {
    if (!isLost(error)) throw error;
    return error;
  }
  const cause = new Failure("the events ended", { code: ExitCode.CutShort });
  return cutShort(request.url, cause);
}

/** The request for what comes after an event: with its id, which is a secret of its origin like any header. */
function requestAfter(request: HttpRequest, { id }: Stream): HttpRequest {
  if (id === undefined) return request;
  const value = trimBlanks(fromLatin1(new TextEncoder().encode(id)));
  const headers = request.headers.filter(([name]) =>
    !/^last-event-id$/i.test(name)
  );
  return {
    ...request,
    headers: value === "" ? headers : [...headers, ["last-event-id", value]],
    typed: [...request.typed, "last-event-id"],
  };
}

/** Why a response does not go on with the events; undefined where it does. */
function refusalOf(response: HttpResponse): Failure | undefined {
  const { request, status, statusText, headers } = response;
  if (status === 200 && isEvents(headers)) return undefined;
  const isOther = status < 300;
  const got = `${status} ${fromByteString(statusText)}`.trimEnd();
  return new Failure(
    `Cannot go on with the events of ${redactUrl(request.url.href)}`,
    {
      cause: isOther ? `${got} is no stream of events` : got,
      code: isOther ? ExitCode.Failed : exitCodeForStatus(status),
    },
  );
}

function reasonIn(error: unknown): string {
  const isWorded = error instanceof Failure && error.cause !== undefined;
  return describe(isWorded ? error.cause : error);
}

/** How a try ended, and how long the server wants to be left alone, in ms. */
interface End {
  readonly why: unknown;
  readonly told?: number;
  /** Whether nobody answered. */
  readonly isLost?: boolean;
}

/** Asks for the events once more. Returns how that ended; undefined where there are to be no more of them. */
async function* tryAgain(
  { request, sendNext }: Download,
  stream: Stream,
): AsyncGenerator<Bytes, End | undefined> {
  try {
    await using response = await sendNext(request);
    if (response.status === 204) return undefined;
    const refusal = refusalOf(response);
    if (refusal === undefined) {
      stream.held = [];
      return { why: yield* readEvents(response, stream) };
    }
    const { ms = Infinity } = pauseAfter(response, stream.tries) ?? {};
    if (ms > LONGEST_MS) throw refusal;
    return { why: refusal, told: ms };
  } catch (error) {
    const isPassing = isLost(error) ||
      pauseAfter({ error }, stream.tries) !== undefined;
    if (isPassing) return { why: error, isLost: true };
    throw error;
  }
}

/**
 * The body of a stream of events that is asked for again, after a pause, whenever it has ended: until an answer has no
 * content, or as many in a row as `retry` says had no event.
 *
 * @param until When there is no time left, as `performance.now()` tells it.
 * @throws {Failure} When it does not go on.
 */
export async function* reconnect(
  exchange: Download,
  first: HttpResponse,
  until = Infinity,
): AsyncGenerator<Bytes> {
  const { request, io, retry, printNote } = exchange;
  const { origin } = request.url;
  const stream: Stream = {
    origin,
    id: undefined,
    wait: WAIT_MS,
    tries: 0,
    held: [],
  };
  let end: End = { why: yield* readEvents(first, stream) };
  let error = end.why;
  while (stream.tries < retry) {
    stream.tries++;
    const ms = Math.max(stream.wait, end.told ?? 0);
    if (performance.now() + ms >= until) break;
    const seconds = (ms / 1000).toFixed(1);
    await printNote(`${reasonIn(end.why)}: trying again in ${seconds} s\n`);
    await sleep(ms, io.signal);
    const next = requestAfter(request, stream);
    const ended = yield* tryAgain({ ...exchange, request: next }, stream);
    if (ended === undefined) return;
    end = ended;
    if (!end.isLost) error = end.why;
  }
  yield* stream.held;
  throw error;
}
