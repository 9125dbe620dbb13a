/**
 * One exchange over fetch: a request out, its redirects followed, an answer whose body is read under a deadline.
 *
 * @module
 */

import { Failure } from "../cli/errors.ts";
import { ExitCode } from "../cli/exit_code.ts";
import {
  type Deadline,
  DEFAULT_TIMEOUTS,
  startDeadline,
  type Timeouts,
} from "./deadline.ts";
import type { Hop } from "./redirect.ts";
import type { RequestPlan } from "./request.ts";

/** How {@linkcode send} behaves. */
export interface SendOptions {
  /** Ends the exchange. */
  readonly signal?: AbortSignal;
  /** How long to wait; {@linkcode DEFAULT_TIMEOUTS} unless given. */
  readonly timeouts?: Timeouts;
  /** How many redirects are followed, 10 unless given. */
  readonly maxRedirects?: number;
}

/** An answer: its head, and its body as it comes. Disposing of it ends the exchange. */
export interface Answer extends AsyncDisposable {
  /** The request that was answered, after redirects. */
  readonly plan: RequestPlan;
  /** The status. */
  readonly status: number;
  /** What the status is called; empty where it has no name. */
  readonly statusText: string;
  /** The headers; the characters of a value stand for its bytes. */
  readonly headers: Headers;
  /** Why a redirect was not followed, if this is one. */
  readonly refused?: string | undefined;
  /** The body in chunks, decoded; throws a {@linkcode Failure} when it is cut short or late. To be read once. */
  readonly body: AsyncIterable<Uint8Array<ArrayBuffer>>;
}

/** Words the phase in which an exchange failed, told by its exit code, and what it failed at. */
async function failureOf(
  { method, url }: RequestPlan,
  cause: unknown,
): Promise<Failure> {
  const { redactUrl } = await import("./secrets.ts");
  const { exitCodeOf } = await import("../cli/reasons.ts");
  const what: Partial<Record<ExitCode, string>> = {
    [ExitCode.Unresolved]: `resolve ${url.hostname}`,
    [ExitCode.Unreachable]: `connect to ${url.host}`,
    [ExitCode.Certificate]: `verify ${url.host}`,
  };
  const doing = method === "GET"
    ? `get ${redactUrl(url.href)}`
    : `send ${method} to ${redactUrl(url.href)}`;
  return new Failure(`Cannot ${what[exitCodeOf(cause)] ?? doing}`, { cause });
}

async function redirectOf(
  plan: RequestPlan,
  { status, headers }: Response,
): Promise<Hop | undefined> {
  if (status < 300 || status >= 400) return undefined;
  const { followRedirect } = await import("./redirect.ts");
  return followRedirect(plan, status, headers.get("location"));
}

/** What {@linkcode answerOf} and {@linkcode readBody} need beside the response. */
interface Reading {
  readonly plan: RequestPlan;
  readonly deadline: Deadline;
  readonly idle: number | undefined;
}

/** Words why a body ended early; where its length is known and counts what was received, with both. */
async function cutOf(
  response: Response,
  { url, received, cause }: { url: URL; received: number; cause: unknown },
): Promise<Failure> {
  const { redactUrl } = await import("./secrets.ts");
  const { exitCodeOf } = await import("../cli/reasons.ts");
  const length = response.headers.get("content-length");
  const counts = exitCodeOf(cause) === ExitCode.CutShort && length !== null &&
    !response.headers.has("content-encoding");
  return new Failure(`Cannot read ${redactUrl(url.href)}`, {
    cause: counts
      ? new Failure(`cut short after ${received} of ${length} bytes`, {
        code: ExitCode.CutShort,
      })
      : cause,
  });
}

async function* readBody(
  response: Response,
  { plan: { url }, deadline, idle }: Reading,
): AsyncGenerator<Uint8Array<ArrayBuffer>> {
  const reader = response.body?.getReader();
  if (reader === undefined) return;
  let received = 0;
  try {
    while (true) {
      const read = reader.read();
      const { done, value } = await deadline.within(
        read,
        idle,
        "no more bytes",
      );
      if (done) return;
      received += value.length;
      yield value;
    }
  } catch (error) {
    const cause = deadline.signal.aborted ? deadline.signal.reason : error;
    throw await cutOf(response, { url, received, cause });
  } finally {
    await reader.cancel().catch(() => {});
  }
}

/**
 * Sends a request and follows its redirects as `followRedirect` allows.
 *
 * @param plan The request.
 * @param options Limits and a signal.
 * @returns The answer, whatever its status, as soon as its head is there.
 * @throws {Failure} When there is no answer: code 6 without an address, 7 without a connection, 60 for a certificate,
 * 28 for a deadline, 47 for too many redirects.
 *
 * @example An answer's status and text
 * ```ts
 * import { assertEquals } from "@std/assert";
 *
 * await using server = Deno.serve({ hostname: "127.0.0.1", port: 0, onListen() {} }, () => new Response("hi"));
 * const url = new URL(`http://127.0.0.1:${server.addr.port}/`);
 * await using answer = await send({ method: "GET", url, headers: [] });
 * assertEquals(answer.status, 200);
 * assertEquals(await new Response(ReadableStream.from(answer.body)).text(), "hi");
 * ```
 */
export async function send(
  plan: RequestPlan,
  options: SendOptions = {},
): Promise<Answer> {
  const { maxRedirects = 10 } = options;
  const timeouts: Timeouts = options.timeouts ?? DEFAULT_TIMEOUTS;
  const deadline = startDeadline(timeouts.total, options.signal);
  try {
    for (let hops = 0;; hops++) {
      const response = await deadline.within(
        fetch(plan.url, {
          method: plan.method,
          headers: plan.headers.map(([name, value]) => [name, value]),
          body: plan.body ?? null,
          redirect: "manual",
          signal: deadline.signal,
        }),
        timeouts.head,
        "no answer",
      );
      const hop = await redirectOf(plan, response);
      if (hop === undefined || "refused" in hop) {
        const reading = { plan, deadline, idle: timeouts.idle };
        return { ...answerOf(response, reading), refused: hop?.refused };
      }
      await response.body?.cancel();
      if (hops === maxRedirects) {
        throw new Failure(`more than ${maxRedirects} redirects`, {
          code: ExitCode.TooManyRedirects,
        });
      }
      plan = hop.next;
    }
  } catch (error) {
    const cause = deadline.signal.aborted ? deadline.signal.reason : error;
    deadline.lift();
    throw await failureOf(plan, cause);
  }
}

function answerOf(response: Response, reading: Reading): Answer {
  const body = readBody(response, reading);
  return {
    plan: reading.plan,
    status: response.status,
    statusText: response.statusText,
    headers: response.headers,
    body,
    async [Symbol.asyncDispose]() {
      reading.deadline.lift();
      await body.return(undefined);
      // a body that nobody began to read
      if (response.body?.locked === false) await response.body.cancel();
    },
  };
}
