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
import { toByteString, trimBlanks } from "../../../lib/http/request.ts";
import { LONGEST_MS, pauseAfter, sleep } from "../../../lib/http/retry.ts";
import type { HttpResponse } from "../../../lib/http/transport.ts";
import { fromByteString } from "./charset.ts";
import { type Download, isLost, PAUSE_MS } from "../download/resume.ts";
import { createEventReader, endOfBlank } from "./events.ts";
import { isEvents } from "./view.ts";

/** The pause until the server says another one, and the longest that a timer knows, in ms. */
const WAIT_MS = 3000;
const MAX_WAIT_MS = 2 ** 31 - 1;

/** An id that a header can hold; any other is none. */
// deno-lint-ignore no-control-regex
const ID = /^[^\x00-\x08\x0a-\x1f\x7f]{0,4096}$/;

type Bytes = Uint8Array<ArrayBuffer>;

function withoutMark(chunk: Bytes): Bytes {
  const isMarked = [0xef, 0xbb, 0xbf].every((byte, at) => chunk[at] === byte);
  return isMarked ? chunk.subarray(3) : chunk;
}

/** Refuses a response that does not go on with the events. */
function refuse({ request, status, statusText, headers }: HttpResponse): void {
  if (status === 200 && isEvents(headers)) return;
  const isOther = status < 300;
  const got = `${status} ${fromByteString(statusText)}`.trimEnd();
  throw new Failure(
    `Cannot go on with the events of ${redactUrl(request.url.href)}`,
    {
      cause: isOther ? `${got} is no stream of events` : got,
      code: isOther ? ExitCode.Failed : exitCodeForStatus(status),
    },
  );
}

/**
 * The body of a stream of events that is asked for again, after a pause, whenever it has ended: until an answer has no
 * content, or as many in a row as `retry` says had no event.
 *
 * @param until When there is no time left, as `performance.now()` tells it.
 * @throws {Failure} When it does not go on.
 */
export async function* reconnect(
  { request, io, retry, sendNext, printNote }: Omit<Download, "options">,
  first: HttpResponse,
  until = Infinity,
): AsyncGenerator<Bytes> {
  let id: string | undefined;
  let wait = WAIT_MS;
  let tries = 0;
  let held: Bytes[] = [];

  /** The whole events of a connection, as they came: the rest of one that is cut off never comes. */
  async function* read({ request: { url }, body }: HttpResponse) {
    const readEvents = createEventReader({
      // a secret of its origin, like any header
      onId: (text) => {
        if (url.origin === request.url.origin && ID.test(text)) id = text;
      },
      onRetry: (ms) => {
        wait = Math.min(Math.max(ms, PAUSE_MS), MAX_WAIT_MS);
      },
    });
    // a character for each byte
    const decoder = new TextDecoder("latin1");
    let last = "";
    held = [];
    for await (const part of body) {
      // in the middle of all that is given a mark would be a letter
      const chunk = last === "" ? withoutMark(part) : part;
      if (readEvents(chunk).length > 0) tries = 0;
      const text = decoder.decode(chunk);
      const end = Math.max(0, endOfBlank(last + text) - last.length);
      last = text.at(-1) ?? last;
      if (end > 0) yield* [...held.splice(0), chunk.subarray(0, end)];
      // a copy: a small chunk may hold a large buffer
      held.push(chunk.slice(end));
    }
    const cause = new Failure("the events ended", { code: ExitCode.CutShort });
    throw cutShort(url, cause);
  }

  const askAgain = () => {
    if (id === undefined) return sendNext(request, { retry: 0 });
    const value = trimBlanks(toByteString(id));
    const headers = request.headers.filter(([name]) =>
      !/^last-event-id$/i.test(name)
    );
    if (value !== "") headers.push(["last-event-id", value]);
    return sendNext({ ...request, headers }, { retry: 0 });
  };

  let next: HttpResponse | undefined = first;
  let error: unknown;
  while (true) {
    let response: HttpResponse | undefined;
    let why: unknown;
    let ms = wait;
    try {
      await using answer: HttpResponse = next ?? await askAgain();
      [response, next] = [answer, undefined];
      if (answer.status === 204) return;
      refuse(answer);
      yield* read(answer);
    } catch (failure) {
      const pause = pauseAfter(response ?? { error: failure }, tries);
      const { ms: told = 0 } = pause ?? {};
      if (!isLost(failure) && (pause === undefined || told > LONGEST_MS)) {
        throw failure;
      }
      // where nobody answers, what was before says more
      if (response !== undefined) error = failure;
      why = failure instanceof Failure && failure.cause || failure;
      ms = Math.max(wait, told);
    }
    if (++tries > retry || performance.now() + ms >= until) break;
    const seconds = (ms / 1000).toFixed(1);
    await printNote(`${describe(why)}: trying again in ${seconds} s\n`);
    await sleep(ms, io.signal);
  }
  yield* held;
  throw error;
}
